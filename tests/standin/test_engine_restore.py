"""BACKUP and RESTORE with what they do to CDC, and databases that cannot be used now."""

from __future__ import annotations

import pytest
from cdc_driver import cdc_database, enable  # noqa: F401  (a fixture)
from engine_driver import PASSWORD, Driver

from standin.model import SqlError

_CHANGES = "SELECT [__$start_lsn], [__$seqval], id FROM cdc.dbo_Orders_CT ORDER BY [__$start_lsn]"
_MAPPING = "SELECT start_lsn, tran_end_time FROM cdc.lsn_time_mapping ORDER BY start_lsn"
_EXCLUSIVE = "ALTER DATABASE Shop SET SINGLE_USER WITH ROLLBACK IMMEDIATE; "


def _insert(db: Driver, *ids: int) -> None:
    for number in ids:
        db.run(f"INSERT INTO dbo.Orders VALUES ({number})")
    db.scan()


@pytest.fixture
def orders(db: Driver) -> Driver:
    db.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, n int NULL)")
    db.run("ALTER TABLE dbo.Orders DROP COLUMN n; CREATE INDEX by_id ON dbo.Orders (id DESC)")
    enable(db, "Orders")
    _insert(db, 1, 2)
    return db


def _restore(db: Driver, words: str = "WITH REPLACE") -> Driver:
    """In a session of its own; gives one in the restored database."""
    master = Driver(db.engine)
    master.run(f"{_EXCLUSIVE} RESTORE DATABASE Shop FROM DISK = N'shop.bak' {words}")
    return Driver(db.engine, "Shop")


def test_a_restored_database_has_its_rows_and_goes_on_with_lsns_that_were_given_out_before(orders: Driver) -> None:
    orders.run("BACKUP DATABASE Shop TO DISK = N'shop.bak' WITH INIT, COPY_ONLY")
    kept, guid = (
        orders.rows(_CHANGES),
        orders.value("SELECT service_broker_guid FROM sys.databases WHERE name = 'Shop'"),
    )
    _insert(orders, 3, 4)
    lost = orders.rows(_CHANGES)[len(kept) :]
    orders.engine.time.advance(10_000_000)
    restored = _restore(orders)
    assert restored.rows(_CHANGES) == kept
    assert restored.value("SELECT service_broker_guid FROM sys.databases WHERE name = 'Shop'") == guid
    _insert(restored, 13, 14)
    again = restored.rows(_CHANGES)[len(kept) :]
    assert [row[:2] for row in again] == [row[:2] for row in lost]
    assert [row[2] for row in again] == [13, 14]
    assert restored.error("INSERT INTO dbo.Orders VALUES (1)").number == 2627


def test_a_database_can_be_restored_again_and_again(orders: Driver) -> None:
    orders.run("BACKUP DATABASE Shop TO DISK = N'shop.bak'")
    histories = []
    session = orders
    for fork in range(3):
        session = _restore(session)
        _insert(session, 10 + fork, 20 + fork)
        histories.append([row[0] for row in session.rows(_MAPPING)])
        assert [row[2] for row in session.rows(_CHANGES)] == [1, 2, 10 + fork, 20 + fork]
    assert histories[0] == histories[1] == histories[2]
    session.run("BACKUP DATABASE Shop TO DISK = N'later.bak'")
    _insert(session, 30)
    session = _restore(session)
    _insert(session, 40)
    assert [row[2] for row in session.rows(_CHANGES)] == [1, 2, 40]


def test_a_commit_that_was_not_captured_at_the_backup_is_captured_after_the_restore(orders: Driver) -> None:
    orders.run("INSERT INTO dbo.Orders VALUES (3)")
    orders.run("BACKUP DATABASE Shop TO DISK = N'shop.bak'")
    orders.scan()
    expected = orders.rows(_CHANGES)
    restored = _restore(orders)
    assert len(restored.rows(_CHANGES)) == 2
    restored.scan()
    assert restored.rows(_CHANGES) == expected


def test_cdc_is_lost_by_a_restore_under_another_name_unless_it_is_kept(orders: Driver) -> None:
    orders.run("BACKUP DATABASE Shop TO DISK = N'shop.bak'")
    master = Driver(orders.engine)
    assert master.error("RESTORE DATABASE Copy FROM DISK = N'shop.bak'").number == 40000
    master.run(f"{_EXCLUSIVE} DROP DATABASE Shop; RESTORE DATABASE Copy FROM DISK = N'shop.bak'")
    flags = "SELECT is_cdc_enabled FROM sys.databases WHERE name = 'Copy'"
    assert master.value(flags) == 0
    assert Driver(master.engine, "Copy").error(_CHANGES).number == 208
    assert Driver(master.engine, "Copy").value("SELECT COUNT(*) FROM dbo.Orders") == 2
    master.run("ALTER DATABASE Copy SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
    master.run("RESTORE DATABASE Copy FROM DISK = N'shop.bak' WITH REPLACE, KEEP_CDC")
    assert master.value(flags) == 1
    assert len(Driver(master.engine, "Copy").rows(_CHANGES)) == 2


def test_a_restore_needs_the_database_for_itself(orders: Driver) -> None:
    orders.run("BACKUP DATABASE Shop TO DISK = N'shop.bak'")
    master = Driver(orders.engine)
    restore = "RESTORE DATABASE Shop FROM DISK = N'shop.bak'"
    assert [master.error(restore).number, orders.error(restore).number] == [3101, 3102]
    master.run(_EXCLUSIVE + restore)
    killed = orders.error("SELECT 1")
    assert (killed.number, killed.severity) == (596, 21)


def test_what_cannot_be_copied_is_refused(orders: Driver) -> None:
    other = Driver(orders.engine, "Shop")
    other.run("BEGIN TRANSACTION; INSERT INTO dbo.Orders VALUES (9)")
    assert "open" in orders.error("BACKUP DATABASE Shop TO DISK = N'shop.bak'").message
    assert orders.error("RESTORE DATABASE Shop FROM DISK = N'none.bak'").number == 3201


@pytest.mark.parametrize(
    ("make", "unmake", "number"),
    [
        ("ALTER DATABASE Shop SET OFFLINE WITH ROLLBACK IMMEDIATE", "ALTER DATABASE Shop SET ONLINE", 942),
        (
            _EXCLUSIVE + "RESTORE DATABASE Shop FROM DISK = N'shop.bak' WITH NORECOVERY",
            "RESTORE DATABASE Shop WITH RECOVERY",
            927,
        ),
    ],
)
def test_a_database_that_is_not_there_for_now_says_why(orders: Driver, make: str, unmake: str, number: int) -> None:
    orders.run("BACKUP DATABASE Shop TO DISK = N'shop.bak'")
    master = Driver(orders.engine)
    master.run(make)
    assert master.error("USE Shop").number == number
    with pytest.raises(SqlError) as login:
        Driver(orders.engine, "Shop")
    assert login.value.number == 4060
    master.run(unmake)
    assert Driver(orders.engine, "Shop").value("SELECT COUNT(*) FROM dbo.Orders") == 2


def test_a_single_user_database_takes_one_session(orders: Driver) -> None:
    alone = Driver(orders.engine, "Shop")
    assert alone.error("ALTER DATABASE Shop SET SINGLE_USER").number == 5070
    alone.run(_EXCLUSIVE)
    assert Driver(orders.engine).error("USE Shop").number == 924
    assert alone.value("SELECT COUNT(*) FROM dbo.Orders") == 2
    alone.run("ALTER DATABASE Shop SET MULTI_USER")
    assert Driver(orders.engine, "Shop").value("SELECT COUNT(*) FROM dbo.Orders") == 2


@pytest.mark.parametrize("number", [976, 978, 983])
def test_a_replica_that_does_not_serve_says_so_to_logins_and_statements(orders: Driver, number: int) -> None:
    answer = orders.engine.operations()["replica_error"]
    answer({"database": "Shop", "number": number})
    with pytest.raises(SqlError) as login:
        Driver(orders.engine, "Shop", password=PASSWORD)
    assert login.value.number == orders.error("SELECT 1").number == number
    assert Driver(orders.engine).error("USE Shop").number == number
    answer({"database": "Shop", "number": 0})
    assert orders.value("SELECT 1") == 1


def test_the_log_goes_on_while_cdc_is_off_so_that_a_hole_in_lsns_shows_it(orders: Driver) -> None:
    last = orders.value("SELECT MAX(start_lsn) FROM cdc.lsn_time_mapping")
    orders.run("EXEC sys.sp_cdc_disable_db")
    orders.run("INSERT INTO dbo.Orders VALUES (3)")
    orders.run("EXEC sys.sp_cdc_enable_db")
    enable(orders, "Orders")
    orders.scan()
    low = orders.value("SELECT start_lsn FROM cdc.change_tables")
    assert int.from_bytes(low, "big") > int.from_bytes(last, "big") + 1
