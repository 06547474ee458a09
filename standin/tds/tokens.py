"""Tokens of a reply (MS-TDS 2.2.7), each as bytes. All integers little-endian unless said."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from standin.model import Column, SqlError, SqlType
from standin.tds.values import b_varchar, type_info, us_varchar, value_encoder

SERVER_NAME = "standin"

ENV_DATABASE, ENV_LANGUAGE, ENV_PACKET_SIZE, ENV_COLLATION = 1, 2, 4, 7
ENV_BEGIN, ENV_COMMIT, ENV_ROLLBACK, ENV_RESET = 8, 9, 10, 18

DONE, DONE_PROC, DONE_IN_PROC = 0xFD, 0xFE, 0xFF
MORE, ERROR, COUNT, ATTENTION_ACK, FATAL = 0x01, 0x02, 0x10, 0x20, 0x100
SELECT_COMMAND = 0xC1

_NULLABLE, _UPDATE_UNKNOWN, _IDENTITY, _COMPUTED = 0x0001, 0x0008, 0x0010, 0x0020
_ROWVERSION_USER_TYPE = 80


def col_metadata(columns: Sequence[Column], database: str) -> bytes:
    """COLMETADATA. `database` is named as the home of CLR types."""
    return b"\x81" + struct.pack("<H", len(columns)) + b"".join(_column(column, database) for column in columns)


def _column(column: Column, database: str) -> bytes:
    flags = _NULLABLE if column.nullable else 0
    flags |= _IDENTITY if column.identity else _COMPUTED if column.computed else _UPDATE_UNKNOWN
    user_type = _ROWVERSION_USER_TYPE if column.type.name == "rowversion" else 0
    head = struct.pack("<IH", user_type, flags) + type_info(column.type, database)
    if column.type.name in ("text", "ntext", "image"):
        head += b"\x01" + us_varchar("")  # the table's name in one part; unknown here, and clients do not ask
    return head + b_varchar(column.name)


def _counted(token: int, body: bytes) -> bytes:
    return struct.pack("<BH", token, len(body)) + body


def env_change_text(kind: int, new: str, old: str) -> bytes:
    return _counted(0xE3, bytes([kind]) + b_varchar(new) + b_varchar(old))


def env_change_collation(collation: bytes) -> bytes:
    return _counted(0xE3, bytes([ENV_COLLATION, len(collation)]) + collation + b"\0")


def env_change_transaction(kind: int, descriptor: int) -> bytes:
    """ENV_BEGIN carries the new descriptor, ENV_COMMIT and ENV_ROLLBACK the old one."""
    value = b"\x08" + struct.pack("<Q", descriptor)
    return _counted(0xE3, bytes([kind]) + (value + b"\0" if kind == ENV_BEGIN else b"\0" + value))


def env_change_reset() -> bytes:
    return _counted(0xE3, bytes([ENV_RESET, 0, 0]))


def info(number: int, message: str, severity: int = 0, state: int = 1, line: int = 1) -> bytes:
    return _message(0xAB, number, message, severity, state, "", line)


def error(failure: SqlError) -> bytes:
    text = failure.message
    return _message(0xAA, failure.number, text, failure.severity, failure.state, failure.procedure, failure.line)


def _message(token: int, number: int, message: str, severity: int, state: int, procedure: str, line: int) -> bytes:
    text = message if len(message) <= 2047 else message[:2044] + "..."  # the longest that SQL Server sends
    body = struct.pack("<iBB", number, state & 0xFF, severity) + us_varchar(text)
    return _counted(token, body + b_varchar(SERVER_NAME) + b_varchar(procedure[:128]) + struct.pack("<I", line))


def done(status: int, command: int = 0, count: int = 0, token: int = DONE) -> bytes:
    return struct.pack("<BHHQ", token, status, command & 0xFFFF, count)


def return_status(value: int) -> bytes:
    return struct.pack("<Bi", 0x79, value)


def return_value(ordinal: int, name: str, sql_type: SqlType, value: Any) -> bytes:
    head = struct.pack("<BH", 0xAC, ordinal) + b_varchar(name) + b"\x01" + struct.pack("<IH", 0, _NULLABLE)
    return head + type_info(sql_type) + value_encoder(sql_type)(value)


def login_ack(tds_version: int, server_version: tuple[int, int, int]) -> bytes:
    """LOGINACK; its TDS version is big-endian, unlike LOGIN7's."""
    major, minor, build = server_version
    body = b"\x01" + struct.pack(">I", tds_version) + b_varchar("Microsoft SQL Server")
    return _counted(0xAD, body + struct.pack(">BBH", major, minor, build))


def feature_ack(feature: int, data: bytes) -> bytes:
    return b"\xae" + struct.pack("<BI", feature, len(data)) + data + b"\xff"
