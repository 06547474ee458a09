"""Fixtures of the end-to-end tests: a SQL Server (the stand-in, or a real one), a target, and the program.

`SQLSERVER='host=db1,1433;user=sa;password=…'` in the environment names a real server; then only plain T-SQL is
sent, and what needs a fault injected skips and says so.

`CDC_TEST_DRIVER=microsoft-tls` runs the same tests with Microsoft's ODBC driver through TLS: the stand-in insists on it,
and the program verifies its certificate. The tests' own client then connects to the stand-in's second port."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytds
import pytest

from standin.harness import StandIn
from standin.load.connection import Address, Connection, ensure_database, quoted
from tests.support.drivers import MICROSOFT_TLS, drivers
from tests.support.judge import Object
from tests.support.program import Program
from tests.support.s3_servers import S3Server

BUCKET = "lake"
_CAPTURE_SECONDS = 90.0
_DROP_SECONDS = 10.0


@dataclass(frozen=True)
class Server:
    """Where SQL Server is for the tests. `stand_in` is None for a real one. `program`: how the program connects."""

    address: Address
    stand_in: StandIn | None
    program: Mapping[str, str]


def in_clear(address: Address) -> dict[str, str]:
    """How the program reaches a server that has no TLS."""
    return {
        "SQL_SERVER_HOST": f"{address.host},{address.port}",
        "SQL_SERVER_DRIVER": "{FreeTDS}",
        "CDC_SOURCE_ENCRYPT": "no",
    }


def _through_tls(stand_in: StandIn) -> dict[str, str]:
    return {
        "SQL_SERVER_HOST": f"localhost,{stand_in.port}",
        "SQL_SERVER_DRIVER": drivers()["Microsoft"],
        "CDC_SOURCE_ENCRYPT": "yes",
        "CDC_SOURCE_CA_FILE": str(stand_in.ca_file),
    }


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    named = os.environ.get("SQLSERVER", "")
    if named:
        words = dict(pair.split("=", 1) for pair in named.split(";") if pair)
        host, _, port = words["host"].partition(",")
        address = Address(host, int(port or "1433"), words["user"], words["password"], "master")
        yield Server(address, None, in_clear(address))
        return
    log = tmp_path_factory.mktemp("sql-server") / "stand-in.log"
    options = ["--tls", "auto", "--tls-required", "--clear-port", "0"] if MICROSOFT_TLS else []
    with StandIn(options=options, log=log) as stand_in:
        address = Address(stand_in.host, stand_in.clear_port, stand_in.user, stand_in.password, "master")
        yield Server(address, stand_in, _through_tls(stand_in) if MICROSOFT_TLS else in_clear(address))


@contextmanager
def own_server(log: Path, options: Sequence[str] = (), version: str = "", edition: str = "") -> Iterator[Server]:
    """For tests that move the server's clock (commit times never go back, so other tests must not see its days pass), and
    for those that need a server of some time zone, version or edition."""
    if os.environ.get("SQLSERVER"):
        pytest.skip("a real server's clock and version are not ours to choose")
    with StandIn(log=log, options=options, version=version, edition=edition) as own:
        address = Address(own.host, own.port, own.user, own.password, "master")
        yield Server(address, own, in_clear(address))


@pytest.fixture
def stand_in(server: Server) -> StandIn:
    """For tests that inject faults."""
    if server.stand_in is None:
        pytest.skip("a real server takes no injected faults")
    return server.stand_in


class Database:
    """A database of its own for one test, with CDC on."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        base = server.address
        self.address = Address(base.host, base.port, base.user, base.password, name)
        self.name = name
        ensure_database(self.address)
        self.connection = Connection(self.address)

    def run(self, *statements: str) -> None:
        self.connection.run_all(statements)

    def enable(self, schema: str, table: str, arguments: str = "") -> None:
        """Turns CDC on for the database, if it is off, and for the table."""
        if not self.connection.value("SELECT is_cdc_enabled FROM sys.databases WHERE name = DB_NAME()"):
            self.run("EXEC sys.sp_cdc_enable_db")
        names = f"@source_schema = N'{schema}', @source_name = N'{table}'".replace("\\", "")
        self.run(f"EXEC sys.sp_cdc_enable_table {names}, @role_name = NULL{arguments}")

    def capture(self) -> None:
        """Returns when everything committed until now is in the change tables."""
        if self.server.stand_in is not None:
            self.run("EXEC sys.sp_cdc_scan")
            return
        # A marker of our own: its row is captured after everything before it.
        if self.connection.value("SELECT OBJECT_ID(N'dbo.CaptureMarker')") is None:
            self.run("CREATE TABLE dbo.CaptureMarker (id uniqueidentifier NOT NULL PRIMARY KEY)")
            self.enable("dbo", "CaptureMarker")
        marker = str(uuid.uuid4()).upper()
        self.run(f"INSERT INTO dbo.CaptureMarker VALUES ('{marker}')")
        end = time.monotonic() + _CAPTURE_SECONDS
        seen = f"SELECT COUNT(*) FROM cdc.dbo_CaptureMarker_CT WHERE id = '{marker}'"
        while not self.connection.value(seen):
            assert time.monotonic() < end, "the capture job does not run"
            time.sleep(0.5)

    def connect(self) -> Connection:
        return Connection(self.address)

    def drop(self) -> None:
        """The server takes a moment to see that the last session is gone."""
        self.connection.close()
        end = time.monotonic() + _DROP_SECONDS
        with Connection(self.server.address) as connection:
            while True:
                try:
                    connection.run(f"DROP DATABASE {quoted(self.name)}")
                    return
                except pytds.Error:
                    if time.monotonic() > end:
                        raise
                time.sleep(0.05)


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    made = Database(server, f"Shop_{uuid.uuid4().hex[:8]}")
    yield made
    made.drop()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server("seaweedfs", tmp_path_factory.mktemp("s3"), bucket=BUCKET) as running:
        yield running


class Target:
    """A prefix of its own in the bucket."""

    def __init__(self, s3: S3Server, prefix: str) -> None:
        self.s3 = s3
        self.prefix = prefix
        self.url = f"s3://{BUCKET}/{prefix}"
        self.client = s3.client()

    def versions(self, under: str = "") -> dict[str, str]:
        """Keys below the prefix, without it, and the ETag of each."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{self.prefix}/{under}")
        found = [item for page in pages for item in page.get("Contents", [])]
        return {item["Key"].removeprefix(self.prefix + "/"): item["ETag"] for item in found}

    def keys(self, under: str = "") -> list[str]:
        """Keys below the prefix, without it, in byte order."""
        return sorted(self.versions(under), key=str.encode)

    def get(self, key: str) -> Object:
        reply = self.client.get_object(Bucket=BUCKET, Key=f"{self.prefix}/{key}")
        return Object(key, reply["Body"].read(), reply["Metadata"])

    def put(self, key: str, data: bytes, metadata: Mapping[str, str] | None = None) -> None:
        where = {"Bucket": BUCKET, "Key": f"{self.prefix}/{key}"}
        self.client.put_object(**where, Body=data, Metadata=dict(metadata or {}))

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=f"{self.prefix}/{key}")

    def objects(self, database: str, table: str) -> list[Object]:
        """Everything in a table's folder; all of it must be objects of ours."""
        return [self.get(key) for key in self.keys(f"{database}/{table}/cdc/")]

    def state_key(self, database: str) -> str:
        return f"_cdc_to_s3/{database}.json"


@pytest.fixture
def target(s3: S3Server) -> Target:
    return Target(s3, f"t{uuid.uuid4().hex[:10]}")


def program_settings(server: Server, s3: S3Server, database: str, url: str) -> dict[str, str]:
    """The environment with which the program delivers `database` to `url`."""
    return {
        **server.program,
        "SQL_SERVER_DATABASE": database,
        "SQL_SERVER_USER": server.address.user,
        "SQL_SERVER_PASSWORD": server.address.password,
        "CDC_TARGET_URL": url,
        **s3.environment(),
    }


@pytest.fixture
def make_program(tmp_path: Path, server: Server, s3: S3Server) -> Iterator[Callable[..., Program]]:
    """make_program(database_name, url, **settings): further programs for one test; all are ended with it."""
    made: list[Program] = []

    def make(database: str, url: str, **settings: str) -> Program:
        folder = tmp_path / f"program{len(made)}"
        folder.mkdir()
        base = program_settings(server, s3, database, url)
        made.append(Program(folder, {**base, "CDC_RUN_TEMP_DIR": str(folder), **settings}))
        return made[-1]

    yield make
    for program in made:
        program.kill()


@pytest.fixture
def program(make_program: Callable[..., Program], database: Database, target: Target) -> Program:
    return make_program(database.name, target.url)
