"""Every type with NULL and its edge values, exactly."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Database, Server, Target, program_settings
from tests.e2e.type_cases import CASES, DECIMALS, NAMES, ROWS, value_at
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.judge import Object, judge
from tests.support.program import Ended, Program
from tests.support.readers import expected_schema, read_with_duckdb, read_with_pyarrow, schema_of, set_bits
from tests.support.s3_servers import S3Server

_LENGTHS = (0, 1, 2047, 2048, 2049, 3999, 4000, 4001, 4095, 4096, 4097, 5000)  # around slots of 4,096 bytes
_MIB = 1 << 20
_LARGE_COLUMNS = (("id", "int"), ("n", "nvarchar(max)"), ("v", "varchar(max)"), ("b", "varbinary(max)"))
_DOCUMENTS = {  # column: type, literal, what readers show
    "x": ("xml", "N'<a b=\"1\">é🚲 </a>'", '<a b="1">é🚲 </a>'),
    "t": ("text", "'old  '", "old  "),
    "n": ("ntext", "N'älter 🚲'", "älter 🚲"),
    "i": ("image", "0x00FF00", b"\x00\xff\x00"),
}
_VARIANTS = {  # literal: value and type as delivered
    "CAST(1 AS bit)": ("1", "bit"),
    "CAST(-5 AS int)": ("-5", "int"),
    "CAST('-.5' AS decimal(9,2))": ("-0.50", "decimal(9,2)"),
    "CAST('-922337203685477.5808' AS money)": ("-922337203685477.5808", "money"),
    "CAST(0.1 AS float)": ("0.1", "float"),
    "CAST(0.1 AS real)": ("0.1", "real"),
    "CAST(1e300 AS float)": ("1e+300", "float"),
    "CAST('2024-02-29' AS date)": ("2024-02-29", "date"),
    "CAST('18:44:15.1234567' AS time(7))": ("18:44:15.1234567", "time(7)"),
    "CAST('2024-02-29T18:44:15.997' AS datetime)": ("2024-02-29 18:44:15.997", "datetime"),
    "CAST('2024-02-29T18:44:00' AS smalldatetime)": ("2024-02-29 18:44:00", "smalldatetime"),
    "CAST('9999-12-31T23:59:59.999' AS datetime2(3))": ("9999-12-31 23:59:59.999", "datetime2(3)"),
    "CAST('2024-02-29 18:44:15 -05:30' AS datetimeoffset(0))": ("2024-02-29 18:44:15 -05:30", "datetimeoffset(0)"),
    "CAST('a ' AS char(4))": ("a   ", "char(4)"),
    "CAST(N'Zoë 🚲' AS nvarchar(50))": ("Zoë 🚲", "nvarchar(50)"),
    "CAST(0x00FF AS varbinary(20))": ("0x00FF", "varbinary(20)"),
    "CAST('33221100-5544-7766-8899-aabbccddeeff' AS uniqueidentifier)": (
        "33221100-5544-7766-8899-AABBCCDDEEFF",
        "uniqueidentifier",
    ),
    "NULL": (None, None),
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Delivered:
    database: Database
    target: Target
    ended: Ended

    def objects(self, table: str) -> list[Object]:
        return self.target.objects(self.database.name, table)

    def rows(self, table: str) -> list[Row]:
        return read_with_pyarrow(self.objects(table))


def _make_every_value(database: Database) -> None:
    columns = ", ".join(f"{name} {case.ddl}" for name, case in zip(NAMES, CASES, strict=True))
    database.run(f"CREATE TABLE dbo.EveryValue (id int NOT NULL PRIMARY KEY, {columns})")
    database.enable("dbo", "EveryValue")
    for row in range(ROWS):
        literals = ", ".join(value_at(case, row).literal for case in CASES)
        database.run(f"INSERT INTO dbo.EveryValue VALUES ({row}, {literals})")
    database.run(f"INSERT INTO dbo.EveryValue (id) VALUES ({ROWS})", "DELETE FROM dbo.EveryValue")


def _make_decimals(database: Database) -> None:
    columns = ", ".join(f"{column.name} {column.sql_type} NULL" for column in DECIMALS)
    database.run(f"CREATE TABLE dbo.Decimals (id int NOT NULL PRIMARY KEY, {columns})")
    database.enable("dbo", "Decimals")
    for row in range(5):
        literals = ", ".join(f"CAST('{column.values()[row]:f}' AS {column.sql_type})" for column in DECIMALS)
        database.run(f"INSERT INTO dbo.Decimals VALUES ({row}, {literals})")
    database.run(
        f"UPDATE dbo.Decimals SET {DECIMALS[6].name} = 7, {DECIMALS[7].name} = NULL WHERE id = 0",  # ordinals 8, 9
        f"UPDATE dbo.Decimals SET {DECIMALS[-1].name} = 7 WHERE id = 0",  # the last ordinal
    )


def _large_row(row: int) -> Row:
    """Rows that fit the first slots, rows that do not, a long stretch of short ones, and again."""
    length = _LENGTHS[row] if row < len(_LENGTHS) else 5000 if row == 400 else row % 7
    return {"id": row, "n": ("a世😀" * length)[:length], "v": ("xyz " * length)[:length], "b": b"\0\xff" * length}


def _literals(row: Row) -> str:
    return f"({row['id']}, N'{row['n']}', '{row['v']}', 0x{row['b'].hex()}, 0)"


def _make_large(database: Database) -> None:
    columns = ", ".join(f"{name} {sql_type} NULL" for name, sql_type in _LARGE_COLUMNS[1:])
    database.run(f"CREATE TABLE dbo.Large (id int NOT NULL PRIMARY KEY, {columns}, touched int NULL)")
    database.enable("dbo", "Large")
    for first in range(0, 401, 50):
        rows = ", ".join(_literals(_large_row(row)) for row in range(first, min(first + 50, 401)) if row != 20)
        database.run(f"INSERT INTO dbo.Large VALUES {rows}")
    database.run(
        "INSERT INTO dbo.Large VALUES (20, REPLICATE(CAST(N'世a' AS nvarchar(max)), 262144), "  # 1 MiB each
        "REPLICATE(CAST('xyz ' AS varchar(max)), 262144), CAST(REPLICATE(CAST('01' AS varchar(max)), 524288) AS "
        "varbinary(max)), 0)",
        "UPDATE dbo.Large SET touched = 1 WHERE id IN (3, 20)",
        "UPDATE dbo.Large SET n = NULL, b = 0x WHERE id = 3",
    )


def _make_documents(database: Database) -> None:
    columns = ", ".join(f"{name} {sql_type} NULL" for name, (sql_type, _, _) in _DOCUMENTS.items())
    database.run(f"CREATE TABLE dbo.Documents (id int NOT NULL PRIMARY KEY, {columns})")
    database.enable("dbo", "Documents")
    literals = ", ".join(literal for _, literal, _ in _DOCUMENTS.values())
    long = "REPLICATE(CAST('ab' AS varchar(max)), 6000)"
    database.run(
        f"INSERT INTO dbo.Documents VALUES (1, {literals})",
        "INSERT INTO dbo.Documents (id) VALUES (2)",
        f"INSERT INTO dbo.Documents VALUES (3, CAST('<r>' + {long} + '</r>' AS xml), {long}, {long}, CAST({long} AS "
        "varbinary(max)))",
    )


def _make_variants(database: Database) -> None:
    database.run("CREATE TABLE dbo.Variants (id int NOT NULL PRIMARY KEY, [it's] sql_variant NULL)")
    database.enable("dbo", "Variants")
    rows = ", ".join(f"({row}, {literal})" for row, literal in enumerate(_VARIANTS))
    database.run(f"INSERT INTO dbo.Variants VALUES {rows}")


def _make_others(database: Database) -> None:
    database.run(
        "CREATE TABLE dbo.Others (id int IDENTITY(5, 5) NOT NULL PRIMARY KEY, phone sysname, version rowversion, "
        "twice AS (id * 2), stored AS (id + 1) PERSISTED)",
    )
    database.enable("dbo", "Others")
    database.run("INSERT INTO dbo.Others (phone) VALUES (N'+49 '), (N'')", "UPDATE dbo.Others SET phone = N'0'")


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Database]:
    database = Database(server, f"Types_{uuid.uuid4().hex[:8]}")
    if server.stand_in is None:
        database.run("EXEC sp_configure 'max text repl size', -1", "RECONFIGURE")
    for make in (_make_every_value, _make_decimals, _make_large, _make_documents, _make_variants, _make_others):
        make(database)
    database.capture()
    yield database
    database.drop()


@pytest.fixture(scope="module", params=drivers())
def delivered(
    request: pytest.FixtureRequest, source: Database, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Delivered:
    target = Target(s3, f"types{uuid.uuid4().hex[:8]}")
    settings = program_settings(source.server, s3, source.name, target.url)
    settings["SQL_SERVER_DRIVER"] = drivers()[request.param]
    program = Program(tmp_path_factory.mktemp("program"), settings)
    return Delivered(source, target, program.once())


@pytest.mark.parametrize("table", ["EveryValue", "Decimals", "Large", "Others"])
def test_all_rows_arrive_and_duckdb_agrees(delivered: Delivered, table: str, tmp_path: Path) -> None:
    objects = delivered.objects(table)
    verdict = assert_delivered(delivered.database.connection, f"dbo_{table}", objects)
    assert read_with_duckdb(objects, tmp_path / "objects") == verdict.rows


def _shown(row: int) -> Row:
    shown: Row = {}
    for name, case in zip(NAMES, CASES, strict=True):
        value = value_at(case, row).shown if row < ROWS else None
        if case.sql_type.startswith("datetimeoffset"):
            shown[name], shown[f"{name}__offset"] = value or (None, None)
        else:
            shown[name] = value
    return shown


@pytest.mark.parametrize("operation", [2, 1], ids=["inserted", "deleted"])
@pytest.mark.parametrize("row", range(ROWS + 1))
def test_every_value_is_exact(delivered: Delivered, row: int, operation: int) -> None:
    found = [one for one in delivered.rows("EveryValue") if (one["id"], one["__$operation"]) == (row, operation)]
    assert len(found) == 1
    shown = _shown(row)
    assert {name: value for name, value in found[0].items() if name in shown} == shown
    kinds = {name: type(value) for name, value in shown.items()}
    assert {name: type(found[0][name]) for name in shown} == kinds  # 1 is no True


def test_values_that_lost_something_are_counted(delivered: Delivered) -> None:
    expected: Counter[str] = Counter()
    for name, case in zip(NAMES, CASES, strict=True):
        expected[name] = 2 * sum(value_at(case, row).altered for row in range(ROWS))  # inserted and deleted
    found: Counter[str] = Counter()
    for footer in judge(delivered.objects("EveryValue")).footers:
        found.update(json.loads(footer["cdc.altered_values"]))
    assert +found == +expected
    assert any("datetime2" in name for name in found)


def test_types_and_field_ids_are_as_documented(delivered: Delivered) -> None:
    every = [("id", "int"), *((name, case.sql_type) for name, case in zip(NAMES, CASES, strict=True))]
    decimals = [("id", "int"), *((column.name, column.sql_type) for column in DECIMALS)]
    for table, columns in (("EveryValue", every), ("Decimals", decimals)):
        for item in delivered.objects(table):
            assert schema_of(item) == expected_schema(columns)
            footer = judge([item]).footers[0]
            described = [(one["name"], one["sql_type"]) for one in json.loads(footer["cdc.columns"])]
            assert described == columns


def test_decimals_of_every_scale_are_exact(delivered: Delivered) -> None:
    inserted = [row for row in delivered.rows("Decimals") if row["__$operation"] == 2]
    assert len(inserted) == 5
    for row in inserted:
        for column in DECIMALS:
            wanted = column.values()[row["id"]]
            assert row[column.name].as_tuple()[1:] == wanted.as_tuple()[1:], f"{column.name} in row {row['id']}"
            assert row[column.name] == wanted


def test_masks_of_more_than_eight_and_of_more_than_sixty_four_columns(delivered: Delivered) -> None:
    rows = delivered.rows("Decimals")
    count = 1 + len(DECIMALS)
    assert count > 64
    for row in rows:
        assert len(row["__$update_mask"]) == (count + 7) // 8
    masks = [(row["__$operation"], set_bits(row["__$update_mask"])) for row in rows]
    every = set(range(1, count + 1))
    assert masks == [(2, every)] * 5 + [(3, {8, 9}), (4, {8, 9}), (3, {count}), (4, {count})]


def test_large_values_of_any_length_are_whole(delivered: Delivered) -> None:
    inserted = {row["id"]: row for row in delivered.rows("Large") if row["__$operation"] == 2}
    assert sorted(inserted) == list(range(401))
    huge = {"id": 20, "n": "世a" * 262144, "v": "xyz " * 262144, "b": b"01" * 524288}
    assert len(huge["n"]) * 2 == len(huge["v"]) == len(huge["b"]) == _MIB
    for number, row in inserted.items():
        wanted = huge if number == 20 else _large_row(number)
        for name in wanted:
            assert row[name] == wanted[name], f"{name} of row {number}"


def test_large_values_that_an_update_did_not_touch_are_null_with_a_clear_mask_bit(delivered: Delivered) -> None:
    updates = [row for row in delivered.rows("Large") if row["__$operation"] in (3, 4)]
    assert [row["id"] for row in updates] == [3, 3, 20, 20, 3, 3]
    for row in updates[:4]:
        assert set_bits(row["__$update_mask"]) == {5}
        if row["__$operation"] == 3:
            assert (row["n"], row["v"], row["b"]) == (None, None, None)
        else:  # servers may show the value after the update; never an empty one
            assert row["n"] in (None, *([_large_row(3)["n"]] if row["id"] == 3 else ["世a" * 262144]))
    before, after = updates[4:]
    assert set_bits(after["__$update_mask"]) == {2, 4}
    assert (before["n"], before["b"]) == (_large_row(3)["n"], _large_row(3)["b"])
    assert (after["n"], after["b"]) == (None, b"")


def test_rowversions_aliases_identities_and_computed_columns(delivered: Delivered) -> None:
    rows = delivered.rows("Others")
    assert [(row["__$operation"], row["id"], row["phone"]) for row in rows] == [
        (2, 5, "+49 "), (2, 10, ""), (3, 5, "+49 "), (4, 5, "0"), (3, 10, ""), (4, 10, "0"),
    ]  # fmt: skip
    versions = [row["version"] for row in rows]
    assert all(len(version) == 8 for version in versions)
    assert versions[0] < versions[1] < versions[3] < versions[5]
    assert versions[2] == versions[0]
    newest = delivered.database.connection.rows("SELECT CAST(version AS binary(8)) FROM dbo.Others ORDER BY id")
    assert [bytes(version) for (version,) in newest] == [versions[3], versions[5]]
    assert all(row["twice"] is None and row["stored"] is None for row in rows)
    columns = json.loads(judge(delivered.objects("Others")).footers[0]["cdc.columns"])
    assert [column["is_computed"] for column in columns] == [False, False, False, True, True]


def test_commit_times_are_utc(delivered: Delivered) -> None:
    for row in delivered.rows("Others"):
        assert abs(datetime.now(UTC) - row["__$commit_time"]) < timedelta(hours=1)


def test_documents_of_every_kind_arrive_whole(delivered: Delivered) -> None:
    columns = [("id", "int"), *((name, sql_type) for name, (sql_type, _, _) in _DOCUMENTS.items())]
    for item in delivered.objects("Documents"):
        assert schema_of(item) == expected_schema(columns)
    first, second, third = ({name: row[name] for name in _DOCUMENTS} for row in delivered.rows("Documents"))
    assert first == {name: shown for name, (_, _, shown) in _DOCUMENTS.items()}
    assert second == dict.fromkeys(_DOCUMENTS)
    assert third == {"x": f"<r>{'ab' * 6000}</r>", "t": "ab" * 6000, "n": "ab" * 6000, "i": b"ab" * 6000}


def test_a_variant_is_its_exact_text_and_its_type(delivered: Delivered) -> None:
    for item in delivered.objects("Variants"):
        assert schema_of(item) == expected_schema([("id", "int"), ("it's", "sql_variant")])
    found = [(row["it's"], row["it's__type"]) for row in delivered.rows("Variants")]
    assert found == list(_VARIANTS.values())
