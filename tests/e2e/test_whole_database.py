"""A whole database delivered: fifty tables under load, a program that is killed again and again, tables that are
captured meanwhile, and a reader that asks for a consistent cut at random moments.

All of it happens once (`Run`); each test judges one promise of it. `CDC_TEST_SECONDS` makes it longer."""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.e2e.conftest import Database, Server, Target, program_settings
from tests.support.change_tables import assert_delivered, change_keys
from tests.support.cut_judge import Cut, CutReader, CutWatch, longest_stand
from tests.support.judge import RowKey
from tests.support.many_tables import LATE_TABLES, TABLES, ManyTables, ManyTablesLoad
from tests.support.program import Program, wait_until
from tests.support.s3_servers import S3Server
from tests.support.workload import assert_only_objects, random_of

SECONDS = float(os.environ.get("CDC_TEST_SECONDS", "40"))
TRANSACTIONS_A_SECOND = 15.0
INTERVAL_SECONDS = 0.2
BETWEEN_KILLS_SECONDS = (1, 5)
STAND_SECONDS = 4.0
LOOKS = 100
SETTINGS = {"CDC_RUN_MAX_OBJECT_ROWS": "700"}


@dataclass(repr=False)
class Run:
    """What happened, and what is there in the end."""

    database: Database
    target: Target
    tables: ManyTables
    transactions: int = 0
    cuts: list[Cut] = field(default_factory=list)
    history: dict[str, list[RowKey]] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)


def _capture_late_tables_and_kill(run: Run, program: Program, rng: random.Random) -> None:
    end = time.monotonic() + SECONDS
    late_at = sorted(rng.uniform(0, 0.7 * SECONDS) for _ in range(LATE_TABLES))
    begun = time.monotonic()
    kill_at = rng.uniform(*BETWEEN_KILLS_SECONDS)
    while time.monotonic() < end or late_at:
        now = time.monotonic() - begun
        if late_at and now >= late_at[0]:
            late_at.pop(0)
            run.tables.capture_late(run.database.connection)
        if now >= kill_at:
            program.kill()
            _start(program)
            kill_at = time.monotonic() - begun + rng.uniform(*BETWEEN_KILLS_SECONDS)
        time.sleep(0.05)


@pytest.fixture(scope="module")
def run(server: Server, s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    rng = random_of("a whole database")
    database = Database(server, f"Shop_{uuid.uuid4().hex[:8]}")
    target = Target(s3, f"t{uuid.uuid4().hex[:10]}")
    done = Run(database, target, ManyTables(database.connection))
    settings = {**program_settings(server, s3, database.name, target.url), **SETTINGS}
    folder = tmp_path_factory.mktemp("program")
    program = Program(folder, {**settings, "CDC_RUN_TEMP_DIR": str(folder)})
    try:
        reader = CutReader(target, database.name)
        with ManyTablesLoad(database, done.tables, rng.randrange(2**31), TRANSACTIONS_A_SECOND) as load:
            _start(program)
            wait_until(lambda: target.keys(target.state_key(database.name)) != [], "the first document")
            with CutWatch(reader, rng, SECONDS / LOOKS) as watch:
                _capture_late_tables_and_kill(done, program, rng)
        program.stop()
        program.once()
        done.logs.append(program.log_text())
        done.transactions, done.cuts = load.transactions, watch.cuts
        for table in done.tables.captured:
            done.history[table.full_name] = change_keys(database.connection, table.instance)
        yield done
    finally:
        program.kill()
        database.drop()


def _start(program: Program) -> None:
    program.start("--interval", f"{INTERVAL_SECONDS * 1000:.0f}ms")


def test_every_change_of_fifty_tables_is_in_exactly_one_object_of_its_folder(run: Run) -> None:
    rows = 0
    for table in run.tables.captured:
        objects = run.target.objects(run.database.name, table.name)
        rows += len(assert_delivered(run.database.connection, table.instance, objects).keys)
    assert_only_objects(run.database.name, run.target)
    print(f"{run.transactions} transactions, {rows} change rows in {len(run.tables.captured)} tables")
    assert len(run.tables.captured) == TABLES + LATE_TABLES
    assert rows > run.transactions


def test_a_reader_finds_a_consistent_cut_of_all_tables_at_every_moment(run: Run) -> None:
    assert len({cut.complete_through for cut in run.cuts}) >= 0.3 * LOOKS, "the looks saw too little"
    assert len(run.cuts[-1].starts) >= TABLES
    print(f"{len(run.cuts)} looks, {len({cut.complete_through for cut in run.cuts})} different cuts")
    for cut in run.cuts:
        assert cut.wrong(run.history) == []


def test_complete_through_never_goes_back_and_never_stands_still_for_long(run: Run) -> None:
    longest = longest_stand(run.cuts)
    print(f"complete_through stood still for {longest:.1f} s at most")
    assert longest <= STAND_SECONDS


def test_tables_that_are_captured_under_load_join_the_cut(run: Run) -> None:
    joined = {name for name in run.cuts[-1].starts if name in {table.full_name for table in run.tables.late}}
    assert len(joined) == LATE_TABLES
    assert "table_stopped" not in "".join(run.logs)
