"""Whether a database can be used now: offline, restoring, single-user, or a replica of an availability group that
does not serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine.catalog import Database
from standin.engine.errors import unsupported
from standin.engine.tokens import Cursor
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.engine import StandInEngine
    from standin.engine.session import EngineSession

# What a replica says that does not serve now (sys.messages; severity 14).
REPLICA_ERRORS = {
    976: "The target database, '{}', is participating in an availability group and is currently not accessible for "
    "queries. Either data movement is suspended or the availability replica is not enabled for read access. To allow "
    "read-only access to this and other databases in the availability group, enable read access to one or more secondary "
    "availability replicas in the group.  For more information, see the ALTER AVAILABILITY GROUP statement in SQL Server "
    "Books Online.",
    978: "The target database ('{}') is in an availability group and is currently accessible for connections when the "
    "application intent is set to read only. For more information about application intent, see SQL Server Books Online.",
    983: "Unable to access availability database '{}' because the database replica is not in the PRIMARY or SECONDARY "
    "role. Connections to an availability database is permitted only when the database replica is in the PRIMARY or "
    "SECONDARY role. Try the operation again later.",
}


def users_of(engine: StandInEngine, database: Database) -> list[EngineSession]:
    """The sessions that are in the database."""
    return [s for s in list(engine.sessions.values()) if s.db_catalog is database and not s.killed]


def refusal(session: EngineSession, database: Database) -> SqlError | None:
    """Why a session may not come in, or go on; None if it may."""
    name = database.name
    if database.replica_error:
        return SqlError(database.replica_error, REPLICA_ERRORS[database.replica_error].format(name), 14)
    if database.state == "OFFLINE":
        return SqlError(942, f"Database '{name}' cannot be opened because it is offline.", 14, 4)
    if database.state == "RESTORING":
        return SqlError(927, f"Database '{name}' cannot be opened. It is in the middle of a restore.", 14, 2)
    others = [s for s in users_of(session.engine, database) if s is not session]
    if database.access == "SINGLE_USER" and others and session.db_catalog is not database:
        return SqlError(924, f"Database '{name}' is already open and can only have one user at a time.", 14)
    return None


def replica_error(engine: StandInEngine, database: str, number: int) -> None:
    """From here on the database's replica answers everything with this error; 0: it serves again."""
    if number and number not in REPLICA_ERRORS:
        raise ValueError(f"number must be one of {', '.join(map(str, REPLICA_ERRORS))}, or 0")
    engine.databases[database.lower()].replica_error = number


def require_alone(session: EngineSession, database: Database, c: Cursor) -> None:
    """[WITH ROLLBACK IMMEDIATE | NO_WAIT]: other sessions go, or the change is refused. A real server waits for them
    when neither is said; here that is refused, too."""
    rollback = c.accept("WITH", "ROLLBACK", "IMMEDIATE")
    if not rollback:
        c.accept("WITH", "NO_WAIT")
    others = [s for s in users_of(session.engine, database) if s is not session]
    if others and not rollback:
        raise SqlError(
            5070, f"Database state cannot be changed while other users are using the database '{database.name}'"
        )
    for other in others:
        other.kill()


def set_access(session: EngineSession, database: Database, option: str, c: Cursor) -> None:
    """SINGLE_USER, MULTI_USER, OFFLINE or ONLINE [WITH ROLLBACK IMMEDIATE | NO_WAIT]"""
    if option in ("SINGLE_USER", "OFFLINE"):
        require_alone(session, database, c)
    if option == "OFFLINE" and session.db_catalog is database:
        raise unsupported("SET OFFLINE by a session that is in the database")
    if option in ("ONLINE", "OFFLINE"):
        database.state = option
    else:
        database.access = option
