"""One column of every SQL type with edge values, and what a client ought to show for each of them."""

from __future__ import annotations

import datetime
import struct
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from standin.model import MAX, Column, SqlType
from standin.tds.collations import by_name

TICKS_A_DAY = 864_000_000_000
_CYRILLIC, _JAPANESE = by_name("Cyrillic_General_CI_AS"), by_name("Japanese_CI_AS")
_UTF8 = by_name("Latin1_General_100_CI_AS_SC_UTF8")
_CP437 = by_name("SQL_Latin1_General_CP437_CI_AS")
_LONG_TEXT = "Zażółć 世界 😀 " * 3000


@dataclass(frozen=True)
class Case:
    """A column; its values beside NULL; and `shown`, what Python has for each in a client that has a type for it."""

    name: str
    type: SqlType
    values: list[Any]
    shown: list[Any] = field(default_factory=list)

    @property
    def column(self) -> Column:
        return Column(self.name, self.type)

    def expected(self) -> list[Any]:
        return self.shown or self.values


def day(year: int, month: int, number: int) -> int:
    """Days since 0001-01-01."""
    return datetime.date(year, month, number).toordinal() - 1


def ticks(hour: int, minute: int, second: int, hundred_nanoseconds: int = 0) -> int:
    return ((hour * 60 + minute) * 60 + second) * 10_000_000 + hundred_nanoseconds


def moment(year: int, month: int, number: int, *time_of_day: int) -> int:
    """A datetime2's value."""
    return day(year, month, number) * TICKS_A_DAY + ticks(*time_of_day)


def _datetimes() -> list[Case]:
    stamp, date, time = datetime.datetime, datetime.date, datetime.time
    since_1900 = (date(2024, 2, 29) - date(1900, 1, 1)).days
    before_1900 = (date(1753, 1, 1) - date(1900, 1, 1)).days
    plus_5_30 = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    minus_8 = datetime.timezone(datetime.timedelta(hours=-8))
    return [
        Case("a_date", SqlType("date"), [0, day(2024, 2, 29), day(9999, 12, 31)],
             [date(1, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]),
        Case("a_time", SqlType("time", scale=6), [0, ticks(13, 14, 15, 1234560), ticks(23, 59, 59, 9999990)],
             [time(0, 0), time(13, 14, 15, 123456), time(23, 59, 59, 999999)]),
        Case("a_datetime", SqlType("datetime"),
             [before_1900 * 25_920_000, since_1900 * 25_920_000 + 300 * 3600 * 13 + 150, 0],
             [stamp(1753, 1, 1), stamp(2024, 2, 29, 13, 0, 0, 500000), stamp(1900, 1, 1)]),
        Case("a_smalldatetime", SqlType("smalldatetime"), [0, since_1900 * 1440 + 13 * 60 + 14, 65535 * 1440 + 1439],
             [stamp(1900, 1, 1), stamp(2024, 2, 29, 13, 14), stamp(2079, 6, 6, 23, 59)]),
        Case("a_datetime2_6", SqlType("datetime2", scale=6),
             [0, moment(2024, 2, 29, 13, 14, 15, 1234560), moment(9999, 12, 31, 23, 59, 59, 9999990)],
             [stamp(1, 1, 1), stamp(2024, 2, 29, 13, 14, 15, 123456), stamp(9999, 12, 31, 23, 59, 59, 999999)]),
        Case("a_datetime2_0", SqlType("datetime2", scale=0), [moment(2024, 2, 29, 13, 14, 15), 0, 0],
             [stamp(2024, 2, 29, 13, 14, 15), stamp(1, 1, 1), stamp(1, 1, 1)]),
        Case("a_datetime2_3", SqlType("datetime2", scale=3), [moment(2024, 2, 29, 13, 14, 15, 1230000), 0, 0],
             [stamp(2024, 2, 29, 13, 14, 15, 123000), stamp(1, 1, 1), stamp(1, 1, 1)]),
        Case("a_datetime2_7", SqlType("datetime2", scale=7), [moment(2024, 2, 29, 13, 14, 15, 1234560), 0, 0],
             [stamp(2024, 2, 29, 13, 14, 15, 123456), stamp(1, 1, 1), stamp(1, 1, 1)]),
        Case("an_offset", SqlType("datetimeoffset", scale=6),
             [(moment(2024, 2, 29, 13, 14, 15, 1234560), 330), (moment(2024, 1, 1, 7, 0, 0), -480),
              (moment(2000, 1, 1, 0, 0, 0), 0)],
             [stamp(2024, 2, 29, 18, 44, 15, 123456, plus_5_30), stamp(2023, 12, 31, 23, 0, tzinfo=minus_8),
              stamp(2000, 1, 1, tzinfo=datetime.UTC)]),
    ]  # fmt: skip


def _numbers() -> list[Case]:
    return [
        Case("a_bit", SqlType("bit"), [0, 1, 1]),
        Case("a_tinyint", SqlType("tinyint"), [0, 255, 128]),
        Case("a_smallint", SqlType("smallint"), [-32768, 32767, 0]),
        Case("an_int", SqlType("int"), [-(2**31), 2**31 - 1, 0]),
        Case("a_bigint", SqlType("bigint"), [-(2**63), 2**63 - 1, 0]),
        Case("a_real", SqlType("real"), [1.5, -0.25, struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]]),
        Case("a_float", SqlType("float"), [1.7976931348623157e308, 5e-324, -0.1]),
        Case("a_decimal_9", SqlType("decimal", precision=9, scale=2),
             [Decimal("-1234567.89"), Decimal("0.00"), Decimal("9999999.99")]),
        Case("a_decimal_19", SqlType("decimal", precision=19, scale=4),
             [Decimal("-0.0001"), Decimal("999999999999999.9999"), Decimal("0.0000")]),
        Case("a_numeric_28", SqlType("numeric", precision=28, scale=0),
             [Decimal("9" * 28), Decimal("-" + "9" * 28), Decimal(0)]),
        Case("a_decimal_38", SqlType("decimal", precision=38, scale=10),
             [Decimal("9" * 28 + "." + "9" * 10), Decimal("-0.0000000001"), Decimal("1.0000000000")]),
        Case("a_money", SqlType("money"),
             [Decimal("-922337203685477.5808"), Decimal("922337203685477.5807"), Decimal("-0.0001")]),
        Case("a_smallmoney", SqlType("smallmoney"),
             [Decimal("-214748.3648"), Decimal("214748.3647"), Decimal("0.0000")]),
    ]  # fmt: skip


def _texts() -> list[Case]:
    return [
        Case("a_char", SqlType("char", 5), ["ab", "", "äöüß€"], ["ab   ", "     ", "äöüß€"]),
        Case("a_varchar", SqlType("varchar", 50), ["", "plain", "naïve € “quoted”"]),
        Case("a_cyrillic", SqlType("varchar", 50, collation=_CYRILLIC), ["Привет", "", "abc"]),
        Case("a_japanese", SqlType("varchar", 50, collation=_JAPANESE), ["日本語テスト", "", "abc"]),
        Case("a_cp437", SqlType("varchar", 50, collation=_CP437), ["│░é", "", "abc"]),
        Case("an_utf8", SqlType("varchar", 60, collation=_UTF8), ["😀 世界", "", "é"]),
        Case("a_varchar_max", SqlType("varchar", MAX), ["", "short", "x" * 70_000]),
        Case("an_nchar", SqlType("nchar", 4), ["世界", "", "abcd"], ["世界  ", "    ", "abcd"]),
        Case("an_nvarchar", SqlType("nvarchar", 100), ["", "Zażółć 世界 😀", " trailing  "]),
        Case("an_nvarchar_max", SqlType("nvarchar", MAX), ["", "kurz", _LONG_TEXT]),
        Case("a_text", SqlType("text"), ["old text", "", "x" * 9000]),
        Case("an_ntext", SqlType("ntext"), ["alter Text 世界", "", "y" * 9000]),
        Case("an_xml", SqlType("xml"), ["<a>é世</a>", "<b/>", "<c>" + "z" * 9000 + "</c>"]),
    ]


def _bytes() -> list[Case]:
    guid = uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")
    return [
        Case("a_binary", SqlType("binary", 10), [b"\1\2", b"\xff" * 10, b"\0" * 10],
             [b"\1\2" + b"\0" * 8, b"\xff" * 10, b"\0" * 10]),
        Case("a_varbinary", SqlType("varbinary", 100), [b"", b"\0\1\xff", b"\x80" * 100]),
        Case("a_varbinary_max", SqlType("varbinary", MAX), [b"", b"\0", bytes(range(256)) * 300]),
        Case("an_image", SqlType("image"), [b"\0", b"", bytes(range(256)) * 40]),
        Case("a_rowversion", SqlType("rowversion"), [(2001).to_bytes(8, "big"), b"\0" * 8, b"\xff" * 8]),
        Case("a_guid", SqlType("uniqueidentifier"), [guid.bytes_le, b"\0" * 16, b"\xff" * 16],
             [guid, uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]),
    ]  # fmt: skip


# Clients differ in what they make of these: they are read as bytes or text where a client has nothing for them.
ODD = [
    Case("a_hierarchyid", SqlType("hierarchyid"), [b"", b"\x58", b"\x5a\xc0"]),
    Case("a_geography", SqlType("geography"), [b"\xe6\x10\0\0\1\x0c" + b"\0" * 16] * 3),
]
CASES = _numbers() + _datetimes() + _texts() + _bytes()
EVERY = CASES + ODD


def rows() -> list[tuple[Any, ...]]:
    """A row a value index, then one of NULLs, then one NULL but for its first value."""
    filled = list(zip(*(case.values for case in EVERY), strict=True))
    nulls = (None,) * len(EVERY)
    return [*filled, nulls, (1, *nulls[1:])]
