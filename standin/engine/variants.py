"""sql_variant: what it can hold, what SQL_VARIANT_PROPERTY says of it, and how two of them compare.

A stored variant is a pickled (SqlType, stored value) (standin.engine.storage)."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from standin.engine.env import Expr, Scope
from standin.engine.functions import Nodes, function
from standin.engine.merging import merge_two
from standin.engine.text_conversion import raw_bytes
from standin.engine.types import (
    INT,
    SYSNAME,
    collation_name,
    family,
    max_length,
    nvarchar,
    precision_scale,
    type_name,
)
from standin.model import SqlType

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions

VARIANT = SqlType("sql_variant")
# From low to high (Microsoft Learn: sql_variant, comparing values): of two families the higher one is the greater.
_FAMILIES = ("guid", "binary", "text", "exact", "approximate", "moment")
_FAMILY = {
    "guid": "guid",
    "binary": "binary",
    "text": "text",
    "int": "exact",
    "decimal": "exact",
    "float": "approximate",
}


def _total_bytes(base: SqlType, value: Any) -> int:
    """The value and what is kept beside it: base type and version, then precision and scale, or a length and a
    collation."""
    if family(base) == "text":
        return 8 + len(raw_bytes(base, 0)(value))
    if family(base) == "binary":
        return 4 + len(value)
    described = {"decimal": 2, "numeric": 2, "time": 1, "datetime2": 1, "datetimeoffset": 1}
    return 2 + described.get(base.name, 0) + max_length(base)


_PROPERTIES: dict[str, tuple[SqlType, Callable[[SqlType, Any], Any]]] = {
    "basetype": (SYSNAME, lambda base, _: type_name(base)),
    "precision": (INT, lambda base, _: precision_scale(base)[0]),
    "scale": (INT, lambda base, _: precision_scale(base)[1]),
    "totalbytes": (INT, _total_bytes),
    "collation": (SYSNAME, lambda base, _: collation_name(base.collation) if family(base) == "text" else None),
    "maxlength": (INT, lambda base, _: max_length(base)),
}


def _property(stored: bytes | None, name: str | None) -> bytes | None:
    if stored is None or name is None or name.rstrip(" ").lower() not in _PROPERTIES:
        return None
    base, value = pickle.loads(stored)
    result_type, work = _PROPERTIES[name.rstrip(" ").lower()]
    result = work(base, value)
    return None if result is None else pickle.dumps((result_type, result))


@function("SQL_VARIANT_PROPERTY")
def _variant_property(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    value, name = (c.scalar(a, scope) for a in args)
    arguments = [c.coerce(value, VARIANT, True), c.coerce(name, nvarchar(128), True)]
    return c.call("sql_variant_property", _property, arguments, VARIANT)


def compare(a: bytes | None, b: bytes | None) -> int | None:
    """-1, 0 or 1; None beside a NULL. Text compares without regard to case, as the default collation does."""
    from standin.engine.conversion import converter
    from standin.engine.physical import compare_ci

    if a is None or b is None:
        return None
    (type_a, x), (type_b, y) = pickle.loads(a), pickle.loads(b)
    ranks = [_FAMILIES.index(_FAMILY.get(family(t), "moment")) for t in (type_a, type_b)]
    if ranks[0] != ranks[1]:
        return 1 if ranks[0] > ranks[1] else -1
    common = merge_two(type_a, type_b)
    x, y = (f(v) if (f := converter(t, common, True)) else v for t, v in ((type_a, x), (type_b, y)))
    if family(common) == "text":
        return compare_ci(x, y)
    return (x > y) - (x < y)
