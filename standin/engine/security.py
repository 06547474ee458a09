"""CREATE LOGIN, USER, ROLE; GRANT, DENY, REVOKE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine import permissions
from standin.engine import statements as st
from standin.engine.catalog import Grant, Principal
from standin.engine.errors import syntax_error, unsupported
from standin.engine.tables import find
from standin.engine.tokens import Cursor
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

_AT_SERVER = ("CONTROL SERVER", "ALTER ANY DATABASE", "CREATE ANY DATABASE", "ALTER ANY LOGIN", "CONNECT SQL")
_AT_SERVER_BEGINNINGS = ("VIEW SERVER ", "ALTER SERVER ", "VIEW ANY DATABASE")


def _require(session: EngineSession, what: str) -> None:
    if not permissions.is_owner(session, session.db_catalog):
        raise SqlError(15247, "User does not have permission to perform this action.")


def create_login(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    c.expect("LOGIN")
    name = c.name()
    if not permissions.is_sysadmin(session):
        raise SqlError(15247, "User does not have permission to perform this action.")
    if name.lower() in session.engine.passwords:
        raise SqlError(15025, f"The server principal '{name}' already exists.")
    session.engine.passwords[name.lower()] = _password(c, statement)


def _password(c: Cursor, statement: st.Definition) -> str:
    c.expect("WITH", "PASSWORD", "=")
    if c.token.kind != "string":
        raise unsupported("login option", statement.text)
    return c.take().value


def alter_login(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    c.expect("LOGIN")
    name = c.name()
    if name.lower() not in session.engine.passwords:
        raise SqlError(
            15151, f"Cannot alter the login '{name}', because it does not exist or you do not have permission."
        )
    session.engine.passwords[name.lower()] = _password(c, statement)


def drop_login(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    c.expect("LOGIN")
    name = c.name()
    if session.engine.passwords.pop(name.lower(), None) is None:
        raise SqlError(
            15151, f"Cannot drop the login '{name}', because it does not exist or you do not have permission."
        )


def create_user(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    _require(session, "CREATE USER")
    c.expect("USER")
    name = c.name()
    login: str | None = name
    if c.accept("WITHOUT", "LOGIN"):
        login = None
    elif c.accept("FOR", "LOGIN") or c.accept("FROM", "LOGIN"):
        login = c.name()
    database = session.db_catalog
    if name.lower() in database.principals:
        raise SqlError(15023, f"User, group, or role '{name}' already exists in the current database.")
    if login is not None and login.lower() not in session.engine.passwords:
        raise SqlError(15007, f"'{login}' is not a valid login or you do not have permission.")
    database.add_principal(name, "S", login)
    session.engine.changed()


def drop_user(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    _drop_principal(session, c, "USER")


def drop_role(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    _drop_principal(session, c, "ROLE")


def _drop_principal(session: EngineSession, c: Cursor, noun: str) -> None:
    _require(session, f"DROP {noun}")
    c.expect(noun)
    missing_ok = c.accept("IF", "EXISTS")
    name = c.name()
    database = session.db_catalog
    if database.principals.pop(name.lower(), None) is None and not missing_ok:
        raise SqlError(
            15151, f"Cannot drop the {noun.lower()} '{name}', because it does not exist or you do not have permission."
        )
    database.grants = {g for g in database.grants if g.principal != name.lower()}
    session.engine.changed()


def create_role(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    _require(session, "CREATE ROLE")
    c.expect("ROLE")
    name = c.name()
    if name.lower() in session.db_catalog.principals:
        raise SqlError(15023, f"User, group, or role '{name}' already exists in the current database.")
    session.db_catalog.add_principal(name, "R")
    session.engine.changed()


def alter_role(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    _require(session, "ALTER ROLE")
    c.expect("ROLE")
    role = c.name()
    adding = c.accept("ADD", "MEMBER")
    if not adding and not c.accept("DROP", "MEMBER"):
        raise unsupported("ALTER ROLE", statement.text)
    set_member(session, role, c.name(), adding)


def set_member(session: EngineSession, role: str, member: str, adding: bool) -> None:
    database = session.db_catalog
    if role.lower() not in database.principals:
        raise SqlError(
            15151, f"Cannot alter the role '{role}', because it does not exist or you do not have permission."
        )
    principal = _principal(session, member)
    (principal.roles.add if adding else principal.roles.discard)(role.lower())
    session.engine.changed()


def alter_server_role(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    c.expect("SERVER", "ROLE")
    role = c.name()
    if not permissions.is_sysadmin(session) or not c.accept("ADD", "MEMBER"):
        raise unsupported("ALTER SERVER ROLE", statement.text)
    member = c.name().lower()
    session.engine.server_roles.setdefault(member, set()).add(role.lower())
    if role.lower() == "sysadmin":
        session.engine.sysadmins.add(member)


def _principal(session: EngineSession, name: str) -> Principal:
    found = session.db_catalog.principals.get(name.lower())
    if found is None:
        raise SqlError(
            15151, f"Cannot find the user '{name}', because it does not exist or you do not have permission."
        )
    return found


def change_rights(session: EngineSession, c: Cursor, verb: str) -> None:
    """GRANT permission [, …] [ON securable] TO principal [, …]"""
    _require(session, verb)
    if verb == "REVOKE":
        c.accept("GRANT", "OPTION", "FOR")
    names = _permissions(c)
    for word in ("PERFORMANCE", "SECURITY"):
        if any(f" {word} STATE" in name for name in names) and not session.engine.version.has("narrow rights"):
            raise syntax_error(word)
    at_server = any(name in _AT_SERVER or name.startswith(_AT_SERVER_BEGINNINGS) for name in names)
    if at_server and session.db_catalog.name != "master":
        raise SqlError(4621, "Permissions at the server scope can only be granted when the current database is master")
    securable = ("server", "") if at_server else _securable(session, c) if c.accept("ON") else ("database", "")
    if not (c.accept("TO") or (verb == "REVOKE" and c.accept("FROM"))):
        raise c.error()
    engine, database = session.engine, session.db_catalog
    while True:
        key = _login(session, c.name()) if at_server else _principal(session, c.name()).name.lower()
        new = {Grant(key, name, securable, verb == "DENY") for name in names}
        if at_server:
            engine.server_grants = _instead(engine.server_grants, new, verb)
        else:
            database.grants = _instead(database.grants, new, verb)
        if not c.accept(","):
            break
    session.engine.changed()


def _instead(grants: set[Grant], new: set[Grant], verb: str) -> set[Grant]:
    """The grants with new ones in place of earlier ones about the same right, or without those (REVOKE)."""
    about = {(g.principal, g.permission, g.securable) for g in new}
    kept = {g for g in grants if (g.principal, g.permission, g.securable) not in about}
    return kept if verb == "REVOKE" else kept | new


def _login(session: EngineSession, name: str) -> str:
    if name.lower() not in session.engine.passwords and name.lower() != "public":
        raise SqlError(
            15151, f"Cannot find the login '{name}', because it does not exist or you do not have permission."
        )
    return name.lower()


def _permissions(c: Cursor) -> list[str]:
    names, words = [], []
    while c.i < c.end and not c.at("ON", "TO", "FROM"):
        if c.accept(","):
            names.append(" ".join(words))
            words = []
        elif c.at("("):
            c.skip_parens()  # column permissions count for the whole object here
        else:
            words.append(c.take().upper)
    names.append(" ".join(words))
    return ["EXECUTE" if n == "EXEC" else n for n in names]


def _securable(session: EngineSession, c: Cursor) -> tuple[str, int | str]:
    kind = "OBJECT"
    if c.peek().upper == "::":
        kind = c.take().upper
        c.take()
    if kind == "SCHEMA":
        name = c.name()
        if name.lower() not in session.db_catalog.schemas:
            raise SqlError(
                15151, f"Cannot find the schema '{name}', because it does not exist or you do not have permission."
            )
        return "schema", name.lower()
    if kind == "DATABASE":
        c.name()
        return "database", ""
    if kind != "OBJECT":
        raise unsupported(f"securable class {kind}", c.sql)
    parts = c.dotted()
    if len(parts) > 1 and parts[-2].lower() == "sys":
        return "sys", parts[-1].lower()
    if session.db_catalog.name == "msdb":
        return _in_msdb(parts)
    from standin.engine.cdc_functions import instance_function_id

    function_id = instance_function_id(session, parts)
    if function_id is not None:
        return "object", function_id
    try:
        return "object", find(session, parts).object_id
    except SqlError:
        raise SqlError(
            15151, f"Cannot find the object '{parts[-1]}', because it does not exist or you do not have permission."
        ) from None


def _in_msdb(parts: list[str]) -> tuple[str, str]:
    import standin.engine.views_agent  # noqa: F401  (registers its views)
    from standin.engine.system_views import VIEWS

    if ("msdb", parts[-1].lower()) not in VIEWS:
        raise SqlError(
            15151, f"Cannot find the object '{parts[-1]}', because it does not exist or you do not have permission."
        )
    return "msdb", parts[-1].lower()
