"""`check`, `status` and `version`: what an operator sees before, while and after changes are delivered."""

from __future__ import annotations

import re

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.program import Ended, Program


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
    shop.run("CREATE TABLE dbo.Odd (id int NOT NULL PRIMARY KEY, doc xml NULL)")
    shop.enable("dbo", "Odd")
    shop.capture()
    foreign = f"{shop.name}/Items/cdc/theirs.parquet"
    target.put(foreign, b"PAR1")
    ended = program.call("check", CDC_RUN_TEMP_DIR="/proc/nowhere")
    assert ended.code == 1
    listed = ended.out.split("To fix:\n")[1]
    assert re.findall(r"^  (\d)\. ", listed, re.MULTILINE) == ["1", "2", "3"]
    _says(ended, "dbo.Odd is left out", "column doc has type xml", "@captured_column_list", "2 of 3 captured tables")
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
    assert re.search(rf"^dbo\.Orders +2  {horizon.group(1)}  {re.escape(newest)}$", after.out, re.MULTILINE)
    assert re.search(rf"^dbo\.Items +0  {horizon.group(1)}  -$", after.out, re.MULTILINE)
    _says(after, "owner: process ")


def test_status_does_not_need_the_server_nor_the_case_of_the_databases_name(
    shop: Database, target: Target, program: Program
) -> None:
    program.once(SQL_SERVER_DATABASE=shop.name.upper())
    assert target.keys(f"{shop.name}/Orders/"), "the folder is not spelled as the server spells the name"
    ended = program.call(
        "status", SQL_SERVER_DATABASE=shop.name.lower(), SQL_SERVER_HOST="127.0.0.1,1", SQL_SERVER_PASSWORD="none-such"
    )
    assert ended.code == 0
    _says(ended, f"database {shop.name}: complete through", "dbo.Orders")
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
