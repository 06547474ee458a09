"""An HTTP/1.1 proxy on the loopback interface that stands between a client and a real S3 server and does to chosen
requests what networks and servers do on bad days. Requests pass through as they are, the Host header too, because
the signature covers it.

    with S3Proxy(server.endpoint) as proxy:
        lost = proxy.add(Fault("drop_reply", method="PUT", key="_cdc_to_s3/"))
        ...                            # the client talks to proxy.endpoint
        assert lost.hits == 1 and proxy.count("PUT") == 2
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import struct
import threading
import time
import urllib.parse
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Action = Literal["drop_reply", "reset", "error", "error_after", "delay", "hold", "trickle", "trickle_after"]

CHUNK_BYTES = 1 << 16
UPSTREAM_TIMEOUT_S = 60.0
HOLD_TIMEOUT_S = 60.0
TRICKLE_TIMEOUT_S = 300.0


@dataclass
class Fault:
    """What happens to which requests. Of those that match `method`, whose decoded path contains `key`, and that have
    the header `header`, the first `skip` pass, the next `times` meet the fault.

    drop_reply   the server carries the request out; the connection is cut instead of the reply
    reset        the connection is cut before the server hears of the request
    error        `status`, `code` and `message` are answered; the server never hears of the request
    error_after  the server carries the request out; `status` and `code` are answered all the same
    delay        the request is passed on `seconds` later
    hold         the request waits for `release`; `reached` is set when it is there
    trickle      the server never hears of the request; its answer comes at two bytes a second, and never whole;
                 `release` is set when the client has had enough of it
    trickle_after  the same, but the server carries the request out
    """

    action: Action
    method: str = ""  # "" for any
    key: str = ""
    header: str = ""  # in lower case
    skip: int = 0
    times: int = 1
    status: int = 503
    code: str = "SlowDown"
    message: str = "by the test's proxy"
    seconds: float = 0.0
    hits: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def matches(self, method: str, path: str, headers: Container[str]) -> bool:
        return self.method in ("", method) and self.key in path and (not self.header or self.header in headers)


@dataclass(frozen=True)
class Seen:
    method: str
    path: str  # decoded, without the query
    status: int  # of the answer that the client got; 0 for none
    action: str  # of the fault, or ""
    at: float = field(default_factory=time.time)  # seconds since the epoch, when the answer was there


class S3Proxy:
    """In front of `upstream` ("http://127.0.0.1:8333") from `start` (or `with`) to `stop`. Thread-safe.
    `drops_metadata`: user metadata is lost on its way, as behind some gateways."""

    def __init__(self, upstream: str, drops_metadata: bool = False) -> None:
        self.drops_metadata = drops_metadata
        parts = urllib.parse.urlsplit(upstream)
        assert parts.hostname is not None and parts.port is not None, f"no host and port in {upstream}"
        self.upstream = (parts.hostname, parts.port)
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._seen: list[Seen] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, fault: Fault) -> Fault:
        """From now on; the oldest fault that matches a request is the one that it meets."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """No more faults; what was seen is forgotten."""
        with self._lock:
            for fault in self._faults:
                fault.release.set()
            self._faults.clear()
            self._seen.clear()

    @property
    def seen(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)

    def count(self, method: str = "", key: str = "") -> int:
        """How many such requests came, whatever became of them."""
        return sum(1 for s in self.seen if method in ("", s.method) and key in s.path)

    def start(self) -> S3Proxy:
        self._thread.start()
        return self

    def stop(self) -> None:
        self.clear()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> S3Proxy:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def choose(self, method: str, path: str, headers: Container[str] = ()) -> Fault | None:
        """The fault that this request meets; counts it."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, path, headers):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.hits < fault.times:
                    fault.hits += 1
                    return fault
        return None

    def note(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: S3Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nothing to print."""


@dataclass
class _Reply:
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: tests look at `seen`."""

    def _handle(self) -> None:
        proxy = self.server.proxy
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        fault = proxy.choose(self.command, path, {name.lower() for name in self.headers})
        action = fault.action if fault else ""
        if fault and action == "delay":
            time.sleep(fault.seconds)
        if fault and action == "hold":
            fault.reached.set()
            fault.release.wait(HOLD_TIMEOUT_S)
        body = self._body()
        reply: _Reply | None = None
        if action in ("reset", "error", "trickle"):
            for _ in body:  # the client has sent all of it before it hears
                pass
        else:
            reply = self._ask_upstream(body)
        if fault and action in ("error", "error_after"):
            text = f"<Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>".encode()
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))]
            reply = _Reply(fault.status, fault.code, headers, text)
        if action in ("reset", "drop_reply", "trickle", "trickle_after"):
            reply = None
        proxy.note(Seen(self.command, path, reply.status if reply else 0, action))
        if fault and action in ("trickle", "trickle_after"):
            self._trickle(fault)
        elif reply is None:
            self._cut()
        else:
            self._answer(reply)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle

    def _body(self) -> Iterator[bytes]:
        """The body as it stands on the wire: of known length, or in chunks with their frame."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            yield from self._chunks()
            return
        left = int(self.headers.get("Content-Length", "0"))
        while left > 0:
            data = self.rfile.read(min(left, CHUNK_BYTES))
            if not data:
                raise ConnectionError("the client went away in the middle of its body")
            left -= len(data)
            yield data

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self.rfile.readline()
            size = int(line.split(b";")[0], 16)
            yield line + self.rfile.read(size + 2)
            if size == 0:
                return

    def _ask_upstream(self, body: Iterator[bytes]) -> _Reply | None:
        """None when the server cut the connection, too."""
        connection = http.client.HTTPConnection(*self.server.proxy.upstream, timeout=UPSTREAM_TIMEOUT_S)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "expect":  # "100 Continue" was said by this proxy already
                    connection.putheader(name, value)
            connection.endheaders()
            for data in body:
                connection.send(data)
            response = connection.getresponse()
            data = response.read()
            left_out = (
                "transfer-encoding",
                "connection",
                *(("x-amz-meta-",) if self.server.proxy.drops_metadata else ()),
            )
            headers = [(n, v) for n, v in response.getheaders() if not n.lower().startswith(left_out)]
            if self.command != "HEAD" and response.getheader("Content-Length") is None:
                headers.append(("Content-Length", str(len(data))))
            return _Reply(response.status, response.reason, headers, data)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _answer(self, reply: _Reply) -> None:
        head = f"HTTP/1.1 {reply.status} {reply.reason}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        body = b"" if self.command == "HEAD" else reply.body
        self.wfile.write(head.encode("latin-1") + b"\r\n" + body)

    def _trickle(self, fault: Fault) -> None:
        self.close_connection = True
        fault.reached.set()
        give_up = time.monotonic() + TRICKLE_TIMEOUT_S
        sent = b'HTTP/1.1 200 OK\r\nETag: "'
        try:
            while time.monotonic() < give_up and not fault.release.is_set():
                self.connection.sendall(sent[:1] or b"0")
                sent = sent[1:]
                self.connection.settimeout(0.5)
                with contextlib.suppress(TimeoutError):
                    if not self.connection.recv(1):
                        break  # the client has closed
        except OSError:
            pass
        fault.release.set()

    def _cut(self) -> None:
        """Ends the connection with a reset, as a failing network does, not with an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
