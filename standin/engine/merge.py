"""MERGE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from standin.engine import statements as st
from standin.engine.errors import unsupported
from standin.model import Event

if TYPE_CHECKING:
    from standin.engine.executor import Executor


def run(executor: Executor, statement: st.Query) -> Iterator[Event]:
    raise unsupported("MERGE", statement.text)
