"""Every type, inserted by T-SQL and read back by five clients that others wrote, from the table and from its change
table. All read the same, value by value, but for the limits of client_limits.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytds
import pytest
from client_limits import LIMITS, Limit, fails, is_shown, shown
from every_value import TABLES
from value_tables import Case, Table

from standin.harness import StandIn
from tests.support.tds_clients import CLIENTS, Address, Cell, microsoft_connection, missing, read

_SETUP = [
    "CREATE DATABASE Every",
    "USE Every; EXEC sys.sp_cdc_enable_db",
    "CREATE ASSEMBLY Shapes FROM 0x4D5A",
    "CREATE TYPE dbo.Point EXTERNAL NAME Shapes.[Own.Point]",
    "CREATE TYPE dbo.Phone FROM nvarchar(20)",
]
_ENABLE = """EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'{name}', @role_name = NULL,
@capture_instance = N'{name}'"""
_KEY = "ct.[__$start_lsn], ct.[__$command_id], ct.[__$seqval], ct.[__$operation]"


@pytest.fixture(scope="module", name="server")
def every_table() -> Iterator[Address]:
    """A stand-in with all tables, their rows inserted, updated, deleted and captured."""
    with StandIn() as standin:
        connection = pytds.connect(
            standin.host, port=standin.port, user=standin.user, password=standin.password, autocommit=True, timeout=60
        )
        cursor = connection.cursor()
        for statement in _SETUP:
            cursor.execute(statement)
        for table in TABLES:
            cursor.execute(table.definition())
            cursor.execute(_ENABLE.format(name=table.name))
            for statement in table.inserts():
                cursor.execute(statement)
            cursor.execute(f"SELECT * INTO dbo.[copy of {table.name}] FROM dbo.[{table.name}]")
            cursor.execute(table.update())
            cursor.execute(f"DELETE dbo.[{table.name}]")
        cursor.execute("CREATE TABLE dbo.filled (number int IDENTITY(41, 1), twice AS number * 2, stamp rowversion)")
        cursor.execute(_ENABLE.format(name="filled"))
        cursor.execute("INSERT INTO dbo.filled DEFAULT VALUES")
        cursor.execute("EXEC sys.sp_cdc_scan @maxtrans = 100000")
        connection.close()
        yield Address(standin.host, standin.port, standin.user, standin.password, "Every")


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    if (reason := missing(request.param)) is not None:
        pytest.skip(reason)
    return str(request.param)


def _from_table(table: Table, columns: str) -> str:
    return f"SELECT id, {columns} FROM dbo.[copy of {table.name}] ORDER BY id"


def _from_changes(table: Table, columns: str) -> str:
    """As a change reader asks: by the clustered key."""
    where = "ct.[__$start_lsn] > 0x00 AND ct.[__$start_lsn] <= 0xFFFFFFFFFFFFFFFFFFFF"
    listed = ", ".join(f"ct.{column}" for column in columns.split(", "))
    return f"SELECT ct.[__$operation], ct.id, {listed} FROM cdc.[{table.name}_CT] AS ct WHERE {where} ORDER BY {_KEY}"


def _listed(cases: list[Case]) -> str:
    return ", ".join(f"[{case.name}]" for case in cases)


def _in_changes(table: Table, operation: int, case: Case, row: int) -> Cell | None:
    """What CDC keeps of a value: text, ntext and image neither of what is gone nor of what was; of what large values
    were those alone that the update has changed."""
    old, new = table.value(case, row)[1], table.next_value(case, row)
    kept = {1: new, 2: old, 3: old, 4: new}[operation]
    gone = case.is_legacy and operation in (1, 3)
    untouched = case.is_large and operation == 3 and old == new
    return None if gone or untouched else kept


Expected = Callable[[Case, int], Cell | None]


def _differences(client: str, cases: list[Case], rows: list[list[Cell | None]], expected: Expected) -> list[str]:
    """`rows`: id, then the cases."""
    found = []
    for number, row in enumerate(rows):
        assert row[0] == Cell("int", number)
        for case, actual in zip(cases, row[1:], strict=True):
            cell = expected(case, number)
            if not is_shown(actual, cell and shown(client, case, cell)):
                found.append(f"{case.name} row {number}: {actual} for {cell}")
    return found


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_client_reads_every_value_from_table_and_change_table(server: Address, client: str, table: Table) -> None:
    cases = [case for case in table.cases if not fails(client, case)]
    if not cases:
        return  # the test of limits holds the client to that
    listed = _listed(cases)
    rows = read(client, server, _from_table(table, listed))
    assert len(rows) == table.row_count
    assert _differences(client, cases, rows, lambda case, row: table.value(case, row)[1]) == []
    changes = read(client, server, _from_changes(table, listed))
    for operation in (2, 3, 4, 1):
        images = [row[1:] for row in changes if row[0] == Cell("int", operation)]
        assert len(images) == table.row_count
        assert _differences(client, cases, images, partial(_in_changes, table, operation)) == [], operation


def test_columns_that_the_server_fills_are_read_alike(server: Address, client: str) -> None:
    """rowversion arrives in a change table as the same eight bytes, identity as a number, a computed column as NULL."""
    ((number, twice, stamp),) = read(client, server, "SELECT number, twice, stamp FROM dbo.filled")
    assert (number, twice) == (Cell("int", 41), Cell("int", 82))
    assert stamp is not None and stamp.type == "bytes" and len(bytes(stamp.value)) == 8
    assert read(client, server, "SELECT number, twice, stamp FROM cdc.filled_CT") == [[number, None, stamp]]


def test_the_newest_types_take_parameters(server: Address) -> None:
    """By Microsoft's driver, which asks the server for the types of parameters."""
    if (reason := missing("microsoft")) is not None:
        pytest.skip(reason)
    connection = microsoft_connection(server)
    connection.execute("CREATE TABLE dbo.sent (id int, j json, e vector(2), p dbo.Phone)")
    rows = [(1, '{"a":"é"}', "[1, 2]", "12"), (2, None, None, None)]
    connection.cursor().executemany("INSERT INTO dbo.sent (id, j, e, p) VALUES (?, ?, ?, ?)", rows)
    connection.execute("EXEC sp_executesql N'UPDATE dbo.sent SET j = @j WHERE id = 1', N'@j json', N'[5]'")
    connection.close()
    numbers = Cell("text", "[1.0000000e+000,2.0000000e+000]")
    assert read("microsoft", server, "SELECT * FROM dbo.sent ORDER BY id") == [
        [Cell("int", 1), Cell("text", "[5]"), numbers, Cell("text", "12")],
        [Cell("int", 2), None, None, None],
    ]


@pytest.mark.parametrize("limit", LIMITS, ids=str)
def test_a_limit_of_a_client_is_still_one(server: Address, limit: Limit) -> None:
    """What a limit gives is compared above; here, that it concerns some value and changes it, or that it fails."""
    if (reason := missing(limit.client)) is not None:
        pytest.skip(reason)
    values = [(table, case, cell) for table in TABLES for case in table.cases for _, cell in case.values]
    concerned = [(table, case, cell) for table, case, cell in values if limit.concerns(case, cell)]
    assert concerned
    if limit.gives is not None:
        assert any(not is_shown(cell, limit.gives(cell)) for _, _, cell in concerned)
        return
    for table, case in {(table.name, case.name): (table, case) for table, case, _ in concerned}.values():
        with pytest.raises(RuntimeError):
            read(limit.client, server, _from_table(table, _listed([case])))
