"""Clients that others wrote, behind one small face: pytds, pymssql, pyodbc with FreeTDS and with Microsoft's driver."""

from __future__ import annotations

import datetime
import importlib.util
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymssql
import pyodbc
import pytds
from fake_engine import FakeEngine

from standin.control import Control, ControlServer
from standin.tds.server import Server
from standin.tds.tls import Encryption

SQL_SS_TIMESTAMPOFFSET, SQL_SS_UDT, SQL_SS_VARIANT = -155, -151, -150
pyodbc.pooling = False  # a pooled connection would outlive the server of its test


class Running:
    """A server in this process over an engine of fixed answers, and its control channel."""

    def __init__(self, encryption: Encryption | None = None) -> None:
        self.engine = FakeEngine()
        self.server = Server(self.engine, encryption=encryption)
        self.server.start()
        self._control_server = ControlServer(self.server)
        self._control_server.start()
        self.control_port = self._control_server.port
        self.control = Control(self.control_port)
        self.port = self.server.port

    def stop(self) -> None:
        self.control.close()
        self._control_server.stop()
        self.server.stop()


@dataclass(frozen=True)
class Client:
    """`connect(port, password, database, autocommit)` gives a DB-API connection; `mark` is its parameter mark."""

    name: str
    connect: Callable[..., Any]
    missing: Callable[[], str | None]
    mark: str
    errors: type[Exception]

    def fetch(self, connection: Any, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = connection.cursor()
        try:
            cursor.execute(sql, tuple(params)) if params else cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]
        finally:
            cursor.close()


def freetds_driver() -> Path | None:
    found = sorted(Path("/usr/lib").glob("*/odbc/libtdsodbc.so"))
    return found[0] if found else None


def microsoft_driver() -> Path | None:
    """From the wheel mssql-python-odbc, where lib/ and share/ lie side by side."""
    spec = importlib.util.find_spec("mssql_python_odbc")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "libs/linux/debian_ubuntu/x86_64/lib"
    return next(iter(sorted(folder.glob("libmsodbcsql-*.so*"))), None)


def _pytds(port: int, password: str, database: str = "", autocommit: bool = True) -> Any:
    return pytds.connect(
        "127.0.0.1",
        port=port,
        user="sa",
        password=password,
        database=database or None,
        autocommit=autocommit,
        timeout=30,
    )


def _pymssql(port: int, password: str, database: str = "", autocommit: bool = True) -> Any:
    return pymssql.connect(
        "127.0.0.1", "sa", password, database, port=str(port), autocommit=autocommit, timeout=30, login_timeout=30
    )


def odbc_string(driver: Path, port: int, password: str, database: str = "", **words: str) -> str:
    parts = {"Driver": str(driver), "Server": f"127.0.0.1,{port}", "UID": "sa", "PWD": "{" + password + "}"}
    if database:
        parts["Database"] = database
    parts |= {"Encrypt": "no"} if "msodbcsql" in driver.name else {"ClientCharset": "UTF-8"}
    return ";".join(f"{name}={value}" for name, value in (parts | words).items())


def _odbc(find: Callable[[], Path | None]) -> Callable[..., Any]:
    def connect(port: int, password: str, database: str = "", autocommit: bool = True, **words: str) -> Any:
        driver = find()
        assert driver is not None
        connection = pyodbc.connect(odbc_string(driver, port, password, database, **words), autocommit=autocommit)
        connection.timeout = 30
        connection.add_output_converter(SQL_SS_TIMESTAMPOFFSET, _offset_from_struct)
        connection.add_output_converter(SQL_SS_UDT, bytes)
        return connection

    return connect


def _offset_from_struct(data: bytes) -> datetime.datetime:
    """SQL_SS_TIMESTAMPOFFSET_STRUCT: local time, nanoseconds, hours and minutes east of UTC."""
    *parts, nanoseconds, hours, minutes = struct.unpack("<hHHHHHIhh", data)
    zone = datetime.timezone(datetime.timedelta(hours=hours, minutes=minutes))
    return datetime.datetime(*parts, nanoseconds // 1000, zone)


def _always() -> None:
    return None


CLIENTS = {
    "pytds": Client("pytds", _pytds, _always, "%s", pytds.Error),
    "pymssql": Client("pymssql", _pymssql, _always, "%s", pymssql.Error),
    "freetds": Client(
        "freetds",
        _odbc(freetds_driver),
        lambda: None if freetds_driver() else "FreeTDS's ODBC driver is missing: install tdsodbc",
        "?",
        pyodbc.Error,
    ),
    "microsoft": Client(
        "microsoft",
        _odbc(microsoft_driver),
        lambda: None if microsoft_driver() else "Microsoft's ODBC driver is missing: pip install mssql-python-odbc",
        "?",
        pyodbc.Error,
    ),
}


def tsql(port: int, password: str, text: str) -> str:
    """What FreeTDS's command line prints for a batch: columns by tabs, without prompts."""
    words = ["tsql", "-H", "127.0.0.1", "-p", str(port), "-U", "sa", "-P", password, "-o", "q", "-J", "UTF-8"]
    done = subprocess.run(words, input=f"{text}\ngo\nexit\n", capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr
