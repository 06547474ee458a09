"""Readers of Parquet that are not ours, each as a function from a file to what it shows of every column: the type in
the reader's own words, and the values as plain Python ones, so that two readers can be compared:

timestamps and dates are nanoseconds since 1970, times of day nanoseconds since midnight (Python's integers hold all of
them), UUIDs 16 bytes; NULL is None; everything else is as Python has it."""

from __future__ import annotations

import datetime
import json
import subprocess
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

_ROOT = Path(__file__).resolve().parents[2]
_NODE = _ROOT / ".cache/bin/node"  # made by tools/install.sh --tests
_NODE_CLIENTS = _ROOT / "tests/clients/node"
HYPARQUET_IS_THERE = _NODE.exists() and (_NODE_CLIENTS / "node_modules/hyparquet").exists()
_NANOS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_DAY = 86_400_000_000_000


@dataclass(frozen=True)
class Shown:
    """A column as a reader shows it."""

    type: str
    values: list[Any]


Columns = dict[str, Shown]


class Refused(Exception):
    """The reader does not open the file."""


def plain_arrow(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    """Values of an Arrow column."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
    elif pa.types.is_timestamp(kind) or pa.types.is_time64(kind):
        return [None if one is None else one * _NANOS[kind.unit] for one in column.cast(pa.int64()).to_pylist()]
    elif pa.types.is_date32(kind):
        return [None if one is None else one * _DAY for one in column.cast(pa.int32()).to_pylist()]
    return list(column.to_pylist())


def _plain_object(value: Any) -> Any:
    """A value of a pandas column of objects."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, datetime.date):
        return (value - datetime.date(1970, 1, 1)).days * _DAY
    if isinstance(value, datetime.time):
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return seconds * _NANOS["s"] + value.microsecond * _NANOS["us"]
    return value.bytes if isinstance(value, uuid.UUID) else value


def read_with_pyarrow(path: Path) -> Columns:
    table = pq.read_table(path)
    return {name: Shown(str(table[name].type), plain_arrow(table[name])) for name in table.column_names}


def read_with_duckdb(path: Path) -> Columns:
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = f"SELECT * FROM read_parquet('{path}')"
        types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {query}").fetchall()}
        found = connection.execute(query).arrow()
        table = found if isinstance(found, pa.Table) else found.read_all()
        return {name: Shown(types[name], plain_arrow(table[name])) for name in table.column_names}


def _polars_type(kind: pl.DataType) -> str:
    if isinstance(kind, pl.Datetime):
        return f"Datetime('{kind.time_unit}'{f', {kind.time_zone!r}' if kind.time_zone else ''})"
    return f"Decimal({kind.precision}, {kind.scale})" if isinstance(kind, pl.Decimal) else str(kind)


def read_with_polars(path: Path) -> Columns:
    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise Refused(str(error)) from error
    arrow = frame.to_arrow()
    return {name: Shown(_polars_type(frame[name].dtype), plain_arrow(arrow[name])) for name in frame.columns}


def pandas_column(series: pd.Series) -> Shown:
    if isinstance(series.dtype, pd.ArrowDtype) or series.dtype.kind == "M":
        array = pa.array(series, from_pandas=True)
        return Shown(str(series.dtype), plain_arrow(array))
    values = [_plain_object(value) for value in series.tolist()]
    if series.dtype != object:
        return Shown(str(series.dtype), values)
    kinds = sorted({type(value).__name__ for value in series if value is not None})
    return Shown(f"object of {' and '.join(kinds)}", values)


def read_with_pandas(path: Path, setting: str = "") -> Columns:
    backend = {"dtype_backend": "pyarrow"} if setting == "dtype_backend='pyarrow'" else {}
    assert bool(backend) == bool(setting), f"the test does not know pandas' {setting}"
    frame = pd.read_parquet(path, **backend)
    return {str(name): pandas_column(frame[name]) for name in frame.columns}


_FROM_JAVASCRIPT: Mapping[str, Callable[[str], Any]] = {
    "boolean": lambda text: text == "true",
    "number": float,
    "bigint": int,
    "Date": lambda text: int(text) * _NANOS["ms"],
    "string": str,
    "Uint8Array": bytes.fromhex,
    "GeoJSON": json.loads,
}


def read_with_hyparquet(path: Path, setting: str = "") -> Columns:
    name, _, value = setting.partition(": ")
    options = json.dumps({name: json.loads(value)} if name else {})
    command = [_NODE, _NODE_CLIENTS / "hyparquet.mjs", path, options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    columns: Columns = {}
    for column, values in json.loads(done.stdout).items():
        kinds = sorted({value[0] for value in values if value})
        columns[column] = Shown(" and ".join(kinds), [v and _FROM_JAVASCRIPT[v[0]](v[1]) for v in values])
    return columns


def exactly(a: Any, b: Any) -> bool:
    """Whether two readers show the same value: floats bit for bit, decimals to the last digit of their scale."""
    if isinstance(a, float) and isinstance(b, float):
        return a.hex() == b.hex()
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return a == b and a.as_tuple().exponent == b.as_tuple().exponent
    return bool(a == b) and (a is None) == (b is None)
