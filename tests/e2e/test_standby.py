"""A standby beside an owner: it waits, it takes over when the owner stops or is not heard of any more, and neither
throws the other out. Clocks that differ change nothing."""

from __future__ import annotations

import datetime
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.folder_target import FolderTarget
from tests.support.program import Program, wait_until
from tests.support.small_tables import assert_all_delivered, delivered_ids, document, insert, make_tables
from tests.support.workload import Workload, assert_same, random_of

LEASE_SECONDS = 2.0
LEASE = {"CDC_RUN_LEASE": f"{LEASE_SECONDS:.0f}s"}
LONG_LEASE = {"CDC_RUN_LEASE": "20s"}
INTERVAL_SECONDS = 0.2  # of Program.start
SLACK_SECONDS = 1.0
# A release is seen with the standby's next look, of which there are several in a lease.
AT_ONCE_SECONDS = 5.0
STANDBY = "standby"
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


@pytest.fixture
def shop(database: Database) -> Database:
    make_tables(database, "dbo.Orders")
    insert(database, "dbo.Orders", [1])
    return database


def _owner_pid(shop: Database, target: Target | FolderTarget) -> int:
    return int(document(shop, target)["owner"]["pid"])


def _start_owner(shop: Database, target: Target, program: Program) -> int:
    process = program.start()
    wait_until(lambda: len(target.keys(f"{shop.name}/Orders/")) == 1, "the owner's first object")
    assert _owner_pid(shop, target) == process.pid
    return process.pid


def _start_standby(program: Program) -> int:
    process = program.start()
    wait_until(lambda: STANDBY in program.log_text(), "that the standby says that it waits")
    return process.pid


def _take_over(shop: Database, target: Target | FolderTarget, pid: int, since: float) -> float:
    """Seconds from `since` until that process owns the document."""
    wait_until(lambda: _owner_pid(shop, target) == pid, "the take-over")
    return time.monotonic() - since


def test_a_second_copy_waits_says_for_whom_and_leaves_a_living_owner_alone(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    owner, standby = (make_program(shop.name, target.url, **LEASE) for _ in range(2))
    pid = _start_owner(shop, target, owner)
    waiting = _start_standby(standby)
    # Idle for longer than the lease, then at work: the owner is heard of in both.
    time.sleep(2 * LEASE_SECONDS)
    for number in range(2, 8):
        insert(shop, "dbo.Orders", [number])
        time.sleep(0.3)
    wait_until(lambda: delivered_ids(shop, target, "Orders") == list(range(1, 8)), "the rows")
    assert _owner_pid(shop, target) == pid
    said = standby.log_text()
    assert str(pid) in said
    assert socket.gethostname() in said
    assert said.count(STANDBY) < 10, "one line is enough"
    assert standby.process is not None and standby.process.pid == waiting and standby.process.poll() is None
    assert standby.stop() == 0
    assert owner.stop() == 0
    assert "ownership_lost" not in owner.log_text()


def test_an_owner_that_is_stopped_hands_over_at_once(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    owner, standby = (make_program(shop.name, target.url, **LONG_LEASE) for _ in range(2))
    _start_owner(shop, target, owner)
    waiting = _start_standby(standby)
    assert owner.stop() == 0
    took = _take_over(shop, target, waiting, time.monotonic())
    print(f"take-over after {took:.2f} s")
    assert took < AT_ONCE_SECONDS
    insert(shop, "dbo.Orders", [2])
    wait_until(lambda: delivered_ids(shop, target, "Orders") == [1, 2], "the standby's object")
    assert standby.stop() == 0


def test_an_owner_that_is_killed_is_followed_within_its_lease(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    owner, standby = (make_program(shop.name, target.url, **LEASE) for _ in range(2))
    _start_owner(shop, target, owner)
    waiting = _start_standby(standby)
    owner.kill()
    took = _take_over(shop, target, waiting, time.monotonic())
    print(f"take-over after {took:.2f} s")
    assert took <= LEASE_SECONDS + INTERVAL_SECONDS + SLACK_SECONDS
    insert(shop, "dbo.Orders", [2])
    wait_until(lambda: delivered_ids(shop, target, "Orders") == [1, 2], "the standby's object")
    assert_all_delivered(shop, target, "dbo.Orders")


def test_an_owner_that_falls_silent_is_followed_after_its_lease_and_is_a_standby_when_it_wakes_up(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    owner, standby = (make_program(shop.name, target.url, **LEASE) for _ in range(2))
    pid = _start_owner(shop, target, owner)
    waiting = _start_standby(standby)
    assert owner.process is not None
    owner.process.send_signal(signal.SIGSTOP)
    silent = time.monotonic()
    # An owner renews long before its lease is over, so most of it is still to come.
    time.sleep(0.4 * LEASE_SECONDS)
    assert _owner_pid(shop, target) == pid, "the standby did not wait for the lease"
    took = _take_over(shop, target, waiting, silent)
    print(f"take-over after {took:.2f} s")
    assert took <= LEASE_SECONDS + INTERVAL_SECONDS + SLACK_SECONDS
    insert(shop, "dbo.Orders", [2])
    wait_until(lambda: delivered_ids(shop, target, "Orders") == [1, 2], "the standby's object")
    owner.process.send_signal(signal.SIGCONT)
    wait_until(lambda: STANDBY in owner.log_text(), "that the one that slept waits now")
    assert "ownership_lost" in owner.log_text()
    assert _owner_pid(shop, target) == waiting
    standby.kill()
    _take_over(shop, target, pid, time.monotonic())
    insert(shop, "dbo.Orders", [3])
    wait_until(lambda: delivered_ids(shop, target, "Orders") == [1, 2, 3], "its object as the owner again")
    assert owner.stop() == 0
    assert_all_delivered(shop, target, "dbo.Orders")


def test_run_once_beside_a_living_owner_says_who_that_is_and_ends_without_disturbing_it(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    owner, other = (make_program(shop.name, target.url, **LEASE) for _ in range(2))
    pid = _start_owner(shop, target, owner)
    before = document(shop, target)["owner"]
    said = other.once(expect=1).text
    for words in (str(pid), socket.gethostname(), before["since"]):
        assert words in said, said
    assert document(shop, target)["owner"]["id"] == before["id"]
    insert(shop, "dbo.Orders", [2])
    wait_until(lambda: delivered_ids(shop, target, "Orders") == [1, 2], "the owner's next object")
    assert owner.stop() == 0
    # It has given the document up, so nobody need wait for its lease.
    began = time.monotonic()
    insert(shop, "dbo.Orders", [3])
    other.once()
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3]


def _with_clock(minutes: int) -> dict[str, str]:
    """Settings with which the program's wall clock is off; the monotonic one runs on."""
    return {"LD_PRELOAD": str(FAKETIME[-1]), "FAKETIME": f"{minutes:+d}m", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def _newest_name(place: Target | FolderTarget, database: Database) -> datetime.datetime:
    """The time of the newest object, by its name."""
    stamps = (key[key.rindex("_cdc_") + 5 :][:15] for key in place.keys(f"{database.name}/"))
    return datetime.datetime.strptime(max(stamps), "%Y%m%d_%H%M%S").replace(tzinfo=datetime.UTC)


@pytest.mark.parametrize("kind", ["s3", "file"])
def test_copies_whose_clocks_differ_take_turns_and_names_stay_in_order(
    database: Database, request: pytest.FixtureRequest, tmp_path: Path, make_program: Callable[..., Program], kind: str
) -> None:
    assert FAKETIME, "the package libfaketime is missing (tools/install.sh)"
    rng = random_of(f"clocks that differ, {kind}")
    if kind == "s3":
        place: Target | FolderTarget = request.getfixturevalue("target")
        ahead = 10  # S3 takes no request from a clock that is off by 15 minutes
    else:
        (tmp_path / "lake").mkdir()
        place, ahead = FolderTarget(tmp_path / "lake"), 60
    right = make_program(database.name, place.url, **LEASE)
    wrong = make_program(database.name, place.url, **LEASE, **_with_clock(ahead))
    with Workload(database, rng.randrange(2**31)):
        for turn, copy in enumerate([wrong, right, wrong, right]):
            pid = copy.start("--max-object-rows", "20").pid
            wait_until(lambda: place.keys(place.state_key(database.name)) != [], "a document")
            _take_over(database, place, pid, time.monotonic())
            objects = len(place.keys(f"{database.name}/"))
            wait_until(lambda: len(place.keys(f"{database.name}/")) >= objects + 5, "its objects")  # noqa: B023
            copy.stop() if turn % 2 else copy.kill()
    right.once()
    assert_same(database, place)
    ahead_by = _newest_name(place, database) - datetime.datetime.now(datetime.UTC)
    print(f"the newest name is {ahead_by} ahead")
    assert ahead_by > datetime.timedelta(minutes=ahead / 2), "the clocks did not differ"
