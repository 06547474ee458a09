"""MERGE: every target and source row meets once, a clause is chosen for each, then rows are deleted, updated, inserted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from standin.engine import statements as st
from standin.engine.catalog import ColumnDef, Database, Table
from standin.engine.dml import Dml, emit, finish, output_list, with_clause
from standin.engine.env import Expr, Scope, SourceColumn
from standin.engine.errors import unsupported
from standin.engine.insert import targets_of
from standin.engine.queries import tree_of
from standin.engine.update import Changed
from standin.model import Event, SqlError

if TYPE_CHECKING:
    from standin.engine.executor import Executor


class Clause:
    """One WHEN: its number, kind (UPDATE, DELETE, INSERT), the test that chooses it and the values it gives."""

    def __init__(self, number: int, kind: str, test: str, values: list[tuple[ColumnDef, Expr]]) -> None:
        self.number, self.kind, self.test, self.values = number, kind, test, values


def run(executor: Executor, statement: st.Query) -> Iterator[Event]:
    tree = tree_of(statement)
    root = tree.root.copy()
    merge = Merge(Dml(executor, type(tree)(root, tree.top), "MERGE"), root)
    outputs = output_list(merge.dml, merge.table, "n", "o")
    merge.dml.prepare()
    count, rows = executor.session.write([merge.table], lambda: merge.apply(outputs), "MERGE")
    yield from emit(executor, merge.dml, outputs, rows)
    yield from finish(executor, count, "MERGE")


class Merge:
    """The statement compiled: `chosen` selects (rid, clause, values …) for every row that a clause takes."""

    def __init__(self, dml: Dml, root: exp.Expression) -> None:
        self.dml, self.session, self.db = dml, dml.session, dml.session.db
        prefix = with_clause(dml)
        scope = Scope([])
        target_sql = dml.compiler.source(root.this, scope)
        target = scope.sources[0]
        if target.table is None:
            raise unsupported("MERGE into anything but a table", root.sql(dialect="tsql"))
        self.table: Table = target.table
        self.database: Database = dml.session.engine.database_by_id(self.table.database_id)
        dml.note_target(self.table)
        source_sql = dml.compiler.source(root.args["using"], scope)
        condition = dml.compiler.condition(root.args["on"], scope)
        self._require_rights(root)
        present = f"({target.row_id} IS NOT NULL)"
        marked, inner = self._marked(source_sql, scope)
        self.clauses = [
            self._clause(n, when, scope, present, inner) for n, when in enumerate(root.args["whens"].expressions, 1)
        ]
        self.columns = self._written()
        picks = " ".join(f"WHEN {c.test} THEN {c.number}" for c in self.clauses)
        cells = ", ".join(self._cell(column, target.row_id) for column in self.columns)
        self.chosen = (
            f"{prefix}SELECT {target.row_id} AS rid, CASE {picks} END AS clause{', ' + cells if cells else ''} "
            f"FROM {target_sql} FULL JOIN {marked} ON {condition}"
        )

    def _marked(self, source_sql: str, scope: Scope) -> tuple[str, str]:
        """The source with a column that says whether there is a source row, since all others may be NULL."""
        body, _, alias = source_sql.rpartition(" AS ")
        for source in scope.sources[1:]:
            if source.table is not None:
                return source_sql, f"({source.row_id} IS NOT NULL)"
        return f"(SELECT *, 1 AS src FROM {body}) AS {alias}", f"({alias}.src IS NOT NULL)"

    def _require_rights(self, root: exp.Expression) -> None:
        wanted = {"SELECT"} | {_kind(when) for when in root.args["whens"].expressions}
        for permission in wanted:
            self.dml.env.rights.append(
                (permission, self.database, self.table.schema, self.table.name, self.table.object_id)
            )

    def _clause(self, number: int, when: exp.Expression, scope: Scope, present: str, inner: str) -> Clause:
        matched, by_source = when.args.get("matched"), when.args.get("source")
        if matched:
            test = f"({present} AND {inner})"
        elif by_source:
            test = f"({present} AND NOT {inner})"
        else:
            test = f"(NOT {present} AND {inner})"
        extra = when.args.get("condition")
        if extra is not None:
            test = f"({test} AND {self.dml.compiler.condition(extra, scope)})"
        kind, then = _kind(when), when.args["then"]
        if kind == "UPDATE":
            values = self._updates(then, scope)
        elif kind == "INSERT":
            values = self._inserts(then, scope)
        else:
            values = []
        return Clause(number, kind, test, values)

    def _updates(self, then: exp.Expression, scope: Scope) -> list[tuple[ColumnDef, Expr]]:
        values = []
        for node in then.expressions:
            column = self.table.column(node.this.name)
            if column.identity is not None or column.computed is not None:
                raise SqlError(8102, f"Cannot update identity column '{column.name}'.")
            values.append(
                (
                    column,
                    self.dml.coerced(
                        self.dml.compiler.scalar(node.expression, scope), column, self.table, self.database
                    ),
                )
            )
        values += [(c, Expr("rowver()", c.type)) for c in self.table.columns if c.type.name == "rowversion"]
        return values

    def _inserts(self, then: exp.Expression, scope: Scope) -> list[tuple[ColumnDef, Expr]]:
        names = [e.name for e in then.this.expressions] if then.this is not None else []
        targets = targets_of(self.dml, self.table, names)
        items = then.expression.expressions if isinstance(then.expression, exp.Tuple) else [then.expression]
        if len(items) == 1 and isinstance(items[0], exp.Paren):
            items = [items[0].this]
        if len(items) != len(targets):
            raise SqlError(213, "Column name or number of supplied values does not match table definition.")
        values = []
        for item, column in zip(items, targets, strict=True):
            is_default = isinstance(item, exp.Var) and item.name.upper() == "DEFAULT"
            e = (
                self.dml.default(column, self.table, self.database)
                if is_default
                else self.dml.compiler.scalar(item, scope)
            )
            values.append((column, e if is_default else self.dml.coerced(e, column, self.table, self.database)))
        rest = [c for c in self.table.stored if c not in targets]
        return values + [(c, self.dml.default(c, self.table, self.database)) for c in rest]

    def _written(self) -> list[ColumnDef]:
        ids = {c.column_id for clause in self.clauses for c, _ in clause.values}
        return [c for c in self.table.stored if c.column_id in ids]

    def _cell(self, column: ColumnDef, row_id: str) -> str:
        """A column's new value by clause; what an UPDATE does not name stays."""
        old = f"{row_id.removesuffix('.rid')}.{column.physical}"
        # The first clause that takes a row is the one that counts, so all tests stand here, in order.
        tests = " ".join(
            f"WHEN {clause.test} THEN {next((e.sql for c, e in clause.values if c is column), old)}"
            for clause in self.clauses
        )
        return f"CASE {tests} ELSE {old} END AS n{column.column_id}"

    def apply(self, outputs: list[SourceColumn]) -> tuple[int, list[tuple[Any, ...]]]:
        db, values = self.db, self.dml.values()
        db.execute("DROP TABLE IF EXISTS temp.merged")
        db.execute(
            f"CREATE TEMP TABLE merged AS SELECT * FROM ({self.chosen}) WHERE clause IS NOT NULL{self.dml.top()}",
            values,
        )
        if db.execute(
            "SELECT 1 FROM temp.merged WHERE rid IS NOT NULL GROUP BY rid HAVING count(*) > 1 LIMIT 1"
        ).fetchone():
            raise SqlError(
                8672,
                "The MERGE statement attempted to UPDATE or DELETE the same row more than once. This happens when a target row matches more "
                "than one source row. A MERGE statement cannot UPDATE/DELETE the same row of the target table multiple times. Refine the ON "
                "clause to ensure a target row matches at most one source row, or use the GROUP BY clause to group the source rows.",
            )
        rows = self._outputs(outputs, values)
        count = db.execute("SELECT count(*) FROM temp.merged").fetchone()[0]
        for kind in ("DELETE", "UPDATE", "INSERT"):
            for clause in self.clauses:
                if clause.kind == kind:
                    self._run_clause(clause)
        db.execute("DROP TABLE temp.merged")
        return count, rows

    def _run_clause(self, clause: Clause) -> None:
        t = self.table.physical
        if clause.kind == "DELETE":
            self.db.execute(
                f"DELETE FROM {t} WHERE rid IN (SELECT rid FROM temp.merged WHERE clause = {clause.number})"
            )
            return
        names = [c for c, _ in clause.values]
        if clause.kind == "UPDATE":
            cells = ", ".join(f"n{c.column_id}" for c in names)
            chosen = f"SELECT rid, {cells} FROM temp.merged WHERE clause = {clause.number}"
            Changed(self.dml, self.table, names, chosen).apply([])
            return
        listed, cells = ", ".join(c.physical for c in names), ", ".join(f"n{c.column_id}" for c in names)
        self.db.execute(
            f"INSERT INTO {t} ({listed}) SELECT {cells} FROM temp.merged WHERE clause = {clause.number} ORDER BY rowid"
        )

    def _outputs(self, outputs: list[SourceColumn], values: dict[str, Any]) -> list[tuple[Any, ...]]:
        if not outputs:
            return []
        kinds = " ".join(f"WHEN {c.number} THEN '{c.kind}'" for c in self.clauses)
        deleted = ", ".join(str(c.number) for c in self.clauses if c.kind == "DELETE") or "0"
        written = {c.physical: f"m.n{c.column_id}" for c in self.columns}
        new = ", ".join(
            f"CASE WHEN m.clause NOT IN ({deleted}) THEN {written.get(c.physical, f't.{c.physical}')} END AS {c.physical}"
            for c in self.table.stored
        )
        t = self.table.physical
        inner = f"(SELECT m.rid AS rid, CASE m.clause {kinds} END AS act, {new} FROM temp.merged AS m LEFT JOIN {t} AS t ON t.rid = m.rid) AS n"
        listed = ", ".join(c.expr.sql for c in outputs)
        return self.db.execute(f"SELECT {listed} FROM {inner} LEFT JOIN {t} AS o ON o.rid = n.rid", values).fetchall()


def _kind(when: exp.Expression) -> str:
    then = when.args["then"]
    if isinstance(then, exp.Update):
        return "UPDATE"
    if isinstance(then, exp.Insert):
        return "INSERT"
    return "DELETE"
