"""Readers of Parquet that are not ours open what the program writes, and show of every column what `types --json`
declares: the type, and every value exactly, or with the loss that stands there and no other. PySpark, which needs a
JVM, is judged the same way by tests/e2e/witness."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Server
from tests.support.parquet_readers import (
    HYPARQUET_IS_THERE,
    Columns,
    Refused,
    read_with_duckdb,
    read_with_hyparquet,
    read_with_pandas,
    read_with_polars,
    read_with_pyarrow,
)
from tests.support.reader_judge import assert_as_declared, assert_losses_are_real
from tests.support.reader_table import form_name
from tests.support.reader_world import BY_CASE, DEFAULTS, OPTIONS, TABLES, World, deliver

READERS: dict[str, Callable[..., Columns]] = {
    "pyarrow": read_with_pyarrow,
    "DuckDB": read_with_duckdb,
    "polars": read_with_polars,
    "pandas": read_with_pandas,
    "hyparquet": read_with_hyparquet,
}
_NO_NODE = pytest.mark.skipif(not HYPARQUET_IS_THERE, reason="hyparquet is not installed: make install-test-tools")
_PARAMETERS = [pytest.param(name, marks=_NO_NODE if name == "hyparquet" else ()) for name in READERS]


@pytest.fixture(scope="module")
def world(server: Server, tmp_path_factory: pytest.TempPathFactory) -> World:
    return deliver(server, tmp_path_factory.mktemp("readers"))


@pytest.fixture(scope="module")
def reading() -> Callable[..., Columns]:
    """reading(reader, file, setting): each file is read once; a refusal is remembered, too."""
    seen: dict[tuple[str, Path, str], Columns | Refused] = {}

    def read(reader: str, path: Path, setting: str = "") -> Columns:
        key = (reader, path, setting)
        if key not in seen:
            try:
                seen[key] = READERS[reader](path, *([setting] if setting else []))
            except Refused as refused:
                seen[key] = refused
        found = seen[key]
        if isinstance(found, Refused):
            raise found
        return found

    return read


# Forms that other types have too; the servers that know json and vector are new, and rowversion takes no value.
_NOT_READ = {"timestamp", "rowversion", "json", "vector", "other CLR types"}
_COLUMNS = [(table, column.name) for table, columns in TABLES.items() for column in columns]


@pytest.mark.parametrize("reader", _PARAMETERS)
@pytest.mark.parametrize(("table", "column"), _COLUMNS, ids=[f"{table}-{column}" for table, column in _COLUMNS])
def test_a_column_is_shown_as_declared(
    world: World, reading: Callable[..., Columns], table: str, column: str, reader: str
) -> None:
    for name in world.becomes[table][column]:
        assert_as_declared(world, reading, reader, table, name)


@pytest.mark.parametrize("reader", _PARAMETERS)
@pytest.mark.parametrize("table", TABLES)
def test_the_columns_of_cdc_itself_are_shown_as_declared(
    world: World, reading: Callable[..., Columns], table: str, reader: str
) -> None:
    own = [name for name in world.parquet[table] if name.startswith("__$")]
    assert len(own) == 6
    for name in own:
        assert_as_declared(world, reading, reader, table, name)


@pytest.mark.parametrize("reader", _PARAMETERS)
def test_a_declared_loss_is_a_real_one(world: World, reading: Callable[..., Columns], reader: str) -> None:
    assert_losses_are_real(world, reading, reader)


@pytest.mark.parametrize("reader", _PARAMETERS)
def test_two_columns_that_differ_only_by_case_are_both_there(
    world: World, reading: Callable[..., Columns], reader: str
) -> None:
    shown = reading(reader, world.by_case)
    names = ("same", "SAME_1") if reader == "DuckDB" else BY_CASE  # DuckDB's names have no case
    assert [shown[name].values for name in names] == [[1], [2]]


def test_every_form_type_and_option_is_among_what_is_read(world: World) -> None:
    assert {form_name(kind) for columns in world.parquet.values() for kind in columns.values()} == set(world.forms)
    types = world.types["types"]
    assert {one["sql_type"].split("(")[0] for one in types} - _NOT_READ == {
        column.sql_type.split("(")[0] for column in DEFAULTS
    }
    options = {(one["name"], word) for one in world.types["options"] for word in one["words"][1:]}
    assert options == set(OPTIONS)
