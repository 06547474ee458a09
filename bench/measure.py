"""What a process costs: CPU seconds, wall seconds, and the largest resident memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SAMPLE_SECONDS = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """Of a process: CPU seconds so far, and the largest resident memory in MiB."""

    cpu_seconds: float
    peak_mib: float

    def __str__(self) -> str:
        return f"CPU {self.cpu_seconds:.1f} s, peak memory {self.peak_mib:.0f} MiB"


def figures(pid: int) -> Figures:
    """Raises OSError when the process is gone."""
    return Figures(_cpu_seconds(Path(f"/proc/{pid}/stat")), _peak_mib(pid))


def forget_peak(pid: int) -> None:
    """The largest resident memory counts from here on (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _cpu_seconds(stat: Path) -> float:
    fields = stat.read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


@dataclass(frozen=True)
class Thread:
    """Seconds that a thread ran, and that it would have run had a processor been free (proc(5), schedstat)."""

    cpu_seconds: float
    queued_seconds: float


@dataclass
class Run:
    """How one call went. `threads`: by thread id, as last seen before the end."""

    code: int
    out: str
    err: str
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float
    threads: dict[int, Thread] = field(default_factory=dict)


class _Sampler(threading.Thread):
    """Looks at a process while it lives. getrusage's peak would not do: it includes what the parent was before exec."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_mib = 0.0
        self.threads: dict[int, Thread] = {}
        self._pid = pid
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            with contextlib.suppress(OSError, StopIteration):  # it has just ended
                self.peak_mib = max(self.peak_mib, _peak_mib(self._pid))
                for task in Path(f"/proc/{self._pid}/task").iterdir():
                    ran, queued, _ = (task / "schedstat").read_text().split()
                    self.threads[int(task.name)] = Thread(int(ran) / 1e9, int(queued) / 1e9)

    def end(self) -> None:
        self._over.set()
        self.join()


def run(words: Sequence[str], environment: Mapping[str, str], folder: Path, given: str, seconds_max: float) -> Run:
    """Runs a program to its end, `given` as its stdin; it is killed after `seconds_max`."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        stdin.write(given.encode())
        stdin.seek(0)
        started = time.monotonic()
        process = subprocess.Popen(words, cwd=folder, env=dict(environment), stdin=stdin, stdout=out, stderr=err)
        sampler = _Sampler(process.pid)
        sampler.start()
        late = threading.Timer(seconds_max, process.kill)
        late.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        late.cancel()
        sampler.end()
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = [_text(out), _text(err)]
    cpu = usage.ru_utime + usage.ru_stime
    return Run(process.returncode, texts[0], texts[1], wall, cpu, sampler.peak_mib, sampler.threads)


def _text(file: tempfile._TemporaryFileWrapper[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
