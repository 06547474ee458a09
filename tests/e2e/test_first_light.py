"""The thin slice: changes of a table arrive, once, in order, with their values."""

from __future__ import annotations

from decimal import Decimal

from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.program import Program, wait_until


def _make_shop(database: Database) -> None:
    database.run(
        "CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, customer nvarchar(40) NULL, total money NOT NULL)",
        "CREATE TABLE dbo.Items (id int NOT NULL PRIMARY KEY, label varchar(20) NULL)",
    )
    database.enable("dbo", "Orders")
    database.enable("dbo", "Items")


def test_inserts_updates_and_deletes_arrive_once_with_their_values(
    database: Database, target: Target, program: Program
) -> None:
    _make_shop(database)
    database.run(
        "INSERT INTO dbo.Orders VALUES (1, N'Zoë', 12.5), (2, NULL, -0.0001)",
        "UPDATE dbo.Orders SET total = 99.99 WHERE id = 1",
        "DELETE FROM dbo.Orders WHERE id = 2",
        "INSERT INTO dbo.Items VALUES (7, 'x ')",
    )
    database.capture()
    program.once()
    orders = assert_delivered(database.connection, "dbo_Orders", target.objects(database.name, "Orders"))
    values = [(row["__$operation"], row["id"], row["customer"], row["total"]) for row in orders.rows]
    assert values == [
        (2, 1, "Zoë", Decimal("12.5000")),
        (2, 2, None, Decimal("-0.0001")),
        (3, 1, "Zoë", Decimal("12.5000")),
        (4, 1, "Zoë", Decimal("99.9900")),
        (1, 2, None, Decimal("-0.0001")),
    ]
    items = assert_delivered(database.connection, "dbo_Items", target.objects(database.name, "Items"))
    assert items.rows[0]["label"] == "x "


def test_a_second_run_delivers_only_what_is_new(database: Database, target: Target, program: Program) -> None:
    _make_shop(database)
    for number in range(3):
        database.run(f"INSERT INTO dbo.Orders VALUES ({number}, N'a', 1)")
        database.capture()
        program.once()
        program.once()
    objects = target.objects(database.name, "Orders")
    assert len(objects) == 3
    assert_delivered(database.connection, "dbo_Orders", objects)


def test_a_running_program_finds_a_new_table_without_a_restart(
    database: Database, target: Target, program: Program
) -> None:
    _make_shop(database)
    program.start()
    database.run("INSERT INTO dbo.Orders VALUES (1, N'a', 1)")
    database.capture()
    wait_until(lambda: len(target.keys(f"{database.name}/Orders/")) == 1, "the first object")
    database.run("CREATE TABLE dbo.Later (id int NOT NULL PRIMARY KEY)")
    database.enable("dbo", "Later")
    database.run("INSERT INTO dbo.Later VALUES (5)")
    database.capture()
    wait_until(lambda: len(target.keys(f"{database.name}/Later/")) == 1, "an object of the new table")
    assert program.stop() == 0
    assert_delivered(database.connection, "dbo_Later", target.objects(database.name, "Later"))


def test_objects_are_cut_inside_a_large_transaction(database: Database, target: Target, program: Program) -> None:
    _make_shop(database)
    values = ", ".join(f"({number}, N'c{number}', {number})" for number in range(500))
    database.run(f"INSERT INTO dbo.Orders VALUES {values}", "UPDATE dbo.Orders SET total = total + 1")
    database.capture()
    program.once("--max-object-rows", "101")
    objects = target.objects(database.name, "Orders")
    verdict = assert_delivered(database.connection, "dbo_Orders", objects)
    assert len(objects) >= 14
    assert any("/" in footer["cdc.to"] for footer in verdict.footers)
