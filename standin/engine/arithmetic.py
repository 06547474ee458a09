"""Operators on numbers, text, binary and dates, with SQL Server's result types and errors."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from standin.engine.env import Expr
from standin.engine.errors import overflow
from standin.engine.merging import as_decimal, merge_two
from standin.engine.storage import is_wide, scale_of, stored_decimal, unscaled_of
from standin.engine.types import (
    FLOAT,
    INT,
    INT_RANGE,
    family,
    is_national,
    nvarchar,
    precedence,
    type_name,
    varbinary,
    varchar,
)
from standin.model import MAX, SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions

OPERATORS: dict[type, str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%",
    exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "^",
}  # fmt: skip
_DIVISION = Context(prec=120)


def divide_by_zero() -> SqlError:
    return SqlError(8134, "Divide by zero error encountered.")


def binary(c: Expressions, op: str, a: Expr, b: Expr) -> Expr:
    if a.null and b.null:
        return Expr("NULL", INT, True, None, True)
    if a.null or b.null:
        a, b = (Expr("NULL", b.type, True, None, True), b) if a.null else (a, Expr("NULL", a.type, True, None, True))
    fa, fb = family(a.type), family(b.type)
    if op == "+" and fa == "text" and fb == "text":
        return concatenate(c, a, b)
    if op == "+" and fa == "binary" and fb == "binary":
        length = MAX if MAX in (a.type.length, b.type.length) else min(8000, a.type.length + b.type.length)
        name = c.function("bcat", lambda: lambda x, y: None if x is None or y is None else x + y, 2)
        return Expr(f"{name}({a.sql}, {b.sql})", varbinary(length))
    if op in "+-" and ("datetime" in (fa, fb) or "smalldatetime" in (fa, fb)):
        return _date_arithmetic(c, op, a, b)
    if op in "&|^":
        return _bits(c, op, a, b)
    high, low = (a, b) if precedence(a.type) >= precedence(b.type) else (b, a)
    kind = family(high.type)
    if kind not in ("int", "decimal", "float") or family(low.type) not in ("int", "decimal", "float", "text", "binary"):
        raise SqlError(
            402,
            f"The data types {type_name(a.type)} and {type_name(b.type)} are incompatible in the {_verb(op)} operator.",
        )
    if family(low.type) in ("text", "binary"):
        a, b = (c.coerce(e, high.type) if e is low else e for e in (a, b))
    if kind == "int":
        return _integers(c, op, a, b, high.type)
    if kind == "float":
        return _floats(c, op, c.coerce(a, FLOAT), c.coerce(b, FLOAT), high.type)
    return _decimals(c, op, a, b, high.type)


def _verb(op: str) -> str:
    return {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}[op]


def negate(c: Expressions, e: Expr) -> Expr:
    if family(e.type) == "int":
        return binary(c, "-", Expr.of(0, SqlType("int")), e)
    if (family(e.type) == "decimal" and not is_wide(e.type)) or family(e.type) == "float":
        return Expr(f"(-({e.sql}))", e.type, e.nullable)
    return binary(c, "-", Expr.of(0, SqlType("int")), e)


def concatenate(_c: Expressions, a: Expr, b: Expr) -> Expr:
    national = is_national(a.type) or is_national(b.type)
    limit = 4000 if national else 8000
    known = a.type.length > 0 and b.type.length > 0
    length = min(limit, a.type.length + b.type.length) if known else MAX
    result = nvarchar(length) if national else varchar(length)
    sql = f"({a.sql} || {b.sql})"
    # A result that could be too long is cut, as SQL Server does with strings below (max).
    if known and a.type.length + b.type.length > limit:
        sql = f"substr({sql}, 1, {limit})"
    return Expr(sql, result, a.nullable or b.nullable)


def checked(t: SqlType) -> Callable[[Any], Any]:
    low, high = INT_RANGE[t.name]

    def check(v: Any) -> Any:
        if v is None or (type(v) is int and low <= v <= high):
            return v
        raise overflow(t.name)

    return check


def _integers(c: Expressions, op: str, a: Expr, b: Expr, t: SqlType) -> Expr:
    if t.name == "bit":
        t = SqlType("int")
    if op in "/%" and type(b.const) is int and b.const not in (0, -1):
        return Expr(f"({a.sql} {op} {b.sql})", t, a.nullable)
    if op in "/%":
        name = c.function(("idiv", op), lambda: _divide_integers(op), 2)
        return Expr(f"{name}({a.sql}, {b.sql})", t)
    name = c.function(("ck", t.name), lambda: checked(t), 1)
    return Expr(f"{name}({a.sql} {op} {b.sql})", t, a.nullable or b.nullable)


def _divide_integers(op: str) -> Callable[[Any, Any], Any]:
    def divide(x: Any, y: Any) -> Any:
        if x is None or y is None:
            return None
        if y == 0:
            raise divide_by_zero()
        quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        return quotient if op == "/" else x - quotient * y

    return divide


def _floats(c: Expressions, op: str, a: Expr, b: Expr, t: SqlType) -> Expr:
    def work(x: Any, y: Any) -> Any:
        if x is None or y is None:
            return None
        if op == "/" and y == 0:
            raise divide_by_zero()
        result = {"+": x + y, "-": x - y, "*": x * y}.get(op) if op != "/" else x / y
        if result is None:
            raise SqlError(402, "The data types float and float are incompatible in the modulo operator.")
        if result - result != 0:
            raise overflow("float")
        return result

    name = c.function(("float", op), lambda: work, 2)
    return Expr(f"{name}({a.sql}, {b.sql})", t)


def decimal_result(op: str, a: SqlType, b: SqlType) -> SqlType:
    """Precision and scale (Microsoft Learn: Precision, scale, and length)."""
    (p1, s1), (p2, s2) = as_decimal(a), as_decimal(b)
    if op in "+-":
        scale = max(s1, s2)
        precision = scale + max(p1 - s1, p2 - s2) + 1
    elif op == "*":
        precision, scale = p1 + p2 + 1, s1 + s2
    elif op == "/":
        scale = max(6, s1 + p2 + 1)
        precision = p1 - s1 + s2 + scale
    else:
        scale = max(s1, s2)
        precision = min(p1 - s1, p2 - s2) + scale
    if precision > 38:
        whole = precision - scale
        scale = scale if op in "+-" and whole <= 38 - scale else max(min(scale, 38 - whole), min(scale, 6))
        precision = 38
    return SqlType("numeric", precision=max(precision, 1), scale=scale)


def _exact(e: Expr) -> Expr:
    """A whole number that is written out has as many digits as it shows."""
    if family(e.type) == "int" and type(e.const) is int:
        return Expr.of(e.const, SqlType("numeric", precision=len(str(abs(e.const)))))
    return e


def _decimals(c: Expressions, op: str, a: Expr, b: Expr, high: SqlType) -> Expr:
    a, b = _exact(a), _exact(b)
    plain = {family(a.type), family(b.type)} <= {"int", "decimal"}
    money = high.name in ("money", "smallmoney")
    result = high if money else decimal_result(op, a.type, b.type)
    same_scale = _decimal_scale(a.type) == _decimal_scale(b.type) == scale_of(result)
    if plain and op in "+-" and same_scale and not (is_wide(a.type) or is_wide(b.type) or is_wide(result)):
        return Expr(f"({a.sql} {op} {b.sql})", result, a.nullable or b.nullable)
    name = c.function(("dec", op, a.type, b.type, result), lambda: decimal_operation(op, a.type, b.type, result), 2)
    return Expr(f"{name}({a.sql}, {b.sql})", result)


def _decimal_scale(t: SqlType) -> int:
    return 0 if family(t) == "int" else scale_of(t)


def decimal_operation(op: str, ta: SqlType, tb: SqlType, result: SqlType) -> Callable[[Any, Any], Any]:
    sa, sb, scale = _decimal_scale(ta), _decimal_scale(tb), scale_of(result)
    money = result.name in ("money", "smallmoney")
    limit = {"money": 2**63 - 1, "smallmoney": 2**31 - 1}.get(result.name) or 10**result.precision - 1

    def work(x: Any, y: Any) -> Any:
        if x is None or y is None:
            return None
        p, q = Decimal(unscaled_of(x)).scaleb(-sa, _DIVISION), Decimal(unscaled_of(y)).scaleb(-sb, _DIVISION)
        if op in "/%" and q == 0:
            raise divide_by_zero()
        value = {
            "+": _DIVISION.add,
            "-": _DIVISION.subtract,
            "*": _DIVISION.multiply,
            "/": _DIVISION.divide,
            "%": _DIVISION.remainder,
        }[op](p, q)
        rounding = ROUND_DOWN if op == "/" and not money else ROUND_HALF_UP
        unscaled = int(value.scaleb(scale, _DIVISION).quantize(Decimal(1), rounding, _DIVISION))
        if abs(unscaled) > limit:
            raise overflow(result.name if money else "numeric")
        return stored_decimal(unscaled, result)

    return work


def _bits(c: Expressions, op: str, a: Expr, b: Expr) -> Expr:
    if family(a.type) == "binary" or family(b.type) == "binary":
        whole = a if family(a.type) == "int" else b
        a, b = c.coerce(a, whole.type), c.coerce(b, whole.type)
    t = merge_two(a.type, b.type)
    if family(t) != "int":
        raise SqlError(
            402, f"The data types {type_name(a.type)} and {type_name(b.type)} are incompatible in the '{op}' operator."
        )
    if op == "^":
        return Expr(f"(({a.sql} | {b.sql}) - ({a.sql} & {b.sql}))", t)
    return Expr(f"({a.sql} {op} {b.sql})", t)


def _date_arithmetic(c: Expressions, op: str, a: Expr, b: Expr) -> Expr:
    """datetime + number of days: both as datetime, added since 1900."""
    t = merge_two(*(e.type if family(e.type) in ("datetime", "smalldatetime") else SqlType("datetime") for e in (a, b)))
    left, right = c.coerce(a, t), c.coerce(b, t)
    return Expr(f"({left.sql} {op} {right.sql})", t, a.nullable or b.nullable)
