"""Views of the server: databases, sessions, services, time zones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from standin.engine import clock, permissions
from standin.engine import temporal as tm
from standin.engine.catalog import Database
from standin.engine.storage import wide
from standin.engine.system_views import view
from standin.engine.types import BIT, DATETIME, INT, SYSNAME, nvarchar
from standin.model import SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

_STATES = {"ONLINE": (0, "ONLINE"), "RESTORING": (1, "RESTORING"), "OFFLINE": (6, "OFFLINE")}
TINYINT, SMALLINT, GUID = SqlType("tinyint"), SqlType("smallint"), SqlType("uniqueidentifier")
NUMERIC_LSN = SqlType("numeric", precision=25)


def _numeric_lsn(lsn: bytes) -> bytes:
    """As numeric(25,0): the log file's digits, ten of the block, five of the slot."""
    file, block, slot = (int.from_bytes(part, "big") for part in (lsn[:4], lsn[4:8], lsn[8:]))
    return wide(file * 10**15 + block * 10**5 + slot)


@view("sys", "databases", [
    ("name", SYSNAME), ("database_id", INT), ("source_database_id", INT), ("create_date", DATETIME), ("compatibility_level", TINYINT),
    ("collation_name", SYSNAME), ("user_access", TINYINT), ("user_access_desc", nvarchar(60)), ("is_read_only", BIT), ("state", TINYINT),
    ("state_desc", nvarchar(60)), ("is_in_standby", BIT), ("snapshot_isolation_state", TINYINT),
    ("snapshot_isolation_state_desc", nvarchar(60)), ("is_read_committed_snapshot_on", BIT), ("recovery_model", TINYINT),
    ("recovery_model_desc", nvarchar(60)), ("is_published", BIT), ("service_broker_guid", GUID), ("is_broker_enabled", BIT),
    ("log_reuse_wait", TINYINT), ("log_reuse_wait_desc", nvarchar(60)), ("is_cdc_enabled", BIT), ("is_encrypted", BIT),
    ("replica_id", GUID), ("group_database_id", GUID), ("containment", TINYINT), ("containment_desc", nvarchar(60)),
    ("is_accelerated_database_recovery_on", BIT),
], True)  # fmt: skip
def _databases(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    alone = not session.engine.version.has("other databases") and database.name != "master"
    for d in session.engine.databases.values():
        if not permissions.may_open(session, d) or (alone and d.name not in ("master", database.name)):
            continue
        snapshot = d.options.get("ALLOW_SNAPSHOT_ISOLATION") == "ON"
        recovery = d.options.get("RECOVERY", "FULL")
        wait = (6, "REPLICATION") if d.cdc_enabled and session.engine.capture.log_of(d).queue else (0, "NOTHING")
        yield (
            d.name, d.database_id, None, d.create_date, 160, d.collation, int(d.access == "SINGLE_USER"), d.access, int("READ_ONLY" in d.options), *_STATES[d.state], 0,
            int(snapshot), "ON" if snapshot else "OFF", int(d.options.get("READ_COMMITTED_SNAPSHOT") == "ON"),
            {"FULL": 1, "BULK_LOGGED": 2, "SIMPLE": 3}.get(recovery, 1), recovery, 0, d.service_broker_guid, int(d.options.get("BROKER") == "ON"), *wait,
            int(d.cdc_enabled), 0, None, None, 0, "NONE", 0,
        )  # fmt: skip


@view(
    "sys",
    "database_recovery_status",
    [
        ("database_id", INT),
        ("database_guid", GUID),
        ("family_guid", GUID),
        ("last_log_backup_lsn", NUMERIC_LSN),
        ("recovery_fork_guid", GUID),
        ("first_recovery_fork_guid", GUID),
        ("fork_point_lsn", NUMERIC_LSN),
    ],
    True,
)
def _recovery(session: EngineSession, _database: Database) -> Iterable[tuple[Any, ...]]:
    """A row for its owner and for who may see every database, which all may until it is denied; values of what is open."""
    for d in session.engine.databases.values():
        if not permissions.sees_recovery(session, d):
            continue
        if d.state != "ONLINE":
            yield d.database_id, None, None, None, None, None, None
            continue
        r = d.recovery
        forked = r.first_fork_guid != r.fork_guid
        point = _numeric_lsn(d.lsn(r.fork_point)) if forked else None
        yield d.database_id, r.database_guid, r.family_guid, None, r.fork_guid, r.first_fork_guid, point


@view("sys", "dm_exec_sessions", [
    ("session_id", SMALLINT), ("login_time", DATETIME), ("host_name", nvarchar(128)), ("program_name", nvarchar(128)),
    ("login_name", nvarchar(128)), ("status", nvarchar(30)), ("database_id", SMALLINT), ("is_user_process", BIT),
    ("open_transaction_count", INT),
], True)  # fmt: skip
def _sessions(session: EngineSession, _database: Database) -> Iterable[tuple[Any, ...]]:
    for s in list(session.engine.sessions.values()):
        status = "running" if s is session else "sleeping"
        yield (
            s.session_id, 0, s.login.host_name, s.login.app_name, s.login.user, status, s.db_catalog.database_id, 1, s.transaction_count
        )  # fmt: skip


def _require_server_state(session: EngineSession) -> None:
    if not permissions.sees_server_state(session):
        raise SqlError(300, "VIEW SERVER STATE permission was denied on object 'server', database 'master'.", 14)


@view("sys", "dm_exec_connections", [
    ("session_id", INT), ("net_transport", nvarchar(40)), ("protocol_type", nvarchar(40)), ("protocol_version", INT),
    ("endpoint_id", INT), ("encrypt_option", nvarchar(40)), ("auth_scheme", nvarchar(40)), ("node_affinity", SMALLINT),
], True)  # fmt: skip
def _connections(session: EngineSession, _database: Database) -> Iterable[tuple[Any, ...]]:
    _require_server_state(session)
    for s in list(session.engine.sessions.values()):
        yield s.session_id, "TCP", "TSQL", 0x74000004, 4, "TRUE" if s.login.encrypted else "FALSE", "SQL", 0


@view("sys", "dm_server_services", [
    ("servicename", nvarchar(256)), ("startup_type", INT), ("startup_type_desc", nvarchar(256)), ("status", INT),
    ("status_desc", nvarchar(256)), ("process_id", INT), ("service_account", nvarchar(256)), ("is_clustered", nvarchar(1)),
], True)  # fmt: skip
def _services(session: EngineSession, _database: Database) -> Iterable[tuple[Any, ...]]:
    _require_server_state(session)
    agent = (4, "Running", 2) if session.engine.agent_running else (1, "Stopped", None)
    yield "SQL Server (MSSQLSERVER)", 2, "Automatic", 4, "Running", 1, "mssql", "N"
    yield "SQL Server Agent (MSSQLSERVER)", 2, "Automatic", *agent, "mssql", "N"


@view(
    "sys",
    "dm_os_host_info",
    [("host_platform", nvarchar(256)), ("host_distribution", nvarchar(256)), ("host_release", nvarchar(256))],
)
def _host(_session: EngineSession, _database: Database) -> Iterable[tuple[Any, ...]]:
    return [("Linux", "stand-in", "")]


@view(
    "sys", "time_zone_info", [("name", SYSNAME), ("current_utc_offset", nvarchar(6)), ("is_currently_dst", BIT)], True
)
def _zones(session: EngineSession, _database: Database) -> Iterable[tuple[Any, ...]]:
    now = session.engine.time.utc()
    for name in clock.WINDOWS_ZONES:
        zone = clock.zone_of(name)
        minutes = clock.offset_at_utc(zone, now)
        winter = min(clock.offset_at_utc(zone, now + months * 30 * tm.TICKS_A_DAY) for months in range(12))
        yield name, tm.format_offset(minutes), int(minutes != winter)


@view(
    "sys", "configurations", [("configuration_id", INT), ("name", nvarchar(35)), ("value", INT), ("value_in_use", INT)]
)
def _configurations(_session: EngineSession, _database: Database) -> Iterable[tuple[Any, ...]]:
    return [(1536, "max text repl size (B)", -1, -1), (1544, "max server memory (MB)", 2147483647, 2147483647)]


@view(
    "sys",
    "server_principals",
    [
        ("name", SYSNAME),
        ("principal_id", INT),
        ("type", SqlType("char", 1)),
        ("type_desc", nvarchar(60)),
        ("is_disabled", BIT),
    ],
    True,
)
def _logins(session: EngineSession, _database: Database) -> Iterable[tuple[Any, ...]]:
    for number, name in enumerate(session.engine.passwords, 1):
        yield name, 1 if name == "sa" else 256 + number, "S", "SQL_LOGIN", 0
