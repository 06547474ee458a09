"""The table that `make bench` prints: medians, with the smallest and the largest behind them."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

from bench.measure import Run


@dataclass(frozen=True)
class Servers:
    """CPU seconds and largest resident memory of the stand-in and of the S3 server during one run."""

    stand_in_cpu: float
    s3_cpu: float
    stand_in_mib: float
    s3_mib: float


def say(text: str) -> None:
    """Progress, beside the result."""
    print(text, file=sys.stderr, flush=True)


class Table:
    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], list[tuple[Run, Servers]]] = {}  # by driver and method

    def add(self, method: str, driver: str, run: Run, servers: Servers) -> None:
        self._runs.setdefault((driver, method), []).append((run, servers))

    def text(self, rows: int, wire_bytes: int) -> str:
        lines = [
            f"{rows} rows, {wire_bytes / 1e6:.0f} MB on the wire (what the server sends, packet headers not counted);",
            "medians, in brackets the smallest and the largest. CPU in seconds; peak memory in MiB.",
            "",
            f"{'driver':<10}{'method':<10}{'rows/s':>10}{'MB/s':>7}  {'wall s':<20}{'CPU s':<20}"
            f"{'stand-in':>9}{'S3':>6}  {'peak':>6}{'stand-in':>9}{'S3':>6}",
        ]
        lines += [self._line(*key, rows, wire_bytes) for key in self._runs]
        for driver in dict.fromkeys(driver for driver, _ in self._runs):
            lines += ["", *self._ratios(driver)]
            lines += self._threads(driver)
        return "\n".join(lines)

    def _line(self, driver: str, method: str, rows: int, wire_bytes: int) -> str:
        runs = self._runs[driver, method]

        def median(of: Callable[[Run, Servers], float]) -> float:
            return statistics.median(of(run, servers) for run, servers in runs)

        wall = median(lambda run, _: run.wall_seconds)
        return (
            f"{driver:<10}{method:<10}{rows / wall:>10.0f}{wire_bytes / 1e6 / wall:>7.0f}  "
            f"{_spread([run.wall_seconds for run, _ in runs]):<20}{_spread([run.cpu_seconds for run, _ in runs]):<20}"
            f"{median(lambda _, s: s.stand_in_cpu):>9.2f}{median(lambda _, s: s.s3_cpu):>6.2f}  "
            f"{median(lambda run, _: run.peak_mib):>6.0f}{median(lambda _, s: s.stand_in_mib):>9.0f}"
            f"{median(lambda _, s: s.s3_mib):>6.0f}"
        )

    def _ratios(self, driver: str) -> list[str]:
        """Run by run, so that a machine that others use as well weighs on both sides."""
        lines = []
        for upper, lower in (("product", "drain"), ("original", "product")):
            pairs = list(zip(self._runs.get((driver, upper), []), self._runs.get((driver, lower), []), strict=False))
            if pairs:
                wall = _spread([a.wall_seconds / b.wall_seconds for (a, _), (b, _) in pairs])
                cpu = _spread([a.cpu_seconds / b.cpu_seconds for (a, _), (b, _) in pairs])
                memory = _spread([a.peak_mib / b.peak_mib for (a, _), (b, _) in pairs])
                name = f"{driver} {upper} : {lower}"
                lines.append(f"{name:<32}CPU {cpu}   wall {wall}   memory {memory}")
        return lines

    def _threads(self, driver: str) -> list[str]:
        """What limits the product's wall time: its busiest thread, other work on the machine, or waiting for replies."""
        if not (runs := self._runs.get((driver, "product"))):
            return []
        run = sorted((run for run, _ in runs), key=lambda run: run.wall_seconds)[len(runs) // 2]
        threads = sorted(run.threads.values(), key=lambda thread: -thread.cpu_seconds)
        lines = []
        for number, thread in enumerate(threads, 1):
            ran, queued = thread.cpu_seconds / run.wall_seconds, thread.queued_seconds / run.wall_seconds
            if ran >= 0.01:
                name = f"{driver} product, thread {number}"
                waiting = max(0.0, 1 - ran - queued)
                lines.append(
                    f"{name:<32}{ran:.0%} running, {queued:.0%} in the queue for a processor, {waiting:.0%} waiting"
                )
        return lines


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f}–{max(values):.2f}]"
