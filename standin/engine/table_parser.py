"""The definition of a table between its parentheses: columns, constraints, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine.catalog import ColumnDef, Database, Index, Table
from standin.engine.computed import compile_checks, type_computed
from standin.engine.errors import syntax_error, unsupported
from standin.engine.tokens import Cursor
from standin.engine.types import SYSNAME, collated, collation_bytes, family, make_type, parse_type
from standin.model import SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession


def parse_table(
    session: EngineSession, c: Cursor, schema: str, name: str, temporary: bool, database: Database | None = None
) -> Table:
    database = database or session.db_catalog
    table = Table(session.engine.object_ids.next(), database.database_id, schema, name, [], temporary=temporary)
    c.expect("(")
    while not c.accept(")"):
        if c.accept(","):
            continue
        if c.at("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "INDEX"):
            table_constraint(session, c, table)
        else:
            parse_column(session, c, table)
    if not table.columns:
        raise syntax_error(")")
    type_computed(session, table)
    compile_checks(session, table)
    return table


def _constraint_name(session: EngineSession, table: Table, prefix: str) -> str:
    return f"{prefix}__{table.name[:9]}__{session.engine.object_ids.next():08X}"


def _is_taken(session: EngineSession, table: Table, name: str) -> bool:
    """Names of columns are compared by the database's collation."""
    found = table.find(name)
    by_case = collation_bytes(session.engine.database_by_id(table.database_id).collation)[2] & 0x10 == 0
    return found is not None and (found.name == name or not by_case)


def parse_column(session: EngineSession, c: Cursor, table: Table) -> ColumnDef:
    """A column's definition at the cursor; added to the table."""
    name = c.name()
    if _is_taken(session, table, name):
        raise SqlError(
            2705,
            f"Column names in each table must be unique. Column name '{name}' in table '{table.name}' is specified more than once.",
        )
    table.columns_max += 1
    column = ColumnDef(name, SYSNAME, table.columns_max)
    if c.accept("AS"):
        column.computed = c.until(",", "PERSISTED", "NOT", "CONSTRAINT", "PRIMARY", "UNIQUE")
        column.persisted = c.accept("PERSISTED")
        if c.accept("NOT", "NULL"):
            column.nullable = False
    elif c.at("TIMESTAMP", "ROWVERSION"):
        column.type, column.nullable = parse_type(c), False
    elif c.at(",", ")") and name.lower() == "timestamp":
        column.type, column.nullable = make_type(name, []), False
    else:
        _take_type(session, c, table, column)
    table.columns.append(column)
    constraint = ""
    while c.i < c.end and not c.at(",", ")"):
        constraint = _column_option(session, c, table, column, constraint)
    if family(column.type) == "text" and not column.collation:
        database = session.engine.database_by_id(table.database_id)
        column.collation = database.collation
        column.type = collated(column.type, column.collation)
    return column


def _take_type(session: EngineSession, c: Cursor, table: Table, column: ColumnDef) -> None:
    database = session.engine.database_by_id(table.database_id)

    def user_type(parts: list[str]) -> SqlType | None:
        column.user_type = database.user_type(parts)
        return column.user_type.base if column.user_type else None

    column.type = parse_type(c, user_types=user_type)
    column.nullable = column.user_type.nullable if column.user_type else True


def _column_option(session: EngineSession, c: Cursor, table: Table, column: ColumnDef, constraint: str) -> str:
    if c.accept("CONSTRAINT"):
        return c.name()
    if c.accept("NOT"):
        if c.accept("FOR", "REPLICATION"):
            return constraint
        c.expect("NULL")
        column.nullable = False
    elif c.accept("NULL") or c.at("ROWGUIDCOL", "SPARSE", "PERSISTED"):
        column.nullable = True if c.peek(-1).upper == "NULL" else column.nullable
        if c.peek(-1).upper != "NULL":
            column.sparse |= c.take().upper == "SPARSE"
    elif c.accept("IDENTITY"):
        column.identity, column.nullable = _identity(c), False
    elif c.accept("DEFAULT"):
        column.default = _default_text(c)
        column.default_name = constraint or _constraint_name(session, table, "DF")
    elif c.accept("COLLATE"):
        column.collation = c.name()
        column.type = collated(column.type, column.collation)
    elif c.at("PRIMARY", "UNIQUE"):
        _key(session, c, table, constraint, column)
    elif c.accept("CHECK"):
        _check(session, c, table, constraint)
    elif c.at("REFERENCES", "FOREIGN"):
        raise unsupported("FOREIGN KEY", c.sql)
    else:
        raise c.error()
    return ""


def _default_text(c: Cursor) -> str:
    start, depth = c.token.start, 0
    end = start
    stops = (
        ",",
        ")",
        "NOT",
        "NULL",
        "CONSTRAINT",
        "PRIMARY",
        "UNIQUE",
        "CHECK",
        "WITH",
        "IDENTITY",
        "COLLATE",
        "FOR",
        "ROWGUIDCOL",
    )
    while c.i < c.end:
        if depth == 0 and c.at(*stops) and not (c.at("NULL") and c.token.start == start):
            break
        depth += (c.token.text == "(") - (c.token.text == ")")
        end = c.take().end
    return c.sql[start:end]


def _identity(c: Cursor) -> tuple[int, int]:
    if not c.accept("("):
        return 1, 1
    numbers = []
    while not c.accept(")"):
        if not c.accept(","):
            sign = -1 if c.accept("-") else 1
            numbers.append(sign * int(c.take().text))
    return numbers[0], numbers[1]


def table_constraint(session: EngineSession, c: Cursor, table: Table) -> None:
    name = c.name() if c.accept("CONSTRAINT") else ""
    if c.at("PRIMARY", "UNIQUE"):
        _key(session, c, table, name, None)
    elif c.accept("CHECK"):
        _check(session, c, table, name)
    elif c.accept("DEFAULT"):
        text = _default_text(c)
        c.expect("FOR")
        column = table.column(c.name())
        column.default, column.default_name = text, name or _constraint_name(session, table, "DF")
    elif c.accept("INDEX"):
        index_name = c.name()
        unique = c.accept("UNIQUE")
        clustered = c.accept("CLUSTERED")
        c.accept("NONCLUSTERED")
        add_index(session, table, index_name, index_columns(c), unique, clustered, "")
    else:
        raise unsupported("table constraint", c.sql)


def _check(session: EngineSession, c: Cursor, table: Table, name: str) -> None:
    start = c.token.start
    c.skip_parens()
    table.checks.append((name or _constraint_name(session, table, "CK"), c.sql[start : c.peek(-1).end]))


def _key(session: EngineSession, c: Cursor, table: Table, name: str, column: ColumnDef | None) -> None:
    primary = c.accept("PRIMARY", "KEY")
    if not primary:
        c.expect("UNIQUE")
    clustered = primary and not any(i.clustered for i in table.indexes)
    if c.accept("CLUSTERED"):
        clustered = True
    elif c.accept("NONCLUSTERED"):
        clustered = False
    columns = index_columns(c) if c.at("(") else [(column.name, False)] if column is not None else []
    if c.accept("WITH"):
        c.skip_parens()
    if c.accept("ON"):
        c.name()
    kind = "PK" if primary else "UQ"
    if primary:
        for n, _ in columns:
            table.column(n).nullable = False
    add_index(session, table, name or _constraint_name(session, table, kind), columns, True, clustered, kind)


def index_columns(c: Cursor) -> list[tuple[str, bool]]:
    columns = []
    c.expect("(")
    while not c.accept(")"):
        if c.accept(","):
            continue
        name = c.name()
        descending = c.accept("DESC")
        c.accept("ASC")
        columns.append((name, descending))
    return columns


def add_index(
    session: EngineSession,
    table: Table,
    name: str,
    columns: list[tuple[str, bool]],
    unique: bool,
    clustered: bool,
    kind: str,
) -> Index:
    used = {i.index_id for i in table.indexes}
    if clustered and 1 in used:
        raise SqlError(1902, f"Cannot create more than one clustered index on table '{table.name}'.")
    index_id = 1 if clustered else next(n for n in range(2, 1000) if n not in used)
    fixed = [(table.column(n).name, d) for n, d in columns]
    index = Index(name, index_id, fixed, unique, clustered, kind, session.engine.object_ids.next() if kind else 0)
    table.indexes.append(index)
    return index
