"""Statements: what load scripts and clients send."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from engine_driver import Driver, new_engine

from standin.model import DatabaseChanged, Param, SqlError, SqlType


@pytest.fixture
def db() -> Iterator[Driver]:
    engine = new_engine()
    driver = Driver(engine)
    driver.run("CREATE DATABASE Shop")
    driver.run("USE Shop; CREATE TABLE t (id int PRIMARY KEY, n nvarchar(20), q int)")
    driver.run("INSERT t VALUES (1, N'one', 10), (2, N'two', 20), (3, N'three', NULL)")
    yield driver
    engine.close()


def test_not_like_is_the_opposite_of_like(db: Driver) -> None:
    rows = db.rows(
        "SELECT IIF('ab' NOT LIKE 'a%', 1, 0), IIF('ab' NOT LIKE 'b%', 1, 0), IIF('a_' NOT LIKE 'a!_' ESCAPE '!', 1, 0)"
    )
    assert rows == [(0, 1, 0)]


def test_control_of_flow(db: Driver) -> None:
    result = db.run(
        """
        DECLARE @i int = 0, @text nvarchar(100) = N''
        WHILE @i < 10
        BEGIN
            SET @i += 1
            IF @i = 3 CONTINUE
            IF @i > 5 BREAK
            SET @text = @text + CAST(@i AS nvarchar(10)) + N','
        END
        IF EXISTS (SELECT 1 FROM t WHERE id = @i) SELECT N'yes' ELSE SELECT @text
        PRINT N'done ' + @text
        RETURN
        SELECT 'not reached'
        """
    )
    assert result.sets == [[("1,2,4,5,",)]]
    assert [i.message for i in result.infos] == ["done 1,2,4,5,"]


def test_try_catch_throw_and_raiserror(db: Driver) -> None:
    result = db.run(
        """
        BEGIN TRY
            INSERT t VALUES (1, N'again', 0)
            SELECT 'not reached'
        END TRY
        BEGIN CATCH
            SELECT ERROR_NUMBER(), ERROR_SEVERITY()
        END CATCH
        RAISERROR('low %d %s', 10, 1, 5, 'x') WITH NOWAIT
        RAISERROR('high', 16, 2)
        SELECT 'goes on'
        """
    )
    assert result.sets == [[(2627, 14)], [("goes on",)]]
    assert [(e.number, e.message, e.state) for e in result.errors] == [(50000, "high", 2)]
    assert result.infos[0].message == "low 5 x"
    with pytest.raises(SqlError) as raised:
        db.run("BEGIN TRY SELECT 1/0 END TRY BEGIN CATCH THROW END CATCH SELECT 'not reached'")
    assert raised.value.number == 8134
    with pytest.raises(SqlError) as raised:
        db.run("THROW 51000, N'mine', 3")
    assert (raised.value.number, raised.value.state) == (51000, 3)


def test_try_catches_what_fails_inside_dynamic_sql(db: Driver) -> None:
    inner = "INSERT t VALUES (1, N''x'', 0); SELECT 0"
    ask = f"BEGIN TRY EXEC sp_executesql N'{inner}' END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH"
    assert db.run(ask).sets == [[(2627,)]]
    assert db.run(
        "BEGIN TRY EXEC('SELECT * FROM nosuch') END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH"
    ).rows == [(208,)]


def test_statement_errors_let_the_batch_go_on_and_conversion_errors_end_it(db: Driver) -> None:
    result = db.run("INSERT t VALUES (1, N'x', 0); SELECT 1/0; SELECT 'on'")
    assert [e.number for e in result.errors] == [2627, 8134]
    assert result.rows == [("on",)]
    with pytest.raises(SqlError) as raised:
        db.run("BEGIN TRAN; UPDATE t SET q = 0; SELECT CAST('x' AS int); SELECT 'not reached'")
    assert raised.value.number == 245
    assert db.rows("SELECT @@TRANCOUNT, MAX(q) FROM t") == [(0, 20)]


def test_row_counts_and_nocount(db: Driver) -> None:
    assert db.run("UPDATE t SET q = 1; SELECT @@ROWCOUNT").sets == [[(3,)]]
    assert db.run("UPDATE t SET q = 1 WHERE id < 3").counts == [2]
    assert db.run("SET NOCOUNT ON; UPDATE t SET q = 1; SET NOCOUNT OFF").counts == [None, None, None]


def test_select_with_everything(db: Driver) -> None:
    rows = db.rows(
        """
        WITH big AS (SELECT id, n, q, ROW_NUMBER() OVER (ORDER BY q DESC) AS rn FROM t WHERE q IS NOT NULL)
        SELECT TOP (5) b.rn, b.n, x.word, COALESCE(b.q, 0) + 1 AS q1
        FROM big AS b LEFT JOIN (VALUES (1, 'uno'), (9, 'nove')) AS x(id, word) ON x.id = b.id
        WHERE EXISTS (SELECT * FROM t AS o WHERE o.id = b.id) AND b.n LIKE N'%o%'
        ORDER BY b.rn DESC
        """
    )
    assert rows == [(2, "one", "uno", 11), (1, "two", None, 21)]
    assert db.rows("SELECT q, COUNT(*), SUM(id) FROM t GROUP BY q HAVING COUNT(*) = 1 ORDER BY q") == [
        (None, 1, 3),
        (10, 1, 1),
        (20, 1, 2),
    ]
    assert db.rows("SELECT id FROM t ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY") == [(2,)]
    assert db.rows("SELECT id FROM t UNION ALL SELECT id FROM t EXCEPT SELECT 2 ORDER BY 1 DESC") == [(3,), (1,)]
    assert db.rows("SELECT a.id, c.v FROM t a CROSS APPLY (SELECT a.id * 2 AS v) c WHERE a.id IN (SELECT 3)") == [
        (3, 6)
    ]
    assert db.rows("SELECT AVG(q), AVG(q * 1.0) FROM t") == [(15, Decimal("15.000000"))]


def test_a_union_of_many_hundreds_of_queries(db: Driver) -> None:
    ask = " UNION ALL ".join(f"SELECT {i} AS x WHERE EXISTS (SELECT 1 FROM t WHERE id = {i})" for i in range(900))
    assert db.rows(ask) == [(1,), (2,), (3,)]


def test_recursive_common_table_expressions(db: Driver) -> None:
    ask = "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT COUNT(*), MAX(i) FROM n OPTION (MAXRECURSION 0)"
    assert db.rows(ask) == [(50, 50)]


def test_update_from_delete_from_and_output(db: Driver) -> None:
    db.run(
        "UPDATE x SET q = v.q, n = x.n + N'!' FROM t AS x JOIN (VALUES (1, 100), (3, 300)) AS v(id, q) ON v.id = x.id"
    )
    assert db.rows("SELECT q FROM t ORDER BY id") == [(100,), (20,), (300,)]
    assert db.rows("UPDATE TOP (1) t SET q += 1 OUTPUT deleted.q, inserted.q WHERE id = 1") == [(100, 101)]
    assert db.rows("DELETE FROM t OUTPUT deleted.id WHERE id > 2") == [(3,)]
    assert db.rows("INSERT t (id, n) OUTPUT inserted.id, inserted.q VALUES (9, N'nine'), (8, N'eight')") == [
        (9, None),
        (8, None),
    ]
    db.run("DELETE a FROM t AS a WHERE EXISTS (SELECT 1 FROM t AS b WHERE b.id > a.id)")
    assert db.rows("SELECT id FROM t") == [(9,)]


def test_common_table_expressions_over_one_table_can_be_changed(db: Driver) -> None:
    db.run("WITH c AS (SELECT *, ROW_NUMBER() OVER (ORDER BY id DESC) AS rn FROM t) UPDATE c SET q = rn WHERE rn < 3")
    assert db.rows("SELECT id, q FROM t ORDER BY id") == [(1, 10), (2, 2), (3, 1)]
    assert db.run("WITH c AS (SELECT TOP (2) * FROM t ORDER BY id) DELETE FROM c").counts == [2]
    assert db.rows("SELECT id FROM t") == [(3,)]
    assert db.error("WITH c AS (SELECT q FROM t GROUP BY q) DELETE FROM c").number == 40000


def test_identity_defaults_and_computed_columns(db: Driver) -> None:
    db.run(
        "CREATE TABLE i (id int IDENTITY(10, 5), a int NOT NULL DEFAULT (7), twice AS a * 2, at datetime2 DEFAULT SYSUTCDATETIME())"
    )
    db.run("INSERT i DEFAULT VALUES; INSERT i (a) VALUES (DEFAULT), (3)")
    assert db.rows("SELECT id, a, twice FROM i ORDER BY id") == [(10, 7, 14), (15, 7, 14), (20, 3, 6)]
    assert db.value("SELECT SCOPE_IDENTITY()") == Decimal(20)
    assert db.error("INSERT i (id) VALUES (1)").number == 544
    assert db.error("INSERT i (twice) VALUES (1)").number == 271
    db.run(
        "SET IDENTITY_INSERT i ON; INSERT i (id, a) VALUES (100, 1); SET IDENTITY_INSERT i OFF; INSERT i (a) VALUES (2)"
    )
    assert db.value("SELECT MAX(id) FROM i") == 105


def test_temporary_tables_and_table_variables(db: Driver) -> None:
    db.run(
        "SELECT id, n INTO #copy FROM t WHERE id < 3; CREATE TABLE #other (id int PRIMARY KEY); INSERT #other SELECT id FROM #copy"
    )
    assert db.rows("SELECT c.n FROM #copy c JOIN #other o ON o.id = c.id ORDER BY c.id") == [("one",), ("two",)]
    assert db.rows(
        "DECLARE @v TABLE (id int, n nvarchar(5)); INSERT @v SELECT id, n FROM t; SELECT COUNT(*) FROM @v"
    ) == [(3,)]
    assert db.error("INSERT #other VALUES (1)").number == 2627
    db.run("DROP TABLE #copy, #other")
    assert db.error("SELECT * FROM #copy").number == 208


def test_batches_need_no_semicolons(db: Driver) -> None:
    result = db.run(
        "SELECT 1 SELECT 2 DECLARE @a int SET @a = 3 SELECT @a IF @a = 3 SELECT 4 ELSE SELECT 5 EXEC sp_executesql N'SELECT 6'"
    )
    assert [s[0][0] for s in result.sets] == [1, 2, 3, 4, 6]


def test_dynamic_sql_with_parameters(db: Driver) -> None:
    ask = "DECLARE @n int; EXEC sp_executesql N'SELECT @out = COUNT(*) FROM t WHERE id > @low', N'@low int, @out int OUTPUT', 1, @n OUTPUT; SELECT @n"
    assert db.value(ask) == 2
    assert db.rows("EXEC('SELECT ' + '1 + 1')") == [(2,)]


def test_use_changes_the_database(db: Driver) -> None:
    result = db.run("USE master; SELECT DB_NAME()")
    assert result.value == "master"
    assert [e for e in result.others if isinstance(e, DatabaseChanged)] == [DatabaseChanged("Shop", "master")]
    assert db.value("SELECT COUNT(*) FROM Shop.dbo.t") == 3
    assert db.value("SELECT COUNT(*) FROM Shop..t") == 3


def test_the_catalogue_describes_tables(db: Driver) -> None:
    db.run(
        "CREATE TABLE d (a int IDENTITY, b AS a * 2, c decimal(9, 2) NOT NULL, e nvarchar(max), f varchar(7) COLLATE Latin1_General_BIN2)"
    )
    rows = db.rows(
        "SELECT c.name, TYPE_NAME(c.user_type_id), c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity, c.is_computed, "
        "c.collation_name FROM sys.columns AS c WHERE c.object_id = OBJECT_ID(N'dbo.d') ORDER BY c.column_id"
    )
    assert rows == [
        ("a", "int", 4, 10, 0, 0, 1, 0, None),
        ("b", "int", 4, 10, 0, 1, 0, 1, None),
        ("c", "decimal", 5, 9, 2, 0, 0, 0, None),
        ("e", "nvarchar", -1, 0, 0, 1, 0, 0, "SQL_Latin1_General_CP1_CI_AS"),
        ("f", "varchar", 7, 0, 0, 1, 0, 0, "Latin1_General_BIN2"),
    ]
    assert db.rows("SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES ORDER BY 1") == [("d",), ("t",)]


def test_describe_gives_columns_without_running(db: Driver) -> None:
    columns = db.session.describe("DELETE t; SELECT id, n AS name, @p AS p FROM t", [Param("@p", SqlType("int"), None)])
    assert [(c.name, c.type.name, c.nullable) for c in columns] == [
        ("id", "int", False),
        ("name", "nvarchar", True),
        ("p", "int", True),
    ]
    assert db.value("SELECT COUNT(*) FROM t") == 3
    assert db.session.describe("DELETE t", []) == []


def test_insert_exec_takes_a_procedures_rows(db: Driver) -> None:
    db.run("CREATE TABLE names (name sysname, size int, remarks varchar(254)); INSERT names EXEC sp_databases")
    assert ("Shop",) in db.rows("SELECT name FROM names")


@pytest.mark.parametrize(
    ("sql", "number"),
    [
        ("SELECT * FROM nosuch", 208),
        ("SELECT nosuch FROM t", 207),
        ("SELECT x.id FROM t", 4104),
        ("SELECT id FROM t AS a, t AS b", 209),
        ("EXEC nosuch", 2812),
        ("EXEC sys.sp_cdc_enable_table @nosuch = 1", 8145),
        ("EXEC sys.sp_cdc_enable_table", 201),
        ("SELECT FROM", 102),
        ("SELECT 'open", 105),
        ("INSERT t VALUES (1)", 213),
        ("INSERT t (id) VALUES (1, 2)", 110),
        ("CREATE TABLE t (id int)", 2714),
        ("CREATE TABLE nosuch.t (id int)", 2760),
        ("DROP TABLE nosuch", 3701),
        ("USE nosuch", 911),
        ("CREATE DATABASE Shop", 1801),
        ("SELECT id FROM t FOR XML PATH('')", 40000),
        ("CREATE VIEW v AS SELECT 1 AS x", 40000),
        ("CREATE TABLE f (id int REFERENCES t (id))", 40000),
    ],
)
def test_what_is_wrong_or_not_understood_is_an_error_with_its_number(db: Driver, sql: str, number: int) -> None:
    error = db.error(sql)
    assert error.number == number, error
    if number == 40000:
        assert error.message.startswith("stand-in: unsupported")


def test_nothing_half_done_remains_of_a_failed_insert(db: Driver) -> None:
    assert db.error("INSERT t SELECT value, N'x', 0 FROM GENERATE_SERIES(50, 1, -1)").number == 2627
    assert db.value("SELECT COUNT(*) FROM t") == 3


def test_check_constraints_are_enforced(db: Driver) -> None:
    db.run("CREATE TABLE c (v int CONSTRAINT positive CHECK (v > 0))")
    assert db.error("INSERT c VALUES (-1)").number == 547
    db.run("INSERT c VALUES (1), (NULL)")
    assert db.error("UPDATE c SET v = 0").number == 547
    assert db.value("SELECT COUNT(*) FROM c") == 2


def test_unique_indexes_hold_one_null(db: Driver) -> None:
    db.run("CREATE TABLE u (v int NULL); CREATE UNIQUE INDEX ix ON u (v); INSERT u VALUES (NULL), (1)")
    assert db.error("INSERT u VALUES (NULL)").number == 2601
    assert db.error("INSERT u VALUES (1)").number == 2601
