"""Seeded histories: transactions of random inserts, updates, key changes and deletes over the seeded tables.

The same seed gives the same statements, in the same order, on any server. The generator knows which keys are there,
so every statement does what it says; a transaction that is rolled back leaves that knowledge as it was.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from standin.load.connection import Connection, enable_cdc, ensure_schemas
from standin.load.tables import ALL, SeededTable

_ROLLBACK_SHARE = 0.1
_ROWS_A_TABLE_MAX = 5_000  # beyond it deletes prevail, so that a long run stays of one size
_KEY_SHIFT = 1_000_000_000  # key changes of several rows move to a range that inserts never reach


@dataclass(frozen=True, slots=True)
class Transaction:
    """`statements` in order. One statement that commits needs no BEGIN: it is a transaction by itself."""

    statements: tuple[str, ...]
    committed: bool

    def batches(self) -> Iterator[str]:
        """What to send, batch by batch."""
        if len(self.statements) == 1 and self.committed:
            yield self.statements[0]
            return
        yield "BEGIN TRANSACTION"
        yield from self.statements
        yield "COMMIT TRANSACTION" if self.committed else "ROLLBACK TRANSACTION"


class _Keys:
    """The keys of one table: literals, in an order that only the seed decides."""

    def __init__(self, table: SeededTable, first: int) -> None:
        self.table = table
        self.next = first
        self.present: list[str] = []

    def new(self) -> str:
        self.next += 1
        return self.table.key(self.next - 1)

    def copy(self) -> _Keys:
        other = _Keys(self.table, self.next)
        other.present = list(self.present)
        return other


class History:
    """An endless history. `first_key` numbers new rows from there, for tables that have rows already."""

    def __init__(self, seed: int, tables: Sequence[SeededTable] = ALL, first_key: int = 1) -> None:
        self.seed = seed
        self._rng = random.Random(seed)
        self._keys = [_Keys(table, first_key) for table in tables]

    def transaction(self) -> Transaction:
        rng = self._rng
        committed = rng.random() >= _ROLLBACK_SHARE
        before = None if committed else [keys.copy() for keys in self._keys]
        count = 1 if rng.random() < 0.5 else rng.randrange(2, 8)
        statements = tuple(self._statement(rng.choice(self._keys)) for _ in range(count))
        if before is not None:
            for keys, old in zip(self._keys, before, strict=True):
                keys.present = old.present  # but numbers are not used again
        return Transaction(statements, committed)

    def transactions(self, count: int) -> Iterator[Transaction]:
        for _ in range(count):
            yield self.transaction()

    def _statement(self, keys: _Keys) -> str:
        if len(keys.present) < 5:
            return self._insert(keys)
        kinds: list[tuple[Callable[[_Keys], str], int]] = [
            (self._insert, 35 if len(keys.present) < _ROWS_A_TABLE_MAX else 5),
            (self._update, 25),
            (self._update_several, 10),
            (self._change_key, 6),
            (self._change_keys, 2),
            (self._delete, 12),
            (self._delete_several, 4 if len(keys.present) < _ROWS_A_TABLE_MAX else 30),
        ]
        (chosen,) = self._rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
        return chosen(keys)

    def _insert(self, keys: _Keys) -> str:
        rng, table = self._rng, keys.table
        rows, names = [], ""
        for _ in range(1 if rng.random() < 0.6 else rng.randrange(2, 12)):
            key, values = keys.new(), table.values(rng)
            keys.present.append(key)
            names = ", ".join(f"[{name}]" for name in (table.key_column, *values))
            rows.append("(" + ", ".join((key, *values.values())) + ")")
        return f"INSERT INTO {table.full_name} ({names}) VALUES\n" + ",\n".join(rows)

    def _some(self, keys: _Keys, most: int) -> list[str]:
        return self._rng.sample(keys.present, self._rng.randrange(2, min(most, len(keys.present)) + 1))

    def _where(self, table: SeededTable, chosen: Sequence[str]) -> str:
        test = f"= {chosen[0]}" if len(chosen) == 1 else f"IN ({', '.join(chosen)})"
        return f"WHERE [{table.key_column}] {test}"

    def _assignments(self, table: SeededTable) -> str:
        values = table.values(self._rng)
        changed = self._rng.sample(sorted(values), self._rng.randrange(1, 4))
        return ", ".join(f"[{name}] = {values[name]}" for name in changed)

    def _update(self, keys: _Keys) -> str:
        table = keys.table
        where = self._where(table, [self._rng.choice(keys.present)])
        return f"UPDATE {table.full_name} SET {self._assignments(table)} {where}"

    def _update_several(self, keys: _Keys) -> str:
        table = keys.table
        return f"UPDATE {table.full_name} SET {self._assignments(table)} {self._where(table, self._some(keys, 20))}"

    def _change_key(self, keys: _Keys) -> str:
        table, old, new = keys.table, self._rng.choice(keys.present), keys.new()
        keys.present[keys.present.index(old)] = new
        also = f", {self._assignments(table)}" if self._rng.random() < 0.3 else ""
        return f"UPDATE {table.full_name} SET [{table.key_column}] = {new}{also} {self._where(table, [old])}"

    def _change_keys(self, keys: _Keys) -> str:
        """Several rows' keys at once. The rows are forgotten: nothing later names them."""
        table = keys.table
        chosen = self._some(keys, 5)
        keys.present = [key for key in keys.present if key not in set(chosen)]
        moved = table.shift(_KEY_SHIFT)
        return f"UPDATE {table.full_name} SET [{table.key_column}] = {moved} {self._where(table, chosen)}"

    def _delete(self, keys: _Keys) -> str:
        chosen = self._rng.choice(keys.present)
        keys.present.remove(chosen)
        return f"DELETE FROM {keys.table.full_name} {self._where(keys.table, [chosen])}"

    def _delete_several(self, keys: _Keys) -> str:
        chosen = self._some(keys, 10)
        keys.present = [key for key in keys.present if key not in set(chosen)]
        return f"DELETE FROM {keys.table.full_name} {self._where(keys.table, chosen)}"


def create(connection: Connection, tables: Sequence[SeededTable] = ALL, cdc: bool = False) -> None:
    """Creates the tables that are not there; captures them if `cdc`."""
    ensure_schemas(connection, (table.schema for table in tables))
    listed = "SELECT s.name, t.name FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id"
    present = set(connection.rows(listed))
    connection.run_all(table.ddl for table in tables if (table.schema, table.name) not in present)
    if cdc:
        enable_cdc(connection, [(table.schema, table.name) for table in tables])


def first_free_key(connection: Connection) -> int:
    """A number that no row of the seeded tables was made with, so that a second run adds to the first."""
    highest = [
        connection.value(f"SELECT MAX([BusinessEntityID] % {_KEY_SHIFT}) FROM [Person].[Person]"),
        connection.value(f"SELECT MAX([OrderID] % {_KEY_SHIFT}) FROM [Sales].[Orders]"),
        connection.value("SELECT MAX(CONVERT(int, SUBSTRING([NoteKey], 6, 9))) FROM [dbo].[Notes]"),
    ]
    return max(int(one or 0) for one in highest) + 1


def apply(connection: Connection, transaction: Transaction) -> None:
    """Runs one transaction. After an error it is rolled back, and the error raised."""
    try:
        connection.run_all(transaction.batches())
    except Exception:
        connection.run("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")
        raise
