"""INSERT, UPDATE, DELETE, SELECT … INTO and their OUTPUT; MERGE is in standin.engine.merge.

Every one of them selects first (into a temporary table when rows must be known before they change) and changes then,
so that joins, TOP, CTEs and self-references mean what they mean in SQL Server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from standin.engine import permissions
from standin.engine import statements as st
from standin.engine.catalog import ColumnDef, Database, Table
from standin.engine.env import Env, Expr, Scope, Source, SourceColumn
from standin.engine.select import Compiler, columns_of
from standin.engine.sqlglot_tsql import Tree, parse_expression
from standin.engine.storage import row_converter
from standin.model import Column, Columns, Done, Event, Rows, SqlError

if TYPE_CHECKING:
    from standin.engine.executor import Executor

INSERT, DELETE, UPDATE = 0xC3, 0xC4, 0xC5
COMMANDS = {"INSERT": INSERT, "UPDATE": UPDATE, "DELETE": DELETE, "MERGE": 0x117}


def run(executor: Executor, statement: st.Query) -> Iterator[Event]:
    from standin.engine import delete, insert, merge, update

    runner = {"INSERT": insert.run, "UPDATE": update.run, "DELETE": delete.run, "MERGE": merge.run}[statement.verb]
    yield from runner(executor, statement)


class Dml:
    """One DML statement being compiled: its compiler, target and OUTPUT clause."""

    def __init__(self, executor: Executor, tree: Tree, verb: str) -> None:
        self.executor, self.session, self.tree, self.verb = executor, executor.session, tree, verb
        self.env: Env = executor.env()
        self.compiler = Compiler(self.env)
        self.base_table: Table | None = None  # behind a common table expression that is the target

    def own_dirty(self) -> None:
        self.env.dirty = self.session.dirty_tables()

    def target(self, node: exp.Expression) -> tuple[Table, Database]:
        table, database = self.compiler.find_table(node)
        if not table.temporary:
            self.env.rights.append((self.verb, database, table.schema, table.name, table.object_id))
            if (
                database.cdc_enabled
                and table.schema.lower() == "cdc"
                and not permissions.is_owner(self.session, database)
            ):
                permissions.check(self.session, self.env)
        self.note_target(table)
        return table, database

    def note_target(self, table: Table) -> None:
        """What writing to the table needs, whatever it writes."""
        self.env.tables.add(table.object_id)
        self.env.functions |= table.check_functions

    def full_name(self, table: Table, database: Database) -> str:
        return f"{database.name}.{table.schema}.{table.name}"

    def coerced(self, e: Expr, column: ColumnDef, table: Table, database: Database) -> Expr:
        """A value as a column keeps it; rounding, overflow and truncation as at assignment."""
        return self.compiler.coerce(e, column.type, column=(self.full_name(table, database), column.name))

    def default(self, column: ColumnDef, table: Table, database: Database) -> Expr:
        """What a column gets that is not named: identity, rowversion, its default or NULL."""
        if column.type.name == "rowversion":
            return Expr("rowver()", column.type, False)
        if column.identity is not None:
            return Expr(f"ident({table.object_id})", column.type, False)
        if column.default is None:
            return Expr("NULL", column.type, True, None, True)
        compiled = self.compiler.scalar(parse_expression(column.default), None)
        return self.coerced(compiled, column, table, database)

    def values(self) -> dict[str, Any]:
        from standin.engine.env import Plan

        return self.session.values_of(Plan("", [], self.env), self.executor.batch)

    def prepare(self) -> None:
        permissions.check(self.session, self.env)
        self.session.connection.use(self.env)
        self.session.refresh_views(self.env)

    def top(self) -> str:
        if self.tree.top is None:
            return ""
        count = self.compiler.scalar(self.tree.top, None)
        return f" LIMIT {self.compiler.coerce(count, count.type).sql}"


def output_list(dml: Dml, table: Table, inserted: str, deleted: str) -> list[SourceColumn]:
    """The OUTPUT clause's columns over two aliases that have the target's physical columns."""
    clause = dml.tree.root.args.get("returning")
    if clause is None:
        return []
    scope = Scope([_image(dml, table, "inserted", inserted), _image(dml, table, "deleted", deleted)])
    if dml.verb == "MERGE":
        scope.sources.append(Source("", "", [SourceColumn("$action", Expr(f"{inserted}.act", _action_type()))]))
    return dml.compiler.select_list(clause.expressions, scope)


def _action_type() -> Any:
    from standin.engine.types import nvarchar

    return nvarchar(10)


def _image(dml: Dml, table: Table, name: str, alias: str) -> Source:
    if not alias:
        return Source(name, "", [SourceColumn(c.name, Expr("NULL", c.type, True)) for c in table.columns])
    source = Source(
        name, "", [SourceColumn(c.name, Expr(f"{alias}.{c.physical}", c.type)) for c in table.columns], table
    )
    dml.compiler._expand_computed(table, source)
    return source


def emit(executor: Executor, dml: Dml, outputs: list[SourceColumn], rows: list[tuple[Any, ...]]) -> Iterator[Event]:
    """OUTPUT's rows to the client, or INTO a table."""
    clause = dml.tree.root.args.get("returning")
    if clause is None:
        return
    columns = columns_of(outputs)
    into = clause.args.get("into")
    if into:
        _insert_outputs(executor, dml, into, columns, rows)
        return
    yield Columns(columns)
    convert = row_converter([c.type for c in columns])
    yield Rows(rows if convert is None else list(map(convert, rows)))


def _insert_outputs(
    executor: Executor, dml: Dml, into: Any, columns: list[Column], rows: list[tuple[Any, ...]]
) -> None:
    from standin.engine.conversion import converter

    node = into.this if isinstance(into, exp.Into | exp.Schema) else into
    names = [i.name for i in into.expressions] if isinstance(into, exp.Schema) else []
    if isinstance(node, exp.Schema):
        names, node = [i.name for i in node.expressions], node.this
    table, database = dml.compiler.find_table(node)
    targets = [table.column(n) for n in names] or [c for c in table.stored if not c.identity]
    if len(targets) != len(columns):
        raise SqlError(213, "Column name or number of supplied values does not match table definition.")
    converters = [
        converter(c.type, t.type, column=(dml.full_name(table, database), t.name))
        for c, t in zip(columns, targets, strict=True)
    ]
    converted = [tuple(f(v) if f else v for f, v in zip(converters, row, strict=True)) for row in rows]
    listed, marks = ", ".join(t.physical for t in targets), ", ".join("?" * len(targets))
    sql = f"INSERT INTO {table.physical} ({listed}) VALUES ({marks})"
    executor.session.write([table], lambda: executor.session.db.executemany(sql, converted))


def finish(executor: Executor, count: int, verb: str) -> Iterator[Event]:
    session = executor.session
    session.row_count = count
    yield Done(None if session.options["NOCOUNT"] else count, COMMANDS[verb])


def with_clause(dml: Dml) -> str:
    """Opens the statement's CTEs; they stay known until the plan is done."""
    clause = dml.tree.root.args.get("with_")
    return dml.compiler.open_ctes(clause, None) + " " if clause is not None else ""


def select_into(executor: Executor, statement: st.Query, tree: exp.Expression) -> Iterator[Event]:
    """SELECT … INTO: the table is made from the result's columns."""
    from standin.engine import definitions

    session = executor.session
    bare = tree.copy()
    into = bare.args.pop("into")
    session.db.execute("BEGIN")
    try:
        dml = Dml(executor, Tree(bare), "INSERT")
        dml.own_dirty()
        sql, columns = dml.compiler.query(bare, None)
    finally:
        session.db.execute("ROLLBACK")
    dml.prepare()
    table = definitions.table_from_columns(session, into.this, columns_of(columns))
    listed = ", ".join(c.physical for c in table.columns)

    def work() -> int:
        return session.db.execute(f"INSERT INTO {table.physical} ({listed}) {sql}", dml.values()).rowcount

    count = session.write([table], work)
    yield from finish(executor, count, "INSERT")


def describe(executor: Executor, statement: st.Query) -> list[Column]:
    """The columns of a DML statement's OUTPUT."""
    from standin.engine.queries import tree_of

    tree = tree_of(statement)
    clause = tree.root.args.get("returning")
    if clause is None or clause.args.get("into"):
        return []
    dml = Dml(executor, tree, statement.verb)
    node = tree.root.this
    table, _ = dml.target(node.this if isinstance(node, exp.Schema) else node)
    return columns_of(output_list(dml, table, "i", "d"))
