"""What a run says of a table, `check` and `tables` say as well: one that a run delivers is all right, and one that it
stops is told."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Database, Target
from tests.support import dba, people
from tests.support.people import HIDDEN, MASK_KEY, make_people, write_settings
from tests.support.program import Ended, Program
from tests.support.small_tables import insert, make_tables

FOLLOW = {"CDC_SOURCE_ON_REPLACE": "follow"}


def _assert_all_tell(program: Program, *words: str, **settings: str) -> None:
    """A run ends with 3, `tables` too, `check` with 1; each says all of it."""
    ended = program.once(expect=3, **settings)
    tables, check = program.call("tables", **settings), program.call("check", **settings)
    for said in (ended, tables, check):
        flat = " ".join(said.text.split())
        assert [word for word in words if word not in flat] == [], said.text
    assert (tables.code, check.code) == (3, 1)


def _assert_all_well(program: Program, **settings: str) -> None:
    for said in (program.call("check", **settings), program.call("tables", **settings)):
        assert said.code == 0, said.text
    program.once(**settings)


@pytest.fixture
def shop(database: Database, program: Program) -> Database:
    make_tables(database, "dbo.Orders", "dbo.Items")
    insert(database, "dbo.Orders", [1])
    insert(database, "dbo.Items", [1])
    program.once()
    return database


def _groups(make_program: Callable[..., Program], database: Database, target: Target) -> tuple[Program, Program]:
    return (
        make_program(database.name, target.url, CDC_RUN_GROUP="a", CDC_SOURCE_TABLES="dbo.Orders"),
        make_program(database.name, target.url, CDC_RUN_GROUP="b", CDC_SOURCE_EXCLUDE="dbo.Orders"),
    )


def test_two_groups_that_share_the_tables_find_nothing_to_mend(
    database: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    make_tables(database, "dbo.Orders", "dbo.Items")
    for name in ("dbo.Orders", "dbo.Items"):
        insert(database, name, [1])
    groups = _groups(make_program, database, target)
    for program in groups:
        program.once()
    for program in groups:
        _assert_all_well(program)


def test_a_table_of_another_group_is_told_as_such(
    database: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    make_tables(database, "dbo.Orders", "dbo.Items")
    for name in ("dbo.Orders", "dbo.Items"):
        insert(database, name, [1])
    a, b = _groups(make_program, database, target)
    a.once()
    _assert_all_tell(b, "dbo.Orders", "delivered by another program", "a.json", CDC_SOURCE_EXCLUDE="")
    database.run(dba.rename("dbo.Orders", "Orders_v1"))
    a.once()
    _assert_all_tell(b, "dbo.Orders_v1", "as dbo.Orders", "a.json")


def test_a_table_that_has_gone_on_in_another_folder_is_all_right_and_shown_there(
    database: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    program = make_program(database.name, target.url, CDC_TARGET_ON_TYPE_CHANGE="new_folder")
    make_tables(database, "dbo.Orders")
    insert(database, "dbo.Orders", [1])
    program.once()
    database.run("ALTER TABLE dbo.Orders ALTER COLUMN n nvarchar(20) NULL")
    database.capture()
    database.run("INSERT INTO dbo.Orders VALUES (2, N'x')")
    database.capture()
    program.once()
    _assert_all_well(program)
    (table,) = json.loads(program.call("tables", "--json").out)["tables"]
    assert table["folder"] == f"{database.name}/Orders/cdc_2/"


def test_a_table_that_goes_on_under_a_known_name_as_the_settings_say_is_all_right(
    shop: Database, program: Program
) -> None:
    dba.make(shop, "dbo.Orders_stage")
    shop.run(dba.rename("dbo.Orders", "Orders_old"), dba.rename("dbo.Orders_stage", "Orders"))
    dba.capture(shop, "dbo.Orders", "dbo_Orders_v2")
    insert(shop, "dbo.Orders", [101])
    for _ in range(2):
        _assert_all_well(program, **FOLLOW)


def test_changes_that_cleanup_took_are_told(shop: Database, program: Program) -> None:
    for number in (2, 3):
        insert(shop, "dbo.Orders", [number])
    mark = bytes(shop.connection.value("SELECT MAX([__$start_lsn]) FROM cdc.dbo_Orders_CT")).hex()
    shop.run(f"EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_Orders', @low_water_mark = 0x{mark}")
    _assert_all_tell(program, "dbo.Orders", "gap: ", "accept-gap dbo.Orders --yes")
    _assert_all_well(program, CDC_SOURCE_ON_GAP="continue")


def test_changes_between_two_captures_of_a_table_are_told(shop: Database, program: Program) -> None:
    insert(shop, "dbo.Orders", [2])
    shop.run(dba.capture_off("dbo.Orders"))
    dba.capture(shop, "dbo.Orders", "dbo_Orders_v2")
    insert(shop, "dbo.Orders", [3])
    _assert_all_tell(program, "dbo.Orders", "gap: ", "accept-gap dbo.Orders --yes")


def test_a_column_that_another_entry_kept_back_is_told(
    database: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    program = make_program(database.name, target.url, CDC_TYPES_MASK_KEY=MASK_KEY)
    make_people(database)
    write_settings(program, HIDDEN["hashed"])
    program.once()
    columns = "Id int NOT NULL PRIMARY KEY, Mail nvarchar(60) NULL, Note nvarchar(60) NULL"
    dba.make(database, "dbo.Person_stage", columns)
    database.run(dba.rename("dbo.Person", "Person_old"), dba.rename("dbo.Person_stage", "Person"))
    dba.capture(database, "dbo.Person", "dbo_Person_v2")
    people.insert(database, 101)
    program.call("run", "--once", **FOLLOW)
    people.insert(database, 2, "dbo.Person_old")
    _assert_all_tell(program, "dbo.Person_old", "Mail", **FOLLOW)


def test_a_table_that_is_not_captured_any_more_is_told(shop: Database, program: Program) -> None:
    shop.run(dba.capture_off("dbo.Orders"))
    _assert_all_tell(program, "dbo.Orders", "sp_cdc_enable_table for dbo.Orders")


def test_a_folder_of_an_entry_that_no_setting_selects_is_not_given_to_another_table(
    shop: Database, program: Program
) -> None:
    shop.run(dba.capture_off("dbo.Orders"))
    make_tables(shop, "Archive.Orders")
    insert(shop, "Archive.Orders", [101])
    _assert_all_tell(program, "Archive.Orders", "dbo.Orders already uses the folder", CDC_SOURCE_EXCLUDE="dbo.Orders")


def test_a_name_that_went_over_to_another_table_keeps_nobody_waiting(shop: Database, program: Program) -> None:
    """dbo.Orders was renamed and then dropped; another table has its last name, and a folder of its own."""
    shop.run(dba.rename("dbo.Orders", "Orders_v1"))
    insert(shop, "dbo.Orders_v1", [2])
    program.once()
    shop.run("DROP TABLE dbo.Orders_v1")
    make_tables(shop, "dbo.Orders_v1")
    insert(shop, "dbo.Orders_v1", [101])
    said = program.once(expect=3).text
    assert "sp_cdc_enable_table for dbo.Orders_v1" not in said
    _assert_all_well(program, CDC_SOURCE_EXCLUDE="dbo.Orders")


def test_nobody_is_told_to_capture_a_table_that_has_taken_the_name_of_one_that_is_gone(
    database: Database, program: Program
) -> None:
    make_tables(database, "dbo.Orders", "dbo.Orders_stage")
    insert(database, "dbo.Orders", [1])
    insert(database, "dbo.Orders_stage", [101])
    program.once()
    database.run("DROP TABLE dbo.Orders", dba.rename("dbo.Orders_stage", "Orders"))
    _assert_all_tell(program, "dbo.Orders", "delivered as dbo.Orders_stage", "name dbo.Orders in [source] exclude")
    assert "enable_table for dbo.Orders" not in _flat(program.call("run", "--once"))
    _assert_all_well(program, CDC_SOURCE_EXCLUDE="dbo.Orders")


def _flat(ended: Ended) -> str:
    return " ".join(ended.text.split())
