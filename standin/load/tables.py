"""The tables of the seeded histories: three shapes, each with the statements that make its rows.

Values are pure functions of a random generator, so that a seed gives the same text everywhere.
"""

from __future__ import annotations

import datetime
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from standin.load.connection import text

_NAMES = ("Ken", "Terri", "Roberto", "Gail", "Zoë", "Łukasz", "José", "Ольга", "世界", "O'Brien", "Ng", "😀 Smith", "")
_WORDS = ("blue", "road", "naïve", "frame", "Größe", "手", "'quoted'", "tab\there", "x" * 30, " ")
_TITLES = ("Mr.", "Ms.", "Dr.", "Sr.")
_EPOCH = datetime.datetime(2009, 1, 7)


@dataclass(frozen=True)
class SeededTable:
    """One table. `key` is the literal of the n-th key; `values` are the other columns' literals, by name, new from
    the generator at every call. `shift` is a T-SQL expression that moves a key to a range of its own."""

    schema: str
    name: str
    ddl: str
    key_column: str
    key: Callable[[int], str]
    values: Callable[[random.Random], dict[str, str]]
    shift: Callable[[int], str]

    @property
    def full_name(self) -> str:
        return f"[{self.schema}].[{self.name}]"


def nullable(rng: random.Random, literal: str, share: float = 0.2) -> str:
    return "NULL" if rng.random() < share else literal


def _moment(rng: random.Random) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(seconds=rng.randrange(500_000_000))


def _guid(rng: random.Random) -> str:
    return f"'{uuid.UUID(int=rng.getrandbits(128))}'".upper()


def _fraction(rng: random.Random, digits: int) -> str:
    return f"{rng.randrange(10**digits):0{digits}d}"


def _words(rng: random.Random, most: int) -> str:
    return text(" ".join(rng.choice(_WORDS) for _ in range(rng.randrange(most))))


def _person(rng: random.Random) -> dict[str, str]:
    return {
        "PersonType": f"N'{rng.choice(('EM', 'IN', 'SC', 'VC', 'GC'))}'",
        "NameStyle": str(rng.randrange(2)),
        "Title": nullable(rng, text(rng.choice(_TITLES)), 0.8),
        "FirstName": text(rng.choice(_NAMES)),
        "MiddleName": nullable(rng, text(rng.choice("ABCDEFGHIJKLM")), 0.4),
        "LastName": text(rng.choice(_NAMES)),
        "Suffix": nullable(rng, "N'Jr.'", 0.95),
        "EmailPromotion": str(rng.randrange(3)),
        "rowguid": _guid(rng),
        "ModifiedDate": f"'{_moment(rng).isoformat(timespec='milliseconds')}'",
    }


def _order(rng: random.Random) -> dict[str, str]:
    cents = Decimal(rng.choice((0, -1, 9223372036854775807, -9223372036854775808, rng.randrange(10**9))))
    placed, shipped, zone = _moment(rng), _moment(rng), rng.choice(("+00:00", "-08:00", "+05:30", "+14:00"))
    return {
        "OrderGuid": _guid(rng),
        "Customer": nullable(rng, text(rng.choice(_NAMES)), 0.1),
        "Total": f"{cents / 10_000:f}",
        "Discount": f"{rng.randrange(-99999, 99999)}.{_fraction(rng, 4)}",
        "PlacedAt": f"'{placed:%Y-%m-%dT%H:%M:%S}.{_fraction(rng, 7)}'",
        "ShippedAt": nullable(rng, f"'{shipped:%Y-%m-%dT%H:%M:%S}.{_fraction(rng, 3)}{zone}'", 0.3),
        "DueDate": nullable(rng, f"'{_moment(rng):%Y-%m-%d}'"),
        "Paid": nullable(rng, str(rng.randrange(2))),
        "Weight": nullable(rng, repr(rng.uniform(-1e6, 1e6))),
        "Lines": str(rng.choice((-32768, 32767, 0, rng.randrange(100)))),
    }


def _note(rng: random.Random) -> dict[str, str]:
    # Below 64 KiB: SQL Server's default "max text repl size" refuses longer values in captured columns.
    body = text(rng.choice(_WORDS) * rng.randrange(800)) if rng.random() < 0.1 else _words(rng, 12)
    data = "0x" + rng.randbytes(rng.choice((0, 1, 16, 300))).hex().upper()
    return {
        "Body": nullable(rng, body, 0.1),
        "Plain": nullable(rng, f"'{'note ' * rng.randrange(20)}'", 0.3),
        "Attachment": nullable(rng, data, 0.4),
        "Code": f"'{rng.choice('ABC')}{rng.randrange(100):02d}'",
        "TouchedAt": f"'{_moment(rng):%Y-%m-%dT%H:%M:00}'",
        "At": nullable(rng, f"'{_moment(rng):%H:%M:%S}.{_fraction(rng, 5)}'"),
    }


PERSON = SeededTable(
    "Person",
    "Person",
    """CREATE TABLE [Person].[Person] (
  [BusinessEntityID] int NOT NULL,
  [PersonType] nchar(2) NOT NULL,
  [NameStyle] bit NOT NULL,
  [Title] nvarchar(8) NULL,
  [FirstName] nvarchar(50) NOT NULL,
  [MiddleName] nvarchar(50) NULL,
  [LastName] nvarchar(50) NOT NULL,
  [Suffix] nvarchar(10) NULL,
  [EmailPromotion] int NOT NULL,
  [rowguid] uniqueidentifier NOT NULL,
  [ModifiedDate] datetime NOT NULL,
  CONSTRAINT [PK_Person_BusinessEntityID] PRIMARY KEY CLUSTERED ([BusinessEntityID])
)""",
    "BusinessEntityID",
    str,
    _person,
    lambda by: f"[BusinessEntityID] + {by}",
)
ORDERS = SeededTable(
    "Sales",
    "Orders",
    """CREATE TABLE [Sales].[Orders] (
  [OrderID] bigint NOT NULL,
  [OrderGuid] uniqueidentifier NOT NULL,
  [Customer] nvarchar(80) NULL,
  [Total] money NOT NULL,
  [Discount] decimal(9,4) NOT NULL,
  [PlacedAt] datetime2(7) NOT NULL,
  [ShippedAt] datetimeoffset(3) NULL,
  [DueDate] date NULL,
  [Paid] bit NULL,
  [Weight] float NULL,
  [Lines] smallint NOT NULL,
  CONSTRAINT [PK_Orders] PRIMARY KEY CLUSTERED ([OrderID])
)""",
    "OrderID",
    str,
    _order,
    lambda by: f"[OrderID] + {by}",
)
NOTES = SeededTable(
    "dbo",
    "Notes",
    """CREATE TABLE [dbo].[Notes] (
  [NoteKey] varchar(60) NOT NULL,
  [Body] nvarchar(max) NULL,
  [Plain] varchar(max) NULL,
  [Attachment] varbinary(max) NULL,
  [Code] char(5) NOT NULL,
  [TouchedAt] smalldatetime NOT NULL,
  [At] time(5) NULL,
  CONSTRAINT [PK_Notes] PRIMARY KEY CLUSTERED ([NoteKey])
)""",
    "NoteKey",
    lambda number: f"'note-{number:09d}'",
    _note,
    lambda by: f"[NoteKey] + '.{by}'",
)
ALL = (PERSON, ORDERS, NOTES)
