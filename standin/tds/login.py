"""PRELOGIN (MS-TDS 2.2.6.5) and LOGIN7 (2.2.6.4): what the client sends, and the answers."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from standin.model import DEFAULT_COLLATION, Login
from standin.tds import tokens
from standin.tds.packets import ProtocolError

TDS_7_2, TDS_7_4, TDS_8 = 0x72090002, 0x74000004, 0x08000000
ENCRYPT_OFF, ENCRYPT_ON, ENCRYPT_NOT_SUPPORTED, ENCRYPT_REQUIRED = 0, 1, 2, 3
FEATURE_UTF8 = 0x0A

_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS, _TRACE, _FEDAUTH = range(7)


@dataclass(slots=True)
class LoginRequest:
    """What LOGIN7 says beyond the database half's Login."""

    login: Login
    packet_bytes: int
    tds_version: int
    utf8_asked: bool


def parse_prelogin(payload: bytes) -> dict[int, bytes]:
    """Option token to its data."""
    options: dict[int, bytes] = {}
    at = 0
    while at < len(payload) and payload[at] != 0xFF:
        token, offset, length = struct.unpack_from(">BHH", payload, at)
        options[token] = payload[offset : offset + length]
        at += 5
    if _VERSION not in options:
        raise ProtocolError("PRELOGIN without VERSION")
    return options


def client_encryption(options: dict[int, bytes]) -> int:
    """The client's ENCRYPTION byte; OFF if it sent none."""
    return (options.get(_ENCRYPTION) or b"\0")[0] & 0x7F


def prelogin_reply(options: dict[int, bytes], encryption: int, version: tuple[int, int, int]) -> bytes:
    """Options in the order, and their data contiguous in that order, that every known client accepts."""
    answers = [
        (_VERSION, struct.pack(">BBHH", *version, 0)),
        (_ENCRYPTION, bytes([encryption])),
        (_INSTANCE, b"\0"),
        (_THREAD, b""),
        (_MARS, b"\0"),  # none: one statement at a time on a connection
    ]
    if _FEDAUTH in options:
        answers.append((_FEDAUTH, b"\0"))
    directory, data = b"", b""
    for token, value in answers:
        directory += struct.pack(">BHH", token, 5 * len(answers) + 1 + len(data), len(value))
        data += value
    return directory + b"\xff" + data


def parse_login7(payload: bytes) -> LoginRequest:
    """Raises ProtocolError for a broken record or a client older than TDS 7.2. (TDS 8's number is below all of them.)"""
    try:
        return _parse_login7(payload)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ProtocolError(f"a broken LOGIN7 record: {error}") from error


def _parse_login7(payload: bytes) -> LoginRequest:
    _, version, packet_bytes = struct.unpack_from("<III", payload)
    options2, type_flags, options3 = payload[25:28]
    if version < TDS_7_2 and version != TDS_8:
        raise ProtocolError(f"TDS version {version:#x} is older than 7.2")
    login = Login(
        user=_text(payload, 40),
        password=_password(payload),
        database=_text(payload, 68),
        host_name=_text(payload, 36),
        app_name=_text(payload, 48),
        odbc=bool(options2 & 0x02),
        readonly_intent=bool(type_flags & 0x20),
    )
    features = _features(payload) if options3 & 0x10 else set()
    return LoginRequest(login, packet_bytes, version, FEATURE_UTF8 in features)


def _field(payload: bytes, at: int) -> bytes:
    offset, characters = struct.unpack_from("<HH", payload, at)
    return payload[offset : offset + 2 * characters]


def _text(payload: bytes, at: int) -> str:
    return _field(payload, at).decode("utf-16-le")


def _password(payload: bytes) -> str:
    """Each byte was nibble-swapped, then XORed with 0xA5."""
    plain = (byte ^ 0xA5 for byte in _field(payload, 44))
    return bytes((byte << 4 | byte >> 4) & 0xFF for byte in plain).decode("utf-16-le")


def _features(payload: bytes) -> set[int]:
    (at_pointer,) = struct.unpack_from("<H", payload, 56)
    (at,) = struct.unpack_from("<I", payload, at_pointer)
    found = set()
    while payload[at] != 0xFF:
        feature, length = struct.unpack_from("<BI", payload, at)
        found.add(feature)
        at += 5 + length
    return found


def login_reply(request: LoginRequest, database: str, packet_bytes: int, version: tuple[int, int, int]) -> bytes:
    """The tokens of a login that succeeded. Clients need ENVCHANGE 1 and 7; of the features only UTF8 is acknowledged."""
    reply = [
        tokens.env_change_text(tokens.ENV_DATABASE, database, "master"),
        tokens.info(5701, f"Changed database context to '{database}'.", state=2),
        tokens.env_change_collation(DEFAULT_COLLATION),
        tokens.env_change_text(tokens.ENV_LANGUAGE, "us_english", ""),
        tokens.info(5703, "Changed language setting to us_english."),
        tokens.login_ack(min(request.tds_version, TDS_7_4), version),
        tokens.env_change_text(tokens.ENV_PACKET_SIZE, str(packet_bytes), "4096"),
    ]
    if request.utf8_asked:
        reply.append(tokens.feature_ack(FEATURE_UTF8, b"\x01"))
    reply.append(tokens.done(0))
    return b"".join(reply)
