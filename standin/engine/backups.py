"""BACKUP DATABASE and RESTORE DATABASE.

A backup is a copy of the SQLite file and of what the catalogue says of one database. It is kept in this process under
the name of its file, which need not be a real one. After a restore the log goes on from the backup's last record, so
that LSNs which were given out once come again with other rows and times, as after a restore of a real server.

As there, CDC outlives a restore under the database's own name, and one under another name only WITH KEEP_CDC."""

from __future__ import annotations

import copy
import os
import sqlite3
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from standin.engine import availability, cdc_setup, permissions, tables
from standin.engine import statements as st
from standin.engine.capture import DatabaseLog, Marker
from standin.engine.catalog import Database, Table
from standin.engine.connection import open_connection
from standin.engine.errors import unsupported
from standin.engine.tokens import Cursor
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

_RESTORE_WORDS = {"REPLACE", "KEEP_CDC", "RECOVERY", "NORECOVERY"}
_WORDS_WITHOUT_EFFECT = {"INIT", "FORMAT", "COPY_ONLY", "COMPRESSION", "NO_COMPRESSION", "CHECKSUM", "STATS"}


@dataclass
class Backup:
    """`record`: the last log record when it was made."""

    database: Database
    log: DatabaseLog
    path: str
    record: int


@dataclass(slots=True)
class _Request:
    """What a BACKUP or RESTORE statement says."""

    database: str
    disk: str
    words: set[str] = field(default_factory=set)


def backup(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    """BACKUP DATABASE name TO DISK = 'file' [WITH …]"""
    request = _parse(c, statement, "TO")
    engine, database = session.engine, session.open_database(request.database)
    if not permissions.is_owner(session, database):
        raise SqlError(262, f"BACKUP DATABASE permission denied in database '{database.name}'.", 14)
    with engine.writer:
        log = engine.capture.log_of(database)
        _require_at_rest(session, database, log)
        path = os.path.join(engine.directory, f"backup-{len(engine.backups) + 1}.sqlite")
        source, copied = open_connection(engine.path), open_connection(path)
        try:
            source.backup(copied)
        finally:
            source.close()
            copied.close()
        kept, kept_log = copy.deepcopy((database, log))
        engine.backups[request.disk] = Backup(kept, kept_log, path, engine.log.last)


def restore(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    """RESTORE DATABASE name [FROM DISK = 'file'] [WITH …]"""
    request = _parse(c, statement, "FROM")
    engine = session.engine
    if not permissions.is_sysadmin(session):
        raise SqlError(3110, f"User does not have permission to RESTORE database '{request.database}'.", 14)
    present = engine.databases.get(request.database.lower())
    if not request.disk:
        if present is None or present.state != "RESTORING":
            raise SqlError(3153, "The database is already fully recovered.")
        present.state = "ONLINE"
        present.recovery.begin_fork(engine.log.last)
        return
    found = engine.backups.get(request.disk)
    if found is None:
        raise SqlError(3201, f"Cannot open backup device '{request.disk}'. Operating system error 2.", 16, 2)
    with engine.writer:
        if present is not None:
            _remove(session, present, found, request)
        restored = _bring_back(session, found, request.database, present)
        if request.database.lower() != found.database.name.lower() and "KEEP_CDC" not in request.words:
            _lose_cdc(session, restored)
        if "NORECOVERY" in request.words:
            restored.state = "RESTORING"
        else:
            restored.recovery.begin_fork(engine.log.last)


def _parse(c: Cursor, statement: st.Definition, direction: str) -> _Request:
    c.expect("DATABASE")
    request = _Request(c.name(), "")
    if c.accept(direction):
        c.expect("DISK", "=")
        request.disk = c.take().value
    if c.accept("WITH"):
        while True:
            word = c.take().upper
            if word not in _RESTORE_WORDS | _WORDS_WITHOUT_EFFECT:
                raise unsupported(f"option {word}", statement.text)
            request.words.add(word)
            if c.accept("="):
                c.take()
            if not c.accept(","):
                break
    if c.i < c.end:
        raise c.error()
    return request


def _require_at_rest(session: EngineSession, database: Database, log: DatabaseLog) -> None:
    """What lies between the tables and the log cannot be copied with either of them."""
    open_tables = {row[0] for row in session.db.execute("SELECT DISTINCT tbl FROM pending")}
    if open_tables & {t.object_id for t in database.tables.values()}:
        raise unsupported(f"BACKUP of {database.name} while transactions are open in it")
    if any(isinstance(entry, Marker) for entry in log.queue):
        raise unsupported(f"BACKUP of {database.name} while definitions wait for the capture process")


def _remove(session: EngineSession, present: Database, found: Backup, request: _Request) -> None:
    if session.db_catalog is present:
        raise SqlError(
            3102,
            f"RESTORE cannot process database '{present.name}' because it is in use by this session. It is recommended that the master database be used when performing this operation.",
        )
    if availability.users_of(session.engine, present):
        raise SqlError(3101, "Exclusive access could not be obtained because the database is in use.")
    if present.recovery.family_guid != found.database.recovery.family_guid and "REPLACE" not in request.words:
        raise SqlError(
            3154,
            f"The backup set holds a backup of a database other than the existing '{present.name}' database.",
            16,
            4,
        )
    for table in list(present.tables.values()):
        tables.remove(session, table)
    session.engine.remove_database(present)


def _bring_back(session: EngineSession, found: Backup, name: str, present: Database | None) -> Database:
    """The backup's database and rows, under their own object ids."""
    engine = session.engine
    database, log = copy.deepcopy((found.database, found.log))
    ids = {t.object_id for t in database.tables.values()}
    if ids & set(engine.tables):
        raise unsupported(f"RESTORE beside the living original; DROP DATABASE [{found.database.name}] first")
    database.database_id = present.database_id if present is not None else engine.next_database_id()
    database.name = name
    database.recovery.database_guid = present.recovery.database_guid if present is not None else uuid.uuid4().bytes
    database.state = "ONLINE"
    database.go_on_from(found.record, engine.log.last)
    for table in database.tables.values():
        table.database_id = database.database_id
    _copy_rows(session.db, found.path, database)
    engine.databases[name.lower()] = database
    engine.tables |= {t.object_id: t for t in database.tables.values()}
    engine.capture.logs[database.database_id] = log
    for table in database.tables.values():
        engine.change_cache.forget(table.object_id)
    engine.changed()
    return database


def _copy_rows(db: sqlite3.Connection, path: str, database: Database) -> None:
    """Tables, indexes and triggers as SQLite knows them, with the rows."""
    db.execute("ATTACH DATABASE ? AS backup", (path,))
    try:
        db.execute("BEGIN IMMEDIATE")
        try:
            for table in database.tables.values():
                _copy_table(db, table)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
    finally:
        db.execute("DETACH DATABASE backup")


def _copy_table(db: sqlite3.Connection, table: Table) -> None:
    for name in (table.physical, table.undo, table.log):
        made = db.execute("SELECT type, sql FROM backup.sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (name,))
        texts = made.fetchall()
        for kind in ("table", "index", "trigger"):
            for _, text in (entry for entry in texts if entry[0] == kind):
                db.execute(text)
            if kind == "table" and texts:
                db.execute(f"INSERT INTO main.{name} SELECT * FROM backup.{name}")


def _lose_cdc(session: EngineSession, database: Database) -> None:
    if database.cdc_enabled:
        cdc_setup.disable_db(session, database)
