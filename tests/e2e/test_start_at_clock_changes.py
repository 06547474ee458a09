"""`start = TIME` on servers whose clock is put back or forward: what may have been committed from then on is delivered,
also where local commit times come twice."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Database, Server, Target, own_server, program_settings
from tests.support.program import Program
from tests.support.s3_servers import S3Server
from tests.support.small_tables import delivered_ids, insert, make_tables

_UTC = datetime.UTC
# In the hour (half an hour on Lord Howe Island) before such a moment, and in the one after it, local times are the same.
_BERLIN_BACK = datetime.datetime(2030, 10, 27, 1, tzinfo=_UTC)
_BERLIN_FORWARD = datetime.datetime(2030, 3, 31, 1, tzinfo=_UTC)
_LORD_HOWE_BACK = datetime.datetime(2030, 4, 6, 15, tzinfo=_UTC)


def _minutes(number: float) -> datetime.timedelta:
    return datetime.timedelta(minutes=number)


def _move_clock(server: Server, moment: datetime.datetime) -> None:
    assert server.stand_in is not None
    with server.stand_in.control() as control:
        control.ask("advance", seconds=None)
        control.ask("advance", seconds=(moment - datetime.datetime.now(_UTC)).total_seconds())


@contextmanager
def _commits(log: Path, zone: str, change: datetime.datetime, at: list[float], version: str) -> Iterator[Database]:
    """A database with commits 1, 2, 3, … so many minutes after the change of the clocks (before it: below 0)."""
    with own_server(log, ("--time-zone", zone), version) as server:
        shop = Database(server, "Shop")
        make_tables(shop, "dbo.Orders")
        for number, minutes in enumerate(at, 1):
            _move_clock(server, change + _minutes(minutes))
            insert(shop, "dbo.Orders", [number])
        yield shop
        shop.connection.close()


@pytest.fixture
def run_from(s3: S3Server, target: Target, tmp_path: Path) -> Callable[..., list[int]]:
    """What a first run with this start delivers, each into a folder of its own."""
    number = 0

    def run(shop: Database, start: datetime.datetime, **settings: str) -> list[int]:
        nonlocal number
        number += 1
        own = Target(target.s3, f"{target.prefix}/{number}")
        program = Program(tmp_path, program_settings(shop.server, s3, shop.name, own.url))
        program.once(CDC_SOURCE_START=f"{start:%Y-%m-%dT%H:%M:%SZ}", **settings)
        return delivered_ids(shop, own, "Orders")

    return run


def _check(shop: Database, change: datetime.datetime, expected: dict[float, list[int]], run: Callable) -> None:
    assert {minutes: run(shop, change + _minutes(minutes)) for minutes in expected} == expected


@pytest.mark.parametrize(("version", "zone"), [("2022", ""), ("2016", "W. Europe Standard Time")])
def test_in_the_hour_that_comes_twice_all_that_may_be_later_is_delivered(
    tmp_path: Path, run_from: Callable, version: str, zone: str
) -> None:
    settings = {"CDC_SOURCE_TIME_ZONE": zone} if zone else {}
    at = [-80, -50, -10, 10, 50, 70]  # 01:40, 02:10 and 02:50 summer time; 02:10, 02:50 and 03:10
    with _commits(tmp_path / "log", "Europe/Berlin", _BERLIN_BACK, at, version) as shop:
        expected = {
            -90: [1, 2, 3, 4, 5, 6],
            -55: [2, 3, 4, 5, 6],
            -5: [2, 3, 4, 5, 6],  # 2 reads like 02:10 of the second pass
            5: [2, 3, 4, 5, 6],
            15: [3, 4, 5, 6],  # 3 may be 02:50 of the second pass
            55: [6],
            65: [6],
        }
        _check(shop, _BERLIN_BACK, expected, lambda *a: run_from(*a, **settings))


def test_half_an_hour_that_comes_twice_is_known_as_such(tmp_path: Path, run_from: Callable) -> None:
    at = [-40, -20, 5, 25, 40]
    with _commits(tmp_path / "log", "Lord Howe Standard Time", _LORD_HOWE_BACK, at, "2022") as shop:
        expected = {-30: [2, 3, 4, 5], 2: [2, 3, 4, 5], 15: [4, 5], 35: [5]}
        _check(shop, _LORD_HOWE_BACK, expected, run_from)


def test_an_hour_that_does_not_exist_takes_nothing_away(tmp_path: Path, run_from: Callable) -> None:
    with _commits(tmp_path / "log", "Europe/Berlin", _BERLIN_FORWARD, [-10, 10, 70], "2022") as shop:
        _check(shop, _BERLIN_FORWARD, {-15: [1, 2, 3], 0: [2, 3], 15: [3]}, run_from)


@pytest.mark.parametrize("change", [_BERLIN_BACK, _BERLIN_FORWARD], ids=["back", "forward"])
def test_where_the_servers_zone_is_not_known_up_to_an_hour_more_is_delivered_and_never_less(
    tmp_path: Path, run_from: Callable, change: datetime.datetime
) -> None:
    at = [-130, -50, -10, 10, 50, 130]
    with _commits(tmp_path / "log", "Europe/Berlin", change, at, "2014") as shop:
        for start in (-120, -40, 0, 30, 60):
            got = run_from(shop, change + _minutes(start))
            due = [number for number, minutes in enumerate(at, 1) if minutes >= start]
            may = [number for number, minutes in enumerate(at, 1) if minutes >= start - 120]
            assert got == list(range(got[0], 7)) and set(due) <= set(got) <= set(may), (start, got)


def test_in_the_hour_that_comes_twice_capture_that_runs_is_not_called_stopped(
    tmp_path: Path, target: Target, s3: S3Server
) -> None:
    with _commits(tmp_path / "log", "Europe/Berlin", _BERLIN_BACK, [-50, 20], "2022") as shop:
        program = Program(tmp_path, program_settings(shop.server, s3, shop.name, target.url))
        checked = program.call("check")
        assert checked.code == 0, checked.text
        assert re.search(r"newest captured commit 2030-10-27T01:2\d:\S+Z, \d+ s ago", checked.out), checked.out
        assert re.search(r"capture runs, \d+ s behind the log", checked.out)
