"""Rows in wire form: what several sessions get that read the same change table at the same time."""

from __future__ import annotations

import threading

from standin.engine.change_cache import Key, Projection, key_of


def _key(number: int) -> Key:
    return key_of(number.to_bytes(10, "big"), 1, bytes(10), 2)


def test_two_sessions_that_read_new_rows_at_the_same_time_both_get_them() -> None:
    projection = Projection(_key(0))
    entered, leave = threading.Event(), threading.Event()

    def fetch(after: Key, limit: int) -> list[tuple[Key, bytes]]:
        entered.set()
        assert leave.wait(10)
        return [(_key(number), b"row") for number in (1, 2) if _key(number) > after][:limit]

    counts: list[int] = []

    def read() -> None:
        counts.append(sum(rows for _, rows in projection.read(_key(0), _key(2), fetch)))

    sessions = [threading.Thread(target=read) for _ in range(2)]
    sessions[0].start()
    assert entered.wait(10)  # the first one fetches
    sessions[1].start()
    sessions[1].join(0.2)  # the second one waits for it
    leave.set()
    for session in sessions:
        session.join(10)
    assert counts == [2, 2]
