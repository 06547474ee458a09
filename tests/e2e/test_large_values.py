"""Values of (max) types, text, ntext, image and xml from nothing to max_value_bytes, among thousands of small rows: they
arrive whole, memory stays below what `check` prints, and one byte more stops the table alone."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow.parquet as pq
import pytest

from bench.measure import run as measure
from tests.e2e.conftest import Database, Server, Target
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.judge import Object
from tests.support.program import BINARY, Program

MIB = 1 << 20
LIMIT = 16 * MIB  # the default
LENGTHS = (0, 1, 2, 4094, 4095, 4096, 4097, 4098, MIB - 1, MIB, MIB + 1)  # bytes in the server; slots begin at 4,096
_SECONDS = 600  # it is memory that is measured; a machine that is busy elsewhere takes its time
pytestmark = pytest.mark.timeout(3 * _SECONDS)
SMALL_ROWS = 1000  # between rows of long values
UTF8 = "Latin1_General_100_CI_AS_SC_UTF8"


class Kind(NamedTuple):
    """A column and what is repeated in it. `unit`: bytes of a filler 'x' in the server."""

    ddl: str
    pattern: str
    pattern_bytes: int
    unit: int = 1


# Patterns of odd lengths, so that some of their characters lie across a slot's end.
KINDS = {
    "n": Kind("nvarchar(max)", "😀世", 6, 2),
    "v": Kind("varchar(max) COLLATE SQL_Latin1_General_CP1_CI_AS", "xyé", 3),
    "u": Kind(f"varchar(max) COLLATE {UTF8}", "é😀a", 7),
    "b": Kind("varbinary(max)", "abc", 3),
    "t": Kind("text COLLATE SQL_Latin1_General_CP1_CI_AS", "xyé", 3),
    "nt": Kind("ntext", "😀世", 6, 2),
    "i": Kind("image", "abc", 3),
    "x": Kind("xml", "😀世", 6, 2),
}
_XML = ("<a>", "</a>", 14)


def _parts(kind: Kind, length: int) -> tuple[str, str, int]:
    """A value of `length` bytes in the server, or one less where that cuts a unit: before, after, repetitions."""
    before, after, taken = _XML if kind.ddl == "xml" else ("", "", 0)
    room = max(length - taken, 2 if taken else 0)
    return before + "x" * (room % kind.pattern_bytes // kind.unit), after, room // kind.pattern_bytes


def _literal(kind: Kind, length: int) -> str:
    before, after, count = _parts(kind, length)
    wide = kind.ddl.split("(")[0] not in ("varbinary", "image")
    n, base = ("N", "nvarchar(max)") if wide else ("", "varchar(max)")
    text = f"CAST({n}'{before}' AS {base}) + REPLICATE(CAST({n}'{kind.pattern}' AS {base}), {count}) + {n}'{after}'"
    return text if wide else f"CAST({text} AS varbinary(max))"


def _digest(kind: Kind, length: int) -> str:
    before, after, count = _parts(kind, length)
    return hashlib.sha256((before + kind.pattern * count + after).encode()).hexdigest()


def _insert_small(database: Database, table: str, first: int, count: int = SMALL_ROWS) -> None:
    rows = ", ".join(f"({number}, N'row {number}')" for number in range(first, first + count))
    database.run(f"INSERT INTO dbo.{table} (id, name) VALUES {rows}")


def _create(database: Database, table: str, names: list[str]) -> None:
    columns = ", ".join(f"{name} {KINDS[name].ddl} NULL" for name in names)
    database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, name nvarchar(20) NULL, {columns})")
    database.enable("dbo", table)


def _insert(database: Database, table: str, row: int, lengths: dict[str, int]) -> None:
    values = ", ".join(_literal(KINDS[name], length) for name, length in lengths.items())
    database.run(f"INSERT INTO dbo.{table} (id, {', '.join(lengths)}) VALUES ({row}, {values})")


class Made(NamedTuple):
    database: Database
    expected: list[tuple[int, int, dict[str, int]]]  # id, operation, lengths


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Made]:
    database = Database(server, f"Large_{uuid.uuid4().hex[:8]}")
    if server.stand_in is None:
        database.run("EXEC sp_configure 'max text repl size', -1", "RECONFIGURE")
    expected: list[tuple[int, int, dict[str, int]]] = []
    _create(database, "Large", list(KINDS))
    rows = [dict.fromkeys(KINDS, length) for length in LENGTHS] + [{name: LIMIT} for name in KINDS]
    for number, lengths in enumerate(rows):
        _insert_small(database, "Large", 10_000 + number * SMALL_ROWS, SMALL_ROWS if number % 3 == 0 else 7)
        _insert(database, "Large", number, lengths)
        expected.append((number, 2, lengths))
    # Both images of an update, and a deleted row. Of text, ntext and image SQL Server keeps no old value.
    new = {"n": 3 * MIB, "b": 5000}
    sets = ", ".join(f"{name} = {_literal(KINDS[name], length)}" for name, length in new.items())
    database.run(f"UPDATE dbo.Large SET {sets} WHERE id = {len(LENGTHS) - 1}", "DELETE FROM dbo.Large WHERE id = 5")
    expected += [(len(LENGTHS) - 1, 3, dict.fromkeys(new, LENGTHS[-1])), (len(LENGTHS) - 1, 4, new)]
    expected += [(5, 1, dict.fromkeys(("n", "v", "u", "b", "x"), LENGTHS[5]))]
    database.capture()
    yield Made(database, expected)
    database.drop()


@pytest.fixture(params=list(drivers()))
def driver(request: pytest.FixtureRequest) -> str:
    return drivers()[request.param]


def _deliver_and_measure(program: Program, long_values_of_a_row: int, code: int = 0) -> None:
    """`run --once`; its peak memory must be below what `check` says for rows of so many long values."""
    memory = json.loads(program.call("check", "--json").out)["memory"]
    environment = {**os.environ, **program.settings}
    done = measure([str(BINARY), "run", "--once"], environment, program.folder, "", _SECONDS)
    assert done.code == code, done.err
    bound = memory["peak_bytes"] + long_values_of_a_row * memory["long_value_bytes"]
    assert 0 < done.peak_mib * MIB <= bound, f"peak {done.peak_mib} MiB, the formula says {bound / MIB}"


def _with_pyarrow(objects: list[Object], names: list[str]) -> dict[tuple[int, int], dict[str, str | None]]:
    found: dict[tuple[int, int], dict[str, str | None]] = {}
    for item in objects:
        file = pq.ParquetFile(io.BytesIO(item.data))
        for batch in file.iter_batches(batch_size=64, columns=["id", "__$operation", *names]):
            for row in batch.to_pylist():
                values = {name: row[name].encode() if isinstance(row[name], str) else row[name] for name in names}
                digests = {name: value if value is None else _sha(value) for name, value in values.items()}
                found[row["id"], row["__$operation"]] = digests
    return found


def _sha(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def _with_duckdb(objects: list[Object], names: list[str], folder: Path) -> dict[tuple[int, int], dict[str, str | None]]:
    folder.mkdir()
    for number, item in enumerate(objects):
        (folder / f"{number}.parquet").write_bytes(item.data)
    digests = ", ".join(f"sha256({name})" for name in names)
    with duckdb.connect() as connection:
        query = f"SELECT id, \"__$operation\", {digests} FROM read_parquet('{folder}/*.parquet')"
        return {
            (row[0], row[1]): dict(zip(names, row[2:], strict=True)) for row in connection.execute(query).fetchall()
        }


def test_values_up_to_the_limit_arrive_whole_within_the_memory_that_check_prints(
    source: Made, target: Target, make_program: Callable[..., Program], driver: str, tmp_path: Path
) -> None:
    program = make_program(source.database.name, target.url, SQL_SERVER_DRIVER=driver)
    _deliver_and_measure(program, 1)
    objects = target.objects(source.database.name, "Large")
    assert_delivered(source.database.connection, "dbo_Large", objects)
    found = _with_pyarrow(objects, list(KINDS))
    assert len(found) > 7 * SMALL_ROWS
    for row, operation, lengths in source.expected:
        for name, length in lengths.items():
            assert found[row, operation][name] == _digest(KINDS[name], length), f"{name} of {row}, {length} bytes"
    assert _with_duckdb(objects, list(KINDS), tmp_path / "objects") == found


def test_four_tables_of_long_values_need_the_memory_of_one(
    database: Database, target: Target, make_program: Callable[..., Program], driver: str
) -> None:
    for table in ("A", "B", "C", "D"):
        _create(database, table, ["n", "b"])
        _insert_small(database, table, 1)
        _insert(database, table, 0, {"n": LIMIT, "b": LIMIT})
    database.capture()
    _deliver_and_measure(make_program(database.name, target.url, SQL_SERVER_DRIVER=driver), 2)
    for table in ("A", "B", "C", "D"):
        assert_delivered(database.connection, f"dbo_{table}", target.objects(database.name, table))


def test_64_mib_arrive_with_the_limit_raised(
    database: Database, target: Target, make_program: Callable[..., Program], driver: str
) -> None:
    _create(database, "Huge", ["v", "b"])
    for row, name in enumerate(("v", "b")):
        _insert_small(database, "Huge", 10_000 + row * SMALL_ROWS)
        _insert(database, "Huge", row, {name: 64 * MIB})
    database.capture()
    program = make_program(database.name, target.url, SQL_SERVER_DRIVER=driver, CDC_RUN_MAX_VALUE_BYTES="64MiB")
    _deliver_and_measure(program, 1)
    objects = target.objects(database.name, "Huge")
    assert_delivered(database.connection, "dbo_Huge", objects)
    found = _with_pyarrow(objects, ["v", "b"])
    for row, name in enumerate(("v", "b")):
        assert found[row, 2][name] == _digest(KINDS[name], 64 * MIB)


def test_a_value_far_above_the_limit_stops_its_table_without_taking_memory_of_its_length(
    database: Database, target: Target, make_program: Callable[..., Program], driver: str
) -> None:
    for table, names in {"Far": ["b"], "Near": ["n"]}.items():
        _create(database, table, names)
        _insert_small(database, table, 10)
    _insert(database, "Far", 1, {"b": 160 * MIB})
    database.capture()
    settings = {"SQL_SERVER_DRIVER": driver, "CDC_RUN_MAX_VALUE_BYTES": str(MIB)}
    program = make_program(database.name, target.url, **settings)
    _deliver_and_measure(program, 1, code=3)
    stopped = program.once(expect=3).err
    assert re.search(
        rf"column b varbinary\(max\) holds a value of (at least|more than) \d+ bytes, above .*\({MIB}\)", stopped
    )
    assert len(_with_pyarrow(target.objects(database.name, "Far"), ["b"])) == SMALL_ROWS
    assert_delivered(database.connection, "dbo_Near", target.objects(database.name, "Near"))


def test_one_more_than_the_limit_stops_the_table_alone_until_the_limit_is_raised(
    database: Database, target: Target, make_program: Callable[..., Program], driver: str
) -> None:
    limit = MIB
    for name, kind in KINDS.items():
        _create(database, f"Over_{name}", [name])
        _insert(database, f"Over_{name}", 1, {name: limit})
        _insert(database, f"Over_{name}", 2, {name: limit + kind.unit})
    _create(database, "Within", ["n"])
    _insert(database, "Within", 1, {"n": limit})
    database.capture()
    settings = {"SQL_SERVER_DRIVER": driver, "CDC_RUN_MAX_VALUE_BYTES": str(limit)}
    program = make_program(database.name, target.url, **settings)
    ended = program.once(expect=3)
    for name, kind in KINDS.items():
        lsn = database.connection.value(f"SELECT MAX([__$start_lsn]) FROM cdc.dbo_Over_{name}_CT")
        line = next(line for line in ended.err.splitlines() if line.startswith(f"cdc-to-s3: dbo.Over_{name}: "))
        told = (f"a value of {limit + kind.unit} bytes", f"a value of more than {limit} bytes")
        assert any(words in line for words in told), line
        for words in (f"column {name} ", bytes(lsn).hex().upper(), f"max_value_bytes ({limit})", "raise [run]"):
            assert words in line, line
        assert len(_with_pyarrow(target.objects(database.name, f"Over_{name}"), [name])) == 1
    assert len(_with_pyarrow(target.objects(database.name, "Within"), ["n"])) == 1
    program.once(CDC_RUN_MAX_VALUE_BYTES=str(limit + 2))
    for name in KINDS:
        assert_delivered(database.connection, f"dbo_Over_{name}", target.objects(database.name, f"Over_{name}"))


def test_a_sql_variant_is_never_too_long_though_its_text_is_longer_than_the_lowest_limit(
    database: Database, target: Target, make_program: Callable[..., Program], driver: str
) -> None:
    values = {"varchar(8000)": "x" * 8000, "nvarchar(4000)": "世" * 4000, "varbinary(8000)": "0x" + "78" * 8000}
    database.run("CREATE TABLE dbo.Loose (id int NOT NULL PRIMARY KEY, v sql_variant NULL)")
    database.enable("dbo", "Loose")
    for number, kind in enumerate(values):
        of_character = "N'世'" if kind.startswith("n") else "'x'"
        database.run(f"INSERT INTO dbo.Loose VALUES ({number}, CAST(REPLICATE({of_character}, 8000) AS {kind}))")
    database.capture()
    make_program(database.name, target.url, SQL_SERVER_DRIVER=driver, CDC_RUN_MAX_VALUE_BYTES="8KiB").once()
    rows = [pq.read_table(io.BytesIO(item.data)).to_pylist() for item in target.objects(database.name, "Loose")]
    assert {row["v__type"]: row["v"] for some in rows for row in some} == values
