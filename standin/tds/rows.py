"""Row boundaries inside encoded rows: needed to break a result after its n-th row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from standin.model import MAX, Column, SqlType
from standin.tds.values import ROW

_Buffer = bytes | bytearray | memoryview
_Skip = Callable[[_Buffer, int], int]


def row_ends(columns: Sequence[Column], data: _Buffer) -> list[int]:
    """The end of each ROW token in `data`. Raises ValueError if it is not a row of these columns."""
    skips = [_skip_of(column.type) for column in columns]
    ends, at = [], 0
    while at < len(data):
        if data[at] != ROW:
            raise ValueError(f"token {data[at]:#x} at {at} where a ROW was expected")
        at += 1
        for skip in skips:
            at = skip(data, at)
        ends.append(at)
    if at != len(data):
        raise ValueError(f"a row of {at - len(data)} bytes less than its values need")
    return ends


def cut_long_values(columns: Sequence[Column], data: _Buffer, text_size: int) -> bytes:
    """The same ROW tokens, with what SET TEXTSIZE cuts at so many bytes: values of (max) types, text, ntext and image.
    Microsoft Learn names these; xml and CLR types arrive whole."""
    values = [(_skip_of(column.type), _is_cut(column.type), column.type.name) for column in columns]
    out, at = bytearray(), 0
    while at < len(data):
        out += data[at : at + 1]
        at += 1
        for skip, is_cut, name in values:
            end = skip(data, at)
            value = bytes(data[at:end])
            if is_cut and end - at > text_size:
                value = (_cut_long if skip is _long else _cut_plp)(
                    value, text_size - text_size % (2 if name[0] == "n" else 1)
                )
            out += value
            at = end
    return bytes(out)


def _is_cut(sql_type: SqlType) -> bool:
    return sql_type.name in ("text", "ntext", "image") or (
        sql_type.length == MAX and sql_type.name in ("varchar", "nvarchar", "varbinary")
    )


def _cut_long(value: bytes, size: int) -> bytes:
    head = 1 + value[0] + 8
    size = min(size, _number(value, head, 4))
    return value[:head] + size.to_bytes(4, "little") + value[head + 4 : head + 4 + size]


def _cut_plp(value: bytes, size: int) -> bytes:
    if len(value) == 8:  # NULL
        return value
    chunks, at = bytearray(), 8
    while chunk := _number(value, at, 4):
        chunks += value[at + 4 : at + 4 + chunk]
        at += 4 + chunk
    size = min(size, len(chunks))
    return size.to_bytes(8, "little") + size.to_bytes(4, "little") + chunks[:size] + bytes(4)


def _number(data: _Buffer, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _skip_of(sql_type: SqlType) -> _Skip:
    name = sql_type.name
    if name in ("xml", "json", "vector", "hierarchyid", "geometry", "geography", "udt") or sql_type.length == MAX:
        return _plp
    if name in ("char", "varchar", "nchar", "nvarchar", "sysname", "binary", "varbinary", "rowversion"):
        return _short
    if name in ("text", "ntext", "image"):
        return _long
    if name == "sql_variant":
        return lambda data, at: at + 4 + _number(data, at, 4)
    return lambda data, at: at + 1 + data[at]


def _short(data: _Buffer, at: int) -> int:
    size = _number(data, at, 2)
    return at + 2 + (0 if size == 0xFFFF else size)


def _long(data: _Buffer, at: int) -> int:
    if data[at] == 0:
        return at + 1
    at += 1 + data[at] + 8
    return at + 4 + _number(data, at, 4)


def _plp(data: _Buffer, at: int) -> int:
    total = _number(data, at, 8)
    at += 8
    if total == 0xFFFF_FFFF_FFFF_FFFF:
        return at
    while size := _number(data, at, 4):
        at += 4 + size
    return at + 4
