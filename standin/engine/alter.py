"""ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine import statements as st
from standin.engine.catalog import Table
from standin.engine.errors import unsupported
from standin.engine.tokens import Cursor

if TYPE_CHECKING:
    from standin.engine.session import EngineSession


def alter(session: EngineSession, table: Table, c: Cursor, statement: st.Definition) -> None:
    raise unsupported("ALTER TABLE", statement.text)
