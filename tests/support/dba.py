"""What a DBA does to captured tables, as T-SQL that a real server takes. A name is schema.table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.load.connection import ensure_schemas, text

if TYPE_CHECKING:
    from tests.e2e.conftest import Database


def _source(name: str) -> str:
    schema, table = name.split(".")
    return f"@source_schema = {text(schema)}, @source_name = {text(table)}"


def rename(name: str, new: str) -> str:
    """`new` without a schema: sp_rename leaves a table where it is."""
    return f"EXEC sp_rename {text(name)}, {text(new)}"


def rename_column(name: str, column: str, new: str) -> str:
    """Refused while an instance captures the table."""
    return f"EXEC sp_rename {text(f'{name}.{column}')}, {text(new)}, N'COLUMN'"


def transfer(name: str, schema: str) -> str:
    return f"ALTER SCHEMA {schema} TRANSFER {name}"


def capture_on(name: str, instance: str, columns: str = "") -> str:
    listed = f", @captured_column_list = {text(columns)}" if columns else ""
    return (
        f"EXEC sys.sp_cdc_enable_table {_source(name)}, @role_name = NULL, @capture_instance = {text(instance)}{listed}"
    )


def capture_off(name: str, instance: str = "all") -> str:
    return f"EXEC sys.sp_cdc_disable_table {_source(name)}, @capture_instance = {text(instance)}"


def make(database: Database, name: str, columns: str = "id int NOT NULL PRIMARY KEY, n int NOT NULL") -> None:
    """A table without capture; its schema is made if need be."""
    ensure_schemas(database.connection, [name.split(".")[0]])
    database.run(f"CREATE TABLE {name} ({columns})")


def capture(database: Database, name: str, instance: str, columns: str = "") -> None:
    """Turns capture on for the table, and for the database if it is off, and lets the instance begin."""
    if not database.connection.value("SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()"):
        database.run("EXEC sys.sp_cdc_enable_db")
    database.run(capture_on(name, instance, columns))
    database.capture()


def start_of(database: Database, instance: str) -> bytes:
    """The LSN at which a capture instance begins."""
    found = database.connection.value(
        "SELECT start_lsn FROM cdc.change_tables WHERE capture_instance = %s", (instance,)
    )
    return bytes(found)


def object_id(database: Database, name: str) -> int:
    return int(database.connection.value(f"SELECT OBJECT_ID({text(name)})"))
