"""A TDS server whose statements are JSON that says what to answer, for tests of what a driver makes of the wire.

It is the stand-in's wire half with an engine that knows no SQL, so that a test can have any type, value and order
of events. Prints one line of JSON when it is ready: port, control_port (standin.control: faults, cuts).

A statement is a JSON list of events; any other text is an error 102, but SET, which does nothing:
  {"columns": [[name, type, argument...], ...], "rows": [...], "repeat": n, "count": false}
      one result set; the rows n times over; count false: as under SET NOCOUNT ON.
      Arguments are the length, or precision and scale, or scale of the type; -1 is (max).
  {"info": number, "message": text}, {"error": number, "severity": n, "message": text}, {"affected": rows},
      "go_on": true beside an error: the batch goes on behind it.
  {"sleep": seconds} (ends early when cancelled), {"parameters": true}: the parameters as a result of one row each,
      with name, type, length and the value as text.
Parameter markers go before the list, `?, ? [{"columns": ...}]`: a driver takes one in brackets for a name.
Values are those of standin.model; binary ones in hex, decimals as text, datetimeoffset as a list.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from standin.control import ControlServer
from standin.model import (
    TEXT_SIZE_MAX,
    Column,
    Columns,
    Done,
    Event,
    Info,
    Login,
    Param,
    Rows,
    SqlError,
    SqlType,
    WireRows,
)
from standin.tds.server import Server
from standin.tds.values import row_encoder

SELECT, UPDATE = 0xC1, 0xC5
USER, PASSWORD, DATABASE = "reader", "p}w; =d", "Shop"
_BINARY = {"binary", "varbinary", "image", "rowversion", "uniqueidentifier", "hierarchyid", "geometry", "geography"}
_DECIMAL = {"decimal", "numeric", "money", "smallmoney"}
_SCALED = {"time", "datetime2", "datetimeoffset"}
_ROWS_AT_ONCE = 4096


def _type(words: list[Any]) -> SqlType:
    name, *numbers = words
    if name in {"decimal", "numeric"}:
        return SqlType(name, precision=numbers[0], scale=numbers[1])
    if name in _SCALED:
        return SqlType(name, scale=numbers[0])
    return SqlType(name, length=numbers[0] if numbers else 0)


def _value(sql_type: str, value: Any) -> Any:
    if value is None:
        return None
    if sql_type in _BINARY:
        return bytes.fromhex(value)
    if sql_type in _DECIMAL:
        return Decimal(value)
    return tuple(value) if isinstance(value, list) else value


class Session:
    def __init__(self, login: Login) -> None:
        self.database = login.database or "master"
        self.text_size_bytes = TEXT_SIZE_MAX
        self._cancelled = threading.Event()

    def execute(self, sql: str, params: list[Param]) -> Iterator[Event]:
        self._cancelled.clear()
        if sql.strip().upper().startswith("SET "):
            yield Done()
            return
        try:
            events = json.loads(re.sub(r"^[@P\d, ]+", "", sql))
        except ValueError:
            raise SqlError(102, f"Incorrect syntax near '{sql[:50]}'.", severity=15) from None
        for event in events:
            yield from self._answer(event, params)

    def _answer(self, event: dict[str, Any], params: list[Param]) -> Iterator[Event]:
        if "columns" in event:
            yield from self._result(event)
        elif "parameters" in event:
            yield from _echo(params)
        elif "info" in event:
            yield Info(event["info"], event["message"])
        elif "error" in event:
            error = SqlError(event["error"], event["message"], event.get("severity", 16))
            if not event.get("go_on", False):
                raise error
            yield error
            yield Done()
        elif "affected" in event:
            yield Done(event["affected"], UPDATE)
        elif "sleep" in event:
            self._cancelled.wait(event["sleep"])
            yield Done()

    def _result(self, event: dict[str, Any]) -> Iterator[Event]:
        columns = [Column(name, _type(words)) for name, *words in event["columns"]]
        names = [column.type.name for column in columns]
        rows = [tuple(map(_value, names, row)) for row in event["rows"]]
        repeat = event.get("repeat", 1)
        yield Columns(columns)
        if repeat == 1:
            yield Rows(rows)
        else:
            yield from self._repeated(b"".join(map(row_encoder(columns), rows)), len(rows), repeat)
        yield Done(len(rows) * repeat if event.get("count", True) else None, SELECT)

    def _repeated(self, block: bytes, rows: int, repeat: int) -> Iterator[Event]:
        """Encoded once, so that a test of a million rows measures the reader."""
        at_once = max(1, _ROWS_AT_ONCE // rows)
        for start in range(0, repeat, at_once):
            if self._cancelled.is_set():
                return
            times = min(at_once, repeat - start)
            yield WireRows(block * times, rows * times)

    def call(self, procedure: str, params: list[Param]) -> Iterator[Event]:
        raise SqlError(2812, f"Could not find stored procedure '{procedure}'.")

    def describe(self, sql: str, params: list[Param]) -> list[Column]:
        return []

    def begin(self, isolation: int, name: str) -> Iterator[Event]:
        raise SqlError(50000, "no transactions here")

    def commit(self, name: str, begin_new: bool) -> Iterator[Event]:
        raise SqlError(50000, "no transactions here")

    def rollback(self, name: str, begin_new: bool) -> Iterator[Event]:
        raise SqlError(50000, "no transactions here")

    def save(self, name: str) -> Iterator[Event]:
        raise SqlError(50000, "no transactions here")

    def reset(self) -> None:
        pass

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self._cancelled.set()


def _echo(params: list[Param]) -> Iterator[Event]:
    text = SqlType("nvarchar", length=-1)
    yield Columns([Column(name, text) for name in ("name", "type", "length", "value")])
    yield Rows([(p.name, p.type.name, str(p.type.length), _text(p.value)) for p in params])
    yield Done(len(params), SELECT)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.hex() if isinstance(value, bytes) else str(value)


class Engine:
    server_version = (16, 0, 1000)

    def login(self, login: Login) -> Session:
        if login.user != USER or login.password != PASSWORD:
            raise SqlError(18456, f"Login failed for user '{login.user}'.", severity=14)
        if login.database != DATABASE:
            message = f'Cannot open database "{login.database}" requested by the login. The login failed.'
            raise SqlError(4060, message, severity=11)
        return Session(login)

    def close(self) -> None:
        pass


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = Server(Engine())
    control = ControlServer(server)
    server.start()
    control.start()
    print(json.dumps({"port": server.port, "control_port": control.port, "pid": os.getpid()}), flush=True)
    # Ends with whoever started it, even if that was killed: then the pipe on stdin is closed.
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    stop.wait()
    control.stop()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
