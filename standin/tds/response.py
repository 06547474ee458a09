"""From the database half's events to one reply message: the rules of DONE tokens, rows, errors, faults.

A DONE is held back until it is known whether something follows it, because only the last may lack MORE.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from standin import model
from standin.model import Event, SqlError
from standin.tds import tokens
from standin.tds.faults import Fault
from standin.tds.packets import ConnectionClosed, PacketWriter
from standin.tds.rows import cut_long_values, row_ends
from standin.tds.values import nbcrow_encoder, row_encoder

_ROWS_A_WRITE = 64
_SLICE_BYTES = 64 * 1024  # how much of ready-made rows is written between two looks for an attention


class Cancelled(Exception):
    """The client has sent an attention, or has gone."""


class CutConnection(Exception):
    """A fault ends the connection here, by RST or by FIN."""

    def __init__(self, reset: bool) -> None:
        super().__init__("RST" if reset else "FIN")
        self.reset = reset


class Fatal(Exception):
    """An error of severity 20 or more was sent: close."""


class _Ended(Exception):
    """A fault ended the reply early, without its error or without its DONE."""


class Response:
    """One reply message. Use: any number of `batch` and `procedure`, then `end`."""

    def __init__(
        self,
        writer: PacketWriter,
        database: Callable[[], str],
        cancelled: Callable[[], bool],
        pause: Callable[[float], None],
        fault: Fault | None = None,
        text_size: Callable[[], int] = lambda: model.TEXT_SIZE_MAX,
    ) -> None:
        self.rows = 0
        self.error: SqlError | None = None
        self._writer = writer
        self._database = database
        self._cancelled = cancelled
        self._pause = pause
        self._fault = fault
        self._text_size = text_size
        self._held: tuple[int, int, int, int] | None = None  # a DONE: token, status, command, count
        self._columns: Sequence[model.Column] = ()
        self._result_open = False
        self._in_procedure = False
        self._return_status = 0
        self._return_values: list[model.ReturnValue] = []
        self._encode: Callable[[Sequence[Any]], bytes] = bytes
        self._encode_with_nulls: Callable[[Sequence[Any]], bytes] = bytes

    def reset_acknowledged(self) -> None:
        self._put(tokens.env_change_reset())

    def batch(self, events: Iterable[Event]) -> None:
        """Writes a batch's events. SqlErrors become tokens. Raises Cancelled, CutConnection, Fatal."""
        self._in_procedure = False
        self._consume(events)

    def procedure(self, events: Iterable[Event]) -> None:
        """Writes the events of one RPC, then its RETURNSTATUS, RETURNVALUEs and DONEPROC."""
        self._in_procedure, self._return_status, self._return_values = True, 0, []
        failed = self._consume(events)
        self._put(tokens.return_status(failed.number if failed else self._return_status))
        for ordinal, value in enumerate(self._return_values):
            self._put(tokens.return_value(ordinal, value.name, value.type, value.value))
        self._hold(tokens.DONE_PROC, tokens.ERROR if failed else 0)

    def end(self) -> None:
        """Writes the last DONE and ends the message."""
        if self._held is None:
            self._hold(tokens.DONE, 0)
        self._fire_at("before_done")
        self._release(0)
        self._fire_at("before_end")
        self._writer.end_message()
        self._fire_at("after_done")

    def end_cancelled(self) -> None:
        """Ends the reply early; the attention's own message comes after it."""
        self._held = None
        self._writer.write(tokens.done(tokens.ERROR))
        self._writer.end_message()

    def end_early(self, with_done: bool) -> None:
        """What a fault makes of the end: DONE with its error bit, or none at all."""
        if with_done:
            self._writer.write(tokens.done(tokens.ERROR))
        self._writer.end_message()

    def run(self, body: Callable[[Response], None]) -> None:
        """Calls body, then ends the message however body ended. Raises CutConnection, Fatal."""
        try:
            self._fire_at("start")
            body(self)
            self.end()
        except SqlError as error:  # from a fault outside the events
            self._failed(error)
            self._release(0)
            self._writer.end_message()
        except Cancelled:
            self.end_cancelled()
        except _Ended as ended:
            self.end_early(with_done=ended.args[0])

    def _consume(self, events: Iterable[Event]) -> SqlError | None:
        """Returns the error that ended the events, after its tokens."""
        failed = None
        try:
            for event in events:
                if self._cancelled():
                    raise Cancelled
                self._write_event(event)
        except (Cancelled, CutConnection, Fatal, _Ended, ConnectionClosed):
            raise
        except Exception as error:
            if self._cancelled():
                raise Cancelled from error
            failed = error if isinstance(error, SqlError) else _internal(error)
            self._failed(failed)
        finally:
            if hasattr(events, "close"):
                events.close()
        if self._cancelled():
            raise Cancelled
        return failed

    def _write_event(self, event: Event) -> None:
        match event:
            case model.Columns():
                self._open_result(event.columns)
            case model.Rows():
                self._write_rows(event.rows)
            case model.WireRows():
                self._write_wire_rows(event)
            case model.Done():
                self._done(event)
            case model.Info():
                self._put(tokens.info(event.number, event.message, event.severity, event.state, event.line))
            case SqlError():
                self._failed(event)
            case model.DatabaseChanged():
                self._put(tokens.env_change_text(tokens.ENV_DATABASE, event.new, event.old))
                self._put(tokens.info(5701, f"Changed database context to '{event.new}'.", state=2))
            case model.TransactionBegan():
                self._put(tokens.env_change_transaction(tokens.ENV_BEGIN, event.descriptor))
            case model.TransactionEnded():
                kind = tokens.ENV_COMMIT if event.committed else tokens.ENV_ROLLBACK
                self._put(tokens.env_change_transaction(kind, event.descriptor))
            case model.ReturnStatus():
                self._returned(event.value)
            case model.ReturnValue():
                self._return_values.append(event)
            case _:
                raise TypeError(f"not an event: {event!r}")

    def _open_result(self, columns: Sequence[model.Column]) -> None:
        self._columns, self._result_open = columns, True
        self._encode, self._encode_with_nulls = row_encoder(columns), nbcrow_encoder(columns)
        self._put(tokens.col_metadata(columns, self._database()))
        fault = self._fault
        at_once = fault is not None and fault.at == "rows" and fault.count == self.rows
        if fault is not None and at_once and not fault.inside_row and fault.action != "replace":
            self._fire()

    def _write_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        encode, encode_with_nulls = self._encode, self._encode_with_nulls
        bitmap_bytes, text_size = (len(self._columns) + 7) // 8, self._text_size()
        encoded: list[bytes] = []
        try:
            for row in rows:
                nulls = [value is None for value in row].count(True)
                whole = encode_with_nulls(row) if nulls > bitmap_bytes else encode(row)
                encoded.append(
                    whole if len(whole) <= text_size else cut_long_values(self._columns, encode(row), text_size)
                )
                if len(encoded) >= _ROWS_A_WRITE:
                    full, encoded = encoded, []
                    self._put_rows(full)
                    if self._cancelled():
                        raise Cancelled
        except SqlError:
            if encoded:
                self._put_rows(encoded)  # the rows before an error arrive, as from the real server
            raise
        if encoded:
            self._put_rows(encoded)

    def _put_rows(self, rows: list[bytes]) -> None:
        fault = self._fault
        if fault is not None and fault.action == "replace":
            self._put(b"".join(self._replaced(rows, fault)))
            self.rows += len(rows)
            return
        left = fault.count - self.rows if fault is not None and fault.at == "rows" else -1
        if fault is None or left < 0 or left > len(rows) or (fault.inside_row and left == len(rows)):
            self._put(b"".join(rows))
            self.rows += len(rows)
            return
        head = b"".join(rows[:left])
        if fault.inside_row:
            head += rows[left][: max(1, len(rows[left]) // 2)]
        if head:
            self._put(head)
        self.rows += left
        self._fire()
        rest = b"".join(rows[left:])
        self._put(rest[len(head) - len(b"".join(rows[:left])) :])
        self.rows += len(rows) - left

    def _replaced(self, rows: list[bytes], fault: Fault) -> list[bytes]:
        find = bytes.fromhex(fault.find)
        at = next((number for number, row in enumerate(rows) if find in row), None)
        if at is None:
            return rows
        fault.fired, self._fault = fault.fired + 1, None
        return [*rows[:at], rows[at].replace(find, bytes.fromhex(fault.put), 1), *rows[at + 1 :]]

    def _write_wire_rows(self, event: model.WireRows) -> None:
        if len(event.data) > (text_size := self._text_size()):
            event = model.WireRows(cut_long_values(self._columns, event.data, text_size), event.count)
        if self._fault is not None and self._fault.at == "rows":
            bounds = pairwise([0, *row_ends(self._columns, event.data)])
            if pieces := [bytes(event.data[start:end]) for start, end in bounds]:
                self._put_rows(pieces)
            return
        view = memoryview(event.data)
        for start in range(0, len(view), _SLICE_BYTES):
            if self._cancelled():
                self._finish_row(view, start)
                raise Cancelled
            self._put(view[start : start + _SLICE_BYTES])
        self.rows += event.count

    def _finish_row(self, data: memoryview, written: int) -> None:
        """Slices end anywhere; the DONE of a cancelled reply may only come after a whole row."""
        if written:
            end = next(end for end in row_ends(self._columns, data) if end >= written)
            self._put(data[written:end])

    def _done(self, event: model.Done) -> None:
        if self._result_open:
            self._fire_at("before_done")
        self._result_open = False
        token = tokens.DONE_IN_PROC if self._in_procedure else tokens.DONE
        self._hold(token, 0 if event.count is None else tokens.COUNT, event.command, event.count or 0)

    def _returned(self, status: int) -> None:
        """A procedure's RETURN: of the RPC itself, or of an EXEC inside a batch."""
        if self._in_procedure:
            self._return_status = status
        else:
            self._put(tokens.return_status(status))
            self._hold(tokens.DONE_PROC, 0)

    def _failed(self, error: SqlError) -> None:
        self.error = error
        self._put(tokens.error(error))
        if error.severity >= 20:
            self._held = None
            self._writer.write(tokens.done(tokens.ERROR | tokens.FATAL))
            self._writer.end_message()
            raise Fatal(str(error))
        self._result_open = False
        self._hold(tokens.DONE_IN_PROC if self._in_procedure else tokens.DONE, tokens.ERROR)

    def _hold(self, token: int, status: int, command: int = 0, count: int = 0) -> None:
        self._release(tokens.MORE)
        self._held = (token, status, command, count)

    def _release(self, more: int) -> None:
        if self._held is not None:
            token, status, command, count = self._held
            self._held = None
            self._write(tokens.done(status | more, command, count, token))

    def _put(self, data: bytes | bytearray | memoryview) -> None:
        self._release(tokens.MORE)
        self._write(data)

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        fault = self._fault
        if fault is not None and fault.at == "bytes":
            left = fault.count - self._writer.message_bytes
            if left <= len(data):
                self._writer.write(data[:left])
                self._fire()
                data = data[left:]
        self._writer.write(data)

    def _fire_at(self, place: str) -> None:
        if self._fault is not None and self._fault.at == place:
            self._fire()

    def _fire(self) -> None:
        """Does the fault, once a reply, with everything written so far sent."""
        fault, self._fault = self._fault, None
        assert fault is not None
        fault.fired += 1
        self._writer.flush()
        match fault.action:
            case "fin" | "rst":
                raise CutConnection(reset=fault.action == "rst")
            case "stall":
                self._pause(fault.seconds)
            case "error":
                raise SqlError(fault.number, fault.message, fault.severity, fault.state)
            case "info":
                self._writer.write(tokens.info(fault.number, fault.message, fault.severity, fault.state))
            case "done_error" | "no_done":
                raise _Ended(fault.action == "done_error")


def _internal(error: Exception) -> SqlError:
    """A bug of the stand-in: said to the client and, with its place, on stderr; never an empty result."""
    traceback.print_exception(error)
    return SqlError(50000, f"The stand-in failed: {type(error).__name__}: {error}")
