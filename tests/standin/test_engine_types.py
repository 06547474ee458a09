"""Values as columns keep them: conversion at assignment, rounding, overflow, truncation, exactness."""

from __future__ import annotations

import random
import struct
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from engine_driver import Driver, new_engine

from standin.model import Param, SqlError, SqlType

DAY = 864_000_000_000
FEB29 = 738_944  # 2024-02-29 in days since 0001-01-01
TO_1900 = 693_595


@pytest.fixture(scope="module")
def db() -> Iterator[Driver]:
    engine = new_engine()
    driver = Driver(engine)
    driver.run("CREATE DATABASE Shop")
    driver.run("USE Shop")
    yield driver
    engine.close()


def clock(hour: int, minute: int, second: int, ticks: int = 0) -> int:
    return ((hour * 60 + minute) * 60 + second) * 10_000_000 + ticks


STORED: list[tuple[str, str, Any]] = [
    ("bit", "5", 1),
    ("tinyint", "255", 255),
    ("smallint", "-32768", -32768),
    ("int", "-2147483648", -2147483648),
    ("bigint", "-9223372036854775808", -9223372036854775808),
    ("real", "0.1", 0.10000000149011612),
    ("float", "1e308", 1e308),
    ("float", "-0.0e0", -0.0),
    ("decimal(5,2)", "123.455", Decimal("123.46")),
    ("decimal(5,2)", "-123.455", Decimal("-123.46")),
    ("decimal(38,0)", "-99999999999999999999999999999999999999", Decimal("-99999999999999999999999999999999999999")),
    ("numeric(38,38)", "0.12345678901234567890123456789012345678", Decimal("0.12345678901234567890123456789012345678")),
    ("money", "-922337203685477.5808", Decimal("-922337203685477.5808")),
    ("smallmoney", "214748.3647", Decimal("214748.3647")),
    ("money", "'$1,234.56789'", Decimal("1234.5679")),
    ("date", "'0001-01-01'", 0),
    ("date", "'20240229'", FEB29),
    ("datetime", "'2024-02-29 23:59:59.998'", (FEB29 - TO_1900) * 25_920_000 + 86_399 * 300 + 299),
    ("datetime", "'2024-02-29 23:59:59.999'", (FEB29 + 1 - TO_1900) * 25_920_000),
    ("datetime", "'1753-01-01'", -53_690 * 25_920_000),
    ("datetime", "'2024-02-29T10:11:12.123'", (FEB29 - TO_1900) * 25_920_000 + (10 * 3600 + 11 * 60 + 12) * 300 + 37),
    ("smalldatetime", "'2024-02-29 12:34:30'", (FEB29 - TO_1900) * 1440 + 12 * 60 + 35),
    ("datetime2(7)", "'9999-12-31 23:59:59.9999999'", 3_652_059 * DAY - 1),
    ("datetime2(0)", "'2024-02-29 10:00:00.5'", FEB29 * DAY + clock(10, 0, 1)),
    ("time(7)", "'23:59:59.9999999'", DAY - 1),
    ("time(0)", "'10:00:00.4999999'", clock(10, 0, 0)),
    ("datetimeoffset(7)", "'2024-02-29 10:00:00.1234567 -05:30'", (FEB29 * DAY + clock(15, 30, 0, 1_234_567), -330)),
    ("char(5)", "'ab'", "ab   "),
    ("varchar(5)", "'abcde   '", "abcde"),
    ("varchar(5)", "N'ž€x'", "ž€x"),
    ("varchar(5)", "N'日本'", "??"),
    ("nchar(3)", "N'日'", "日  "),
    ("nvarchar(2)", "N'😀'", "😀"),
    ("nvarchar(max)", "REPLICATE(CAST(N'x' AS nvarchar(max)), 10000)", "x" * 10000),
    ("nvarchar(5)", "N''", ""),
    ("varchar(10) COLLATE Cyrillic_General_CI_AS", "N'привет'", "привет"),
    ("varchar(20) COLLATE Chinese_Taiwan_Stroke_CI_AS", "N'許ぁ€'", "許?€"),
    ("varchar(20) COLLATE Chinese_Taiwan_Stroke_CI_AS", "0xC6A1C6ABC8FE41", "\uf6b1\uf6bb\uf848A"),
    ("varchar(20) COLLATE Latin1_General_100_CI_AS_SC_UTF8", "N'日本😀'", "日本😀"),
    ("ntext", "N'long'", "long"),
    ("xml", "'<a/>'", "<a/>"),
    ("binary(4)", "0x0102", b"\x01\x02\x00\x00"),
    ("binary(4)", "258", b"\x00\x00\x01\x02"),
    ("varbinary(4)", "0x", b""),
    ("varbinary(max)", "CONVERT(varbinary(max), '0x0aFF', 1)", b"\x0a\xff"),
    ("image", "0x00FF", b"\x00\xff"),
    (
        "uniqueidentifier",
        "'6F9619FF-8B86-D011-B42D-00C04FC964FF'",
        uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF").bytes_le,
    ),
    ("hierarchyid", "CAST(0x58 AS hierarchyid)", b"\x58"),
    ("hierarchyid", "'/1/2/'", b"\x5b\x40"),
    ("hierarchyid", "hierarchyid::Parse('/-1/1.1/')", bytes.fromhex("3fb160")),
    ("hierarchyid", "hierarchyid::GetRoot()", b""),
    ("nvarchar(5)", "CONVERT(nvarchar(5), 0x41003DD84200)", "A\ud83dB"),
    ("varchar(5) COLLATE Cyrillic_General_CI_AS", "0xE9FF", "йя"),
    ("nchar(3)", "N'a' + NCHAR(0)", "a\0 "),
    ("datetimeoffset(7)", "'0001-01-01 14:00:00 +14:00'", (0, 840)),
    ("datetimeoffset(7)", "'9999-12-31 09:59:59.9999999 -14:00'", (3_652_059 * DAY - 1, -840)),
    ("real", "1.4E-45", 1.401298464324817e-45),
    ("geography", "CAST(0xE6100000010C AS geography)", bytes.fromhex("E6100000010C")),
    ("json", 'N\'{"a": "é"}\'', '{"a": "é"}'),
    ("vector(3)", "'[0.1, -2, 30]'", "[1.0000000e-001,-2.0000000e+000,3.0000000e+001]"),
    ("sql_variant", "CAST(1.5 AS decimal(5,2))", (SqlType("decimal", precision=5, scale=2), Decimal("1.50"))),
]


@pytest.mark.parametrize(("sql_type", "literal", "expected"), STORED)
def test_a_value_is_kept_as_sql_server_keeps_it(db: Driver, sql_type: str, literal: str, expected: Any) -> None:
    db.run(f"DROP TABLE IF EXISTS v; CREATE TABLE v (id int IDENTITY, v {sql_type} NULL)")
    db.run(f"INSERT v (v) VALUES ({literal}), (NULL)")
    assert db.rows("SELECT v FROM v ORDER BY id") == [(expected,), (None,)]
    assert repr(db.rows("SELECT v FROM v ORDER BY id")[0][0]) == repr(expected)
    db.run("INSERT v (v) SELECT v FROM v")
    assert db.rows("SELECT v FROM v ORDER BY id")[2:] == [(expected,), (None,)]


HIERARCHIES = [
    ("0x", "/", 0),
    ("0x58", "/1/", 1),
    ("0x5AE158", "/1/1/4/1/", 4),
    ("0x62C0", "/1.1/", 1),
    ("0x59FB0540", "/1/-2.18/", 2),
    ("0xC110", "/16/", 1),
    ("0x1BEEFC", "/-73/", 1),
    ("0xFFFFF7FFFFDFBBF0", "/281479271683151/", 1),
    ("0x1000000000000128C0", "/-281479271682120.5/", 1),
    ("NULL", None, None),
]


@pytest.mark.parametrize(("literal", "path", "level"), HIERARCHIES)
def test_a_hierarchyid_tells_its_path_and_its_level(
    db: Driver, literal: str, path: str | None, level: int | None
) -> None:
    db.run("DROP TABLE IF EXISTS h; CREATE TABLE h (node hierarchyid NULL, level AS ([node].[GetLevel]()))")
    db.run(f"INSERT h (node) VALUES (CAST({literal} AS hierarchyid))")
    assert db.rows("SELECT node.ToString(), h.node.GetLevel(), level FROM dbo.h") == [(path, level, level)]
    assert db.rows(f"SELECT CAST({literal} AS hierarchyid).ToString()") == [(path,)]


def test_a_hierarchyid_that_is_none_and_methods_of_other_types_are_errors(db: Driver) -> None:
    for value, number in (("0x5A AS hierarchyid", 6522), ("0x5800FF AS hierarchyid", 6522), ("1 AS int", 258)):
        with pytest.raises(SqlError) as raised:
            db.rows(f"SELECT CAST({value}).ToString()")
        assert raised.value.number == number


REFUSED = [
    ("tinyint", "256", 220),
    ("tinyint", "-1", 220),
    ("smallint", "32768", 220),
    ("int", "2147483648", 8115),
    ("bigint", "9223372036854775808", 8115),
    ("int", "'x'", 245),
    ("int", "'2147483648'", 248),
    ("decimal(5,2)", "1000", 8115),
    ("decimal(5,2)", "'x'", 8114),
    ("smallmoney", "214748.3648", 8115),
    ("varchar(3)", "'abcd'", 2628),
    ("nvarchar(1)", "N'😀'", 2628),
    ("varbinary(1)", "0x0102", 2628),
    ("varbinary(9)", "'text'", 257),
    ("date", "'2023-02-29'", 241),
    ("datetime", "'2023-02-29'", 242),
    ("datetime", "'1752-12-31'", 242),
    ("smalldatetime", "'2079-06-07'", 242),
    ("datetime2", "'no date'", 241),
    ("date", "5", 206),
    ("datetimeoffset", "'0001-01-01 +14:00'", 242),
    ("datetimeoffset", "'2024-01-01 +14:01'", 241),
    ("hierarchyid", "'1/2'", 6522),
    ("uniqueidentifier", "'no guid'", 8169),
    ("json", "'{'", 13609),
    ("vector(2)", "'[1]'", 42204),
    ("vector(1)", "'[\"1\"]'", 13670),
]


@pytest.mark.parametrize(("sql_type", "literal", "number"), REFUSED)
def test_a_value_that_does_not_fit_is_refused_with_sql_servers_number(
    db: Driver, sql_type: str, literal: str, number: int
) -> None:
    db.run(f"DROP TABLE IF EXISTS v; CREATE TABLE v (v {sql_type})")
    assert db.error(f"INSERT v VALUES ({literal})").number == number
    assert db.rows("SELECT * FROM v") == []


def test_a_null_in_a_not_null_column_is_515_and_names_it(db: Driver) -> None:
    db.run("DROP TABLE IF EXISTS v; CREATE TABLE v (id int NOT NULL)")
    error = db.error("INSERT v VALUES (NULL)")
    assert error.number == 515 and "column 'id', table 'Shop.dbo.v'" in error.message
    db.run("INSERT v VALUES (1)")
    assert db.error("UPDATE v SET id = NULL").message.endswith("UPDATE fails.")


def test_every_double_is_read_to_its_last_bit(db: Driver) -> None:
    source = random.Random(1)
    numbers = [5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.0, -0.0, 0.1, 1e22, 1e23]
    numbers += [struct.unpack("<d", source.randbytes(7) + bytes([source.randrange(0x7F)]))[0] for _ in range(500)]
    db.run("DROP TABLE IF EXISTS v; CREATE TABLE v (id int IDENTITY, v float)")
    written = ", ".join(f"({number!r})" if "e" in repr(number) else f"({number!r}e0)" for number in numbers)
    db.run(f"INSERT v (v) VALUES {written}")
    db.run(f"INSERT v (v) SELECT x FROM (VALUES {written}) AS q(x)")
    assert list(map(repr, (v for (v,) in db.rows("SELECT v FROM v ORDER BY id")))) == list(map(repr, numbers * 2))


def test_lone_surrogates_survive(db: Driver) -> None:
    db.run("DROP TABLE IF EXISTS v; CREATE TABLE v (v nvarchar(10))")
    text = "a\ud83dz"
    db.run("INSERT v VALUES (@v)", Param("@v", SqlType("nvarchar", 10), text))
    assert db.rows("SELECT v, LEN(v) FROM v") == [(text, 3)]


def test_parameters_of_every_kind_arrive_unchanged(db: Driver) -> None:
    values = [
        (SqlType("decimal", precision=38, scale=4), Decimal("-1234567890123456789012345678.1234")),
        (SqlType("money"), Decimal("12.3400")),
        (SqlType("datetimeoffset", scale=7), (FEB29 * DAY + 5, -90)),
        (SqlType("varbinary", 10), b"\0\1"),
        (SqlType("uniqueidentifier"), bytes(range(16))),
        (SqlType("float"), 1.5),
        (SqlType("datetime"), -12345),
        (SqlType("nvarchar", 20), "nul \0 byte"),
    ]
    for sql_type, value in values:
        assert db.value("SELECT @v", Param("@v", sql_type, value)) == value
        assert db.value("SELECT @v", Param("@v", sql_type, None)) is None


CALCULATED = [
    ("7 / 2", 3),
    ("-7 / 2", -3),
    ("-7 % 3", -1),
    ("7.0 / 2", Decimal("3.500000")),
    ("CAST(1 AS decimal(38,10)) / 3", Decimal("0.3333333333")),
    ("CAST(10 AS money) / 3", Decimal("3.3333")),
    ("0.1 + 0.2", Decimal("0.3")),
    ("1e0 / 4", 0.25),
    ("'a' + 'b'", "ab"),
    ("0x01 + 0x02", b"\x01\x02"),
    ("5 & 6 | 8", 12),
    ("5 ^ 1", 4),
    ("CAST('2024-01-01' AS datetime) + 1", (738_885 + 1 - TO_1900) * 25_920_000),
    ("CONVERT(varchar(40), CAST('2024-02-29 10:11:12.1234567' AS datetime2), 126)", "2024-02-29T10:11:12.1234567"),
    ("CONVERT(varchar(40), CAST('2024-02-29 10:11:12.123' AS datetime), 121)", "2024-02-29 10:11:12.123"),
    ("CAST(CAST('2024-02-29 15:04' AS datetime) AS varchar(40))", "Feb 29 2024  3:04PM"),
    ("CONVERT(varchar(10), 0x0AFF, 2)", "0AFF"),
    ("CONVERT(varchar(40), 123456.789e0)", "123457"),
    ("CAST(12.5 AS money) * 2", Decimal("25.0000")),
    ("DATEADD(month, 1, CAST('2024-01-31' AS date))", FEB29),
    ("DATEDIFF(year, '2023-12-31', '2024-01-01')", 1),
    ("DATEPART(weekday, '2024-02-29')", 5),
    ("DATENAME(month, '2024-02-29')", "February"),
    ("DATEDIFF(minute, SYSUTCDATETIME(), SYSDATETIME())", 0),
    ("LEN(N'ab  ')", 2),
    ("DATALENGTH(N'ab')", 4),
    ("SUBSTRING('hello', 2, 3)", "ell"),
    ("ISNULL(CAST(NULL AS varchar(2)), 'long')", "lo"),
    ("COALESCE(NULL, 'long')", "long"),
    ("STUFF('abcdef', 2, 3, 'x')", "axef"),
    ("CASE WHEN 1 = 1 THEN 1 ELSE 2.5 END", Decimal("1.0")),
    ("TRY_CAST('x' AS int)", None),
    ("IIF(N'ABC' = 'abc ', 1, 0)", 1),
    ("IIF(N'ABC' COLLATE Latin1_General_BIN2 = 'abc', 1, 0)", 0),
    ("IIF(0x00 = 0x0000, 1, 0)", 1),
    ("ROUND(123.456, 1)", Decimal("123.500")),
    ("FLOOR(-1.5)", Decimal("-2")),
    ("POWER(2, 10)", 1024),
    ("QUOTENAME('a]b')", "[a]]b]"),
    ("CHARINDEX('L', 'hello')", 3),
    ("FORMAT(7, '000')", "007"),
    (
        "CAST('2024-07-01 12:00' AS datetime2(0)) AT TIME ZONE 'W. Europe Standard Time'",
        ((739_067 * DAY + clock(10, 0, 0)), 120),
    ),
]


@pytest.mark.parametrize(("expression", "expected"), CALCULATED)
def test_an_expression_gives_what_sql_server_gives(db: Driver, expression: str, expected: Any) -> None:
    assert repr(db.value(f"SELECT {expression}")) == repr(expected)
    assert repr(db.value(f"DECLARE @x sql_variant; SELECT v FROM (SELECT {expression} AS v) AS q")) == repr(expected)


@pytest.mark.parametrize(
    ("expression", "number"),
    [
        ("1 / 0", 8134),
        ("2147483647 + 1", 8115),
        ("CAST('x' AS int)", 245),
        ("'a' - 'b'", 402),
        ("NOSUCH(1)", 195),
        ("@nosuch", 137),
    ],
)
def test_a_wrong_expression_gives_sql_servers_number(db: Driver, expression: str, number: int) -> None:
    assert db.error(f"SELECT {expression}").number == number
