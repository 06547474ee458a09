"""A database that cannot be used for a while, in all the ways a real one has: the program goes on by itself when it is
back, and each change is delivered once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from standin.control import Control
from standin.harness import StandIn
from standin.load.connection import Connection, quoted
from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.shop import READ_ORDERS, Shop
from tests.support.workload import Workload, assert_same, random_of

_PROGRAM = "cdc-to-s3"


@pytest.fixture
def control(stand_in: StandIn, database: Database) -> Iterator[Control]:
    with stand_in.control() as channel:
        yield channel
        channel.ask("clear")
        channel.ask("replica_error", database=database.name, number=0)
        channel.ask("fail_scans", times=0)


@pytest.fixture
def shop(database: Database, target: Target) -> Shop:
    return Shop(database, target)


def _alter(shop: Shop, *statements: str) -> None:
    """From database master; the shop's own connection is made anew afterwards."""
    shop.database.connection.close()
    with Connection(shop.database.server.address) as connection:
        connection.run_all(statements)


def _goes_on(shop: Shop, program: Program) -> None:
    """Everything arrives, and nobody had to do anything."""
    wait_until(lambda: shop.ids() == [row[0] for row in _rows(shop)], "the remaining rows")
    assert program.stop() == 0
    program.once()
    shop.assert_tables_delivered()


def _rows(shop: Shop) -> list[tuple[int]]:
    return shop.database.connection.rows("SELECT id FROM cdc.dbo_Orders_CT ORDER BY id")


@pytest.mark.parametrize("numbers", [(983, 976), (976, 983), (978,)], ids=str)
def test_a_listener_that_fails_over_in_the_middle_of_a_read_is_gone_on_with(
    shop: Shop, control: Control, program: Program, numbers: tuple[int, ...]
) -> None:
    shop.commit_both(2)
    program.once()
    shop.commit_both(60)
    cut = control.arm(match=READ_ORDERS, at="rows", action="rst", count=20)
    program.start("--max-object-rows", "15")
    wait_until(lambda: control.fired(cut) == 1, "the reset")
    for number in numbers:
        control.ask("replica_error", database=shop.database.name, number=number)
        said = len(program.log_text())
        # The old primary lets go of all connections.
        control.ask("cut", application=_PROGRAM, reset=True)
        for words in (f"error {number}", "cannot be used now"):
            wait_until(lambda words=words, said=said: words in program.log_text()[said:], words)
    control.ask("replica_error", database=shop.database.name, number=0)
    _goes_on(shop, program)


def test_failovers_under_load_deliver_each_change_once(
    database: Database, target: Target, control: Control, program: Program
) -> None:
    chance = random_of("failovers")
    with Workload(database, chance.randrange(1, 2**31)) as workload:
        program.start("--max-object-rows", "40")
        wait_until(lambda: target.keys(f"{database.name}/") != [], "an object")
        for _ in range(3):
            control.arm(match="FROM cdc.[", at="rows", action="rst", count=chance.randrange(1, 30))
            time.sleep(chance.uniform(0.5, 1.5))
            control.ask("cut", application=_PROGRAM, reset=True)
            time.sleep(chance.uniform(0.5, 1.0))
        workload.stop()
    assert program.stop() == 0
    program.once()
    assert_same(database, target)


# What a login gets to hear when its database is not to be had; the server does not say why.
_CLOSED = "is offline, being restored or in use by a single user"


@pytest.mark.parametrize("state", ["offline", "restoring"])
def test_a_database_that_is_taken_away_for_a_while_is_gone_on_with(
    shop: Shop, stand_in: StandIn, program: Program, state: str
) -> None:
    name = quoted(shop.database.name)
    shop.commit_both(3)
    program.start()
    wait_until(lambda: shop.target.keys(f"{shop.database.name}/Orders/") != [], "an object")
    shop.commit_both(3)
    if state == "offline":
        away, back = f"ALTER DATABASE {name} SET OFFLINE WITH ROLLBACK IMMEDIATE", f"ALTER DATABASE {name} SET ONLINE"
    else:
        shop.database.run(f"BACKUP DATABASE {name} TO DISK = N'{shop.database.name}.bak'")
        away = f"RESTORE DATABASE {name} FROM DISK = N'{shop.database.name}.bak' WITH REPLACE, NORECOVERY"
        away = f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE; {away}"
        back = f"RESTORE DATABASE {name} WITH RECOVERY"
    _alter(shop, away)
    wait_until(lambda: _CLOSED in program.log_text(), "a message")
    _alter(shop, back)
    shop.database.connection = shop.database.connect()
    shop.commit_both(3)
    _goes_on(shop, program)


def test_a_database_that_somebody_takes_for_himself_is_gone_on_with(shop: Shop, program: Program) -> None:
    shop.commit_both(3)
    program.start()
    wait_until(lambda: shop.target.keys(f"{shop.database.name}/Orders/") != [], "an object")
    name = quoted(shop.database.name)
    shop.database.run(f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
    shop.commit_both(3)
    wait_until(lambda: _CLOSED in program.log_text(), "a message")
    shop.database.run(f"ALTER DATABASE {name} SET MULTI_USER")
    _goes_on(shop, program)


def test_a_run_once_that_finds_the_database_unusable_says_so_and_fails_without_harm(
    shop: Shop, control: Control, program: Program
) -> None:
    shop.commit_both(2)
    control.ask("replica_error", database=shop.database.name, number=983)
    ended = program.call("run", "--once")
    assert ended.code == 1
    assert "cannot be used now" in ended.text and "983" in ended.text
    assert "check host, port" not in ended.text
    assert program.call("check").code == 1
    control.ask("replica_error", database=shop.database.name, number=0)
    program.once()
    shop.assert_tables_delivered()


def test_a_capture_job_that_stands_still_or_fails_only_delays(shop: Shop, control: Control, program: Program) -> None:
    shop.commit_both(2)
    program.start()
    captured = shop.database.connection.value("SELECT MAX(start_lsn) FROM cdc.lsn_time_mapping WHERE tran_id <> 0x00")
    wait_until(lambda: shop.has_state() and shop.assert_cut() >= bytes(captured), "what was captured to be complete")
    through = shop.assert_cut()
    # Nothing scans the log: commits are not in the change tables, and nothing is said to be complete beyond them.
    for number in range(100, 120):
        shop.database.run(f"INSERT INTO dbo.Orders VALUES ({number}, 0)")
    time.sleep(1)
    assert (shop.ids(), shop.assert_cut()) == ([1, 2], through)
    # A scan that breaks down half-way leaves nothing behind that could be taken for something.
    control.ask("fail_scans", times=3)
    for _ in range(3):
        with pytest.raises(Exception, match="Log Scan process failed"):
            shop.database.capture()
        time.sleep(0.4)
    assert (shop.ids(), shop.assert_cut()) == ([1, 2], through)
    shop.database.capture()
    _goes_on(shop, program)


def test_a_job_that_scans_in_small_steps_while_rounds_run_makes_no_false_cut(shop: Shop, program: Program) -> None:
    shop.commit_both()
    for number in range(100, 130):
        shop.database.run(
            f"BEGIN TRANSACTION; INSERT INTO dbo.Orders VALUES ({number}, 0); "
            f"INSERT INTO dbo.Items VALUES ({number}, 0); COMMIT"
        )
    program.start("--interval", "100ms")
    for _ in range(30):
        shop.database.run("EXEC sys.sp_cdc_scan @maxtrans = 1, @maxscans = 1")
        if shop.has_state():
            shop.assert_cut()
    _goes_on(shop, program)
