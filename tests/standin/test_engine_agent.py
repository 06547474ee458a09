"""SQL Server Agent and the CDC jobs, as msdb and the server's views show them, and to whom."""

from __future__ import annotations

import time

import pytest
from cdc_driver import cdc_database, enable  # noqa: F401  (a fixture)
from engine_driver import PASSWORD, Driver, new_engine

_ACTIVITY = (
    "SELECT a.start_execution_date, a.stop_execution_date FROM msdb.dbo.cdc_jobs c "
    "JOIN msdb.dbo.sysjobs j ON j.job_id = c.job_id JOIN msdb.dbo.sysjobactivity a ON a.job_id = j.job_id "
    "WHERE c.database_id = DB_ID() AND c.job_type = N'capture'"
)
_AGENT = "SELECT status FROM sys.dm_server_services WHERE servicename LIKE N'SQL Server Agent (%'"


def _agent(db: Driver, action: str) -> None:
    db.run(f"EXEC master.dbo.xp_servicecontrol N'{action}', N'SQLServerAgent'")


def test_a_job_that_is_stopped_and_started_shows_when(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    ((started, stopped),) = db.rows(_ACTIVITY)
    assert started is not None
    assert stopped is None
    db.run("WAITFOR DELAY '00:00:00.02'; EXEC sys.sp_cdc_stop_job 'capture'")
    ((still, stopped),) = db.rows(_ACTIVITY)
    assert still == started < stopped
    db.run("WAITFOR DELAY '00:00:00.02'; EXEC sys.sp_cdc_start_job 'capture'")
    ((again, stopped),) = db.rows(_ACTIVITY)
    assert again > started
    assert stopped is None


def test_the_agent_takes_its_jobs_with_it_and_refuses_orders_while_it_is_down(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    assert db.value(_AGENT) == 4
    _agent(db, "STOP")
    assert db.value(_AGENT) == 1
    assert db.rows(_ACTIVITY)[0][1] is not None
    assert db.error("EXEC sys.sp_cdc_start_job 'capture'").number == 22022
    _agent(db, "START")
    assert db.value(_AGENT) == 4
    assert db.rows(_ACTIVITY)[0][1] is None


@pytest.mark.parametrize("by", ["job", "agent"])
def test_nothing_is_captured_while_the_job_or_the_agent_is_stopped(by: str) -> None:
    engine = new_engine(capture_interval=0.02)
    db = Driver(engine)
    db.run("CREATE DATABASE Shop")
    db.run("USE Shop; EXEC sys.sp_cdc_enable_db; CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    stop, start = (
        (lambda: db.run("EXEC sys.sp_cdc_stop_job 'capture'"), lambda: db.run("EXEC sys.sp_cdc_start_job 'capture'"))
        if by == "job"
        else (lambda: _agent(db, "STOP"), lambda: _agent(db, "START"))
    )
    stop()
    time.sleep(0.1)
    db.run("INSERT a VALUES (1)")
    time.sleep(0.3)
    assert db.value("SELECT COUNT(*) FROM cdc.dbo_a_CT") == 0
    start()
    end = time.monotonic() + 10
    while db.value("SELECT COUNT(*) FROM cdc.dbo_a_CT") == 0:
        assert time.monotonic() < end
        time.sleep(0.02)
    engine.close()


def test_msdb_lets_every_login_in_but_shows_the_jobs_to_whom_they_were_granted(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    db.run("CREATE LOGIN reader WITH PASSWORD = 'r'; CREATE USER reader FOR LOGIN reader")
    reader = Driver(db.engine, "Shop", "reader", "r")
    tables = ("cdc_jobs", "sysjobs", "sysjobactivity", "syssessions")
    for table in tables:
        denied = reader.error(f"SELECT * FROM msdb.dbo.{table}")
        assert denied.number == 229
        assert f"'{table}', database 'msdb', schema 'dbo'" in denied.message
    admin = Driver(db.engine, "msdb", "sa", PASSWORD)
    admin.run("CREATE USER reader FOR LOGIN reader")
    for table in tables:
        admin.run(f"GRANT SELECT ON dbo.{table} TO reader")
        assert reader.rows(f"SELECT * FROM msdb.dbo.{table}")
    admin.run("DENY SELECT ON dbo.sysjobs TO reader")
    assert reader.error("SELECT * FROM msdb.dbo.sysjobs").number == 229
    assert admin.error("GRANT SELECT ON dbo.no_such_table TO reader").number == 15151


def test_administrators_alone_control_the_agent(db: Driver) -> None:
    db.run("CREATE LOGIN reader WITH PASSWORD = 'r'; CREATE USER reader FOR LOGIN reader")
    reader = Driver(db.engine, "Shop", "reader", "r")
    assert reader.error("EXEC master.dbo.xp_servicecontrol N'STOP', N'SQLServerAgent'").number == 229
    assert db.value(_AGENT) == 4
