"""What the capture process makes of transactions, judged against SQL Server's documented behaviour."""

from __future__ import annotations

from cdc_driver import ORDER, cdc_database, changes, enable  # noqa: F401 (a fixture)
from engine_driver import Driver, new_engine


def test_insert_update_delete_become_2_3_4_1(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n nvarchar(20))")
    enable(db, "a")
    db.run("INSERT a VALUES (1, N'x'), (2, N'y')")
    db.run("UPDATE a SET n = N'z' WHERE id = 1")
    db.run("DELETE a WHERE id = 2")
    db.scan()
    assert changes(db, "id, n", "dbo_a") == [(2, 1, "x"), (2, 2, "y"), (3, 1, "x"), (4, 1, "z"), (1, 2, "y")]


def test_nothing_is_captured_before_a_scan_or_before_the_instance_was_made(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY); INSERT a VALUES (1)")
    enable(db, "a")
    db.run("INSERT a VALUES (2)")
    assert changes(db, "id", "dbo_a") == []
    assert db.value("SELECT sys.fn_cdc_get_max_lsn()") is None
    db.scan()
    assert changes(db, "id", "dbo_a") == [(2, 2)]


def test_rows_of_one_transaction_share_the_commit_lsn_and_commands_number_its_statements(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n int)")
    enable(db, "a")
    db.run("BEGIN TRAN; INSERT a VALUES (1, 1), (2, 2); UPDATE a SET n = 5; COMMIT")
    db.scan()
    rows = db.rows(f"SELECT [__$start_lsn], [__$command_id], [__$seqval], [__$operation] FROM cdc.dbo_a_CT {ORDER}")
    assert len({r[0] for r in rows}) == 1
    assert [(r[1], r[3]) for r in rows] == [(1, 2), (1, 2), (2, 3), (2, 4), (2, 3), (2, 4)]
    assert rows[2][2] == rows[3][2] and rows[4][2] == rows[5][2]
    assert rows[3][2] < rows[4][2]
    assert all(seqval < start for start, _, seqval, _ in rows)


def test_the_update_mask_is_big_endian_and_counts_captured_ordinals(db: Driver) -> None:
    columns = ", ".join(f"c{i} int" for i in range(2, 12))
    db.run(f"CREATE TABLE w (c1 int PRIMARY KEY, {columns})")
    enable(db, "w")
    db.run("INSERT w (c1) VALUES (1)")
    db.run("UPDATE w SET c2 = 1, c9 = 1")
    db.run("UPDATE w SET c11 = 7")
    db.run("DELETE w")
    db.scan()
    masks = [m for _, m in changes(db, "[__$update_mask]", "dbo_w")]
    assert masks == [
        b"\x07\xff",
        b"\x01\x02",
        b"\x01\x02",
        b"\x04\x00",
        b"\x04\x00",
        b"\x07\xff",
    ]
    assert db.value("SELECT sys.fn_cdc_is_bit_set(9, 0x0102)") == 1
    assert db.value("SELECT sys.fn_cdc_is_bit_set(1, 0x0102)") == 0
    assert db.value("SELECT sys.fn_cdc_has_column_changed('dbo_w', 'c9', 0x0102)") == 1
    assert db.value("SELECT sys.fn_cdc_get_column_ordinal('dbo_w', 'c9')") == 9


def test_the_mask_of_more_than_62_columns_is_whole(db: Driver) -> None:
    names = [f"c{i}" for i in range(1, 131)]
    db.run(f"CREATE TABLE w ({', '.join(f'{n} int' for n in names)})")
    enable(db, "w")
    db.run("INSERT w (c1) VALUES (1); UPDATE w SET c1 = 2, c63 = 1, c64 = 1, c130 = 1")
    db.scan()
    (mask,) = [m for op, m in changes(db, "[__$update_mask]", "dbo_w") if op == 4]
    assert len(mask) == 17
    assert [n for n in range(1, 131) if mask[16 - (n - 1) // 8] >> (n - 1) % 8 & 1] == [1, 63, 64, 130]


def test_a_captured_column_list_gives_ordinals_of_its_own(db: Driver) -> None:
    db.run("CREATE TABLE a (x int, id int PRIMARY KEY, y int, z int)")
    enable(db, "a", captured_column_list="N'id, [z]'")
    db.run("INSERT a VALUES (1, 2, 3, 4); UPDATE a SET z = 5, x = 6; UPDATE a SET y = 9")
    db.scan()
    rows = changes(db, "id, z, [__$update_mask]", "dbo_a")
    assert rows[:3] == [(2, 2, 4, b"\x03"), (3, 2, 4, b"\x02"), (4, 2, 5, b"\x02")]
    assert [c.name for c in db.run("SELECT * FROM cdc.dbo_a_CT").columns[0]][5:] == ["id", "z", "__$command_id"]


def test_a_single_key_update_is_delete_and_insert_with_one_seqval_and_two_commands(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n int)")
    enable(db, "a")
    db.run("INSERT a VALUES (1, 10); UPDATE a SET id = 2")
    db.scan()
    rows = db.rows(f"SELECT [__$operation], [__$command_id], [__$seqval], id, n FROM cdc.dbo_a_CT {ORDER}")[1:]
    assert [(r[0], r[3], r[4]) for r in rows] == [(1, 1, 10), (2, 2, 10)]
    assert rows[0][2] == rows[1][2]
    assert rows[0][1] < rows[1][1]


def test_a_key_update_of_many_rows_deletes_them_all_before_it_inserts(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n int)")
    enable(db, "a")
    db.run("INSERT a VALUES (1, 1), (2, 2), (3, 3); UPDATE a SET id = id + 1")
    db.scan()
    rows = db.rows(f"SELECT [__$operation], id, [__$seqval] FROM cdc.dbo_a_CT {ORDER}")[3:]
    assert [(op, i) for op, i, _ in rows] == [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (2, 4)]
    assert len({s for _, _, s in rows}) == 6
    assert db.rows("SELECT id, n FROM a ORDER BY id") == [(2, 1), (3, 2), (4, 3)]


def test_an_update_that_sets_the_key_to_itself_is_an_update(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n int)")
    enable(db, "a")
    db.run("INSERT a VALUES (1, 1); UPDATE a SET id = 1, n = 2")
    db.scan()
    assert [op for op, *_ in changes(db, "id", "dbo_a")] == [2, 3, 4]


def test_computed_columns_are_null_and_rowversion_is_binary_8(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, twice AS (id * 2) PERSISTED, r rowversion)")
    enable(db, "a")
    db.run("INSERT a (id) VALUES (4)")
    db.scan()
    ((_, ident, twice, version),) = changes(db, "id, twice, r", "dbo_a")
    assert (ident, twice) == (4, None)
    assert version == db.value("SELECT r FROM a")
    described = {c.name: c.type for c in db.run("SELECT * FROM cdc.dbo_a_CT").columns[0]}
    assert (described["r"].name, described["r"].length) == ("binary", 8)
    assert db.value("SELECT is_computed FROM cdc.captured_columns WHERE column_name = 'twice'") == 1


def test_untouched_max_columns_are_missing_in_the_before_image_only(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n int, m nvarchar(max), b varbinary(max))")
    enable(db, "a")
    db.run("INSERT a VALUES (1, 1, N'long', 0x01); UPDATE a SET n = 2; UPDATE a SET m = N'new'; DELETE a")
    db.scan()
    assert changes(db, "n, m, b", "dbo_a") == [
        (2, 1, "long", b"\x01"),
        (3, 1, None, None),
        (4, 2, "long", b"\x01"),
        (3, 2, "long", None),
        (4, 2, "new", b"\x01"),
        (1, 2, "new", b"\x01"),
    ]


def test_untouched_max_columns_can_be_missing_in_the_after_image_too() -> None:
    engine = new_engine(untouched_max_in_after_image=False)
    try:
        db = Driver(engine)
        db.run("CREATE DATABASE Shop")
        db.run("USE Shop; EXEC sys.sp_cdc_enable_db; CREATE TABLE a (id int PRIMARY KEY, n int, m nvarchar(max))")
        enable(db, "a")
        db.run("INSERT a VALUES (1, 1, N'long'); UPDATE a SET n = 2")
        db.scan()
        rows = changes(db, "m, [__$update_mask]", "dbo_a")
        assert rows[1:] == [(3, None, b"\x02"), (4, None, b"\x02")]
    finally:
        engine.close()


def test_text_ntext_and_image_are_null_in_deletes_and_before_images(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, t text, i image)")
    enable(db, "a")
    db.run("INSERT a VALUES (1, 'one', 0x01); UPDATE a SET t = 'two'; DELETE a")
    db.scan()
    assert changes(db, "t, i", "dbo_a") == [(2, "one", b"\x01"), (3, None, None), (4, "two", b"\x01"), (1, None, None)]


def test_an_update_to_the_same_values_leaves_no_change_rows(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY, n nvarchar(9))")
    enable(db, "a")
    db.run("INSERT a VALUES (1, N'x'); UPDATE a SET n = N'x'; UPDATE a SET n = N'X'")
    db.scan()
    assert changes(db, "n", "dbo_a") == [(2, "x"), (3, "x"), (4, "X")]


def test_rolled_back_work_never_appears(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    db.run("BEGIN TRAN; INSERT a VALUES (1); ROLLBACK")
    db.run(
        "BEGIN TRAN; INSERT a VALUES (2); SAVE TRAN p; INSERT a VALUES (3); ROLLBACK TRAN p; INSERT a VALUES (4); COMMIT"
    )
    assert db.run("INSERT a VALUES (5), (2)").errors[0].number == 2627
    db.scan()
    assert changes(db, "id", "dbo_a") == [(2, 2), (2, 4)]
    assert db.rows("SELECT id FROM a ORDER BY id") == [(2,), (4,)]


def test_interleaved_transactions_on_one_table_are_ordered_by_commit_not_by_seqval(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY)")
    enable(db, "a")
    other = Driver(db.engine, "Shop")
    db.run("BEGIN TRAN; INSERT a VALUES (1)")
    other.run("BEGIN TRAN; INSERT a VALUES (2)")
    db.run("INSERT a VALUES (3)")
    other.run("INSERT a VALUES (4); COMMIT")
    db.run("COMMIT")
    db.scan()
    rows = db.rows(f"SELECT id, [__$start_lsn], [__$seqval] FROM cdc.dbo_a_CT {ORDER}")
    assert [r[0] for r in rows] == [2, 4, 1, 3]
    assert sorted(rows, key=lambda r: r[2]) == [rows[2], rows[0], rows[3], rows[1]]
    assert rows[1][1] < rows[2][1]


def test_the_time_mapping_has_a_row_for_each_captured_commit_and_none_for_others(db: Driver) -> None:
    db.run("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE free (id int)")
    enable(db, "a")
    db.run("INSERT a VALUES (1); INSERT free VALUES (1); INSERT a VALUES (2)")
    db.scan()
    lsns = [r[0] for r in db.rows("SELECT DISTINCT [__$start_lsn] FROM cdc.dbo_a_CT ORDER BY 1")]
    mapped = db.rows(
        "SELECT start_lsn, tran_begin_time, tran_end_time, tran_id FROM cdc.lsn_time_mapping ORDER BY start_lsn"
    )
    assert [m[0] for m in mapped][1:] == lsns  # the first is the instance's own
    assert all(begin <= end and tran_id != b"\0" for _, begin, end, tran_id in mapped)
    assert db.value("SELECT sys.fn_cdc_get_max_lsn()") == lsns[-1]
    assert db.value("SELECT Shop.sys.fn_cdc_map_lsn_to_time(sys.fn_cdc_get_max_lsn())") == mapped[-1][2]
