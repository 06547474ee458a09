"""INSERT: VALUES, SELECT, EXEC, DEFAULT VALUES."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from standin.engine import statements as st
from standin.engine.catalog import ColumnDef, Database, Table
from standin.engine.conversion import converter
from standin.engine.dml import Dml, emit, finish, output_list, with_clause
from standin.engine.env import UNSET, Expr
from standin.engine.errors import invalid_column
from standin.engine.literal_rows import LiteralInsert, literal_insert
from standin.engine.queries import tree_of
from standin.engine.storage import from_model
from standin.engine.tokens import Cursor
from standin.model import Columns, Event, Rows, SqlError, WireRows

if TYPE_CHECKING:
    from standin.engine.executor import Executor


def run(executor: Executor, statement: st.Query) -> Iterator[Event]:
    literals = _literals(statement)
    if literals is not None:
        yield from _insert_literals(executor, literals)
        return
    if _exec_at(statement.cursor):
        yield from _insert_exec(executor, statement)
        return
    yield from _insert_query(executor, statement)


def _literals(statement: st.Query) -> LiteralInsert | None:
    """VALUES of literals alone need no tree: read once from the tokens."""
    if "literals" not in statement.parsed:
        statement.parsed["literals"] = literal_insert(statement.cursor)
    return statement.parsed["literals"]


def targets_of(dml: Dml, table: Table, names: list[str]) -> list[ColumnDef]:
    """The columns that get values, in the statement's order."""
    session = dml.session
    if not names:
        allowed = session.identity_insert == table.object_id
        return [c for c in table.stored if (c.identity is None or allowed) and c.type.name != "rowversion"]
    targets = []
    for name in names:
        column = table.find(name)
        if column is None:
            raise invalid_column(name)
        if column.computed is not None:
            raise SqlError(
                271,
                f'The column "{name}" cannot be modified because it is either a computed column or is the result of a UNION operator.',
            )
        if column.type.name == "rowversion":
            raise SqlError(
                273,
                "Cannot insert an explicit value into a timestamp column. Use INSERT with a column list to exclude the timestamp column, or insert a DEFAULT into the timestamp column.",
            )
        if column.identity is not None and session.identity_insert != table.object_id:
            raise SqlError(
                544,
                f"Cannot insert explicit value for identity column in table '{table.name}' when IDENTITY_INSERT is set to OFF.",
            )
        targets.append(column)
    return targets


def _others(dml: Dml, table: Table, database: Database, targets: list[ColumnDef]) -> list[tuple[ColumnDef, Expr]]:
    """Columns that are not named and still get a value."""
    rest = [c for c in table.stored if c not in targets]
    made = [(c, dml.default(c, table, database)) for c in rest]
    return [(c, e) for c, e in made if not e.null]


def _mismatch(given: int, wanted: int, named: bool) -> SqlError:
    if not named:
        return SqlError(213, "Column name or number of supplied values does not match table definition.")
    if given < wanted:
        return SqlError(
            109,
            "There are more columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.",
            15,
        )
    return SqlError(
        110,
        "There are fewer columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.",
        15,
    )


def _insert_literals(executor: Executor, literals: LiteralInsert) -> Iterator[Event]:
    from standin.engine.sqlglot_tsql import Tree

    session = executor.session
    dml = Dml(executor, Tree(exp.Select()), "INSERT")
    table, database = dml.target(literals.table)
    targets = targets_of(dml, table, literals.columns)
    others = _others(dml, table, database, targets)
    if any(len(row) != len(targets) for row in literals.rows):
        raise _mismatch(len(literals.rows[0]), len(targets), bool(literals.columns))
    dml.prepare()
    rows = [
        [_literal_value(dml, e, c, table, database) for e, c in zip(row, targets, strict=True)] for row in literals.rows
    ]
    sql = _statement(table, targets, others, "VALUES ({})")
    values = dml.values()

    def work() -> int:
        if not values:
            return session.db.executemany(
                sql.format(", ".join(["?"] * len(targets) + [e.sql for _, e in others])), rows
            ).rowcount
        named = sql.format(", ".join([f":i{k}" for k in range(len(targets))] + [e.sql for _, e in others]))
        return session.db.executemany(
            named, ({**values, **{f"i{k}": v for k, v in enumerate(row)}} for row in rows)
        ).rowcount

    count = session.write([table], work)
    _note_identity(executor, table, targets, [tuple(rows[-1])])
    yield from finish(executor, count, "INSERT")


def _literal_value(dml: Dml, e: Expr | None, column: ColumnDef, table: Table, database: Database) -> Any:
    if e is None or e.null:
        if e is None and column.default is not None:
            made = dml.default(column, table, database)
            if made.const is UNSET:
                return dml.session.db.execute(f"SELECT {made.sql}", dml.values()).fetchone()[0]
            return made.const
        return None
    convert = converter(e.type, column.type, False, None, (dml.full_name(table, database), column.name))
    return convert(e.const) if convert else e.const


def _statement(table: Table, targets: list[ColumnDef], others: list[tuple[ColumnDef, Expr]], values: str) -> str:
    columns = [c.physical for c in targets] + [c.physical for c, _ in others]
    if not columns:
        return f"INSERT INTO {table.physical} DEFAULT VALUES"
    return f"INSERT INTO {table.physical} ({', '.join(columns)}) {values}"


def _note_identity(executor: Executor, table: Table, targets: list[ColumnDef], rows: list[tuple[Any, ...]]) -> None:
    """An identity value that was given moves the table's counter on."""
    for position, column in enumerate(targets):
        if column.identity is not None and rows:
            top = executor.session.db.execute(f"SELECT max({column.physical}) FROM {table.physical}").fetchone()[0]
            table.identity_value = max(table.identity_value or top, top)
            executor.session.identity_scope = rows[-1][position]


def _insert_query(executor: Executor, statement: st.Query) -> Iterator[Event]:
    session = executor.session
    tree = tree_of(statement)
    root = tree.root
    node = root.this
    names = [i.name for i in node.expressions] if isinstance(node, exp.Schema) else []
    dml = Dml(executor, tree, "INSERT")
    table, database = dml.target(node.this if isinstance(node, exp.Schema) else node)
    targets = targets_of(dml, table, names)
    dml.own_dirty()
    others = _others(dml, table, database, targets if not root.args.get("default") else [])
    if root.args.get("default"):
        make = _default_values(dml, table, others)
    else:
        make = _from_query(dml, table, database, targets, others, bool(names))
    if root.args.get("returning") is not None:
        yield from _with_output(executor, dml, table, make)
        return
    dml.prepare()
    count = session.write([table], lambda: session.db.execute(make, dml.values()).rowcount)
    _note_identity(executor, table, targets if not root.args.get("default") else [], [(0,) * len(targets)])
    yield from finish(executor, count, "INSERT")


def _default_values(dml: Dml, table: Table, others: list[tuple[ColumnDef, Expr]]) -> str:
    listed = ", ".join(c.physical for c, _ in others)
    if not others:
        return f"INSERT INTO {table.physical} DEFAULT VALUES"
    return f"INSERT INTO {table.physical} ({listed}) SELECT {', '.join(e.sql for _, e in others)}"


def _from_query(
    dml: Dml,
    table: Table,
    database: Database,
    targets: list[ColumnDef],
    others: list[tuple[ColumnDef, Expr]],
    named: bool,
) -> str:
    source = dml.tree.root.args["expression"]
    prefix = with_clause(dml)
    if isinstance(source, exp.Values):
        body = _values(dml, source, table, database, targets, others, named)
    else:
        sql, columns = dml.compiler.query(source, None)
        if len(columns) != len(targets):
            raise SqlError(
                120 if len(columns) < len(targets) else 121,
                "The select list for the INSERT statement contains another number of items than the insert list. The number of SELECT values must match the number of INSERT columns.",
                15,
            )
        values = [
            dml.coerced(Expr(f"x{i}", c.expr.type, True, null=c.expr.null), t, table, database).sql
            for i, (c, t) in enumerate(zip(columns, targets, strict=True), 1)
        ]
        body = f"SELECT {', '.join([*values, *(e.sql for _, e in others)])} FROM ({sql}){dml.top()}"
    return _statement(table, targets, others, f"{prefix}{body}")


def _values(
    dml: Dml, source: exp.Values, table: Table, database: Database, targets: list[ColumnDef],
    others: list[tuple[ColumnDef, Expr]], named: bool,
) -> str:  # fmt: skip
    lines = []
    for row in source.expressions:
        items = row.expressions if isinstance(row, exp.Tuple) else [row.this if isinstance(row, exp.Paren) else row]
        if len(items) != len(targets):
            raise _mismatch(len(items), len(targets), named)
        cells = []
        for item, column in zip(items, targets, strict=True):
            is_default = isinstance(item, exp.Var) and item.name.upper() == "DEFAULT"
            e = dml.default(column, table, database) if is_default else dml.compiler.scalar(item, None)
            cells.append((e if is_default else dml.coerced(e, column, table, database)).sql)
        lines.append(f"({', '.join([*cells, *(e.sql for _, e in others)])})")
    return f"VALUES {', '.join(lines)}"


def _with_output(executor: Executor, dml: Dml, table: Table, make: str) -> Iterator[Event]:
    session = executor.session
    outputs = output_list(dml, table, table.physical.removeprefix("temp."), "")
    listed = ", ".join(f"{c.expr.sql}" for c in outputs)
    dml.prepare()
    rows = session.write([table], lambda: session.db.execute(f"{make} RETURNING {listed}", dml.values()).fetchall())
    yield from emit(executor, dml, outputs, rows)
    yield from finish(executor, len(rows), "INSERT")


def _exec_at(cursor: Cursor) -> bool:
    words = [t.upper for t in cursor.tokens[cursor.i : cursor.end]]
    depth = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if depth == 0 and word in ("SELECT", "VALUES", "DEFAULT"):
            return False
        if depth == 0 and word in ("EXEC", "EXECUTE"):
            return True
    return False


def _insert_exec(executor: Executor, statement: st.Query) -> Iterator[Event]:
    """INSERT … EXEC: the first result set's rows go into the table."""
    from standin.engine.parse import _execute_body

    session = executor.session
    c = Cursor(statement.cursor.sql, statement.cursor.tokens, statement.cursor.i, statement.cursor.end)
    c.expect("INSERT")
    c.accept("INTO")
    table_node, names = _target_node(c)
    c.take()
    call = _execute_body(c, statement.line)
    dml = Dml(executor, tree_for_target(), "INSERT")
    table, database = dml.target(table_node)
    targets = targets_of(dml, table, names)
    others = _others(dml, table, database, targets)
    rows: list[tuple[Any, ...]] = []
    converters: list[Callable[[Any], Any] | None] = []
    for event in executor._execute(call):
        if isinstance(event, Columns):
            if len(event.columns) != len(targets):
                raise SqlError(213, "Column name or number of supplied values does not match table definition.")
            converters = [
                _model_converter(c.type, t, dml, table, database) for c, t in zip(event.columns, targets, strict=True)
            ]
        elif isinstance(event, Rows):
            rows += [tuple(f(v) if f else v for f, v in zip(converters, row, strict=True)) for row in event.rows]
        elif isinstance(event, WireRows):
            raise SqlError(40000, "stand-in: unsupported INSERT … EXEC of a change table's rows")
    dml.prepare()
    marks = ", ".join(["?"] * len(targets) + [e.sql for _, e in others])
    sql = _statement(table, targets, others, f"VALUES ({marks})")
    session.write([table], lambda: session.db.executemany(sql, rows))
    yield from finish(executor, len(rows), "INSERT")


def tree_for_target() -> Any:
    from standin.engine.sqlglot_tsql import Tree

    return Tree(exp.Select())


def _target_node(c: Cursor) -> tuple[exp.Table, list[str]]:
    from standin.engine.literal_rows import target_at

    return target_at(c)


def _model_converter(
    source: Any, target: ColumnDef, dml: Dml, table: Table, database: Database
) -> Callable[[Any], Any]:
    convert = converter(source, target.type, column=(dml.full_name(table, database), target.name))

    def one(value: Any) -> Any:
        stored = from_model(source, value)
        return convert(stored) if convert else stored

    return one
