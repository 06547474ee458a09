"""Packets and messages (MS-TDS 2.2.3): an eight-byte header before each piece of a message.

Reading and writing are independent objects, because an attention can arrive while rows are written.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Protocol

SQL_BATCH, RPC, REPLY, ATTENTION, BULK, TRANSACTION, LOGIN7, SSPI, PRELOGIN = 1, 3, 4, 6, 7, 0x0E, 0x10, 0x11, 0x12
END_OF_MESSAGE, IGNORE, RESET, RESET_KEEP_TRANSACTION = 0x01, 0x02, 0x08, 0x10

HEADER_BYTES = 8
PACKET_BYTES_DEFAULT = 4096
PACKET_BYTES_MIN, PACKET_BYTES_MAX = 512, 32767
MESSAGE_BYTES_MAX = 256 * 1024 * 1024  # a request larger than this is a bug of the client or an attack
_SEND_BYTES = 128 * 1024  # how much is gathered before one send


class ConnectionClosed(Exception):
    """The client has gone; there is nobody to answer."""


class ProtocolError(Exception):
    """The client sent what TDS does not allow; the connection cannot go on."""


class Transport(Protocol):
    """Bytes both ways. `receive` and `send` may be called from two threads at once."""

    def receive(self) -> bytes:
        """Some bytes, at least one. Raises ConnectionClosed at the end."""

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """All of them. Raises ConnectionClosed."""


class ClearTransport:
    """A TCP connection as it is."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def receive(self) -> bytes:
        try:
            data = self._socket.recv(65536)
        except OSError as error:
            raise ConnectionClosed(str(error)) from error
        if not data:
            raise ConnectionClosed("the client closed the connection")
        return data

    def send(self, data: bytes | bytearray | memoryview) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionClosed(str(error)) from error


@dataclass(slots=True)
class Message:
    """One whole message of the client. `status` has the bits of its first packet (reset) and its last (ignore)."""

    type: int
    status: int
    payload: bytes


class PacketReader:
    """Puts messages together. One thread."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._buffer = bytearray()

    def read_message(self) -> Message:
        """The next message, waiting for it. Raises ConnectionClosed, ProtocolError."""
        kind, status, payload = self._read_packet()
        pieces, size = [payload], len(payload)
        while not status & END_OF_MESSAGE:
            next_kind, next_status, payload = self._read_packet()
            if next_kind != kind:
                raise ProtocolError(f"a packet of type {next_kind:#x} inside a message of type {kind:#x}")
            pieces.append(payload)
            size += len(payload)
            status |= next_status
            if size > MESSAGE_BYTES_MAX:
                raise ProtocolError(f"a message of more than {MESSAGE_BYTES_MAX} bytes")
        return Message(kind, status, b"".join(pieces))

    def take_buffered(self) -> bytes:
        """What was received beyond the last message: it belongs to another layer from now on."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def _read_packet(self) -> tuple[int, int, bytes]:
        header = self._take(HEADER_BYTES)
        kind, status, length = struct.unpack(">BBH", header[:4])
        if length < HEADER_BYTES:
            raise ProtocolError(f"a packet of {length} bytes")
        return kind, status, self._take(length - HEADER_BYTES)

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += self.transport.receive()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data


class PacketWriter:
    """Cuts reply messages into packets and sends them. One thread.

    Nothing is sent until enough is gathered, `flush` or `end_message`."""

    def __init__(self, transport: Transport, spid: int) -> None:
        self.transport = transport
        self.packet_bytes = PACKET_BYTES_DEFAULT
        self.message_type = REPLY
        self.message_bytes = 0  # of the message being written, headers not counted
        self.total_bytes = 0  # of all messages, headers not counted
        self._spid = spid
        self._number = 0
        self._payload = bytearray()
        self._packets = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Adds to the message. The last packet's worth is always held back: it must carry the end's status."""
        self.message_bytes += len(data)
        self.total_bytes += len(data)
        room = self.packet_bytes - HEADER_BYTES
        if len(self._payload) + len(data) <= room:
            self._payload += data
            return
        view = memoryview(data)
        while len(view) + len(self._payload) > room:
            free = room - len(self._payload)
            self._payload += view[:free]
            view = view[free:]
            self._cut_packet(0)
            if len(self._packets) >= _SEND_BYTES:
                self._send()
        self._payload += view

    def end_message(self) -> None:
        self._cut_packet(END_OF_MESSAGE)
        self._send()
        self._number = 0
        self.message_bytes = 0

    def flush(self) -> None:
        """Sends what there is as a packet that does not end the message."""
        if self._payload:
            self._cut_packet(0)
        self._send()

    def _cut_packet(self, status: int) -> None:
        self._number = (self._number + 1) & 0xFF
        length = len(self._payload) + HEADER_BYTES
        self._packets += struct.pack(">BBHHBB", self.message_type, status, length, self._spid & 0xFFFF, self._number, 0)
        self._packets += self._payload
        self._payload.clear()

    def _send(self) -> None:
        if self._packets:
            data, self._packets = self._packets, bytearray()
            self.transport.send(data)


def negotiated_packet_bytes(asked: int, most: int = PACKET_BYTES_MAX) -> int:
    """The packet size for a client that asked for `asked` in LOGIN7 (0: the server's default)."""
    if asked == 0:
        return PACKET_BYTES_DEFAULT
    return min(max(asked, PACKET_BYTES_MIN), most) // 4 * 4
