"""Logins, users, roles and rights, as far as reading CDC needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine.catalog import Database, Principal, Table
from standin.engine.errors import permission_denied
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.env import Env
    from standin.engine.session import EngineSession

_SHOWING = ("SELECT", "VIEW DEFINITION", "INSERT", "UPDATE", "DELETE", "REFERENCES", "ALTER")
_PUBLIC_SCHEMAS = ("sys", "information_schema")
_SERVER_STATE = ("VIEW SERVER STATE", "VIEW SERVER PERFORMANCE STATE", "VIEW SERVER SECURITY STATE")


def is_sysadmin(session: EngineSession) -> bool:
    return session.login.user.lower() in session.engine.sysadmins


def holds_on_server(session: EngineSession, *rights: str) -> bool:
    """Whether the login has one of these rights at the server; one that is denied to it, or to all, counts for nothing."""
    if is_sysadmin(session):
        return True
    mine = [g for g in session.engine.server_grants if g.principal in ("public", session.login.user.lower())]
    denied = {g.permission for g in mine if g.deny}
    return any(g.permission in rights and g.permission not in denied for g in mine)


def sees_server_state(session: EngineSession) -> bool:
    return bool(session.engine.server_roles.get(session.login.user.lower())) or holds_on_server(session, *_SERVER_STATE)


def sees_recovery(session: EngineSession, database: Database) -> bool:
    """Whether sys.database_recovery_status has a row of the database (Microsoft Learn)."""
    if database.name in ("master", "tempdb") or is_owner(session, database):
        return True
    return holds_on_server(session, "VIEW ANY DATABASE", "ALTER ANY DATABASE", "CREATE ANY DATABASE")


def principal_of(session: EngineSession, database: Database) -> Principal:
    """The user that the login is in a database; dbo for administrators; guest when there is none."""
    if is_sysadmin(session):
        return database.principals["dbo"]
    login = session.login.user.lower()
    for principal in database.principals.values():
        if principal.login is not None and principal.login.lower() == login and principal.name != "dbo":
            return principal
    return database.principals["guest"]


def may_open(session: EngineSession, database: Database) -> bool:
    if is_sysadmin(session) or principal_of(session, database).name != "guest":
        return True
    grants = [g for g in database.grants if g.principal == "guest" and g.permission == "CONNECT"]
    return bool(grants) and not any(g.deny for g in grants)


def roles_of(session: EngineSession, database: Database) -> set[str]:
    """Lower-case names of the principal and of all roles it is in, directly or through others."""
    principal = principal_of(session, database)
    names, todo = {"public", principal.name.lower()}, list(principal.roles)
    while todo:
        role = todo.pop().lower()
        if role not in names:
            names.add(role)
            known = database.principals.get(role)
            todo += known.roles if known is not None else []
    return names


def is_owner(session: EngineSession, database: Database) -> bool:
    return is_sysadmin(session) or "db_owner" in roles_of(session, database)


def allowed(session: EngineSession, database: Database, permission: str, schema: str, object_id: int) -> bool:
    if is_owner(session, database) or schema.lower() in _PUBLIC_SCHEMAS:
        return True
    names = roles_of(session, database)
    securables = {("object", object_id), ("schema", schema.lower()), ("database", "")}
    found = [
        g
        for g in database.grants
        if g.principal in names and g.securable in securables and g.permission in (permission, "CONTROL")
    ]
    if any(g.deny for g in found) or (permission == "SELECT" and "db_denydatareader" in names):
        return False
    reader = permission == "SELECT" and "db_datareader" in names
    writer = permission in ("INSERT", "UPDATE", "DELETE") and "db_datawriter" in names
    return bool(found) or reader or writer


def may_see(session: EngineSession, database: Database, table: Table) -> bool:
    """Whether the table's metadata shows: with any right on it (Microsoft Learn, Metadata visibility configuration)."""
    if table.temporary or is_owner(session, database):
        return True
    return any(allowed(session, database, right, table.schema, table.object_id) for right in _SHOWING)


def check(session: EngineSession, env: Env) -> None:
    """SqlError 229 when a right that a plan needs is missing."""
    if not env.rights or is_sysadmin(session):
        return
    for permission, database, schema, name, object_id in env.rights:
        if not allowed(session, database, permission, schema, object_id):
            raise permission_denied(permission, name, database.name, schema)


def may_select_in_msdb(session: EngineSession, msdb: Database, name: str) -> bool:
    """A table of SQL Server Agent's, which is a view here and has no object id."""
    if is_owner(session, msdb):
        return True
    names, securables = roles_of(session, msdb), {("msdb", name.lower()), ("schema", "dbo"), ("database", "")}
    found = [g for g in msdb.grants if g.principal in names and g.permission == "SELECT" and g.securable in securables]
    return not any(g.deny for g in found) and (bool(found) or "db_datareader" in names)


def require_owner(session: EngineSession, database: Database, number: int, message: str) -> None:
    if not is_owner(session, database):
        raise SqlError(number, message)


def may_read_instance_source(session: EngineSession, database: Database, source: Table, role: str | None) -> bool:
    """SELECT on the source table and membership of the gating role, or db_owner."""
    if is_owner(session, database):
        return True
    if role is not None and role.lower() not in roles_of(session, database):
        return False
    return allowed(session, database, "SELECT", source.schema, source.object_id)
