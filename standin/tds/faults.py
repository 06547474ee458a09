"""Faults on command: where in which reply a connection breaks, stalls or errs.

A test arms faults over the control channel; a request whose text contains a fault's `match` takes it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Where: when a connection is accepted; in the reply to LOGIN7 (after `count` bytes of it); before a reply's first
# token; after `count` rows or, with `inside_row`, in the middle of the next one; after `count` bytes of the reply;
# before the DONE that ends a result; after the last DONE but before the end of the message; after the message.
PLACES = ("connect", "login", "start", "rows", "bytes", "before_done", "before_end", "after_done")
# What: FIN; RST; a pause; an ERROR or INFO token; DONE with the error bit but no ERROR; end of message without DONE;
# other bytes in the first row that holds those of `find` (hex, both).
ACTIONS = ("fin", "rst", "stall", "error", "info", "done_error", "no_done", "replace")
_ACTIONS_ANYWHERE = ("fin", "rst", "stall")  # the others are tokens, and fit between tokens only
_TOKEN_PLACES = ("start", "rows", "before_done")


@dataclass(slots=True)
class Fault:
    """One armed fault. `skip` matching requests pass first, then `times` requests take it (-1: every one)."""

    id: int
    match: str = ""
    at: str = "rows"
    action: str = "fin"
    count: int = 0
    inside_row: bool = False
    seconds: float = 0.0
    number: int = 50000
    severity: int = 16
    state: int = 1
    message: str = "A fault that a test asked for."
    find: str = ""
    put: str = ""
    skip: int = 0
    times: int = 1
    fired: int = 0


class FaultBoard:
    """The armed faults. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._next_id = 1

    def arm(self, fields: Mapping[str, Any]) -> Fault:
        """Raises ValueError, saying what is wrong with the fields."""
        with self._lock:
            try:
                fault = Fault(id=self._next_id, **fields)
            except TypeError as error:
                raise ValueError(f"unknown field of a fault: {error}") from error
            _check(fault)
            self._next_id += 1
            self._faults.append(fault)
            return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._faults)

    def take(self, text: str, places: tuple[str, ...]) -> Fault | None:
        """The fault for a request (or login, or connection) about to be answered, if one matches."""
        lower = text.lower()
        with self._lock:
            for fault in self._faults:
                if fault.at not in places or fault.match.lower() not in lower or fault.times == 0:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times > 0:
                    fault.times -= 1
                return fault
        return None


def _check(fault: Fault) -> None:
    if fault.at not in PLACES:
        raise ValueError(f"at must be one of {', '.join(PLACES)}, not {fault.at!r}")
    if fault.action not in ACTIONS:
        raise ValueError(f"action must be one of {', '.join(ACTIONS)}, not {fault.action!r}")
    if fault.action == "replace" and (
        fault.at != "rows" or not bytes.fromhex(fault.find) or not bytes.fromhex(fault.put)
    ):
        raise ValueError("'replace' is for rows, and needs hex digits to find and to put")
    anywhere = fault.action in _ACTIONS_ANYWHERE or (fault.at == "login" and fault.action == "error")
    if not anywhere and (fault.at not in _TOKEN_PLACES or fault.inside_row):
        raise ValueError(f"{fault.action!r} needs a place between tokens: {', '.join(_TOKEN_PLACES)}")
    if fault.action == "info" and fault.severity > 10:
        raise ValueError("an INFO has a severity of 10 or less")
    if fault.action == "error" and not 11 <= fault.severity <= 25:
        raise ValueError("an ERROR has a severity of 11 to 25")
