"""sql_variant on the wire (MS-TDS 2.2.5.5.4): a value is the pair (base SqlType, value of that type)."""

from __future__ import annotations

import struct
from typing import Any

from standin.model import SqlType
from standin.tds.values import value_encoder, wire_length

# Base type codes are the fixed ones, whatever the nullable form of the type is.
_PLAIN = {
    "bit": 0x32,
    "tinyint": 0x30,
    "smallint": 0x34,
    "int": 0x38,
    "bigint": 0x7F,
    "real": 0x3B,
    "float": 0x3E,
    "money": 0x3C,
    "smallmoney": 0x7A,
    "datetime": 0x3D,
    "smalldatetime": 0x3A,
    "date": 0x28,
    "uniqueidentifier": 0x24,
}
_CHARACTER = {"char": 0xAF, "varchar": 0xA7, "nchar": 0xEF, "nvarchar": 0xE7}
_BINARY = {"binary": 0xAD, "varbinary": 0xA5}
_SCALED = {"time": 0x29, "datetime2": 0x2A, "datetimeoffset": 0x2B}
_DECIMAL = {"decimal": 0x6A, "numeric": 0x6C}


def encode_variant(value: tuple[SqlType, Any] | None) -> bytes:
    """A sql_variant's bytes in a row. A base value of None is NULL."""
    if value is None or value[1] is None:
        return b"\0\0\0\0"
    base, inner = value
    code, properties = _properties(base)
    prefix_bytes = 2 if base.name in _CHARACTER or base.name in _BINARY else 1
    raw = value_encoder(base)(inner)[prefix_bytes:]
    body = bytes([code, len(properties)]) + properties + raw
    return struct.pack("<I", len(body)) + body


def _properties(base: SqlType) -> tuple[int, bytes]:
    name = base.name
    if name in _PLAIN:
        return _PLAIN[name], b""
    if name in _CHARACTER:
        return _CHARACTER[name], base.collation + struct.pack("<H", wire_length(base))
    if name in _BINARY:
        return _BINARY[name], struct.pack("<H", wire_length(base))
    if name in _SCALED:
        return _SCALED[name], bytes([base.scale])
    if name in _DECIMAL:
        return _DECIMAL[name], bytes([base.precision, base.scale])
    raise ValueError(f"sql_variant cannot hold SQL type {name!r}")
