"""json and vector, the types of SQL Server 2025. Both are kept as their text.

How the server writes them where Microsoft Learn does not say it is our reading: json keeps its text as it came, a
vector's numbers are written as single precision with seven digits after the point."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

from standin.engine.text_conversion import text_of
from standin.engine.types import family, type_name
from standin.model import SqlError, SqlType


def to_json(source: SqlType, _target: SqlType, style: Any, _column: Any) -> Callable[[Any], str]:
    """SqlError 13609 for what is no JSON text."""
    if family(source) not in ("text", "vector"):
        raise SqlError(206, f"Operand type clash: {type_name(source)} is incompatible with json", 16, 2)
    show = text_of(source, style)

    def convert(value: Any) -> str:
        text = show(value)
        try:
            json.loads(text, parse_constant=_refuse)
        except ValueError as error:
            at = getattr(error, "pos", 0)
            raise SqlError(
                13609,
                f"JSON text is not properly formatted. Unexpected character '{text[at : at + 1] or '.'}' is found at position {at}.",
                16,
                4,
            ) from None
        return text

    return convert


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def to_vector(_source: SqlType, target: SqlType, _style: Any, _column: Any) -> Callable[[str], str]:
    """SqlError 13670 for what is no array of numbers, 42204 for another number of them."""

    def convert(text: str) -> str:
        try:
            numbers = json.loads(text, parse_constant=_refuse)
            single = [struct.unpack("<f", struct.pack("<f", number))[0] for number in _numbers(numbers)]
        except (ValueError, OverflowError):
            raise SqlError(13670, "The text is not a JSON array of numbers that a vector can hold.") from None
        if len(single) != target.length:
            raise SqlError(42204, f"The vector dimensions {target.length} and {len(single)} do not match.")
        return "[" + ",".join(map(_shown, single)) + "]"

    return convert


def _numbers(values: Any) -> list[float]:
    if not isinstance(values, list) or any(type(value) not in (int, float) for value in values):
        raise ValueError("no array of numbers")
    return values


def _shown(number: float) -> str:
    mantissa, exponent = f"{number:.7e}".split("e")
    return f"{mantissa}e{int(exponent):+04d}"
