"""What the control channel can ask of the database half, by the request's "op" (standin.control says what each does)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from standin.engine import availability
from standin.engine import temporal as tm

if TYPE_CHECKING:
    from standin.engine.engine import StandInEngine

Operation = Callable[[dict[str, Any]], dict[str, Any]]


def operations(engine: StandInEngine) -> Mapping[str, Operation]:
    def hooks_off(_request: dict[str, Any]) -> dict[str, Any]:
        engine.hooks.clear()
        return {}

    def route(request: dict[str, Any]) -> dict[str, Any]:
        engine.replica.route(**request)
        return {}

    def catch_up(_request: dict[str, Any]) -> dict[str, Any]:
        engine.replica.catch_up()
        return {}

    def advance(request: dict[str, Any]) -> dict[str, Any]:
        seconds = request["seconds"]
        engine.time.advance(None if seconds is None else int(seconds * tm.TICKS_A_SECOND))
        return {}

    def fail_scans(request: dict[str, Any]) -> dict[str, Any]:
        engine.capture.fail_scans(request["times"])
        return {}

    def replica_error(request: dict[str, Any]) -> dict[str, Any]:
        availability.replica_error(engine, request["database"], request["number"])
        return {}

    return {
        "replica_error": replica_error,
        "hook": lambda request: {"id": engine.hooks.add(request).id},
        "hooks": lambda _request: {"hooks": [asdict(hook) for hook in engine.hooks.all()]},
        "hooks_off": hooks_off,
        "route": route,
        "catch_up": catch_up,
        "advance": advance,
        "fail_scans": fail_scans,
    }
