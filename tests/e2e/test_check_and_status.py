"""`check`, `tables`, `status` and `version`: what an operator sees before, while and after changes are delivered."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.program import Ended, Program, wait_until
from tests.support.small_tables import ODD_COLUMNS


@pytest.fixture
def shop(database: Database) -> Database:
    for table in ("Orders", "Items"):
        database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, label nvarchar(40) NULL)")
        database.enable("dbo", table)
    database.run("INSERT INTO dbo.Orders VALUES (1, N'a')")
    database.capture()
    return database


def _says(ended: Ended, *words: str) -> None:
    for word in words:
        assert word in ended.text, f"{word!r} is missing in:\n{ended.text}"


def _document(ended: Ended) -> dict[str, Any]:
    """Standard output is one JSON document and nothing else."""
    return dict(json.loads(ended.out))


def test_check_of_a_healthy_setup_says_so_and_delivers_nothing(
    shop: Database, target: Target, program: Program
) -> None:
    for delivered in (False, True):
        ended = program.call("check")
        assert ended.code == 0, ended.text
        assert ended.err == ""
        _says(ended, "Everything is in place: cdc-to-s3 run", "2 of 2 captured tables can be delivered")
        _says(
            ended, "keeps both conditions", f"database {shop.name}", "changes are captured up to LSN", "at most about"
        )
        assert "BAD" not in ended.text
        assert len(target.keys(f"{shop.name}/")) == delivered
        program.once()


def test_check_shows_every_setting_with_its_origin_and_no_secret(shop: Database, program: Program) -> None:
    (program.folder / "cdc-to-s3.toml").write_text('[run]\ninterval = "7s"\n', encoding="utf-8")
    ended = program.call("check", "--max-object-rows", "12345")
    _says(ended, "source.password = ***  (environment SQL_SERVER_PASSWORD)", "target.secret_access_key = ***")
    _says(ended, "run.interval = 7s  (cdc-to-s3.toml line 2)", "run.max_object_rows = 12345  (flag --max-object-rows)")
    _says(ended, "source.on_gap = stop  (default)")


def test_check_lists_all_that_is_wrong_at_once(shop: Database, target: Target, program: Program) -> None:
    shop.run(f"CREATE TABLE dbo.Odd {ODD_COLUMNS}")
    shop.enable("dbo", "Odd")
    shop.capture()
    foreign = f"{shop.name}/Items/cdc/theirs.parquet"
    target.put(foreign, b"PAR1")
    ended = program.call("check", CDC_RUN_TEMP_DIR="/proc/nowhere")
    assert ended.code == 1
    listed = ended.out.split("To fix:\n")[1]
    assert re.findall(r"^  (\d)\. ", listed, re.MULTILINE) == ["1", "2", "3"]
    _says(ended, "dbo.Odd is left out", "at__offset", "exclude_columns", "2 of 3 captured tables")
    _says(ended, foreign, "not ours", "/proc/nowhere")


def test_check_sees_that_a_document_is_missing_for_what_is_there(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    target.delete(target.state_key(shop.name))
    ended = program.call("check")
    assert ended.code == 1
    _says(ended, "dbo.Orders: the state document does not know the object", "put the newest version of the document")


def test_status_tells_what_was_delivered_of_each_table(shop: Database, target: Target, program: Program) -> None:
    before = program.call("status")
    assert before.code == 0
    _says(before, f"has no state document for database {shop.name} yet: nothing was delivered")
    program.once()
    shop.run("INSERT INTO dbo.Orders VALUES (2, N'b')")
    shop.capture()
    program.once()
    after = program.call("status")
    assert after.code == 0
    assert after.err == ""
    horizon = re.search(r"complete through ([0-9A-F]{20})", after.out)
    assert horizon is not None
    newest = target.keys(f"{shop.name}/Orders/")[-1].split("/")[-1]
    assert re.search(rf"^dbo\.Orders +2  complete  {re.escape(newest)}$", after.out, re.MULTILINE)
    assert re.search(r"^dbo\.Items +0  complete  -$", after.out, re.MULTILINE)
    _says(after, "owner: process ", "lag: none; nothing newer was captured", "committed: 20")


def test_status_does_not_need_the_server_nor_the_case_of_the_databases_name(
    shop: Database, target: Target, program: Program
) -> None:
    program.once(SQL_SERVER_DATABASE=shop.name.upper())
    assert target.keys(f"{shop.name}/Orders/"), "the folder is not spelled as the server spells the name"
    ended = program.call(
        "status", SQL_SERVER_DATABASE=shop.name.lower(), SQL_SERVER_HOST="127.0.0.1,1", SQL_SERVER_PASSWORD="none-such"
    )
    assert ended.code == 0
    _says(ended, f"database {shop.name}: complete through", "dbo.Orders", "The server could not be asked")
    assert program.call("check", SQL_SERVER_DATABASE=shop.name.lower()).code == 0


def test_version_needs_no_settings(program: Program) -> None:
    ended = Program(program.folder, {}).call("version")
    assert ended.code == 0
    assert re.fullmatch(r"cdc-to-s3 \d+\.\d+\.\d+\n", ended.out)
    assert ended.err == ""


def test_no_secret_is_in_anything_that_is_stored(shop: Database, target: Target, program: Program) -> None:
    program.once()
    secrets = [program.settings[name].encode() for name in ("SQL_SERVER_PASSWORD", "AWS_SECRET_ACCESS_KEY")]
    keys = target.keys("")
    assert len(keys) == 3
    for key in keys:
        found = target.get(key)
        everything = found.data + repr(found.metadata).encode()
        assert not any(secret in everything for secret in secrets)


def test_check_tells_a_program_the_same_as_a_person(shop: Database, target: Target, program: Program) -> None:
    good = program.call("check", "--json")
    found = _document(good)
    assert (good.code, good.err, found["ok"], found["to_fix"]) == (0, "", True, [])
    settings = {setting["key"]: setting for setting in found["settings"]}
    assert settings["source.password"] == {
        "key": "source.password",
        "value": "***",
        "origin": "environment SQL_SERVER_PASSWORD",
    }
    assert {"section": "source", "verdict": "ok", "what": "2 of 2 captured tables can be delivered"} in found[
        "findings"
    ]
    target.put(f"{shop.name}/Items/cdc/theirs.parquet", b"PAR1")
    bad = program.call("check", "--json")
    found = _document(bad)
    assert (bad.code, found["ok"], len(found["to_fix"])) == (1, False, 1)
    assert "theirs.parquet" in found["to_fix"][0]
    assert {"section": "target", "verdict": "bad", "what": found["to_fix"][0]} in found["findings"]


def test_check_leaves_tables_alone_that_no_setting_selects(shop: Database, program: Program) -> None:
    shop.run(f"CREATE TABLE dbo.Odd {ODD_COLUMNS}")
    shop.enable("dbo", "Odd")
    shop.capture()
    assert "dbo.Odd" in program.call("check").text
    ended = program.call("check", CDC_SOURCE_EXCLUDE="odd")
    assert (ended.code, "2 of 2 captured tables" in ended.out) == (0, True)
    nothing = program.call("check", CDC_SOURCE_TABLES="Nothing*")
    assert nothing.code == 1
    _says(nothing, "[source] tables and exclude leave none of the captured tables")


@pytest.fixture
def odd(shop: Database) -> Database:
    """Beside the shop's two tables one with a computed column, and one that cannot be delivered."""
    shop.run(
        "CREATE TABLE dbo.Prices (id int NOT NULL PRIMARY KEY, net money NULL, at datetimeoffset(3) NULL, "
        "twice AS net * 2)",
        f"CREATE TABLE dbo.Odd {ODD_COLUMNS}",
    )
    for table in ("Prices", "Odd"):
        shop.enable("dbo", table)
    shop.capture()
    return shop


def test_tables_shows_what_each_column_becomes_and_why_a_table_is_not_read(odd: Database, program: Program) -> None:
    ended = program.call("tables")
    assert ended.code == 3
    assert ended.err == ""
    blocks = {block.split("\n")[0]: block for block in ended.out.split("\n\n")}
    assert list(blocks) == ["dbo.Items", "dbo.Odd", "dbo.Orders", "dbo.Prices"]
    for line in (
        rf"^  folder +{odd.name}/Prices/cdc/$",
        r"^  instance +dbo_Prices, readable from LSN [0-9A-F]{20}, made (now|\d+ s ago)$",
        r"^  key +id$",
        r"^  rows waiting +no \(not in the state yet\)$",
        r"^  columns +id +int +INT32$",
        r"^ +net +money +DECIMAL\(19,4\)$",
        r"^ +at +datetimeoffset\(3\) +TIMESTAMP\(micros, UTC\)$",
        r"^ +at__offset +INT\(16, signed\)$",
        r"^ +twice +money +DECIMAL\(19,4\), always NULL \(computed\)$",
    ):
        assert re.search(line, blocks["dbo.Prices"], re.MULTILINE), f"{line} is missing in:\n{blocks['dbo.Prices']}"
    assert "NOT READ" in blocks["dbo.Odd"] and "at__offset" in blocks["dbo.Odd"]
    assert "NOT READ" not in blocks["dbo.Prices"]
    assert "rows waiting  yes" in blocks["dbo.Orders"]


def test_tables_tells_a_program_which_rows_wait_and_what_is_selected(odd: Database, program: Program) -> None:
    def shown(*words: str) -> dict[str, dict[str, Any]]:
        ended = program.call("tables", "--json", *words, CDC_SOURCE_EXCLUDE="Odd,Items")
        assert (ended.code, ended.err) == (0, "")
        assert _document(ended)["database"] == odd.name
        return {table["name"]: table for table in _document(ended)["tables"]}

    before = shown()
    assert {name: table["selected"] for name, table in before.items()} == {
        "Items": False,
        "Odd": False,
        "Orders": True,
        "Prices": True,
    }
    assert (before["Orders"]["rows_waiting"], before["Orders"]["in_state"]) == (True, False)
    assert before["Items"]["rows_waiting"] is None
    assert (before["Odd"]["deliverable"], "at__offset" in before["Odd"]["why_not"]) == (False, True)
    assert before["Prices"]["columns"][3] == {
        "name": "twice",
        "ordinal": 4,
        "column_id": 4,
        "sql_type": "money",
        "computed": True,
        "delivered": True,
        "mask": "none",
        "parquet": [{"name": "twice", "type": "DECIMAL(19,4)"}],
    }
    assert before["Prices"]["key_columns"] == ["id"]
    assert [instance["name"] for instance in before["Prices"]["capture_instances"]] == ["dbo_Prices"]
    program.call("run", "--once", CDC_SOURCE_EXCLUDE="Odd,Items")
    after = shown("ord*")
    assert list(after) == ["Orders"]
    assert (after["Orders"]["rows_waiting"], after["Orders"]["in_state"]) == (False, True)


def test_status_tells_a_program_everything_of_the_document(shop: Database, target: Target, program: Program) -> None:
    nothing = program.call("status", "--json")
    assert (nothing.code, _document(nothing)["documents"]) == (0, [])
    program.once()
    target.put(f"{shop.name}/Orders/cdc/zz_theirs.parquet", b"PAR1")
    shop.run("INSERT INTO dbo.Items VALUES (1, N'a')")
    shop.capture()
    program.once(expect=3)
    for words in ([], ["--offline"]):
        ended = program.call("status", "--json", *words)
        assert (ended.code, ended.err) == (3, "")
        found = _document(ended)
        (document,) = found["documents"]
        assert (found["database"], document["group"], document["held_back_by"]) == (shop.name, "", ["dbo.Orders"])
        assert document["owner"]["life"] in ("released", "silent")
        tables = {table["name"]: table for table in document["tables"]}
        assert (tables["Orders"]["condition"], tables["Items"]["condition"]) == ("stopped", "complete")
        assert "zz_theirs.parquet" in tables["Orders"]["stopped"]["why"]
        assert tables["Items"]["last_object"]["key"] == target.keys(f"{shop.name}/Items/")[-1]
        assert (tables["Items"]["objects"], tables["Items"]["last_object"]["rows"]) == (1, 1)
        text = program.call("status", *words).out
        assert "lag: none" not in text
        assert (" behind the newest captured change" in text) == (not words)
        if words:
            assert (document["server"], found["server_not_asked"]) == (None, "not asked (--offline)")
        else:
            assert found["server_not_asked"] == ""
            assert document["server"]["newest"] > document["complete_through"]
            assert document["server"]["behind_seconds"] >= 0


def test_status_shows_all_groups_where_none_is_set(shop: Database, program: Program) -> None:
    for group, tables in (("east", "Orders"), ("west", "Items")):
        path = f"{{database}}/{group}/{{table}}"
        program.once(CDC_RUN_GROUP=group, CDC_SOURCE_TABLES=tables, CDC_TARGET_PATH=path)
    both = _document(program.call("status", "--json"))["documents"]
    assert [document["group"] for document in both] == ["east", "west"]
    one = _document(program.call("status", "--json", "--group", "west"))["documents"]
    assert [document["group"] for document in one] == ["west"]
    text = program.call("status").out
    assert text.index(f"database {shop.name}, group east:") < text.index(f"database {shop.name}, group west:")


def test_status_knows_a_living_owner_from_one_that_was_killed(shop: Database, program: Program) -> None:
    program.start()
    wait_until(lambda: "delivered" in program.log_text(), "a first round")
    assert _document(program.call("status", "--json"))["documents"][0]["owner"]["life"] == "living"
    program.kill()
    assert _document(program.call("status", "--json"))["documents"][0]["owner"]["life"] == "silent"


def test_a_failure_is_one_json_document_too(shop: Database, target: Target, program: Program) -> None:
    program.once()
    target.put(target.state_key(shop.name), b"{}")
    ended = program.call("status", "--json")
    assert ended.code == 1
    assert "is damaged" in _document(ended)["error"]
    ended = program.call("tables", "--json", SQL_SERVER_PASSWORD="Wrong-Word-9")
    assert (ended.code, "login of" in _document(ended)["error"]) == (1, True)
    ended = program.call("check", "--json", CDC_TARGET_URL="nowhere")
    assert (ended.code, "nowhere" in _document(ended)["error"]) == (2, True)
    version = program.call("version", "--json")
    assert _document(version) == {
        "version": program.call("version").out.split()[1],
        "object_format": 2,
        "state_format": 2,
    }
