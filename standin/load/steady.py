"""A steady workload: so many transactions a second, for so long, or until told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from standin.load.connection import Connection
from standin.load.history import History, apply


@dataclass(slots=True)
class Done:
    """What a workload did: committed and rolled back transactions, and seconds."""

    committed: int = 0
    rolled_back: int = 0
    seconds: float = 0.0


def run_steadily(
    connection: Connection,
    history: History,
    rate: float,
    seconds: float | None,
    stopped: Callable[[float], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Done:
    """Runs `rate` transactions a second; 0 means as fast as the server takes them.

    `stopped(pause)` waits up to `pause` seconds and says whether to end. A server that cannot keep up is not
    overrun: late transactions follow one another at once, and nothing is skipped."""
    done, started, number = Done(), clock(), 0
    while True:
        now = clock() - started
        due = number / rate if rate > 0 else now
        if stopped(max(0.0, due - now)) or (seconds is not None and clock() - started >= seconds):
            break
        transaction = history.transaction()
        apply(connection, transaction)
        number += 1
        done.committed += transaction.committed
        done.rolled_back += not transaction.committed
    done.seconds = round(clock() - started, 3)
    return done
