"""Databases that were restored or replaced: another history under the same name is never read as if it were the old
one."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from standin.load.connection import Connection, quoted
from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.shop import Shop

_REPLACED = "the database was restored or replaced"
_HELP = "cdc-to-s3 adopt --new-history"


@pytest.fixture
def shop(database: Database, target: Target) -> Shop:
    return Shop(database, target)


def _master(shop: Shop, *statements: str) -> None:
    """From database master, with nobody else in the shop's; its own connection is made anew afterwards."""
    shop.database.connection.close()
    with Connection(shop.database.server.address) as connection:
        connection.run_all(statements)
    shop.database.connection = shop.database.connect()


def _backup(shop: Shop) -> str:
    """Its file, on the server."""
    path = f"{shop.database.name}_{uuid.uuid4().hex[:6]}.bak"
    shop.database.run(f"BACKUP DATABASE {quoted(shop.database.name)} TO DISK = N'{path}' WITH COPY_ONLY")
    return path


def _restore(shop: Shop, path: str) -> None:
    name = quoted(shop.database.name)
    _master(
        shop,
        f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE; "
        f"RESTORE DATABASE {name} FROM DISK = N'{path}' WITH REPLACE",
        f"ALTER DATABASE {name} SET MULTI_USER",
    )


def _said(program: Program) -> str:
    ended = program.call("run", "--once")
    assert ended.code == 1
    return ended.text


def test_a_restored_database_whose_history_has_passed_our_place_stops_everything_and_says_what_to_do(
    shop: Shop, program: Program
) -> None:
    shop.commit_both(2)
    path = _backup(shop)
    program.once()
    shop.commit_both(3)
    program.once()
    before = shop.ids()
    _restore(shop, path)
    # Other rows at the same LSNs, and beyond.
    for number in range(100, 110):
        shop.insert(number)
    for _ in range(2):
        said = _said(program)
        assert _REPLACED in said and _HELP in said and "Nothing was read" in said
    assert shop.ids() == before == [1, 2, 3, 4, 5]


def test_a_restored_database_that_is_not_as_far_as_we_were_is_not_read_and_then_stops_everything(
    shop: Shop, program: Program
) -> None:
    shop.commit_both()
    path = _backup(shop)
    shop.commit_both(3)
    program.once()
    before = shop.ids()
    _restore(shop, path)
    shop.insert(100)
    program.start()
    wait_until(lambda: "a database that was set back" in program.log_text(), "a warning")
    assert shop.ids() == before
    for number in range(101, 110):
        shop.insert(number)
    assert program.process is not None
    assert program.process.wait(20) == 1
    assert _REPLACED in program.log_text() and _HELP in program.log_text()
    assert shop.ids() == before == [1, 2, 3, 4]


def test_a_restore_while_the_program_runs_is_noticed_before_anything_is_read(shop: Shop, program: Program) -> None:
    shop.commit_both()
    path = _backup(shop)
    program.start()
    shop.commit_both(3)
    wait_until(lambda: shop.target.keys(f"{shop.database.name}/Orders/") != [], "an object")
    wait_until(lambda: shop.ids() == [1, 2, 3, 4], "all rows")
    _restore_beyond(shop, path)
    assert program.process is not None
    assert program.process.wait(20) == 1
    assert _REPLACED in program.log_text()
    assert shop.ids() == [1, 2, 3, 4]


def _restore_beyond(shop: Shop, path: str) -> None:
    _restore(shop, path)
    for number in range(100, 110):
        shop.insert(number)


def test_a_restored_database_is_delivered_anew_to_another_place_as_the_message_says(
    shop: Shop, program: Program, make_program: Callable[..., Program], target: Target
) -> None:
    shop.commit_both()
    path = _backup(shop)
    shop.commit_both(2)
    program.once()
    _restore_beyond(shop, path)
    assert _REPLACED in _said(program)
    elsewhere = Target(target.s3, target.prefix + "/again")
    make_program(shop.database.name, elsewhere.url).once()
    again = Shop.__new__(Shop)
    again.database, again.target = shop.database, elsewhere
    again.assert_tables_delivered()
    assert again.ids() == [1, *range(100, 110)]


def test_a_database_that_lost_cdc_by_its_restore_says_so_and_is_never_read_on_as_if_nothing_had_been(
    shop: Shop, program: Program
) -> None:
    name, other = shop.database.name, f"{shop.database.name}_moved"
    shop.commit_both()
    path = _backup(shop)
    shop.commit_both(2)
    program.once()
    # As on another server: under another name first, without KEEP_CDC.
    _master(
        shop,
        f"DROP DATABASE {quoted(name)}",
        f"RESTORE DATABASE {quoted(other)} FROM DISK = N'{path}'",
        f"ALTER DATABASE {quoted(other)} MODIFY NAME = {quoted(name)}",
    )
    said = _said(program)
    assert "change data capture is not enabled" in said and "sys.sp_cdc_enable_db" in said
    # Who follows that advice has other change tables, and a hole before them.
    for table in ("Orders", "Items"):
        shop.database.enable("dbo", table)
    for number in range(100, 110):
        shop.insert(number)
        shop.insert(number, table="Items")
    ended = program.call("run", "--once")
    assert ended.code in (1, 3)
    assert _REPLACED in ended.text or ended.text.count("was dropped and made anew") >= 2
    assert shop.ids() == shop.ids("Items") == [1, 2, 3]


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
def test_another_database_under_the_same_name_is_not_read(shop: Shop, program: Program, running: bool) -> None:
    shop.commit_both(3)
    program.once()
    if running:
        program.start()
        wait_until(lambda: program.log_text().count("took_over") == 1, "its start")
    name = quoted(shop.database.name)
    _master(
        shop,
        f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE {name}",
        f"CREATE DATABASE {name}",
    )
    other = Shop(shop.database, shop.target)
    other.commit_both(20)
    if running:
        wait_until(lambda: "another one than" in program.log_text(), "a message")
        assert "family_guid" in program.log_text() and "another [target] url" in program.log_text()
        program.stop()
    said = _said(program)
    assert "is another one than the state document knows (service_broker_guid" in said
    assert "another [target] url" in said
    assert shop.ids() == [1, 2, 3]


def test_a_backup_that_is_restored_at_once_without_losing_anything_is_no_other_history(
    shop: Shop, program: Program
) -> None:
    shop.commit_both(2)
    program.once()
    path = _backup(shop)
    _restore(shop, path)
    shop.commit_both(2)
    program.once()
    shop.assert_tables_delivered()
    assert shop.ids() == [1, 2, 3, 4]


def test_cdc_that_is_turned_off_and_on_again_under_a_running_program_is_told_and_doubles_nothing(
    shop: Shop, program: Program
) -> None:
    shop.commit_both(2)
    program.start()
    wait_until(lambda: shop.target.keys(f"{shop.database.name}/Orders/") != [], "an object")
    shop.database.run("EXEC sys.sp_cdc_disable_db")
    wait_until(lambda: "is CDC enabled? USE" in program.log_text(), "a message that says how to turn it on")
    for table in ("Orders", "Items"):
        shop.database.enable("dbo", table)
    shop.commit_both(2)
    wait_until(lambda: program.log_text().count("was dropped and made anew") == 2, "both tables stopped")
    assert program.stop() == 0
    assert shop.ids() == shop.ids("Items") == [1, 2]
    program.once("--on-gap", "continue")
    assert shop.ids() == shop.ids("Items") == [1, 2, 3, 4]
    assert [len(shop.gaps(table)) for table in ("Orders", "Items")] == [1, 1]
