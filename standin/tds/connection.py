"""One client's connection: handshake, login, then requests one after another.

Two threads: this one runs requests and writes replies; a reader puts messages together meanwhile, so that an
attention, or the client's end, is noticed while rows are written.
"""

from __future__ import annotations

import contextlib
import fcntl
import queue
import socket
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator

from standin.model import Engine, Event, Session, SqlError
from standin.tds import login, packets, rpc, tokens
from standin.tds.faults import Fault, FaultBoard
from standin.tds.packets import ClearTransport, ConnectionClosed, Message, PacketReader, PacketWriter, ProtocolError
from standin.tds.procedures import Procedures
from standin.tds.response import CutConnection, Fatal, Response
from standin.tds.statement_log import Statement, StatementLog
from standin.tds.tls import PACKET_BYTES_MAX as TLS_PACKET_BYTES_MAX
from standin.tds.tls import Encryption, TlsTransport

_LOGIN_SECONDS = 30  # a client that has not logged in by then is cut, as the real server does
_DRAIN_SECONDS = 5.0  # how long the end of a connection waits for bytes on their way
_CUT_SECONDS = 0.5  # how long a cut by RST lets the session's thread end by itself
_REQUEST_PLACES = ("start", "rows", "bytes", "before_done", "before_end", "after_done")


class Connection:
    """Runs in its own thread by `run`. `close` may come from any thread."""

    def __init__(
        self,
        connection: socket.socket,
        spid: int,
        engine: Engine,
        faults: FaultBoard,
        log: StatementLog,
        encryption: Encryption | None = None,
    ) -> None:
        self.spid = spid
        self.application = ""  # of the login
        self._socket = connection
        self._engine = engine
        self._faults = faults
        self._log = log
        self._encryption = encryption
        self._transport = ClearTransport(connection)
        self._reader = PacketReader(self._transport)
        self._writer = PacketWriter(self._transport, spid)
        self._session: Session | None = None
        self._procedures: Procedures | None = None
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self._reader_thread: threading.Thread | None = None
        self._cancelled = threading.Event()
        self._closing = threading.Event()
        self._ended = threading.Event()
        self._reset_at_end = False
        self._running_lock = threading.Lock()
        self._running = False
        self._attentions = 0  # read, not yet answered

    def run(self) -> None:
        """Until the client goes, the protocol is broken, or a fault ends it."""
        reset = False
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._at_accept()
            if self._log_in():
                self._serve()
        except CutConnection as cut:
            reset = cut.reset
        except (ConnectionClosed, Fatal):
            pass
        except (ProtocolError, TimeoutError) as error:
            print(f"session {self.spid}: {error}", file=sys.stderr)
        finally:
            self._end(reset or self._reset_at_end)

    def close(self, reset: bool = False) -> None:
        """Ends the connection from outside, by RST if `reset`."""
        self._reset_at_end = reset
        self._closing.set()
        self._cancel_running()
        with contextlib.suppress(OSError):
            if reset:
                self._socket.shutdown(socket.SHUT_RD)  # sends nothing, but ends the reader
                self._ended.wait(_CUT_SECONDS)
            self._socket.shutdown(socket.SHUT_RDWR)  # ends a write to a client that does not read

    # --- handshake and login -------------------------------------------------------------------------------------

    def _at_accept(self) -> None:
        if (fault := self._faults.take("", ("connect",))) is not None:
            self._login_fault(fault)

    def _log_in(self) -> bool:
        """False when the login was refused, and said so."""
        self._socket.settimeout(_LOGIN_SECONDS)
        request = self._read_login()
        self._socket.settimeout(None)
        request.login.encrypted = self._writer.transport is not self._transport
        fault = self._faults.take(request.login.user + " " + request.login.database, ("login",))
        try:
            if fault is not None and fault.action == "error":
                fault.fired += 1
                raise SqlError(fault.number, fault.message, fault.severity, fault.state)
            self._session = self._engine.login(request.login)
            self.application = request.login.app_name
        except SqlError as error:
            self._refuse(error, request.login.user)
            return False
        self._procedures = Procedures(self._session)
        most = TLS_PACKET_BYTES_MAX if request.login.encrypted else packets.PACKET_BYTES_MAX
        packet_bytes = packets.negotiated_packet_bytes(request.packet_bytes, most)
        reply = login.login_reply(request, self._session.database, packet_bytes, self._engine.server_version)
        if fault is not None:
            self._writer.write(reply[: fault.count])
            self._login_fault(fault)
            reply = reply[fault.count :]
        self._writer.write(reply)
        self._writer.end_message()
        self._writer.packet_bytes = packet_bytes
        return True

    def _read_login(self) -> login.LoginRequest:
        strict = self._encryption is not None and self._begins_with_tls()
        if strict:
            self._encrypt_first()
        message = self._reader.read_message()
        if message.type == packets.PRELOGIN:
            options = login.parse_prelogin(message.payload)
            answer = login.ENCRYPT_NOT_SUPPORTED  # under TDS 8 nobody looks at it
            if self._encryption is not None and not strict:
                answer = self._encryption.answer(login.client_encryption(options))
            self._writer.write(login.prelogin_reply(options, answer, self._engine.server_version))
            self._writer.end_message()
            if self._encryption is not None and answer != login.ENCRYPT_NOT_SUPPORTED:
                self._encrypt(self._encryption)
            message = self._reader.read_message()
            if self._encryption is not None and answer == login.ENCRYPT_OFF:
                self._reader.transport = self._writer.transport = self._transport  # the login only
        if message.type != packets.LOGIN7:
            raise ProtocolError(f"a message of type {message.type:#x} where LOGIN7 was expected")
        return login.parse_login7(message.payload)

    def _begins_with_tls(self) -> bool:
        """A TLS record of type handshake instead of a packet: TDS 8."""
        try:
            return self._socket.recv(1, socket.MSG_PEEK) == b"\x16"
        except TimeoutError:
            raise
        except OSError:
            return False  # reading will say why

    def _encrypt_first(self) -> None:
        assert self._encryption is not None
        encrypted = TlsTransport(self._transport, self._encryption.strict_context)
        encrypted.shake_hands_first()
        self._reader.transport = self._writer.transport = encrypted

    def _encrypt(self, encryption: Encryption) -> None:
        encrypted = TlsTransport(self._transport, encryption.context)
        encrypted.shake_hands(self._reader, self._writer)
        self._reader.transport = self._writer.transport = encrypted

    def _login_fault(self, fault: Fault) -> None:
        fault.fired += 1
        self._writer.flush()
        if fault.action == "stall":
            self._pause(fault.seconds)
        else:
            raise CutConnection(reset=fault.action == "rst")

    def _refuse(self, error: SqlError, user: str) -> None:
        self._writer.write(tokens.error(error))
        if error.number == 4060:  # a login that fails for its database says so, and that it failed
            self._writer.write(tokens.error(SqlError(18456, f"Login failed for user '{user}'.", severity=14)))
        self._writer.write(tokens.done(tokens.ERROR))
        self._writer.end_message()

    # --- requests ------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        self._reader_thread = threading.Thread(target=self._read_messages, name=f"reader {self.spid}", daemon=True)
        self._reader_thread.start()
        while (message := self._messages.get()) is not None:
            self._answer(message)

    def _read_messages(self) -> None:
        try:
            while True:
                message = self._reader.read_message()
                if message.type == packets.ATTENTION:
                    with self._running_lock:
                        self._attentions += 1
                    self._cancel_running()
                self._messages.put(message)
        except ConnectionClosed:
            pass
        except ProtocolError as error:
            print(f"session {self.spid}: {error}", file=sys.stderr)
        self._closing.set()
        self._cancel_running()
        self._messages.put(None)

    def _cancel_running(self) -> None:
        with self._running_lock:
            if self._running:
                self._cancelled.set()
                if self._session is not None:
                    self._session.cancel()

    def _answer(self, message: Message) -> None:
        if message.type == packets.ATTENTION:
            with self._running_lock:
                self._attentions -= 1
            self._writer.write(tokens.done(tokens.ATTENTION_ACK))
            self._writer.end_message()
        elif message.status & packets.IGNORE:
            self._writer.write(tokens.done(tokens.ERROR))
            self._writer.end_message()
        elif message.type == packets.SQL_BATCH:
            self._answer_batch(message)
        elif message.type == packets.RPC:
            self._answer_rpc(message)
        elif message.type == packets.TRANSACTION:
            self._answer_transaction(message)
        else:
            raise ProtocolError(f"a message of type {message.type:#x} is not supported")

    def _answer_batch(self, message: Message) -> None:
        text = rpc.parse_batch(message.payload)
        assert self._procedures is not None
        events = self._procedures.batch
        self._reply(message, "batch", text, [], lambda response: response.batch(_lazily(lambda: events(text))))

    def _answer_rpc(self, message: Message) -> None:
        procedures = self._procedures
        assert procedures is not None
        try:
            calls = rpc.parse_rpc(message.payload)
        except SqlError as error:
            refusal = error
            self._reply(message, "rpc", "", [], lambda response: response.procedure(_raising(refusal)))
            return

        def body(response: Response) -> None:
            for call in calls:
                response.procedure(_lazily(lambda one=call: procedures.call(one)))

        text = "\n".join(procedures.text_of(call) for call in calls)
        parameters = [repr(param.value) for call in calls for param in call.params]
        self._reply(message, "rpc", text, parameters, body)

    def _answer_transaction(self, message: Message) -> None:
        request = rpc.parse_transaction(message.payload)
        text = {5: "BEGIN TRANSACTION", 7: "COMMIT", 8: "ROLLBACK", 9: "SAVE TRANSACTION"}.get(request.kind, "?")
        self._reply(
            message, "transaction", text, [], lambda response: response.batch(self._transaction_events(request))
        )

    def _transaction_events(self, request: rpc.TransactionRequest) -> Iterator[Event]:
        session = self._session
        assert session is not None
        match request.kind:
            case rpc.TM_BEGIN:
                yield from session.begin(request.isolation, request.name)
            case rpc.TM_COMMIT:
                yield from session.commit(request.name, request.begin_new)
            case rpc.TM_ROLLBACK:
                yield from session.rollback(request.name, request.begin_new)
            case rpc.TM_SAVE:
                yield from session.save(request.name)
            case _:
                raise SqlError(50000, f"Transaction manager request {request.kind} is not supported.")

    def _reply(
        self, message: Message, kind: str, text: str, parameters: list[str], body: Callable[[Response], None]
    ) -> None:
        """Runs one request: its fault, its line in the log, its reply."""
        session = self._session
        assert session is not None
        statement = Statement(time.time(), self.spid, kind, text, parameters)
        response = Response(
            self._writer,
            lambda: session.database,
            self._cancelled.is_set,
            self._pause,
            self._faults.take(text, _REQUEST_PLACES),
            lambda: session.text_size_bytes,
        )
        with self._running_lock:
            if self._attentions == 0:
                self._cancelled.clear()
            else:
                self._cancelled.set()  # it came before the request had begun
            self._running = not self._closing.is_set()
        if not self._running:
            raise ConnectionClosed("closing")
        self._log.started(statement)
        started, bytes_before = time.monotonic(), self._writer.total_bytes
        try:
            response.run(self._with_reset(message, body))
        finally:
            with self._running_lock:
                self._running = False
            error = response.error
            self._log.ended(
                statement,
                rows=response.rows,
                reply_bytes=self._writer.total_bytes - bytes_before,
                error=error.number if error else None,
                cancelled=self._cancelled.is_set(),
                seconds=time.monotonic() - started,
            )

    def _with_reset(self, message: Message, body: Callable[[Response], None]) -> Callable[[Response], None]:
        if not message.status & (packets.RESET | packets.RESET_KEEP_TRANSACTION):
            return body

        def reset_first(response: Response) -> None:
            assert self._session is not None and self._procedures is not None
            self._session.reset()
            self._procedures.reset()
            response.reset_acknowledged()
            body(response)

        return reset_first

    def _pause(self, seconds: float) -> None:
        """A stall that a closing connection cuts short."""
        self._closing.wait(seconds)

    # --- the end -------------------------------------------------------------------------------------------------

    def _end(self, reset: bool) -> None:
        self._closing.set()
        if self._session is not None:
            self._session.close()
        if reset:
            self._wait_until_sent()
            self._linger_zero()
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)  # sends nothing; wakes the reader, so that close is final
        else:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
            self._drain()
        if self._reader_thread is not None:
            self._reader_thread.join(_DRAIN_SECONDS)
        self._socket.close()
        self._ended.set()

    def _drain(self) -> None:
        """Reads on until the client closes: closing with unread bytes would turn FIN into RST and lose the reply."""
        if self._reader_thread is not None:
            self._reader_thread.join(_DRAIN_SECONDS)
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)
            return
        self._socket.settimeout(_DRAIN_SECONDS)
        with contextlib.suppress(ConnectionClosed):
            while True:
                self._transport.receive()

    def _wait_until_sent(self) -> None:
        """RST drops what the kernel has not sent; what the fault let through must arrive."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while _unsent_bytes(self._socket) and time.monotonic() < deadline:
            time.sleep(0.005)

    def _linger_zero(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _unsent_bytes(connection: socket.socket) -> int:
    """SIOCOUTQ: bytes that the other side has not acknowledged (tcp(7))."""
    try:
        return int.from_bytes(fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4), sys.byteorder)
    except OSError:
        return 0


def _lazily(start: Callable[[], Iterator[Event]]) -> Iterator[Event]:
    """Errors of the call itself become errors of the iteration."""
    yield from start()


def _raising(error: SqlError) -> Iterator[Event]:
    raise error
    yield
