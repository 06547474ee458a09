"""What `check` says of the server's own side of capture: the capture job, retention, and what a login may not see."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytds
import pytest

from standin.harness import StandIn
from standin.load.connection import Connection
from tests.e2e.conftest import Database, Server, own_server
from tests.support.drivers import drivers
from tests.support.program import Ended, Program, wait_until

_PASSWORD = "Reader-Login-1"

each_driver = pytest.mark.parametrize("driver", drivers().values(), ids=drivers().keys())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with own_server(tmp_path_factory.mktemp("sql-server") / "stand-in.log") as own:
        yield own


@pytest.fixture
def shop(database: Database) -> Database:
    database.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, label nvarchar(40) NULL)")
    database.enable("dbo", "Orders")
    database.run("INSERT INTO dbo.Orders VALUES (1, N'a')")
    database.capture()
    return database


@pytest.fixture
def reader(shop: Database) -> Iterator[str]:
    """A login with the two rights that reading needs, and no other."""
    name = f"reader_{shop.name}"
    shop.run(
        f"CREATE LOGIN {name} WITH PASSWORD = '{_PASSWORD}'",
        f"CREATE USER {name} FOR LOGIN {name}",
        f"GRANT SELECT ON SCHEMA::cdc TO {name}",
        f"GRANT VIEW DEFINITION TO {name}",
    )
    yield name
    shop.run(f"DROP LOGIN {name}")


def _capture_section(ended: Ended) -> list[str]:
    """The lines of check's section `capture`."""
    lines = ended.out.split("\ncapture\n")[1].splitlines()
    return [line for number, line in enumerate(lines) if all(one.startswith("  ") for one in lines[: number + 1])]


def _run_as_admin(shop: Database, sql: str) -> None:
    """What a message told an administrator to run; it may change the database, so on a connection of its own."""
    with Connection(shop.address) as connection:
        connection.run(sql)


def _stop_capture(shop: Database) -> None:
    shop.run("EXEC sys.sp_cdc_stop_job @job_type = N'capture'")


def _age_everything(shop: Database, minutes: int) -> None:
    """As if everything had been committed earlier."""
    shop.run(f"UPDATE cdc.lsn_time_mapping SET tran_end_time = DATEADD(minute, -{minutes}, tran_end_time)")


@each_driver
def test_check_says_that_capture_runs_and_how_much_retention_is_left(
    shop: Database, program: Program, driver: str
) -> None:
    before = _capture_section(program.call("check", SQL_SERVER_DRIVER=driver))
    assert re.fullmatch(r"  note  newest captured commit \S+Z, \d+ s ago", before[0])
    assert re.fullmatch(r"  ok    capture runs, \d+ s behind the log", before[1])
    assert before[2:] == ["  ok    retention is 3 d"]
    program.once()
    shop.run("INSERT INTO dbo.Orders VALUES (2, N'b')")
    shop.capture()
    after = program.call("check", SQL_SERVER_DRIVER=driver)
    assert after.code == 0
    assert re.fullmatch(
        r"  ok    retention is 3 d, and dbo\.Orders: changes since \S+ may be unread, "
        r"and cleanup reaches them in (3 d|2 d 23 h) at the earliest \(retention 3 d\)",
        _capture_section(after)[2],
    )


@each_driver
def test_each_grant_that_check_names_shows_what_was_hidden(
    shop: Database, reader: str, program: Program, driver: str
) -> None:
    login = {"SQL_SERVER_USER": reader, "SQL_SERVER_PASSWORD": _PASSWORD, "SQL_SERVER_DRIVER": driver}
    ended = program.call("check", **login)
    assert ended.code == 0, ended.text
    hidden = [line for line in _capture_section(ended) if "hidden from this login: " in line]
    assert len(hidden) == 4, ended.out
    for line in hidden:
        _, _, grant = line.partition(". To see it: ")
        assert reader in grant
        _run_as_admin(shop, grant)
    ended = program.call("check", **login)
    assert ended.code == 0
    assert "hidden from this login" not in ended.out
    assert "capture runs" in ended.out
    assert "retention is 3 d" in ended.out


def test_a_login_that_sees_nothing_of_the_jobs_is_told_by_the_newest_changes_age_where_idle_databases_get_rows(
    shop: Database, reader: str, program: Program, stand_in: StandIn
) -> None:
    login = {"SQL_SERVER_USER": reader, "SQL_SERVER_PASSWORD": _PASSWORD}
    young = program.call("check", **login)
    assert "behind the log at most" in young.out
    assert "retention is not known" in young.out
    _age_everything(shop, 25)
    idle = program.call("check", **login)
    assert idle.code == 0, "nothing may have been changed"
    assert "the newest captured change is 25 min old: nothing was changed since, or capture stopped" in idle.out
    with stand_in.control() as control:
        for _ in range(3):
            control.ask("advance", seconds=301)
            shop.run("EXEC sys.sp_cdc_scan")
    assert "behind the log at most" in program.call("check", **login).out
    _age_everything(shop, 25)
    old = program.call("check", **login)
    assert old.code == 1
    listed = old.out.split("To fix:\n")[1]
    for words in ("the newest captured change is 25 min", f"cdc.{shop.name}_capture", "SQL Server Agent"):
        assert words in listed
    # Whoever sees the scans of the log knows that the database is only idle.
    shop.run("EXEC sys.sp_cdc_scan")
    assert program.call("check").code == 0


@each_driver
def test_a_stopped_capture_job_is_named_with_the_statement_that_starts_it(
    shop: Database, program: Program, driver: str
) -> None:
    _stop_capture(shop)
    stopped = program.call("check", SQL_SERVER_DRIVER=driver)
    assert stopped.code == 1
    said = next(line for line in _capture_section(stopped) if "BAD" in line)
    assert re.search(rf"the capture job cdc\.{shop.name}_capture is not running since \S+Z; nothing is lost", said)
    statement = re.search(r"What helps: (EXEC .+?)\. Why it ended", said)
    assert statement is not None
    _run_as_admin(shop, statement[1])
    assert program.call("check", SQL_SERVER_DRIVER=driver).code == 0


@each_driver
def test_a_running_program_says_once_that_capture_stopped_and_once_that_it_resumed(
    shop: Database, program: Program, driver: str
) -> None:
    _stop_capture(shop)
    program.start(SQL_SERVER_DRIVER=driver)

    def said(event: str) -> list[str]:
        return [line for line in program.log_text().splitlines() if f" {event} " in line]

    wait_until(lambda: said("capture_stopped") != [], "capture_stopped")
    statement = re.search(r'help="(EXEC .+?)\. Why it ended', said("capture_stopped")[0])
    assert statement is not None, said("capture_stopped")
    assert f"database={shop.name}" in said("capture_stopped")[0]
    _run_as_admin(shop, statement[1])
    wait_until(lambda: said("capture_resumed") != [], "capture_resumed")
    program.stop()
    assert len(said("capture_stopped")) == len(said("capture_resumed")) == 1


def test_a_table_that_cannot_be_read_is_warned_of_before_cleanup_comes(
    shop: Database, reader: str, program: Program, stand_in: StandIn
) -> None:
    login = {"SQL_SERVER_USER": reader, "SQL_SERVER_PASSWORD": _PASSWORD}
    _run_as_admin(
        shop,
        f"USE msdb; CREATE USER {reader} FOR LOGIN {reader}; GRANT SELECT ON dbo.cdc_jobs TO {reader}",
    )
    program.once(**login)
    shop.run(f"DENY SELECT ON OBJECT::cdc.dbo_Orders_CT TO {reader}", "INSERT INTO dbo.Orders VALUES (2, N'b')")
    shop.capture()
    assert "retention_near" not in program.once(expect=3, **login).text
    with stand_in.control() as control:
        for hours, words in ((60, "cleanup reaches them in 1"), (20, "the next cleanup may take them")):
            control.ask("advance", seconds=hours * 3600)
            shop.run(f"INSERT INTO dbo.Orders VALUES ({hours}, N'c')")
            shop.capture()
            said = program.once(expect=3, **login).text
            for one in ("retention_near tables=dbo.Orders", words, "mend what stops the table", "dbo_Orders_CT"):
                assert one in said, said


def test_what_the_capture_process_met_last_is_told_with_a_stop(
    shop: Database, program: Program, stand_in: StandIn
) -> None:
    with stand_in.control() as control:
        control.ask("fail_scans", times=1)
        shop.run("INSERT INTO dbo.Orders VALUES (2, N'b')")
        with pytest.raises(pytds.Error):
            shop.capture()
    _stop_capture(shop)
    said = program.call("check").out.split("To fix:\n")[1]
    assert re.search(r"The capture process's last error was \d+ at \S+Z: \w+", said), said


def test_changes_that_come_close_to_retention_are_to_be_fixed(shop: Database, program: Program) -> None:
    program.once()
    shop.run("INSERT INTO dbo.Orders VALUES (2, N'b')")
    shop.capture()
    _age_everything(shop, 60 * 60)
    shop.run("INSERT INTO dbo.Orders VALUES (3, N'c')")
    shop.capture()
    near = program.call("check")
    assert near.code == 1
    for words in ("dbo.Orders: changes since", "cleanup reaches them in 1", "retention 3 d", "@retention = <minutes>"):
        assert words in near.out.split("To fix:\n")[1]
    shop.run("EXEC sys.sp_cdc_change_job @job_type = N'cleanup', @retention = 14400")
    ample = program.call("check")
    assert "cleanup reaches them in 7 d" in ample.out
    # Commit times that are moved by hand are another history, which check says as run does; of retention nothing is left.
    to_fix = ample.out.split("To fix:\n")[1]
    assert "restored or replaced" in to_fix and "retention" not in to_fix and "cleanup" not in to_fix


def test_a_database_without_jobs_is_told_how_to_get_them(shop: Database, program: Program) -> None:
    shop.run("EXEC sys.sp_cdc_drop_job @job_type = N'capture'", "EXEC sys.sp_cdc_drop_job @job_type = N'cleanup'")
    young = program.call("check")
    assert young.code == 0, "the newest change is young: somebody captures"
    assert "there is no cleanup job" in young.out
    _age_everything(shop, 11)
    shop.run("EXEC sys.sp_cdc_scan")
    stopped = program.call("check")
    assert stopped.code == 1
    assert "the database has no capture job" in stopped.out
    shop.run(*re.findall(r"EXEC sys\.sp_cdc_add_job @job_type = N'\w+'", stopped.out.split("To fix:\n")[1]))
    again = program.call("check")
    assert again.code == 0, again.text
