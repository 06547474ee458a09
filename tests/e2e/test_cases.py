"""Every case file of tests/cases through the program, by both ODBC drivers, as pyarrow and as DuckDB read the objects.

All cases' tables are in one database, and the program runs once for each driver: options are given by table."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytds
import pytest

from standin.load.connection import Connection
from tests.e2e.conftest import Database, Server, program_settings
from tests.support.cases import METADATA, Broken, Case, Row, load
from tests.support.change_tables import change_keys
from tests.support.drivers import drivers
from tests.support.folder_target import FolderTarget
from tests.support.judge import Object, RowKey, judge
from tests.support.notation import Shown, texts
from tests.support.program import Ended, Program
from tests.support.readers import schema_of, set_bits
from tests.support.s3_servers import S3Server

_FOLDER = Path(__file__).resolve().parents[1] / "cases"
_FOUND = load(_FOLDER)
CASES = [case for case in _FOUND if isinstance(case, Case)]
# Two columns may differ by case only where the database says so. The code page is SQL Server's usual one, 1252.
_COLLATION = "SQL_Latin1_General_CP1_CS_AS"
_MASK_KEY = "0123456789abcdef0123456789abcdef"
_RUN_SECONDS = 300


@dataclass(frozen=True)
class Source:
    """The database with all cases' tables; by case what its SQL met, and what its change table holds."""

    database: Database
    errors: Mapping[str, str]
    skipped: Mapping[str, str]
    captured: Mapping[str, Mapping[str, tuple[int, str]]]  # by case: column name -> column id in the source, SQL type
    keys: Mapping[str, list[RowKey]]  # by case: the keys of its change rows, in order


@dataclass(frozen=True)
class Delivered:
    source: Source
    target: FolderTarget
    ended: Ended
    _objects: dict[str, list[Object]] = field(default_factory=dict)

    def objects(self, case: str) -> list[Object]:
        if case not in self._objects:
            self._objects[case] = self.target.objects(self.source.database.name, case)
        return self._objects[case]


def _make_database(server: Server) -> Database:
    name = f"Cases_{uuid.uuid4().hex[:8]}"
    with Connection(server.address) as connection:
        connection.run(f"CREATE DATABASE {name} COLLATE {_COLLATION}")
    database = Database(server, name)
    if server.stand_in is None:
        database.run("EXEC sp_configure 'max text repl size', -1", "RECONFIGURE")
    database.run("EXEC sys.sp_cdc_enable_db")
    return database


def _captured(database: Database) -> dict[str, dict[str, tuple[int, str]]]:
    found: dict[str, dict[str, tuple[int, str]]] = {}
    for instance, name, column_id, sql_type in database.connection.rows(
        "SELECT t.capture_instance, c.column_name, c.column_id, c.column_type FROM cdc.captured_columns AS c "
        "JOIN cdc.change_tables AS t ON t.object_id = c.object_id ORDER BY c.object_id, c.column_ordinal"
    ):
        found.setdefault(instance.removeprefix("dbo_"), {})[name] = (column_id, sql_type)
    return found


def _missing(case: Case, server: Server, major: int) -> str:
    """Why a server cannot take the case. The stand-in takes every one."""
    if server.stand_in is not None or case.needs is None:
        return ""
    if case.needs == "stand-in":
        return "only the stand-in takes it"
    return f"needs SQL Server of version {case.needs}" if major < int(case.needs) else ""


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Source]:
    database = _make_database(server)
    major = int(str(database.connection.value("SELECT SERVERPROPERTY('ProductVersion')")).split(".")[0])
    errors: dict[str, str] = {}
    skipped = {case.name: why for case in CASES if (why := _missing(case, server, major))}
    for case in (case for case in CASES if case.name not in skipped):
        try:
            database.run(case.create)
            database.enable("dbo", case.name, case.capture)
            database.run(";\n".join(case.changes))
        except pytds.Error as error:  # fails this case alone
            errors[case.name] = str(error)
    database.capture()
    captured = _captured(database)
    keys = {name: change_keys(database.connection, f"dbo_{name}") for name in captured}
    yield Source(database, errors, skipped, captured, keys)
    database.drop()


@pytest.fixture(scope="module", params=drivers())
def delivered(
    request: pytest.FixtureRequest, source: Source, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Delivered:
    folder = tmp_path_factory.mktemp("program")
    target = FolderTarget(tmp_path_factory.mktemp("lake"))
    options = "".join(case.toml() for case in CASES)
    (folder / "cdc-to-s3.toml").write_text(f'[types]\nmask_key_file = "mask.key"\n{options}', encoding="utf-8")
    (folder / "mask.key").write_text(_MASK_KEY, encoding="utf-8")
    settings = program_settings(source.database.server, s3, source.database.name, target.url)
    settings["SQL_SERVER_DRIVER"] = drivers()[request.param]
    stops = any(case.error for case in CASES) or bool(source.errors)
    ended = Program(folder, settings).once(expect=3 if stops else 0, seconds=_RUN_SECONDS)
    return Delivered(source, target, ended)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest, delivered: Delivered) -> Case:
    """A case whose tables could be made."""
    found: Case = request.param
    if found.name in delivered.source.skipped:
        pytest.skip(delivered.source.skipped[found.name])
    if found.name in delivered.source.errors:
        pytest.fail(f"the server refused the SQL of {found.name}.toml: {delivered.source.errors[found.name]}")
    return found


@dataclass(frozen=True)
class Table:
    """What a reader gives: column names, what it calls their types, and its columns."""

    names: Sequence[str]
    types: Sequence[str]
    columns: Sequence[pa.ChunkedArray]


def _by_pyarrow(objects: Sequence[Object], _: Path) -> Table:
    tables = [pq.read_table(io.BytesIO(item.data), page_checksum_verification=True) for item in objects]
    table = pa.concat_tables(tables)
    return Table(table.schema.names, [str(field.type) for field in table.schema], table.columns)


def _by_duckdb(objects: Sequence[Object], folder: Path) -> Table:
    for item in objects:
        (folder / item.key.rsplit("/", 1)[-1]).write_bytes(item.data)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = f"SELECT * FROM read_parquet('{folder}/*.parquet')"
        described = connection.execute(f"DESCRIBE {query}").fetchall()
        found = connection.execute(query).arrow()
        table = found if isinstance(found, pa.Table) else found.read_all()
    return Table([row[0] for row in described], [row[1] for row in described], table.columns)


_READERS = {"pyarrow": _by_pyarrow, "DuckDB": _by_duckdb}


@pytest.mark.parametrize("found", _FOUND, ids=lambda found: found.name)
def test_a_case_file_is_written_as_the_readme_says(found: Case | Broken) -> None:
    assert not isinstance(found, Broken), found.why


@pytest.mark.parametrize("reader", _READERS)
def test_a_case_arrives_as_its_file_says(case: Case, delivered: Delivered, reader: str, tmp_path: Path) -> None:
    if case.error:
        _assert_stopped(case, delivered)
        return
    objects = delivered.objects(case.name)
    assert objects, f"no object of dbo.{case.name}:\n{_lines_about(case, delivered)}"
    table = _READERS[reader](objects, tmp_path)
    _assert_types(case, table, reader)
    _assert_rows(case, table, delivered.source)


def _assert_stopped(case: Case, delivered: Delivered) -> None:
    assert delivered.objects(case.name) == []
    lines = [line for line in delivered.ended.err.splitlines() if f"dbo.{case.name}: " in line]
    assert any(all(text in line for text in case.error) for line in lines), f"{case.error} in none of {lines}"


def _lines_about(case: Case, delivered: Delivered) -> str:
    return "\n".join(line for line in delivered.ended.text.splitlines() if case.name in line)


def _assert_types(case: Case, table: Table, reader: str) -> None:
    expected = {**case.metadata, **case.schema}
    names = _as_duckdb_names(list(expected)) if reader == "DuckDB" else list(expected)
    types = [kind.duckdb() if reader == "DuckDB" else str(kind.arrow()) for kind in expected.values()]
    assert list(zip(table.names, table.types, strict=True)) == list(zip(names, types, strict=True))


def _as_duckdb_names(names: Sequence[str]) -> list[str]:
    """DuckDB's names know no case: it counts those on that it has already."""
    seen: dict[str, int] = {}
    shown = []
    for name in names:
        number = seen[name.lower()] = seen.get(name.lower(), -1) + 1
        shown.append(f"{name}_{number}" if number else name)
    return shown


def _assert_rows(case: Case, table: Table, source: Source) -> None:
    kinds = list({**case.metadata, **case.schema}.values())
    found = list(zip(*(texts(column) for column in table.columns), strict=True))
    captured = list(source.captured[case.name])
    keys = [(_bytes(row[0]), row[1], _bytes(row[2]), row[3]) for row in found]
    assert keys == source.keys[case.name]
    expected = _in_order(case, [(row[3], row[len(METADATA)]) for row in found])
    assert len(found) == len(expected), f"{len(found)} rows instead of {len(expected)}: {found}"
    for number, (row, wanted) in enumerate(zip(found, expected, strict=True)):
        for at, name in enumerate(case.schema, start=len(METADATA)):
            want = kinds[at].seen_by(wanted.values[name], table.columns[at].type)
            same = row[at] == want and type(row[at]) is type(want)  # 1 is no True
            assert same, f"row {number} ({wanted.operation}), column {name}: {row[at]!r} instead of {want!r}"
        assert row[3] == wanted.operation, f"row {number}"
        _assert_mask(set_bits(_bytes(row[4])), len(_bytes(row[4])), wanted, len(captured))


def _bytes(shown: Shown) -> bytes:
    """Of BYTES, or of the text that `lsn = hex` makes of an LSN."""
    return bytes.fromhex(str(shown).removeprefix("0x"))


def _in_order(case: Case, found: Sequence[tuple[Shown, Shown]]) -> Sequence[Row]:
    """The case's rows as they must come; where their order is the server's, by operation and id."""
    if case.ordered:
        return case.rows
    rows = {(row.operation, row.values["id"]): row for row in case.rows}
    assert sorted(found) == sorted(rows), "other operations and ids than expected"
    return [rows[operation, number] for operation, number in found]


def _assert_mask(bits: set[int], size: int, wanted: Row, captured: int) -> None:
    assert size == (captured + 7) // 8
    if wanted.operation in (1, 2):
        assert bits == set(range(1, captured + 1))
    elif wanted.mask is not None:
        assert bits == wanted.mask


def test_a_case_is_stored_and_described_as_its_file_says(case: Case, delivered: Delivered) -> None:
    """Parquet's own types without field ids, what the footer says of columns, and the values that lost something."""
    if case.error:
        return
    objects = delivered.objects(case.name)
    assert objects
    captured = delivered.source.captured[case.name]
    altered: dict[str, int] = {}
    for item in objects:
        metadata = pq.read_metadata(io.BytesIO(item.data))
        schema = metadata.schema
        for at, (name, kind) in enumerate({**case.metadata, **case.schema}.items()):
            column = schema.column(at)
            physical, logical = kind.parquet()
            assert (column.name, column.physical_type) == (name, physical)
            assert str(column.logical_type).startswith(logical), f"{name} is {column.logical_type}"
        assert _encodings(metadata) <= {"PLAIN", "RLE", "RLE_DICTIONARY"}, "some reader in use knows no others"
        assert all(number is None for _, _, number in schema_of(item)), "Iceberg takes field ids before names"
        footer = {name.decode(): value.decode() for name, value in metadata.metadata.items()}
        _assert_described(case, json.loads(footer["cdc.columns"]), captured)
        for name, count in json.loads(footer["cdc.altered_values"]).items():
            altered[name] = altered.get(name, 0) + count
    assert altered == dict(case.altered)
    if list(case.metadata) == list(METADATA):
        assert judge(objects).wrong == []


def _encodings(metadata: pq.FileMetaData) -> set[str]:
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    return {encoding for group in groups for at in range(group.num_columns) for encoding in group.column(at).encodings}


def _assert_described(case: Case, columns: Any, captured: Mapping[str, tuple[int, str]]) -> None:
    kept = [name for name in captured if name in case.schema]
    assert [(one["name"], one["column_id"]) for one in columns] == [(name, captured[name][0]) for name in kept]
    if case.sql_types:
        assert {one["name"]: one["sql_type"] for one in columns} == dict(case.sql_types)
