"""Conversions between SQL types, on stored values (standin.engine.storage), with SQL Server's errors.

`converter(source, target)` returns a function of one value; NULL is handled by it. CAST truncates strings silently,
an assignment to a column raises 2628."""

from __future__ import annotations

import pickle
import struct
import uuid
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from standin.engine import hierarchies
from standin.engine import temporal as tm
from standin.engine.errors import overflow
from standin.engine.json_types import to_json, to_vector
from standin.engine.moments import to_temporal
from standin.engine.storage import EXACT, is_wide, narrow, scale_of, stored_decimal
from standin.engine.text_conversion import to_binary, to_text
from standin.engine.types import DOCUMENTS, INT_RANGE, LEGACY_LOB, family, is_national, type_name
from standin.model import MAX, SqlError, SqlType
from standin.tds.collations import codec_of

Convert = Callable[[Any], Any]
_TEMPORAL = frozenset({"date", "time", "datetime", "smalldatetime", "datetime2", "datetimeoffset"})
_NUMERIC = frozenset({"int", "decimal", "float"})


@lru_cache(maxsize=4096)
def converter(
    source: SqlType,
    target: SqlType,
    explicit: bool = False,
    style: int | None = None,
    column: tuple[str, str] | None = None,
) -> Convert | None:
    """None when a stored value of `source` is a stored value of `target` as it is.

    `column`: (table, column) when this is an assignment; too long strings raise 2628 then."""
    if _same(source, target):
        return None
    make = _pick(source, target, explicit)
    convert = make(source, target, style, column)
    return lambda value: None if value is None else convert(value)


def _same(source: SqlType, target: SqlType) -> bool:
    kind = family(source)
    if kind != family(target):
        return False
    if kind == "int":
        low, high = INT_RANGE[target.name]
        return target.name != "bit" and low <= INT_RANGE[source.name][0] and INT_RANGE[source.name][1] <= high
    if kind == "text":
        return _same_text(source, target)
    if kind == "binary":
        fits = target.length == MAX or target.name == "image" or (0 < source.length <= target.length)
        return fits and (
            target.name != "binary" or (source.name in ("binary", "rowversion") and source.length == target.length)
        )
    if kind == "decimal":
        return (
            scale_of(source) == scale_of(target)
            and is_wide(source) == is_wide(target)
            and (source.name == target.name in ("money", "smallmoney") or _digits(source) <= _whole_digits(target))
        )
    if kind in ("time", "datetime2", "datetimeoffset"):
        return source.scale <= target.scale
    if kind == "float":
        return source.name == target.name or target.name == "float"
    return source.name == target.name


def _same_text(source: SqlType, target: SqlType) -> bool:
    if target.name in DOCUMENTS:
        return source.name == target.name
    if not is_national(target) and (is_national(source) or codec_of(source.collation) != codec_of(target.collation)):
        return False
    if target.length == MAX or target.name in LEGACY_LOB:
        return True
    if source.length == MAX or source.name in LEGACY_LOB or source.name in DOCUMENTS:
        return False
    if target.name in ("char", "nchar"):
        return source.name in ("char", "nchar") and source.length == target.length
    return source.length <= target.length


def _digits(t: SqlType) -> int:
    return {"money": 19, "smallmoney": 10}.get(t.name, t.precision)


def _whole_digits(t: SqlType) -> int:
    """Digits of which every number fits: money's and smallmoney's ranges end below their precision."""
    return {"money": 18, "smallmoney": 9}.get(t.name, t.precision)


def _pick(source: SqlType, target: SqlType, explicit: bool) -> Callable[..., Convert]:
    s, t = family(source), family(target)
    if s == "variant" or t == "variant":
        return _from_variant if s == "variant" else _to_variant
    if t == "text" and target.name == "json":
        return to_json
    if t == "text":
        return to_text
    if t == "vector" and s in ("text", "vector"):
        return to_vector
    if t == "int" and s in (*_NUMERIC, "text", "binary"):
        return _to_int
    if t == "decimal" and s in (*_NUMERIC, "text", "binary"):
        return _to_decimal
    if t == "float" and s in (*_NUMERIC, "text"):
        return _to_float
    if t in _TEMPORAL and (s in _TEMPORAL or s == "text"):
        return to_temporal
    if t in ("datetime", "smalldatetime") and s in (*_NUMERIC, "binary"):
        return _number_to_datetime
    if t in _NUMERIC and s in ("datetime", "smalldatetime"):
        return _datetime_to_number
    if t == "binary" and (
        s in ("binary", "int", "guid", "clr", "decimal", "float") or s in _TEMPORAL or (s == "text" and explicit)
    ):
        return to_binary
    if t == "guid" and s in ("text", "binary"):
        return _to_guid
    if target.name == "hierarchyid" and s == "text":
        return lambda *_: hierarchies.parse
    if t == "clr" and s in ("binary", "clr"):
        return lambda *_: bytes
    if s == "text" and t == "binary":
        raise SqlError(
            257,
            f"Implicit conversion from data type {source.name} to {target.name} is not allowed. "
            "Use the CONVERT function to run this query.",
            16,
            3,
        )
    raise SqlError(206, f"Operand type clash: {type_name(source)} is incompatible with {type_name(target)}", 16, 2)


def to_number(source: SqlType, target_name: str) -> Convert:
    """To int, Decimal or float."""
    kind = family(source)
    if kind in ("int", "float"):
        return lambda v: v
    if kind == "decimal":
        scale = scale_of(source)
        return lambda v: Decimal(v if type(v) is int else narrow(v)).scaleb(-scale, EXACT)
    if kind == "binary":
        return lambda v: int.from_bytes(v[-8:], "big", signed=len(v) >= 8)
    return lambda v: _parse_number(v, source, target_name)


def _parse_number(text: str, source: SqlType, target_name: str) -> Any:
    stripped = text.strip().replace(",", "") if target_name in ("money", "smallmoney") else text.strip()
    if target_name in ("money", "smallmoney"):
        stripped = stripped.lstrip("$")
    if target_name in INT_RANGE:
        lowered = stripped.lower()
        if target_name == "bit" and lowered in ("true", "false"):
            return int(lowered == "true")
        try:
            return int(stripped) if stripped else 0
        except ValueError:
            raise conversion_failed(text, source, target_name) from None
    try:
        if "_" in stripped or stripped.lower() in ("nan", "inf", "infinity", "-inf"):
            raise ValueError
        if target_name in ("float", "real"):
            return float(stripped or "0")
        if not stripped or ("e" in stripped.lower() and target_name not in ("money", "smallmoney")):
            raise ValueError
        return Decimal(stripped)
    except (ValueError, InvalidOperation):
        if target_name in ("money", "smallmoney"):
            raise SqlError(235, "Cannot convert a char value to money. The char value has incorrect syntax.") from None
        shown = "numeric" if target_name in ("decimal", "numeric") else target_name
        raise SqlError(8114, f"Error converting data type {source.name} to {shown}.", 16, 5) from None


def conversion_failed(text: str, source: SqlType, target_name: str) -> SqlError:
    return SqlError(
        245, f"Conversion failed when converting the {source.name} value '{text}' to data type {target_name}."
    )


def _to_int(source: SqlType, target: SqlType, _style: Any, _column: Any) -> Convert:
    number = to_number(source, target.name)
    if target.name == "bit":
        return lambda v: int(number(v) != 0)
    low, high = INT_RANGE[target.name]

    def convert(v: Any) -> int:
        value = number(v)
        whole = int(value)
        if low <= whole <= high:
            return whole
        if family(source) == "text":
            raise SqlError(248, f"The conversion of the {source.name} value '{v}' overflowed an {target.name} column.")
        if family(source) == "int" and target.name in ("tinyint", "smallint"):
            raise SqlError(220, f"Arithmetic overflow error for data type {target.name}, value = {whole}.", 16, 2)
        shown = "numeric" if family(source) == "decimal" and "money" not in source.name else type_name(source)
        raise overflow(target.name, "expression" if family(source) == "int" else shown)

    return convert


def _to_decimal(source: SqlType, target: SqlType, _style: Any, _column: Any) -> Convert:
    number, scale = to_number(source, target.name), scale_of(target)
    limit = {"money": 2**63 - 1, "smallmoney": 2**31 - 1}.get(target.name) or 10**target.precision - 1
    shown_target = target.name if "money" in target.name else "numeric"
    shown_source = "numeric" if family(source) == "decimal" and "money" not in source.name else type_name(source)

    def convert(v: Any) -> Any:
        value = number(v)
        if type(value) is float:
            value = Decimal(repr(value)) if abs(value) < 1e39 else Decimal("1e39")
        unscaled = int(Decimal(value).scaleb(scale, EXACT).quantize(Decimal(1), ROUND_HALF_UP, EXACT))
        if not -limit - (1 if "money" in target.name else 0) <= unscaled <= limit:
            raise overflow(shown_target, shown_source)
        return stored_decimal(unscaled, target)

    return convert


def _to_float(source: SqlType, target: SqlType, _style: Any, _column: Any) -> Convert:
    number = to_number(source, target.name)
    if target.name == "float":
        return lambda v: float(number(v))

    def single(v: Any) -> float:
        try:
            return struct.unpack("<f", struct.pack("<f", float(number(v))))[0]
        except OverflowError:
            raise overflow("real") from None

    return single


def _number_to_datetime(source: SqlType, target: SqlType, _style: Any, _column: Any) -> Convert:
    number = to_number(source, "float")

    def convert(v: Any) -> int:
        if type(v) is bytes and family(source) == "binary" and target.name == "datetime":
            raw = v.rjust(8, b"\0")[-8:]
            return int.from_bytes(raw[:4], "big", signed=True) * 86_400 * 300 + int.from_bytes(raw[4:], "big")
        ticks = tm.TICKS_TO_1900 + int(Decimal(number(v)) * tm.TICKS_A_DAY)
        return tm.to_datetime(ticks) if target.name == "datetime" else tm.to_smalldatetime(ticks)

    return convert


def _datetime_to_number(source: SqlType, target: SqlType, style: Any, column: Any) -> Convert:
    unit = 86_400 * 300 if source.name == "datetime" else 1440
    if family(target) == "int":
        return lambda v: (2 * v + unit) // (2 * unit)
    to = converter(SqlType("float", precision=53), target, True, style, column)
    return lambda v: to(v / unit) if to else v / unit


def _to_guid(source: SqlType, _target: SqlType, _style: Any, _column: Any) -> Convert:
    if family(source) == "binary":
        return lambda v: bytes(v[:16]).ljust(16, b"\0")

    def convert(v: str) -> bytes:
        try:
            return uuid.UUID(v.strip()[:38].strip("{}")).bytes_le
        except ValueError:
            raise SqlError(
                8169, "Conversion failed when converting from a character string to uniqueidentifier.", 16, 2
            ) from None

    return convert


def _to_variant(source: SqlType, _target: SqlType, _style: Any, _column: Any) -> Convert:
    """SqlError 206 for a type that a sql_variant cannot hold (Microsoft Learn: sql_variant, restrictions)."""
    refused = source.length == MAX or source.name in (*LEGACY_LOB, *DOCUMENTS, "rowversion", "vector")
    if refused or family(source) == "clr":
        shown = f"{type_name(source)}(max)" if source.length == MAX else type_name(source)
        raise SqlError(206, f"Operand type clash: {shown} is incompatible with sql_variant", 16, 2)
    return lambda v: pickle.dumps((source, v))


def _from_variant(_source: SqlType, target: SqlType, style: Any, column: Any) -> Convert:
    def convert(stored: bytes) -> Any:
        base, value = pickle.loads(stored)
        inner = converter(base, target, True, style, column)
        return inner(value) if inner else value

    return convert
