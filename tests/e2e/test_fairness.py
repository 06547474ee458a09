"""Round turns: a table with a long backlog does not keep the others from being delivered."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from standin.load import bulk, history
from standin.load.tables import PERSON
from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.small_tables import assert_all_delivered, folders, insert, make_tables

BACKLOG_ROWS = int(os.environ.get("CDC_TEST_BACKLOG_ROWS", "300000"))
ROWS_AN_OBJECT = 5_000
SMALL = tuple(f"dbo.Small{number}" for number in range(1, 10))
# From the commit of nine small changes to their objects, while one worker has a backlog to read.
WITHIN_SECONDS = 4.0


def _backlog_left(database: Database, target: Target) -> bool:
    return len(target.keys(f"{database.name}/Person/")) * ROWS_AN_OBJECT < BACKLOG_ROWS


def test_a_backlog_of_one_table_does_not_hold_up_nine_small_ones(
    database: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    make_tables(database, *SMALL)
    history.create(database.connection, (PERSON,), cdc=True)
    bulk.insert_people(database.connection, BACKLOG_ROWS, 1)
    database.capture()
    one_worker = {"CDC_RUN_WORKERS": "1", "CDC_RUN_MAX_OBJECT_ROWS": str(ROWS_AN_OBJECT)}
    program = make_program(database.name, target.url, **one_worker)
    program.start()
    wait_until(lambda: folders(database, target) == {"Person"}, "the backlog's first object")
    took: list[float] = []
    number = 0
    while _backlog_left(database, target):
        number += 1
        for name in SMALL:
            insert(database, name, [number])
        committed = time.monotonic()
        wait_until(
            lambda wanted=number * len(SMALL): len(target.keys(f"{database.name}/Small")) >= wanted,
            "the small tables' objects",
            60,
        )
        if _backlog_left(database, target):
            took.append(time.monotonic() - committed)
    print(f"small tables delivered after {', '.join(f'{seconds:.1f}' for seconds in took)} s beside the backlog")
    assert took, "the backlog was over before the small tables had their turn: this proves nothing"
    assert max(took) < WITHIN_SECONDS
    assert program.stop() == 0
    program.once()
    assert_all_delivered(database, target, *SMALL)
    # Row by row would take longer than all the rest; counting shows what turns could get wrong.
    rows = [int(item.metadata["cdc-rows"]) for item in target.objects(database.name, "Person")]
    assert sum(rows) == database.connection.value("SELECT COUNT(*) FROM cdc.[Person_Person_CT]") == BACKLOG_ROWS
