"""Drives the stand-in's engine directly, through the Session of standin.model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from standin.engine import open_engine
from standin.engine.engine import StandInEngine
from standin.model import Column, Columns, Done, Event, Info, Login, Param, Rows, SqlError, SqlType, WireRows

PASSWORD = "Secret-1"
LSN = SqlType("binary", 10)


@dataclass
class Result:
    """What a batch gave: result sets, counts of its statements, messages, errors that did not end it."""

    columns: list[list[Column]] = field(default_factory=list)
    sets: list[list[tuple[Any, ...]]] = field(default_factory=list)
    wire: list[bytes] = field(default_factory=list)
    wire_rows: int = 0
    counts: list[int | None] = field(default_factory=list)
    infos: list[Info] = field(default_factory=list)
    errors: list[SqlError] = field(default_factory=list)
    others: list[Event] = field(default_factory=list)

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The last result set's rows."""
        return self.sets[-1]

    @property
    def value(self) -> Any:
        return self.rows[0][0]


class Driver:
    """One session; `run` raises the errors that end a batch and collects the rest."""

    def __init__(self, engine: StandInEngine, database: str = "", user: str = "sa", password: str = PASSWORD) -> None:
        self.engine = engine
        self.session = engine.login(Login(user, password, database))

    def run(self, sql: str, *params: Param) -> Result:
        return collect(self.session.execute(sql, list(params)))

    def call(self, procedure: str, *params: Param) -> Result:
        return collect(self.session.call(procedure, list(params)))

    def rows(self, sql: str, *params: Param) -> list[tuple[Any, ...]]:
        result = self.run(sql, *params)
        if result.errors:
            raise result.errors[0]
        return result.rows

    def value(self, sql: str, *params: Param) -> Any:
        return self.rows(sql, *params)[0][0]

    def error(self, sql: str, *params: Param) -> SqlError:
        """The error that the batch must give."""
        try:
            result = self.run(sql, *params)
        except SqlError as error:
            return error
        assert result.errors, f"no error from {sql}"
        return result.errors[0]

    def scan(self) -> None:
        self.run("EXEC sys.sp_cdc_scan")


def collect(events: Iterator[Event]) -> Result:
    result = Result()
    for event in events:
        if isinstance(event, Columns):
            result.columns.append(event.columns)
            result.sets.append([])
        elif isinstance(event, Rows):
            result.sets[-1] += list(event.rows)
        elif isinstance(event, WireRows):
            result.wire.append(bytes(event.data))
            result.wire_rows += event.count
        elif isinstance(event, Done):
            result.counts.append(event.count)
        elif isinstance(event, Info):
            result.infos.append(event)
        elif isinstance(event, SqlError):
            result.errors.append(event)
        else:
            result.others.append(event)
    return result


def new_engine(**options: Any) -> StandInEngine:
    return open_engine(users={"sa": PASSWORD}, **options)


def lsn_param(name: str, value: bytes) -> Param:
    return Param(name, LSN, value)
