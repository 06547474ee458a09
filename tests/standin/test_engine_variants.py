"""sql_variant: what it holds, what SQL_VARIANT_PROPERTY says of it, and change tables read with expressions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cdc_driver import enable
from engine_driver import Driver, lsn_param, new_engine

from standin.model import SqlType
from standin.tds.rows import row_ends


def _property(name: str) -> str:
    return f"CONVERT(nvarchar(11), SQL_VARIANT_PROPERTY(ct.[v], '{name}'))"


def _text_of(base: str, converted: str, style: int) -> str:
    return f"WHEN N'{base}' THEN CONVERT(nvarchar(max), {converted}, {style})"


BASE = "CONVERT(nvarchar(max), SQL_VARIANT_PROPERTY(ct.[v], 'BaseType'))"
CASES = " ".join(
    [
        _text_of("float", "CONVERT(binary(8), CONVERT(float, ct.[v]))", 1),
        _text_of("real", "CONVERT(binary(8), CONVERT(float, ct.[v]))", 1),
        _text_of("binary", "CONVERT(varbinary(8000), ct.[v])", 1),
        _text_of("varbinary", "CONVERT(varbinary(8000), ct.[v])", 1),
        _text_of("money", "CONVERT(money, ct.[v])", 2),
        _text_of("smallmoney", "CONVERT(money, ct.[v])", 2),
        _text_of("date", "CONVERT(date, ct.[v])", 121),
        _text_of("time", "CONVERT(time(7), ct.[v])", 121),
        _text_of("datetime", "CONVERT(datetime, ct.[v])", 121),
        _text_of("smalldatetime", "CONVERT(datetime, ct.[v])", 121),
        _text_of("datetime2", "CONVERT(datetime2(7), ct.[v])", 121),
        _text_of("datetimeoffset", "CONVERT(datetimeoffset(7), ct.[v])", 121),
    ]
)
# A sql_variant in one text: base type, (precision,scale,length in bytes), value.
WHOLE = (
    f"{BASE} + N'(' + {_property('Precision')} + N',' + {_property('Scale')} + N',' + {_property('MaxLength')} + N')' + "
    f"CASE CONVERT(nvarchar(128), SQL_VARIANT_PROPERTY(ct.[v], 'BaseType')) {CASES} ELSE CONVERT(nvarchar(max), ct.[v]) END"
)

# What is put in, and the whole text.
VALUES = [
    ("CAST(-5 AS int)", "int(10,0,4)-5"),
    ("CAST(1 AS bit)", "bit(1,0,1)1"),
    ("CAST(200 AS tinyint)", "tinyint(3,0,1)200"),
    ("CAST(-32768 AS smallint)", "smallint(5,0,2)-32768"),
    ("CAST(-9223372036854775808 AS bigint)", "bigint(19,0,8)-9223372036854775808"),
    ("CAST(-.5 AS decimal(9,2))", "decimal(9,2,5)-0.50"),
    ("CAST(-1.23 AS numeric(38,37))", "numeric(38,37,17)-1.2300000000000000000000000000000000000"),
    ("CAST(-1.23 AS money)", "money(19,4,8)-1.2300"),
    ("CAST(214748.3647 AS smallmoney)", "smallmoney(10,4,4)214748.3647"),
    ("CAST(0.1 AS float)", "float(53,0,8)0x3FB999999999999A"),
    ("CAST(0.1 AS real)", "real(24,0,4)0x3FB99999A0000000"),
    ("CAST('2024-02-29' AS date)", "date(10,0,3)2024-02-29"),
    ("CAST('18:44:15.1234567' AS time(7))", "time(16,7,5)18:44:15.1234567"),
    ("CAST('18:44' AS time(0))", "time(8,0,3)18:44:00.0000000"),
    ("CAST('2024-02-29 18:44:15.997' AS datetime)", "datetime(23,3,8)2024-02-29 18:44:15.997"),
    ("CAST('2024-02-29 18:44' AS smalldatetime)", "smalldatetime(16,0,4)2024-02-29 18:44:00.000"),
    ("CAST('2024-02-29 18:44:15.123' AS datetime2(3))", "datetime2(23,3,7)2024-02-29 18:44:15.1230000"),
    (
        "CAST('2024-02-29 18:44:15.1234567 +05:30' AS datetimeoffset(7))",
        "datetimeoffset(34,7,10)2024-02-29 18:44:15.1234567 +05:30",
    ),
    ("CAST('ab' AS char(4))", "char(0,0,4)ab  "),
    ("CAST(N'привет' AS varchar(10)) COLLATE Cyrillic_General_CI_AS", "varchar(0,0,10)??????"),
    ("N'日本'", "nvarchar(0,0,4)日本"),
    ("CAST(N'x' AS nchar(2))", "nchar(0,0,4)x "),
    ("0x00FF", "varbinary(0,0,2)0x00FF"),
    ("CAST(0x01 AS binary(3))", "binary(0,0,3)0x010000"),
    (
        "CAST('33221100-5544-7766-8899-AABBCCDDEEFF' AS uniqueidentifier)",
        "uniqueidentifier(0,0,16)33221100-5544-7766-8899-AABBCCDDEEFF",
    ),
    ("NULL", None),
]


@pytest.fixture(scope="module", name="db")
def database() -> Iterator[Driver]:
    engine = new_engine()
    driver = Driver(engine)
    driver.run("CREATE DATABASE Shop")
    driver.run(
        "USE Shop; EXEC sys.sp_cdc_enable_db; CREATE TABLE t (id int PRIMARY KEY, v sql_variant, note nvarchar(20))"
    )
    enable(driver, "t")
    for number, (value, _) in enumerate(VALUES):
        driver.run(f"INSERT t SELECT {number}, {value}, N'row {number}'")
    driver.scan()
    yield driver
    engine.close()


READ = """SELECT ct.[__$start_lsn], ct.[__$operation],
CAST(t.tran_end_time AT TIME ZONE CURRENT_TIMEZONE_ID() AT TIME ZONE N'UTC' AS datetime2(3)) AS [__$commit_time],
ct.[id], {whole} AS v, CAST(NULL AS varbinary(1)) AS [note] FROM cdc.[dbo_t_CT] AS ct
LEFT JOIN cdc.lsn_time_mapping AS t ON t.start_lsn = ct.[__$start_lsn] WHERE {where}
ORDER BY ct.[__$start_lsn], ct.[__$command_id], ct.[__$seqval], ct.[__$operation]"""


def test_the_properties_and_texts_of_every_base_type_are_sql_servers(db: Driver) -> None:
    rows = db.rows(f"SELECT {WHOLE} FROM t AS ct ORDER BY ct.id")
    assert [text for (text,) in rows] == [text for _, text in VALUES]


@pytest.mark.parametrize(
    "where",
    [
        "ct.[__$start_lsn] > 0x00 AND ct.[__$start_lsn] <= 0xFFFFFFFFFFFFFFFFFFFF",
        "ct.[__$start_lsn] = @last AND (ct.[__$command_id] > 0 OR (ct.[__$command_id] = 0 AND (ct.[__$seqval] > 0x00 OR "
        "(ct.[__$seqval] = 0x00 AND ct.[__$operation] > 0))))",
    ],
    ids=["window", "inside"],
)
def test_expressions_and_plain_columns_are_served_together_from_encoded_rows(db: Driver, where: str) -> None:
    sql = READ.format(whole=WHOLE, where=where)
    last = lsn_param("@last", db.value("SELECT MAX(m.start_lsn) FROM cdc.lsn_time_mapping AS m"))
    encoded = db.run(sql, last)
    general = db.run(sql.split("ORDER BY")[0], last)  # without the order: not the reader's shape
    assert general.wire_rows == 0 and len(general.rows) > 0
    assert encoded.wire_rows == len(general.rows)
    assert [(c.name, c.type) for c in encoded.columns[0]] == [(c.name, c.type) for c in general.columns[0]]
    data = b"".join(encoded.wire)
    assert len(row_ends(encoded.columns[0], data)) == len(general.rows)
    for *_, text, _note in general.rows:
        if text is not None:
            assert text.encode("utf-16-le") in data


def test_an_expression_that_fails_is_sql_servers_error_whichever_way_rows_are_read(db: Driver) -> None:
    where = "ct.[__$start_lsn] > 0x00 AND ct.[__$start_lsn] <= 0xFFFFFFFFFFFFFFFFFFFF"
    assert db.error(READ.format(whole="CONVERT(int, ct.[note])", where=where)).number == 245


def test_what_differs_from_moment_to_moment_is_not_kept_encoded(db: Driver) -> None:
    where = "ct.[__$start_lsn] > 0x00 AND ct.[__$start_lsn] <= 0xFFFFFFFFFFFFFFFFFFFF"
    result = db.run(READ.format(whole="CONVERT(nvarchar(40), SYSUTCDATETIME()) + ct.[note]", where=where))
    assert result.wire_rows == 0 and len(result.rows) == len(VALUES)


def test_a_variant_takes_no_large_type(db: Driver) -> None:
    for value in (
        "CAST('x' AS varchar(max))",
        "CAST(N'x' AS ntext)",
        "CAST('<a/>' AS xml)",
        "CAST(0x58 AS hierarchyid)",
    ):
        assert db.error(f"DECLARE @v sql_variant; SELECT @v = {value}").number == 206


def test_variants_compare_by_family_and_value(db: Driver) -> None:
    compared = [
        ("CAST(1 AS sql_variant) = CAST(1.0 AS sql_variant)", 1),
        ("CAST(2 AS sql_variant) > CAST(N'10' AS sql_variant)", 1),  # numbers are above text
        ("CAST(N'a' AS sql_variant) = CAST('A' AS sql_variant)", 1),
        ("CAST(N'a' AS sql_variant) < CAST('b' AS sql_variant)", 1),
        ("CAST(1e0 AS sql_variant) > CAST(9 AS sql_variant)", 1),  # approximate numbers above exact ones
        ("CAST(CAST('2024-01-01' AS date) AS sql_variant) > CAST(9e9 AS sql_variant)", 1),
        ("CAST(NULL AS sql_variant) = CAST(1 AS sql_variant)", 0),
    ]
    for condition, expected in compared:
        assert db.value(f"SELECT IIF({condition}, 1, 0)") == expected, condition


def test_total_bytes_and_collation_are_told(db: Driver) -> None:
    (row,) = db.rows(
        "SELECT SQL_VARIANT_PROPERTY(CAST(1 AS sql_variant), 'TotalBytes'), "
        "SQL_VARIANT_PROPERTY(N'ab' COLLATE Polish_CI_AS, N'Collation'), SQL_VARIANT_PROPERTY(1, N'nothing')"
    )
    assert row == ((SqlType("int"), 6), (SqlType("nvarchar", 128), "Polish_CI_AS"), None)
