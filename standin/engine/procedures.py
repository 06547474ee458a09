"""Stored procedures by name: arguments bound to parameters, results as events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from standin.engine.catalog import Database
from standin.engine.conversion import converter
from standin.engine.parse import parse_batch
from standin.engine.storage import row_converter, to_model
from standin.engine.tokens import Cursor, tokenize
from standin.model import Column, Columns, Done, Event, ReturnStatus, ReturnValue, Rows, SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.executor import Executor

SELECT = 0xC1


@dataclass(slots=True)
class Call:
    """A procedure being called. `arguments`: parameter name without '@' → stored value in the parameter's type."""

    executor: Executor
    database: Database
    arguments: dict[str, Any]
    outputs: dict[str, Any]

    @property
    def session(self) -> Any:
        return self.executor.session

    def get(self, name: str, default: Any = None) -> Any:
        value = self.arguments.get(name)
        return default if value is None else value


@dataclass(slots=True)
class Procedure:
    """`parameters`: (name without '@', type, required, output) in order. `run` yields events."""

    parameters: list[tuple[str, SqlType, bool, bool]]
    run: Callable[[Call], Iterable[Event]]


PROCEDURES: dict[str, Procedure] = {}


def procedure(name: str, *parameters: tuple[Any, ...]) -> Callable[[Callable[[Call], Iterable[Event]]], Any]:
    """Registers a procedure; a parameter is (name, type[, required[, output]])."""

    def register(run: Callable[[Call], Iterable[Event]]) -> Callable[[Call], Iterable[Event]]:
        full = [(p[0], p[1], *(p[2:] + (False, False)[len(p) - 2 :])) for p in parameters]
        PROCEDURES[name] = Procedure(full, run)
        return run

    return register


def result(columns: list[tuple[str, SqlType]] | list[Column], rows: Iterable[tuple[Any, ...]]) -> Iterator[Event]:
    """A result set from stored values."""
    listed = [c if isinstance(c, Column) else Column(c[0], c[1]) for c in columns]
    stored = list(rows)
    convert = row_converter([c.type for c in listed])
    yield Columns(listed)
    if stored:
        yield Rows(stored if convert is None else list(map(convert, stored)))
    yield Done(len(stored), SELECT)


def split_name(executor: Executor, name: str) -> tuple[Database, str, str]:
    """(database, schema, lower-case procedure) of a name as a client writes it."""
    c = Cursor(name, tokenize(name))
    parts = c.dotted()
    database = executor.session.db_catalog
    if len(parts) > 2 and parts[-3]:
        database = executor.session.open_database(parts[-3])
    return database, (parts[-2].lower() if len(parts) > 1 else ""), parts[-1].lower()


def call_procedure(
    executor: Executor, name: str, arguments: list[tuple[str, SqlType, Any, bool]], top: bool
) -> Iterator[Event]:
    """Runs a procedure: its events, then RETURN status and output parameters."""
    import standin.engine.catalog_procedures
    import standin.engine.cdc_procedures  # noqa: F401  (both register theirs)

    database, schema, bare = split_name(executor, name)
    if bare == "sp_executesql":
        yield from _execute_sql(executor, arguments, top)
        return
    known = PROCEDURES.get(bare) if schema in ("", "sys", "dbo", "msdb") else None
    if known is None:
        raise SqlError(2812, f"Could not find stored procedure '{name}'.", 16, 62)
    call = Call(executor, database, _bind(known, bare, arguments), {})
    yield from known.run(call)
    yield ReturnStatus(0)
    for parameter, sql_type, _, output in known.parameters:
        if output and parameter in call.outputs:
            yield _return_value(f"@{parameter}", sql_type, call.outputs[parameter], top)


def _return_value(name: str, sql_type: SqlType, value: Any, top: bool) -> ReturnValue:
    convert = to_model(sql_type) if top else None
    return ReturnValue(name, sql_type, convert(value) if convert and value is not None else value)


def _bind(known: Procedure, name: str, arguments: list[tuple[str, SqlType, Any, bool]]) -> dict[str, Any]:
    types = {p: t for p, t, _, _ in known.parameters}
    order = [p for p, _, _, _ in known.parameters]
    bound: dict[str, Any] = {}
    if len(arguments) > len(order):
        raise SqlError(8144, f"Procedure or function {name} has too many arguments specified.", 16, 2)
    for position, (given, source, value, _) in enumerate(arguments):
        parameter = given.lstrip("@") if given else order[position]
        if parameter not in types:
            raise SqlError(8145, f"{given} is not a parameter for procedure {name}.", 16, 2)
        convert = converter(source, types[parameter]) if value is not None else None
        bound[parameter] = convert(value) if convert else value
    for parameter, _, required, _ in known.parameters:
        if required and parameter not in bound:
            raise SqlError(
                201, f"Procedure or function '{name}' expects parameter '@{parameter}', which was not supplied.", 16, 4
            )
    return bound


def _execute_sql(executor: Executor, arguments: list[tuple[str, SqlType, Any, bool]], top: bool) -> Iterator[Event]:
    """sp_executesql @stmt, @params, values…"""
    from standin.engine.executor import Batch, Executor

    if not arguments:
        raise SqlError(
            201, "Procedure or function 'sp_executesql' expects parameter '@statement', which was not supplied.", 16, 4
        )
    text = arguments[0][2] or ""
    definitions = arguments[1][2] if len(arguments) > 1 else None
    batch = Batch()
    declared: list[str] = []
    if definitions and definitions.strip():
        for statement in parse_batch("DECLARE " + _without_output(definitions)):
            for variable, sql_type, default in statement.variables:
                value = executor.value(statement, default, sql_type)[1] if default is not None else None
                batch.declare(variable, sql_type, value)
                declared.append(variable)
    outputs = []
    for position, (given, source, value, output) in enumerate(arguments[2:]):
        variable = given.lower() if given else declared[position]
        if variable not in batch.types:
            raise SqlError(8145, f"{variable} is not a parameter for procedure .", 16, 2)
        convert = converter(source, batch.types[variable]) if value is not None else None
        batch.values[variable] = convert(value) if convert else value
        if output:
            outputs.append(variable)
    yield from Executor(executor.session, batch, executor).run_text(text)
    yield ReturnStatus(0)
    for variable in outputs:
        yield _return_value(variable, batch.types[variable], batch.values[variable], top)


def _without_output(definitions: str) -> str:
    tokens = tokenize(definitions)
    return " ".join(t.text for t in tokens if t.upper not in ("OUTPUT", "OUT", "READONLY"))
