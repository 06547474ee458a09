"""AT TIME ZONE where clocks change: local times that come twice, and those that do not exist."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine_driver import Driver, new_engine

from standin.engine import temporal as tm
from standin.engine.engine import StandInEngine

_BERLIN, _LORD_HOWE = "W. Europe Standard Time", "Lord Howe Standard Time"


@pytest.fixture(scope="module")
def db() -> Iterator[Driver]:
    engine = new_engine()
    yield Driver(engine)
    engine.close()


@pytest.mark.parametrize(
    ("zone", "local", "seen"),
    [
        (_BERLIN, "2015-10-25 01:59:59", "2015-10-25 01:59:59 +02:00"),
        (_BERLIN, "2015-10-25 02:00:00", "2015-10-25 02:00:00 +02:00"),
        (_BERLIN, "2015-10-25 02:59:59", "2015-10-25 02:59:59 +02:00"),
        (_BERLIN, "2015-10-25 03:00:00", "2015-10-25 03:00:00 +01:00"),
        (_BERLIN, "2022-03-27 01:59:59", "2022-03-27 01:59:59 +01:00"),
        (_BERLIN, "2022-03-27 02:01:00", "2022-03-27 03:01:00 +02:00"),
        (_BERLIN, "2022-03-27 03:00:00", "2022-03-27 03:00:00 +02:00"),
        (_LORD_HOWE, "2024-04-07 01:29:59", "2024-04-07 01:29:59 +11:00"),
        (_LORD_HOWE, "2024-04-07 01:30:00", "2024-04-07 01:30:00 +11:00"),
        (_LORD_HOWE, "2024-04-07 01:59:59", "2024-04-07 01:59:59 +11:00"),
        (_LORD_HOWE, "2024-04-07 02:00:00", "2024-04-07 02:00:00 +10:30"),
        (_LORD_HOWE, "2024-10-06 02:10:00", "2024-10-06 02:40:00 +11:00"),
        ("UTC", "2024-10-06 02:10:00", "2024-10-06 02:10:00 +00:00"),
    ],
)
def test_a_local_time_gets_the_offset_before_the_change(db: Driver, zone: str, local: str, seen: str) -> None:
    sql = f"SELECT CONVERT(nvarchar(40), CAST('{local}' AS datetime2(0)) AT TIME ZONE N'{zone}', 121)"
    assert db.value(sql) == seen


@pytest.mark.parametrize(
    ("utc", "seen"),
    [
        ("2015-10-25 00:30:00", "2015-10-25 02:30:00 +02:00"),
        ("2015-10-25 01:30:00", "2015-10-25 02:30:00 +01:00"),
    ],
)
def test_a_moment_is_told_by_the_offset_of_its_own(db: Driver, utc: str, seen: str) -> None:
    moment = f"CAST('{utc}' AS datetime2(0)) AT TIME ZONE N'UTC' AT TIME ZONE N'{_BERLIN}'"
    assert db.value(f"SELECT CONVERT(nvarchar(40), {moment}, 121)") == seen


def test_the_servers_own_local_time_repeats_an_hour() -> None:
    change = tm.parse("2027-10-31 01:00:00")
    at = change[0] * tm.TICKS_A_DAY + change[1]
    engine: StandInEngine = new_engine(time_zone="Europe/Berlin")
    try:
        db, seen = Driver(engine), []
        for minutes in (-30, 30):
            engine.time.advance(None)
            engine.time.advance(at + minutes * 60 * tm.TICKS_A_SECOND - engine.time.utc())
            seen.append(db.value("SELECT CONVERT(nvarchar(16), SYSDATETIME(), 121)"))
            seen.append(db.value("SELECT DATEDIFF(minute, SYSUTCDATETIME(), SYSDATETIME())"))
        assert seen == ["2027-10-31 02:30", 120, "2027-10-31 02:30", 60]
    finally:
        engine.close()
