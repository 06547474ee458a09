"""What the server sends and cannot be: a date that is none, a decimal of another scale, a text longer than its column.
It is an error with table, column and LSN, never a clamped or cut value, whichever driver is asked to read it; and the
rows before it are delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pytest

from standin.control import Control
from standin.harness import StandIn
from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.judge import judge
from tests.support.program import Program

ROWS = "dbo_T_CT] AS ct LEFT JOIN cdc.lsn_time_mapping"
DESCRIPTIONS = "cdc.captured_columns AS cc"


def _date(day: date) -> str:
    """On the wire: its length, and days since the year 1."""
    return "03" + (day.toordinal() - 1).to_bytes(3, "little").hex()


def _column(length: int, precision: int, scale: int) -> str:
    """As the catalogue describes it on the wire: smallint, tinyint, tinyint, each with its length before it."""
    return "02" + length.to_bytes(2, "little").hex() + f"01{precision:02x}01{scale:02x}"


# In the answer to which statement which bytes become which others; what is said of the column: with both drivers, or
# with FreeTDS and with Microsoft's, which refuses some itself.
DAMAGES = {
    "a date beyond the year 9999": (
        ROWS,
        _date(date(2031, 7, 9)),
        "03ffffff",
        "d date holds an impossible date",
        "d date: the driver could not convert the value",
    ),
    "a decimal with a digit too many": (
        ROWS,
        "0501" + (987654321).to_bytes(4, "little").hex(),
        "0501ffffffff",
        "n decimal(9,3) holds a value with too many digits",
    ),
    "a decimal of another scale": (
        DESCRIPTIONS,
        _column(5, 9, 3),
        _column(5, 9, 2),
        "n decimal(9,2) holds a value of another scale",
    ),
    "a text longer than its column": (
        DESCRIPTIONS,
        _column(666, 0, 0),
        _column(20, 0, 0),
        "t nvarchar(10): the driver sent a value longer than announced",
    ),
}


@pytest.fixture
def control(stand_in: StandIn) -> Iterator[Control]:
    with stand_in.control() as channel:
        yield channel
        channel.ask("clear")


@pytest.mark.parametrize("driver", list(drivers()))
@pytest.mark.parametrize("damage", list(DAMAGES))
@pytest.mark.parametrize("last", [False, True], ids=["amid others", "in the last row"])
def test_what_cannot_be_is_an_error_that_says_where(
    last: bool,
    damage: str,
    driver: str,
    control: Control,
    database: Database,
    target: Target,
    make_program: Callable[..., Program],
) -> None:
    match, find, put, *words = DAMAGES[damage]
    said = words[-1] if driver == "Microsoft" else words[0]
    program = make_program(database.name, target.url, SQL_SERVER_DRIVER=drivers()[driver])
    database.run(
        "CREATE TABLE dbo.T (id int NOT NULL PRIMARY KEY, d date NULL, n decimal(9,3) NULL, t nvarchar(333) NULL)",
        "CREATE TABLE dbo.Other (id int NOT NULL PRIMARY KEY)",
    )
    database.enable("dbo", "T")
    database.enable("dbo", "Other")
    plain = "'2020-01-01', NULL, N'short'"
    database.run(f"INSERT INTO dbo.T VALUES (1, {plain}), (2, {plain})")
    database.run("INSERT INTO dbo.T VALUES (3, '2031-07-09', 987654.321, REPLICATE(N'x', 333))")
    if not last:
        database.run(f"INSERT INTO dbo.T VALUES (4, {plain}), (5, {plain})")
    database.run("INSERT INTO dbo.Other VALUES (1)")
    database.capture()

    fault = control.arm(match=match, at="rows", action="replace", find=find, put=put, times=-1)
    stopped = program.once(expect=3).text
    assert control.fired(fault) > 0
    lsn = bytes(database.connection.value("SELECT [__$start_lsn] FROM cdc.dbo_T_CT WHERE id = 3")).hex().upper()
    assert f"read dbo.T at LSN {lsn}: column {said}" in stopped
    delivered = judge(target.objects(database.name, "T"))
    assert delivered.wrong == [] and [row["id"] for row in delivered.rows] == [1, 2]
    assert_delivered(database.connection, "dbo_Other", target.objects(database.name, "Other"))

    control.ask("clear")
    # Rows before the wrong one were written as the server described their columns then.
    program.once(CDC_TARGET_ON_TYPE_CHANGE="same_folder")
    assert_delivered(database.connection, "dbo_T", target.objects(database.name, "T"))
