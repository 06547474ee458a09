"""Change tables as SQL Server shows them, read by pytds: what the objects must hold."""

from __future__ import annotations

from typing import Any

from standin.load.connection import Connection, quoted
from tests.support.judge import KEY, Object, RowKey, Verdict, judge, order


def capture_instances(connection: Connection) -> dict[str, str]:
    """schema.table -> capture instance."""
    found = connection.rows(
        "SELECT OBJECT_SCHEMA_NAME(source_object_id), OBJECT_NAME(source_object_id), capture_instance "
        "FROM cdc.change_tables"
    )
    return {f"{schema}.{table}": instance for schema, table, instance in found}


def change_keys(connection: Connection, instance: str) -> list[RowKey]:
    """The keys of all change rows, in the clustered index's order."""
    columns = ", ".join(quoted(name) for name in KEY)
    rows = connection.rows(f"SELECT {columns} FROM cdc.{quoted(instance + '_CT')}")
    return sorted(((row[0], row[1], row[2], row[3]) for row in rows), key=order)


def change_rows(connection: Connection, instance: str) -> list[dict[str, Any]]:
    """All change rows with their captured columns as pytds decodes them, in the clustered index's order."""
    names = [
        name
        for (name,) in connection.rows(
            "SELECT c.column_name FROM cdc.captured_columns AS c JOIN cdc.change_tables AS t "
            "ON t.object_id = c.object_id WHERE t.capture_instance = %s ORDER BY c.column_ordinal",
            (instance,),
        )
    ]
    every = [*KEY, "__$update_mask", *names]
    columns = ", ".join(quoted(name) for name in every)
    rows = connection.rows(f"SELECT {columns} FROM cdc.{quoted(instance + '_CT')}")
    found = [dict(zip(every, row, strict=True)) for row in rows]
    return sorted(found, key=lambda row: order((row[KEY[0]], row[KEY[1]], row[KEY[2]], row[KEY[3]])))


def assert_delivered(connection: Connection, instance: str, objects: list[Object]) -> Verdict:
    """The objects hold exactly the change table's rows: count, order, keys, and masks."""
    verdict = judge(objects)
    assert verdict.wrong == []
    expected = change_keys(connection, instance)
    missing, extra = sorted(set(expected) - set(verdict.keys), key=order), set(verdict.keys) - set(expected)
    assert len(verdict.keys) == len(expected), (
        f"{len(verdict.keys)} rows delivered, {len(expected)} in {instance}; missing {missing}, extra {extra}; objects "
        f"{[(item['cdc.from'], item['cdc.to'], item['cdc.rows']) for item in verdict.footers]}"
    )
    assert verdict.keys == expected
    return verdict
