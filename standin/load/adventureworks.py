"""Rows of Microsoft's sample database AdventureWorks, from the repository's extract.

A folder has `tables.json` (columns and types) and one JSON object a line for each table; its README.md says where
the rows come from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standin.load.connection import Connection, enable_cdc, ensure_schemas, quoted, text

_ROWS_A_STATEMENT = 200  # a VALUES list may have 1000; long statements parse slowly
_STATEMENT_CHARACTERS = 200_000
_CLR_TYPES = ("hierarchyid", "geography", "geometry")
_NUMBERS = ("int", "smallint", "tinyint", "bigint", "money", "smallmoney", "decimal", "numeric", "float", "real")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the extract; `columns` as in tables.json, without those that were left out."""

    schema: str
    name: str
    columns: Sequence[dict[str, Any]]
    primary_key: dict[str, Any]
    file: Path
    row_count: int

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def stored(self) -> list[dict[str, Any]]:
        """The columns that an INSERT names."""
        return [column for column in self.columns if not column["computed"]]

    @property
    def has_identity(self) -> bool:
        return any(column["identity"] for column in self.columns)


def read_tables(folder: Path, with_xml: bool = True) -> list[Table]:
    """The tables that the folder describes."""
    described = json.loads((folder / "tables.json").read_text(encoding="utf-8"))["tables"]
    return [
        Table(
            one["schema"],
            one["table"],
            [column for column in one["columns"] if with_xml or column["sql_type"] != "xml"],
            one["primary_key"],
            folder / one["file"],
            one["rows_extract"],
        )
        for one in described
    ]


def create_table(table: Table) -> str:
    """CREATE TABLE with alias types resolved, identities and computed columns as they are."""
    lines = [_column(column) for column in table.columns]
    keys = ", ".join(quoted(name) for name in table.primary_key["columns"])
    clustered = "CLUSTERED" if table.primary_key["clustered"] else "NONCLUSTERED"
    lines.append(f"CONSTRAINT {quoted(table.primary_key['name'])} PRIMARY KEY {clustered} ({keys})")
    return f"CREATE TABLE {_name(table)} (\n  " + ",\n  ".join(lines) + "\n)"


def _name(table: Table) -> str:
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def _column(column: dict[str, Any]) -> str:
    name = quoted(column["name"])
    if column["computed"]:
        persisted = (
            " PERSISTED" + ("" if column["nullable"] else " NOT NULL") if column["computed"]["persisted"] else ""
        )
        return f"{name} AS ({column['computed']['expression']}){persisted}"
    identity = column["identity"]
    numbered = f" IDENTITY({identity['seed']},{identity['increment']})" if identity else ""
    guid = " ROWGUIDCOL" if column["rowguidcol"] else ""
    return f"{name} {column['sql_type']}{numbered}{guid} {'NULL' if column['nullable'] else 'NOT NULL'}"


def literal(value: Any, sql_type: str) -> str:
    """A JSON value of the extract as a T-SQL literal."""
    base = sql_type.split("(")[0]
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "1" if value else "0"
    if base in _CLR_TYPES:
        return f"CAST({value} AS {base})"
    if base in _NUMBERS or base in ("varbinary", "binary", "image"):
        return str(value)
    if base in ("datetime", "smalldatetime"):
        return f"'{value.replace(' ', 'T')}'"  # the ISO form that no language setting changes
    return text(value) if base in ("xml", "nchar", "nvarchar", "ntext") else "'" + value.replace("'", "''") + "'"


def insert_statements(table: Table, limit: int | None = None) -> Iterator[tuple[str, int]]:
    """INSERT statements and the rows of each, for the table's first `limit` rows (default: all)."""
    columns = table.stored
    head = f"INSERT INTO {_name(table)} ({', '.join(quoted(column['name']) for column in columns)}) VALUES\n"
    pending: list[str] = []
    size = 0
    for row in _json_rows(table.file, limit):
        values = "(" + ", ".join(literal(row[column["name"]], column["sql_type"]) for column in columns) + ")"
        if pending and (len(pending) == _ROWS_A_STATEMENT or size + len(values) > _STATEMENT_CHARACTERS):
            yield head + ",\n".join(pending), len(pending)
            pending, size = [], 0
        pending.append(values)
        size += len(values)
    if pending:
        yield head + ",\n".join(pending), len(pending)


def _json_rows(file: Path, limit: int | None) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if limit is not None and number >= limit:
                return
            yield json.loads(line)


def load(
    connection: Connection, tables: Sequence[Table], cdc: bool = False, limit: int | None = None
) -> dict[str, int]:
    """Creates the tables, captures them if `cdc`, then inserts their rows; returns the rows by full name."""
    ensure_schemas(connection, (table.schema for table in tables))
    connection.run_all(create_table(table) for table in tables)
    if cdc:
        enable_cdc(connection, [(table.schema, table.name) for table in tables])
    return {table.full_name: insert_rows(connection, table, limit) for table in tables}


def insert_rows(connection: Connection, table: Table, limit: int | None = None) -> int:
    """Returns how many."""
    if table.has_identity:
        connection.run(f"SET IDENTITY_INSERT {_name(table)} ON")
    count = 0
    for statement, rows in insert_statements(table, limit):
        connection.run(statement)
        count += rows
    if table.has_identity:
        connection.run(f"SET IDENTITY_INSERT {_name(table)} OFF")
    return count
