"""Judges what a target holds after a DBA's acts: objects, their footers, the state document's gaps and the program's last
words, against the ledger of the server's change tables. No code of the program.

Every change row is delivered once, in one folder, with its values, masked as the settings say; or it lies in a gap that
a footer or the state records; or its table is told by name with exit code 3."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.dba_ledger import Ledger, LedgerRow
from tests.support.judge import Object, RowKey, judge

Range = tuple[bytes, bytes]  # LSNs: behind the first, up to the second


@dataclass
class Row:
    """A delivered row. `values` by column_id."""

    folder: str
    source: int
    key: RowKey
    values: dict[int, Any]


@dataclass
class Delivered:
    """What all folders hold. `gaps` by folder, from footers; `sources`: whose rows a folder has; `wrong`: broken rules
    of the format."""

    rows: list[Row] = field(default_factory=list)
    gaps: dict[str, list[Range]] = field(default_factory=dict)
    sources: dict[str, set[int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def read(self, folder: str, objects: list[Object]) -> None:
        verdict = judge(objects)
        self.wrong += verdict.wrong
        at = 0
        for footer in verdict.footers:
            source = int(footer["cdc.source_object_id"])
            names = {column["name"]: column["column_id"] for column in json.loads(footer["cdc.columns"])}
            self.sources.setdefault(folder, set()).add(source)
            self.gaps.setdefault(folder, []).extend(ranges(json.loads(footer["cdc.gaps"])))
            for number in range(at, at + int(footer["cdc.rows"])):
                values = {names[name]: value for name, value in verdict.rows[number].items() if name in names}
                self.rows.append(Row(folder, source, binary(verdict.keys[number]), values))
            at += int(footer["cdc.rows"])


@dataclass
class Captured:
    """What the server says of a source table that is captured now."""

    name: str
    instances: list[str]


@dataclass
class Case:
    """All that is judged. `masked`: the source tables whose column `mail` the settings hide, with the mask's key.
    `captured`: by object id. `document`: the state's tables. `folders`: those that a source table ever had by its
    entry. `said` and `code`: of the last `run --once`."""

    ledger: Ledger
    delivered: Delivered
    captured: Mapping[int, Captured]
    document: Mapping[str, Mapping[str, Any]]
    folders: Mapping[int, Collection[str]]
    masked: Collection[int]
    mail: int
    mask_key: str
    said: str
    code: int

    def wrong(self) -> list[str]:
        """Every broken promise; empty means that all is well."""
        return [
            *self.delivered.wrong,
            *self._wrong_state_gaps(),
            *self._wrong_rows(),
            *(text for source, rows in self.ledger.rows.items() for text in self._missing(source, rows)),
        ]

    def _wrong_rows(self) -> Iterable[str]:
        times = Counter((row.source, row.key) for row in self.delivered.rows)
        for row in self.delivered.rows:
            what = f"the row {_text(row.key)} of source table {row.source} in {row.folder}"
            if times[row.source, row.key] > 1:
                yield f"{what} is there {times[row.source, row.key]} times"
            known = self.ledger.rows.get(row.source, {}).get(row.key)
            if known is None:
                yield f"{what} was never in a change table"
            else:
                yield from self._wrong_values(what, row, known)

    def _wrong_values(self, what: str, row: Row, known: LedgerRow) -> Iterable[str]:
        for column, value in row.values.items():
            expected = known.values.get(column)
            if column == self.mail and row.source in self.masked:
                expected = self._token(expected)
                if value not in (expected, None):
                    yield f"{what} shows {value!r} in a column that is masked"
            elif value != expected:
                yield f"{what} has {value!r} in column {column}, not {expected!r}"

    def _token(self, value: Any) -> str | None:
        return None if value is None else hmac.new(self.mask_key.encode(), value.encode(), hashlib.sha256).hexdigest()

    def _missing(self, source: int, rows: Mapping[RowKey, LedgerRow]) -> Iterable[str]:
        delivered = {row.key for row in self.delivered.rows if row.source == source}
        gaps = self._gaps_of(source)
        told = self._told(source)
        for key, row in rows.items():
            if key in delivered or row.before_entry:
                continue
            in_gap = any(begin < key[0] <= end for begin, end in gaps)
            # A gap excuses what nobody can read any more; of several tables of a folder it may be another one's.
            if not told and not (in_gap and row.gone):
                where = "gone" if row.gone else "still in its change table"
                gap = "given up as a gap" if in_gap else "in no gap"
                yield (
                    f"{_text(key)} of source table {source} ({self._names_of(source)}) is {where}, not delivered, {gap}, "
                    f"and its table was not told (exit code {self.code})"
                )

    def _gaps_of(self, source: int) -> list[Range]:
        """Of every folder in which the table has rows, or would have them."""
        folders = {folder for folder, sources in self.delivered.sources.items() if source in sources}
        folders |= set(self.folders.get(source, ()))
        found = [gap for folder in folders for gap in self.delivered.gaps.get(folder, [])]
        for entry in self.document.values():
            if entry["folder"] in folders:
                found += ranges(entry["gaps"])
        return found

    def _names_of(self, source: int) -> list[str]:
        """By which a message may name the table: its entry, today's name, its capture instances."""
        entries = [name for name, entry in self.document.items() if entry["source_object_id"] == source]
        captured = self.captured.get(source)
        return [*entries, *([captured.name, *captured.instances] if captured else [])]

    def _told(self, source: int) -> bool:
        if self.code != 3:
            return False
        lines = [line for line in self.said.splitlines() if line.startswith("cdc-to-s3: ")]
        return any(
            re.match(rf"cdc-to-s3: (capture instance )?{re.escape(name)}(?![\w.])", line)
            for name in self._names_of(source)
            for line in lines
        )

    def _wrong_state_gaps(self) -> Iterable[str]:
        for name, entry in self.document.items():
            for gap in entry["gaps"]:
                # One inside a transaction ends behind it, or at a later row of it.
                if not (gap["from"][:20] < gap["to"][:20] or (len(gap["from"]) > 20 and gap["from"] != gap["to"])):
                    yield f"the state records a gap of {name} that is empty or runs backwards: {gap}"


def ranges(gaps: Iterable[Mapping[str, str]]) -> list[Range]:
    """A gap from inside a transaction may take the rest of it."""
    found = []
    for gap in gaps:
        begin = bytes.fromhex(gap["from"][:20])
        if len(gap["from"]) > 20:
            begin = (int.from_bytes(begin, "big") - 1).to_bytes(10, "big")
        found.append((begin, bytes.fromhex(gap["to"][:20])))
    return found


def binary(key: RowKey) -> RowKey:
    """LSNs as bytes, whichever way the objects write them."""
    lsn, command, seqval, operation = key
    return _bytes(lsn), command, _bytes(seqval), operation


def _bytes(lsn: bytes | str) -> bytes:
    return bytes.fromhex(lsn) if isinstance(lsn, str) else lsn


def _text(key: RowKey) -> str:
    return f"{key[0].hex().upper()}/{key[1]}/{key[2].hex().upper()}/{key[3]}"
