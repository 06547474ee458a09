"""Commits and cleanups at the worst moments: between any two statements of a round."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from standin.control import Control
from standin.harness import StandIn
from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.shop import COMMIT_BOTH, HORIZON, INSTANCES, PROBE, READ_ORDERS, SCAN, Shop, clean_to

# Where in a round: after the n-th statement with this text, counted from the round's first.
_MOMENTS = {
    "horizon and list of instances": (HORIZON, 0),
    "poll and probe": (INSTANCES, 0),
    "probe and read": (PROBE, 0),
    "read and recheck": (READ_ORDERS, 0),
    "the recheck's horizon and its instances": (HORIZON, 1),
    "recheck and claim": (INSTANCES, 1),
}
_ROWS = 40
_OBJECT_ROWS = ("--max-object-rows", "10")


@pytest.fixture
def control(stand_in: StandIn) -> Iterator[Control]:
    with stand_in.control() as channel:
        yield channel
        channel.ask("hooks_off")


@pytest.fixture
def shop(database: Database, target: Target) -> Shop:
    return Shop(database, target)


@pytest.mark.parametrize("moment", list(_MOMENTS))
def test_a_commit_that_is_captured_inside_a_round_is_delivered_once_and_the_cut_stays_right(
    shop: Shop, control: Control, program: Program, moment: str
) -> None:
    match, skip = _MOMENTS[moment]
    shop.commit_both()
    program.once()
    through = shop.assert_cut()
    for _ in range(3):
        shop.commit_both()
        hook = control.hook(match, [COMMIT_BOTH, SCAN], database=shop.database.name, skip=skip)
        program.once()
        assert control.hooked(hook) == 1
        later = shop.assert_cut()
        assert later > through
        through = later
    program.once()
    shop.assert_tables_delivered()


def test_commits_between_all_statements_of_all_rounds_never_make_a_cut_that_lacks_a_row(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.commit_both()
    hooks = [
        control.hook(match, [COMMIT_BOTH, SCAN], database=shop.database.name, times=-1)
        for match in (HORIZON, INSTANCES, PROBE, READ_ORDERS)
    ]
    program.start("--interval", "100ms")
    wait_until(shop.has_state, "a state document")
    cuts = set()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        cuts.add(shop.assert_cut())
    assert all(control.hooked(hook) > 3 for hook in hooks)
    assert len(cuts) > 3
    control.ask("hooks_off")
    assert program.stop() == 0
    program.once()
    shop.assert_tables_delivered()


def test_cleanup_between_two_objects_of_one_window_is_told_as_a_gap(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.insert(0)
    program.once()
    shop.insert(*range(1, _ROWS))
    hook = control.hook(READ_ORDERS, [clean_to(25)], database=shop.database.name, when="before", skip=1)
    said = program.once(*_OBJECT_ROWS, expect=3).text
    assert control.hooked(hook) == 1
    assert "dbo.Orders: gap" in said and "sys.sp_cdc_change_job" in said
    assert shop.ids() == list(range(11))
    assert shop.state()["tables"]["dbo.Orders"]["stopped"] != ""
    program.once(*_OBJECT_ROWS, expect=3)
    assert shop.ids() == list(range(11))


@pytest.mark.parametrize("when", ["probe and read", "two objects", "read and recheck"])
def test_cleanup_inside_a_round_that_may_go_on_is_recorded_and_nothing_behind_it_is_lost(
    shop: Shop, control: Control, program: Program, when: str
) -> None:
    shop.insert(0)
    program.once()
    shop.insert(*range(1, _ROWS))
    match, fields = {
        "probe and read": (PROBE, {"when": "after"}),
        "two objects": (READ_ORDERS, {"when": "before", "skip": 1}),
        "read and recheck": (READ_ORDERS, {"when": "after"}),
    }[when]
    words = _OBJECT_ROWS if when == "two objects" else ()
    hook = control.hook(match, [clean_to(25)], database=shop.database.name, **fields)
    program.once(*words, "--on-gap", "continue")
    assert control.hooked(hook) == 1
    first = list(range(11)) if when == "two objects" else [0]
    assert shop.ids() == [*first, *range(25, _ROWS)]
    assert len(shop.gaps()) == 1
    program.once()
    assert shop.ids() == [*first, *range(25, _ROWS)]
    assert shop.state()["held_back_by"] == []


@pytest.mark.parametrize("when", ["probe and read", "read and recheck"])
def test_cleanup_inside_a_round_is_told_as_a_gap_before_anything_is_claimed(
    shop: Shop, control: Control, program: Program, when: str
) -> None:
    shop.insert(0)
    program.once()
    shop.insert(*range(1, _ROWS))
    hook = control.hook(_MOMENTS[when][0], [clean_to(25)], database=shop.database.name)
    said = program.once(expect=3).text
    assert control.hooked(hook) == 1
    assert "dbo.Orders: gap" in said
    assert shop.ids() == [0]
    assert shop.state()["held_back_by"] == ["dbo.Orders"]


def test_cleanup_that_takes_all_rows_between_probe_and_read_is_no_empty_table(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.insert(*range(5))
    program.once()
    through = shop.assert_cut()
    shop.insert(*range(5, 10))
    shop.insert(1, table="Items")
    mark = "DECLARE @mark binary(10) = (SELECT MAX(start_lsn) FROM cdc.lsn_time_mapping); "
    every = "EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_Orders', @low_water_mark = @mark"
    hook = control.hook(PROBE, [mark + every], database=shop.database.name)
    said = program.once(expect=3).text
    assert control.hooked(hook) == 1
    assert "dbo.Orders: gap" in said
    assert bytes.fromhex(shop.state()["complete_through"]) == through
    assert shop.ids("Items") == [1]


@pytest.mark.parametrize("match", ["m.start_lsn = ", "AS first_lsn"], ids=["before it", "behind it"])
def test_cleanup_that_takes_the_anchor_inside_a_poll_is_a_gap_and_no_other_history(
    shop: Shop, control: Control, program: Program, match: str
) -> None:
    shop.commit_both()
    program.once()
    anchor = shop.state()["anchor"]["lsn"]
    shop.commit_both(2)
    mark = "DECLARE @mark binary(10) = (SELECT MAX(start_lsn) FROM cdc.lsn_time_mapping); "
    cleanup = "EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_{}', @low_water_mark = @mark; "
    batch = mark + "".join(cleanup.format(table) for table in ("Orders", "Items"))
    hook = control.hook(match, [batch], database=shop.database.name, when="before")
    said = program.once(expect=3).text
    assert control.hooked(hook) == 1
    known = f"SELECT COUNT(*) FROM cdc.lsn_time_mapping WHERE start_lsn = 0x{anchor}"
    assert shop.database.connection.value(known) == 0
    assert "restored or replaced" not in said
    assert "dbo.Orders: gap" in said and "dbo.Items: gap" in said
    program.once("--on-gap", "continue")
    assert shop.ids() == shop.ids("Items") == [1, 3]


def test_cleanup_while_a_claim_is_recovered_leaves_what_remains_and_says_so(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.insert(*range(10))
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put:1").code == -signal.SIGKILL
    first = control.hook(READ_ORDERS, [clean_to(3)], database=shop.database.name, when="before")
    second = control.hook(READ_ORDERS, [clean_to(6)], database=shop.database.name, when="before", skip=1)
    program.once("--on-gap", "continue")
    assert (control.hooked(first), control.hooked(second)) == (1, 1)
    shop.insert(10)
    program.once()
    verdict = shop.verdict()
    assert [row["id"] for row in verdict.rows] == [6, 7, 8, 9, 10]
    assert [footer["cdc.incomplete"] for footer in verdict.footers] == ["true", "false"]
    assert len(shop.gaps()) == 1


def test_cleanup_behind_the_last_read_of_a_window_loses_nothing_and_makes_no_gap(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.insert(*range(_ROWS))
    shop.remember()
    program.once(*_OBJECT_ROWS)
    for last in range(_ROWS, _ROWS + 3):
        shop.insert(last)
        shop.remember()
        hook = control.hook(READ_ORDERS, [clean_to(last - 1)], database=shop.database.name)
        program.once()
        assert control.hooked(hook) == 1
    shop.assert_delivered()
    assert shop.gaps() == []
