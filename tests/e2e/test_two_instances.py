"""Two capture instances of a table, SQL Server's way of taking a new column in: the older one is read up to the
newer one's start, the newer one from there, and nothing is lost or doubled where they meet."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.change_tables import change_keys
from tests.support.judge import RowKey, Verdict, judge, order
from tests.support.program import Program, wait_until
from tests.support.small_tables import delivered_ids, insert, make_tables

OLD, NEW = "dbo_Orders", "dbo_Orders_v2"


@pytest.fixture
def shop(database: Database) -> Database:
    make_tables(database, "dbo.Orders")
    insert(database, "dbo.Orders", [1, 2])
    return database


def _add_column_and_instance(shop: Database) -> None:
    shop.run("ALTER TABLE dbo.Orders ADD note nvarchar(20) NULL")
    shop.enable("dbo", "Orders", f", @capture_instance = N'{NEW}'")
    shop.capture()


def _start(shop: Database, instance: str) -> bytes:
    return bytes(
        shop.connection.value(f"SELECT start_lsn FROM cdc.change_tables WHERE capture_instance = N'{instance}'")
    )


def _noted(shop: Database, *numbers: int) -> None:
    shop.run(
        f"INSERT INTO dbo.Orders VALUES {', '.join(f'({one}, 0, N{chr(39)}note {one}{chr(39)})' for one in numbers)}"
    )
    shop.capture()


def _drop_old(shop: Database) -> None:
    names = "@source_schema = N'dbo', @source_name = N'Orders'"
    shop.run(f"EXEC sys.sp_cdc_disable_table {names}, @capture_instance = N'{OLD}'")


def _verdict(shop: Database, target: Target) -> Verdict:
    verdict = judge(target.objects(shop.name, "Orders"))
    assert verdict.wrong == []
    return verdict


def _by_object(verdict: Verdict) -> Iterator[tuple[str, list[RowKey], bool]]:
    """Capture instance, keys, and whether the new column is there, object by object."""
    at = 0
    for footer in verdict.footers:
        rows = int(footer["cdc.rows"])
        yield footer["cdc.capture_instance"], verdict.keys[at : at + rows], '"note"' in footer["cdc.columns"]
        at += rows


def _assert_switched(verdict: Verdict, switch: bytes) -> None:
    """Objects before the newer instance's start are of the old one, the others of the new one; none has both."""
    seen = list(_by_object(verdict))
    assert {instance for instance, _, _ in seen} == {OLD, NEW}
    for instance, keys, has_note in seen:
        assert has_note == (instance == NEW)
        for key in keys:
            assert (key[0] >= switch) == (instance == NEW), f"{key} was read from {instance}"


def _union(old: list[RowKey], new: list[RowKey], switch: bytes) -> list[RowKey]:
    return sorted([*(key for key in old if key[0] < switch), *new], key=order)


def test_a_backlog_across_the_switch_is_cut_there_and_only_the_newer_part_has_the_new_column(
    shop: Database, target: Target, program: Program
) -> None:
    _add_column_and_instance(shop)
    _noted(shop, 3, 4)
    program.once()
    verdict = _verdict(shop, target)
    switch = _start(shop, NEW)
    assert verdict.keys == _union(change_keys(shop.connection, OLD), change_keys(shop.connection, NEW), switch)
    assert [row["id"] for row in verdict.rows] == [1, 2, 3, 4]
    _assert_switched(verdict, switch)
    assert [row.get("note") for row in verdict.rows] == [None, None, "note 3", "note 4"]
    # The older one is not needed any more.
    _drop_old(shop)
    _noted(shop, 5)
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 4, 5]


def test_a_table_that_is_up_to_date_follows_the_newer_instance_when_it_has_rows(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    _add_column_and_instance(shop)
    program.once()
    _noted(shop, 3)
    program.once()
    verdict = _verdict(shop, target)
    _assert_switched(verdict, _start(shop, NEW))
    assert [row["id"] for row in verdict.rows] == [1, 2, 3]


@pytest.mark.parametrize("pinned", [OLD, NEW])
def test_an_instance_that_is_pinned_is_read_and_the_other_is_not(
    shop: Database, target: Target, program: Program, pinned: str
) -> None:
    program.once()
    _add_column_and_instance(shop)
    _noted(shop, 3, 4)
    program.once(CDC_SOURCE_INSTANCES=pinned)
    _noted(shop, 5)
    program.once(CDC_SOURCE_INSTANCES=pinned)
    verdict = _verdict(shop, target)
    assert [row["id"] for row in verdict.rows] == [1, 2, 3, 4, 5]
    assert [instance for instance, _, _ in _by_object(verdict)][1:] == [pinned, pinned]
    # Without the pin the newer one is read from here on.
    _noted(shop, 6)
    program.once()
    verdict = _verdict(shop, target)
    assert [row["id"] for row in verdict.rows] == [1, 2, 3, 4, 5, 6]
    assert list(_by_object(verdict))[-1][0] == NEW


@pytest.mark.parametrize("pinned", ["", OLD])
def test_a_second_instance_made_under_load_loses_and_doubles_nothing(
    shop: Database, target: Target, make_program: Callable[..., Program], pinned: str
) -> None:
    program = make_program(shop.name, target.url, CDC_SOURCE_INSTANCES=pinned, CDC_RUN_LEASE="1s")
    program.start("--max-object-rows", "7")
    over = threading.Event()
    written = [2]

    def write() -> None:
        with shop.connect() as connection:
            while not over.wait(0.02):
                written[0] += 1
                connection.run(f"INSERT INTO dbo.Orders (id, n) VALUES ({written[0]}, 0), ({-written[0]}, 0)")
                connection.run(f"UPDATE dbo.Orders SET n = n + 1 WHERE id IN ({written[0]}, {written[0] // 2})")
                if written[0] % 5 == 0:
                    connection.run("EXEC sys.sp_cdc_scan") if shop.server.stand_in is not None else None

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(1.5)
        _add_column_and_instance(shop)
        time.sleep(1)
        program.kill()
        program.start("--max-object-rows", "7")
        time.sleep(2.5)
    finally:
        over.set()
        writer.join(30)
    shop.capture()
    assert program.stop() == 0
    program.once()
    verdict = _verdict(shop, target)
    old, new, switch = change_keys(shop.connection, OLD), change_keys(shop.connection, NEW), _start(shop, NEW)
    assert any(key[0] < switch for key in old) and len(new) > 50, "the load was over before the switch"
    assert verdict.keys == (old if pinned else _union(old, new, switch))
    if pinned:
        assert {instance for instance, _, _ in _by_object(verdict)} == {OLD}
    else:
        _assert_switched(verdict, switch)


def test_kills_after_every_claim_around_the_switch_lose_and_double_nothing(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    _add_column_and_instance(shop)
    _noted(shop, 3, 4)
    program = make_program(shop.name, target.url, CDC_RUN_LEASE="1s")
    kills = 0
    while (code := program.call("run", "--once", "--max-object-rows", "1", CDC_CRASH_AT="claimed_not_put:1").code) != 0:
        assert code == -signal.SIGKILL
        kills += 1
        assert kills < 10
    assert kills == 4
    verdict = _verdict(shop, target)
    assert [row["id"] for row in verdict.rows] == [1, 2, 3, 4]
    _assert_switched(verdict, _start(shop, NEW))


def test_the_older_instance_is_dropped_before_all_of_it_was_read_and_that_is_a_gap(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    insert(shop, "dbo.Orders", [3])
    _add_column_and_instance(shop)
    _drop_old(shop)
    _noted(shop, 4)
    said = program.once(expect=3).text
    assert "gap" in said and "dbo.Orders" in said
    assert delivered_ids(shop, target, "Orders") == [1, 2]
    program.once("--on-gap", "continue")
    assert delivered_ids(shop, target, "Orders") == [1, 2, 4]


def test_the_first_start_beside_two_instances_begins_with_the_older_one(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    _add_column_and_instance(shop)
    _noted(shop, 3)
    program = make_program(shop.name, target.url)
    program.start()
    wait_until(lambda: delivered_ids(shop, target, "Orders") == [1, 2, 3], "all rows")
    assert program.stop() == 0
    _assert_switched(_verdict(shop, target), _start(shop, NEW))


def test_an_older_instance_helps_out_and_the_newer_one_goes_on_as_soon_as_it_can(
    shop: Database, target: Target, program: Program
) -> None:
    """Cleanup takes from the newer one alone."""
    program.once()
    _add_column_and_instance(shop)
    _noted(shop, 3)
    program.once()
    for number in (4, 5, 6):
        _noted(shop, number)
    newest = bytes(shop.connection.value(f"SELECT MAX([__$start_lsn]) FROM cdc.[{NEW}_CT]"))
    shop.run(f"EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'{NEW}', @low_water_mark = 0x{newest.hex()}")
    for number in (7, 8):
        program.once()
        _noted(shop, number)
    program.once()
    notes = [row.get("note") for row in _verdict(shop, target).rows]
    assert notes == [None, None, "note 3", None, None, "note 6", "note 7", "note 8"]
