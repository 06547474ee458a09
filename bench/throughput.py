"""How fast change rows become Parquet on S3: `make bench`.

The same rows, served by the stand-in from rows that it has encoded before, are taken by three programs in turn:

  product    cdc-to-s3 run --once
  drain      the product's statement fetched with ODBC and thrown away (bench/drain.cc): the floor for any reader
  original   pyodbc, pandas and boto3 (bench/original_method.py): fast or slow, it promises less

In the environment: ROWS (default 2000000), REPEATS (3), S3 (seaweedfs or versitygw), DRIVERS (FreeTDS,Microsoft:
those that are installed), METHODS (product,drain,original). Every run's result is checked: the rows of its objects, and
the sum of their keys. Exit code 1 if one is wrong."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench import report
from bench.measure import Run, figures, forget_peak, run
from bench.world import BUCKET, DATABASE, World, circumstances, world
from standin.load import adventureworks, bulk
from standin.load.connection import Connection, enable_cdc
from tests.support.drivers import drivers
from tests.support.program import BINARY, ROOT

_EXTRACT = ROOT / "tests/data/adventureworks"
_COPIES_A_TRANSACTION = 25  # of 400 rows
_ROWS_AN_OBJECT = 1_000_000  # the product's default; the original method gets the same
_RUN_SECONDS = 1800.0
_PACKET_BYTES = "16384"  # the product's


@dataclass(frozen=True)
class Options:
    rows: int
    repeats: int
    s3: str
    drivers: dict[str, str]
    methods: list[str]


def options_of(environment: dict[str, str]) -> Options:
    installed = drivers()
    wanted = environment.get("DRIVERS", ",".join(installed)).split(",")
    return Options(
        int(environment.get("ROWS", "2000000")),
        int(environment.get("REPEATS", "3")),
        environment.get("S3", "seaweedfs"),
        {name: installed[name] for name in wanted},
        environment.get("METHODS", "product,drain,original").split(","),
    )


@dataclass(frozen=True)
class Expected:
    """What every run must deliver: change rows, the sum of BusinessEntityID, and the server's reply in bytes."""

    rows: int
    key_sum: int
    wire_bytes: int
    statement: str


def people(connection: Connection) -> None:
    """Person.Person with the extract's 400 rows; captured from now on."""
    tables = adventureworks.read_tables(_EXTRACT, with_xml=False)
    adventureworks.load(connection, [table for table in tables if table.full_name == "Person.Person"])
    enable_cdc(connection, [("Person", "Person")])


def fill(running: World, rows: int) -> None:
    with running.connect() as connection:
        started = time.monotonic()
        made = bulk.multiply_people(connection, -(-rows // 400), _COPIES_A_TRANSACTION)
        connection.run("EXEC sys.sp_cdc_scan")
        report.say(f"{made} change rows made in {time.monotonic() - started:.0f} s")


def warm(running: World, options: Options) -> Expected:
    """A first run of the product, not counted: the stand-in encodes the rows, and its log has the statement."""
    driver = next(iter(options.drivers.values()))
    running.program.once(seconds=_RUN_SECONDS, SQL_SERVER_DRIVER=driver, CDC_TARGET_URL=f"s3://{BUCKET}/warm")
    with running.stand_in.control() as control:
        logged = control.statements("FROM cdc.[Person_Person_CT] AS ct LEFT JOIN")
    with running.connect() as connection:
        rows, key_sum = connection.rows(
            "SELECT COUNT(*), SUM(CONVERT(bigint, BusinessEntityID)) FROM cdc.Person_Person_CT"
        )[0]
    remove_objects(running, "warm/")
    return Expected(rows, key_sum, sum(one["bytes"] for one in logged), with_literals(logged[0]))


def with_literals(logged: dict[str, Any]) -> str:
    """A logged statement with its parameters written into it; those of sp_prepexec are text, declarations, values."""
    values = [ast.literal_eval(text) for text in logged["parameters"][2:]]

    def literal(match: re.Match[str]) -> str:
        value = values[int(match.group(1)) - 1]
        return "0x" + value.hex() if isinstance(value, bytes) else str(value)

    return re.sub(r"@P(\d+)\b", literal, logged["text"])


@dataclass(frozen=True)
class Contest:
    """Runs each method, in its environment, and looks at what it has delivered."""

    running: World
    expected: Expected

    def once(self, method: str, driver: str, name: str) -> Run:
        return {"product": self.product, "drain": self.drain, "original": self.original}[method](driver, name)

    def _environment(self, **more: str) -> dict[str, str]:
        theirs = {name: value for name, value in os.environ.items() if not name.startswith(("SQL_SERVER_", "AWS_"))}
        return {**theirs, **self.running.s3.environment(), **more}

    def _odbc(self, driver: str) -> str:
        return self.running.stand_in.odbc(driver, DATABASE, PacketSize=_PACKET_BYTES)

    def product(self, driver: str, name: str) -> Run:
        settings = {
            **self.running.program.settings,
            "SQL_SERVER_DRIVER": driver,
            "CDC_TARGET_URL": f"s3://{BUCKET}/{name}",
            "CDC_RUN_MAX_OBJECT_ROWS": str(_ROWS_AN_OBJECT),
        }
        words = [str(BINARY), "run", "--once"]
        return run(words, self._environment(**settings), self.running.folder, "", _RUN_SECONDS)

    def drain(self, driver: str, _name: str) -> Run:
        environment = self._environment(DRAIN_CONNECTION=self._odbc(driver))
        words = [str(BINARY.parent / "drain")]
        return run(words, environment, self.running.folder, self.expected.statement, _RUN_SECONDS)

    def original(self, driver: str, name: str) -> Run:
        environment = self._environment(ORIGINAL_CONNECTION=self._odbc(driver))
        words = [sys.executable, "-m", "bench.original_method", BUCKET, f"{name}/Person/cdc", "Person"]
        return run([*words, str(_ROWS_AN_OBJECT)], environment, ROOT, self.expected.statement, _RUN_SECONDS)

    def check(self, method: str, done: Run, name: str) -> None:
        """Raises AssertionError with what is wrong."""
        assert done.code == 0, f"{method} ended with {done.code}: {done.err or done.out}"
        if method == "drain":
            rows = int(json.loads(done.out)["rows"])
            assert rows == self.expected.rows, f"drain read {rows} rows of {self.expected.rows}"
            return
        rows = key_sum = 0
        client = self.running.s3.client()
        for key in self.running.object_keys(f"{name}/"):
            if not key.endswith(".parquet"):
                continue
            file = pq.ParquetFile(io.BytesIO(client.get_object(Bucket=BUCKET, Key=key)["Body"].read()))
            rows += file.metadata.num_rows
            key_sum += pc.sum(file.read(["BusinessEntityID"]).column(0)).as_py()
        found = f"{method} delivered {rows} rows with the key sum {key_sum}"
        assert (rows, key_sum) == (self.expected.rows, self.expected.key_sum), f"{found}, expected {self.expected}"


def remove_objects(running: World, prefix: str) -> None:
    client = running.s3.client()
    for key in running.object_keys(prefix):
        client.delete_object(Bucket=BUCKET, Key=key)


def measured(running: World, call: Callable[[], Run]) -> tuple[Run, report.Servers]:
    """A run, and what the two servers did meanwhile."""
    pids = (running.stand_in.process.pid, running.s3.pid)
    for pid in pids:
        forget_peak(pid)
    before = [figures(pid) for pid in pids]
    done = call()
    after = [figures(pid) for pid in pids]
    cpu = [b.cpu_seconds - a.cpu_seconds for a, b in zip(before, after, strict=True)]
    return done, report.Servers(cpu[0], cpu[1], after[0].peak_mib, after[1].peak_mib)


def main() -> int:
    options = options_of(dict(os.environ))
    table = report.Table()
    with world(capture_interval=0, prepare=people, s3_kind=options.s3) as running:
        fill(running, options.rows)
        expected = warm(running, options)
        contest = Contest(running, expected)
        report.say(f"{expected.rows} rows, {expected.wire_bytes / 1e6:.0f} MB on the wire; {circumstances()}")
        for number in range(options.repeats):
            for driver, library in options.drivers.items():
                for method in options.methods:
                    name = f"{method}-{driver}-{number}"
                    done, servers = measured(running, lambda m=method, d=library, n=name: contest.once(m, d, n))
                    contest.check(method, done, name)
                    remove_objects(running, f"{name}/")
                    table.add(method, driver, done, servers)
                    report.say(f"{name}: {done.wall_seconds:.2f} s, CPU {done.cpu_seconds:.2f} s")
    print(table.text(expected.rows, expected.wire_bytes))
    print(circumstances())
    return 0


if __name__ == "__main__":
    os.chdir(Path(ROOT))
    raise SystemExit(main())
