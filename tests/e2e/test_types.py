"""What case files (tests/cases) do not say of types: many long values among short ones, and values that the server makes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Database, Server, Target, program_settings
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.judge import Object, judge
from tests.support.program import Ended, Program
from tests.support.readers import read_with_duckdb, read_with_pyarrow, set_bits
from tests.support.s3_servers import S3Server

_LENGTHS = (0, 1, 2047, 2048, 2049, 3999, 4000, 4001, 4095, 4096, 4097, 5000)  # around slots of 4,096 bytes
_MIB = 1 << 20
_LARGE_COLUMNS = (("id", "int"), ("n", "nvarchar(max)"), ("v", "varchar(max)"), ("b", "varbinary(max)"))

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
    _make_large(database)
    _make_others(database)
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


@pytest.mark.parametrize("table", ["Large", "Others"])
def test_all_rows_arrive_and_duckdb_agrees(delivered: Delivered, table: str, tmp_path: Path) -> None:
    objects = delivered.objects(table)
    verdict = assert_delivered(delivered.database.connection, f"dbo_{table}", objects)
    assert read_with_duckdb(objects, tmp_path / "objects") == verdict.rows


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
