"""The demo's proof finds what is wrong: objects made here, compared with a change table that answers from a list."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from standin.load.connection import Connection
from tools import demo_proof as proof

_GUID = uuid.UUID("92c4279f-1207-48a3-8448-4636514eb7e2")
_TIME = datetime.datetime(2025, 1, 9, 14, 30, 15, 123_000)
_COLUMNS = ("__$start_lsn", "__$command_id", "__$seqval", "__$operation", "ID", "Name", "Price", "Guid", "At")


def _row(transaction: int, operation: int, name: str = "Ken") -> tuple[Any, ...]:
    """As an ordinary client gives it."""
    lsn = transaction.to_bytes(10, "big")
    return (lsn, 1, lsn, operation, transaction, name, Decimal("12.5000"), _GUID, _TIME)


class _ChangeTable:
    """Answers the two questions that the proof asks of a server."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def rows(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return [(name,) for name in _COLUMNS[4:]] if "captured_columns" in sql else self._rows


def _spelled(row: tuple[Any, ...]) -> tuple[Any, ...]:
    start_lsn, command_id, seqval, *values, guid, at = row
    return (start_lsn.hex().upper(), command_id, seqval.hex().upper(), *values, str(guid).upper(), at)


def _write(folder: Path, name: str, rows: list[tuple[Any, ...]]) -> None:
    """An object with the rows, spelled as Parquet holds them."""
    types = [pa.string(), pa.int32(), pa.string(), pa.int32(), pa.int32(), pa.string(), pa.decimal128(19, 4)]
    types += [pa.string(), pa.timestamp("us")]
    columns = list(zip(*[_spelled(row) for row in rows], strict=True))
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    times = pa.array([_TIME] * len(rows), pa.timestamp("us", "UTC"))
    table = pa.table([*arrays, times], names=[*_COLUMNS, "__$commit_time"])
    path = folder / "Shop" / "Item" / "cdc" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def _compare(folder: Path, server: list[tuple[Any, ...]]) -> proof.Verdict:
    item = proof.Folder("dbo", "Item", [], 0)
    return proof.compare(cast(Connection, _ChangeTable(server)), proof.Reader(folder, "Shop"), item)


def test_equal_rows_are_good(tmp_path: Path) -> None:
    rows = [_row(1, 2), _row(2, 3), _row(2, 4, "Kim"), _row(3, 1)]
    _write(tmp_path, "Item_cdc_20250109_143015.parquet", rows[:3])
    _write(tmp_path, "Item_cdc_20250109_143015_0001.parquet", rows[3:])
    assert _compare(tmp_path, rows) == proof.Verdict(4, 4, 0, 0, 0, True)
    assert _compare(tmp_path, rows).good


@pytest.mark.parametrize(
    ("first", "second", "finding"),
    [
        ([_row(1, 2)], [_row(3, 1)], {"missing": 1}),
        ([_row(1, 2), _row(2, 2)], [_row(2, 2), _row(3, 1)], {"twice": 1}),
        ([_row(1, 2), _row(2, 2, "Kim")], [_row(3, 1)], {"different": 1}),
        ([_row(2, 2), _row(3, 1)], [_row(1, 2)], {"in_order": False}),
    ],
)
def test_a_wrong_bucket_is_found(
    first: list[tuple[Any, ...]], second: list[tuple[Any, ...]], finding: dict[str, Any], tmp_path: Path
) -> None:
    _write(tmp_path, "Item_cdc_20250109_143015.parquet", first)
    _write(tmp_path, "Item_cdc_20250109_143016.parquet", second)
    verdict = _compare(tmp_path, [_row(1, 2), _row(2, 2), _row(3, 1)])
    assert {name: getattr(verdict, name) for name in finding} == finding
    assert not verdict.good


def test_an_update_is_told_as_what_changed(tmp_path: Path) -> None:
    _write(tmp_path, "Item_cdc_20250109_143015.parquet", [_row(1, 2), _row(2, 3), _row(2, 4, "Kim"), _row(3, 1, "Kim")])
    item = proof.Folder("dbo", "Item", [], 0)
    told = proof.life_of(proof.Reader(tmp_path, "Shop"), item, ["ID", "Name"], "true")
    assert told == [
        ("14:30:15.123", "insert", "ID 1, Name Ken"),
        ("14:30:15.123", "update", "Name: Ken -> Kim"),
        ("14:30:15.123", "delete", "ID 3, Name Kim"),
    ]
