"""A state document that is lost or set back, and a new history: the objects tell what it remembered, so that no row
comes twice and nothing that was kept back is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from standin.load.connection import Connection, quoted
from tests.e2e.conftest import Database, Target
from tests.support import dba
from tests.support.judge import judge
from tests.support.people import (
    HIDDEN,
    MASK_KEY,
    assert_nothing_in_clear,
    assert_told,
    ids,
    make_people,
    write_settings,
)
from tests.support.people import (
    insert as insert_person,
)
from tests.support.program import Program
from tests.support.small_tables import delivered_ids, document, folders, insert, make_tables

FOLLOW = {"CDC_SOURCE_ON_REPLACE": "follow"}
PERSON = "Id int NOT NULL PRIMARY KEY, Mail nvarchar(60) NULL, Note nvarchar(60) NULL"


@pytest.fixture
def program(make_program: Callable[..., Program], database: Database, target: Target) -> Program:
    return make_program(database.name, target.url, CDC_TYPES_MASK_KEY=MASK_KEY)


def _swap(shop: Database, old: str = "Orders_old", instance: str = "dbo_Orders_v2") -> None:
    """Another table has the name Orders from now on, and is captured."""
    dba.make(shop, "dbo.Orders_stage")
    shop.run(dba.rename("dbo.Orders", old), dba.rename("dbo.Orders_stage", "Orders"))
    dba.capture(shop, "dbo.Orders", instance)


def _swap_people(shop: Database) -> None:
    dba.make(shop, "dbo.Person_stage", PERSON)
    shop.run(dba.rename("dbo.Person", "Person_old"), dba.rename("dbo.Person_stage", "Person"))
    dba.capture(shop, "dbo.Person", "dbo_Person_v2")
    insert_person(shop, 101)


def _lose(target: Target, database: Database) -> None:
    target.delete(target.state_key(database.name))


def _all_ids(database: Database, target: Target) -> list[int]:
    return sorted(number for name in folders(database, target) for number in delivered_ids(database, target, name))


def _of_both_histories(database: Database, target: Target, name: str) -> list[int]:
    """The judge of a folder knows one history; here only its rows count."""
    return [row.get("Id", row.get("id")) for row in judge(target.objects(database.name, name)).rows]


def _deliver_then_follow(shop: Database, program: Program, rows: int) -> None:
    """Three objects of the first table, then some of the one that follows it."""
    make_tables(shop, "dbo.Orders")
    for number in (1, 2, 3):
        insert(shop, "dbo.Orders", [number])
        program.once()
    _swap(shop)
    for number in range(101, 101 + rows):
        insert(shop, "dbo.Orders", [number])
        program.once(**FOLLOW)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("start", ["oldest", "now"])
def test_an_earlier_table_of_a_folder_does_not_come_again(
    database: Database, target: Target, program: Program, start: str, rows: int
) -> None:
    _deliver_then_follow(database, program, rows)
    _lose(target, database)
    assert program.call("adopt", "--yes", CDC_SOURCE_START=start).code == 0
    database.run("INSERT INTO dbo.Orders_old VALUES (4, 0)")
    database.capture()
    program.once(CDC_SOURCE_START=start)
    assert _all_ids(database, target) == [1, 2, 3, 4, *range(101, 101 + rows)]
    assert delivered_ids(database, target, "Orders_old") == [4]


def test_no_table_of_a_chain_comes_again(database: Database, target: Target, program: Program) -> None:
    only = {"CDC_SOURCE_TABLES": "dbo.Orders"}
    make_tables(database, "dbo.Orders")
    insert(database, "dbo.Orders", [1])
    program.once(**only)
    for number in (1, 2):
        _swap(database, old=f"Orders_old{number}", instance=f"dbo_Orders_v{number + 1}")
        insert(database, "dbo.Orders", [100 * number])
        program.once(**FOLLOW, **only)
    _lose(target, database)
    assert program.call("adopt", "--yes", **only).code == 0
    program.once()
    assert _all_ids(database, target) == [1, 100, 200]


def test_what_a_consumer_has_moved_away_does_not_come_again(
    database: Database, target: Target, program: Program
) -> None:
    _deliver_then_follow(database, program, 2)
    for key in target.keys(f"{database.name}/Orders/")[:-1]:
        target.delete(key)
    _lose(target, database)
    assert program.call("adopt", "--yes").code == 0
    program.once()
    assert [row["id"] for row in judge(target.objects(database.name, "Orders")).rows] == [102]
    assert folders(database, target) == {"Orders"}


def test_a_table_that_goes_on_elsewhere_has_one_entry(database: Database, target: Target, program: Program) -> None:
    """The one that has its name is empty yet, so the last object of its folder is still one of the earlier table's."""
    make_tables(database, "dbo.Orders")
    insert(database, "dbo.Orders", [1])
    program.once()
    _swap(database)
    insert(database, "dbo.Orders_old", [2])
    program.once(**FOLLOW)
    insert(database, "dbo.Orders_old", [3])
    program.once()
    program.once()
    _lose(target, database)
    assert program.call("adopt", "--yes").code == 0
    entries = document(database, target)["tables"]
    assert {name: entry["source_object_id"] > 0 for name, entry in entries.items()} == {
        "dbo.Orders": False,
        "dbo.Orders_old": True,
    }
    insert(database, "dbo.Orders_old", [4])
    insert(database, "dbo.Orders", [101])
    told = program.once(expect=3).text
    assert "dbo.Orders" in told and "follow" in told
    for _ in range(2):
        program.call("run", "--once", **FOLLOW)
    program.once(**FOLLOW)
    assert _all_ids(database, target) == [1, 2, 3, 4, 101]


def test_a_document_of_before_a_follow_is_brought_forward(database: Database, target: Target, program: Program) -> None:
    only = {"CDC_SOURCE_TABLES": "dbo.Orders", **FOLLOW}
    make_tables(database, "dbo.Orders")
    insert(database, "dbo.Orders", [1])
    program.once()
    old = target.get(target.state_key(database.name)).data
    insert(database, "dbo.Orders", [2])
    _swap(database)
    for number in (101, 102):
        insert(database, "dbo.Orders", [number])
        program.once(**only)
    target.put(target.state_key(database.name), old)
    assert "adopt" in program.once(expect=1, **only).text
    assert program.call("adopt", "--yes", **only).code == 0
    insert(database, "dbo.Orders", [103])
    program.once(**only)
    assert delivered_ids(database, target, "Orders") == [1, 2, 101, 102, 103]
    database.run("INSERT INTO dbo.Orders_old VALUES (3, 0)")
    database.capture()
    program.once()
    assert delivered_ids(database, target, "Orders_old") == [3]


@pytest.mark.parametrize("start", ["oldest", "now"])
def test_an_earlier_tables_columns_stay_kept_back(
    database: Database, target: Target, program: Program, start: str
) -> None:
    make_people(database)
    write_settings(program, HIDDEN["hashed"])
    program.once()
    _swap_people(database)
    program.call("run", "--once", **FOLLOW)
    _lose(target, database)
    assert program.call("adopt", "--yes", CDC_SOURCE_START=start).code == 0
    insert_person(database, 2, "dbo.Person_old")
    told = program.once(expect=3, CDC_SOURCE_START=start).text
    assert "dbo.Person_old" in told and "Mail" in told
    assert_nothing_in_clear(target)
    assert ids(database, target) == [1, 101]


@pytest.mark.parametrize(
    "change", [[], [dba.rename_column("dbo.Person", "Mail", "Email")]], ids=["rule gone", "renamed"]
)
def test_a_left_out_column_stays_so_where_its_instance_is_gone(
    database: Database, target: Target, program: Program, change: list[str]
) -> None:
    make_people(database)
    write_settings(program, HIDDEN["left out"])
    program.once()
    _lose(target, database)
    database.run(dba.capture_off("dbo.Person"), *change)
    dba.capture(database, "dbo.Person", "dbo_Person_v2")
    insert_person(database, 2)
    assert program.call("adopt", "--yes").code == 0
    if not change:
        write_settings(program, {})
    told = program.call("run", "--once", "--on-gap", "continue")
    assert told.code == 3
    assert_told(told.text, "Email" if change else "Mail")


def test_a_table_that_is_not_selected_when_the_document_is_made_anew_is_known_later(
    database: Database, target: Target, program: Program
) -> None:
    make_people(database)
    write_settings(program, HIDDEN["hashed"])
    program.once()
    _lose(target, database)
    without = {"CDC_SOURCE_EXCLUDE": "dbo.Person"}
    plan = program.call("adopt", "--yes", **without)
    assert plan.code == 0 and "no setting selects it" in plan.text
    program.once(**without)
    database.run(dba.rename("dbo.Person", "Person_v1"))
    insert_person(database, 2, "dbo.Person_v1")
    program.once()
    assert ids(database, target) == [1, 2]
    assert folders(database, target) == {"Person"}
    assert_nothing_in_clear(target)


def test_a_new_history_knows_a_table_that_was_not_captured_when_it_began(
    database: Database, target: Target, program: Program
) -> None:
    make_people(database)
    write_settings(program, HIDDEN["hashed"])
    program.once()
    database.run(dba.capture_off("dbo.Person"))
    assert program.call("adopt", "--new-history", "--start", "now", "--yes").code == 0
    database.run(dba.rename("dbo.Person", "Person_v1"))
    dba.capture(database, "dbo.Person_v1", "dbo_Person_v2")
    insert_person(database, 2, "dbo.Person_v1")
    program.call("run", "--once", "--on-gap", "continue")
    assert folders(database, target) == {"Person"}
    assert 2 in _of_both_histories(database, target, "Person")
    assert_nothing_in_clear(target)


def test_a_new_history_after_a_lost_document_goes_by_the_objects_source_table(
    database: Database, target: Target, program: Program
) -> None:
    make_people(database)
    write_settings(program, HIDDEN["hashed"])
    program.once()
    _swap_people(database)
    insert_person(database, 2, "dbo.Person_old")
    _lose(target, database)
    assert program.call("adopt", "--new-history", "--start", "oldest", "--yes").code == 0
    told = program.once(expect=3).text
    assert "dbo.Person" in told and "follow" in told
    assert_nothing_in_clear(target)
    assert folders(database, target) == {"Person"}


def test_a_new_history_remembers_earlier_tables(database: Database, target: Target, program: Program) -> None:
    make_people(database)
    write_settings(program, HIDDEN["hashed"])
    program.once()
    _swap_people(database)
    program.call("run", "--once", **FOLLOW)
    assert program.call("adopt", "--new-history", "--start", "now", "--yes").code == 0
    insert_person(database, 5, "dbo.Person_old")
    told = program.once(expect=3).text
    assert "dbo.Person_old" in told and "Mail" in told
    assert_nothing_in_clear(target)


def test_a_renamed_table_is_the_same_one_in_a_new_history_with_a_new_broker(
    database: Database, target: Target, program: Program
) -> None:
    make_people(database)
    write_settings(program, HIDDEN["hashed"])
    program.once()
    database.run(dba.rename("dbo.Person", "Person_v1"))
    insert_person(database, 2, "dbo.Person_v1")
    program.once()
    database.connection.close()
    with Connection(database.server.address) as master:
        master.run_all([f"ALTER DATABASE {quoted(database.name)} SET NEW_BROKER WITH ROLLBACK IMMEDIATE"])
    database.connection = database.connect()
    assert program.call("adopt", "--new-history", "--start", "now", "--yes").code == 0
    insert_person(database, 3, "dbo.Person_v1")
    program.once()
    assert _of_both_histories(database, target, "Person") == [1, 2, 3]
    assert folders(database, target) == {"Person"}
    assert_nothing_in_clear(target)


def test_a_new_history_gives_two_entries_never_one_table(database: Database, target: Target, program: Program) -> None:
    make_tables(database, "dbo.Orders", "dbo.Orders_v1")
    insert(database, "dbo.Orders", [1])
    insert(database, "dbo.Orders_v1", [1001])
    program.once()
    database.run("DROP TABLE dbo.Orders_v1", dba.rename("dbo.Orders", "Orders_v1"))
    _lose(target, database)
    assert program.call("adopt", "--new-history", "--start", "now", "--yes").code == 0
    insert(database, "dbo.Orders_v1", [2])
    program.call("run", "--once")
    found = {name: _of_both_histories(database, target, name) for name in ("Orders", "Orders_v1")}
    assert found == {"Orders": [1, 2], "Orders_v1": [1001]}
