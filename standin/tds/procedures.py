"""The procedures that are the wire half's own: sp_executesql, prepared statements, cursors, FMTONLY.

Everything else goes to the database half's `call`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from standin.model import Columns, Done, Event, Info, Param, ReturnStatus, ReturnValue, Rows, Session, SqlError, SqlType
from standin.tds.definitions import Definition, bind, parse_definitions
from standin.tds.rpc import RpcCall
from standin.tds.tokens import SELECT_COMMAND
from standin.tds.undeclared import RESULT_COLUMNS, describe_undeclared

_FMTONLY = re.compile(r"\s*set\s+fmtonly\s+(on|off)\s*;?", re.IGNORECASE)
_FMTONLY_OFF_AT_END = re.compile(r"set\s+fmtonly\s+off\s*;?\s*$", re.IGNORECASE)
_OWN_SCHEMAS = ("", "sys", "dbo")
_COMPILE_ERRORS = frozenset((102, 105, 137, 156, 207, 208, 209, 229, 4104))
_INT = SqlType("int")


@dataclass(slots=True)
class Prepared:
    sql: str
    definitions: list[Definition]


def bare_name(procedure: str) -> str:
    """'[db]..sp_x', 'sys.sp_x', '[sys].sp_x' -> 'sp_x'; '' when another schema is named."""
    parts = [part.strip().strip('[]"').lower() for part in procedure.split(".")]
    schema = parts[-2] if len(parts) > 1 else ""
    return parts[-1] if schema in _OWN_SCHEMAS else ""


class Procedures:
    """What a session remembers on the wire's side: prepared statements and FMTONLY. One thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._prepared: dict[int, Prepared] = {}
        self._next_handle = 1
        self._fmtonly = False
        self._own: dict[str, Callable[[list[Param]], Iterator[Event]]] = {
            "sp_executesql": self._executesql,
            "sp_prepare": self._prepare,
            "sp_execute": self._execute,
            "sp_prepexec": self._prepexec,
            "sp_unprepare": self._unprepare,
            "sp_describe_undeclared_parameters": self._describe_undeclared,
            "sp_cursoropen": self._cursor_open,
        }

    def reset(self) -> None:
        """As sp_reset_connection: FMTONLY is off again; prepared statements stay."""
        self._fmtonly = False

    def batch(self, sql: str) -> Iterator[Event]:
        """Runs a batch, or describes it under SET FMTONLY ON."""
        return self._run(sql, [])

    def call(self, call: RpcCall) -> Iterator[Event]:
        name = bare_name(call.procedure)
        if name in self._own:
            return self._own[name](call.params)
        if name.startswith("sp_cursor"):
            return self._no_cursor(name)
        return self._session.call(call.procedure, call.params)

    def text_of(self, call: RpcCall) -> str:
        """What a call runs, for the statement log and for matching faults."""
        name, values = bare_name(call.procedure), [param.value for param in call.params]
        if name == "sp_executesql" and values:
            return str(values[0])
        if name in ("sp_prepare", "sp_prepexec") and len(values) > 2:
            return str(values[2])
        if name == "sp_execute" and values and values[0] in self._prepared:
            return self._prepared[values[0]].sql
        if name == "sp_cursoropen" and len(values) > 1:
            return str(values[1])
        return f"EXEC {call.procedure}"

    def _run(self, sql: str, params: list[Param]) -> Iterator[Event]:
        switch = _FMTONLY.match(sql)
        if switch is None:
            return self._described(sql, params) if self._fmtonly else self._session.execute(sql, params)
        self._fmtonly = switch[1].lower() == "on"
        return self._after_fmtonly(sql[switch.end() :], params)

    def _after_fmtonly(self, rest: str, params: list[Param]) -> Iterator[Event]:
        off_again = _FMTONLY_OFF_AT_END.search(rest)
        body = rest[: off_again.start()] if off_again else rest
        if body.strip():
            yield from self._described(body, params) if self._fmtonly else self._session.execute(body, params)
        else:
            yield Done()
        if off_again:
            self._fmtonly = False

    def _described(self, sql: str, params: list[Param]) -> Iterator[Event]:
        columns = self._session.describe(sql, params)
        if columns:
            yield Columns(columns)
        yield Done(0 if columns else None, SELECT_COMMAND if columns else 0)

    def _executesql(self, params: list[Param]) -> Iterator[Event]:
        sql, definitions, values = _text_param(params, 0), "", params[2:]
        if len(params) > 1:
            definitions = _text_param(params, 1)
        bound = bind(parse_definitions(definitions), values)
        yield from self._without_status(self._run(sql, bound))

    def _without_status(self, events: Iterator[Event]) -> Iterator[Event]:
        """An EXEC inside the statement returns to the statement, not to the client's call."""
        return (event for event in events if not isinstance(event, ReturnStatus))

    def _prepare(self, params: list[Param]) -> Iterator[Event]:
        prepared = Prepared(_text_param(params, 2), parse_definitions(_text_param(params, 1)))
        blanks = [Param(one.name, one.type, None) for one in prepared.definitions]
        try:
            columns = self._session.describe(prepared.sql, blanks)
        except SqlError as error:
            yield error
            raise _not_prepared() from error
        if columns and len(params) > 3 and params[3].value:
            yield Columns(columns)
            yield Done()
        yield ReturnValue(params[0].name, _INT, self._keep(prepared))

    def _keep(self, prepared: Prepared) -> int:
        handle, self._next_handle = self._next_handle, self._next_handle + 1
        self._prepared[handle] = prepared
        return handle

    def _prepexec(self, params: list[Param]) -> Iterator[Event]:
        if isinstance(params[0].value, int):
            self._prepared.pop(params[0].value, None)  # the old plan that the client drops on the way
        prepared = Prepared(_text_param(params, 2), parse_definitions(_text_param(params, 1)))
        handle, started = self._keep(prepared), False
        try:
            for event in self._run_prepared(prepared, params[3:]):
                started = True
                yield event
        except SqlError as error:
            if started or error.number not in _COMPILE_ERRORS:
                raise
            del self._prepared[handle]
            yield error
            raise _not_prepared() from error
        yield ReturnValue(params[0].name, _INT, handle)

    def _execute(self, params: list[Param]) -> Iterator[Event]:
        yield from self._run_prepared(self._find(params), params[1:])

    def _run_prepared(self, prepared: Prepared, values: list[Param]) -> Iterator[Event]:
        bound = bind(prepared.definitions, values)
        return self._without_status(self._run(prepared.sql, bound))

    def _find(self, params: list[Param]) -> Prepared:
        handle = params[0].value if params else None
        if handle not in self._prepared:
            raise SqlError(8179, f"Could not find prepared statement with handle {handle}.")
        return self._prepared[handle]

    def _unprepare(self, params: list[Param]) -> Iterator[Event]:
        self._find(params)
        del self._prepared[params[0].value]
        return
        yield

    def _describe_undeclared(self, params: list[Param]) -> Iterator[Event]:
        definitions = parse_definitions(_text_param(params, 1)) if len(params) > 1 else []
        declared = {one.name.lower() for one in definitions}
        rows = list(describe_undeclared(_text_param(params, 0), declared, lambda sql: self._session.describe(sql, [])))
        yield Columns(RESULT_COLUMNS)
        yield Rows(rows)
        yield Done(len(rows), SELECT_COMMAND)

    def _cursor_open(self, params: list[Param]) -> Iterator[Event]:
        """No cursors: the statement runs directly, as SQL Server itself does with statements it has no cursor for."""
        yield Info(16954, "Executing SQL directly; no cursor.", severity=10)
        definitions, values = ("", []) if len(params) <= 5 else (_text_param(params, 5), params[6:])
        yield from self._without_status(self._run(_text_param(params, 1), bind(parse_definitions(definitions), values)))
        for param, value in zip((params[0], *params[2:5]), (0, 0, 0, 0), strict=False):
            yield ReturnValue(param.name, _INT, value)

    def _no_cursor(self, name: str) -> Iterator[Event]:
        raise SqlError(16909, f"{name}: The cursor identifier value provided (0) is not valid.")


def _not_prepared() -> SqlError:
    return SqlError(8180, "Statement(s) could not be prepared.")


def _text_param(params: list[Param], index: int) -> str:
    value: Any = params[index].value if index < len(params) else None
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SqlError(214, "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.")
    return value
