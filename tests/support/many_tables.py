"""A whole database under load: fifty captured tables of several schemas and shapes, and transactions that touch
several of them at once and keep two invariants by which a cut of the database can be judged without the database:

- the amounts of a transaction's changes (after minus before) sum to zero over all tables that it touches;
- each transaction writes one row into `dbo.Ledger`, which says how many change rows it leaves in which table.

Statements are plain T-SQL and a pure function of the seed and of nothing that the server answers."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from standin.load.bulk import ensure_numbers
from standin.load.connection import Connection, ensure_schemas, quoted, text
from standin.load.tables import NOTES, ORDERS, PERSON, SeededTable
from tests.support.workload import Load, Stopped

if TYPE_CHECKING:
    from tests.e2e.conftest import Database

LEDGER = "dbo.Ledger"
BATCHES = "Archive.Batches"
TABLES = 50
LATE_TABLES = 5

_WRITERS = 2
_BATCH_ROWS = 4_000  # change rows of a large transaction
_BATCH_SHARE = 0.02
_ROLLBACK_SHARE = 0.1
_ROWS_A_TABLE_MAX = 60  # beyond it deletes prevail
_TABLES_A_TRANSACTION_MAX = 6
_WIDE_COLUMNS = 300
_WIDE_STEP = 10  # every tenth column is written; the others stay NULL

Values = Callable[[random.Random], dict[str, str]]


@dataclass(frozen=True)
class Shape:
    """The columns of a table behind its key, transaction number and amount: their DDL, and literals for a row."""

    columns: str
    values: Values


@dataclass(frozen=True)
class Table:
    schema: str
    name: str
    shape: Shape

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def sql_name(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def instance(self) -> str:
        """The capture instance that sys.sp_cdc_enable_table names by itself."""
        return f"{self.schema}_{self.name}"

    @property
    def ddl(self) -> str:
        own = "[Id] bigint NOT NULL PRIMARY KEY, [TxnNo] bigint NOT NULL, [Amount] int NOT NULL"
        return f"CREATE TABLE {self.sql_name} ({own}{self.shape.columns})"


def _like(seeded: SeededTable) -> Shape:
    """The columns of a seeded table but for its key, which stands first, and its constraint, which stands last."""
    lines = seeded.ddl.splitlines()[2:-2]
    return Shape(", " + " ".join(lines).rstrip(","), seeded.values)


def _wide() -> Shape:
    types = ("int", "nvarchar(40)", "decimal(19,4)", "datetime2(3)")
    names = [f"Column{number:03d}" for number in range(_WIDE_COLUMNS)]
    columns = "".join(f", [{name}] {types[at // _WIDE_STEP % 4]} NULL" for at, name in enumerate(names))

    def values(rng: random.Random) -> dict[str, str]:
        literals = (
            str(rng.randrange(10**9)),
            text(f"value {rng.randrange(10**6)}"),
            "-1.2500",
            "'2024-02-29T12:00:00'",
        )
        return {name: literals[at % 4] for at, name in enumerate(names[::_WIDE_STEP])}

    return Shape(columns, values)


_TINY = Shape("", lambda _: {})
_SHAPES = {"People": _like(PERSON), "Orders": _like(ORDERS), "Notes": _like(NOTES), "Flags": _TINY}
_LEDGER = Table("dbo", "Ledger", Shape(", [Changes] nvarchar(max) NOT NULL", lambda _: {}))
_BATCHES = Table("Archive", "Batches", Shape(", [Filler] nvarchar(40) NULL", lambda _: {}))
_SCHEMAS = ("Person", "Sales", "Production", "Purchasing", "HumanResources")


def _ordinary(count: int, prefix: str = "") -> list[Table]:
    kinds = list(_SHAPES)
    made = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        made.append(Table(_SCHEMAS[number % len(_SCHEMAS)], f"{prefix}{kind}{number:02d}", _SHAPES[kind]))
    return made


class ManyTables:
    """The tables, captured but for the late ones. `capture_late` has one of those captured, too."""

    def __init__(self, connection: Connection) -> None:
        wide = Table("Production", "Wide", _wide())
        self.ordinary = [wide, *_ordinary(TABLES - 3)]
        self.late = _ordinary(LATE_TABLES, "Late")
        self.captured = [_LEDGER, _BATCHES, *self.ordinary]
        ensure_numbers(connection, _BATCH_ROWS)
        ensure_schemas(connection, {table.schema for table in [*self.captured, *self.late]})
        connection.run_all(table.ddl for table in [*self.captured, *self.late])
        connection.run("EXEC sys.sp_cdc_enable_db")
        for table in self.captured:
            _capture(connection, table)
        self._to_come = list(self.late)

    def capture_late(self, connection: Connection) -> Table:
        table = self._to_come.pop(0)
        _capture(connection, table)
        self.captured.append(table)
        return table


def _capture(connection: Connection, table: Table) -> None:
    names = f"@source_schema = {text(table.schema)}, @source_name = {text(table.name)}"
    connection.run(f"EXEC sys.sp_cdc_enable_table {names}, @role_name = NULL")


class Writer:
    """One connection's transactions. Writers have keys and transaction numbers of their own, so they never meet."""

    def __init__(self, tables: ManyTables, number: int, seed: int) -> None:
        self._rng = random.Random(seed)
        self._next = number
        self._rows: dict[str, dict[int, int]] = {}  # key -> amount, by table
        self._tables = [*tables.ordinary, *tables.late]
        self._batch: int | None = None  # transaction number of the large transaction whose rows are there

    def batch(self) -> str:
        """The next transaction, as one batch of T-SQL."""
        rng, txn = self._rng, self._new()
        rows_before, batch_before = dict(self._rows), self._batch
        done = [self._change(table, txn) for table in self._choose()]
        if rng.random() < _BATCH_SHARE:
            done.append(self._large(txn))
        changes = {one.table.full_name: one.changes for one in done}
        owed = -sum(one.delta for one in done)
        ledger = f"({txn}, {txn}, {owed}, {text(json.dumps(changes))})"
        statements = [*(one.sql for one in done), f"INSERT INTO {_LEDGER.sql_name} VALUES {ledger}"]
        end = "COMMIT TRANSACTION"
        if rng.random() < _ROLLBACK_SHARE:
            self._rows, self._batch, end = rows_before, batch_before, "ROLLBACK TRANSACTION"
        return ";\n".join(["BEGIN TRANSACTION", *statements, end])

    def _new(self) -> int:
        self._next += _WRITERS
        return self._next

    def _choose(self) -> Iterable[Table]:
        return self._rng.sample(self._tables, self._rng.randrange(1, _TABLES_A_TRANSACTION_MAX + 1))

    def _change(self, table: Table, txn: int) -> _Done:
        rng = self._rng
        rows = dict(self._rows.get(table.full_name, {}))
        self._rows[table.full_name] = rows
        many = len(rows) > _ROWS_A_TABLE_MAX
        kinds, weights = (self._insert, self._update, self._delete), (1, 4, 5) if many else (5, 4, 1)
        (kind,) = rng.choices(kinds, weights) if rows else (self._insert,)
        return kind(table, rows, txn)

    def _insert(self, table: Table, rows: dict[int, int], txn: int) -> _Done:
        lines, names, total = [], "", 0
        for _ in range(self._rng.randrange(1, 6)):
            key, amount, values = self._new(), self._rng.randrange(-999, 1000), table.shape.values(self._rng)
            rows[key] = amount
            total += amount
            names = ", ".join(quoted(name) for name in ("Id", "TxnNo", "Amount", *values))
            lines.append("(" + ", ".join((str(key), str(txn), str(amount), *values.values())) + ")")
        sql = f"INSERT INTO {table.sql_name} ({names}) VALUES\n" + ",\n".join(lines)
        return _Done(table, sql, len(lines), total)

    def _update(self, table: Table, rows: dict[int, int], txn: int) -> _Done:
        by = self._rng.randrange(-99, 100)
        keys = self._some(rows)
        for key in keys:
            rows[key] += by
        values = table.shape.values(self._rng)
        also = "".join(
            f", {quoted(name)} = {values[name]}" for name in self._rng.sample(sorted(values), min(2, len(values)))
        )
        sql = f"UPDATE {table.sql_name} SET [TxnNo] = {txn}, [Amount] = [Amount] + ({by}){also} {_where(keys)}"
        return _Done(table, sql, 2 * len(keys), by * len(keys))

    def _delete(self, table: Table, rows: dict[int, int], _: int) -> _Done:
        keys = self._some(rows)
        total = sum(rows.pop(key) for key in keys)
        return _Done(table, f"DELETE FROM {table.sql_name} {_where(keys)}", len(keys), -total)

    def _some(self, rows: dict[int, int]) -> list[int]:
        return self._rng.sample(sorted(rows), self._rng.randrange(1, min(6, len(rows)) + 1))

    def _large(self, txn: int) -> _Done:
        """Thousands of rows come with one transaction and go with a later one."""
        if self._batch is not None:
            sql = f"DELETE FROM {_BATCHES.sql_name} WHERE [TxnNo] = {self._batch}"
            self._batch = None
            return _Done(_BATCHES, sql, _BATCH_ROWS, -_BATCH_ROWS)
        self._batch = txn
        sql = (
            f"INSERT INTO {_BATCHES.sql_name} SELECT {txn} * {_BATCH_ROWS} + [n], {txn}, 1, "
            f"N'row ' + CONVERT(nvarchar(12), [n]) FROM [dbo].[LoaderNumbers] WHERE [n] < {_BATCH_ROWS}"
        )
        return _Done(_BATCHES, sql, _BATCH_ROWS, _BATCH_ROWS)


@dataclass(frozen=True)
class _Done:
    """A statement, the change rows that it leaves, and by how much it changes the table's sum of amounts."""

    table: Table
    sql: str
    changes: int
    delta: int


def _where(keys: list[int]) -> str:
    return f"WHERE [Id] IN ({', '.join(map(str, keys))})"


class ManyTablesLoad(Load):
    """Two writers at `rate` transactions a second together, from `with` to its end (or `stop`)."""

    def __init__(self, database: Database, tables: ManyTables, seed: int, rate: float) -> None:
        super().__init__(database, [self._writing(Writer(tables, number, seed + number)) for number in range(_WRITERS)])
        self._pause = _WRITERS / rate
        self.transactions = 0  # of them all, rolled back ones included

    def _writing(self, writer: Writer) -> Callable[[Connection, Stopped], None]:
        def write(connection: Connection, stopped: Stopped) -> None:
            while not stopped(self._pause):
                connection.run(writer.batch())
                self.transactions += 1

        return write
