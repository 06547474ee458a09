"""sys.sp_cdc_*."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from standin.engine import cdc_setup, cleanup, permissions
from standin.engine.catalog import Database, Instance
from standin.engine.errors import permission_denied, unsupported
from standin.engine.jobs import new_job
from standin.engine.procedures import Call, procedure, result
from standin.engine.types import BIT, DATETIME, INT, LSN, SYSNAME, nvarchar, type_name
from standin.model import MAX, Event, SqlError, SqlType

BIGINT = SqlType("bigint")
TINYINT = SqlType("tinyint")
SMALLINT = SqlType("smallint")
GUID = SqlType("uniqueidentifier")
_HELP = [
    ("source_schema", SYSNAME), ("source_table", SYSNAME), ("capture_instance", SYSNAME), ("object_id", INT), ("source_object_id", INT),
    ("start_lsn", LSN), ("end_lsn", LSN), ("supports_net_changes", BIT), ("has_drop_pending", BIT), ("role_name", SYSNAME),
    ("index_name", SYSNAME), ("filegroup_name", SYSNAME), ("create_date", DATETIME), ("index_column_list", nvarchar(MAX)),
    ("captured_column_list", nvarchar(MAX)),
]  # fmt: skip
_CAPTURED = [
    ("source_schema", SYSNAME), ("source_table", SYSNAME), ("capture_instance", SYSNAME), ("column_name", SYSNAME), ("column_id", INT),
    ("column_ordinal", INT), ("data_type", SYSNAME), ("character_maximum_length", INT), ("numeric_precision", TINYINT),
    ("numeric_precision_radix", SMALLINT), ("numeric_scale", INT), ("datetime_precision", SMALLINT),
]  # fmt: skip
_DDL = [
    ("source_schema", SYSNAME), ("source_table", SYSNAME), ("capture_instance", SYSNAME), ("required_column_update", BIT),
    ("ddl_command", nvarchar(MAX)), ("ddl_lsn", LSN), ("ddl_time", DATETIME),
]  # fmt: skip
_JOBS = [
    ("job_id", GUID), ("job_type", nvarchar(20)), ("job_name", SYSNAME), ("maxtrans", INT), ("maxscans", INT), ("continuous", BIT),
    ("pollinginterval", BIGINT), ("retention", BIGINT), ("threshold", BIGINT),
]  # fmt: skip


def _owner(call: Call) -> None:
    permissions.require_owner(
        call.session,
        call.database,
        22904,
        "Caller is not authorized to initiate the requested action. DBO privileges are required.",
    )


def _enabled(call: Call) -> Database:
    if not call.database.cdc_enabled:
        raise cdc_setup.not_enabled(call.database)
    return call.database


def _instance(call: Call) -> Instance:
    name = call.get("capture_instance", "")
    found = _enabled(call).instances.get(name.lower())
    if found is None or not permissions.may_read_instance_source(call.session, call.database, found.source, found.role):
        raise SqlError(22981, f"Object does not exist or access is denied: capture instance '{name}'.")
    return found


@procedure("sp_cdc_enable_db")
def _enable_db(call: Call) -> Iterator[Event]:
    if not permissions.is_sysadmin(call.session):
        raise SqlError(
            22902, "Caller is not authorized to initiate the requested action. Sysadmin privileges are required."
        )
    cdc_setup.enable_db(call.session, call.database)
    return iter(())


@procedure("sp_cdc_disable_db")
def _disable_db(call: Call) -> Iterator[Event]:
    if not permissions.is_sysadmin(call.session):
        raise SqlError(
            22902, "Caller is not authorized to initiate the requested action. Sysadmin privileges are required."
        )
    cdc_setup.disable_db(call.session, call.database)
    return iter(())


@procedure(
    "sp_cdc_enable_table",
    ("source_schema", SYSNAME, True), ("source_name", SYSNAME, True), ("capture_instance", SYSNAME), ("supports_net_changes", BIT),
    ("role_name", SYSNAME, True), ("index_name", SYSNAME), ("captured_column_list", nvarchar(MAX)), ("filegroup_name", SYSNAME),
    ("allow_partition_switch", BIT),
)  # fmt: skip
def _enable_table(call: Call) -> Iterator[Event]:
    _owner(call)
    cdc_setup.enable_table(call.session, call.database, call.arguments)
    return iter(())


@procedure(
    "sp_cdc_disable_table",
    ("source_schema", SYSNAME, True),
    ("source_name", SYSNAME, True),
    ("capture_instance", SYSNAME, True),
)
def _disable_table(call: Call) -> Iterator[Event]:
    _owner(call)
    cdc_setup.disable_table(
        call.session, call.database, call.get("source_schema"), call.get("source_name"), call.get("capture_instance")
    )
    return iter(())


def _row_of(call: Call, instance: Instance) -> tuple[Any, ...]:
    table = call.database.require("cdc", "change_tables")
    sql = f"SELECT c5, c6, c13 FROM {table.physical} WHERE c1 = ?"
    start, end, _ = call.session.db.execute(sql, (instance.change_table.object_id,)).fetchone()
    source = instance.source
    return (
        source.schema, source.name, instance.name, instance.change_table.object_id, source.object_id, start, end,
        int(instance.net_changes), None, instance.role, instance.index_name, instance.filegroup, instance.change_table.create_date,
        ", ".join(f"[{k}]" for k in instance.key) or None, ", ".join(f"[{c.name}]" for c in instance.columns),
    )  # fmt: skip


@procedure("sp_cdc_help_change_data_capture", ("source_schema", SYSNAME), ("source_name", SYSNAME))
def _help(call: Call) -> Iterator[Event]:
    database = _enabled(call)
    schema, name = call.get("source_schema"), call.get("source_name")
    if (schema is None) != (name is None):
        raise SqlError(
            22972,
            "When calling stored procedure [sys].[sp_cdc_help_change_data_capture], if either parameter @source_schema or @source_name is non-null and non-empty, the other parameter must also be non-null and non-empty.",
        )
    chosen = list(database.instances.values())
    if name is not None:
        source = database.table(schema, name)
        chosen = [i for i in chosen if i.source is source]
    allowed = [i for i in chosen if permissions.may_read_instance_source(call.session, database, i.source, i.role)]
    yield from result(_HELP, [_row_of(call, i) for i in allowed])


@procedure("sp_cdc_get_captured_columns", ("capture_instance", SYSNAME, True))
def _captured_columns(call: Call) -> Iterator[Event]:
    from standin.engine.types import family, precision_scale

    instance = _instance(call)
    rows = []
    for ordinal, column in enumerate(instance.columns, 1):
        t, kind = column.type, family(column.type)
        precision, scale = precision_scale(t)
        number = kind in ("int", "decimal", "float") and t.name != "bit"
        rows.append((
            instance.source.schema, instance.source.name, instance.name, column.name, column.column_id, ordinal, type_name(t),
            t.length if kind in ("text", "binary") and t.length else None, precision if number else None,
            (2 if kind == "float" else 10) if number else None, scale if number and kind != "float" else None,
            scale if kind in ("time", "datetime", "datetime2", "datetimeoffset", "smalldatetime") else None,
        ))  # fmt: skip
    yield from result(_CAPTURED, rows)


@procedure("sp_cdc_get_ddl_history", ("capture_instance", SYSNAME, True))
def _ddl_history(call: Call) -> Iterator[Event]:
    instance = _instance(call)
    table = call.database.require("cdc", "ddl_history")
    sql = f"SELECT c3, c4, c5, c6 FROM {table.physical} WHERE c2 = ? ORDER BY c5"
    rows = call.session.db.execute(sql, (instance.change_table.object_id,)).fetchall()
    yield from result(_DDL, [(instance.source.schema, instance.source.name, instance.name, *row) for row in rows])


@procedure("sp_cdc_help_jobs")
def _help_jobs(call: Call) -> Iterator[Event]:
    _owner(call)
    jobs = call.session.engine.capture.log_of(_enabled(call)).jobs.values()
    rows = [
        (j.job_id, j.kind, j.name, j.maxtrans, j.maxscans, j.continuous, j.pollinginterval, j.retention, j.threshold)
        for j in jobs
    ]
    yield from result(_JOBS, rows)


@procedure(
    "sp_cdc_scan",
    ("maxtrans", INT),
    ("maxscans", INT),
    ("continuous", TINYINT),
    ("pollinginterval", BIGINT),
    ("is_from_job", INT),
)
def _scan(call: Call) -> Iterator[Event]:
    """One run of the capture process; the server's own process may be running beside it."""
    _owner(call)
    database = _enabled(call)
    maxtrans, maxscans = call.get("maxtrans", 500), call.get("maxscans", 10)
    if maxtrans <= 0 or maxscans <= 0:
        raise SqlError(22991, "The value specified for the parameter @maxtrans or @maxscans must be greater than 0.")
    call.session.engine.capture.scan(database, maxtrans, maxscans)
    return iter(())


_JOB_ARGUMENTS = [
    ("maxtrans", INT), ("maxscans", INT), ("continuous", BIT), ("pollinginterval", BIGINT), ("retention", BIGINT), ("threshold", BIGINT)
]  # fmt: skip


def _job_type(call: Call) -> str:
    kind = call.get("job_type", "capture").lower()
    if kind not in ("capture", "cleanup"):
        raise SqlError(
            22992,
            f"The specified @job_type, {kind}, is not supported. The value specified for the parameter @job_type must be N'capture' to indicate a capture job, or N'cleanup' to indicate a cleanup job.",
        )
    return kind


def _set(call: Call, job: Any) -> None:
    for name, _ in _JOB_ARGUMENTS:
        value = call.arguments.get(name)
        if value is not None:
            setattr(job, name, value)


def _now(call: Call) -> int:
    return call.session.engine.time.datetime()


def _require_agent(call: Call) -> None:
    if not call.session.engine.agent_running:
        raise SqlError(22022, "SQLServerAgent is not currently running so it cannot be notified of this action.", 16, 1)


@procedure("sp_cdc_add_job", ("job_type", nvarchar(20), True), ("start_job", BIT), *_JOB_ARGUMENTS)
def _add_job(call: Call) -> Iterator[Event]:
    _owner(call)
    jobs, kind = call.session.engine.capture.log_of(_enabled(call)).jobs, _job_type(call)
    if kind in jobs:
        raise SqlError(22993, f"The Change Data Capture job table or {kind} job of the database already exists.")
    jobs[kind] = new_job(call.database, kind, _now(call))
    if kind == "capture" and not call.get("start_job", 1):
        jobs[kind].running, jobs[kind].started = False, None
    _set(call, jobs[kind])
    return iter(())


def _existing(call: Call) -> Any:
    job = call.session.engine.capture.log_of(_enabled(call)).jobs.get(_job_type(call))
    if job is None:
        raise SqlError(
            22995,
            f"A value for the parameter @job_type: the {_job_type(call)} job does not exist in database '{call.database.name}'.",
        )
    return job


@procedure("sp_cdc_change_job", ("job_type", nvarchar(20)), *_JOB_ARGUMENTS)
def _change_job(call: Call) -> Iterator[Event]:
    _owner(call)
    _set(call, _existing(call))
    return iter(())


@procedure("sp_cdc_drop_job", ("job_type", nvarchar(20), True))
def _drop_job(call: Call) -> Iterator[Event]:
    _owner(call)
    _existing(call)
    call.session.engine.capture.log_of(call.database).jobs.pop(_job_type(call))
    return iter(())


@procedure("sp_cdc_start_job", ("job_type", nvarchar(20)))
def _start_job(call: Call) -> Iterator[Event]:
    """The cleanup job runs at once; the capture job goes on at the server's interval."""
    _owner(call)
    job = _existing(call)
    _require_agent(call)
    job.start(_now(call))
    if job.kind == "cleanup":
        cleanup.run_job(call.session, call.database, job)
        job.stop(_now(call))
    return iter(())


@procedure("sp_cdc_stop_job", ("job_type", nvarchar(20)))
def _stop_job(call: Call) -> Iterator[Event]:
    _owner(call)
    job = _existing(call)
    _require_agent(call)
    job.stop(_now(call))
    return iter(())


@procedure("xp_servicecontrol", ("action", nvarchar(128), True), ("service", SYSNAME, True))
def _service(call: Call) -> Iterator[Event]:
    """Starts or stops SQL Server Agent, as administrators do (undocumented, of master)."""
    if not permissions.is_sysadmin(call.session):
        raise permission_denied("EXECUTE", "xp_servicecontrol", "mssqlsystemresource", "sys")
    action, service = call.get("action").lower(), call.get("service").lower()
    if service not in ("sqlserveragent", "sqlagent") or action not in ("start", "stop"):
        raise unsupported(f"xp_servicecontrol {action} {service}")
    call.session.engine.run_agent(action == "start")
    return iter(())


@procedure(
    "sp_cdc_cleanup_change_table",
    ("capture_instance", SYSNAME, True), ("low_water_mark", LSN, True), ("threshold", BIGINT), ("fcleanupfailed", BIT, False, True),
)  # fmt: skip
def _cleanup(call: Call) -> Iterator[Event]:
    _owner(call)
    name = call.get("capture_instance", "")
    instance = _enabled(call).instances.get(name.lower())
    if instance is None:
        raise SqlError(22920, f"The named capture instance {name} does not exist for database {call.database.name}.")
    cleanup.clean_instance(
        call.session, call.database, instance, call.arguments.get("low_water_mark"), call.get("threshold", 5000)
    )
    call.outputs["fcleanupfailed"] = 0
    return iter(())
