"""One table of every default mapping and one table for each option's form, delivered by the real program into a
folder: what readers are given to read."""

from __future__ import annotations

import json
import struct
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standin.load.connection import Connection
from tests.e2e.conftest import Database, Server
from tests.support.folder_target import FolderTarget
from tests.support.program import Program
from tests.support.reader_table import Forms, forms_of


@dataclass(frozen=True)
class Column:
    """A captured column of a SQL type, with the literals of its values; every column is NULL in one more row."""

    name: str
    sql_type: str
    literals: tuple[str, ...]


def _column(name: str, sql_type: str, *literals: str) -> Column:
    return Column(name, sql_type, literals)


_GUIDS = ("'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "'00000000-0000-0000-0000-000000000000'")
_BYTES = ("0x", "0x00", "0x00FF8061")
_DATETIMES = ("'0001-01-01'", "'9999-12-31T23:59:59.9999999'", "'1899-12-31T23:59:59.1234567'", "'2024-02-29T12:00:00'")
_OFFSETS = (
    "'0001-01-01T00:00:00+00:00'",
    "'9999-12-31T23:59:59.9999999+00:00'",
    "'1500-06-30T01:02:03.4567891-05:30'",
    "'2024-02-29T23:00:00-14:00'",
)
_TIMES = ("'00:00'", "'23:59:59.9999999'", "'12:34:56.0000001'")


def _spatial(kind: str, srid: int, shape: bytes) -> str:
    """A literal of SQL Server's own serialisation (MS-SSCLRT), version 1."""
    return f"CAST(0x{(struct.pack('<iB', srid, 1) + shape).hex()} AS {kind})"


_POINT = _spatial("geometry", 4326, struct.pack("<B2d", 0x0C, 10.5, -20.25))
_RING = struct.pack("<BI8d", 0x04, 4, 0, 0, 4, 0, 4, 3, 0, 0)  # valid; then a figure and a shape, a polygon
_POLYGON = _spatial("geometry", 0, _RING + struct.pack("<IBi", 1, 2, 0) + struct.pack("<IiiB", 1, -1, 0, 3))
_EARTH = _spatial("geography", 4326, struct.pack("<B4d", 0x14, 47.656, -122.36, 47.656, -122.343))  # a line segment


DEFAULTS = (
    _column("a_bit", "bit", "0", "1"),
    _column("a_tinyint", "tinyint", "0", "255"),
    _column("a_smallint", "smallint", "-32768", "32767"),
    _column("an_int", "int", "-2147483648", "2147483647"),
    _column("a_bigint", "bigint", "-9223372036854775808", "9223372036854775807"),
    _column("a_real", "real", "CAST('-3.4028235E38' AS real)", "CAST('1.1754944E-38' AS real)", "CAST(0.1 AS real)"),
    _column("a_float", "float", "1.7976931348623157E308", "-2.2250738585072014E-308", "0.1E0"),
    _column("a_decimal_9", "decimal(9,2)", "-9999999.99", "1234567.89", "0.01"),
    _column("a_decimal_18", "decimal(18,18)", "-0.999999999999999999", "0.000000000000000001"),
    _column("a_decimal_38", "decimal(38,0)", "9" * 38, "-" + "9" * 38, "0"),
    _column("a_numeric", "numeric(38,38)", "0." + "9" * 38, "-0." + "0" * 37 + "1"),
    _column("a_money", "money", "-922337203685477.5808", "922337203685477.5807"),
    _column("a_smallmoney", "smallmoney", "-214748.3648", "214748.3647"),
    _column("a_date", "date", "'0001-01-01'", "'9999-12-31'", "'1582-10-10'"),
    _column("a_datetime", "datetime", "'1753-01-01'", "'9999-12-31T23:59:59.997'", "'1899-12-31T12:00:00.003'"),
    _column("a_smalldatetime", "smalldatetime", "'1900-01-01'", "'2079-06-06T23:59'"),
    _column("a_datetime2", "datetime2(7)", *_DATETIMES),
    _column("a_datetimeoffset", "datetimeoffset(7)", *_OFFSETS),
    _column("a_time", "time(7)", *_TIMES),
    _column("a_char", "char(5)", "''", "'ab'"),
    _column("a_varchar", "varchar(50)", "''", "'x  '", "'it''s'"),
    _column("a_text", "text", "''", "'old'"),
    _column("an_nchar", "nchar(4)", "N'世'", "N'😀'"),
    _column("an_nvarchar", "nvarchar(50)", "N''", "N'😀 世界'", "N'a' + NCHAR(0) + N'b'"),
    _column("an_ntext", "ntext", "N''", "N'世界'"),
    _column("an_xml", "xml", "'<a b=\"1\">é</a>'"),
    _column("a_binary", "binary(4)", "0x00FF8061", "0x00"),
    _column("a_varbinary", "varbinary(50)", *_BYTES),
    _column("an_image", "image", *_BYTES),
    _column("a_guid", "uniqueidentifier", *_GUIDS),
    _column("a_variant", "sql_variant", "CAST(1.50 AS decimal(5,2))", "N'世界'", "CAST('2024-02-29' AS date)"),
    _column("a_hierarchyid", "hierarchyid", "CAST(0x5AC0 AS hierarchyid)", "CAST(0x AS hierarchyid)"),
    _column("a_geometry", "geometry", _POINT, _POLYGON),
    _column("a_geography", "geography", _EARTH),
)

# Option and word -> the columns that it changes.
OPTIONS: dict[tuple[str, str], tuple[Column, ...]] = {
    ("datetime2", "nanos"): (
        _column("c", "datetime2(7)", "'1677-09-22T00:00:00.1234567'", "'2262-04-11T23:47:16.8547758'"),
    ),
    ("datetime2", "string"): (_column("c", "datetime2(7)", *_DATETIMES),),
    ("datetimeoffset", "utc"): (_column("c", "datetimeoffset(7)", *_OFFSETS),),
    ("datetimeoffset", "string"): (_column("c", "datetimeoffset(7)", *_OFFSETS),),
    ("time", "time"): (_column("c", "time(7)", *_TIMES),),
    ("uniqueidentifier", "uuid"): (_column("c", "uniqueidentifier", *_GUIDS),),
    ("hierarchyid", "path"): (_column("c", "hierarchyid", "CAST(0x5AC0 AS hierarchyid)", "CAST(0x AS hierarchyid)"),),
    ("spatial", "wkb"): (_column("c", "geometry", _POINT, _POLYGON), _column("d", "geography", _EARTH)),
    ("binary", "hex"): (_column("c", "varbinary(50)", *_BYTES),),
    ("timestamps", "millis"): (
        _column("c", "datetime2(7)", *_DATETIMES),
        _column("d", "datetimeoffset(7)", *_OFFSETS),
        _column("e", "datetime", "'1753-01-01'", "'9999-12-31T23:59:59.997'"),
    ),
    ("mask", "hash"): (_column("c", "int", "0", "2147483647"), _column("d", "nvarchar(50)", "N'世界'")),
    ("mask", "null"): (_column("c", "decimal(9,2)", "1.5"),),
    ("lsn", "bytes"): (_column("c", "int", "1"),),
}
EVERYTHING = "Everything"
BY_CASE = ("same", "SAME")  # columns of a table of their own


def table_of(option: str, word: str) -> str:
    return f"As_{option}_{word}"


TABLES = {EVERYTHING: DEFAULTS, **{table_of(*option): columns for option, columns in OPTIONS.items()}}


@dataclass(frozen=True)
class World:
    program: Program
    files: dict[str, Path]  # table -> its one object
    by_case: Path
    parquet: dict[str, dict[str, str]]  # table -> column of the file -> Parquet type, as the program calls it
    becomes: dict[str, dict[str, list[str]]]  # table -> captured column -> columns of the file
    types: dict[str, Any]  # what `types --json` prints
    forms: Forms


def _make_table(database: Database, table: str, columns: tuple[Column, ...]) -> None:
    declared = ", ".join(f"{column.name} {column.sql_type} NULL" for column in columns)
    database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, {declared})")
    database.enable("dbo", table)
    count = max(len(column.literals) for column in columns)
    for row in range(count):
        literals = ", ".join(column.literals[row % len(column.literals)] for column in columns)
        database.run(f"INSERT INTO dbo.{table} VALUES ({row}, {literals})")
    database.run(f"INSERT INTO dbo.{table} (id) VALUES ({count})")


def _settings_file() -> str:
    sections = [f'[table."dbo.{table_of(option, word)}"]\n{option} = "{word}"\n' for option, word in OPTIONS]
    return "\n".join(sections)


def _own_columns(program: Program, table: str) -> dict[str, str]:
    """CDC's own columns of a table: names and Parquet types."""
    settings = {f"CDC_TYPES_{option.upper()}": word for option, word in OPTIONS if table == table_of(option, word)}
    described = json.loads(program.call("types", "--json", **settings).out)["metadata"]
    first = [column["forms"][0]["columns"][0] for column in described]
    return {one["name"]: one["parquet"] for one in first}


def deliver(server: Server, folder: Path) -> World:
    """Makes the tables in a database of their own, delivers them, and drops the database."""
    name = f"Readers_{uuid.uuid4().hex[:8]}"
    with Connection(server.address) as connection:
        connection.run(f"CREATE DATABASE {name} COLLATE SQL_Latin1_General_CP1_CS_AS")
    database = Database(server, name)
    target = FolderTarget(folder / "lake")
    target.folder.mkdir()
    (folder / "cdc-to-s3.toml").write_text(_settings_file())
    settings = {
        **server.program,
        "SQL_SERVER_DATABASE": database.name,
        "SQL_SERVER_USER": server.address.user,
        "SQL_SERVER_PASSWORD": server.address.password,
        "CDC_TARGET_URL": target.url,
        "CDC_TYPES_MASK_KEY": "0123456789abcdef0123456789abcdef",
    }
    program = Program(folder, settings)
    try:
        for table, columns in TABLES.items():
            _make_table(database, table, columns)
        database.run("CREATE TABLE dbo.ByCase (id int NOT NULL PRIMARY KEY, same int, SAME int)")
        database.enable("dbo", "ByCase")
        database.run("INSERT INTO dbo.ByCase VALUES (0, 1, 2)")
        database.capture()
        program.once()
        described = program.call("tables", "--json")
        assert described.code == 0, described.text
    finally:
        database.drop()
    keys = {key.split("/")[1]: key for key in target.keys(f"{name}/")}
    files = {table: target.folder / keys[table] for table in TABLES}
    tables = {table["name"]: table["columns"] for table in json.loads(described.out)["tables"]}
    parquet = {}
    for table, columns in tables.items():
        parquet[table] = _own_columns(program, table)
        parquet[table].update({one["name"]: one["type"] for column in columns for one in column["parquet"]})
    becomes = {
        table: {column["name"]: [one["name"] for one in column["parquet"]] for column in columns}
        for table, columns in tables.items()
    }
    types = json.loads(program.call("types", "--json").out)
    return World(program, files, target.folder / keys["ByCase"], parquet, becomes, types, forms_of(types))
