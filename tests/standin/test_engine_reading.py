"""The change reader's query: served from rows in wire form, it gives what the general path gives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine_driver import Driver, Result, lsn_param, new_engine

from standin.model import Param, SqlType
from standin.tds.values import row_encoder

COLUMNS = "id, b, m, d, w, s, t, o, g, v, x, f"
KEY = ["[__$start_lsn]", "[__$command_id]", "[__$seqval]", "[__$operation]"]
COMMIT_TIMES = {
    "plain": "t.tran_end_time",
    "server zone": "CAST(t.tran_end_time AT TIME ZONE CURRENT_TIMEZONE_ID() AT TIME ZONE N'UTC' AS datetime2(3))",
    "offset": "CAST(DATEADD(minute, @minutes, t.tran_end_time) AS datetime2(3))",
}
LOW, HIGH = b"\0" * 10, b"\xff" * 10


def reader_query(commit_time: str, where: str) -> str:
    head = f"ct.{KEY[0]}, ct.{KEY[1]}, ct.{KEY[2]}, ct.{KEY[3]}, ct.[__$update_mask], {commit_time} AS [__$commit_time]"
    body = ", ".join(f"ct.[{c.strip()}]" for c in COLUMNS.split(","))
    order = ", ".join(f"ct.{k}" for k in KEY)
    return (
        f"SELECT {head}, {body} FROM [cdc].[dbo_a_CT] AS ct LEFT JOIN [cdc].[lsn_time_mapping] AS t "
        f"ON t.start_lsn = ct.{KEY[0]} WHERE {where} ORDER BY {order}"
    )


WINDOW = f"ct.{KEY[0]} > @from AND ct.{KEY[0]} <= @to"
INSIDE = (
    f"ct.{KEY[0]} = @lsn AND (ct.{KEY[1]} > @c1 OR (ct.{KEY[1]} = @c2 AND "
    f"(ct.{KEY[2]} > @s1 OR (ct.{KEY[2]} = @s2 AND ct.{KEY[3]} > @o))))"
)


@pytest.fixture
def db() -> Iterator[Driver]:
    engine = new_engine(time_zone="Europe/Berlin")
    driver = Driver(engine)
    driver.run("CREATE DATABASE Shop")
    driver.run(
        "USE Shop; EXEC sys.sp_cdc_enable_db; CREATE TABLE a (id int PRIMARY KEY, b bit, m money, d decimal(9,3), w decimal(38,10), "
        "s nvarchar(40), t datetime2(7), o datetimeoffset(3), g uniqueidentifier, v varbinary(max), x nvarchar(max), f float); "
        "EXEC sys.sp_cdc_enable_table 'dbo', 'a', @role_name = NULL"
    )
    yield driver
    engine.close()


def fill(db: Driver, first: int, count: int) -> None:
    db.run(
        f"INSERT a SELECT {first} + value, value % 2, value / 7.0, -value / 3.0, value * 12345678901234.5, "
        f"N'név ' + NCHAR(0x4E00 + value), DATEADD(second, value, CAST('2024-02-29 12:00:00.1234567' AS datetime2)), "
        f"TODATETIMEOFFSET(DATEADD(hour, value, CAST('2024-02-29' AS datetime2(3))), '+05:30'), NEWID(), "
        f"CAST(REPLICATE('x', value) AS varbinary(max)), IIF(value % 5 = 0, NULL, REPLICATE(N'y', value)), value * 1.5e-3 "
        f"FROM GENERATE_SERIES(0, {count - 1})"
    )


def both_ways(db: Driver, query: str, *params: Param) -> tuple[bytes, bytes, Result]:
    """The bytes of the fast path, and the general path's rows encoded."""
    fast = db.run(query, *params)
    slow = db.run(query.replace("SELECT ", "SELECT TOP (1000000) ", 1), *params)
    assert fast.sets == [[]] and slow.wire == []
    assert fast.columns == slow.columns
    assert fast.wire_rows == len(slow.rows) == fast.counts[-1]
    encode = row_encoder(slow.columns[0])
    return b"".join(fast.wire), b"".join(encode(row) for row in slow.rows), fast


@pytest.mark.parametrize("commit_time", sorted(COMMIT_TIMES))
def test_both_paths_give_the_same_bytes(db: Driver, commit_time: str) -> None:
    fill(db, 0, 50)
    db.run("UPDATE a SET s = NULL, d = d + 1 WHERE id % 3 = 0; DELETE a WHERE id % 7 = 0")
    db.scan()
    minutes = Param("@minutes", SqlType("int"), -60)
    query = reader_query(COMMIT_TIMES[commit_time], WINDOW)
    fast, slow, result = both_ways(db, query, lsn_param("@from", LOW), lsn_param("@to", HIGH), minutes)
    assert fast == slow
    assert result.wire_rows == 50 + 2 * 17 + 8


def test_every_window_of_whole_transactions_is_right(db: Driver) -> None:
    for i in range(8):
        fill(db, i * 10, 3)
    db.scan()
    lsns = [r[0] for r in db.rows("SELECT DISTINCT [__$start_lsn] FROM cdc.dbo_a_CT ORDER BY 1")]
    query = reader_query(COMMIT_TIMES["plain"], WINDOW)
    for i, low in enumerate([LOW, *lsns]):
        for j, high in enumerate(lsns):
            fast, slow, result = both_ways(db, query, lsn_param("@from", low), lsn_param("@to", high))
            assert fast == slow
            assert result.wire_rows == max(0, j + 1 - i) * 3


def test_a_place_inside_a_transaction_is_found_at_every_row(db: Driver) -> None:
    db.run("BEGIN TRAN")
    fill(db, 0, 4)
    db.run("UPDATE a SET b = 1 - b; COMMIT")
    db.scan()
    rows = db.rows(f"SELECT {', '.join(KEY)} FROM cdc.dbo_a_CT ORDER BY {', '.join(KEY)}")
    query = reader_query(COMMIT_TIMES["plain"], INSIDE)
    for position, (lsn, command, seqval, operation) in enumerate(rows):
        number = [Param(n, SqlType("int"), command) for n in ("@c1", "@c2")] + [Param("@o", SqlType("int"), operation)]
        place = [lsn_param("@lsn", lsn), lsn_param("@s1", seqval), lsn_param("@s2", seqval), *number]
        fast, slow, result = both_ways(db, query, *place)
        assert fast == slow
        assert result.wire_rows == len(rows) - position - 1


def test_rows_captured_later_are_added(db: Driver) -> None:
    query = reader_query(COMMIT_TIMES["plain"], WINDOW)
    window = lsn_param("@from", LOW), lsn_param("@to", HIGH)
    for i in range(5):
        fill(db, i * 100, 7)
        db.scan()
        fast, slow, result = both_ways(db, query, *window)
        assert fast == slow
        assert result.wire_rows == (i + 1) * 7


def test_blocks_are_filled_and_cut_at_their_borders(db: Driver) -> None:
    for i in range(3):
        fill(db, i * 10_000, 4000)
    db.scan()
    query = reader_query(COMMIT_TIMES["plain"], WINDOW)
    last = db.value("SELECT MAX([__$start_lsn]) FROM cdc.dbo_a_CT")
    fast, slow, _ = both_ways(db, query, lsn_param("@from", LOW), lsn_param("@to", last))
    assert fast == slow
    fill(db, 90_000, 5000)
    db.scan()
    fast, slow, result = both_ways(db, query, lsn_param("@from", last), lsn_param("@to", HIGH))
    assert fast == slow
    assert result.wire_rows == 5000


def test_cleanup_and_deletes_by_hand_show_at_once(db: Driver) -> None:
    for i in range(4):
        fill(db, i * 10, 2)
    db.scan()
    query = reader_query(COMMIT_TIMES["plain"], WINDOW)
    window = lsn_param("@from", LOW), lsn_param("@to", HIGH)
    assert db.run(query, *window).wire_rows == 8
    mark = db.rows("SELECT DISTINCT [__$start_lsn] FROM cdc.dbo_a_CT ORDER BY 1")[1][0]
    db.run(f"EXEC sys.sp_cdc_cleanup_change_table 'dbo_a', 0x{mark.hex()}")
    assert db.run(query, *window).wire_rows == 6
    db.run("DELETE TOP (1) FROM cdc.dbo_a_CT")
    result = db.run(query, *window)
    assert (result.wire, len(result.rows)) == ([], 5)


def test_a_change_table_that_is_changed_by_hand_rolls_back_and_hides_it_from_others(db: Driver) -> None:
    fill(db, 1, 4)
    db.run("EXEC sys.sp_cdc_scan")
    other = Driver(db.engine, "Shop")
    db.run("BEGIN TRANSACTION; DELETE TOP (3) FROM cdc.dbo_a_CT; UPDATE cdc.dbo_a_CT SET [id] = 99")
    assert db.rows("SELECT [id] FROM cdc.dbo_a_CT") == [(99,)]
    assert other.value("SELECT COUNT(*) FROM cdc.dbo_a_CT") == 4
    refused = other.run("SET LOCK_TIMEOUT 0; DELETE FROM cdc.dbo_a_CT")
    assert [error.number for error in refused.errors] == [1222]
    db.run("ROLLBACK")
    assert other.rows("SELECT [id] FROM cdc.dbo_a_CT ORDER BY [id]") == [(1,), (2,), (3,), (4,)]


def test_an_index_on_a_change_table_holds_before_anybody_has_written_to_it(db: Driver) -> None:
    db.run("CREATE UNIQUE INDEX mine ON cdc.dbo_a_CT (id, [__$start_lsn])")
    fill(db, 1, 1)
    db.run("EXEC sys.sp_cdc_scan")
    again = db.run(
        "INSERT cdc.dbo_a_CT ([__$start_lsn], [__$seqval], [__$operation], id) "
        "SELECT [__$start_lsn], [__$seqval], 4, id FROM cdc.dbo_a_CT"
    )
    assert [error.number for error in again.errors] == [2601]


def test_a_missing_row_of_the_time_mapping_is_a_null_commit_time(db: Driver) -> None:
    fill(db, 0, 1)
    db.scan()
    db.run("DELETE cdc.lsn_time_mapping")
    query = reader_query(COMMIT_TIMES["server zone"], WINDOW)
    fast, slow, result = both_ways(db, query, lsn_param("@from", LOW), lsn_param("@to", HIGH))
    assert fast == slow and result.wire_rows == 1


def test_null_bounds_give_no_rows(db: Driver) -> None:
    fill(db, 0, 1)
    db.scan()
    query = reader_query(COMMIT_TIMES["plain"], WINDOW)
    result = db.run(query, lsn_param("@from", LOW), Param("@to", SqlType("binary", 10), None))
    assert (result.wire_rows, result.rows) == (0, [])


def test_the_commit_time_of_a_server_in_berlin_is_utc_in_summer_and_winter(db: Driver) -> None:
    fill(db, 0, 1)
    db.scan()
    for local, utc in (
        ("2024-07-01 12:00", "2024-07-01 10:00:00.000"),
        ("2024-01-01 12:00", "2024-01-01 11:00:00.000"),
    ):
        db.run(f"UPDATE cdc.lsn_time_mapping SET tran_end_time = '{local}'")
        ask = f"SELECT CONVERT(varchar(30), {COMMIT_TIMES['server zone']}, 121) FROM cdc.lsn_time_mapping AS t"
        assert {r[0] for r in db.rows(ask)} == {utc}
