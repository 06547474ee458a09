"""The capture process: turns commits, in commit order, into change rows and cdc.lsn_time_mapping rows.

Sessions hand over a record when they commit; the rows wait in the tables' logs (standin.engine.physical). A scan moves
up to `maxtrans` transactions in one SQLite transaction, so that readers see all of it or nothing."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from standin.engine import physical
from standin.engine import temporal as tm
from standin.engine.catalog import Database, Instance, Table
from standin.engine.connection import open_connection
from standin.engine.jobs import Job, new_jobs
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.engine import StandInEngine
    from standin.engine.session import EngineSession

_SESSIONS_KEPT = 200


@dataclass(slots=True)
class Commit:
    """A committed transaction that has changed captured tables."""

    txn: int
    record: int
    begin_record: int
    begin_time: int
    end_time: int
    tables: list[Table]


@dataclass(slots=True)
class Marker:
    """A definition in the log: `apply(db, lsn, time)` is done when the capture process comes to it."""

    record: int
    begin_time: int
    txn: int
    apply: Callable[[sqlite3.Connection, bytes, int], None]
    mapped: bool = False


@dataclass(slots=True)
class ScanSession:
    """A row of sys.dm_cdc_log_scan_sessions; times are datetimes."""

    session_id: int
    start_time: int
    end_time: int
    transactions: int = 0
    commands: int = 0
    schema_changes: int = 0
    first_lsn: bytes = b""
    last_lsn: bytes = b""
    last_time: int = 0
    latency_seconds: int = 0
    empty_scans: int = 0
    errors: int = 0


@dataclass
class DatabaseLog:
    """What capture knows of one database."""

    queue: deque[Commit | Marker] = field(default_factory=deque)
    sessions: list[ScanSession] = field(default_factory=list)
    errors: list[tuple[int, int, str]] = field(default_factory=list)  # time, number, message
    jobs: dict[str, Job] = field(default_factory=dict)
    enabled_at: dict[int, int] = field(default_factory=dict)  # change table's object id → log record
    last_work: int = 0  # UTC, in ticks


class Capture:
    """All databases' capture processes. `scan` may be called from any thread."""

    def __init__(self, engine: StandInEngine) -> None:
        self.engine = engine
        self.logs: dict[int, DatabaseLog] = {}
        self._db: sqlite3.Connection | None = None
        self._stop = threading.Event()
        self._failing = 0
        self._thread: threading.Thread | None = None

    # Life

    def start(self) -> None:
        db = self._db = open_connection(self.engine.path)
        for name in ("und", "own", "cap", "cmd", "seq", "cur", "lobs"):
            db.create_function(name, 0, lambda: 0)
        if self.engine.options.capture_interval > 0:
            self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._db is not None:
            self._db.close()
            self._db = None

    def _run(self) -> None:
        while not self._stop.wait(self.engine.options.capture_interval):
            for database in list(self.engine.databases.values()):
                job = self.log_of(database).jobs.get("capture")
                if self.engine.agent_running and database.cdc_enabled and job is not None and job.running:
                    self._scan_guarded(database, job)

    def _scan_guarded(self, database: Database, job: Job) -> None:
        """An error stops the scan, not the process; it shows in sys.dm_cdc_errors, and the next scan tries again."""
        with contextlib.suppress(Exception):
            self.scan(database, job.maxtrans, job.maxscans)

    def log_of(self, database: Database) -> DatabaseLog:
        return self.logs.setdefault(database.database_id, DatabaseLog(last_work=self.engine.time.utc()))

    def forget(self, database: Database) -> None:
        self.logs.pop(database.database_id, None)

    def ensure_jobs(self, database: Database) -> None:
        log = self.log_of(database)
        if not log.jobs:
            log.jobs = new_jobs(database, self.engine.time.datetime(), self.engine.options.retention_minutes)

    # What sessions hand over. Both are called with the engine's writer lock held.

    def committed(
        self,
        txn: int,
        begin_time: int,
        begin_record: int,
        tables: dict[int, Table],
        db: sqlite3.Connection,
    ) -> None:
        """A transaction has committed; a log record only if captured tables have changed."""
        by_database: dict[int, list[Table]] = {}
        for table in tables.values():
            if self.engine.dropped(table) or not self.engine.is_captured(table):
                continue
            if db.execute(f"SELECT 1 FROM {table.log} WHERE txn = ? LIMIT 1", (txn,)).fetchone():
                by_database.setdefault(table.database_id, []).append(table)
        if not by_database:
            return
        record, now = self.engine.log.next(), self.engine.time.datetime()
        for database_id, changed in by_database.items():
            queue = self.log_of(self.engine.database_by_id(database_id)).queue
            queue.append(Commit(txn, record, begin_record or record, begin_time, now, changed))

    def mark(
        self, database: Database, apply: Callable[[sqlite3.Connection, bytes, int], None], mapped: bool = False
    ) -> int:
        """Puts a definition into the log; `mapped`: it gets a row in cdc.lsn_time_mapping. The record's number."""
        record = self.engine.log.next()
        marker = Marker(record, self.engine.time.datetime(), self.engine.next_transaction(), apply, mapped)
        self.log_of(database).queue.append(marker)
        return record

    def source_dropped(self, session: EngineSession, database: Database, table: Table) -> None:
        """DROP TABLE drops the capture instances with it."""
        from standin.engine import cdc_setup

        for instance in database.instances_of(table):
            cdc_setup.drop_instance(session, database, instance)

    # Scanning

    def scan(self, database: Database, maxtrans: int = 500, maxscans: int = 10) -> int:
        """Up to maxscans × maxtrans transactions; how many were done. What fails is in sys.dm_cdc_errors too."""
        total = 0
        try:
            for _ in range(max(1, maxscans)):
                done = self._scan_once(database, maxtrans)
                total += done
                if done < maxtrans:
                    break
        except Exception as error:
            log = self.log_of(database)
            log.errors = [*log.errors[-31:], (self.engine.time.datetime(), 22859, str(error))]
            raise
        return total

    def fail_scans(self, times: int) -> None:
        """The next scans that find something fail half-way, and leave nothing behind."""
        self._failing = times

    def _fail_if_told(self, done: int, batch: int) -> None:
        if self._failing > 0 and done > batch // 2:
            self._failing -= 1
            raise SqlError(
                22859,
                "Log Scan process failed in processing log records. Refer to previous errors in the current session to identify the cause and correct any associated problems.",
            )

    def _scan_once(self, database: Database, maxtrans: int) -> int:
        log, engine = self.log_of(database), self.engine
        with engine.writer:
            session = ScanSession(self._next_session_id(log), engine.time.datetime(), 0)
            batch = [log.queue[i] for i in range(min(maxtrans, len(log.queue)))]
            if not batch:
                self._idle(database, log, session)
                return 0
            with self._transaction() as db:
                for done, entry in enumerate(batch, 1):
                    self._apply(db, database, entry, session)
                    self._fail_if_told(done, len(batch))
            for _ in batch:
                log.queue.popleft()
            log.last_work = engine.time.utc()
            session.end_time = engine.time.datetime()
            session.latency_seconds = max(0, (session.end_time - session.last_time) // 300) if session.last_time else 0
            log.sessions = [*log.sessions[-_SESSIONS_KEPT:], session]
            return len(batch)

    @contextmanager
    def _transaction(self):
        db = self._db
        assert db is not None
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    def _next_session_id(self, log: DatabaseLog) -> int:
        return log.sessions[-1].session_id + 1 if log.sessions else 1

    def _idle(self, database: Database, log: DatabaseLog, session: ScanSession) -> None:
        interval = self.engine.options.idle_lsn_interval
        if log.sessions and log.sessions[-1].transactions == 0:
            log.sessions[-1].empty_scans += 1
            log.sessions[-1].end_time = session.start_time
        else:
            session.end_time, session.empty_scans = session.start_time, 1
            log.sessions = [*log.sessions[-_SESSIONS_KEPT:], session]
        if interval and self.engine.time.utc() - log.last_work >= interval * tm.TICKS_A_SECOND:
            self.add_idle_lsn(database)

    def add_idle_lsn(self, database: Database) -> bytes:
        """The dummy row of an idle database: tran_id 0x00."""
        mapping = database.require("cdc", "lsn_time_mapping")
        with self.engine.writer:
            lsn, now = database.lsn(self.engine.log.next()), self.engine.time.datetime()
            with self._transaction() as db:
                db.execute(
                    f"INSERT INTO {mapping.physical} (c1, c2, c3, c4, c5) VALUES (?, ?, ?, ?, ?)",
                    (lsn, now, now, b"\0", b"\0" * 10),
                )
            self.log_of(database).last_work = self.engine.time.utc()
            return lsn

    def _apply(self, db: sqlite3.Connection, database: Database, entry: Commit | Marker, session: ScanSession) -> None:
        lsn = database.lsn(entry.record)
        if isinstance(entry, Marker):
            entry.apply(db, lsn, entry.begin_time)
            session.schema_changes += 1
            if entry.mapped:
                self._map(db, database, lsn, entry.begin_time, entry.begin_time, entry.txn, lsn)
            return
        for table in entry.tables:
            if not self.engine.dropped(table):
                session.commands += self._move(db, database, table, entry, lsn)
        self._map(db, database, lsn, entry.begin_time, entry.end_time, entry.txn, database.lsn(entry.begin_record))
        session.transactions += 1
        session.first_lsn = session.first_lsn or lsn
        session.last_lsn, session.last_time = lsn, entry.end_time

    def _map(
        self, db: sqlite3.Connection, database: Database, lsn: bytes, begin: int, end: int, txn: int, begin_lsn: bytes
    ) -> None:
        mapping = database.table("cdc", "lsn_time_mapping")
        if mapping is not None:
            db.execute(
                f"INSERT INTO {mapping.physical} (c1, c2, c3, c4, c5) VALUES (?, ?, ?, ?, ?)",
                (lsn, begin, end, txn.to_bytes(6, "big"), begin_lsn),
            )

    def _move(self, db: sqlite3.Connection, database: Database, table: Table, commit: Commit, lsn: bytes) -> int:
        if not database.is_captured(table):
            return 0  # disabled since; its log is gone with it
        rows = 0
        enabled_at = self.log_of(database).enabled_at
        for instance in database.instances_of(table):
            if enabled_at.get(instance.change_table.object_id, 0) < commit.record:
                rows += _insert_changes(db, database, table, instance, commit.txn, lsn)
        db.execute(f"DELETE FROM {table.log} WHERE txn = ?", (commit.txn,))
        return rows


def full_mask(columns: int) -> bytes:
    """All defined bits; the last byte holds ordinals 1 to 8."""
    return ((1 << columns) - 1).to_bytes((columns + 7) // 8, "big")


def mask_function(instance: Instance) -> Callable[..., bytes]:
    """From the changed columns by source column id (m0, m1, …) to __$update_mask by captured ordinal."""
    bits = [(c.column_id - 1, ordinal) for ordinal, c in enumerate(instance.columns)]
    size = (len(bits) + 7) // 8
    known: dict[tuple[int, ...], bytes] = {}

    def mask(*words: int) -> bytes:
        found = known.get(words)
        if found is None:
            changed = sum(w << (physical.MASK_BITS * k) for k, w in enumerate(words))
            found = sum(1 << ordinal for source, ordinal in bits if changed >> source & 1).to_bytes(size, "big")
            if len(known) < 4096:
                known[words] = found
        return found

    return mask


def _insert_changes(
    db: sqlite3.Connection, database: Database, table: Table, instance: Instance, txn: int, lsn: bytes
) -> int:
    ct = instance.change_table
    have = [r[1] for r in db.execute(f"PRAGMA table_info({table.log})")]
    words = ", ".join(name for name in have if name[0] == "m")
    name = f"mask{ct.object_id}"
    db.create_function(name, -1, mask_function(instance))
    db.create_function("lsn", 1, database.lsn)
    targets = [f"c{i}" for i in range(1, 6)]
    values = ["?", "NULL", "lsn(seq)", "op", f"CASE WHEN op > 2 THEN {name}({words}) ELSE ? END"]
    for captured, target in zip(instance.columns, instance.change_columns(), strict=False):
        if captured.computed is None and captured.physical in have:
            targets.append(target.physical)
            values.append(captured.physical)
    command = ct.find("__$command_id")
    if command is not None:
        targets.append(command.physical)
        values.append("cmd")
    cursor = db.execute(
        f"INSERT INTO {ct.physical} ({', '.join(targets)}) SELECT {', '.join(values)} "
        f"FROM {table.log} WHERE txn = ? ORDER BY cmd, seq, op",
        (lsn, full_mask(len(instance.columns)), txn),
    )
    return cursor.rowcount
