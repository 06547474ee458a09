"""TLS inside PRELOGIN (MS-TDS 3.3.5.1): handshake flights travel in packets of type 0x12, then raw TLS records.

TLS 1.2 at most: the session tickets of 1.3 do not fit the wrapping. A client that asks for ENCRYPT_OFF has its
LOGIN7 encrypted only; everything after it is in clear.

Or TDS 8 ("strict"): TLS on the bare socket before anything else, its protocol named by ALPN.
"""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

from standin.tds import login, packets
from standin.tds.packets import ConnectionClosed, PacketReader, PacketWriter, ProtocolError, Transport

PACKET_BYTES_MAX = 16384  # one TLS record a packet at most, as the real server caps it


class Encryption:
    """What the server has and wants: a certificate, and whether it insists."""

    def __init__(self, certificate: Path, key: Path, required: bool = False) -> None:
        """PEM files. Raises OSError or ssl.SSLError when they cannot be used."""
        self.required = required
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.strict_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.strict_context.set_alpn_protocols(["tds/8.0"])
        for context in (self.context, self.strict_context):
            context.options |= ssl.OP_NO_TICKET
            context.load_cert_chain(certificate, key)

    def answer(self, asked: int) -> int:
        """The ENCRYPTION byte for a client's."""
        if asked == login.ENCRYPT_NOT_SUPPORTED:
            return login.ENCRYPT_REQUIRED if self.required else login.ENCRYPT_NOT_SUPPORTED
        if asked == login.ENCRYPT_OFF:
            return login.ENCRYPT_REQUIRED if self.required else login.ENCRYPT_OFF
        return login.ENCRYPT_ON


class TlsTransport:
    """TLS over another transport. Reading and writing from two threads: the TLS state has a lock, waiting has none."""

    def __init__(self, below: Transport, context: ssl.SSLContext) -> None:
        self._below = below
        self._lock = threading.Lock()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def shake_hands(self, reader: PacketReader, writer: PacketWriter) -> None:
        """Each flight is one message. Raises ProtocolError when it fails."""
        writer.message_type = packets.PRELOGIN
        done = False
        while not done:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                raise ProtocolError(f"TLS: {error}") from error
            if flight := self._outgoing.read():
                writer.write(flight)
                writer.end_message()
            if not done:
                message = reader.read_message()
                if message.type != packets.PRELOGIN:
                    raise ProtocolError(f"a message of type {message.type:#x} inside the TLS handshake")
                self._incoming.write(message.payload)
        writer.message_type = packets.REPLY
        self._incoming.write(reader.take_buffered())

    def shake_hands_first(self) -> None:
        """TDS 8: bare TLS records. Raises ProtocolError when it fails, ConnectionClosed when the client goes."""
        done = False
        while not done:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                raise ProtocolError(f"TLS: {error}") from error
            if flight := self._outgoing.read():
                self._below.send(flight)
            if not done:
                self._incoming.write(self._below.receive())
        if self._tls.selected_alpn_protocol() != "tds/8.0":
            raise ProtocolError("TLS from the first byte without the protocol tds/8.0")

    def receive(self) -> bytes:
        while True:
            with self._lock:
                try:
                    if data := self._tls.read(65536):
                        return data
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError as error:
                    raise ConnectionClosed(f"TLS: {error}") from error
                else:
                    raise ConnectionClosed("the client ended TLS")
            received = self._below.receive()
            with self._lock:
                self._incoming.write(received)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        with self._lock:
            try:
                self._tls.write(data)
            except ssl.SSLError as error:
                raise ConnectionClosed(f"TLS: {error}") from error
            records = self._outgoing.read()
        self._below.send(records)
