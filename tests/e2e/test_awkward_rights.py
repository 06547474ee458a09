"""Readers with too few rights, and tables that lose theirs while the others go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from standin.harness import StandIn
from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.judge import judge
from tests.support.program import Program, wait_until
from tests.support.shop import Shop

_PASSWORD = "Weak-Login-1"
_TABLES = 50
# A stopped table is tried again after a minute.
_RETRY_SECONDS = 60


@dataclass
class Reader:
    """A login with a user and no rights but those that a test gives it; `program` runs as it."""

    name: str
    program: Program


@pytest.fixture
def reader(database: Database, target: Target, make_program: Callable[..., Program]) -> Iterator[Reader]:
    name = f"reader_{database.name}"
    database.run(f"CREATE LOGIN {name} WITH PASSWORD = '{_PASSWORD}'", f"CREATE USER {name} FOR LOGIN {name}")
    settings = {"SQL_SERVER_USER": name, "SQL_SERVER_PASSWORD": _PASSWORD}
    yield Reader(name, make_program(database.name, target.url, **settings))
    database.run(f"DROP LOGIN {name}")


def _grant(database: Database, reader: Reader, *rights: str) -> None:
    database.run(*(f"GRANT {right} TO {reader.name}" for right in rights))


def _make(database: Database, table: str, role: str = "NULL") -> None:
    database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, n int NOT NULL)")
    if not database.connection.value("SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()"):
        database.run("EXEC sys.sp_cdc_enable_db")
    database.run(
        f"EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'{table}', @role_name = {role}"
    )


def test_a_member_of_the_gating_role_alone_may_not_read_change_tables_and_is_told_what_helps(
    database: Database, target: Target, reader: Reader
) -> None:
    _make(database, "Orders", role="N'gate'")
    database.run("INSERT INTO dbo.Orders VALUES (1, 0)", f"ALTER ROLE gate ADD MEMBER {reader.name}")
    database.capture()
    _grant(database, reader, "SELECT ON SCHEMA::dbo")
    said = reader.program.once(expect=1).text
    assert "permission was denied" in said and f"GRANT SELECT ON SCHEMA::cdc TO [{reader.name}]" in said
    assert target.keys(f"{database.name}/") == []


def test_a_source_table_whose_name_the_login_may_not_see_is_told_and_comes_when_it_may(
    database: Database, target: Target, reader: Reader
) -> None:
    for table in ("Orders", "Items"):
        _make(database, table)
        database.run(f"INSERT INTO dbo.{table} VALUES (1, 0)")
    database.capture()
    _grant(database, reader, "SELECT ON SCHEMA::cdc", "VIEW DEFINITION ON dbo.Orders")
    said = reader.program.once(expect=3).text
    assert "dbo_Items" in said and "GRANT VIEW DEFINITION" in said
    assert_delivered(database.connection, "dbo_Orders", target.objects(database.name, "Orders"))
    assert target.keys(f"{database.name}/Items") == []
    _grant(database, reader, "VIEW DEFINITION ON dbo.Items")
    reader.program.once()
    assert_delivered(database.connection, "dbo_Items", target.objects(database.name, "Items"))


def test_a_right_that_goes_between_two_statements_of_a_round_stops_one_table_and_loses_nothing(
    database: Database, target: Target, reader: Reader, stand_in: StandIn
) -> None:
    shop = Shop(database, target)
    _grant(database, reader, "SELECT ON SCHEMA::cdc", "VIEW DEFINITION")
    shop.commit_both()
    reader.program.once()
    for number in range(2, 5):
        shop.commit_both()
        with stand_in.control() as control:
            deny = f"DENY SELECT ON OBJECT::cdc.dbo_Orders_CT TO {reader.name}"
            hook = control.hook("AS probe WHERE EXISTS", [deny], database=database.name)
            said = reader.program.once(expect=3).text
            assert control.hooked(hook) == 1
            control.ask("hooks_off")
        assert "dbo.Orders: " in said and "dbo_Orders_CT" in said and "dbo.Items: " not in said
        assert shop.ids("Items") == list(range(1, number + 1))
        shop.assert_cut()
        database.run(f"REVOKE SELECT ON OBJECT::cdc.dbo_Orders_CT FROM {reader.name}")
        reader.program.once()
        shop.assert_tables_delivered()


def test_one_of_fifty_tables_stops_and_resumes_by_itself_under_load(
    database: Database, target: Target, reader: Reader
) -> None:
    names = [f"T{number:02}" for number in range(_TABLES)]
    for name in names:
        _make(database, name)
    _grant(database, reader, "SELECT ON SCHEMA::cdc", "VIEW DEFINITION")
    load = _Load(database, names)
    load.step()
    program = reader.program
    program.start()
    wait_until(lambda: target.keys(f"{database.name}/T49/") != [], "an object of the last table")
    database.run(f"DENY SELECT ON OBJECT::cdc.dbo_T07_CT TO {reader.name}")
    load.step()
    wait_until(lambda: load.state(target)["dbo.T07"].get("stopped", "") != "", "the table stopped in the state")
    stopped = load.state(target)["dbo.T07"]
    assert "dbo_T07_CT" in stopped["stopped"] and "permission was denied" in stopped["stopped"]
    assert stopped["stopped_since"] != ""
    held = target.keys(f"{database.name}/T07/")
    for _ in range(3):
        load.step()
        wait_until(lambda: load.delivered(target, "T49"), "the others' changes")
    assert target.keys(f"{database.name}/T07/") == held
    assert "dbo.T07" in load.document(target)["held_back_by"]
    assert [name for name in names if not load.delivered(target, name)] == ["T07"]
    database.run(f"REVOKE SELECT ON OBJECT::cdc.dbo_T07_CT FROM {reader.name}")
    resumed = time.monotonic()
    while not load.delivered(target, "T07"):
        assert time.monotonic() < resumed + _RETRY_SECONDS + 20, "the table did not resume by itself"
        load.step()
        time.sleep(1)
    wait_until(lambda: load.state(target)["dbo.T07"].get("stopped", "") == "", "the table in order in the state")
    assert "table_resumed" in program.log_text()
    assert program.stop() == 0
    program.once()
    for name in names:
        assert_delivered(database.connection, f"dbo_{name}", target.objects(database.name, name))
    assert load.document(target)["held_back_by"] == []


def test_a_run_once_with_a_table_that_may_not_be_read_ends_with_exit_code_3_and_a_later_one_brings_it(
    database: Database, target: Target, reader: Reader
) -> None:
    shop = Shop(database, target)
    _grant(database, reader, "SELECT ON SCHEMA::cdc", "VIEW DEFINITION")
    shop.commit_both()
    reader.program.once()
    database.run(f"DENY SELECT ON OBJECT::cdc.dbo_Orders_CT TO {reader.name}")
    since = ""
    for _ in range(3):
        shop.commit_both()
        reader.program.once(expect=3)
        table = shop.state()["tables"]["dbo.Orders"]
        assert "dbo_Orders_CT" in table["stopped"]
        assert since in ("", table["stopped_since"])
        since = table["stopped_since"]
        assert shop.state()["held_back_by"] == ["dbo.Orders"]
    assert shop.ids() == [1] and shop.ids("Items") == [1, 2, 3, 4]
    database.run(f"REVOKE SELECT ON OBJECT::cdc.dbo_Orders_CT FROM {reader.name}")
    reader.program.once()
    shop.assert_tables_delivered()
    assert shop.state()["tables"]["dbo.Orders"].get("stopped", "") == ""
    assert shop.state()["held_back_by"] == []


class _Load:
    """One more row in every table a step, in one transaction, captured."""

    def __init__(self, database: Database, names: list[str]) -> None:
        self._database, self._names = database, names
        self._rows = 0

    def step(self) -> None:
        inserts = "; ".join(f"INSERT INTO dbo.{name} VALUES ({self._rows}, 0)" for name in self._names)
        self._database.run(f"BEGIN TRANSACTION; {inserts}; COMMIT")
        self._database.capture()
        self._rows += 1

    def delivered(self, target: Target, name: str) -> bool:
        verdict = judge(target.objects(self._database.name, name))
        assert verdict.wrong == []
        return [row["id"] for row in verdict.rows] == list(range(self._rows))

    def document(self, target: Target) -> dict[str, Any]:
        return dict(json.loads(target.get(target.state_key(self._database.name)).data))

    def state(self, target: Target) -> dict[str, Any]:
        return dict(self.document(target)["tables"])
