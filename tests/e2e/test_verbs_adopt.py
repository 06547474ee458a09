"""`adopt`: a lost document comes back from the objects' own records, and a restored database begins a new history."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from standin.load.connection import Connection, quoted
from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered, change_keys
from tests.support.judge import judge
from tests.support.program import Ended, Program, wait_until

_TABLES = ("Items", "Orders")


def _insert(database: Database, number: int, *tables: str) -> None:
    for table in tables:
        database.run(f"INSERT INTO dbo.{table} VALUES ({number}, 0)")
    database.capture()


def _json(ended: Ended) -> dict[str, Any]:
    return dict(json.loads(ended.out))


def _state(database: Database, target: Target) -> bytes:
    return target.get(target.state_key(database.name)).data


@pytest.fixture
def shop(database: Database, program: Program) -> Database:
    """Two tables, of each two rows in an object each."""
    for table in _TABLES:
        database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, n int NOT NULL)")
        database.enable("dbo", table)
    for number in (1, 2):
        _insert(database, number, *_TABLES)
        program.once()
    return database


def _assert_all_delivered(shop: Database, target: Target) -> None:
    for table in _TABLES:
        assert_delivered(shop.connection, f"dbo_{table}", target.objects(shop.name, table))


def test_a_deleted_document_is_rebuilt_and_every_change_arrives_once(
    shop: Database, target: Target, program: Program
) -> None:
    history = json.loads(_state(shop, target))["history_id"]
    target.delete(target.state_key(shop.name))
    _insert(shop, 3, "Orders")
    program.once(expect=1)
    plan = program.call("adopt")
    assert (plan.code, plan.err) == (3, "")
    for words in ("now     is missing", f"then    history {history}", "wait 15 minutes", "cdc-to-s3 adopt --yes"):
        assert words in plan.out
    assert target.keys("_cdc_to_s3/Shop") == []
    done = program.call("adopt", "--yes", "--json")
    found = _json(done)
    assert (done.code, done.err, found["adopted"], found["copied_to"]) == (0, "", True, "")
    assert [(table["table"], table["objects"]) for table in found["tables"]] == [("dbo.Items", 2), ("dbo.Orders", 2)]
    program.once()
    _insert(shop, 4, "Items")
    program.once()
    _assert_all_delivered(shop, target)
    again = program.call("adopt", "--yes")
    assert (again.code, "nothing to adopt" in again.out) == (0, True)


@pytest.mark.parametrize("damage", ["set back", "half of it", "another program's"])
def test_a_document_that_is_not_to_be_trusted_is_kept_aside(
    shop: Database, target: Target, program: Program, damage: str
) -> None:
    old = _state(shop, target)
    _insert(shop, 3, *_TABLES)
    program.once()
    broken = {"set back": old, "half of it": old[: len(old) // 2], "another program's": b'{"cursor": 17}\n'}[damage]
    target.put(target.state_key(shop.name), broken)
    _insert(shop, 4, "Orders")
    program.once(expect=1)
    done = program.call("adopt", "--yes", "--json")
    assert done.code == 0, done.text
    aside = _json(done)["copied_to"]
    assert aside.startswith(target.state_key(shop.name) + ".")
    kept = target.get(aside).data
    # Beginning to run took the older document over, which changes its owner and nothing else.
    assert kept == broken or json.loads(kept)["tables"] == json.loads(broken)["tables"]
    program.once()
    _assert_all_delivered(shop, target)
    assert program.call("status").code == 0


def test_a_table_that_was_renamed_goes_on_in_its_folder_when_the_document_is_lost(
    shop: Database, target: Target, program: Program
) -> None:
    shop.run("EXEC sp_rename 'dbo.Orders', 'Orders_v1'")
    _insert(shop, 3, "Orders_v1")
    program.once()
    target.delete(target.state_key(shop.name))
    _insert(shop, 4, "Orders_v1", "Items")
    refused = program.once(expect=1, CDC_SOURCE_EXCLUDE="Items").text
    assert f"{shop.name}/Orders/cdc/" in refused and "of table dbo.Orders:" in refused
    plan = program.call("adopt")
    assert (plan.code, "called dbo.Orders_v1 today" in plan.out) == (3, True)
    assert program.call("adopt", "--yes").code == 0
    program.once()
    _assert_all_delivered(shop, target)
    assert {key.split("/")[1] for key in target.keys(f"{shop.name}/")} == set(_TABLES)


def test_a_table_that_is_not_captured_any_more_keeps_its_name_and_folder(
    shop: Database, target: Target, program: Program
) -> None:
    shop.run("EXEC sys.sp_cdc_disable_table N'dbo', N'Orders', N'dbo_Orders'")
    target.delete(target.state_key(shop.name))
    assert f"{shop.name}/Orders/cdc/" in program.once(expect=1, CDC_SOURCE_EXCLUDE="Items").text
    done = program.call("adopt", "--yes", "--json")
    assert done.code == 0, done.text
    assert [table["note"] for table in _json(done)["tables"]] == [
        "",
        "not captured now: it keeps its name and its resume position",
    ]
    entry = json.loads(_state(shop, target))["tables"]["dbo.Orders"]
    assert (entry["folder"], entry["claim"]["sequence"]) == (f"{shop.name}/Orders/cdc/", 2)


@pytest.mark.parametrize(("start", "why"), [("2099-01-01", "lies in the future"), ("F" * 20, "lies beyond")])
def test_a_new_history_does_not_begin_in_the_future(
    shop: Database, target: Target, program: Program, start: str, why: str
) -> None:
    refused = program.call("adopt", "--new-history", "--start", start, "--yes")
    assert (refused.code, why in refused.err) == (1, True)
    plan = program.call("adopt", "--new-history", "--start", "oldest")
    assert (plan.code, "comes a second time" in " ".join(plan.out.split())) == (3, True)


def test_objects_that_cannot_be_of_one_history_are_refused(shop: Database, target: Target, program: Program) -> None:
    first = {table: target.objects(shop.name, table) for table in _TABLES}
    for table in _TABLES:
        for item in first[table]:
            target.delete(item.key)
    target.delete(target.state_key(shop.name))
    program.once()
    target.delete(target.state_key(shop.name))
    last = first["Items"][-1]
    later = last.key.replace("_cdc_20", "_cdc_29")
    target.put(later, last.data, last.metadata)
    ended = program.call("adopt", "--yes")
    assert (ended.code, "several histories" in ended.err, "--new-history" in ended.err) == (1, True, True)
    target.delete(later)
    target.put(f"{shop.name}/Items/cdc/theirs.parquet", b"PAR1")
    ended = program.call("adopt", "--yes")
    assert (ended.code, "theirs.parquet" in ended.err) == (1, True)
    assert target.keys(target.state_key(shop.name)) == []


def test_a_living_owner_is_not_thrown_out(shop: Database, target: Target, program: Program) -> None:
    program.start(CDC_RUN_LEASE="6s")
    wait_until(lambda: '"lease_ms": 6000' in _state(shop, target).decode(), "the program owns the document")
    ended = program.call("adopt", "--new-history", "--start", "now", "--yes", seconds=90)
    assert ended.code == 1, ended.text
    assert "has an owner that lives: process" in ended.err
    _insert(shop, 3, "Orders")
    wait_until(lambda: len(target.objects(shop.name, "Orders")) == 3, "it goes on as if nothing had happened")
    assert program.stop() == 0
    _assert_all_delivered(shop, target)


@pytest.mark.parametrize("start", ["now", "oldest"])
def test_a_restored_database_goes_on_as_a_new_history(
    shop: Database, target: Target, program: Program, start: str
) -> None:
    name, path = quoted(shop.name), f"{shop.name}_{uuid.uuid4().hex[:6]}.bak"
    shop.run(f"BACKUP DATABASE {name} TO DISK = N'{path}' WITH COPY_ONLY")
    for number in (3, 4):
        _insert(shop, number, *_TABLES)
        program.once()
    shop.connection.close()
    with Connection(shop.server.address) as master:
        master.run_all(
            [
                f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE; "
                f"RESTORE DATABASE {name} FROM DISK = N'{path}' WITH REPLACE",
                f"ALTER DATABASE {name} SET MULTI_USER",
            ]
        )
    shop.connection = shop.connect()
    for number in range(100, 106):
        _insert(shop, number, *_TABLES)
    assert "restored or replaced" in program.once(expect=1).text
    refused = program.call("adopt", "--yes")
    assert (refused.code, "adopt --new-history" in refused.err) == (1, True)
    assert program.call("adopt", "--new-history", "--yes").code == 2
    old = json.loads(_state(shop, target))
    plan = program.call("adopt", "--new-history", "--start", start)
    assert plan.code == 3
    assert f"cdc-to-s3 adopt --new-history --start {start} --yes" in plan.out
    done = program.call("adopt", "--new-history", "--start", start, "--yes", "--json")
    assert done.code == 0, done.text
    found = _json(done)
    assert found["history_id"] != old["history_id"]
    assert json.loads(target.get(found["copied_to"]).data)["history_id"] == old["history_id"]
    _insert(shop, 200, *_TABLES)
    program.once()
    for table in _TABLES:
        objects = target.objects(shop.name, table)
        verdict = judge(objects, histories=2)
        assert verdict.wrong == []
        new = [item for item in objects if item.metadata["cdc-history-id"] == found["history_id"]]
        assert [item.key for item in new] == [item.key for item in objects[4:]]
        keys = verdict.keys[-sum(int(item.metadata["cdc-rows"]) for item in new) :]
        expected = change_keys(shop.connection, f"dbo_{table}")
        assert keys == (expected[-1:] if start == "now" else expected)


def test_a_replaced_database_with_lower_lsns_goes_on_as_a_new_history(
    shop: Database, target: Target, program: Program
) -> None:
    for number in range(3, 8):
        _insert(shop, number, *_TABLES)
    program.once()
    shop.drop()
    other = Database(shop.server, shop.name)
    shop.connection = other.connection
    for table in reversed(_TABLES):
        shop.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, n int NOT NULL)")
        shop.enable("dbo", table)
    _insert(shop, 1, *_TABLES)
    program.once(expect=1)
    done = program.call("adopt", "--new-history", "--start", "oldest", "--yes")
    assert done.code == 0, done.text
    program.once()
    for table in _TABLES:
        objects = target.objects(shop.name, table)
        verdict = judge(objects, histories=2)
        assert (verdict.wrong, len(objects)) == ([], 4)
        assert verdict.keys[-1:] == change_keys(shop.connection, f"dbo_{table}")
