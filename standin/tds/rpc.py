"""SQLBatch, RPC and transaction manager requests (MS-TDS 2.2.6.6, 2.2.6.7, 2.2.6.9) from bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

from standin.model import Param
from standin.tds.decode import ByteReader, read_parameter
from standin.tds.packets import ProtocolError

PROCEDURE_NAMES = {
    1: "sp_cursor",
    2: "sp_cursoropen",
    3: "sp_cursorprepare",
    4: "sp_cursorexecute",
    5: "sp_cursorprepexec",
    6: "sp_cursorunprepare",
    7: "sp_cursorfetch",
    8: "sp_cursoroption",
    9: "sp_cursorclose",
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    14: "sp_prepexecrpc",
    15: "sp_unprepare",
}
_BY_REFERENCE, _DEFAULT = 0x01, 0x02
TM_BEGIN, TM_COMMIT, TM_ROLLBACK, TM_SAVE = 5, 7, 8, 9


@dataclass(slots=True)
class RpcCall:
    """One procedure call; the name as the client wrote it, or the name of its ProcID."""

    procedure: str
    params: list[Param] = field(default_factory=list)


@dataclass(slots=True)
class TransactionRequest:
    kind: int
    isolation: int = 0
    name: str = ""
    begin_new: bool = False


def skip_headers(payload: bytes) -> ByteReader:
    """A reader after ALL_HEADERS."""
    reader = ByteReader(payload)
    total = reader.unpack("<I")
    if total < 4 or total > len(payload):
        raise ProtocolError(f"ALL_HEADERS of {total} bytes in a request of {len(payload)}")
    reader.at = total
    return reader


def parse_batch(payload: bytes) -> str:
    return payload[skip_headers(payload).at :].decode("utf-16-le", "surrogatepass")


def parse_rpc(payload: bytes) -> list[RpcCall]:
    """All calls of one message. Raises SqlError 8009 for a parameter of an unknown type."""
    reader = skip_headers(payload)
    calls = []
    while not reader.at_end:
        calls.append(_call(reader))
    return calls


def _call(reader: ByteReader) -> RpcCall:
    characters = reader.unpack("<H")
    if characters == 0xFFFF:
        number = reader.unpack("<H")
        name = PROCEDURE_NAMES.get(number, f"ProcID {number}")
    else:
        name = reader.take(2 * characters).decode("utf-16-le")
    reader.take(2)  # option flags: recompile, no metadata, reuse metadata; a server may ignore each
    call = RpcCall(name)
    while not reader.at_end:
        if reader.data[reader.at] in (0xFF, 0x80):  # a separator: another call follows
            reader.at += 1
            break
        param_name = reader.b_varchar()
        status = reader.take(1)[0]
        sql_type, value = read_parameter(reader)
        if not (status & _DEFAULT and param_name):  # a named default is the same as leaving it out
            call.params.append(Param(param_name, sql_type, value, bool(status & _BY_REFERENCE)))
    return call


def parse_transaction(payload: bytes) -> TransactionRequest:
    reader = skip_headers(payload)
    kind = reader.unpack("<H")
    if kind == TM_BEGIN:
        return TransactionRequest(kind, reader.take(1)[0], _name(reader))
    if kind in (TM_COMMIT, TM_ROLLBACK):
        name, flags = _name(reader), reader.take(1)[0]
        if flags & 1:
            return TransactionRequest(kind, reader.take(1)[0], name, begin_new=True)
        return TransactionRequest(kind, 0, name)
    if kind == TM_SAVE:
        return TransactionRequest(kind, 0, _name(reader))
    return TransactionRequest(kind)


def _name(reader: ByteReader) -> str:
    """A length in bytes, unlike everywhere else."""
    return reader.take(reader.take(1)[0]).decode("utf-16-le")
