"""CREATE TYPE … FROM (alias types), CREATE ASSEMBLY and CREATE TYPE … EXTERNAL NAME (CLR types of one's own).

An alias type is its base type under another name. A CLR type is kept as its bytes: nothing of an assembly ever runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from standin.engine import statements as st
from standin.engine import tables
from standin.engine.catalog import UserType
from standin.engine.errors import unsupported
from standin.engine.tokens import Cursor
from standin.engine.types import family, parse_type
from standin.model import SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession


def create_type(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    c.expect("TYPE")
    database, schema, name = tables.resolve(session, c.dotted())
    tables.require_definer(session, database)
    if schema.lower() not in database.schemas:
        raise SqlError(
            2760,
            f'The specified schema name "{schema}" either does not exist or you do not have permission to use it.',
        )
    if database.user_type([schema, name]) is not None:
        raise SqlError(219, f"The type '{schema}.{name}' already exists, or you do not have permission to create it.")
    number = max((one.user_type_id for one in database.user_types.values()), default=256) + 1
    if c.accept("FROM"):
        base = parse_type(c)
        nullable = not c.accept("NOT", "NULL")
        made = UserType(schema, name, number, base, nullable)
    elif c.accept("EXTERNAL", "NAME"):
        made = UserType(schema, name, number, _clr_type(session, c, schema, name))
    else:
        raise unsupported("CREATE TYPE", statement.text)
    key = (schema.lower(), name.lower())
    database.user_types[key] = made
    _changed(session, lambda: database.user_types.pop(key, None), "CREATE TYPE")


def _clr_type(session: EngineSession, c: Cursor, schema: str, name: str) -> SqlType:
    assembly, *rest = c.dotted()
    if assembly.lower() not in session.db_catalog.assemblies:
        raise SqlError(6528, f"Assembly '{assembly}' was not found in the SQL catalog of the database.")
    class_name = ".".join(rest) or name
    qualified = f"{class_name}, {assembly}, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null"
    return SqlType("udt", udt=(schema, name, qualified))


def drop_type(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    c.expect("TYPE")
    missing_ok = c.accept("IF", "EXISTS")
    parts = c.dotted()
    database, schema, name = tables.resolve(session, parts)
    found = database.user_type([schema, name])
    if found is None:
        if missing_ok:
            return
        raise SqlError(
            218,
            f"Could not find the type '{'.'.join(parts)}'. Either it does not exist or you do not have the necessary permission.",
        )
    for table in database.tables.values():
        if any(column.user_type is found for column in table.columns):
            raise SqlError(
                3732,
                f"Cannot drop type '{schema}.{name}' because it is being referenced by object '{table.name}'. There may be other objects that reference this type.",
            )
    key = (schema.lower(), name.lower())
    del database.user_types[key]
    _changed(session, lambda: database.user_types.update({key: found}), "DROP TYPE")


def create_assembly(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    """CREATE ASSEMBLY name FROM 0x… [WITH PERMISSION_SET = …]."""
    c.expect("ASSEMBLY")
    name, database = c.name(), session.db_catalog
    tables.require_definer(session, database)
    if c.accept("AUTHORIZATION"):
        c.name()
    c.expect("FROM")
    if c.token.kind != "hex":
        raise unsupported("CREATE ASSEMBLY from anything but bytes", statement.text)
    if name.lower() in database.assemblies:
        raise SqlError(6246, f"Assembly '{name}' already exists in database '{database.name}'.")
    database.assemblies[name.lower()] = name
    _changed(session, lambda: database.assemblies.pop(name.lower(), None), "CREATE ASSEMBLY")


def drop_assembly(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    c.expect("ASSEMBLY")
    missing_ok = c.accept("IF", "EXISTS")
    name, database = c.name(), session.db_catalog
    if name.lower() not in database.assemblies:
        if missing_ok:
            return
        raise SqlError(6528, f"Assembly '{name}' was not found in the SQL catalog of database '{database.name}'.")
    for one in database.user_types.values():
        if family(one.base) == "clr" and one.base.udt[2].split(", ")[1].lower() == name.lower():
            raise SqlError(6590, f"DROP ASSEMBLY failed because '{name}' is referenced by object '{one.name}'.")
    kept = database.assemblies.pop(name.lower())
    _changed(session, lambda: database.assemblies.update({name.lower(): kept}), "DROP ASSEMBLY")


def _changed(session: EngineSession, undo: Callable[[], object], what: str) -> None:
    def restore() -> None:
        undo()
        session.engine.changed()

    session.engine.changed()
    session.remember_definition(restore, what)
