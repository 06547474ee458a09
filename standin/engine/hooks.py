"""T-SQL that a test wants to happen between two statements of somebody else: a commit, a cleanup, a REVOKE.

A hook runs in a session of its own, as an administrator, in the thread of the session that it interrupts; that one
goes on when it has ended. Statements of hooks trigger no hooks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from standin.model import Event, Login, Rows, SqlError

if TYPE_CHECKING:
    from standin.engine.engine import StandInEngine
    from standin.engine.session import EngineSession

_LOCK_TIMEOUT_MS = 10_000  # the interrupted session may hold what the hook waits for


@dataclass(slots=True)
class Hook:
    """`sql`: batches that run before or after a statement whose text contains `match` (upper and lower case alike), in
    `database`. `skip` matching statements pass first, then `times` of them fire it (-1: every one). `errors`: what the
    batches met, as text. After a statement that fails or that its client breaks off, nothing fires."""

    id: int
    match: str
    sql: list[str]
    database: str = "master"
    when: str = "after"
    skip: int = 0
    times: int = 1
    fired: int = 0
    errors: list[str] = field(default_factory=list)


class HookBoard:
    """The hooks of a server. Any thread."""

    def __init__(self, engine: StandInEngine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._hooks: list[Hook] = []
        self._next_id = 1

    def add(self, fields: Mapping[str, Any]) -> Hook:
        """Raises TypeError or ValueError, saying what is wrong with the fields."""
        with self._lock:
            hook = Hook(id=self._next_id, **fields)
            if hook.when not in ("before", "after"):
                raise ValueError(f"when must be before or after, not {hook.when!r}")
            if isinstance(hook.sql, str) or not hook.match:
                raise ValueError("sql must be a list of batches, and match must not be empty")
            self._next_id += 1
            self._hooks.append(hook)
            return hook

    def all(self) -> list[Hook]:
        with self._lock:
            return list(self._hooks)

    def clear(self) -> None:
        with self._lock:
            self._hooks.clear()

    def run(self, when: str, text: str, session: EngineSession) -> None:
        """What is to happen before or after this statement of `session`."""
        if not self._hooks or session.is_hook:
            return
        for hook in self._taken(when, text.lower()):
            self._run(hook)
            hook.fired += 1

    def _taken(self, when: str, lowered: str) -> list[Hook]:
        taken = []
        with self._lock:
            for hook in self._hooks:
                if hook.when != when or hook.times == 0 or hook.match.lower() not in lowered:
                    continue
                if hook.skip > 0:
                    hook.skip -= 1
                    continue
                hook.times -= 1 if hook.times > 0 else 0
                taken.append(hook)
        return taken

    def _run(self, hook: Hook) -> None:
        try:
            with self._engine.open_session(Login("sa", "", hook.database, app_name="hook")) as session:
                session.is_hook = True
                for batch in (f"SET LOCK_TIMEOUT {_LOCK_TIMEOUT_MS}", *hook.sql):
                    hook.errors += _errors(session.execute(batch, []))
        except SqlError as error:
            hook.errors.append(str(error))


def _errors(events: Iterable[Event]) -> list[str]:
    """Runs events to their end; the errors that did not end the batch."""
    met = []
    for event in events:
        if isinstance(event, SqlError):
            met.append(str(event))
        elif isinstance(event, Rows):
            for _ in event.rows:
                pass
    return met
