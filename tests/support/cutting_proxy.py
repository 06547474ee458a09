"""A TCP proxy in front of a server that cuts connections after so many bytes of the server's: also in the middle of what
the server cannot be told to cut, such as a TLS handshake."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

_CHUNK = 65536


class CuttingProxy:
    """Listens on a free port of 127.0.0.1 while it is entered. What is not to be cut passes."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._coming: list[int | None] = []
        self._reset = False
        self._cuts = 0
        self._open: set[socket.socket] = set()
        self._accepting = threading.Thread(target=self._accept, name="cutting proxy", daemon=True)

    def cut(self, *after_bytes: int | None, reset: bool = False) -> None:
        """The next connections, one after another: each ends after so many bytes of the server's, by FIN or RST; None
        passes. Later ones pass."""
        with self._lock:
            self._coming, self._reset, self._cuts = list(after_bytes), reset, 0

    @property
    def cuts(self) -> int:
        """How many connections were cut since then."""
        with self._lock:
            return self._cuts

    def __enter__(self) -> CuttingProxy:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                limit = self._coming.pop(0) if self._coming else None
            threading.Thread(target=self._serve, args=(client, limit), daemon=True).start()

    def _serve(self, client: socket.socket, limit: int | None) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server_port)) as server:
            with self._lock:
                self._open |= {client, server}
            upward = threading.Thread(target=_pass, args=(client, server), daemon=True)
            upward.start()
            whole = _pass(server, client, limit)
            if not whole:
                with self._lock:
                    self._cuts += 1
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RD)  # ends the thread that reads from it
            upward.join(5)
            if not whole and self._reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with self._lock:
                self._open -= {client, server}


def _pass(source: socket.socket, target: socket.socket, limit: int | None = None) -> bool:
    """Until the source ends (True), or after `limit` bytes (False)."""
    left = limit
    with contextlib.suppress(OSError):
        while left is None or left > 0:
            data = source.recv(_CHUNK if left is None else min(left, _CHUNK))
            if not data:
                break
            target.sendall(data)
            left = None if left is None else left - len(data)
    if left == 0:
        return False
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
    return True
