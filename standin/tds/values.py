"""Values and type descriptions on the wire (MS-TDS 2.2.5.4, 2.2.5.5), server to client.

Pure functions. The database half may use them to keep rows in wire form. Every type is sent as its nullable
form (INTN, FLTN, …), as SQL Server does for expressions; NOT NULL is told by the column's flags alone.
The Python values are those of standin.model.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Sequence
from decimal import Context
from typing import Any

from standin.model import MAX, Column, SqlType
from standin.tds.collations import codec_of

ValueEncoder = Callable[[Any], bytes]

ROW, NBCROW = 0xD1, 0xD2
TICKS_A_DAY = 864_000_000_000  # of 100 ns
_EXACT = Context(prec=80)  # decimal(38,s) needs more digits than Python's default context has
_PLP_NULL = b"\xff" * 8
_SHORT_NULL = b"\xff\xff"
_TEXT_POINTER = b"\x10" + b"standin textptr\0" + b"\0" * 8  # 16 bytes nobody reads, then a timestamp

_INTEGERS = {"tinyint": ("<BB", 1), "smallint": ("<Bh", 2), "int": ("<Bi", 4), "bigint": ("<Bq", 8)}
_UDTS = {
    "hierarchyid": "Microsoft.SqlServer.Types.SqlHierarchyId",
    "geometry": "Microsoft.SqlServer.Types.SqlGeometry",
    "geography": "Microsoft.SqlServer.Types.SqlGeography",
}
_ASSEMBLY = ", Microsoft.SqlServer.Types, Version=11.0.0.0, Culture=neutral, PublicKeyToken=89845dcd8080cc91"


def b_varchar(text: str) -> bytes:
    """u8 count of UTF-16 units, then UTF-16LE."""
    data = utf16(text)
    return bytes([len(data) // 2]) + data


def us_varchar(text: str) -> bytes:
    """u16 count of UTF-16 units, then UTF-16LE."""
    data = utf16(text)
    return struct.pack("<H", len(data) // 2) + data


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def row_encoder(columns: Sequence[Column]) -> Callable[[Sequence[Any]], bytes]:
    """A function from one row (a value a column) to its complete ROW token, 0xD1 included.

    Raises ValueError when the row has another number of values; struct.error or OverflowError when a value is
    outside its type."""
    encoders = tuple(value_encoder(column.type) for column in columns)
    width, call, join = len(encoders), operator.call, b"".join

    def encode(row: Sequence[Any]) -> bytes:
        if len(row) != width:
            raise ValueError(f"a row of {len(row)} values for {width} columns")
        return b"\xd1" + join(map(call, encoders, row))

    return encode


def nbcrow_encoder(columns: Sequence[Column]) -> Callable[[Sequence[Any]], bytes]:
    """As row_encoder, but NBCROW tokens: a bitmap of the NULLs, then the other values."""
    encoders = tuple(value_encoder(column.type) for column in columns)
    bitmap_bytes = (len(encoders) + 7) // 8

    def encode(row: Sequence[Any]) -> bytes:
        nulls = sum(1 << index for index, value in enumerate(row) if value is None)
        values = [encoder(value) for encoder, value in zip(encoders, row, strict=True) if value is not None]
        return b"\xd2" + nulls.to_bytes(bitmap_bytes, "little") + b"".join(values)

    return encode


def value_encoder(sql_type: SqlType) -> ValueEncoder:
    """A function from a value of the type, or None, to its bytes in a row or a RETURNVALUE."""
    name = sql_type.name
    if name in _INTEGERS:
        return _fixed(*_INTEGERS[name])
    if name in _BY_NAME:
        return _BY_NAME[name](sql_type)
    if name in _UDTS or name == "udt":
        return _plp(bytes)
    raise ValueError(f"no wire form for SQL type {name!r}")


def _fixed(layout: str, size: int) -> ValueEncoder:
    pack = struct.Struct(layout).pack
    return lambda value: b"\0" if value is None else pack(size, value)


def _bit(_: SqlType) -> ValueEncoder:
    return lambda value: b"\0" if value is None else (b"\x01\x01" if value else b"\x01\x00")


def decimal_size(precision: int) -> int:
    """Bytes of a decimal's value: the sign and 4, 8, 12 or 16 bytes of magnitude."""
    return 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17


def _decimal(sql_type: SqlType) -> ValueEncoder:
    scale, size = sql_type.scale, decimal_size(sql_type.precision)
    positive, negative = bytes([size, 1]), bytes([size, 0])

    def encode(value: Any) -> bytes:
        if value is None:
            return b"\0"
        unscaled = int(value.scaleb(scale, _EXACT))
        if unscaled < 0:
            return negative + (-unscaled).to_bytes(size - 1, "little")
        return positive + unscaled.to_bytes(size - 1, "little")

    return encode


def _money(_: SqlType) -> ValueEncoder:
    pack = struct.Struct("<BiI").pack

    def encode(value: Any) -> bytes:
        if value is None:
            return b"\0"
        unscaled = int(value.scaleb(4, _EXACT))
        return pack(8, unscaled >> 32, unscaled & 0xFFFFFFFF)

    return encode


def _smallmoney(_: SqlType) -> ValueEncoder:
    pack = struct.Struct("<Bi").pack
    return lambda value: b"\0" if value is None else pack(4, int(value.scaleb(4, _EXACT)))


def _date(_: SqlType) -> ValueEncoder:
    return lambda value: b"\0" if value is None else b"\x03" + value.to_bytes(3, "little")


def time_size(scale: int) -> int:
    """Bytes of a time of that scale."""
    return 3 if scale <= 2 else 4 if scale <= 4 else 5


def _time(sql_type: SqlType) -> ValueEncoder:
    size, unit = time_size(sql_type.scale), 10 ** (7 - sql_type.scale)
    head = bytes([size])
    return lambda value: b"\0" if value is None else head + (value // unit).to_bytes(size, "little")


def _datetime2(sql_type: SqlType) -> ValueEncoder:
    size, unit = time_size(sql_type.scale), 10 ** (7 - sql_type.scale)
    head, bits = bytes([size + 3]), 8 * size

    def encode(value: Any) -> bytes:
        if value is None:
            return b"\0"
        days, ticks = divmod(value, TICKS_A_DAY)
        return head + (days << bits | ticks // unit).to_bytes(size + 3, "little")

    return encode


def _datetimeoffset(sql_type: SqlType) -> ValueEncoder:
    size, unit = time_size(sql_type.scale), 10 ** (7 - sql_type.scale)
    head, bits = bytes([size + 5]), 8 * size

    def encode(value: Any) -> bytes:
        if value is None:
            return b"\0"
        utc, offset_minutes = value
        days, ticks = divmod(utc, TICKS_A_DAY)
        moment = (days << bits | ticks // unit).to_bytes(size + 3, "little")
        return head + moment + offset_minutes.to_bytes(2, "little", signed=True)

    return encode


def _datetime(_: SqlType) -> ValueEncoder:
    pack = struct.Struct("<BiI").pack
    return lambda value: b"\0" if value is None else pack(8, *divmod(value, 300 * 86_400))


def _smalldatetime(_: SqlType) -> ValueEncoder:
    pack = struct.Struct("<BHH").pack
    return lambda value: b"\0" if value is None else pack(4, *divmod(value, 24 * 60))


def _guid(_: SqlType) -> ValueEncoder:
    return lambda value: b"\0" if value is None else b"\x10" + value


def _short(to_bytes: Callable[[Any], bytes]) -> ValueEncoder:
    pack = struct.Struct("<H").pack

    def encode(value: Any) -> bytes:
        if value is None:
            return _SHORT_NULL
        data = to_bytes(value)
        return pack(len(data)) + data

    return encode


def _plp(to_bytes: Callable[[Any], bytes]) -> ValueEncoder:
    """Partially length-prefixed: total, one chunk, terminator; NULL has no terminator, an empty value no chunk."""
    pack = struct.Struct("<QI").pack

    def encode(value: Any) -> bytes:
        if value is None:
            return _PLP_NULL
        data = to_bytes(value)
        return pack(len(data), len(data)) + data + b"\0\0\0\0" if data else b"\0" * 12

    return encode


def _long(to_bytes: Callable[[Any], bytes]) -> ValueEncoder:
    """text, ntext, image in a row: a text pointer first."""
    pack = struct.Struct("<I").pack

    def encode(value: Any) -> bytes:
        if value is None:
            return b"\0"
        data = to_bytes(value)
        return _TEXT_POINTER + pack(len(data)) + data

    return encode


def code_page_encoder(collation: bytes) -> Callable[[str], bytes]:
    """From text to the bytes of a char or varchar value under a collation; '?' for what it does not have."""
    codec = codec_of(collation)
    return lambda text: text.encode(codec, "sqlserver")


def _char(sql_type: SqlType) -> ValueEncoder:
    to_bytes, length = code_page_encoder(sql_type.collation), sql_type.length
    return _short(lambda text: to_bytes(text).ljust(length))


def _nchar(sql_type: SqlType) -> ValueEncoder:
    length = 2 * sql_type.length
    blanks = utf16(" ") * sql_type.length

    def padded(text: str) -> bytes:
        data = utf16(text)
        return data + blanks[: length - len(data)] if len(data) < length else data

    return _short(padded)


def _varchar(sql_type: SqlType) -> ValueEncoder:
    to_bytes = code_page_encoder(sql_type.collation)
    return _plp(to_bytes) if sql_type.length == MAX else _short(to_bytes)


def _nvarchar(sql_type: SqlType) -> ValueEncoder:
    return _plp(utf16) if sql_type.length == MAX else _short(utf16)


def _binary(sql_type: SqlType) -> ValueEncoder:
    length = sql_type.length
    return _short(lambda data: data.ljust(length, b"\0"))


def _varbinary(sql_type: SqlType) -> ValueEncoder:
    return _plp(bytes) if sql_type.length == MAX else _short(bytes)


def _variant(_: SqlType) -> ValueEncoder:
    from standin.tds.variant import encode_variant  # here, because it encodes base values with this module

    return encode_variant


_BY_NAME: dict[str, Callable[[SqlType], ValueEncoder]] = {
    "bit": _bit,
    "real": lambda _: _fixed("<Bf", 4),
    "float": lambda _: _fixed("<Bd", 8),
    "decimal": _decimal,
    "numeric": _decimal,
    "money": _money,
    "smallmoney": _smallmoney,
    "date": _date,
    "time": _time,
    "datetime2": _datetime2,
    "datetimeoffset": _datetimeoffset,
    "datetime": _datetime,
    "smalldatetime": _smalldatetime,
    "uniqueidentifier": _guid,
    "char": _char,
    "varchar": _varchar,
    "nchar": _nchar,
    "nvarchar": _nvarchar,
    "sysname": lambda _: _short(utf16),
    "binary": _binary,
    "varbinary": _varbinary,
    "rowversion": lambda _: _short(bytes),
    "text": lambda sql_type: _long(code_page_encoder(sql_type.collation)),
    "ntext": lambda _: _long(utf16),
    "image": lambda _: _long(bytes),
    "xml": lambda _: _plp(utf16),
    # The types of SQL Server 2025 for a client that has not asked for them in its login, which are all that we serve:
    # text, as Microsoft Learn describes both types for older clients. That it is nvarchar(max) is our reading.
    "json": lambda _: _plp(utf16),
    "vector": lambda _: _plp(utf16),
    "sql_variant": _variant,
}

_FIXED_TYPE_INFO = {
    "tinyint": b"\x26\x01",
    "smallint": b"\x26\x02",
    "int": b"\x26\x04",
    "bigint": b"\x26\x08",
    "bit": b"\x68\x01",
    "real": b"\x6d\x04",
    "float": b"\x6d\x08",
    "money": b"\x6e\x08",
    "smallmoney": b"\x6e\x04",
    "datetime": b"\x6f\x08",
    "smalldatetime": b"\x6f\x04",
    "date": b"\x28",
    "uniqueidentifier": b"\x24\x10",
    "rowversion": b"\xad\x08\x00",
    "image": b"\x22\xff\xff\xff\x7f",
    "xml": b"\xf1\x00",
    "sql_variant": b"\x62\x49\x1f\x00\x00",
}
_CHARACTER_TOKENS = {"char": 0xAF, "varchar": 0xA7, "nchar": 0xEF, "nvarchar": 0xE7, "sysname": 0xE7}
_BINARY_TOKENS = {"binary": 0xAD, "varbinary": 0xA5}
_SCALED_TOKENS = {"time": 0x29, "datetime2": 0x2A, "datetimeoffset": 0x2B}


def type_info(sql_type: SqlType, database: str = "") -> bytes:
    """TYPE_INFO of a column or a RETURNVALUE. `database` is where a CLR type is said to live."""
    name = sql_type.name
    if name in _FIXED_TYPE_INFO:
        return _FIXED_TYPE_INFO[name]
    if name in ("decimal", "numeric"):
        token = 0x6A if name == "decimal" else 0x6C
        return bytes([token, decimal_size(sql_type.precision), sql_type.precision, sql_type.scale])
    if name in _SCALED_TOKENS:
        return bytes([_SCALED_TOKENS[name], sql_type.scale])
    if name in _CHARACTER_TOKENS:
        return struct.pack("<BH", _CHARACTER_TOKENS[name], wire_length(sql_type)) + sql_type.collation
    if name in _BINARY_TOKENS:
        return struct.pack("<BH", _BINARY_TOKENS[name], wire_length(sql_type))
    if name in ("json", "vector"):
        return b"\xe7\xff\xff" + sql_type.collation
    if name in ("text", "ntext"):
        token, length = (0x23, 0x7FFFFFFF) if name == "text" else (0x63, 0x7FFFFFFE)
        return struct.pack("<BI", token, length) + sql_type.collation
    if name in _UDTS:
        names = b_varchar(database) + b_varchar("sys") + b_varchar(name)
        return b"\xf0\xff\xff" + names + us_varchar(_UDTS[name] + _ASSEMBLY)
    if name == "udt":
        schema, own_name, class_name = sql_type.udt
        return b"\xf0\xff\xff" + b"".join(map(b_varchar, (database, schema, own_name))) + us_varchar(class_name)
    raise ValueError(f"no wire form for SQL type {name!r}")


def wire_length(sql_type: SqlType) -> int:
    """The u16 length of a string or binary type: bytes, 0xFFFF for (max)."""
    if sql_type.length == MAX:
        return 0xFFFF
    length = 128 if sql_type.name == "sysname" else max(1, sql_type.length)
    return 2 * length if sql_type.name in ("nchar", "nvarchar", "sysname") else length
