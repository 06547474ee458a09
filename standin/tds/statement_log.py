"""What clients have run, for tests that ask what a product really sends."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

STATEMENTS_MAX = 20_000  # the oldest are forgotten
TEXT_CHARACTERS_MAX = 20_000


@dataclass(slots=True)
class Statement:
    """One request. `kind` is batch, rpc or transaction; `rows` and what follows are set at its end."""

    time: float  # seconds since the epoch
    session: int
    kind: str
    text: str
    parameters: list[str] = field(default_factory=list)
    id: int = 0
    rows: int | None = None
    bytes: int | None = None  # of the reply, without packet headers
    error: int | None = None
    cancelled: bool = False
    seconds: float | None = None


class StatementLog:
    """The newest statements, numbered from 1. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statements: deque[Statement] = deque(maxlen=STATEMENTS_MAX)
        self._next_id = 1

    def started(self, statement: Statement) -> None:
        statement.text = statement.text[:TEXT_CHARACTERS_MAX]
        statement.parameters = [text[:200] for text in statement.parameters]
        with self._lock:
            statement.id, self._next_id = self._next_id, self._next_id + 1
            self._statements.append(statement)

    def ended(
        self, statement: Statement, *, rows: int, reply_bytes: int, error: int | None, cancelled: bool, seconds: float
    ) -> None:
        with self._lock:
            statement.rows, statement.bytes, statement.error = rows, reply_bytes, error
            statement.cancelled, statement.seconds = cancelled, round(seconds, 6)

    def since(self, after: int = 0, match: str = "") -> list[dict[str, Any]]:
        """Statements with an id above `after` whose text has `match` in it (in any case)."""
        lower = match.lower()
        with self._lock:
            found = [one for one in self._statements if one.id > after and lower in one.text.lower()]
            return [asdict(one) for one in found]
