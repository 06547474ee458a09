"""The database half of the SQL Server stand-in: T-SQL parsed by sqlglot, run on SQLite, with change data capture."""

from __future__ import annotations

from typing import Any

from standin.engine.engine import Options, StandInEngine


def open_engine(**options: Any) -> StandInEngine:
    """A server with the options of standin.engine.engine.Options; a TypeError names one that is not known."""
    return StandInEngine(Options(**options))
