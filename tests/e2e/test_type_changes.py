"""A column's type is changed in the source: a folder only holds what readers merge, unless the settings say otherwise;
and which types they merge is what DuckDB and pyarrow show."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.judge import judge
from tests.support.program import Program


@pytest.fixture
def shop(database: Database) -> Database:
    for table in ("Orders", "Items"):
        database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, price int NULL)")
        database.enable("dbo", table)
    _insert(database, 1, "10")
    return database


def _insert(shop: Database, number: int, price: str) -> None:
    for table in ("Orders", "Items"):
        shop.run(f"INSERT INTO dbo.{table} (id, price) VALUES ({number}, {price if table == 'Orders' else '0'})")
    shop.capture()


def _become(shop: Database, sql_type: str) -> None:
    shop.run(f"ALTER TABLE dbo.Orders ALTER COLUMN price {sql_type} NULL")


def _folders(shop: Database, target: Target) -> list[str]:
    keys = target.keys(f"{shop.name}/Orders/")
    return [key.removeprefix(f"{shop.name}/Orders/").split("/")[0] for key in keys]


def _prices(shop: Database, target: Target, folder: str, tmp_path: Path) -> list[object]:
    """As DuckDB shows the folder."""
    for at, key in enumerate(target.keys(f"{shop.name}/Orders/{folder}/")):
        (tmp_path / f"{folder}{at:03}.parquet").write_bytes(target.get(key).data)
    read = f"SELECT price FROM read_parquet('{tmp_path}/{folder}*.parquet', union_by_name = true) ORDER BY id"
    return [row[0] for row in duckdb.sql(read).fetchall()]


def test_a_wider_type_goes_on_in_the_same_folder_and_is_read_with_the_narrower_one(
    shop: Database, target: Target, program: Program, tmp_path: Path
) -> None:
    program.once()
    _become(shop, "bigint")
    _insert(shop, 2, str(2**40))
    program.once()
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))
    assert _prices(shop, target, "cdc", tmp_path) == [10, 2**40]


def test_a_type_that_readers_cannot_merge_stops_the_table_until_the_settings_say_what_is_meant(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    _become(shop, "nvarchar(20)")
    _insert(shop, 2, "N'free'")
    said = program.once(expect=3).text
    for words in ("dbo.Orders", "price from INT32 to STRING", f"{shop.name}/Orders/cdc/", "on_type_change"):
        assert words in said
    assert len(target.objects(shop.name, "Orders")) == 1
    assert_delivered(shop.connection, "dbo_Items", target.objects(shop.name, "Items"))
    said = program.once(CDC_TARGET_ON_TYPE_CHANGE="same_folder").text
    assert "types_changed" in said
    program.once()
    verdict = judge(target.objects(shop.name, "Orders"))
    assert verdict.wrong == []
    assert [row["price"] for row in verdict.rows] == [10, "free"]


def test_with_new_folder_a_table_goes_on_in_further_folders_each_of_which_is_read_as_a_whole(
    shop: Database, target: Target, program: Program, tmp_path: Path
) -> None:
    further = program.with_settings(CDC_TARGET_ON_TYPE_CHANGE="new_folder")
    further.once()
    _become(shop, "nvarchar(20)")
    _insert(shop, 2, "N'free'")
    assert f"folder={shop.name}/Orders/cdc_2/" in further.once().text
    _insert(shop, 3, "N'dear'")
    further.once()
    assert _folders(shop, target) == ["cdc", "cdc_2", "cdc_2"]
    assert _prices(shop, target, "cdc", tmp_path) == [10]
    assert _prices(shop, target, "cdc_2", tmp_path) == ["free", "dear"]
    objects = [target.get(key) for key in target.keys(f"{shop.name}/Orders/")]
    assert judge(objects).wrong == []
    assert f"{shop.name}/Orders/cdc_2/" in further.call("status").text
    # The document is lost: what is rebuilt from the objects goes on there.
    target.delete(target.state_key(shop.name))
    assert further.call("run", "--once").code == 1
    further.call("adopt", "--yes")
    _insert(shop, 4, "N'last'")
    further.once()
    assert _prices(shop, target, "cdc_2", tmp_path) == ["free", "dear", "last"]


def test_an_option_that_makes_another_type_is_told_and_judged_alike(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    _insert(shop, 2, "20")
    said = program.once(expect=3, CDC_TYPES_LSN="bytes").text
    assert "__$start_lsn from STRING to BYTE_ARRAY" in said
    assert '(lsn = "hex")' in said, "the word that it was written with helps, too"
    said = program.once(CDC_TYPES_LSN="bytes", CDC_TARGET_ON_TYPE_CHANGE="new_folder").text
    assert "options_changed" in said and "lsn from hex to bytes" in said
    assert _folders(shop, target) == ["cdc", "cdc_2"]
    told = program.once(CDC_TYPES_LSN="bytes").text
    assert "options_changed" not in told and "types_changed" not in told


_FIRST, _LAST = datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999000)
# Arrow types with values at their limits, the narrower type first: those of src/columns/type_change.cc.
_MERGED = {
    "int16, int32": ((pa.int16(), [-(2**15), 2**15 - 1]), (pa.int32(), [-(2**31), 2**31 - 1])),
    "int16, int64": ((pa.int16(), [-(2**15), 2**15 - 1]), (pa.int64(), [-(2**63), 2**63 - 1])),
    "int32, int64": ((pa.int32(), [-(2**31), 2**31 - 1]), (pa.int64(), [-(2**63), 2**63 - 1])),
    "float, double": ((pa.float32(), [0.5, -(2.0**127)]), (pa.float64(), [0.1, 1e300])),
    "decimal": (
        (pa.decimal128(9, 2), [Decimal("-9999999.99"), Decimal("0.01")]),
        (pa.decimal128(38, 2), [Decimal("9" * 36 + ".99"), Decimal("-0.01")]),
    ),
    "lsn as bytes": ((pa.binary(10), [b"\0" * 10, b"\xff" * 10]), (pa.binary(), [b"\0" * 10, b"\x2a" * 10])),
    "timestamps": ((pa.timestamp("ms"), [_FIRST, _LAST]), (pa.timestamp("us"), [_FIRST, _LAST.replace(microsecond=1)])),
}


@pytest.mark.parametrize("widened_later", [True, False])
@pytest.mark.parametrize("pair", list(_MERGED))
def test_readers_show_every_value_of_types_that_are_taken_for_merged(
    tmp_path: Path, pair: str, widened_later: bool
) -> None:
    types = _MERGED[pair] if widened_later else _MERGED[pair][::-1]
    paths = []
    for at, (kind, values) in enumerate(types):
        paths.append(str(tmp_path / f"{at}.parquet"))
        pq.write_table(pa.table({"v": pa.array([*values, None], kind)}), paths[-1])
    expected = [value for _, values in types for value in [*values, None]]
    read = duckdb.sql(f"SELECT v FROM read_parquet('{tmp_path}/*.parquet', union_by_name = true)")
    assert [row[0] for row in read.fetchall()] == expected
    schema = pa.unify_schemas([pq.read_schema(path) for path in paths], promote_options="permissive")
    assert pyarrow.dataset.dataset(paths, schema=schema).to_table()["v"].to_pylist() == expected


def test_decimals_of_two_scales_are_not_merged_because_digits_are_lost(tmp_path: Path) -> None:
    values = [Decimal("9" * 16 + ".25"), Decimal("1" * 28 + ".0123456789")]
    for at, (scale, value) in enumerate(zip((2, 10), values, strict=True)):
        pq.write_table(pa.table({"v": pa.array([value], pa.decimal128(38, scale))}), tmp_path / f"{at}.parquet")
    read = duckdb.sql(f"SELECT v FROM read_parquet('{tmp_path}/*.parquet', union_by_name = true)")
    assert [row[0] for row in read.fetchall()] != values
