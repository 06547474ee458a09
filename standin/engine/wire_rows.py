"""ROW tokens straight from the forms in which values lie in SQLite."""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Sequence
from typing import Any

from standin.engine.storage import narrow, to_model
from standin.model import SqlType
from standin.tds.values import decimal_size, value_encoder

Encoder = Callable[[Any], bytes]


def stored_row_encoder(types: list[SqlType]) -> Callable[[Sequence[Any]], bytes]:
    """From a row of stored values (standin.engine.storage) to its ROW token."""
    encoders = tuple(map(_stored_encoder, types))
    call, join = operator.call, b"".join

    def encode(row: Sequence[Any]) -> bytes:
        return b"\xd1" + join(map(call, encoders, row))

    return encode


def _stored_encoder(t: SqlType) -> Encoder:
    """Decimals are kept unscaled, so they skip the detour over Decimal; the others go through the model's value."""
    if t.name in ("decimal", "numeric"):
        return _decimal(t)
    if t.name in ("money", "smallmoney"):
        return _money(t)
    encode, convert = value_encoder(t), to_model(t)
    if convert is None:
        return encode
    return lambda value: encode(None if value is None else convert(value))


def _decimal(t: SqlType) -> Encoder:
    size = decimal_size(t.precision)
    positive, negative = bytes([size, 1]), bytes([size, 0])

    def encode(value: Any) -> bytes:
        if value is None:
            return b"\0"
        unscaled = value if type(value) is int else narrow(value)
        if unscaled < 0:
            return negative + (-unscaled).to_bytes(size - 1, "little")
        return positive + unscaled.to_bytes(size - 1, "little")

    return encode


def _money(t: SqlType) -> Encoder:
    if t.name == "smallmoney":
        small = struct.Struct("<Bi").pack
        return lambda value: b"\0" if value is None else small(4, value)
    pack = struct.Struct("<BiI").pack
    return lambda value: b"\0" if value is None else pack(8, value >> 32, value & 0xFFFFFFFF)
