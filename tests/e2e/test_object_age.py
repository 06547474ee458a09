"""`object_age`: changes wait in the change table until they are that old or fill an object."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.small_tables import (
    assert_all_delivered,
    complete_through,
    delivered_ids,
    document,
    insert,
    make_tables,
    newest,
)

AGE_SECONDS = 3.0
ROWS_AN_OBJECT = 50
STEADY = {"CDC_RUN_OBJECT_AGE": f"{AGE_SECONDS:.0f}s"}
LONG = {"CDC_RUN_OBJECT_AGE": "1h", "CDC_RUN_MAX_OBJECT_ROWS": str(ROWS_AN_OBJECT)}


@pytest.fixture
def shop(database: Database) -> Database:
    make_tables(database, "dbo.Orders", "dbo.Notes")
    return database


def _objects(shop: Database, target: Target, table: str = "Orders") -> int:
    return len(target.keys(f"{shop.name}/{table}/"))


def test_changes_that_trickle_in_are_gathered_until_the_first_is_old_enough(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    patient = make_program(shop.name, target.url, **STEADY)
    eager_place = Target(target.s3, f"{target.prefix}-eager")
    eager = make_program(shop.name, eager_place.url)
    patient.start()
    eager.start()
    began = time.monotonic()
    written = 0
    while time.monotonic() - began < 2 * AGE_SECONDS:
        written += 1
        insert(shop, "dbo.Orders", [written])
        time.sleep(0.15)
    wait_until(lambda: delivered_ids(shop, target, "Orders")[-1:] == [written], "the last change", AGE_SECONDS + 3)
    few, many = _objects(shop, target), _objects(shop, eager_place)
    print(f"{few} objects with object_age = {AGE_SECONDS} s, {many} without")
    # One for each age that the load lasted, and what is left at its end.
    assert 2 <= few <= 4
    assert many >= 3 * few
    assert_all_delivered(shop, target, "dbo.Orders")
    assert_all_delivered(shop, eager_place, "dbo.Orders")


def test_changes_that_fill_an_object_wait_no_longer_and_the_cut_waits_for_those_that_do(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    program = make_program(shop.name, target.url, **LONG, CDC_RUN_LEASE="1s")
    for name in ("dbo.Orders", "dbo.Notes"):
        insert(shop, name, [-1])
    program.once()
    program.start()
    insert(shop, "dbo.Orders", range(2 * ROWS_AN_OBJECT))
    insert(shop, "dbo.Notes", range(ROWS_AN_OBJECT - 1))
    wait_until(lambda: _objects(shop, target) == 3, "two full objects")
    time.sleep(1)
    assert _objects(shop, target, "Notes") == 1
    # What waits is not delivered, so no reader may take it for complete.
    assert complete_through(shop, target) < newest(shop, "dbo.Notes")
    assert document(shop, target)["held_back_by"] == ["dbo.Notes"]
    assert program.stop() == 0
    # `--once` is asked for everything, whatever its age.
    program.once()
    assert_all_delivered(shop, target, "dbo.Orders", "dbo.Notes")
    assert complete_through(shop, target) >= newest(shop, "dbo.Notes")


def test_a_kill_while_changes_wait_costs_nothing(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    program = make_program(shop.name, target.url, **STEADY, CDC_RUN_LEASE="1s")
    written = 0
    for _ in range(4):
        program.start()
        for _ in range(4):
            written += 1
            insert(shop, "dbo.Orders", [written])
            time.sleep(0.2)
        program.kill()
    program.once()
    assert_all_delivered(shop, target, "dbo.Orders")
    assert _objects(shop, target) <= 5
