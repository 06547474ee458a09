"""Functions of text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from standin.engine.env import UNSET, Expr, Scope
from standin.engine.errors import unsupported
from standin.engine.functions import FUNCTIONS, Nodes, function, int_argument, strict, text_argument, text_like
from standin.engine.patterns import compiled
from standin.engine.storage import text_in, units
from standin.engine.text_conversion import raw_bytes
from standin.engine.types import (
    BIGINT,
    FLOAT,
    INT,
    SYSNAME,
    family,
    is_national,
    max_length,
    nvarchar,
    varbinary,
    varchar,
)
from standin.model import MAX, SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions


@function("LEN")
def _len(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.scalar(args[0], scope)
    if family(e.type) in ("binary", "clr"):
        return Expr(f"length({e.sql})", INT)
    return c.call("len", strict(lambda v: units(v.rstrip(" "))), [text_argument(c, args[0], scope)], INT)


@function("DATALENGTH")
def _datalength(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.scalar(args[0], scope)
    t = BIGINT if e.type.length == MAX else INT
    kind = family(e.type)
    if kind in ("binary", "clr", "guid"):
        return Expr(f"length({e.sql})", t)
    if kind == "text":
        raw = raw_bytes(e.type, 0)
        return c.call(("datalength", e.type), strict(lambda v: len(raw(v))), [e], t)
    return Expr(f"(CASE WHEN {e.sql} IS NOT NULL THEN {max_length(e.type)} END)", t)


def _simple_text(name: str, f: Callable[[str], str]) -> None:
    def handler(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
        e = text_argument(c, args[0], scope)
        return c.call(name, strict(f), [e], text_like(e), e.nullable)

    FUNCTIONS[name] = handler


_simple_text("UPPER", str.upper)
_simple_text("LOWER", str.lower)
_simple_text("REVERSE", lambda v: v[::-1])
_simple_text("RTRIM", lambda v: v.rstrip(" "))
_simple_text("LTRIM", lambda v: v.lstrip(" "))
_simple_text("TRIM", lambda v: v.strip(" "))


@function("QUOTENAME")
def _quotename(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.coerce(c.scalar(args[0], scope), SYSNAME, True)
    quote = c.scalar(args[1], scope).const if len(args) > 1 else "["
    if quote in ("[", "]"):
        return c.call("QUOTENAME", strict(lambda v: f"[{v.replace(']', ']]')}]"), [e], nvarchar(258))
    return c.call(
        ("QUOTENAME", quote), strict(lambda v: f"{quote}{v.replace(quote, quote * 2)}{quote}"), [e], nvarchar(258)
    )


def _sub_bytes(v: Any, start: int, length: int) -> Any:
    if length < 0:
        raise SqlError(537, "Invalid length parameter passed to the LEFT or SUBSTRING function.", 16, 3)
    first = start - 1
    return v[max(0, first) : max(0, first + length)]


@function("SUBSTRING")
def _substring(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.scalar(args[0], scope)
    if family(e.type) != "binary":
        e = text_argument(c, args[0], scope)
    start, length = int_argument(c, args[1], scope), int_argument(c, args[2], scope)
    size = e.type.length
    if length.const is not UNSET and length.const is not None and size > 0:
        size = max(1, min(size, length.const))
    t = varbinary(size) if family(e.type) == "binary" else text_like(e, size)
    return c.call("SUBSTRING", strict(_sub_bytes), [e, start, length], t)


@function("LEFT")
def _left(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = text_argument(c, args[0], scope)
    return c.call("LEFT", strict(lambda v, n: _sub_bytes(v, 1, n)), [e, int_argument(c, args[1], scope)], text_like(e))


@function("RIGHT")
def _right(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = text_argument(c, args[0], scope)
    return c.call(
        "RIGHT",
        strict(lambda v, n: v[len(v) - n :] if 0 < n < len(v) else v if n else ""),
        [e, int_argument(c, args[1], scope)],
        text_like(e),
    )


@function("REPLACE")
def _replace(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    values = [text_argument(c, a, scope) for a in args]
    t = (
        nvarchar(MAX)
        if values[0].type.length == MAX
        else text_like(values[0], 4000 if is_national(values[0].type) else 8000)
    )

    def replace(text: str, old: str, new: str) -> str:
        if not old or old.lower() == new.lower() == old:
            return text
        return re.sub(re.escape(old), lambda _: new, text, flags=re.IGNORECASE)

    return c.call("REPLACE", strict(replace), values, t)


@function("REPLICATE")
def _replicate(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = text_argument(c, args[0], scope)
    limit = None if e.type.length == MAX else (4000 if is_national(e.type) else 8000)
    t = text_like(e, MAX if limit is None else limit)
    n = int_argument(c, args[1], scope)
    return c.call(("REPLICATE", limit), strict(lambda v, k: None if k < 0 else (v * k)[:limit]), [e, n], t)


@function("SPACE")
def _space(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return c.call(
        "SPACE",
        strict(lambda n: None if n < 0 else " " * min(n, 8000)),
        [int_argument(c, args[0], scope)],
        varchar(8000),
    )


@function("STUFF")
def _stuff(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e, new = text_argument(c, args[0], scope), text_argument(c, args[3], scope)

    def stuff(v: str, start: int, length: int, put: str) -> Any:
        if start < 1 or length < 0 or start > len(v):
            return None
        return v[: start - 1] + put + v[start - 1 + length :]

    return c.call(
        "STUFF",
        strict(stuff),
        [e, int_argument(c, args[1], scope), int_argument(c, args[2], scope), new],
        text_like(e, MAX if e.type.length == MAX else 4000),
    )


@function("CHARINDEX")
def _charindex(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    needle, text = text_argument(c, args[0], scope), text_argument(c, args[1], scope)
    start = int_argument(c, args[2], scope) if len(args) > 2 else Expr.of(1, INT)
    f = strict(lambda n, v, s: v.casefold().find(n.casefold(), max(0, s - 1)) + 1)
    return c.call("CHARINDEX", f, [needle, text, start], INT)


@function("PATINDEX")
def _patindex(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    def find(pattern: str, v: str) -> int:
        anchored = not pattern.startswith("%")
        m = compiled(pattern.strip("%")).match(v) if anchored else compiled(pattern.strip("%")).search(v)
        return m.start() + 1 if m else 0

    return c.call("PATINDEX", strict(find), [text_argument(c, args[0], scope), text_argument(c, args[1], scope)], INT)


def _concat_all(c, values, separator=None):
    national = any(is_national(v.type) for v in values)
    long = any(v.type.length == MAX for v in values)
    t = nvarchar(MAX if long else 4000) if national else varchar(MAX if long else 8000)
    if separator is None:
        return Expr("(" + " || ".join(f"ifnull({v.sql}, '')" for v in values) + ")", t, False)
    f = lambda s, *vs: (s or "").join(v for v in vs if v is not None)  # noqa: E731
    return c.call(("CONCAT_WS", len(values)), f, [separator, *values], t, False)


@function("CONCAT")
def _concat(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return _concat_all(c, [text_argument(c, a, scope) for a in args])


@function("CONCAT_WS")
def _concat_ws(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return _concat_all(c, [text_argument(c, a, scope) for a in args[1:]], text_argument(c, args[0], scope))


@function("CHAR")
def _char(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    f = strict(lambda n: bytes([n]).decode("cp1252", "sqlserver") if 0 <= n <= 255 else None)
    return c.call("CHAR", f, [int_argument(c, args[0], scope)], SqlType("char", 1))


@function("NCHAR")
def _nchar(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    f = strict(lambda n: text_in(chr(n)) if 0 <= n <= 0x10FFFF else None)
    return c.call("NCHAR", f, [int_argument(c, args[0], scope)], SqlType("nchar", 1))


@function("ASCII", "UNICODE")
def _code(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return c.call("UNICODE", strict(lambda v: ord(v[0]) if v else None), [text_argument(c, args[0], scope)], INT)


@function("STR")
def _str(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    number = c.coerce(c.scalar(args[0], scope), FLOAT)
    size = int_argument(c, args[1], scope) if len(args) > 1 else Expr.of(10, INT)
    places = int_argument(c, args[2], scope) if len(args) > 2 else Expr.of(0, INT)
    f = strict(lambda v, n, d: text if len(text := f"{v:.{d}f}".rjust(n)) <= n else "*" * n)
    return c.call("STR", f, [number, size, places], varchar(8000))


@function("FORMAT")
def _format(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.scalar(args[0], scope)
    pattern = c.scalar(args[1], scope).const
    if (
        family(e.type) != "int"
        or not isinstance(pattern, str)
        or not (set(pattern) == {"0"} or pattern[:1].upper() == "D")
    ):
        raise unsupported("FORMAT but of an integer with '000…' or 'Dn'")
    width = len(pattern) if set(pattern) == {"0"} else int(pattern[1:] or 0)
    return c.call(
        ("FORMAT", width),
        strict(lambda v: f"{abs(v):0{width}d}" if v >= 0 else f"-{-v:0{width}d}"),
        [e],
        nvarchar(4000),
    )
