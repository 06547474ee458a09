"""Attentions: a cancel while rows are written, before and after, with the connection usable afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pyodbc
import pytest
from fake_engine import INT, SELECT, FakeEngine, FakeSession
from raw_client import ATTENTION, ATTENTION_ACK, HEADERS, SQL_BATCH, RawClient, last_done
from wire_clients import CLIENTS, Client, Running

from standin.model import Column, Columns, Done, Event, Param, Rows, SqlType, WireRows
from standin.tds.values import row_encoder

PASSWORD = FakeEngine.PASSWORD
ERROR = 2
COLUMNS = [Column("n", INT), Column("t", SqlType("nvarchar", 200))]
ROW = (1, "x" * 100)


def endless(_: FakeSession, __: list[Param]) -> Iterator[Event]:
    """Ends only because the wire half stops asking."""
    yield Columns(COLUMNS)
    blob = row_encoder(COLUMNS)(ROW) * 500
    while True:
        yield Rows([ROW] * 500)
        yield WireRows(blob, 500)


def waits_for_cancel(session: FakeSession, _: list[Param]) -> Iterator[Event]:
    """WAITFOR: no event until the session is cancelled."""
    session.cancelled.wait(20)
    yield Done()


def one(_: FakeSession, __: list[Param]) -> Iterator[Event]:
    yield Columns(COLUMNS)
    yield Rows([ROW])
    yield Done(1, SELECT)


@pytest.fixture
def running(fake: Running) -> Running:
    fake.engine.statements |= {"endless": endless, "wait": waits_for_cancel, "one": one}
    return fake


@pytest.mark.parametrize("name", ["pytds", "freetds", "microsoft"])
def test_a_cancel_in_the_middle_of_rows_leaves_the_connection_usable(running: Running, name: str) -> None:
    client = CLIENTS[name]
    if (missing := client.missing()) is not None:
        pytest.skip(missing)
    connection = client.connect(running.port, PASSWORD)
    cursor = connection.cursor()
    cursor.execute("endless")
    assert tuple(cursor.fetchone()) == ROW
    cursor.cancel()
    cursor.close()
    assert client.fetch(connection, "one") == [ROW]
    connection.close()
    assert [line["cancelled"] for line in running.control.statements("endless")] == [True]


@pytest.mark.parametrize("name", ["freetds", "microsoft"])
def test_a_query_timeout_cancels_a_statement_without_rows(running: Running, name: str) -> None:
    client = CLIENTS[name]
    if (missing := client.missing()) is not None:
        pytest.skip(missing)
    connection = client.connect(running.port, PASSWORD)
    connection.timeout = 1
    started = time.monotonic()
    with pytest.raises(pyodbc.Error, match="HYT00"):
        client.fetch(connection, "wait")
    assert time.monotonic() - started < 5
    assert client.fetch(connection, "one") == [ROW]
    connection.close()


@pytest.mark.parametrize("name", ["freetds", "microsoft"])
def test_a_cancel_from_another_thread_ends_an_execute(running: Running, name: str) -> None:
    client = CLIENTS[name]
    if (missing := client.missing()) is not None:
        pytest.skip(missing)
    connection = client.connect(running.port, PASSWORD)
    cursor = connection.cursor()
    timer = threading.Timer(0.3, cursor.cancel)
    timer.start()
    with pytest.raises(pyodbc.Error, match="HY008"):
        cursor.execute("wait")
    timer.join()
    cursor.close()
    assert client.fetch(connection, "one") == [ROW]
    connection.close()


def test_a_client_that_leaves_ends_its_statement(running: Running) -> None:
    client: Client = CLIENTS["pytds"]
    connection = client.connect(running.port, PASSWORD)
    cursor = connection.cursor()
    cursor.execute("endless")
    cursor.fetchone()
    connection._conn._socket.close() if hasattr(connection, "_conn") else connection.close()
    deadline = time.monotonic() + 10
    while running.server.sessions() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running.server.sessions() == []
    assert running.engine.closed == 1


def test_an_attention_is_answered_by_a_message_of_its_own(running: Running) -> None:
    raw = RawClient(running.port, PASSWORD)
    raw.send(SQL_BATCH, HEADERS + "endless".encode("utf-16-le"))
    raw.socket.settimeout(20)
    raw.send(ATTENTION, b"")
    assert last_done(raw.receive()).status == ERROR
    acknowledged = raw.receive()
    assert len(acknowledged) == 13 and last_done(acknowledged).status == ATTENTION_ACK
    assert b"\xd1" in raw.batch("one")
    raw.close()


def test_an_attention_after_the_reply_is_still_answered(running: Running) -> None:
    raw = RawClient(running.port, PASSWORD)
    raw.batch("one")
    acknowledged = raw.ask(ATTENTION, b"")
    assert last_done(acknowledged).status == ATTENTION_ACK
    assert b"\xd1" in raw.batch("one")
    raw.close()


def test_a_request_that_the_client_takes_back_is_not_run(running: Running) -> None:
    raw = RawClient(running.port, PASSWORD)
    assert last_done(raw.batch("one", status=0x03)).status == ERROR
    raw.close()
    assert running.engine.asked == []


def test_unread_rows_are_thrown_away_when_a_cursor_is_closed(running: Running) -> None:
    connection = CLIENTS["pytds"].connect(running.port, PASSWORD)
    cursor = connection.cursor()
    cursor.execute("endless")
    cursor.close()
    assert CLIENTS["pytds"].fetch(connection, "one") == [ROW]
    connection.close()
