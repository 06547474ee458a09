"""The program under test as a process: settings in, exit code and output out."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / os.environ.get("BUILD", "build") / "cdc-to-s3"
# Settings that others may write are refused, and tests write settings.
os.umask(0o022)
_OURS = ("SQL_SERVER_", "AWS_", "S3_", "CDC_")
_SECRETS = (
    "SQL_SERVER_PASSWORD",
    "CDC_SOURCE_PASSWORD",
    "CDC_TYPES_MASK_KEY",
    "CDC_RUN_LISTEN_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)


@dataclass(frozen=True)
class Ended:
    """How one call ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


class Program:
    """Calls the program with `settings` as its environment, in a folder of its own. A secret among the settings that
    appears in anything that it says fails the test."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.settings = dict(settings)
        self.log = folder / "program.log"
        self.process: subprocess.Popen[bytes] | None = None

    def with_settings(self, **settings: str) -> Program:
        """The same with other settings; an empty one is left out."""
        both = {**self.settings, **settings}
        return Program(self.folder, {name: value for name, value in both.items() if value})

    def call(self, *words: str, seconds: float = 60, **settings: str) -> Ended:
        """Runs it to its end. A call that does not end in time fails the test."""
        done = subprocess.run(
            [BINARY, *words],
            cwd=self.folder,
            env=self._environment(settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        ended = Ended(done.returncode, done.stdout, done.stderr)
        self._assert_no_secret(ended.text, settings)
        return ended

    def once(self, *words: str, expect: int = 0, seconds: float = 60, **settings: str) -> Ended:
        """`run --once`, with the exit code that is expected."""
        ended = self.call("run", "--once", *words, seconds=seconds, **settings)
        assert ended.code == expect, f"exit code {ended.code} instead of {expect}\n{ended.text}"
        return ended

    def start(self, *words: str, **settings: str) -> subprocess.Popen[bytes]:
        """`run` in the background, a round every 200 ms unless told otherwise. `stop` or `kill` ends it."""
        interval = () if "--interval" in words else ("--interval", "200ms")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "run", *interval, *words],
                cwd=self.folder,
                env=self._environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self.process

    def stop(self, by: signal.Signals = signal.SIGTERM, seconds: float = 15) -> int:
        """Ends what `start` began, and gives its exit code. 0 if nothing runs."""
        if self.process is None:
            return 0
        self.process.send_signal(by)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process = None
        self._assert_no_secret(self.log_text(), {})
        return code

    def kill(self) -> None:
        """As a crash would end it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def _assert_no_secret(self, text: str, settings: Mapping[str, str]) -> None:
        both = {**self.settings, **settings}
        for name in _SECRETS:
            assert not both.get(name) or both[name] not in text, f"the value of {name} was printed"

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        theirs = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        return {**theirs, **self.settings, **settings}


def wait_until(true: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Polls `true` until it is; fails with `what` when it never is."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"never happened within {seconds} s: {what}"
        time.sleep(0.05)
