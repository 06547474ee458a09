"""Capture instances, the functions and procedures around them, cleanup, and DDL on captured tables."""

from __future__ import annotations

import pytest
from cdc_driver import ORDER, cdc_database, changes, enable  # noqa: F401 (a fixture)
from engine_driver import Driver, new_engine

from standin.model import SqlError


def test_the_start_lsn_becomes_known_when_the_capture_process_has_seen_the_instance(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    assert db.value("SELECT start_lsn FROM cdc.change_tables") is None
    assert db.value("SELECT sys.fn_cdc_get_min_lsn('dbo_a')") is None
    db.scan()
    start = db.value("SELECT start_lsn FROM cdc.change_tables")
    assert start == db.value("SELECT sys.fn_cdc_get_min_lsn('dbo_a')") == db.value("SELECT sys.fn_cdc_get_max_lsn()")
    assert db.value("SELECT sys.fn_cdc_get_min_lsn('nope')") == b"\0" * 10


def test_a_second_instance_sees_what_comes_after_it_and_a_third_is_refused(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    db.run("INSERT a VALUES (1); ALTER TABLE a ADD n int")
    enable(db, "a", capture_instance="N'a2'")
    db.run("INSERT a VALUES (2, 20)")
    db.scan()
    assert changes(db, "id", "dbo_a") == [(2, 1), (2, 2)]
    assert changes(db, "id, n", "a2") == [(2, 2, 20)]
    assert db.error("EXEC sys.sp_cdc_enable_table 'dbo', 'a', 'a3', @role_name = NULL").number == 22962
    db.run("EXEC sys.sp_cdc_disable_table 'dbo', 'a', 'dbo_a'")
    assert db.error("SELECT * FROM cdc.dbo_a_CT").number == 208
    db.run("INSERT a VALUES (3, 30)")
    db.scan()
    assert changes(db, "id, n", "a2") == [(2, 2, 20), (2, 3, 30)]


def test_net_changes_need_a_key_and_give_one_row_a_key(db: Driver) -> None:
    db.run("CREATE TABLE heap (id int); CREATE TABLE a (id int PRIMARY KEY, n int)")
    assert (
        db.error("EXEC sys.sp_cdc_enable_table 'dbo', 'heap', @role_name = NULL, @supports_net_changes = 1").number
        == 22939
    )
    enable(db, "a")
    db.run("INSERT a VALUES (1, 1), (2, 2), (3, 3); UPDATE a SET n = 9 WHERE id = 1; DELETE a WHERE id = 2")
    db.scan()
    net = (
        "DECLARE @f binary(10) = sys.fn_cdc_get_min_lsn('dbo_a'), @t binary(10) = sys.fn_cdc_get_max_lsn(); "
        "SELECT [__$operation], id, n FROM cdc.fn_cdc_get_net_changes_dbo_a(@f, @t, N'{}') ORDER BY id"
    )
    assert db.rows(net.format("all")) == [(2, 1, 9), (2, 3, 3)]
    assert db.rows(net.format("all with merge")) == [(5, 1, 9), (5, 3, 3)]


@pytest.mark.parametrize(
    "arguments",
    [
        "@low, @high, N'some'",
        "@before, @high, N'all'",
        "@low, @after, N'all'",
        "@high, @low, N'all'",
        "NULL, @high, N'all'",
    ],
)
def test_wrong_arguments_of_a_change_function_give_313(db: Driver, arguments: str) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    db.run("INSERT a VALUES (1)")
    db.scan()
    head = (
        "DECLARE @low binary(10) = sys.fn_cdc_get_min_lsn('dbo_a'), @high binary(10) = sys.fn_cdc_get_max_lsn(); "
        "DECLARE @before binary(10) = sys.fn_cdc_decrement_lsn(@low), @after binary(10) = sys.fn_cdc_increment_lsn(@high); "
    )
    assert db.rows(head + "SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_a(@low, @high, N' All ')") == [(1,)]
    error = db.error(head + f"SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_a({arguments})")
    assert (error.number, error.severity, error.state) == (313, 16, 3)


def test_all_update_old_shows_the_before_images(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n int)")
    enable(db, "a")
    db.run("INSERT a VALUES (1, 1); UPDATE a SET n = 2")
    db.scan()
    ask = (
        "DECLARE @f binary(10) = sys.fn_cdc_get_min_lsn('dbo_a'), @t binary(10) = sys.fn_cdc_get_max_lsn(); "
        "SELECT [__$operation] FROM cdc.fn_cdc_get_all_changes_dbo_a(@f, @t, N'{}')"
    )
    assert db.rows(ask.format("all")) == [(2,), (4,)]
    assert db.rows(ask.format("all update old")) == [(2,), (3,), (4,)]


def test_lsn_arithmetic_carries_over_all_ten_bytes(db: Driver) -> None:
    assert db.value("SELECT sys.fn_cdc_increment_lsn(0x000000270000FFFFFFFF)") == bytes.fromhex("00000027000100000000")
    assert db.value("SELECT sys.fn_cdc_decrement_lsn(0x00000027000100000000)") == bytes.fromhex("000000270000FFFFFFFF")


def test_cleanup_moves_the_low_water_mark_and_deletes_what_is_below(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    for i in range(5):
        db.run(f"INSERT a VALUES ({i})")
    db.scan()
    mark = db.rows("SELECT [__$start_lsn] FROM cdc.dbo_a_CT WHERE id = 3")[0][0]
    db.run(f"EXEC sys.sp_cdc_cleanup_change_table N'dbo_a', 0x{mark.hex()}, 2")
    assert changes(db, "id", "dbo_a") == [(2, 3), (2, 4)]
    assert db.value("SELECT sys.fn_cdc_get_min_lsn('dbo_a')") == mark
    assert db.value("SELECT MIN(start_lsn) FROM cdc.lsn_time_mapping") == mark
    assert db.error("EXEC sys.sp_cdc_cleanup_change_table N'dbo_a', 0x00000000000000000001").number == 22964


def test_an_idle_database_gets_dummy_rows_with_tran_id_zero() -> None:
    engine = new_engine(idle_lsn_interval=0.000001)
    try:
        db = Driver(engine)
        db.run("CREATE DATABASE Shop")
        db.run("USE Shop; EXEC sys.sp_cdc_enable_db; CREATE TABLE a (id int PRIMARY KEY)")
        enable(db, "a")
        db.run("INSERT a VALUES (1)")
        db.scan()
        before = db.value("SELECT MAX(start_lsn) FROM cdc.lsn_time_mapping WHERE tran_id <> 0x00")
        db.scan()
        newest = db.rows("SELECT TOP (1) start_lsn, tran_id FROM cdc.lsn_time_mapping ORDER BY start_lsn DESC")[0]
        assert newest[0] > before and newest[1] == b"\0"
    finally:
        engine.close()


def test_the_capture_process_runs_by_itself_at_an_interval() -> None:
    engine = new_engine(capture_interval=0.01)
    try:
        db = Driver(engine)
        db.run("CREATE DATABASE Shop")
        db.run("USE Shop; EXEC sys.sp_cdc_enable_db; CREATE TABLE a (id int PRIMARY KEY)")
        enable(db, "a")
        db.run("INSERT a VALUES (1)")
        for _ in range(500):
            if changes(db, "id", "dbo_a"):
                break
            db.run("WAITFOR DELAY '00:00:00.01'")
        assert changes(db, "id", "dbo_a") == [(2, 1)]
        db.run("EXEC sys.sp_cdc_stop_job 'capture'; INSERT a VALUES (2); WAITFOR DELAY '00:00:00.1'")
        assert changes(db, "id", "dbo_a") == [(2, 1)]
    finally:
        engine.close()


def test_an_added_column_is_ignored_a_dropped_one_stays_null_and_both_are_in_the_history(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, gone int)")
    enable(db, "a")
    db.run("INSERT a VALUES (1, 1)")
    db.run("ALTER TABLE a ADD fresh int")
    db.run("INSERT a VALUES (2, 2, 2)")
    db.run("ALTER TABLE a DROP COLUMN gone")
    db.run("INSERT a VALUES (3, 3)")
    assert db.rows("SELECT * FROM cdc.ddl_history") == []
    db.scan()
    assert changes(db, "id, gone", "dbo_a") == [(2, 1, 1), (2, 2, 2), (2, 3, None)]
    history = db.run("EXEC sys.sp_cdc_get_ddl_history 'dbo_a'").rows
    assert [(r[3], r[4]) for r in history] == [
        (0, "ALTER TABLE a ADD fresh int"),
        (0, "ALTER TABLE a DROP COLUMN gone"),
    ]
    lsns = [r[0] for r in db.rows("SELECT [__$start_lsn] FROM cdc.dbo_a_CT ORDER BY 1")]
    assert lsns[0] < history[0][5] < lsns[1] < history[1][5] < lsns[2]


def test_a_changed_type_reaches_the_change_table_when_the_capture_process_gets_there(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n int)")
    enable(db, "a")
    db.run("INSERT a VALUES (1, 5)")
    db.run("ALTER TABLE a ALTER COLUMN n nvarchar(20)")
    db.run("INSERT a VALUES (2, N'text')")

    def type_of_n() -> str:
        return {c.name: c.type.name for c in db.run("SELECT * FROM cdc.dbo_a_CT").columns[0]}["n"]

    assert type_of_n() == "int"
    db.scan()
    assert type_of_n() == "nvarchar"
    assert changes(db, "id, n", "dbo_a") == [(2, 1, "5"), (2, 2, "text")]
    assert db.value("SELECT required_column_update FROM cdc.ddl_history") == 1


def test_what_capture_forbids_is_refused(db: Driver) -> None:
    db.run("CREATE TABLE a (id int CONSTRAINT pk_a PRIMARY KEY, n int)")
    enable(db, "a")
    assert db.error("TRUNCATE TABLE a").number == 4711
    assert db.error("EXEC sp_rename 'a.n', 'm', 'COLUMN'").number == 4928
    assert db.error("ALTER TABLE a DROP CONSTRAINT pk_a").number == 22979
    assert db.error("EXEC sys.sp_cdc_enable_table 'dbo', 'a', @role_name = NULL").number == 22926
    assert db.error("EXEC sys.sp_cdc_enable_table 'dbo', 'zzz', @role_name = NULL").number == 22931
    assert db.error("EXEC sys.sp_cdc_enable_db").number == 22905


def test_dropping_a_captured_table_drops_its_instances(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    db.run("INSERT a VALUES (1)")
    db.run("DROP TABLE a")
    db.scan()
    assert db.rows("SELECT * FROM cdc.change_tables") == []
    assert db.error("SELECT * FROM cdc.fn_cdc_get_all_changes_dbo_a(0x00, 0x00, N'all')").number == 208


def test_the_change_table_has_its_clustered_index_in_the_catalogue(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    rows = db.rows(
        "SELECT i.name, i.is_unique, i.type_desc, c.name FROM sys.indexes i "
        "JOIN sys.index_columns ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id "
        "JOIN sys.columns c ON c.object_id = ic.object_id AND c.column_id = ic.column_id "
        "WHERE i.object_id = OBJECT_ID('cdc.dbo_a_CT') AND i.index_id = 1 ORDER BY ic.key_ordinal"
    )
    names = ["__$start_lsn", "__$command_id", "__$seqval", "__$operation"]
    assert rows == [("dbo_a_CT_clustered_idx", 1, "CLUSTERED", name) for name in names]


def test_help_lists_fifteen_columns(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n int)")
    enable(db, "a")
    result = db.run("EXEC sys.sp_cdc_help_change_data_capture")
    assert len(result.columns[0]) == 15
    row = dict(zip([c.name for c in result.columns[0]], result.rows[0], strict=True))
    assert (row["source_schema"], row["source_table"], row["capture_instance"]) == ("dbo", "a", "dbo_a")
    assert (row["index_column_list"], row["captured_column_list"]) == ("[id]", "[id], [n]")


def test_jobs_come_with_the_first_table_and_keep_their_settings(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    db.run("EXEC sys.sp_cdc_change_job @job_type = N'capture', @pollinginterval = 1, @maxtrans = 50")
    jobs = {r[1]: r for r in db.run("EXEC sys.sp_cdc_help_jobs").rows}
    assert (jobs["capture"][3], jobs["capture"][4], jobs["capture"][6]) == (50, 10, 1)
    assert (jobs["cleanup"][7], jobs["cleanup"][8]) == (4320, 5000)


def test_many_transactions_are_captured_in_order_over_several_scans(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    for i in range(30):
        db.run(f"INSERT a VALUES ({i})")
    db.run("EXEC sys.sp_cdc_scan @maxtrans = 7, @maxscans = 2")
    assert [i for _, i in changes(db, "id", "dbo_a")] == list(range(13))  # the instance itself was the first
    db.scan()
    assert [i for _, i in changes(db, "id", "dbo_a")] == list(range(30))


def test_merge_is_captured_row_by_row(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n int)")
    enable(db, "a")
    db.run("INSERT a VALUES (1, 1), (2, 2)")
    db.run(
        "MERGE a AS t USING (VALUES (1, 10), (3, 30)) AS s(id, n) ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = s.n "
        "WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n) WHEN NOT MATCHED BY SOURCE THEN DELETE;"
    )
    db.scan()
    assert sorted(changes(db, "id, n", "dbo_a")[2:]) == [(1, 2, 2), (2, 3, 30), (3, 1, 1), (4, 1, 10)]


def test_cdc_off_means_22901(db: Driver) -> None:
    db.run("CREATE DATABASE Plain")
    db.run("USE Plain")
    with pytest.raises(SqlError) as raised:
        result = db.run("EXEC sys.sp_cdc_help_change_data_capture")
        raise result.errors[0]
    assert raised.value.number == 22901


def test_times_map_to_lsns_in_all_four_ways(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    for i in range(3):
        db.run(f"INSERT a VALUES ({i}); WAITFOR DELAY '00:00:00.02'")
    db.scan()
    rows = db.rows("SELECT start_lsn, tran_end_time FROM cdc.lsn_time_mapping ORDER BY start_lsn")
    ask = (
        "DECLARE @t datetime = (SELECT tran_end_time FROM cdc.lsn_time_mapping WHERE start_lsn = 0x{}); "
        "SELECT sys.fn_cdc_map_time_to_lsn('{}', @t)"
    )
    middle = rows[2][0].hex()
    assert db.value(ask.format(middle, "largest less than")) == rows[1][0]
    assert db.value(ask.format(middle, "largest less than or equal")) == rows[2][0]
    assert db.value(ask.format(middle, "smallest greater than")) == rows[3][0]
    assert db.value(ask.format(middle, "smallest greater than or equal")) == rows[2][0]
    assert db.value(ask.format(rows[3][0].hex(), "smallest greater than")) is None


def test_captured_columns_are_described(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, d decimal(9, 2), n nvarchar(7), t datetime2(3))")
    enable(db, "a")
    result = db.run("EXEC sys.sp_cdc_get_captured_columns 'dbo_a'")
    assert len(result.columns[0]) == 12
    assert [(r[3], r[5], r[6]) for r in result.rows] == [
        ("id", 1, "int"),
        ("d", 2, "decimal"),
        ("n", 3, "nvarchar"),
        ("t", 4, "datetime2"),
    ]


def test_the_cleanup_job_keeps_the_retention_counted_from_the_newest_commit(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    for i in range(4):
        db.run(f"INSERT a VALUES ({i})")
    db.scan()
    lsns = [r[0] for r in db.rows("SELECT start_lsn FROM cdc.lsn_time_mapping ORDER BY start_lsn")]
    for age, lsn in zip((500, 400, 300, 10, 0), lsns, strict=True):
        time = f"DATEADD(minute, -{age}, '2024-06-01 12:00')"
        db.run(f"UPDATE cdc.lsn_time_mapping SET tran_end_time = {time} WHERE start_lsn = 0x{lsn.hex()}")
    db.run("EXEC sys.sp_cdc_change_job 'cleanup', @retention = 60; EXEC sys.sp_cdc_start_job 'cleanup'")
    assert db.value("SELECT sys.fn_cdc_get_min_lsn('dbo_a')") == lsns[2]
    assert changes(db, "id", "dbo_a") == [(2, 1), (2, 2), (2, 3)]


def test_a_change_table_without_command_ids_is_captured_as_on_old_servers(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n int)")
    enable(db, "a", supports_net_changes="0")
    db.run("DROP INDEX dbo_a_CT_clustered_idx ON cdc.dbo_a_CT; ALTER TABLE cdc.dbo_a_CT DROP COLUMN [__$command_id]")
    db.run("INSERT a VALUES (1, 1); UPDATE a SET n = 2")
    db.scan()
    rows = db.rows(
        "SELECT [__$operation], id, n FROM cdc.dbo_a_CT ORDER BY [__$start_lsn], [__$seqval], [__$operation]"
    )
    assert rows == [(2, 1, 1), (3, 1, 1), (4, 1, 2)]
    columns = "sys.columns WHERE object_id = OBJECT_ID('cdc.dbo_a_CT') AND name = '__$command_id'"
    assert db.value(f"SELECT COUNT(*) FROM {columns}") == 0


def test_two_databases_are_captured_apart(db: Driver) -> None:
    db.run("CREATE DATABASE Other")
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    other = Driver(db.engine, "Other")
    other.run("EXEC sys.sp_cdc_enable_db; CREATE TABLE a (id int PRIMARY KEY)")
    enable(other, "a")
    db.run("BEGIN TRAN; INSERT a VALUES (1); INSERT Other.dbo.a VALUES (2); COMMIT")
    db.scan()
    assert changes(db, "id", "dbo_a") == [(2, 1)]
    assert changes(other, "id", "dbo_a") == []
    other.scan()
    assert changes(other, "id", "dbo_a") == [(2, 2)]


def test_a_load_from_a_cross_join_is_one_transaction(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n nvarchar(40))")
    enable(db, "a")
    number = "ROW_NUMBER() OVER (ORDER BY (SELECT NULL))"
    db.run(
        "WITH digits AS (SELECT n FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v(n)) "
        f"INSERT a SELECT {number}, N'row ' + CAST({number} AS nvarchar(20)) "
        "FROM digits a CROSS JOIN digits b CROSS JOIN digits c CROSS JOIN digits d"
    )
    db.scan()
    counts = "COUNT(*), COUNT(DISTINCT [__$start_lsn]), COUNT(DISTINCT [__$seqval]), MIN(n)"
    assert db.rows(f"SELECT {counts} FROM cdc.dbo_a_CT") == [(10_000, 1, 10_000, "row 1")]
