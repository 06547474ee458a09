"""Random tables: columns of every type that CDC captures, and T-SQL that inserts, updates and deletes random rows.

All of a table comes from one random number generator, so a seed and a number make it again. Nobody here knows what
becomes of the values: the change table is read by a client that others wrote."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.any_values import MAKERS, datetime2_of_nanos

OPTIONS = {
    "datetime2": ("micros", "nanos", "string"),
    "datetimeoffset": ("utc+offset", "utc", "string"),
    "time": ("string", "time"),
    "uniqueidentifier": ("string", "uuid"),
    "binary": ("bytes", "hex"),
    "timestamps": ("micros", "millis"),
    "lsn": ("hex", "bytes"),
}
_NAMES = ("plain", "two words", "a.b", "it's", "x]y", '"q"', "é", "世界", "😀", "semi;", "per%cent", "_$operation", "?")
# Types with many forms more often.
_BASES = [*MAKERS, "varchar", "varchar", "char", "nvarchar", "decimal", "datetime2", "datetimeoffset"]


@dataclass(frozen=True)
class AnyColumn:
    name: str
    base: str  # "datetime2"
    sql_type: str  # "datetime2(3)"
    collation: str
    literal: Callable[[], str]

    @property
    def quoted(self) -> str:
        return "[" + self.name.replace("]", "]]") + "]"

    @property
    def definition(self) -> str:
        return f"{self.quoted} {self.sql_type}{f' COLLATE {self.collation}' if self.collation else ''}"


@dataclass(frozen=True)
class AnyTable:
    name: str
    create: str
    changes: list[str]
    columns: list[AnyColumn] = field(default_factory=list)  # without id
    options: dict[str, str] = field(default_factory=dict)  # how its values are written


def any_table(seed: str, name: str, rows: int, columns_max: int = 14) -> AnyTable:
    """dbo.<name>: `rows` rows are inserted, a third of them updated, a quarter deleted."""
    rng = random.Random(f"{seed}/{name}")
    count = rng.randint(1, columns_max) if rng.random() < 0.97 else rng.randint(60, 90)
    options = {name: rng.choice(words) for name, words in OPTIONS.items()} if rng.random() < 0.3 else {}
    columns = [_column(rng, number, options) for number in range(1, count + 1)]
    nullable = [rng.random() < 0.7 for _ in columns]
    definitions = ", ".join(
        f"{column.definition} {'NULL' if may else 'NOT NULL'}" for column, may in zip(columns, nullable, strict=True)
    )
    share = rng.choice((0.05, 0.3, 0.8))

    def value(at: int) -> str:
        return "NULL" if nullable[at] and rng.random() < share else columns[at].literal()

    written = [at for at, column in enumerate(columns) if column.base != "rowversion"]
    names = ", ".join(["id", *(columns[at].quoted for at in written)])
    values = [f"({number}, {', '.join(value(at) for at in written)})" for number in range(rows)]
    values = [one.replace(", )", ")") for one in values]
    changes = [f"INSERT INTO dbo.{name} ({names}) VALUES {', '.join(values)}"]
    for number in rng.sample(range(rows), rows // 3):
        touched = rng.sample(written, min(len(written), rng.randint(1, 3)))
        if touched:
            settings = ", ".join(f"{columns[at].quoted} = {value(at)}" for at in touched)
            changes.append(f"UPDATE dbo.{name} SET {settings} WHERE id = {number}")
    gone = ", ".join(map(str, rng.sample(range(rows), rows // 4)))
    changes.append(f"DELETE FROM dbo.{name} WHERE id IN ({gone})")
    create = f"CREATE TABLE dbo.{name} (id int NOT NULL PRIMARY KEY, {definitions})"
    return AnyTable(name, create, changes, columns, options)


def _column(rng: random.Random, number: int, options: dict[str, str]) -> AnyColumn:
    name = f"c{number}" if rng.random() < 0.7 else f"{rng.choice(_NAMES)} {number}"
    base = rng.choice(_BASES)
    make = datetime2_of_nanos if base == "datetime2" and options.get("datetime2") == "nanos" else MAKERS[base]
    sql_type, collation, literal = make(rng, base)
    return AnyColumn(name, base, sql_type, collation, literal)
