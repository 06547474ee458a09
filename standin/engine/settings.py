"""SET options: those with an effect here, those accepted without one; others are errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.engine import statements as st
from standin.engine.errors import unsupported
from standin.model import TEXT_SIZE_MAX

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

_IGNORED = {
    "ANSI_NULLS", "ANSI_NULL_DFLT_ON", "ANSI_NULL_DFLT_OFF", "ANSI_PADDING", "ANSI_WARNINGS", "ANSI_DEFAULTS", "ARITHABORT",
    "ARITHIGNORE", "CONCAT_NULL_YIELDS_NULL", "NUMERIC_ROUNDABORT", "QUOTED_IDENTIFIER", "CURSOR_CLOSE_ON_COMMIT",
    "DATEFIRST", "DATEFORMAT", "LANGUAGE", "DEADLOCK_PRIORITY", "TRANSACTION ISOLATION LEVEL", "STATISTICS IO",
    "STATISTICS TIME", "NOEXEC", "ROWCOUNT", "REMOTE_PROC_TRANSACTIONS", "NO_BROWSETABLE", "FORCEPLAN", "CONTEXT_INFO",
}  # fmt: skip
_KEPT = {"NOCOUNT", "XACT_ABORT", "IMPLICIT_TRANSACTIONS", "FMTONLY"}


def apply(session: EngineSession, statement: st.SetOption) -> None:
    for option in statement.options or [""]:
        name = option.strip()
        if name == "LOCK_TIMEOUT":
            session.lock_timeout_ms = int(statement.value)
        elif name == "TEXTSIZE":
            session.text_size_bytes = _text_size(statement)
        elif name in _KEPT:
            session.options[name] = statement.value.upper() == "ON"
        elif name.startswith("IDENTITY_INSERT"):
            _identity_insert(session, statement)
        elif name == "ROWCOUNT" and statement.value.strip() != "0":
            raise unsupported("SET ROWCOUNT", statement.text)
        elif not any(name == i or name.startswith(i + " ") for i in _IGNORED):
            raise unsupported("SET option", statement.text)


def _text_size(statement: st.SetOption) -> int:
    """-1: the most that there is; 0: the default."""
    number = int(statement.value)
    return TEXT_SIZE_MAX if number == -1 else number or 4_096


def _identity_insert(session: EngineSession, statement: st.SetOption) -> None:
    from standin.engine.tokens import Cursor, tokenize

    c = Cursor(statement.text, tokenize(statement.text))
    c.expect("SET", "IDENTITY_INSERT")
    parts = c.dotted()
    database = session.open_database(parts[-3]) if len(parts) > 2 and parts[-3] else session.db_catalog
    table = session.temporary_tables.get(parts[-1].lower()) or database.require(
        parts[-2] if len(parts) > 1 else "dbo", parts[-1]
    )
    session.identity_insert = table.object_id if statement.value.upper() == "ON" else None
