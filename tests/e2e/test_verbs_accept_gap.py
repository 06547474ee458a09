"""`accept-gap`: what retention took is given up by name, for many tables at once, and nothing else is."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered, change_keys
from tests.support.judge import judge
from tests.support.program import Ended, Program, wait_until

_TABLES = ("Invoices", "Items", "Orders", "Prices")


def _insert(database: Database, number: int, *tables: str) -> None:
    """One row into each table, a transaction each."""
    for table in tables:
        database.run(f"INSERT INTO dbo.{table} VALUES ({number}, 0)")
    database.capture()


def _clean(database: Database, *tables: str) -> None:
    """All rows below each table's newest one go."""
    for table in tables:
        newest = bytes(database.connection.value(f"SELECT MAX([__$start_lsn]) FROM cdc.[dbo_{table}_CT]"))
        words = f"@capture_instance = N'dbo_{table}', @low_water_mark = 0x{newest.hex()}"
        database.run(f"EXEC sys.sp_cdc_cleanup_change_table {words}")


def _document(database: Database, target: Target) -> dict[str, Any]:
    return dict(json.loads(target.get(target.state_key(database.name)).data))


def _json(ended: Ended) -> dict[str, Any]:
    return dict(json.loads(ended.out))


@pytest.fixture
def shop(database: Database, program: Program) -> Database:
    """Four tables; the first row of each is delivered."""
    for table in _TABLES:
        database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, n int NOT NULL)")
        database.enable("dbo", table)
    _insert(database, 1, *_TABLES)
    program.once()
    return database


@pytest.fixture
def outage(shop: Database) -> Database:
    """Longer than retention for three of the four tables: of each, rows 2 and 3 are gone and 4 is left."""
    for number in (2, 3, 4):
        _insert(shop, number, *_TABLES)
    _clean(shop, "Invoices", "Items", "Orders")
    return shop


def test_an_outage_longer_than_retention_is_accepted_for_all_tables_at_once(
    outage: Database, target: Target, program: Program
) -> None:
    said = program.once(expect=3).text
    assert said.count("can no longer be read") >= 3
    before = _document(outage, target)
    shown = program.call("accept-gap")
    assert (shown.code, shown.err) == (3, "")
    for table in ("Invoices", "Items", "Orders"):
        place = max(before["complete_through"], before["tables"][f"dbo.{table}"]["position"])
        assert f"dbo.{table}\n  from   {place}\n" in shown.out
    assert "dbo.Prices" not in shown.out
    assert "retention (cleanup) passed" in shown.out and "Nothing was changed" in shown.out
    assert _document(outage, target) == before

    done = program.call("accept-gap", "--all", "--yes")
    assert (done.code, done.err) == (0, "")
    assert "Recorded in the state" in done.out
    document = _document(outage, target)
    assert document["owner"]["lease_ms"] == 0
    gaps = {name: table["gaps"] for name, table in document["tables"].items() if table["gaps"]}
    assert sorted(gaps) == ["dbo.Invoices", "dbo.Items", "dbo.Orders"]
    assert program.call("status").code == 0
    program.once()
    for table in ("Invoices", "Items", "Orders"):
        verdict = judge(target.objects(outage.name, table))
        assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], [1, 4])
        (recorded,) = gaps[f"dbo.{table}"]
        (carried,) = json.loads(verdict.footers[1]["cdc.gaps"])
        assert carried == {"from": recorded["from"], "to": recorded["to"]}
        assert verdict.footers[1]["cdc.from"] == recorded["to"]
        assert verdict.keys[1:] == change_keys(outage.connection, f"dbo_{table}")
    assert_delivered(outage.connection, "dbo_Prices", target.objects(outage.name, "Prices"))
    again = program.call("accept-gap", "--all", "--yes")
    assert (again.code, again.out) == (0, "no table has a gap\n")


def test_only_the_tables_that_are_named_are_accepted(outage: Database, target: Target, program: Program) -> None:
    program.once(expect=3)
    shown = program.call("accept-gap", "orders", "dbo.I*", "--json")
    found = _json(shown)
    assert (shown.code, found["accepted"]) == (3, False)
    assert [gap["table"] for gap in found["gaps"]] == ["dbo.Invoices", "dbo.Items", "dbo.Orders"]
    done = program.call("accept-gap", "orders", "--yes", "--json")
    found = _json(done)
    assert (done.code, found["accepted"], len(found["gaps"])) == (0, True, 1)
    gap = found["gaps"][0]
    assert (gap["table"], gap["kind"], gap["stopped_since"][:2]) == ("dbo.Orders", "retention", "20")
    program.once(expect=3)
    assert [len(target.objects(outage.name, table)) for table in ("Orders", "Items")] == [2, 1]


def test_a_table_that_is_named_without_a_gap_is_an_error_that_says_so(
    outage: Database, target: Target, program: Program
) -> None:
    program.once(expect=3)
    before = _document(outage, target)
    ended = program.call("accept-gap", "dbo.Prices", "dbo.Orders", "--yes")
    assert ended.code == 1
    assert (
        "dbo.Prices has no gap that could be accepted: everything behind its resume position can still be read"
        in ended.err
    )
    ended = program.call("accept-gap", "dbo.Order", "--yes")
    assert (ended.code, "did you mean dbo.Orders?" in ended.err) == (1, True)
    target.put(f"{outage.name}/Prices/cdc/zz_theirs.parquet", b"PAR1")
    program.once(expect=3)
    stopped = program.call("accept-gap", "Prices")
    assert (stopped.code, "it is stopped for another reason: the folder holds" in stopped.err) == (1, True)
    assert _document(outage, target)["tables"]["dbo.Orders"]["gaps"] == before["tables"]["dbo.Orders"]["gaps"] == []


@pytest.mark.parametrize("line", ["accept-gap --yes", "accept-gap --all dbo.Orders"])
def test_what_is_to_be_accepted_must_be_said(shop: Database, program: Program, line: str) -> None:
    ended = program.call(*line.split())
    assert ended.code == 2
    assert "--all" in ended.err


def test_a_claim_that_lost_rows_is_accepted_and_delivered_with_what_is_left(
    shop: Database, target: Target, program: Program
) -> None:
    _insert(shop, 2, "Orders")
    _insert(shop, 3, "Orders")
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put:1").code == -signal.SIGKILL
    _clean(shop, "Orders")
    program.once(expect=3)
    ended = program.call("accept-gap", "Orders", "--yes", "--json")
    assert ended.code == 0, ended.text
    assert [gap["kind"] for gap in _json(ended)["gaps"]] == ["claim"]
    program.once()
    verdict = judge(target.objects(shop.name, "Orders"))
    assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], [1, 3])
    assert [footer["cdc.incomplete"] for footer in verdict.footers] == ["false", "true"]


def test_a_capture_instance_that_was_made_anew_is_read_behind_the_gap(
    shop: Database, target: Target, program: Program
) -> None:
    _insert(shop, 2, "Orders")
    names = "@source_schema = N'dbo', @source_name = N'Orders', @capture_instance"
    shop.run(f"EXEC sys.sp_cdc_disable_table {names} = N'dbo_Orders'")
    shop.run("INSERT INTO dbo.Orders VALUES (3, 0)")
    shop.enable("dbo", "Orders")
    _insert(shop, 4, "Orders")
    program.once(expect=3)
    ended = program.call("accept-gap", "--all", "--yes", "--json")
    assert ended.code == 0, ended.text
    assert [(gap["table"], gap["kind"]) for gap in _json(ended)["gaps"]] == [("dbo.Orders", "new_instance")]
    program.once()
    verdict = judge(target.objects(shop.name, "Orders"))
    assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], [1, 4])
    assert len(json.loads(verdict.footers[1]["cdc.gaps"])) == 1


def test_a_program_that_runs_goes_on_by_itself_after_the_gaps_are_accepted(
    outage: Database, target: Target, program: Program
) -> None:
    program.start()
    wait_until(lambda: program.log_text().count("can no longer be read") >= 3, "three stopped tables")
    ended = program.call("accept-gap", "--all", "--yes")
    assert ended.code == 0, ended.text
    wait_until(
        lambda: all(len(target.objects(outage.name, table)) == 2 for table in ("Invoices", "Items", "Orders")),
        "the running program delivers behind the gaps",
    )
    assert program.stop() == 0
    assert _document(outage, target)["tables"]["dbo.Orders"]["stopped"] == ""
