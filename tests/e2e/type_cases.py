"""Edge values of every supported SQL type: how T-SQL writes each, and what a reader of Parquet must show."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Value:
    literal: str
    shown: Any  # for datetimeoffset (UTC moment, minutes)
    altered: bool = False  # lost something, and the footer must count it


@dataclass(frozen=True)
class Case:
    """A column of `sql_type`; its table has a row for each value, and one of NULLs."""

    sql_type: str
    values: list[Value]
    collation: str = ""

    @property
    def ddl(self) -> str:
        return f"{self.sql_type}{' COLLATE ' + self.collation if self.collation else ''} NULL"


def _plain(sql_type: str, *values: tuple[str, Any]) -> Case:
    return Case(sql_type, [Value(literal, shown) for literal, shown in values])


def _integers() -> list[Case]:
    ends = {"tinyint": (0, 255), "smallint": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1)}
    ends["bigint"] = (-(2**63), 2**63 - 1)
    cases = [_plain(name, (str(low), low), (str(high), high), ("1", 1)) for name, (low, high) in ends.items()]
    return [*cases, _plain("bit", ("0", False), ("1", True))]


def _single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _floats() -> list[Case]:
    doubles = (1.7976931348623157e308, -1.7976931348623157e308, 2.2250738585072014e-308, 0.1, -1e-7, 0.0)
    singles = (3.40282347e38, -3.40282347e38, 1.17549435e-38, 0.1, 16777217.0, 0.0)
    return [
        Case("float", [Value(f"{value!r}E0" if "e" not in repr(value) else repr(value), value) for value in doubles]),
        Case("real", [Value(f"CAST('{value!r}' AS real)", _single(value)) for value in singles]),
    ]


def _monies() -> list[Case]:
    def case(name: str, *texts: str) -> Case:
        return Case(name, [Value(f"CAST('{text}' AS {name})", Decimal(text)) for text in texts])

    return [
        case("money", "-922337203685477.5808", "922337203685477.5807", "0.0001", "-0.0001", "0"),
        case("smallmoney", "-214748.3648", "214748.3647", "0.0001", "0"),
    ]


def _dates() -> list[Case]:
    cases = [
        _plain("date", ("'0001-01-01'", date(1, 1, 1)), ("'9999-12-31'", date(9999, 12, 31))),
        _plain(
            "smalldatetime",
            ("'1900-01-01T00:00:00'", datetime(1900, 1, 1)),
            ("'2079-06-06T23:59:00'", datetime(2079, 6, 6, 23, 59)),
        ),
        _plain(
            "datetime",
            ("'1753-01-01T00:00:00.000'", datetime(1753, 1, 1)),
            ("'9999-12-31T23:59:59.997'", datetime(9999, 12, 31, 23, 59, 59, 997000)),
            ("'2024-02-29T12:34:56.003'", datetime(2024, 2, 29, 12, 34, 56, 3000)),
            ("'1899-12-31T23:59:59.993'", datetime(1899, 12, 31, 23, 59, 59, 993000)),
        ),
    ]
    for scale in range(8):
        nines = "." + "9" * scale if scale else ""
        micros = int(("9" * min(scale, 6)).ljust(6, "0"))
        last = Value(f"'9999-12-31T23:59:59{nines}'", datetime(9999, 12, 31, 23, 59, 59, micros), altered=scale == 7)
        cases.append(Case(f"datetime2({scale})", [Value("'0001-01-01T00:00:00'", datetime(1, 1, 1)), last]))
        times = [Value("'00:00'", "00:00:00" + ("." + "0" * scale if scale else ""))]
        cases.append(Case(f"time({scale})", [*times, Value(f"'23:59:59{nines}'", f"23:59:59{nines}")]))
    return cases


def _offsets() -> list[Case]:
    def value(local: str, offset: str, altered: bool = False) -> Value:
        sign = -1 if offset[0] == "-" else 1
        minutes = sign * (int(offset[1:3]) * 60 + int(offset[4:6]))
        moment = datetime.fromisoformat(local[:26]).replace(tzinfo=UTC) - timedelta(minutes=minutes)
        return Value(f"'{local} {offset}'", (moment, minutes), altered)

    return [
        Case(
            "datetimeoffset(7)",
            [
                value("0001-01-01 00:00:00.0000000", "+00:00"),
                value("9999-12-31 23:59:59.9999999", "+00:00", altered=True),
                value("2024-02-29 12:00:00.1234567", "-05:30", altered=True),
                value("2024-02-29 12:00:00.1234560", "-00:30"),
                value("2024-03-01 01:00:00.0000000", "+14:00"),
                value("2024-02-29 23:00:00.0000000", "-14:00"),
            ],
        ),
        Case("datetimeoffset(0)", [value("2024-02-29 12:00:00", "+05:45"), value("1969-12-31 23:59:59", "-00:01")]),
        Case("datetimeoffset(3)", [value("1999-12-31 23:59:59.999", "+01:00")]),
    ]


def _texts() -> list[Case]:
    lone = Value("N'a' + NCHAR(55357) + N'b'", "a\ufffdb", altered=True)  # half of a surrogate pair
    return [
        _plain("char(5)", ("''", "     "), ("'ab'", "ab   "), ("'naïve'", "naïve"), ("'€‰Œ'", "€‰Œ  ")),
        _plain(
            "varchar(60)",
            ("''", ""),
            ("'x  '", "x  "),
            ("'   '", "   "),
            ("'a' + CHAR(0) + 'b'", "a\0b"),
            ("'it''s'", "it's"),
            ("'“naïve” €'", "“naïve” €"),
        ),
        Case("varchar(30)", [Value("N'Привет, мир'", "Привет, мир"), Value("''", "")], "Cyrillic_General_CI_AS"),
        Case("varchar(30)", [Value("N'日本語テスト'", "日本語テスト"), Value("''", "")], "Japanese_CI_AS"),
        Case("varchar(30)", [Value("N'Ελλάδα'", "Ελλάδα")], "Greek_CI_AS"),
        Case("varchar(40)", [Value("N'世界 😀 é'", "世界 😀 é")], "Latin1_General_100_CI_AS_SC_UTF8"),
        Case("char(8)", [Value("N'é'", "é" + " " * 6)], "Latin1_General_100_CI_AS_SC_UTF8"),  # 8 bytes
        _plain("nchar(4)", ("N''", "    "), ("N'世'", "世   "), ("N'😀'", "😀  ")),
        Case(
            "nvarchar(60)",
            [
                Value("N''", ""),
                Value("N' trailing  '", " trailing  "),
                Value("N'a' + NCHAR(0) + N'b'", "a\0b"),
                Value("N'😀𝄞 世界 Zażółć'", "😀𝄞 世界 Zażółć"),
                lone,
                Value("N'line' + NCHAR(13) + NCHAR(10) + NCHAR(9) + N'end'", "line\r\n\tend"),
            ],
        ),
        _plain("nvarchar(max)", ("N''", ""), ("N'\ufeff\u200d'", "\ufeff\u200d")),
    ]


def _bytes() -> list[Case]:
    guid = "6F9619FF-8B86-D011-B42D-00C04FC964FF"
    point = "00000000010C" + "000000000000F03F" * 2  # geometry::Point(1, 1, 0)
    earth = "E6100000010C" + "0000000000004740" + "0000000000C05EC0"  # 46° N, 123° W
    return [
        _plain("binary(4)", ("0x", b"\0\0\0\0"), ("0x01FF", b"\x01\xff\0\0"), ("0xDEADBEEF", b"\xde\xad\xbe\xef")),
        _plain("varbinary(20)", ("0x", b""), ("0x00", b"\0"), ("0x0020FF00", b"\0 \xff\0")),
        _plain("varbinary(max)", ("0x", b""), ("0x00", b"\0")),
        _plain(
            "uniqueidentifier",
            (f"'{guid.lower()}'", guid),
            ("'00000000-0000-0000-0000-000000000000'", "00000000-0000-0000-0000-000000000000"),
            ("'ffffffff-ffff-ffff-ffff-ffffffffffff'", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
        ),
        _plain("hierarchyid", ("CAST(0x AS hierarchyid)", b""), ("CAST(0x5AC0 AS hierarchyid)", b"\x5a\xc0")),
        _plain("geometry", (f"CAST(0x{point} AS geometry)", bytes.fromhex(point))),
        _plain("geography", (f"CAST(0x{earth} AS geography)", bytes.fromhex(earth))),
    ]


CASES = [*_integers(), *_floats(), *_monies(), *_dates(), *_offsets(), *_texts(), *_bytes()]
NAMES = [f"c{number:02d}_{case.sql_type.split('(')[0]}" for number, case in enumerate(CASES)]
ROWS = max(len(case.values) for case in CASES)


def value_at(case: Case, row: int) -> Value:
    """Of row 0 to ROWS - 1; a case with fewer values begins again."""
    return case.values[row % len(case.values)]


@dataclass(frozen=True)
class DecimalColumn:
    precision: int
    scale: int

    @property
    def name(self) -> str:
        return f"p{self.precision}s{self.scale}"

    @property
    def sql_type(self) -> str:
        return f"decimal({self.precision},{self.scale})"

    def values(self) -> list[Decimal]:
        """The largest, the smallest, the least steps from zero, and zero."""
        digits = "9" * self.precision
        unit = Decimal((0, (1,), -self.scale))
        largest = Decimal((0, tuple(map(int, digits)), -self.scale))
        return [largest, largest.copy_negate(), unit, unit.copy_negate(), Decimal((0, (0,), -self.scale))]


DECIMALS = [DecimalColumn(38, scale) for scale in range(39)] + [DecimalColumn(p, p // 2) for p in range(1, 38)]
