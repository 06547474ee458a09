"""Judges one table's objects by docs/FORMAT.md alone: no state document, no code of the program.

`judge` proves from names, footers and rows that nothing is missing, doubled or out of order, and gives the rows."""

from __future__ import annotations

import io
import itertools
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

KEY = ("__$start_lsn", "__$command_id", "__$seqval", "__$operation")
METADATA_COLUMNS = (*KEY, "__$update_mask", "__$commit_time")
_NAME = re.compile(r"^(?P<table>.+)_cdc_(?P<stamp>\d{8}_\d{6}(_\d{4})?)\.parquet$", re.DOTALL)

RowKey = tuple[bytes, int | None, bytes, int]


@dataclass(frozen=True)
class Object:
    """An object as a consumer gets it: key, bytes and user metadata."""

    key: str
    data: bytes
    metadata: Mapping[str, str]


@dataclass
class Verdict:
    """What a folder holds. `wrong` lists every broken rule; empty means that the folder keeps the format."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    keys: list[RowKey] = field(default_factory=list)
    footers: list[dict[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def order(key: RowKey) -> tuple[bytes, int, bytes, int]:
    """The clustered index's order: no command id sorts first."""
    return key[0], -(2**31) if key[1] is None else key[1], key[2], key[3]


def checksum(keys: list[RowKey]) -> str:
    total = 0
    for start_lsn, command_id, seqval, operation in keys:
        head = struct.pack("<Bi", command_id is not None, command_id or 0)
        total += xxhash.xxh3_128_intdigest(start_lsn + head + seqval + struct.pack("<i", operation))
    return f"{total % 2**128:032x}"


def judge(objects: list[Object], histories: int = 1) -> Verdict:
    """The objects of one table's folder, of so many histories of the database one after the other. Rows of different
    histories have no order between them, nor have those of different source tables."""
    verdict = Verdict()
    previous: tuple[str, dict[str, str]] | None = None
    ordered: list[tuple[tuple[str | None, ...], tuple[bytes, int, bytes, int]]] = []  # by history and source table
    # Names order objects, as bytes.
    for item in sorted(objects, key=lambda one: one.key.encode()):
        try:
            table = pq.read_table(io.BytesIO(item.data), page_checksum_verification=True)
            footer = _footer(item.data)
        except Exception as error:  # whatever a reader says of a file that is not whole
            verdict.wrong.append(f"{item.key} cannot be read: {error}")
            continue
        keys = _keys(table)
        verdict.wrong += _judge_one(item, footer, keys)
        verdict.wrong += _judge_link(item.key, footer, previous)
        previous = (item.key, footer)
        verdict.keys += keys
        chain = (footer.get("cdc.history_id"), footer.get("cdc.source_object_id"))
        ordered += [(chain, order(key)) for key in keys]
        verdict.footers.append(footer)
        verdict.rows += table.to_pylist()
    if len({footer.get("cdc.history_id") for footer in verdict.footers}) > histories:
        verdict.wrong.append(f"the objects are of more than {histories} histories")
    for before, after in itertools.pairwise(ordered):
        if before[0] == after[0] and not before[1] < after[1]:
            verdict.wrong.append(f"rows out of order or doubled: {before[1]} then {after[1]}")
            break
    return verdict


def _footer(data: bytes) -> dict[str, str]:
    metadata = pq.read_metadata(io.BytesIO(data)).metadata or {}
    return {name.decode(): value.decode() for name, value in metadata.items() if name.startswith(b"cdc.")}


def _keys(table: pa.Table) -> list[RowKey]:
    return list(zip(*(table.column(name).to_pylist() for name in KEY), strict=True))


def _judge_one(item: Object, footer: dict[str, str], keys: list[RowKey]) -> list[str]:
    wrong = []
    match = _NAME.match(item.key.rsplit("/", 1)[-1])
    if match is None:
        wrong.append("has no name of ours")
    if footer.get("cdc.format_version") != "2":
        wrong.append("has no format version 2")
        return [f"{item.key} {what}" for what in wrong]
    if int(footer["cdc.rows"]) != len(keys):
        wrong.append(f"says {footer['cdc.rows']} rows and has {len(keys)}")
    if footer["cdc.checksum"] != checksum(keys):
        wrong.append("has another checksum than its rows")
    if keys and keys[-1][3] == 3:
        wrong.append("ends between the two rows of an update")
    if keys and not _within(keys, footer):
        wrong.append("has rows outside its from and to")
    for gap in json.loads(footer["cdc.gaps"]):
        if not _position(gap["from"]) < _position(gap["to"]):
            wrong.append(f"carries a gap that is empty or runs backwards: {gap['from']} to {gap['to']}")
    for name in ("history-id", "sequence", "from", "to", "rows", "checksum"):
        if item.metadata.get(f"cdc-{name}") != footer[f"cdc.{name.replace('-', '_')}"]:
            wrong.append(f"says something else in its user metadata: cdc-{name}")
    return [f"{item.key} {what}" for what in wrong]


def _position(text: str) -> tuple[bytes, int, tuple[int, bytes, int]]:
    parts = text.split("/")
    lsn = bytes.fromhex(parts[0])
    if len(parts) == 1:
        return lsn, 1, (0, b"", 0)  # behind the whole transaction
    command = -(2**31) if parts[1] == "-" else int(parts[1])
    return lsn, 0, (command, bytes.fromhex(parts[2]), int(parts[3]))


def _within(keys: list[RowKey], footer: dict[str, str]) -> bool:
    def at(key: RowKey) -> tuple[bytes, int, tuple[int, bytes, int]]:
        lsn, command, seqval, operation = order(key)
        return lsn, 0, (command, seqval, operation)

    return _position(footer["cdc.from"]) < at(keys[0]) and at(keys[-1]) <= _position(footer["cdc.to"])


def _judge_link(key: str, footer: dict[str, str], previous: tuple[str, dict[str, str]] | None) -> list[str]:
    if footer.get("cdc.format_version") != "2":
        return []
    if previous is None:
        first = int(footer["cdc.sequence"]) == 1 and footer["cdc.previous_key"] == ""
        return [] if first else [f"{key} is the first object but says sequence {footer['cdc.sequence']}"]
    previous_key, before = previous
    wrong = []
    if int(footer["cdc.sequence"]) != int(before["cdc.sequence"]) + 1:
        wrong.append(f"{key} has sequence {footer['cdc.sequence']} after {before['cdc.sequence']}")
    if footer["cdc.previous_key"] != previous_key:
        wrong.append(f"{key} names {footer['cdc.previous_key']} as its previous object, not {previous_key}")
    if footer["cdc.history_id"] != before["cdc.history_id"]:
        return wrong  # it begins where its history begins
    source = before.get("cdc.source_object_id")
    if source is not None and footer.get("cdc.source_object_id") != source:
        return wrong  # it begins where the capture of another source table begins
    ends = {before["cdc.to"], *(gap["to"] for gap in json.loads(footer["cdc.gaps"]))}
    if footer["cdc.from"] not in ends:
        wrong.append(f"{key} begins at {footer['cdc.from']}, but {previous_key} ended at {before['cdc.to']}")
    return wrong
