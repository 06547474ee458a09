"""Engines that are not ours open what the program writes, with its defaults: DataFusion, which also leaves out pages by
their statistics; Iceberg, by names (PyIceberg with a name mapping); delta-rs, which takes a folder over as it is; and
fastparquet. Each shows what pyarrow shows."""

from __future__ import annotations

import io
import math
import random
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import datafusion
import deltalake
import fastparquet
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from standin.load import bulk
from tests.e2e.conftest import Database, Server, Target
from tests.support.parquet_readers import Columns, pandas_column, plain_arrow, read_with_pyarrow
from tests.support.program import Program
from tests.support.reader_table import form_name
from tests.support.reader_world import EVERYTHING, World, deliver

_ROWS = 45_000  # several pages
_QUESTIONS = 60


@pytest.fixture(scope="module")
def world(server: Server, tmp_path_factory: pytest.TempPathFactory) -> World:
    return deliver(server, tmp_path_factory.mktemp("engines"))


def _shown(table: pa.Table) -> dict[str, list[Any]]:
    return {name: plain_arrow(table[name]) for name in table.column_names}


def _exact(world: World) -> dict[str, list[Any]]:
    columns: Columns = read_with_pyarrow(world.files[EVERYTHING])
    return {name: shown.values for name, shown in columns.items()}


def test_datafusion_shows_every_value(world: World) -> None:
    for path in world.files.values():
        found = datafusion.SessionContext().read_parquet(str(path)).to_arrow_table()
        exact = {name: shown.values for name, shown in read_with_pyarrow(path).items()}
        assert _shown(found) == exact, path.name


def test_iceberg_reads_a_registered_object_by_names(world: World, tmp_path: Path) -> None:
    path = world.files[EVERYTHING]
    catalog = SqlCatalog("tests", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("lake")
    table = catalog.create_table("lake.everything", schema=pq.read_schema(path))
    with table.transaction() as change:
        change.set_properties(**{"schema.name-mapping.default": table.schema().name_mapping.model_dump_json()})
    table.add_files([f"file://{path}"])
    assert _shown(table.scan().to_arrow()) == _exact(world)
    chosen = table.scan(row_filter="id >= 2", selected_fields=("id", "an_nvarchar")).to_arrow()
    exact = _exact(world)
    wanted = {number: text for number, text in zip(exact["id"], exact["an_nvarchar"], strict=True) if number >= 2}
    assert dict(zip(*(chosen[name].to_pylist() for name in ("id", "an_nvarchar")), strict=True)) == wanted


def test_delta_takes_a_folder_over_as_it_is(world: World, tmp_path: Path) -> None:
    shutil.copy(world.files[EVERYTHING], tmp_path)
    deltalake.convert_to_deltalake(tmp_path)
    found = deltalake.DeltaTable(tmp_path).to_pyarrow_table()
    assert _shown(found) == _exact(world)


def test_fastparquet_shows_every_value_but_for_decimals_as_doubles_and_old_dates(world: World) -> None:
    frame = fastparquet.ParquetFile(str(world.files[EVERYTHING])).to_pandas()
    for name, exact in _exact(world).items():
        form = form_name(world.parquet[EVERYTHING][name])
        if form == "DATE":  # nanoseconds since 1970 do not hold the years 1 and 9999
            continue
        shown = [None if value is None or value != value else value for value in pandas_column(frame[name]).values]
        for value, wanted in zip(shown, exact, strict=True):
            if isinstance(wanted, Decimal):
                assert math.isclose(float(value), float(wanted), rel_tol=1e-15), name
            else:
                assert value == wanted, name


@pytest.fixture
def orders(database: Database, target: Target, program: Program, tmp_path: Path) -> Iterator[Path]:
    """One object of many rows; values of some columns rise with the rows, those of others do not, and many are NULL."""
    bulk.ensure_numbers(database.connection, _ROWS)
    database.run(
        "CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, big bigint NULL, price decimal(19,4) NULL, "
        "name nvarchar(40) NULL, placed datetime2(3) NULL)"
    )
    database.enable("dbo", "Orders")
    for first in range(0, _ROWS, 15_000):
        database.run(
            "INSERT INTO dbo.Orders (id, big, price, name, placed) SELECT [n], "
            "CASE WHEN [n] % 7 = 0 THEN NULL ELSE CONVERT(bigint, [n]) * 1000003 % 65537 END, "
            "CASE WHEN [n] < 25000 THEN NULL ELSE CONVERT(decimal(19,4), [n]) / 8 END, "
            "N'name ' + CONVERT(nvarchar(12), [n] / 10), DATEADD(second, [n], '2024-01-01T00:00:00') "
            f"FROM [dbo].[LoaderNumbers] WHERE [n] >= {first} AND [n] < {first + 15_000}"
        )
    database.capture()
    program.once(seconds=300)
    (item,) = target.objects(database.name, "Orders")
    (tmp_path / "orders.parquet").write_bytes(item.data)
    yield tmp_path / "orders.parquet"


_COMPARED = {"=": pc.equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}


def test_pages_that_datafusion_leaves_out_by_their_statistics_hold_no_row_that_is_asked_for(orders: Path) -> None:
    table = pq.read_table(io.BytesIO(orders.read_bytes()))
    settings = datafusion.SessionConfig().set("datafusion.execution.parquet.pushdown_filters", "true")
    context = datafusion.SessionContext(settings)
    context.register_parquet("orders", str(orders))
    chance = random.Random("pages")
    for name in ("__$start_lsn", "__$seqval", "id", "big", "price", "name", "placed"):
        for _ in range(_QUESTIONS // 6):
            value = None
            while value is None:
                value = table[name][chance.randrange(_ROWS)].as_py()
            sign = chance.choice(list(_COMPARED))
            literal = f"TIMESTAMP '{value}'" if name == "placed" else f"'{value}'" if isinstance(value, str) else value
            question = f"""SELECT count(*) FROM orders WHERE "{name}" {sign} {literal}"""
            wanted = pc.sum(_COMPARED[sign](table[name], pa.scalar(value, table.schema.field(name).type))).as_py()
            found = context.sql(question).to_arrow_table().column(0)[0].as_py()
            assert found == wanted, question
        asked = context.sql(f"""SELECT count(*) FROM orders WHERE "{name}" IS NULL""").to_arrow_table()
        assert asked.column(0)[0].as_py() == table[name].null_count
    plan = context.sql("EXPLAIN ANALYZE SELECT name FROM orders WHERE id = 17").to_arrow_table()
    text = "\n".join(plan.column("plan").to_pylist())
    left_out = [
        line for line in text.split(", ") if line.startswith(("page_index_pages_pruned", "row_groups_pruned_st"))
    ]
    assert left_out, text
    assert any(_left_out(line) for line in left_out), left_out


def _left_out(metric: str) -> bool:
    """page_index_pages_pruned=3 total → 1 matched"""
    total, _, matched = metric.split("=")[1].partition(" total → ")
    return int(matched.split()[0]) < int(total)
