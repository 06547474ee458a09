"""SQL Server 2012 to 2025, Azure SQL Database, Managed Instance, and managed servers that keep msdb to themselves: what
each has is used, what it lacks is not missed, and the same changes are delivered from all of them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest

from standin.load.connection import Address, Connection
from tests.e2e.conftest import Database, Server, Target, own_server
from tests.support.drivers import drivers
from tests.support.program import Program
from tests.support.small_tables import delivered_ids

_PASSWORD = "Reader-Login-1"
_ZONE = "India Standard Time"


@dataclass(frozen=True)
class Kind:
    """`tells_zone`: it knows its own. `sees`: what `check` must say to a login with the two rights that reading needs;
    `never`: what it must not say."""

    version: str = "2022"
    edition: str = ""
    tells_zone: bool = True
    takes_zone: bool = True
    closed_msdb: bool = False
    sees: tuple[str, ...] = ("hidden from this login: retention",)


_HIDDEN = ("hidden from this login: retention and the jobs' settings",)
KINDS = {
    "2012": Kind("2012", tells_zone=False, takes_zone=False, sees=_HIDDEN),
    "2014": Kind("2014", tells_zone=False, takes_zone=False, sees=_HIDDEN),
    "2016": Kind("2016", tells_zone=False, sees=_HIDDEN),
    "2019": Kind("2019", tells_zone=False, sees=_HIDDEN),
    "2022": Kind("2022", sees=_HIDDEN),
    "2025": Kind("2025", sees=_HIDDEN),
    "azure": Kind(edition="azure", sees=("retention is 3 d",)),
    "managed": Kind(edition="managed", sees=_HIDDEN),
    "closed_msdb": Kind("2019", tells_zone=False, closed_msdb=True, sees=_HIDDEN),
}
# What would be wrong of a healthy server, whatever its login sees.
_WRONG = ("BAD", "no capture job", "no cleanup job", "not running", "capture stopped", "sp_cdc_add_job", "NULL for")


@pytest.fixture(scope="module", params=KINDS, ids=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def server(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = () if kind.edition == "azure" else ("--time-zone", "Asia/Kolkata")
    log = tmp_path_factory.mktemp("sql-server") / "stand-in.log"
    with own_server(log, options, kind.version, kind.edition) as own:
        if kind.closed_msdb:
            _run_in(own.address, "msdb", "REVOKE CONNECT FROM guest")
            _run_in(own.address, "master", "REVOKE VIEW ANY DATABASE FROM public")
        yield own


def _run_in(address: Address, database: str, *statements: str) -> None:
    there = Address(address.host, address.port, address.user, address.password, database)
    with Connection(there) as connection:
        connection.run_all(statements)


@pytest.fixture
def shop(database: Database) -> Database:
    for table in ("Orders", "Items"):
        database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, label nvarchar(40) NULL)")
        database.enable("dbo", table)
    database.run(
        "INSERT INTO dbo.Orders VALUES (1, N'a'), (2, N'b'), (3, N'c')", "INSERT INTO dbo.Items VALUES (7, N'x')"
    )
    database.run("UPDATE dbo.Orders SET label = N'd' WHERE id > 1", "DELETE FROM dbo.Orders WHERE id = 3")
    database.capture()
    return database


@pytest.fixture
def reader(shop: Database, server: Server) -> Iterator[str]:
    """A login with the two rights that reading needs, and no other."""
    name = f"reader_{shop.name}"
    _run_in(server.address, "master", f"CREATE LOGIN {name} WITH PASSWORD = '{_PASSWORD}'")
    shop.run(
        f"CREATE USER {name} FOR LOGIN {name}",
        f"GRANT SELECT ON SCHEMA::cdc TO {name}",
        f"GRANT VIEW DEFINITION TO {name}",
    )
    yield name
    _run_in(server.address, "master", f"DROP LOGIN {name}")


@pytest.fixture
def program(make_program: Callable[..., Program], shop: Database, reader: str, target: Target) -> Program:
    return make_program(shop.name, target.url, SQL_SERVER_USER=reader, SQL_SERVER_PASSWORD=_PASSWORD)


@pytest.mark.parametrize("driver", drivers().values(), ids=drivers().keys())
def test_each_verb_says_what_is_right_of_each_server(
    shop: Database, program: Program, target: Target, kind: Kind, driver: str
) -> None:
    program = program.with_settings(SQL_SERVER_DRIVER=driver)
    checked = program.call("check")
    assert checked.code == 0, checked.text
    for words in ("2 of 2 captured tables can be delivered", f"database {shop.name}", "capture runs", *kind.sees):
        assert words in checked.text, checked.text
    assert [words for words in _WRONG if words in checked.text] == []
    assert ("server's offset of now (UTC+05:30)" in checked.text) == (not kind.tells_zone)
    listed = json.loads(program.call("tables", "--json").out)
    assert [table["name"] for table in listed["tables"]] == ["Items", "Orders"]
    program.once()
    assert delivered_ids(shop, target, "Orders") == [1, 2, 3, 2, 2, 3, 3, 3]
    assert delivered_ids(shop, target, "Items") == [7]
    status = program.call("status")
    assert status.code == 0 and "complete" in status.text, status.text
    assert [words for words in _WRONG if words in status.text] == []


def test_commit_times_are_utc_on_each_server(shop: Database, program: Program, target: Target, kind: Kind) -> None:
    now = shop.connection.value("SELECT SYSUTCDATETIME()")
    settings = {"CDC_SOURCE_TIME_ZONE": _ZONE} if kind.takes_zone and not kind.tells_zone else {}
    program.once(**settings)
    (item,) = target.objects(shop.name, "Items")
    (committed,) = pq.read_table(io.BytesIO(item.data)).column("__$commit_time").to_pylist()
    assert abs((committed.replace(tzinfo=None) - now).total_seconds()) < 60


def test_a_zone_that_a_server_cannot_apply_is_refused_with_what_to_do(
    shop: Database, program: Program, target: Target, kind: Kind
) -> None:
    program = program.with_settings(CDC_SOURCE_TIME_ZONE="UTC" if kind.edition == "azure" else _ZONE)
    ended = program.call("run", "--once")
    if kind.takes_zone:
        assert ended.code == 0, ended.text
        assert delivered_ids(shop, target, "Items") == [7]
        assert "commit times become UTC by [source] time_zone" in program.call("check").out
        return
    assert ended.code == 1
    for words in ("[source] time_zone", _ZONE, "AT TIME ZONE came with SQL Server 2016", "Leave time_zone out"):
        assert words in ended.text, ended.text
    assert target.keys(f"{shop.name}/") == []
