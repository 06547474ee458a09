"""dbo.Person, captured, with an address in each row that settings hide in one way or another, beside dbo.Items without
any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from standin.load.connection import ensure_schemas
from tests.support import dba
from tests.support.judge import judge
from tests.support.program import Program
from tests.support.toml_text import toml_lines

if TYPE_CHECKING:
    from tests.e2e.conftest import Database, Target

MASK_KEY = "0123456789abcdef0123456789abcdef"
SECRET = "@example.com"
# How dbo.Person's Mail is hidden -> the settings that do it.
HIDDEN: dict[str, dict[str, Any]] = {
    "hashed": {"dbo.Person": {"column": {"Mail": {"mask": "hash"}}}},
    "nulled": {"dbo.Person": {"column": {"Mail": {"mask": "null"}}}},
    "left out": {"dbo.Person": {"exclude_columns": ["Mail"]}},
    "not allowed": {"dbo.Person": {"columns": ["Id", "Note"]}},
}


def make_people(database: Database) -> None:
    ensure_schemas(database.connection, ["Archive"])
    dba.make(database, "dbo.Person", "Id int NOT NULL PRIMARY KEY, Mail nvarchar(60) NULL, Note nvarchar(60) NULL")
    dba.make(database, "dbo.Items", "Id int NOT NULL PRIMARY KEY")
    dba.capture(database, "dbo.Person", "dbo_Person")
    dba.capture(database, "dbo.Items", "dbo_Items")
    insert(database, 1)


def insert(database: Database, number: int, name: str = "dbo.Person") -> None:
    """Into Id, Mail and Note, in the order of the table's columns whatever they are called."""
    database.run(f"INSERT INTO {name} VALUES ({number}, N'who{number}{SECRET}', N'note {number}')")
    database.capture()


def write_settings(program: Program, tables: Mapping[str, Any]) -> None:
    (program.folder / "cdc-to-s3.toml").write_text(toml_lines(["table"], tables), encoding="utf-8")


def rows(database: Database, target: Target) -> list[dict[str, Any]]:
    verdict = judge(target.objects(database.name, "Person"))
    assert verdict.wrong == []
    return verdict.rows


def ids(database: Database, target: Target) -> list[int]:
    return [row["Id"] for row in rows(database, target)]


def assert_nothing_in_clear(target: Target) -> None:
    rows = [row for key in target.keys("") if key.endswith(".parquet") for row in judge([target.get(key)]).rows]
    assert not any(SECRET in str(value) for row in rows for value in row.values()), "an address in clear"
    states = [target.get(key).data for key in target.keys("_cdc_to_s3/")]
    assert not any(SECRET.encode() in state for state in states)


def assert_told(said: str, column: str, old: str = "Mail") -> None:
    """The column, its old name, and what to write."""
    lines = [line for line in said.splitlines() if "dbo.Person" in line and column in line and old in line]
    assert lines, said
    assert 'mask = "none"' in said and f'column."{column}"' in said
