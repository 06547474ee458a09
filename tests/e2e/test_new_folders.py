"""A table goes on in a further folder because readers could not merge its new type: never in one that is another
table's, though nothing lies in it yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.small_tables import insert, make_tables

SETTINGS = {"CDC_TARGET_PATH": "{database}/{table}", "CDC_TARGET_ON_TYPE_CHANGE": "new_folder"}


@pytest.fixture
def shop(database: Database) -> Database:
    """By its name alone, dbo.Orders would go on in the folder of dbo.Orders_2, which has no rows."""
    make_tables(database, "dbo.Orders", "dbo.Orders_2")
    insert(database, "dbo.Orders", [1])
    return database


def _change_type(shop: Database) -> None:
    shop.run("ALTER TABLE dbo.Orders ALTER COLUMN n nvarchar(20) NULL")
    shop.capture()
    shop.run("INSERT INTO dbo.Orders VALUES (2, N'x')")
    shop.capture()


def _places(shop: Database, target: Target) -> list[str]:
    """Folder and table of each object."""
    names = [key.removeprefix(f"{shop.name}/").split("_cdc_")[0] for key in target.keys(f"{shop.name}/")]
    return sorted(names)


EXPECTED = ["Orders/Orders", "Orders_2/Orders_2", "Orders_3/Orders"]


def test_a_new_folder_is_not_that_of_a_table_that_has_nothing_in_its_own_yet(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    program = make_program(shop.name, target.url, **SETTINGS)
    program.once()
    _change_type(shop)
    program.once()
    insert(shop, "dbo.Orders_2", [11])
    program.once()
    program.once()
    assert _places(shop, target) == EXPECTED


def test_a_daemon_does_not_put_two_tables_into_one_folder(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    program = make_program(shop.name, target.url, **SETTINGS)
    program.start()
    wait_until(lambda: len(_places(shop, target)) == 1, "the first object")
    _change_type(shop)
    wait_until(lambda: len(_places(shop, target)) == 2, "the object of the other type")
    insert(shop, "dbo.Orders_2", [11])
    wait_until(lambda: len(_places(shop, target)) == 3, "the other table's object")
    assert program.stop() == 0
    assert _places(shop, target) == EXPECTED


@pytest.mark.parametrize("begun", [True, False], ids=["entered", "not entered yet"])
def test_a_new_folder_is_not_that_of_another_groups_table(
    shop: Database, target: Target, make_program: Callable[..., Program], begun: bool
) -> None:
    a = make_program(shop.name, target.url, CDC_RUN_GROUP="a", CDC_SOURCE_TABLES="dbo.Orders", **SETTINGS)
    b = make_program(shop.name, target.url, CDC_RUN_GROUP="b", CDC_SOURCE_TABLES="dbo.Orders_2", **SETTINGS)
    a.once()
    if begun:
        b.once()
    _change_type(shop)
    a.once()
    insert(shop, "dbo.Orders_2", [11])
    b.once()
    assert _places(shop, target) == EXPECTED
