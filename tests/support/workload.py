"""Load on the three seeded tables, the seeds of tests that leave something to chance, and the proof at the end: the
objects hold exactly the change tables' rows, with their values."""

from __future__ import annotations

import datetime
import json
import os
import random
import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from standin.load import history
from standin.load.connection import Connection
from standin.load.history import History
from standin.load.steady import run_steadily
from tests.support.change_tables import assert_delivered, change_rows
from tests.support.judge import Object

if TYPE_CHECKING:
    from tests.e2e.conftest import Database

# Folder of the seeded table -> capture instance.
TABLES = {"Person": "Person_Person", "Orders": "Sales_Orders", "Notes": "dbo_Notes"}
SEED_VARIABLE = "CDC_TEST_SEED"
_SCAN_SECONDS = 0.2
_END_SECONDS = 30.0
_TIME_SCALE = re.compile(r"time\((\d)\)")


class Folders(Protocol):
    """Where objects are: a prefix in a bucket, or a directory."""

    def keys(self, under: str = "") -> list[str]: ...

    def objects(self, database: str, table: str) -> list[Object]: ...


def random_of(test: str) -> random.Random:
    """A generator with a seed of its own for this run; `CDC_TEST_SEED=<n>` in the environment repeats one."""
    seed = int(os.environ.get(SEED_VARIABLE, "0")) or random.SystemRandom().randrange(1, 2**31)
    print(f"{test}: {SEED_VARIABLE}={seed} repeats this run")
    return random.Random(seed)


Stopped = Callable[[float], bool]  # waits up to so many seconds and says whether to end
Write = Callable[[Connection, Stopped], None]


class Load:
    """Writers, each with a connection of its own, and the capture job's scans beside them, from `with` to its end (or
    `stop`).

    An error in one ends all, and is raised at the end."""

    def __init__(self, database: Database, writers: Sequence[Write]) -> None:
        self._database = database
        self._stop = threading.Event()
        self._ended = False
        self._failed: list[BaseException] = []
        self._threads = [threading.Thread(target=self._guard, args=(work,)) for work in (*writers, self._scan)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(quietly=error is not None)

    def stop(self, quietly: bool = False) -> None:
        """Ends the load; afterwards everything committed is in the change tables."""
        if self._ended:
            return
        self._ended = True
        self._stop.set()
        for thread in self._threads:
            thread.join(_END_SECONDS)
        if not quietly:
            assert self._failed == [], f"the workload failed: {self._failed}"
            self._database.capture()

    def _guard(self, work: Write) -> None:
        try:
            with self._database.connect() as connection:
                work(connection, self._stop.wait)
        except BaseException as error:
            self._failed.append(error)
            self._stop.set()

    def _scan(self, connection: Connection, stopped: Stopped) -> None:
        if self._database.server.stand_in is None:
            return  # a real server captures by itself
        while not stopped(_SCAN_SECONDS):
            connection.run("EXEC sys.sp_cdc_scan")


class Workload(Load):
    """Random transactions on the seeded tables at a rate."""

    def __init__(self, database: Database, seed: int, rate: float = 20.0) -> None:
        super().__init__(database, [self._write])
        self._seed = seed
        self._rate = rate
        history.create(database.connection, cdc=True)

    def _write(self, connection: Connection, stopped: Stopped) -> None:
        seeded = History(self._seed, first_key=history.first_free_key(connection))
        run_steadily(connection, seeded, self._rate, None, stopped)


def commit_some(database: Database, seed: int, transactions: int) -> None:
    """So many random transactions on the seeded tables, made if they are not there, and all of them captured."""
    history.create(database.connection, cdc=True)
    seeded = History(seed, first_key=history.first_free_key(database.connection))
    for transaction in seeded.transactions(transactions):
        history.apply(database.connection, transaction)
    database.capture()


def assert_same(database: Database, target: Folders) -> None:
    """Each change row of the three tables is in exactly one object, in order, with its values; the folders hold
    nothing else. The judge knows docs/FORMAT.md alone."""
    for table, instance in TABLES.items():
        verdict = assert_delivered(database.connection, instance, target.objects(database.name, table))
        types = _sql_types(verdict.footers)
        for number, source in enumerate(change_rows(database.connection, instance)):
            expected = _as_delivered(source, types)
            delivered = {name: value for name, value in verdict.rows[number].items() if name != "__$commit_time"}
            assert delivered == expected, f"row {number} of {instance}"
            assert verdict.rows[number]["__$commit_time"] is not None
    assert_only_objects(database.name, target)


def assert_only_objects(database: str, target: Folders) -> None:
    """Below the database's folder there is nothing but objects of ours, by their names."""
    name = re.compile(r"(?P<table>[^/]+)/cdc/(?P=table)_cdc_\d{8}_\d{6}(_\d{4})?\.parquet")
    foreign = [key for key in target.keys(f"{database}/") if not name.fullmatch(key.removeprefix(f"{database}/"))]
    assert foreign == []


def _sql_types(footers: list[dict[str, str]]) -> dict[str, str]:
    return {column["name"]: column["sql_type"] for column in json.loads(footers[-1]["cdc.columns"])} if footers else {}


def _as_delivered(row: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    """A row as pytds gives it, as docs/FORMAT.md says that it is in the object."""
    delivered: dict[str, Any] = {}
    for name, value in row.items():
        delivered[name] = _value(value, types.get(name, ""))
        if types.get(name, "").startswith("datetimeoffset"):
            offset = None if value is None else value.utcoffset()
            delivered[f"{name}__offset"] = None if offset is None else int(offset.total_seconds()) // 60
    return delivered


def _value(value: Any, sql_type: str) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value).upper()
    if isinstance(value, datetime.time):
        scale = _TIME_SCALE.fullmatch(sql_type)
        assert scale is not None and int(scale[1]) <= 6, f"pytds shows microseconds only: {sql_type}"
        return f"{value:%H:%M:%S.%f}"[: 9 + int(scale[1])] if int(scale[1]) else f"{value:%H:%M:%S}"
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC)
    return value
