"""What a statement is compiled in, and into: expressions with their SQL types, and plans for SQLite."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from standin.engine.catalog import Database, Table
from standin.engine.storage import literal
from standin.model import Column, SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

UNSET = object()
BASE_ROW = "$rid"  # names the number of a source's base row; T-SQL cannot


@dataclass(slots=True)
class Expr:
    """A scalar as SQLite text with its SQL type. `const` is its stored value when it is known while compiling;
    `null` marks a bare NULL, which takes the type of what it meets."""

    sql: str
    type: SqlType
    nullable: bool = True
    const: Any = UNSET
    null: bool = False
    identity: bool = False
    computed: bool = False

    @staticmethod
    def of(value: Any, sql_type: SqlType) -> Expr:
        return Expr(literal(value), sql_type, value is None, value)


@dataclass(slots=True)
class SourceColumn:
    name: str
    expr: Expr


@dataclass(slots=True)
class Source:
    """Something in FROM. `sql` is what stands in SQLite's FROM clause; `row_id` its hidden row number, if a table."""

    alias: str
    sql: str
    columns: list[SourceColumn]
    table: Table | None = None
    schema: str = ""
    row_id: str = ""


@dataclass(slots=True)
class Scope:
    """The sources that names are looked up in; the outer query's after one's own."""

    sources: list[Source] = field(default_factory=list)
    parent: Scope | None = None


@dataclass(slots=True)
class View:
    """A system view that a plan reads: filled into the temporary table `physical` before the plan runs."""

    physical: str
    fill: Callable[[EngineSession], Iterable[tuple[Any, ...]]]
    columns: list[Column]
    version: Callable[[EngineSession], Any]


Function = Callable[..., Any]


@dataclass(slots=True)
class Env:
    """Everything that compiling collects: functions SQLite must know, values bound when the plan runs, rights needed.

    `functions`: name → (factory of the function for a session, number of arguments, deterministic).
    `providers`: parameter name → its value from the session, when the plan runs.
    `rights`: (permission, database, schema, object name, object id) that are checked before it runs."""

    session: EngineSession
    database: Database
    variables: dict[str, SqlType]
    dirty: frozenset[int] = frozenset()
    functions: dict[str, tuple[Callable[[EngineSession], Function], int, bool]] = field(default_factory=dict)
    providers: dict[str, Callable[[EngineSession], Any]] = field(default_factory=dict)
    used_variables: dict[str, str] = field(default_factory=dict)  # T-SQL name → SQLite parameter
    rights: list[tuple[str, Database, str, str, int]] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)
    tables: set[int] = field(default_factory=set)
    ctes: list[dict[str, tuple[str, list[SourceColumn]]]] = field(default_factory=list)
    counter: Any = field(default_factory=lambda: itertools.count(1))
    uses_cdc_functions: bool = False

    def unique(self, prefix: str) -> str:
        return f"{prefix}{next(self.counter)}"

    def provide(self, name: str, provider: Callable[[EngineSession], Any]) -> str:
        self.providers[name] = provider
        return f":{name}"


@dataclass(slots=True)
class Plan:
    """A compiled statement for SQLite."""

    sql: str
    columns: list[Column]
    env: Env
    assigns: list[str] | None = None
    data: Any = None


_shared: dict[Any, tuple[str, Function]] = {}


def shared_function(key: Any, make: Callable[[], Function], prefix: str = "f") -> tuple[str, Function]:
    """A name and a function that every connection of the process can share, by what they depend on."""
    found = _shared.get(key)
    if found is None:
        found = _shared[key] = (f"{prefix}{len(_shared)}", make())
    return found
