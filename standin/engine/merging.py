"""The type of several expressions together: CASE, COALESCE, UNION, comparison, VALUES."""

from __future__ import annotations

from collections.abc import Sequence

from standin.engine.env import Expr
from standin.engine.types import DOCUMENTS, INT_DIGITS, LEGACY_LOB, family, is_national, precedence
from standin.model import MAX, SqlType


def as_decimal(t: SqlType) -> tuple[int, int]:
    """Precision and scale of a number in decimal arithmetic."""
    if t.name in INT_DIGITS:
        return INT_DIGITS[t.name], 0
    if t.name == "money":
        return 19, 4
    if t.name == "smallmoney":
        return 10, 4
    return t.precision, t.scale


def merge_types(expressions: Sequence[Expr]) -> SqlType:
    types = [e.type for e in expressions if not e.null]
    if not types:
        return SqlType("int")
    result = types[0]
    for t in types[1:]:
        result = merge_two(result, t)
    return result


def merge_two(a: SqlType, b: SqlType) -> SqlType:
    if a == b:
        return a
    high, low = (a, b) if precedence(a) >= precedence(b) else (b, a)
    if high.name in ("decimal", "numeric") and family(low) in ("decimal", "int"):
        (p1, s1), (p2, s2) = as_decimal(high), as_decimal(low)
        scale = max(s1, s2)
        return SqlType(high.name, precision=min(38, max(p1 - s1, p2 - s2) + scale), scale=scale)
    if family(high) == "text" and family(low) == "text":
        return _merge_text(high, low)
    if family(high) == "binary" and family(low) == "binary":
        length = MAX if MAX in (a.length, b.length) else max(a.length, b.length)
        return SqlType("varbinary" if a.length != b.length else high.name, length)
    if high.name in ("datetime2", "datetimeoffset", "time"):
        scales = [t.scale for t in (a, b) if t.name in ("datetime2", "datetimeoffset", "time")]
        scale = max([*scales, 3 if "datetime" in (a.name, b.name) else 0])
        return SqlType(high.name, scale=scale)
    return high


def _merge_text(high: SqlType, low: SqlType) -> SqlType:
    if high.name in DOCUMENTS:
        return high
    national = is_national(high) or is_national(low)
    if MAX in (high.length, low.length) or high.name in LEGACY_LOB or low.name in LEGACY_LOB:
        length = MAX
    else:
        length = min(max(high.length, low.length), 4000 if national else 8000)
    fixed = high.name in ("char", "nchar") and low.name in ("char", "nchar") and high.length == low.length
    name = ("n" if national else "") + ("char" if fixed else "varchar")
    collation = high.collation
    return SqlType(name, length, collation=collation)
