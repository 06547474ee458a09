"""The processes of the demo: the stand-in for SQL Server, an S3 server, and the program itself. All on free loopback
ports, with all data in one temporary folder, and each ended by its process id."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from standin.harness import StandIn
from standin.load.connection import Address, Connection
from tests.support.s3_servers import S3Server

DATABASE = "AdventureWorks"
BUCKET = "lake"
_STOP_SECONDS = 15.0
_ONCE_SECONDS = 60.0
_LOG_LINES = 12


class DemoError(Exception):
    """Something that the demo counts on did not happen; says what."""


class World:
    """A context manager. After a failure the folder stays, for its logs; else it is removed."""

    def __init__(self, program: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cdc-to-s3-demo-"))
        self.log = self.folder / "cdc-to-s3.log"
        self._program = program.resolve()
        self._run: subprocess.Popen[bytes] | None = None
        self._server: StandIn | None = None
        self._s3 = S3Server("seaweedfs", self.folder / "s3", bucket=BUCKET)

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_program()
        if self._server is not None:
            self._server.stop()
        self._s3.stop()
        if error is None or isinstance(error, KeyboardInterrupt | SystemExit):
            shutil.rmtree(self.folder, ignore_errors=True)

    def start_servers(self) -> None:
        self._server = StandIn(options=["--capture-interval", "0.3"], log=self.folder / "sql-server.log")
        self._s3.start()
        settings = self.folder / ".env"
        settings.touch(mode=0o600)
        settings.write_text(self._settings(), encoding="utf-8")

    def _settings(self) -> str:
        """As an operator writes them for a server of his own."""
        names = {
            "SQL_SERVER_HOST": f"127.0.0.1,{self.server.port}",
            "SQL_SERVER_DATABASE": DATABASE,
            "SQL_SERVER_USER": self.server.user,
            "SQL_SERVER_PASSWORD": self.server.password,
            "SQL_SERVER_DRIVER": "{FreeTDS}",
            "S3_BUCKET": BUCKET,
        }
        return "".join(f"{name}={value}\n" for name, value in (names | self._s3.environment()).items())

    @property
    def server(self) -> StandIn:
        assert self._server is not None, "start_servers comes first"
        return self._server

    def address(self) -> Address:
        return Address(self.server.host, self.server.port, self.server.user, self.server.password, DATABASE)

    def connect(self) -> Connection:
        return Connection(self.address())

    def s3(self) -> Any:
        """A boto3 client."""
        return self._s3.client()

    def start_program(self, crash_at: str | None = None) -> None:
        """`cdc-to-s3 run`, a round every second. `crash_at`: a place (src/base/crash_point.h) and a number; at that
        passage the program ends by a SIGKILL of its own."""
        environment = _environment() | ({"CDC_CRASH_AT": crash_at} if crash_at else {})
        with self.log.open("ab") as log:
            self._run = subprocess.Popen(
                [self._program, "run", "--interval", "1s"],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def check_program(self) -> None:
        """Raises if the running program has ended by itself."""
        if self._run is not None and self._run.poll() is not None:
            raise DemoError(f"cdc-to-s3 run ended by itself with exit code {self._run.returncode}")

    def has_crashed(self) -> bool:
        """Whether the program was ended by SIGKILL."""
        return self._run is not None and self._run.poll() == -signal.SIGKILL

    def unconfirmed_claims(self) -> int:
        """Files that the state document promises and that are not known to be there."""
        body = self.s3().get_object(Bucket=BUCKET, Key=f"_cdc_to_s3/{DATABASE}.json")["Body"].read()
        claims = [table["claim"] for table in json.loads(body)["tables"].values()]
        return sum(claim is not None and not claim["confirmed"] for claim in claims)

    def kill_program(self) -> None:
        """As a crash would end it."""
        assert self._run is not None
        self._run.kill()
        self._run.wait()
        self._run = None

    def stop_program(self) -> None:
        if self._run is None:
            return
        self._run.send_signal(signal.SIGTERM)
        try:
            self._run.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._run.kill()
            self._run.wait()
        self._run = None

    def run_once(self) -> None:
        """`cdc-to-s3 run --once`: everything up to the newest change."""
        with self.log.open("ab") as log:
            done = subprocess.run(
                [self._program, "run", "--once"],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=_ONCE_SECONDS,
                check=False,
            )
        if done.returncode != 0:
            raise DemoError(f"cdc-to-s3 run --once ended with exit code {done.returncode}")

    def events(self, name: str) -> int:
        """How often the program has logged an event."""
        return sum(name in line.split() for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines())

    def log_tails(self) -> list[tuple[str, list[str]]]:
        """The last lines of every log that has any: the program's, and the stand-in's."""
        logs = {path.name: path.read_text(encoding="utf-8", errors="replace").splitlines() for path in self._logs()}
        return [(name, lines[-_LOG_LINES:]) for name, lines in logs.items() if lines]

    def _logs(self) -> list[Path]:
        return [path for path in (self.log, self.folder / "sql-server.log") if path.exists()]


def _environment() -> dict[str, str]:
    """The demo's settings are in its .env; those of the person who runs it must not win over them."""
    ours = ("SQL_SERVER_", "AWS_", "S3_", "CDC_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
