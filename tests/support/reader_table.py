"""What the program says of readers (`types --json`), and whether that is true of what a reader shows."""

from __future__ import annotations

import math
import re
import struct
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.support.parquet_readers import Shown, exactly


@dataclass(frozen=True)
class Cell:
    """What one reader makes of one form of Parquet."""

    type: str  # "": it refuses the file
    loss: str
    setting: str
    setting_type: str


Forms = dict[str, dict[str, Cell]]  # form, reader


def forms_of(types: Mapping[str, Any]) -> Forms:
    """From what `types --json` prints."""
    return {
        form["parquet"]: {reader: Cell(**cell) for reader, cell in form["readers"].items()} for form in types["forms"]
    }


def form_name(parquet_type: str) -> str:
    """The form of a column: "DECIMAL(p,s)" for "DECIMAL(9,2)"."""
    return re.sub(r"^DECIMAL\(.*", "DECIMAL(p,s)", parquet_type)


def filled_in(reader_type: str, parquet_type: str, has_nulls: bool) -> str:
    """The reader's type ("int32, with NULLs float64") for this column, with its precision and scale."""
    without, _, with_nulls = reader_type.partition(", with NULLs ")
    reader_type = with_nulls if with_nulls and has_nulls else without
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", parquet_type)
    if not decimal:
        return reader_type
    return re.sub(r"\bs\b", decimal[2], re.sub(r"\bp\b", decimal[1], reader_type))


def _position(wkb: bytes, at: int) -> list[float]:
    return list(struct.unpack_from("<2d", wkb, at))


def geojson(wkb: bytes) -> dict[str, Any]:
    """Of a point, a line or a polygon with two coordinates a position."""
    order, kind = struct.unpack_from("<BI", wkb)
    assert order == 1, "WKB in little-endian order"
    if kind == 1:
        return {"type": "Point", "coordinates": _position(wkb, 5)}
    if kind == 2:
        count = struct.unpack_from("<I", wkb, 5)[0]
        return {"type": "LineString", "coordinates": [_position(wkb, 9 + 16 * i) for i in range(count)]}
    assert kind == 3, f"WKB of kind {kind}"
    rings, at = [], 9
    for _ in range(struct.unpack_from("<I", wkb, 5)[0]):
        count = struct.unpack_from("<I", wkb, at)[0]
        rings.append([_position(wkb, at + 4 + 16 * i) for i in range(count)])
        at += 4 + 16 * count
    return {"type": "Polygon", "coordinates": rings}


# The same value in other words: (form, type that the reader shows) -> what pyarrow's value is called there.
_IN_OTHER_WORDS: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("UUID", "UUID"): lambda value: str(uuid.UUID(bytes=value)),
    ("UUID", "string"): lambda value: str(uuid.UUID(bytes=value)),
    ("TIME(micros, not UTC)", "bigint"): lambda value: value // 1000,
    ("BYTE_ARRAY (WKB)", "GeoJSON"): geojson,
}


def _towards_1970(nanos: int) -> int:
    millis = abs(nanos) // 1_000_000 * 1_000_000
    return millis if nanos > 0 else -millis


def _close(exact: Decimal, shown: float) -> bool:
    return math.isclose(float(exact), shown, rel_tol=2e-15)


# Types of hyparquet and pandas are those of their values: a column of NULLs has none.
_OF_NULLS_ALONE = ("", "object of ")

# Whether `shown` is what the loss leaves of `exact`.
_LOSSES: Mapping[str, Callable[[Any, Any], bool]] = {
    "float64": lambda exact, shown: float(exact) == shown,
    "double": _close,
    "millis": lambda exact, shown: _towards_1970(exact) == shown,
    "text": lambda exact, shown: exact.decode(errors="replace") == shown,
}


def assert_true(cell: Cell, parquet_type: str, exact: Sequence[Any], shown: Shown) -> bool:
    """Fails unless the reader shows the type and the values that the cell declares for what pyarrow shows. Returns
    whether some value was lost."""
    if shown.type not in _OF_NULLS_ALONE or any(value is not None for value in exact):
        assert shown.type == filled_in(cell.type, parquet_type, None in exact)
    assert len(shown.values) == len(exact)
    words = _IN_OTHER_WORDS.get((form_name(parquet_type), cell.type), lambda value: value)
    lost = False
    for was, now in zip(exact, shown.values, strict=True):
        if was is None or now is None:
            assert (was, now) == (None, None)
        elif not exactly(words(was), now):
            assert cell.loss in _LOSSES and _LOSSES[cell.loss](was, now), f"{was!r} is shown as {now!r}"
            lost = True
    return lost
