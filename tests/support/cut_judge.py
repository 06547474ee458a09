"""Judges the promise across tables: whatever a reader sees at a moment, its rows at or below `complete_through` are
all of the database's transactions up to there, and nothing else.

`CutReader` looks as a consumer would: the state document first, then one listing, then the objects. `Cut.wrong` judges
what it saw, twice over: against the change tables' history, and by the invariants of tests/support/many_tables.py,
which need no database."""

from __future__ import annotations

import io
import itertools
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow.parquet as pq

from tests.support.judge import KEY, Object, RowKey, with_lsns_as_bytes
from tests.support.many_tables import LEDGER

_END_SECONDS = 30.0
_SIGN = {1: -1, 2: 1, 3: -1, 4: 1}  # what a row of an operation does to the sum of amounts


class ListedTarget(Protocol):
    def state_key(self, database: str) -> str: ...

    def get(self, key: str) -> Object: ...

    def versions(self, under: str) -> dict[str, str]: ...


@dataclass(frozen=True)
class Rows:
    """What the judge needs of one object, in the order of its rows."""

    keys: list[RowKey]
    counts: Counter[bytes]  # rows by start LSN
    deltas: Counter[bytes]  # sums of amounts, after minus before, by start LSN
    ledger: dict[bytes, dict[str, int]]  # start LSN -> change rows by table; only from the ledger's objects


@dataclass(frozen=True)
class Cut:
    """One look."""

    at: float  # monotonic seconds, when the document had arrived
    owner: str
    complete_through: bytes
    starts: dict[str, bytes]  # tables of the cut -> LSN after which their rows are delivered
    objects: dict[str, list[Rows]]  # tables of the cut -> their objects in the order of names

    def wrong(self, history: Mapping[str, Sequence[RowKey]]) -> list[str]:
        """Every broken rule. `history`: all change rows of each table that was ever captured, in order."""
        return [*self._against(history), *self._against_ledger()]

    def _against(self, history: Mapping[str, Sequence[RowKey]]) -> list[str]:
        wrong = []
        for table, start in self.starts.items():
            seen = [key for rows in self.objects[table] for key in rows.keys if key[0] <= self.complete_through]
            expected = [key for key in history[table] if start < key[0] <= self.complete_through]
            if seen != expected:
                missing, extra = set(expected) - set(seen), set(seen) - set(expected)
                wrong.append(
                    f"{table} up to {self.complete_through.hex()}: {len(seen)} rows instead of {len(expected)}, "
                    f"{len(missing)} missing, first {min(missing, default=None)}; {len(extra)} too many"
                )
        return wrong

    def _against_ledger(self) -> list[str]:
        ledger = {lsn: said for rows in self.objects.get(LEDGER, []) for lsn, said in rows.ledger.items()}
        counts: dict[bytes, Counter[str]] = defaultdict(Counter)
        deltas: Counter[bytes] = Counter()
        for table, objects in self.objects.items():
            for rows in objects:
                for lsn, count in rows.counts.items():
                    counts[lsn][table] += count
                deltas.update(rows.deltas)
        wrong = []
        for lsn in sorted(ledger.keys() | counts.keys()):
            if lsn > self.complete_through:
                continue
            if lsn not in ledger:
                wrong.append(f"transaction {lsn.hex()} is in {sorted(counts[lsn])} but not in the ledger")
                continue
            expected = {table: rows for table, rows in ledger[lsn].items() if lsn > self.starts.get(table, lsn)}
            found = {table: rows for table, rows in counts[lsn].items() if table != LEDGER}
            if found != expected:
                wrong.append(f"transaction {lsn.hex()} has {found}, and its ledger row says {expected}")
            elif expected.keys() == ledger[lsn].keys() and deltas[lsn] != 0:
                wrong.append(f"the amounts of transaction {lsn.hex()} sum to {deltas[lsn]}")
        return wrong


class CutReader:
    """Keeps what it has read: objects never change, and a key whose version does fails the look."""

    def __init__(self, target: ListedTarget, database: str) -> None:
        self._target = target
        self._database = database
        self._versions: dict[str, str] = {}
        self._rows: dict[str, Rows] = {}

    def look(self) -> Cut:
        state = json.loads(self._target.get(self._target.state_key(self._database)).data)
        at = time.monotonic()
        tables = {name: table for name, table in state["tables"].items() if table["in_cut"]}
        by_folder = {table["folder"]: name for name, table in tables.items()}
        seen: dict[str, list[Rows]] = {name: [] for name in tables}
        for key, version in sorted(
            self._target.versions(f"{self._database}/").items(), key=lambda one: one[0].encode()
        ):
            if key not in self._rows:
                self._versions[key] = version
                self._rows[key] = _rows(self._target.get(key))
            assert self._versions[key] == version, f"{key} has changed"
            table = by_folder.get(key[: key.rindex("/") + 1])
            if table is not None:
                seen[table].append(self._rows[key])
        starts = {name: _end(table["start"]) for name, table in tables.items()}
        return Cut(at, state["owner"]["id"], bytes.fromhex(state["complete_through"]), starts, seen)


class CutWatch:
    """Looks again and again, after random pauses, in a thread of its own, from `with` to its end."""

    def __init__(self, reader: CutReader, rng: random.Random, pause_max: float) -> None:
        self.cuts: list[Cut] = []
        self._reader = reader
        self._rng = rng
        self._pause_max = pause_max
        self._failed: list[BaseException] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> CutWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(_END_SECONDS)
        assert self._failed == [], f"the reader failed: {self._failed}"

    def _watch(self) -> None:
        try:
            while not self._over.wait(self._rng.uniform(0, self._pause_max)):
                self.cuts.append(self._reader.look())
        except BaseException as error:
            self._failed.append(error)


def longest_stand(cuts: Sequence[Cut]) -> float:
    """For how many seconds at most `complete_through` was the same; fails if it ever went back."""
    longest, since = 0.0, cuts[0].at
    for before, after in itertools.pairwise(cuts):
        assert before.complete_through <= after.complete_through, "complete_through went back"
        if after.complete_through > before.complete_through:
            since = after.at
        longest = max(longest, after.at - since)
    return longest


def _end(position: str) -> bytes:
    """The LSN of a position that ends whole transactions."""
    assert "/" not in position, f"a start inside a transaction: {position}"
    return bytes.fromhex(position)


def _rows(item: Object) -> Rows:
    table = with_lsns_as_bytes(pq.read_table(io.BytesIO(item.data)))
    keys = list(zip(*(table.column(name).to_pylist() for name in KEY), strict=True))
    deltas: Counter[bytes] = Counter()
    for key, amount in zip(keys, table.column("Amount").to_pylist(), strict=True):
        deltas[key[0]] += _SIGN[key[3]] * amount
    ledger = {}
    if "Changes" in table.column_names:
        said = table.column("Changes").to_pylist()
        ledger = {key[0]: json.loads(text) for key, text in zip(keys, said, strict=True)}
    return Rows(keys, Counter(key[0] for key in keys), deltas, ledger)
