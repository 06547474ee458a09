"""Types of computed columns, and CHECK constraints, which need the compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine.catalog import Table
from standin.engine.env import Env, Expr, Scope, Source, SourceColumn
from standin.engine.sqlglot_tsql import parse_expression

if TYPE_CHECKING:
    from standin.engine.session import EngineSession


def compile_checks(session: EngineSession, table: Table) -> None:
    """The table's CHECK constraints as conditions over a trigger's NEW row."""
    from standin.engine.select import Compiler

    env = Env(session, session.db_catalog, {})
    columns = [SourceColumn(c.name, Expr(f"NEW.{c.physical}", c.type, c.nullable)) for c in table.stored]
    scope = Scope([Source(table.name, "", columns)])
    table.check_sql = [(name, Compiler(env).condition(parse_expression(text), scope)) for name, text in table.checks]
    table.check_functions = env.functions


def type_computed(session: EngineSession, table: Table) -> None:
    """Finds the type of each computed column from its expression."""
    from standin.engine.select import Compiler

    if not any(c.computed for c in table.columns):
        return
    env = Env(session, session.db_catalog, {})
    scope = Scope(
        [
            Source(
                table.name,
                "",
                [SourceColumn(c.name, Expr(f"t.{c.physical}", c.type, c.nullable)) for c in table.stored],
            )
        ]
    )
    for column in table.columns:
        if column.computed is not None:
            column.type = Compiler(env).scalar(parse_expression(column.computed), scope).type
