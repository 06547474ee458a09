"""CREATE, ALTER, DROP, TRUNCATE and the statements on rights: what each verb and noun leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sqlglot import exp

from standin.engine import backups, databases, renaming, security, table_parser, tables, user_types
from standin.engine import statements as st
from standin.engine.catalog import ColumnDef, Table
from standin.engine.errors import unsupported
from standin.engine.tokens import Cursor
from standin.model import Column, Event, SqlError

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

Definer = Callable[["EngineSession", Cursor, st.Definition], None]

_NOUNS: dict[tuple[str, str], Definer] = {
    ("CREATE", "DATABASE"): databases.create_database,
    ("ALTER", "DATABASE"): databases.alter_database,
    ("DROP", "DATABASE"): databases.drop_database,
    ("CREATE", "SCHEMA"): databases.create_schema,
    ("ALTER", "SCHEMA"): renaming.transfer,
    ("DROP", "SCHEMA"): databases.drop_schema,
    ("CREATE", "TABLE"): tables.create_table,
    ("ALTER", "TABLE"): tables.alter_table,
    ("DROP", "TABLE"): tables.drop_table,
    ("TRUNCATE", "TABLE"): tables.truncate_table,
    ("CREATE", "INDEX"): tables.create_index,
    ("CREATE", "UNIQUE"): tables.create_index,
    ("CREATE", "CLUSTERED"): tables.create_index,
    ("CREATE", "NONCLUSTERED"): tables.create_index,
    ("DROP", "INDEX"): tables.drop_index,
    ("CREATE", "TYPE"): user_types.create_type,
    ("DROP", "TYPE"): user_types.drop_type,
    ("CREATE", "ASSEMBLY"): user_types.create_assembly,
    ("DROP", "ASSEMBLY"): user_types.drop_assembly,
    ("CREATE", "LOGIN"): security.create_login,
    ("ALTER", "LOGIN"): security.alter_login,
    ("DROP", "LOGIN"): security.drop_login,
    ("CREATE", "USER"): security.create_user,
    ("DROP", "USER"): security.drop_user,
    ("CREATE", "ROLE"): security.create_role,
    ("ALTER", "ROLE"): security.alter_role,
    ("DROP", "ROLE"): security.drop_role,
    ("ALTER", "SERVER"): security.alter_server_role,
    ("BACKUP", "DATABASE"): backups.backup,
    ("RESTORE", "DATABASE"): backups.restore,
    ("ALTER", "AUTHORIZATION"): lambda _s, _c, _d: None,
}
_WITHOUT_EFFECT = {"CHECKPOINT", "RECONFIGURE"}


def define(session: EngineSession, statement: st.Definition) -> Iterator[Event]:
    c = Cursor(statement.cursor.sql, statement.cursor.tokens, statement.cursor.i, statement.cursor.end)
    verb = c.take().upper
    if verb in _WITHOUT_EFFECT:
        return
    if verb in ("GRANT", "DENY", "REVOKE"):
        security.change_rights(session, c, verb)
        return
    definer = _NOUNS.get((verb, c.token.upper))
    if definer is None:
        raise unsupported("statement", statement.text)
    definer(session, c, statement)
    yield from ()


def declare_table(session: EngineSession, name: str, cursor: Cursor) -> None:
    c = Cursor(cursor.sql, cursor.tokens, cursor.i, cursor.end)
    table = table_parser.parse_table(session, c, "", name, temporary=True)
    tables.build(session, table)
    session.table_variables[name.lower()] = table


def table_from_columns(session: EngineSession, node: exp.Table, columns: list[Column]) -> Table:
    """SELECT … INTO's table: names, types and nullability of the result, an identity column stays one."""
    from standin.engine.sources import name_parts

    database_name, schema, name = name_parts(node)
    database = session.open_database(database_name) if database_name else session.db_catalog
    temporary = name.startswith("#")
    if (temporary and name.lower() in session.temporary_tables) or (
        not temporary and database.table(schema or "dbo", name)
    ):
        raise SqlError(2714, f"There is already an object named '{name}' in the database.", 16, 6)
    definitions = []
    for i, column in enumerate(columns, 1):
        if not column.name:
            raise SqlError(
                1038,
                "An object or column name is missing or empty. For SELECT INTO statements, verify each column has a name.",
                15,
            )
        identity = (1, 1) if column.identity else None
        definitions.append(ColumnDef(column.name, column.type, i, column.nullable, identity))
    table = Table(
        session.engine.object_ids.next(), database.database_id, schema or "dbo", name, definitions, temporary=temporary
    )
    table.columns_max = len(definitions)
    tables.build(session, table)
    return table
