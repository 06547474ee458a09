"""Parameter definitions of prepared statements ('@P1 int,@P2 nvarchar(20) OUTPUT') and values bound to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from standin.model import MAX, Param, SqlError, SqlType

_SYNONYMS = {
    "integer": "int",
    "dec": "decimal",
    "timestamp": "rowversion",
    "double precision": "float",
    "character": "char",
    "character varying": "varchar",
    "char varying": "varchar",
    "binary varying": "varbinary",
    "national character": "nchar",
    "national char": "nchar",
    "national character varying": "nvarchar",
    "national char varying": "nvarchar",
    "national text": "ntext",
}
_INTEGERS = ("bit", "tinyint", "smallint", "int", "bigint")
_DECIMALS = ("decimal", "numeric", "money", "smallmoney")
_STRINGS = ("char", "varchar", "text", "nchar", "nvarchar", "ntext", "xml")
_BINARIES = ("binary", "varbinary", "image", "rowversion")
_OTHERS = ("real", "float", "date", "time", "datetime2", "datetimeoffset", "datetime", "smalldatetime")
_MORE = ("uniqueidentifier", "sql_variant", "hierarchyid", "geometry", "geography", "json", "vector")
_KNOWN = frozenset(_INTEGERS + _DECIMALS + _STRINGS + _BINARIES + _OTHERS + _MORE)

_DEFINITION = re.compile(
    r"(?P<name>@[\w@#$]*)\s+(?:as\s+)?(?:\[?sys\]?\s*\.\s*)?"
    r"(?P<type>\[[^\]]+\]|[a-z_]\w*(?:\s+(?:varying|precision|character|char|text))*)"
    r"\s*(?:\((?P<arguments>[^)]*)\))?\s*(?P<default>=.*?)?(?P<output>\s+out(?:put)?)?\s*(?:readonly)?\s*",
    re.IGNORECASE | re.DOTALL,
)
_EXACT = Context(prec=80)


@dataclass(frozen=True, slots=True)
class Definition:
    """One declared parameter; its name with the '@'."""

    name: str
    type: SqlType
    output: bool = False
    has_default: bool = False


def parse_definitions(text: str | None) -> list[Definition]:
    """Raises SqlError 102 for text that is no list of definitions, 2715 for an unknown type."""
    return [_definition(piece) for piece in _split(text or "") if piece.strip()]


def _split(text: str) -> list[str]:
    """At the commas outside parentheses."""
    pieces, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            pieces.append(text[start:at])
            start = at + 1
    return [*pieces, text[start:]]


def _definition(text: str) -> Definition:
    found = _DEFINITION.fullmatch(text.strip())
    if found is None:
        raise SqlError(102, f"Incorrect syntax near '{text.strip()}'.", severity=15)
    sql_type = sql_type_of(found["type"], found["arguments"])
    return Definition(found["name"], sql_type, found["output"] is not None, found["default"] is not None)


def sql_type_of(name: str, arguments: str | None = None) -> SqlType:
    """The type that 'decimal' with '18, 4' means, with T-SQL's defaults for what is not said."""
    base = " ".join(name.strip("[]").lower().split())
    base = _SYNONYMS.get(base, base)
    given = [piece.strip().lower() for piece in arguments.split(",")] if arguments else []
    if base == "sysname":
        return SqlType("nvarchar", 128)
    if base not in _KNOWN:
        raise SqlError(2715, f"Column, parameter, or variable #1: Cannot find data type {name}.")
    if base in ("decimal", "numeric"):
        precision, scale = [*map(int, given), *(18, 0)[len(given) :]]
        return SqlType(base, precision=precision, scale=scale)
    if base in ("time", "datetime2", "datetimeoffset"):
        return SqlType(base, scale=int(given[0]) if given else 7)
    if base == "float" and given and int(given[0]) <= 24:
        return SqlType("real")
    if base in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
        return SqlType(base, 1 if not given else MAX if given[0] == "max" else int(given[0]))
    if base == "vector":
        return SqlType(base, int(given[0]) if given else 1)
    return SqlType(base)


def bind(definitions: list[Definition], sent: list[Param]) -> list[Param]:
    """The declared parameters with the values sent for them, by name or by place.

    Raises SqlError 8178 for a parameter without a value, 8144 for a value too many."""
    by_name = {param.name.lower(): param for param in sent if param.name}
    by_place = [param for param in sent if not param.name]
    bound = []
    for definition in definitions:
        param = by_name.pop(definition.name.lower(), None) or (by_place.pop(0) if by_place else None)
        if param is None:
            if definition.has_default:
                continue
            message = f"The parameterized query expects the parameter '{definition.name}', which was not supplied."
            raise SqlError(8178, message)
        sql_type, value = converted(param.value, param.type, definition.type)
        bound.append(Param(definition.name, sql_type, value, definition.output and param.output))
    if by_name or by_place:
        raise SqlError(8144, "Procedure or function has too many arguments specified.")
    return bound


def converted(value: Any, sent: SqlType, declared: SqlType) -> tuple[SqlType, Any]:
    """The value as the declared type where the two share a Python form; else as it was sent: the database half
    knows the conversions of T-SQL."""
    if value is None or sent == declared:
        return declared, value
    for family in (_INTEGERS, _BINARIES, ("real", "float")):
        if sent.name in family and declared.name in family:
            return declared, value
    if sent.name in _STRINGS and declared.name in _STRINGS:
        return declared, value[: declared.length] if declared.length > 0 else value
    if declared.name in _DECIMALS and sent.name in _DECIMALS + _INTEGERS:
        scale = 4 if declared.name in ("money", "smallmoney") else declared.scale
        exponent = Decimal((0, (1,), -scale))
        return declared, Decimal(value).quantize(exponent, rounding=ROUND_HALF_UP, context=_EXACT)
    return sent, value
