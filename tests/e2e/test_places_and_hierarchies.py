"""Spatial values as WKB and hierarchyids as paths: what independent readers make of them is what their bytes hold."""

from __future__ import annotations

import io
import json
import struct
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import shapely

from standin.load import adventureworks
from tests.e2e.conftest import Database, Server, Target, program_settings
from tests.support.adventureworks import PLANS, TABLES, Row, change_statements
from tests.support.change_tables import assert_delivered, change_rows
from tests.support.drivers import drivers
from tests.support.judge import Object
from tests.support.program import Program
from tests.support.readers import read_with_pyarrow
from tests.support.s3_servers import S3Server

_TABLES = [one for one in TABLES if one.name in ("Address", "Employee", "Document")]
_OPTIONS = {"CDC_TYPES_SPATIAL": "wkb", "CDC_TYPES_HIERARCHYID": "path"}
_KINDS = ["", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"]


def _doubles(*numbers: float) -> str:
    return struct.pack(f"<{len(numbers)}d", *numbers).hex()


def _value(points: list[float], figures: list[tuple[int, int]], shapes: list[tuple[int, int, int]], srid: int) -> str:
    """[MS-SSCLRT] 2.1: points; figures as (attribute, first point); shapes as (parent, first figure, type)."""
    parts = [struct.pack("<iBBI", srid, 1, 4, len(points) // 2), bytes.fromhex(_doubles(*points))]
    parts += [struct.pack("<I", len(figures)), *(struct.pack("<Bi", *one) for one in figures)]
    parts += [struct.pack("<I", len(shapes)), *(struct.pack("<iiB", *one) for one in shapes)]
    return b"".join(parts).hex()


_RING = [0.0, 0.0, 9.0, 0.0, 9.0, 8.0, 0.0, 0.0]
_HOLE = [6.0, 1.0, 7.0, 2.0, 7.0, 1.0, 6.0, 1.0]
# geometries in hex; a geography is the same with latitudes for x.
_SHAPES = [
    "e6100000010c" + _doubles(-1.5, 2.25),
    "110f0000010f" + _doubles(1, 2, 3, 4),
    "000000000115" + _doubles(0, 0, 0, 1, 10, 11),
    _value([1, 2, 3, 4, 5, 6], [(1, 0)], [(-1, 0, 2)], 4326),
    _value(_RING + _HOLE, [(2, 0), (0, 4)], [(-1, 0, 3)], 4269),
    _value([1, 2, 3, 4], [(1, 0), (1, 1)], [(-1, 0, 4), (0, 0, 1), (0, 1, 1)], 0),
    _value([1, 2, 3, 4, 5, 6, 7, 8], [(1, 0), (1, 2)], [(-1, 0, 5), (0, 0, 2), (0, 1, 2)], 0),
    _value(_RING + _HOLE, [(2, 0), (2, 4)], [(-1, 0, 6), (0, 0, 3), (0, 1, 3)], 0),
    _value([5, 6, *_RING], [(1, 0), (2, 1)], [(-1, 0, 7), (0, 0, 1), (0, 1, 7), (2, 1, 3)], 0),
    *(_value([], [], [(-1, -1, kind)], 4326) for kind in range(1, 8)),
]
_ARC = _value([0, 0, 1, 1, 2, 0], [(2, 0)], [(-1, 0, 8)], 0).replace("0000000001", "0000000002", 1)


@dataclass(frozen=True)
class Delivered:
    database: Database
    target: Target

    def objects(self, table: str) -> list[Object]:
        return self.target.objects(self.database.name, table)

    def rows(self, instance: str) -> list[tuple[Row, Row]]:
        """What pyarrow reads, beside what a client of the server's reads."""
        objects = self.objects(instance.split("_")[1])
        assert_delivered(self.database.connection, instance, objects)
        theirs = change_rows(self.database.connection, instance)
        return list(zip(read_with_pyarrow(objects), theirs, strict=True))


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Database]:
    database = Database(server, f"Places_{uuid.uuid4().hex[:8]}")
    adventureworks.load(database.connection, _TABLES, cdc=True)
    for table in _TABLES:
        database.run(*change_statements(table, PLANS[table.full_name]))
    database.run("CREATE TABLE dbo.Shapes (id int PRIMARY KEY, area geometry NULL, place geography NULL)")
    database.enable("dbo", "Shapes")
    rows = ", ".join(f"({n}, CAST(0x{one} AS geometry), CAST(0x{one} AS geography))" for n, one in enumerate(_SHAPES))
    database.run(f"INSERT INTO dbo.Shapes VALUES {rows}, (99, NULL, NULL)", "DELETE FROM dbo.Shapes WHERE id = 3")
    database.capture()
    yield database
    database.drop()


@pytest.fixture(scope="module", params=drivers())
def delivered(
    request: pytest.FixtureRequest, source: Database, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Delivered:
    target = Target(s3, f"places{uuid.uuid4().hex[:8]}")
    settings = {**program_settings(source.server, s3, source.name, target.url), **_OPTIONS}
    settings["SQL_SERVER_DRIVER"] = drivers()[request.param]
    Program(tmp_path_factory.mktemp("program"), settings).once()
    return Delivered(source, target)


@dataclass(frozen=True)
class Reading:
    """What a value's bytes hold, by an own reading of [MS-SSCLRT] 2.1."""

    srid: int
    kind: str
    points: list[tuple[float, ...]]  # x, y, and z, m where it has them


def _read(data: bytes, geography: bool) -> Reading:
    srid, _, properties = struct.unpack_from("<iBB", data)
    kind, count, at = _KINDS[data[-1] & 7], 0, 6
    if properties & 8:
        kind, count = "Point", 1
    elif properties & 16:
        kind, count = "LineString", 2
    else:
        (count,) = struct.unpack_from("<I", data, at)
        at += 4
    pairs = list(struct.iter_unpack("<2d", data[at : at + 16 * count]))
    at += 16 * count
    others = []
    for flag in (1, 2):
        if properties & flag:
            others.append(struct.unpack_from(f"<{count}d", data, at))
            at += 8 * count
    if not properties & 24:  # figures, then shapes, of which the first says what it all is
        (figures,) = struct.unpack_from("<I", data, at)
        kind = _KINDS[data[at + 4 + 5 * figures + 4 + 8]]
    points = [pair[::-1] if geography else pair for pair in pairs]
    return Reading(srid, kind, [(*point, *(other[n] for other in others)) for n, point in enumerate(points)])


def _assert_holds(wkb: bytes | None, srid: int | None, data: bytes | None, geography: bool) -> None:
    if data is None:
        assert wkb is None and srid is None
        return
    reading = _read(data, geography)
    shape = shapely.from_wkb(wkb)
    assert (srid, shape.geom_type) == (reading.srid, reading.kind)
    coordinates = shapely.get_coordinates(shape, include_z=shape.has_z, include_m=shape.has_m)
    assert [tuple(one) for one in coordinates.tolist()] == reading.points
    assert shape.is_empty == (not reading.points)


def test_addresses_are_where_their_bytes_say(delivered: Delivered) -> None:
    rows = delivered.rows("Person_Address")
    for ours, theirs in rows:
        _assert_holds(ours["SpatialLocation"], ours["SpatialLocation__srid"], theirs["SpatialLocation"], True)
    assert sum(ours["SpatialLocation__srid"] == 4326 for ours, _ in rows) > 400


def test_shapes_of_every_kind_keep_their_points_and_their_reference_systems(delivered: Delivered) -> None:
    rows = delivered.rows("dbo_Shapes")
    assert len(rows) == len(_SHAPES) + 2
    for ours, theirs in rows:
        _assert_holds(ours["area"], ours["area__srid"], theirs["area"], False)
        _assert_holds(ours["place"], ours["place__srid"], theirs["place"], True)
    # Rings and members, which points alone do not show.
    shapes = [shapely.from_wkb(ours["area"]) for ours, _ in rows if ours["area"] is not None]
    assert len(shapes[4].interiors) == 1
    assert [len(shape.geoms) for shape in shapes[5:9]] == [2, 2, 2, 2]
    assert shapes[8].geoms[1].geoms[0].equals(shapely.Polygon([(0, 0), (9, 0), (9, 8)]))


def test_duckdb_sees_geometries(delivered: Delivered, tmp_path: Path) -> None:
    for item in delivered.objects("Shapes"):
        (tmp_path / item.key.rsplit("/", 1)[-1]).write_bytes(item.data)
    query = f"SELECT typeof(area), typeof(place), ST_AsWKB(area), ST_AsWKB(place) FROM '{tmp_path}/*.parquet'"
    ours = read_with_pyarrow(delivered.objects("Shapes"))
    for found, row in zip(duckdb.sql(query).fetchall(), ours, strict=True):
        assert found == ("GEOMETRY", "GEOMETRY", row["area"], row["place"])


def test_the_key_geo_describes_the_columns(delivered: Delivered) -> None:
    described = {"encoding": "WKB", "geometry_types": [], "crs": None}
    for item in delivered.objects("Shapes"):
        metadata = pq.read_schema(io.BytesIO(item.data)).metadata
        assert json.loads(metadata[b"geo"]) == {
            "version": "1.1.0",
            "primary_column": "area",
            "columns": {"area": {**described, "edges": "planar"}, "place": {**described, "edges": "spherical"}},
        }
    for item in delivered.objects("Employee"):
        assert b"geo" not in pq.read_schema(io.BytesIO(item.data)).metadata


@pytest.mark.parametrize(
    ("instance", "node"), [("HumanResources_Employee", "OrganizationNode"), ("Production_Document", "DocumentNode")]
)
def test_paths_are_those_that_the_server_prints(delivered: Delivered, instance: str, node: str) -> None:
    printed = delivered.database.connection.rows(
        f"SELECT __$start_lsn, __$seqval, __$operation, {node}.ToString() FROM cdc.{instance}_CT"
    )
    by_key = {tuple(row[:3]): row[3] for row in printed}
    rows = delivered.rows(instance)
    assert len(by_key) == len(rows)
    for ours, _ in rows:
        assert ours[node] == by_key[ours["__$start_lsn"], ours["__$seqval"], ours["__$operation"]]


@pytest.mark.parametrize(
    ("table", "node", "level"),
    [
        ("HumanResources.Employee", "OrganizationNode", "OrganizationLevel"),
        ("Production.Document", "DocumentNode", "DocumentLevel"),
    ],
)
def test_the_tree_nests(delivered: Delivered, table: str, node: str, level: str) -> None:
    extract = next(one for one in _TABLES if one.full_name == table)
    levels = [json.loads(line)[level] for line in extract.file.read_text(encoding="utf-8").splitlines()]
    inserted = read_with_pyarrow(delivered.objects(extract.name))[: len(levels)]
    paths = [row[node] for row in inserted]
    assert [None if path is None else path.count("/") - 1 for path in paths] == levels
    known = {path or "/" for path in paths}  # the head of the company has no node
    for path in known - {"/"}:
        steps = path.strip("/").split("/")
        assert "/".join(["", *steps[:-1], ""]) in known, f"{path} has no parent"


def test_a_curve_stops_its_table_until_it_may_be_bytes(
    make_program: Callable[..., Program], database: Database, target: Target
) -> None:
    database.run("CREATE TABLE dbo.Roads (id int PRIMARY KEY, bend geometry)")
    database.enable("dbo", "Roads")
    line = _value([0, 0, 1, 1, 2, 0], [(1, 0)], [(-1, 0, 2)], 0)
    database.run(f"INSERT INTO dbo.Roads VALUES (1, CAST(0x{line} AS geometry))")
    database.run(f"INSERT INTO dbo.Roads VALUES (2, CAST(0x{_ARC} AS geometry))")
    database.capture()
    program = make_program(database.name, target.url, **_OPTIONS)
    said = program.call("run", "--once")
    assert said.code == 3
    for word in ("dbo.Roads", "bend", "CircularString", 'spatial = "binary"'):
        assert word in said.text
    program.with_settings(CDC_TYPES_SPATIAL="binary", CDC_TARGET_ON_TYPE_CHANGE="same_folder").once()
    rows = read_with_pyarrow(target.objects(database.name, "Roads"))
    assert rows[-1]["bend"] == bytes.fromhex(_ARC)
