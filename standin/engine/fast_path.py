"""Serves the change reader's query from rows in wire form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from standin.engine import statements as st
from standin.model import Event

if TYPE_CHECKING:
    from sqlglot import exp

    from standin.engine.executor import Executor


def serve(executor: Executor, statement: st.Query, tree: exp.Expression) -> Iterator[Event] | None:
    """None when the statement is not of that shape."""
    return None
