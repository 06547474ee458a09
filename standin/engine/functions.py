"""Scalar functions by name. Each takes the compiler, its argument nodes and the scope, and gives an expression."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from standin.engine.env import UNSET, Expr, Scope
from standin.engine.errors import unsupported
from standin.engine.merging import merge_types
from standin.engine.storage import scale_of, units
from standin.engine.types import BIGINT, FLOAT, INT, SYSNAME, decimal, family, is_national, nvarchar, varbinary, varchar
from standin.model import MAX, SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions

Handler = Callable[["Expressions", list[exp.Expression], "Scope | None"], Expr]
FUNCTIONS: dict[str, Handler] = {}
GLOBALS: dict[str, tuple[SqlType, Callable[[Any], Any]]] = {
    "rowcount": (INT, lambda s: s.row_count),
    "trancount": (INT, lambda s: s.transaction_count),
    "error": (INT, lambda s: s.last_error),
    "spid": (SqlType("smallint"), lambda s: s.session_id),
    "version": (nvarchar(300), lambda s: s.engine.properties.version_text),
    "servername": (nvarchar(128), lambda s: s.engine.properties.server_name),
    "servicename": (nvarchar(128), lambda s: "MSSQLSERVER"),
    "identity": (decimal(38, 0), lambda s: s.wide_identity),
    "lock_timeout": (INT, lambda s: s.lock_timeout_ms),
    "microsoftversion": (INT, lambda s: 0x100003E8),
    "max_precision": (SqlType("tinyint"), lambda s: 38),
    "dbts": (varbinary(8), lambda s: s.engine.rowversion.to_bytes(8, "big")),
    "options": (INT, lambda s: 5432),
    "language": (nvarchar(128), lambda s: "us_english"),
    "langid": (SqlType("smallint"), lambda s: 0),
    "datefirst": (SqlType("tinyint"), lambda s: 7),
    "textsize": (INT, lambda s: 2147483647),
    "procid": (INT, lambda s: 0),
    "nestlevel": (INT, lambda s: 0),
    "fetch_status": (INT, lambda s: -1),
    "max_connections": (INT, lambda s: 32767),
}


def function(*names: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        for name in names:
            FUNCTIONS[name] = handler
        return handler

    return register


def compile_function(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    import standin.engine.metadata_functions
    import standin.engine.time_functions  # noqa: F401  (both register their functions)
    from standin.engine.aggregates import AGGREGATES, aggregate

    name = (
        node.name.upper()
        if isinstance(node, exp.Anonymous)
        else _NODES.get(type(node).__name__, type(node).__name__.upper())
    )
    if isinstance(node, exp.GroupConcat):
        return _ordered_concat(c, node, scope)
    arguments = list(node.expressions) if isinstance(node, exp.Anonymous) else _arguments_of(node)
    if name in AGGREGATES:
        return aggregate(c, name, arguments, scope)
    handler = FUNCTIONS.get(name)
    if handler is None:
        raise SqlError(
            195,
            f"'{node.name if isinstance(node, exp.Anonymous) else name}' is not a recognized built-in function name.",
            15,
            10,
        )
    try:
        return handler(c, arguments, scope)
    except (IndexError, ValueError) as error:
        raise SqlError(174, f"The {name.lower()} function has a wrong number of arguments.", 15) from error


_NODES = {"CurrentTimestamp": "GETDATE", "CurrentUser": "CURRENT_USER", "SessionUser": "SESSION_USER"}


def _arguments_of(node: exp.Expression) -> list[exp.Expression]:
    this = node.args.get("this")
    return [this] if isinstance(this, exp.Expression) else []


def _ordered_concat(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    from standin.engine.aggregates import aggregate

    inner = node.this
    if isinstance(inner, exp.Order):
        # SQLite feeds an aggregate in the order in which rows come; ORDER BY inside needs a newer SQLite.
        raise unsupported("STRING_AGG … WITHIN GROUP", node.sql(dialect="tsql"))
    return aggregate(c, "STRING_AGG", [inner, node.args["separator"]], scope)


def compile_dotted(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    """[db.]schema.function(…), value.Method()."""
    parts: list[exp.Expression] = []
    current: exp.Expression = node
    while isinstance(current, exp.Dot):
        parts.insert(0, current.expression)
        current = current.this
    parts.insert(0, current)
    call = parts[-1]
    if isinstance(call, exp.Anonymous) and all(isinstance(p, exp.Identifier) for p in parts[:-1]):
        names = [p.name for p in parts[:-1]]
        if names[-1].lower() in ("sys", "dbo", ""):
            from standin.engine.cdc_functions import CDC_FUNCTIONS

            database = c.env.session.open_database(names[0]) if len(names) > 1 and names[0] else c.env.database
            handler = CDC_FUNCTIONS.get(call.name.lower())
            if handler is not None:
                return handler(c, database, [c.scalar(a, scope) for a in call.expressions])
        name = ".".join([*names, call.name])
        raise SqlError(
            4121,
            f'Cannot find either column "{names[0]}" or the user-defined function or aggregate "{name}", or the name is ambiguous.',
        )
    raise unsupported("method or property", node.sql(dialect="tsql"))


def global_variable(c: Expressions, name: str) -> Expr:
    known = GLOBALS.get(name.lower())
    if known is None:
        raise SqlError(137, f'Must declare the scalar variable "@@{name}".', 15, 2)
    sql_type, provider = known
    return Expr(c.env.provide(f"g_{name.lower()}", provider), sql_type)


def provided(name: str, sql_type: SqlType, provider: Callable[[Any], Any]) -> Handler:
    """A function without arguments that is the same for a whole statement."""

    def handler(c: Expressions, _arguments: list[exp.Expression], _scope: Scope | None) -> Expr:
        return Expr(c.env.provide(f"p_{name.lower()}", provider), sql_type)

    FUNCTIONS[name] = handler
    return handler


def strict(f: Callable[..., Any]) -> Callable[..., Any]:
    """NULL in, NULL out."""
    return lambda *a: None if None in a else f(*a)


def _text(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    e = c.scalar(node, scope)
    if family(e.type) == "text" and not e.null:
        return e
    return c.coerce(e, nvarchar(MAX) if family(e.type) == "variant" else varchar(8000), True)


def _int(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    return c.coerce(c.scalar(node, scope), INT, True)


def _like_type(e: Expr, length: int | None = None) -> SqlType:
    size = e.type.length if length is None else length
    return nvarchar(size) if is_national(e.type) else varchar(size)


# NULLs and choices


@function("ISNULL")
def _isnull(c, args, scope):
    a, b = (c.scalar(x, scope) for x in args)
    t = b.type if a.null else a.type
    return Expr(f"ifnull({c.coerce(a, t).sql}, {c.coerce(b, t).sql})", t, b.nullable)


@function("COALESCE")
def _coalesce(c, args, scope):
    values = [c.scalar(x, scope) for x in args]
    t = merge_types(values)
    return Expr(f"coalesce({', '.join(c.coerce(v, t).sql for v in values)})", t, all(v.nullable for v in values))


@function("NULLIF")
def _nullif(c, args, scope):
    a, b = (c.scalar(x, scope) for x in args)
    return Expr(f"(CASE WHEN {c.compare('=', a, b)} THEN NULL ELSE {a.sql} END)", a.type)


@function("IIF")
def _iif(c, args, scope):
    return c.choose([(c.condition(args[0], scope), c.scalar(args[1], scope))], c.scalar(args[2], scope))


@function("CHOOSE")
def _choose(c, args, scope):
    index = _int(c, args[0], scope)
    values = [c.scalar(a, scope) for a in args[1:]]
    return c.choose([(f"({index.sql} = {i})", v) for i, v in enumerate(values, 1)], Expr("NULL", INT, True, None, True))


# Text


@function("LEN")
def _len(c, args, scope):
    e = c.scalar(args[0], scope)
    if family(e.type) in ("binary", "clr"):
        return Expr(f"length({e.sql})", INT)
    return c.call("len", strict(lambda v: units(v.rstrip(" "))), [_text(c, args[0], scope)], INT)


@function("DATALENGTH")
def _datalength(c, args, scope):
    from standin.engine.conversion import _raw_bytes
    from standin.engine.types import max_length

    e = c.scalar(args[0], scope)
    t = BIGINT if e.type.length == MAX else INT
    kind = family(e.type)
    if kind in ("binary", "clr", "guid"):
        return Expr(f"length({e.sql})", t)
    if kind == "text":
        raw = _raw_bytes(e.type, 0)
        return c.call(("datalength", e.type), strict(lambda v: len(raw(v))), [e], t)
    return Expr(f"(CASE WHEN {e.sql} IS NOT NULL THEN {max_length(e.type)} END)", t)


def _simple_text(name: str, f: Callable[[str], str]) -> None:
    def handler(c, args, scope):
        e = _text(c, args[0], scope)
        return c.call(name, strict(f), [e], _like_type(e), e.nullable)

    FUNCTIONS[name] = handler


_simple_text("UPPER", str.upper)
_simple_text("LOWER", str.lower)
_simple_text("REVERSE", lambda v: v[::-1])
_simple_text("RTRIM", lambda v: v.rstrip(" "))
_simple_text("LTRIM", lambda v: v.lstrip(" "))
_simple_text("TRIM", lambda v: v.strip(" "))


@function("QUOTENAME")
def _quotename(c, args, scope):
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
def _substring(c, args, scope):
    e = c.scalar(args[0], scope)
    if family(e.type) != "binary":
        e = _text(c, args[0], scope)
    start, length = _int(c, args[1], scope), _int(c, args[2], scope)
    size = e.type.length
    if length.const is not UNSET and length.const is not None and size > 0:
        size = max(1, min(size, length.const))
    t = varbinary(size) if family(e.type) == "binary" else _like_type(e, size)
    return c.call("SUBSTRING", strict(_sub_bytes), [e, start, length], t)


@function("LEFT")
def _left(c, args, scope):
    e = _text(c, args[0], scope)
    return c.call("LEFT", strict(lambda v, n: _sub_bytes(v, 1, n)), [e, _int(c, args[1], scope)], _like_type(e))


@function("RIGHT")
def _right(c, args, scope):
    e = _text(c, args[0], scope)
    return c.call(
        "RIGHT",
        strict(lambda v, n: v[len(v) - n :] if 0 < n < len(v) else v if n else ""),
        [e, _int(c, args[1], scope)],
        _like_type(e),
    )


@function("REPLACE")
def _replace(c, args, scope):
    import re

    values = [_text(c, a, scope) for a in args]
    t = (
        nvarchar(MAX)
        if values[0].type.length == MAX
        else _like_type(values[0], 4000 if is_national(values[0].type) else 8000)
    )

    def replace(text: str, old: str, new: str) -> str:
        if not old or old.lower() == new.lower() == old:
            return text
        return re.sub(re.escape(old), lambda _: new, text, flags=re.IGNORECASE)

    return c.call("REPLACE", strict(replace), values, t)


@function("REPLICATE")
def _replicate(c, args, scope):
    e = _text(c, args[0], scope)
    limit = None if e.type.length == MAX else (4000 if is_national(e.type) else 8000)
    t = _like_type(e, MAX if limit is None else limit)
    n = _int(c, args[1], scope)
    return c.call(("REPLICATE", limit), strict(lambda v, k: None if k < 0 else (v * k)[:limit]), [e, n], t)


@function("SPACE")
def _space(c, args, scope):
    return c.call(
        "SPACE", strict(lambda n: None if n < 0 else " " * min(n, 8000)), [_int(c, args[0], scope)], varchar(8000)
    )


@function("STUFF")
def _stuff(c, args, scope):
    e, new = _text(c, args[0], scope), _text(c, args[3], scope)

    def stuff(v: str, start: int, length: int, put: str) -> Any:
        if start < 1 or length < 0 or start > len(v):
            return None
        return v[: start - 1] + put + v[start - 1 + length :]

    return c.call(
        "STUFF",
        strict(stuff),
        [e, _int(c, args[1], scope), _int(c, args[2], scope), new],
        _like_type(e, MAX if e.type.length == MAX else 4000),
    )


@function("CHARINDEX")
def _charindex(c, args, scope):
    needle, text = _text(c, args[0], scope), _text(c, args[1], scope)
    start = _int(c, args[2], scope) if len(args) > 2 else Expr.of(1, INT)
    f = strict(lambda n, v, s: v.casefold().find(n.casefold(), max(0, s - 1)) + 1)
    return c.call("CHARINDEX", f, [needle, text, start], INT)


@function("PATINDEX")
def _patindex(c, args, scope):
    from standin.engine.patterns import compiled

    def find(pattern: str, v: str) -> int:
        anchored = not pattern.startswith("%")
        m = compiled(pattern.strip("%")).match(v) if anchored else compiled(pattern.strip("%")).search(v)
        return m.start() + 1 if m else 0

    return c.call("PATINDEX", strict(find), [_text(c, args[0], scope), _text(c, args[1], scope)], INT)


def _concat_all(c, values, separator=None):
    national = any(is_national(v.type) for v in values)
    long = any(v.type.length == MAX for v in values)
    t = nvarchar(MAX if long else 4000) if national else varchar(MAX if long else 8000)
    if separator is None:
        return Expr("(" + " || ".join(f"ifnull({v.sql}, '')" for v in values) + ")", t, False)
    f = lambda s, *vs: (s or "").join(v for v in vs if v is not None)  # noqa: E731
    return c.call(("CONCAT_WS", len(values)), f, [separator, *values], t, False)


@function("CONCAT")
def _concat(c, args, scope):
    return _concat_all(c, [_text(c, a, scope) for a in args])


@function("CONCAT_WS")
def _concat_ws(c, args, scope):
    return _concat_all(c, [_text(c, a, scope) for a in args[1:]], _text(c, args[0], scope))


@function("CHAR")
def _char(c, args, scope):
    f = strict(lambda n: bytes([n]).decode("cp1252", "sqlserver") if 0 <= n <= 255 else None)
    return c.call("CHAR", f, [_int(c, args[0], scope)], SqlType("char", 1))


@function("NCHAR")
def _nchar(c, args, scope):
    from standin.engine.storage import text_in

    f = strict(lambda n: text_in(chr(n)) if 0 <= n <= 0x10FFFF else None)
    return c.call("NCHAR", f, [_int(c, args[0], scope)], SqlType("nchar", 1))


@function("ASCII", "UNICODE")
def _code(c, args, scope):
    return c.call("UNICODE", strict(lambda v: ord(v[0]) if v else None), [_text(c, args[0], scope)], INT)


@function("STR")
def _str(c, args, scope):
    number = c.coerce(c.scalar(args[0], scope), FLOAT)
    size = _int(c, args[1], scope) if len(args) > 1 else Expr.of(10, INT)
    places = _int(c, args[2], scope) if len(args) > 2 else Expr.of(0, INT)
    f = strict(lambda v, n, d: text if len(text := f"{v:.{d}f}".rjust(n)) <= n else "*" * n)
    return c.call("STR", f, [number, size, places], varchar(8000))


@function("FORMAT")
def _format(c, args, scope):
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


# Numbers


@function("ABS")
def _abs(c, args, scope):
    e = c.scalar(args[0], scope)
    if family(e.type) == "int":
        from standin.engine.arithmetic import _checked

        check = c.function(("ck", e.type.name), lambda: _checked(e.type), 1)
        return Expr(f"{check}(abs({e.sql}))", e.type)
    if (
        e.type.name in ("money", "smallmoney")
        or (family(e.type) == "decimal" and e.type.precision <= 18)
        or family(e.type) == "float"
    ):
        return Expr(f"abs({e.sql})", e.type)
    from standin.engine.storage import narrow, wide

    return c.call("ABSW", strict(lambda v: wide(abs(narrow(v)))), [e], e.type)


def _float_function(name: str, f: Callable[..., float], count: int = 1) -> None:
    def handler(c, args, scope):
        values = [c.coerce(c.scalar(a, scope), FLOAT) for a in args[:count]]

        def work(*a: float) -> float:
            try:
                return f(*a)
            except (ValueError, OverflowError, ZeroDivisionError):
                raise SqlError(3623, "An invalid floating point operation occurred.") from None

        return c.call((name, count), strict(work), values, FLOAT)

    FUNCTIONS[name] = handler


def _register_floats() -> None:
    import math

    for name in ("sqrt", "exp", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "degrees", "radians"):
        _float_function(name.upper(), getattr(math, name))
    _float_function("LOG", math.log)
    _float_function("ATN2", math.atan2, 2)
    _float_function("SQUARE", lambda v: v * v)


_register_floats()


@function("PI")
def _pi(c, args, scope):
    import math

    return Expr.of(math.pi, FLOAT)


@function("POWER")
def _power(c, args, scope):
    base, exponent = c.scalar(args[0], scope), c.coerce(c.scalar(args[1], scope), FLOAT)
    result = base.type if family(base.type) in ("int", "decimal") else FLOAT
    raw = c.call("POWER", strict(lambda x, y: float(x) ** y), [c.coerce(base, FLOAT), exponent], FLOAT)
    return c.coerce(raw, result, True)


@function("SIGN")
def _sign(c, args, scope):
    e = c.scalar(args[0], scope)
    return c.coerce(c.call("SIGN", strict(lambda v: (v > 0) - (v < 0)), [c.coerce(e, FLOAT)], INT), e.type, True)


def _rounding(name: str):
    import math

    def handler(c, args, scope):
        e = c.scalar(args[0], scope)
        if family(e.type) == "int":
            return e
        if family(e.type) == "float":
            return c.call(name, strict(lambda v: float(getattr(math, name.lower())(v))), [e], FLOAT)
        from standin.engine.storage import stored_decimal, unscaled_of

        result = e.type if "money" in e.type.name else SqlType(e.type.name, precision=e.type.precision, scale=0)
        unit, keep = 10 ** scale_of(e.type), "money" in e.type.name

        def work(v: Any) -> Any:
            whole = unscaled_of(v) // unit if name == "FLOOR" else -(-unscaled_of(v) // unit)
            return stored_decimal(whole * unit if keep else whole, result)

        return c.call((name, e.type), strict(work), [e], result)

    return handler


FUNCTIONS["FLOOR"] = _rounding("FLOOR")
FUNCTIONS["CEILING"] = _rounding("CEILING")
FUNCTIONS["CEIL"] = FUNCTIONS["CEILING"]


@function("ROUND")
def _round(c, args, scope):
    from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

    from standin.engine.storage import EXACT, stored_decimal, unscaled_of

    e, digits = c.scalar(args[0], scope), _int(c, args[1], scope)
    cut = _int(c, args[2], scope) if len(args) > 2 else Expr.of(0, INT)
    kind, scale = family(e.type), scale_of(e.type) if family(e.type) == "decimal" else 0

    def work(v: Any, n: int, truncate: int) -> Any:
        number = Decimal(repr(v)) if kind == "float" else Decimal(unscaled_of(v)).scaleb(-scale, EXACT)
        rounded = number.quantize(Decimal(1).scaleb(-n), ROUND_DOWN if truncate else ROUND_HALF_UP, EXACT)
        if kind == "float":
            return float(rounded)
        return (
            int(rounded)
            if kind == "int"
            else stored_decimal(int(rounded.scaleb(scale, EXACT).to_integral_value()), e.type)
        )

    return c.call(("ROUND", e.type), strict(work), [e, digits, cut], e.type)


@function("RAND")
def _rand(c, args, scope):
    if args:
        return c.call("RANDSEED", strict(lambda n: random.Random(n).random()), [_int(c, args[0], scope)], FLOAT)
    return Expr(c.env.provide("p_rand", lambda s: random.random()), FLOAT, False)


@function("NEWID", "NEWSEQUENTIALID")
def _newid(c, args, scope):
    name = c.function("NEWID", lambda: lambda: uuid.uuid4().bytes_le, 0, False)
    return Expr(f"{name}()", SqlType("uniqueidentifier"), False)


@function("CHECKSUM", "BINARY_CHECKSUM")
def _checksum(c, args, scope):
    import zlib

    values = [c.scalar(a, scope) for a in args]

    def work(*a: Any) -> int:
        total = zlib.crc32(repr(a).lower().encode("utf-8", "surrogatepass"))
        return total - 2**32 if total >= 2**31 else total

    return c.call(("CHECKSUM", len(values)), work, values, INT, False)


@function("HASHBYTES")
def _hashbytes(c, args, scope):
    import hashlib

    from standin.engine.conversion import _raw_bytes

    algorithm = str(c.scalar(args[0], scope).const).lower().replace("sha2_", "sha").replace("sha", "sha")
    name = {"sha": "sha1"}.get(algorithm, algorithm)
    e = c.scalar(args[1], scope)
    raw = _raw_bytes(e.type, 0)
    return c.call(
        ("HASHBYTES", name, e.type), strict(lambda v: hashlib.new(name, raw(v)).digest()), [e], varbinary(8000)
    )


@function("COMPRESS")
def _compress(c, args, scope):
    import gzip

    from standin.engine.conversion import _raw_bytes

    e = c.scalar(args[0], scope)
    raw = _raw_bytes(e.type, 0)
    return c.call(("COMPRESS", e.type), strict(lambda v: gzip.compress(raw(v), mtime=0)), [e], varbinary(MAX))


@function("CRYPT_GEN_RANDOM")
def _random_bytes(c, args, scope):
    import os

    size = _int(c, args[0], scope)
    name = c.function("CRYPT_GEN_RANDOM", lambda: os.urandom, 1, False)
    return Expr(f"{name}({size.sql})", varbinary(8000))


@function("ISNUMERIC")
def _isnumeric(c, args, scope):
    import re

    pattern = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
    return c.call("ISNUMERIC", lambda v: int(bool(v and pattern.fullmatch(v))), [_text(c, args[0], scope)], INT, False)


@function("SQL_VARIANT_PROPERTY")
def _variant_property(c, args, scope):
    import pickle

    from standin.engine.types import type_name

    e = c.scalar(args[0], scope)
    which = str(c.scalar(args[1], scope).const).lower()
    if which != "basetype":
        raise unsupported(f"SQL_VARIANT_PROPERTY '{which}'")
    if family(e.type) != "variant":
        return Expr.of(type_name(e.type), SYSNAME)
    return c.call("BASETYPE", strict(lambda v: type_name(pickle.loads(v)[0])), [e], SYSNAME)
