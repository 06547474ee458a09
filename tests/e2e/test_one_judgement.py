"""The same question has the same answer wherever it is asked: what a run says, the verbs do; and what concerns one table
stops that one alone."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Database, Server, Target, own_server, program_settings
from tests.support import dba
from tests.support.judge import judge
from tests.support.program import Program, wait_until
from tests.support.s3_servers import S3Server
from tests.support.small_tables import delivered_ids, document, insert, make_tables

_HOUR_SECONDS = 3600


@pytest.fixture
def shop(database: Database) -> Database:
    make_tables(database, "dbo.Orders", "dbo.Items")
    insert(database, "dbo.Orders", [1])
    insert(database, "dbo.Items", [1])
    return database


def _noted(shop: Database, number: int) -> None:
    shop.run(f"INSERT INTO dbo.Orders VALUES ({number}, 0, N'note {number}')")
    shop.capture()


def _table(program: Program, name: str) -> dict[str, Any]:
    found = json.loads(program.call("tables", "--json").out)
    (table,) = [one for one in found["tables"] if f"{one['schema']}.{one['name']}" == name]
    return dict(table)


def _columns(table: dict[str, Any]) -> list[str]:
    return [column["name"] for column in table["columns"]]


def _notes(shop: Database, target: Target) -> list[str | None]:
    verdict = judge(target.objects(shop.name, "Orders"))
    assert verdict.wrong == []
    return [row.get("note") for row in verdict.rows]


@pytest.fixture(scope="module")
def server_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with own_server(tmp_path_factory.mktemp("own") / "stand-in.log") as own:
        yield own


@pytest.mark.parametrize("begun", [False, True], ids=["first start", "delivered before"])
def test_the_newer_of_two_instances_is_told_by_its_lsn_when_the_servers_clock_went_back(
    server_of_our_own: Server, target: Target, s3: S3Server, tmp_path: Path, begun: bool
) -> None:
    own = server_of_our_own
    assert own.stand_in is not None
    shop = Database(own, f"Shop_{'begun' if begun else 'first'}")
    program = Program(tmp_path, program_settings(own, s3, shop.name, target.url))
    make_tables(shop, "dbo.Orders")
    insert(shop, "dbo.Orders", [1])
    if begun:
        program.once()
    with own.stand_in.control() as control:
        control.ask("advance", seconds=-_HOUR_SECONDS)  # the hour that comes twice, or a clock that was put right
        shop.run("ALTER TABLE dbo.Orders ADD note nvarchar(20) NULL")
        dba.capture(shop, "dbo.Orders", "dbo_Orders_v2")
        control.ask("advance", seconds=None)
    created = "SELECT create_date FROM cdc.change_tables WHERE capture_instance = %s"
    first, second = (shop.connection.value(created, (name,)) for name in ("dbo_Orders", "dbo_Orders_v2"))
    assert second < first and dba.start_of(shop, "dbo_Orders") < dba.start_of(shop, "dbo_Orders_v2")
    for number in (2, 3):
        _noted(shop, number)
        program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3]
    assert _notes(shop, target) == [None, "note 2", "note 3"]
    # The older one is not needed any more.
    shop.run(dba.capture_off("dbo.Orders", "dbo_Orders"))
    _noted(shop, 4)
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 4]
    shop.drop()


def test_a_gap_is_accepted_as_it_was_told_while_a_further_instance_has_not_begun(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    insert(shop, "dbo.Orders", [2])
    shop.run(dba.capture_off("dbo.Orders"))
    dba.capture(shop, "dbo.Orders", "dbo_Orders_v2")
    insert(shop, "dbo.Orders", [3])
    shop.run(dba.capture_on("dbo.Orders", "dbo_Orders_v3"))  # no scan of the log has seen it
    said = program.once(expect=3).text
    assert "cdc-to-s3 accept-gap dbo.Orders --yes" in said
    accepted = program.call("accept-gap", "dbo.Orders", "--yes")
    assert accepted.code == 0, accepted.text
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 3]


@pytest.mark.parametrize("on_gap", ["stop", "continue"])
def test_cleanup_of_one_of_two_instances_gives_up_nothing_that_the_other_still_shows(
    shop: Database, target: Target, program: Program, on_gap: str
) -> None:
    program.once()
    insert(shop, "dbo.Orders", [2])
    dba.capture(shop, "dbo.Orders", "dbo_Orders_v2")
    for number in (3, 4, 5):
        insert(shop, "dbo.Orders", [number])
    mark = bytes(shop.connection.value("SELECT MAX([__$start_lsn]) FROM cdc.dbo_Orders_CT")).hex()
    shop.run(f"EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_Orders', @low_water_mark = 0x{mark}")
    if on_gap == "stop":
        program.once(expect=3)
        accepted = program.call("accept-gap", "dbo.Orders", "--yes")
        assert accepted.code == 0, accepted.text
    program.once("--on-gap", on_gap)
    assert delivered_ids(shop, target, "Orders") == [1, 3, 4, 5]


@pytest.mark.parametrize("read", ["older", "newer"])
def test_tables_shows_the_instance_that_a_run_reads_next(
    shop: Database, target: Target, program: Program, read: str
) -> None:
    program.once()
    shop.run("ALTER TABLE dbo.Orders ADD note nvarchar(20) NULL")
    if read == "older":
        shop.run("INSERT INTO dbo.Orders VALUES (2, 0, NULL)")  # before the newer one begins
    dba.capture(shop, "dbo.Orders", "dbo_Orders_v2")
    _noted(shop, 3)
    if read == "newer":
        program.once()
        _noted(shop, 4)
    table = _table(program, "dbo.Orders")
    assert table["rows_waiting"] is True
    assert _columns(table) == (["id", "n"] if read == "older" else ["id", "n", "note"])
    program.once()
    assert _columns(_table(program, "dbo.Orders")) == ["id", "n", "note"]
    assert delivered_ids(shop, target, "Orders") == ([1, 2, 3] if read == "older" else [1, 3, 4])


@pytest.mark.parametrize("start", ["2099-01-01", "2099-01-01T00:00:00Z"])
def test_a_start_in_the_future_is_refused_by_run_and_adopt_alike(
    shop: Database, target: Target, program: Program, start: str
) -> None:
    first = program.once("--start", start, expect=3)
    program.once()
    before = document(shop, target)
    adopted = [program.call("adopt", "--new-history", "--start", start, *yes) for yes in ([], ["--yes"])]
    assert [ended.code for ended in adopted] == [1, 1]
    for ended in (first, *adopted):
        assert f"start = {start} lies in the future" in ended.text, ended.text
    assert document(shop, target)["history_id"] == before["history_id"]
    assert delivered_ids(shop, target, "Orders") == [1]


def test_a_table_that_goes_on_is_told_once(shop: Database, target: Target, program: Program) -> None:
    program.once()
    foreign = f"{shop.name}/Orders/cdc/zz_theirs.parquet"
    target.put(foreign, b"PAR1")
    insert(shop, "dbo.Orders", [2])
    program.once(expect=3)
    target.delete(foreign)
    assert program.once().text.count("table_resumed") == 1
    assert "table_resumed" not in program.once().text
    assert delivered_ids(shop, target, "Orders") == [1, 2]


def test_a_table_whose_folder_holds_objects_that_its_document_does_not_know_stops_alone(
    shop: Database, target: Target, program: Program
) -> None:
    """It was left out when a group's lost document was rebuilt, and is chosen again."""
    program = program.with_settings(CDC_RUN_GROUP="a")
    program.once()
    target.delete(f"_cdc_to_s3/groups/{shop.name}/a.json")
    left_out = {"CDC_SOURCE_EXCLUDE": "dbo.Orders"}
    done = program.call("adopt", "--yes", **left_out)
    assert done.code == 0, done.text
    insert(shop, "dbo.Items", [2])
    program.once(**left_out)
    insert(shop, "dbo.Orders", [2])
    insert(shop, "dbo.Items", [3])
    held = target.keys(f"{shop.name}/Orders/")
    for _ in range(2):
        said = program.once(expect=3).text
        assert "dbo.Orders" in said and held[-1] in said
    program.start()
    insert(shop, "dbo.Items", [4])
    wait_until(lambda: len(target.objects(shop.name, "Items")) == 4, "the other table goes on")
    assert program.stop() in (0, 3)
    assert target.keys(f"{shop.name}/Orders/") == held
    assert delivered_ids(shop, target, "Items") == [1, 2, 3, 4]


def test_a_claimed_window_that_holds_more_rows_than_were_claimed_stops_its_table_alone(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    program = make_program(shop.name, target.url, CDC_RUN_WORKERS="1")
    program.once()
    insert(shop, "dbo.Orders", [2])
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put:1").code == -signal.SIGKILL
    # Nobody but a hand in the change table can do this.
    listed = "[__$start_lsn], [__$end_lsn], [__$seqval], [__$operation], [__$update_mask], id, n, [__$command_id]"
    shop.run(
        f"INSERT INTO cdc.dbo_Orders_CT ({listed}) SELECT [__$start_lsn], NULL, [__$seqval], 1, [__$update_mask], id, n, "
        "[__$command_id] FROM cdc.dbo_Orders_CT WHERE id = 2"
    )
    insert(shop, "dbo.Items", [2])
    for _ in range(2):
        said = program.once(expect=3).text
        assert "dbo.Orders" in said and "claimed" in said
    assert len(target.objects(shop.name, "Orders")) == 1
    assert delivered_ids(shop, target, "Items") == [1, 2]
    program.start()
    insert(shop, "dbo.Items", [3])
    wait_until(lambda: delivered_ids(shop, target, "Items") == [1, 2, 3], "the other table goes on")
    assert program.stop() in (0, 3)
    shop.run("DELETE FROM cdc.dbo_Orders_CT WHERE id = 2 AND [__$operation] = 1")
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2]
