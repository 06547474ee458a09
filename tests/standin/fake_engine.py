"""An engine that yields fixed events by the statement's text, so that the wire half is tested alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from standin.model import (
    TEXT_SIZE_MAX,
    Column,
    Columns,
    DatabaseChanged,
    Done,
    Event,
    Login,
    Param,
    ReturnStatus,
    ReturnValue,
    Rows,
    SqlError,
    SqlType,
    TransactionBegan,
    TransactionEnded,
)

SELECT = 0xC1
INT = SqlType("int")


class FakeSession:
    """Answers what its engine's table of statements has; keeps what it was asked."""

    def __init__(self, engine: FakeEngine, login: Login) -> None:
        self.engine = engine
        self.login = login
        self.database = login.database or "master"
        self.text_size_bytes = TEXT_SIZE_MAX
        self.cancelled = threading.Event()
        self.descriptor = 0

    def execute(self, sql: str, params: list[Param]) -> Iterator[Event]:
        self.cancelled.clear()
        self.engine.asked.append((sql, params))
        text = sql.strip().rstrip(";").strip()
        if text.lower().startswith("use "):
            old, self.database = self.database, text[4:].strip("[] ")
            yield DatabaseChanged(old, self.database)
            yield Done()
        elif text in self.engine.statements:
            yield from self.engine.statements[text](self, params)
        elif text.lower().startswith("set "):
            yield Done()
        elif text.startswith("sp_datatype_info"):
            yield from _type_info(int(text.split()[1].split(",")[0]))
        elif text.upper().startswith("BEGIN TRAN"):
            yield from self.begin(0, "")
        elif text.upper().startswith(("COMMIT", "ROLLBACK")):
            yield from self._end(text.split()[0].upper(), "", False, text.upper().startswith("COMMIT"))
        elif "echo" in text:
            yield from _echo(params)
        else:
            raise SqlError(208, f"Invalid object name '{text}'.")

    def call(self, procedure: str, params: list[Param]) -> Iterator[Event]:
        self.engine.asked.append((procedure, params))
        if "add_one" in procedure:
            yield Columns([Column("got", INT)])
            yield Rows([(params[0].value,)])
            yield Done(1, SELECT)
            yield ReturnStatus(7)
            yield ReturnValue(params[1].name, INT, params[0].value + 1)
        elif "sp_datatype_info" in procedure:
            yield from _type_info(params[0].value)
        else:
            raise SqlError(2812, f"Could not find stored procedure '{procedure}'.")

    def describe(self, sql: str, params: list[Param]) -> list[Column]:
        for event in self.execute(sql, params):
            if isinstance(event, Columns):
                return event.columns
        return []

    def begin(self, isolation: int, name: str) -> Iterator[Event]:
        self.engine.asked.append((f"BEGIN {isolation} {name}", []))
        self.engine.descriptors += 1
        self.descriptor = self.engine.descriptors
        yield TransactionBegan(self.descriptor)

    def _end(self, what: str, name: str, begin_new: bool, committed: bool) -> Iterator[Event]:
        self.engine.asked.append((f"{what} {name}".strip(), []))
        if not self.descriptor:
            raise SqlError(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        yield TransactionEnded(self.descriptor, committed)
        self.descriptor = 0
        if begin_new:
            yield from self.begin(0, "")

    def commit(self, name: str, begin_new: bool) -> Iterator[Event]:
        yield from self._end("COMMIT", name, begin_new, committed=True)

    def rollback(self, name: str, begin_new: bool) -> Iterator[Event]:
        yield from self._end("ROLLBACK", name, begin_new, committed=False)

    def save(self, name: str) -> Iterator[Event]:
        self.engine.asked.append((f"SAVE {name}", []))
        yield Done()

    def reset(self) -> None:
        self.engine.asked.append(("RESET", []))
        self.descriptor = 0

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        self.engine.closed += 1


def _echo(params: list[Param]) -> Iterator[Event]:
    """The parameters as a row; output parameters come back as they came."""
    yield Columns([Column(param.name.lstrip("@"), param.type) for param in params])
    yield Rows([tuple(param.value for param in params)])
    yield Done(1, SELECT)
    for param in params:
        if param.output:
            yield ReturnValue(param.name, param.type, param.value)


def _type_info(sql_type: int) -> Iterator[Event]:
    """The first columns of sp_datatype_info: pyodbc reads the third, the longest precision."""
    longest = {12: ("varchar", 8000), -9: ("nvarchar", 4000), -3: ("varbinary", 8000), 93: ("datetime2", 27)}
    name, precision = longest[sql_type]
    columns = [("TYPE_NAME", SqlType("nvarchar", 128)), ("DATA_TYPE", SqlType("smallint")), ("PRECISION", INT)]
    yield Columns([Column(title, kind) for title, kind in columns])
    yield Rows([(name, sql_type, precision)])
    yield Done(1, SELECT)


class FakeEngine:
    """User sa with password 'Pässw0rd!'; statements by their exact text, without a last semicolon."""

    PASSWORD = "Pässw0rd!"

    def __init__(self) -> None:
        self.statements: dict[str, Callable[[FakeSession, list[Param]], Iterator[Event]]] = {}
        self.asked: list[tuple[str, list[Param]]] = []
        self.logins: list[Login] = []
        self.descriptors = 0
        self.closed = 0

    server_version = (16, 0, 1000)

    def result(self, sql: str, columns: list[Column], rows: list[tuple[Any, ...]]) -> None:
        """Makes `sql` yield one result set."""

        def run(_: FakeSession, __: list[Param]) -> Iterator[Event]:
            yield Columns(columns)
            yield Rows(rows)
            yield Done(len(rows), SELECT)

        self.statements[sql] = run

    def login(self, login: Login) -> FakeSession:
        self.logins.append(login)
        if login.user != "sa" or login.password != self.PASSWORD:
            raise SqlError(18456, f"Login failed for user '{login.user}'.", severity=14)
        if login.database == "missing":
            message = 'Cannot open database "missing" requested by the login. The login failed.'
            raise SqlError(4060, message, severity=11)
        return FakeSession(self, login)

    def close(self) -> None:
        pass
