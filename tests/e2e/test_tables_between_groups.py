"""What a DBA does to tables while groups share them: a table stays with the group that has it, whatever it is called
today, and the other group tells it by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Database, Target
from tests.support import dba, people
from tests.support.judge import judge
from tests.support.people import HIDDEN, MASK_KEY, assert_nothing_in_clear, make_people, write_settings
from tests.support.program import Program, wait_until
from tests.support.small_tables import delivered_ids, folders, insert, make_tables

FOLLOW = {"CDC_SOURCE_ON_REPLACE": "follow"}


@pytest.fixture
def group(make_program: Callable[..., Program], database: Database, target: Target) -> Callable[..., Program]:
    def make(name: str, **settings: str) -> Program:
        program = make_program(database.name, target.url, CDC_TYPES_MASK_KEY=MASK_KEY, CDC_RUN_GROUP=name, **settings)
        write_settings(program, HIDDEN["hashed"])
        return program

    return make


def _all_ids(database: Database, target: Target) -> list[int]:
    keys = target.keys(f"{database.name}/")
    return [row.get("id", row.get("Id")) for key in keys for row in judge([target.get(key)]).rows]


def test_a_table_that_is_renamed_stays_with_its_group_and_the_other_one_tells_it(
    database: Database, target: Target, group: Callable[..., Program]
) -> None:
    make_people(database)
    a, b = group("a", CDC_SOURCE_TABLES="dbo.Person"), group("b", CDC_SOURCE_EXCLUDE="dbo.Person")
    a.once()
    b.once()
    database.run(dba.rename("dbo.Person", "Person_v1"))
    people.insert(database, 2, "dbo.Person_v1")
    a.once()
    said = b.once(expect=3).text
    for words in ("dbo.Person_v1", "as dbo.Person", f"{database.name}/a.json", "exclude"):
        assert words in said
    assert folders(database, target) == {"Person"}
    assert people.ids(database, target) == [1, 2]
    assert_nothing_in_clear(target)
    # As it says.
    b.once(CDC_SOURCE_EXCLUDE="dbo.Person,dbo.Person_v1")


def test_a_table_that_is_renamed_beside_two_daemons_is_delivered_by_one(
    database: Database, target: Target, group: Callable[..., Program]
) -> None:
    make_people(database)
    a, b = group("a", CDC_SOURCE_TABLES="dbo.Person"), group("b", CDC_SOURCE_EXCLUDE="dbo.Person")
    for program in (a, b):
        program.start()
    wait_until(lambda: folders(database, target) == {"Person"}, "that the first delivers")
    wait_until(lambda: "table_added table=dbo.Items" in b.log_text(), "that the second has its table")
    database.run(dba.rename("dbo.Person", "Person_v1"))
    people.insert(database, 2, "dbo.Person_v1")
    wait_until(lambda: people.ids(database, target) == [1, 2], "that the group goes on")
    wait_until(lambda: "table_stopped table=dbo.Person_v1" in b.log_text(), "that the other one tells it")
    for program in (a, b):
        assert program.stop() in (0, 3)
    assert folders(database, target) == {"Person"}
    assert_nothing_in_clear(target)


def test_a_table_that_goes_over_to_another_groups_schema_stays_with_its_group(
    database: Database, target: Target, group: Callable[..., Program]
) -> None:
    make_people(database)
    path = "{database}/{schema}/{table}/cdc"
    a = group("a", CDC_SOURCE_TABLES="dbo.*", CDC_TARGET_PATH=path)
    b = group("b", CDC_SOURCE_TABLES="Archive.*", CDC_TARGET_PATH=path)
    dba.make(database, "Archive.Items")
    dba.capture(database, "Archive.Items", "Archive_Items")
    a.once()
    b.once()
    database.run(dba.transfer("dbo.Person", "Archive"))
    people.insert(database, 2, "Archive.Person")
    a.once()
    assert "as dbo.Person" in b.once(expect=3).text
    assert not target.keys(f"{database.name}/Archive/")
    assert sorted(_all_ids(database, target)) == [1, 2]
    assert_nothing_in_clear(target)


def test_a_table_that_was_swapped_out_of_one_group_begins_in_the_other_where_that_one_ended(
    database: Database, target: Target, group: Callable[..., Program]
) -> None:
    """What was masked under its earlier name is not shown under the new one."""
    make_people(database)
    a, b = group("a", CDC_SOURCE_TABLES="dbo.Person", **FOLLOW), group("b", CDC_SOURCE_EXCLUDE="dbo.Person")
    a.once()
    b.once()
    dba.make(
        database, "dbo.Person_stage", "Id int NOT NULL PRIMARY KEY, Mail nvarchar(60) NULL, Note nvarchar(60) NULL"
    )
    database.run(dba.rename("dbo.Person", "Person_old"), dba.rename("dbo.Person_stage", "Person"))
    dba.capture(database, "dbo.Person", "dbo_Person_v2")
    people.insert(database, 101)
    a.once()
    people.insert(database, 2, "dbo.Person_old")
    said = b.once(expect=3).text
    assert "dbo.Person_old" in said
    assert "Mail" in said
    assert folders(database, target) == {"Person"}
    assert_nothing_in_clear(target)
    write_settings(b, {"dbo.Person_old": {"column": {"Mail": {"mask": "hash"}}}})
    b.once()
    assert people.ids(database, target) == [1, 101]
    assert [row["Id"] for row in judge(target.objects(database.name, "Person_old")).rows] == [2]
    assert_nothing_in_clear(target)


def test_a_table_that_another_group_delivers_is_not_followed_under_a_name_of_this_one(
    database: Database, target: Target, group: Callable[..., Program]
) -> None:
    a, b = group("a", CDC_SOURCE_TABLES="dbo.Orders", **FOLLOW), group("b", CDC_SOURCE_EXCLUDE="dbo.Orders")
    make_tables(database, "dbo.Orders", "dbo.Orders_stage")
    insert(database, "dbo.Orders", [1])
    insert(database, "dbo.Orders_stage", [101])
    a.once()
    b.once()
    database.run(dba.rename("dbo.Orders", "Orders_old"), dba.rename("dbo.Orders_stage", "Orders"))
    insert(database, "dbo.Orders", [102])
    said = a.once(expect=3).text
    for words in ("dbo.Orders", "as dbo.Orders_stage", f"{database.name}/b.json"):
        assert words in said
    b.call("run", "--once")
    assert sorted(_all_ids(database, target)) == [1, 101, 102]
    assert delivered_ids(database, target, "Orders_stage") == [101, 102]


def test_where_groups_are_given_up_a_renamed_table_still_belongs_to_the_groups_document(
    database: Database, target: Target, group: Callable[..., Program]
) -> None:
    make_people(database)
    group("a").once()
    database.run(dba.rename("dbo.Person", "Person_v1"))
    people.insert(database, 2, "dbo.Person_v1")
    said = group("").once(expect=3).text
    assert "as dbo.Person" in said
    assert folders(database, target) == {"Person"}
    assert_nothing_in_clear(target)
