"""Cleanup that overtakes a reader: what was lost is said, what was not lost is no gap."""

from __future__ import annotations

import json
import signal

from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered, change_keys
from tests.support.judge import judge
from tests.support.program import Program


def _make_orders(database: Database) -> None:
    for table in ("Orders", "Idle"):
        database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, n int NOT NULL)")
        database.enable("dbo", table)


def _insert(database: Database, *numbers: int, table: str = "Orders") -> None:
    database.run(f"INSERT INTO dbo.{table} VALUES {', '.join(f'({number}, 0)' for number in numbers)}")
    database.capture()


def _newest(database: Database, instance: str = "dbo_Orders") -> bytes:
    return bytes(database.connection.value(f"SELECT MAX([__$start_lsn]) FROM cdc.[{instance}_CT]"))


def _clean(database: Database, lsn: bytes, instance: str = "dbo_Orders") -> None:
    """Rows below this LSN go, and the instance's low end is set to it."""
    mark = f"0x{lsn.hex()}"
    database.run(f"EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'{instance}', @low_water_mark = {mark}")


def _state(database: Database, target: Target) -> dict[str, dict[str, object]]:
    return dict(json.loads(target.get(target.state_key(database.name)).data)["tables"])


def test_cleanup_that_passes_a_stopped_reader_stops_its_table_and_says_what_to_do(
    database: Database, target: Target, program: Program
) -> None:
    _make_orders(database)
    _insert(database, 1)
    program.once()
    _insert(database, 2)
    _insert(database, 3)
    _insert(database, 1, table="Idle")
    _clean(database, _newest(database))
    said = program.once(expect=3).text
    position = target.objects(database.name, "Orders")[0].metadata["cdc-to"]
    for words in ("dbo.Orders", "gap", position, "accept-gap dbo.Orders --yes", "sp_cdc_change_job"):
        assert words in said
    # Nothing behind the gap was delivered, again and again; the other table goes on.
    program.once(expect=3)
    assert len(target.objects(database.name, "Orders")) == 1
    assert_delivered(database.connection, "dbo_Idle", target.objects(database.name, "Idle"))


def test_a_gap_that_is_accepted_is_in_the_next_objects_footer_and_nothing_behind_it_is_lost(
    database: Database, target: Target, program: Program
) -> None:
    _make_orders(database)
    _insert(database, 1)
    program.once()
    before = change_keys(database.connection, "dbo_Orders")
    _insert(database, 2)
    _insert(database, 3)
    _insert(database, 4)
    low = _newest(database)
    _clean(database, low)
    program.once(expect=3)
    program.once("--on-gap", "continue")
    objects = target.objects(database.name, "Orders")
    verdict = judge(objects)
    assert verdict.wrong == []
    assert verdict.keys == before + change_keys(database.connection, "dbo_Orders")
    assert [row["id"] for row in verdict.rows] == [1, 4]
    (gap,) = json.loads(verdict.footers[1]["cdc.gaps"])
    assert gap["from"] == verdict.footers[0]["cdc.to"]
    assert gap["to"] == verdict.footers[1]["cdc.from"] < low.hex().upper() <= verdict.footers[1]["cdc.to"]
    assert json.loads(verdict.footers[0]["cdc.gaps"]) == []
    # It is over: the default is enough from here on, and the gap is told once.
    _insert(database, 5)
    program.once()
    verdict = judge(target.objects(database.name, "Orders"))
    assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], [1, 4, 5])
    assert json.loads(verdict.footers[2]["cdc.gaps"]) == []


def test_a_gap_behind_which_nothing_is_left_is_carried_by_the_next_object_whenever_it_comes(
    database: Database, target: Target, program: Program
) -> None:
    _make_orders(database)
    _insert(database, 1)
    program.once()
    _insert(database, 2)
    _insert(database, 1, table="Idle")
    _clean(database, _newest(database, "dbo_Idle"))
    assert change_keys(database.connection, "dbo_Orders") == []
    program.once("--on-gap", "continue")
    assert len(target.objects(database.name, "Orders")) == 1
    _insert(database, 3)
    program.once()
    verdict = judge(target.objects(database.name, "Orders"))
    assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], [1, 3])
    assert len(json.loads(verdict.footers[1]["cdc.gaps"])) == 1


def test_cleanup_behind_a_reader_that_has_everything_is_no_gap(
    database: Database, target: Target, program: Program
) -> None:
    _make_orders(database)
    _insert(database, 1)
    _insert(database, 1, table="Idle")
    program.once()
    # The idle table's resume position moves on with the others, without an object.
    for number in range(2, 5):
        _insert(database, number)
        program.once()
        for instance in ("dbo_Orders", "dbo_Idle"):
            _clean(database, _newest(database), instance)
    _insert(database, 9, table="Idle")
    program.once()
    for table, ids in (("Orders", [1, 2, 3, 4]), ("Idle", [1, 9])):
        verdict = judge(target.objects(database.name, table))
        assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], ids)
        assert all(footer["cdc.gaps"] == "[]" for footer in verdict.footers)


def test_an_idle_table_beside_a_stopped_one_has_no_gap_when_cleanup_comes(
    database: Database, target: Target, program: Program
) -> None:
    _make_orders(database)
    _insert(database, 1)
    _insert(database, 1, table="Idle")
    program.once()
    _insert(database, 2)
    _insert(database, 3)
    _clean(database, _newest(database))
    for number in range(4, 7):
        program.once(expect=3)  # the cut is held back now
        _insert(database, number)
    program.once(expect=3)
    _clean(database, _newest(database), "dbo_Idle")
    _insert(database, 2, table="Idle")
    said = program.once(expect=3).text
    assert "dbo.Idle:" not in said  # as a table that needs attention
    verdict = judge(target.objects(database.name, "Idle"))
    assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], [1, 2])


def test_a_large_transaction_that_is_killed_between_its_objects_arrives_whole(
    database: Database, target: Target, program: Program
) -> None:
    _make_orders(database)
    _insert(database, *range(300))
    database.run("UPDATE dbo.Orders SET n = n + 1")
    database.capture()
    kills = 0
    for where in ("claimed_not_put:3", "put_not_confirmed:2", "read_not_claimed:2", "put_not_confirmed:4") * 2:
        ended = program.call("run", "--once", "--max-object-rows", "49", CDC_CRASH_AT=where)
        kills += ended.code == -signal.SIGKILL
        assert judge(target.objects(database.name, "Orders")).wrong == []
    assert kills >= 4
    program.once("--max-object-rows", "49")
    verdict = assert_delivered(database.connection, "dbo_Orders", target.objects(database.name, "Orders"))
    assert sum("/" in footer["cdc.to"] for footer in verdict.footers) >= 10


def test_cleanup_inside_a_half_delivered_transaction_is_a_gap(
    database: Database, target: Target, program: Program
) -> None:
    _make_orders(database)
    _insert(database, *range(100))
    ended = program.call("run", "--once", "--max-object-rows", "30", CDC_CRASH_AT="read_not_claimed:3")
    assert ended.code == -signal.SIGKILL
    assert len(judge(target.objects(database.name, "Orders")).keys) == 60
    _insert(database, 1000)
    _clean(database, _newest(database))
    assert "dbo.Orders" in program.once(expect=3).text
    program.once("--on-gap", "continue")
    verdict = judge(target.objects(database.name, "Orders"))
    assert verdict.wrong == []
    assert [row["id"] for row in verdict.rows] == [*range(60), 1000]


def test_a_claim_whose_rows_were_cleaned_away_is_delivered_with_what_is_left_and_says_so(
    database: Database, target: Target, program: Program
) -> None:
    _make_orders(database)
    _insert(database, 1)
    program.once()
    _insert(database, 2)
    _insert(database, 3)
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put:1").code == -signal.SIGKILL
    key = dict(_state(database, target)["dbo.Orders"]["claim"])["key"]
    _clean(database, _newest(database))  # row 2 is gone, row 3 is left
    said = program.once(expect=3).text
    assert key in said and "on_gap" in said
    assert len(target.objects(database.name, "Orders")) == 1
    program.once("--on-gap", "continue")
    _insert(database, 4)
    program.once()
    objects = target.objects(database.name, "Orders")
    assert objects[1].key == key
    verdict = judge(objects)
    assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], [1, 3, 4])
    assert [footer["cdc.incomplete"] for footer in verdict.footers] == ["false", "true", "false"]
    assert [len(json.loads(footer["cdc.gaps"])) for footer in verdict.footers] == [0, 1, 0]


def test_a_claim_that_cleanup_passed_without_touching_its_rows_is_delivered_whole(
    database: Database, target: Target, program: Program
) -> None:
    _make_orders(database)
    _insert(database, 1)
    program.once()
    _insert(database, 1, table="Idle")  # a commit without rows of this table
    _insert(database, 2)
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put:1").code == -signal.SIGKILL
    _clean(database, _newest(database))
    program.once()
    verdict = judge(target.objects(database.name, "Orders"))
    assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], [1, 2])
    assert all(footer["cdc.gaps"] == "[]" for footer in verdict.footers)
