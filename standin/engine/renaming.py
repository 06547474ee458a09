"""sp_rename and ALTER SCHEMA … TRANSFER: another name for what stays the same object, captured or not.

A capture instance keeps its own name and goes on; cdc.change_tables knows its source by object id alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine import statements as st
from standin.engine import tables
from standin.engine.catalog import ColumnDef, Database, Table
from standin.engine.errors import unsupported
from standin.engine.tokens import Cursor, tokenize
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.session import EngineSession


def rename(session: EngineSession, database: Database, name: str, new: str, kind: str) -> None:
    """What sp_rename does with a table ('' or OBJECT) or a column (COLUMN)."""
    parts = Cursor(name, tokenize(name)).dotted()
    if kind not in ("", "OBJECT", "COLUMN"):
        raise unsupported(f"sp_rename of {kind}", name)
    owner = parts[:-1] if kind == "COLUMN" else parts
    table = database.table(owner[-2] if len(owner) > 1 and owner[-2] else "dbo", owner[-1]) if owner else None
    column = table.find(parts[-1]) if table is not None else None
    if table is None or (kind == "COLUMN" and column is None):
        raise SqlError(
            15225, f"No item by the name of '{name}' could be found in the current database '{database.name}'.", 11
        )
    tables.require_definer(session, database)
    session.lock_table(table)
    if kind == "COLUMN" and column is not None:
        _rename_column(session, database, table, column, new)
    else:
        _move(session, database, table, table.schema, new)


def transfer(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    """ALTER SCHEMA schema TRANSFER [OBJECT::] schema.table. Rights on the table itself are lost by it."""
    c.expect("SCHEMA")
    schema = c.name()
    if not c.accept("TRANSFER"):
        raise unsupported("ALTER SCHEMA", statement.text)
    if c.peek().upper == "::":
        if c.take().upper != "OBJECT":
            raise unsupported("ALTER SCHEMA … TRANSFER", statement.text)
        c.take()
    database, parts = session.db_catalog, c.dotted()
    table = database.table(parts[-2] if len(parts) > 1 else "dbo", parts[-1])
    if table is None:
        raise SqlError(
            15151, f"Cannot find the object '{parts[-1]}', because it does not exist or you do not have permission."
        )
    tables.require_definer(session, database)
    known = database.schemas.get(schema.lower())
    if known is None:
        raise SqlError(
            15151, f"Cannot alter the schema '{schema}', because it does not exist or you do not have permission."
        )
    session.lock_table(table)
    grants = {g for g in database.grants if g.securable == ("object", table.object_id)}
    _move(session, database, table, known, table.name)
    database.grants -= grants
    session.remember_definition(lambda: database.grants.update(grants), "ALTER SCHEMA")


def _move(session: EngineSession, database: Database, table: Table, schema: str, name: str) -> None:
    taken = database.table(schema, name)
    if taken is not None and taken is not table and schema == table.schema:
        raise _taken(name, "OBJECT")
    if taken is not None and taken is not table:
        raise SqlError(15530, f'The object with name "{name}" already exists.')
    old = (table.schema, table.name)

    def put(schema: str, name: str) -> None:
        database.tables.pop((table.schema.lower(), table.name.lower()))
        table.schema, table.name = schema, name
        database.add_table(table)
        session.engine.changed()

    put(schema, name)
    table.modify_date = session.engine.time.datetime()
    session.remember_definition(lambda: put(*old), "a change of a table's name")


def _rename_column(session: EngineSession, database: Database, table: Table, column: ColumnDef, new: str) -> None:
    if database.captures(table, column):
        raise SqlError(4928, f"Cannot alter column '{column.name}' because it is 'REPLICATED'.")
    found = table.find(new)
    if found is not None and found is not column:
        raise _taken(new, "COLUMN")
    if _is_named_in(table, column.name):
        raise SqlError(
            15336,
            f"Object '{table.schema}.{table.name}.{column.name}' cannot be renamed because the object participates in "
            "enforced dependencies.",
        )
    old = column.name

    def put(name: str) -> None:
        for index in table.indexes:
            index.columns = [(name if n.lower() == column.name.lower() else n, down) for n, down in index.columns]
        column.name = name
        session.engine.changed()

    put(new)
    table.modify_date = session.engine.time.datetime()
    session.remember_definition(lambda: put(old), "a change of a column's name")


def _is_named_in(table: Table, name: str) -> bool:
    """Whether a computed column or a CHECK constraint depends on a column of this name."""
    texts = [c.computed for c in table.columns if c.computed is not None] + [text for _, text in table.checks]
    return any(token.value.lower() == name.lower() for text in texts for token in tokenize(text))


def _taken(name: str, what: str) -> SqlError:
    return SqlError(
        15335,
        f"Error: The new name '{name}' is already in use as a {what} name and would cause a duplicate that is not "
        "permitted.",
        11,
    )
