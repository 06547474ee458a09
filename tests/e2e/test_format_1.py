"""Folders that a program of version 1 of the format began: its objects are read by every command, and delivery goes on
behind them. (Two of its objects are in tests/data/format_1; here the program's own are made like them.)"""

from __future__ import annotations

import io
import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.judge import LSNS, Object, judge, with_lsns_as_bytes
from tests.support.program import Program
from tests.support.small_tables import document

_MADE = Path(__file__).resolve().parents[1] / "data/format_1"


def as_version_1(item: Object, lsn: str) -> Object:
    """The object as version 1 wrote it: field ids, DELTA_BINARY_PACKED, and LSNs of a fixed length."""
    table = pq.read_table(io.BytesIO(item.data))
    known = pq.read_metadata(_MADE / "Orders.parquet").metadata
    footer = {key: value for key, value in pq.read_metadata(io.BytesIO(item.data)).metadata.items() if key in known}
    options = json.loads(footer[b"cdc.options"])
    footer[b"cdc.format_version"] = b"1"
    footer[b"cdc.options"] = json.dumps({**options, "lsn": lsn}).encode()
    if lsn == "bytes":
        table = with_lsns_as_bytes(table)
    ids = {one["name"]: one["column_id"] for one in json.loads(footer[b"cdc.columns"])}
    fields = []
    for field in table.schema:
        kind = pa.binary(10) if lsn == "bytes" and field.name in LSNS else field.type
        named = {b"PARQUET:field_id": str(ids[field.name]).encode()} if field.name in ids else {}
        fields.append(pa.field(field.name, kind, field.nullable, named))
    data = io.BytesIO()
    encodings = {"use_dictionary": False, "column_encoding": {"id": "DELTA_BINARY_PACKED"}}
    schema = pa.schema(fields)
    with pq.ParquetWriter(
        data, schema, compression="zstd", write_page_checksum=True, store_schema=False, **encodings
    ) as file:
        file.write_table(table.cast(schema))
        file.add_key_value_metadata(footer)
    return Object(item.key, data.getvalue(), {**item.metadata, "cdc-format-version": "1"})


def _become_version_1(database: Database, target: Target, lsn: str = "bytes") -> None:
    for item in target.objects(database.name, "Orders"):
        older = as_version_1(item, lsn)
        target.put(older.key, older.data, older.metadata)


def _order(database: Database, number: int) -> None:
    database.run(f"INSERT INTO dbo.Orders VALUES ({number}, N'Öl {number}')")
    database.capture()


@pytest.fixture
def shop(database: Database) -> Database:
    database.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL)")
    database.enable("dbo", "Orders")
    _order(database, 1)
    return database


def test_what_is_made_here_is_like_what_version_1_made(shop: Database, target: Target, program: Program) -> None:
    program.once()
    (item,) = target.objects(shop.name, "Orders")
    for lsn, name in (("bytes", "Orders"), ("hex", "Orders_lsn_hex")):
        ours = pq.ParquetFile(io.BytesIO(as_version_1(item, lsn).data))
        theirs = pq.ParquetFile(_MADE / f"{name}.parquet")
        for column in ("__$start_lsn", "__$command_id", "__$seqval", "__$operation", "id", "name"):
            assert str(ours.schema_arrow.field(column)) == str(theirs.schema_arrow.field(column))
            assert ours.schema_arrow.field(column).metadata == theirs.schema_arrow.field(column).metadata
        assert set(ours.metadata.metadata) == set(theirs.metadata.metadata)


def test_a_claimed_object_of_version_1_is_known_and_confirmed(shop: Database, target: Target, program: Program) -> None:
    assert program.call("run", "--once", CDC_CRASH_AT="put_not_confirmed:1").code != 0
    _become_version_1(shop, target)
    assert not document(shop, target)["tables"]["dbo.Orders"]["claim"]["confirmed"]
    program.once()
    assert document(shop, target)["tables"]["dbo.Orders"]["claim"]["confirmed"]
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))


@pytest.mark.parametrize("lsn", ["bytes", "hex"])
def test_a_lost_document_is_rebuilt_from_objects_of_version_1(
    shop: Database, target: Target, program: Program, lsn: str
) -> None:
    program.once()
    _order(shop, 2)
    program.once()
    _become_version_1(shop, target, lsn)
    target.delete(target.state_key(shop.name))
    assert program.once(expect=1).text
    assert program.call("adopt", "--yes").code == 0
    _order(shop, 3)
    program.once(CDC_TYPES_LSN=lsn)
    objects = target.objects(shop.name, "Orders")
    assert [footer["cdc.format_version"] for footer in judge(objects).footers] == ["1", "1", "2"]
    assert_delivered(shop.connection, "dbo_Orders", objects)


def test_lsns_as_text_after_lsns_as_bytes_are_a_change_of_type_and_the_earlier_word_helps(
    shop: Database, target: Target, program: Program, tmp_path: Path
) -> None:
    program.once()
    _become_version_1(shop, target)
    target.delete(target.state_key(shop.name))
    assert program.call("adopt", "--yes").code == 0
    _order(shop, 2)
    said = program.once(expect=3).text
    for words in (
        "__$start_lsn from FIXED_LEN_BYTE_ARRAY(10) to STRING",
        "__$seqval from FIXED_LEN_BYTE_ARRAY(10) to STRING",
        'lsn = "bytes"',
        "on_type_change",
    ):
        assert words in said
    assert len(target.objects(shop.name, "Orders")) == 1
    program.once(CDC_TYPES_LSN="bytes")
    objects = target.objects(shop.name, "Orders")
    verdict = assert_delivered(shop.connection, "dbo_Orders", objects)
    for at, item in enumerate(objects):
        (tmp_path / f"{at}.parquet").write_bytes(item.data)
    shown = duckdb.sql(f"""SELECT "__$start_lsn" FROM read_parquet('{tmp_path}/*.parquet') ORDER BY id""").fetchall()
    assert [lsn for (lsn,) in shown] == [key[0] for key in verdict.keys]


def test_with_new_folder_text_begins_a_folder_of_its_own_and_names_go_on(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    _become_version_1(shop, target)
    target.delete(target.state_key(shop.name))
    assert program.call("adopt", "--yes").code == 0
    _order(shop, 2)
    program.once(CDC_TARGET_ON_TYPE_CHANGE="new_folder")
    keys = target.keys(f"{shop.name}/Orders/")
    assert [key.split("/")[2] for key in keys] == ["cdc", "cdc_2"]
    assert_delivered(shop.connection, "dbo_Orders", [target.get(key) for key in keys])
