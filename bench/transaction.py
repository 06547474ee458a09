"""One very large transaction: `python -m bench.transaction --rows 2000000`.

Prints objects, seconds, CPU and peak memory of a `run --once` that delivers it."""

from __future__ import annotations

import argparse
import resource
import time

from bench.measure import figures
from bench.world import world
from standin.load import bulk

_ONCE_SECONDS = 1800.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.transaction", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    arguments = parser.parse_args()
    with world(capture_interval=0) as running:
        with running.connect() as connection:
            started = time.monotonic()
            rows = bulk.insert_people(connection, arguments.rows, bulk.next_key(connection))
            print(f"inserted           {rows} rows in one transaction, {time.monotonic() - started:.1f} s")
            started = time.monotonic()
            connection.run("EXEC sys.sp_cdc_scan")
            print(f"captured           in {time.monotonic() - started:.1f} s")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        running.program.once(seconds=_ONCE_SECONDS)
        seconds = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"delivered          in {seconds:.1f} s as {len(running.object_keys())} objects")
        print(f"program            CPU {cpu:.1f} s, peak memory {after.ru_maxrss / 1024:.0f} MiB (of any child)")
        print(f"stand-in           {figures(running.stand_in.process.pid)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
