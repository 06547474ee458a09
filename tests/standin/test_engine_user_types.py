"""Types of CREATE TYPE, and what a change table makes of them and of other columns that are not stored as they read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cdc_driver import changes, enable
from engine_driver import Driver, new_engine

TYPES_OF_COLUMNS = """SELECT c.name, t.name, b.name, c.max_length, c.is_nullable, c.is_sparse, c.is_computed, t.is_assembly_type,
t.is_user_defined FROM sys.columns AS c LEFT JOIN sys.types AS t ON t.user_type_id = c.user_type_id
LEFT JOIN sys.types AS b ON b.user_type_id = c.system_type_id
WHERE c.object_id = OBJECT_ID(N'{table}') AND c.name NOT LIKE N'[_][_]$%' ORDER BY c.column_id"""


@pytest.fixture(name="db")
def database() -> Iterator[Driver]:
    engine = new_engine()
    driver = Driver(engine)
    driver.run("CREATE DATABASE Shop")
    driver.run("USE Shop; EXEC sys.sp_cdc_enable_db; CREATE ASSEMBLY Shapes FROM 0x4D5A")
    driver.run("CREATE TYPE dbo.Phone FROM nvarchar(20) NOT NULL; CREATE TYPE Money2 FROM decimal(9, 2)")
    driver.run("CREATE TYPE dbo.Point EXTERNAL NAME Shapes.[Own.Shapes.Point]")
    yield driver
    engine.close()


TABLE = """CREATE TABLE t (id int IDENTITY PRIMARY KEY, phone dbo.Phone, price Money2 NULL, place dbo.Point,
thin int SPARSE NULL, twice AS id * 2 PERSISTED, stamp rowversion, j json, e vector(2))"""


def test_user_types_are_columns_of_their_own_type_in_the_source_and_of_the_base_type_in_the_change_table(
    db: Driver,
) -> None:
    db.run(TABLE)
    enable(db, "t")
    assert db.rows(TYPES_OF_COLUMNS.format(table="t")) == [
        ("id", "int", "int", 4, 0, 0, 0, 0, 0),
        ("phone", "Phone", "nvarchar", 40, 0, 0, 0, 0, 1),
        ("price", "Money2", "decimal", 5, 1, 0, 0, 0, 1),
        ("place", "Point", None, -1, 1, 0, 0, 1, 1),
        ("thin", "int", "int", 4, 1, 1, 0, 0, 0),
        ("twice", "int", "int", 4, 1, 0, 1, 0, 0),
        ("stamp", "timestamp", "timestamp", 8, 0, 0, 0, 0, 0),
        ("j", "json", "json", -1, 1, 0, 0, 0, 0),
        ("e", "vector", "varbinary", 16, 1, 0, 0, 0, 0),
    ]
    assert db.rows(TYPES_OF_COLUMNS.format(table="cdc.dbo_t_CT")) == [
        ("id", "int", "int", 4, 1, 0, 0, 0, 0),
        ("phone", "nvarchar", "nvarchar", 40, 1, 0, 0, 0, 0),
        ("price", "decimal", "decimal", 5, 1, 0, 0, 0, 0),
        ("place", "Point", None, -1, 1, 0, 0, 1, 1),
        ("thin", "int", "int", 4, 1, 0, 0, 0, 0),
        ("twice", "int", "int", 4, 1, 0, 0, 0, 0),
        ("stamp", "binary", "binary", 8, 1, 0, 0, 0, 0),
        ("j", "json", "json", -1, 1, 0, 0, 0, 0),
        ("e", "vector", "varbinary", 16, 1, 0, 0, 0, 0),
    ]


def test_changes_of_such_columns_are_captured(db: Driver) -> None:
    db.run(TABLE)
    enable(db, "t")
    db.run("INSERT t (phone, price, place, thin) VALUES (N'1', 2.5, CAST(0x01 AS dbo.Point), NULL)")
    db.run("UPDATE t SET place = 0x0203, thin = 7; DELETE t")
    db.scan()
    found = changes(db, "phone, CONVERT(varchar(9), price), place, thin, twice, DATALENGTH(stamp)", "dbo_t")
    assert found == [
        (2, "1", "2.50", b"\x01", None, None, 8),
        (3, "1", "2.50", b"\x01", None, None, 8),
        (4, "1", "2.50", b"\x02\x03", 7, None, 8),
        (1, "1", "2.50", b"\x02\x03", 7, None, 8),
    ]


def test_a_variable_may_have_a_user_type(db: Driver) -> None:
    assert db.rows("DECLARE @p dbo.Phone = N'12', @m Money2 = 1.234; SELECT @p, CONVERT(varchar(9), @m)") == [
        ("12", "1.23")
    ]
    assert db.error("DECLARE @p dbo.Nothing").number == 2715


def test_a_type_in_use_stays(db: Driver) -> None:
    db.run(TABLE)
    assert db.error("DROP TYPE dbo.Point").number == 3732
    assert db.error("DROP ASSEMBLY Shapes").number == 6590
    db.run("DROP TABLE t; DROP TYPE dbo.Point; DROP ASSEMBLY Shapes; DROP TYPE dbo.Phone")
    assert db.rows("SELECT name FROM sys.types WHERE is_user_defined = 1") == [("Money2",)]
    assert db.error("CREATE TABLE u (p dbo.Phone)").number == 243


def test_a_type_of_a_transaction_that_is_rolled_back_is_gone(db: Driver) -> None:
    db.run("BEGIN TRAN; CREATE TYPE dbo.Short FROM char(2); ROLLBACK")
    assert db.error("CREATE TABLE u (p dbo.Short)").number == 243


def test_catalogue_procedures_know_the_types(db: Driver) -> None:
    db.run(TABLE)
    sets = db.run("EXEC sp_columns_100 @table_name = N't'").sets
    named = {row[3]: row[5] for row in sets[-1]}
    assert named["place"] == "Point" and named["j"] == "json" and named["e"] == "vector"


def test_a_collation_for_unicode_alone_is_refused_for_varchar(db: Driver) -> None:
    assert db.error("CREATE TABLE u (v varchar(5) COLLATE Indic_General_100_CI_AS)").number == 459
    db.run(
        "CREATE TABLE u (v nvarchar(5) COLLATE Indic_General_100_CI_AS, w varchar(5) COLLATE Divehi_100_CI_AS_SC_UTF8)"
    )
    db.run("INSERT u VALUES (N'नम', N'ހ')")
    assert db.rows("SELECT * FROM u") == [("नम", "ހ")]
