"""Change rows as ROW tokens, encoded once for each list of columns.

Reading a change table over and over then costs the server no more than copying bytes, so that a benchmark measures
the reader. The rows themselves stay in SQLite; what is here can be thrown away at any time.

A `Projection` holds the rows of one select list from a first key on, in the order of the clustered index, in blocks.
It grows at its end: captured rows come with ever higher LSNs and never change. Whatever does change rows (cleanup,
ALTER, a DELETE by hand) throws the table's projections away."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Key = bytes
KEY_BYTES = 28  # start_lsn 10, command_id 4, seqval 10, operation 4, big-endian: it sorts as the index does
ROWS_A_BLOCK = 8192
_BYTES_MAX = 1_500_000_000
Fetch = Callable[[Key, int], list[tuple[Key, bytes]]]


def key_of(lsn: bytes, command: int, seqval: bytes, operation: int) -> Key:
    return lsn + command.to_bytes(4, "big") + seqval + operation.to_bytes(4, "big")


@dataclass(slots=True)
class Block:
    """Some rows: their bytes, where each ends, and their keys one after the other."""

    data: bytes
    ends: array[int]
    keys: bytes

    @property
    def count(self) -> int:
        return len(self.ends)

    def key(self, row: int) -> Key:
        return self.keys[row * KEY_BYTES : (row + 1) * KEY_BYTES]

    def after(self, key: Key) -> int:
        """How many rows have a key at or below this one."""
        return bisect_right(range(self.count), key, key=self.key)

    def cut(self, first: int, last: int) -> tuple[bytes | memoryview, int]:
        """Rows first … last-1."""
        if first == 0 and last == self.count:
            return self.data, last
        start = self.ends[first - 1] if first else 0
        return memoryview(self.data)[start : self.ends[last - 1]], last - first


def make_block(rows: list[tuple[Key, bytes]], before: Block | None = None) -> Block:
    """A block of the rows, behind those of another one."""
    ends = array("I", before.ends if before else [])
    position = ends[-1] if ends else 0
    for _, row in rows:
        position += len(row)
        ends.append(position)
    parts = [r for _, r in rows]
    keys = b"".join(k for k, _ in rows)
    if before is not None:
        return Block(b"".join([before.data, *parts]), ends, before.keys + keys)
    return Block(b"".join(parts), ends, keys)


class Projection:
    """The rows after `base`, as far as they have been asked for."""

    def __init__(self, base: Key) -> None:
        self.base = base
        self.blocks: list[Block] = []
        self.bytes = 0
        self._lock = threading.Lock()

    def last_key(self) -> Key:
        return self.blocks[-1].key(self.blocks[-1].count - 1) if self.blocks else self.base

    def read(self, low: Key, high: Key, fetch: Fetch) -> Iterator[tuple[bytes | memoryview, int]]:
        """Pieces of the rows with low < key ≤ high; `fetch(after, limit)` gives those that are not here yet."""
        while (block := self._block_after(low, high, fetch)) is not None:
            first, last = block.after(low), block.after(high)
            if first == last:
                return
            yield block.cut(first, last)
            low = block.key(last - 1)

    def _block_after(self, low: Key, high: Key, fetch: Fetch) -> Block | None:
        """The first block with a key above `low`; grows at the end when there is none yet."""
        while True:
            blocks = self.blocks
            position = bisect_right(range(len(blocks)), low, key=lambda i: blocks[i].key(blocks[i].count - 1))
            if position < len(blocks):
                return blocks[position]
            if not self._grow(low, high, fetch):
                return None

    def _grow(self, low: Key, high: Key, fetch: Fetch) -> bool:
        """Fetches up to a block of rows at the end, unless another session has meanwhile; whether there are any."""
        with self._lock:
            if self.blocks and self.last_key() > low:
                return True
            if self.last_key() >= high:
                return False
            last = self.blocks[-1] if self.blocks and self.blocks[-1].count < ROWS_A_BLOCK else None
            rows = fetch(self.last_key(), ROWS_A_BLOCK - (last.count if last else 0))
            if not rows:
                return False
            block = make_block(rows, last)
            self.bytes += len(block.data) - (len(last.data) if last else 0)
            if last is not None:
                self.blocks[-1] = block
            else:
                self.blocks.append(block)
            return True


class ChangeCache:
    """All projections of a server. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._projections: dict[tuple[int, Any], Projection] = {}  # least recently used first
        self._by_hand: set[int] = set()

    def usable(self, object_id: int) -> bool:
        """Not for a change table whose rows were changed by hand: its keys may have become NULL or unsorted."""
        return object_id not in self._by_hand

    def projection(self, object_id: int, shape: Any, low: Key) -> Projection:
        """The projection that can serve rows after `low`."""
        with self._lock:
            key = (object_id, shape)
            found = self._projections.pop(key, None)
            if found is None or low < found.base:
                found = Projection(low)
            self._projections[key] = found
            self._evict()
            return found

    def _evict(self) -> None:
        total = sum(p.bytes for p in self._projections.values())
        for key in list(self._projections)[:-1]:
            if total <= _BYTES_MAX:
                return
            total -= self._projections.pop(key).bytes

    def forget(self, object_id: int, by_hand: bool = False) -> None:
        """The change table's rows are not what they were."""
        with self._lock:
            if by_hand:
                self._by_hand.add(object_id)
            for key in [k for k in self._projections if k[0] == object_id]:
                del self._projections[key]
