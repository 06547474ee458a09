"""Requests and their replies: logins, results, parameters, prepared statements, procedures, transactions."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyodbc
import pytds
import pytest
from fake_engine import INT, SELECT, FakeEngine, FakeSession
from raw_client import HEADERS as ALL_HEADERS
from raw_client import RPC, RawClient, int_parameter, last_done, rpc_call, text_parameter
from wire_clients import CLIENTS, Client, Running

from standin.model import MAX, Column, Columns, Done, Event, Info, Param, Rows, SqlError, SqlType

PASSWORD = FakeEngine.PASSWORD
MORE, ERROR, COUNT = 1, 2, 0x10


@pytest.fixture(params=["pytds", "freetds", "microsoft"])
def binding_client(request: pytest.FixtureRequest) -> Client:
    """The clients that send parameters as parameters; pymssql writes them into the text."""
    chosen = CLIENTS[request.param]
    if (missing := chosen.missing()) is not None:
        pytest.skip(missing)
    return chosen


def numbers(count: int) -> list[tuple[Any, ...]]:
    return [(number, f"row {number} " + "x" * (number % 50)) for number in range(count)]


NUMBERED = [Column("n", INT, nullable=False), Column("t", SqlType("nvarchar", 100))]


def test_a_wrong_password_is_18456(fake: Running, client: Client) -> None:
    with pytest.raises((client.errors, pytds.Error), match="Login failed for user 'sa'"):
        client.connect(fake.port, "wrong")


def test_an_unknown_database_is_4060(fake: Running, client: Client) -> None:
    if client.name in ("pymssql", "freetds"):
        pytest.skip(f"{client.name} sends USE after its login")
    with pytest.raises(client.errors, match="missing"):
        client.connect(fake.port, PASSWORD, "missing")


def test_a_login_says_who_it_is(fake: Running, client: Client) -> None:
    client.connect(fake.port, PASSWORD, "AdventureWorks").close()
    login = fake.engine.logins[0]
    assert (login.user, login.password) == ("sa", PASSWORD)
    assert login.database == "AdventureWorks" or client.name in ("pymssql", "freetds")
    assert login.odbc or client.name == "pymssql"  # it sends the same settings as a batch
    assert not login.readonly_intent


@pytest.mark.parametrize("name", ["freetds", "microsoft"])
def test_readonly_intent_arrives(fake: Running, name: str) -> None:
    if (missing := CLIENTS[name].missing()) is not None:
        pytest.skip(missing)
    CLIENTS[name].connect(fake.port, PASSWORD, ApplicationIntent="ReadOnly").close()
    assert fake.engine.logins[0].readonly_intent


@pytest.mark.parametrize("packet_bytes", [512, 4096, 8000, 16384, 32767])
@pytest.mark.parametrize("name", ["freetds", "microsoft"])
def test_a_long_result_survives_every_packet_size(fake: Running, name: str, packet_bytes: int) -> None:
    if (missing := CLIENTS[name].missing()) is not None:
        pytest.skip(missing)
    rows = [*numbers(5000), (5000, "y" * 100)]
    fake.engine.result("SELECT many", NUMBERED, rows)
    connection = CLIENTS[name].connect(fake.port, PASSWORD, PacketSize=str(packet_bytes))
    assert CLIENTS[name].fetch(connection, "SELECT many") == rows
    connection.close()


def test_an_error_before_rows_reaches_the_client(fake: Running, client: Client) -> None:
    connection = client.connect(fake.port, PASSWORD)
    with pytest.raises((client.errors, pytds.Error), match="Invalid object name"):
        client.fetch(connection, "SELECT nothing")
    fake.engine.result("SELECT 1", NUMBERED, numbers(1))
    assert client.fetch(connection, "SELECT 1") == numbers(1)
    connection.close()


def test_an_error_after_rows_reaches_the_client(fake: Running, client: Client) -> None:
    def run(_: FakeSession, __: list[Param]) -> Iterator[Event]:
        yield Columns(NUMBERED)
        yield Rows(numbers(6))
        raise SqlError(8134, "Divide by zero error encountered.")

    fake.engine.statements["SELECT 1/0"] = run
    connection = client.connect(fake.port, PASSWORD)
    if client.name == "freetds":
        # FreeTDS gives the rows it has, then an error; pyodbc's fetchall takes the end of data for the end
        cursor = connection.cursor()
        cursor.execute("SELECT 1/0")
        assert [cursor.fetchone()[0] for _ in range(6)] == list(range(6))
        with pytest.raises(pyodbc.Error, match="Divide by zero"):
            cursor.fetchone()
    else:
        with pytest.raises((client.errors, pytds.Error), match="Divide by zero"):
            client.fetch(connection, "SELECT 1/0")
    connection.close()


def test_several_results_messages_and_counts_come_in_order(fake: Running) -> None:
    def run(_: FakeSession, __: list[Param]) -> Iterator[Event]:
        yield Done(3, 0xC3)
        yield Columns(NUMBERED)
        yield Rows(numbers(2))
        yield Done(2, SELECT)
        yield Info(0, "printed")
        yield Columns([Column("only", INT)])
        yield Rows([(9,)])
        yield Done(1, SELECT)

    fake.engine.statements["several"] = run
    connection = CLIENTS["pytds"].connect(fake.port, PASSWORD)
    cursor = connection.cursor()
    cursor.execute("several")
    assert cursor.rowcount == 3
    assert cursor.nextset()
    assert cursor.fetchall() == numbers(2)
    assert cursor.nextset()
    assert cursor.fetchall() == [(9,)]
    assert [message[1].args[0] for message in cursor.messages] == ["printed"]
    connection.close()


def test_an_error_that_lets_the_batch_go_on_keeps_later_results(fake: Running) -> None:
    def run(_: FakeSession, __: list[Param]) -> Iterator[Event]:
        yield SqlError(2627, "Violation of PRIMARY KEY constraint.", severity=14)
        yield Columns(NUMBERED)
        yield Rows(numbers(2))
        yield Done(2, SELECT)

    fake.engine.statements["goes on"] = run
    raw = RawClient(fake.port, PASSWORD)
    reply = raw.batch("goes on")
    raw.close()
    assert b"\xaa" in reply and b"\x81" in reply
    assert last_done(reply).status == COUNT


VALUES: list[Any] = [
    5,
    -(2**40),
    "Text 世界 😀",
    "",
    "x" * 5000,
    Decimal("-12345.6789"),
    1.25,
    datetime.datetime(2024, 2, 29, 13, 14, 15, 123000),
    datetime.date(2024, 2, 29),
    b"\x00\x01\xff",
    b"z" * 9000,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__}-{str(value)[:12]}")
def test_a_parameter_arrives_with_its_value(fake: Running, binding_client: Client, value: Any) -> None:
    connection = binding_client.connect(fake.port, PASSWORD)
    sent = pytds.Binary(value) if binding_client.name == "pytds" and isinstance(value, bytes) else value
    ((echoed,),) = binding_client.fetch(connection, f"SELECT {binding_client.mark} AS echo", [sent])
    connection.close()
    if isinstance(value, datetime.date) and isinstance(echoed, datetime.datetime | str):
        echoed = str(echoed)[: len(str(value))]
        value = str(value)
    assert echoed == value


def test_a_null_parameter_arrives(fake: Running, binding_client: Client) -> None:
    connection = binding_client.connect(fake.port, PASSWORD)
    ((*first, last),) = binding_client.fetch(
        connection, "SELECT ?, ? AS echo".replace("?", binding_client.mark), [None, 1]
    )
    assert (first, last) == ([] if binding_client.name == "pytds" else [None], 1)  # pytds writes NULL into the text
    connection.close()


def test_a_uniqueidentifier_parameter_keeps_the_servers_byte_order(fake: Running, binding_client: Client) -> None:
    guid = uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")
    connection = binding_client.connect(fake.port, PASSWORD)
    ((echoed,),) = binding_client.fetch(connection, f"SELECT {binding_client.mark} AS echo", [guid])
    connection.close()
    assert uuid.UUID(str(echoed)) == guid


def test_a_repeated_statement_is_prepared_once_and_executed_again(fake: Running, binding_client: Client) -> None:
    connection = binding_client.connect(fake.port, PASSWORD)
    cursor = connection.cursor()
    for number in range(3):
        cursor.execute(f"SELECT {binding_client.mark} AS echo", (number,))
        assert [tuple(row) for row in cursor.fetchall()] == [(number,)]
    connection.close()
    asked = [params[0].value for sql, params in fake.engine.asked if "echo" in sql]
    assert asked == [0, 1, 2]


def test_statements_can_be_prepared_executed_and_dropped_by_name(fake: Running) -> None:
    connection = CLIENTS["pytds"].connect(fake.port, PASSWORD)
    cursor = connection.cursor()
    cursor.callproc("sp_prepare", (pytds.output(param_type="int"), "@a int", "SELECT @a AS echo", 1))
    assert [column[0] for column in cursor.description] == ["a"]
    assert cursor.fetchall() == []
    (handle_value, *_) = cursor.get_proc_outputs()
    assert isinstance(handle_value, int)
    cursor.callproc("sp_execute", (handle_value, 42))
    assert cursor.fetchall() == [(42,)]
    cursor.callproc("sp_unprepare", (handle_value,))
    with pytest.raises(pytds.Error, match=f"Could not find prepared statement with handle {handle_value}"):
        cursor.callproc("sp_execute", (handle_value, 42))
        cursor.fetchall()
    connection.close()


def test_a_statement_that_cannot_be_prepared_says_so(fake: Running) -> None:
    client = CLIENTS["microsoft"]
    if (missing := client.missing()) is not None:
        pytest.skip(missing)
    connection = client.connect(fake.port, PASSWORD)
    with pytest.raises(pyodbc.Error, match="Invalid object name"):
        client.fetch(connection, "SELECT unknown WHERE 1 = ?", [1])
    connection.close()


def test_a_procedure_returns_rows_outputs_and_its_status(fake: Running) -> None:
    connection = CLIENTS["pytds"].connect(fake.port, PASSWORD)
    cursor = connection.cursor()
    cursor.callproc("dbo.add_one", (41, pytds.output(param_type="int")))
    assert cursor.fetchall() == [(41,)]
    assert cursor.get_proc_return_status() == 7
    assert cursor.get_proc_outputs() == [42]
    connection.close()


def test_several_calls_in_one_message_each_get_a_doneproc(fake: Running) -> None:
    raw = RawClient(fake.port, PASSWORD)
    call = rpc_call(10, text_parameter("SELECT @a AS echo"), text_parameter("@a int"), int_parameter(5))
    reply = raw.ask(RPC, ALL_HEADERS + call + b"\xff" + call)
    raw.close()
    assert reply.count(b"\x79\0\0\0\0\xfe\x01\x00") == 1  # RETURNSTATUS 0, DONEPROC with MORE
    assert reply.endswith(b"\x79\0\0\0\0\xfe" + b"\0" * 12)


def test_prepare_and_execute_by_number_return_the_handle(fake: Running) -> None:
    raw = RawClient(fake.port, PASSWORD)
    prepexec = rpc_call(
        13, int_parameter(None, True), text_parameter("@a int"), text_parameter("SELECT @a AS echo"), int_parameter(5)
    )
    reply = raw.ask(RPC, ALL_HEADERS + prepexec)
    assert b"\xac" in reply and last_done(reply).token == 0xFE
    assert b"\xd1\x04\x06\0\0\0" in raw.ask(RPC, ALL_HEADERS + rpc_call(12, int_parameter(1), int_parameter(6)))
    reply = raw.ask(RPC, ALL_HEADERS + rpc_call(12, int_parameter(77), int_parameter(6)))
    raw.close()
    assert last_done(reply).status == ERROR
    assert "handle 77".encode("utf-16-le") in reply


def test_a_null_parameter_of_microsofts_driver_is_described(fake: Running) -> None:
    client = CLIENTS["microsoft"]
    if (missing := client.missing()) is not None:
        pytest.skip(missing)
    fake.engine.result("SELECT [n] FROM [t]", [Column("n", SqlType("bigint"))], [])
    connection = client.connect(fake.port, PASSWORD)
    client.fetch(connection, "SELECT 1 AS echo FROM t WHERE n = ?", [None])
    connection.close()
    described = fake.control.statements("sp_describe_undeclared_parameters")
    assert len(described) == 1 and described[0]["rows"] == 1
    (param,) = next(params for sql, params in fake.engine.asked if "echo" in sql)
    assert (param.type.name, param.value) == ("bigint", None)


def test_a_transaction_of_the_client_is_begun_and_ended(fake: Running, client: Client) -> None:
    fake.engine.result("SELECT 1", NUMBERED, numbers(1))
    connection = client.connect(fake.port, PASSWORD, autocommit=False)
    client.fetch(connection, "SELECT 1")
    connection.commit()
    client.fetch(connection, "SELECT 1")
    connection.rollback()
    connection.close()
    asked = [sql.split()[0] for sql, _ in fake.engine.asked]
    order = [word for word in asked if word in ("BEGIN", "COMMIT", "ROLLBACK")]
    assert order[0] == "BEGIN" and "COMMIT" in order and "ROLLBACK" in order[order.index("COMMIT") :]


def test_fmtonly_gives_columns_without_rows(fake: Running) -> None:
    fake.engine.result("SELECT many", NUMBERED, numbers(3))
    connection = CLIENTS["pytds"].connect(fake.port, PASSWORD)
    cursor = connection.cursor()
    cursor.execute("SET FMTONLY ON SELECT many SET FMTONLY OFF")
    assert [column[0] for column in cursor.description] == ["n", "t"]
    assert cursor.fetchall() == []
    cursor.execute("SET FMTONLY ON")
    cursor.execute("SELECT many")
    assert cursor.fetchall() == []
    cursor.execute("SET FMTONLY OFF")
    cursor.execute("SELECT many")
    assert cursor.fetchall() == numbers(3)
    connection.close()


def test_a_reset_connection_starts_with_its_acknowledgement(fake: Running) -> None:
    fake.engine.result("SELECT 1", NUMBERED, numbers(1))
    raw = RawClient(fake.port, PASSWORD)
    reply = raw.batch("SELECT 1", status=0x09)
    raw.close()
    assert reply.startswith(bytes.fromhex("e30300120000"))
    assert [sql for sql, _ in fake.engine.asked] == ["RESET", "SELECT 1"]


def test_a_use_statement_changes_the_database_for_the_client(fake: Running) -> None:
    raw = RawClient(fake.port, PASSWORD)
    reply = raw.batch("USE [Andere]")
    raw.close()
    assert reply.startswith(b"\xe3") and "Andere".encode("utf-16-le") in reply
    assert "Changed database context to 'Andere'.".encode("utf-16-le") in reply


def test_what_the_stand_in_cannot_do_is_an_error_with_its_reason(fake: Running, capfd: pytest.CaptureFixture) -> None:
    fake.engine.result("SELECT bad", [Column("n", INT)], [(2**31,)])
    connection = CLIENTS["pytds"].connect(fake.port, PASSWORD)
    with pytest.raises(pytds.Error, match="The stand-in failed"):
        CLIENTS["pytds"].fetch(connection, "SELECT bad")
    connection.close()
    assert "Traceback" in capfd.readouterr().err


def test_a_max_parameter_keeps_its_length(fake: Running) -> None:
    connection = CLIENTS["pytds"].connect(fake.port, PASSWORD)
    CLIENTS["pytds"].fetch(connection, "SELECT %s AS echo", ["x" * 100_000])
    connection.close()
    ((param,),) = [params for sql, params in fake.engine.asked if "echo" in sql]
    assert param.type.length == MAX and len(param.value) == 100_000
