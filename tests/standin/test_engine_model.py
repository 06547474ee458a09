"""Random transactions of several sessions at once: the change rows, replayed in order, must give the tables."""

from __future__ import annotations

import random
import threading

from engine_driver import Driver, new_engine

from standin.model import SqlError

SESSIONS, TRANSACTIONS, KEYS = 4, 60, 12
ORDER = "ORDER BY [__$start_lsn], [__$command_id], [__$seqval], [__$operation]"
RETRIED = (1205, 1222, 2627)


def statement(pick: random.Random) -> str:
    table, key = pick.choice(["a", "b"]), pick.randrange(KEYS)
    return pick.choice(
        [
            f"INSERT {table} VALUES ({key}, {pick.randrange(100)})",
            f"UPDATE {table} SET n = {pick.randrange(100)} WHERE id BETWEEN {key} AND {key + 2}",
            f"UPDATE {table} SET id = id + {KEYS} WHERE id = {key}",
            f"DELETE {table} WHERE id = {key}",
            f"DELETE {table} WHERE id >= {KEYS}",
            "SAVE TRAN p",
            "IF @@TRANCOUNT > 0 BEGIN TRY ROLLBACK TRAN p END TRY BEGIN CATCH SELECT 0 END CATCH",
            f"MERGE {table} AS t USING (VALUES ({key}, 7)) AS s(id, n) ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n);",
        ]
    )


def work(driver: Driver, seed: int, unexpected: list[BaseException]) -> None:
    pick = random.Random(seed)
    driver.run("SET LOCK_TIMEOUT 300")
    for _ in range(TRANSACTIONS):
        try:
            driver.run("BEGIN TRAN")
            for _ in range(pick.randrange(1, 5)):
                errors = driver.run(statement(pick)).errors
                unexpected += [e for e in errors if e.number not in (*RETRIED, 3908)]
            driver.run(pick.choice(["COMMIT", "COMMIT", "ROLLBACK"]))
        except SqlError as error:
            if error.number not in (*RETRIED, 3902, 3903):
                unexpected.append(error)
            driver.run("IF @@TRANCOUNT > 0 ROLLBACK")


def replayed(driver: Driver, table: str) -> dict[int, int]:
    rows: dict[int, int] = {}
    for operation, key, n in driver.rows(f"SELECT [__$operation], id, n FROM cdc.dbo_{table}_CT {ORDER}"):
        if operation in (1, 3):
            assert rows.pop(key) == n
        else:
            assert key not in rows
            rows[key] = n
    return rows


def test_replaying_the_change_rows_gives_the_tables() -> None:
    engine = new_engine(capture_interval=0.02)
    try:
        driver = Driver(engine)
        driver.run("CREATE DATABASE Shop")
        driver.run("USE Shop; EXEC sys.sp_cdc_enable_db")
        for table in "ab":
            driver.run(f"CREATE TABLE {table} (id int PRIMARY KEY, n int)")
            driver.run(f"EXEC sys.sp_cdc_enable_table 'dbo', '{table}', @role_name = NULL")
        unexpected: list[BaseException] = []
        threads = [
            threading.Thread(target=work, args=(Driver(engine, "Shop"), seed, unexpected)) for seed in range(SESSIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        assert unexpected == []
        driver.scan()
        for table in "ab":
            assert replayed(driver, table) == dict(driver.rows(f"SELECT id, n FROM {table}"))
        assert driver.value("SELECT COUNT(*) FROM cdc.lsn_time_mapping") > SESSIONS * TRANSACTIONS / 8
        assert driver.rows("SELECT COUNT(*) FROM cdc.lsn_time_mapping GROUP BY start_lsn HAVING COUNT(*) > 1") == []
        commits = driver.rows("SELECT tran_end_time FROM cdc.lsn_time_mapping ORDER BY start_lsn")
        assert commits == sorted(commits)
    finally:
        engine.close()
