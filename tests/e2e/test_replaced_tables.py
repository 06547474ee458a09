"""Another table under a known name: a staging table that is swapped in, a table that is dropped and made anew. It never
gets the earlier one's place in silence, and is never passed over in silence either."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Database, Target
from tests.support import dba
from tests.support.change_tables import change_keys
from tests.support.judge import RowKey, judge
from tests.support.program import Program, wait_until
from tests.support.small_tables import delivered_ids, document, folders, insert, make_tables

FOLLOW = {"CDC_SOURCE_ON_REPLACE": "follow"}


@pytest.fixture
def shop(database: Database, program: Program) -> Database:
    """dbo.Orders, of which rows 1 and 2 are delivered and row 3 is not yet, beside dbo.Items."""
    make_tables(database, "dbo.Orders", "dbo.Items")
    insert(database, "dbo.Orders", [1])
    insert(database, "dbo.Orders", [2])
    insert(database, "dbo.Items", [1])
    program.once()
    insert(database, "dbo.Orders", [3])
    return database


def _swap(shop: Database) -> None:
    """A staging table comes in as dbo.Orders, captured, with row 101; the earlier one is dbo.Orders_old."""
    dba.make(shop, "dbo.Orders_stage")
    shop.run(dba.rename("dbo.Orders", "Orders_old"), dba.rename("dbo.Orders_stage", "Orders"))
    dba.capture(shop, "dbo.Orders", "dbo_Orders_v2")
    insert(shop, "dbo.Orders", [101])


def _make_anew(shop: Database) -> None:
    """dbo.Orders is dropped, and with it row 3 in its change table; another one has row 101."""
    shop.run("DROP TABLE dbo.Orders")
    dba.make(shop, "dbo.Orders")
    dba.capture(shop, "dbo.Orders", "dbo_Orders")
    insert(shop, "dbo.Orders", [101])


REPLACED = {"swapped in": _swap, "made anew": _make_anew}


def _assert_told(said: str) -> None:
    """What happened, and both ways on."""
    assert "dbo.Orders" in said and "another table" in said
    assert "cdc-to-s3 follow dbo.Orders --yes" in said
    assert 'on_replace = "follow"' in said
    assert "another name" in said
    _assert_no_range_backwards(said)


def _assert_no_range_backwards(said: str) -> None:
    for first, last in re.findall(r"from ([0-9A-F]{20})\S* to ([0-9A-F]{20})", said):
        assert first < last, f"a range that is empty or runs backwards: {first} to {last}"


def _sources(shop: Database, target: Target, table: str = "Orders") -> list[str]:
    """The source tables of the folder's objects, one after the other."""
    verdict = judge(target.objects(shop.name, table))
    assert verdict.wrong == []
    ids = [footer["cdc.source_object_id"] for footer in verdict.footers]
    return [one for number, one in enumerate(ids) if number == 0 or ids[number - 1] != one]


def _gaps(shop: Database, target: Target) -> list[dict[str, str]]:
    return list(document(shop, target)["tables"]["dbo.Orders"]["gaps"])


@pytest.mark.parametrize("how", REPLACED)
def test_another_table_under_a_known_name_stops_the_name_and_both_ways_on_are_told(
    shop: Database, target: Target, program: Program, how: str
) -> None:
    REPLACED[how](shop)
    insert(shop, "dbo.Items", [2])
    for _ in range(2):
        _assert_told(program.once(expect=3).text)
    assert 101 not in delivered_ids(shop, target, "Orders")
    assert delivered_ids(shop, target, "Items") == [1, 2]
    for verb in ("check", "status"):
        ended = program.call(verb)
        assert ended.code in (1, 3), ended.text
        assert "follow dbo.Orders --yes" in ended.text and "complete  Orders_cdc" not in ended.text, verb
    assert "2 of 2 captured tables" not in program.call("check").text


@pytest.mark.parametrize("by", ["verb", "setting"])
def test_the_folder_goes_on_from_the_swapped_in_tables_own_start_behind_all_of_the_earlier_one(
    shop: Database, target: Target, program: Program, by: str
) -> None:
    _swap(shop)
    follow(program, by)
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 101]
    old, new = dba.object_id(shop, "dbo.Orders_old"), dba.object_id(shop, "dbo.Orders")
    assert _sources(shop, target) == [str(old), str(new)]
    assert _gaps(shop, target) == []
    # From here on it is a table as any other, whatever the setting says.
    insert(shop, "dbo.Orders", [102])
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 101, 102]
    assert document(shop, target)["tables"]["dbo.Orders"]["source_object_id"] == new
    assert program.call("status").code == 0
    assert program.call("check").code == 0


def follow(program: Program, by: str) -> None:
    """Goes on with the new table, and delivers all that is there."""
    if by == "setting":
        program.once(**FOLLOW)
        return
    program.once(expect=3)
    shown = program.call("follow", "dbo.Orders")
    assert shown.code == 3, shown.text
    done = program.call("follow", "dbo.Orders", "--yes")
    assert done.code == 0, done.text
    program.once()


def test_follow_without_yes_says_what_it_would_do_and_changes_nothing(
    shop: Database, target: Target, program: Program
) -> None:
    _swap(shop)
    program.once(expect=3)
    before = document(shop, target)
    shown = program.call("follow", "dbo.Orders")
    assert (shown.code, shown.err) == (3, "")
    assert "dbo.Orders" in shown.out and "dbo_Orders_v2" in shown.out and "--yes" in shown.out
    assert document(shop, target) == before


def test_follow_of_a_table_that_was_not_replaced_is_an_error_that_says_so(
    shop: Database, target: Target, program: Program
) -> None:
    before = document(shop, target)["tables"]
    ended = program.call("follow", "dbo.Items", "--yes")
    assert ended.code == 1 and "dbo.Items" in ended.err
    ended = program.call("follow", "dbo.Order", "--yes")
    assert ended.code == 1 and "did you mean dbo.Orders?" in ended.err
    assert document(shop, target)["tables"] == before


@pytest.mark.parametrize("by", ["verb", "setting"])
def test_what_a_dropped_table_still_had_is_a_gap_that_says_so_before_the_new_one_begins(
    shop: Database, target: Target, program: Program, by: str
) -> None:
    _make_anew(shop)
    follow(program, by)
    assert delivered_ids(shop, target, "Orders") == [1, 2, 101]
    (gap,) = _gaps(shop, target)
    assert gap["from"][:20] < gap["to"][:20]
    verdict = judge(target.objects(shop.name, "Orders"))
    assert [len(json.loads(footer["cdc.gaps"])) for footer in verdict.footers] == [0, 1]
    assert verdict.footers[-1]["cdc.source_object_id"] == str(dba.object_id(shop, "dbo.Orders"))


def test_a_swapped_in_table_whose_predecessor_was_dropped_since_is_followed_behind_a_gap(
    shop: Database, target: Target, program: Program
) -> None:
    _swap(shop)
    program.once(expect=3)
    had = delivered_ids(shop, target, "Orders")
    shop.run("INSERT INTO dbo.Orders_old VALUES (4, 0)")
    shop.capture()
    shop.run("DROP TABLE dbo.Orders_old")
    shop.capture()
    said = program.once(expect=3).text
    _assert_no_range_backwards(said)
    # Accepting a gap is no way to make one table of another.
    accepted = program.call("accept-gap", "dbo.Orders", "--yes")
    assert accepted.code != 0 and "follow" in accepted.text
    follow(program, "verb")
    assert delivered_ids(shop, target, "Orders") == [*had, 101]
    (gap,) = _gaps(shop, target)
    assert gap["from"][:20] < gap["to"][:20]


def test_a_table_that_was_dropped_with_all_of_it_delivered_is_followed_by_the_new_one(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    _make_anew(shop)
    _assert_told(program.once(expect=3).text)
    follow(program, "verb")
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 101]
    for gap in _gaps(shop, target):
        assert gap["from"][:20] < gap["to"][:20]


def test_the_earlier_table_goes_on_under_its_new_name_from_where_the_folder_ended(
    shop: Database, target: Target, program: Program
) -> None:
    _swap(shop)
    follow(program, "verb")
    shop.run("INSERT INTO dbo.Orders_old VALUES (4, 0)", "INSERT INTO dbo.Orders VALUES (102, 0)")
    shop.capture()
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 101, 102]
    assert delivered_ids(shop, target, "Orders_old") == [4]
    _assert_each_row_in_one_folder(shop, target, {"dbo_Orders", "dbo_Orders_v2"})


def test_rows_that_the_earlier_table_gets_while_the_name_is_stopped_are_in_one_folder(
    shop: Database, target: Target, program: Program
) -> None:
    _swap(shop)
    for number in (4, 5):
        shop.run(
            f"INSERT INTO dbo.Orders_old VALUES ({number}, 0)", f"INSERT INTO dbo.Orders VALUES ({number + 98}, 0)"
        )
        shop.capture()
        program.once(expect=3)
    follow(program, "verb")
    program.once()
    orders = delivered_ids(shop, target, "Orders")
    assert [one for one in orders if one > 100] == [101, 102, 103]
    _assert_each_row_in_one_folder(shop, target, {"dbo_Orders", "dbo_Orders_v2"})


def _assert_each_row_in_one_folder(shop: Database, target: Target, instances: set[str]) -> None:
    """The rows of these instances' change tables, each once, wherever."""
    found: list[RowKey] = []
    for folder in folders(shop, target) - {"Items"}:
        verdict = judge(target.objects(shop.name, folder))
        assert verdict.wrong == []
        found += verdict.keys
    expected = [key for instance in instances for key in change_keys(shop.connection, instance)]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))


def test_the_earlier_table_ends_with_the_folder_when_settings_do_not_select_its_new_name(
    shop: Database, target: Target, program: Program
) -> None:
    chosen = {"CDC_SOURCE_TABLES": "dbo.Orders,dbo.Items"}
    _swap(shop)
    program.once(**FOLLOW, **chosen)
    shop.run("INSERT INTO dbo.Orders_old VALUES (4, 0)", "INSERT INTO dbo.Orders VALUES (102, 0)")
    shop.capture()
    program.once(**chosen)
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 101, 102]
    assert folders(shop, target) == {"Orders", "Items"}


def test_the_new_table_goes_on_under_another_name_and_the_earlier_one_in_its_folder(
    shop: Database, target: Target, program: Program
) -> None:
    _swap(shop)
    program.once(expect=3)
    shop.run(dba.rename("dbo.Orders", "Orders_new"), "INSERT INTO dbo.Orders_old VALUES (4, 0)")
    shop.capture()
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 4]
    assert delivered_ids(shop, target, "Orders_new") == [101]


def test_a_staging_table_that_had_a_folder_of_its_own_before_it_was_swapped_in_keeps_it(
    shop: Database, target: Target, program: Program
) -> None:
    make_tables(shop, "dbo.Orders_stage")
    insert(shop, "dbo.Orders_stage", [101])
    program.once()
    shop.run(dba.rename("dbo.Orders", "Orders_old"), dba.rename("dbo.Orders_stage", "Orders"))
    shop.run("INSERT INTO dbo.Orders VALUES (102, 0)", "INSERT INTO dbo.Orders_old VALUES (4, 0)")
    shop.capture()
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 4]
    assert delivered_ids(shop, target, "Orders_stage") == [101, 102]


@pytest.mark.parametrize("on_replace", ["stop", "follow"])
@pytest.mark.parametrize("how", REPLACED)
def test_a_running_program_meets_another_table_under_a_known_name(
    shop: Database, target: Target, make_program: Callable[..., Program], how: str, on_replace: str
) -> None:
    program = make_program(shop.name, target.url, CDC_SOURCE_ON_REPLACE=on_replace)
    program.start()
    wait_until(lambda: delivered_ids(shop, target, "Orders") == [1, 2, 3], "row 3")
    REPLACED[how](shop)
    if on_replace == "stop":
        wait_until(lambda: "follow dbo.Orders --yes" in program.log_text(), "the message")
        insert(shop, "dbo.Items", [2])
        wait_until(lambda: delivered_ids(shop, target, "Items") == [1, 2], "the other table")
        assert delivered_ids(shop, target, "Orders") == [1, 2, 3]
        done = program.call("follow", "dbo.Orders", "--yes")
        assert done.code == 0, done.text
    wait_until(lambda: delivered_ids(shop, target, "Orders") == [1, 2, 3, 101], "the new table's row")
    assert program.stop() == 0
    for gap in _gaps(shop, target):
        assert gap["from"][:20] < gap["to"][:20]


@pytest.mark.parametrize("word", ["on_replace", "CDC_SOURCE_ON_REPLACE"])
def test_a_wrong_word_for_on_replace_is_refused_with_the_right_ones(program: Program, word: str) -> None:
    settings: dict[str, str] = {}
    if word == "on_replace":
        (program.folder / "cdc-to-s3.toml").write_text('[source]\non_replace = "ask"\n')
    else:
        settings = {word: "ask"}
    ended = program.call("run", "--once", **settings)
    assert ended.code == 2
    assert "on_replace" in ended.err and "stop" in ended.err and "follow" in ended.err


def test_a_table_that_is_swapped_in_under_the_name_in_another_case_replaces_the_earlier_one(
    shop: Database, target: Target, program: Program
) -> None:
    dba.make(shop, "dbo.orders_stage")
    shop.run(dba.rename("dbo.Orders", "Orders_old"), dba.rename("dbo.orders_stage", "orders"))
    dba.capture(shop, "dbo.orders", "dbo_Orders_v2")
    insert(shop, "dbo.orders", [101])
    only = {"CDC_SOURCE_EXCLUDE": "dbo.Orders_old"}
    for _ in range(2):
        _assert_told(program.once(expect=3, **only).text)
    assert folders(shop, target) == {"Orders", "Items"}
    program.once(**only, **FOLLOW)
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 101]
    assert folders(shop, target) == {"Orders", "Items"}


def test_a_table_that_is_made_anew_under_the_name_in_another_case_goes_on_where_the_operator_lets_it(
    shop: Database, target: Target, program: Program
) -> None:
    shop.run("DROP TABLE dbo.Orders")
    dba.make(shop, "dbo.orders")
    dba.capture(shop, "dbo.orders", "dbo_orders")
    insert(shop, "dbo.orders", [101])
    _assert_told(program.once(expect=3).text)
    program.call("follow", "dbo.Orders", "--yes")
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 101]
    assert [bool(gap["source_object_id"]) for gap in _gaps(shop, target)] == [True]
    assert folders(shop, target) == {"Orders", "Items"}


def test_what_is_to_be_called_can_be_copied_into_a_shell(database: Database, program: Program) -> None:
    """The table's name has a blank."""
    shape = "(id int NOT NULL PRIMARY KEY, n int NOT NULL)"
    for number in (1, 2):
        database.run(f"CREATE TABLE dbo.[Order Details] {shape}")
        database.enable("dbo", "Order Details", ", @capture_instance = N'dbo_details'")
        database.run(f"INSERT INTO dbo.[Order Details] VALUES ({number}, 0)")
        database.capture()
        if number == 1:
            program.once()
            database.run("DROP TABLE dbo.[Order Details]")
    said = " ".join(program.once(expect=3).text.split())
    advised = re.search(r"cdc-to-s3 (follow .*? --yes)", said)
    assert advised is not None, said
    assert program.call(*shlex.split(advised[1])).code == 0
    program.once()
