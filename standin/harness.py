"""The stand-in as a process of its own, for tests and benchmarks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from standin.control import Control

_READY_SECONDS = 30.0
_STOP_SECONDS = 15.0


def ended_with_us(words: Sequence[str], by: signal.Signals) -> list[str]:
    """The command, so that it is sent `by` when the thread that starts it has ended, however that was ended. Together
    with process_group=0 a Ctrl-C reaches us alone, and we end it in order."""
    setpriv = shutil.which("setpriv")  # of util-linux, on every Debian
    return [setpriv, "--pdeathsig", by.name.removeprefix("SIG"), "--", *words] if setpriv else list(words)


class StandIn:
    """Starts `python -m standin` and ends it. A context manager.

    `options` are further words of its command line, `version` and `edition` what server it is (2019; azure). Its stderr
    goes to `log` (default: this process's); beside it are its temporary files.
    `ca_file` is what a client verifies it with (`--tls auto`; its certificate is for localhost and 127.0.0.1), and
    `clear_port` where it is reached without TLS (`--clear-port 0`; else `port`)."""

    def __init__(
        self,
        password: str = "Stand-in-1",
        options: Sequence[str] = (),
        log: Path | None = None,
        version: str = "",
        edition: str = "",
    ) -> None:
        self.user, self.password = "sa", password
        environment = {**os.environ, "STANDIN_PASSWORD": password}
        if log is not None:
            environment["TMPDIR"] = str(log.parent.resolve())
        kind = ["--server-version", version] if version else []
        kind += ["--edition", edition] if edition else []
        words = [sys.executable, "-m", "standin", "--user", self.user, *kind, *options]
        self._log = log.open("ab") if log is not None else None
        self.process = subprocess.Popen(
            ended_with_us(words, signal.SIGTERM),
            process_group=0,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            cwd=Path(__file__).resolve().parent.parent,
        )
        ready = self._ready()
        self.host, self.port, self.control_port = ready["host"], int(ready["port"]), int(ready["control_port"])
        self.ca_file = Path(ready["ca_file"]) if "ca_file" in ready else None
        self.clear_port = int(ready.get("clear_port", self.port))

    def _ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        late = threading.Timer(_READY_SECONDS, self.process.kill)
        late.start()
        try:
            line = self.process.stdout.readline()
        finally:
            late.cancel()
        if not line:
            raise RuntimeError(f"the stand-in ended with {self.process.wait()} before it was ready; see its stderr")
        return dict(json.loads(line))

    def control(self) -> Control:
        """A new connection to the control channel."""
        return Control(self.control_port)

    def odbc(self, driver: str, database: str = "", **words: str) -> str:
        """A connection string in clear for FreeTDS and Microsoft's driver alike; each ignores the other's words."""
        parts = {"Driver": driver, "Server": f"127.0.0.1,{self.port}", "UID": self.user, "PWD": self.password}
        if database:
            parts["Database"] = database
        parts |= {"Encrypt": "no"} if "msodbcsql" in driver else {"ClientCharset": "UTF-8"}
        return ";".join(f"{name}={value}" for name, value in (parts | words).items())

    def kill(self) -> None:
        """SIGKILL: a server that dies."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, then SIGKILL if it does not end. Returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        if self._log is not None:
            self._log.close()
        return self.process.returncode

    def __enter__(self) -> StandIn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
