"""What the server's change tables ever held, by source table: a ledger that remembers change rows beyond cleanup, the end
of a capture instance and DROP TABLE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from standin.load.connection import Connection, quoted
from tests.support.judge import KEY, RowKey

# For which source tables a state document answers, and up to which LSN: for all of an entry's, and for what it says
# that an entry has of an earlier table.
Known = Mapping[int, bytes]
ALL = b"\xff" * 10


@dataclass
class LedgerRow:
    """`values` by column_id, from whichever instances captured them. `gone`: no change table has it any more.
    `before_entry`: it went while its table had no entry, so nobody can know of it."""

    values: dict[int, Any] = field(default_factory=dict)
    gone: bool = False
    before_entry: bool = False


class Ledger:
    """`rows`: of each source table ever captured, by object id, its change rows by key."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[RowKey, LedgerRow]] = {}

    def look(self, connection: Connection, known: Known) -> None:
        """Reads all change tables. To be called before and after whatever takes rows away; `known` is from before
        that."""
        here: set[tuple[int, RowKey]] = set()
        captured = connection.rows("SELECT object_id, source_object_id, capture_instance FROM cdc.change_tables")
        for change_table, source, instance in captured:
            for key, values in self._change_rows(connection, change_table, instance):
                here.add((source, key))
                self.rows.setdefault(source, {}).setdefault(key, LedgerRow()).values.update(values)
        for source, rows in self.rows.items():
            for key, row in rows.items():
                if (source, key) not in here and not row.gone:
                    row.gone, row.before_entry = True, key[0] > known.get(source, b"")

    def _change_rows(
        self, connection: Connection, change_table: int, instance: str
    ) -> list[tuple[RowKey, dict[int, Any]]]:
        columns = connection.rows(
            "SELECT column_name, column_id FROM cdc.captured_columns WHERE object_id = %s ORDER BY column_ordinal",
            (change_table,),
        )
        listed = ", ".join(quoted(name) for name in (*KEY, *(name for name, _ in columns)))
        found = []
        for row in connection.rows(f"SELECT {listed} FROM cdc.{quoted(instance + '_CT')}"):
            values = dict(zip((number for _, number in columns), row[len(KEY) :], strict=True))
            found.append(((row[0], row[1], row[2], row[3]), values))
        return found
