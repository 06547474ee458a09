"""A result counts only when it is complete: whatever is cut, stalls or errs on the way from the server, the running
program goes on by itself, and the objects are the same as on a good day."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from standin.control import Control
from standin.harness import StandIn
from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.program import Program, wait_until
from tests.support.workload import Workload, assert_same, commit_some, random_of

# CDC_TEST_ALL_CUTS=1 tries every fault on every statement; otherwise the seed chooses some (of change reads: all).
ALL_CUTS = os.environ.get("CDC_TEST_ALL_CUTS", "") not in ("", "0")
CHOSEN_CUTS = 5
# A reply without an end is given up after the query timeout.
IMPATIENT = {"CDC_SOURCE_QUERY_TIMEOUT": "1s"}
# The program's statements, by what only their text holds.
STATEMENTS = {
    "change reads": "LEFT JOIN cdc.lsn_time_mapping",
    "probes": "AS probe WHERE EXISTS",
    "polls": "SYSUTCDATETIME",
    "rechecks": "DESC; SELECT ct.object_id",
    "descriptions": "cdc.captured_columns AS cc",
}
FAULTS: dict[str, dict[str, Any]] = {
    "cut before the reply": {"at": "start", "action": "fin"},
    "reset before the reply": {"at": "start", "action": "rst"},
    "cut before the first row": {"at": "rows", "action": "fin"},
    "cut inside the first row": {"at": "rows", "action": "fin", "inside_row": True},
    "reset inside the second row": {"at": "rows", "action": "rst", "count": 1, "inside_row": True},
    "cut between rows": {"at": "rows", "action": "fin", "count": 1},
    "reset between rows": {"at": "rows", "action": "rst", "count": 1},
    "cut after 30 bytes": {"at": "bytes", "action": "fin", "count": 30},
    "cut before DONE": {"at": "before_done", "action": "fin"},
    "reset before DONE": {"at": "before_done", "action": "rst"},
    "cut between DONE and the end": {"at": "before_end", "action": "fin"},
    "cut after the reply": {"at": "after_done", "action": "fin"},
    "reset after the reply": {"at": "after_done", "action": "rst"},
    "no DONE at all": {"at": "before_done", "action": "no_done"},
    "a DONE that says error": {"at": "rows", "action": "done_error", "count": 1},
    "a deadlock mid-rows": {"at": "rows", "action": "error", "count": 1, "number": 1205, "severity": 13},
    "a lock timeout mid-rows": {"at": "rows", "action": "error", "count": 1, "number": 1222, "severity": 16},
    "an error of severity 20": {"at": "rows", "action": "error", "count": 1, "number": 21, "severity": 20},
    "an unknown error of severity 21": {"at": "before_done", "action": "error", "number": 60001, "severity": 21},
    "a message between rows": {"at": "rows", "action": "info", "count": 1, "number": 50001, "severity": 0},
}


@pytest.fixture
def control(stand_in: StandIn) -> Iterator[Control]:
    """The stand-in's control channel; no fault outlives its test."""
    with stand_in.control() as channel:
        yield channel
        channel.ask("clear")


def _meet(control: Control, fault: dict[str, Any], match: str) -> None:
    """Arms a fault until it has fired."""
    armed = control.arm(match=match, times=-1, **fault)
    wait_until(lambda: control.fired(armed) > 0, f"{fault} in {match}", 20)
    control.ask("clear")


def _choose_driver(program: Program, rng: random.Random) -> None:
    """Drivers see a broken connection differently."""
    name = rng.choice(list(drivers()))
    print(f"driver {name}")
    program.settings["SQL_SERVER_DRIVER"] = drivers()[name]


def _start(program: Program, target: Target, database: Database, *words: str, **settings: str) -> None:
    """Returns when the daemon delivers."""
    seen = len(target.keys(f"{database.name}/"))
    program.start(*words, **settings)
    wait_until(lambda: len(target.keys(f"{database.name}/")) > seen, "the first objects")


def _complete_through(database: Database, target: Target) -> str:
    return str(json.loads(target.get(target.state_key(database.name)).data)["complete_through"])


def _goes_on(database: Database, target: Target, program: Program) -> None:
    """The daemon is alive, and a round that began later has delivered all tables."""
    seen = _complete_through(database, target)
    wait_until(lambda: _complete_through(database, target) > seen, f"a whole round\n{program.log_text()}", 20)
    assert program.process is not None and program.process.poll() is None, program.log_text()


def _no_false_alarm(program: Program) -> None:
    said = program.log_text()
    for alarm in ("table_stopped", "gap", "was restored"):
        assert alarm not in said, said


@pytest.mark.parametrize("statement", STATEMENTS)
def test_faults_in_a_statement_of_the_running_program_lose_and_double_nothing(
    control: Control, database: Database, target: Target, program: Program, statement: str
) -> None:
    rng = random_of(f"faults in {statement}")
    _choose_driver(program, rng)
    names = list(FAULTS)
    if not ALL_CUTS and statement != "change reads":
        names = rng.sample(names, CHOSEN_CUTS)
    with Workload(database, rng.randrange(2**31)):
        _start(program, target, database, "--max-object-rows", "30", **IMPATIENT)
        for name in names:
            print(name)
            _meet(control, FAULTS[name], STATEMENTS[statement])
            _goes_on(database, target, program)
    assert program.stop() == 0
    _no_false_alarm(program)
    program.once()
    assert_same(database, target)


def test_faults_at_random_lose_and_double_nothing(
    control: Control, database: Database, target: Target, program: Program
) -> None:
    rng = random_of("faults at random")
    _choose_driver(program, rng)
    with Workload(database, rng.randrange(2**31), rate=30):
        _start(program, target, database, "--max-object-rows", "20", **IMPATIENT)
        for _ in range(40 if ALL_CUTS else 5):
            fault = dict(rng.choice(list(FAULTS.values())))
            if fault["at"] == "bytes":
                fault["count"] = rng.randrange(400)
            if fault["at"] == "rows":
                fault["count"] = rng.randrange(8)
            control.arm(match=rng.choice(list(STATEMENTS.values())), skip=rng.randrange(4), **fault)
            _goes_on(database, target, program)
        control.ask("clear")
    assert program.stop() == 0
    _no_false_alarm(program)
    program.once()
    assert_same(database, target)


def test_a_connection_that_cannot_be_made_for_a_while_is_made_later(
    control: Control, database: Database, target: Target, program: Program
) -> None:
    rng = random_of("no connection")
    _choose_driver(program, rng)
    action = rng.choice(("fin", "rst"))
    with Workload(database, rng.randrange(2**31)):
        _start(program, target, database)
        for fault in (
            {"at": "connect", "action": action},
            {"at": "login", "action": action, "match": database.name},
            {"at": "rows", "action": action, "match": "service_broker_guid"},
            {"at": "start", "action": action, "match": "DEADLOCK_PRIORITY"},
        ):
            broken = control.arm(match=STATEMENTS["polls"], at="start", action=action)
            refused = control.arm(**fault)
            wait_until(lambda one=broken, other=refused: control.fired(one) + control.fired(other) == 2, str(fault))
            _goes_on(database, target, program)
    assert program.stop() == 0
    _no_false_alarm(program)
    program.once()
    assert_same(database, target)


@pytest.mark.parametrize("driver", drivers())
@pytest.mark.parametrize(
    ("rows", "action"), [(1023, "fin"), (1024, "rst"), (2048, "fin"), (3000, "fin"), (3000, "rst")]
)
def test_a_cut_at_the_edge_of_a_block_is_no_end(
    control: Control, database: Database, target: Target, program: Program, rows: int, action: str, driver: str
) -> None:
    program.settings["SQL_SERVER_DRIVER"] = drivers()[driver]
    database.run("CREATE TABLE dbo.Long (id int NOT NULL PRIMARY KEY)")
    database.enable("dbo", "Long")
    for first in range(0, 3000, 1000):
        database.run(f"INSERT INTO dbo.Long VALUES {', '.join(f'({first + n})' for n in range(1000))}")
    database.capture()
    fault = control.arm(match=STATEMENTS["change reads"], at="rows", count=rows, action=action)
    program.once("--max-object-rows", "5000")
    assert control.fired(fault) == 1
    assert_delivered(database.connection, "dbo_Long", target.objects(database.name, "Long"))


def test_a_connection_that_breaks_while_one_table_stops_does_not_stop_the_others(
    control: Control, database: Database, target: Target, program: Program
) -> None:
    database.run(
        "CREATE TABLE dbo.Long (id int NOT NULL PRIMARY KEY, body nvarchar(max) NULL)",
        "CREATE TABLE dbo.Short (id int NOT NULL PRIMARY KEY)",
    )
    database.enable("dbo", "Long")
    database.enable("dbo", "Short")
    # The first value is above the limit: the rest of the rows is given up, and then the server is gone.
    database.run("INSERT INTO dbo.Long VALUES (0, REPLICATE(CONVERT(nvarchar(max), N'x'), 8000))")
    for first in range(1, 3000, 1000):
        database.run(f"INSERT INTO dbo.Long VALUES {', '.join(f'({first + n}, NULL)' for n in range(1000))}")
    database.run("INSERT INTO dbo.Short VALUES (1)")
    database.capture()
    fault = control.arm(match="cdc.[dbo_Long_CT] AS ct LEFT JOIN", at="rows", count=2900, action="fin")
    ended = program.once(expect=3, CDC_RUN_MAX_VALUE_BYTES="8KiB")
    assert control.fired(fault) == 1
    assert "max_value_bytes" in ended.text
    assert "dbo.Short:" not in ended.text
    assert_delivered(database.connection, "dbo_Short", target.objects(database.name, "Short"))


def test_no_session_polls_before_it_has_its_settings(
    control: Control, database: Database, target: Target, program: Program
) -> None:
    rng = random_of("a session without its settings")
    with Workload(database, rng.randrange(2**31)):
        _start(program, target, database)
        refused = control.arm(match="DEADLOCK_PRIORITY", at="start", action="error", number=1222, severity=16)
        unknown = control.arm(match="service_broker_guid", at="start", action="error", number=1205, severity=13)
        control.arm(match=STATEMENTS["polls"], at="start", action="rst")
        wait_until(lambda: control.fired(refused) + control.fired(unknown) == 2, "both errors")
        _goes_on(database, target, program)
    assert program.stop() == 0
    ready = {line["session"] for line in control.statements("service_broker_guid") if line["error"] is None}
    # Of earlier tests' sessions the log may hold the last polls only.
    begun = {line["session"] for line in control.statements("DEADLOCK_PRIORITY")}
    polled = {line["session"] for line in control.statements(STATEMENTS["polls"])} & begun
    assert polled and polled <= ready
    program.once()
    assert_same(database, target)


@pytest.mark.parametrize(("statement", "at"), [("change reads", "rows"), ("probes", "start"), ("polls", "rows")])
def test_a_server_that_stalls_beyond_the_query_timeout_is_read_again(
    control: Control, database: Database, target: Target, program: Program, statement: str, at: str
) -> None:
    rng = random_of(f"stalled {statement}")
    _choose_driver(program, rng)
    with Workload(database, rng.randrange(2**31)):
        _start(program, target, database, **IMPATIENT)
        fault = control.arm(match=STATEMENTS[statement], at=at, action="stall", seconds=2.5)
        wait_until(lambda: control.fired(fault) > 0, "the stall")
        _goes_on(database, target, program)
    assert program.stop() == 0
    _no_false_alarm(program)
    program.once()
    assert_same(database, target)


def test_a_table_that_may_not_be_read_any_more_stops_alone_and_resumes_when_it_may(
    database: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    rng = random_of("a right that is taken away")
    commit_some(database, rng.randrange(2**31), 12)
    user, password = f"reader_{database.name}", "Only-4-reading"
    database.run(
        f"CREATE LOGIN {user} WITH PASSWORD = '{password}'",
        f"CREATE USER {user} FOR LOGIN {user}",
        f"GRANT SELECT ON SCHEMA::cdc TO {user}",
        f"GRANT VIEW DEFINITION TO {user}",
    )
    program = make_program(database.name, target.url, SQL_SERVER_USER=user, SQL_SERVER_PASSWORD=password)
    program.once()
    assert_same(database, target)

    database.run(f"DENY SELECT ON cdc.Sales_Orders_CT TO {user}")
    commit_some(database, rng.randrange(2**31), 12)
    stopped = program.once(expect=3).text
    assert "Sales.Orders" in stopped and "GRANT SELECT ON SCHEMA::cdc" in stopped
    objects = {table: len(target.keys(f"{database.name}/{table}/")) for table in ("Person", "Orders", "Notes")}
    assert objects == {"Person": 2, "Orders": 1, "Notes": 2}

    database.run(f"REVOKE SELECT ON cdc.Sales_Orders_CT TO {user}")
    program.once()
    assert_same(database, target)

    # While it runs: a daemon that is refused goes on with the others.
    with Workload(database, rng.randrange(2**31)):
        _start(program, target, database)
        database.run(f"DENY SELECT ON cdc.Sales_Orders_CT TO {user}")
        wait_until(lambda: "table_stopped" in program.log_text(), "the stopped table")
        objects = len(target.keys(f"{database.name}/Person/"))
        wait_until(lambda: len(target.keys(f"{database.name}/Person/")) > objects, "objects of another table")
        database.run(f"REVOKE SELECT ON cdc.Sales_Orders_CT TO {user}")
    assert program.stop() == 0
    program.once()
    assert_same(database, target)
