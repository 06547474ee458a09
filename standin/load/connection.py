"""A connection of the loader: pytds, autocommit; transactions are written out in T-SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import pytds

_LOGIN_SECONDS = 30.0
_STATEMENT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and who we are there."""

    host: str = "127.0.0.1"
    port: int = 1433
    user: str = "sa"
    password: str = ""
    database: str = ""


class Connection:
    """Runs T-SQL. A context manager. Errors are pytds.Error."""

    def __init__(self, address: Address) -> None:
        self._connection = pytds.connect(
            address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=address.database or None,
            autocommit=True,
            appname="cdc-to-s3 loader",
            login_timeout=_LOGIN_SECONDS,
            timeout=_STATEMENT_SECONDS,
        )

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def run(self, sql: str) -> int:
        """Runs a batch to its end; returns the rows that its last counted statement touched (-1: none said)."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            count = cursor.rowcount
            while cursor.nextset():
                count = max(count, cursor.rowcount)
            return int(count)

    def run_all(self, statements: Iterable[str]) -> None:
        for statement in statements:
            self.run(statement)

    def rows(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """A query's rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params) if params else cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def value(self, sql: str, params: tuple[Any, ...] = ()) -> Any:
        """The first value of a query's first row; None without rows."""
        rows = self.rows(sql, params)
        return rows[0][0] if rows else None


def ensure_database(address: Address) -> None:
    """Creates address.database if the server does not have it."""
    with Connection(Address(address.host, address.port, address.user, address.password, "master")) as connection:
        names = {name.lower() for (name,) in connection.rows("SELECT name FROM sys.databases")}
        if address.database.lower() not in names:
            connection.run(f"CREATE DATABASE {quoted(address.database)}")


def ensure_schemas(connection: Connection, names: Iterable[str]) -> None:
    """Creates the schemas that are not there."""
    present = {name.lower() for (name,) in connection.rows("SELECT name FROM sys.schemas")}
    for name in sorted(set(names)):
        if name.lower() not in present:
            connection.run(f"CREATE SCHEMA {quoted(name)}")


def enable_cdc(connection: Connection, tables: Iterable[tuple[str, str]]) -> None:
    """Turns CDC on for the database, if it is off, and for each (schema, table) that is not tracked yet."""
    if not connection.value("SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()"):
        connection.run("EXEC sys.sp_cdc_enable_db")
    tracked = "SELECT s.name, t.name FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id"
    done = set(connection.rows(tracked + " WHERE t.is_tracked_by_cdc = 1"))
    for schema, table in tables:
        if (schema, table) not in done:
            names = f"@source_schema = {text(schema)}, @source_name = {text(table)}"
            connection.run(f"EXEC sys.sp_cdc_enable_table {names}, @role_name = NULL")


def quoted(name: str) -> str:
    """[name], for use as an identifier."""
    return "[" + name.replace("]", "]]") + "]"


def text(value: str) -> str:
    """N'value', for use as a literal."""
    return "N'" + value.replace("'", "''") + "'"
