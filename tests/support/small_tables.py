"""Small captured tables of one shape, `(id int, n int)`, and what the state document says of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from standin.load.connection import ensure_schemas
from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.folder_target import FolderTarget
from tests.support.judge import judge

# Columns of a table that cannot be delivered: they cannot all have their names in one file.
ODD_COLUMNS = "(id int NOT NULL PRIMARY KEY, at datetimeoffset NULL, at__offset int NULL)"


def make_tables(database: Database, *names: str) -> None:
    """Creates and captures them; a name is schema.table."""
    for schema, table in (name.split(".") for name in names):
        ensure_schemas(database.connection, [schema])
        database.run(f"CREATE TABLE {schema}.{table} (id int NOT NULL PRIMARY KEY, n int NOT NULL)")
        database.enable(schema, table)


def insert(database: Database, name: str, ids: Iterable[int]) -> None:
    """One transaction, and it is captured."""
    database.run(f"INSERT INTO {name} (id, n) VALUES {', '.join(f'({number}, 0)' for number in ids)}")
    database.capture()


def newest(database: Database, name: str) -> bytes:
    """LSN of the table's newest change row."""
    return bytes(database.connection.value(f"SELECT MAX([__$start_lsn]) FROM cdc.[{name.replace('.', '_')}_CT]"))


def document(database: Database, target: Target | FolderTarget, group: str = "") -> dict[str, Any]:
    key = f"_cdc_to_s3/groups/{database.name}/{group}.json" if group else target.state_key(database.name)
    return dict(json.loads(target.get(key).data))


def complete_through(database: Database, target: Target | FolderTarget, group: str = "") -> bytes:
    return bytes.fromhex(document(database, target, group)["complete_through"])


def folders(database: Database, target: Target | FolderTarget) -> set[str]:
    """The tables that have objects."""
    return {key.split("/")[1] for key in target.keys(f"{database.name}/")}


def delivered_ids(database: Database, target: Target | FolderTarget, table: str) -> list[int]:
    """Of all rows in the table's folder, in order; the folder keeps the format."""
    verdict = judge(target.objects(database.name, table))
    assert verdict.wrong == []
    return [row["id"] for row in verdict.rows]


def assert_all_delivered(database: Database, target: Target | FolderTarget, *names: str) -> None:
    """Each change row of these tables is in exactly one object."""
    for name in names:
        objects = target.objects(database.name, name.split(".")[1])
        assert_delivered(database.connection, name.replace(".", "_"), objects)
