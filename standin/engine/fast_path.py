"""Recognises a change reader's query on the parsed tree and serves it from standin.engine.change_cache.

The shape: columns of cdc.<instance>_CT, expressions over its columns, and expressions over cdc.lsn_time_mapping, joined
on start_lsn; bounds on the key (LSN bounds, or one LSN and a place inside it); ORDER BY the clustered key. Anything else
is left to the general path, which gives the same rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from standin.engine import permissions
from standin.engine import statements as st
from standin.engine.aggregates import AGGREGATES
from standin.engine.catalog import Table
from standin.engine.change_cache import Fetch, Key, key_of
from standin.engine.env import Env, Expr, Plan, Scope, Source, SourceColumn
from standin.engine.key_range import Bound, bounds_of, range_of
from standin.engine.queries_common import SELECT
from standin.engine.select import Compiler
from standin.engine.sources import name_parts
from standin.engine.wire_rows import stored_row_encoder
from standin.model import Column, Columns, Done, Event, SqlError, WireRows

if TYPE_CHECKING:
    from standin.engine.executor import Executor

_ORDER = ["__$start_lsn", "__$command_id", "__$seqval", "__$operation"]
_ALLOWED = {"kind", "expressions", "from_", "joins", "where", "order", "options", "operation_modifiers"}


@dataclass(slots=True)
class Shape:
    """The recognised query. `items`: SQLite text over the change table's row, or None where a value of the commit goes.
    `commit`: the plan of those values for one LSN. `row_env`: what the items call. `bounds`: the conditions, whose
    values `bound_plan` computes."""

    table: Table
    columns: list[Column]
    items: list[str | None]
    commit: Plan | None
    row_env: Env
    bounds: list[Bound]
    bound_plan: Plan
    text: str


def serve(executor: Executor, statement: st.Query, tree: exp.Expression) -> Iterator[Event] | None:
    """None when the statement is not of that shape, or its rows cannot be taken from the cache."""
    session = executor.session
    key = ("fast", *executor.plan_key())
    if key not in statement.plans:
        statement.keep(key, _recognise(executor, tree))
    shape: Shape | None = statement.plans[key]
    if shape is None or session.options["FMTONLY"] or not session.change_cache.usable(shape.table.object_id):
        return None
    if shape.table.object_id in session.dirty_tables():
        return None
    found = range_of(shape.bounds, _values(executor, shape.bound_plan))
    return _serve(executor, shape, *found) if found is not None else None


def _values(executor: Executor, plan: Plan) -> tuple[Any, ...]:
    session = executor.session
    session.connection.use(plan.env)
    try:
        return session.db.execute(plan.sql, session.values_of(plan, executor.batch)).fetchone()
    except Exception as error:
        raise executor.translated(error) from error


def _serve(executor: Executor, shape: Shape, low: Key, high: Key) -> Iterator[Event]:
    session = executor.session
    permissions.check(session, shape.bound_plan.env)
    session.connection.use(shape.row_env)
    yield Columns(shape.columns)
    varying = ()
    if shape.commit is not None:
        values = session.values_of(shape.commit, executor.batch)
        session.connection.use(shape.commit.env)
        varying = tuple(sorted(values.items()))
    else:
        values = {}
    count = 0
    if low < high:
        projection = session.change_cache.projection(shape.table.object_id, (shape.text, varying), low)
        pieces = projection.read(low, high, _fetcher(executor, shape, values, high))
        while (piece := _next(executor, pieces)) is not None:
            count += piece[1]
            yield WireRows(*piece)
            if session.cancelled:
                return
    session.row_count = count
    yield Done(None if session.options["NOCOUNT"] else count, SELECT)


def _next(
    executor: Executor, pieces: Iterator[tuple[bytes | memoryview, int]]
) -> tuple[bytes | memoryview, int] | None:
    """The next piece of rows; an expression's error is SQL Server's."""
    try:
        return next(pieces, None)
    except sqlite3.Error as error:
        raise executor.translated(error) from error


def _fetcher(executor: Executor, shape: Shape, values: dict[str, Any], high: Key) -> Fetch:
    """Reads rows from SQLite and encodes them."""
    db, table = executor.session.db, shape.table
    encode = stored_row_encoder([c.type for c in shape.columns])
    command = table.column("__$command_id").physical
    listed = ", ".join(item or "NULL" for item in shape.items)
    # Three seeks, because a row value comparison alone would walk through a long transaction from its start.
    head = f"SELECT c1, {command}, c3, c4, {listed} FROM {table.physical} WHERE"
    tail = f"ORDER BY c1, {command}, c3, c4 LIMIT ?"
    same_command = f"{head} c1 = ? AND {command} = ? AND (c3, c4) > (?, ?) {tail}"
    later_command = f"{head} c1 = ? AND {command} > ? {tail}"
    later_lsn = f"{head} c1 > ? AND c1 <= ? {tail}"
    holes = [i for i, item in enumerate(shape.items) if item is None]
    commits: dict[bytes, tuple[Any, ...]] = {}

    def commit_values(lsn: bytes) -> tuple[Any, ...]:
        found = commits.get(lsn)
        if found is None:
            assert shape.commit is not None
            found = commits[lsn] = db.execute(shape.commit.sql, {**values, "commit_lsn": lsn}).fetchone()
        return found

    def filled(row: tuple[Any, ...]) -> list[Any]:
        cells = list(row[4:])
        for hole, value in zip(holes, commit_values(row[0]), strict=True):
            cells[hole] = value
        return cells

    def fetch(after: Key, limit: int) -> list[tuple[Key, bytes]]:
        lsn, number = after[:10], int.from_bytes(after[10:14], "big")
        rows = db.execute(
            same_command, (lsn, number, after[14:24], int.from_bytes(after[24:], "big"), limit)
        ).fetchall()
        if len(rows) < limit:
            rows += db.execute(later_command, (lsn, number, limit - len(rows))).fetchall()
        if len(rows) < limit:
            rows += db.execute(later_lsn, (lsn, high[:10], limit - len(rows))).fetchall()
        if holes:
            return [(key_of(r[0], r[1], r[2], r[3]), encode(filled(r))) for r in rows]
        return [(key_of(r[0], r[1], r[2], r[3]), encode(r[4:])) for r in rows]

    return fetch


# Recognition


def _recognise(executor: Executor, tree: exp.Expression) -> Shape | None:
    if not isinstance(tree, exp.Select) or any(v for k, v in tree.args.items() if k not in _ALLOWED):
        return None
    try:
        return _shape(executor, tree)
    except SqlError:
        return None  # the general path gives the error


def _shape(executor: Executor, tree: exp.Select) -> Shape | None:
    sources = _sources(executor, tree)
    if sources is None:
        return None
    table, alias, mapping_alias, env_compiler = sources
    if not _in_key_order(tree, alias) or tree.args.get("where") is None:
        return None
    selected = _select_list(executor, tree, table, alias, mapping_alias, env_compiler)
    bounds = bounds_of(tree.args["where"].this, alias)
    if selected is None or bounds is None:
        return None
    columns, items, commit, row_env = selected
    plan = _bound_plan(executor, table, bounds)
    return Shape(table, columns, items, commit, row_env, bounds, plan, ", ".join(e.sql() for e in tree.expressions))


def _sources(executor: Executor, tree: exp.Select) -> tuple[Table, str, str, Compiler] | None:
    origin, joins = tree.args.get("from_"), tree.args.get("joins") or []
    if origin is None or not _is_plain_table(origin.this) or len(joins) > 1:
        return None
    compiler = Compiler(executor.env())
    table, database = compiler.find_table(origin.this)
    if not table.change_table or table.find("__$command_id") is None:
        return None
    compiler.env.rights.append(("SELECT", database, table.schema, table.name, table.object_id))
    alias, mapping_alias = origin.this.alias or table.name, ""
    if joins:
        join = joins[0]
        if (join.args.get("side") or "").upper() != "LEFT" or not _is_plain_table(join.this):
            return None
        mapping, _ = compiler.find_table(join.this)
        if mapping is not database.table("cdc", "lsn_time_mapping"):
            return None
        mapping_alias = join.this.alias or mapping.name
        if not _joins_on_lsn(join.args.get("on"), alias, mapping_alias):
            return None
        name = compiler.env.unique("s")
        exposed = [SourceColumn(c.name, Expr(f"{name}.{c.physical}", c.type)) for c in mapping.columns]
        compiler.mapping = Source(mapping_alias, f"{mapping.physical} AS {name} ON {name}.c1 = :commit_lsn", exposed)
        compiler.env.rights.append(("SELECT", database, mapping.schema, mapping.name, mapping.object_id))
    return table, alias, mapping_alias, compiler


def _is_plain_table(node: exp.Expression) -> bool:
    plain = isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier) and not node.args.get("joins")
    return plain and name_parts(node)[1].lower() == "cdc"


def _column_name(node: exp.Expression, alias: str) -> str | None:
    """The lower-case name of a column of the alias."""
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier) and node.table.lower() == alias.lower():
        return node.name.lower()
    return None


def _joins_on_lsn(on: exp.Expression | None, alias: str, mapping_alias: str) -> bool:
    if not isinstance(on, exp.EQ):
        return False
    sides = [(on.this, on.expression), (on.expression, on.this)]
    return any(_column_name(a, mapping_alias) == "start_lsn" and _column_name(b, alias) == _ORDER[0] for a, b in sides)


def _in_key_order(tree: exp.Select, alias: str) -> bool:
    order = tree.args.get("order")
    if order is None or any(o.args.get("desc") for o in order.expressions):
        return False
    return [_column_name(o.this, alias) for o in order.expressions] == _ORDER


def _select_list(
    executor: Executor, tree: exp.Select, table: Table, alias: str, mapping_alias: str, compiler: Compiler
) -> tuple[list[Column], list[str | None], Plan | None, Env] | None:
    columns: list[Column] = []
    items: list[str | None] = []
    commit: list[Expr] = []
    scope = Scope([compiler.mapping] if mapping_alias else [])
    of_row = Compiler(executor.env())
    exposed = [SourceColumn(c.name, Expr(c.physical, c.type, c.nullable)) for c in table.columns]
    row_scope = Scope([Source(alias, "", exposed)])
    for node in tree.expressions:
        inner = node.this if isinstance(node, exp.Alias) else node
        name = node.alias if isinstance(node, exp.Alias) else inner.name if isinstance(inner, exp.Column) else ""
        if _reads_only(inner, alias):
            e = of_row.scalar(inner, row_scope)
            items.append(e.sql)
        elif mapping_alias and _reads_only(inner, mapping_alias):
            e = compiler.scalar(inner, scope)
            items.append(None)
            commit.append(e)
        else:
            return None
        columns.append(Column(name, e.type, e.nullable or items[-1] is None))
    if _varies(of_row.env):
        return None
    if not commit:
        return columns, items, None, of_row.env
    sql = f"SELECT {', '.join(e.sql for e in commit)} FROM (SELECT 1) LEFT JOIN {compiler.mapping.sql}"
    return columns, items, Plan(sql, [], compiler.env), of_row.env


def _reads_only(node: exp.Expression, alias: str) -> bool:
    """Whether this is a scalar of one row that takes its columns, if any, from the alias alone."""
    if node.find(exp.Query, exp.Window) or any(f.name.upper() in AGGREGATES for f in node.find_all(exp.Anonymous)):
        return False
    return all(_column_name(c, alias) is not None for c in node.find_all(exp.Column) if not _is_part(c))


def _varies(env: Env) -> bool:
    """Whether the same row may give another value in another session or at another time."""
    functions_vary = any(not deterministic for _, _, deterministic in env.functions.values())
    return bool(functions_vary or env.providers or env.used_variables or env.views)


def _is_part(node: exp.Column) -> bool:
    """A date part (DATEADD(minute, …)) is parsed as a column."""
    parent = node.parent
    return (
        isinstance(parent, exp.Anonymous) and parent.expressions[0] is node and parent.name.upper().startswith("DATE")
    )


def _bound_plan(executor: Executor, table: Table, bounds: list[Bound]) -> Plan:
    """One row with the value of every bound, in the type of the column it bounds."""
    compiler = Compiler(executor.env())
    values = [compiler.coerce(compiler.scalar(b.value, None), table.column(b.column).type, True).sql for b in bounds]
    database = executor.session.engine.database_of(table)
    compiler.env.rights.append(("SELECT", database, table.schema, table.name, table.object_id))
    mapping = database.require("cdc", "lsn_time_mapping")
    compiler.env.rights.append(("SELECT", database, mapping.schema, mapping.name, mapping.object_id))
    return Plan(f"SELECT {', '.join(values)}", [], compiler.env)
