"""A table that is renamed, or moved to another schema, stays the table that it is: its entry, folder and rules go on
under the name with which it was entered, and today's name is told beside it."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from standin.load.connection import ensure_schemas
from tests.e2e.conftest import Database, Target
from tests.support import dba
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.program import Ended, Program, wait_until
from tests.support.readers import schema_of
from tests.support.small_tables import delivered_ids, document, folders, insert, make_tables

RENAMES = {
    "renamed": ([dba.rename("dbo.Orders", "Orders_v1")], "dbo.Orders_v1"),
    "moved": ([dba.transfer("dbo.Orders", "Archive")], "Archive.Orders"),
}


@pytest.fixture
def shop(database: Database) -> Database:
    ensure_schemas(database.connection, ["Archive"])
    make_tables(database, "dbo.Orders", "dbo.Items")
    insert(database, "dbo.Orders", [1, 2])
    insert(database, "dbo.Items", [1])
    return database


@pytest.fixture(params=list(drivers()))
def either(
    request: pytest.FixtureRequest, make_program: Callable[..., Program], database: Database, target: Target
) -> Program:
    """The program with each driver: names arrive in each one's own way."""
    return make_program(database.name, target.url, SQL_SERVER_DRIVER=drivers()[request.param])


def _events(text: str, event: str) -> list[str]:
    return [line for line in text.splitlines() if re.search(rf"\b{event}\b", line)]


def _table(ended: Ended, name: str) -> dict[str, Any]:
    """Of `tables --json` or `status --json`: the one whose entry has this name."""
    found = json.loads(ended.out)
    tables = found["tables"] if "tables" in found else found["documents"][0]["tables"]
    (table,) = [one for one in tables if f"{one['schema']}.{one['name']}" == name]
    return dict(table)


def _name_today(shop: Database, target: Target, name: str) -> str:
    """Of the state document, which leaves it out where it is the entry's."""
    return str(document(shop, target)["tables"][name].get("name_today", ""))


@pytest.mark.parametrize("how", RENAMES)
def test_a_table_that_gets_another_name_goes_on_in_its_folder_and_that_is_told_once(
    shop: Database, target: Target, either: Program, how: str
) -> None:
    statements, today = RENAMES[how]
    either.once()
    shop.run(*statements)
    insert(shop, today, [3])
    said = either.once().text
    (event,) = _events(said, "table_renamed")
    assert "table=dbo.Orders" in event and f"name_today={today}" in event
    insert(shop, today, [4])
    assert _events(either.once().text, "table_renamed") == []
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 4]
    assert folders(shop, target) == {"Orders", "Items"}
    verdict = assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))
    ids = {footer["cdc.source_object_id"] for footer in verdict.footers}
    assert ids == {str(dba.object_id(shop, today))}
    assert {(footer["cdc.schema"], footer["cdc.table"]) for footer in verdict.footers} == {("dbo", "Orders")}
    entry = document(shop, target)["tables"]["dbo.Orders"]
    assert (entry["schema"], entry["name"], entry["name_today"]) == ("dbo", "Orders", today)
    assert _name_today(shop, target, "dbo.Items") == ""


@pytest.mark.parametrize("how", RENAMES)
def test_a_running_program_follows_a_table_that_gets_another_name(
    shop: Database, target: Target, either: Program, how: str
) -> None:
    statements, today = RENAMES[how]
    either.start()
    wait_until(lambda: folders(shop, target) == {"Orders", "Items"}, "the first objects")
    shop.run(*statements)
    insert(shop, today, [3])
    wait_until(lambda: delivered_ids(shop, target, "Orders") == [1, 2, 3], "the rows behind the rename")
    insert(shop, today, [4])
    wait_until(lambda: delivered_ids(shop, target, "Orders") == [1, 2, 3, 4], "more rows")
    assert either.stop() == 0
    assert len(_events(either.log_text(), "table_renamed")) == 1
    assert folders(shop, target) == {"Orders", "Items"}


def test_a_table_that_gets_its_old_name_back_is_told_and_has_one_name_again(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    shop.run(dba.rename("dbo.Orders", "Orders_v1"))
    program.once()
    shop.run(dba.rename("dbo.Orders_v1", "Orders"))
    insert(shop, "dbo.Orders", [3])
    program.once()
    assert _name_today(shop, target, "dbo.Orders") == ""
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3]
    assert "Orders_v1" not in program.call("tables").text + program.call("status").text


@pytest.mark.parametrize("how", RENAMES)
def test_tables_and_status_show_todays_name_beside_the_entrys(shop: Database, program: Program, how: str) -> None:
    statements, today = RENAMES[how]
    program.once()
    shop.run(*statements)
    program.once()
    for verb in ("tables", "status"):
        ended = program.call(verb)
        assert ended.code == 0, ended.text
        assert "dbo.Orders" in ended.out and today in ended.out, verb
        listed = program.call(verb, "--json")
        assert _table(listed, "dbo.Orders")["name_today"] == today, verb
        assert _table(listed, "dbo.Items")["name_today"] == "", verb
    # Whoever asks for it by either name finds it.
    for name in ("dbo.Orders", today):
        assert "dbo.Orders" in program.call("tables", name).out, name


def test_the_status_page_shows_todays_name_beside_the_entrys(shop: Database, target: Target, program: Program) -> None:
    program.start(CDC_RUN_LISTEN="127.0.0.1:0")
    wait_until(lambda: "listening host=" in program.log_text(), "the program listens")
    found = re.search(r"listening host=127\.0\.0\.1 port=(\d+)", program.log_text())
    assert found is not None

    def names() -> dict[str, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/status.json", timeout=10) as reply:
            return {table["name"]: table["name_today"] for table in json.load(reply)["tables"]}

    wait_until(lambda: names() == {"dbo.Orders": "", "dbo.Items": ""}, "both tables")
    shop.run(dba.rename("dbo.Orders", "Orders_v1"))
    wait_until(lambda: names() == {"dbo.Orders": "dbo.Orders_v1", "dbo.Items": ""}, "the new name")
    assert program.stop() == 0


def test_settings_that_name_the_entry_go_on_to_choose_a_table_that_was_renamed(
    shop: Database, target: Target, program: Program
) -> None:
    chosen = {"CDC_SOURCE_TABLES": "dbo.Orders,dbo.Items"}
    program.once(**chosen)
    shop.run(dba.rename("dbo.Orders", "Orders_v1"))
    insert(shop, "dbo.Orders_v1", [3])
    program.once(**chosen)
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3]
    insert(shop, "dbo.Orders_v1", [4])
    # Excluded is who the entry's name says, not today's; and a table is left out in silence only if both names say so.
    said = program.once(expect=3, CDC_SOURCE_EXCLUDE="dbo.Orders").text
    _assert_says_which_name_counts(said)
    program.once(CDC_SOURCE_EXCLUDE="dbo.Orders,dbo.Orders_v1")
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3]
    said = program.once(CDC_SOURCE_EXCLUDE="dbo.Orders_v1").text
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 4]
    assert [line for line in said.splitlines() if " warn" in line and "dbo.Orders_v1" in line and _names(line)]


def _names(text: str) -> bool:
    """Whether the entry's name is in it, too."""
    return re.search(r"\bdbo\.Orders\b(?!_)", text) is not None


def _assert_says_which_name_counts(said: str) -> None:
    lines = [line for line in said.splitlines() if "dbo.Orders_v1" in line and _names(line)]
    assert any("go by the name" in line and "select dbo.Orders in [source] tables" in line for line in lines), said


def test_settings_that_choose_only_the_new_name_are_told_which_name_counts(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    shop.run(dba.rename("dbo.Orders", "Orders_v1"))
    insert(shop, "dbo.Orders_v1", [3])
    for _ in range(2):
        said = program.once(expect=3, CDC_SOURCE_TABLES="dbo.Orders_v1,dbo.Items").text
        _assert_says_which_name_counts(said)
    assert folders(shop, target) == {"Orders", "Items"}
    assert delivered_ids(shop, target, "Orders") == [1, 2]
    checked = program.call("check", CDC_SOURCE_TABLES="dbo.Orders_v1,dbo.Items")
    assert checked.code == 1
    _assert_says_which_name_counts(" ".join(checked.text.split()))
    program.once(CDC_SOURCE_TABLES="dbo.Orders,dbo.Items")
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3]


def test_a_rule_that_fits_only_todays_name_is_told_to_have_no_effect(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    shop.run(dba.rename("dbo.Orders", "Orders_v1"))
    insert(shop, "dbo.Orders_v1", [3])
    (program.folder / "cdc-to-s3.toml").write_text('[table."dbo.Orders_v1"]\nexclude_columns = ["n"]\n')
    said = program.once().text
    warned = [line for line in said.splitlines() if " warn" in line and "dbo.Orders_v1" in line]
    assert any(_names(line) for line in warned), said
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3]
    assert (
        '"n"'
        in assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders")).footers[-1][
            "cdc.columns"
        ]
    )


def test_the_options_of_a_table_go_on_after_it_was_renamed(shop: Database, target: Target, program: Program) -> None:
    (program.folder / "cdc-to-s3.toml").write_text('[table."dbo.Orders"]\nmeta_prefix = "cdc_"\n')
    program.once()
    shop.run(dba.rename("dbo.Orders", "Orders_v1"))
    insert(shop, "dbo.Orders_v1", [3])
    program.once()
    objects = target.objects(shop.name, "Orders")
    assert [next(name for name, _, _ in schema_of(item)) for item in objects] == ["cdc_start_lsn", "cdc_start_lsn"]


def test_another_table_may_be_called_as_a_renamed_ones_new_name_once_was(
    shop: Database, target: Target, program: Program
) -> None:
    """The entry's name alone is taken; today's name is free to go on."""
    program.once()
    shop.run(dba.rename("dbo.Orders", "Orders_v1"))
    program.once()
    shop.run(dba.rename("dbo.Orders_v1", "Orders_v2"))
    dba.make(shop, "dbo.Orders_v1")
    dba.capture(shop, "dbo.Orders_v1", "dbo_Orders_v1")
    insert(shop, "dbo.Orders_v1", [101])
    shop.run("INSERT INTO dbo.Orders_v2 VALUES (3, 0)")
    shop.capture()
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3]
    assert delivered_ids(shop, target, "Orders_v1") == [101]


@pytest.mark.parametrize("instance", ["dbo_Orders", "dbo_Orders_v1"])
def test_capture_that_is_turned_off_and_on_again_after_a_rename_follows_by_the_table_itself(
    shop: Database, target: Target, program: Program, instance: str
) -> None:
    program.once()
    shop.run(
        dba.rename("dbo.Orders", "Orders_v1"),
        dba.capture_off("dbo.Orders_v1"),
        "INSERT INTO dbo.Orders_v1 VALUES (3, 0)",
    )
    dba.capture(shop, "dbo.Orders_v1", instance)
    insert(shop, "dbo.Orders_v1", [4])
    said = program.once(expect=3).text
    # The advice is about a name that the program takes.
    advised = re.search(r"cdc-to-s3 accept-gap (\S+) --yes", said)
    assert advised is not None and advised[1] == "dbo.Orders", said
    assert program.call("accept-gap", "dbo.Orders", "--yes").code == 0
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 4]
    assert folders(shop, target) == {"Orders", "Items"}
    (gap,) = document(shop, target)["tables"]["dbo.Orders"]["gaps"]
    assert gap["from"] < gap["to"] < dba.start_of(shop, instance).hex().upper()


def test_a_renamed_table_whose_capture_is_off_is_told_with_the_statement_for_todays_name(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    shop.run(dba.rename("dbo.Orders", "Orders_v1"))
    insert(shop, "dbo.Orders_v1", [3])
    program.once()
    shop.run(dba.capture_off("dbo.Orders_v1"))
    said = program.once(expect=3).text
    assert "dbo.Orders" in said and "sp_cdc_enable_table" in said and "Orders_v1" in said
    # Left out by both names, all is well again.
    program.once(CDC_SOURCE_EXCLUDE="dbo.Orders,dbo.Orders_v1")


def test_a_second_instance_of_a_renamed_table_is_followed(shop: Database, target: Target, program: Program) -> None:
    program.once()
    shop.run(dba.rename("dbo.Orders", "Orders_v1"), "ALTER TABLE dbo.Orders_v1 ADD note nvarchar(20) NULL")
    dba.capture(shop, "dbo.Orders_v1", "dbo_Orders_v1")
    shop.run("INSERT INTO dbo.Orders_v1 VALUES (3, 0, N'three')")
    shop.capture()
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3]
    assert folders(shop, target) == {"Orders", "Items"}


def test_two_entered_tables_that_exchange_their_names_keep_their_folders(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    shop.run(dba.rename("dbo.Orders", "x"), dba.rename("dbo.Items", "Orders"), dba.rename("dbo.x", "Items"))
    shop.run("INSERT INTO dbo.Orders VALUES (2, 0)", "INSERT INTO dbo.Items VALUES (3, 0)")
    shop.capture()
    said = program.once().text
    assert len(_events(said, "table_renamed")) == 2
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3]
    assert delivered_ids(shop, target, "Items") == [1, 2]
