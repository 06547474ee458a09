"""DELETE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlglot import exp

from standin.engine import statements as st
from standin.engine.catalog import Database, Table
from standin.engine.dml import Dml, emit, finish, output_list, with_clause
from standin.engine.env import BASE_ROW, Scope, Source
from standin.engine.queries import tree_of
from standin.model import Event

if TYPE_CHECKING:
    from standin.engine.executor import Executor


def chosen_rows(dml: Dml, node: exp.Expression, tables: list[exp.Expression]) -> tuple[Source, str, Scope]:
    """The target's source and the text `FROM … [WHERE …]` of an UPDATE or DELETE. The target is read as it lies,
    other transactions' rows included: meeting one of them is what a lock is."""
    scope = Scope([])
    compiler = dml.compiler
    if tables:
        alias = tables[0]
        text = compiler.source(node, scope)
        found = [s for s in scope.sources if s.alias.lower() == alias.name.lower() and s.table is not None]
        if not found:
            found = [s for s in scope.sources if s.table is not None and s.table.name.lower() == alias.name.lower()]
        source = found[0] if found else _joined_target(dml, alias, scope)
        if not found:
            text = f"{source.sql} AS {source.row_id[:-4]}, {text}"
    else:
        text = compiler.source(_through_cte(dml, node), scope)
        source = scope.sources[0]
        if source.table is None:
            _expose_base_row(source)
    return source, text, scope


def _through_cte(dml: Dml, node: exp.Expression) -> exp.Expression:
    """A common table expression over one table can be changed: it is put in place, with its base row's number."""
    clause = dml.tree.root.args.get("with_")
    known = {c.alias.lower(): c for c in clause.expressions} if clause is not None else {}
    cte = known.get(node.name.lower()) if isinstance(node, exp.Table) and not node.args.get("db") else None
    if cte is None or not isinstance(cte.this, exp.Select):
        return node
    body = cte.this.copy()
    base = body.args["from_"].this if body.args.get("from_") else None
    if not isinstance(base, exp.Table) or body.args.get("group") or body.args.get("distinct"):
        return node
    body.append(
        "expressions",
        exp.Column(this=exp.to_identifier(BASE_ROW), table=exp.to_identifier(base.alias_or_name, quoted=True)),
    )
    table, database = dml.compiler.find_table(base)
    dml.env.rights.append((dml.verb, database, table.schema, table.name, table.object_id))
    dml.base_table = table
    return exp.Subquery(this=body, alias=exp.TableAlias(this=exp.to_identifier(node.alias_or_name, quoted=True)))


def _expose_base_row(source: Source) -> None:
    found = next((c for c in source.columns if c.name == BASE_ROW), None)
    if found is not None:
        source.row_id = found.expr.sql


def _joined_target(dml: Dml, node: exp.Expression, scope: Scope) -> Source:
    table, database = dml.compiler.find_table(node)
    dml.compiler.add_table(table, database, node.alias or table.name, scope)
    return scope.sources[-1]


def run(executor: Executor, statement: st.Query) -> Iterator[Event]:
    session = executor.session
    tree = tree_of(statement)
    root = tree.root.copy()
    dml = Dml(executor, type(tree)(root, tree.top), "DELETE")
    prefix = with_clause(dml)
    source, text, scope = chosen_rows(dml, root.this, root.args.get("tables") or [])
    table = source.table or dml.base_table
    if table is None or not source.row_id:
        from standin.engine.errors import unsupported

        raise unsupported("DELETE from anything but a table", statement.text)
    dml.env.rights.append(("DELETE", *right_of(dml, table)))
    where = root.args.get("where")
    condition = f" WHERE {dml.compiler.condition(where.this, scope)}" if where is not None else ""
    chosen = f"{prefix}SELECT {source.row_id} FROM {text}{condition}{dml.top()}"
    outputs = output_list(dml, table, "", table.physical.removeprefix("temp."))
    dml.prepare()
    plain = f"DELETE FROM {table.physical} WHERE rid IN ({chosen})"
    if where is None and not dml.tree.top and len(scope.sources) == 1 and source.table is not None and not outputs:
        plain = f"DELETE FROM {table.physical} WHERE 1"
    if not outputs:
        count = session.write([table], lambda: session.db.execute(plain, dml.values()).rowcount, "DELETE")
        yield from finish(executor, count, "DELETE")
        return
    listed = ", ".join(c.expr.sql for c in outputs)
    rows = session.write(
        [table], lambda: session.db.execute(f"{plain} RETURNING {listed}", dml.values()).fetchall(), "DELETE"
    )
    yield from emit(executor, dml, outputs, rows)
    yield from finish(executor, len(rows), "DELETE")


def right_of(dml: Dml, table: Table) -> tuple[Database, str, str, int]:
    """What Env.rights wants to know of a table."""
    database = dml.env.database if table.temporary else dml.session.engine.database_of(table)
    return database, table.schema, table.name, table.object_id
