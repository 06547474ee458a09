"""A value that had to be altered is counted wherever somebody may look; one that cannot be delivered stops its table
right before its row, with table, column, LSN and what helps. Nothing of it is lost or doubled."""

from __future__ import annotations

import html
import json
import re
import urllib.request
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Database, Target
from tests.support import dba
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.judge import judge
from tests.support.program import Program, wait_until

DOCS = "id int NOT NULL PRIMARY KEY, n varchar(max) NULL"
LIMIT = 8_192  # bytes; SQL Server's length of 4,096 characters


@pytest.fixture(params=list(drivers()))
def either(
    request: pytest.FixtureRequest, make_program: Callable[..., Program], database: Database, target: Target
) -> Program:
    """The program with each driver; they see long values differently."""
    return make_program(database.name, target.url, SQL_SERVER_DRIVER=drivers()[request.param])


def _lsn(database: Database, instance: str, where: str) -> str:
    return bytes(database.connection.value(f"SELECT [__$start_lsn] FROM cdc.{instance}_CT WHERE {where}")).hex().upper()


def _notes(database: Database) -> None:
    database.run(
        "CREATE TABLE dbo.Notes (id int NOT NULL PRIMARY KEY, body nvarchar(max) NULL)",
        "CREATE TABLE dbo.Short (id int NOT NULL PRIMARY KEY)",
    )
    database.enable("dbo", "Notes")
    database.enable("dbo", "Short")


def _insert_notes(database: Database, first: int, count: int) -> None:
    rows = ", ".join(f"({number}, N'note {number}')" for number in range(first, first + count))
    database.run(f"INSERT INTO dbo.Notes VALUES {rows}")


def _delivered(database: Database, target: Target, table: str) -> list[int]:
    verdict = judge(target.objects(database.name, table))
    assert verdict.wrong == []
    return [row["id"] for row in verdict.rows]


def test_a_value_above_the_limit_holds_back_only_what_comes_after_it(
    database: Database, target: Target, either: Program
) -> None:
    _notes(database)
    _insert_notes(database, 0, 900)
    # One transaction: rows before the long value, the long value as the second half of an update, rows after it.
    long = "REPLICATE(CONVERT(nvarchar(max), N'x'), 20000)"
    database.run(
        "BEGIN TRANSACTION; INSERT INTO dbo.Notes VALUES (1000, N'before'); "
        f"UPDATE dbo.Notes SET body = {long} WHERE id = 500; "
        "INSERT INTO dbo.Notes VALUES (1001, N'after'); COMMIT"
    )
    _insert_notes(database, 2000, 900)
    database.run("INSERT INTO dbo.Short VALUES (1)")
    database.capture()

    stopped = either.once(expect=3, CDC_RUN_MAX_VALUE_BYTES=str(LIMIT)).text
    lsn = _lsn(database, "dbo_Notes", "id = 1001")
    assert f"read dbo.Notes at LSN {lsn}: column body nvarchar(max) holds a value of " in stopped
    assert re.search(rf"holds a value of (more than \d+|40000) bytes, above max_value_bytes \({LIMIT}\)", stopped)
    assert "raise [run] max_value_bytes" in stopped
    assert _delivered(database, target, "Notes") == [*range(900), 1000]
    assert_delivered(database.connection, "dbo_Short", target.objects(database.name, "Short"))
    state = json.loads(target.get(target.state_key(database.name)).data)
    assert lsn in state["tables"]["dbo.Notes"]["stopped"]
    assert state["held_back_by"] == [] and not state["tables"]["dbo.Notes"]["in_cut"]

    # Again, and nothing more comes.
    either.once(expect=3, CDC_RUN_MAX_VALUE_BYTES=str(LIMIT))
    assert _delivered(database, target, "Notes") == [*range(900), 1000]

    either.once()
    verdict = assert_delivered(database.connection, "dbo_Notes", target.objects(database.name, "Notes"))
    assert [len(row["body"]) for row in verdict.rows if row["id"] == 500 and row["__$operation"] == 4] == [20_000]


def test_altered_values_are_counted_in_footer_log_metrics_and_status(
    database: Database, target: Target, program: Program
) -> None:
    database.run(
        "CREATE TABLE dbo.Seen (id int NOT NULL PRIMARY KEY, at7 datetime2(7) NULL, at6 datetime2(6) NULL, "
        '[the "name"] nvarchar(20) NULL)'
    )
    database.enable("dbo", "Seen")
    lone = "N'a' + NCHAR(0xD83D) + N'b'"
    insert = "INSERT INTO dbo.Seen VALUES "
    database.run(
        insert + f"(1, '2025-01-01 00:00:00.1234567', '2025-01-01 00:00:00.123456', {lone}), "
        "(2, '2025-01-01 00:00:00.1234560', NULL, N'whole'), (3, '9999-12-31 23:59:59.9999999', NULL, NULL)"
    )
    database.capture()
    program.start("--log-level", "debug", "--listen", "127.0.0.1:0")
    wait_until(lambda: "object_put" in program.log_text(), "the first object")
    database.run(insert + "(4, '2025-01-01 00:00:00.0000001', NULL, NULL)")
    database.capture()
    wait_until(lambda: program.log_text().count("object_put") == 2, "the second object")

    port = re.search(r"listening host=\S+ port=(\d+)", program.log_text())
    assert port is not None

    def metrics() -> set[str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {line for line in lines if line.startswith("cdc_to_s3_altered_values_total{")}

    name = "cdc_to_s3_altered_values_total"
    expected = {f'{name}{{table="dbo.Seen",column="at7"}} 3', f'{name}{{table="dbo.Seen",column="the \\"name\\""}} 1'}
    wait_until(lambda: metrics() == expected, "the metrics")
    with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/", timeout=10) as answer:
        page = html.unescape(answer.read().decode())
    assert '3 of at7 (the 7th fractional digit; what keeps it: datetime2 = "nanos" or "string")' in page
    assert '1 of the "name" (lone surrogates' in page
    assert program.stop() == 0

    log = program.log_text()
    warned = [line for line in log.splitlines() if " values_altered " in line]
    assert len(warned) == 2  # once for each column, not for each object
    (of_time,) = [line for line in warned if "column=at7" in line]
    assert "values=2" in of_time and 'lost="the 7th fractional digit"' in of_time
    assert 'datetime2 = \\"nanos\\"' in of_time and f"{database.name}/Seen/cdc/" in of_time
    (of_text,) = [line for line in warned if line != of_time]
    assert "lone surrogates" in of_text and 'keeps="nothing: ' in of_text
    assert [re.search('altered="([^"]*)"', line)[1] for line in log.splitlines() if " object_put " in line] == [
        "2 of at7, 1 of the \\",
        "1 of at7",
    ]

    footers = judge(target.objects(database.name, "Seen")).footers
    assert [json.loads(footer["cdc.altered_values"]) for footer in footers] == [{"at7": 2, 'the "name"': 1}, {"at7": 1}]
    said = json.loads(program.call("status", "--offline", "--json").out)
    (table,) = said["documents"][0]["tables"]
    assert table["altered_values"] == {"at7": 3, 'the "name"': 1}
    shown = program.call("status", "--offline").out
    assert (
        'dbo.Seen has altered values: 3 of at7, 1 of the "name"\nWhat they lost, and the option that keeps it' in shown
    )


def test_a_moment_outside_nanoseconds_stops_its_table_until_the_option_is_changed(
    database: Database, target: Target, either: Program
) -> None:
    database.run("CREATE TABLE dbo.Notes (id int NOT NULL PRIMARY KEY, seen datetime2(7) NULL)")
    database.enable("dbo", "Notes")
    values = ["2025-01-01 00:00:00.1234567", "2262-04-11 23:47:16.8547758", "2262-04-12", "1677-01-01"]
    for number, value in enumerate(values):
        database.run(f"INSERT INTO dbo.Notes VALUES ({number}, '{value}')")
    database.capture()
    stopped = either.once(expect=3, CDC_TYPES_DATETIME2="nanos").text
    assert (
        f"read dbo.Notes at LSN {_lsn(database, 'dbo_Notes', 'id = 2')}: column seen datetime2(7) holds a time outside "
        in stopped
    )
    assert 'set datetime2 = "string"' in stopped
    checked = either.call("check", CDC_TYPES_DATETIME2="string").out
    assert "dbo.Notes was stopped when the program last looked: read dbo.Notes at LSN " in checked
    assert _delivered(database, target, "Notes") == [0, 1]
    # The objects before it have the other type, which is a choice of its own.
    again = either.once(expect=3, CDC_TYPES_DATETIME2="string").text
    assert "seen from TIMESTAMP(nanos, not UTC) to STRING" in again and "on_type_change" in again
    either.once(CDC_TYPES_DATETIME2="string", CDC_TARGET_ON_TYPE_CHANGE="same_folder")
    verdict = assert_delivered(database.connection, "dbo_Notes", target.objects(database.name, "Notes"))
    assert [str(row["seen"])[:10] for row in verdict.rows] == [value[:10] for value in values]
    assert all(footer["cdc.altered_values"] == "{}" for footer in verdict.footers)


@pytest.mark.parametrize("follows", [False, True], ids=["new", "follows"])
def test_a_table_whose_first_row_does_not_fit_begins_no_later_when_cleanup_takes_that_row(
    make_program: Callable[..., Program], database: Database, target: Target, follows: bool
) -> None:
    """It was told as stopped: what goes is a gap, and not where the table happens to begin."""
    program = make_program(database.name, target.url, CDC_RUN_MAX_VALUE_BYTES="64KiB", CDC_SOURCE_ON_REPLACE="follow")
    instance = "dbo_Docs"
    if follows:
        dba.make(database, "dbo.Docs", DOCS)
        dba.capture(database, "dbo.Docs", instance)
    program.start()
    if follows:
        wait_until(lambda: "table_added" in program.log_text(), "the entry")
        database.run(dba.rename("dbo.Docs", "Docs_old"))
        instance = "dbo_Docs_v2"
    dba.make(database, "dbo.Docs", DOCS)
    dba.capture(database, "dbo.Docs", instance)
    database.run(
        "INSERT INTO dbo.Docs VALUES (1, REPLICATE(CONVERT(varchar(max), 'x'), 100000))",
        "INSERT INTO dbo.Docs VALUES (2, 'two')",
        "INSERT INTO dbo.Docs VALUES (3, 'three')",
    )
    database.capture()
    wait_until(lambda: "max_value_bytes" in program.log_text(), "the stop")
    newest = bytes(database.connection.value(f"SELECT MAX([__$start_lsn]) FROM cdc.{instance}_CT")).hex()
    database.run(
        f"EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'{instance}', @low_water_mark = 0x{newest}"
    )
    wait_until(lambda: "gap: changes from" in program.log_text(), "the gap", seconds=60)
    assert program.stop() in (0, 3)
    assert "start_moved" not in program.log_text()
    assert _delivered(database, target, "Docs") == []
    assert "gap" in json.loads(target.get(target.state_key(database.name)).data)["tables"]["dbo.Docs"]["stopped"]
