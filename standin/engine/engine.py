"""The server: databases, logins, sessions, the log and the capture processes."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from standin.engine import availability
from standin.engine.backups import Backup
from standin.engine.capture import Capture
from standin.engine.catalog import Database, Grant, ObjectIds, Table
from standin.engine.change_cache import ChangeCache
from standin.engine.clock import Log, ServerTime
from standin.engine.connection import open_connection
from standin.engine.hooks import HookBoard
from standin.engine.operations import Operation, operations
from standin.engine.properties import Properties, Version
from standin.engine.replica import Replica
from standin.engine.session import EngineSession
from standin.model import Login, SqlError


@dataclass
class Options:
    """How the server behaves.

    users: name → password; they are administrators. Others come by CREATE LOGIN.
    data_dir: where SQLite's file lies; None for a directory that goes with the engine.
    capture_interval: seconds between two scans of the log; 0: only when sp_cdc_scan is called.
    idle_lsn_interval: seconds without changes after which a dummy row goes into cdc.lsn_time_mapping; 0: never.
    retention_minutes: what the cleanup job keeps.
    time_zone: the server's zone, a Windows or IANA name or an offset in minutes.
    untouched_max_in_after_image: whether operation 4 shows (max) values that the update did not touch.
    version, edition: 2012 to 2025; developer, azure (SQL Database) or managed (Instance). What they lack is refused.
    """

    users: dict[str, str] = field(default_factory=lambda: {"sa": "Passw0rd!"})
    data_dir: str | None = None
    capture_interval: float = 0.0
    idle_lsn_interval: float = 300.0
    retention_minutes: int = 4320
    time_zone: str | int = "UTC"
    untouched_max_in_after_image: bool = True
    server_name: str = "STANDIN"
    version: str | int = "2022"
    edition: str = "developer"


_engines = itertools.count(1)


@dataclass(slots=True)
class Injection:
    """An error that statements whose text contains `text` meet, `times` times."""

    text: str
    error: SqlError
    times: int


class StandInEngine:
    """See standin.model.Engine. Sessions run in threads of their own; `writer` lets one of them write at a time."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.number = next(_engines)  # plans are cached with a batch's text, which engines of one process share
        self.time = ServerTime(options.time_zone)
        self.version = Version(str(options.version), options.edition)
        self.properties = Properties(options.server_name, self.version)
        self.log = Log()
        self.object_ids = ObjectIds()
        self.writer = threading.RLock()
        self.ended = threading.Condition()
        self.generation = 0
        self.catalog_version = 0
        self.rowversion = 2000
        self._rowversions = itertools.count(2001)
        self._transactions = itertools.count(1001)
        self._session_ids = itertools.count(51)
        self._database_ids = itertools.count(1)
        self.databases: dict[str, Database] = {}
        self.tables: dict[int, Table] = {}
        self.sessions: dict[int, EngineSession] = {}
        self.passwords = {name.lower(): password for name, password in options.users.items()}
        self.sysadmins = set(self.passwords) | {"sa"}
        self.server_roles: dict[str, set[str]] = {}
        self.server_grants: set[Grant] = {Grant("public", "VIEW ANY DATABASE", ("server", ""))}
        self.agent_running = True
        self.agent_started = self.time.datetime()
        self.injections: list[Injection] = []
        self.backups: dict[str, Backup] = {}  # by the name of their file
        self._own_directory = options.data_dir is None
        self.directory = options.data_dir or tempfile.mkdtemp(prefix="standin-")
        os.makedirs(self.directory, exist_ok=True)
        self.path = os.path.join(self.directory, "standin.sqlite")
        for leftover in (self.path, self.path + "-wal", self.path + "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(leftover)
        db = open_connection(self.path)
        db.execute("CREATE TABLE pending (txn INTEGER, tbl INTEGER, PRIMARY KEY (txn, tbl))")
        db.close()
        for name in ("master", "tempdb", "model", "msdb"):
            self.add_database(name)
        self.change_cache = ChangeCache()
        self.hooks = HookBoard(self)
        self.replica = Replica(self)
        self.capture = Capture(self)
        self.capture.start()

    # Catalogue

    def changed(self) -> None:
        """What was compiled before is compiled again."""
        self.catalog_version += 1

    def add_database(self, name: str, collation: str = "SQL_Latin1_General_CP1_CI_AS") -> Database:
        with self.writer:
            database = Database(self.next_database_id(), name, self.time.datetime(), collation)
            self.databases[name.lower()] = database
            self.changed()
            return database

    def next_database_id(self) -> int:
        return next(self._database_ids)

    def remove_database(self, database: Database) -> None:
        with self.writer:
            self.databases.pop(database.name.lower(), None)
            self.capture.forget(database)
            self.changed()

    def database_by_id(self, database_id: int) -> Database:
        return next(d for d in self.databases.values() if d.database_id == database_id)

    def database_of(self, table: Table) -> Database:
        return self.database_by_id(table.database_id)

    def is_captured(self, table: Table) -> bool:
        return not table.temporary and self.database_of(table).is_captured(table)

    def dropped(self, table: Table) -> bool:
        return table.object_id not in self.tables

    def next_rowversion(self) -> bytes:
        self.rowversion = next(self._rowversions)
        return self.rowversion.to_bytes(8, "big")

    def next_transaction(self) -> int:
        return next(self._transactions)

    # Locks

    def transaction_ended(self) -> None:
        with self.ended:
            self.generation += 1
            self.ended.notify_all()

    def in_cycle(self, session: EngineSession) -> bool:
        """Whether the session waits, through others, for itself."""
        by_transaction = {s.transaction_id: s for s in self.sessions.values() if s.transaction_id}
        seen: set[int] = set()
        todo = list(session.waiting_for)
        while todo:
            number = todo.pop()
            if number == session.transaction_id:
                return True
            if number not in seen:
                seen.add(number)
                other = by_transaction.get(number)
                todo += list(other.waiting_for) if other is not None else []
        return False

    def inject_error(self, text: str, error: SqlError, times: int = 1) -> None:
        """The next `times` statements, in any session, that contain `text` (upper and lower case alike) fail with it."""
        self.injections.append(Injection(text.lower(), error, times))

    def injected(self, text: str) -> None:
        if not self.injections:
            return
        lowered = text.lower()
        for injection in self.injections:
            if injection.times > 0 and injection.text in lowered:
                injection.times -= 1
                e = injection.error
                raise SqlError(e.number, e.message, e.severity, e.state)

    def run_agent(self, running: bool) -> None:
        """SQL Server Agent starts or stops. It stops its jobs with itself, and starts continuous ones again."""
        if running == self.agent_running:
            return
        now = self.time.datetime()
        self.agent_running = running
        if running:
            self.agent_started = now
        for database in self.databases.values():
            job = self.capture.log_of(database).jobs.get("capture")
            if job is not None and running:
                job.start(now)
            elif job is not None:
                job.stop(now)

    # standin.model.Engine

    @property
    def server_version(self) -> tuple[int, int, int]:
        return self.version.numbers

    def login(self, login: Login) -> EngineSession:
        expected = self.passwords.get(login.user.lower())
        if expected is None or expected != login.password:
            raise SqlError(18456, f"Login failed for user '{login.user}'.", 14)
        return self._new_session(login)

    @contextlib.contextmanager
    def open_session(self, login: Login) -> Iterator[EngineSession]:
        """A session of the server's own, without a password; it is closed at the end."""
        session = self._new_session(login)
        try:
            yield session
        finally:
            session.close()

    def operations(self) -> Mapping[str, Operation]:
        """What the control channel can ask for."""
        return operations(self)

    def _new_session(self, login: Login) -> EngineSession:
        session = EngineSession(self, login, next(self._session_ids), self.databases["master"])
        try:
            if login.database:
                session.db_catalog = session.enter_database(login.database)
        except SqlError as error:
            session.close()
            if error.number in availability.REPLICA_ERRORS:
                raise
            raise SqlError(
                4060, f'Cannot open database "{login.database}" requested by the login. The login failed.', 11
            ) from None
        self.sessions[session.session_id] = session
        return session

    def close(self) -> None:
        self.capture.stop()
        for session in list(self.sessions.values()):
            session.close()
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
