"""Cleanup of change tables: the low water mark moves first, then rows go in chunks (facts: sp_cdc_cleanup_change_table)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine.catalog import Database, Instance
from standin.engine.cdc_setup import session_transaction
from standin.engine.jobs import Job
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.session import EngineSession


def clean_instance(
    session: EngineSession, database: Database, instance: Instance, mark: bytes | None, threshold: int
) -> None:
    """`mark` must be in cdc.lsn_time_mapping; None deletes below the present low water mark."""
    mapping, tables = database.require("cdc", "lsn_time_mapping"), database.require("cdc", "change_tables")
    if mark is not None:
        if session.db.execute(f"SELECT 1 FROM {mapping.physical} WHERE c1 = ?", (mark,)).fetchone() is None:
            raise SqlError(
                22964,
                f"LSN 0x{mark.hex().upper()}, specified as the new low end point for the change table associated with capture instance '{instance.name}', is not within the Change Data Capture timeline.",
            )
        with session_transaction(session) as db:
            db.execute(
                f"UPDATE {tables.physical} SET c5 = ? WHERE c1 = ? AND (c5 IS NULL OR c5 < ?)",
                (mark, instance.change_table.object_id, mark),
            )
    _delete_below(session, database, [instance], threshold)


def run_job(session: EngineSession, database: Database, job: Job) -> None:
    """The cleanup job: retention counts back from the newest captured commit."""
    mapping, tables = database.require("cdc", "lsn_time_mapping"), database.require("cdc", "change_tables")
    newest = session.db.execute(f"SELECT max(c3) FROM {mapping.physical}").fetchone()[0]
    if newest is None:
        return
    limit = newest - job.retention * 60 * 300
    sql = f"SELECT min(c1) FROM {mapping.physical} WHERE c3 = (SELECT max(c3) FROM {mapping.physical} WHERE c3 <= ?)"
    mark = session.db.execute(sql, (limit,)).fetchone()[0]
    if mark is None:
        return
    with session_transaction(session) as db:
        db.execute(f"UPDATE {tables.physical} SET c5 = ? WHERE c5 < ?", (mark, mark))
    _delete_below(session, database, list(database.instances.values()), job.threshold)


def _delete_below(session: EngineSession, database: Database, instances: list[Instance], threshold: int) -> None:
    tables, mapping = database.require("cdc", "change_tables"), database.require("cdc", "lsn_time_mapping")
    for instance in instances:
        ct = instance.change_table
        (low,) = session.db.execute(f"SELECT c5 FROM {tables.physical} WHERE c1 = ?", (ct.object_id,)).fetchone()
        if low is not None:
            _delete_chunks(session, ct.physical, low, threshold)
            session.engine.change_cache.forget(ct.object_id)
    (lowest,) = session.db.execute(f"SELECT min(c5) FROM {tables.physical}").fetchone()
    if lowest is not None:
        _delete_chunks(session, mapping.physical, lowest, threshold)


def _delete_chunks(session: EngineSession, table: str, low: bytes, threshold: int) -> None:
    sql = f"DELETE FROM {table} WHERE rid IN (SELECT rid FROM {table} WHERE c1 < ? LIMIT ?)"
    while True:
        with session_transaction(session) as db:
            if db.execute(sql, (low, max(1, threshold))).rowcount == 0:
                return
