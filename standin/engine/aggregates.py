"""Aggregates and window functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from standin.engine import arithmetic
from standin.engine.env import Expr, Scope
from standin.engine.errors import unsupported
from standin.engine.storage import narrow, wide
from standin.engine.types import BIGINT, FLOAT, INT, family, is_national, nvarchar, varchar
from standin.model import MAX, SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions

AGGREGATES = {
    "COUNT",
    "COUNT_BIG",
    "SUM",
    "MIN",
    "MAX",
    "AVG",
    "STRING_AGG",
    "STDEV",
    "STDEVP",
    "VAR",
    "VARP",
    "CHECKSUM_AGG",
}
_RANKING = {"ROW_NUMBER": "row_number()", "RANK": "rank()", "DENSE_RANK": "dense_rank()"}
_OFFSETS = {"LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE"}


class DecimalSum:
    """SUM of decimals of any width; the result is a wide decimal."""

    def __init__(self) -> None:
        self.total: int | None = None

    def step(self, v: Any) -> None:
        if v is not None:
            self.total = (self.total or 0) + (v if type(v) is int else narrow(v))

    def inverse(self, v: Any) -> None:
        if v is not None and self.total is not None:
            self.total -= v if type(v) is int else narrow(v)

    def value(self) -> Any:
        return None if self.total is None else wide(self.total)

    finalize = value


class Deviation:
    """STDEV, STDEVP, VAR, VARP; the kind comes as second argument."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.kind = ""

    def step(self, v: Any, kind: str) -> None:
        self.kind = kind
        if v is not None:
            self.values.append(v)

    def inverse(self, v: Any, _kind: str) -> None:
        if v is not None:
            self.values.remove(v)

    def value(self) -> Any:
        n = len(self.values) - (0 if self.kind.endswith("P") else 1)
        if n <= 0:
            return None
        mean = sum(self.values) / len(self.values)
        variance = sum((v - mean) ** 2 for v in self.values) / n
        return variance**0.5 if self.kind.startswith("STDEV") else variance

    finalize = value


class ChecksumAggregate:
    def __init__(self) -> None:
        self.total: int | None = None

    def step(self, v: Any) -> None:
        if v is not None:
            self.total = (self.total or 0) ^ v

    inverse = step

    def value(self) -> Any:
        return self.total

    finalize = value


CLASSES: dict[str, tuple[type, int]] = {
    "dec_sum": (DecimalSum, 1),
    "deviation": (Deviation, 2),
    "checksum_agg": (ChecksumAggregate, 1),
}


def aggregate(c: Expressions, name: str, arguments: list[exp.Expression], scope: Scope | None, over: str = "") -> Expr:
    distinct = ""
    if arguments and isinstance(arguments[0], exp.Distinct):
        distinct = "DISTINCT "
        arguments = arguments[0].expressions
    if name in ("COUNT", "COUNT_BIG"):
        t = INT if name == "COUNT" else BIGINT
        if not arguments or isinstance(arguments[0], exp.Star):
            return Expr(f"count(*){over}", t, False)
        e = c.scalar(arguments[0], scope)
        return Expr(f"count({distinct}{c.collated(e)}){over}", t, False)
    e = c.scalar(arguments[0], scope)
    if name in ("MIN", "MAX"):
        return Expr(f"{name.lower()}({c.collated(e)}){over}", e.type)
    if name == "SUM":
        return _sum(c, e, distinct, over)
    if name == "AVG":
        return _average(c, e, distinct, over)
    if name == "STRING_AGG":
        separator = c.scalar(arguments[1], scope)
        t = (
            nvarchar(MAX if e.type.length == MAX else 4000)
            if is_national(e.type)
            else varchar(MAX if e.type.length == MAX else 8000)
        )
        text = c.coerce(e, t)
        return Expr(f"group_concat({text.sql}, {separator.sql}){over}", t)
    if name == "CHECKSUM_AGG":
        return Expr(f"checksum_agg({distinct}{c.coerce(e, INT).sql}){over}", INT)
    return Expr(f"deviation({c.coerce(e, FLOAT).sql}, '{name}'){over}", FLOAT)


def _sum(c: Expressions, e: Expr, distinct: str, over: str) -> Expr:
    kind = family(e.type)
    if kind == "int":
        t = BIGINT if e.type.name == "bigint" else INT
        if e.type.name == "bit":
            raise SqlError(8117, "Operand data type bit is invalid for sum operator.")
        check = c.function(("ck", t.name), lambda: arithmetic.checked(t), 1)
        return Expr(f"{check}(sum({distinct}{e.sql}){over})", t)
    if kind == "float":
        return Expr(f"sum({distinct}{e.sql}){over}", FLOAT)
    if e.type.name in ("money", "smallmoney"):
        return Expr(f"sum({distinct}{e.sql}){over}", SqlType("money"))
    if kind == "decimal":
        return Expr(f"dec_sum({distinct}{e.sql}){over}", SqlType(e.type.name, precision=38, scale=e.type.scale))
    raise SqlError(8117, f"Operand data type {e.type.name} is invalid for sum operator.")


def _average(c: Expressions, e: Expr, distinct: str, over: str) -> Expr:
    total, count = _sum(c, e, distinct, over), f"count({distinct}{e.sql}){over}"
    if family(e.type) == "float":
        return Expr(f"avg({distinct}{e.sql}){over}", FLOAT)
    if family(e.type) == "int":
        return Expr(f"({total.sql} / {count})", total.type)
    result = (
        SqlType("money")
        if e.type.name in ("money", "smallmoney")
        else SqlType(e.type.name, precision=38, scale=max(e.type.scale, 6))
    )
    name = c.function(("avg", total.type, result), lambda: _divider(total.type, result), 2)
    return Expr(f"{name}({total.sql}, {count})", result)


def _divider(t: SqlType, result: SqlType) -> Callable[[Any, Any], Any]:
    divide = arithmetic.decimal_operation("/", t, BIGINT, result)
    return lambda total, count: None if not count else divide(total, count)


def window(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    over = f" OVER ({_window_body(c, node, scope)})"
    inner = node.this
    name = inner.name.upper() if isinstance(inner, exp.Anonymous) else type(inner).__name__.upper()
    arguments = list(inner.expressions) if isinstance(inner, exp.Anonymous) else []
    if name in _RANKING:
        return Expr(f"{_RANKING[name]}{over}", BIGINT, False)
    if name == "NTILE":
        return Expr(f"ntile({c.coerce(c.scalar(arguments[0], scope), BIGINT).sql}){over}", BIGINT, False)
    if name in _OFFSETS:
        values = [c.scalar(a, scope) for a in arguments]
        if len(values) > 2:
            values[2] = c.coerce(values[2], values[0].type)
        return Expr(f"{name.lower()}({', '.join(v.sql for v in values)}){over}", values[0].type)
    if name in ("PERCENT_RANK", "CUME_DIST"):
        return Expr(f"{name.lower()}(){over}", FLOAT, False)
    if name in AGGREGATES:
        return aggregate(c, name, arguments, scope, over)
    raise unsupported(f"window function {name}", node.sql(dialect="tsql"))


def _window_body(c: Expressions, node: exp.Expression, scope: Scope | None) -> str:
    parts = []
    partition, order, spec = node.args.get("partition_by"), node.args.get("order"), node.args.get("spec")
    if partition:
        parts.append("PARTITION BY " + ", ".join(c.collated(c.scalar(p, scope)) for p in partition))
    if order is not None:
        items = []
        for o in order.expressions:
            constant = isinstance(o.this, exp.Subquery) and not o.this.this.args.get("from_")
            text = "NULL" if constant else c.collated(c.scalar(o.this, scope))
            items.append(text + (" DESC" if o.args.get("desc") else ""))
        # ORDER BY (SELECT NULL) means any order; no ORDER BY lets SQLite number rows without sorting them.
        if items != ["NULL"]:
            parts.append("ORDER BY " + ", ".join(items))
    if spec is not None:
        start, end = _bound(spec, "start"), _bound(spec, "end")
        kind = spec.args.get("kind") or "ROWS"
        parts.append(f"{kind} BETWEEN {start} AND {end}" if end else f"{kind} {start}")
    return " ".join(parts)


def _bound(spec: exp.Expression, which: str) -> str:
    value, side = spec.args.get(which), spec.args.get(f"{which}_side")
    if value is None:
        return ""
    text = value if isinstance(value, str) else value.name
    return f"{text} {side}" if side else text
