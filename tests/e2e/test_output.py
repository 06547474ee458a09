"""What the program prints holds names, texts of the server and error bodies of the store, which anybody may have
written: nothing of it steers a terminal, forges a line, gives a secret away, or breaks a command that is to be pasted."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shlex
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from standin.load.connection import quoted, text
from tests.e2e.conftest import Database, Server, Target
from tests.support.program import Program, wait_until
from tests.support.s3_proxy import Fault, S3Proxy
from tests.support.s3_servers import S3Server

# Clears the screen, colours, turns the direction, forges a line; and what a shell and T-SQL make of quotes.
_NAME = 'O\x1b[2Jr\u009b31md\u202ee\u2066r\u2028s\nerror failed] it\'s $(id) `x` "y"'
_STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]")


@pytest.fixture
def odd(database: Database) -> Database:
    database.run(f"CREATE TABLE dbo.{quoted(_NAME)} (id int NOT NULL PRIMARY KEY)", "EXEC sys.sp_cdc_enable_db")
    database.run(
        f"EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = {text(_NAME)}, @role_name = NULL, "
        "@capture_instance = N'odd'"
    )
    database.run(f"INSERT INTO dbo.{quoted(_NAME)} VALUES (1)")
    database.capture()
    return database


def _texts(document: Any) -> list[str]:
    """Every text in a JSON document, names of members too."""
    if isinstance(document, dict):
        return [*document, *(text for value in document.values() for text in _texts(value))]
    if isinstance(document, list):
        return [text for value in document for text in _texts(value)]
    return [document] if isinstance(document, str) else []


def _get(program: Program, path: str, **headers: str) -> tuple[int, str]:
    """From the status server of a program that was started."""
    found = re.search(r"listening host=127\.0\.0\.1 port=(\d+)", program.log_text())
    assert found is not None, program.log_text()
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()


def _assert_tame(shown: str) -> None:
    found = _STEERS.search(shown)
    assert found is None, f"{found[0]!r} in {shown!r}"
    forged = [line for line in shown.splitlines() if line.startswith("error failed")]
    assert forged == [], shown


def test_a_name_that_steers_terminals_does_so_in_no_output(odd: Database, target: Target, program: Program) -> None:
    said = [program.once("--log-level", "debug").text]
    said += [program.call(verb).text for verb in ("check", "tables", "status", "accept-gap", "follow", "adopt")]
    for shown in said:
        _assert_tame(shown)
    assert any("O\ufffd[2Jr\ufffd31md" in shown for shown in said)
    assert len(target.keys(f"{odd.name}/")) == 1


def test_json_keeps_the_name_and_steers_no_terminal_either(odd: Database, program: Program) -> None:
    for line in program.once(CDC_RUN_LOG_FORMAT="json").err.splitlines():
        _assert_tame(line)
        event = json.loads(line)
        assert event.get("table", f"dbo.{_NAME}") == f"dbo.{_NAME}"
    for verb in ("tables", "status"):
        ended = program.call(verb, "--json")
        _assert_tame(ended.out)
        assert any(_NAME in text for text in _texts(json.loads(ended.out)))


def test_an_error_body_of_the_store_steers_no_terminal(
    odd: Database, target: Target, make_program: Callable[..., Program], s3: S3Server
) -> None:
    with S3Proxy(s3.endpoint) as proxy:
        proxy.add(Fault("error", times=1000, status=400, code="&#27;[2J&#8238;No&#10;error failed"))
        program = make_program(odd.name, target.url, AWS_ENDPOINT_URL_S3=proxy.endpoint)
        for words in (["run", "--once"], ["check"], ["status", "--offline"]):
            ended = program.call(*words)
            _assert_tame(ended.text)
            assert "\ufffd[2J\ufffdNo" in ended.text or "x1b[2J" in ended.text, ended.text


def test_a_command_to_paste_is_one_word_for_the_table(database: Database, target: Target, program: Program) -> None:
    name = 'it\'s $(id) `x` "y"'
    database.run(f"CREATE TABLE dbo.{quoted(name)} (id int NOT NULL PRIMARY KEY)", "EXEC sys.sp_cdc_enable_db")
    enable = (
        f"EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = {text(name)}, @role_name = NULL, "
        "@capture_instance = N'odd'"
    )
    database.run(enable, f"INSERT INTO dbo.{quoted(name)} VALUES (1)")
    database.capture()
    program.once()
    database.run(
        f"EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = {text(name)}, "
        "@capture_instance = N'odd'",
        enable,
        f"INSERT INTO dbo.{quoted(name)} VALUES (2)",
    )
    database.capture()
    said = program.once(expect=3).err
    told = next(line for line in said.splitlines() if line.startswith("cdc-to-s3: dbo."))
    advised = re.search(r"cdc-to-s3 accept-gap .*? --yes", told)
    assert advised is not None, said
    words = shlex.split(advised[0])
    assert words == ["cdc-to-s3", "accept-gap", f"dbo.{name}", "--yes"]
    assert program.call(*words[1:]).code == 0
    program.once()
    assert len(target.objects(database.name, name)) == 2


def test_a_database_name_is_quoted_for_t_sql(server: Server, program: Program) -> None:
    odd = Database(server, f"a]b_{uuid.uuid4().hex[:8]}")
    try:
        for verb in ("run --once", "check", "tables", "accept-gap"):
            ended = program.call(*verb.split(), SQL_SERVER_DATABASE=odd.name)
            assert ended.code == 1
            assert f"USE {quoted(odd.name)}; EXEC sys.sp_cdc_enable_db" in ended.text, verb
    finally:
        odd.drop()


def test_secrets_pasted_into_other_settings_are_not_shown(program: Program) -> None:
    secret = "hunter2-and-more"
    for name, value in {
        "CDC_SOURCE_ODBC_OPTIONS": f"ClientKey={secret}",
        "SQL_SERVER_HOST": f"db1;UID=sa;PWD={secret}",
        "AWS_ENDPOINT_URL_S3": f"https://AKIA:{secret}@127.0.0.1:1",
        "CDC_TARGET_URL": f"s3://AKIA:{secret}@lake/raw",
    }.items():
        for verb in ("check", "run --once", "tables", "check --json"):
            ended = program.call(*verb.split(), **{name: value})
            assert ended.code != 0
            assert secret not in ended.text, f"{name} in {verb}"


def test_keys_in_the_endpoint_of_an_aws_profile_are_refused_and_not_shown(program: Program) -> None:
    secret = "hunter2-and-more"
    config = program.folder / "aws-config"
    config.write_text(f"[default]\nendpoint_url = https://AKIA:{secret}@127.0.0.1:1\n", encoding="utf-8")
    elsewhere = program.with_settings(AWS_ENDPOINT_URL_S3="", AWS_ENDPOINT_URL="", CDC_TARGET_ENDPOINT="")
    for verb in ("check", "run --once"):
        ended = elsewhere.call(*verb.split(), AWS_CONFIG_FILE=str(config))
        assert ended.code == 1
        assert "endpoint_url of AWS's profile" in ended.text and "***@127.0.0.1:1" in ended.text
        assert secret not in ended.text


def test_freetds_is_kept_from_writing_the_password_to_a_file(database: Database, program: Program) -> None:
    dump = program.folder / "tds.log"
    for settings in ({"CDC_SOURCE_ODBC_OPTIONS": f"DumpFile={dump}"}, {"TDSDUMP": str(dump)}):
        ended = program.call("check", SQL_SERVER_DRIVER="{FreeTDS}", **settings)
        assert ended.code == 1
        assert "password to a file" in ended.text
        assert not dump.exists()


def test_the_status_page_is_asked_with_the_token_alone(odd: Database, program: Program) -> None:
    token = "0123456789abcdef0123"
    knows = {"Authorization": f"Bearer {token}"}
    (program.folder / "listen.token").write_text(token + "\n", encoding="utf-8")
    program.start(CDC_RUN_LISTEN="127.0.0.1:0", CDC_RUN_LISTEN_TOKEN_FILE="listen.token")
    wait_until(lambda: "listening host=" in program.log_text(), "the program listens")
    assert _get(program, "/metrics")[0] == 401
    wait_until(lambda: _get(program, "/healthz") == (200, '{"status":"ok"}\n'), "it is well")
    wait_until(lambda: f"dbo.{_NAME}" in _texts(json.loads(_get(program, "/status.json", **knows)[1])), "the table")
    code, page = _get(program, "/status.json", **knows)
    assert code == 200
    _assert_tame(page)
    assert _get(program, "/", Host="evil.example")[0] == 421
    assert token not in program.log_text()
    assert program.stop() == 0
