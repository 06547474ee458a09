"""What stays the same object when its name changes, what is another one under a known name, and which history a
database has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cdc_driver import cdc_database, changes, enable  # noqa: F401  (a fixture)
from engine_driver import PASSWORD, Driver

_NAMES = (
    "SELECT capture_instance, OBJECT_SCHEMA_NAME(source_object_id), OBJECT_NAME(source_object_id), source_object_id "
    "FROM cdc.change_tables ORDER BY capture_instance"
)
_RECOVERY = (
    "SELECT database_guid, family_guid, recovery_fork_guid, first_recovery_fork_guid, fork_point_lsn "
    "FROM sys.database_recovery_status WHERE database_id = DB_ID(N'Shop')"
)
_BROKER = "SELECT service_broker_guid FROM sys.databases WHERE name = N'Shop'"
_ALONE = "ALTER DATABASE Shop SET SINGLE_USER WITH ROLLBACK IMMEDIATE; "


@pytest.fixture
def orders(db: Driver) -> Driver:
    db.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, name nvarchar(20), note nvarchar(20))")
    enable(db, "Orders", captured_column_list="N'id, name'")
    db.run("INSERT INTO dbo.Orders VALUES (1, N'a', N'x')")
    db.scan()
    return db


@pytest.fixture
def reader(orders: Driver) -> Iterator[Driver]:
    orders.run(f"CREATE LOGIN reader WITH PASSWORD = '{PASSWORD}'; CREATE USER reader FOR LOGIN reader")
    orders.run("GRANT SELECT ON SCHEMA::cdc TO reader")
    yield Driver(orders.engine, "Shop", "reader")


def _object_id(db: Driver, name: str) -> int | None:
    return db.value(f"SELECT OBJECT_ID(N'{name}')")


# Names


def test_a_renamed_captured_table_is_captured_on_under_its_instances_name(orders: Driver) -> None:
    number = _object_id(orders, "dbo.Orders")
    said = orders.run("EXEC sp_rename 'dbo.Orders', 'Orders_old'")
    assert [info.number for info in said.infos] == [15477]
    assert _object_id(orders, "dbo.Orders") is None and _object_id(orders, "dbo.Orders_old") == number
    assert orders.rows(_NAMES) == [("dbo_Orders", "dbo", "Orders_old", number)]
    orders.run("INSERT INTO dbo.Orders_old VALUES (2, N'b', N'y')")
    orders.scan()
    assert changes(orders, "id, name", "dbo_Orders") == [(2, 1, "a"), (2, 2, "b")]
    assert orders.error("SELECT * FROM dbo.Orders").number == 208
    helped = orders.rows("EXEC sys.sp_cdc_help_change_data_capture N'dbo', N'Orders_old'")
    assert [row[1:3] for row in helped] == [("Orders_old", "dbo_Orders")]


def test_a_name_that_is_taken_is_refused_and_a_rename_can_be_rolled_back(orders: Driver) -> None:
    orders.run("CREATE TABLE dbo.Stage (id int)")
    assert orders.error("EXEC sp_rename 'dbo.Stage', 'Orders'").number == 15335
    assert orders.error("EXEC sp_rename 'dbo.Orders.note', 'name', 'COLUMN'").number == 15335
    assert orders.error("EXEC sp_rename 'dbo.Nothing', 'Something'").number == 15225
    orders.run("BEGIN TRANSACTION; EXEC sp_rename 'dbo.Orders', 'Later'; ROLLBACK")
    assert [row[2] for row in orders.rows(_NAMES)] == ["Orders"]
    assert orders.value("SELECT COUNT(*) FROM dbo.Orders") == 1


def test_a_table_that_is_swapped_in_under_a_known_name_is_another_object(orders: Driver) -> None:
    orders.run("CREATE TABLE dbo.Orders_stage (id int NOT NULL PRIMARY KEY, name nvarchar(20))")
    old, new = _object_id(orders, "dbo.Orders"), _object_id(orders, "dbo.Orders_stage")
    orders.run("EXEC sp_rename 'dbo.Orders', 'Orders_old'; EXEC sp_rename 'dbo.Orders_stage', 'Orders'")
    assert orders.error("EXEC sys.sp_cdc_enable_table N'dbo', N'Orders', @role_name = NULL").number == 22926
    enable(orders, "Orders", capture_instance="N'dbo_Orders_v2'")
    orders.run("INSERT INTO dbo.Orders VALUES (101, N'new'); INSERT INTO dbo.Orders_old VALUES (2, N'b', N'y')")
    orders.scan()
    assert orders.rows(_NAMES) == [
        ("dbo_Orders", "dbo", "Orders_old", old),
        ("dbo_Orders_v2", "dbo", "Orders", new),
    ]
    assert changes(orders, "id", "dbo_Orders_v2") == [(2, 101)]
    assert changes(orders, "id", "dbo_Orders") == [(2, 1), (2, 2)]
    orders.run("DROP TABLE dbo.Orders_old")
    assert [row[0] for row in orders.rows(_NAMES)] == ["dbo_Orders_v2"]
    assert orders.error("SELECT * FROM cdc.dbo_Orders_CT").number == 208


def test_a_table_made_anew_under_its_name_has_another_object_id_and_no_instance(orders: Driver) -> None:
    before = _object_id(orders, "dbo.Orders")
    orders.run("DROP TABLE dbo.Orders; CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY)")
    assert _object_id(orders, "dbo.Orders") not in (None, before)
    assert orders.rows(_NAMES) == []
    enable(orders, "Orders")
    orders.run("INSERT INTO dbo.Orders VALUES (7)")
    orders.scan()
    assert changes(orders, "id", "dbo_Orders") == [(2, 7)]


def test_a_renamed_table_is_turned_off_and_on_again_under_its_new_name(orders: Driver) -> None:
    number = _object_id(orders, "dbo.Orders")
    orders.run("EXEC sp_rename 'dbo.Orders', 'Buyings'")
    assert orders.error("EXEC sys.sp_cdc_disable_table N'dbo', N'Orders', N'dbo_Orders'").number == 22985
    orders.run("EXEC sys.sp_cdc_disable_table N'dbo', N'Buyings', N'dbo_Orders'")
    enable(orders, "Buyings")
    orders.run("INSERT INTO dbo.Buyings VALUES (2, N'b', N'y')")
    orders.scan()
    assert orders.rows(_NAMES) == [("dbo_Buyings", "dbo", "Buyings", number)]
    assert changes(orders, "id, name, note", "dbo_Buyings") == [(2, 2, "b", "y")]


def test_a_captured_column_keeps_its_name_and_one_that_no_instance_captures_may_change_it(orders: Driver) -> None:
    rename = "EXEC sp_rename 'dbo.Orders.{}', '{}', 'COLUMN'"
    assert orders.error(rename.format("name", "called")).number == 4928
    orders.run(rename.format("note", "remark"))
    enable(orders, "Orders", capture_instance="N'second'", captured_column_list="N'id, remark'")
    assert orders.error(rename.format("remark", "note")).number == 4928
    orders.run("UPDATE dbo.Orders SET remark = N'z', name = N'n'")
    orders.scan()
    assert changes(orders, "id, remark", "second") == [(3, 1, "x"), (4, 1, "z")]
    ids = "SELECT column_name, column_id FROM cdc.captured_columns ORDER BY column_id, column_name"
    assert orders.rows(ids) == [("id", 1), ("id", 1), ("name", 2), ("remark", 3)]
    replicated = "SELECT name, is_replicated FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.Orders')"
    assert orders.rows(replicated) == [("id", 1), ("name", 1), ("remark", 1)]
    orders.run("EXEC sys.sp_cdc_disable_table N'dbo', N'Orders', N'second'")
    orders.run(rename.format("remark", "note"))
    assert orders.value("SELECT note FROM dbo.Orders") == "z"


def test_keys_follow_a_columns_new_name_and_what_computes_with_it_keeps_it(db: Driver) -> None:
    db.run("CREATE TABLE dbo.a (id int PRIMARY KEY, n int CHECK (n > 0), m AS n + 1)")
    db.run("EXEC sp_rename 'dbo.a.id', 'number', 'COLUMN'")
    assert db.error("EXEC sp_rename 'dbo.a.n', 'k', 'COLUMN'").number == 15336
    enable(db, "a", supports_net_changes="1")
    db.run("INSERT INTO dbo.a (number, n) VALUES (1, 2); UPDATE dbo.a SET number = 5")
    db.scan()
    assert changes(db, "number, n", "dbo_a") == [(2, 1, 2), (1, 1, 2), (2, 5, 2)]
    assert db.rows("SELECT column_name FROM cdc.index_columns") == [("number",)]


def test_a_captured_table_moves_to_another_schema_and_loses_the_rights_on_itself(
    orders: Driver, reader: Driver
) -> None:
    orders.run("CREATE SCHEMA Sales")
    orders.run("GRANT SELECT ON dbo.Orders TO reader")
    assert [row[1:3] for row in reader.rows(_NAMES)] == [("dbo", "Orders")]
    orders.run("ALTER SCHEMA Sales TRANSFER OBJECT::dbo.Orders")
    orders.run("INSERT INTO Sales.Orders VALUES (2, N'b', N'y')")
    orders.scan()
    assert [row[1:3] for row in orders.rows(_NAMES)] == [("Sales", "Orders")]
    assert [row[1:3] for row in reader.rows(_NAMES)] == [(None, None)]
    assert changes(orders, "id", "dbo_Orders") == [(2, 1), (2, 2)]
    orders.run("CREATE TABLE dbo.Orders (id int)")
    assert orders.error("ALTER SCHEMA dbo TRANSFER Sales.Orders").number == 15530
    assert orders.error("ALTER SCHEMA nowhere TRANSFER Sales.Orders").number == 15151
    assert orders.error("ALTER SCHEMA dbo TRANSFER Sales.Nothing").number == 15151


def test_names_come_and_go_with_the_right_to_see_them(orders: Driver, reader: Driver) -> None:
    seen = []
    for act in ("GRANT VIEW DEFINITION", "DENY VIEW DEFINITION", "REVOKE VIEW DEFINITION"):
        orders.run(f"{act} ON dbo.Orders TO reader")
        seen.append(reader.rows(_NAMES)[0][1:3])
    assert seen == [("dbo", "Orders"), (None, None), (None, None)]
    orders.run("GRANT SELECT ON SCHEMA::dbo TO reader")
    assert reader.rows(_NAMES)[0][1:3] == ("dbo", "Orders")


# A database's history


def test_a_new_broker_changes_the_brokers_guid_and_nothing_else(orders: Driver) -> None:
    broker, recovery, rows = orders.value(_BROKER), orders.rows(_RECOVERY), changes(orders, "id", "dbo_Orders")
    other = Driver(orders.engine, "Shop")
    assert orders.error("ALTER DATABASE Shop SET NEW_BROKER WITH NO_WAIT").number == 5070
    orders.run("ALTER DATABASE Shop SET NEW_BROKER WITH ROLLBACK IMMEDIATE")
    assert other.error("SELECT 1").number == 596
    assert orders.value(_BROKER) != broker
    assert orders.rows(_RECOVERY) == recovery and changes(orders, "id", "dbo_Orders") == rows
    assert orders.value("SELECT is_broker_enabled FROM sys.databases WHERE name = N'Shop'") == 1


def test_a_restore_begins_a_fork_within_the_family(orders: Driver) -> None:
    database, family, fork, first, point = orders.rows(_RECOVERY)[0]
    assert len({database, family, fork}) == 3 and first == fork and point is None
    orders.run("BACKUP DATABASE Shop TO DISK = N'shop.bak'")
    orders.run("ALTER DATABASE CURRENT SET NEW_BROKER")
    master = Driver(orders.engine)
    forks = [fork]
    for _ in range(2):
        master.run(_ALONE + "RESTORE DATABASE Shop FROM DISK = N'shop.bak'")
        now = master.rows(_RECOVERY)[0]
        assert now[:2] == (database, family) and now[3] == fork and now[4] > 10**15
        forks.append(now[2])
    assert len(set(forks)) == 3
    master.run(_ALONE + "DROP DATABASE Shop; RESTORE DATABASE Shop FROM DISK = N'shop.bak' WITH NORECOVERY")
    assert master.rows(_RECOVERY) == [(None,) * 5]
    master.run("RESTORE DATABASE Shop WITH RECOVERY")
    anew = master.rows(_RECOVERY)[0]
    assert anew[0] != database and anew[1] == family and anew[2] not in forks
    master.run("DROP DATABASE Shop; CREATE DATABASE Shop")
    assert master.rows(_RECOVERY)[0][1] != family


@pytest.mark.parametrize(
    ("act", "seen"),
    [
        ("", True),
        ("DENY VIEW ANY DATABASE TO reader", False),
        ("REVOKE VIEW ANY DATABASE FROM public", False),
        ("DENY VIEW ANY DATABASE TO public; GRANT ALTER ANY DATABASE TO reader", True),
        ("REVOKE VIEW ANY DATABASE FROM public; GRANT VIEW ANY DATABASE TO reader", True),
    ],
)
def test_a_databases_history_shows_to_who_may_see_every_database(
    orders: Driver, reader: Driver, act: str, seen: bool
) -> None:
    Driver(orders.engine).run(act or "SELECT 1")
    assert (len(reader.rows(_RECOVERY)) == 1) == seen
    assert len(reader.rows(_BROKER)) == 1
    assert len(orders.rows(_RECOVERY)) == 1


def test_rights_at_the_server_are_given_in_master_to_logins(orders: Driver, reader: Driver) -> None:
    state = "SELECT COUNT(*) FROM sys.dm_server_services"
    assert orders.error("GRANT VIEW SERVER STATE TO reader").number == 4621
    assert reader.error(state).number == 300
    master = Driver(orders.engine)
    assert master.error("GRANT VIEW SERVER STATE TO nobody").number == 15151
    master.run("GRANT VIEW SERVER STATE TO reader")
    assert reader.value(state) == 2
    master.run("DENY VIEW SERVER STATE TO reader")
    assert reader.error(state).number == 300
