"""What a client cannot do, whatever a server sends: the one table of exceptions in the conformance suite.

Each entry says which values it concerns, and what the client gives instead (or that it fails). The suite holds clients
to exactly that, so an entry that a newer client no longer needs turns red."""

from __future__ import annotations

import datetime
import math
import re
import struct
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from value_tables import Case

from tests.support.tds_clients import Cell, float_of

Shown = Cell | Callable[[Cell], bool]  # the cell, or a test of it
_LONE = re.compile("[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]")
_LAST_HIGH = re.compile("[\ud800-\udbff]$")


@dataclass(frozen=True)
class Limit:
    """`gives` is None where the client fails on the column."""

    client: str
    reason: str
    concerns: Callable[[Case, Cell], bool]
    gives: Callable[[Cell], Shown] | None

    def __str__(self) -> str:
        return f"{self.client} {self.reason}"


def shown(client: str, case: Case, cell: Cell) -> Shown:
    """What the client is to give."""
    for limit in LIMITS:
        if limit.client == client and limit.gives is not None and limit.concerns(case, cell):
            return limit.gives(cell)
    return cell


def is_shown(actual: Cell | None, expected: Shown | None) -> bool:
    if callable(expected):
        return actual is not None and expected(actual)
    return actual == expected


def fails(client: str, case: Case) -> bool:
    """Whether the client cannot read the column at all."""
    mine = [limit for limit in LIMITS if limit.client == client and limit.gives is None]
    return any(limit.concerns(case, cell) for limit in mine for _, cell in case.values)


# Which values


def _of(*bases: str) -> Callable[[Case, Cell], bool]:
    return lambda case, _: case.base in bases


def _variant(*bases: str) -> Callable[[Case, Cell], bool]:
    return _of(*(f"sql_variant {base}" for base in bases))


def _has_seventh_digit(case: Case, cell: Cell) -> bool:
    digits = re.search(r"\.\d{6}(\d)", cell.value) if isinstance(cell.value, str) else None
    return cell.type in ("time", "datetime", "datetimeoffset") and digits is not None and digits[1] != "0"


def _has_lone_surrogate(case: Case, cell: Cell) -> bool:
    return cell.type == "text" and not case.code_page and _LONE.search(str(cell.value)) is not None


def _short_with_lone_surrogate(case: Case, cell: Cell) -> bool:
    return _has_lone_surrogate(case, cell) and not case.name.endswith("_max")


def _large_with_lone_surrogate(case: Case, cell: Cell) -> bool:
    return _has_lone_surrogate(case, cell) and case.name.endswith("_max")


def _composes(case: Case, cell: Cell) -> bool:
    return case.code_page == "cp1258" and _composed(str(cell.value)) != cell.value


def _composed(text: str) -> str:
    """Each letter and the one mark after it as one character, where there is one; 1258 has five such marks."""
    out = ""
    for mark in text:
        pair = unicodedata.normalize("NFC", out[-1:] + mark)
        joins = mark in "\u0300\u0301\u0303\u0309\u0323" and len(pair) == 1
        out = out[:-1] + pair if joins else out + mark
    return out


def _under(*collations: str) -> Callable[[Case, Cell], bool]:
    return lambda case, _: case.name.removesuffix("_100_ci_as") in collations


def _is_wide_utf8(case: Case, cell: Cell) -> bool:
    return case.code_page == "utf-8" and not str(cell.value).isascii()


# What they become


def _text(change: Callable[[str], str]) -> Callable[[Cell], Cell]:
    return lambda cell: Cell("text", change(str(cell.value)))


def _microseconds(cell: Cell) -> Cell:
    return Cell(cell.type, re.sub(r"(\.\d{6})\d", r"\g<1>0", str(cell.value)))


def _near(cell: Cell) -> Callable[[Cell], bool]:
    """A double next to the number; it has some rounding steps behind it."""
    number = float(cell.value) if isinstance(cell.value, Decimal | int) else math.nan
    return lambda actual: actual.type == "float" and math.isclose(float_of(actual), number, rel_tol=1e-15)


def _in_utc(cell: Cell) -> Cell:
    return Cell("datetimeoffset", f"{_utc(cell)} +00:00")


def _utc(cell: Cell) -> str:
    local, ticks, zone = re.fullmatch(r"(.*)(\.\d{7}) (.*)", str(cell.value)).groups()
    minutes = int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[4:]))
    moment = datetime.datetime.fromisoformat(local) - datetime.timedelta(minutes=minutes)
    return f"{moment:%Y-%m-%d %H:%M:%S}".rjust(19, "0") + ticks


def _on(day: str) -> Callable[[Cell], Cell]:
    return lambda cell: Cell("datetime", f"{day} {cell.value}")


def _midnight(cell: Cell) -> Cell:
    return Cell("datetime", f"{cell.value} 00:00:00.0000000")


def _ascii(places: int | None) -> Callable[[Cell], Cell]:
    """A number's text as bytes."""
    return lambda cell: Cell("bytes", (f"{cell.value:.{places}f}" if places else f"{cell.value:f}").encode())


def _guid_bytes(cell: Cell) -> Cell:
    return Cell("bytes", uuid.UUID(str(cell.value)).bytes_le)


def _as_1252(cell: Cell) -> Cell:
    data = str(cell.value).encode()
    return Cell("text", "".join(bytes([byte]).decode("cp1252", "replace") for byte in data))


def _time_struct(cell: Cell) -> Cell:
    hour, minute, second, ticks = map(int, re.findall(r"\d+", str(cell.value)))
    return Cell("bytes", struct.pack("<HHHxxI", hour, minute, second, ticks * 100))


def _offset_struct(cell: Cell) -> Cell:
    year, month, day, hour, minute, second, ticks, east_h, east_m = map(int, re.findall(r"\d+", str(cell.value)))
    sign = -1 if " -" in str(cell.value) else 1
    parts = (year, month, day, hour, minute, second, ticks * 100, sign * east_h, sign * east_m)
    return Cell("bytes", struct.pack("<hHHHHHIhh", *parts))


def _other_text(cell: Cell) -> Callable[[Cell], bool]:
    return lambda actual: actual.type == "text" and actual != cell


def _bytes_of_some_kind(_cell: Cell) -> Callable[[Cell], bool]:
    return lambda actual: actual.type == "bytes"


_PYTHON = "has microseconds, as Python's datetime"
_UNTYPED = "gives a sql_variant without its base type"
_NUMBERS = ["int", "bit", "tinyint", "smallint", "bigint", "decimal", "numeric", "money", "smallmoney", "float", "real"]
_MOMENTS = ["date", "time", "datetime", "smalldatetime", "datetime2", "datetimeoffset"]
_TEXTS = ["char", "varchar", "nchar", "nvarchar"]

LIMITS = [
    Limit("pytds", _PYTHON, _has_seventh_digit, _microseconds),
    Limit("pytds", "decodes UTF-16 strictly: no lone surrogates", _has_lone_surrogate, None),
    Limit("pytds", "does not know the UTF-8 flag of a collation", _is_wide_utf8, None),
    Limit(
        "pytds",
        "does not know the code page of all locales, and not of those with another sort order",
        _under(
            "bashkir", "bosnian_cyrillic", "bosnian_latin", "chinese_prc_stroke", "chinese_simplified_stroke_order",
            "chinese_taiwan_bopomofo", "chinese_traditional_bopomofo", "chinese_traditional_stroke_order", "dari",
            "hungarian_technical", "japanese_bushu_kakusu", "japanese_unicode", "serbian_latin", "turkmen", "uighur", "yakut",
        ),
        _other_text,
    ),
    Limit("tedious", "does not know the locale 0827", _under("lithuanian_classic"), _other_text),
    Limit("go-mssqldb", "does not know the sort order 43", _under("sql_latin1_general_pref_cp850_ci_as"), _other_text),
    Limit(
        "microsoft",
        "does not know the locales 0827, 0C04 and 10411, and the sort order 122",
        _under("lithuanian_classic", "chinese_hong_kong_stroke", "japanese_unicode", "sql_altdiction2_cp1253_cs_as"),
        _other_text,
    ),
    Limit("pymssql", f"{_UNTYPED}: the bytes alone, in db-library's form", _variant(*_NUMBERS, *_MOMENTS, *_TEXTS, "uniqueidentifier"), _bytes_of_some_kind),
    Limit("pymssql", _PYTHON, _has_seventh_digit, _microseconds),
    Limit(
        "pymssql",
        "recodes to UTF-8: ? for a lone surrogate, nothing for a high one at the end",
        _short_with_lone_surrogate,
        _text(lambda text: _LONE.sub("?", _LAST_HIGH.sub("", text))),
    ),
    Limit("pymssql", "loses its connection at a lone surrogate in a (max) value", _large_with_lone_surrogate, None),
    Limit("pymssql", "composes Vietnamese letters with their marks", _composes, _text(_composed)),
    Limit("tedious", "has doubles alone for exact numbers", _of("decimal", "numeric", "money", "smallmoney"), _near),
    Limit("tedious", f"{_UNTYPED}: numbers", _variant("int", "tinyint", "smallint", "decimal", "numeric", "money", "smallmoney"), _near),
    Limit("tedious", f"{_UNTYPED}: bigint as text", _variant("bigint"), lambda cell: Cell("text", str(cell.value))),
    Limit("tedious", f"{_UNTYPED}: guid as text", _variant("uniqueidentifier"), lambda cell: Cell("text", cell.value)),
    Limit("tedious", f"{_UNTYPED}: dates as moments", _variant("date"), _midnight),
    Limit("tedious", f"{_UNTYPED}: times as moments", _variant("time"), _on("1970-01-01")),
    Limit(
        "tedious",
        f"{_UNTYPED}: offsets as moments",
        _variant("datetimeoffset"),
        lambda cell: Cell("datetime", _utc(cell)),
    ),
    Limit(
        "tedious",
        "takes varchar in a sql_variant for UTF-8",
        _variant("varchar"),
        _text(lambda text: text.encode("cp1252").decode("utf-8", "replace")),
    ),
    Limit("tedious", "drops the offset and keeps UTC", _of("datetimeoffset"), _in_utc),
    Limit("go-mssqldb", "puts U+FFFD for a lone surrogate", _has_lone_surrogate, _text(lambda text: _LONE.sub("\ufffd", text))),
    Limit("go-mssqldb", "does not know the UTF-8 flag of a collation", _is_wide_utf8, _as_1252),
    Limit("go-mssqldb", "knows SQL Server's own CLR types alone", lambda case, _: case.type == "dbo.Point", None),
    Limit("go-mssqldb", f"{_UNTYPED}: decimals as text", _variant("decimal", "numeric"), _ascii(None)),
    Limit("go-mssqldb", f"{_UNTYPED}: money as text", _variant("money", "smallmoney"), _ascii(4)),
    Limit("go-mssqldb", f"{_UNTYPED}: guids as bytes", _variant("uniqueidentifier"), _guid_bytes),
    Limit("go-mssqldb", f"{_UNTYPED}: dates as moments", _variant("date"), _midnight),
    Limit("go-mssqldb", f"{_UNTYPED}: times as moments", _variant("time"), _on("0001-01-01")),
    Limit("microsoft", "composes Vietnamese letters with their marks", _composes, _text(_composed)),
    Limit("microsoft", f"{_UNTYPED}: time as its structure", _variant("time"), _time_struct),
    Limit("microsoft", f"{_UNTYPED}: datetimeoffset as its structure", _variant("datetimeoffset"), _offset_struct),
    Limit("microsoft", f"{_UNTYPED}, and as Python's datetime: microseconds", _variant("datetime2"), _microseconds),
    Limit("microsoft", "fails in pyodbc at a sql_variant that is NULL", lambda case, _: case.name == "null_variant", None),
]  # fmt: skip
