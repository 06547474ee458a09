"""Replicas behind one listener that lag differently: connections land on one or the other."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from standin.control import Control
from standin.harness import StandIn
from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.shop import COMMIT_BOTH, SCAN, Shop, clean_to
from tests.support.workload import Workload, assert_same, random_of

_PRIMARY: list[bool] = [False]
_REPLICA: list[bool] = [True]


@pytest.fixture
def control(stand_in: StandIn) -> Iterator[Control]:
    with stand_in.control() as channel:
        yield channel
        channel.ask("route", pattern=[])


@pytest.fixture
def shop(database: Database, target: Target) -> Shop:
    return Shop(database, target)


def test_a_reader_that_lands_on_a_replica_behind_its_place_waits_and_warns_until_it_catches_up(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.commit_both()
    program.once()
    control.ask("catch_up")
    shop.commit_both(2)
    program.once()
    delivered, through = shop.ids(), shop.assert_cut()
    shop.commit_both()
    control.ask("route", pattern=_REPLICA)
    program.start()
    wait_until(lambda: "server_lags" in program.log_text(), "a warning")
    time.sleep(1)
    assert "a replica that lags, or a database that was set back" in program.log_text()
    assert (shop.ids(), shop.assert_cut()) == (delivered, through)
    control.ask("catch_up")
    wait_until(lambda: shop.ids() == [1, 2, 3, 4], "the replica's rows")
    assert program.stop() == 0
    control.ask("route", pattern=_PRIMARY)
    shop.commit_both()
    program.once()
    shop.assert_tables_delivered()


def test_a_replica_that_still_has_rows_which_cleanup_took_from_the_primary_gives_them_without_a_gap(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.insert(1)
    program.once()
    shop.insert(*range(2, 8))
    shop.remember()
    control.ask("catch_up")
    shop.database.run(clean_to(7))
    control.ask("route", pattern=_REPLICA)
    program.once()
    control.ask("route", pattern=_PRIMARY)
    shop.insert(8)
    program.once()
    shop.assert_delivered()
    assert shop.gaps() == []


def test_a_reader_that_changes_between_replicas_under_load_delivers_each_change_once(
    database: Database, target: Target, control: Control, program: Program
) -> None:
    chance = random_of("replicas")
    workload = Workload(database, chance.randrange(1, 2**31))
    # Of every few connections of the program, one or more land on the replica: the polling one or a worker's.
    pattern = [False, True, *(chance.random() < 0.5 for _ in range(7))]
    control.ask("catch_up")
    control.ask("route", pattern=pattern)
    with workload:
        program.start()
        _disturb(control, chance, program)
    control.ask("catch_up")
    assert program.stop() == 0
    control.ask("route", pattern=_PRIMARY)
    program.once()
    assert_same(database, target)


def _disturb(control: Control, chance: random.Random, program: Program) -> None:
    """Cuts the program's connections, so that it lands elsewhere, and lets the replica catch up now and then; for some
    seconds, and until the program has met a lag and has delivered something."""
    began = time.monotonic()
    while time.monotonic() < began + 8 or not all(word in program.log_text() for word in ("that lags", " delivered ")):
        assert time.monotonic() < began + 40, f"no lag, or no delivery:\n{program.log_text()}"
        time.sleep(chance.uniform(0.5, 1.5))
        control.ask("cut", application="cdc-to-s3", reset=True)
        if chance.random() < 0.3:
            control.ask("catch_up")


def test_a_connection_that_lags_behind_the_one_that_polls_makes_no_table_empty_and_skips_no_row(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.commit_both()
    program.once()
    control.ask("catch_up")
    # The first connection polls the primary; whatever others there are lag.
    control.ask("route", pattern=[False, *[True] * 999])
    program.start()
    for _ in range(8):
        shop.database.run(COMMIT_BOTH, SCAN)
        time.sleep(0.2)
        shop.assert_cut()
    control.ask("catch_up")
    wait_until(lambda: shop.ids() == shop.ids("Items") == list(range(1, 10)), "all rows")
    assert "table_stopped" not in program.log_text()
    assert program.stop() == 0
    shop.assert_tables_delivered()
