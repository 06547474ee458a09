"""Odd names of tables and the folders that they get, as docs/FORMAT.md says."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path

from standin.load.connection import ensure_schemas, quoted, text
from tests.e2e.conftest import Database, Server, Target
from tests.support.change_tables import assert_delivered, capture_instances
from tests.support.program import Program

# name of the table -> its segment in keys
_NAMES = {
    "odd]name": "odd]name",
    "a/b": "a%2Fb",
    "_hidden": "%5Fhidden",
    ".dotted": "%2Edotted",
    "100%": "100%25",
    "Größe 世界😀": "Größe 世界😀",
    "two  words?#&+=": "two  words?#&+=",
    'it\'s "quoted"': 'it\'s "quoted"',
    "tab\there": "tab%09here",
    "under_score_": "under_score_",
}


def _capture(database: Database, schema: str, table: str, instance: str) -> None:
    database.run(f"CREATE TABLE {quoted(schema)}.{quoted(table)} (id int NOT NULL PRIMARY KEY, [a]]b/c] int NULL)")
    if not database.connection.value("SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()"):
        database.run("EXEC sys.sp_cdc_enable_db")
    database.run(
        f"EXEC sys.sp_cdc_enable_table @source_schema = {text(schema)}, @source_name = {text(table)}, "
        f"@role_name = NULL, @capture_instance = {text(instance)}"
    )
    database.run(f"INSERT INTO {quoted(schema)}.{quoted(table)} VALUES (1, 2)")


def test_tables_with_odd_names_are_delivered_under_documented_names(
    database: Database, target: Target, program: Program
) -> None:
    for number, name in enumerate(_NAMES):
        _capture(database, "dbo", name, f"odd{number}" if number % 2 else f"odd]{number} ü/_")
    database.capture()
    program.once()
    program.once()
    instances = capture_instances(database.connection)
    folders = {key.split("/")[1] for key in target.keys(f"{database.name}/")}
    assert folders == set(_NAMES.values())
    for name, segment in _NAMES.items():
        keys = target.keys(f"{database.name}/{segment}/cdc/")
        assert len(keys) == 1
        assert re.fullmatch(rf"{re.escape(segment)}_cdc_\d{{8}}_\d{{6}}\.parquet", keys[0].split("/")[-1])
        verdict = assert_delivered(database.connection, instances[f"dbo.{name}"], [target.get(keys[0])])
        assert verdict.footers[0]["cdc.table"] == name
        assert [(row["id"], row["a]b/c"]) for row in verdict.rows] == [(1, 2)]


def _assert_told_at_entry(program: Program, table: str, why: str) -> None:
    ended = program.once(expect=3)
    assert f"dbo.{table}: " in ended.text and why in ended.text and "What helps: " in ended.text, ended.text
    assert why in program.call("tables", f"dbo.{table}").out
    checked = program.call("check")
    assert checked.code != 0 and why in checked.text, checked.text
    assert "1 of 2 captured tables can be delivered" in checked.text


def test_a_table_whose_names_a_folder_cannot_keep_is_told_by_name_when_it_comes_in(
    database: Database, make_program: Callable[..., Program], tmp_path: Path
) -> None:
    wide = "世" * 80  # 240 bytes, and 33 more in the names of its objects
    _capture(database, "dbo", "Plain", "plain")
    _capture(database, "dbo", wide, "wide")
    database.capture()
    lake = tmp_path / "lake"
    lake.mkdir()
    _assert_told_at_entry(make_program(database.name, f"file://{lake}"), wide, "names of at most 255")
    assert len(list(lake.glob(f"{database.name}/Plain/cdc/*.parquet"))) == 1
    assert not (lake / database.name / wide).exists()


def test_a_table_whose_keys_are_too_long_for_s3_is_told_by_name_and_goes_on_below_a_shorter_url(
    database: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    wide = "世" * 70
    _capture(database, "dbo", "Plain", "plain")
    _capture(database, "dbo", wide, "wide")
    database.capture()
    deep = "/".join(["p" * 190] * 3)
    _assert_told_at_entry(make_program(database.name, f"{target.url}/{deep}"), wide, "keys of at most ")
    assert len(target.keys(f"{deep}/{database.name}/")) == 1
    make_program(database.name, target.url).once()
    assert len(target.keys(f"{database.name}/{wide}/cdc/")) == 1


def test_a_database_whose_state_the_target_cannot_keep_is_told_so_before_anything_is_written(
    server: Server, make_program: Callable[..., Program], tmp_path: Path
) -> None:
    database = Database(server, "世" * 84 + uuid.uuid4().hex[:8])
    try:
        _capture(database, "dbo", "T", "dbo_T")
        database.capture()
        lake = tmp_path / "lake"
        lake.mkdir()
        program = make_program(database.name, f"file://{lake}")
        ended = program.once(expect=1)
        assert "state document" in ended.text and "keep the state elsewhere" in ended.text, ended.text
        assert list(lake.rglob("*.parquet")) == []
        assert "keep the state elsewhere" in program.call("check").text
    finally:
        database.drop()


def test_a_database_with_an_odd_name_is_delivered_under_its_documented_name(
    server: Server, target: Target, make_program: Callable[..., Program]
) -> None:
    database = Database(server, f"_Shop/100% ü] it's {uuid.uuid4().hex[:8]}")
    segment = database.name.replace("_Shop/100%", "%5FShop%2F100%25")
    try:
        _capture(database, "dbo", "T", "dbo_T")
        database.capture()
        program = make_program(database.name, target.url)
        assert program.call("check").code == 0
        program.once()
        program.once()
        keys = target.keys(f"{segment}/T/cdc/")
        assert len(keys) == 1
        assert set(target.keys("")) == {*keys, f"_cdc_to_s3/{segment}.json", "_cdc_to_s3/probe"}
        verdict = assert_delivered(database.connection, "dbo_T", [target.get(keys[0])])
        assert verdict.footers[0]["cdc.database"] == database.name
        status = program.call("status")
        assert (status.code, f"database {database.name}: " in status.out) == (0, True)
    finally:
        database.drop()


def test_the_second_of_two_tables_with_one_folder_is_refused_with_the_template_that_helps(
    database: Database, target: Target, program: Program
) -> None:
    ensure_schemas(database.connection, ["Sales", "Archive"])
    for schema in ("Sales", "Archive"):
        _capture(database, schema, "Orders", f"{schema}_Orders")
    database.capture()
    help_text = 'set [target] path = "{database}/{schema}/{table}/cdc"'
    for ended in (program.call("check"), program.once(expect=3), program.once(expect=3)):
        assert ended.code in (1, 3)
        refused = [line for line in ended.text.splitlines() if help_text in line]
        assert refused, ended.text
        assert any("Sales.Orders" in line or "Archive.Orders" in line for line in refused)
    assert len(target.objects(database.name, "Orders")) == 1


def test_with_the_schema_in_the_path_both_tables_are_delivered(
    database: Database, target: Target, program: Program
) -> None:
    ensure_schemas(database.connection, ["Sales", "Archive"])
    for schema in ("Sales", "Archive"):
        _capture(database, schema, "Orders", f"{schema}_Orders")
    database.capture()
    settings = {"CDC_TARGET_PATH": "{database}/{schema}/{table}/cdc"}
    assert program.call("check", **settings).code == 0
    program.once(**settings)
    for schema in ("Sales", "Archive"):
        keys = target.keys(f"{database.name}/{schema}/Orders/cdc/")
        assert_delivered(database.connection, f"{schema}_Orders", [target.get(key) for key in keys])


def test_a_date_in_the_path_keeps_names_in_commit_order(database: Database, target: Target, program: Program) -> None:
    _capture(database, "dbo", "Orders", "dbo_Orders")
    settings = {"CDC_TARGET_PATH": "lake/{table}/{date}"}
    for number in range(2, 5):
        database.run(f"INSERT INTO dbo.Orders VALUES ({number}, 0)")
        database.capture()
        program.once(**settings)
    keys = target.keys("lake/Orders/")
    assert len(keys) == 3
    for key in keys:
        date = re.fullmatch(r"lake/Orders/(\d{4})-(\d\d)-(\d\d)/Orders_cdc_(\d{8})_\d{6}(_\d{4})?\.parquet", key)
        assert date is not None and "".join(date.groups()[:3]) == date.group(4)
    assert_delivered(database.connection, "dbo_Orders", [target.get(key) for key in keys])


def test_a_path_that_was_changed_stops_what_was_delivered_elsewhere(
    database: Database, target: Target, program: Program
) -> None:
    _capture(database, "dbo", "Orders", "dbo_Orders")
    database.capture()
    program.once()
    database.run("INSERT INTO dbo.Orders VALUES (2, 0)")
    database.capture()
    ended = program.once(expect=3, CDC_TARGET_PATH="{table}")
    assert "[target] path now gives the folder Orders/" in ended.text
    assert "Put the setting back" in ended.text
    program.once()
    assert_delivered(database.connection, "dbo_Orders", target.objects(database.name, "Orders"))
