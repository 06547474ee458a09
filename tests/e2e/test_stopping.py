"""SIGTERM and SIGINT end `run` within 10 seconds with exit code 0, whatever it is at, and nothing is lost or doubled."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from standin.harness import StandIn
from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.program import BINARY, Program, wait_until
from tests.support.s3_proxy import Fault, S3Proxy
from tests.support.s3_servers import S3Server

_STOP_SECONDS = 10.0
_ROWS = 60_000

each_signal = pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)


@pytest.fixture
def shop(database: Database) -> Database:
    database.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, label nvarchar(40) NULL)")
    database.enable("dbo", "Orders")
    database.run("INSERT INTO dbo.Orders VALUES (-1, N'a')")
    database.capture()
    return database


def _stop(program: Program, by: signal.Signals) -> float:
    """Seconds that it took; the exit code must be 0."""
    began = time.monotonic()
    assert program.stop(by, seconds=_STOP_SECONDS + 5) == 0, program.log_text()
    took = time.monotonic() - began
    assert took < _STOP_SECONDS, f"{took:.1f} s\n{program.log_text()}"
    assert f"stopping signal={by.name}" in program.log_text()
    return took


def _assert_all_arrives(shop: Database, target: Target, program: Program) -> None:
    program.once()
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))


@each_signal
def test_an_idle_program_stops_at_once(shop: Database, target: Target, program: Program, by: signal.Signals) -> None:
    program.start("--interval", "1h")
    wait_until(lambda: len(target.keys(f"{shop.name}/Orders/")) == 1, "the first object")
    time.sleep(0.3)
    assert _stop(program, by) < 2
    assert program.log_text().splitlines()[-1].endswith("info  stopped")
    _assert_all_arrives(shop, target, program)


def _trickle(port: int, over: threading.Event) -> None:
    """A request to the status server that never ends, a byte at a time, as long as the server takes them."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client, contextlib.suppress(OSError):
        client.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        while not over.wait(0.1):
            client.sendall(b"x")


def test_a_slow_client_of_the_status_server_does_not_keep_a_program_from_stopping(
    shop: Database, target: Target, program: Program
) -> None:
    program.start("--interval", "1h", CDC_RUN_LISTEN="127.0.0.1:0")
    wait_until(lambda: len(target.keys(f"{shop.name}/Orders/")) == 1, "the first object")
    found = re.search(r"listening host=127\.0\.0\.1 port=(\d+)", program.log_text())
    assert found is not None, program.log_text()
    over = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(_trickle, int(found[1]), over)
        try:
            time.sleep(0.5)
            assert _stop(program, signal.SIGTERM) < 2
        finally:
            over.set()


def test_a_program_whose_log_nobody_reads_stops_all_the_same(shop: Database, program: Program) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    environment = program._environment({})
    running = subprocess.Popen([BINARY, "run"], cwd=program.folder, env=environment, stderr=writer)
    try:
        time.sleep(1.5)
        began = time.monotonic()
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=_STOP_SECONDS + 5) == 0
        assert time.monotonic() - began < _STOP_SECONDS
    finally:
        running.kill()
        running.wait()
        os.close(reader)
        os.close(writer)


@each_signal
def test_a_program_stops_in_the_middle_of_a_large_transaction(
    shop: Database, target: Target, program: Program, by: signal.Signals
) -> None:
    shop.run("CREATE TABLE dbo.Numbers (n int NOT NULL PRIMARY KEY)", "INSERT INTO dbo.Numbers VALUES (0)")
    present = 1
    while present < _ROWS:
        shop.run(f"INSERT INTO dbo.Numbers SELECT n + {present} FROM dbo.Numbers")
        present *= 2
    shop.run(f"INSERT INTO dbo.Orders SELECT n, N'some text' FROM dbo.Numbers WHERE n < {_ROWS}")
    shop.capture()
    program.start("--max-object-rows", "500")
    wait_until(lambda: len(target.keys(f"{shop.name}/Orders/")) >= 3, "the first objects of the transaction")
    assert _stop(program, by) < 5
    delivered = len(target.keys(f"{shop.name}/Orders/"))
    assert 3 <= delivered < _ROWS / 500, "the transaction was over before the signal"
    _assert_all_arrives(shop, target, program)


# What S3 does to which PUTs; after `skip` of them, because the first make the program an owner.
def _troubles() -> dict[str, tuple[tuple[str, ...], Fault]]:
    return {
        "the state's swap is not answered": ((), Fault("hold", method="PUT", key="_cdc_to_s3/Shop", skip=1, times=100)),
        "the object is not answered": ((), Fault("hold", method="PUT", key=".parquet", times=100)),
        "the object's connection is reset": ((), Fault("reset", method="PUT", key=".parquet", times=1000)),
        "run --once": (("--once",), Fault("hold", method="PUT", key=".parquet", times=100)),
    }


def test_programs_stop_while_s3_or_the_server_does_not_answer(
    shop: Database, make_program: Callable[..., Program], s3: S3Server, stand_in: StandIn
) -> None:
    """All at once, because each takes the time that it may: it could still be answered."""
    with contextlib.ExitStack() as stack:
        programs: dict[str, Program] = {}
        targets = []
        for name, (words, fault) in _troubles().items():
            proxy = stack.enter_context(S3Proxy(s3.endpoint))
            proxy.add(fault)
            targets.append(Target(s3, f"t{uuid.uuid4().hex[:10]}"))
            programs[name] = make_program(shop.name, targets[-1].url, AWS_ENDPOINT_URL_S3=proxy.endpoint)
            programs[name].start(*words)
            wait_until(lambda fault=fault: fault.hits >= 1, name)
        control = stack.enter_context(stand_in.control())
        stall = control.arm(match="dbo_Orders_CT", at="start", action="stall", seconds=40.0)
        targets.append(Target(s3, f"t{uuid.uuid4().hex[:10]}"))
        programs["the server is silent"] = make_program(shop.name, targets[-1].url)
        programs["the server is silent"].start()
        wait_until(lambda: control.fired(stall) == 1, "the statement that hangs")
        with ThreadPoolExecutor(len(programs)) as pool:
            list(pool.map(lambda one: _stop(one, signal.SIGTERM), programs.values()))
    for target in targets:
        _assert_all_arrives(shop, target, make_program(shop.name, target.url))
