"""Kill -9 at any moment, and at each named place of the commit protocol: each change is delivered once all the same.

CDC_TEST_KILLS=<n>: how many at random moments, for each kind of target."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.folder_target import FolderTarget
from tests.support.program import Program
from tests.support.small_tables import document
from tests.support.workload import Workload, assert_same, commit_some, random_of

KILLS = int(os.environ.get("CDC_TEST_KILLS", "20"))
KILLS_UNTIL_JUDGED = 50
KILLED = -signal.SIGKILL
# Objects of a few rows, so that every run passes every place often; without it all tables are claimed in one swap.
SMALL_OBJECTS = ("--max-object-rows", "15")


@pytest.fixture(params=["s3", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Target | FolderTarget:
    """Both kinds of target."""
    if request.param == "s3":
        made: Target = request.getfixturevalue("target")
        return made
    folder = tmp_path / "lake"
    folder.mkdir()
    return FolderTarget(folder)


def _crash(program: Program, where: str, *words: str) -> bool:
    """Runs the program up to the n-th passage of a place, "<name>:<n>". False: it ended before it came there."""
    ended = program.call("run", "--once", *words, CDC_CRASH_AT=where)
    assert ended.code in (0, KILLED), ended.text
    return ended.code == KILLED


def test_kills_at_random_moments_under_load_lose_and_double_nothing(
    database: Database, place: Target | FolderTarget, make_program: Callable[..., Program]
) -> None:
    rng = random_of("kills at random moments")
    program = make_program(database.name, place.url)
    for first in range(0, KILLS, KILLS_UNTIL_JUDGED):
        with Workload(database, rng.randrange(2**31)):
            for _ in range(first, min(first + KILLS_UNTIL_JUDGED, KILLS)):
                program.start("--interval", "100ms", "--max-object-rows", str(rng.choice((7, 50, 1000))))
                time.sleep(rng.uniform(0.05, 0.7))
                program.kill()
        program.once()
        assert_same(database, place)
        program.once()
        assert_same(database, place)
    print(f"{KILLS} kills")


@pytest.mark.parametrize("name", ["read_not_claimed", "claimed_not_put", "put_not_confirmed"])
def test_a_kill_at_a_place_of_the_protocol_is_made_good_by_the_next_start(
    database: Database, place: Target | FolderTarget, make_program: Callable[..., Program], name: str
) -> None:
    rng = random_of(name)
    program = make_program(database.name, place.url)
    together = (2, ()) if name == "put_not_confirmed" else (1, ())
    for passage, words in ((1, SMALL_OBJECTS), (5, SMALL_OBJECTS), together):
        commit_some(database, rng.randrange(2**31), 25)
        assert _crash(program, f"{name}:{passage}", *words)
        program.once(*words)
        assert_same(database, place)


def _claim_three_at_once(
    database: Database, place: Target | FolderTarget, program: Program, rng: random.Random
) -> None:
    """All three tables are claimed in one swap, and none of the objects is put."""
    for _ in range(5):
        commit_some(database, rng.randrange(2**31), 25)
        assert _crash(program, "claimed_not_put:1")
        claims = [table["claim"] for table in document(database, place)["tables"].values()]
        if [claim and claim["confirmed"] for claim in claims] == [False] * 3:
            return
        program.once()  # on a busy machine: objects wait for each other a tenth of a second at most
    raise AssertionError("the tables were never claimed together")


def test_a_kill_during_recovery_is_made_good_by_the_next_recovery(
    database: Database, place: Target | FolderTarget, make_program: Callable[..., Program]
) -> None:
    rng = random_of("kill during recovery")
    # One worker: one object after the other is recovered.
    program = make_program(database.name, place.url, CDC_RUN_WORKERS="1")
    # After the third crash two objects are missing.
    for _ in range(2):
        _claim_three_at_once(database, place, program, rng)
        assert _crash(program, "recovered_not_put:1")
        assert _crash(program, "recovered_not_put:2")
        program.once()
        assert_same(database, place)


def test_a_start_that_is_killed_again_and_again_at_the_same_place_still_gets_on(
    database: Database, target: Target, program: Program
) -> None:
    rng = random_of("killed again and again")
    commit_some(database, rng.randrange(2**31), 25)
    kills = 0
    while _crash(program, "put_not_confirmed:1", *SMALL_OBJECTS):
        kills += 1
        assert kills < 200
    assert kills >= 3
    assert_same(database, target)


@pytest.mark.parametrize("name", ["directory_sidecar_written", "directory_before_swap"])
def test_a_kill_inside_the_directory_store_leaves_nothing_half_done(
    database: Database, tmp_path: Path, make_program: Callable[..., Program], name: str
) -> None:
    rng = random_of(name)
    folder = tmp_path / "lake"
    folder.mkdir()
    place = FolderTarget(folder)
    program = make_program(database.name, place.url)
    for passage in (1, 3, 6):
        commit_some(database, rng.randrange(2**31), 25)
        assert _crash(program, f"{name}:{passage}", *SMALL_OBJECTS)
        program.once(*SMALL_OBJECTS)
        assert_same(database, place)


def test_kills_with_the_state_in_a_local_directory_are_made_good_too(
    database: Database, target: Target, tmp_path: Path, make_program: Callable[..., Program]
) -> None:
    rng = random_of("local state")
    state = tmp_path / "state"
    state.mkdir()
    program = make_program(database.name, target.url, CDC_TARGET_STATE=f"file://{state}")
    for where in ("read_not_claimed:1", "claimed_not_put:1", "put_not_confirmed:1", "put_not_confirmed:3"):
        commit_some(database, rng.randrange(2**31), 25)
        assert _crash(program, where)
        if where.startswith("claimed"):
            assert _crash(program, "recovered_not_put:2")
        program.once()
        assert_same(database, target)
    assert target.keys("_cdc_to_s3/Shop") == []
