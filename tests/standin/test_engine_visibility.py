"""What a login without administrator's rights may read, and what names it may see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cdc_driver import cdc_database, enable  # noqa: F401  (a fixture)
from engine_driver import PASSWORD, Driver

_NAMES = (
    "SELECT OBJECT_SCHEMA_NAME(source_object_id), OBJECT_NAME(source_object_id), OBJECT_NAME(object_id) "
    "FROM cdc.change_tables"
)


@pytest.fixture
def admin(db: Driver) -> Driver:
    db.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY)")
    enable(db, "Orders")
    db.run("INSERT INTO dbo.Orders VALUES (1)")
    db.scan()
    db.run(f"CREATE LOGIN reader WITH PASSWORD = '{PASSWORD}'; CREATE USER reader FOR LOGIN reader")
    return db


@pytest.fixture
def reader(admin: Driver) -> Iterator[Driver]:
    yield Driver(admin.engine, "Shop", "reader")


@pytest.mark.parametrize(
    ("grant", "name"),
    [
        ("", None),
        ("GRANT VIEW DEFINITION TO reader", "Orders"),
        ("GRANT VIEW DEFINITION ON SCHEMA::dbo TO reader", "Orders"),
        ("GRANT VIEW DEFINITION ON dbo.Orders TO reader", "Orders"),
        ("GRANT SELECT ON dbo.Orders TO reader", "Orders"),
        ("GRANT SELECT ON dbo.Orders TO public", "Orders"),
        ("ALTER ROLE db_datareader ADD MEMBER reader", "Orders"),
        ("CREATE ROLE people; ALTER ROLE people ADD MEMBER reader; GRANT INSERT ON dbo.Orders TO people", "Orders"),
        ("GRANT CONNECT TO reader", None),
        ("GRANT SELECT ON SCHEMA::dbo TO reader; DENY SELECT ON dbo.Orders TO reader", None),
    ],
)
def test_a_source_tables_name_shows_with_any_right_on_it_and_not_with_rights_on_schema_cdc(
    admin: Driver, reader: Driver, grant: str, name: str | None
) -> None:
    admin.run(f"GRANT SELECT ON SCHEMA::cdc TO reader; {grant}")
    assert reader.rows(_NAMES) == [(name and "dbo", name, "dbo_Orders_CT")]
    assert (reader.value("SELECT OBJECT_ID(N'dbo.Orders')") is None) == (name is None)
    assert reader.value("SELECT COUNT(*) FROM sys.tables WHERE name = N'Orders'") == (name is not None)


def test_one_change_table_can_be_denied_and_given_back(admin: Driver, reader: Driver) -> None:
    read = "SELECT id FROM cdc.dbo_Orders_CT"
    refused = reader.error(read)
    assert (refused.number, refused.severity, refused.state) == (229, 14, 5)
    assert refused.message == (
        "The SELECT permission was denied on the object 'dbo_Orders_CT', database 'Shop', schema 'cdc'."
    )
    admin.run("GRANT SELECT ON SCHEMA::cdc TO reader")
    assert reader.rows(read) == [(1,)]
    admin.run("DENY SELECT ON OBJECT::cdc.dbo_Orders_CT TO reader")
    assert reader.error(read).number == 229
    assert reader.rows("SELECT OBJECT_NAME(object_id) FROM cdc.change_tables") == [(None,)]
    assert reader.rows("SELECT capture_instance FROM cdc.change_tables") == [("dbo_Orders",)]
    admin.run("REVOKE SELECT ON OBJECT::cdc.dbo_Orders_CT FROM reader")
    assert reader.rows(read) == [(1,)]
    admin.run("REVOKE SELECT ON SCHEMA::cdc FROM reader; GRANT SELECT ON OBJECT::cdc.change_tables TO reader")
    assert reader.error(read).number == 229
    assert reader.rows("SELECT capture_instance FROM cdc.change_tables") == [("dbo_Orders",)]


def test_rights_through_a_role_and_at_the_database_count_and_a_deny_beats_them(admin: Driver, reader: Driver) -> None:
    read = "SELECT id FROM cdc.dbo_Orders_CT"
    admin.run("CREATE ROLE readers; GRANT SELECT TO readers; ALTER ROLE readers ADD MEMBER reader")
    assert reader.rows(read) == [(1,)]
    admin.run("DENY SELECT ON SCHEMA::cdc TO reader")
    assert reader.error(read).number == 229
    admin.run("REVOKE SELECT ON SCHEMA::cdc TO reader; ALTER ROLE readers DROP MEMBER reader")
    assert reader.error(read).number == 229
    admin.run("ALTER ROLE db_datareader ADD MEMBER reader")
    assert reader.rows(read) == [(1,)]
    admin.run("ALTER ROLE db_denydatareader ADD MEMBER reader")
    assert reader.error(read).number == 229


def test_a_gating_role_closes_the_functions_and_not_the_change_table(db: Driver) -> None:
    db.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY)")
    enable_gated = "EXEC sys.sp_cdc_enable_table N'dbo', N'Orders', @role_name = N'gate'"
    db.run(enable_gated)
    db.run("INSERT INTO dbo.Orders VALUES (1)")
    db.scan()
    db.run(f"CREATE LOGIN reader WITH PASSWORD = '{PASSWORD}'; CREATE USER reader FOR LOGIN reader")
    db.run("GRANT SELECT ON SCHEMA::cdc TO reader; GRANT SELECT ON dbo.Orders TO reader")
    reader = Driver(db.engine, "Shop", "reader")
    function = (
        "SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_Orders("
        "sys.fn_cdc_get_min_lsn(N'dbo_Orders'), sys.fn_cdc_get_max_lsn(), N'all')"
    )
    assert reader.rows("SELECT id FROM cdc.dbo_Orders_CT") == [(1,)]
    assert reader.error(function).number == 229
    assert reader.value("SELECT sys.fn_cdc_get_min_lsn(N'dbo_Orders')") == bytes(10)
    assert reader.rows("EXEC sys.sp_cdc_help_change_data_capture") == []
    db.run("ALTER ROLE gate ADD MEMBER reader")
    assert reader.rows(function) == [(1,)]
    assert len(reader.rows("EXEC sys.sp_cdc_help_change_data_capture")) == 1
