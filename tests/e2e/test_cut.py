"""What holds `complete_through` back: whatever it covers is there to be read, of every table of the consistent cut."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.s3_proxy import Fault, S3Proxy
from tests.support.s3_servers import S3Server
from tests.support.small_tables import (
    assert_all_delivered,
    complete_through,
    delivered_ids,
    document,
    insert,
    make_tables,
    newest,
)

TABLES = ("dbo.Orders", "dbo.Notes")


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[S3Proxy]:
    with S3Proxy(s3.endpoint) as started:
        yield started


@pytest.fixture
def shop(database: Database) -> Database:
    make_tables(database, *TABLES)
    for name in TABLES:
        insert(database, name, [1])
    return database


def _trickle(shop: Database, target: Target, numbers: range) -> None:
    """Changes of the other table, one after the other, each delivered."""
    for number in numbers:
        insert(shop, "dbo.Notes", [number])
        wait_until(lambda wanted=number: delivered_ids(shop, target, "Notes")[-1] == wanted, "the other table's object")


@pytest.mark.parametrize("killed", [False, True])
def test_an_object_that_is_claimed_but_cannot_be_put_holds_the_cut_back(
    shop: Database, target: Target, proxy: S3Proxy, make_program: Callable[..., Program], killed: bool
) -> None:
    program = make_program(shop.name, target.url, AWS_ENDPOINT_URL_S3=proxy.endpoint, CDC_RUN_LEASE="1s")
    program.once()
    insert(shop, "dbo.Orders", [2])
    missing = newest(shop, "dbo.Orders")
    refused = proxy.add(Fault("error", "PUT", "/Orders/cdc/", times=1000, status=403, code="AccessDenied"))
    program.start()
    wait_until(lambda: refused.hits >= 1, "a put that is refused")
    if killed:
        program.kill()
        program.start()
    _trickle(shop, target, range(2, 6))
    time.sleep(0.5)
    # The row is claimed, and nobody can read it: no cut may have it.
    assert delivered_ids(shop, target, "Orders") == [1]
    assert document(shop, target)["tables"]["dbo.Orders"]["in_cut"]
    assert document(shop, target)["held_back_by"] == ["dbo.Orders"]
    assert complete_through(shop, target) < missing
    proxy.clear()
    wait_until(lambda: complete_through(shop, target) >= newest(shop, "dbo.Notes"), "a cut with everything")
    assert delivered_ids(shop, target, "Orders") == [1, 2]
    assert program.stop() == 0
    assert_all_delivered(shop, target, *TABLES)


def test_a_table_that_is_stopped_holds_the_cut_back_until_it_goes_on_or_is_left_out(
    shop: Database, target: Target, program: Program
) -> None:
    program.once()
    foreign = f"{shop.name}/Orders/cdc/zebra.parquet"  # behind every name of ours: the table stops
    target.put(foreign, b"not ours")
    for name in TABLES:
        insert(shop, name, [2])
    program.once(expect=3)
    assert delivered_ids(shop, target, "Notes") == [1, 2]
    assert complete_through(shop, target) < newest(shop, "dbo.Orders")
    assert document(shop, target)["held_back_by"] == ["dbo.Orders"]
    program.once(CDC_SOURCE_EXCLUDE="dbo.Orders")
    assert complete_through(shop, target) >= newest(shop, "dbo.Notes")
    assert not document(shop, target)["tables"]["dbo.Orders"]["in_cut"]
    target.delete(foreign)
    program.once()
    assert document(shop, target)["tables"]["dbo.Orders"]["in_cut"]
    assert_all_delivered(shop, target, *TABLES)
