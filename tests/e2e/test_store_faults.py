"""Bad days of the store, made by a proxy in front of it: the same objects come out as on good ones."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.s3_proxy import Fault, S3Proxy
from tests.support.s3_servers import S3Server
from tests.support.workload import Workload, assert_same, commit_some, random_of

STATE = "/_cdc_to_s3/Shop_"
OBJECT = "/cdc/"
# How long the store is away under a running daemon. Above about 150 s the daemon has to take over anew.
AWAY_SECONDS = float(os.environ.get("CDC_TEST_STORE_AWAY_SECONDS", "5"))

LOST_REPLIES = {
    "the reply to a put": Fault("drop_reply", "PUT", OBJECT),
    "the reply to a later put": Fault("drop_reply", "PUT", OBJECT, skip=2),
    "the reply to the swap that takes over": Fault("drop_reply", "PUT", STATE),
    "the reply to the second swap": Fault("drop_reply", "PUT", STATE, skip=1),
    "the reply to the third swap": Fault("drop_reply", "PUT", STATE, skip=2),
    "two replies in a row": Fault("drop_reply", "PUT", STATE, skip=1, times=2),
    "four replies in a row": Fault("drop_reply", "PUT", "Shop_", times=4),
    "an error though the put was done": Fault("error_after", "PUT", OBJECT, times=2, status=500, code="InternalError"),
    "an error though the swap was done": Fault("error_after", "PUT", STATE, skip=1, status=500, code="InternalError"),
    "slow down though the swap was done": Fault("error_after", "PUT", STATE, skip=1, status=503),
}
REFUSALS = {
    "500 InternalError": Fault("error", times=3, status=500, code="InternalError"),
    "503 SlowDown": Fault("error", times=4, status=503, code="SlowDown"),
    "429 TooManyRequests": Fault("error", times=3, status=429, code="TooManyRequests"),
    "409 ConditionalRequestConflict": Fault("error", times=3, status=409, code="ConditionalRequestConflict"),
    "a reset": Fault("reset", times=3),
    "a page that is no XML": Fault("error", times=2, status=502, code="<not xml"),
}
REFUSED_REQUESTS = {
    "puts": Fault("error", "PUT", OBJECT),
    "swaps": Fault("error", "PUT", STATE, skip=1),
    "reads of the state": Fault("error", "GET", STATE),
    "anything": Fault("error"),
}


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[S3Proxy]:
    with S3Proxy(s3.endpoint) as started:
        yield started


@pytest.fixture
def behind(
    database: Database, target: Target, proxy: S3Proxy, make_program: Callable[..., Program]
) -> Callable[..., Program]:
    """Makes programs that reach the store through the proxy."""

    def make() -> Program:
        return make_program(database.name, target.url, AWS_ENDPOINT_URL_S3=proxy.endpoint)

    return make


def _claimed_key(target: Target, database: Database, table: str) -> str:
    document = json.loads(target.get(target.state_key(database.name)).data)
    return str(document["tables"][table]["claim"]["key"])


def _deliver_through(
    fault: Fault, database: Database, target: Target, proxy: S3Proxy, program: Program, seed: int
) -> None:
    """Two runs: one from nothing, one that goes on. Each meets the fault."""
    for run in range(2):
        commit_some(database, seed + run, 12)
        met = proxy.add(replace(fault))
        program.once()
        assert met.hits == fault.times, "the fault did not happen"
        proxy.clear()
        assert_same(database, target)


@pytest.mark.parametrize("name", LOST_REPLIES)
def test_a_reply_that_is_lost_after_the_store_did_it_changes_nothing(
    database: Database, target: Target, proxy: S3Proxy, behind: Callable[..., Program], name: str
) -> None:
    seed = random_of(name).randrange(2**31)
    _deliver_through(LOST_REPLIES[name], database, target, proxy, behind(), seed)


@pytest.mark.parametrize(
    ("name", "what"),
    [(name, what) for name in REFUSALS for what in ("puts", "swaps")]
    + [(name, what) for name in ("500 InternalError", "a reset") for what in ("reads of the state", "anything")],
)
def test_a_store_that_refuses_for_a_while_is_tried_again(
    database: Database, target: Target, proxy: S3Proxy, behind: Callable[..., Program], name: str, what: str
) -> None:
    seed = random_of(f"{name}, {what}").randrange(2**31)
    requests, refusal = REFUSED_REQUESTS[what], REFUSALS[name]
    fault = replace(refusal, method=requests.method, key=requests.key, skip=requests.skip)
    _deliver_through(fault, database, target, proxy, behind(), seed)


def test_a_table_stops_at_a_foreign_object_under_its_claimed_key_and_goes_on_when_it_is_moved_away(
    database: Database, target: Target, proxy: S3Proxy, behind: Callable[..., Program]
) -> None:
    rng = random_of("a foreign object at the claimed key")
    program = behind()
    commit_some(database, rng.randrange(2**31), 12)
    held = proxy.add(Fault("hold", "PUT", "/Orders/cdc/"))
    process = program.start("--once")
    assert held.reached.wait(20)
    key = _claimed_key(target, database, "Sales.Orders")
    target.put(key, b"not ours")
    held.release.set()
    assert process.wait(60) == 3
    said = program.log_text()
    assert key in said and "Move it away" in said
    # The others went on; a second run says the same and touches nothing.
    assert len(target.keys(f"{database.name}/Person/")) == 1
    assert key in program.once(expect=3).text
    assert target.get(key).data == b"not ours"

    commit_some(database, rng.randrange(2**31), 12)
    assert key in program.once(expect=3).text
    assert len(target.keys(f"{database.name}/Person/")) == 2

    target.delete(key)
    program.once()
    assert target.keys(f"{database.name}/Orders/")[0] == key
    assert_same(database, target)


def test_an_object_of_ours_with_another_claim_at_the_claimed_key_stops_the_table_too(
    database: Database, target: Target, proxy: S3Proxy, behind: Callable[..., Program]
) -> None:
    rng = random_of("another object of ours at the claimed key")
    program = behind()
    commit_some(database, rng.randrange(2**31), 12)
    program.once()
    first = target.objects(database.name, "Orders")[0]
    commit_some(database, rng.randrange(2**31), 12)
    held = proxy.add(Fault("hold", "PUT", "/Orders/cdc/"))
    process = program.start("--once")
    assert held.reached.wait(20)
    key = _claimed_key(target, database, "Sales.Orders")
    target.put(key, first.data, first.metadata)
    held.release.set()
    assert process.wait(60) == 3
    target.delete(key)
    program.once()
    assert_same(database, target)


@pytest.mark.parametrize("swap", range(4))
def test_a_swap_that_is_denied_once_is_the_states_trouble_and_no_tables(
    database: Database, target: Target, proxy: S3Proxy, behind: Callable[..., Program], swap: int
) -> None:
    seed = random_of("a denied swap").randrange(2**31)
    program = behind()
    commit_some(database, seed, 12)
    program.once()
    commit_some(database, seed + 1, 12)
    denied = proxy.add(Fault("error", "PUT", STATE, skip=1 + swap, status=403, code="AccessDenied"))
    ended = program.once("--max-object-rows", "5")
    assert denied.hits == 1
    assert "table_stopped" not in ended.text
    assert_same(database, target)


def test_a_daemon_goes_on_by_itself_when_the_store_was_away(
    database: Database, target: Target, proxy: S3Proxy, behind: Callable[..., Program]
) -> None:
    rng = random_of("the store is away")
    program = behind()
    with Workload(database, rng.randrange(2**31)):
        process = program.start()
        wait_until(lambda: len(target.keys(f"{database.name}/")) >= 6, "some objects")
        proxy.add(Fault("reset", times=1_000_000))
        time.sleep(AWAY_SECONDS)
        proxy.clear()
        before = len(target.keys(f"{database.name}/"))
        # The pauses between tries grow to a minute.
        wait_until(lambda: len(target.keys(f"{database.name}/")) > before, "more objects", 15 + AWAY_SECONDS)
        assert process.poll() is None, program.log_text()
    assert program.stop() == 0
    program.once()
    assert_same(database, target)


def test_a_daemon_whose_swap_cannot_be_settled_takes_over_anew(
    database: Database, target: Target, proxy: S3Proxy, behind: Callable[..., Program]
) -> None:
    rng = random_of("an unsettled swap")
    program = behind()
    with Workload(database, rng.randrange(2**31)):
        process = program.start()
        for _ in range(3):
            wait_until(lambda: proxy.count("PUT", OBJECT) >= 3, "some objects")
            # Refused as if another one had won, five times, though nobody has.
            fault = Fault("error", "PUT", STATE, skip=rng.randrange(3), times=5, status=412, code="PreconditionFailed")
            refused = proxy.add(fault)
            wait_until(lambda met=refused: met.hits == 5, "the refusals")
            proxy.clear()
        wait_until(lambda: proxy.count("PUT", OBJECT) >= 3, "further objects")
        assert process.poll() is None, program.log_text()
    assert program.stop() == 0
    assert program.log_text().count("took_over") >= 4
    program.once()
    assert_same(database, target)
