"""What each version and edition tells of itself, and what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from cdc_driver import changes
from engine_driver import PASSWORD, Driver, new_engine

_PROPERTIES = (
    "SELECT CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')), SERVERPROPERTY('ProductMajorVersion'), "
    "CONVERT(int, SERVERPROPERTY('EngineEdition'))"
)
_LOCAL = "SELECT CONVERT(nvarchar(40), CAST('2024-01-01' AS datetime2(0)) AT TIME ZONE {}, 121)"
_ADDED = "SELECT STRING_AGG(name, ',') FROM sys.schemas WHERE name = N'dbo'"


@pytest.fixture(name="server")
def make_server() -> Iterator[Callable[..., Driver]]:
    """A session in database Shop, with CDC on for a table with one row, of a server of some kind."""
    engines = []

    def make(version: str = "2022", edition: str = "developer") -> Driver:
        engine = new_engine(version=version, edition=edition)
        engines.append(engine)
        Driver(engine).run("CREATE DATABASE Shop")
        driver = Driver(engine, "Shop")
        driver.run("EXEC sys.sp_cdc_enable_db; CREATE TABLE dbo.a (id int NOT NULL PRIMARY KEY)")
        driver.run("EXEC sys.sp_cdc_enable_table N'dbo', N'a', @role_name = NULL; INSERT INTO dbo.a VALUES (1)")
        driver.scan()
        return driver

    yield make
    for engine in engines:
        engine.close()


@pytest.mark.parametrize(
    ("version", "edition", "told"),
    [
        ("2012", "developer", ("11.0.2100.60", None, 3)),
        ("2014", "developer", ("12.0.6024.0", "12", 3)),
        ("2016", "developer", ("13.0.6300.2", "13", 3)),
        ("2019", "developer", ("15.0.2000.5", "15", 3)),
        ("2025", "developer", ("17.0.1000.7", "17", 3)),
        ("2022", "azure", ("12.0.2000.8", "12", 5)),
        ("2022", "managed", ("12.0.2000.8", "12", 8)),
    ],
)
def test_a_server_tells_its_version_and_captures(
    server: Callable[..., Driver], version: str, edition: str, told: tuple[object, ...]
) -> None:
    db = server(version, edition)
    assert db.rows(_PROPERTIES) == [told]
    assert told[0] in db.value("SELECT @@VERSION")
    order = "[__$start_lsn]" if version == "2012" else "[__$start_lsn], [__$command_id]"
    assert db.rows(f"SELECT [__$operation], id FROM cdc.dbo_a_CT ORDER BY {order}") == [(2, 1)]


def test_an_unknown_version_or_edition_is_refused() -> None:
    for wrong in ({"version": "2008"}, {"edition": "express"}):
        with pytest.raises(ValueError, match="version is one of 2012"):
            new_engine(**wrong)


@pytest.mark.parametrize(
    ("version", "zone", "own_zone", "aggregate"),
    [("2012", 102, 102, 195), ("2014", 102, 102, 195), ("2016", 0, 195, 195), ("2019", 0, 195, 0), ("2022", 0, 0, 0)],
)
def test_what_came_later_is_refused_by_its_number(
    server: Callable[..., Driver], version: str, zone: int, own_zone: int, aggregate: int
) -> None:
    db = server(version)
    queries = [_LOCAL.format("N'UTC'"), _LOCAL.format("CURRENT_TIMEZONE_ID()"), _ADDED]
    for query, number in zip(queries, (zone, own_zone, aggregate), strict=True):
        assert number == (db.error(query).number if number else len(db.rows(query)) - 1)


def test_the_first_2012_has_no_command_ids(server: Callable[..., Driver]) -> None:
    db = server("2012")
    assert db.error("SELECT [__$command_id] FROM cdc.dbo_a_CT").number == 207
    assert changes(server("2014"), "id", "dbo_a") == [(2, 1)]


def test_rights_of_2022_are_not_known_before(server: Callable[..., Driver]) -> None:
    db = server("2019")
    db.run(f"CREATE LOGIN reader WITH PASSWORD = '{PASSWORD}'; CREATE USER reader FOR LOGIN reader")
    assert db.error("GRANT VIEW DATABASE PERFORMANCE STATE TO reader").number == 102
    db.run("GRANT VIEW DATABASE STATE TO reader")
    assert Driver(db.engine, "Shop", "reader").value("SELECT COUNT(*) FROM sys.dm_cdc_log_scan_sessions") > 0


def test_azure_sql_database_knows_no_other_database_and_has_its_jobs_in_its_own(server: Callable[..., Driver]) -> None:
    db = server(edition="azure")
    assert db.error("SELECT * FROM msdb.dbo.cdc_jobs").number == 40515
    assert db.error("USE master").number == 40508
    assert db.error("SELECT * FROM sys.database_recovery_status").number == 208
    assert db.rows("SELECT job_type, pollinginterval, retention FROM cdc.cdc_jobs") == [
        ("capture", 0, 0),
        ("cleanup", 0, 4320),
    ]
    assert sorted(name for (name,) in db.rows("SELECT name FROM sys.databases")) == ["Shop", "master"]
    assert db.value(_LOCAL.format("CURRENT_TIMEZONE_ID()")) == "2024-01-01 00:00:00 +00:00"
    db.run(f"CREATE LOGIN reader WITH PASSWORD = '{PASSWORD}'; CREATE USER reader FOR LOGIN reader")
    reader = Driver(db.engine, "Shop", "reader")
    assert reader.error("SELECT * FROM cdc.cdc_jobs").number == 229
    db.run("GRANT SELECT ON SCHEMA::cdc TO reader")
    assert len(reader.rows("SELECT * FROM cdc.cdc_jobs")) == 2


def test_managed_instance_has_the_agents_tables_and_lists_no_services(server: Callable[..., Driver]) -> None:
    db = server(edition="managed")
    assert db.value("SELECT COUNT(*) FROM msdb.dbo.cdc_jobs WHERE database_id = DB_ID()") == 2
    assert db.error("SELECT * FROM sys.dm_server_services").number == 208
    assert db.error("SELECT * FROM cdc.cdc_jobs").number == 208
    assert db.value("SELECT COUNT(*) FROM sys.database_recovery_status WHERE database_id = DB_ID()") == 1


def test_msdb_can_be_closed_to_guests(server: Callable[..., Driver]) -> None:
    db = server()
    db.run(f"CREATE LOGIN reader WITH PASSWORD = '{PASSWORD}'; CREATE USER reader FOR LOGIN reader")
    reader, jobs = Driver(db.engine, "Shop", "reader"), "SELECT * FROM msdb.dbo.cdc_jobs"
    table = "SELECT OBJECT_ID(N'msdb.dbo.cdc_jobs', N'U')"
    assert reader.error(jobs).number == 229 and reader.value(table) is None
    Driver(db.engine, "msdb").run("REVOKE CONNECT FROM guest")
    assert reader.error(jobs).number == 916
    assert db.value(table) is not None
