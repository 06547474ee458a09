"""Parquet types and their values as people write them in case files (tests/cases/README.md).

A `Kind` is what a column of an object must be: `DECIMAL(9,2)`, `TIMESTAMP(micros,UTC)`. Its values are TOML booleans
and integers, else text: decimals with all digits of their scale, dates and times with all digits of their unit, bytes as
`0x…`, floating-point numbers as their shortest text. `texts` shows what a reader has in the same notation, exactly, so
that two values are equal if their notations are."""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

Shown = bool | int | str | None

_UNITS = {"millis": ("ms", 3), "micros": ("us", 6), "nanos": ("ns", 9)}
_DIGITS = {"s": 0} | dict(_UNITS.values())
_LARGEST_SINGLE = 3.4028235677973366e38  # beyond it packing overflows
_DUCKDB = {
    "BOOLEAN": "BOOLEAN", "INT16": "SMALLINT", "INT32": "INTEGER", "INT64": "BIGINT", "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE", "DATE": "DATE", "STRING": "VARCHAR", "BYTES": "BLOB", "UUID": "UUID", "TIME": "TIME",
    "WKB": "GEOMETRY",
}  # fmt: skip
_ARROW = {
    "BOOLEAN": pa.bool_(), "INT16": pa.int16(), "INT32": pa.int32(), "INT64": pa.int64(), "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(), "DATE": pa.date32(), "STRING": pa.string(), "BYTES": pa.binary(), "UUID": pa.uuid(),
    "WKB": pa.binary(),
}  # fmt: skip
_PHYSICAL = {
    "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "INT64": "INT64",
    "UUID": "FIXED_LEN_BYTE_ARRAY",
}
_BYTE_ARRAYS = ("STRING", "BYTES", "WKB")
_LOGICAL = {
    "INT16": "Int(bitWidth=16, isSigned=true)", "DATE": "Date", "STRING": "String", "UUID": "UUID",
}  # fmt: skip
_ARGUMENTS = {"DECIMAL": (2,), "TIMESTAMP": (1, 2), "TIME": (1,), "BYTES": (0,)}


class NotationError(ValueError):
    """A type or a value that is not written as the notation has it."""


@dataclass(frozen=True)
class Kind:
    """A column's type: a name and its arguments."""

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name + (f"({','.join(self.arguments)})" if self.arguments else "")

    @property
    def is_utc(self) -> bool:
        return self.arguments[1:] == ("UTC",)

    @property
    def digits(self) -> int:
        """Fractional digits of a decimal, or of a second."""
        return int(self.arguments[1]) if self.name == "DECIMAL" else _UNITS[self.arguments[0]][1]

    def arrow(self) -> pa.DataType:
        """What pyarrow sees."""
        if self.name == "DECIMAL":
            return pa.decimal128(int(self.arguments[0]), int(self.arguments[1]))
        if self.name == "TIMESTAMP":
            return pa.timestamp(_UNITS[self.arguments[0]][0], "UTC" if self.is_utc else None)
        if self.name == "TIME":
            return pa.time32("ms") if self.digits == 3 else pa.time64(_UNITS[self.arguments[0]][0])
        return _ARROW[self.name]

    def parquet(self) -> tuple[str, str]:
        """Parquet's physical type and the beginning of its logical one, as pyarrow prints them."""
        if self.name == "DECIMAL":
            precision = int(self.arguments[0])
            physical = "INT32" if precision <= 9 else "INT64" if precision <= 18 else "FIXED_LEN_BYTE_ARRAY"
            return physical, f"Decimal(precision={precision}, scale={self.digits})"
        if self.name in ("TIMESTAMP", "TIME"):
            unit = {"millis": "milliseconds", "micros": "microseconds", "nanos": "nanoseconds"}[self.arguments[0]]
            physical = "INT32" if (self.name, self.digits) == ("TIME", 3) else "INT64"
            return (
                physical,
                f"{self.name.title()}(isAdjustedToUTC={'true' if self.is_utc else 'false'}, timeUnit={unit}",
            )
        if self.name in _BYTE_ARRAYS:
            return "BYTE_ARRAY", _LOGICAL.get(self.name, "None")
        return _PHYSICAL.get(self.name, "INT32"), _LOGICAL.get(self.name, "None")

    def duckdb(self) -> str:
        """What DuckDB's DESCRIBE says."""
        if self.name == "TIMESTAMP":
            return "TIMESTAMP WITH TIME ZONE" if self.is_utc else "TIMESTAMP_NS" if self.digits == 9 else "TIMESTAMP"
        return str(self) if self.name == "DECIMAL" else _DUCKDB[self.name]

    def shown(self, written: Any) -> Shown:
        """A value of a case file, checked. Raises NotationError. The text NULL is no value of any type but STRING."""
        check = _CHECKS[self.name]
        try:
            return check(self, written)
        except (NotationError, ValueError, ArithmeticError) as error:
            raise NotationError(f"{written!r} is no {self}: {str(error) or _HINTS[self.name]}") from None

    def seen_by(self, value: Shown, found: pa.DataType) -> Shown:
        """The value as a reader shows it that has another type for it: a finer unit of time (zeros follow) or a coarser
        one (it is cut), text for a UUID."""
        if self.name in ("TIMESTAMP", "TIME") and isinstance(value, str) and (pa.types.is_temporal(found)):
            digits = _DIGITS[found.unit]
            whole, zone = value.removesuffix("Z"), "Z" if value.endswith("Z") else ""
            seconds, _, fraction = whole.partition(".")
            return seconds + "." + fraction.ljust(digits, "0")[:digits] + zone
        if self.name == "UUID" and pa.types.is_string(found) and isinstance(value, str):
            return value.lower()  # DuckDB
        return value


def kind_of(text: str) -> Kind:
    """`DECIMAL(9,2)` and the like. Raises NotationError."""
    match = re.fullmatch(r"([A-Z0-9]+)(?:\(([^()]*)\))?", text)
    name, inner = (match[1], match[2]) if match else ("", None)
    if name not in _CHECKS:
        raise NotationError(f"{text!r} is no type; known are {', '.join(sorted(_CHECKS))}")
    arguments = tuple(part.strip() for part in inner.split(",")) if inner is not None else ()
    if len(arguments) not in _ARGUMENTS.get(name, (0,)):
        raise NotationError(f"{text!r}: {name} has not {len(arguments)} arguments")
    if name in ("TIMESTAMP", "TIME") and (arguments[0] not in _UNITS or arguments[1:] not in ((), ("UTC",))):
        raise NotationError(f"{text!r}: write {name}(millis), (micros) or (nanos), with UTC where it is one in UTC")
    if name in ("DECIMAL", "BYTES") and not all(argument.isdigit() for argument in arguments):
        raise NotationError(f"{text!r}: the arguments of {name} are numbers")
    return Kind(name, arguments)


def _boolean(_: Kind, written: Any) -> Shown:
    if not isinstance(written, bool):
        raise NotationError
    return written


def _integer(kind: Kind, written: Any) -> Shown:
    bits = int(kind.name[3:])
    if isinstance(written, bool) or not isinstance(written, int) or not -(1 << bits - 1) <= written < 1 << bits - 1:
        raise NotationError
    return written


def _floating(kind: Kind, written: Any) -> Shown:
    return float_text(float(written), kind.name == "FLOAT")


def _decimal(kind: Kind, written: Any) -> Shown:
    match = re.fullmatch(r"-?(\d+)(?:\.(\d+))?", written) if isinstance(written, str) else None
    if match is None or len(match[2] or "") != kind.digits or re.fullmatch(r"0\d+", match[1]):
        raise NotationError
    return written


def _temporal(pattern: str) -> Callable[[Kind, Any], Shown]:
    def check(kind: Kind, written: Any) -> Shown:
        fraction = "" if kind.name == "DATE" else rf"\.\d{{{kind.digits}}}"
        zone = "Z" if kind.is_utc else ""
        if not isinstance(written, str) or not re.fullmatch(pattern + fraction + zone, written):
            raise NotationError
        return written

    return check


def _text(_: Kind, written: Any) -> Shown:
    if not isinstance(written, str):
        raise NotationError
    return written


def _bytes(kind: Kind, written: Any) -> Shown:
    if not isinstance(written, str) or not re.fullmatch(r"0x([0-9A-Fa-f]{2})*", written):
        raise NotationError
    if kind.arguments and len(written) != 2 + 2 * int(kind.arguments[0]):
        raise NotationError(f"it has not {kind.arguments[0]} bytes")
    return "0x" + written[2:].upper()


def _uuid(_: Kind, written: Any) -> Shown:
    if not isinstance(written, str) or str(uuid.UUID(written)).upper() != written:
        raise NotationError
    return written


_CHECKS: dict[str, Callable[[Kind, Any], Shown]] = {
    "BOOLEAN": _boolean,
    "INT16": _integer,
    "INT32": _integer,
    "INT64": _integer,
    "FLOAT": _floating,
    "DOUBLE": _floating,
    "DECIMAL": _decimal,
    "DATE": _temporal(r"\d{4}-\d\d-\d\d"),
    "TIMESTAMP": _temporal(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
    "TIME": _temporal(r"\d\d:\d\d:\d\d"),
    "STRING": _text,
    "BYTES": _bytes,
    "WKB": _bytes,
    "UUID": _uuid,
}
_HINTS = {
    "BOOLEAN": "write true or false",
    "INT16": "write a number of its range",
    "INT32": "write a number of its range",
    "INT64": "write a number of its range",
    "FLOAT": "write a number, or its text",
    "DOUBLE": "write a number, or its text",
    "DECIMAL": 'write text with all digits of its scale, "-0.50"',
    "DATE": 'write "2024-02-29"',
    "TIMESTAMP": 'write "2024-02-29 12:34:56.000000" with all digits of the unit, and Z in UTC',
    "TIME": 'write "12:34:56.000000" with all digits of the unit',
    "STRING": "write text",
    "BYTES": 'write "0x01FF"',
    "WKB": 'write "0x01FF"',
    "UUID": "write 36 characters, upper case",
}


def texts(column: pa.ChunkedArray) -> list[Shown]:
    """A reader's column in the notation, by the type that the reader gives it."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    found = array.type
    if isinstance(found, pa.BaseExtensionType):
        return [None if one is None else _extension_text(found, one) for one in array.storage.to_pylist()]
    if pa.types.is_date32(found):
        return _shown(array.cast(pa.int32()), lambda days: _instant(days * 86400, 0, 0).split(" ")[0])
    if pa.types.is_timestamp(found):
        digits, zone = _DIGITS[found.unit], "Z" if found.tz else ""
        return _shown(array.cast(pa.int64()), lambda ticks: _instant(*divmod(ticks, 10**digits), digits) + zone)
    if pa.types.is_time(found):
        digits, wide = _DIGITS[found.unit], pa.int32() if pa.types.is_time32(found) else pa.int64()
        return _shown(array.cast(wide), lambda ticks: _instant(*divmod(ticks, 10**digits), digits).split(" ")[1])
    if pa.types.is_decimal(found):
        return _shown(array, lambda value: f"{value:f}")
    if pa.types.is_floating(found):
        return _shown(array, lambda value: float_text(value, pa.types.is_float32(found)))
    if pa.types.is_binary(found) or pa.types.is_fixed_size_binary(found) or pa.types.is_large_binary(found):
        return _shown(array, lambda value: "0x" + value.hex().upper())
    return list(array.to_pylist())


def _shown(array: pa.Array, show: Callable[[Any], str]) -> list[Shown]:
    return [None if value is None else show(value) for value in array.to_pylist()]


def _extension_text(found: pa.BaseExtensionType, storage: bytes) -> str:
    if found.extension_name == "arrow.uuid":
        return str(uuid.UUID(bytes=storage)).upper()
    return "0x" + storage.hex().upper()


def float_text(value: float, single: bool) -> str:
    """The shortest text that gives the same bits back: repr's of a double; of a float the shortest that rounds to it."""
    if not single:
        return repr(value)
    bits = struct.pack("<f", value)
    exact = struct.unpack("<f", bits)[0]
    for digits in range(1, 9):
        shorter = float(f"{exact:.{digits}g}")
        if abs(shorter) <= _LARGEST_SINGLE and struct.pack("<f", shorter) == bits:
            return repr(shorter)
    return repr(float(f"{exact:.9g}"))


def _instant(seconds: int, ticks: int, digits: int) -> str:
    """`2024-02-29 12:34:56.123456` of seconds since 1970 and a fraction; years beyond 0001-9999 with their sign."""
    days, second = divmod(seconds, 86400)
    year, month, day = _civil(days)
    text = f"{year:04d}-{month:02d}-{day:02d} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return text + (f".{ticks:0{digits}d}" if digits else "")


def _civil(days: int) -> tuple[int, int, int]:
    """Proleptic Gregorian date of days since 1970-01-01, beyond what Python's date holds as well."""
    era, day_of_era = divmod(days + 719468, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1
