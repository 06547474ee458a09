"""Two copies against the same database and target: they may throw each other out, but nothing is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.folder_target import FolderTarget
from tests.support.program import Program, wait_until
from tests.support.s3_proxy import Fault, S3Proxy
from tests.support.s3_servers import S3Server
from tests.support.workload import Workload, assert_same, commit_some, random_of

# How long two copies fight, and how long a copy sleeps. Longer is better, but not for every run of all tests.
FIGHT_SECONDS = float(os.environ.get("CDC_TEST_FIGHT_SECONDS", "8"))
SLEEP_SECONDS = float(os.environ.get("CDC_TEST_SLEEP_SECONDS", "6"))
OBJECT = "/cdc/"
LOST = "ownership_lost"


class Restarted:
    """A copy that takes the document over from whoever has it, works for a moment, is ended (killed, or asked to) and
    starts again, from `with` to its end."""

    def __init__(self, program: Program, seed: int) -> None:
        self.program = program
        self._rng = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep)

    def __enter__(self) -> Restarted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    @property
    def thrown_out(self) -> int:
        return self.program.log_text().count(LOST)

    def _keep(self) -> None:
        while not self._over.is_set():
            process = self.program.start("--take-over", "--interval", "100ms", "--max-object-rows", "20")
            self._over.wait(self._rng.uniform(0.3, 2))
            assert process.poll() is None, self.program.log_text()
            if self._over.is_set() or self._rng.random() < 0.5:
                assert self.program.stop() == 0
            else:
                self.program.kill()


@pytest.fixture(params=["s3", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Target | FolderTarget:
    """Both kinds of target."""
    if request.param == "s3":
        made: Target = request.getfixturevalue("target")
        return made
    folder = tmp_path / "lake"
    folder.mkdir()
    return FolderTarget(folder)


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[S3Proxy]:
    with S3Proxy(s3.endpoint) as started:
        yield started


def _expect_loser(program: Program) -> None:
    """The copy that is not the owner any more says why, and waits as a standby."""
    wait_until(lambda: LOST in program.log_text(), "the loser's word", 60)
    assert "another copy has taken over" in program.log_text(), program.log_text()


def test_two_copies_that_throw_each_other_out_again_and_again_deliver_each_change_once(
    database: Database, place: Target | FolderTarget, make_program: Callable[..., Program]
) -> None:
    rng = random_of("two copies")
    copies = [Restarted(make_program(database.name, place.url), rng.randrange(2**31)) for _ in range(2)]
    with Workload(database, rng.randrange(2**31)), copies[0], copies[1]:
        time.sleep(FIGHT_SECONDS)
    for copy in copies:
        assert "damaged" not in copy.program.log_text()
        assert "does not know the object" not in copy.program.log_text()
    thrown_out = [copy.thrown_out for copy in copies]
    print(f"thrown out: {thrown_out}")
    assert sum(thrown_out) >= 4, "they never met"
    copies[0].program.once()
    assert_same(database, place)


def test_a_copy_that_slept_while_another_worked_waits_for_its_turn_and_changes_nothing(
    database: Database, place: Target | FolderTarget, make_program: Callable[..., Program]
) -> None:
    rng = random_of("a copy that sleeps")
    sleeper, other = (make_program(database.name, place.url) for _ in range(2))
    with Workload(database, rng.randrange(2**31)):
        process = sleeper.start("--interval", "100ms", "--max-object-rows", "10")
        wait_until(lambda: len(place.keys(f"{database.name}/")) >= 3, "the sleeper's first objects")
        time.sleep(rng.uniform(0, 1))
        process.send_signal(signal.SIGSTOP)
        try:
            other.start("--take-over", "--interval", "100ms")
            # A sleeper may hold the folder's lock; then the other one waits as long as it sleeps.
            time.sleep(SLEEP_SECONDS)
        finally:
            process.send_signal(signal.SIGCONT)
        _expect_loser(sleeper)
        objects = len(place.keys(f"{database.name}/"))
        wait_until(lambda: len(place.keys(f"{database.name}/")) > objects, "objects of the other one")
    assert other.stop() == 0
    wait_until(lambda: sleeper.log_text().count("took_over") == 2, "the sleeper's turn")
    assert sleeper.stop() == 0
    other.once()
    assert_same(database, place)


def test_a_put_that_arrives_after_another_copy_has_recovered_the_claim_changes_nothing(
    database: Database, target: Target, proxy: S3Proxy, make_program: Callable[..., Program]
) -> None:
    rng = random_of("a late put")
    slow = make_program(database.name, target.url, AWS_ENDPOINT_URL_S3=proxy.endpoint)
    other = make_program(database.name, target.url)
    commit_some(database, rng.randrange(2**31), 20)
    held = proxy.add(Fault("hold", "PUT", OBJECT))
    slow.start()
    assert held.reached.wait(20)
    other.once("--take-over")
    assert_same(database, target)
    commit_some(database, rng.randrange(2**31), 20)
    other.once("--take-over")
    held.release.set()
    _expect_loser(slow)
    assert slow.stop() == 0
    assert_same(database, target)


@pytest.mark.parametrize("swaps_before", [0, 1, 2, 3])
def test_a_swap_that_arrives_after_another_copy_has_taken_over_is_refused(
    database: Database, target: Target, proxy: S3Proxy, make_program: Callable[..., Program], swaps_before: int
) -> None:
    rng = random_of("a late swap")
    slow = make_program(database.name, target.url, AWS_ENDPOINT_URL_S3=proxy.endpoint)
    other = make_program(database.name, target.url)
    commit_some(database, rng.randrange(2**31), 20)
    other.once("--max-object-rows", "20")
    commit_some(database, rng.randrange(2**31), 20)
    held = proxy.add(Fault("hold", "PUT", "/_cdc_to_s3/Shop_", skip=swaps_before))
    slow.start("--max-object-rows", "20")
    assert held.reached.wait(20)
    other.once("--take-over", "--max-object-rows", "20")
    assert_same(database, target)
    held.release.set()
    if swaps_before == 0:  # its first swap: it has begun nothing yet, and looks again
        wait_until(lambda: "took_over" in slow.log_text(), "its turn")
    else:
        _expect_loser(slow)
    assert slow.stop() == 0
    assert_same(database, target)


@pytest.mark.parametrize("ending", ["killed", "stopped"])
def test_a_copy_that_starts_while_its_predecessor_swaps_a_last_time_tries_again(
    database: Database, target: Target, s3: S3Server, make_program: Callable[..., Program], ending: str
) -> None:
    rng = random_of("a last swap")
    commit_some(database, rng.randrange(2**31), 20)
    with S3Proxy(s3.endpoint) as before, S3Proxy(s3.endpoint) as after:
        earlier = make_program(database.name, target.url, AWS_ENDPOINT_URL_S3=before.endpoint, CDC_RUN_LEASE="3s")
        later = make_program(database.name, target.url, AWS_ENDPOINT_URL_S3=after.endpoint)
        process = earlier.start()
        wait_until(lambda: len(target.keys(f"{database.name}/")) >= 3, "the first objects")
        commit_some(database, rng.randrange(2**31), 20)
        last = before.add(Fault("hold", "PUT", "/_cdc_to_s3/Shop_"))
        assert last.reached.wait(20)
        process.send_signal(signal.SIGKILL if ending == "killed" else signal.SIGTERM)
        taking_over = after.add(Fault("hold", "PUT", "/_cdc_to_s3/Shop_"))
        words = [] if ending == "killed" else ["--take-over"]
        begun = later.start("--once", *words)
        assert taking_over.reached.wait(30), later.log_text()
        # Between the later one's look at the document and its own swap.
        document = target.get(target.state_key(database.name)).data
        last.release.set()
        wait_until(lambda: target.get(target.state_key(database.name)).data != document, "the last swap")
        if ending == "stopped":
            assert process.wait(30) == 0
        taking_over.release.set()
        assert begun.wait(60) == 0, later.log_text()
        later.process = None
        earlier.kill()
    assert_same(database, target)


def test_two_first_starts_at_once_begin_one_history(
    database: Database, target: Target, proxy: S3Proxy, make_program: Callable[..., Program]
) -> None:
    rng = random_of("two first starts")
    slow = make_program(database.name, target.url, AWS_ENDPOINT_URL_S3=proxy.endpoint)
    other = make_program(database.name, target.url)
    commit_some(database, rng.randrange(2**31), 20)
    held = proxy.add(Fault("hold", "PUT", "/_cdc_to_s3/Shop_"))
    slow.start()
    assert held.reached.wait(20)
    other.once()
    held.release.set()
    wait_until(lambda: "took_over" in slow.log_text(), "its turn")
    assert "previous_owner=none" not in slow.log_text()
    assert slow.stop() == 0
    assert_same(database, target)
