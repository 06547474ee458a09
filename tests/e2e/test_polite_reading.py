"""Reading is polite: what the program sends to the server, statement by statement, as the stand-in's log has it.

Everything is asserted for each connection by itself, however many there are."""

from __future__ import annotations

import re
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from standin.control import Control
from standin.harness import StandIn
from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.program import Program, wait_until

Statement = dict[str, Any]

each_driver = pytest.mark.parametrize("driver", drivers().values(), ids=drivers().keys())

# Statements of the program, by what only their texts hold.
POLL = "AS first_lsn"
PROBE = "AS probe WHERE EXISTS"
RECHECK = "DESC; SELECT ct.object_id"
READ = "LEFT JOIN cdc.lsn_time_mapping"
TABLES_A_PROBE = 50
IDLE_STATEMENTS = 1  # a poll: where the horizon has not moved, nothing else needs to be asked
LOOK = "log_reuse_wait_desc"  # begins a look at the server's own side of capture
LOOK_STATEMENTS = 9  # once a minute
SETTINGS = ("SET DEADLOCK_PRIORITY LOW", "SET LOCK_TIMEOUT 5000", "SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
_HINTS = "NOLOCK|READUNCOMMITTED|TABLOCKX?|UPDLOCK|XLOCK|HOLDLOCK|ROWLOCK|PAGLOCK|SERIALIZABLE|REPEATABLEREAD|NOEXPAND"
_TRANSACTIONS = r"\bBEGIN\s+TRAN|\bCOMMIT\b|\bROLLBACK\b|\bSAVE\s+TRAN|IMPLICIT_TRANSACTIONS"


class Watched:
    """What the program's connections have sent since it was made."""

    def __init__(self, control: Control, database: Database) -> None:
        self.control, self.database = control, database
        self._ours: set[int] = set()
        self.know_own_connection()
        self._since = max(one["id"] for one in control.statements())

    def know_own_connection(self) -> None:
        """What the test itself sends from now on does not count."""
        marker = f"SELECT 1 AS [{uuid.uuid4().hex}]"
        self.database.run(marker)
        self._ours |= {one["session"] for one in self.control.statements(match=marker)}

    def statements(self) -> list[Statement]:
        found = self.control.statements(after=self._since)
        assert not found or found[0]["id"] <= self._since + 1, "the log has forgotten the first statements"
        return [one for one in found if one["session"] not in self._ours]

    def by_connection(self) -> dict[int, list[Statement]]:
        connections: dict[int, list[Statement]] = defaultdict(list)
        for one in self.statements():
            connections[one["session"]].append(one)
        return connections

    def rounds(self) -> list[list[Statement]]:
        """The statements of each whole round, of all connections. The first round is left out: it settles in."""
        rounds: list[list[Statement]] = []
        for one in self.statements():
            if POLL in one["text"]:
                rounds.append([])
            if rounds:
                rounds[-1].append(one)
        return rounds[2:-1]

    def wait_for_rounds(self, more: int) -> None:
        polls = sum(POLL in one["text"] for one in self.statements())
        wait_until(lambda: sum(POLL in one["text"] for one in self.statements()) >= polls + more, f"{more} rounds")


@pytest.fixture
def control(stand_in: StandIn) -> Iterator[Control]:
    """The stand-in's control channel; no fault and no hook outlives its test."""
    with stand_in.control() as channel:
        yield channel
        channel.ask("clear")
        channel.ask("hooks_off")


def _make_tables(database: Database, count: int) -> list[str]:
    names = [f"T{number:03}" for number in range(count)]
    for name in names:
        database.run(f"CREATE TABLE dbo.{name} (id int NOT NULL PRIMARY KEY, label nvarchar(40) NULL)")
        database.enable("dbo", name)
    database.run(*(f"INSERT INTO dbo.{name} VALUES (0, N'first')" for name in names))
    database.capture()
    return names


def _start(program: Program, database: Database, target: Target, *words: str, **settings: str) -> None:
    """Returns when the first round is over."""
    program.start(*words, **settings)
    wait_until(lambda: target.keys(target.state_key(database.name)) != [], "the state document")
    wait_until(lambda: "delivered table=dbo.T000" in program.log_text(), f"the first round\n{program.log_text()}")


def _delivered(database: Database, target: Target, table: str) -> None:
    assert_delivered(database.connection, f"dbo_{table}", target.objects(database.name, table))


@each_driver
def test_each_connection_sets_its_priority_lock_timeout_and_isolation_once_before_it_reads(
    database: Database, target: Target, program: Program, control: Control, driver: str
) -> None:
    _make_tables(database, 5)
    watched = Watched(control, database)
    _start(program, database, target, SQL_SERVER_DRIVER=driver)
    control.ask("cut")  # a connection that is made anew is as polite as the first
    database.connection.close()
    database.connection = database.connect()
    watched.know_own_connection()
    wait_until(lambda: len(watched.by_connection()) >= 2, "a new connection")
    watched.wait_for_rounds(2)
    program.stop()
    connections = watched.by_connection()
    assert len(connections) >= 2
    for statements in connections.values():
        texts = [one["text"] for one in statements]
        setting = [text for text in texts if "DEADLOCK_PRIORITY" in text]
        assert len(setting) == 1, texts
        for words in SETTINGS:
            assert words in setting[0]
        before = texts[: texts.index(setting[0])]
        assert before == ["SET NOCOUNT OFF"][: len(before)]
        assert not any(re.search("ISOLATION LEVEL|LOCK_TIMEOUT", text) for text in texts if text not in setting)


@each_driver
def test_no_statement_leaves_a_transaction_open_takes_a_hint_or_calls_a_function_of_cdc(
    database: Database, target: Target, program: Program, control: Control, driver: str
) -> None:
    """A whole life: many small objects of a busy table, idle rounds, a new table, a stop."""
    _make_tables(database, 3)
    database.run("CREATE TABLE dbo.Watch (session int, transactions int)")
    seen = "INSERT INTO dbo.Watch SELECT session_id, open_transaction_count FROM sys.dm_exec_sessions"
    hook = control.ask(
        "hook",
        match="SELECT",
        sql=[f"{seen} WHERE program_name = N'cdc-to-s3'"],
        database=database.name,
        times=-1,
    )["id"]
    watched = Watched(control, database)
    _start(program, database, target, "--max-object-rows", "10", SQL_SERVER_DRIVER=driver)
    for number in range(1, 4):
        first = 100 * number
        rows = ", ".join(f"({first + row}, N'row {row}')" for row in range(50))
        database.run(f"INSERT INTO dbo.T000 VALUES {rows}", f"UPDATE dbo.T001 SET label = N'number {number}'")
        database.capture()
        watched.wait_for_rounds(3)
    database.run("CREATE TABLE dbo.Late (id int NOT NULL PRIMARY KEY)")
    database.enable("dbo", "Late")
    database.run("INSERT INTO dbo.Late VALUES (1)")
    database.capture()
    wait_until(lambda: target.keys(f"{database.name}/Late/") != [], "the new table")
    watched.wait_for_rounds(2)
    program.stop()

    hooks = {one["id"]: one for one in control.ask("hooks")["hooks"]}
    control.ask("hooks_off")
    assert hooks[hook]["errors"] == []
    looks, most = database.connection.rows("SELECT COUNT(*), MAX(transactions) FROM dbo.Watch")[0]
    assert looks >= 50
    assert most == 0

    statements = watched.statements()
    assert {one["kind"] for one in statements} <= {"batch", "rpc"}, "a transaction by the protocol"
    for one in statements:
        text = one["text"]
        assert re.search(_TRANSACTIONS, text, re.IGNORECASE) is None, text
        assert "fn_cdc_" not in text, text
        assert re.search(rf"\b({_HINTS})\b", text, re.IGNORECASE) is None, text
        for hint in re.finditer(r"(\S+\s+AS\s+\w+\s+)WITH\s*\(([^)]*)\)", text, re.IGNORECASE):
            assert hint[1].startswith("cdc.lsn_time_mapping AS"), text
            assert hint[2].strip() == "READPAST", text
    assert all(one["seconds"] is not None for one in statements), "a statement was left open"
    for table in ("T000", "T001", "T002", "Late"):
        _delivered(database, target, table)


@each_driver
def test_an_idle_round_is_one_statement_however_many_tables_there_are(
    database: Database, target: Target, program: Program, control: Control, driver: str
) -> None:
    count = 2 * TABLES_A_PROBE + 5
    _make_tables(database, count)
    watched = Watched(control, database)
    _start(program, database, target, SQL_SERVER_DRIVER=driver)
    watched.wait_for_rounds(5)
    rounds = watched.rounds()
    assert len(rounds) >= 3
    for idle in rounds:
        texts = [one["text"] for one in idle]
        assert len(texts) == IDLE_STATEMENTS, "\n".join(texts)
        assert POLL in texts[0]
    # A commit anywhere moves the horizon: then every table is asked for, 50 a statement.
    for number in range(1, 3):
        database.run(f"INSERT INTO dbo.T000 VALUES ({number}, N'one')")
        database.capture()
        watched.wait_for_rounds(3)
    program.stop()
    with_rows = [one for one in watched.rounds() if any(READ in statement["text"] for statement in one)]
    assert len(with_rows) == 2
    for one in with_rows:
        probes = [statement for statement in one if PROBE in statement["text"]]
        assert len(probes) == -(-count // TABLES_A_PROBE)
        assert sum(statement["text"].count("AS probe") for statement in probes) == count
        reads = [statement for statement in one if READ in statement["text"]]
        assert len(reads) == 1, "a table without rows was read"


@each_driver
def test_a_look_at_the_servers_side_is_a_few_statements_once_a_minute(
    database: Database, target: Target, program: Program, control: Control, driver: str
) -> None:
    _make_tables(database, TABLES_A_PROBE + 5)
    watched = Watched(control, database)
    _start(program, database, target, SQL_SERVER_DRIVER=driver)
    watched.wait_for_rounds(6)
    program.stop()
    (polling,) = (one for one in watched.by_connection().values() if any(POLL in each["text"] for each in one))
    texts = [one["text"] for one in polling]
    assert sum(LOOK in text for text in texts) == 1
    first = next(number for number, text in enumerate(texts) if LOOK in text)
    behind = next(number for number, text in enumerate(texts) if number > first and POLL in text)
    assert behind - first == LOOK_STATEMENTS, texts[first:behind]
    assert all(one["error"] is None for one in polling)


@each_driver
def test_texts_stay_the_same_when_values_change(
    database: Database, target: Target, program: Program, control: Control, driver: str
) -> None:
    """What follows from that: the server compiles a statement once, and its plan cache does not fill."""
    _make_tables(database, 3)
    watched = Watched(control, database)
    _start(program, database, target, SQL_SERVER_DRIVER=driver)

    def commit_some(first: int) -> None:
        for number in range(first, first + 3):
            database.run(f"INSERT INTO dbo.T000 VALUES ({number}, N'row {number}'), ({-number}, NULL)")
            database.capture()
            watched.wait_for_rounds(2)

    commit_some(1)
    known = {one["text"] for one in watched.statements()}
    commit_some(1000)
    program.stop()
    new = {one["text"] for one in watched.statements()} - known
    assert new == set()
    for one in watched.statements():
        assert re.search(r"0x[0-9A-F]{8}", one["text"], re.IGNORECASE) is None, one["text"]
        if PROBE in one["text"] or READ in one["text"] or POLL in one["text"]:
            assert one["kind"] == "rpc"
            declared = one["parameters"][1].lower()
            assert re.fullmatch(r"'(@p\d+ binary\(10\),?)+'", declared), declared
    _delivered(database, target, "T000")


@each_driver
def test_an_idle_program_does_not_hold_up_an_alter_of_a_captured_table(
    database: Database, target: Target, program: Program, control: Control, driver: str
) -> None:
    _make_tables(database, 2)
    watched = Watched(control, database)
    _start(program, database, target, "--interval", "1h", SQL_SERVER_DRIVER=driver)
    wait_until(lambda: all(one["seconds"] is not None for one in watched.statements()), "the end of the round")
    time.sleep(0.3)
    quiet = len(watched.statements())
    database.run("SET LOCK_TIMEOUT 2000; ALTER TABLE dbo.T000 ALTER COLUMN label nvarchar(80) NULL")
    database.run(f"INSERT INTO dbo.T000 VALUES (1, N'{'x' * 80}')")
    database.capture()
    time.sleep(0.5)
    assert len(watched.statements()) == quiet, "an idle program sent something"
    assert all(one["seconds"] is not None for one in watched.statements())
    program.stop()
    program.once(SQL_SERVER_DRIVER=driver)
    _delivered(database, target, "T000")


@each_driver
@pytest.mark.parametrize("error", [1205, 1222])
def test_a_deadlock_or_a_lock_timeout_at_any_statement_is_tried_again_without_loss(
    database: Database, target: Target, program: Program, control: Control, driver: str, error: int
) -> None:
    _make_tables(database, 3)
    _start(program, database, target, SQL_SERVER_DRIVER=driver)
    severity = 13 if error == 1205 else 16
    for number, match in enumerate((POLL, PROBE, READ, RECHECK), 1):
        for at in ("start", "rows"):
            fault = control.arm(match=match, at=at, action="error", number=error, severity=severity)
            database.run(
                f"INSERT INTO dbo.T000 VALUES ({number * 10 + len(at)}, N'a'), ({number * 1000 + len(at)}, N'b')"
            )
            database.capture()
            wait_until(lambda fault=fault: control.fired(fault) == 1, f"{error} {at} of {match}")
            control.ask("clear")
    wanted = 1 + 2 * 8

    arrived = re.compile(r"delivered table=dbo\.T000 objects=\d+ rows=(\d+)")
    wait_until(lambda: sum(map(int, arrived.findall(program.log_text()))) == wanted, "all rows")
    program.stop()
    assert "table_stopped" not in program.log_text()
    _delivered(database, target, "T000")
