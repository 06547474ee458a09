"""ALTER TABLE, and what capture makes of it.

A captured table's instances keep their columns: an added one is ignored, a dropped one stays with NULLs, a changed
type changes the change table's column when the capture process comes to that place of the log, where the row in
cdc.ddl_history is written too."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from standin.engine import cdc_setup, physical, table_parser, tables
from standin.engine import statements as st
from standin.engine.catalog import ColumnDef, Table
from standin.engine.computed import type_computed
from standin.engine.conversion import converter
from standin.engine.env import UNSET, Env, Expr
from standin.engine.errors import unsupported
from standin.engine.physical import collation_clause
from standin.engine.sqlglot_tsql import parse_expression
from standin.engine.storage import literal
from standin.engine.tokens import Cursor
from standin.engine.types import collated, family, parse_type
from standin.model import SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession


def alter(session: EngineSession, table: Table, c: Cursor, statement: st.Definition) -> None:
    if not table.temporary:
        tables.require_definer(session, session.engine.database_of(table))
        session.lock_table(table)
    if c.accept("WITH", "CHECK") or c.accept("WITH", "NOCHECK"):
        pass
    if c.accept("ADD"):
        _add(session, table, c)
    elif c.accept("DROP"):
        _drop(session, table, c)
    elif c.accept("ALTER", "COLUMN"):
        _alter_column(session, table, c, statement)
    elif c.at("CHECK", "NOCHECK", "ENABLE", "DISABLE", "REBUILD") or c.at("SET"):
        _without_effect(c, statement)
    else:
        raise unsupported("ALTER TABLE", statement.text)
    table.modify_date = session.engine.time.datetime()
    session.engine.changed()
    _record(session, table, statement.text)
    session.remember_definition(None, "ALTER TABLE")


def _without_effect(c: Cursor, statement: st.Definition) -> None:
    """Constraints' and lock escalation's switches: there is nothing here that they would change."""
    if (
        c.at("REBUILD")
        or (c.at("SET") and "LOCK_ESCALATION" in statement.text.upper())
        or c.peek().upper == "CONSTRAINT"
    ):
        return
    raise unsupported("ALTER TABLE", statement.text)


def _record(session: EngineSession, table: Table, text: str, required_update: int = 0) -> None:
    """A row in cdc.ddl_history for each instance, when the capture process gets there."""
    database = session.engine.database_of(table) if not table.temporary else None
    if database is None or not database.is_captured(table) or _recorded(session):
        return

    def reached(db: sqlite3.Connection, lsn: bytes, time: int) -> None:
        for instance in database.instances_of(table):
            row = (table.object_id, instance.change_table.object_id, required_update, text, lsn, time)
            cdc_setup.insert(db, database, "ddl_history", [row])

    session.engine.capture.mark(database, reached)


def _recorded(session: EngineSession) -> bool:
    """Whether the statement's own step has put the row into the log already."""
    recorded, session.ddl_recorded = session.ddl_recorded, False
    return recorded


# Columns added and dropped


def _add(session: EngineSession, table: Table, c: Cursor) -> None:
    indexes = len(table.indexes)
    added: list[ColumnDef] = []
    while True:
        if c.at("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "DEFAULT"):
            table_parser.table_constraint(session, c, table)
        else:
            added.append(table_parser.parse_column(session, c, table))
        if not c.accept(","):
            break
    if c.i < c.end:
        raise c.error()
    type_computed(session, table)
    try:
        with session.engine.writer:
            session.db.execute("BEGIN IMMEDIATE")
            try:
                for column in added:
                    if column.computed is None:
                        _add_physical(session, table, column)
                for index in table.indexes[indexes:]:
                    physical.create_index(session.db, table, index, with_undo=True)
                tables.retrigger(session, table)
                session.db.execute("COMMIT")
            except BaseException:
                session.db.execute("ROLLBACK")
                raise
    except BaseException as error:
        for column in added:
            table.columns.remove(column)
        del table.indexes[indexes:]
        if isinstance(error, sqlite3.Error):
            raise _cannot_add(table, error) from error
        raise


def _cannot_add(table: Table, error: sqlite3.Error) -> SqlError:
    if "UNIQUE" in str(error):
        name = f"{table.schema}.{table.name}"
        return SqlError(
            1505,
            f"The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name '{name}'.",
        )
    return unsupported(f"ALTER TABLE ADD ({error})")


def _add_physical(session: EngineSession, table: Table, column: ColumnDef) -> None:
    """The new column in the table, its undo records and its log; existing rows get the default when they must."""
    value = _value_for_rows(session, table, column)
    fill = (
        column.identity is not None
        or column.type.name == "rowversion"
        or (not column.nullable and column.default is not None)
    )
    if not column.nullable and not fill and session.db.execute(f"SELECT 1 FROM {table.physical} LIMIT 1").fetchone():
        raise SqlError(
            4901,
            "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified, or the column "
            "being added is an identity or timestamp column, or alternatively if none of the previous conditions are satisfied the table "
            f"must be empty to allow addition of this column. Column '{column.name}' cannot be added to non-empty table '{table.name}' "
            "because it does not satisfy these conditions.",
        )
    clause = collation_clause(column.type)
    session.db.execute(f"ALTER TABLE {table.physical} ADD COLUMN {column.physical}{clause}")
    if not table.temporary:
        session.db.execute(f"ALTER TABLE {table.undo} ADD COLUMN {column.physical}{clause}")
        if session.engine.is_captured(table):
            session.db.execute(f"ALTER TABLE {table.log} ADD COLUMN {column.physical}")
            _widen_masks(session.db, table)
    if fill:
        _drop_triggers(session.db, table)
        session.db.execute(f"UPDATE {table.physical} SET {column.physical} = {value}")


def _widen_masks(db: sqlite3.Connection, table: Table) -> None:
    have = {r[1] for r in db.execute(f"PRAGMA table_info({table.log})")}
    for word in range(physical.mask_words(table)):
        if f"m{word}" not in have:
            db.execute(f"ALTER TABLE {table.log} ADD COLUMN m{word} DEFAULT 0")


def _drop_triggers(db: sqlite3.Connection, table: Table) -> None:
    """Schema changes move rows without undo records and change rows; the triggers come back afterwards."""
    for name in physical.TRIGGERS:
        db.execute(f"DROP TRIGGER IF EXISTS {table.physical}_{name}")


def _value_for_rows(session: EngineSession, table: Table, column: ColumnDef) -> str:
    if column.type.name == "rowversion":
        return "rowver()"
    if column.identity is not None:
        session.engine.tables.setdefault(table.object_id, table)
        return f"ident({table.object_id})"
    if column.default is None:
        return "NULL"
    from standin.engine.select import Compiler

    env = Env(session, session.db_catalog, {})
    compiler = Compiler(env)
    e: Expr = compiler.coerce(compiler.scalar(parse_expression(column.default), None), column.type)
    session.connection.use(env)
    values = {name: provider(session) for name, provider in env.providers.items()}
    if e.const is not UNSET:
        return e.sql
    return literal(session.db.execute(f"SELECT {e.sql}", values).fetchone()[0])


def _drop(session: EngineSession, table: Table, c: Cursor) -> None:
    if c.accept("COLUMN"):
        missing_ok = c.accept("IF", "EXISTS")
        while True:
            _drop_column(session, table, c.name(), missing_ok)
            if not c.accept(","):
                return
    c.accept("CONSTRAINT")
    missing_ok = c.accept("IF", "EXISTS")
    while True:
        _drop_constraint(session, table, c.name(), missing_ok)
        if not c.accept(","):
            return


def _drop_column(session: EngineSession, table: Table, name: str, missing_ok: bool) -> None:
    """The values stay in SQLite under a column id that is never used again; nothing names it any more."""
    column = table.find(name)
    if column is None:
        if missing_ok:
            return
        message = f"ALTER TABLE DROP COLUMN failed because column '{name}' does not exist in table '{table.name}'."
        raise SqlError(4924, message)
    used = [i.name for i in table.indexes if any(n.lower() == name.lower() for n, _ in i.columns)]
    if used or column.default is not None:
        what = used[0] if used else column.default_name
        raise SqlError(5074, f"The object '{what}' is dependent on column '{column.name}'.")
    table.columns.remove(column)
    if column.computed is None:
        with session.engine.writer:
            _drop_triggers(session.db, table)
            if not column.nullable:
                _relax(session.db, table, column)
            tables.retrigger(session, table)


def _relax(db: sqlite3.Connection, table: Table, column: ColumnDef) -> None:
    """A NOT NULL column that nothing fills any more must go from SQLite's table."""
    db.execute(f"ALTER TABLE {table.physical} DROP COLUMN {column.physical}")


def _drop_constraint(session: EngineSession, table: Table, name: str, missing_ok: bool) -> None:
    lowered = name.lower()
    index = next((i for i in table.indexes if i.name.lower() == lowered and i.kind), None)
    if index is not None:
        tables.drop_key(session, table, index)
        return
    column = next((col for col in table.columns if col.default_name.lower() == lowered), None)
    if column is not None:
        column.default, column.default_name = None, ""
        return
    check = next((k for k in table.checks if k[0].lower() == lowered), None)
    if check is not None:
        table.checks.remove(check)
        tables.retrigger(session, table)
        return
    if not missing_ok:
        raise SqlError(3728, f"'{name}' is not a constraint.")


# A column's type


def _alter_column(session: EngineSession, table: Table, c: Cursor, statement: st.Definition) -> None:
    name = c.name()
    column = table.find(name)
    if column is None:
        raise SqlError(
            4924, f"ALTER TABLE ALTER COLUMN failed because column '{name}' does not exist in table '{table.name}'."
        )
    if column.computed is not None:
        raise SqlError(4928, f"Cannot alter column '{name}' because it is 'COMPUTED'.")
    user_type = session.db_catalog.user_type(c.dotted_ahead())
    target = parse_type(c, user_types=lambda _: user_type.base if user_type else None)
    if c.accept("COLLATE"):
        column.collation = c.name()
    if family(target) == "text":
        target = collated(target, column.collation or session.db_catalog.collation)
    nullable = True
    if c.accept("NOT"):
        c.expect("NULL")
        nullable = False
    elif c.accept("NULL"):
        nullable = True
    if c.accept("WITH"):
        c.skip_parens()
    _change_type(session, table, column, target, nullable)
    column.user_type = user_type
    _record_type(session, table, column, target, statement.text)


def _change_type(session: EngineSession, table: Table, column: ColumnDef, target: SqlType, nullable: bool) -> None:
    database = session.engine.database_of(table) if not table.temporary else session.db_catalog
    full = f"{database.name}.{table.schema}.{table.name}"
    convert = converter(column.type, target, False, None, (full, column.name))
    p = column.physical
    with session.engine.writer:
        if not nullable and session.db.execute(f"SELECT 1 FROM {table.physical} WHERE {p} IS NULL LIMIT 1").fetchone():
            message = f"Cannot insert the value NULL into column '{column.name}', table '{full}'; column does not allow nulls. UPDATE fails."
            raise SqlError(515, message, 16, 2)
        values = session.db.execute(f"SELECT rid, {p} FROM {table.physical} WHERE {p} IS NOT NULL").fetchall()
        changed = [(convert(v) if convert else v, rid) for rid, v in values]
        session.db.execute("BEGIN IMMEDIATE")
        try:
            _replace_column(session.db, table, column, target, nullable)
            session.db.executemany(f"UPDATE {table.physical} SET {p} = ? WHERE rid = ?", changed)
            column.type, column.nullable = target, nullable
            for index in table.indexes:
                if any(n.lower() == column.name.lower() for n, _ in index.columns):
                    physical.create_index(session.db, table, index, with_undo=True)
            tables.retrigger(session, table)
            session.db.execute("COMMIT")
        except BaseException:
            session.db.execute("ROLLBACK")
            raise


def _replace_column(db: sqlite3.Connection, table: Table, column: ColumnDef, target: SqlType, nullable: bool) -> None:
    """Collation and NOT NULL belong to SQLite's column, so it is made anew, empty."""
    _drop_triggers(db, table)
    for index in table.indexes:
        if any(n.lower() == column.name.lower() for n, _ in index.columns):
            db.execute(f"DROP INDEX IF EXISTS {physical.index_name(table, index)}")
            db.execute(f"DROP INDEX IF EXISTS {table.undo}_{index.index_id}")
    names = [table.physical] if table.temporary else [table.physical, table.undo]
    for name in names:
        db.execute(f"ALTER TABLE {name} DROP COLUMN {column.physical}")
        bound = "" if nullable or name == table.undo else " NOT NULL DEFAULT ''"
        db.execute(f"ALTER TABLE {name} ADD COLUMN {column.physical}{collation_clause(target)}{bound}")


def _record_type(session: EngineSession, table: Table, column: ColumnDef, target: SqlType, text: str) -> None:
    """The change table's column follows when the capture process comes here; rows before are of the old type."""
    if table.temporary:
        return
    database = session.engine.database_of(table)
    if not database.is_captured(table):
        return

    def reached(db: sqlite3.Connection, lsn: bytes, time: int) -> None:
        for instance in database.instances_of(table):
            updated = _follow(session, db, instance.change_table, column, target)
            row = (table.object_id, instance.change_table.object_id, int(updated), text, lsn, time)
            cdc_setup.insert(db, database, "ddl_history", [row])

    session.engine.capture.mark(database, reached)
    session.ddl_recorded = True


def _follow(session: EngineSession, db: sqlite3.Connection, ct: Table, column: ColumnDef, target: SqlType) -> bool:
    found = next((c for c in ct.columns if c.name.lower() == column.name.lower()), None)
    wanted = cdc_setup.change_table_type(target)
    if found is None or found.type == wanted:
        return False
    convert = converter(found.type, wanted, False, None, (f"cdc.{ct.name}", column.name))
    if convert is not None:
        rows = db.execute(
            f"SELECT rid, {found.physical} FROM {ct.physical} WHERE {found.physical} IS NOT NULL"
        ).fetchall()
        db.executemany(
            f"UPDATE {ct.physical} SET {found.physical} = ? WHERE rid = ?", [(convert(v), rid) for rid, v in rows]
        )
    found.type = wanted
    session.engine.change_cache.forget(ct.object_id)
    session.engine.changed()
    return True
