"""Parameters of requests: TYPE_INFO and value, client to server (MS-TDS 2.2.5.4, 2.2.5.5)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from standin.model import DEFAULT_COLLATION, MAX, SqlError, SqlType
from standin.tds.collations import codec_of
from standin.tds.packets import ProtocolError
from standin.tds.values import TICKS_A_DAY, time_size

_INT_NAMES = {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}
_FIXED = {
    0x1F: ("int", 0),  # the type of a bare NULL
    0x30: ("tinyint", 1),
    0x32: ("bit", 1),
    0x34: ("smallint", 2),
    0x38: ("int", 4),
    0x3A: ("smalldatetime", 4),
    0x3B: ("real", 4),
    0x3C: ("money", 8),
    0x3D: ("datetime", 8),
    0x3E: ("float", 8),
    0x7A: ("smallmoney", 4),
    0x7F: ("bigint", 8),
}
_SIZED = {
    0x26: _INT_NAMES,
    0x68: {1: "bit"},
    0x6D: {4: "real", 8: "float"},
    0x6E: {4: "smallmoney", 8: "money"},
    0x6F: {4: "smalldatetime", 8: "datetime"},
    0x24: {16: "uniqueidentifier", 0: "uniqueidentifier"},
}
_SCALED = {0x29: "time", 0x2A: "datetime2", 0x2B: "datetimeoffset"}
_SHORT = {0xA5: "varbinary", 0xAD: "binary", 0xA7: "varchar", 0xAF: "char", 0xE7: "nvarchar", 0xEF: "nchar"}
_LONG = {0x22: "image", 0x23: "text", 0x63: "ntext"}
_UTF16_NAMES = ("nchar", "nvarchar", "ntext", "xml")


class ByteReader:
    """A cursor over a request's bytes. Raises ProtocolError when they end too early."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, count: int) -> bytes:
        piece = self.data[self.at : self.at + count]
        if len(piece) != count:
            raise ProtocolError("a request ends inside a value")
        self.at += count
        return piece

    def unpack(self, layout: str) -> Any:
        """One number."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def b_varchar(self) -> str:
        return self.take(2 * self.take(1)[0]).decode("utf-16-le")

    def us_varchar(self) -> str:
        return self.take(2 * self.unpack("<H")).decode("utf-16-le")

    @property
    def at_end(self) -> bool:
        return self.at >= len(self.data)


def read_parameter(reader: ByteReader) -> tuple[SqlType, Any]:
    """A parameter's TYPE_INFO and value. A type that cannot be a parameter here is SqlError 8009 (the parameter is
    incorrect): the rest of the request cannot be read."""
    token = reader.take(1)[0]
    if token in _FIXED:
        name, size = _FIXED[token]
        return SqlType(name), _scalar(SqlType(name), reader.take(size)) if size else None
    if token in _SIZED:
        sql_type = SqlType(_SIZED[token][reader.take(1)[0]])
        return _actual_integer(sql_type, token, reader)
    if token == 0x28:
        return SqlType("date"), _scalar(SqlType("date"), reader.take(reader.take(1)[0]))
    if token in _SCALED:
        sql_type = SqlType(_SCALED[token], scale=reader.take(1)[0])
        return sql_type, _scalar(sql_type, reader.take(reader.take(1)[0]))
    if token in (0x6A, 0x6C):
        _, precision, scale = reader.take(3)
        sql_type = SqlType("decimal" if token == 0x6A else "numeric", precision=precision, scale=scale)
        return sql_type, _scalar(sql_type, reader.take(reader.take(1)[0]))
    if token in _SHORT:
        return _short(token, reader)
    if token in _LONG:
        return _long(token, reader)
    if token == 0xF1:
        return _xml(reader)
    if token == 0xF0:
        return _udt(reader)
    if token == 0x62:
        return _variant(reader)
    raise SqlError(8009, f"The stand-in does not know the parameter type {token:#04x}.", severity=16)


def _actual_integer(sql_type: SqlType, token: int, reader: ByteReader) -> tuple[SqlType, Any]:
    """A value of an n-type may be shorter than the type (a bigint parameter with four bytes)."""
    data = reader.take(reader.take(1)[0])
    if token == 0x26:
        return sql_type, int.from_bytes(data, "little", signed=len(data) > 1) if data else None
    actual = _SIZED[token].get(len(data), sql_type.name)
    return sql_type, _scalar(SqlType(actual), data)


def _scalar(sql_type: SqlType, data: bytes) -> Any:
    return _SCALARS[sql_type.name](data, sql_type) if data else None


def _decimal(data: bytes, sql_type: SqlType) -> Decimal:
    digits = tuple(map(int, str(int.from_bytes(data[1:], "little"))))
    return Decimal((0 if data[0] else 1, digits, -sql_type.scale))


def _money(data: bytes, _: SqlType) -> Decimal:
    high, low = struct.unpack("<iI", data)
    return _ten_thousandths(high << 32 | low)


def _ten_thousandths(unscaled: int) -> Decimal:
    return Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -4))


def _ticks(data: bytes, scale: int) -> int:
    return int.from_bytes(data, "little") * 10 ** (7 - scale)


def _datetime2(data: bytes, sql_type: SqlType) -> int:
    size = time_size(sql_type.scale)
    return int.from_bytes(data[size : size + 3], "little") * TICKS_A_DAY + _ticks(data[:size], sql_type.scale)


def _datetimeoffset(data: bytes, sql_type: SqlType) -> tuple[int, int]:
    return _datetime2(data, sql_type), int.from_bytes(data[-2:], "little", signed=True)


def _datetime(data: bytes, _: SqlType) -> int:
    days, ticks = struct.unpack("<iI", data)
    return days * 300 * 86_400 + ticks


def _smalldatetime(data: bytes, _: SqlType) -> int:
    days, minutes = struct.unpack("<HH", data)
    return days * 24 * 60 + minutes


_SCALARS: dict[str, Callable[[bytes, SqlType], Any]] = {
    "tinyint": lambda data, _: data[0],
    "smallint": lambda data, _: struct.unpack("<h", data)[0],
    "int": lambda data, _: struct.unpack("<i", data)[0],
    "bigint": lambda data, _: struct.unpack("<q", data)[0],
    "bit": lambda data, _: int(data[0] != 0),
    "real": lambda data, _: struct.unpack("<f", data)[0],
    "float": lambda data, _: struct.unpack("<d", data)[0],
    "decimal": _decimal,
    "numeric": _decimal,
    "money": _money,
    "smallmoney": lambda data, _: _ten_thousandths(struct.unpack("<i", data)[0]),
    "date": lambda data, _: int.from_bytes(data, "little"),
    "time": lambda data, sql_type: _ticks(data, sql_type.scale),
    "datetime2": _datetime2,
    "datetimeoffset": _datetimeoffset,
    "datetime": _datetime,
    "smalldatetime": _smalldatetime,
    "uniqueidentifier": lambda data, _: data,
}


def _text(data: bytes, name: str, collation: bytes) -> str | bytes:
    if name in _UTF16_NAMES:
        return data.decode("utf-16-le", "surrogatepass")
    if name in ("char", "varchar", "text"):
        return data.decode(codec_of(collation), "sqlserver")
    return data


def _short(token: int, reader: ByteReader) -> tuple[SqlType, Any]:
    name, wire_bytes = _SHORT[token], reader.unpack("<H")
    collation = reader.take(5) if token not in (0xA5, 0xAD) else DEFAULT_COLLATION
    if wire_bytes == 0xFFFF:
        data = read_plp(reader)
        sql_type = SqlType(name, MAX, collation=_known(collation))
    else:
        size = reader.unpack("<H")
        data = None if size == 0xFFFF else reader.take(size)
        length = wire_bytes // 2 if name in _UTF16_NAMES else wire_bytes
        sql_type = SqlType(name, length, collation=_known(collation))
    return sql_type, None if data is None else _text(data, name, collation)


def _known(collation: bytes) -> bytes:
    """Some clients send a collation of zeros: the database's then."""
    return collation if any(collation) else DEFAULT_COLLATION


def read_plp(reader: ByteReader) -> bytes | None:
    """Partially length-prefixed data: a total (may be unknown), chunks, an empty chunk."""
    if reader.unpack("<Q") == 0xFFFF_FFFF_FFFF_FFFF:
        return None
    chunks = []
    while size := reader.unpack("<I"):
        chunks.append(reader.take(size))
    return b"".join(chunks)


def _long(token: int, reader: ByteReader) -> tuple[SqlType, Any]:
    """text, ntext, image as parameters: no text pointer; -1 is NULL."""
    name = _LONG[token]
    reader.take(4)
    collation = reader.take(5) if name != "image" else DEFAULT_COLLATION
    size = reader.unpack("<i")
    sql_type = SqlType(name, collation=_known(collation))
    return sql_type, None if size < 0 else _text(reader.take(size), name, collation)


def _xml(reader: ByteReader) -> tuple[SqlType, Any]:
    if reader.take(1)[0]:
        for read in (reader.b_varchar, reader.b_varchar, reader.us_varchar):
            read()
    data = read_plp(reader)
    text = None if data is None else data.decode("utf-16-le", "surrogatepass").removeprefix("\ufeff")
    return SqlType("xml"), text


def _udt(reader: ByteReader) -> tuple[SqlType, Any]:
    for _ in ("database", "schema"):
        reader.b_varchar()
    return SqlType(reader.b_varchar().lower()), read_plp(reader)


def _variant(reader: ByteReader) -> tuple[SqlType, Any]:
    reader.take(4)
    total = reader.unpack("<I")
    if total == 0:
        return SqlType("sql_variant"), None
    body = ByteReader(reader.take(total))
    token, properties_bytes = body.take(2)
    properties = body.take(properties_bytes)
    data = body.take(total - 2 - properties_bytes)
    base = _variant_base(token, properties)
    value = _text(data, base.name, base.collation) if token in _SHORT else _SCALARS[base.name](data, base)
    return SqlType("sql_variant"), (base, value)


def _variant_base(token: int, properties: bytes) -> SqlType:
    if token in _FIXED:
        return SqlType(_FIXED[token][0])
    if token in _SCALED:
        return SqlType(_SCALED[token], scale=properties[0])
    if token in (0x6A, 0x6C):
        return SqlType("decimal" if token == 0x6A else "numeric", precision=properties[0], scale=properties[1])
    if token in _SHORT:
        name, (wire_bytes,) = _SHORT[token], struct.unpack("<H", properties[-2:])
        collation = _known(properties[:5]) if len(properties) == 7 else DEFAULT_COLLATION
        return SqlType(name, wire_bytes // 2 if name in _UTF16_NAMES else wire_bytes, collation=collation)
    if token in (0x24, 0x28):
        return SqlType("uniqueidentifier" if token == 0x24 else "date")
    raise SqlError(8009, f"The stand-in does not know the sql_variant base type {token:#04x}.", severity=16)
