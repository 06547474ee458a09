"""What a poll costs when nearly all tables are quiet: `make bench-idle`.

TABLES captured tables (default 1000), each with rows that are delivered already. Then POLLS polls (10) are looked at in
which nothing has changed, and as many before each of which CHANGING tables (10) have. In the environment also DRIVERS
(FreeTDS,Microsoft: those that are installed).

Per poll, as medians: statements and bytes by the stand-in's log, S3 requests by a proxy before the S3 server, wall time
from the first statement to the last answer of either; CPU as the mean over all polls, because the kernel counts it in
steps of 10 ms."""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench import report
from bench.measure import figures
from bench.world import BUCKET, World, circumstances, world
from standin.control import Control
from standin.load.connection import Connection, enable_cdc
from tests.support.drivers import drivers
from tests.support.s3_proxy import S3Proxy, Seen

_INTERVAL_SECONDS = 2.0
_QUIET_SECONDS = 0.6  # so long without a statement or a request: the poll is over
_POLL_SECONDS_MAX = 300.0
_POLLS_BEFORE = 2  # not counted: the first one describes tables and takes over
_KINDS = (
    ("TOP (2) m.start_lsn", "horizon"),
    ("AS probe", "probe"),
    ("cdc.captured_columns", "describe"),
    ("LEFT JOIN cdc.lsn_time_mapping", "read"),
    ("FROM cdc.change_tables", "instances"),
)


@dataclass(frozen=True)
class Poll:
    """What one poll did: statements and S3 requests by kind."""

    statements: Counter[str]
    requests: Counter[str]
    received_bytes: int
    seconds: float


class Polls:
    """Waits for the program's polls, one by one, and says what each did."""

    def __init__(self, control: Control, proxy: S3Proxy) -> None:
        self._control = control
        self._proxy = proxy
        self._last_id = 0
        self._requests_seen = 0
        self.skip()

    def skip(self) -> None:
        """What has happened until now belongs to no poll."""
        self._last_id = max((one["id"] for one in self._control.statements()), default=0)
        self._requests_seen = len(self._proxy.seen)

    def next(self) -> Poll:
        """Returns when a poll has begun and ended."""
        end = time.monotonic() + _POLL_SECONDS_MAX
        while True:
            statements = self._control.statements(after=self._last_id)
            requests = self._proxy.seen[self._requests_seen :]
            if statements and all(one["seconds"] is not None for one in statements):
                last = _last_moment(statements, requests)
                if time.time() - last > _QUIET_SECONDS:
                    break
            assert time.monotonic() < end, "the program does not poll"
            time.sleep(0.05)
        self._last_id = statements[-1]["id"]
        self._requests_seen += len(requests)
        return Poll(
            Counter(_kind(one["text"]) for one in statements),
            Counter(_request(one) for one in requests),
            sum(one["bytes"] for one in statements),
            last - statements[0]["time"],
        )


def _last_moment(statements: list[dict[str, Any]], requests: list[Seen]) -> float:
    return max([one["time"] + one["seconds"] for one in statements] + [one.at for one in requests])


def _kind(text: str) -> str:
    return next((kind for mark, kind in _KINDS if mark in text), "other")


def _request(seen: Seen) -> str:
    if seen.method == "GET" and seen.path.strip("/") == BUCKET:
        return "LIST"
    return f"{seen.method} {'state' if '/_cdc_to_s3/' in seen.path else 'object'}"


def name_of(number: int) -> str:
    return f"T{number:04d}"


def create(connection: Connection, tables: int) -> None:
    started = time.monotonic()
    for number in range(tables):
        connection.run(
            f"CREATE TABLE dbo.{name_of(number)} (id int IDENTITY(1, 1) PRIMARY KEY, customer nvarchar(50) NOT NULL, "
            "total decimal(18, 2) NOT NULL, placed_at datetime2(3) NOT NULL)"
        )
    enable_cdc(connection, [("dbo", name_of(number)) for number in range(tables)])
    report.say(f"{tables} captured tables made in {time.monotonic() - started:.0f} s")


def change(connection: Connection, first: int, count: int) -> None:
    """A row into each of `count` tables, in the change tables when it returns."""
    connection.run(
        "; ".join(
            f"INSERT INTO dbo.{name_of(number)} (customer, total, placed_at) "
            f"VALUES (N'Customer {number}', 12.50, '2025-01-09T14:30:15')"
            for number in range(first, first + count)
        )
    )
    connection.run("EXEC sys.sp_cdc_scan")


def deliver_first(running: World, driver: str, settings: dict[str, str], tables: int) -> None:
    """Every table's first row, and what that costs."""
    started = time.monotonic()
    process = running.program.start("--interval", f"{int(_INTERVAL_SECONDS * 1000)}ms", **settings)
    prefix = settings["CDC_TARGET_URL"].removeprefix(f"s3://{BUCKET}/") + "/"
    while sum(key.endswith(".parquet") for key in running.object_keys(prefix)) < tables:
        assert time.monotonic() - started < _POLL_SECONDS_MAX, "the first objects never came"
        assert process.poll() is None, running.program.log_text()
        time.sleep(0.5)
    report.say(f"{driver}: a first object of each table in {time.monotonic() - started:.0f} s, {figures(process.pid)}")


def look(running: World, polls: Polls, count: int, before: Callable[[int], None]) -> tuple[list[Poll], float]:
    """`count` polls, and the program's CPU seconds in all of them."""
    assert running.program.process is not None
    for number in range(_POLLS_BEFORE):
        before(number)
        polls.next()
    cpu = figures(running.program.process.pid).cpu_seconds
    seen = []
    for number in range(count):
        before(_POLLS_BEFORE + number)
        seen.append(polls.next())
    return seen, figures(running.program.process.pid).cpu_seconds - cpu


def text_of(name: str, polls: list[Poll], cpu: float) -> str:
    def counts(of: Callable[[Poll], Counter[str]]) -> str:
        kinds = sorted({kind for poll in polls for kind in of(poll)})
        medians = {kind: statistics.median(of(poll)[kind] for poll in polls) for kind in kinds}
        total = statistics.median(of(poll).total() for poll in polls)
        listed = ", ".join(f"{kind} {count:g}" for kind, count in medians.items() if count)
        return f"{total:g}" + (f" ({listed})" if listed else "")

    walls = [poll.seconds * 1000 for poll in polls]
    return "\n".join(
        (
            name,
            f"  statements      {counts(lambda poll: poll.statements)}",
            f"  bytes received  {statistics.median(poll.received_bytes for poll in polls):.0f}",
            f"  S3 requests     {counts(lambda poll: poll.requests)}",
            f"  CPU ms          {cpu * 1000 / len(polls):.1f}",
            f"  wall ms         {statistics.median(walls):.0f} [{min(walls):.0f}–{max(walls):.0f}]",
        )
    )


def contest(running: World, proxy: S3Proxy, driver: str, library: str, options: dict[str, int]) -> str:
    """One driver: quiet polls, then polls with changes."""
    settings = {
        "SQL_SERVER_DRIVER": library,
        "CDC_TARGET_URL": f"s3://{BUCKET}/{driver}",
        "AWS_ENDPOINT_URL_S3": proxy.endpoint,
    }
    tables, changing, count = options["TABLES"], options["CHANGING"], options["POLLS"]
    deliver_first(running, driver, settings, tables)
    with running.connect() as connection, running.stand_in.control() as control:
        polls = Polls(control, proxy)

        def change_some(number: int) -> None:
            change(connection, number * changing % (tables - changing + 1), changing)
            polls.skip()

        quiet = look(running, polls, count, lambda _: None)
        busy = look(running, polls, count, change_some)
    assert running.program.process is not None
    peak = figures(running.program.process.pid).peak_mib
    assert running.program.stop() == 0, running.program.log_text()
    return "\n".join(
        (
            text_of(f"{driver}, {tables} tables, none changed", *quiet),
            text_of(f"{driver}, {tables} tables, {changing} changed before each poll", *busy),
            f"  peak memory     {peak:.0f} MiB, the first delivery of all tables included",
        )
    )


def main() -> int:
    options = {
        name: int(os.environ.get(name, default))
        for name, default in (("TABLES", "1000"), ("CHANGING", "10"), ("POLLS", "10"))
    }
    installed = drivers()
    wanted = os.environ.get("DRIVERS", ",".join(installed)).split(",")

    def prepare(connection: Connection) -> None:
        create(connection, options["TABLES"])
        for first in range(0, options["TABLES"], 100):
            change(connection, first, min(100, options["TABLES"] - first))

    with world(capture_interval=0, prepare=prepare) as running, S3Proxy(running.s3.endpoint) as proxy:
        results = [contest(running, proxy, name, installed[name], options) for name in wanted]
    print("medians per poll; CPU: mean")
    print("\n".join(results))
    print(circumstances())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
