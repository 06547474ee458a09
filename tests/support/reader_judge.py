"""Whether readers show what the program declares of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.parquet_readers import Columns, Refused
from tests.support.reader_table import Cell, assert_true, form_name
from tests.support.reader_world import World

Reading = Callable[..., Columns]  # reading(reader, file, setting)


def _cell(world: World, reader: str, table: str, column: str) -> Cell:
    return world.forms[form_name(world.parquet[table][column])][reader]


def _refused_columns(world: World, reader: str, table: str) -> list[str]:
    return [name for name in world.parquet[table] if not _cell(world, reader, table, name).type]


def assert_as_declared(world: World, reading: Reading, reader: str, table: str, column: str) -> bool:
    """Of one column of a table's file. Returns whether a value was lost, as declared."""
    path, parquet = world.files[table], world.parquet[table][column]
    cell = _cell(world, reader, table, column)
    exact = reading("pyarrow", path)[column].values
    lost = False
    if _refused_columns(world, reader, table):
        with pytest.raises(Refused):
            reading(reader, path)
    else:
        lost = assert_true(cell, parquet, exact, reading(reader, path)[column])
    if cell.setting:
        better = Cell(cell.setting_type, "", "", "")
        assert not assert_true(better, parquet, exact, reading(reader, path, cell.setting)[column])
    return lost


def assert_losses_are_real(world: World, reading: Reading, reader: str) -> None:
    """Of every form that is said to lose something, some value does."""
    delivered = {form_name(kind) for columns in world.parquet.values() for kind in columns.values()}
    declared = {form for form in delivered if world.forms[form][reader].type and world.forms[form][reader].loss}
    real = {
        form_name(world.parquet[table][column])
        for table in world.files
        if not _refused_columns(world, reader, table)
        for column in world.parquet[table]
        if _cell(world, reader, table, column).loss and assert_as_declared(world, reading, reader, table, column)
    }
    assert real == declared
