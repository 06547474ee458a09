"""Encryption on the way from SQL Server: what is demanded is kept by both drivers or refused, an error says what was not
verified, and `check` says what is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from standin.harness import StandIn
from standin.load.connection import Address, Connection
from standin.tds.certificates import make_certificate
from tests.e2e.conftest import Database, Server
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.folder_target import FolderTarget
from tests.support.program import Ended, Program

FREETDS, MICROSOFT = "FreeTDS", "Microsoft"
each_driver = pytest.mark.parametrize("driver", drivers())
needs_microsoft = pytest.mark.skipif(MICROSOFT not in drivers(), reason="Microsoft's ODBC driver is not installed")
needs_freetds = pytest.mark.skipif(FREETDS not in drivers(), reason="this run is of Microsoft's driver only")


@dataclass(frozen=True)
class Servers:
    offered: StandIn  # TLS for whoever asks
    required: StandIn
    elsewhere: StandIn  # its certificate is for another host; issued under elsewhere_ca
    elsewhere_ca: Path
    clear: StandIn  # no TLS
    other_ca: Path  # an authority that has issued none of these


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("tls")
    away = make_certificate(folder, "DNS:elsewhere.example", "away")
    other = make_certificate(folder, authority="other")
    theirs = ["--tls-certificate", str(away.certificate), "--tls-key", str(away.key)]
    required = ["--tls", "auto", "--tls-required", "--clear-port", "0"]
    with ExitStack() as stack:
        started = [
            stack.enter_context(StandIn(options=options, log=folder / f"{number}.log"))
            for number, options in enumerate((["--tls", "auto"], required, theirs, []))
        ]
        yield Servers(*started[:3], elsewhere_ca=away.ca, clear=started[3], other_ca=other.ca)


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., Ended]:
    """check(driver, server, **settings): `check` of its database master, which has no CDC: that alone is BAD, if it
    connects."""

    def call(
        driver: str, server: StandIn, host: str = "localhost", login: tuple[str, str] | None = None, **settings: str
    ) -> Ended:
        user, password = login or (server.user, server.password)
        base = {
            "SQL_SERVER_HOST": f"{host},{server.port}",
            "SQL_SERVER_DATABASE": "master",
            "SQL_SERVER_USER": user,
            "SQL_SERVER_PASSWORD": password,
            "SQL_SERVER_DRIVER": drivers()[driver],
            "CDC_TARGET_URL": f"file://{tmp_path}/target",
            "CDC_SOURCE_LOGIN_TIMEOUT": "5s",
        }
        named = {f"CDC_SOURCE_{name.upper()}": value for name, value in settings.items()}
        return Program(tmp_path, base | named).call("check")

    return call


def _says(ended: Ended, *words: str) -> None:
    for word in words:
        assert word in ended.text, f"{word!r} is missing in:\n{ended.text}"


def _connected(ended: Ended, *words: str) -> None:
    _says(ended, "connected to ", "change data capture is not enabled", *words)


def _refused(ended: Ended, *words: str) -> None:
    assert ended.code == 1
    assert "connected to " not in ended.text
    _says(ended, *words)


@each_driver
@pytest.mark.parametrize("encrypt", ["auto", "yes"])
def test_a_certificate_from_the_named_authority_is_verified_and_check_says_so(
    servers: Servers, check: Callable[..., Ended], driver: str, encrypt: str
) -> None:
    for server in (servers.offered, servers.required):
        ended = check(driver, server, encrypt=encrypt, ca_file=str(server.ca_file))
        _connected(ended, "encrypted, the server's certificate verified", f"authorities in {server.ca_file}")
        _says(ended, "the server says the same")


@each_driver
def test_localhost_is_reached_and_verified_whatever_the_machine_calls_itself(
    servers: Servers, check: Callable[..., Ended], driver: str
) -> None:
    """Microsoft's driver takes it for the machine's own name, which may lead elsewhere (tools/with_hosts.sh)."""
    for host in ("localhost", "LocalHost", ".", "(local)"):
        ended = check(driver, servers.required, host, encrypt="yes", ca_file=str(servers.required.ca_file))
        _connected(ended, "the server's certificate verified")


@each_driver
@pytest.mark.parametrize("encrypt", ["auto", "yes"])
def test_a_certificate_from_another_authority_is_refused(
    servers: Servers, check: Callable[..., Ended], driver: str, encrypt: str
) -> None:
    ended = check(driver, servers.offered, encrypt=encrypt, ca_file=str(servers.other_ca))
    _refused(ended, f"is not trusted by the authorities in {servers.other_ca}", "issued by CN = Stand-in authority")
    _says(ended, "set ca_file to the authority that issued it, or trust_server_certificate = true")


@each_driver
def test_a_certificate_of_an_authority_that_the_system_does_not_know_is_refused(
    servers: Servers, check: Callable[..., Ended], driver: str
) -> None:
    ended = check(driver, servers.offered, encrypt="yes")
    _refused(ended, "is not trusted by the system's authorities", "set ca_file")


@each_driver
def test_a_certificate_for_another_host_is_refused_with_the_names_that_it_is_for(
    servers: Servers, check: Callable[..., Ended], driver: str
) -> None:
    ended = check(driver, servers.elsewhere, encrypt="yes", ca_file=str(servers.elsewhere_ca))
    _refused(ended, "the certificate of localhost,", "is not for that host name, only for elsewhere.example")


@needs_microsoft
def test_the_name_in_the_certificate_may_be_told_to_microsofts_driver(
    servers: Servers, check: Callable[..., Ended]
) -> None:
    settings = {"encrypt": "yes", "ca_file": str(servers.elsewhere_ca)}
    ended = check(MICROSOFT, servers.elsewhere, odbc_options="HostNameInCertificate=elsewhere.example", **settings)
    _connected(ended, "the server's certificate verified")
    by_address = check(MICROSOFT, servers.offered, "127.0.0.1", encrypt="yes", ca_file=str(servers.offered.ca_file))
    _refused(by_address, "does not take IP addresses", "HostNameInCertificate")


@each_driver
def test_a_trusted_certificate_is_not_verified_and_check_says_so(
    servers: Servers, check: Callable[..., Ended], driver: str
) -> None:
    for server in (servers.offered, servers.required, servers.elsewhere):
        ended = check(driver, server, trust_server_certificate="true")
        _connected(ended, "encrypted, but the server's certificate is not verified", "the server says the same")
    ended = check(driver, servers.clear, trust_server_certificate="true")
    _refused(ended, "offers no TLS", "set encrypt = no in a network that you trust")


@each_driver
def test_a_server_without_tls_is_refused_when_encryption_is_demanded(
    servers: Servers, check: Callable[..., Ended], driver: str
) -> None:
    ended = check(driver, servers.clear, encrypt="yes")
    _refused(ended, "offers no TLS, and encrypt = yes demands it", "set encrypt = no in a network that you trust")


@each_driver
def test_clear_is_clear_only_when_it_is_asked_and_check_says_so(
    servers: Servers, check: Callable[..., Ended], driver: str
) -> None:
    for server in (servers.clear, servers.offered):
        _connected(check(driver, server, encrypt="no"), "data is in clear", "the server says the same")


@needs_microsoft
def test_a_server_that_insists_on_encryption_is_refused_in_clear_unless_its_certificate_can_be_verified(
    servers: Servers, check: Callable[..., Ended]
) -> None:
    ended = check(MICROSOFT, servers.required, encrypt="no")
    _refused(ended, "insists on encryption though encrypt = no", "set ca_file to the authority that issued it")
    ended = check(MICROSOFT, servers.required, encrypt="no", ca_file=str(servers.required.ca_file))
    _connected(ended, "the server insists on encryption, so the connection is encrypted")


@needs_freetds
def test_freetds_follows_a_server_that_insists_on_encryption_and_check_says_so(
    servers: Servers, check: Callable[..., Ended]
) -> None:
    ended = check(FREETDS, servers.required, encrypt="no")
    _connected(
        ended, "the server insists on encryption, so the connection is encrypted", 'set [source] encrypt = "yes"'
    )


@needs_freetds
def test_auto_encrypts_with_freetds_where_the_server_can_and_check_says_what_is_not_verified(
    servers: Servers, check: Callable[..., Ended]
) -> None:
    for server in (servers.offered, servers.required):
        ended = check(FREETDS, server)
        _connected(ended, "encrypted, but the server's certificate is not verified", "set [source] ca_file")
        _says(ended, "the server says the same")
    _connected(check(FREETDS, servers.clear), "data is in clear", 'set [source] encrypt = "yes"')


@needs_microsoft
def test_auto_encrypts_and_verifies_with_microsofts_driver(servers: Servers, check: Callable[..., Ended]) -> None:
    _refused(check(MICROSOFT, servers.offered), "is not trusted by the system's authorities")
    _refused(check(MICROSOFT, servers.clear), "offers no TLS, and encrypt = auto demands it")


@needs_freetds
def test_strict_is_refused_with_a_driver_that_cannot(servers: Servers, check: Callable[..., Ended]) -> None:
    ended = check(FREETDS, servers.offered, encrypt="strict", ca_file=str(servers.offered.ca_file))
    _refused(ended, "the driver FreeTDS cannot encrypt = strict (TDS 8)", "Microsoft's ODBC Driver 18 can")


@needs_microsoft
def test_strict_encrypts_from_the_first_byte_and_always_verifies(servers: Servers, check: Callable[..., Ended]) -> None:
    for server in (servers.offered, servers.required):
        ended = check(MICROSOFT, server, encrypt="strict", ca_file=str(server.ca_file))
        _connected(ended, "encrypted, the server's certificate verified", "the server says the same")
    ended = check(MICROSOFT, servers.offered, encrypt="strict", ca_file=str(servers.other_ca))
    _refused(ended, f"is not trusted by the authorities in {servers.other_ca}")
    ended = check(MICROSOFT, servers.elsewhere, encrypt="strict", ca_file=str(servers.elsewhere_ca))
    _refused(ended, "is not for that host name, only for elsewhere.example")
    ended = check(MICROSOFT, servers.offered, encrypt="strict", trust_server_certificate="true")
    _refused(ended, "encrypt = strict always verifies")


@needs_microsoft
def test_strict_is_refused_by_a_server_that_does_not_speak_tds_8(servers: Servers, check: Callable[..., Ended]) -> None:
    ended = check(MICROSOFT, servers.clear, encrypt="strict", ca_file=str(servers.offered.ca_file))
    _refused(ended, "does not speak TDS 8", "set encrypt = yes for servers before SQL Server 2022")


@needs_microsoft
def test_the_systems_authorities_do_not_count_beside_a_ca_file(
    servers: Servers, check: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of authorities, as OpenSSL looks them up by the hash of their names."""
    folder = tmp_path / "authorities"
    folder.mkdir()
    words = ["openssl", "x509", "-hash", "-noout", "-in", str(servers.offered.ca_file)]
    name = subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout.strip()
    shutil.copy(str(servers.offered.ca_file), folder / f"{name}.0")
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    _connected(check(MICROSOFT, servers.offered, encrypt="yes"), "the system's authorities")
    _refused(check(MICROSOFT, servers.offered, encrypt="yes", ca_file=str(servers.other_ca)), "is not trusted by")


@each_driver
def test_a_ca_file_that_cannot_be_used_is_explained(
    servers: Servers, check: Callable[..., Ended], driver: str, tmp_path: Path
) -> None:
    _refused(check(driver, servers.offered, ca_file="/nowhere/ca.pem"), "ca_file /nowhere/ca.pem cannot be read")
    binary = tmp_path / "ca.der"
    binary.write_bytes(b"\x30\x82")
    _refused(check(driver, servers.offered, ca_file=str(binary)), "holds no certificate in PEM", "-inform der")


@each_driver
def test_further_words_that_would_undermine_the_program_or_that_the_driver_does_not_know_are_refused(
    servers: Servers, check: Callable[..., Ended], driver: str
) -> None:
    for words, said in (("UID=x", "set source.user"), ("Fnord=1", "does not know")):
        _refused(check(driver, servers.clear, encrypt="no", odbc_options=words), "source.odbc_options", said)
    _connected(check(driver, servers.clear, encrypt="no", odbc_options="WSID=reader-7;PacketSize=8000"))


@each_driver
def test_a_login_that_may_not_see_its_own_connection_is_told_that_the_server_was_not_asked(
    servers: Servers, check: Callable[..., Ended], driver: str
) -> None:
    server = servers.required
    with Connection(Address(server.host, server.clear_port, server.user, server.password, "master")) as connection:
        connection.run(f"CREATE LOGIN {driver}_reader WITH PASSWORD = 'Plain-1'")
    ended = check(driver, server, login=(f"{driver}_reader", "Plain-1"), encrypt="yes", ca_file=str(server.ca_file))
    _says(ended, "the server's certificate verified", "the server was not asked", "VIEW SERVER STATE")


@each_driver
def test_changes_arrive_through_verified_tls(servers: Servers, driver: str, tmp_path: Path) -> None:
    stand_in = servers.required
    address = Address(stand_in.host, stand_in.clear_port, stand_in.user, stand_in.password, "master")
    database = Database(Server(address, stand_in, {}), f"Tls_{driver}")
    database.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, customer nvarchar(40) NULL)")
    database.enable("dbo", "Orders")
    values = ", ".join(f"({number}, N'Zoë {number}')" for number in range(900))
    database.run(f"INSERT INTO dbo.Orders VALUES {values}")
    database.capture()
    target = FolderTarget(tmp_path / "target")
    target.folder.mkdir()
    settings = {
        "SQL_SERVER_HOST": f"localhost,{stand_in.port}",
        "SQL_SERVER_DATABASE": database.name,
        "SQL_SERVER_USER": stand_in.user,
        "SQL_SERVER_PASSWORD": stand_in.password,
        "SQL_SERVER_DRIVER": drivers()[driver],
        "CDC_SOURCE_ENCRYPT": "yes",
        "CDC_SOURCE_CA_FILE": str(stand_in.ca_file),
        "CDC_TARGET_URL": target.url,
    }
    Program(tmp_path, settings).once()
    assert_delivered(database.connection, "dbo_Orders", target.objects(database.name, "Orders"))
    database.drop()
