"""Objects as two readers give them, and the schema that docs/FORMAT.md promises for them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.judge import METADATA_COLUMNS, Object, with_lsns_as_bytes

METADATA_TYPES = {
    "__$start_lsn": pa.string(),
    "__$command_id": pa.int32(),
    "__$seqval": pa.string(),
    "__$operation": pa.int32(),
    "__$update_mask": pa.binary(),
    "__$commit_time": pa.timestamp("us", "UTC"),
}
_FIXED = {
    "bit": pa.bool_(),
    "tinyint": pa.int16(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float64(),
    "money": pa.decimal128(19, 4),
    "smallmoney": pa.decimal128(10, 4),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "smalldatetime": pa.timestamp("us"),
    "datetime2": pa.timestamp("us"),
    "datetimeoffset": pa.timestamp("us", "UTC"),
    "time": pa.string(),
    "char": pa.string(),
    "varchar": pa.string(),
    "nchar": pa.string(),
    "nvarchar": pa.string(),
    "text": pa.string(),
    "ntext": pa.string(),
    "xml": pa.string(),
    "json": pa.string(),
    "vector": pa.string(),
    "sql_variant": pa.string(),
    "uniqueidentifier": pa.string(),
    "binary": pa.binary(),
    "varbinary": pa.binary(),
    "image": pa.binary(),
    "rowversion": pa.binary(),
    "hierarchyid": pa.binary(),
    "geometry": pa.binary(),
    "geography": pa.binary(),
}


def arrow_type(sql_type: str) -> pa.DataType:
    """What pyarrow shows for a SQL type ("decimal(9,2)", "nvarchar(max)")."""
    base, *numbers = re.findall(r"\w+", sql_type)
    if base in ("decimal", "numeric"):
        return pa.decimal128(int(numbers[0]), int(numbers[1]))
    return _FIXED[base]


def expected_schema(columns: Sequence[tuple[str, str]]) -> list[tuple[str, pa.DataType, int | None]]:
    """(name, type, field id) of every column of an object for a table's captured (name, SQL type) in order; none has
    a field id."""
    fields: list[tuple[str, pa.DataType, int | None]] = [
        (name, METADATA_TYPES[name], None) for name in METADATA_COLUMNS
    ]
    for name, sql_type in columns:
        fields.append((name, arrow_type(sql_type), None))
        if sql_type.startswith("datetimeoffset"):
            fields.append((f"{name}__offset", pa.int16(), None))
        if sql_type == "sql_variant":
            fields.append((f"{name}__type", pa.string(), None))
    return fields


def schema_of(item: Object) -> list[tuple[str, pa.DataType, int | None]]:
    """The same of an object as it is."""
    schema = pq.read_schema(io.BytesIO(item.data))
    return [(field.name, field.type, _field_id(field.metadata)) for field in schema]


def _field_id(metadata: Mapping[bytes, bytes] | None) -> int | None:
    found = (metadata or {}).get(b"PARQUET:field_id")
    return int(found) if found is not None and int(found) >= 0 else None


def read_with_pyarrow(objects: Iterable[Object]) -> list[dict[str, Any]]:
    """Rows in the order of names, then of the file; LSNs as the server shows them."""
    ordered = sorted(objects, key=lambda item: item.key.encode())
    tables = (with_lsns_as_bytes(pq.read_table(io.BytesIO(item.data))) for item in ordered)
    return [row for table in tables for row in table.to_pylist()]


def read_with_duckdb(objects: Iterable[Object], folder: Path) -> list[dict[str, Any]]:
    """The same, by DuckDB, through a glob over `folder`, to which the objects are downloaded. DuckDB reads the files
    of a glob in the order of their names, and keeps the order of rows."""
    folder.mkdir(parents=True)
    for item in objects:
        (folder / item.key.rsplit("/", 1)[-1]).write_bytes(item.data)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        glob = str(folder / "*.parquet").replace("'", "''")
        found = connection.execute(f"SELECT * FROM read_parquet('{glob}')").arrow()
        table = found if isinstance(found, pa.Table) else found.read_all()
        return list(with_lsns_as_bytes(table).to_pylist())


def set_bits(mask: bytes) -> set[int]:
    """The column ordinals, from 1, that an update mask names."""
    return {8 * (len(mask) - 1 - at) + bit + 1 for at, byte in enumerate(mask) for bit in range(8) if byte & (1 << bit)}
