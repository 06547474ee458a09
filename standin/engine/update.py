"""UPDATE. The new values are selected into a temporary table first; then rows change.

A row whose unique or clustering key changes becomes a delete and an insert, as SQL Server's deferred updates do in
the log (facts: __$operation 1 and 2 with one LSN; for a single row one __$seqval and two __$command_ids)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from standin.engine import statements as st
from standin.engine.catalog import ColumnDef, Table
from standin.engine.delete import chosen_rows, right_of
from standin.engine.dml import Dml, emit, finish, output_list, with_clause
from standin.engine.env import Expr, Scope, SourceColumn
from standin.engine.errors import unsupported
from standin.engine.queries import tree_of
from standin.model import Event, SqlError

if TYPE_CHECKING:
    from standin.engine.executor import Executor


def run(executor: Executor, statement: st.Query) -> Iterator[Event]:
    tree = tree_of(statement)
    root = tree.root.copy()
    dml = Dml(executor, type(tree)(root, tree.top), "UPDATE")
    prefix = with_clause(dml)
    origin = root.args.get("from_")
    node = origin.this if origin is not None else root.this
    source, text, scope = chosen_rows(dml, node, [root.this] if origin is not None else [])
    table = source.table or dml.base_table
    if table is None or not source.row_id:
        raise unsupported("UPDATE of anything but a table", statement.text)
    dml.env.rights.append(("UPDATE", *right_of(dml, table)))
    dml.note_target(table)
    sets = _assignments(dml, root.expressions, table, scope)
    where = root.args.get("where")
    condition = f" WHERE {dml.compiler.condition(where.this, scope)}" if where is not None else ""
    values = ", ".join(f"{e.sql} AS n{c.column_id}" for c, e in sets)
    chosen = f"{prefix}SELECT {source.row_id} AS rid, {values} FROM {text}{condition}{dml.top()}"
    changed = Changed(dml, table, [c for c, _ in sets], chosen)
    outputs = output_list(dml, table, "n", "o")
    dml.prepare()
    count, rows = executor.session.write([table], lambda: changed.apply(outputs), "UPDATE")
    yield from emit(executor, dml, outputs, rows)
    yield from finish(executor, count, "UPDATE")


def _assignments(dml: Dml, nodes: list[exp.Expression], table: Table, scope: Scope) -> list[tuple[ColumnDef, Expr]]:
    database = right_of(dml, table)[0]
    sets: list[tuple[ColumnDef, Expr]] = []
    for node in nodes:
        if not isinstance(node, exp.EQ) or not isinstance(node.this, exp.Column):
            raise unsupported("assignment in UPDATE", node.sql(dialect="tsql"))
        column = table.column(node.this.name)
        if column.computed is not None:
            raise SqlError(
                271,
                f'The column "{column.name}" cannot be modified because it is either a computed column or is the result of a UNION operator.',
            )
        if column.identity is not None:
            raise SqlError(8102, f"Cannot update identity column '{column.name}'.")
        if column.type.name == "rowversion":
            raise SqlError(272, "Cannot update a timestamp column.")
        is_default = (
            isinstance(node.expression, exp.Column)
            and node.expression.name.upper() == "DEFAULT"
            and not node.expression.table
        )
        e = dml.default(column, table, database) if is_default else dml.compiler.scalar(node.expression, scope)
        sets.append((column, e if is_default else dml.coerced(e, column, table, database)))
    sets += [(c, Expr("rowver()", c.type)) for c in table.columns if c.type.name == "rowversion"]
    return sets


class Changed:
    """New values by row, and how they get into the table."""

    def __init__(self, dml: Dml, table: Table, columns: list[ColumnDef], chosen: str) -> None:
        self.dml, self.table, self.columns, self.chosen = dml, table, columns, chosen
        self.session, self.db = dml.session, dml.session.db
        keys = table.key_columns()
        self.key_columns = [c for c in columns if c.name.lower() in keys]

    def apply(self, outputs: list[SourceColumn]) -> tuple[int, list[tuple[Any, ...]]]:
        """(rows changed, OUTPUT's rows). Runs inside the statement's SQLite transaction."""
        values = self.dml.values()
        if not outputs and not self.key_columns:
            count = self.db.execute(self._update(f"({self.chosen})"), values).rowcount
            return count, []
        stage = "temp.stage"
        self.db.execute(f"DROP TABLE IF EXISTS {stage}")
        self.db.execute(f"CREATE TEMP TABLE stage AS {self.chosen}", values)
        # A row that joins several source rows is updated once, by any of them.
        self.db.execute(f"DELETE FROM {stage} WHERE rowid NOT IN (SELECT min(rowid) FROM {stage} GROUP BY rid)")
        rows = self._before_images(outputs, values, stage)
        count = self.db.execute(f"SELECT count(*) FROM {stage}").fetchone()[0]
        moved = self._moved(stage) if self.key_columns else 0
        self.db.execute(self._update(stage + (" WHERE NOT mv" if moved else ""), alias=bool(moved)), values)
        if moved:
            self._move(stage, moved)
        self.db.execute(f"DROP TABLE {stage}")
        return count, rows

    def _update(self, source: str, alias: bool = False) -> str:
        t = self.table.physical
        sets = ", ".join(f"{c.physical} = s.n{c.column_id}" for c in self.columns)
        origin = f"(SELECT * FROM {source})" if alias else source
        return f"UPDATE {t} SET {sets} FROM {origin} AS s WHERE {t.removeprefix('temp.')}.rid = s.rid"

    def _before_images(self, outputs: list[SourceColumn], values: dict[str, Any], stage: str) -> list[tuple[Any, ...]]:
        """OUTPUT is computed from the old rows and the staged values, before anything changes."""
        if not outputs:
            return []
        changed = {c.physical for c in self.columns}
        new = ", ".join(
            f"s.n{c.column_id} AS {c.physical}" if c.physical in changed else f"t.{c.physical} AS {c.physical}"
            for c in self.table.stored
        )
        old = f"{self.table.physical} AS o"
        inner = f"(SELECT t.rid AS rid, {new} FROM {stage} AS s JOIN {self.table.physical} AS t ON t.rid = s.rid) AS n"
        listed = ", ".join(c.expr.sql for c in outputs)
        return self.db.execute(f"SELECT {listed} FROM {inner} JOIN {old} ON o.rid = n.rid", values).fetchall()

    def _moved(self, stage: str) -> int:
        """Marks (mv) the rows whose key really changes; how many they are."""
        test = " OR ".join(f"o.{c.physical} COLLATE BINARY IS NOT stage.n{c.column_id}" for c in self.key_columns)
        self.db.execute(f"ALTER TABLE {stage} ADD COLUMN mv DEFAULT 0")
        t = self.table.physical
        self.db.execute(
            f"UPDATE {stage} SET mv = 1 WHERE EXISTS (SELECT 1 FROM {t} AS o WHERE o.rid = stage.rid AND ({test}))"
        )
        return self.db.execute(f"SELECT count(*) FROM {stage} WHERE mv").fetchone()[0]

    def _move(self, stage: str, moved: int) -> None:
        """Delete all moved rows, then insert them anew: unique keys are checked when the statement is done."""
        t, session = self.table.physical, self.session
        changed = {c.physical for c in self.columns}
        names = [c.physical for c in self.table.stored]
        new = ", ".join(f"s.n{n[1:]}" if n in changed else f"t.{n}" for n in names)
        self.db.execute("DROP TABLE IF EXISTS temp.moved")
        self.db.execute(
            f"CREATE TEMP TABLE moved AS SELECT {', '.join(f'{e} AS {n}' for e, n in zip(new.split(', '), names, strict=True))} "
            f"FROM {stage} AS s JOIN {t} AS t ON t.rid = s.rid WHERE s.mv ORDER BY t.rid"
        )
        if moved == 1:
            session.fixed_sequence = session.engine.log.next()
        self.db.execute(f"DELETE FROM {t} WHERE rid IN (SELECT rid FROM {stage} WHERE mv)")
        session.command_id += 1
        self.db.execute(
            f"INSERT INTO {t} ({', '.join(names)}) SELECT {', '.join(names)} FROM temp.moved ORDER BY rowid"
        )
        session.fixed_sequence = 0
        self.db.execute("DROP TABLE temp.moved")
