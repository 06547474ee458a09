"""Both halves together, as a process, driven by five clients that others wrote: what goes in comes out."""

from __future__ import annotations

import datetime
import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyodbc
import pytds
import pytest
from wire_clients import CLIENTS, Client, tsql

from standin.harness import StandIn

PASSWORD = "Stand-in-1"
_STAMP, _DATE, _TIME = datetime.datetime, datetime.date, datetime.time
_INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
_GUID = uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")

# SQL type, literal, what a client shows.
VALUES: list[tuple[str, str, Any]] = [
    ("bit", "1", True),
    ("tinyint", "255", 255),
    ("smallint", "-32768", -32768),
    ("int", "-2147483648", -(2**31)),
    ("bigint", "9223372036854775807", 2**63 - 1),
    ("real", "-0.25", -0.25),
    ("float", "1.7976931348623157E308", 1.7976931348623157e308),
    ("decimal(9,2)", "-1234567.89", Decimal("-1234567.89")),
    ("numeric(38,10)", "9999999999999999999999999999.9999999999", Decimal("9" * 28 + "." + "9" * 10)),
    ("money", "-922337203685477.5808", Decimal("-922337203685477.5808")),
    ("smallmoney", "214748.3647", Decimal("214748.3647")),
    ("date", "'0001-01-01'", _DATE(1, 1, 1)),
    ("time(6)", "'23:59:59.999999'", _TIME(23, 59, 59, 999999)),
    ("datetime", "'1753-01-01T00:00:00.000'", _STAMP(1753, 1, 1)),
    ("smalldatetime", "'2024-02-29T13:14:00'", _STAMP(2024, 2, 29, 13, 14)),
    ("datetime2(6)", "'2024-02-29T13:14:15.123456'", _STAMP(2024, 2, 29, 13, 14, 15, 123456)),
    ("datetime2(0)", "'9999-12-31T23:59:59'", _STAMP(9999, 12, 31, 23, 59, 59)),
    (
        "datetimeoffset(6)",
        "'2024-02-29T18:44:15.123456+05:30'",
        _STAMP(2024, 2, 29, 18, 44, 15, 123456, _INDIA),
    ),
    ("char(5)", "'ab'", "ab   "),
    ("varchar(50)", "'naïve €'", "naïve €"),
    ("varchar(max)", "'long ' + 'text'", "long text"),
    ("nchar(4)", "N'世界'", "世界  "),
    ("nvarchar(100)", "N'Zażółć 世界 😀'", "Zażółć 世界 😀"),
    ("nvarchar(max)", "N''", ""),
    ("text", "'old text'", "old text"),
    ("ntext", "N'alter Text 世'", "alter Text 世"),
    ("xml", "N'<a>é世</a>'", "<a>é世</a>"),
    ("binary(4)", "0x0102", b"\1\2\0\0"),
    ("varbinary(100)", "0x0001FF", b"\0\1\xff"),
    ("varbinary(max)", "0x80", b"\x80"),
    ("image", "0x0102", b"\1\2"),
    ("uniqueidentifier", f"'{_GUID}'", _GUID),
]
NAMES = [f"c{number}" for number in range(len(VALUES))]


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn(PASSWORD) as running:
        connection = CLIENTS["pytds"].connect(running.port, PASSWORD)
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE Both")
        connection.close()
        yield running


def run(client: Client, connection: Any, sql: str) -> None:
    cursor = connection.cursor()
    cursor.execute(sql)
    while cursor.nextset():
        pass
    cursor.close()


def shown(value: Any) -> Any:
    return str(value).upper() if isinstance(value, uuid.UUID) else value


def test_a_client_creates_fills_and_reads_a_table_of_every_type(standin: StandIn, client: Client) -> None:
    connection = client.connect(standin.port, PASSWORD, "Both")
    columns = ", ".join(f"{name} {kind} NULL" for name, (kind, _, _) in zip(NAMES, VALUES, strict=True))
    run(client, connection, f"CREATE TABLE dbo.{client.name} (id int NOT NULL PRIMARY KEY, {columns})")
    literals = ", ".join(literal for _, literal, _ in VALUES)
    run(client, connection, f"INSERT INTO dbo.{client.name} VALUES (1, {literals})")
    run(client, connection, f"INSERT INTO dbo.{client.name} (id) VALUES (2)")
    first, second = client.fetch(connection, f"SELECT * FROM dbo.{client.name} ORDER BY id")
    connection.close()
    assert second == (2, *(None,) * len(VALUES))
    for value, (kind, _, expected) in zip(first[1:], VALUES, strict=True):
        assert shown(value) == shown(expected), kind


def test_all_clients_see_the_same_rows(standin: StandIn) -> None:
    writer = CLIENTS["pytds"].connect(standin.port, PASSWORD, "Both")
    run(CLIENTS["pytds"], writer, "CREATE TABLE dbo.seen (id int NOT NULL PRIMARY KEY, t nvarchar(50) NULL)")
    run(CLIENTS["pytds"], writer, "INSERT INTO dbo.seen VALUES (1, N'eins'), (2, NULL), (3, N'世界')")
    writer.close()
    for client in CLIENTS.values():
        if client.missing() is None:
            connection = client.connect(standin.port, PASSWORD, "Both")
            assert client.fetch(connection, "SELECT id, t FROM dbo.seen ORDER BY id") == [
                (1, "eins"),
                (2, None),
                (3, "世界"),
            ], client.name
            connection.close()
    if shutil.which("tsql") is not None:
        printed = tsql(standin.port, PASSWORD, "SELECT id, t FROM Both.dbo.seen ORDER BY id")
        assert "1\teins\n2\tNULL\n3\t世界" in printed


@pytest.mark.parametrize("name", ["pytds", "freetds", "microsoft"])
def test_parameters_are_stored_as_they_are_sent(standin: StandIn, name: str) -> None:
    client = CLIENTS[name]
    if (missing := client.missing()) is not None:
        pytest.skip(missing)
    connection = client.connect(standin.port, PASSWORD, "Both")
    table = f"dbo.sent_{name}"
    run(
        client,
        connection,
        f"CREATE TABLE {table} (i bigint, t nvarchar(max), d decimal(12,4), s datetime2(3), b varbinary(max), f float)",
    )
    values = (-(2**40), "世界 " * 3000, Decimal("-12345.6789"), _STAMP(2024, 2, 29, 13, 14, 15, 123000), b"\0\xff", 1.5)
    sent = tuple(pytds.Binary(value) if name == "pytds" and isinstance(value, bytes) else value for value in values)
    cursor = connection.cursor()
    for row in (sent, (None, None, None, None, pytds.Binary(b"") if name == "pytds" else b"", None)):
        cursor.execute(f"INSERT INTO {table} VALUES ({', '.join([client.mark] * 6)})", row)
    cursor.close()
    found = client.fetch(connection, f"SELECT * FROM {table} WHERE i = {client.mark}", (-(2**40),))
    assert found == [values]
    assert len(client.fetch(connection, f"SELECT * FROM {table} WHERE i IS NULL")) == 1
    connection.close()


def test_a_transaction_is_seen_after_its_commit_only(standin: StandIn, client: Client) -> None:
    connection = client.connect(standin.port, PASSWORD, "Both", autocommit=False)
    table = f"dbo.moved_{client.name}"
    run(client, connection, f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY)")
    connection.commit()
    run(client, connection, f"INSERT INTO {table} VALUES (1)")
    connection.rollback()
    run(client, connection, f"INSERT INTO {table} VALUES (2)")
    connection.commit()
    assert client.fetch(connection, f"SELECT id FROM {table}") == [(2,)]
    connection.close()


def test_an_error_has_its_number_and_leaves_the_connection_usable(standin: StandIn, client: Client) -> None:
    connection = client.connect(standin.port, PASSWORD, "Both")
    with pytest.raises((client.errors, pytds.Error), match="no_such_table"):
        client.fetch(connection, "SELECT * FROM dbo.no_such_table")
    assert client.fetch(connection, "SELECT 1 AS one") == [(1,)]
    connection.close()


@pytest.mark.parametrize("name", ["freetds", "microsoft"])
def test_a_waiting_statement_can_be_cancelled(standin: StandIn, name: str) -> None:
    client = CLIENTS[name]
    if (missing := client.missing()) is not None:
        pytest.skip(missing)
    connection = client.connect(standin.port, PASSWORD, "Both")
    connection.timeout = 1
    with pytest.raises(pyodbc.Error, match="HYT00"):
        run(client, connection, "WAITFOR DELAY '00:00:20'")
    assert client.fetch(connection, "SELECT 1 AS one") == [(1,)]
    connection.close()


def captured_database(client: Client, port: int, name: str) -> Any:
    """A connection to a new database with a captured table of three columns, and five change rows in it."""
    connection = client.connect(port, PASSWORD)
    run(client, connection, f"CREATE DATABASE {name}")
    connection.close()
    connection = client.connect(port, PASSWORD, name)
    for statement in (
        "EXEC sys.sp_cdc_enable_db",
        "CREATE TABLE dbo.t (id int NOT NULL PRIMARY KEY, v nvarchar(20) NULL, m money NULL)",
        "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL",
        "INSERT INTO dbo.t VALUES (1, N'eins', 1.5), (2, NULL, NULL)",
        "UPDATE dbo.t SET v = N'zwei' WHERE id = 2",
        "DELETE FROM dbo.t WHERE id = 1",
        "EXEC sys.sp_cdc_scan",
    ):
        run(client, connection, statement)
    return connection


CHANGES = "SELECT __$operation, __$update_mask, id, v, m FROM cdc.dbo_t_CT "
CHANGES += "ORDER BY __$start_lsn, __$command_id, __$seqval, __$operation"
CHANGE_ROWS = [
    (2, b"\7", 1, "eins", Decimal("1.5000")),
    (2, b"\7", 2, None, None),
    (3, b"\2", 2, None, None),
    (4, b"\2", 2, "zwei", None),
    (1, b"\7", 1, "eins", Decimal("1.5000")),
]


def test_change_rows_are_read_as_they_are_kept(standin: StandIn, client: Client) -> None:
    connection = captured_database(client, standin.port, f"Cdc{client.name}")
    assert client.fetch(connection, CHANGES) == CHANGE_ROWS
    connection.close()


@pytest.mark.parametrize("action", ["fin", "rst", "error"])
def test_change_rows_stop_at_the_row_that_was_asked_for(standin: StandIn, action: str) -> None:
    """A change table's rows come ready-made from the database half, and are cut where a fault says all the same."""
    client = CLIENTS["pytds"]
    connection = captured_database(client, standin.port, f"Cut{action}")
    cursor = connection.cursor()
    with standin.control() as control:
        control.arm(match="dbo_t_ct", at="rows", count=3, inside_row=action != "error", action=action)
        found = []
        with pytest.raises((pytds.Error, OSError)):
            cursor.execute(CHANGES)
            while (row := cursor.fetchone()) is not None:
                found.append(tuple(row))
    assert found == CHANGE_ROWS[:3]


def test_textsize_cuts_long_types_and_nothing_else(standin: StandIn, client: Client) -> None:
    connection = client.connect(standin.port, PASSWORD, "Both")
    wide = ("nvarchar(max)", "ntext", "xml")
    kinds = ("varchar(max)", "varbinary(max)", "text", "image", "varchar(50)", *wide)
    literals = {"varbinary(max)": f"0x{'61' * 20}", "image": f"0x{'61' * 20}", "xml": f"N'<a>{'a' * 13}</a>'"}
    selected = ", ".join(f"CAST({literals.get(kind, repr('a' * 20))} AS {kind})" for kind in kinds)
    run(client, connection, "SET TEXTSIZE 10")
    (found,) = client.fetch(connection, f"SELECT {selected}, CAST(NULL AS varchar(max))")
    run(client, connection, "SET TEXTSIZE -1")
    (whole,) = client.fetch(connection, f"SELECT {selected}, CAST(NULL AS varchar(max))")
    connection.close()
    assert [None if value is None else len(value) for value in whole] == [20] * len(kinds) + [None]
    assert [None if value is None else len(value) for value in found] == [10, 10, 10, 10, 20, 5, 5, 20, None]


def test_textsize_cuts_the_values_of_change_rows(standin: StandIn) -> None:
    client = CLIENTS["pytds"]
    connection = captured_database(client, standin.port, "CutLong")
    run(client, connection, "CREATE TABLE dbo.long (id int NOT NULL PRIMARY KEY, v varchar(max) NULL)")
    run(client, connection, "EXEC sys.sp_cdc_enable_table N'dbo', N'long', @role_name = NULL")
    run(client, connection, "INSERT INTO dbo.long VALUES (1, REPLICATE(CAST('x' AS varchar(max)), 100000)), (2, 'y')")
    run(client, connection, "EXEC sys.sp_cdc_scan")
    query = CHANGES.replace("dbo_t_CT", "dbo_long_CT").replace(", m", "")
    for size, expected in ((100_000, 100_000), (70_001, 70_001), (10, 10)):
        run(client, connection, f"SET TEXTSIZE {size}")
        assert [(row[2], len(row[3])) for row in client.fetch(connection, query)] == [(1, expected), (2, 1)]
    connection.close()


def test_sigterm_ends_the_process_cleanly() -> None:
    running = StandIn(PASSWORD)
    connection = CLIENTS["pytds"].connect(running.port, PASSWORD)
    os.kill(running.process.pid, signal.SIGTERM)
    assert running.process.wait(15) == 0
    connection.close()
    running.stop()


def test_the_ready_line_names_both_ports(standin: StandIn) -> None:
    assert standin.host == "127.0.0.1"
    assert standin.port != standin.control_port
    with standin.control() as control:
        assert control.ask("ping") == {}
