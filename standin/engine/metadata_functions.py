"""Functions about the server, the session and the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from standin.engine import permissions
from standin.engine.catalog import Database, Table
from standin.engine.env import UNSET, Expr, Scope
from standin.engine.functions import FUNCTIONS, Nodes, function, provided, strict
from standin.engine.tokens import Cursor, tokenize
from standin.engine.types import INT, SYSNAME, decimal, nvarchar, type_name
from standin.model import SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions
    from standin.engine.session import EngineSession

provided("SCOPE_IDENTITY", decimal(38, 0), lambda s: s.wide_identity)
provided(
    "XACT_STATE", SqlType("smallint"), lambda s: 0 if s.transaction is None else (-1 if s.transaction.doomed else 1)
)
provided("SUSER_SNAME", nvarchar(128), lambda s: s.login.user)
provided("ORIGINAL_LOGIN", SYSNAME, lambda s: s.login.user)
provided("HOST_NAME", nvarchar(128), lambda s: s.login.host_name)
provided("APP_NAME", nvarchar(128), lambda s: s.login.app_name)
provided("CURRENT_USER", nvarchar(128), lambda s: s.principal().name)
provided("ROWCOUNT_BIG", SqlType("bigint"), lambda s: s.row_count)
provided("ERROR_NUMBER", INT, lambda s: s.errors[-1].number if s.errors else None)
provided("ERROR_MESSAGE", nvarchar(4000), lambda s: s.errors[-1].message if s.errors else None)
provided("ERROR_SEVERITY", INT, lambda s: s.errors[-1].severity if s.errors else None)
provided("ERROR_STATE", INT, lambda s: s.errors[-1].state if s.errors else None)
provided("ERROR_LINE", INT, lambda s: s.errors[-1].line if s.errors else None)
provided("ERROR_PROCEDURE", nvarchar(128), lambda s: (s.errors[-1].procedure or None) if s.errors else None)
provided("MIN_ACTIVE_ROWVERSION", SqlType("binary", 8), lambda s: (s.engine.rowversion + 1).to_bytes(8, "big"))
for _alias in ("USER", "SESSION_USER", "USER_NAME"):
    FUNCTIONS[_alias] = FUNCTIONS["CURRENT_USER"]
FUNCTIONS["SYSTEM_USER"] = FUNCTIONS["SUSER_NAME"] = FUNCTIONS["SUSER_SNAME"]


def metadata(
    name: str, sql_type: SqlType, parameters: list[SqlType], work: Callable[..., Any], required: int = 0
) -> None:
    """A function of the catalogue, called as work(session, database, *arguments); what is missing is None."""

    def handler(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
        if not required <= len(args) <= len(parameters):
            raise SqlError(174, f"The {name.lower()} function requires {len(parameters)} argument(s).", 15)
        values = [c.coerce(c.scalar(a, scope), t, True) for a, t in zip(args, parameters, strict=False)]
        database = c.env.database
        key = f"m{database.database_id}_{name.lower()}_{len(values)}"
        padding = [None] * (len(parameters) - len(values))

        def make(session: EngineSession) -> Callable[..., Any]:
            return lambda *a: work(session, database, *a, *padding)

        c.session_function(key, make, len(values))
        return Expr(f"{key}({', '.join(v.sql for v in values)})", sql_type)

    FUNCTIONS[name] = handler


def _by_id(session: EngineSession, number: Any) -> Database | None:
    return next((d for d in session.engine.databases.values() if d.database_id == number), None)


def _db_name(session: EngineSession, database: Database, number: Any) -> Any:
    found = database if number is None else _by_id(session, number)
    return found.name if found else None


def _db_id(session: EngineSession, database: Database, name: Any) -> Any:
    found = database if name is None else session.engine.databases.get(name.lower())
    return found.database_id if found else None


def _parts(name: str) -> list[str]:
    c = Cursor(name, tokenize(name))
    return c.dotted() if c.end else []


def _object_id(session: EngineSession, database: Database, name: Any, kind: Any) -> Any:
    """NULL for what the caller may not see, as for what is not there."""
    number = _any_object_id(session, database, name, kind)
    table = session.engine.tables.get(number)
    if table is None or table.temporary or permissions.may_see(session, session.engine.database_of(table), table):
        return number
    return None


def _any_object_id(session: EngineSession, database: Database, name: Any, kind: Any) -> Any:
    if name is None:
        return None
    try:
        parts = _parts(name)
    except SqlError:
        return None
    if not parts:
        return None
    if parts[-1].startswith("#"):
        found = session.temporary_tables.get(parts[-1].lower())
        return found.object_id if found else None
    if len(parts) > 2 and parts[-3]:
        database = session.engine.databases.get(parts[-3].lower(), database)
    table = database.table(parts[-2] if len(parts) > 1 and parts[-2] else "dbo", parts[-1])
    if table is None and database.name == "msdb":
        from standin.engine.views_agent import table_id

        return table_id(session, database, parts[-1])
    if table is None:
        keys = [
            i for t in database.tables.values() for i in t.indexes if i.kind and i.name.lower() == parts[-1].lower()
        ]
        return keys[0].object_id if keys else None
    return table.object_id if kind is None or kind.strip().upper() == "U" else None


def _object(session: EngineSession, database: Database, number: Any, db: Any) -> Any:
    where = database if db is None else _by_id(session, db)
    return _visible(session, where, number) if where else None


def _visible(session: EngineSession, database: Database, number: Any) -> Table | None:
    """The table with this object id; None when there is none or the caller may not see it."""
    table = database.by_id(number) if number else None
    return table if table is not None and permissions.may_see(session, database, table) else None


def _object_name(session: EngineSession, database: Database, number: Any, db: Any) -> Any:
    table = _object(session, database, number, db)
    return table.name if table else None


def _object_schema(session: EngineSession, database: Database, number: Any, db: Any) -> Any:
    table = _object(session, database, number, db)
    return table.schema if table else None


def _schema_name(_session: EngineSession, database: Database, number: Any) -> Any:
    if number is None:
        return "dbo"
    key = next((k for k, v in database.schema_ids.items() if v == number), None)
    return database.schemas.get(key) if key else None


def _schema_id(_session: EngineSession, database: Database, name: Any) -> Any:
    return (
        database.schema_ids.get("dbo" if name is None else name.lower())
        if (name or "dbo").lower() in database.schemas
        else None
    )


def _col_name(session: EngineSession, database: Database, number: Any, column: Any) -> Any:
    table = _visible(session, database, number)
    return next((c.name for c in table.columns if c.column_id == column), None) if table else None


def _col_length(session: EngineSession, database: Database, name: Any, column: Any) -> Any:
    from standin.engine.types import max_length

    table = _visible(session, database, _object_id(session, database, name, None))
    found = table.find(column) if table and column else None
    return max_length(found.type) if found else None


def _column_property(session: EngineSession, database: Database, number: Any, column: Any, name: Any) -> Any:
    table = _visible(session, database, number)
    found = table.find(column) if table and column else None
    if found is None or name is None:
        return None
    known = {
        "isidentity": found.identity is not None,
        "iscomputed": found.computed is not None,
        "allowsnull": found.nullable,
        "columnid": found.column_id,
    }
    value = known.get(name.lower())
    return None if value is None else int(value)


def _object_property(session: EngineSession, database: Database, number: Any, name: Any) -> Any:
    table = _visible(session, database, number)
    if table is None or name is None:
        return None
    known = {
        "isusertable": 1,
        "istable": 1,
        "tablehasprimarykey": int(table.primary_key is not None),
        "tablehasidentity": int(any(c.identity for c in table.columns)),
        "ismsshipped": 0,
    }
    return known.get(name.lower())


def _database_property(session: EngineSession, _database: Database, name: Any, prop: Any) -> Any:
    found = session.engine.databases.get((name or "").lower())
    if found is None:
        return None
    known = {
        "collation": found.collation,
        "status": "ONLINE",
        "updateability": "READ_WRITE",
        "recovery": found.options.get("RECOVERY", "FULL"),
        "version": "957",
    }
    return known.get((prop or "").lower())


def _is_member(session: EngineSession, database: Database, role: Any) -> Any:
    if role is None or role.lower() not in database.principals:
        return None
    names = permissions.roles_of(session, database)
    owner = permissions.is_sysadmin(session) and role.lower() == "db_owner"
    return int(role.lower() in names or owner)


def _is_server_role(session: EngineSession, _database: Database, role: Any, login: Any) -> Any:
    if role is None:
        return None
    name = (login or session.login.user).lower()
    held = session.engine.server_roles.get(name, set())
    return int(role.lower() in held or role.lower() == "public" or name in session.engine.sysadmins)


def _has_perms(
    session: EngineSession, database: Database, securable: Any, kind: Any, permission: Any, _sub: Any, _sub_class: Any
) -> Any:
    """HAS_PERMS_BY_NAME for objects, schemas, databases and the server."""
    if permission is None:
        return None
    wanted, what = permission.upper(), (kind or "").upper()
    if what == "" and securable is None:
        state = wanted.startswith("VIEW SERVER") and permissions.sees_server_state(session)
        return int(state or permissions.holds_on_server(session, wanted))
    if what == "DATABASE":
        target = session.engine.databases.get(_parts(securable)[-1].lower()) if securable else database
        if target is None or not permissions.may_open(session, target):
            return 0 if target else None
        return int(wanted in ("CONNECT", "ANY") or permissions.allowed(session, target, wanted, "", 0))
    if what == "SCHEMA":
        return int(permissions.allowed(session, database, wanted, _parts(securable)[-1], 0)) if securable else None
    number = _any_object_id(session, database, securable, None)
    table = database.by_id(number) if number else None
    if table is None:
        return None
    tests = ("SELECT", "INSERT", "UPDATE", "DELETE") if wanted == "ANY" else (wanted,)
    return int(any(permissions.allowed(session, database, t, table.schema, table.object_id) for t in tests))


def _type_name(_session: EngineSession, _database: Database, number: Any) -> Any:
    from standin.engine.types import TYPES, USER_TYPE_ID

    if number == 256:
        return "sysname"
    for name, (system, _, _, _) in TYPES.items():
        if USER_TYPE_ID.get(name, system) == number:
            return type_name(SqlType(name))
    return None


_T = nvarchar(4000)
metadata("DB_NAME", SYSNAME, [INT], _db_name)
metadata("DB_ID", INT, [_T], _db_id)
metadata("OBJECT_ID", INT, [_T, _T], _object_id, 1)
metadata("OBJECT_NAME", SYSNAME, [INT, INT], _object_name, 1)
metadata("OBJECT_SCHEMA_NAME", SYSNAME, [INT, INT], _object_schema, 1)
metadata("SCHEMA_NAME", SYSNAME, [INT], _schema_name)
metadata("SCHEMA_ID", INT, [_T], _schema_id)
metadata("COL_NAME", SYSNAME, [INT, INT], _col_name, 2)
metadata("COL_LENGTH", SqlType("smallint"), [_T, _T], _col_length, 2)
metadata("COLUMNPROPERTY", INT, [INT, _T, _T], _column_property, 3)
metadata("OBJECTPROPERTY", INT, [INT, _T], _object_property, 2)
metadata("OBJECTPROPERTYEX", INT, [INT, _T], _object_property, 2)
metadata("DATABASEPROPERTYEX", nvarchar(128), [_T, _T], _database_property, 2)
metadata("IS_MEMBER", INT, [_T], _is_member, 1)
metadata("IS_ROLEMEMBER", INT, [_T], _is_member, 1)
metadata("IS_SRVROLEMEMBER", INT, [_T, _T], _is_server_role, 1)
metadata("HAS_PERMS_BY_NAME", INT, [_T, _T, _T, _T, _T], _has_perms, 3)
metadata(
    "HAS_DBACCESS",
    INT,
    [_T],
    lambda s, d, n: (
        int(n.lower() in s.engine.databases and permissions.may_open(s, s.engine.databases[n.lower()])) if n else None
    ),
    1,
)
metadata("TYPE_NAME", SYSNAME, [INT], _type_name, 1)
metadata(
    "DATABASE_PRINCIPAL_ID",
    INT,
    [_T],
    lambda s, d, n: (
        d.principals[n.lower()].principal_id
        if n and n.lower() in d.principals
        else s.principal(d).principal_id
        if n is None
        else None
    ),
)
metadata("IDENT_CURRENT", decimal(38, 0), [_T], lambda s, d, n: _identity_of(s, d, n), 1)


def _identity_of(session: EngineSession, database: Database, name: Any) -> Any:
    from standin.engine.storage import wide

    table = session.engine.tables.get(_object_id(session, database, name, None) or 0)
    return None if table is None or table.identity_value is None else wide(table.identity_value)


@function("SERVERPROPERTY")
def _server_property(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    name = c.scalar(args[0], scope)
    if name.const is UNSET:
        key = c.session_function("srvprop", lambda s: strict(lambda n: _property_text(s, n)), 1)
        return Expr(f"{key}({c.coerce(name, nvarchar(128), True).sql})", nvarchar(128))
    sql_type, value = c.env.session.engine.properties.values.get(str(name.const).lower(), (nvarchar(128), None))
    return Expr.of(value, sql_type)


def _property_text(session: EngineSession, name: str) -> Any:
    _, value = session.engine.properties.values.get(name.lower(), (None, None))
    return None if value is None else str(value)


@function("PARSENAME")
def _parsename(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    def part(name: str, number: int) -> Any:
        parts = _parts(name)
        return parts[-number] or None if 1 <= number <= len(parts) else None

    return c.call(
        "PARSENAME",
        strict(part),
        [c.coerce(c.scalar(args[0], scope), _T), c.coerce(c.scalar(args[1], scope), INT)],
        SYSNAME,
    )


@function("SESSIONPROPERTY")
def _session_property(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    name = str(c.scalar(args[0], scope).const).upper()
    on = name in (
        "ANSI_NULLS",
        "ANSI_PADDING",
        "ANSI_WARNINGS",
        "ARITHABORT",
        "CONCAT_NULL_YIELDS_NULL",
        "QUOTED_IDENTIFIER",
    )
    return Expr.of(int(on), INT)


@function("CONNECTIONPROPERTY")
def _connection_property(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    name = str(c.scalar(args[0], scope).const).lower()
    known = {"net_transport": "TCP", "protocol_type": "TSQL", "auth_scheme": "SQL", "client_net_address": "127.0.0.1"}
    return Expr.of(known.get(name), nvarchar(128))


@function("CURSOR_STATUS")
def _cursor_status(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return Expr.of(-3, SqlType("smallint"))


@function("COLLATIONPROPERTY")
def _collation_property(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    from standin.engine.types import collation_bytes
    from standin.tds.collations import codec_of

    name, prop = (str(c.scalar(a, scope).const) for a in args)
    try:
        value = collation_bytes(name)
    except SqlError:
        return Expr("NULL", INT, True, None)
    if prop.lower() == "codepage":
        codec = codec_of(value)
        return Expr.of(65001 if codec == "utf-8" else int("".join(filter(str.isdigit, codec))), INT)
    if prop.lower() == "lcid":
        return Expr.of(int.from_bytes(value[:4], "little") & 0xFFFFF, INT)
    return Expr("NULL", INT, True, None)
