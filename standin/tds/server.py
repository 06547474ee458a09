"""The listener: one thread a connection, on 127.0.0.1 only."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from standin.model import Engine
from standin.tds.connection import Connection
from standin.tds.faults import FaultBoard
from standin.tds.statement_log import StatementLog
from standin.tds.tls import Encryption

_FIRST_SPID = 51  # as SQL Server numbers user sessions
_STOP_SECONDS = 10.0


class Server:
    """Listens from construction; accepts from `start` to `stop`."""

    def __init__(self, engine: Engine, port: int = 0, encryption: Encryption | None = None) -> None:
        """Port 0 takes a free one. Raises OSError if the port is taken."""
        self.faults = FaultBoard()
        self.log = StatementLog()
        self._engine = engine
        self._encryption = encryption
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._connections: dict[int, tuple[Connection, threading.Thread]] = {}
        self._next_spid = _FIRST_SPID
        self._stopping = False
        self._accepting = threading.Thread(target=self._accept, name="accept", daemon=True)

    def start(self) -> None:
        self._accepting.start()

    def stop(self) -> None:
        """Ends every connection and joins its threads, within ten seconds."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(_STOP_SECONDS)
        self.cut(None, reset=False)
        deadline = time.monotonic() + _STOP_SECONDS
        for _, thread in self._snapshot():
            thread.join(max(0.0, deadline - time.monotonic()))

    def sessions(self) -> list[int]:
        return [connection.spid for connection, _ in self._snapshot()]

    def cut(self, session: int | None, reset: bool, application: str | None = None) -> int:
        """Cuts one session, or those of one application, or all (None); returns how many."""
        found = [
            one for one, _ in self._snapshot() if session in (None, one.spid) and application in (None, one.application)
        ]
        for connection in found:
            connection.close(reset)
        return len(found)

    def _snapshot(self) -> list[tuple[Connection, threading.Thread]]:
        with self._lock:
            return list(self._connections.values())

    def _accept(self) -> None:
        while not self._stopping:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                spid, self._next_spid = self._next_spid, self._next_spid + 1
                connection = Connection(accepted, spid, self._engine, self.faults, self.log, self._encryption)
                thread = threading.Thread(target=self._run, args=(connection,), name=f"session {spid}", daemon=True)
                self._connections[spid] = (connection, thread)
            thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            connection.run()
        finally:
            with self._lock:
                del self._connections[connection.spid]
