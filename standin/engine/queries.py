"""Runs SELECT, and hands INSERT, UPDATE, DELETE and MERGE to their modules."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from standin.engine import dml, fast_path, permissions
from standin.engine import statements as st
from standin.engine.env import Plan
from standin.engine.errors import undeclared_variable
from standin.engine.parse import parse_batch
from standin.engine.queries_common import SELECT
from standin.engine.select import Compiler, columns_of, is_assignment
from standin.engine.sqlglot_tsql import Tree, parse_query
from standin.engine.storage import row_converter
from standin.model import Column, Columns, Done, Event, Rows

if TYPE_CHECKING:
    from standin.engine.executor import Executor

ROWS_A_CHUNK = 1000


def tree_of(statement: st.Query) -> Tree:
    tree = statement.parsed.get("tree")
    if tree is None:
        c = statement.cursor
        tree = statement.parsed["tree"] = parse_query(type(c)(c.sql, c.tokens, c.i, c.end))
    return tree


class Queries:
    """The part of the executor that runs queries."""

    def translated(self: Executor, error: BaseException, tables: Any = None) -> BaseException:
        if isinstance(error, sqlite3.Error):
            return self.session.connection.translate(error, tables)
        return error

    def query_statement(self: Executor, statement: st.Query) -> Iterator[Event]:
        session = self.session
        if session.options["IMPLICIT_TRANSACTIONS"] and session.transaction is None:
            yield from session.begin_transaction()
        if statement.verb != "SELECT":
            yield from dml.run(self, statement)
            return
        tree = tree_of(statement).root
        if tree.args.get("into") is not None:
            yield from dml.select_into(self, statement, tree)
            return
        if is_assignment(tree):
            yield from self._assign(statement, tree)
            return
        served = fast_path.serve(self, statement, tree)
        yield from served if served is not None else self._select(statement, tree)

    def select_plan(self: Executor, statement: st.Query, tree: exp.Expression) -> Plan:
        """Compiled for the present catalogue; a plan that looks through undo records serves once."""
        dirty = self.session.dirty_tables()
        key = self.plan_key()
        plan = statement.plans.get(key)
        if plan is not None and not (dirty & plan.env.tables):
            return plan
        env = self.env()
        env.dirty = dirty
        sql, columns = Compiler(env).query(tree.copy(), None)
        plan = Plan(sql, columns_of(columns), env)
        if not dirty & env.tables:
            statement.keep(key, plan)
        return plan

    def _select(self: Executor, statement: st.Query, tree: exp.Expression) -> Iterator[Event]:
        session, db = self.session, self.session.db
        db.execute("BEGIN")
        complete = False
        try:
            plan = self.select_plan(statement, tree)
            permissions.check(session, plan.env)
            yield Columns(plan.columns)
            if session.options["FMTONLY"]:
                yield Done(0, SELECT)
                return
            cursor = self.open(plan)
            count = 0
            for rows in self.chunks(cursor, plan.columns):
                count += len(rows)
                yield Rows(rows)
            complete = True
        finally:
            session.end_read(complete)
        session.row_count = count
        yield Done(None if session.options["NOCOUNT"] else count, SELECT)

    def open(self: Executor, plan: Plan) -> sqlite3.Cursor:
        session = self.session
        session.connection.use(plan.env)
        session.refresh_views(plan.env)
        try:
            return session.db.execute(plan.sql, session.values_of(plan, self.batch))
        except (sqlite3.Error, OverflowError) as error:
            raise self.translated(error) from error

    def chunks(self: Executor, cursor: sqlite3.Cursor, columns: list[Column]) -> Iterator[list[tuple[Any, ...]]]:
        convert = row_converter([c.type for c in columns])
        while True:
            try:
                rows = (
                    list(islice(cursor, ROWS_A_CHUNK))
                    if convert is None
                    else list(map(convert, islice(cursor, ROWS_A_CHUNK)))
                )
            except sqlite3.Error as error:
                raise self.translated(error) from error
            if not rows:
                return
            yield rows

    def _assign(self: Executor, statement: st.Query, tree: exp.Expression) -> Iterator[Event]:
        """SELECT @a = …: the last row's values stay."""
        session, db = self.session, self.session.db
        names = [f"@{e.this.name}".lower() for e in tree.expressions]
        for name in names:
            if name not in self.batch.types:
                raise undeclared_variable(name)
        db.execute("BEGIN")
        complete = False
        try:
            plan = self._assignment_plan(statement, tree, names)
            permissions.check(session, plan.env)
            count = 0
            try:
                for row in self.open(plan):
                    count += 1
                    self.batch.values.update(zip(names, row, strict=True))
            except sqlite3.Error as error:
                raise self.translated(error) from error
            complete = True
        finally:
            session.end_read(complete)
        session.row_count = count
        yield Done(None, SELECT)

    def _assignment_plan(self: Executor, statement: st.Query, tree: exp.Expression, names: list[str]) -> Plan:
        dirty = self.session.dirty_tables()
        key = self.plan_key()
        plan = statement.plans.get(key)
        if plan is not None and not dirty & plan.env.tables:
            return plan
        env = self.env()
        env.dirty = dirty
        compiler = Compiler(env)
        bare = tree.copy()
        bare.set("expressions", [e.expression for e in bare.expressions])
        sql, columns = compiler.query(bare, None)
        from standin.engine.env import Expr

        outputs = [
            compiler.coerce(Expr(f"x{i}", c.expr.type, True, null=c.expr.null), self.batch.types[name]).sql
            for i, (c, name) in enumerate(zip(columns, names, strict=True), 1)
        ]
        plan = Plan(f"SELECT {', '.join(outputs)} FROM ({sql})", [], env)
        if not dirty & env.tables:
            statement.keep(key, plan)
        return plan

    def describe(self: Executor, sql: str) -> list[Column]:
        """The columns of the batch's first result set, compiled but not run."""
        for statement in parse_batch(sql):
            if isinstance(statement, st.Declare):
                for name, sql_type, _ in statement.variables:
                    self.batch.declare(name, self.session.db_catalog.resolved(sql_type))
            if isinstance(statement, st.Query) and statement.verb == "SELECT":
                tree = tree_of(statement).root
                if tree.args.get("into") is None and not is_assignment(tree):
                    return self.select_plan(statement, tree).columns
            elif isinstance(statement, st.Query):
                columns = dml.describe(self, statement)
                if columns:
                    return columns
        return []
