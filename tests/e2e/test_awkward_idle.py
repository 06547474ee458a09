"""Databases and tables that rest for days while cleanup goes on: resting is no gap."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from standin.control import Control
from standin.harness import StandIn
from tests.e2e.conftest import Database, Server, Target, own_server
from tests.support.program import Program, wait_until
from tests.support.shop import Shop

_HOUR_SECONDS = 3600
_STEP_HOURS = 2
_STEPS = 36  # three days
_RETENTION_MINUTES = 300
_CLEANUP = "EXEC sys.sp_cdc_start_job N'cleanup'"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with own_server(tmp_path_factory.mktemp("sql-server") / "stand-in.log") as own:
        yield own


@pytest.fixture
def control(stand_in: StandIn) -> Iterator[Control]:
    with stand_in.control() as channel:
        yield channel
        channel.ask("advance", seconds=None)


@pytest.fixture
def shop(database: Database, target: Target) -> Shop:
    """With a third table, dbo.Empty, that never had a row, and a short retention."""
    made = Shop(database, target)
    database.run("CREATE TABLE dbo.Empty (id int NOT NULL PRIMARY KEY, n int NOT NULL)")
    database.enable("dbo", "Empty")
    database.run(f"EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = {_RETENTION_MINUTES}")
    return made


def _two_hours_pass(shop: Shop, control: Control) -> None:
    """The capture job goes on; when there is nothing to capture, it leaves a dummy row."""
    control.ask("advance", seconds=_STEP_HOURS * _HOUR_SECONDS)
    shop.database.capture()


def _low(shop: Shop, table: str) -> bytes:
    wanted = f"SELECT start_lsn FROM cdc.change_tables WHERE capture_instance = N'dbo_{table}'"
    return bytes(shop.database.connection.value(wanted))


def _assert_untroubled(shop: Shop) -> None:
    state = shop.state()
    assert state["held_back_by"] == []
    assert [name for name, table in state["tables"].items() if table.get("stopped") or table.get("gaps")] == []


def _wake_up(shop: Shop, program: Program) -> None:
    """A new row in each table: it arrives, and no gap is told."""
    for table in ("Orders", "Items", "Empty"):
        shop.insert(1000, table=table)
    program.once()
    assert shop.ids("Empty") == [1000]
    assert shop.ids("Items") == [1, 1000]
    assert shop.ids()[-1] == 1000
    assert [shop.gaps(table) for table in ("Orders", "Items", "Empty")] == [[], [], []]
    _assert_untroubled(shop)


@pytest.mark.parametrize("busy", [True, False], ids=["one table busy", "all idle"])
def test_tables_that_rest_for_days_while_cleanup_passes_them_have_no_gap(
    shop: Shop, control: Control, program: Program, busy: bool
) -> None:
    shop.commit_both()
    first = {table: _low(shop, table) for table in ("Orders", "Items", "Empty")}
    program.once()
    for step in range(_STEPS):
        if busy:
            shop.insert(10 + step)
        _two_hours_pass(shop, control)
        program.once()
        if step % 3 == 2:
            shop.database.run(_CLEANUP)
    assert all(_low(shop, table) > low for table, low in first.items())
    assert shop.database.connection.value("SELECT COUNT(*) FROM cdc.dbo_Items_CT") == 0
    _assert_untroubled(shop)
    assert shop.ids() == [1, *(range(10, 10 + _STEPS) if busy else [])]
    _wake_up(shop, program)


def test_a_program_that_runs_through_days_of_rest_and_cleanup_tells_no_gap_and_lets_its_cut_follow(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.commit_both()
    program.start("--interval", "100ms")
    wait_until(shop.has_state, "a state document")
    through = bytes.fromhex(shop.state()["complete_through"])
    for step in range(_STEPS):
        _two_hours_pass(shop, control)
        # The newest dummy row counts once there is a newer one.
        if step > 0:
            wait_until(lambda before=through: bytes.fromhex(shop.state()["complete_through"]) > before, "a later cut")
        through = bytes.fromhex(shop.state()["complete_through"])
        shop.database.run(_CLEANUP)
        time.sleep(0.05)
    assert "gap" not in program.log_text() and "table_stopped" not in program.log_text()
    assert program.stop() == 0
    _wake_up(shop, program)


def test_a_program_that_is_away_for_days_but_shorter_than_retention_has_no_gap(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.database.run(f"EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = {_STEPS * _STEP_HOURS * 60}")
    shop.commit_both()
    program.once()
    for _ in range(_STEPS // 3):
        _two_hours_pass(shop, control)
        shop.database.run(_CLEANUP)
    _wake_up(shop, program)


@pytest.mark.parametrize("once", [True, False], ids=["once", "running"])
def test_a_mapping_that_cleanup_has_emptied_is_nothing_new_and_no_other_history(
    shop: Shop, control: Control, program: Program, once: bool
) -> None:
    shop.commit_both()
    program.once()
    shop.database.run(
        "DELETE FROM cdc.lsn_time_mapping", "DELETE FROM cdc.dbo_Orders_CT", "DELETE FROM cdc.dbo_Items_CT"
    )
    if once:
        program.once()
    else:
        program.start()
        time.sleep(1)
        assert program.process is not None and program.process.poll() is None
    _two_hours_pass(shop, control)
    program.stop()
    _wake_up(shop, program)
