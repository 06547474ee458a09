"""Groups: several processes share one database's tables, each with a state document of its own."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.s3_proxy import Fault, S3Proxy
from tests.support.s3_servers import S3Server
from tests.support.small_tables import (
    assert_all_delivered,
    complete_through,
    delivered_ids,
    document,
    folders,
    insert,
    make_tables,
    newest,
)
from tests.support.workload import Workload, assert_same, random_of

TABLES = ("Person.Person", "Sales.Orders", "Sales.Lines")
LOAD_SECONDS = 6.0


def _groups(make_program: Callable[..., Program], database: Database, target: Target, **tables: str) -> list[Program]:
    """One program for each `group="patterns"`."""
    settings = {"CDC_RUN_LEASE": "2s"}
    return [
        make_program(database.name, target.url, CDC_RUN_GROUP=group, CDC_SOURCE_TABLES=patterns, **settings)
        for group, patterns in tables.items()
    ]


def test_two_groups_deliver_one_database_side_by_side_each_with_its_own_document(
    database: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    rng = random_of("two groups")
    a, b = _groups(make_program, database, target, a="Person.*,dbo.*", b="Sales.*")
    with Workload(database, rng.randrange(2**31)):
        a.start()
        b.start()
        time.sleep(LOAD_SECONDS / 2)
        a.kill()
        a.start()
        time.sleep(LOAD_SECONDS / 2)
        for program in (a, b):
            assert program.process is not None and program.process.poll() is None, program.log_text()
    for program in (a, b):
        assert program.stop() == 0
        assert "ownership_lost" not in program.log_text()
        program.once()
    assert_same(database, target)
    assert set(document(database, target, "a")["tables"]) == {"Person.Person", "dbo.Notes"}
    assert set(document(database, target, "b")["tables"]) == {"Sales.Orders"}
    assert target.state_key(database.name) not in target.keys("_cdc_to_s3/")


def test_each_group_is_complete_by_itself(
    database: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    make_tables(database, *TABLES)
    a, b = _groups(make_program, database, target, a="Person.*", b="Sales.*")
    for name in TABLES:
        insert(database, name, [1])
    a.once()
    assert folders(database, target) == {"Person"}
    assert complete_through(database, target, "a") >= newest(database, "Sales.Lines")
    b.once()
    assert folders(database, target) == {"Person", "Orders", "Lines"}
    assert_all_delivered(database, target, *TABLES)


def test_a_table_that_two_groups_name_stays_with_the_first_and_the_second_stops_it_alone(
    database: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    make_tables(database, *TABLES)
    a, b = _groups(make_program, database, target, a="Person.*,*.Lines", b="Sales.*")
    for name in TABLES:
        insert(database, name, [1])
    a.once()
    for _ in range(2):
        said = b.once(expect=3).text
        (line,) = [line for line in said.splitlines() if line.startswith("cdc-to-s3: Sales.Lines")]
        assert f"{database.name}/a.json" in line, line  # the other one's state says which group it is
    for name in TABLES:
        insert(database, name, [2])
    b.once(expect=3)
    assert delivered_ids(database, target, "Orders") == [1, 2]
    assert delivered_ids(database, target, "Lines") == [1]
    # What the second group cannot deliver does not keep the rest of it from being complete.
    assert complete_through(database, target, "b") >= newest(database, "Sales.Orders")
    a.once()
    assert_all_delivered(database, target, *TABLES)
    # The patterns are put right: nothing is left of it.
    b.once(CDC_SOURCE_EXCLUDE="Sales.Lines")
    assert_all_delivered(database, target, *TABLES)


def test_of_two_groups_that_take_the_same_tables_in_the_same_moment_one_withdraws(
    database: Database, target: Target, s3: S3Server, make_program: Callable[..., Program]
) -> None:
    make_tables(database, *TABLES)
    for name in TABLES:
        insert(database, name, [1])
    a, b = _groups(make_program, database, target, a="*", b="*")
    with S3Proxy(s3.endpoint) as proxy:
        # Its first swap takes the document over. The second one, with the tables, has seen no other group yet.
        enters = proxy.add(Fault("hold", "PUT", f"/{database.name}/b.json", skip=1))
        b.start(AWS_ENDPOINT_URL_S3=proxy.endpoint)
        assert enters.reached.wait(20)
        a.once()
        enters.release.set()
        for name in TABLES:
            wait_until(lambda wanted=name: f"table_stopped table={wanted}" in b.log_text(), "that the second stops it")
        for name in TABLES:
            insert(database, name, [2])
        time.sleep(1)
        assert b.stop() == 0
    assert document(database, target, "b")["tables"] == {}
    a.once()
    assert_all_delivered(database, target, *TABLES)
