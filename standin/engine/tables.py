"""CREATE, ALTER, DROP and TRUNCATE TABLE; indexes. The capture side of these is in standin.engine.capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine import permissions, physical
from standin.engine import statements as st
from standin.engine.catalog import Database, Index, Table
from standin.engine.computed import compile_checks
from standin.engine.errors import invalid_object, unsupported
from standin.engine.table_parser import add_index, index_columns, parse_table
from standin.engine.tokens import Cursor
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.session import EngineSession


def resolve(session: EngineSession, parts: list[str]) -> tuple[Database, str, str]:
    """(database, schema, name) of a dotted name."""
    database = session.open_database(parts[-3]) if len(parts) > 2 and parts[-3] else session.db_catalog
    return database, (parts[-2] if len(parts) > 1 and parts[-2] else "dbo"), parts[-1]


def find(session: EngineSession, parts: list[str], number: int = 4902) -> Table:
    if parts[-1].startswith("#"):
        table = session.temporary_tables.get(parts[-1].lower())
    else:
        database, schema, name = resolve(session, parts)
        table = database.table(schema, name)
    if table is None:
        shown = ".".join(parts)
        if number == 4902:
            raise SqlError(
                4902, f'Cannot find the object "{shown}" because it does not exist or you do not have permissions.'
            )
        raise invalid_object(shown)
    return table


def require_definer(session: EngineSession, database: Database) -> None:
    names = permissions.roles_of(session, database)
    if not permissions.is_owner(session, database) and "db_ddladmin" not in names:
        raise SqlError(262, f"CREATE TABLE permission denied in database '{database.name}'.", 14)


def create_table(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    c.expect("TABLE")
    parts = c.dotted()
    temporary = parts[-1].startswith("#")
    database, schema, name = resolve(session, parts)
    if not temporary:
        require_definer(session, database)
        if schema.lower() not in database.schemas:
            raise SqlError(
                2760,
                f'The specified schema name "{schema}" either does not exist or you do not have permission to use it.',
            )
        if database.table(schema, name):
            raise SqlError(2714, f"There is already an object named '{name}' in the database.", 16, 6)
    elif name.lower() in session.temporary_tables:
        raise SqlError(2714, f"There is already an object named '{name}' in the database.", 16, 6)
    table = parse_table(session, c, schema, name, temporary, database)
    while c.i < c.end:
        if c.accept("ON") or c.accept("TEXTIMAGE_ON"):
            c.name()
        elif c.accept("WITH"):
            c.skip_parens()
        else:
            raise c.error()
    build(session, table)
    if not temporary:
        session.remember_definition(lambda: remove(session, table), "CREATE TABLE")


def build(session: EngineSession, table: Table) -> None:
    """Makes the table in SQLite and in the catalogue."""
    engine = session.engine
    table.create_date = table.modify_date = engine.time.datetime()
    with engine.writer:
        physical.create(session.db, table)
        engine.tables[table.object_id] = table
        if table.temporary:
            if table.name.startswith("#"):
                session.temporary_tables[table.name.lower()] = table
        else:
            engine.database_by_id(table.database_id).add_table(table)
            engine.log.next()
            engine.changed()


def remove(session: EngineSession, table: Table) -> None:
    engine = session.engine
    with engine.writer:
        if table.temporary:
            session.temporary_tables.pop(table.name.lower(), None)
        else:
            engine.database_by_id(table.database_id).remove_table(table)
            engine.log.next()
            engine.changed()
        physical.drop(session.db, table)
        engine.tables.pop(table.object_id, None)


def create_index(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    unique = c.accept("UNIQUE")
    clustered = c.accept("CLUSTERED")
    c.accept("NONCLUSTERED")
    c.expect("INDEX")
    name = c.name()
    c.expect("ON")
    table = find(session, c.dotted(), 1088)
    columns = index_columns(c)
    if c.accept("INCLUDE"):
        c.skip_parens()
    if c.at("WHERE"):
        raise unsupported("filtered index", statement.text)
    if any(i.name.lower() == name.lower() for i in table.indexes):
        raise SqlError(
            1913,
            f"The operation failed because an index or statistics with name '{name}' already exists on table '{table.name}'.",
        )
    session.lock_table(table)
    index = add_index(session, table, name, columns, unique, clustered, "")
    with session.engine.writer:
        try:
            physical.create_index(session.db, table, index, with_undo=True)
        except Exception as error:
            table.indexes.remove(index)
            raise SqlError(
                1505,
                f"The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name '{table.schema}.{table.name}' and the index name '{name}'.",
            ) from error
        retrigger(session, table)
    session.remember_definition(None, "CREATE INDEX")


def retrigger(session: EngineSession, table: Table) -> None:
    """Triggers for the columns and constraints as they are now."""
    compile_checks(session, table)
    if not table.temporary:
        physical.create_triggers(session.db, table, session.engine.is_captured(table))
    session.engine.changed()


def drop_index(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    c.expect("INDEX")
    missing_ok = c.accept("IF", "EXISTS")
    name = c.name()
    c.expect("ON")
    table = find(session, c.dotted(), 1088)
    index = next((i for i in table.indexes if i.name.lower() == name.lower()), None)
    if index is None:
        if missing_ok:
            return
        raise SqlError(
            3701,
            f"Cannot drop the index '{table.name}.{name}', because it does not exist or you do not have permission.",
            11,
        )
    drop_key(session, table, index)


def drop_key(session: EngineSession, table: Table, index: Index) -> None:
    database = session.engine.database_by_id(table.database_id)
    if any(i.source is table and i.index_name == index.name for i in database.instances.values()):
        raise SqlError(
            22983 if not index.kind else 22979,
            f"The unique index '{index.name}' on source table '[{table.schema}].[{table.name}]' is used by Change Data Capture. To alter or drop the index, you must first disable Change Data Capture on the table.",
        )
    session.lock_table(table)
    table.indexes.remove(index)
    with session.engine.writer:
        session.db.execute(f"DROP INDEX IF EXISTS {physical.index_name(table, index)}")
        session.db.execute(f"DROP INDEX IF EXISTS {table.undo}_{index.index_id}")
        retrigger(session, table)
    session.remember_definition(None, "DROP INDEX")


def drop_table(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    c.expect("TABLE")
    missing_ok = c.accept("IF", "EXISTS")
    while True:
        parts = c.dotted()
        try:
            table = find(session, parts, 3701)
        except SqlError:
            if not missing_ok:
                raise SqlError(
                    3701,
                    f"Cannot drop the table '{'.'.join(parts)}', because it does not exist or you do not have permission.",
                    11,
                    5,
                ) from None
        else:
            _drop_one(session, table)
        if not c.accept(","):
            return


def _drop_one(session: EngineSession, table: Table) -> None:
    if not table.temporary:
        database = session.engine.database_by_id(table.database_id)
        require_definer(session, database)
        session.lock_table(table)
        session.engine.capture.source_dropped(session, database, table)
    if session.transaction is not None and not table.temporary:
        # Gone for good when the transaction commits; until then the name is free and the rows are kept.
        database.remove_table(table)
        session.engine.changed()
        session.remember_definition(lambda: (database.add_table(table), session.engine.changed()), "DROP TABLE")
        return
    remove(session, table)


def truncate_table(session: EngineSession, c: Cursor, _statement: st.Definition) -> None:
    c.expect("TABLE")
    parts = c.dotted()
    table = find(session, parts, 4701)
    if session.engine.is_captured(table):
        raise SqlError(
            4711,
            f"Cannot truncate table '{'.'.join(parts)}' because it is published for replication or enabled for Change Data Capture.",
        )
    if not table.temporary:
        require_definer(session, session.engine.database_by_id(table.database_id))
    session.write([table], lambda: session.db.execute(f"DELETE FROM {table.physical} WHERE 1"), "DELETE")
    table.identity_value = None


def alter_table(session: EngineSession, c: Cursor, statement: st.Definition) -> None:
    from standin.engine import alter

    c.expect("TABLE")
    parts = c.dotted()
    alter.alter(session, find(session, parts), c, statement)
