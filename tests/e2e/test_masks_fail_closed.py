"""Nothing personal appears in clear because a name changed: masks and the choice of columns go by the entry's name, and
a column that was hidden stays hidden until the settings say by its name that it is not."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from standin.load.connection import ensure_schemas
from tests.e2e.conftest import Database, Target
from tests.support import dba
from tests.support.drivers import drivers
from tests.support.judge import judge
from tests.support.program import Program, wait_until
from tests.support.small_tables import document, folders
from tests.support.toml_text import toml_lines

_KEY = "0123456789abcdef0123456789abcdef"
_SECRET = "@example.com"
_PASSWORD = "Weak-Login-1"
# How dbo.Person's Mail is hidden -> the settings that do it.
HIDDEN: dict[str, dict[str, Any]] = {
    "hashed": {"dbo.Person": {"column": {"Mail": {"mask": "hash"}}}},
    "nulled": {"dbo.Person": {"column": {"Mail": {"mask": "null"}}}},
    "left out": {"dbo.Person": {"exclude_columns": ["Mail"]}},
    "not allowed": {"dbo.Person": {"columns": ["Id", "Note"]}},
}
RENAMES = {
    "renamed": (dba.rename("dbo.Person", "Person_v1"), "dbo.Person_v1"),
    "moved": (dba.transfer("dbo.Person", "Archive"), "Archive.Person"),
}


@pytest.fixture(autouse=True)
def people(database: Database) -> Database:
    """dbo.Person with an address in each row, beside a table without any."""
    ensure_schemas(database.connection, ["Archive"])
    dba.make(database, "dbo.Person", "Id int NOT NULL PRIMARY KEY, Mail nvarchar(60) NULL, Note nvarchar(60) NULL")
    dba.make(database, "dbo.Items", "Id int NOT NULL PRIMARY KEY")
    dba.capture(database, "dbo.Person", "dbo_Person")
    dba.capture(database, "dbo.Items", "dbo_Items")
    _insert(database, 1)
    return database


@pytest.fixture(params=list(drivers()))
def program(
    request: pytest.FixtureRequest, make_program: Callable[..., Program], database: Database, target: Target
) -> Program:
    """With each driver, since names arrive in each one's own way."""
    driver = drivers()[request.param]
    return make_program(database.name, target.url, SQL_SERVER_DRIVER=driver, CDC_TYPES_MASK_KEY=_KEY)


def _insert(database: Database, number: int, name: str = "dbo.Person") -> None:
    """Into Id, Mail and Note, in the order of the table's columns whatever they are called."""
    database.run(f"INSERT INTO {name} VALUES ({number}, N'who{number}{_SECRET}', N'note {number}')")
    database.capture()


def _settings(program: Program, tables: Mapping[str, Any]) -> None:
    (program.folder / "cdc-to-s3.toml").write_text(toml_lines(["table"], tables), encoding="utf-8")


def _rows(database: Database, target: Target) -> list[dict[str, Any]]:
    verdict = judge(target.objects(database.name, "Person"))
    assert verdict.wrong == []
    return verdict.rows


def _ids(database: Database, target: Target) -> list[int]:
    return [row["Id"] for row in _rows(database, target)]


def _assert_nothing_in_clear(target: Target) -> None:
    rows = [row for key in target.keys("") if key.endswith(".parquet") for row in judge([target.get(key)]).rows]
    assert not any(_SECRET in str(value) for row in rows for value in row.values()), "an address in clear"
    states = [target.get(key).data for key in target.keys("_cdc_to_s3/")]
    assert not any(_SECRET.encode() in state for state in states)


@pytest.mark.parametrize("how", RENAMES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_table_that_gets_another_name_before_a_start_stays_masked(
    database: Database, target: Target, program: Program, hidden: str, how: str
) -> None:
    _settings(program, HIDDEN[hidden])
    program.once()
    statement, today = RENAMES[how]
    database.run(statement)
    _insert(database, 2, today)
    program.once()
    assert _ids(database, target) == [1, 2]
    _assert_nothing_in_clear(target)
    assert folders(database, target) == {"Person"}


@pytest.mark.parametrize("hidden", ["hashed", "left out"])
def test_a_table_that_gets_another_name_under_a_running_program_stays_masked(
    database: Database, target: Target, program: Program, hidden: str
) -> None:
    _settings(program, HIDDEN[hidden])
    program.start()
    wait_until(lambda: _ids(database, target) == [1], "the first row")
    for number, (old, new) in enumerate([("Person", "Person_v1"), ("Person_v1", "Person_v2")], 2):
        database.run(dba.rename(f"dbo.{old}", new))
        _insert(database, number, f"dbo.{new}")
        wait_until(lambda: _ids(database, target) == list(range(1, number + 1)), "the row behind a rename")  # noqa: B023
    assert program.stop() == 0
    _assert_nothing_in_clear(target)


def test_a_claim_that_was_masked_is_put_masked_after_a_rename(
    database: Database, target: Target, program: Program
) -> None:
    _settings(program, HIDDEN["hashed"])
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put:1").code == -signal.SIGKILL
    database.run(dba.rename("dbo.Person", "Person_v1"))
    _insert(database, 2, "dbo.Person_v1")
    program.once()
    assert _ids(database, target) == [1, 2]
    _assert_nothing_in_clear(target)


def test_a_claim_that_was_masked_is_not_put_in_clear_when_the_rule_is_gone(
    database: Database, target: Target, program: Program
) -> None:
    _settings(program, HIDDEN["hashed"])
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put:1").code == -signal.SIGKILL
    _settings(program, {})
    _assert_told(program.once(expect=3).text, "Mail")
    assert _ids(database, target) == []
    _settings(program, HIDDEN["hashed"])
    program.once()
    assert _ids(database, target) == [1]
    _assert_nothing_in_clear(target)


def _assert_told(said: str, column: str, old: str = "Mail") -> None:
    """The column, its old name, and what to write."""
    lines = [line for line in said.splitlines() if "dbo.Person" in line and column in line and old in line]
    assert lines, said
    assert 'mask = "none"' in said and f'column."{column}"' in said


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_column_whose_rule_is_gone_stops_its_table_until_the_settings_say_what_is_meant(
    database: Database, target: Target, program: Program, hidden: str
) -> None:
    _settings(program, HIDDEN[hidden])
    program.once()
    _insert(database, 2)
    database.run("INSERT INTO dbo.Items VALUES (1)")
    database.capture()
    _settings(program, {})
    for _ in range(2):
        _assert_told(program.once(expect=3).text, "Mail")
    assert _ids(database, target) == [1]
    # The other table goes on, and whoever looks is told.
    assert folders(database, target) == {"Person", "Items"}
    for verb in ("check", "tables", "status"):
        ended = program.call(verb)
        assert ended.code in (1, 3) and "Mail" in ended.text, f"{verb}\n{ended.text}"
    _settings(program, HIDDEN[hidden])
    program.once()
    assert _ids(database, target) == [1, 2]
    _assert_nothing_in_clear(target)


# (how it was hidden, what the settings say now)
SHOWN = [
    ("hashed", {"dbo.Person": {"column": {"Mail": {"mask": "none"}}}}),
    ("hashed", {"dbo.person": {"column": {"mail": {"mask": "none"}}}}),
    ("hashed", {"*": {"column": {"Mail": {"mask": "none"}}}}),
    ("left out", {"dbo.Person": {"column": {"Mail": {"mask": "none"}}}}),
    ("left out", {"dbo.Person": {"columns": ["Id", "Mail", "Note"]}}),
]
# What says too little: a pattern, and a list that says nothing of a mask.
NOT_SHOWN = [
    ("hashed", {"dbo.Person": {"column": {"M*": {"mask": "none"}}}}),
    ("hashed", {"dbo.Person": {"mask": "none"}}),
    ("hashed", {"dbo.Person": {"columns": ["Id", "Mail", "Note"]}}),
    ("left out", {"dbo.Person": {"columns": ["*"]}}),
    ("left out", {"dbo.Person": {"columns": ["Id", "M*", "Note"]}}),
    ("left out", {"dbo.Person": {"column": {"*": {"mask": "none"}}}}),
]


@pytest.mark.parametrize(("hidden", "said"), SHOWN)
def test_a_column_is_delivered_in_clear_once_the_settings_say_so_by_its_name(
    database: Database, target: Target, program: Program, hidden: str, said: dict[str, Any]
) -> None:
    _settings(program, HIDDEN[hidden])
    program.once()
    _insert(database, 2)
    _settings(program, said)
    program.once()
    assert [row.get("Mail") for row in _rows(database, target)][1:] == [f"who2{_SECRET}"]
    # It is decided now: the rule may go again.
    _insert(database, 3)
    _settings(program, {})
    program.once()
    assert [row.get("Mail") for row in _rows(database, target)][1:] == [f"who2{_SECRET}", f"who3{_SECRET}"]


@pytest.mark.parametrize(("hidden", "said"), NOT_SHOWN)
def test_a_column_that_the_settings_do_not_name_is_not_shown(
    database: Database, target: Target, program: Program, hidden: str, said: dict[str, Any]
) -> None:
    _settings(program, HIDDEN[hidden])
    program.once()
    _insert(database, 2)
    _settings(program, said)
    _assert_told(program.once(expect=3).text, "Mail")
    assert _ids(database, target) == [1]
    _assert_nothing_in_clear(target)


def _log(program: Program) -> str:
    """Values of events without the signs that quote them."""
    return program.log_text().replace('\\"', '"')


def _captured_anew(database: Database, *between: str, name: str = "dbo.Person") -> None:
    """Capture is turned off, `between` happens, and it is turned on again."""
    database.run(dba.capture_off(name), *between)
    dba.capture(database, name, "dbo_Person_v2")


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("running", [False, True], ids=["before a start", "running"])
def test_a_hidden_column_that_gets_another_name_stops_its_table(
    database: Database, target: Target, program: Program, hidden: str, running: bool
) -> None:
    # An allow-list would leave the new name out as well, unless a pattern lets it in.
    rules = {"dbo.Person": {"columns": ["Id", "Note", "E*"]}} if hidden == "not allowed" else HIDDEN[hidden]
    _settings(program, rules)
    if running:
        program.start("--on-gap", "continue")
        wait_until(lambda: _ids(database, target) == [1], "the first row")
    else:
        program.once()
    _captured_anew(database, dba.rename_column("dbo.Person", "Mail", "Email"))
    _insert(database, 2)
    if running:
        wait_until(lambda: 'column."Email"' in _log(program), "the message")
        assert program.stop() in (0, 3)
        said = _log(program)
    else:
        said = program.once("--on-gap", "continue", expect=3).text
    _assert_told(said, "Email")
    assert _ids(database, target) == [1]
    _assert_nothing_in_clear(target)
    _settings(program, {"dbo.Person": {"columns": ["Id", "Note"], "column": {"Email": {"mask": "hash"}}}})
    program.once("--on-gap", "continue")
    assert _ids(database, target) == [1, 2]
    _assert_nothing_in_clear(target)


def test_a_hidden_column_that_gets_a_delivered_ones_name_is_not_shown_under_it(
    database: Database, target: Target, program: Program
) -> None:
    """The rule that names Note was there before, and meant another column."""
    _settings(program, {"dbo.Person": {"columns": ["Id", "Note"]}})
    program.once()
    _captured_anew(
        database, dba.rename_column("dbo.Person", "Note", "Comment"), dba.rename_column("dbo.Person", "Mail", "Note")
    )
    _insert(database, 2)
    said = program.once("--on-gap", "continue", expect=3).text
    assert "Note" in said and "Comment" in said
    _assert_nothing_in_clear(target)


def test_a_column_of_an_allow_list_that_gets_another_name_stops_its_table_until_the_list_says_so(
    database: Database, target: Target, program: Program
) -> None:
    _settings(program, {"dbo.Person": {"columns": ["Id", "Note"]}})
    program.once()
    _captured_anew(database, dba.rename_column("dbo.Person", "Note", "Comment"))
    _insert(database, 2)
    said = program.once("--on-gap", "continue", expect=3).text
    assert "Comment" in said and "Note" in said
    assert _ids(database, target) == [1]
    _settings(program, {"dbo.Person": {"columns": ["Id", "Comment"]}})
    program.once("--on-gap", "continue")
    assert [row.get("Comment") for row in _rows(database, target)] == [None, "note 2"]
    _assert_nothing_in_clear(target)


def test_columns_that_exchange_their_names_do_not_exchange_what_is_hidden(
    database: Database, target: Target, program: Program
) -> None:
    _settings(program, {"dbo.Person": {"column": {"Mail": {"mask": "hash"}}}})
    program.once()
    _captured_anew(
        database,
        dba.rename_column("dbo.Person", "Note", "x"),
        dba.rename_column("dbo.Person", "Mail", "Note"),
        dba.rename_column("dbo.Person", "x", "Mail"),
    )
    _insert(database, 2)
    _assert_told(program.once("--on-gap", "continue", expect=3).text, "Note")
    _assert_nothing_in_clear(target)


def test_a_hidden_column_of_a_renamed_table_that_gets_another_name_too_stops_its_table(
    database: Database, target: Target, program: Program
) -> None:
    _settings(program, HIDDEN["hashed"])
    program.once()
    database.run(dba.rename("dbo.Person", "Person_v1"))
    _captured_anew(database, dba.rename_column("dbo.Person_v1", "Mail", "Email"), name="dbo.Person_v1")
    _insert(database, 2, "dbo.Person_v1")
    # What is to be written names the entry, for today's name has no effect.
    _assert_told(program.once("--on-gap", "continue", expect=3).text, "Email")
    _settings(program, {"dbo.Person_v1": {"column": {"Email": {"mask": "none"}}}})
    program.once("--on-gap", "continue", expect=3)
    _assert_nothing_in_clear(target)
    _settings(program, {"dbo.Person": {"column": {"Email": {"mask": "none"}}}})
    program.once("--on-gap", "continue")
    assert [row.get("Email") for row in _rows(database, target)] == [None, f"who2{_SECRET}"]


def test_a_new_column_beside_a_hidden_one_is_no_reason_to_stop(
    database: Database, target: Target, program: Program
) -> None:
    _settings(program, HIDDEN["hashed"])
    program.once()
    database.run("ALTER TABLE dbo.Person ADD Age int NULL")
    dba.capture(database, "dbo.Person", "dbo_Person_v2")
    database.run(f"INSERT INTO dbo.Person VALUES (2, N'who2{_SECRET}', N'', 40)")
    database.capture()
    program.once()
    assert [row.get("Age") for row in _rows(database, target)] == [None, 40]
    _assert_nothing_in_clear(target)


def test_a_table_that_replaces_a_masked_one_is_masked_by_the_same_rules(
    database: Database, target: Target, program: Program
) -> None:
    _settings(program, HIDDEN["hashed"])
    program.once()
    dba.make(
        database, "dbo.Person_stage", "Id int NOT NULL PRIMARY KEY, Mail nvarchar(60) NULL, Note nvarchar(60) NULL"
    )
    database.run(dba.rename("dbo.Person", "Person_old"), dba.rename("dbo.Person_stage", "Person"))
    dba.capture(database, "dbo.Person", "dbo_Person_v2")
    _insert(database, 101)
    _insert(database, 2, "dbo.Person_old")
    program.once(expect=3, CDC_SOURCE_ON_REPLACE="follow")
    # The earlier one has another name of its own now, and no rule of that name hides its addresses.
    said = program.once(expect=3).text
    assert "cdc-to-s3: dbo.Person_old: column Mail" in said and "dbo.Person:" not in said
    assert 101 in _ids(database, target)
    _assert_nothing_in_clear(target)
    _settings(program, {**HIDDEN["hashed"], "dbo.Person_old": {"column": {"Mail": {"mask": "null"}}}})
    _insert(database, 3, "dbo.Person_old")
    program.once()
    assert folders(database, target) >= {"Person", "Person_old"}
    _assert_nothing_in_clear(target)


@pytest.fixture
def reader(database: Database, program: Program) -> Iterator[Program]:
    """The program as a login that may read change tables and see all names, until a test revokes that."""
    name = f"reader_{database.name}"
    database.run(
        f"CREATE LOGIN {name} WITH PASSWORD = '{_PASSWORD}'",
        f"CREATE USER {name} FOR LOGIN {name}",
        f"GRANT SELECT ON SCHEMA::cdc TO {name}",
        f"GRANT VIEW DEFINITION TO {name}",
    )
    yield program.with_settings(SQL_SERVER_USER=name, SQL_SERVER_PASSWORD=_PASSWORD)
    program.kill()
    database.run(f"DROP LOGIN {name}")


@pytest.mark.parametrize("hidden", ["hashed", "left out"])
def test_a_login_that_is_not_told_names_any_more_still_masks_by_the_entrys_name(
    database: Database, target: Target, reader: Program, hidden: str
) -> None:
    _settings(reader, HIDDEN[hidden])
    reader.once()
    database.run(f"REVOKE VIEW DEFINITION FROM reader_{database.name}")
    _insert(database, 2)
    ended = reader.call("run", "--once")
    assert ended.code in (0, 3), ended.text
    _assert_nothing_in_clear(target)
    assert _ids(database, target) == ([1, 2] if ended.code == 0 else [1])
    database.run(f"GRANT VIEW DEFINITION TO reader_{database.name}")
    reader.once()
    assert _ids(database, target) == [1, 2]
    _assert_nothing_in_clear(target)


def test_a_running_program_whose_login_loses_the_names_goes_on_masking(
    database: Database, target: Target, reader: Program
) -> None:
    _settings(reader, HIDDEN["hashed"])
    reader.start()
    try:
        wait_until(lambda: _ids(database, target) == [1], "the first row")
        database.run(f"REVOKE VIEW DEFINITION FROM reader_{database.name}")
        database.run(dba.rename("dbo.Person", "Person_v1"))
        _insert(database, 2, "dbo.Person_v1")
        wait_until(lambda: _ids(database, target) == [1, 2], "the row that came without a name")
        database.run(f"GRANT VIEW DEFINITION TO reader_{database.name}")
        _insert(database, 3, "dbo.Person_v1")
        wait_until(lambda: _ids(database, target) == [1, 2, 3], "the row that came with a new name")
        assert document(database, target)["tables"]["dbo.Person"]["name"] == "Person"
    finally:
        reader.stop()
    _assert_nothing_in_clear(target)
