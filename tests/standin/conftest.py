"""Fixtures of the wire half's tests: its server over an engine of fixed answers, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from wire_clients import CLIENTS, Client, Running


@pytest.fixture
def fake() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


@pytest.fixture(params=sorted(CLIENTS))
def client(request: pytest.FixtureRequest) -> Client:
    """Each of the clients that can be driven alike."""
    chosen = CLIENTS[request.param]
    if (missing := chosen.missing()) is not None:
        pytest.skip(missing)
    return chosen
