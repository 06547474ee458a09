"""CREATE, ALTER and DROP DATABASE and SCHEMA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine import availability, permissions, tables
from standin.engine import statements as st
from standin.engine.catalog import Database
from standin.engine.errors import unsupported
from standin.engine.tokens import Cursor
from standin.engine.types import collation_bytes
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

_OPTIONS = {
    "READ_COMMITTED_SNAPSHOT", "ALLOW_SNAPSHOT_ISOLATION", "RECOVERY", "AUTO_CLOSE", "AUTO_SHRINK",
    "RESTRICTED_USER", "COMPATIBILITY_LEVEL", "QUERY_STORE", "DELAYED_DURABILITY", "AUTO_UPDATE_STATISTICS", "PAGE_VERIFY",
    "READ_ONLY", "READ_WRITE", "TRUSTWORTHY", "AUTO_CREATE_STATISTICS", "ACCELERATED_DATABASE_RECOVERY",
}  # fmt: skip


def create_database(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    if session.transaction is not None:
        raise SqlError(226, "CREATE DATABASE statement not allowed within multi-statement transaction.", 16, 6)
    if not permissions.is_sysadmin(session):
        raise SqlError(262, "CREATE DATABASE permission denied in database 'master'.", 14)
    c.expect("DATABASE")
    name = c.name()
    collation = "SQL_Latin1_General_CP1_CI_AS"
    if c.accept("COLLATE"):
        collation = c.name()
        collation_bytes(collation)
    elif c.i < c.end and not c.at("ON", "LOG", "WITH", "CONTAINMENT"):
        raise c.error()
    if session.engine.databases.get(name.lower()):
        raise SqlError(1801, f"Database '{name}' already exists. Choose a different database name.", 16, 3)
    session.engine.add_database(name, collation)


def alter_database(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    c.expect("DATABASE")
    name = c.name()
    database = session.db_catalog if name.upper() == "CURRENT" else session.engine.databases.get(name.lower())
    if database is None or not permissions.is_owner(session, database):
        raise SqlError(
            5011,
            f"User does not have permission to alter database '{name}', the database does not exist, or the database is not in a state that allows access checks.",
            14,
            5,
        )
    if c.accept("MODIFY", "NAME", "="):
        _rename(session, database, c.name())
        return
    if not c.accept("SET"):
        raise unsupported("ALTER DATABASE", statement.text)
    option = c.take().upper
    if option in ("SINGLE_USER", "MULTI_USER", "OFFLINE", "ONLINE"):
        availability.set_access(session, database, option, c)
        return
    if option == "NEW_BROKER":
        availability.require_alone(session, database, c)
        database.renew_broker()
        database.options["BROKER"] = "ON"
        session.engine.changed()
        return
    if option not in _OPTIONS:
        raise unsupported("ALTER DATABASE … SET", statement.text)
    c.accept("=")
    value = c.take().upper if c.i < c.end else ""
    database.options[option] = value
    session.engine.changed()


def _rename(session: EngineSession, database: Database, name: str) -> None:
    engine = session.engine
    if name.lower() in engine.databases:
        raise SqlError(1801, f"Database '{name}' already exists. Choose a different database name.", 16, 3)
    if [s for s in availability.users_of(engine, database) if s is not session]:
        raise SqlError(5030, "The database could not be exclusively locked to perform the operation.")
    del engine.databases[database.name.lower()]
    database.name = name
    engine.databases[name.lower()] = database
    engine.changed()


def drop_database(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    c.expect("DATABASE")
    missing_ok = c.accept("IF", "EXISTS")
    while True:
        name = c.name()
        database = session.engine.databases.get(name.lower())
        if database is None and not missing_ok:
            raise SqlError(
                3701, f"Cannot drop the database '{name}', because it does not exist or you do not have permission.", 11
            )
        if database is not None:
            _drop(session, database)
        if not c.accept(","):
            return


def _drop(session: EngineSession, database: Database) -> None:
    if availability.users_of(session.engine, database):
        raise SqlError(3702, f'Cannot drop database "{database.name}" because it is currently in use.', 16, 4)
    for table in list(database.tables.values()):
        tables.remove(session, table)
    session.engine.remove_database(database)


def create_schema(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    c.expect("SCHEMA")
    name = c.name()
    if c.accept("AUTHORIZATION"):
        c.name()
    database = session.db_catalog
    if not permissions.is_owner(session, database):
        raise SqlError(2759, "CREATE SCHEMA failed due to previous errors.")
    if name.lower() in database.schemas:
        raise SqlError(2714, f"There is already an object named '{name}' in the database.", 16, 6)
    database.add_schema(name)
    session.engine.changed()
    session.remember_definition(
        lambda: database.schemas.pop(name.lower()) and session.engine.changed(), "CREATE SCHEMA"
    )


def drop_schema(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    c.expect("SCHEMA")
    missing_ok = c.accept("IF", "EXISTS")
    name = c.name()
    database = session.db_catalog
    if name.lower() not in database.schemas:
        if missing_ok:
            return
        raise SqlError(
            15151, f"Cannot drop the schema '{name}', because it does not exist or you do not have permission."
        )
    if any(t.schema.lower() == name.lower() for t in database.tables.values()):
        raise SqlError(3729, f"Cannot drop schema '{name}' because it is being referenced by another object.")
    del database.schemas[name.lower()]
    session.engine.changed()
