"""The control channel: one JSON object a line, each answered by one line, on a second port of 127.0.0.1.

Requests, by their "op":
  fault     arms a fault; the fields are those of standin.tds.faults.Fault but id and fired. Answers its id.
  faults    all faults with how often each has fired.  clear  disarms all.
  log       statements with an id above "after" whose text contains "match".
  sessions  the ids of the open sessions.
  cut       ends "session", or those of "application" (or all), with "reset": true by RST.
  ping      answers.
The database half adds (standin.engine.operations):
  hook      T-SQL that runs between others' statements; the fields are those of standin.engine.hooks.Hook but id, fired
            and errors. Answers its id.
  hooks     all hooks with how often each has fired, and its errors.  hooks_off  takes all away.
  route     where logins of "application" (default: the program's) land, by "pattern": a list that repeats, true for a
            replica that lags; [] ends it. Without a replica yet, it is made as the server is now.
  catch_up  the replica is as the server is now.
  replica_error  "number" 976, 978 or 983 is what "database" answers to everything, also to a login; 0 ends it.
  advance   the server's clock jumps ahead by "seconds"; null: it is right again.
  fail_scans  the next "times" scans of the log that find something fail.
An answer has "ok": true, or "ok": false and "error".
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any

from standin.tds.server import Server

_TIMEOUT_SECONDS = 30.0
Operation = Callable[[dict[str, Any]], dict[str, Any]]


class ControlServer:
    """Answers control requests about a server, each connection in its own thread."""

    def __init__(self, server: Server, port: int = 0, operations: Mapping[str, Operation] | None = None) -> None:
        """`operations`: further ones, by their "op"."""
        self._server = server
        self._operations = operations or {}
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Takes no further connections; open ones end with their clients or with the process."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(accepted,), name="control client", daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            for line in lines:
                connection.sendall(json.dumps(self.answer(line)).encode() + b"\n")

    def answer(self, line: bytes) -> dict[str, Any]:
        """One request's answer; what is wrong with a request is its answer too."""
        try:
            request = json.loads(line)
            op = request.pop("op")
            return {"ok": True, **self._do(op, request)}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}

    def _do(self, op: str, request: dict[str, Any]) -> dict[str, Any]:
        server = self._server
        match op:
            case "fault":
                return {"id": server.faults.arm(request).id}
            case "faults":
                return {"faults": [asdict(fault) for fault in server.faults.all()]}
            case "clear":
                server.faults.clear()
                return {}
            case "log":
                return {"statements": server.log.since(request.get("after", 0), request.get("match", ""))}
            case "sessions":
                return {"sessions": server.sessions()}
            case "cut":
                one, application = request.get("session"), request.get("application")
                return {"cut": server.cut(one, bool(request.get("reset", False)), application)}
            case "ping":
                return {}
        if op in self._operations:
            return self._operations[op](request)
        raise ValueError(f"unknown op {op!r}")


class Control:
    """The client's side of the channel, for tests. A context manager."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS)
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Control:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Raises RuntimeError with the server's words when it refuses."""
        self._socket.sendall(json.dumps({"op": op, **fields}).encode() + b"\n")
        line = self._lines.readline()
        if not line:
            raise RuntimeError("the stand-in has closed its control channel")
        answer = json.loads(line)
        if not answer.pop("ok"):
            raise RuntimeError(f"control {op}: {answer['error']}")
        return answer

    def arm(self, **fault: Any) -> int:
        """Arms a fault; returns its id."""
        return int(self.ask("fault", **fault)["id"])

    def fired(self, fault_id: int) -> int:
        """How often a fault has fired."""
        return next(fault["fired"] for fault in self.ask("faults")["faults"] if fault["id"] == fault_id)

    def hook(self, match: str, sql: Sequence[str], **fields: Any) -> int:
        """Makes `sql` happen at a statement that contains `match`; returns the hook's id."""
        return int(self.ask("hook", match=match, sql=list(sql), **fields)["id"])

    def hooked(self, hook_id: int) -> int:
        """How often a hook has fired. RuntimeError with what its T-SQL met, if that failed."""
        hook = next(hook for hook in self.ask("hooks")["hooks"] if hook["id"] == hook_id)
        if hook["errors"]:
            raise RuntimeError(f"the hook at {hook['match']!r} failed: {hook['errors']}")
        return int(hook["fired"])

    def statements(self, match: str = "", after: int = 0) -> list[dict[str, Any]]:
        return list(self.ask("log", match=match, after=after)["statements"])
