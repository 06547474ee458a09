"""Clients that others wrote, each reading a result as typed cells: pytds, pymssql (FreeTDS's db-library), tedious,
go-mssqldb, and Microsoft's ODBC driver through pyodbc.

A client gives what it has, to the last digit, and no more: what it cannot hold is its own limit (tests/standin/
client_limits.py lists those that are known). tedious and go-mssqldb are commands (tests/clients) that read requests by
lines; each is started once and ended with this process."""

from __future__ import annotations

import atexit
import datetime
import json
import os
import struct
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.drivers import drivers

_ROOT = Path(__file__).resolve().parents[2]
_BIN = _ROOT / ".cache/bin"
_TIMEOUT_SECONDS = 90
_INSTALL = "tools/install_tds_clients.sh installs it"


@dataclass(frozen=True)
class Address:
    host: str
    port: int
    user: str
    password: str
    database: str


@dataclass(frozen=True)
class Cell:
    """A value that is not NULL. By `type`:

    | type | value |
    |---|---|
    | int, bool | int, bool |
    | float | the 16 hex digits of a double's bits, big-endian |
    | decimal | Decimal |
    | text | str, lone surrogates as they are |
    | bytes | bytes |
    | guid | text in capitals |
    | date, time | 2024-02-29, 18:44:15.1234567 |
    | datetime | 2024-02-29 18:44:15.1234567 |
    | datetimeoffset | 2024-02-29 18:44:15.1234567 +05:30, local time and its offset |"""

    type: str
    value: int | bool | str | bytes | Decimal


Row = list[Cell | None]


def float_cell(number: float) -> Cell:
    return Cell("float", struct.pack(">d", number).hex())


def float_of(cell: Cell) -> float:
    assert cell.type == "float" and isinstance(cell.value, str)
    return float(struct.unpack(">d", bytes.fromhex(cell.value))[0])


def read(client: str, address: Address, sql: str) -> list[Row]:
    """All rows of a batch's one result. RuntimeError with the client's own text when it fails."""
    return _READERS[client](address, sql)


def missing(client: str) -> str | None:
    """Why a client cannot be used here; None if it can."""
    return _MISSING[client]()


# Python's clients


def _zone_text(offset: datetime.timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _time_text(value: datetime.time | datetime.datetime, ticks: int | None = None) -> str:
    """`ticks`: the 100 ns of the second, where the client has them; Python has microseconds."""
    ticks = value.microsecond * 10 if ticks is None else ticks
    return f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}.{ticks:07d}"


def _datetime_cell(value: datetime.datetime, ticks: int | None = None) -> Cell:
    text = f"{value.year:04d}-{value.month:02d}-{value.day:02d} {_time_text(value, ticks)}"
    offset = value.utcoffset()
    return Cell("datetime", text) if offset is None else Cell("datetimeoffset", f"{text} {_zone_text(offset)}")


_BY_PYTHON_TYPE: dict[type, Callable[[Any], Cell]] = {
    bool: lambda v: Cell("bool", v),
    int: lambda v: Cell("int", v),
    float: float_cell,
    Decimal: lambda v: Cell("decimal", v),
    str: lambda v: Cell("text", v),
    bytes: lambda v: Cell("bytes", v),
    bytearray: lambda v: Cell("bytes", bytes(v)),
    uuid.UUID: lambda v: Cell("guid", str(v).upper()),
    datetime.datetime: _datetime_cell,
    datetime.date: lambda v: Cell("date", f"{v.year:04d}-{v.month:02d}-{v.day:02d}"),
    datetime.time: lambda v: Cell("time", _time_text(v)),
    Cell: lambda v: v,
}


def _cell(value: Any) -> Cell | None:
    if value is None:
        return None
    make = next((_BY_PYTHON_TYPE[t] for t in type(value).__mro__ if t in _BY_PYTHON_TYPE), None)
    if make is None:
        raise RuntimeError(f"no cell for {type(value).__name__}")
    return make(value)


def _rows(connection: Any, sql: str) -> list[Row]:
    try:
        cursor = connection.cursor()
        cursor.execute(sql)
        return [[_cell(value) for value in row] for row in cursor.fetchall()]
    except Exception as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()


def _read_pytds(at: Address, sql: str) -> list[Row]:
    import pytds

    words: dict[str, Any] = {"user": at.user, "password": at.password, "database": at.database, "autocommit": True}
    return _rows(pytds.connect(at.host, port=at.port, timeout=_TIMEOUT_SECONDS, **words), sql)


def _read_pymssql(at: Address, sql: str) -> list[Row]:
    import pymssql

    words: dict[str, Any] = {"port": str(at.port), "autocommit": True, "timeout": _TIMEOUT_SECONDS}
    return _rows(pymssql.connect(at.host, at.user, at.password, at.database, **words), sql)


# ODBC. The types that pyodbc would round, or decode strictly, are taken from the driver's own bytes.

_WIDE_TYPES = (-8, -9, -10)  # SQL_WCHAR, SQL_WVARCHAR, SQL_WLONGVARCHAR
_TIMESTAMP, _TIME2, _OFFSET, _UDT, _GUID, _XML = 93, -154, -155, -151, -11, -152
_C_INTEGERS = {-28: "<B", -15: "<h", -16: "<i", -25: "<q"}  # what Microsoft's driver calls integers in a sql_variant
_YEAR_1900 = datetime.datetime(1900, 1, 1)


def _wide_text(data: bytes) -> Cell:
    return Cell("text", data.decode("utf-16-le", "surrogatepass"))


def _xml(data: bytes) -> Cell:
    """Microsoft's driver puts a byte order mark before xml."""
    return _wide_text(data.removeprefix(b"\xff\xfe"))


def _timestamp(data: bytes) -> Cell:
    """A datetime2 comes as ODBC's structure, datetime and smalldatetime as TDS has them."""
    if len(data) == 4:
        days, minutes = struct.unpack("<HH", data)
        return _datetime_cell(_YEAR_1900 + datetime.timedelta(days=days, minutes=minutes))
    if len(data) == 8:
        days, thirds = struct.unpack("<iI", data)
        seconds, rest = divmod(thirds, 300)
        return _datetime_cell(
            _YEAR_1900 + datetime.timedelta(days=days, seconds=seconds), (rest * 20 + 3) // 6 * 10_000
        )
    *parts, nanoseconds = struct.unpack("<hHHHHHI", data)
    return _datetime_cell(datetime.datetime(*parts), nanoseconds // 100)


def _time2(data: bytes) -> Cell:
    hour, minute, second, nanoseconds = struct.unpack("<HHHxxI", data)
    return Cell("time", _time_text(datetime.time(hour, minute, second), nanoseconds // 100))


def _offset(data: bytes) -> Cell:
    *parts, nanoseconds, hours, minutes = struct.unpack("<hHHHHHIhh", data)
    zone = datetime.timezone(datetime.timedelta(hours=hours, minutes=minutes))
    return _datetime_cell(datetime.datetime(*parts, tzinfo=zone), nanoseconds // 100)


def _guid(data: bytes) -> Cell:
    return Cell("guid", str(uuid.UUID(bytes_le=data)).upper())


def _integer(layout: str) -> Callable[[bytes], int]:
    return lambda data: struct.unpack(layout, data)[0]


def microsoft_connection(at: Address) -> Any:
    """pyodbc's connection by Microsoft's driver, with autocommit."""
    import pyodbc

    pyodbc.pooling = False  # a pooled connection would outlive the server of its test
    login = f"Server={at.host},{at.port};UID={at.user};PWD={{{at.password}}};Database={at.database};Encrypt=no"
    connection = pyodbc.connect(f"Driver={drivers()['Microsoft']};{login}", autocommit=True)
    connection.timeout = _TIMEOUT_SECONDS
    connection.setdecoding(pyodbc.SQL_CHAR, encoding="utf-16-le", ctype=pyodbc.SQL_WCHAR)
    converters: dict[int, Callable[[bytes], Any]] = dict.fromkeys(_WIDE_TYPES, _wide_text)
    converters |= {_TIMESTAMP: _timestamp, _TIME2: _time2, _OFFSET: _offset, _UDT: bytes, _GUID: _guid, _XML: _xml}
    converters |= {kind: _integer(layout) for kind, layout in _C_INTEGERS.items()}
    for kind, converter in converters.items():
        connection.add_output_converter(kind, converter)
    return connection


def _read_microsoft(at: Address, sql: str) -> list[Row]:
    return _rows(microsoft_connection(at), sql)


# Commands


class _Command:
    """A client of tests/clients as a process that answers requests one after the other."""

    def __init__(self, words: list[str]) -> None:
        environment = {**os.environ, "NO_COLOR": "1"}
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=_ROOT
        )
        self._lock = threading.Lock()
        atexit.register(self.stop)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def read(self, at: Address, sql: str) -> list[Row]:
        request = {**vars(at), "sql": sql}
        with self._lock:
            late = threading.Timer(_TIMEOUT_SECONDS, self.process.kill)
            late.start()
            try:
                return list(self._answer(json.dumps(request)))
            finally:
                late.cancel()

    def _answer(self, request: str) -> Iterator[Row]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            answer = json.loads(line)
            if isinstance(answer, list):
                yield [_cell_of_json(cell) for cell in answer]
            elif "error" in answer:
                raise RuntimeError(answer["error"])
            else:
                return
        raise RuntimeError(f"the client ended with {self.process.wait()} in the middle of an answer")


_FROM_JSON: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "decimal": Decimal,
    "bytes": bytes.fromhex,
    "text": lambda value: bytes.fromhex(value).decode("utf-16-le", "surrogatepass"),
}


def _cell_of_json(cell: dict[str, Any] | None) -> Cell | None:
    if cell is None:
        return None
    return Cell(cell["type"], _FROM_JSON.get(cell["type"], lambda value: value)(cell["value"]))


_WORDS = {
    "tedious": [str(_BIN / "node"), "tests/clients/node/read.js"],
    "go-mssqldb": [str(_BIN / "read-go-mssqldb")],
}
_running: dict[str, _Command] = {}


def _command(client: str) -> Callable[[Address, str], list[Row]]:
    def read_by_command(at: Address, sql: str) -> list[Row]:
        command = _running.get(client)
        if command is None or command.process.poll() is not None:
            command = _running[client] = _Command(_WORDS[client])
        return command.read(at, sql)

    return read_by_command


def _tedious_is_missing() -> str | None:
    there = (_BIN / "node").exists() and (_ROOT / "tests/clients/node/node_modules/tedious").exists()
    return None if there else f"tedious is not installed: {_INSTALL}"


_READERS: dict[str, Callable[[Address, str], list[Row]]] = {
    "pytds": _read_pytds,
    "pymssql": _read_pymssql,
    "tedious": _command("tedious"),
    "go-mssqldb": _command("go-mssqldb"),
    "microsoft": _read_microsoft,
}
_MISSING: dict[str, Callable[[], str | None]] = {
    "pytds": lambda: None,
    "pymssql": lambda: None,
    "tedious": _tedious_is_missing,
    "go-mssqldb": lambda: (
        None if (_BIN / "read-go-mssqldb").exists() else f"the client with go-mssqldb is not built: {_INSTALL}"
    ),
    "microsoft": lambda: (
        None if "Microsoft" in drivers() else "Microsoft's ODBC driver is missing: pip install mssql-python-odbc"
    ),
}
CLIENTS = tuple(_READERS)
