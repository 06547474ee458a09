"""Faults on command: a connection cut, stalled or failed at every kind of place is what a client then sees."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pyodbc
import pytds
import pytest
from fake_engine import INT, SELECT, FakeEngine, FakeSession
from raw_client import HEADERS, SQL_BATCH, RawClient, last_done
from wire_clients import CLIENTS, Running

from standin.model import Column, Columns, Done, Event, Param, Rows, SqlType, WireRows
from standin.tds.values import row_encoder
from tests.support.program import wait_until

PASSWORD = FakeEngine.PASSWORD
COLUMNS = [Column("n", INT), Column("t", SqlType("nvarchar", 200))]
ROWS = [(number, "x" * 50) for number in range(10)]
ENCODED = [row_encoder(COLUMNS)(row) for row in ROWS]


def plain(_: FakeSession, __: list[Param]) -> Iterator[Event]:
    yield Columns(COLUMNS)
    yield Rows(ROWS)
    yield Done(len(ROWS), SELECT)


def ready_made(_: FakeSession, __: list[Param]) -> Iterator[Event]:
    yield Columns(COLUMNS)
    yield WireRows(b"".join(ENCODED), len(ENCODED))
    yield Done(len(ROWS), SELECT)


@pytest.fixture
def running(fake: Running) -> Running:
    fake.engine.statements |= {"SELECT plain": plain, "SELECT ready_made": ready_made}
    return fake


def received(raw: RawClient, text: str) -> tuple[bytes, str]:
    """All payload that arrives for a statement, and how it ended: 'message', 'fin' or 'rst'."""
    raw.send(SQL_BATCH, HEADERS + text.encode("utf-16-le"))
    payload = b""
    try:
        while True:
            header = raw._take(8)
            payload += raw._take(int.from_bytes(header[2:4], "big") - 8)
            if header[1] & 1:
                return payload, "message"
    except EOFError:
        return payload, "fin"
    except ConnectionResetError:
        return payload, "rst"


def rows_in(payload: bytes) -> int:
    """Whole rows at the front of a reply's rows."""
    count, at = 0, payload.index(b"\xd1")
    for encoded in ENCODED:
        if payload[at : at + len(encoded)] != encoded:
            break
        at, count = at + len(encoded), count + 1
    return count


@pytest.mark.parametrize("statement", ["SELECT plain", "SELECT ready_made"])
@pytest.mark.parametrize("action", ["fin", "rst"])
@pytest.mark.parametrize("count", [1, 6, 10])
def test_a_cut_between_rows_lets_exactly_those_rows_through(
    running: Running, statement: str, action: str, count: int
) -> None:
    fault = running.control.arm(match="select", at="rows", count=count, action=action)
    raw = RawClient(running.port, PASSWORD)
    payload, end = received(raw, statement)
    raw.close()
    assert (rows_in(payload), end) == (count, action)
    assert payload.endswith(ENCODED[count - 1])
    assert running.control.fired(fault) == 1


@pytest.mark.parametrize("statement", ["SELECT plain", "SELECT ready_made"])
@pytest.mark.parametrize("action", ["fin", "rst"])
def test_a_cut_inside_a_row_leaves_half_of_it(running: Running, statement: str, action: str) -> None:
    running.control.arm(match=statement, at="rows", count=4, inside_row=True, action=action)
    raw = RawClient(running.port, PASSWORD)
    payload, end = received(raw, statement)
    raw.close()
    assert (rows_in(payload), end) == (4, action)
    assert payload.endswith(ENCODED[4][: len(ENCODED[4]) // 2])


@pytest.mark.parametrize("count", [0, 1, 20, 300])
def test_a_cut_after_n_bytes_lets_n_bytes_through(running: Running, count: int) -> None:
    running.control.arm(match="plain", at="bytes", count=count, action="fin")
    raw = RawClient(running.port, PASSWORD)
    payload, end = received(raw, "SELECT plain")
    raw.close()
    assert (len(payload), end) == (count, "fin")


def test_a_cut_before_done_comes_after_every_row(running: Running) -> None:
    running.control.arm(match="plain", at="before_done", action="fin")
    raw = RawClient(running.port, PASSWORD)
    payload, end = received(raw, "SELECT plain")
    raw.close()
    assert (rows_in(payload), end) == (10, "fin")
    assert payload.endswith(ENCODED[-1])


def test_a_cut_before_the_end_comes_after_done(running: Running) -> None:
    running.control.arm(match="plain", at="before_end", action="fin")
    raw = RawClient(running.port, PASSWORD)
    payload, end = received(raw, "SELECT plain")
    raw.close()
    assert end == "fin"
    assert (last_done(payload).count, last_done(payload).status) == (10, 0x10)


def test_a_cut_after_done_lets_the_whole_message_through(running: Running) -> None:
    running.control.arm(match="plain", at="after_done", action="fin")
    raw = RawClient(running.port, PASSWORD)
    payload, end = received(raw, "SELECT plain")
    assert (rows_in(payload), end) == (10, "message")
    with pytest.raises((EOFError, OSError)):
        raw.batch("SELECT plain")
    raw.close()


def test_an_error_mid_rows_ends_the_result_with_its_number(running: Running) -> None:
    running.control.arm(match="plain", at="rows", count=6, action="error", number=1205, severity=13, message="Chosen.")
    connection = CLIENTS["pytds"].connect(running.port, PASSWORD)
    cursor = connection.cursor()
    with pytest.raises(pytds.Error, match="Chosen") as caught:
        cursor.execute("SELECT plain")
        cursor.fetchall()
    assert caught.value.number == 1205
    assert CLIENTS["pytds"].fetch(connection, "SELECT plain") == ROWS
    connection.close()
    assert [line["error"] for line in running.control.statements("plain")] == [1205, None]


def test_a_severity_of_twenty_closes_the_connection(running: Running) -> None:
    running.control.arm(match="plain", at="rows", count=6, action="error", number=823, severity=24, message="Disk.")
    raw = RawClient(running.port, PASSWORD)
    payload, end = received(raw, "SELECT plain")
    assert (rows_in(payload), end) == (6, "message")
    assert last_done(payload).status == 0x102
    with pytest.raises((EOFError, OSError)):
        raw.batch("SELECT plain")
    raw.close()


def test_an_info_between_rows_loses_nothing(running: Running) -> None:
    running.control.arm(match="plain", at="rows", count=6, action="info", number=50001, severity=0, message="Hello.")
    connection = CLIENTS["pytds"].connect(running.port, PASSWORD)
    assert CLIENTS["pytds"].fetch(connection, "SELECT plain") == ROWS
    connection.close()


def test_a_done_with_its_error_bit_but_without_an_error_can_be_sent(running: Running) -> None:
    running.control.arm(match="plain", at="rows", count=3, action="done_error")
    raw = RawClient(running.port, PASSWORD)
    payload, end = received(raw, "SELECT plain")
    raw.close()
    assert (rows_in(payload), end) == (3, "message")
    assert last_done(payload).status == 2 and b"\xaa" not in payload


def test_a_message_can_end_without_any_done(running: Running) -> None:
    running.control.arm(match="plain", at="before_done", action="no_done")
    raw = RawClient(running.port, PASSWORD)
    payload, end = received(raw, "SELECT plain")
    raw.close()
    assert end == "message" and payload.endswith(ENCODED[-1])


def test_a_stall_delays_the_rest_of_the_rows(running: Running) -> None:
    running.control.arm(match="plain", at="rows", count=5, action="stall", seconds=0.5)
    raw = RawClient(running.port, PASSWORD)
    started = time.monotonic()
    payload, end = received(raw, "SELECT plain")
    raw.close()
    assert 0.5 <= time.monotonic() - started < 5
    assert (rows_in(payload), end) == (10, "message")


@pytest.mark.parametrize("count", [0, 40])
@pytest.mark.parametrize("action", ["fin", "rst"])
def test_a_login_can_be_cut(running: Running, action: str, count: int) -> None:
    running.control.arm(at="login", count=count, action=action)
    with pytest.raises((EOFError, ConnectionResetError)):
        RawClient(running.port, PASSWORD)
    RawClient(running.port, PASSWORD).close()


def test_a_login_can_be_refused_with_a_number(running: Running) -> None:
    running.control.arm(at="login", action="error", number=18470, severity=14, message="The account is disabled.")
    raw = RawClient(running.port, PASSWORD)
    raw.close()
    assert raw.login.startswith(b"\xaa") and "The account is disabled.".encode("utf-16-le") in raw.login
    assert last_done(raw.login).status == 2


@pytest.mark.parametrize("action", ["fin", "rst"])
def test_a_connection_can_be_cut_as_it_is_accepted(running: Running, action: str) -> None:
    running.control.arm(at="connect", action=action)
    with pytest.raises((EOFError, OSError)):
        RawClient(running.port, PASSWORD)


def test_a_fault_waits_for_its_turn_and_is_used_up(running: Running) -> None:
    fault = running.control.arm(match="PLAIN", at="start", action="error", skip=1, times=2, message="Now.")
    connection = CLIENTS["pytds"].connect(running.port, PASSWORD)
    outcomes: list[Any] = []
    for _ in range(4):
        try:
            outcomes.append(len(CLIENTS["pytds"].fetch(connection, "SELECT plain")))
        except pytds.Error:
            outcomes.append("error")
    connection.close()
    assert outcomes == [10, "error", "error", 10]
    assert running.control.fired(fault) == 2


@pytest.mark.parametrize("reset", [False, True])
def test_a_session_can_be_cut_from_outside(running: Running, reset: bool) -> None:
    raw = RawClient(running.port, PASSWORD)
    (session,) = running.control.ask("sessions")["sessions"]
    assert running.control.ask("cut", session=session, reset=reset)["cut"] == 1
    if reset:
        with pytest.raises(ConnectionResetError):
            raw.socket.recv(1)
    else:
        assert raw.socket.recv(1) == b""
    raw.close()


@pytest.mark.parametrize("name", ["freetds", "microsoft"])
def test_odbc_sees_a_cut_inside_a_row_as_an_error(running: Running, name: str) -> None:
    if (missing := CLIENTS[name].missing()) is not None:
        pytest.skip(missing)
    running.control.arm(match="plain", at="rows", count=4, inside_row=True, action="fin")
    connection = CLIENTS[name].connect(running.port, PASSWORD)
    cursor = connection.cursor()
    cursor.execute("SELECT plain")
    assert [cursor.fetchone()[0] for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(pyodbc.Error):
        cursor.fetchone()


@pytest.mark.parametrize("name", ["freetds", "microsoft"])
def test_a_prepared_statement_meets_its_fault_by_its_text(running: Running, name: str) -> None:
    if (missing := CLIENTS[name].missing()) is not None:
        pytest.skip(missing)
    running.engine.statements["SELECT plain WHERE n > @P1"] = plain
    running.control.arm(match="plain where", at="rows", count=6, action="error", number=8134, message="Divided.")
    connection = CLIENTS[name].connect(running.port, PASSWORD)
    cursor = connection.cursor()
    with pytest.raises(pyodbc.Error, match="Divided"):
        cursor.execute("SELECT plain WHERE n > ?", 0)
        for _ in range(7):
            cursor.fetchone()
    cursor.close()
    assert len(CLIENTS[name].fetch(connection, "SELECT plain WHERE n > ?", [0])) == 10
    connection.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "nowhere"},
        {"action": "explode"},
        {"at": "bytes", "action": "error"},
        {"at": "rows", "inside_row": True, "action": "info", "severity": 0},
        {"action": "error", "severity": 9},
        {"colour": "red"},
    ],
)
def test_a_fault_that_cannot_be_is_refused(running: Running, wrong: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="control fault"):
        running.control.arm(**wrong)


def test_a_wrong_line_on_the_control_channel_is_answered(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.control_port), timeout=10) as connection:
        connection.sendall(b"not json\n")
        assert b'"ok": false' in connection.makefile("rb").readline()


def test_the_log_tells_what_ran(running: Running) -> None:
    connection = CLIENTS["pytds"].connect(running.port, PASSWORD)
    CLIENTS["pytds"].fetch(connection, "SELECT plain")
    # A client has the last row before the server has noted how many it sent.
    wait_until(lambda: running.control.statements("plain")[-1]["rows"] is not None, "the statement's end in the log")
    first = running.control.statements("plain")[-1]
    CLIENTS["pytds"].fetch(connection, "SELECT ready_made")
    connection.close()
    assert (first["kind"], first["text"], first["rows"], first["error"]) == ("batch", "SELECT plain", 10, None)
    assert [line["text"] for line in running.control.statements(after=first["id"])] == ["SELECT ready_made"]
