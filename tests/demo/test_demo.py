"""`make demo` from the outside: it proves its run, its last screen fits a terminal, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from standin.harness import ended_with_us

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("BUILD", "build") / "cdc-to-s3"
_COLUMNS, _LINES = 80, 24
_END_SECONDS = 20.0


def _demo(program: Path, temp: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(temp), "COLUMNS": str(_COLUMNS), "LINES": str(_LINES)}
    words = [sys.executable, "-m", "tools.demo", "--program", str(program)]
    pipe = subprocess.PIPE
    ours = ended_with_us(words, signal.SIGINT)
    with subprocess.Popen(
        ours, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True, process_group=0
    ) as demo:
        try:
            out, err = demo.communicate(timeout=240)
        except BaseException:  # a Ctrl-C too: it ends what it started, if it is left the time
            demo.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                demo.communicate(timeout=_END_SECONDS)
            demo.kill()
            raise
    return subprocess.CompletedProcess(words, demo.returncode, out, err)


def test_the_demo_proves_its_run_on_one_screen_and_cleans_up(tmp_path: Path) -> None:
    done = _demo(PROGRAM, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    last = lines[next(i for i, line in enumerate(lines) if line.startswith("In the bucket:")) :]
    assert len(last) < _LINES
    assert max(map(len, lines)) <= _COLUMNS
    assert any(line.startswith("Yes: ") for line in last)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_ends_is_shown_with_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho nothing works today >&2\nexit 1\n")
    broken.chmod(0o755)
    temp = tmp_path / "temp"
    temp.mkdir()
    done = _demo(broken, temp)
    assert done.returncode == 1
    assert "ended by itself with exit code 1" in done.stderr
    assert "  | nothing works today" in done.stderr
    logs = Path(done.stderr.strip().splitlines()[-1].rpartition(" ")[2])
    assert (logs / "cdc-to-s3.log").exists()
    assert logs.parent == temp


def test_a_missing_program_is_said_at_once() -> None:
    done = _demo(Path("/nowhere/cdc-to-s3"), Path(tempfile.gettempdir()))
    assert done.returncode == 2
    assert "make demo" in done.stderr
