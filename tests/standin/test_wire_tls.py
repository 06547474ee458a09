"""TLS inside PRELOGIN: who gets it, how much of the connection, and who is turned away."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pyodbc
import pytest
from fake_engine import INT, FakeEngine
from raw_client import RawClient
from wire_clients import CLIENTS, Running

from standin.model import Column, SqlType
from standin.tds.tls import Encryption

PASSWORD = FakeEngine.PASSWORD
COLUMNS = [Column("n", INT), Column("t", SqlType("nvarchar", 100))]
ROWS = [(number, "x" * (number % 90)) for number in range(5000)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed one for localhost, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing: it makes the test's certificate")
    folder = tmp_path_factory.mktemp("tls")
    pem, key = folder / "certificate.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    return pem, key


@pytest.fixture
def serve(certificate: tuple[Path, Path]) -> Iterator[Callable[..., Running]]:
    started = []

    def start(required: bool = False) -> Running:
        running = Running(Encryption(*certificate, required))
        running.engine.result("SELECT many", COLUMNS, ROWS)
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop()


CASES = [
    ("microsoft", {"Encrypt": "no"}),
    ("microsoft", {"Encrypt": "yes", "TrustServerCertificate": "yes"}),
    ("microsoft", {"Encrypt": "yes", "TrustServerCertificate": "yes", "PacketSize": "32767"}),
    ("freetds", {"Encryption": "off"}),
    ("freetds", {"Encryption": "request"}),
    ("freetds", {"Encryption": "require"}),
]


@pytest.mark.parametrize(
    ("name", "words"), CASES, ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else value
)
def test_a_long_result_arrives_with_every_setting(
    serve: Callable[..., Running], name: str, words: dict[str, str]
) -> None:
    if (missing := CLIENTS[name].missing()) is not None:
        pytest.skip(missing)
    connection = CLIENTS[name].connect(serve().port, PASSWORD, **words)
    assert CLIENTS[name].fetch(connection, "SELECT many") == ROWS
    connection.close()


def test_a_self_signed_certificate_is_refused_unless_it_is_trusted(serve: Callable[..., Running]) -> None:
    if (missing := CLIENTS["microsoft"].missing()) is not None:
        pytest.skip(missing)
    with pytest.raises(pyodbc.Error, match="certificate"):
        CLIENTS["microsoft"].connect(serve().port, PASSWORD, Encrypt="yes")


def test_a_server_without_tls_turns_away_a_client_that_needs_it(fake: Running) -> None:
    for name, words in (("microsoft", {"Encrypt": "yes"}), ("freetds", {"Encryption": "require"})):
        if CLIENTS[name].missing() is None:
            with pytest.raises(pyodbc.Error):
                CLIENTS[name].connect(fake.port, PASSWORD, **words)


def test_a_server_that_requires_tls_turns_away_clear_logins(serve: Callable[..., Running]) -> None:
    running = serve(required=True)
    with pytest.raises((EOFError, OSError)):
        RawClient(running.port, PASSWORD)
    assert running.engine.logins == []
    if CLIENTS["freetds"].missing() is None:
        connection = CLIENTS["freetds"].connect(running.port, PASSWORD, Encryption="request")
        assert CLIENTS["freetds"].fetch(connection, "SELECT many") == ROWS
        connection.close()


@pytest.mark.parametrize("action", ["fin", "rst"])
def test_a_cut_inside_tls_is_an_error_too(serve: Callable[..., Running], action: str) -> None:
    if (missing := CLIENTS["freetds"].missing()) is not None:
        pytest.skip(missing)
    running = serve()
    running.control.arm(match="many", at="rows", count=2000, inside_row=True, action=action)
    connection = CLIENTS["freetds"].connect(running.port, PASSWORD, Encryption="require")
    with pytest.raises(pyodbc.Error):
        CLIENTS["freetds"].fetch(connection, "SELECT many")
