"""A steady workload: `python -m bench.steady --seconds 300 --rate 50`.

Runs the program at an interval of one second and prints objects, rows, the lag from commit to visible object, peak
memory and CPU. An object is visible when a listing shows it; the bucket is listed every 50 ms."""

from __future__ import annotations

import argparse
import io
import statistics
import threading
import time
from datetime import UTC, datetime

import pyarrow.parquet as pq

from bench.measure import figures
from bench.world import BUCKET, World, world
from standin.load.history import History
from standin.load.steady import run_steadily
from tests.support.program import wait_until

_LISTING_SECONDS = 0.05
_SETTLE_SECONDS = 30.0


class Watcher(threading.Thread):
    """Notes when each object is first listed."""

    def __init__(self, running: World) -> None:
        super().__init__()
        self.seen: dict[str, datetime] = {}
        self._running = running
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_LISTING_SECONDS):
            for key in self._running.object_keys():
                self.seen.setdefault(key, datetime.now(UTC))

    def end(self) -> None:
        self._over.set()
        self.join()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.steady", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--rate", type=float, default=50, help="transactions a second over three tables")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with world(capture_interval=0.5) as running:
        watcher = Watcher(running)
        watcher.start()
        process = running.program.start("--interval", "1s")
        with running.connect() as connection:
            over = threading.Event()
            done = run_steadily(
                connection, History(arguments.seed), arguments.rate, arguments.seconds, lambda pause: over.wait(pause)
            )
        last = len(watcher.seen)
        time.sleep(3)
        wait_until(lambda: len(running.object_keys()) >= last, "the last objects", _SETTLE_SECONDS)
        program, server = figures(process.pid), figures(running.stand_in.process.pid)
        code = running.program.stop()
        watcher.end()
        report(running, watcher.seen)
    print(f"transactions       {done.committed} committed, {done.rolled_back} rolled back in {done.seconds:.0f} s")
    print(f"program            {program}, exit code {code}")
    print(f"stand-in           {server}")
    return 0


def report(running: World, seen: dict[str, datetime]) -> None:
    lags: list[float] = []
    client = running.s3.client()
    for key, visible in seen.items():
        data = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        times = pq.read_table(io.BytesIO(data), columns=["__$commit_time"]).column(0).to_pylist()
        lags += [(visible - commit).total_seconds() for commit in times]
    lags.sort()
    print(f"objects            {len(seen)}")
    print(f"rows               {len(lags)}")
    print(
        f"lag                median {statistics.median(lags):.2f} s, "
        f"99 % {lags[int(len(lags) * 0.99)]:.2f} s, worst {lags[-1]:.2f} s"
    )


if __name__ == "__main__":
    raise SystemExit(main())
