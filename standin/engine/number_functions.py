"""Functions of numbers, and those that make values: random ones, checksums, hashes."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import random
import re
import uuid
import zlib
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from standin.engine.arithmetic import checked
from standin.engine.env import Expr, Scope
from standin.engine.functions import FUNCTIONS, Handler, Nodes, function, int_argument, strict, text_argument
from standin.engine.storage import EXACT, narrow, scale_of, stored_decimal, unscaled_of, wide
from standin.engine.text_conversion import raw_bytes
from standin.engine.types import FLOAT, INT, family, varbinary
from standin.model import MAX, SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions


@function("ABS")
def _abs(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.scalar(args[0], scope)
    if family(e.type) == "int":
        check = c.function(("ck", e.type.name), lambda: checked(e.type), 1)
        return Expr(f"{check}(abs({e.sql}))", e.type)
    if (
        e.type.name in ("money", "smallmoney")
        or (family(e.type) == "decimal" and e.type.precision <= 18)
        or family(e.type) == "float"
    ):
        return Expr(f"abs({e.sql})", e.type)

    return c.call("ABSW", strict(lambda v: wide(abs(narrow(v)))), [e], e.type)


def _float_function(name: str, f: Callable[..., float], count: int = 1) -> None:
    def handler(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
        values = [c.coerce(c.scalar(a, scope), FLOAT) for a in args[:count]]

        def work(*a: float) -> float:
            try:
                return f(*a)
            except (ValueError, OverflowError, ZeroDivisionError):
                raise SqlError(3623, "An invalid floating point operation occurred.") from None

        return c.call((name, count), strict(work), values, FLOAT)

    FUNCTIONS[name] = handler


def _register_floats() -> None:
    for name in ("sqrt", "exp", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "degrees", "radians"):
        _float_function(name.upper(), getattr(math, name))
    _float_function("LOG", math.log)
    _float_function("ATN2", math.atan2, 2)
    _float_function("SQUARE", lambda v: v * v)


_register_floats()


@function("PI")
def _pi(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return Expr.of(math.pi, FLOAT)


@function("POWER")
def _power(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    base, exponent = c.scalar(args[0], scope), c.coerce(c.scalar(args[1], scope), FLOAT)
    result = base.type if family(base.type) in ("int", "decimal") else FLOAT
    raw = c.call("POWER", strict(lambda x, y: float(x) ** y), [c.coerce(base, FLOAT), exponent], FLOAT)
    return c.coerce(raw, result, True)


@function("SIGN")
def _sign(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.scalar(args[0], scope)
    return c.coerce(c.call("SIGN", strict(lambda v: (v > 0) - (v < 0)), [c.coerce(e, FLOAT)], INT), e.type, True)


def _rounding(name: str) -> Handler:
    def handler(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
        e = c.scalar(args[0], scope)
        if family(e.type) == "int":
            return e
        if family(e.type) == "float":
            return c.call(name, strict(lambda v: float(getattr(math, name.lower())(v))), [e], FLOAT)

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
def _round(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e, digits = c.scalar(args[0], scope), int_argument(c, args[1], scope)
    cut = int_argument(c, args[2], scope) if len(args) > 2 else Expr.of(0, INT)
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
def _rand(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    if args:
        return c.call("RANDSEED", strict(lambda n: random.Random(n).random()), [int_argument(c, args[0], scope)], FLOAT)
    return Expr(c.env.provide("p_rand", lambda s: random.random()), FLOAT, False)


@function("NEWID", "NEWSEQUENTIALID")
def _newid(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    name = c.function("NEWID", lambda: lambda: uuid.uuid4().bytes_le, 0, False)
    return Expr(f"{name}()", SqlType("uniqueidentifier"), False)


@function("CHECKSUM", "BINARY_CHECKSUM")
def _checksum(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    values = [c.scalar(a, scope) for a in args]

    def work(*a: Any) -> int:
        total = zlib.crc32(repr(a).lower().encode("utf-8", "surrogatepass"))
        return total - 2**32 if total >= 2**31 else total

    return c.call(("CHECKSUM", len(values)), work, values, INT, False)


@function("HASHBYTES")
def _hashbytes(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    algorithm = str(c.scalar(args[0], scope).const).lower().replace("sha2_", "sha").replace("sha", "sha")
    name = {"sha": "sha1"}.get(algorithm, algorithm)
    e = c.scalar(args[1], scope)
    raw = raw_bytes(e.type, 0)
    return c.call(
        ("HASHBYTES", name, e.type), strict(lambda v: hashlib.new(name, raw(v)).digest()), [e], varbinary(8000)
    )


@function("COMPRESS")
def _compress(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.scalar(args[0], scope)
    raw = raw_bytes(e.type, 0)
    return c.call(("COMPRESS", e.type), strict(lambda v: gzip.compress(raw(v), mtime=0)), [e], varbinary(MAX))


@function("CRYPT_GEN_RANDOM")
def _random_bytes(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    size = int_argument(c, args[0], scope)
    name = c.function("CRYPT_GEN_RANDOM", lambda: os.urandom, 1, False)
    return Expr(f"{name}({size.sql})", varbinary(8000))


@function("ISNUMERIC")
def _isnumeric(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    pattern = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
    return c.call(
        "ISNUMERIC", lambda v: int(bool(v and pattern.fullmatch(v))), [text_argument(c, args[0], scope)], INT, False
    )
