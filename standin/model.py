"""What the wire half (standin/tds) and the database half (standin/engine) say to each other.

The database half yields `Event`s; the wire half turns them into TDS tokens. Neither imports the other.

Python values by SQL type (None is NULL everywhere):

| SQL type                                   | Python value |
|--------------------------------------------|--------------|
| bit, tinyint, smallint, int, bigint        | int |
| real, float                                | float |
| decimal, numeric, money, smallmoney        | decimal.Decimal, quantised to the scale (4 for money) |
| date                                       | int, days since 0001-01-01 |
| time                                       | int, 100 ns units since midnight |
| datetime2                                  | int, 100 ns units since 0001-01-01 |
| datetimeoffset                             | (int, int): UTC in 100 ns units since 0001-01-01, offset in minutes |
| datetime                                   | int, 1/300 s units since 1900-01-01 (negative before) |
| smalldatetime                              | int, minutes since 1900-01-01 |
| char, varchar, text, nchar, nvarchar, ntext, xml, sysname | str (lone surrogates allowed in the n-types) |
| binary, varbinary, image, rowversion       | bytes |
| uniqueidentifier                           | bytes, 16, in SQL Server's own byte order |
| hierarchyid, geometry, geography, udt      | bytes, native serialisation |
| sql_variant                                | (SqlType, value): the base type and its value |
| json, vector                               | str, JSON text |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

DEFAULT_COLLATION = bytes.fromhex("0904D00034")  # SQL_Latin1_General_CP1_CI_AS
TEXT_SIZE_MAX = 2_147_483_647
MAX = -1  # the length of varchar(max), nvarchar(max), varbinary(max)


@dataclass(frozen=True, slots=True)
class SqlType:
    """One SQL type with its arguments. `length` is in characters for n-types, in bytes for the other
    string and binary types, in numbers for vector, MAX for (max); 0 where a type has none. `name` is the lower-case base type
    ('timestamp' is written 'rowversion', 'sysname' is nvarchar(128)); that of a CLR type that is not SQL Server's own
    is 'udt', and `udt` then has its schema, its name and the assembly-qualified name of its class."""

    name: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    collation: bytes = DEFAULT_COLLATION
    udt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: SqlType
    nullable: bool = True
    identity: bool = False
    computed: bool = False


@dataclass(slots=True)
class Param:
    """A parameter of a batch or a procedure. `name` keeps its '@' and is '' when it was sent without one."""

    name: str
    type: SqlType
    value: Any
    output: bool = False


@dataclass(slots=True)
class Columns:
    """Starts a result set."""

    columns: list[Column]


@dataclass(slots=True)
class Rows:
    """Some rows of the open result set, as tuples of Python values."""

    rows: Iterable[tuple[Any, ...]]


@dataclass(slots=True)
class WireRows:
    """Some rows of the open result set, each already a complete ROW token (0xD1 and the values)."""

    data: bytes | bytearray | memoryview
    count: int


@dataclass(slots=True)
class Done:
    """Ends one statement. `count` is None when the statement reports none (or SET NOCOUNT ON).
    `command` is the TDS CurCmd: SELECT 0xC1, INSERT 0xC3, DELETE 0xC4, UPDATE 0xC5, MERGE 0x117, else 0."""

    count: int | None = None
    command: int = 0


@dataclass(slots=True)
class Info:
    """A message of severity 10 or less (PRINT: number 0, severity 0)."""

    number: int
    message: str
    severity: int = 0
    state: int = 1
    line: int = 1


class SqlError(Exception):
    """An error of severity 11 or more. Raised, or yielded as an event when the batch goes on after it.
    Severity 20 or more closes the connection."""

    def __init__(
        self, number: int, message: str, severity: int = 16, state: int = 1, line: int = 1, procedure: str = ""
    ) -> None:
        super().__init__(f"Msg {number}, Level {severity}, State {state}: {message}")
        self.number = number
        self.message = message
        self.severity = severity
        self.state = state
        self.line = line
        self.procedure = procedure


@dataclass(slots=True)
class DatabaseChanged:
    old: str
    new: str


@dataclass(slots=True)
class TransactionBegan:
    descriptor: int


@dataclass(slots=True)
class TransactionEnded:
    descriptor: int
    committed: bool


@dataclass(slots=True)
class ReturnStatus:
    value: int


@dataclass(slots=True)
class ReturnValue:
    """An output parameter, after all result sets of a procedure."""

    name: str
    type: SqlType
    value: Any


Event = (
    Columns
    | Rows
    | WireRows
    | Done
    | Info
    | SqlError
    | DatabaseChanged
    | TransactionBegan
    | TransactionEnded
    | ReturnStatus
    | ReturnValue
)


@dataclass(slots=True)
class Login:
    user: str
    password: str
    database: str
    host_name: str = ""
    app_name: str = ""
    odbc: bool = False  # LOGIN7's ODBC flag: ANSI defaults on
    readonly_intent: bool = False
    encrypted: bool = False  # all of the connection, not its login only


class Session(Protocol):
    """One connection's state in the database half. Called from one thread, but `cancel`, which may come from another."""

    database: str
    text_size_bytes: int  # SET TEXTSIZE: longer values of (max) types, text, ntext and image are cut on the wire

    def execute(self, sql: str, params: list[Param]) -> Iterator[Event]:
        """Runs a batch. Statement errors that end the batch are raised as SqlError after the events before them."""

    def call(self, procedure: str, params: list[Param]) -> Iterator[Event]:
        """Runs a stored procedure by its name as the client wrote it (brackets, database and schema parts kept).
        sp_executesql, sp_prepare, sp_execute, sp_prepexec, sp_unprepare, sp_cursor* are the wire half's own."""

    def describe(self, sql: str, params: list[Param]) -> list[Column]:
        """The first result set's columns without running the batch; [] when it has none."""

    def begin(self, isolation: int, name: str) -> Iterator[Event]: ...

    def commit(self, name: str, begin_new: bool) -> Iterator[Event]: ...

    def rollback(self, name: str, begin_new: bool) -> Iterator[Event]: ...

    def save(self, name: str) -> Iterator[Event]: ...

    def reset(self) -> None: ...

    def cancel(self) -> None: ...

    def close(self) -> None: ...


class Engine(Protocol):
    server_version: tuple[int, int, int]  # as PRELOGIN and LOGINACK tell it

    def login(self, login: Login) -> Session:
        """Raises SqlError 18456 for a wrong user or password, 4060 for a database that cannot be opened."""

    def close(self) -> None: ...
