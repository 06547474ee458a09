"""Credentials as AWS's users have them, through the real program. Fake services on the loopback interface stand for
STS, the container's agent and the instance's metadata; each of them hands out the keys of the real S3 server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.program import Program, wait_until
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY

ROLE = "arn:aws:iam::111122223333:role/lake"


@dataclass
class FakeAws:
    """Everything that gives credentials, at one address."""

    server: ThreadingHTTPServer
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, body
    access_key: str = ACCESS_KEY
    lifetime: timedelta = timedelta(hours=1)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, method: str, path: str, body: str) -> str | None:
        """None: 404."""
        self.requests.append((method, path, body))
        expiration = (datetime.now(UTC) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = {"AccessKeyId": self.access_key, "SecretAccessKey": SECRET_KEY, "Expiration": expiration}
        role_path = "/latest/meta-data/iam/security-credentials/"
        if method == "POST":
            action = body.split("Action=")[1].split("&")[0]
            inner = "".join(f"<{name}>{value}</{name}>" for name, value in keys.items())
            result = f"<{action}Result><Credentials>{inner}</Credentials></{action}Result>"
            return f"<{action}Response>{result}</{action}Response>"
        fixed = {"/latest/api/token": "session", role_path: "lake-role"}
        if path in (role_path + "lake-role", "/container"):
            return json.dumps({"Code": "Success", **keys})
        return fixed.get(path)


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            text = fake.answer(self.command, self.path, body)
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Length", str(len(text or "")))
            self.end_headers()
            self.wfile.write((text or "").encode())

        do_GET = do_PUT = do_POST = _reply

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeAws(server)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shop(database: Database) -> Database:
    database.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY)")
    database.enable("dbo", "Orders")
    database.run("INSERT INTO dbo.Orders VALUES (1)")
    database.capture()
    return database


@pytest.fixture
def keyless(program: Program) -> Program:
    """The program without keys, on a machine that has none anywhere."""
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    return program.with_settings(**none, AWS_EC2_METADATA_DISABLED="true", HOME=str(program.folder))


Setting = Callable[[FakeAws, Path], dict[str, str]]


def _web_identity(aws: FakeAws, folder: Path) -> dict[str, str]:
    (folder / "token").write_text("a-jwt\n")
    return {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token"),
        "AWS_ROLE_ARN": ROLE,
        "AWS_ENDPOINT_URL_STS": aws.endpoint,
    }


def _shared_file(aws: FakeAws, folder: Path) -> dict[str, str]:
    (folder / ".aws").mkdir()
    keys = f"aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    (folder / ".aws/credentials").write_text(f"[lake]\n{keys}")
    return {"AWS_PROFILE": "lake"}


def _process(aws: FakeAws, folder: Path) -> dict[str, str]:
    (folder / "keys.json").write_text(
        json.dumps({"Version": 1, "AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY})
    )
    (folder / "config").write_text(f"[default]\ncredential_process = cat '{folder}/keys.json'\n")
    return {"AWS_CONFIG_FILE": str(folder / "config")}


def _assumed_role(aws: FakeAws, folder: Path) -> dict[str, str]:
    (folder / "config").write_text(f"[profile lake]\nrole_arn = {ROLE}\nsource_profile = base\n")
    (folder / "keys").write_text("[base]\naws_access_key_id = BASE\naws_secret_access_key = base-secret\n")
    return {
        **{"AWS_PROFILE": "lake", "AWS_CONFIG_FILE": str(folder / "config")},
        **{"AWS_SHARED_CREDENTIALS_FILE": str(folder / "keys"), "AWS_ENDPOINT_URL_STS": aws.endpoint},
    }


def _container(aws: FakeAws, folder: Path) -> dict[str, str]:
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{aws.endpoint}/container"}


def _instance(aws: FakeAws, folder: Path) -> dict[str, str]:
    return {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.endpoint}


# Each with how check calls it.
PLACES: dict[str, tuple[Setting, str]] = {
    "web identity": (_web_identity, "web identity"),
    "shared credentials file": (_shared_file, "profile lake"),
    "credential process": (_process, "profile default"),
    "assumed role": (_assumed_role, "profile lake"),
    "container": (_container, "container"),
    "instance": (_instance, "instance metadata"),
}


@pytest.mark.parametrize("place", PLACES)
def test_changes_are_delivered_with_credentials_from_every_place(
    keyless: Program, target: Target, shop: Database, aws: FakeAws, place: str
) -> None:
    setting, name = PLACES[place]
    program = keyless.with_settings(**setting(aws, keyless.folder))
    assert f"credentials come from {name}\n" in program.call("check").text
    ended = program.once()
    assert SECRET_KEY not in ended.text
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))


def test_names_that_awss_tools_know_count_in_dotenv_too(
    keyless: Program, target: Target, shop: Database, aws: FakeAws
) -> None:
    lines = [f"{name}={value}\n" for name, value in _web_identity(aws, keyless.folder).items()]
    (keyless.folder / ".env").write_text("".join(lines))
    keyless.once()
    assert len(target.objects(shop.name, "Orders")) == 1
    assert any("WebIdentityToken=a-jwt" in body for _, _, body in aws.requests)


@pytest.mark.parametrize("words", [["run", "--once"], ["run"], ["status"]])
def test_no_credentials_are_a_wrong_configuration_that_is_told_at_once(keyless: Program, words: list[str]) -> None:
    started = time.monotonic()
    ended = keyless.call(*words)
    assert time.monotonic() - started < 5
    assert ended.code == 2, ended.text
    places = ["settings: ", "web identity: ", "profile default: ", "container: ", "instance metadata: "]
    found = [ended.text.find(place) for place in places]
    assert -1 not in found and found == sorted(found), ended.text
    assert "anonymous = true" in ended.text


def test_a_machine_without_a_metadata_service_does_not_hang(keyless: Program) -> None:
    # Nothing listens there: connections are refused. (A silent one is met in the unit tests.)
    started = time.monotonic()
    settings = {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}
    ended = keyless.call("run", "--once", **settings)
    assert ended.code == 2 and "nothing answers at http://127.0.0.1:9" in ended.text
    assert time.monotonic() - started < 5


def test_a_place_that_is_set_up_and_does_not_work_is_told_though_another_one_has_keys(
    keyless: Program, aws: FakeAws
) -> None:
    ended = keyless.call("run", "--once", AWS_PROFILE="typo", **_container(aws, keyless.folder))
    assert ended.code == 2
    assert "profile typo: there is no such profile" in ended.text
    assert aws.requests == []


def test_a_daemon_renews_its_credentials_before_they_expire(
    keyless: Program, target: Target, shop: Database, aws: FakeAws
) -> None:
    # In the last five minutes of their life from the start, so asked for again as soon as that may be: after 10 s.
    aws.lifetime = timedelta(minutes=4)
    program = keyless.with_settings(**_container(aws, keyless.folder))
    program.start()
    try:
        row = iter(range(2, 10_000))

        def asked_again() -> bool:
            shop.run(f"INSERT INTO dbo.Orders VALUES ({next(row)})")
            shop.capture()
            return len(aws.requests) == 2

        wait_until(asked_again, "the second question")
        before = len(target.keys(f"{shop.name}/Orders/cdc/"))
        asked_again()
        wait_until(lambda: len(target.keys(f"{shop.name}/Orders/cdc/")) > before, "an object after it")
    finally:
        code = program.stop()
    assert code == 0
    assert "round_failed" not in program.log_text()
    program.once()
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))
