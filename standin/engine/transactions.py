"""A session's transactions: undo, savepoints, locks that are waited for, and the commit record.

A statement is one SQLite transaction, so that sessions can have open transactions beside each other although SQLite
has one writer; what an open transaction has done lies in its undo records (standin.engine.physical) until it ends.
Locks are those of rows: a statement that meets another transaction's row is undone, waits, and runs again."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from standin.engine import physical
from standin.engine.catalog import Table
from standin.engine.connection import Cancelled, Locked
from standin.engine.errors import unsupported
from standin.engine.replica import read_only
from standin.model import Event, SqlError, TransactionBegan, TransactionEnded

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

T = TypeVar("T")


@dataclass(slots=True)
class Savepoint:
    name: str
    undo_marks: dict[int, int]
    sequence: int
    ddl: int


@dataclass(slots=True)
class Transaction:
    """`ddl`: what takes back definitions, newest last."""

    id: int
    descriptor: int
    begin_time: int
    begin_record: int
    tables: dict[int, Table] = field(default_factory=dict)
    savepoints: list[Savepoint] = field(default_factory=list)
    ddl: list[Callable[[], None]] = field(default_factory=list)
    name: str = ""
    doomed: bool = False


class Transactions:
    """The part of a session that keeps its transaction."""

    def _init_transactions(self: EngineSession) -> None:
        self.transaction: Transaction | None = None
        self.transaction_count = 0
        self.undo_id = self.capture_id = self.command_id = self.sequence = self.commands = 0
        self.fixed_sequence = 0
        self.waiting_for: set[int] = set()

    @property
    def transaction_id(self: EngineSession) -> int:
        return self.transaction.id if self.transaction else 0

    def next_sequence(self: EngineSession) -> int:
        self.sequence = self.fixed_sequence or self.engine.log.next()
        return self.sequence

    # Begin and end

    def begin_transaction(self: EngineSession, name: str = "") -> Iterator[Event]:
        self.transaction_count += 1
        if self.transaction is None:
            engine = self.engine
            self.transaction = Transaction(
                engine.next_transaction(), engine.next_transaction(), engine.time.datetime(), engine.log.next()
            )
            self.transaction.name = name.lower()
            self.commands = 0
            yield TransactionBegan(self.transaction.descriptor)

    def commit_transaction(self: EngineSession) -> Iterator[Event]:
        transaction = self.transaction
        if transaction is None:
            raise SqlError(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        if transaction.doomed:
            raise SqlError(
                3930,
                "The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction.",
            )
        self.transaction_count -= 1
        if self.transaction_count:
            return
        with self.engine.writer:
            self._finish(transaction)
            self.engine.capture.committed(
                transaction.id,
                transaction.begin_time,
                transaction.begin_record,
                transaction.tables,
                self.db,
            )
        yield TransactionEnded(transaction.descriptor, True)

    def _finish(self: EngineSession, transaction: Transaction) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        for table in transaction.tables.values():
            if not table.temporary:
                self._execute_quietly(f"DELETE FROM {table.undo} WHERE txn = {transaction.id}")
        self.db.execute("DELETE FROM pending WHERE txn = ?", (transaction.id,))
        self.db.execute("COMMIT")
        self.transaction = None
        self.engine.transaction_ended()

    def _execute_quietly(self: EngineSession, sql: str) -> None:
        """For tables that the transaction itself may have dropped."""
        try:
            self.db.execute(sql)
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise

    def rollback_transaction(self: EngineSession, name: str = "") -> Iterator[Event]:
        """All of it, or back to a savepoint."""
        transaction = self.transaction
        if transaction is None:
            raise SqlError(3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        if name and name.lower() != transaction.name:
            self._rollback_to(transaction, name)
            return
        yield from self._rollback_all(transaction)

    def _rollback_all(self: EngineSession, transaction: Transaction) -> Iterator[Event]:
        """The rows go back even when a definition cannot; that one is the error in the end."""
        failure: SqlError | None = None
        try:
            self._undo_definitions(transaction, 0)
        except SqlError as error:
            failure = error
        self._muted(lambda: self._undo(transaction, {}, 0))
        with self.engine.writer:
            self._finish(transaction)
        self.transaction_count = 0
        yield TransactionEnded(transaction.descriptor, False)
        if failure is not None:
            raise failure

    def abort_transaction(self: EngineSession) -> Iterator[Event]:
        """After an error that ends the transaction, or with the session."""
        if self.transaction is not None:
            yield from self._rollback_all(self.transaction)

    def save_transaction(self: EngineSession, name: str) -> None:
        if self.transaction is None:
            raise SqlError(628, "Cannot issue SAVE TRANSACTION when there is no active transaction.")
        marks = {
            key: self.db.execute(f"SELECT ifnull(max(seq), 0) FROM {t.undo}").fetchone()[0]
            for key, t in self.transaction.tables.items()
            if not t.temporary
        }
        self.transaction.savepoints.append(
            Savepoint(name.lower(), marks, self.engine.log.next(), len(self.transaction.ddl))
        )

    def _rollback_to(self: EngineSession, transaction: Transaction, name: str) -> None:
        found = [i for i, point in enumerate(transaction.savepoints) if point.name == name.lower()]
        if found:
            point = transaction.savepoints[found[-1]]
            self._undo_definitions(transaction, point.ddl)
            self._muted(lambda: self._undo(transaction, point.undo_marks, point.sequence))
            del transaction.savepoints[found[-1] + 1 :]
            return
        raise SqlError(3908, f"Cannot roll back {name}. No transaction or savepoint of that name was found.")

    def _undo_definitions(self: EngineSession, transaction: Transaction, keep: int) -> None:
        while len(transaction.ddl) > keep:
            transaction.ddl.pop()()

    def _undo(self: EngineSession, transaction: Transaction, marks: dict[int, int], sequence: int) -> None:
        for key, table in transaction.tables.items():
            if table.temporary or self.engine.dropped(table):
                continue
            physical.undo(self.db, table, transaction.id, marks.get(key, 0))
            self._execute_quietly(f"DELETE FROM {table.log} WHERE txn = {transaction.id} AND seq > {sequence}")

    def _muted(self: EngineSession, work: Callable[[], None]) -> None:
        """Runs in one SQLite transaction, without undo and change log."""
        self.undo_id = self.capture_id = 0
        with self.engine.writer:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                work()
                self.db.execute("COMMIT")
            except BaseException:
                self.db.execute("ROLLBACK")
                raise

    # Statements that write

    def write(self: EngineSession, tables: list[Table], work: Callable[[], T], verb: str = "INSERT") -> T:
        """Runs `work` as one statement: all of it happens or nothing. Waits for locks of other transactions."""
        deadline = None if self.lock_timeout_ms < 0 else time.monotonic() + self.lock_timeout_ms / 1000
        if self.transaction is not None and self.transaction.doomed:
            raise SqlError(
                3930,
                "The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction.",
            )
        while True:
            try:
                return self._write_once(tables, work, verb)
            except Locked:
                self._wait(tables, deadline)

    def _write_once(self: EngineSession, tables: list[Table], work: Callable[[], T], verb: str) -> T:
        engine, transaction = self.engine, self.transaction
        if self.on_replica and not all(t.temporary for t in tables):
            raise read_only(self.database)
        with engine.writer:
            self._complete(tables)
            captured = [t for t in tables if engine.is_captured(t)]
            own = transaction.id if transaction else (engine.next_transaction() if captured else 0)
            # The log goes on for every write, captured or not: LSNs without a hole mean that nothing happened.
            logged = any(not t.temporary for t in tables)
            begin_time, begin_record = engine.time.datetime(), engine.log.next() if logged else 0
            self.undo_id = transaction.id if transaction else 0
            self.capture_id = own if captured else 0
            self.commands = self.commands + 1 if transaction else 1
            self.command_id, self.fixed_sequence = self.commands, 0
            self.db.execute("BEGIN IMMEDIATE")
            try:
                result = work()
                if transaction:
                    self._remember(transaction, tables)
                self.db.execute("COMMIT")
            except BaseException as error:
                self.end_read(False)
                raise self._write_error(error, tables, verb) from error
            finally:
                self.undo_id = self.capture_id = self.fixed_sequence = 0
                if transaction:
                    self.commands = max(self.commands, self.command_id)
            for table in tables:
                if table.change_table:
                    engine.change_cache.forget(table.object_id, by_hand=True)
            if not transaction and captured:
                engine.capture.committed(own, begin_time, begin_record, {t.object_id: t for t in captured}, self.db)
            return result

    def _complete(self: EngineSession, tables: list[Table]) -> None:
        for table in tables:
            if table.bare:
                physical.complete(self.db, table)

    def _remember(self: EngineSession, transaction: Transaction, tables: list[Table]) -> None:
        for table in tables:
            if table.object_id not in transaction.tables:
                self.db.execute("INSERT OR IGNORE INTO pending VALUES (?, ?)", (transaction.id, table.object_id))
        transaction.tables |= {t.object_id: t for t in tables}

    def _write_error(self: EngineSession, error: BaseException, tables: list[Table], verb: str) -> BaseException:
        if not isinstance(error, sqlite3.Error):
            return error
        translated = self.connection.translate(error, tables, verb)
        if isinstance(translated, SqlError) and translated.number in (2627, 2601) and self._others(tables):
            return Locked()  # the key may be another open transaction's: wait how that one ends
        return translated

    # Locks

    def _others(self: EngineSession, tables: list[Table]) -> set[int]:
        """The open transactions of others that have written to the tables."""
        keys = ", ".join(str(t.object_id) for t in tables)
        rows = self.db.execute(
            f"SELECT DISTINCT txn FROM pending WHERE tbl IN ({keys}) AND txn <> ?", (self.transaction_id,)
        )
        return {r[0] for r in rows}

    def _wait(self: EngineSession, tables: list[Table], deadline: float | None) -> None:
        engine = self.engine
        with engine.ended:
            generation = engine.generation
            self.waiting_for = self._others(tables)
            if not self.waiting_for:
                self.waiting_for = set()
                return
            if self.transaction is not None and engine.in_cycle(self):
                self.waiting_for = set()
                raise deadlock(self.session_id)
            try:
                while engine.generation == generation:
                    left = 0.5 if deadline is None else min(0.5, deadline - time.monotonic())
                    if left <= 0:
                        raise SqlError(1222, "Lock request time out period exceeded.", 16, 51)
                    engine.ended.wait(left)
                    if self.cancelled:
                        raise Cancelled()
            finally:
                self.waiting_for = set()

    def lock_table(self: EngineSession, table: Table) -> None:
        """Waits until no other transaction holds rows of the table, as a schema change does."""
        with self.engine.writer:
            self._complete([table])
        deadline = None if self.lock_timeout_ms < 0 else time.monotonic() + self.lock_timeout_ms / 1000
        while self._others([table]):
            self._wait([table], deadline)

    def remember_definition(self: EngineSession, take_back: Callable[[], None] | None, what: str) -> None:
        """Inside a transaction a definition must be able to be taken back."""
        if self.transaction is None:
            return

        def impossible() -> None:
            raise unsupported(f"rollback of {what}")

        self.transaction.ddl.append(take_back or impossible)


def deadlock(session_id: int) -> SqlError:
    return SqlError(
        1205,
        f"Transaction (Process ID {session_id}) was deadlocked on lock resources with another process and has been chosen as the "
        "deadlock victim. Rerun the transaction.",
        13,
        51,
    )
