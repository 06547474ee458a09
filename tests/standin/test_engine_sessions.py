"""Transactions, locks, visibility between sessions, and rights."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from engine_driver import PASSWORD, Driver, new_engine

from standin.model import Login, SqlError, TransactionBegan, TransactionEnded


@pytest.fixture
def db() -> Iterator[Driver]:
    engine = new_engine()
    driver = Driver(engine)
    driver.run("CREATE DATABASE Shop")
    driver.run("USE Shop; CREATE TABLE a (id int PRIMARY KEY, n int); INSERT a VALUES (1, 1), (2, 2)")
    yield driver
    engine.close()


def another(db: Driver) -> Driver:
    return Driver(db.engine, "Shop")


def test_readers_see_committed_rows_only_and_never_wait(db: Driver) -> None:
    other = another(db)
    db.run("BEGIN TRAN; INSERT a VALUES (3, 3); UPDATE a SET n = 10 WHERE id = 1; DELETE a WHERE id = 2")
    assert db.rows("SELECT * FROM a ORDER BY id") == [(1, 10), (3, 3)]
    assert other.rows("SELECT * FROM a WITH (NOLOCK) ORDER BY id") == [(1, 1), (2, 2)]
    assert other.value("SELECT COUNT(*) FROM a AS x JOIN a AS y ON x.id = y.id") == 2
    db.run("COMMIT")
    assert other.rows("SELECT * FROM a ORDER BY id") == [(1, 10), (3, 3)]


def test_a_rollback_puts_back_every_row(db: Driver) -> None:
    db.run(
        "BEGIN TRAN; UPDATE a SET n = n + 1; UPDATE a SET n = n * 2; DELETE a WHERE id = 1; INSERT a VALUES (1, 99), (7, 7)"
    )
    assert db.rows("SELECT * FROM a ORDER BY id") == [(1, 99), (2, 6), (7, 7)]
    db.run("ROLLBACK")
    assert db.rows("SELECT * FROM a ORDER BY id") == [(1, 1), (2, 2)]


def test_savepoints_can_be_rolled_back_to_more_than_once(db: Driver) -> None:
    db.run(
        "BEGIN TRAN; UPDATE a SET n = 5; SAVE TRAN p; DELETE a; ROLLBACK TRAN p; UPDATE a SET n = 6; ROLLBACK TRAN p; COMMIT"
    )
    assert db.rows("SELECT n FROM a") == [(5,), (5,)]


def test_nested_transactions_count_and_only_the_outer_commit_ends_them(db: Driver) -> None:
    events = db.run("BEGIN TRAN; BEGIN TRAN; COMMIT; SELECT @@TRANCOUNT; COMMIT; SELECT @@TRANCOUNT")
    assert [s[0][0] for s in events.sets] == [1, 0]
    assert [type(e) for e in events.others] == [TransactionBegan, TransactionEnded]
    assert db.error("COMMIT").number == 3902
    assert db.error("ROLLBACK").number == 3903


def test_a_locked_row_makes_a_writer_wait_and_time_out_with_1222(db: Driver) -> None:
    other = another(db)
    db.run("BEGIN TRAN; UPDATE a SET n = 5 WHERE id = 1")
    other.run("SET LOCK_TIMEOUT 50")
    assert other.error("UPDATE a SET n = 6 WHERE id = 1").number == 1222
    assert other.error("INSERT a VALUES (1, 1)").number == 1222
    other.run("UPDATE a SET n = 7 WHERE id = 2")
    db.run("COMMIT")
    other.run("UPDATE a SET n = 6 WHERE id = 1")
    assert db.rows("SELECT n FROM a ORDER BY id") == [(6,), (7,)]


def test_a_key_that_another_transaction_holds_is_waited_for(db: Driver) -> None:
    other = another(db)
    other.run("SET LOCK_TIMEOUT 50")
    db.run("BEGIN TRAN; INSERT a VALUES (9, 9); DELETE a WHERE id = 2")
    assert other.error("INSERT a VALUES (9, 1)").number == 1222
    assert other.error("INSERT a VALUES (2, 1)").number == 1222
    db.run("ROLLBACK")
    other.run("INSERT a VALUES (9, 1)")
    assert other.error("INSERT a VALUES (2, 1)").number == 2627


def test_a_waiting_writer_goes_on_when_the_lock_is_gone(db: Driver) -> None:
    other = another(db)
    db.run("BEGIN TRAN; UPDATE a SET n = 5 WHERE id = 1")
    thread = threading.Thread(target=other.run, args=("UPDATE a SET n = n + 1 WHERE id = 1",))
    thread.start()
    db.run("WAITFOR DELAY '00:00:00.1'; COMMIT")
    thread.join(10)
    assert not thread.is_alive()
    assert db.value("SELECT n FROM a WHERE id = 1") == 6


def test_a_deadlock_has_a_victim_with_1205_and_the_other_goes_on(db: Driver) -> None:
    other = another(db)
    db.run("BEGIN TRAN; UPDATE a SET n = 5 WHERE id = 1")
    other.run("BEGIN TRAN; UPDATE a SET n = 6 WHERE id = 2")
    errors: list[SqlError] = []

    def blocked() -> None:
        try:
            other.run("UPDATE a SET n = 7 WHERE id = 1; COMMIT")
        except SqlError as error:
            errors.append(error)

    thread = threading.Thread(target=blocked)
    thread.start()
    try:
        db.run("WAITFOR DELAY '00:00:00.2'; UPDATE a SET n = 8 WHERE id = 2; COMMIT")
    except SqlError as error:
        errors.append(error)
    thread.join(10)
    assert not thread.is_alive()
    assert [e.number for e in errors] == [1205]
    assert db.rows("SELECT n FROM a ORDER BY id") in ([(5,), (8,)], [(7,), (6,)])


def test_an_injected_error_meets_the_statement_it_names(db: Driver) -> None:
    db.engine.inject_error("insert a", SqlError(1205, "injected", 13))
    assert db.error("INSERT a VALUES (5, 5)").number == 1205
    db.run("INSERT a VALUES (5, 5)")
    db.engine.inject_error("FROM a", SqlError(1222, "Lock request time out period exceeded.", 16), times=2)
    assert [db.error("SELECT id FROM a").number for _ in range(2)] == [1222, 1222]
    assert db.value("SELECT COUNT(*) FROM a") == 3


def test_xact_abort_ends_batch_and_transaction(db: Driver) -> None:
    assert (
        db.error(
            "SET XACT_ABORT ON; BEGIN TRAN; INSERT a VALUES (8, 8); INSERT a VALUES (1, 1); INSERT a VALUES (9, 9); COMMIT"
        ).number
        == 2627
    )
    db.run("SET XACT_ABORT OFF")
    assert db.value("SELECT COUNT(*) FROM a") == 2
    assert db.value("SELECT @@TRANCOUNT") == 0


def test_implicit_transactions_begin_with_the_first_statement(db: Driver) -> None:
    other = another(db)
    db.run("SET IMPLICIT_TRANSACTIONS ON; INSERT a VALUES (3, 3)")
    assert other.value("SELECT COUNT(*) FROM a") == 2
    db.run("COMMIT")
    assert other.value("SELECT COUNT(*) FROM a") == 3


def test_a_table_made_in_a_transaction_goes_with_its_rollback(db: Driver) -> None:
    db.run("BEGIN TRAN; CREATE TABLE b (id int); INSERT b VALUES (1); ROLLBACK")
    assert db.error("SELECT * FROM b").number == 208
    db.run("CREATE TABLE b (id int)")


def test_the_transaction_manager_requests_do_what_t_sql_does(db: Driver) -> None:
    session = db.session
    began = list(session.begin(0, ""))
    db.run("INSERT a VALUES (3, 3)")
    list(session.save("p"))
    db.run("INSERT a VALUES (4, 4)")
    list(session.rollback("p", False))
    ended = list(session.commit("", True))
    assert isinstance(began[0], TransactionBegan)
    assert [type(e) for e in ended] == [TransactionEnded, TransactionBegan]
    list(session.rollback("", False))
    assert db.rows("SELECT id FROM a ORDER BY id") == [(1,), (2,), (3,)]


def test_reset_rolls_back_and_forgets_temporary_tables(db: Driver) -> None:
    db.run("CREATE TABLE #t (id int); BEGIN TRAN; INSERT a VALUES (3, 3)")
    db.session.reset()
    db.run("USE Shop")
    assert db.value("SELECT COUNT(*) FROM a") == 2
    assert db.error("SELECT * FROM #t").number == 208


def test_closing_a_session_rolls_back(db: Driver) -> None:
    other = another(db)
    other.run("BEGIN TRAN; DELETE a")
    other.session.close()
    assert db.value("SELECT COUNT(*) FROM a") == 2


def test_cancel_stops_a_running_statement(db: Driver) -> None:
    timer = threading.Timer(0.2, db.session.cancel)
    timer.start()
    db.run("WAITFOR DELAY '00:01:00'")
    timer = threading.Timer(0.2, db.session.cancel)
    timer.start()
    db.run("SELECT COUNT(*) FROM GENERATE_SERIES(1, 2000000000)")
    assert db.value("SELECT 1") == 1


# Rights


@pytest.fixture
def reader(db: Driver) -> Driver:
    db.run("CREATE LOGIN reader WITH PASSWORD = 'r'; CREATE USER reader FOR LOGIN reader")
    db.run("EXEC sys.sp_cdc_enable_db; EXEC sys.sp_cdc_enable_table 'dbo', 'a', @role_name = N'gate'")
    db.run("INSERT a VALUES (3, 3)")
    db.scan()
    return Driver(db.engine, "Shop", "reader", "r")


def test_a_wrong_password_is_18456_and_a_closed_database_4060(db: Driver) -> None:
    with pytest.raises(SqlError) as raised:
        db.engine.login(Login("sa", "wrong", ""))
    assert raised.value.number == 18456
    with pytest.raises(SqlError) as raised:
        db.engine.login(Login("sa", PASSWORD, "nowhere"))
    assert raised.value.number == 4060
    db.run("CREATE LOGIN stranger WITH PASSWORD = 's'")
    with pytest.raises(SqlError) as raised:
        db.engine.login(Login("stranger", "s", "Shop"))
    assert raised.value.number == 4060
    stranger = Driver(db.engine, "", "stranger", "s")
    assert stranger.error("USE Shop").number == 916


def test_reading_without_a_right_is_229_with_the_object_named(reader: Driver) -> None:
    error = reader.error("SELECT * FROM cdc.change_tables")
    assert (error.number, error.severity, error.state) == (229, 14, 5)
    assert (
        error.message
        == "The SELECT permission was denied on the object 'change_tables', database 'Shop', schema 'cdc'."
    )
    assert reader.error("SELECT * FROM a").number == 229
    assert reader.error("INSERT a VALUES (9, 9)").number == 229


def test_select_on_the_schema_opens_change_tables_but_not_their_writing(db: Driver, reader: Driver) -> None:
    db.run("GRANT SELECT ON SCHEMA::cdc TO reader")
    assert len(reader.rows("SELECT * FROM cdc.dbo_a_CT")) == 1
    assert reader.error("DELETE cdc.dbo_a_CT").number == 229
    assert reader.error("EXEC sys.sp_cdc_scan").number == 22904
    db.run("DENY SELECT ON cdc.dbo_a_CT TO reader")
    assert reader.error("SELECT * FROM cdc.dbo_a_CT").number == 229
    db.run("REVOKE SELECT ON cdc.dbo_a_CT FROM reader")
    assert len(reader.rows("SELECT * FROM cdc.dbo_a_CT")) == 1


def test_the_reader_query_needs_its_rights_too(db: Driver, reader: Driver) -> None:
    query = (
        "SELECT ct.[__$start_lsn], ct.id FROM cdc.dbo_a_CT AS ct WHERE ct.[__$start_lsn] > 0x00 "
        "ORDER BY ct.[__$start_lsn], ct.[__$command_id], ct.[__$seqval], ct.[__$operation]"
    )
    assert db.run(query).wire_rows == 1
    assert reader.error(query).number == 229


def test_the_gating_role_opens_the_change_functions(db: Driver, reader: Driver) -> None:
    ask = "SELECT id FROM cdc.fn_cdc_get_all_changes_dbo_a(sys.fn_cdc_get_max_lsn(), sys.fn_cdc_get_max_lsn(), N'all')"
    assert reader.error(ask).number == 229
    assert reader.value("SELECT sys.fn_cdc_get_min_lsn('dbo_a')") == b"\0" * 10
    assert reader.rows("EXEC sys.sp_cdc_help_change_data_capture") == []
    db.run("GRANT SELECT ON a TO reader; ALTER ROLE gate ADD MEMBER reader")
    assert reader.rows(ask) == [(3,)]
    assert len(reader.rows("EXEC sys.sp_cdc_help_change_data_capture")) == 1


def test_the_catalogue_shows_what_one_may_use(db: Driver, reader: Driver) -> None:
    assert reader.rows("SELECT name FROM sys.tables") == []
    db.run("GRANT SELECT ON a TO reader")
    assert reader.rows("SELECT name FROM sys.tables") == [("a",)]
    assert reader.value("SELECT HAS_PERMS_BY_NAME('dbo.a', 'OBJECT', 'SELECT')") == 1
    assert reader.value("SELECT HAS_PERMS_BY_NAME('dbo.a', 'OBJECT', 'DELETE')") == 0
    assert reader.rows("SELECT IS_SRVROLEMEMBER('sysadmin'), IS_MEMBER('db_owner'), USER_NAME()") == [(0, 0, "reader")]


def test_scan_sessions_need_view_database_state(db: Driver, reader: Driver) -> None:
    assert reader.error("SELECT * FROM sys.dm_cdc_log_scan_sessions").number == 262
    db.run("GRANT VIEW DATABASE PERFORMANCE STATE TO reader")
    assert reader.rows("SELECT tran_count FROM sys.dm_cdc_log_scan_sessions WHERE session_id = 1") == [(1,)]
