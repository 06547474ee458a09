"""What a running program tells of itself: on its page, as metrics, to a supervisor, and in its log."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import Database, Target
from tests.support.browser import Browser
from tests.support.program import Program, wait_until
from tests.support.small_tables import ODD_COLUMNS

_ANY_PORT = "127.0.0.1:0"


@pytest.fixture
def shop(database: Database) -> Database:
    for table in ("Orders", "Items"):
        database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, label nvarchar(40) NULL)")
        database.enable("dbo", table)
    database.run("INSERT INTO dbo.Orders VALUES (1, N'a'), (2, N'b'), (3, N'c')")
    database.capture()
    return database


def _url(program: Program) -> str:
    """Where a program that was started listens."""
    found: list[str] = []

    def listens() -> bool:
        found[:] = re.findall(r"listening host=127\.0\.0\.1 port=(\d+)", program.log_text())
        return bool(found)

    wait_until(listens, "the program listens")
    return f"http://127.0.0.1:{found[0]}"


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _metrics(url: str) -> dict[str, dict[str, float]]:
    """Family -> label values -> value, as Prometheus' own parser reads them."""
    code, text = _get(url + "/metrics")
    assert code == 200
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        found[family.name.removeprefix("cdc_to_s3_")] = {
            ",".join(sample.labels.values()): sample.value for sample in family.samples
        }
    return found


def _status(url: str) -> dict[str, Any]:
    return dict(json.loads(_get(url + "/status.json")[1]))


def test_metrics_count_what_was_delivered(shop: Database, target: Target, program: Program) -> None:
    program.start(CDC_RUN_LISTEN=_ANY_PORT)
    url = _url(program)
    wait_until(lambda: _metrics(url)["rows"].get("dbo.Orders") == 3, "three rows in the metrics")
    shop.run("UPDATE dbo.Orders SET label = N'x'")  # two change rows each
    shop.capture()
    wait_until(lambda: _metrics(url)["rows"]["dbo.Orders"] == 9, "nine rows in the metrics")
    wait_until(lambda: _metrics(url)["behind_seconds"].get("") == 0, "nothing is left over")
    metrics = _metrics(url)
    assert metrics["objects"]["dbo.Orders"] == 2
    stored = target.objects(shop.name, "Orders")
    assert metrics["bytes"]["dbo.Orders"] == sum(len(found.data) for found in stored)
    assert metrics["table_condition"]["dbo.Items,complete"] == 1
    assert metrics["role"] == {"starting": 0, "standby": 0, "owner": 1}
    assert metrics["rounds"][""] >= 2
    assert metrics["state_swaps"][""] >= 3
    assert metrics["lag_seconds"][""] < 600
    assert metrics["tables"]["complete"] == 2
    assert shop.name in next(iter(metrics["source_info"]))
    assert program.stop() == 0


def test_healthz_and_the_page_tell_of_a_stopped_table_without_failing(shop: Database, program: Program) -> None:
    shop.run(f"CREATE TABLE dbo.Odd {ODD_COLUMNS}")
    shop.enable("dbo", "Odd")
    shop.run("INSERT INTO dbo.Odd (id) VALUES (1)")
    shop.capture()
    program.start(CDC_RUN_LISTEN=_ANY_PORT)
    url = _url(program)
    wait_until(lambda: _status(url)["conditions"]["stopped"] == 1, "the table stops")
    wait_until(lambda: _status(url)["conditions"]["complete"] == 2, "the others go on")
    code, text = _get(url + "/healthz")
    health = json.loads(text)
    assert (code, text.count("\n"), health["status"], health["role"]) == (200, 1, "ok", "owner")
    assert health["stopped_tables"] == ["dbo.Odd"]
    page = _get(url + "/")[1]
    assert page.index("would both be called at__offset") < page.index("tables complete")
    assert _get(url + "/nowhere")[0] == 404


def test_a_person_sees_tables_and_what_stops_one(shop: Database, program: Program, tmp_path: Path) -> None:
    shop.run(f"CREATE TABLE dbo.[<b>Odd] {ODD_COLUMNS}")
    shop.enable("dbo", "<b>Odd")
    shop.capture()
    program.start(CDC_RUN_LISTEN=_ANY_PORT)
    browser = Browser(tmp_path)
    try:
        browser.open(_url(program) + "/", width=390)
        browser.wait_for("document.body.innerText.includes('1 of 3 tables stopped')")
        browser.wait_for("document.querySelectorAll('#tables tbody tr').length == 3")
        assert shop.name in browser.text("h1")
        assert "dbo.<b>Odd" in browser.text("section.alarm:not([hidden])")
        assert "dbo.Orders" in browser.text("#tables")
    finally:
        browser.close()


def test_a_standby_is_healthy_and_says_who_owns(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    owner = make_program(shop.name, target.url)
    owner.start()
    wait_until(lambda: len(target.keys(f"{shop.name}/Orders/")) == 1, "the first object")
    standby = make_program(shop.name, target.url)
    standby.start(CDC_RUN_LISTEN=_ANY_PORT)
    url = _url(standby)
    wait_until(lambda: _status(url)["role"] == "standby", "the second copy stands by")
    code, text = _get(url + "/healthz")
    assert code == 200
    assert "standing by; the owner is process" in json.loads(text)["reason"]
    assert standby.stop() == 0
    assert owner.stop() == 0


def test_a_program_that_cannot_begin_is_not_healthy(shop: Database, program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections and never answers
        address = f"127.0.0.1,{deaf.getsockname()[1]}"
        program.start(CDC_RUN_LISTEN=_ANY_PORT, SQL_SERVER_HOST=address)
        code, text = _get(_url(program) + "/healthz")
    assert code == 503
    assert json.loads(text)["role"] == "starting"


@pytest.mark.parametrize("once", [True, False])
def test_a_port_that_is_in_use_is_wrong_configuration(shop: Database, program: Program, once: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = program.call("run", *(["--once"] if once else []), "--listen", address)
    assert ended.code == 2
    assert f"cannot listen on {address}: Address already in use" in ended.err


def test_json_events_are_objects_with_numbers_as_numbers(shop: Database, program: Program) -> None:
    ended = program.once("--log-format", "json")
    events = [json.loads(line) for line in ended.err.splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"]) for event in events)
    assert {event["level"] for event in events} == {"info"}
    [delivered] = [event for event in events if event["event"] == "delivered"]
    assert (delivered["table"], delivered["rows"], delivered["objects"]) == ("dbo.Orders", 3, 1)
