"""A whole database delivered: fifty tables under load, owners that are killed or fall silent with a standby beside
them, tables that are captured meanwhile, and a reader that asks for a consistent cut at random moments.

All of it happens once (`Run`); each test judges one promise of it. `CDC_TEST_SECONDS` makes it longer."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

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
LEASE_SECONDS = 2.0
INTERVAL_SECONDS = 0.2
SLACK_SECONDS = 1.0
# An owner that was killed is missed sooner than one that is silent, when both copies run on one machine.
FATES = ("killed", "frozen and killed", "killed", "woken")
# From one take-over to the next loss: time for the standby to see a living owner, and for deliveries.
BETWEEN_LOSSES_SECONDS = (LEASE_SECONDS, LEASE_SECONDS + 4)
# complete_through stands still while nobody owns the document and until the next owner has caught up; both take their
# time on a machine that has other things to do as well.
STAND_SECONDS = 15.0
LOOKS = 100  # half as many on a machine that is too slow for more
PAUSE_MAX_SECONDS = 0.4  # between two looks
# A large transaction is many objects, more than a round has turns for: its table is behind while others are not.
SETTINGS = {"CDC_RUN_LEASE": f"{LEASE_SECONDS:.0f}s", "CDC_RUN_MAX_OBJECT_ROWS": "40"}


@dataclass(repr=False)
class Run:
    """What happened, and what is there in the end."""

    database: Database
    target: Target
    tables: ManyTables
    transactions: int = 0
    take_overs: list[tuple[str, float]] = field(default_factory=list)  # fate, and seconds to the next owner
    cuts: list[Cut] = field(default_factory=list)
    history: dict[str, list[RowKey]] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)


class Pair:
    """Two copies on one target: an owner and a standby, whichever is which at a moment."""

    def __init__(self, copies: list[Program], run: Run) -> None:
        self._copies = copies
        self._run = run
        self._key = run.target.state_key(run.database.name)

    def start(self) -> None:
        for copy in self._copies:
            self._start(copy)
            wait_until(lambda: self._key in self._run.target.versions(self._key), "the first document")

    def lose_owner(self, fate: str) -> None:
        """Kills or freezes it, and waits for the other one to take over. One that is killed, or frozen and then killed,
        is started again as a standby; one that wakes up has to find out by itself that it is a standby now."""
        pid = self._owner()["pid"]
        (owner,) = [copy for copy in self._copies if copy.process is not None and copy.process.pid == pid]
        lost = time.monotonic()
        if fate == "killed":
            owner.kill()
        elif owner.process is not None:
            owner.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: self._owner()["pid"] != pid, f"the take-over from an owner that was {fate}")
        self._run.take_overs.append((fate, time.monotonic() - lost))
        if fate == "woken" and owner.process is not None:
            owner.process.send_signal(signal.SIGCONT)
        else:
            owner.kill()
            self._start(owner)

    def stop(self) -> None:
        for copy in self._copies:
            copy.stop()
            self._run.logs.append(copy.log_text())

    def kill(self) -> None:
        for copy in self._copies:
            copy.kill()

    def _start(self, copy: Program) -> None:
        copy.start("--interval", f"{INTERVAL_SECONDS * 1000:.0f}ms")

    def _owner(self) -> dict[str, object]:
        return dict(json.loads(self._run.target.get(self._key).data)["owner"])


def _capture_late_tables_and_lose_owners(run: Run, pair: Pair, looks: list[Cut], rng: random.Random) -> None:
    """For SECONDS, and longer where the machine is too slow for so many looks and losses."""
    begun = time.monotonic()
    late_at = sorted(rng.uniform(0, 0.7 * SECONDS) for _ in range(LATE_TABLES))
    lost_at = rng.uniform(*BETWEEN_LOSSES_SECONDS)
    fates = itertools.cycle(FATES)
    now = 0.0
    too_few = True
    while now < SECONDS or (too_few and now < 3 * SECONDS):
        if late_at and now >= late_at[0]:
            late_at.pop(0)
            run.tables.capture_late(run.database.connection)
        if now >= lost_at:
            pair.lose_owner(next(fates))
            lost_at = time.monotonic() - begun + rng.uniform(*BETWEEN_LOSSES_SECONDS)
        time.sleep(0.05)
        now = time.monotonic() - begun
        too_few = len(looks) < LOOKS or len(run.take_overs) < len(FATES)


@pytest.fixture(scope="module")
def run(server: Server, s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    rng = random_of("a whole database")
    database = Database(server, f"Shop_{uuid.uuid4().hex[:8]}")
    target = Target(s3, f"t{uuid.uuid4().hex[:10]}")
    done = Run(database, target, ManyTables(database.connection))
    settings = {**program_settings(server, s3, database.name, target.url), **SETTINGS}
    copies = [_copy(tmp_path_factory.mktemp(f"copy{number}"), settings) for number in range(2)]
    pair = Pair(copies, done)
    try:
        reader = CutReader(target, database.name)
        with ManyTablesLoad(database, done.tables, rng.randrange(2**31), TRANSACTIONS_A_SECOND) as load:
            pair.start()
            with CutWatch(reader, random.Random(rng.randrange(2**31)), PAUSE_MAX_SECONDS) as watch:
                _capture_late_tables_and_lose_owners(done, pair, watch.cuts, rng)
        pair.stop()
        copies[0].once()
        done.transactions, done.cuts = load.transactions, watch.cuts
        for table in done.tables.captured:
            done.history[table.full_name] = change_keys(database.connection, table.instance)
        yield done
    finally:
        pair.kill()
        database.drop()


def _copy(folder: Path, settings: dict[str, str]) -> Program:
    return Program(folder, {**settings, "CDC_RUN_TEMP_DIR": str(folder)})


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
    different = len({cut.complete_through for cut in run.cuts})
    print(f"{len(run.cuts)} looks, {different} different cuts, of {len(run.cuts[-1].starts)} tables in the end")
    for cut in run.cuts:
        assert cut.wrong(run.history) == []
    assert len(run.cuts) >= LOOKS / 2
    assert different >= LOOKS / 8, "the looks saw too little"
    assert len(run.cuts[-1].starts) >= TABLES


def test_complete_through_never_goes_back_and_never_stands_still_for_long(run: Run) -> None:
    longest = longest_stand(run.cuts)
    print(f"complete_through stood still for {longest:.1f} s at most")
    assert longest <= STAND_SECONDS


def test_the_standby_takes_over_from_an_owner_that_is_killed_or_silent_when_its_lease_is_over(run: Run) -> None:
    print(f"take-over from an owner {', '.join(f'{fate} after {took:.2f} s' for fate, took in run.take_overs)}")
    assert {fate for fate, _ in run.take_overs} == set(FATES)
    assert max(took for _, took in run.take_overs) <= LEASE_SECONDS + INTERVAL_SECONDS + SLACK_SECONDS


def test_tables_that_are_captured_under_load_join_the_cut(run: Run) -> None:
    joined = {name for name in run.cuts[-1].starts if name in {table.full_name for table in run.tables.late}}
    assert len(joined) == LATE_TABLES
    assert "table_stopped" not in "".join(run.logs)
