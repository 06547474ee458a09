"""One connection's state, and the entry points of the wire half."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from standin.engine import availability, permissions
from standin.engine.catalog import Database, Principal, Table
from standin.engine.change_cache import ChangeCache
from standin.engine.connection import Cancelled, Connection
from standin.engine.env import Env, Plan
from standin.engine.executor import Batch, Executor
from standin.engine.storage import from_model
from standin.engine.transactions import Transactions
from standin.model import TEXT_SIZE_MAX, Column, Event, Login, Param, SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.engine import StandInEngine


class EngineSession(Transactions):
    """See standin.model.Session. `database` is the name of the current database."""

    def __init__(self, engine: StandInEngine, login: Login, session_id: int, database: Database) -> None:
        self.engine, self.login, self.session_id = engine, login, session_id
        self.db_catalog = database
        self.cancelled = False
        self.closed = False
        self._init_transactions()
        self._init_settings()
        self.is_hook = self.killed = False
        self.on_replica = engine.replica.takes(login)
        self.connection = Connection(engine.replica.path if self.on_replica else engine.path, self)
        self.db: sqlite3.Connection = self.connection.db
        self.temporary_tables: dict[str, Table] = {}
        self.table_variables: dict[str, Table] = {}
        self.view_versions: dict[str, Any] = {}
        self.current_text = ""
        self.ddl_recorded = False
        self._running: Iterator[Event] | None = None
        self.statement_utc = self.statement_local = 0

    def _init_settings(self) -> None:
        self.row_count = self.last_error = 0
        self.lock_timeout_ms = -1
        self.text_size_bytes = TEXT_SIZE_MAX  # what the drivers ask for in their login
        self.identity_scope: int | None = None
        self.options = {"NOCOUNT": False, "XACT_ABORT": False, "IMPLICIT_TRANSACTIONS": False, "FMTONLY": False}
        self.options["IDENTITY_INSERT"] = False
        self.identity_insert: int | None = None
        self.errors: list[SqlError] = []  # those whose CATCH blocks run

    @property
    def database(self) -> str:
        return self.db_catalog.name

    @property
    def change_cache(self) -> ChangeCache:
        return self.engine.replica.change_cache if self.on_replica else self.engine.change_cache

    @property
    def wide_identity(self) -> Any:
        value = self.identity_scope
        return None if value is None else from_model(SqlType("numeric", precision=38), Decimal(value))

    @property
    def temp_signature(self) -> tuple[int, ...]:
        return tuple(t.object_id for t in (*self.temporary_tables.values(), *self.table_variables.values()))

    def principal(self, database: Database | None = None) -> Principal:
        return permissions.principal_of(self, database or self.db_catalog)

    def default_schema(self, _database: Database) -> str:
        return "dbo"

    def open_database(self, name: str) -> Database:
        """A database that a statement names. Azure SQL Database knows the session's own alone."""
        if not self.engine.version.has("other databases") and name.lower() != self.db_catalog.name.lower():
            raise SqlError(
                40515,
                f"Reference to database and/or server name in '{name}' is not supported in this version of SQL Server.",
            )
        return self.enter_database(name)

    def enter_database(self, name: str) -> Database:
        """SqlError 911 when it is not there, 916 when the login may not open it."""
        database = self.engine.databases.get(name.lower())
        if database is None:
            raise SqlError(911, f"Database '{name}' does not exist. Make sure that the name is entered correctly.")
        if not permissions.may_open(self, database):
            raise SqlError(
                916,
                f'The server principal "{self.login.user}" is not able to access the database "{database.name}" under the current security context.',
                14,
            )
        if (refused := availability.refusal(self, database)) is not None:
            raise refused
        return database

    def next_identity(self, object_id: int) -> int:
        table = self.engine.tables[object_id]
        column = next(c for c in table.columns if c.identity)
        seed, step = column.identity or (1, 1)
        table.identity_value = seed if table.identity_value is None else table.identity_value + step
        self.identity_scope = table.identity_value
        return table.identity_value

    def start_statement(self) -> None:
        if self.killed:
            raise session_killed()
        if self.db_catalog.replica_error and not self.is_hook:
            raise availability.refusal(self, self.db_catalog)
        self.statement_utc = self.engine.time.utc()
        self.statement_local = self.statement_utc + self.engine.time.offset(self.statement_utc) * 600_000_000

    def values_of(self, plan: Plan, batch: Batch | None) -> dict[str, Any]:
        """What a plan's parameters are bound to."""
        values = {name: provider(self) for name, provider in plan.env.providers.items()}
        if batch is not None:
            values |= {parameter: batch.value(name) for name, parameter in plan.env.used_variables.items()}
        return values

    def dirty_tables(self) -> frozenset[int]:
        """Tables with uncommitted rows of others, as the connection's present snapshot has them."""
        rows = self.db.execute("SELECT DISTINCT tbl FROM pending WHERE txn <> ?", (self.transaction_id,)).fetchall()
        return frozenset(r[0] for r in rows)

    def end_read(self, complete: bool) -> None:
        """Ends the SQLite transaction of a query. What it filled in temporary tables stays only after a commit."""
        if self.db.in_transaction:
            self.db.execute("COMMIT" if complete else "ROLLBACK")
            if not complete:
                self.view_versions.clear()

    def refresh_views(self, env: Env) -> None:
        for view in env.views.values():
            version = view.version(self)
            if version is not None and self.view_versions.get(view.physical) == version:
                continue
            if view.physical not in self.view_versions:
                names = ", ".join(f"c{i}" for i in range(1, len(view.columns) + 1))
                self.db.execute(f"CREATE TEMP TABLE IF NOT EXISTS {view.physical.removeprefix('temp.')} ({names})")
            self.db.execute(f"DELETE FROM {view.physical}")
            marks = ", ".join("?" * len(view.columns))
            self.db.executemany(f"INSERT INTO {view.physical} VALUES ({marks})", view.fill(self))
            self.view_versions[view.physical] = version

    # standin.model.Session

    def execute(self, sql: str, params: list[Param]) -> Iterator[Event]:
        return self._supervised(sql, lambda: Executor(self, self._batch(params)).run_text(sql))

    def call(self, procedure: str, params: list[Param]) -> Iterator[Event]:
        return self._supervised(
            procedure, lambda: Executor(self, self._batch([])).call(procedure, self._arguments(params), top=True)
        )

    def _supervised(self, text: str, make: Any) -> Iterator[Event]:
        """Ends what still runs, then runs; an error that ends the batch is raised after the events before it."""
        self.finish_running()
        self.cancelled = False
        self.current_text = text
        running = make()
        self._running = running
        try:
            yield from running
        except Cancelled:
            return
        except sqlite3.Error as error:
            if self.killed:
                raise session_killed() from error
            if self.cancelled:
                return
            raise self.connection.translate(error) from error
        finally:
            running.close()
            if self._running is running:
                self._running = None

    def finish_running(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.close()
        self.end_read(False)

    def _batch(self, params: list[Param]) -> Batch:
        batch = Batch()
        for param in params:
            batch.declare(param.name.lower(), param.type, from_model(param.type, param.value))
        return batch

    def _arguments(self, params: list[Param]) -> list[tuple[str, SqlType, Any, bool]]:
        return [(p.name.lower(), p.type, from_model(p.type, p.value), p.output) for p in params]

    def describe(self, sql: str, params: list[Param]) -> list[Column]:
        self.finish_running()
        return Executor(self, self._batch(params)).describe(sql)

    def begin(self, isolation: int, name: str) -> Iterator[Event]:
        self.finish_running()
        yield from self.begin_transaction(name)

    def commit(self, name: str, begin_new: bool) -> Iterator[Event]:
        self.finish_running()
        yield from self.commit_transaction()
        if begin_new:
            yield from self.begin_transaction()

    def rollback(self, name: str, begin_new: bool) -> Iterator[Event]:
        self.finish_running()
        yield from self.rollback_transaction(name)
        if begin_new:
            yield from self.begin_transaction()

    def save(self, name: str) -> Iterator[Event]:
        self.finish_running()
        self.save_transaction(name)
        return iter(())

    def reset(self) -> None:
        self.finish_running()
        for _ in self.abort_transaction():
            pass
        self._init_settings()
        for table in [*self.temporary_tables.values(), *self.table_variables.values()]:
            self.db.execute(f"DROP TABLE IF EXISTS {table.physical}")
        self.temporary_tables.clear()
        self.table_variables.clear()
        original = self.engine.databases.get(self.login.database.lower())
        if original is not None:
            self.db_catalog = original

    def cancel(self) -> None:
        self.cancelled = True
        with self.engine.ended:
            self.engine.ended.notify_all()

    def kill(self) -> None:
        """What runs goes on to its end; then the session is over."""
        self.killed = True

    def close(self) -> None:
        if self.closed:
            return
        self.cancelled = False
        self.finish_running()
        for _ in self.abort_transaction():
            pass
        self.closed = True
        self.engine.sessions.pop(self.session_id, None)
        self.db.close()


def session_killed() -> SqlError:
    return SqlError(596, "Cannot continue the execution because the session is in the kill state.", 21)
