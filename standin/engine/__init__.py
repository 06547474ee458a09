"""The database half of the SQL Server stand-in: T-SQL parsed by sqlglot, run on SQLite, with change data capture.

How it is built, from the outside in: `engine` (the server) → `session` → `executor` (a batch's control of flow) →
`queries`, `dml`, `definitions` → `select`, `expressions`, `functions` (the compiler to SQLite) → `physical`, `storage`,
`conversion` (rows and values in SQLite). Change data capture: `physical` logs changes by triggers, `capture` makes
change rows of them, `change_cache` and `fast_path` hand them out in wire form.

Where it differs from a real server:
- Readers never wait: they see committed rows, whatever isolation level or table hint is asked for.
- Writers lock rows and keys, one statement writes at a time, and a statement that meets a lock is run again as a whole.
- Rows of the cdc tables can be changed by members of db_owner, as on a real server; that turns the wire-form cache of
  that change table off for good.
- Definitions inside a transaction that cannot be taken back make its rollback an error.
- A backup is kept in the process under its file's name, and is not restored beside the living original. A session that
  ROLLBACK IMMEDIATE ends notices it at its next statement.
- Nothing outlives the process. What is not understood is SqlError 40000 with the statement's text.
"""

from __future__ import annotations

from typing import Any

from standin.engine.engine import Options, StandInEngine


def open_engine(**options: Any) -> StandInEngine:
    """A server with the options of standin.engine.engine.Options; a TypeError names one that is not known."""
    return StandInEngine(Options(**options))
