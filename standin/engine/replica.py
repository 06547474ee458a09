"""A readable secondary that lags, behind the same listener as the primary.

It is a copy of all rows as they were at a moment: change tables, cdc.lsn_time_mapping and cdc.change_tables alike,
and rows that the primary's cleanup has deleted since. `catch_up` copies again. Users, rights and definitions are the
primary's, so a table that the primary got since is not in the copy, and reading it is an error."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from standin.engine.change_cache import ChangeCache
from standin.engine.connection import open_connection
from standin.model import Login, SqlError

if TYPE_CHECKING:
    from standin.engine.engine import StandInEngine

_READER = "cdc-to-s3"  # the application name whose logins are routed unless another one is said


class Replica:
    """Where logins land is decided by `route`: a pattern that repeats, true for the replica."""

    def __init__(self, engine: StandInEngine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._pattern: list[bool] = []
        self._application = _READER
        self._logins = 0
        self.path = os.path.join(engine.directory, "replica.sqlite")
        self.change_cache = ChangeCache()

    def route(self, pattern: list[bool], application: str = _READER) -> None:
        """From here on the n-th login of this application lands where the pattern's n-th entry says; [] ends it, and
        all land on the primary."""
        if pattern and not os.path.exists(self.path):
            self.catch_up()
        with self._lock:
            self._pattern, self._application, self._logins = list(pattern), application, 0

    def takes(self, login: Login) -> bool:
        """Whether this login, which counts, lands on the replica."""
        with self._lock:
            if not self._pattern or login.app_name != self._application:
                return False
            self._logins += 1
            return bool(self._pattern[(self._logins - 1) % len(self._pattern)])

    def catch_up(self) -> None:
        """The replica is as the primary is now, for the sessions on it too."""
        with self._lock, self._engine.writer:
            source, target = open_connection(self._engine.path), open_connection(self.path)
            try:
                source.backup(target)
            finally:
                source.close()
                target.close()
            self.change_cache = ChangeCache()


def read_only(database: str) -> SqlError:
    return SqlError(3906, f'Failed to update database "{database}" because the database is read-only.', 16, 2)
