"""A session's connection to SQLite: functions, collations, and SQLite's errors as SQL Server's."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from standin.engine import aggregates, physical
from standin.engine.env import Env
from standin.engine.errors import unsupported
from standin.engine.storage import double
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.catalog import Table
    from standin.engine.session import EngineSession

_BUSY_MS = 600_000  # writers queue on a lock of our own; SQLite's is never waited for long
_UNIQUE = re.compile(r"UNIQUE constraint failed: (?:index '(i(\d+)_(\d+))'|[tx](\d+)\.(.*))")
_NOT_NULL = re.compile(r"NOT NULL constraint failed: [tx](\d+)\.c(\d+)")


class Locked(Exception):
    """A row of another open transaction is in the way."""


class Cancelled(Exception):
    """The client took its request back."""


def open_connection(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute("PRAGMA cache_size = -65536")
    db.create_collation("MSCI", physical.compare_ci)
    db.create_collation("MSCS", physical.compare_cs)
    db.create_collation("MSBIN", physical.compare_bin)
    db.create_function("double", 1, double, deterministic=True)
    for name, (cls, arguments) in aggregates.CLASSES.items():
        db.create_window_function(name, arguments, cls)
    return db


class Connection:
    """Owns a SQLite connection for one session; used from one thread at a time."""

    def __init__(self, path: str, session: EngineSession) -> None:
        self.db = open_connection(path)
        self.session = session
        self.raised: SqlError | None = None
        self._functions: set[str] = set()
        self.db.set_progress_handler(self._interrupted, 20_000)
        self._session_functions()

    def _interrupted(self) -> int:
        return int(self.session.cancelled)

    def _session_functions(self) -> None:
        s = self.session
        create = self.db.create_function
        create("und", 0, lambda: s.undo_id)
        create("own", 0, lambda: s.transaction_id)
        create("cap", 0, lambda: s.capture_id)
        create("cmd", 0, lambda: s.command_id)
        create("seq", 0, s.next_sequence)
        create("cur", 0, lambda: s.sequence)
        create("lobs", 0, lambda: s.engine.options.untouched_max_in_after_image)
        create("rowver", 0, s.engine.next_rowversion)
        create("ident", 1, s.next_identity)

    def use(self, env: Env) -> None:
        """Makes SQLite know the functions of a plan."""
        for name, (make, arguments, deterministic) in env.functions.items():
            if name not in self._functions:
                guarded = self._guarded_one if arguments == 1 else self._guarded
                self.db.create_function(name, arguments, guarded(make(self.session)), deterministic=deterministic)
                self._functions.add(name)

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except SqlError as error:
                self.raised = error
                raise
            except Exception as error:
                self.raised = unsupported(f"value in a function ({type(error).__name__}: {error})")
                raise

        return call

    def _guarded_one(self, function: Callable[..., Any]) -> Callable[[Any], Any]:
        """As _guarded, for the functions that run most: conversions of one value."""
        many = self._guarded(function)

        def call(value: Any) -> Any:
            try:
                return function(value)
            except Exception:
                return many(value)  # raises again, and remembers what

        return call

    def translate(self, error: sqlite3.Error, tables: list[Table] | None = None, verb: str = "INSERT") -> Exception:
        """SQL Server's error for one of SQLite's."""
        raised, self.raised = self.raised, None
        text = str(error)
        if raised is not None and "user-defined" in text:
            return raised
        if "standin:locked" in text:
            return Locked()
        if "interrupted" in text:
            return Cancelled()
        if "integer overflow" in text:
            return SqlError(8115, "Arithmetic overflow error converting expression to data type int.", 16, 2)
        known = {t.object_id: t for t in tables or []}
        m = _UNIQUE.search(text)
        if m:
            return self._duplicate(m, known)
        m = _NOT_NULL.search(text)
        if m and int(m[1]) in known:
            return self._null(known[int(m[1])], int(m[2]), verb)
        if "CHECK constraint failed" in text:
            name = text.rsplit(":", 1)[1].strip()
            return SqlError(547, f'The {verb} statement conflicted with the CHECK constraint "{name}".', 16, 0)
        return unsupported(f"statement ({text})")

    def _duplicate(self, m: re.Match[str], known: dict[int, Table]) -> SqlError:
        table = known.get(int(m[2] or m[4]))
        if table is None:
            return SqlError(2601, "Cannot insert duplicate key row.", 14)
        if m[3]:
            index = next(i for i in table.indexes if i.index_id == int(m[3]))
        else:
            columns = [part.strip().rpartition(".")[2] for part in m[5].split(",")]
            index = next(
                i for i in table.indexes if i.unique and [table.column(n).physical for n, _ in i.columns] == columns
            )
        name = f"{table.schema}.{table.name}"
        if index.kind:
            word = "PRIMARY KEY" if index.kind == "PK" else "UNIQUE KEY"
            return SqlError(
                2627,
                f"Violation of {word} constraint '{index.name}'. Cannot insert duplicate key in object '{name}'.",
                14,
            )
        return SqlError(
            2601, f"Cannot insert duplicate key row in object '{name}' with unique index '{index.name}'.", 14
        )

    def _null(self, table: Table, column_id: int, verb: str) -> SqlError:
        column = next(c.name for c in table.columns if c.column_id == column_id)
        database = self.session.db_catalog.name
        return SqlError(
            515,
            f"Cannot insert the value NULL into column '{column}', table '{database}.{table.schema}.{table.name}'; "
            f"column does not allow nulls. {verb} fails.",
            16,
            2,
        )
