"""Which tables are delivered: patterns, what is left out, and tables that are left out for a while."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.judge import judge
from tests.support.program import Program
from tests.support.small_tables import (
    assert_all_delivered,
    complete_through,
    delivered_ids,
    document,
    folders,
    insert,
    make_tables,
    newest,
)

ALL = ("Person.Person", "Person.Address", "Sales.Orders", "Sales.OrderLines", "dbo.Notes")

# tables, exclude -> the tables that are delivered.
PATTERNS: list[tuple[str, str, set[str]]] = [
    ("", "", {"Person", "Address", "Orders", "OrderLines", "Notes"}),
    ("Person.*", "", {"Person", "Address"}),
    ("PERSON.p*", "", {"Person"}),
    ("Sales.Order?", "", {"Orders"}),
    ("Sales.Order*", "", {"Orders", "OrderLines"}),
    ("orders", "", {"Orders"}),
    ("*s", "", {"Address", "Orders", "OrderLines", "Notes"}),
    ("*.?otes,person.*", "", {"Notes", "Person", "Address"}),
    ("", "dbo.*", {"Person", "Address", "Orders", "OrderLines"}),
    ("Sales.*,Notes", "*.ORDERLINES", {"Orders", "Notes"}),
    ("Person.Person", "person", {"Person"} - {"Person"}),
]


@pytest.fixture
def shop(database: Database) -> Database:
    make_tables(database, *ALL)
    for name in ALL:
        insert(database, name, [1, 2])
    return database


def test_patterns_choose_tables_with_wildcards_in_either_case_and_exclude_wins(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    for number, (tables, exclude, expected) in enumerate(PATTERNS):
        place = Target(target.s3, f"{target.prefix}-{number}")
        chosen = {"CDC_SOURCE_TABLES": tables, "CDC_SOURCE_EXCLUDE": exclude}
        program = make_program(shop.name, place.url, **chosen)
        program.once(expect=0 if expected else 1)
        assert folders(shop, place) == expected, (tables, exclude)
        assert_all_delivered(shop, place, *(name for name in ALL if name.split(".")[1] in expected))


def test_a_pattern_that_matches_nothing_is_told_and_the_others_are_delivered(
    shop: Database, target: Target, program: Program
) -> None:
    said = program.once(CDC_SOURCE_TABLES="Slaes.*,Person.*", CDC_SOURCE_EXCLUDE="dbo.*,Person.Adress").text
    assert "Slaes.*" in said
    assert "Person.Adress" in said
    assert "dbo.*" not in said
    assert folders(shop, target) == {"Person", "Address"}


def test_patterns_that_match_nothing_at_all_fail_and_say_so(shop: Database, target: Target, program: Program) -> None:
    said = program.once(expect=1, CDC_SOURCE_TABLES="Slaes.*").text
    assert "Slaes.*" in said
    assert folders(shop, target) == set()


@pytest.mark.parametrize(
    "setting", [{"CDC_SOURCE_EXCLUDE": "Sales.Orders"}, {"CDC_SOURCE_TABLES": "Person.*,dbo.*,*Lines"}]
)
def test_a_table_that_is_left_out_for_a_while_goes_on_where_it_was(
    shop: Database, target: Target, program: Program, setting: dict[str, str]
) -> None:
    program.once()
    insert(shop, "Sales.Orders", [3, 4])
    program.once(**setting)
    insert(shop, "Sales.Orders", [5])
    insert(shop, "dbo.Notes", [3])
    program.once(**setting)
    assert delivered_ids(shop, target, "Orders") == [1, 2]
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 4, 5]
    assert_all_delivered(shop, target, *ALL)


def test_a_table_that_is_left_out_does_not_hold_back_the_cut_and_is_not_in_it(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    insert(shop, "Sales.Orders", [3])
    insert(shop, "dbo.Notes", [3])
    program.once(CDC_SOURCE_EXCLUDE="Orders")
    assert complete_through(shop, target) >= newest(shop, "dbo.Notes")
    said = document(shop, target)
    assert said["held_back_by"] == []
    # A reader of the cut must not take it for complete up to there.
    assert not said["tables"]["Sales.Orders"]["in_cut"]
    assert said["tables"]["dbo.Notes"]["in_cut"]
    program.once()
    assert document(shop, target)["tables"]["Sales.Orders"]["in_cut"]
    assert complete_through(shop, target) >= newest(shop, "dbo.Notes")


def test_cleanup_of_what_a_table_had_delivered_before_it_was_left_out_is_no_gap(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    # The table has no rows up to here: only the cut says that it is complete.
    insert(shop, "dbo.Notes", [3])
    program.once()
    program.once(CDC_SOURCE_EXCLUDE="Orders")
    mark = f"0x{newest(shop, 'dbo.Notes').hex()}"
    clean = "EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'Sales_Orders'"
    shop.run(f"{clean}, @low_water_mark = {mark}")
    insert(shop, "Sales.Orders", [3])
    program.once(CDC_SOURCE_EXCLUDE="Orders")
    program.once()
    verdict = judge(target.objects(shop.name, "Orders"))
    assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], [1, 2, 3])
    assert document(shop, target)["tables"]["Sales.Orders"]["gaps"] == []


def test_a_table_that_would_share_a_folder_is_told_and_leaving_it_out_settles_it(
    shop: Database, target: Target, program: Program
) -> None:
    make_tables(shop, "Archive.Orders")
    insert(shop, "Archive.Orders", [7])
    said = program.once(expect=3).text
    assert "Archive.Orders" in said and "Sales.Orders" in said and "{schema}" in said
    # One of the two has the folder now. The other one is left out, and all is well.
    (delivered,) = {"Archive.Orders", "Sales.Orders"} & set(document(shop, target)["tables"])
    (refused,) = {"Archive.Orders", "Sales.Orders"} - {delivered}
    program.once(CDC_SOURCE_EXCLUDE=refused)
    assert_all_delivered(shop, target, delivered, *(name for name in ALL if name != "Sales.Orders"))
