"""Logins that are cut on their way, wherever: a lost connection, which a daemon makes anew, and no word of a setting
that is right."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from standin.harness import StandIn
from standin.load.connection import Address
from tests.e2e.conftest import Database, Server
from tests.support.change_tables import assert_delivered
from tests.support.cutting_proxy import CuttingProxy
from tests.support.drivers import drivers
from tests.support.folder_target import FolderTarget
from tests.support.program import Program, wait_until

# In the answer to PRELOGIN, behind it, in the handshake or in the answer to the login, and near its end.
CUTS = (0, 20, 60, 500, 1500)


@dataclass(frozen=True)
class Way:
    """How the program logs in. `looks`: after a login that failed it looks at the server's TLS, on a connection of its
    own."""

    driver: str
    encrypt: str
    tls: bool  # of the server
    looks: bool

    def __str__(self) -> str:
        return f"{self.driver} encrypt={self.encrypt} {'with' if self.tls else 'without'} TLS"


WAYS = [
    Way("FreeTDS", "no", False, True),
    Way("FreeTDS", "no", True, True),
    Way("FreeTDS", "auto", True, True),
    Way("FreeTDS", "yes", True, True),
    Way("Microsoft", "no", False, False),
    Way("Microsoft", "no", True, False),
    Way("Microsoft", "yes", True, False),
    Way("Microsoft", "strict", True, True),
]
each_way = pytest.mark.parametrize("way", [way for way in WAYS if way.driver in drivers()], ids=str)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, StandIn]]:
    """By whether they have TLS."""
    folder = tmp_path_factory.mktemp("servers")
    offers = ["--tls", "auto", "--clear-port", "0"]
    with StandIn(log=folder / "clear.log") as clear, StandIn(options=offers, log=folder / "tls.log") as tls:
        yield {False: clear, True: tls}


@pytest.fixture
def proxy(servers: dict[bool, StandIn], way: Way) -> Iterator[CuttingProxy]:
    with CuttingProxy(servers[way.tls].port) as running:
        yield running


def _program(folder: Path, way: Way, server: StandIn, proxy: CuttingProxy, database: str, url: str) -> Program:
    settings = {
        "SQL_SERVER_HOST": f"localhost,{proxy.port}",
        "SQL_SERVER_DATABASE": database,
        "SQL_SERVER_USER": server.user,
        "SQL_SERVER_PASSWORD": server.password,
        "SQL_SERVER_DRIVER": drivers()[way.driver],
        "CDC_SOURCE_LOGIN_TIMEOUT": "5s",
        "CDC_SOURCE_ENCRYPT": way.encrypt,
        "CDC_TARGET_URL": url,
    }
    if way.encrypt in ("yes", "strict"):
        settings["CDC_SOURCE_CA_FILE"] = str(server.ca_file)
    return Program(folder, settings)


@each_way
def test_a_login_that_was_cut_is_told_as_such_wherever_it_was(
    servers: dict[bool, StandIn], proxy: CuttingProxy, way: Way, tmp_path: Path
) -> None:
    program = _program(tmp_path, way, servers[way.tls], proxy, "master", f"file://{tmp_path}")
    for reset in (False, True):
        for after in CUTS if way.tls else (0, 20, 60, 300):
            if reset and after == 0:
                continue  # to a driver that may look like a port that nobody listens on
            proxy.cut(after, reset=reset)
            ended = program.call("check")
            assert (ended.code, proxy.cuts) == (1, 1)
            where = f"{after} bytes, reset: {reset}\n{ended.text}"
            told = ("ended the connection during the login", f"TLS with localhost,{proxy.port} failed")
            assert any(words in ended.text for words in told), where
            for wrong in ("offers no TLS", "not trusted", "insists on", "does not speak TDS 8", "listens on TCP"):
                assert wrong not in ended.text, where


@each_way
def test_a_daemon_whose_first_logins_are_cut_goes_on(
    servers: dict[bool, StandIn], proxy: CuttingProxy, way: Way, tmp_path: Path
) -> None:
    server = servers[way.tls]
    address = Address(server.host, server.clear_port, server.user, server.password, "master")
    database = Database(Server(address, server, {}), f"Cut_{uuid.uuid4().hex[:8]}")
    database.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY)")
    database.enable("dbo", "Orders")
    database.run("INSERT INTO dbo.Orders VALUES (1)")
    database.capture()
    target = FolderTarget(tmp_path / "target")
    target.folder.mkdir()
    program = _program(tmp_path, way, server, proxy, database.name, target.url)
    cuts = (60, 300) if way.tls else (60, 20)
    # Where it is looked at, once with the server there again, and once not.
    proxy.cut(*((cuts[0], None, cuts[1], cuts[1]) if way.looks else cuts))
    program.start()
    try:
        wait_until(lambda: bool(target.objects(database.name, "Orders")), f"an object; {program.log_text()}")
        assert proxy.cuts == (3 if way.looks else 2)
        assert program.log_text().count("cannot_start") == 2
        assert program.stop() == 0
    finally:
        program.kill()
    assert_delivered(database.connection, "dbo_Orders", target.objects(database.name, "Orders"))
    database.drop()
