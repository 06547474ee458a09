"""Random tables of random rows: what clients that others wrote read from the change tables is what DuckDB and pyarrow
read from the objects, value for value.

tedious, which decodes TDS and every code page by itself, reads text; go-mssqldb reads the rest. Half of the tables are
delivered through each ODBC driver, three in ten with random options. What a client cannot tell is not compared: the
type beside a sql_variant, and what is in one but int, nvarchar and varbinary (case files hold these, and the masks,
paths and well-known binary that options make). Values of hierarchyid, geometry and geography are compared as bytes.

`CDC_TEST_SEED=… pytest tests/e2e/test_any_schema.py` repeats a run; a failure prints that line, the table's SQL, the
row, the column and both values."""

from __future__ import annotations

import io
import json
import os
import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import Database, Server, program_settings
from tests.support import tds_clients
from tests.support.any_schema import AnyColumn, AnyTable, any_table
from tests.support.delivered_values import ANY, Rule
from tests.support.drivers import drivers
from tests.support.folder_target import FolderTarget
from tests.support.judge import KEY, METADATA_COLUMNS, Object, judge
from tests.support.notation import Shown, texts
from tests.support.program import Program
from tests.support.s3_servers import S3Server
from tests.support.tds_clients import Address, Row
from tests.support.toml_text import toml_lines

SEED = os.environ.get("CDC_TEST_SEED") or secrets.token_hex(4)
TABLES = int(os.environ.get("CDC_TEST_SCHEMAS", "208"))
_ROWS_A_TABLE = 30
_ROWS_MIN = 10_000  # of 200 tables
_RUN_SECONDS = 300
_TEXT = ("char", "varchar", "text", "nchar", "nvarchar", "ntext", "xml", "sql_variant")
_CLIENTS = {"text": "tedious", "the rest": "go-mssqldb"}


@dataclass(frozen=True)
class Table:
    """A random table, what clients read of its change table, and its objects."""

    made: AnyTable
    driver: str
    cells: list[Row]  # by the clustered index: the key, then the captured columns
    objects: list[Object]


def _address(database: Database) -> Address:
    at = database.address
    return Address(at.host, at.port, at.user, at.password, at.database)


def _read_change_table(database: Database, table: AnyTable) -> list[Row]:
    """Each column by the client whose decoder is the better judge of it."""
    order = ", ".join(f"[{name}]" for name in KEY)
    source = f"FROM cdc.[dbo_{table.name}_CT] ORDER BY {order}"
    is_text = [column.base in _TEXT for column in table.columns]
    others = [column.quoted for column, text in zip(table.columns, is_text, strict=True) if not text]
    rest = tds_clients.read(
        _CLIENTS["the rest"], _address(database), f"SELECT {', '.join([order, 'id', *others])} {source}"
    )
    written = [column.quoted for column, text in zip(table.columns, is_text, strict=True) if text]
    if not written:
        return rest
    text = tds_clients.read(_CLIENTS["text"], _address(database), f"SELECT {', '.join(written)} {source}")
    assert len(text) == len(rest)
    return [_merged(row, words, is_text) for row, words in zip(rest, text, strict=True)]


def _merged(rest: Row, words: Row, is_text: Sequence[bool]) -> Row:
    head = len(KEY) + 1
    others, texts_of_row = iter(rest[head:]), iter(words)
    return [*rest[:head], *(next(texts_of_row if text else others) for text in is_text)]


@pytest.fixture(scope="module")
def tables(server: Server, s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Table]]:
    for client in _CLIENTS.values():
        if reason := tds_clients.missing(client):
            pytest.skip(reason)
    print(f"\nCDC_TEST_SEED={SEED} repeats this")
    names = sorted(drivers())
    chosen = {f"{names[number % len(names)]}_{number:04d}": names[number % len(names)] for number in range(TABLES)}
    made = [any_table(SEED, name, _ROWS_A_TABLE) for name in chosen]
    database = Database(server, f"Any_{uuid.uuid4().hex[:8]}")
    if server.stand_in is None:
        database.run("EXEC sp_configure 'max text repl size', -1", "RECONFIGURE")
    for table in made:
        database.run(table.create)
        database.enable("dbo", table.name)
        for change in table.changes:
            database.run(change)
    database.capture()
    options = "".join(toml_lines(["table", f"dbo.{table.name}"], table.options) for table in made)
    lakes = {driver: _deliver(database, s3, driver, options, tmp_path_factory.mktemp(driver)) for driver in names}
    yield [
        Table(table, driver, _read_change_table(database, table), lakes[driver].objects(database.name, table.name))
        for table, driver in zip(made, chosen.values(), strict=True)
    ]
    database.drop()


def _deliver(database: Database, s3: S3Server, driver: str, options: str, folder: Path) -> FolderTarget:
    (folder / "cdc-to-s3.toml").write_text(options, encoding="utf-8")
    (folder / "lake").mkdir()
    target = FolderTarget(folder / "lake")
    settings = program_settings(database.server, s3, database.name, target.url)
    settings |= {"SQL_SERVER_DRIVER": drivers()[driver], "CDC_SOURCE_TABLES": f"dbo.{driver}_*"}
    Program(folder, settings).once(seconds=_RUN_SECONDS)
    return target


def _by_pyarrow(objects: Sequence[Object], _: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(io.BytesIO(item.data)) for item in objects)


def _by_duckdb(objects: Sequence[Object], folder: Path) -> pa.Table:
    folder.mkdir()
    for item in objects:
        (folder / item.key.rsplit("/", 1)[-1]).write_bytes(item.data)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT * FROM read_parquet('{folder}/*.parquet')").arrow()
        return found if isinstance(found, pa.Table) else found.read_all()


_READERS = {"pyarrow": _by_pyarrow, "DuckDB": _by_duckdb}


@pytest.mark.parametrize("reader", _READERS)
def test_readers_see_what_clients_read_from_the_change_tables(tables: list[Table], reader: str, tmp_path: Path) -> None:
    rows = 0
    for table in tables:
        assert table.objects, _said(table, "no object")
        found = _READERS[reader](table.objects, tmp_path / table.made.name)
        assert found.num_rows == len(table.cells), _said(table, f"{found.num_rows} rows for {len(table.cells)}")
        rows += found.num_rows
        _assert_keys(table, found)
        _assert_values(table, found)
    assert rows >= _ROWS_MIN * len(tables) / 200


def _said(table: Table, what: str) -> str:
    statements = "\n".join([table.made.create, *table.made.changes])
    where = f"dbo.{table.made.name} through {table.driver}, options {table.made.options}"
    return f"CDC_TEST_SEED={SEED}, {where}: {what}\n{statements}"


def _assert_keys(table: Table, found: pa.Table) -> None:
    shown = list(zip(*(texts(found.column(at)) for at in range(len(KEY))), strict=True))
    lsn = Rule("binary", "", {"binary": table.made.options.get("lsn", "hex")})
    kinds = [lsn, Rule("int", ""), lsn, Rule("int", "")]
    for number, row in enumerate(table.cells):
        expected = tuple(rule.delivered(cell)[0][""] for rule, cell in zip(kinds, row, strict=False))
        assert shown[number] == expected, _said(table, f"row {number} has the key {shown[number]}, not {expected}")


def _assert_values(table: Table, found: pa.Table) -> None:
    at = len(METADATA_COLUMNS)
    columns = [AnyColumn("id", "int", "int", "", str), *table.made.columns]
    for number, column in enumerate(columns, start=len(KEY)):
        rule = _rule(table, column)
        expected = [rule.delivered(row[number])[0] for row in table.cells]
        for suffix, kind in rule.kinds().items():
            array = found.column(at)
            assert found.column_names[at] == column.name + suffix, _said(
                table, f"column {at} is {found.column_names[at]}, not {column.name}{suffix}"
            )
            wanted = [kind.seen_by(one[suffix], array.type) for one in expected]
            _assert_equal(table, column, texts(array), wanted)
            at += 1
    assert at == found.num_columns, _said(table, "more columns than expected")


def _rule(table: Table, column: AnyColumn) -> Rule:
    return Rule(column.base, column.sql_type, table.made.options)


def _assert_equal(table: Table, column: AnyColumn, found: Sequence[Shown], wanted: Sequence[Shown]) -> None:
    for number, (got, want) in enumerate(zip(found, wanted, strict=True)):
        same = (got == want and type(got) is type(want)) or (want == ANY and isinstance(got, str))
        what = f"row {number}, operation {table.cells[number][3]}, id {table.cells[number][4]}"
        assert same, _said(table, f"{what}, column {column.definition}: delivered {got!r}, read {want!r}")


def test_values_that_lost_something_are_counted_and_objects_are_linked(tables: list[Table]) -> None:
    for table in tables:
        verdict = judge(table.objects)
        assert verdict.wrong == [], _said(table, str(verdict.wrong))
        counted: dict[str, int] = {}
        for item in table.objects:
            footer = pq.read_metadata(io.BytesIO(item.data)).metadata
            for name, count in json.loads(footer[b"cdc.altered_values"]).items():
                counted[name] = counted.get(name, 0) + count
        expected = {}
        for number, column in enumerate(table.made.columns, start=len(KEY) + 1):
            lost = sum(_rule(table, column).delivered(row[number])[1] for row in table.cells)
            expected |= {column.name: lost} if lost else {}
        assert counted == expected, _said(table, f"counted {counted}, not {expected}")
