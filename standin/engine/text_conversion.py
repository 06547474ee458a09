"""Conversions to text and to binary (standin.engine.conversion puts them to use)."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from standin.engine import temporal as tm
from standin.engine.errors import overflow
from standin.engine.hierarchies import to_string
from standin.engine.moments import to_moment
from standin.engine.storage import EXACT, narrow, scale_of, text_in, text_out, units
from standin.engine.types import family, is_national, type_name
from standin.model import SqlError, SqlType
from standin.tds.collations import codec_of

Convert = Callable[[Any], Any]
_NUMERIC = frozenset({"int", "decimal", "float"})


def to_binary(source: SqlType, target: SqlType, style: Any, column: Any) -> Convert:
    raw = raw_bytes(source, style or 0)
    number = family(source) == "int"
    length = target.length if target.length > 0 else 0
    fixed = target.name in ("binary", "rowversion")

    def convert(v: Any) -> bytes:
        data = raw(v)
        if length and len(data) > length:
            if column and data[length:].strip(b"\0"):
                raise truncated(column, "0x" + data[:length].hex().upper())
            data = data[-length:] if number else data[:length]
        if fixed and len(data) < length:
            data = data.rjust(length, b"\0") if number else data.ljust(length, b"\0")
        return data

    return convert


def raw_bytes(source: SqlType, style: int) -> Callable[[Any], bytes]:
    kind = family(source)
    if kind == "int":
        size = {"bit": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8}[source.name]
        return lambda v: v.to_bytes(size, "big", signed=v < 0)
    if kind == "text":
        if style in (1, 2):
            return lambda v: _from_hex(v, style)
        if is_national(source):
            return lambda v: text_out(v).encode("utf-16-le", "surrogatepass")
        codec = codec_of(source.collation)
        return lambda v: v.encode(codec, "sqlserver")
    if kind == "float":
        return lambda v: struct.pack(">f" if source.name == "real" else ">d", v)
    if source.name in ("money", "smallmoney"):
        return lambda v: v.to_bytes(8 if source.name == "money" else 4, "big", signed=True)
    if source.name == "datetime":
        return lambda v: (v // 25_920_000).to_bytes(4, "big", signed=True) + (v % 25_920_000).to_bytes(4, "big")
    if kind in ("binary", "guid", "clr"):
        return bytes
    raise SqlError(529, f"Explicit conversion from data type {type_name(source)} to varbinary is not allowed.", 16, 2)


def _from_hex(text: str, style: int) -> bytes:
    digits = text[2:] if style == 1 and text[:2].lower() == "0x" else text
    if style == 1 and text[:2].lower() != "0x":
        raise SqlError(8114, "Error converting data type varchar to varbinary.", 16, 5)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise SqlError(8114, "Error converting data type varchar to varbinary.", 16, 5) from None


def truncated(column: tuple[str, str], value: str) -> SqlError:
    return SqlError(
        2628,
        f"String or binary data would be truncated in table '{column[0]}', column '{column[1]}'. Truncated value: '{value}'.",
    )


def to_text(source: SqlType, target: SqlType, style: Any, column: Any) -> Convert:
    show = _text_of_bytes(target) if family(source) == "binary" and style in (None, 0) else text_of(source, style)
    national, fixed, length = is_national(target), target.name in ("char", "nchar"), target.length
    codec = None if national else codec_of(target.collation)
    numeric = family(source) in _NUMERIC
    xml = target.name == "xml"

    def convert(v: Any) -> str:
        text = show(v)
        if codec and not text.isascii():
            text = text.encode(codec, "sqlserver").decode(codec, "sqlserver")
        if length <= 0:
            return text.lstrip("\ufeff") if xml else text
        size = _size(text, national, codec)
        if size > length:
            if numeric:
                raise _no_room(source, target, text)
            kept = _cut(text, length, national, codec)
            if column and text[len(kept) :].strip(" "):
                raise truncated(column, kept)
            text, size = kept, length
        return text + " " * (length - size) if fixed else text

    return convert


def _text_of_bytes(target: SqlType) -> Callable[[bytes], str]:
    """Bytes as the text that the target would keep in them."""
    if is_national(target):
        return lambda v: text_in((v + b"\0" * (len(v) % 2)).decode("utf-16-le", "surrogatepass"))
    codec = codec_of(target.collation)
    return lambda v: v.decode(codec, "sqlserver")


def _no_room(source: SqlType, target: SqlType, text: str) -> SqlError:
    if family(source) == "int":
        if target.name in ("char", "varchar"):
            return SqlError(8115, f"Arithmetic overflow error converting expression to data type {target.name}.", 16, 2)
        return overflow(target.name)
    return overflow(target.name, "numeric")


def _size(text: str, national: bool, codec: str | None) -> int:
    if text.isascii():
        return len(text)
    return units(text) if national else len(text.encode(codec or "cp1252", "sqlserver"))


def _cut(text: str, length: int, national: bool, codec: str | None) -> str:
    kept = text[:length]
    while kept and _size(kept, national, codec) > length:
        kept = kept[:-1]
    return kept


def text_of(source: SqlType, style: int | None = None) -> Callable[[Any], str]:
    """How a value of the type is written as text."""
    kind, name = family(source), source.name
    if kind in ("text", "vector"):
        return lambda v: v
    if kind == "int":
        return str
    if kind == "decimal":
        scale, shown = scale_of(source), 2 if "money" in name and style in (None, 0) else scale_of(source)

        def show(v: Any) -> str:
            value = Decimal(v if type(v) is int else narrow(v)).scaleb(-scale, EXACT)
            return f"{value.quantize(Decimal(1).scaleb(-shown), ROUND_HALF_UP, EXACT):f}"

        return show
    if kind == "float":
        return lambda v: _float_text(v, style or 0, name == "real")
    if kind == "guid":
        return lambda v: str(uuid.UUID(bytes_le=v)).upper()
    if kind == "binary":
        return lambda v: ("0x" if style == 1 else "") + v.hex().upper()
    if name == "hierarchyid":
        return to_string
    if kind == "clr":
        raise SqlError(529, f"Explicit conversion from data type {type_name(source)} to varchar is not allowed.", 16, 2)
    return _temporal_text(source, style)


def _float_text(value: float, style: int, single: bool) -> str:
    digits = {0: 6, 1: 8, 2: 16, 3: 9 if single else 17}.get(style, 6)
    if style in (1, 2, 3):
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent):+04d}"
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent):+04d}"
    return text


def _temporal_text(source: SqlType, style: int | None) -> Callable[[Any], str]:
    name, scale = source.name, tm.scale_of(source)
    moment = to_moment(source, source)
    default = 0 if name in ("datetime", "smalldatetime") else 121

    def show(v: Any) -> str:
        days, ticks, offset = moment(v)
        total = (tm.DAYS_TO_1900 if days is None else days) * tm.TICKS_A_DAY + ticks
        text = tm.format_style(total, default if style is None else style, scale, name != "date", name != "time")
        if text is None:
            raise SqlError(
                281, f"{style} is not a valid style number when converting from {name} to a character string."
            )
        if offset is not None:
            return f"{text}{'' if style in (126, 127) else ' '}{tm.format_offset(offset)}"
        return text

    return show
