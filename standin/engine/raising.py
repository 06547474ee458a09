"""PRINT, RAISERROR and THROW."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from standin.engine import statements as st
from standin.engine.types import INT, nvarchar
from standin.model import MAX, Done, Event, Info, SqlError

if TYPE_CHECKING:
    from standin.engine.executor import Executor

_FORMAT = re.compile(r"%(-?\d*)([dsiuxXoI%](?:64d)?)")


def formatted(message: str, arguments: list[Any]) -> str:
    """RAISERROR's printf."""
    values = iter(arguments)

    def one(m: re.Match[str]) -> str:
        if m[2] == "%":
            return "%"
        value = next(values, None)
        text = "(null)" if value is None else f"{value:x}" if m[2] == "x" else str(value)
        width = int(m[1] or 0)
        return text.ljust(-width) if width < 0 else text.rjust(width)

    return _FORMAT.sub(one, message)


class Raising:
    """The part of the executor that makes messages."""

    def print_statement(self: Executor, statement: st.Print) -> Iterator[Event]:
        _, text = self.value(statement, statement.expression, nvarchar(MAX))
        yield Info(0, text or " ", 0, 1, statement.line)

    def raise_statement(self: Executor, statement: st.Raise) -> Iterator[Event]:
        values = [self.value(statement, text) for text in statement.arguments]
        (message_type, message), severity, state = values[0], values[1][1], values[2][1]
        number = 50000
        if message_type.name == "int":
            number, message = message, f"Message {message}"
        text = formatted(message or "", [v for _, v in values[3:]])
        self.session.last_error = number if severity > 10 else 0
        if severity <= 10:
            yield Info(number, text, severity, state, statement.line)
            return
        error = SqlError(number, text, severity, state, statement.line)
        error.raised = True  # type: ignore[attr-defined]  # RAISERROR leaves XACT_ABORT alone
        raise error

    def throw_statement(self: Executor, statement: st.Throw) -> Iterator[Event]:
        if not statement.arguments:
            if not self.session.errors:
                raise SqlError(10704, "To rethrow an error, a THROW statement must be used inside a CATCH block.", 15)
            error = self.session.errors[-1]
        else:
            number, state = (self.value(statement, statement.arguments[i], INT)[1] for i in (0, 2))
            _, text = self.value(statement, statement.arguments[1], nvarchar(2048))
            error = SqlError(number, text, 16, state, statement.line)
        error.thrown = True  # type: ignore[attr-defined]  # ends the batch, as RAISERROR does not
        raise error
        yield Done()  # makes this a generator
