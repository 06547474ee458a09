"""A TDS client of bare bytes, for what no ready-made client can be made to send."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

LOGIN7, SQL_BATCH, RPC, ATTENTION, PRELOGIN = 0x10, 1, 3, 6, 0x12
HEADERS = bytes.fromhex("16000000120000000200") + b"\0" * 8 + bytes.fromhex("01000000")
ATTENTION_ACK = 0x20


@dataclass(frozen=True)
class DoneToken:
    token: int
    status: int
    command: int
    count: int


class RawClient:
    """Logs in from construction; `ask` sends one message and returns the reply's payload."""

    def __init__(self, port: int, password: str, user: str = "sa") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._buffer = b""
        options = bytes.fromhex("00000b0006010011 0001".replace(" ", "") + "ff") + b"\x10\0\0\0\0\0" + b"\2"
        self.prelogin = self.ask(PRELOGIN, options)
        self.login = self.ask(LOGIN7, _login7(user, password))

    def close(self) -> None:
        self.socket.close()

    def send(self, kind: int, payload: bytes, status: int = 1) -> None:
        self.socket.sendall(struct.pack(">BBHHBB", kind, status, len(payload) + 8, 0, 1, 0) + payload)

    def receive(self) -> bytes:
        """One reply message. Raises EOFError when the server closed before its end."""
        payload = b""
        while True:
            kind, status, length = struct.unpack(">BBH", self._take(8)[:4])
            assert kind == 4
            payload += self._take(length - 8)
            if status & 1:
                return payload

    def ask(self, kind: int, payload: bytes, status: int = 1) -> bytes:
        self.send(kind, payload, status)
        return self.receive()

    def batch(self, text: str, status: int = 1) -> bytes:
        return self.ask(SQL_BATCH, HEADERS + text.encode("utf-16-le"), status)

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the server closed the connection inside a message")
            self._buffer += data
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data


def last_done(payload: bytes) -> DoneToken:
    """The DONE, DONEPROC or DONEINPROC that ends a reply."""
    token, status, command, count = struct.unpack("<BHHQ", payload[-13:])
    assert token in (0xFD, 0xFE, 0xFF)
    return DoneToken(token, status, command, count)


def rpc_call(proc_id: int, *parameters: bytes) -> bytes:
    return struct.pack("<HHH", 0xFFFF, proc_id, 0) + b"".join(parameters)


def int_parameter(value: int | None, output: bool = False) -> bytes:
    data = b"\0" if value is None else b"\4" + struct.pack("<i", value)
    return bytes([0, int(output), 0x26, 4]) + data


def text_parameter(text: str) -> bytes:
    data = text.encode("utf-16-le")
    return b"\0\0\xe7" + struct.pack("<H", 8000) + b"\x09\x04\xd0\0\x34" + struct.pack("<H", len(data)) + data


def _login7(user: str, password: str) -> bytes:
    def swapped(text: str) -> bytes:
        return bytes(((byte << 4 | byte >> 4) & 0xFF) ^ 0xA5 for byte in text.encode("utf-16-le"))

    texts = ["raw", user, password, "raw client", "server", "", "", "", ""]
    fields, data = b"", b""
    for index, text in enumerate(texts):
        encoded = swapped(text) if index == 2 else text.encode("utf-16-le")
        fields += struct.pack("<HH", 94 + len(data), len(text))
        data += encoded
    head = struct.pack("<IIIIII", 94 + len(data), 0x74000004, 4096, 7, 1, 0) + bytes([0xE0, 3, 0, 0]) + b"\0" * 8
    tail = b"\0" * 6 + struct.pack("<HHHHHH", 94, 0, 94, 0, 94, 0) + b"\0" * 4
    return head + fields + tail + data
