"""How values lie in SQLite, and how they become the model's Python values.

| SQL type | in SQLite |
|---|---|
| integers, date, time, datetime, smalldatetime, datetime2 | INTEGER, the model's own count |
| real, float | REAL |
| money, smallmoney, decimal and numeric up to 18 digits | INTEGER, the unscaled value |
| decimal and numeric of 19 to 38 digits | BLOB of 16 bytes, unscaled value + 2^127 big-endian: it sorts as the number |
| datetimeoffset | BLOB of 10 bytes: UTC ticks, then offset in minutes + 2^15, both big-endian |
| text types, json, vector | TEXT; lone surrogates, which UTF-8 lacks, as U+10F000…U+10F7FF |
| binary types, uniqueidentifier, CLR types | BLOB |
| sql_variant | BLOB, a pickled (SqlType, stored value) |
"""

from __future__ import annotations

import pickle
import re
import struct
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

from standin.engine.types import family
from standin.model import SqlType

BIAS = 1 << 127
EXACT = Context(prec=80)
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAPPED = re.compile("[\U0010f000-\U0010f7ff]")
_SHIFT = 0x10F000 - 0xD800


def is_wide(t: SqlType) -> bool:
    return t.name in ("decimal", "numeric") and t.precision > 18


def wide(unscaled: int) -> bytes:
    return (unscaled + BIAS).to_bytes(16, "big")


def narrow(stored: bytes) -> int:
    return int.from_bytes(stored, "big") - BIAS


def unscaled_of(stored: Any) -> int:
    """The unscaled integer of a stored decimal or money, whichever form it has."""
    return stored if type(stored) is int else narrow(stored)


def scale_of(t: SqlType) -> int:
    return 4 if t.name in ("money", "smallmoney") else t.scale


def stored_decimal(unscaled: int, t: SqlType) -> Any:
    return wide(unscaled) if is_wide(t) else unscaled


def pack_offset(utc: int, minutes: int) -> bytes:
    return utc.to_bytes(8, "big") + (minutes + 0x8000).to_bytes(2, "big")


def unpack_offset(stored: bytes) -> tuple[int, int]:
    return int.from_bytes(stored[:8], "big"), int.from_bytes(stored[8:], "big") - 0x8000


def text_in(value: str) -> str:
    """Text as SQLite can hold it."""
    if value.isascii():
        return value
    # A pair of surrogate code units is one character; only what stays alone after joining needs the detour.
    if _SURROGATE.search(value):
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return _SURROGATE.sub(lambda m: chr(ord(m.group()) + _SHIFT), value)
    return value


def text_out(value: str) -> str:
    if value.isascii():
        return value
    return _MAPPED.sub(lambda m: chr(ord(m.group()) - _SHIFT), value)


def units(value: str) -> int:
    """Length in UTF-16 code units, as LEN and nvarchar(n) count."""
    if value.isascii():
        return len(value)
    return len(value) + sum(c > "\uffff" and not "\U0010f000" <= c <= "\U0010f7ff" for c in value)


def to_model(t: SqlType) -> Callable[[Any], Any] | None:
    """From the stored form to the model's value; None when they are the same. NULL never reaches it."""
    kind = family(t)
    if kind == "decimal":
        scale = scale_of(t)
        return lambda v: Decimal(v if type(v) is int else narrow(v)).scaleb(-scale, EXACT)
    if kind == "datetimeoffset":
        return unpack_offset
    if kind == "text" and t.name in ("nchar", "nvarchar", "ntext", "xml", "json"):
        return text_out
    if kind == "variant":
        return _variant_out
    return None


def _variant_out(stored: bytes) -> tuple[SqlType, Any]:
    base, value = pickle.loads(stored)
    convert = to_model(base)
    return base, convert(value) if convert and value is not None else value


def from_model(t: SqlType, value: Any) -> Any:
    """From the model's value to the stored form."""
    if value is None:
        return None
    kind = family(t)
    if kind == "decimal":
        return stored_decimal(int(value.scaleb(scale_of(t), EXACT)), t)
    if kind == "datetimeoffset":
        return pack_offset(*value)
    if kind == "text":
        return text_in(value)
    if kind == "variant":
        return pickle.dumps((value[0], from_model(value[0], value[1])))
    if kind in ("binary", "guid", "clr"):
        return bytes(value)
    if kind == "int":
        return int(value)
    return value


def row_converter(types: list[SqlType]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]] | None:
    """From a row of SQLite to the model's; None when rows can go as they are."""
    converters = [(i, f) for i, f in enumerate(map(to_model, types)) if f is not None]
    if not converters:
        return None

    def convert(row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for i, f in converters:
            if values[i] is not None:
                values[i] = f(values[i])
        return tuple(values)

    return convert


def double(bits: int) -> float:
    """A double from its bits as a signed integer; SQL function of every connection."""
    return struct.unpack(">d", bits.to_bytes(8, "big", signed=True))[0]


def literal(value: Any) -> str:
    """A stored value as SQLite's SQL text."""
    if value is None:
        return "NULL"
    if type(value) is bytes:
        return f"x'{value.hex()}'"
    if type(value) is str:
        if "\0" in value:
            return f"CAST(x'{value.encode().hex()}' AS TEXT)"
        return "'" + value.replace("'", "''") + "'"
    if type(value) is float:
        # SQLite does not read every fraction right to the last bit.
        bits = int.from_bytes(struct.pack(">d", value), "big", signed=True)
        return repr(value) if value.is_integer() and 0 < abs(value) < 2**53 else f"double({bits})"
    if value == -(2**63):
        return "(-9223372036854775807 - 1)"
    return str(value)
