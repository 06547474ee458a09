"""msdb's tables of SQL Server Agent and its CDC jobs: for administrators, and for whom SELECT was granted.

msdb lets every login in as guest, so what is missing is SELECT (error 229), not the way into the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from standin.engine import permissions
from standin.engine.catalog import Database
from standin.engine.errors import permission_denied
from standin.engine.jobs import Job
from standin.engine.system_views import VIEWS, Fill, view
from standin.engine.types import BIT, DATETIME, INT, SYSNAME, nvarchar
from standin.model import SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

_FIRST_ID = 117_575_457
BIGINT, GUID, TINYINT = SqlType("bigint"), SqlType("uniqueidentifier"), SqlType("tinyint")


def _table(name: str, columns: list[tuple[str, SqlType]]) -> Callable[[Fill], Fill]:
    def register(fill: Fill) -> Fill:
        def guarded(session: EngineSession, msdb: Database) -> Iterable[tuple[Any, ...]]:
            if not permissions.may_select_in_msdb(session, msdb, name):
                raise permission_denied("SELECT", name, "msdb", "dbo")
            return fill(session, msdb)

        view("msdb", name, columns, volatile=True)(guarded)
        return fill

    return register


def table_id(session: EngineSession, msdb: Database, name: str) -> int | None:
    """The object id of one of them; None for what is not there, or not to be seen."""
    names = [table for schema, table in VIEWS if schema == "msdb"]
    if name.lower() not in names or not permissions.may_select_in_msdb(session, msdb, name):
        return None
    return _FIRST_ID + names.index(name.lower())


def _all_jobs(session: EngineSession) -> Iterable[tuple[Database, Job]]:
    for database in list(session.engine.databases.values()):
        for job in list(session.engine.capture.log_of(database).jobs.values()):
            yield database, job


@_table("cdc_jobs", [
    ("database_id", INT), ("job_type", nvarchar(20)), ("job_id", GUID), ("maxtrans", INT), ("maxscans", INT),
    ("continuous", BIT), ("pollinginterval", BIGINT), ("retention", BIGINT), ("threshold", BIGINT),
])  # fmt: skip
def _cdc_jobs(session: EngineSession, _msdb: Database) -> Iterable[tuple[Any, ...]]:
    for d, j in _all_jobs(session):
        yield (
            d.database_id, j.kind, j.job_id, j.maxtrans, j.maxscans, j.continuous, j.pollinginterval, j.retention, j.threshold
        )  # fmt: skip


@view("cdc", "cdc_jobs", [
    ("job_type", nvarchar(20)), ("job_id", GUID), ("maxtrans", INT), ("maxscans", INT), ("continuous", BIT),
    ("pollinginterval", BIGINT), ("retention", BIGINT), ("threshold", BIGINT),
], True)  # fmt: skip
def _jobs_of_azure(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    """Azure SQL Database has them in the database itself, for a scheduler of its own."""
    if not permissions.allowed(session, database, "SELECT", "cdc", 0):
        raise permission_denied("SELECT", "cdc_jobs", database.name, "cdc")
    for j in session.engine.capture.log_of(database).jobs.values():
        yield j.kind, j.job_id, j.maxtrans, j.maxscans, j.continuous, 0, j.retention, j.threshold


@_table("sysjobs", [("job_id", GUID), ("name", SYSNAME), ("enabled", TINYINT)])
def _jobs(session: EngineSession, _msdb: Database) -> Iterable[tuple[Any, ...]]:
    for _, job in _all_jobs(session):
        yield job.job_id, job.name, 1


@_table("syssessions", [("session_id", INT), ("agent_start_date", DATETIME)])
def _agent_sessions(session: EngineSession, _msdb: Database) -> Iterable[tuple[Any, ...]]:
    yield 1, session.engine.agent_started


@_table("sysjobactivity", [
    ("session_id", INT), ("job_id", GUID), ("start_execution_date", DATETIME), ("stop_execution_date", DATETIME),
])  # fmt: skip
def _activity(session: EngineSession, _msdb: Database) -> Iterable[tuple[Any, ...]]:
    for _, job in _all_jobs(session):
        yield 1, job.job_id, job.started, job.stopped
