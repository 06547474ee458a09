"""`start`: where the delivery of a new table begins. Whatever was committed before is not delivered, and is no gap."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from standin.harness import StandIn
from standin.load.connection import Address
from tests.e2e.conftest import Database, Server, Target, in_clear, program_settings
from tests.support.program import Program
from tests.support.s3_servers import S3Server
from tests.support.small_tables import complete_through, delivered_ids, document, insert, make_tables, newest


@pytest.fixture
def shop(database: Database) -> Database:
    make_tables(database, "dbo.Orders")
    insert(database, "dbo.Orders", [1, 2])
    return database


def _server_time(shop: Database) -> datetime.datetime:
    """UTC, between what is committed before this call and after it, by more than the clock's granularity."""
    time.sleep(0.3)
    now = shop.connection.value("SELECT SYSUTCDATETIME()")
    time.sleep(0.3)
    return datetime.datetime.fromisoformat(str(now))


def test_oldest_is_the_default_and_takes_all_that_is_there(shop: Database, target: Target, program: Program) -> None:
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2]


def test_now_takes_only_what_comes_after_the_first_start(shop: Database, target: Target, program: Program) -> None:
    now = {"CDC_SOURCE_START": "now"}
    program.once(**now)
    assert delivered_ids(shop, target, "Orders") == []
    insert(shop, "dbo.Orders", [3])
    program.once(**now)
    insert(shop, "dbo.Orders", [4])
    # The start of a table is decided once.
    program.once()
    assert delivered_ids(shop, target, "Orders") == [3, 4]
    table = document(shop, target)["tables"]["dbo.Orders"]
    assert table["gaps"] == [] and table["in_cut"]
    assert complete_through(shop, target) >= newest(shop, "dbo.Orders")


def test_an_lsn_takes_what_was_committed_after_it(shop: Database, target: Target, program: Program) -> None:
    lsn = newest(shop, "dbo.Orders").hex().upper()
    insert(shop, "dbo.Orders", [3])
    insert(shop, "dbo.Orders", [4])
    program.once(CDC_SOURCE_START=lsn)
    assert delivered_ids(shop, target, "Orders") == [3, 4]
    assert document(shop, target)["tables"]["dbo.Orders"]["start"] == lsn


def test_an_lsn_behind_which_cleanup_has_removed_rows_is_a_gap_and_not_passed_over(
    shop: Database, target: Target, program: Program
) -> None:
    lsn = newest(shop, "dbo.Orders").hex().upper()
    insert(shop, "dbo.Orders", [3])
    insert(shop, "dbo.Orders", [4])
    mark = f"0x{newest(shop, 'dbo.Orders').hex()}"
    clean = "EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_Orders'"
    shop.run(f"{clean}, @low_water_mark = {mark}")
    said = program.once(expect=3, CDC_SOURCE_START=lsn).text
    assert "gap" in said and lsn in said
    assert delivered_ids(shop, target, "Orders") == []


@pytest.mark.parametrize("zone", ["Z", "+05:30"])
def test_a_time_takes_what_was_committed_from_then_on(
    shop: Database, target: Target, program: Program, zone: str
) -> None:
    moment = _server_time(shop)
    insert(shop, "dbo.Orders", [3])
    insert(shop, "dbo.Orders", [4])
    local = moment if zone == "Z" else moment + datetime.timedelta(hours=5, minutes=30)
    program.once(CDC_SOURCE_START=f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}{zone}")
    assert delivered_ids(shop, target, "Orders") == [3, 4]


def test_a_time_means_the_same_on_a_server_that_lives_in_another_time_zone(
    stand_in: StandIn, target: Target, s3: S3Server, tmp_path: Path
) -> None:
    with StandIn(options=("--time-zone", "Asia/Kolkata"), log=tmp_path / "stand-in.log") as abroad:
        address = Address(abroad.host, abroad.port, abroad.user, abroad.password, "master")
        server = Server(address, abroad, in_clear(address))
        shop = Database(server, "Shop_abroad")
        make_tables(shop, "dbo.Orders")
        insert(shop, "dbo.Orders", [1, 2])
        moment = _server_time(shop)
        insert(shop, "dbo.Orders", [3])
        program = Program(tmp_path, program_settings(server, s3, shop.name, target.url))
        program.once(CDC_SOURCE_START=f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z")
        assert delivered_ids(shop, target, "Orders") == [3]
        shop.connection.close()


def test_a_time_before_all_that_retention_has_kept_is_the_oldest_and_no_gap(
    shop: Database, target: Target, program: Program
) -> None:
    program.once(CDC_SOURCE_START="2001-01-01T00:00:00Z")
    assert delivered_ids(shop, target, "Orders") == [1, 2]
    assert document(shop, target)["tables"]["dbo.Orders"]["gaps"] == []


@pytest.mark.parametrize("by", ["time", "LSN", "now"])
def test_a_table_that_is_captured_later_begins_where_its_capture_began_and_that_is_no_gap(
    shop: Database, target: Target, make_program: Callable[..., Program], by: str
) -> None:
    start = {"time": f"{_server_time(shop):%Y-%m-%dT%H:%M:%S}Z", "LSN": newest(shop, "dbo.Orders").hex(), "now": "now"}
    program = make_program(shop.name, target.url, CDC_SOURCE_START=start[by])
    insert(shop, "dbo.Orders", [3])
    program.once()
    make_tables(shop, "dbo.Later")
    insert(shop, "dbo.Later", [1])
    program.once()
    insert(shop, "dbo.Later", [2])
    program.once()
    assert delivered_ids(shop, target, "Later") == ([2] if by == "now" else [1, 2])
    table = document(shop, target)["tables"]["dbo.Later"]
    assert table["gaps"] == [] and table["in_cut"]


def test_a_start_in_the_future_is_refused_or_waited_for_but_never_taken_for_now(
    shop: Database, target: Target, program: Program
) -> None:
    ended = program.call("run", "--once", CDC_SOURCE_START="2199-01-01T00:00:00Z")
    assert "2199-01-01" in ended.text
    assert delivered_ids(shop, target, "Orders") == []
