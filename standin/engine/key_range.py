"""Conditions on a change table's clustered key, as a range of keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from standin.engine.change_cache import Key, key_of

_KEY = ("__$start_lsn", "__$command_id", "__$seqval", "__$operation")
_OPERATORS = {exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.EQ: "="}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "=": "="}
_LSN_LOW, _LSN_HIGH = b"\0" * 10, b"\xff" * 10
_INT_HIGH = 2**32 - 1


@dataclass(slots=True)
class Bound:
    """`column` `operator` `value`. `place`: this one is part of the place inside a transaction."""

    column: str
    operator: str
    value: exp.Expression
    place: bool = False


def bounds_of(node: exp.Expression, alias: str) -> list[Bound] | None:
    """The bounds of a condition that is nothing but bounds on the key; None for any other."""
    bounds: list[Bound] = []
    for part in _conjuncts(node):
        if isinstance(part, exp.Or):
            place = _place(part, alias, 1)
            if place is None:
                return None
            bounds += place
            continue
        bound = _comparison(part, alias)
        if bound is None or bound.column != _KEY[0]:
            return None
        bounds.append(bound)
    return bounds


def _bare(node: exp.Expression) -> exp.Expression:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _conjuncts(node: exp.Expression) -> list[exp.Expression]:
    node = _bare(node)
    if isinstance(node, exp.And):
        return _conjuncts(node.this) + _conjuncts(node.expression)
    return [node]


def _comparison(node: exp.Expression, alias: str) -> Bound | None:
    operator = _OPERATORS.get(type(node))
    if operator is None:
        return None
    for side, other, op in ((node.this, node.expression, operator), (node.expression, node.this, _MIRRORED[operator])):
        is_key = isinstance(side, exp.Column) and side.table.lower() == alias.lower() and side.name.lower() in _KEY
        if is_key and not any(True for _ in other.find_all(exp.Column, exp.Select)):
            return Bound(side.name.lower(), op, other)
    return None


def _place(node: exp.Expression, alias: str, position: int) -> list[Bound] | None:
    """a > x OR (a = x AND (b > y OR …)): after (x, y, …) in key order, from the key column `position` on."""
    node = _bare(node)
    if not isinstance(node, exp.Or):
        bound = _comparison(node, alias)
        last = position == len(_KEY) - 1
        return [_placed(bound)] if bound and last and (bound.column, bound.operator) == (_KEY[position], ">") else None
    greater, equal = _comparison(_bare(node.this), alias), _conjuncts(node.expression)
    if greater is None or (greater.column, greater.operator) != (_KEY[position], ">") or len(equal) != 2:
        return None
    same = _comparison(equal[0], alias)
    if same is None or (same.column, same.operator) != (_KEY[position], "="):
        return None
    rest = _place(equal[1], alias, position + 1)
    return None if rest is None else [_placed(greater), _placed(same), *rest]


def _placed(bound: Bound) -> Bound:
    return Bound(bound.column, bound.operator, bound.value, True)


def range_of(bounds: list[Bound], values: tuple[Any, ...]) -> tuple[Key, Key] | None:
    """(low, high): the rows with low < key ≤ high. None when the values form no such range (a NULL, two different
    values where the place needs one)."""
    if any(v is None for v in values):
        return None
    low, high = key_of(_LSN_LOW, 0, _LSN_LOW, 0), key_of(_LSN_HIGH, _INT_HIGH, _LSN_HIGH, _INT_HIGH)
    place: dict[str, Any] = {}
    for bound, value in zip(bounds, values, strict=True):
        if bound.place:
            if place.setdefault(bound.column, value) != value:
                return None
            continue
        before, after = key_of(value, 0, _LSN_LOW, 0), key_of(value, _INT_HIGH, _LSN_HIGH, _INT_HIGH)
        if bound.operator in (">", ">=", "="):
            low = max(low, after if bound.operator == ">" else before)
        if bound.operator in ("<", "<=", "="):
            high = min(high, before if bound.operator == "<" else after)
    if not place:
        return low, high
    if low[:10] != high[:10] or len(place) != 3:
        return None
    return max(low, key_of(low[:10], *(place[c] for c in _KEY[1:]))), high
