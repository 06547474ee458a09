"""What tests ask of the engine beyond T-SQL: hooks between statements, a replica that lags, failing scans, the clock."""

from __future__ import annotations

import pytest
from cdc_driver import cdc_database, enable  # noqa: F401  (a fixture)
from engine_driver import PASSWORD, Driver

from standin.model import Login

_HOUR = 3600 * 10_000_000


def _make_orders(db: Driver) -> None:
    db.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY)")
    enable(db, "Orders")
    db.run("INSERT INTO dbo.Orders VALUES (1)")
    db.scan()


def _reader(db: Driver, application: str = "cdc-to-s3") -> Driver:
    """A session of the program, as far as its application name goes."""
    reader = Driver.__new__(Driver)
    reader.engine = db.engine
    reader.session = db.engine.login(Login("sa", PASSWORD, "Shop", app_name=application))
    return reader


def _ids(reader: Driver) -> list[int]:
    """By the general path, and by the change reader's, which are served apart from each other."""
    general = [row[0] for row in reader.rows("SELECT id FROM cdc.dbo_Orders_CT ORDER BY id")]
    fast = reader.run(
        "SELECT ct.[id] FROM cdc.[dbo_Orders_CT] AS ct WHERE ct.[__$start_lsn] > 0x00000000000000000000 ORDER BY "
        "ct.[__$start_lsn], ct.[__$command_id], ct.[__$seqval], ct.[__$operation]"
    )
    assert fast.wire_rows == len(general)
    return general


def test_a_hook_runs_after_the_statement_that_it_waits_for_and_before_the_next_one(db: Driver) -> None:
    db.run("CREATE TABLE dbo.T (id int)")
    hook = db.engine.hooks.add({"match": "first", "sql": ["INSERT INTO dbo.T VALUES (7)"], "database": "Shop"})
    result = db.run("SELECT COUNT(*) AS first FROM dbo.T; SELECT COUNT(*) AS second FROM dbo.T")
    assert result.sets == [[(0,)], [(1,)]]
    assert (hook.fired, hook.errors) == (1, [])
    db.run("SELECT 1 AS first")
    assert hook.fired == 1


def test_a_hook_can_come_before_and_let_some_pass(db: Driver) -> None:
    db.run("CREATE TABLE dbo.T (id int)")
    fields = {"match": "FROM dbo.t", "sql": ["INSERT INTO dbo.T VALUES (7)"], "database": "Shop"}
    hook = db.engine.hooks.add({**fields, "when": "before", "skip": 1, "times": 2})
    assert [db.value("SELECT COUNT(*) FROM dbo.T") for _ in range(4)] == [0, 1, 2, 2]
    assert hook.fired == 2


def test_what_a_hook_meets_is_kept_and_does_not_touch_the_statement(db: Driver) -> None:
    hook = db.engine.hooks.add({"match": "select 1", "sql": ["SELECT 1/0", "SELECT * FROM nowhere"]})
    assert db.value("SELECT 1") == 1
    assert ["8134" in hook.errors[0], "208" in hook.errors[1]] == [True, True]


@pytest.mark.parametrize("fields", [{"when": "during"}, {"sql": "SELECT 1"}, {"match": ""}, {"matches": "x"}])
def test_a_hook_that_makes_no_sense_is_refused(db: Driver, fields: dict) -> None:
    with pytest.raises((TypeError, ValueError)):
        db.engine.hooks.add({"match": "x", "sql": ["SELECT 1"], **fields})


def test_a_replica_shows_the_database_as_it_was_until_it_catches_up(db: Driver) -> None:
    _make_orders(db)
    db.engine.replica.route([True, False])
    old, new, other = _reader(db), _reader(db), _reader(db, "another program")
    db.run("INSERT INTO dbo.Orders VALUES (2)")
    db.scan()
    mark = "SELECT MAX(start_lsn) FROM cdc.lsn_time_mapping"
    db.run(f"DECLARE @m binary(10) = ({mark}); EXEC sys.sp_cdc_cleanup_change_table N'dbo_Orders', @m")
    assert [_ids(reader) for reader in (old, new, other)] == [[1], [2], [2]]
    assert old.value(mark) < new.value(mark)
    low = "SELECT start_lsn FROM cdc.change_tables"
    assert old.value(low) < new.value(low)
    db.engine.replica.catch_up()
    assert _ids(old) == [2]
    assert old.value(low) == new.value(low)


def test_a_replica_takes_no_writes(db: Driver) -> None:
    _make_orders(db)
    db.engine.replica.route([True])
    reader = _reader(db)
    assert reader.error("INSERT INTO dbo.Orders VALUES (9)").number == 3906
    assert reader.error("EXEC sys.sp_cdc_cleanup_change_table N'dbo_Orders', NULL; SELECT 1").number == 3906
    assert _ids(reader) == [1]


def test_a_scan_that_fails_leaves_nothing_and_the_next_one_does_it_all(db: Driver) -> None:
    _make_orders(db)
    db.run("INSERT INTO dbo.Orders VALUES (2)")
    db.run("INSERT INTO dbo.Orders VALUES (3)")
    db.engine.capture.fail_scans(1)
    assert db.error("EXEC sys.sp_cdc_scan").number == 22859
    assert _ids(db) == [1]
    assert db.rows("SELECT error_number FROM sys.dm_cdc_errors") == [(22859,)]
    db.scan()
    assert _ids(db) == [1, 2, 3]


def test_an_idle_databases_dummy_rows_follow_the_servers_clock(db: Driver) -> None:
    _make_orders(db)
    count = "SELECT COUNT(*) FROM cdc.lsn_time_mapping WHERE tran_id = 0x00"
    db.scan()
    assert db.value(count) == 0
    for hours in range(1, 3):
        db.engine.time.advance(_HOUR)
        db.scan()
        db.scan()
        assert db.value(count) == hours
    assert db.value("SELECT DATEDIFF(hour, MIN(tran_end_time), MAX(tran_end_time)) FROM cdc.lsn_time_mapping") == 2
