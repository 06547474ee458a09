"""What a batch is parsed into: the procedural part of T-SQL. Queries keep their text for sqlglot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from standin.engine.tokens import Cursor
from standin.model import SqlType

_PLANS_MAX = 64


@dataclass(slots=True)
class Statement:
    """`plans` caches what was compiled from this statement, by the state of the catalogue it depends on; `parsed` what
    depends on its text alone."""

    text: str
    line: int
    plans: dict[Any, Any] = field(default_factory=dict, kw_only=True)
    parsed: dict[str, Any] = field(default_factory=dict, kw_only=True)

    def keep(self, key: Any, plan: Any) -> None:
        """Caches a plan; those of catalogues long past go."""
        if len(self.plans) >= _PLANS_MAX:
            self.plans.clear()
        self.plans[key] = plan


@dataclass(slots=True)
class Block(Statement):
    body: list[Statement]


@dataclass(slots=True)
class If(Statement):
    condition: str
    then: Statement
    otherwise: Statement | None


@dataclass(slots=True)
class While(Statement):
    condition: str
    body: Statement


@dataclass(slots=True)
class Try(Statement):
    body: list[Statement]
    handler: list[Statement]


@dataclass(slots=True)
class Declare(Statement):
    variables: list[tuple[str, SqlType, str | None]]


@dataclass(slots=True)
class DeclareTable(Statement):
    name: str
    cursor: Cursor


@dataclass(slots=True)
class SetVariable(Statement):
    name: str
    expression: str


@dataclass(slots=True)
class SetOption(Statement):
    options: list[str]
    value: str


@dataclass(slots=True)
class Print(Statement):
    expression: str


@dataclass(slots=True)
class Raise(Statement):
    arguments: list[str]


@dataclass(slots=True)
class Throw(Statement):
    arguments: list[str]


@dataclass(slots=True)
class Execute(Statement):
    """EXEC of a procedure (`procedure`) or of a string (`dynamic`)."""

    procedure: str
    dynamic: str
    arguments: list[tuple[str, str, bool]]  # name or '', expression text, OUTPUT
    result: str  # the variable of EXEC @r = p, or ''


@dataclass(slots=True)
class WaitFor(Statement):
    expression: str


@dataclass(slots=True)
class Use(Statement):
    database: str


@dataclass(slots=True)
class Transaction(Statement):
    """`action`: BEGIN, COMMIT, ROLLBACK, SAVE."""

    action: str
    name: str


@dataclass(slots=True)
class Return(Statement):
    expression: str | None


@dataclass(slots=True)
class Loop(Statement):
    """`action`: BREAK or CONTINUE."""

    action: str


@dataclass(slots=True)
class Query(Statement):
    """SELECT, INSERT, UPDATE, DELETE, MERGE, or one of them behind WITH. `verb` is the leading word."""

    verb: str
    cursor: Cursor


@dataclass(slots=True)
class Definition(Statement):
    """CREATE, ALTER, DROP, TRUNCATE, GRANT, DENY, REVOKE, …: `verb` is the leading word."""

    verb: str
    cursor: Cursor
