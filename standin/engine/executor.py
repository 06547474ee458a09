"""Runs the statements of a batch: control of flow, variables, transactions, procedures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from standin.engine import definitions, permissions, settings
from standin.engine import statements as st
from standin.engine.conversion import converter
from standin.engine.env import Env, Expr, Plan
from standin.engine.errors import BATCH_ABORTING, BATCH_ABORTING_AND_ROLLING_BACK, undeclared_variable, unsupported
from standin.engine.parse import parse_batch
from standin.engine.queries import Queries
from standin.engine.raising import Raising
from standin.engine.select import Compiler
from standin.engine.sqlglot_tsql import parse_expression
from standin.engine.types import INT
from standin.model import Column, DatabaseChanged, Done, Event, Info, ReturnStatus, ReturnValue, SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

_DEPTH_MAX = 32


class Leave(Exception):
    """BREAK, CONTINUE or RETURN on its way out."""

    def __init__(self, action: str, value: int = 0) -> None:
        super().__init__(action)
        self.action, self.value = action, value


@dataclass
class Batch:
    """A batch's variables: T-SQL name in lower case → type and stored value."""

    types: dict[str, SqlType] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def declare(self, name: str, sql_type: SqlType, value: Any = None) -> None:
        self.types[name], self.values[name] = sql_type, value

    def value(self, name: str) -> Any:
        return self.values[name]

    def signature(self) -> tuple[tuple[str, SqlType], ...]:
        return tuple(self.types.items())


class Executor(Queries, Raising):
    """One batch or procedure call on a session."""

    def __init__(self, session: EngineSession, batch: Batch, caller: Executor | None = None) -> None:
        """`caller`: whose EXEC runs this; its TRY blocks catch what fails here."""
        self.session, self.batch = session, batch
        self.depth = caller.depth + 1 if caller else 0
        self.tries = caller.tries if caller else 0

    def run_text(self, sql: str) -> Iterator[Event]:
        if self.depth > _DEPTH_MAX:
            raise SqlError(
                217, "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32)."
            )
        try:
            yield from self.run(parse_batch(sql))
        except Leave as leave:
            if leave.action != "RETURN":
                raise SqlError(
                    135, f"Cannot use a {leave.action} statement outside the scope of a WHILE statement.", 15
                ) from None

    def run(self, body: Any) -> Iterator[Event]:
        for statement in body:
            yield from self.statement(statement)

    def statement(self, statement: st.Statement) -> Iterator[Event]:
        session = self.session
        session.start_statement()
        try:
            if isinstance(statement, st.Query | st.Execute | st.Definition | st.Transaction):
                session.engine.injected(statement.text)
                session.engine.hooks.run("before", statement.text, session)
                yield from self._dispatch(statement)
                session.engine.hooks.run("after", statement.text, session)
            else:
                yield from self._dispatch(statement)
            if not isinstance(statement, st.If | st.While | st.Try | st.Block | st.Raise):
                session.last_error = 0
        except SqlError as error:
            error.line = error.line if error.line > 1 else statement.line
            session.last_error = error.number
            session.row_count = 0
            yield from self._failed(error, statement)

    def _failed(self, error: SqlError, statement: st.Statement) -> Iterator[Event]:
        """An error ends its statement, or its batch; some end the transaction too (Microsoft Learn, XACT_ABORT)."""
        session = self.session
        control = isinstance(statement, st.If | st.While | st.Try | st.Block)
        aborting = error.number in BATCH_ABORTING_AND_ROLLING_BACK or (
            session.options["XACT_ABORT"] and error.severity > 10
        )
        if self.tries and error.number not in (40000,):
            if aborting and session.transaction is not None:
                session.transaction.doomed = error.number != 1205
                if error.number == 1205:
                    yield from session.abort_transaction()
            raise error
        if aborting and session.transaction is not None:
            yield from session.abort_transaction()
        if (
            control
            or aborting
            or error.number in BATCH_ABORTING
            or error.severity >= 20
            or getattr(error, "thrown", False)
        ):
            raise error
        yield error
        yield Done(None, 0)

    def _dispatch(self, statement: st.Statement) -> Iterator[Event]:
        handler = _HANDLERS.get(type(statement))
        if handler is None:
            raise unsupported(f"statement {type(statement).__name__}", statement.text)
        return handler(self, statement)

    # Values

    def env(self) -> Env:
        return Env(self.session, self.session.db_catalog, self.batch.types)

    def plan_key(self, *extra: Any) -> tuple[Any, ...]:
        session = self.session
        return (
            session.engine.number,
            session.db_catalog.database_id,
            session.engine.catalog_version,
            self.batch.signature(),
            session.temp_signature,
            *extra,
        )

    def scalar_plan(
        self, statement: st.Statement, text: str, make: Callable[[Compiler, Any], Expr], target: Any = None
    ) -> Plan:
        """A plan for one value; cached with the statement."""
        key = self.plan_key(text, target)
        plan = statement.plans.get(key)
        if plan is None:
            env = self.env()
            env.dirty = self.session.dirty_tables()
            e = make(Compiler(env), parse_expression(text))
            plan = Plan(f"SELECT {e.sql}", [Column("", e.type)], env)
            if not env.dirty:
                statement.keep(key, plan)
        return plan

    def evaluate_plan(self, plan: Plan) -> Any:
        session = self.session
        permissions.check(session, plan.env)
        session.connection.use(plan.env)
        session.refresh_views(plan.env)
        try:
            return session.db.execute(plan.sql, session.values_of(plan, self.batch)).fetchone()[0]
        except Exception as error:
            raise self.translated(error) from error

    def value(self, statement: st.Statement, text: str, target: SqlType | None = None) -> tuple[SqlType, Any]:
        """An expression's value, as `target` or in its own type."""

        def make(compiler: Compiler, node: Any) -> Expr:
            e = compiler.scalar(node, None)
            return compiler.coerce(e, target) if target is not None else e

        plan = self.scalar_plan(statement, text, make, target)
        return plan.columns[0].type, self.evaluate_plan(plan)

    def truth(self, statement: st.Statement, text: str) -> bool:
        def make(compiler: Compiler, node: Any) -> Expr:
            return Expr(f"({compiler.condition(node, None)})", INT)

        return bool(self.evaluate_plan(self.scalar_plan(statement, text, make)))

    # Control of flow

    def _block(self, statement: st.Block) -> Iterator[Event]:
        yield from self.run(statement.body)

    def _if(self, statement: st.If) -> Iterator[Event]:
        if self.truth(statement, statement.condition):
            yield from self.statement(statement.then)
        elif statement.otherwise is not None:
            yield from self.statement(statement.otherwise)

    def _while(self, statement: st.While) -> Iterator[Event]:
        while self.truth(statement, statement.condition):
            if self.session.cancelled:
                return
            try:
                yield from self.statement(statement.body)
            except Leave as leave:
                if leave.action == "RETURN":
                    raise
                if leave.action == "BREAK":
                    break

    def _try(self, statement: st.Try) -> Iterator[Event]:
        session = self.session
        self.tries += 1
        try:
            yield from self.run(statement.body)
            return
        except SqlError as error:
            if error.number == 40000 or error.severity >= 20:
                raise
            caught = error
        finally:
            self.tries -= 1
        session.errors.append(caught)
        try:
            yield from self.run(statement.handler)
        finally:
            session.errors.pop()

    def _declare(self, statement: st.Declare) -> Iterator[Event]:
        for name, declared, initial in statement.variables:
            sql_type = self.session.db_catalog.resolved(declared)
            self.batch.declare(name, sql_type)
            if initial is not None:
                self.batch.values[name] = self.value(statement, initial, sql_type)[1]
        return iter(())

    def _declare_table(self, statement: st.DeclareTable) -> Iterator[Event]:
        definitions.declare_table(self.session, statement.name, statement.cursor)
        return iter(())

    def _set_variable(self, statement: st.SetVariable) -> Iterator[Event]:
        sql_type = self.batch.types.get(statement.name)
        if sql_type is None:
            raise undeclared_variable(statement.name)
        self.batch.values[statement.name] = self.value(statement, statement.expression, sql_type)[1]
        self.session.row_count = 1
        return iter(())

    def _set_option(self, statement: st.SetOption) -> Iterator[Event]:
        settings.apply(self.session, statement)
        yield Done(None, 0)

    def _wait_for(self, statement: st.WaitFor) -> Iterator[Event]:
        _, ticks = self.value(statement, statement.expression, SqlType("time", scale=7))
        deadline = time.monotonic() + ticks / 10_000_000
        while (left := deadline - time.monotonic()) > 0 and not self.session.cancelled:
            with self.session.engine.ended:
                self.session.engine.ended.wait(min(left, 0.25))
        yield Done(None, 0)

    def _use(self, statement: st.Use) -> Iterator[Event]:
        session = self.session
        if not session.engine.version.has("other databases") and statement.database.lower() != session.database.lower():
            raise SqlError(
                40508,
                "USE statement is not supported to switch between databases. Use a new connection to connect to a "
                "different database.",
            )
        database = session.enter_database(statement.database)
        old, session.db_catalog = session.db_catalog.name, database
        yield DatabaseChanged(old, database.name)
        yield Info(5701, f"Changed database context to '{database.name}'.", 0, 2)
        yield Done(None, 0)

    def _transaction(self, statement: st.Transaction) -> Iterator[Event]:
        session, name = self.session, statement.name
        if name.startswith("@"):
            name = str(self.batch.values.get(name.lower(), ""))
        if statement.action == "BEGIN":
            yield from session.begin_transaction(name)
        elif statement.action == "COMMIT":
            yield from session.commit_transaction()
        elif statement.action == "ROLLBACK":
            yield from session.rollback_transaction(name)
        else:
            session.save_transaction(name)
        yield Done(None, 0)

    def _return(self, statement: st.Return) -> Iterator[Event]:
        value = 0 if statement.expression is None else self.value(statement, statement.expression, INT)[1]
        raise Leave("RETURN", value)

    def _loop(self, statement: st.Loop) -> Iterator[Event]:
        raise Leave(statement.action)

    # Procedures

    def _execute(self, statement: st.Execute) -> Iterator[Event]:
        if statement.dynamic:
            _, text = self.value(statement, statement.dynamic)
            yield from Executor(self.session, Batch(), self).run_text(text or "")
            return
        arguments = []
        for name, text, output in statement.arguments:
            bare = text.strip()
            if bare.replace("_", "").isalnum() and not bare[0].isdigit() and bare.upper() not in ("NULL", "DEFAULT"):
                text = "N'" + bare + "'"  # EXEC takes a bare word as a string
            if bare.upper() == "DEFAULT":
                continue
            sql_type, value = self.value(statement, text)
            arguments.append((name.lower(), sql_type, value, output))
        variables = [text.strip().lower() for _, text, _ in statement.arguments]
        name = statement.procedure
        if name.startswith("@"):
            name = str(self.batch.values.get(name.lower()))
        yield from self._call_with_outputs(name, arguments, variables, statement.result)

    def _call_with_outputs(self, name: str, arguments: list[Any], variables: list[str], result: str) -> Iterator[Event]:
        outputs = [v for v, a in zip(variables, arguments, strict=False) if a[3]]
        position = 0
        for event in self.call(name, arguments):
            if isinstance(event, ReturnStatus):
                if result:
                    self.batch.values[result] = event.value
            elif isinstance(event, ReturnValue):
                if position < len(outputs):
                    self.assign(outputs[position], event.type, event.value)
                position += 1
            else:
                yield event

    def assign(self, variable: str, source: SqlType, value: Any) -> None:
        """Stores a value that has the source's type into a variable."""
        target = self.batch.types.get(variable)
        if target is None:
            raise undeclared_variable(variable)
        convert = converter(source, target)
        self.batch.values[variable] = convert(value) if convert else value

    def call(
        self, procedure: str, arguments: list[tuple[str, SqlType, Any, bool]], top: bool = False
    ) -> Iterator[Event]:
        """`top`: a call by the client itself, whose output parameters are model values."""
        from standin.engine.procedures import call_procedure

        yield from call_procedure(self, procedure, arguments, top)

    def _define(self, statement: st.Definition) -> Iterator[Event]:
        yield from definitions.define(self.session, statement)
        yield Done(None, 0)


_HANDLERS: dict[type, Callable[[Any, Any], Iterator[Event]]] = {
    st.Block: Executor._block,
    st.If: Executor._if,
    st.While: Executor._while,
    st.Try: Executor._try,
    st.Declare: Executor._declare,
    st.DeclareTable: Executor._declare_table,
    st.SetVariable: Executor._set_variable,
    st.SetOption: Executor._set_option,
    st.Print: Executor.print_statement,
    st.Raise: Executor.raise_statement,
    st.Throw: Executor.throw_statement,
    st.Execute: Executor._execute,
    st.WaitFor: Executor._wait_for,
    st.Use: Executor._use,
    st.Transaction: Executor._transaction,
    st.Return: Executor._return,
    st.Loop: Executor._loop,
    st.Query: Executor.query_statement,
    st.Definition: Executor._define,
}
