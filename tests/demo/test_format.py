"""docs/FORMAT.md against real objects: its checksum program is run on them, and what it says of footers, names and the
state document is looked up there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from standin.load.connection import Connection
from tools import demo_proof as proof
from tools.demo_workload import TABLES, is_captured, make_last_change, set_up
from tools.demo_world import BUCKET, DATABASE, World

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("BUILD", "build") / "cdc-to-s3"
KEY = ("__$start_lsn", "__$command_id", "__$seqval", "__$operation")


@dataclass
class Bucket:
    """Everything that two runs of the program left."""

    objects: dict[str, pq.ParquetFile]  # by key, in the order of keys
    metadata: dict[str, dict[str, str]]  # user metadata by key
    state: str

    def footer(self, key: str) -> dict[str, str]:
        return {k.decode(): v.decode() for k, v in self.objects[key].metadata.metadata.items()}

    def of_table(self, full_name: str) -> list[str]:
        return [key for key in self.objects if key.split("/")[1] == full_name.split(".")[1]]


def _run_up_to_now(world: World, connection: Connection) -> None:
    last = make_last_change(connection)
    give_up = time.monotonic() + 30
    while not is_captured(connection, last):
        assert time.monotonic() < give_up, "the capture job does not come to the last change"
        time.sleep(0.1)
    world.run_once()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    downloaded = tmp_path_factory.mktemp("downloaded")
    with World(PROGRAM) as world:
        world.start_servers()
        set_up(world.address())
        with world.connect() as connection:
            _run_up_to_now(world, connection)
            connection.run(
                "UPDATE [Person].[Person] SET [Title] = N'Dr.', [LastName] = N'Öz' WHERE [BusinessEntityID] < 9"
            )
            connection.run("DELETE FROM [Person].[EmailAddress] WHERE [BusinessEntityID] < 5")
            connection.run("UPDATE [Production].[Product] SET [ListPrice] = 1.5 WHERE [ProductID] = 1")
            _run_up_to_now(world, connection)
        s3 = world.s3()
        keys = sorted(proof.objects(s3, BUCKET, DATABASE))
        proof.download(s3, BUCKET, keys, downloaded)
        yield Bucket(
            {key: pq.ParquetFile(downloaded / key) for key in keys},
            {key: s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] for key in keys},
            s3.get_object(Bucket=BUCKET, Key=f"_cdc_to_s3/{DATABASE}.json")["Body"].read().decode(),
        )


def _documented_checksum() -> Callable[[list[tuple[Any, ...]]], str]:
    """The program that docs/FORMAT.md prints."""
    text = (ROOT / "docs/FORMAT.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert program
    names: dict[str, Any] = {}
    exec(program[1], names)
    return names["checksum"]


def test_every_table_has_two_objects_named_as_documented(bucket: Bucket) -> None:
    for name in TABLES:
        table = name.split(".")[1]
        keys = bucket.of_table(name)
        assert len(keys) == 2
        for key in keys:
            assert re.fullmatch(rf"{DATABASE}/{table}/cdc/{table}_cdc_\d{{8}}_\d{{6}}(_\d{{4}})?\.parquet", key)


def test_the_documented_checksum_is_the_one_in_the_footer(bucket: Bucket) -> None:
    checksum = _documented_checksum()
    for key, file in bucket.objects.items():
        rows = file.read(columns=list(KEY)).to_pydict()
        assert checksum(list(zip(*(rows[name] for name in KEY), strict=True))) == bucket.footer(key)["cdc.checksum"]
        assert str(file.metadata.num_rows) == bucket.footer(key)["cdc.rows"]


def test_footers_alone_prove_that_nothing_is_missing(bucket: Bucket) -> None:
    for name in TABLES:
        previous = {"cdc.sequence": "0", "cdc.to": None}
        previous_key = ""
        for key in bucket.of_table(name):
            footer = bucket.footer(key)
            assert int(footer["cdc.sequence"]) == int(previous["cdc.sequence"]) + 1
            assert previous["cdc.to"] in (None, footer["cdc.from"])
            assert footer["cdc.previous_key"] == previous_key
            previous, previous_key = footer, key


def test_user_metadata_says_what_the_footer_says(bucket: Bucket) -> None:
    for key, metadata in bucket.metadata.items():
        footer = bucket.footer(key)
        assert {name: footer["cdc." + name.removeprefix("cdc-").replace("-", "_")] for name in metadata} == metadata
        assert len(metadata) == 11


def test_the_update_mask_is_read_as_documented(bucket: Bucket) -> None:
    """Person.Person has eleven captured columns, so the mask has two bytes: a wrong order of bytes would show."""
    key = bucket.of_table("Person.Person")[1]
    columns = json.loads(bucket.footer(key)["cdc.columns"])
    updates = [row for row in bucket.objects[key].read().to_pylist() if row["BusinessEntityID"] == 2]
    assert [row["__$operation"] for row in updates] == [3, 4]
    mask = updates[0]["__$update_mask"]
    assert len(mask) == 2
    changed = {
        column["name"]
        for column in columns
        if mask[len(mask) - 1 - (column["ordinal"] - 1) // 8] & (1 << ((column["ordinal"] - 1) % 8))
    }
    assert changed == {"Title", "LastName"}


def test_the_state_document_carries_its_own_digest(bucket: Bucket) -> None:
    head, found, _ = bucket.state.partition(',\n "sha256": ')
    assert found
    assert json.loads(bucket.state)["sha256"] == hashlib.sha256(f"{head}\n}}\n".encode()).hexdigest()


def test_the_state_document_knows_the_last_object_of_every_table(bucket: Bucket) -> None:
    state = json.loads(bucket.state)
    assert set(state["tables"]) == set(TABLES)
    for name, table in state["tables"].items():
        last = bucket.of_table(name)[-1]
        assert table["claim"]["key"] == last
        assert table["claim"]["confirmed"]
        assert table["position"] == bucket.footer(last)["cdc.to"]
        assert table["position"] <= state["complete_through"] == state["anchor"]["lsn"]
