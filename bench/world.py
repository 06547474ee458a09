"""What the benchmarks share: the stand-in, an S3 server, and the program between them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from standin.harness import StandIn
from standin.load.connection import Address, Connection, ensure_database
from standin.load.history import create
from tests.support.program import ROOT, Program
from tests.support.s3_servers import S3Server

BUCKET = "lake"
DATABASE = "AdventureWorks"


@dataclass(frozen=True)
class World:
    folder: Path
    stand_in: StandIn
    s3: S3Server
    program: Program
    address: Address

    def connect(self) -> Connection:
        return Connection(self.address)

    def object_keys(self, prefix: str = f"{DATABASE}/") -> list[str]:
        """Keys of all objects; the state lies under another prefix."""
        pages = self.s3.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]


def _seeded(connection: Connection) -> None:
    create(connection, cdc=True)


@contextmanager
def world(
    capture_interval: float, prepare: Callable[[Connection], object] = _seeded, s3_kind: str = "seaweedfs"
) -> Iterator[World]:
    """Everything started, with what `prepare` makes in the database: by default three captured tables, nothing in
    them. Everything ends with the block."""
    with tempfile.TemporaryDirectory(prefix="cdc-to-s3-bench-") as name:
        folder = Path(name)
        options = ["--capture-interval", str(capture_interval)]
        with (
            StandIn(options=options, log=folder / "stand-in.log") as stand_in,
            S3Server(s3_kind, folder / "s3", bucket=BUCKET) as s3,
        ):
            address = Address(stand_in.host, stand_in.port, stand_in.user, stand_in.password, DATABASE)
            ensure_database(address)
            with Connection(address) as connection:
                prepare(connection)
            settings = {
                "SQL_SERVER_HOST": f"{stand_in.host},{stand_in.port}",
                "SQL_SERVER_DATABASE": DATABASE,
                "SQL_SERVER_USER": stand_in.user,
                "SQL_SERVER_PASSWORD": stand_in.password,
                "SQL_SERVER_DRIVER": "{FreeTDS}",
                "CDC_SOURCE_ENCRYPT": "no",  # the stand-in here has no TLS
                "CDC_TARGET_URL": f"s3://{BUCKET}",
                **s3.environment(),
            }
            program = Program(folder, settings)
            try:
                yield World(folder, stand_in, s3, program, address)
            finally:
                program.kill()


def circumstances() -> str:
    """The commit, and the machine with what else it does: a line to read every figure by."""
    try:
        commit = subprocess.check_output(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True).strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"commit {commit}, {os.cpu_count()} cores, load average {load}"
