"""Views of the capture process and its jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from standin.engine import permissions
from standin.engine.catalog import Database
from standin.engine.clock import lsn_text
from standin.engine.system_views import view
from standin.engine.types import DATETIME, INT, nvarchar
from standin.model import SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

BIGINT, LSN_TEXT = SqlType("bigint"), nvarchar(23)
_EMPTY_LSN = "00000000:00000000:0000"


def _require_state(session: EngineSession, database: Database, name: str) -> None:
    names = ("VIEW DATABASE STATE", "VIEW DATABASE PERFORMANCE STATE")
    if permissions.is_owner(session, database) or permissions.sees_server_state(session):
        return
    if not any(permissions.allowed(session, database, p, "", 0) for p in names):
        raise SqlError(262, f"VIEW DATABASE PERFORMANCE STATE permission denied in database '{database.name}'.", 14)


@view("sys", "dm_cdc_log_scan_sessions", [
    ("session_id", INT), ("start_time", DATETIME), ("end_time", DATETIME), ("duration", BIGINT), ("scan_phase", nvarchar(200)),
    ("error_count", INT), ("start_lsn", LSN_TEXT), ("current_lsn", LSN_TEXT), ("end_lsn", LSN_TEXT), ("tran_count", BIGINT),
    ("last_commit_lsn", LSN_TEXT), ("last_commit_time", DATETIME), ("log_record_count", BIGINT), ("schema_change_count", INT),
    ("command_count", BIGINT), ("first_begin_cdc_lsn", LSN_TEXT), ("last_commit_cdc_lsn", LSN_TEXT), ("last_commit_cdc_time", DATETIME),
    ("latency", INT), ("empty_scan_count", INT), ("failed_sessions_count", INT),
], True)  # fmt: skip
def _scans(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    _require_state(session, database, "dm_cdc_log_scan_sessions")
    log = session.engine.capture.log_of(database)
    rows = []
    for s in log.sessions:
        first, last = (lsn_text(v) if v else _EMPTY_LSN for v in (s.first_lsn, s.last_lsn))
        time = s.last_time or None
        rows.append((
            s.session_id, s.start_time, s.end_time, max(0, s.end_time - s.start_time) // 300, "Done", s.errors, first, last, last,
            s.transactions, last, time, s.commands, s.schema_changes, s.commands, first, last, time, s.latency_seconds, s.empty_scans, 0,
        ))  # fmt: skip
    if rows:
        totals = [sum(r[i] for r in rows) for i in range(21) if i in (3, 5, 9, 12, 13, 14, 19)]
        last = rows[-1]
        yield (
            0, rows[0][1], last[2], totals[0], "Done", totals[1], rows[0][6], last[7], last[8], totals[2], last[10], last[11], totals[3],
            totals[4], totals[5], last[15], last[16], last[17], last[18], totals[6], 0,
        )  # fmt: skip
    yield from rows


@view("sys", "dm_cdc_errors", [
    ("session_id", INT), ("phase_number", INT), ("entry_time", DATETIME), ("error_number", INT), ("error_severity", INT),
    ("error_state", INT), ("error_message", nvarchar(1024)), ("start_lsn", LSN_TEXT), ("begin_lsn", LSN_TEXT), ("sequence_value", LSN_TEXT),
], True)  # fmt: skip
def _errors(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    _require_state(session, database, "dm_cdc_errors")
    for number, (time, code, message) in enumerate(session.engine.capture.log_of(database).errors, 1):
        yield number, 2, time, code, 16, 1, message[:1024], _EMPTY_LSN, _EMPTY_LSN, _EMPTY_LSN
