"""What a user gets wrong on the way to SQL Server: the message says what happened and what to do, and the exit code
fits. Every call also asserts that no secret is printed (tests/support/program.py)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.drivers import drivers
from tests.support.program import Ended, Program
from tests.support.s3_servers import S3Server

_PASSWORD = "Weak-Login-1"
_SOON = {"CDC_SOURCE_LOGIN_TIMEOUT": "2s"}  # Microsoft's driver tries on until then, whatever the reason

each_driver = pytest.mark.parametrize("driver", drivers().values(), ids=drivers().keys())


@pytest.fixture
def shop(database: Database) -> Database:
    """A captured table with one row."""
    database.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, customer nvarchar(40) NULL)")
    database.enable("dbo", "Orders")
    database.run("INSERT INTO dbo.Orders VALUES (1, N'a')")
    database.capture()
    return database


@pytest.fixture
def login(shop: Database) -> Iterator[str]:
    """A login without any user or right."""
    name = f"login_{shop.name}"
    shop.run(f"CREATE LOGIN {name} WITH PASSWORD = '{_PASSWORD}'")
    yield name
    shop.run(f"DROP LOGIN {name}")


def _says(ended: Ended, *words: str) -> None:
    for word in words:
        assert word in ended.text, f"{word!r} is missing in:\n{ended.text}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# The settings that are wrong, and what must be said; the same from run and from check.
_UNREACHABLE = {
    "wrong password": ({"SQL_SERVER_PASSWORD": "Wrong-Word-9"}, ["login of 'sa'", "check user and password", "18456"]),
    "unknown login": ({"SQL_SERVER_USER": "nobody"}, ["login of 'nobody'", "check user and password"]),
    "unknown host": (
        {"SQL_SERVER_HOST": "no-such-host.invalid"},
        ["host no-such-host.invalid is not known", "check the name and the DNS"],
    ),
    "no such database": (
        {"SQL_SERVER_DATABASE": "Nowhere"},
        ["database 'Nowhere' cannot be opened", "does not exist", "has no user in it"],
    ),
    "driver that is not installed": (
        {"SQL_SERVER_DRIVER": "{ODBC Driver 17 for SQL Server}"},
        ["'ODBC Driver 17 for SQL Server' is not installed", "installed: ", 'driver = "auto"', "msodbcsql17"],
    ),
    "driver that nobody knows": (
        {"SQL_SERVER_DRIVER": "{Oracle 23 ODBC driver}"},
        ["'Oracle 23 ODBC driver' is not installed", "FreeTDS", 'driver = "auto"'],
    ),
    "library that is not there": ({"SQL_SERVER_DRIVER": "/nowhere/libtdsodbc.so"}, ["no such file", "tdsodbc"]),
}


@pytest.mark.parametrize("case", list(_UNREACHABLE))
@pytest.mark.parametrize("verb", ["run", "check"])
@each_driver
def test_a_server_that_cannot_be_reached_is_explained(program: Program, case: str, verb: str, driver: str) -> None:
    settings, words = _UNREACHABLE[case]
    began = time.monotonic()
    words_of_verb = ["run", "--once"] if verb == "run" else ["check"]
    ended = program.call(*words_of_verb, **{"SQL_SERVER_DRIVER": driver, **_SOON, **settings})
    assert ended.code == 1
    assert time.monotonic() - began < 10
    _says(ended, *words)
    if verb == "check":
        _says(ended, "To fix:\n  1. ")


@each_driver
def test_a_named_instance_whose_port_nobody_tells_is_explained(program: Program, driver: str) -> None:
    host = "localhost\\SALES"
    ended = program.once(expect=1, SQL_SERVER_HOST=host, SQL_SERVER_DRIVER=driver, **_SOON)
    _says(ended, host, "SQL Server Browser", "UDP 1434", "set source.host to host:port")


@each_driver
def test_a_port_with_nothing_behind_it_is_explained(program: Program, driver: str) -> None:
    host = f"127.0.0.1,{_free_port()}"
    ended = program.once(expect=1, SQL_SERVER_HOST=host, SQL_SERVER_DRIVER=driver, **_SOON)
    _says(ended, f"cannot connect to {host}", "check host, port", "listens on TCP")


@each_driver
def test_a_port_of_something_else_is_explained(program: Program, s3: S3Server, driver: str) -> None:
    """An HTTP server answers in words of its own, for which FreeTDS waits on."""
    ended = program.once(expect=1, SQL_SERVER_HOST=f"127.0.0.1,{s3.port}", SQL_SERVER_DRIVER=driver, **_SOON)
    told = ("is no SQL Server: check host and port", "did not answer within 2 s: check host, port")
    assert any(words in ended.text for words in told), ended.text


def test_a_daemon_that_cannot_begin_ends_with_one_event(program: Program) -> None:
    ended = program.call("run", SQL_SERVER_PASSWORD="Wrong-Word-9")
    assert ended.code == 1
    assert ended.text.count("check user and password") == 1
    _says(ended, "error failed why=")


def test_a_database_without_cdc_is_told_how_to_get_it(database: Database, program: Program) -> None:
    for ended in (program.once(expect=1), program.call("check")):
        assert ended.code == 1
        _says(ended, "change data capture is not enabled", f"USE [{database.name}]; EXEC sys.sp_cdc_enable_db")


def test_a_database_that_captures_nothing_is_told_how(database: Database, target: Target, program: Program) -> None:
    database.run("EXEC sys.sp_cdc_enable_db")
    for ended in (program.once(expect=1), program.call("check")):
        assert ended.code == 1
        _says(ended, "captured", "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo'", "@role_name = NULL")
    assert all(key.startswith("_cdc_to_s3/") for key in target.keys(""))


@each_driver
def test_a_login_without_rights_on_schema_cdc_gets_the_grants(
    shop: Database, login: str, program: Program, driver: str
) -> None:
    shop.run(f"CREATE USER {login} FOR LOGIN {login}")
    settings = {"SQL_SERVER_USER": login, "SQL_SERVER_PASSWORD": _PASSWORD, "SQL_SERVER_DRIVER": driver}
    began = time.monotonic()
    refused = [program.once(expect=1, **settings), program.call("check", **settings)]
    assert time.monotonic() - began < 5, "a missing right was tried again and again"
    grants = f"GRANT SELECT ON SCHEMA::cdc TO [{login}]; GRANT VIEW DEFINITION TO [{login}]"
    for ended in refused:
        assert ended.code == 1
        _says(ended, "permission was denied", f"What helps: {grants}")
        assert "connection is lost" not in ended.text
    shop.run(*grants.split("; "))  # and that does help
    assert program.call("check", **settings).code == 0
    program.once(**settings)


@each_driver
def test_a_login_without_a_user_in_the_database_is_explained(
    shop: Database, login: str, program: Program, driver: str
) -> None:
    settings = {"SQL_SERVER_USER": login, "SQL_SERVER_PASSWORD": _PASSWORD, "SQL_SERVER_DRIVER": driver}
    ended = program.once(expect=1, **settings)
    _says(ended, f"database '{shop.name}' cannot be opened", f"'{login}' has no user in it", "CREATE USER")


@each_driver
def test_a_password_may_hold_what_connection_strings_are_made_of(
    shop: Database, login: str, program: Program, driver: str
) -> None:
    password = "a;PWD={b}}'\" c=1"
    literal = password.replace("'", "''")
    shop.run(f"ALTER LOGIN {login} WITH PASSWORD = '{literal}'", f"CREATE USER {login} FOR LOGIN {login}")
    shop.run(f"GRANT SELECT ON SCHEMA::cdc TO {login}", f"GRANT VIEW DEFINITION TO {login}")
    program.once(SQL_SERVER_USER=login, SQL_SERVER_PASSWORD=password, SQL_SERVER_DRIVER=driver)


def test_one_table_that_may_not_be_read_does_not_stop_the_others(
    shop: Database, login: str, target: Target, program: Program
) -> None:
    shop.run("CREATE TABLE dbo.Items (id int NOT NULL PRIMARY KEY)")
    shop.enable("dbo", "Items")
    shop.run(
        "INSERT INTO dbo.Items VALUES (1)",
        f"CREATE USER {login} FOR LOGIN {login}",
        f"GRANT SELECT ON SCHEMA::cdc TO {login}",
        f"GRANT VIEW DEFINITION TO {login}",
        f"DENY SELECT ON OBJECT::cdc.dbo_Orders_CT TO {login}",
    )
    shop.capture()
    ended = program.once(expect=3, SQL_SERVER_USER=login, SQL_SERVER_PASSWORD=_PASSWORD)
    _says(ended, "cdc-to-s3: dbo.Orders: ", "dbo_Orders_CT", f"GRANT SELECT ON SCHEMA::cdc TO [{login}]")
    assert len(target.objects(shop.name, "Items")) == 1
    assert target.keys(f"{shop.name}/Orders/") == []


_USAGE = {
    "": ["the first word is a verb", "run", "check", "status"],
    "rnu": ["there is no verb rnu", "did you mean run?"],
    "Status": ["there is no verb Status", "did you mean status?"],
    "run --onec": ["run has no flag --onec", "did you mean --once?", "run --help"],
    "check --databse=Shop": ["check has no flag --databse", "did you mean --database?"],
    "run once": ["run takes flags only"],
    "run --interval": ["--interval"],
    "--once run": ["the first word is a verb"],
}


@pytest.mark.parametrize("line", list(_USAGE))
def test_a_wrong_command_line_is_explained_with_exit_code_2(program: Program, line: str) -> None:
    ended = program.call(*line.split())
    assert ended.code == 2
    assert ended.out == ""
    _says(ended, "cdc-to-s3: ", *_USAGE[line])


@pytest.mark.parametrize("line", ["run --password Typed-Secret-7", "check --secret-access-key=Typed-Secret-7"])
def test_a_secret_as_a_flag_is_refused_and_not_repeated(program: Program, line: str) -> None:
    ended = program.call(*line.split())
    assert ended.code == 2
    _says(ended, "is a secret and never a flag", "in the environment or in .env")
    assert "Typed-Secret-7" not in ended.text


def test_help_names_every_setting_and_exit_code(program: Program) -> None:
    ended = program.call("run", "--help")
    assert ended.code == 0
    _says(ended, "SQL_SERVER_HOST", "CDC_RUN_INTERVAL", "--once", "Exit codes: 0", "AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize("verb", ["run", "check", "status"])
def test_all_missing_settings_are_named_at_once(make_program: Callable[..., Program], verb: str) -> None:
    program = make_program("", "").with_settings(
        SQL_SERVER_HOST="", SQL_SERVER_USER="", SQL_SERVER_PASSWORD="", AWS_SECRET_ACCESS_KEY=""
    )
    ended = program.call(verb)
    assert ended.code == 2
    for name in ("HOST", "DATABASE", "USER", "PASSWORD"):
        _says(ended, f"SQL_SERVER_{name}", f"CDC_SOURCE_{name}")
    _says(ended, "S3_BUCKET", "CDC_TARGET_URL", "--host", "AWS_SECRET_ACCESS_KEY", "[source] host")


_TOML = {
    '[source]\nhsot = "db1"': ["cdc-to-s3.toml line 2", "unknown key source.hsot", "did you mean source.host?"],
    "[run]\ninterval = 60": ["cdc-to-s3.toml line 2", "run.interval", "60s"],
    '[run]\nmax_object_rows = "many"': ["run.max_object_rows", "whole number"],
    '[source]\npassword = "Typed-Secret-7"': ["source.password is a secret", "SQL_SERVER_PASSWORD", "password_file"],
    '[target]\npath = "{database}/{tabel}"': ["{tabel}", "did you mean {table}?"],
    '[source\nhost = "db1"': ["cdc-to-s3.toml line 1"],
    "interval = '5s'": ["unknown key interval", "did you mean run.interval?"],
}


@pytest.mark.parametrize("name", [".env", "cdc-to-s3.toml"])
def test_settings_that_others_may_write_are_refused_with_what_helps(program: Program, name: str) -> None:
    path = program.folder / name
    path.write_text("", encoding="utf-8")
    path.chmod(0o664)
    ended = program.call("run", "--once")
    assert ended.code == 2
    _says(ended, f"{name}: others may write it (mode 0664)", f"chmod go-w {path}")


@pytest.mark.parametrize("text", list(_TOML))
def test_a_mistake_in_the_toml_file_is_named_with_its_line(program: Program, text: str) -> None:
    (program.folder / "cdc-to-s3.toml").write_text(text, encoding="utf-8")
    ended = program.call("run", "--once")
    assert ended.code == 2
    _says(ended, *_TOML[text])
    assert "Typed-Secret-7" not in ended.text


def test_a_mistyped_environment_name_is_refused(program: Program) -> None:
    ended = program.once(expect=2, CDC_RUN_INTERVALL="5s")
    _says(ended, "environment CDC_RUN_INTERVALL", "did you mean CDC_RUN_INTERVAL?")


def test_the_original_scripts_env_file_is_enough(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    program = make_program(shop.name, "")
    bucket, prefix = target.url.removeprefix("s3://").split("/")
    lines = {**program.settings, "S3_BUCKET": bucket, "S3_PREFIX": prefix}
    (program.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items() if value))
    bare = Program(program.folder, {})
    assert bare.once().code == 0
    assert len(target.objects(shop.name, "Orders")) == 1
