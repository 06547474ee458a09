"""What is in the bucket, read as anybody would read it (boto3 and DuckDB), and compared with the change tables."""

from __future__ import annotations

import datetime
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from standin.load.connection import Connection, quoted

_KEY = ("__$start_lsn", "__$command_id", "__$seqval", "__$operation")
DELETE, INSERT, BEFORE, AFTER = 1, 2, 3, 4
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Folder:
    """One table's objects in the bucket."""

    schema: str
    table: str
    names: list[str]
    bytes: int

    @property
    def ends(self) -> tuple[str, str]:
        """The first name and the newest."""
        return self.names[0], self.names[-1]


@dataclass(frozen=True)
class Verdict:
    """A change table compared with the table's objects, key by key and value by value."""

    in_server: int
    in_files: int
    missing: int
    twice: int
    different: int
    in_order: bool

    @property
    def good(self) -> bool:
        return self.in_files == self.in_server and self.in_order and not (self.missing or self.twice or self.different)


def objects(s3: Any, bucket: str, database: str) -> dict[str, int]:
    """Key and size of every object in the database's table folders."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{database}/")
    return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}


def folder_of(found: dict[str, int], database: str, full_name: str) -> Folder:
    schema, table = full_name.split(".")
    prefix = f"{database}/{table}/cdc/"
    keys = sorted(key for key in found if key.startswith(prefix))
    return Folder(schema, table, [key.removeprefix(prefix) for key in keys], sum(found[key] for key in keys))


def download(s3: Any, bucket: str, keys: Sequence[str], into: Path) -> None:
    """Each object to a file of the same path. (DuckDB reads s3:// by itself where its httpfs extension is.)"""
    for key in keys:
        file = into / key
        file.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(file))


class Reader:
    """The downloaded objects in DuckDB."""

    def __init__(self, into: Path, database: str) -> None:
        self._root = into / database
        self._duckdb = duckdb.connect()

    def _files(self, folder: Folder) -> str:
        pattern = f"{self._root}/{folder.table}/cdc/*.parquet".replace("'", "''")
        return f"read_parquet('{pattern}', union_by_name = true, filename = true, file_row_number = true)"

    def operations(self, folder: Folder) -> dict[int, int]:
        """Rows by operation."""
        sql = f'SELECT "__$operation", count(*) FROM {self._files(folder)} GROUP BY ALL'
        return dict(self._duckdb.execute(sql).fetchall())

    def rows(self, folder: Folder, columns: Sequence[str], where: str = "true") -> list[Row]:
        """In the order of names, and within a file in its own."""
        listed = ", ".join('"' + column.replace('"', '""') + '"' for column in columns)
        sql = f"SELECT {listed} FROM {self._files(folder)} WHERE {where} ORDER BY filename, file_row_number"
        return self._duckdb.execute(sql).fetchall()

    def times(self, folder: Folder, where: str) -> list[datetime.datetime]:
        """Commit times in UTC, in the same order."""
        sql = f'SELECT epoch_us("__$commit_time") FROM {self._files(folder)} WHERE {where} ORDER BY filename, file_row_number'
        found = self._duckdb.execute(sql).fetchall()
        return [datetime.datetime.fromtimestamp(micros / 1e6, datetime.UTC) for (micros,) in found]

    def busiest(self, folder: Folder, key_column: str) -> int:
        """A key that was inserted, changed and deleted, with the most changes; else the one with the most."""
        sql = (
            f'SELECT "{key_column}" FROM {self._files(folder)} GROUP BY 1'
            ' ORDER BY count(DISTINCT "__$operation") DESC, abs(count(*) - 8), 1 LIMIT 1'
        )
        found = self._duckdb.execute(sql).fetchone()
        assert found is not None, "there are objects, so there are rows"
        return int(found[0])


def captured_columns(connection: Connection, folder: Folder) -> list[str]:
    sql = "SELECT column_name FROM cdc.captured_columns WHERE object_id = OBJECT_ID(%s) ORDER BY column_ordinal"
    return [name for (name,) in connection.rows(sql, (f"cdc.{_change_table(folder)}",))]


def _change_table(folder: Folder) -> str:
    return f"{folder.schema}_{folder.table}_CT"


def server_rows(connection: Connection, folder: Folder, columns: Sequence[str]) -> list[Row]:
    """The change table's rows, in the order of its clustered index."""
    listed = ", ".join(quoted(column) for column in columns)
    order = ", ".join(quoted(column) for column in _KEY)
    return connection.rows(f"SELECT {listed} FROM cdc.{quoted(_change_table(folder))} ORDER BY {order}")


def compare(connection: Connection, reader: Reader, folder: Folder) -> Verdict:
    """Every row of the change table must be in the objects once, with its values, in the same order."""
    columns = [*_KEY, *captured_columns(connection, folder)]
    server = [_plain(row) for row in server_rows(connection, folder, columns)]
    files = [_plain(_with_lsns_as_bytes(row)) for row in reader.rows(folder, columns)]
    key = slice(0, len(_KEY))
    wanted, found = Counter(row[key] for row in server), Counter(row[key] for row in files)
    values = {row[key]: row for row in server}
    return Verdict(
        in_server=len(server),
        in_files=len(files),
        missing=sum((wanted - found).values()),
        twice=sum((found - wanted).values()),
        different=sum(row != values.get(row[key], row) for row in files),
        in_order=[row[key] for row in files]
        == sorted((row[key] for row in files), key=lambda k: (k[0], k[1] or 0, *k[2:])),
    )


def _with_lsns_as_bytes(row: Row) -> Row:
    """Objects have LSNs as hex digits, the server as bytes."""
    start_lsn, command_id, seqval, *rest = row
    return (bytes.fromhex(start_lsn), command_id, bytes.fromhex(seqval), *rest)


def _plain(row: Row) -> Row:
    """The same value in one form, however the server's client and Parquet's reader spell it."""
    return tuple(_plain_value(value) for value in row)


def _plain_value(value: Any) -> Any:
    match value:
        case uuid.UUID():
            return str(value).upper()
        case datetime.datetime():
            return round(value.replace(tzinfo=datetime.UTC).timestamp() * 1000)  # datetime's own precision is 3.33 ms
        case bool():
            return int(value)
        case bytearray() | memoryview():
            return bytes(value)
        case Decimal():
            return value.normalize()
    return value


def life_of(reader: Reader, folder: Folder, columns: Sequence[str], where: str) -> list[tuple[str, str, str]]:
    """What happened to some rows as a person would tell it: time, what, and what changed from what to what."""
    rows = reader.rows(folder, ["__$operation", *columns], where)
    told: list[tuple[str, str, str]] = []
    before: Row = ()
    for time, (operation, *values) in zip(reader.times(folder, where), rows, strict=True):
        clock = f"{time:%H:%M:%S}.{time.microsecond // 1000:03d}"
        if operation == BEFORE:
            before = tuple(values)
        elif operation == AFTER:
            changes = [
                f"{name}: {_shown(old)} -> {_shown(new)}"
                for name, old, new in zip(columns, before, values, strict=True)
                if old != new
            ]
            told.append((clock, "update", ", ".join(changes) or "nothing"))
        else:
            shown = [
                f"{name} {_shown(value)}" for name, value in zip(columns, values, strict=True) if value is not None
            ]
            told.append(
                (clock, "insert", ", ".join(shown)) if operation == INSERT else (clock, "delete", ", ".join(shown[:2]))
            )
    return told


def _shown(value: Any) -> str:
    return "(none)" if value is None else str(value)
