"""What the benchmarks share: the stand-in with the seeded tables, an S3 server, and the program's own figures."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from standin.harness import StandIn
from standin.load.connection import Address, Connection, ensure_database
from standin.load.history import create
from tests.support.program import Program
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

    def object_keys(self) -> list[str]:
        """Keys of all objects, without the state's."""
        pages = self.s3.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{DATABASE}/")
        return [item["Key"] for page in pages for item in page.get("Contents", [])]


@contextmanager
def world(capture_interval: float) -> Iterator[World]:
    """Three captured tables, nothing in them. Everything ends with the block."""
    with tempfile.TemporaryDirectory(prefix="cdc-to-s3-bench-") as name:
        folder = Path(name)
        options = ["--capture-interval", str(capture_interval)]
        with (
            StandIn(options=options, log=folder / "stand-in.log") as stand_in,
            S3Server("seaweedfs", folder / "s3", bucket=BUCKET) as s3,
        ):
            address = Address(stand_in.host, stand_in.port, stand_in.user, stand_in.password, DATABASE)
            ensure_database(address)
            with Connection(address) as connection:
                create(connection, cdc=True)
            settings = {
                "SQL_SERVER_HOST": f"{stand_in.host},{stand_in.port}",
                "SQL_SERVER_DATABASE": DATABASE,
                "SQL_SERVER_USER": stand_in.user,
                "SQL_SERVER_PASSWORD": stand_in.password,
                "SQL_SERVER_DRIVER": "{FreeTDS}",
                "CDC_TARGET_URL": f"s3://{BUCKET}",
                **s3.environment(),
            }
            program = Program(folder, settings)
            try:
                yield World(folder, stand_in, s3, program, address)
            finally:
                program.kill()


@dataclass(frozen=True)
class Figures:
    """Of a process: CPU seconds so far, and the largest resident memory in MiB."""

    cpu_seconds: float
    peak_mib: float

    def __str__(self) -> str:
        return f"CPU {self.cpu_seconds:.1f} s, peak memory {self.peak_mib:.0f} MiB"


def figures(pid: int) -> Figures:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    status = Path(f"/proc/{pid}/status").read_text()
    peak_kib = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
    return Figures(ticks / os.sysconf("SC_CLK_TCK"), peak_kib / 1024)
