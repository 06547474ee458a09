"""Nothing personal appears in clear because a table's name changed: masks and the choice of columns go by the entry's
name, and a column that was hidden stays hidden until the settings say by its name that it is not."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Database, Target
from tests.support import dba
from tests.support.drivers import drivers
from tests.support.people import (
    HIDDEN,
    MASK_KEY,
    SECRET,
    assert_nothing_in_clear,
    assert_told,
    ids,
    insert,
    make_people,
    rows,
    write_settings,
)
from tests.support.program import Program, wait_until
from tests.support.small_tables import document, folders

_PASSWORD = "Weak-Login-1"
RENAMES = {
    "renamed": (dba.rename("dbo.Person", "Person_v1"), "dbo.Person_v1"),
    "moved": (dba.transfer("dbo.Person", "Archive"), "Archive.Person"),
}


@pytest.fixture(autouse=True)
def _people(database: Database) -> None:
    make_people(database)


@pytest.fixture(params=list(drivers()))
def program(
    request: pytest.FixtureRequest, make_program: Callable[..., Program], database: Database, target: Target
) -> Program:
    """With each driver, since names arrive in each one's own way."""
    driver = drivers()[request.param]
    return make_program(database.name, target.url, SQL_SERVER_DRIVER=driver, CDC_TYPES_MASK_KEY=MASK_KEY)


@pytest.mark.parametrize("how", RENAMES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_table_that_gets_another_name_before_a_start_stays_masked(
    database: Database, target: Target, program: Program, hidden: str, how: str
) -> None:
    write_settings(program, HIDDEN[hidden])
    program.once()
    statement, today = RENAMES[how]
    database.run(statement)
    insert(database, 2, today)
    program.once()
    assert ids(database, target) == [1, 2]
    assert_nothing_in_clear(target)
    assert folders(database, target) == {"Person"}


@pytest.mark.parametrize("hidden", ["hashed", "left out"])
def test_a_table_that_gets_another_name_under_a_running_program_stays_masked(
    database: Database, target: Target, program: Program, hidden: str
) -> None:
    write_settings(program, HIDDEN[hidden])
    program.start()
    wait_until(lambda: ids(database, target) == [1], "the first row")
    for number, (old, new) in enumerate([("Person", "Person_v1"), ("Person_v1", "Person_v2")], 2):
        database.run(dba.rename(f"dbo.{old}", new))
        insert(database, number, f"dbo.{new}")
        wait_until(lambda: ids(database, target) == list(range(1, number + 1)), "the row behind a rename")  # noqa: B023
    assert program.stop() == 0
    assert_nothing_in_clear(target)


def test_a_claim_that_was_masked_is_put_masked_after_a_rename(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, HIDDEN["hashed"])
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put:1").code == -signal.SIGKILL
    database.run(dba.rename("dbo.Person", "Person_v1"))
    insert(database, 2, "dbo.Person_v1")
    program.once()
    assert ids(database, target) == [1, 2]
    assert_nothing_in_clear(target)


def test_a_claim_that_was_masked_is_not_put_in_clear_when_the_rule_is_gone(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, HIDDEN["hashed"])
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put:1").code == -signal.SIGKILL
    write_settings(program, {})
    assert_told(program.once(expect=3).text, "Mail")
    assert ids(database, target) == []
    write_settings(program, HIDDEN["hashed"])
    program.once()
    assert ids(database, target) == [1]
    assert_nothing_in_clear(target)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_column_whose_rule_is_gone_stops_its_table_until_the_settings_say_what_is_meant(
    database: Database, target: Target, program: Program, hidden: str
) -> None:
    write_settings(program, HIDDEN[hidden])
    program.once()
    insert(database, 2)
    database.run("INSERT INTO dbo.Items VALUES (1)")
    database.capture()
    write_settings(program, {})
    for _ in range(2):
        assert_told(program.once(expect=3).text, "Mail")
    assert ids(database, target) == [1]
    # The other table goes on, and whoever looks is told.
    assert folders(database, target) == {"Person", "Items"}
    for verb in ("check", "tables", "status"):
        ended = program.call(verb)
        assert ended.code in (1, 3) and "Mail" in ended.text, f"{verb}\n{ended.text}"
    write_settings(program, HIDDEN[hidden])
    program.once()
    assert ids(database, target) == [1, 2]
    assert_nothing_in_clear(target)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_document_that_is_made_anew_from_the_objects_remembers_what_was_kept_back(
    database: Database, target: Target, program: Program, hidden: str
) -> None:
    write_settings(program, HIDDEN[hidden])
    program.once()
    target.delete(target.state_key(database.name))
    assert program.call("adopt", "--yes").code == 0
    insert(database, 2)
    write_settings(program, {})
    assert_told(program.once(expect=3).text, "Mail")
    assert ids(database, target) == [1]
    write_settings(program, HIDDEN[hidden])
    program.once()
    assert ids(database, target) == [1, 2]
    assert_nothing_in_clear(target)


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
    write_settings(program, HIDDEN[hidden])
    program.once()
    insert(database, 2)
    write_settings(program, said)
    program.once()
    assert [row.get("Mail") for row in rows(database, target)][1:] == [f"who2{SECRET}"]
    # It is decided now: the rule may go again.
    insert(database, 3)
    write_settings(program, {})
    program.once()
    assert [row.get("Mail") for row in rows(database, target)][1:] == [f"who2{SECRET}", f"who3{SECRET}"]


@pytest.mark.parametrize(("hidden", "said"), NOT_SHOWN)
def test_a_column_that_the_settings_do_not_name_is_not_shown(
    database: Database, target: Target, program: Program, hidden: str, said: dict[str, Any]
) -> None:
    write_settings(program, HIDDEN[hidden])
    program.once()
    insert(database, 2)
    write_settings(program, said)
    assert_told(program.once(expect=3).text, "Mail")
    assert ids(database, target) == [1]
    assert_nothing_in_clear(target)


def test_a_table_that_replaces_a_masked_one_is_masked_by_the_same_rules(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, HIDDEN["hashed"])
    program.once()
    dba.make(
        database, "dbo.Person_stage", "Id int NOT NULL PRIMARY KEY, Mail nvarchar(60) NULL, Note nvarchar(60) NULL"
    )
    database.run(dba.rename("dbo.Person", "Person_old"), dba.rename("dbo.Person_stage", "Person"))
    dba.capture(database, "dbo.Person", "dbo_Person_v2")
    insert(database, 101)
    insert(database, 2, "dbo.Person_old")
    program.once(expect=3, CDC_SOURCE_ON_REPLACE="follow")
    # The earlier one has another name of its own now, and no rule of that name hides its addresses.
    said = program.once(expect=3).text
    assert "cdc-to-s3: dbo.Person_old: column Mail" in said and "dbo.Person:" not in said
    assert 101 in ids(database, target)
    assert_nothing_in_clear(target)
    write_settings(program, {**HIDDEN["hashed"], "dbo.Person_old": {"column": {"Mail": {"mask": "null"}}}})
    insert(database, 3, "dbo.Person_old")
    program.once()
    assert folders(database, target) >= {"Person", "Person_old"}
    assert_nothing_in_clear(target)


def test_what_any_earlier_table_of_a_name_kept_back_stays_hidden(
    database: Database, target: Target, program: Program
) -> None:
    """Between the masked column and another one of its name stands a table that has none."""
    follow = {"CDC_SOURCE_TABLES": "dbo.Person,dbo.Items", "CDC_SOURCE_ON_REPLACE": "follow"}
    write_settings(program, HIDDEN["hashed"])
    program.once(**follow)

    def swap_in(number: int, columns: str, row: str) -> None:
        dba.make(database, f"dbo.Stage{number}", columns)
        database.run(dba.rename("dbo.Person", f"Old{number}"), dba.rename(f"dbo.Stage{number}", "Person"))
        dba.capture(database, "dbo.Person", f"dbo_Person_{number}")
        database.run(f"INSERT INTO dbo.Person VALUES ({row})")
        database.capture()

    swap_in(1, "Id int NOT NULL PRIMARY KEY, Note nvarchar(60) NULL", "50, N'note'")
    program.once(**follow)
    write_settings(program, {})
    swap_in(2, "Id int NOT NULL PRIMARY KEY, Mail nvarchar(60) NULL", f"60, N'who{SECRET}'")
    assert_told(program.once(expect=3, **follow).text, "Mail")
    assert ids(database, target) == [1, 50]
    write_settings(program, HIDDEN["hashed"])
    program.once(**follow)
    assert ids(database, target) == [1, 50, 60]
    assert_nothing_in_clear(target)


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
    write_settings(reader, HIDDEN[hidden])
    reader.once()
    database.run(f"REVOKE VIEW DEFINITION FROM reader_{database.name}")
    insert(database, 2)
    ended = reader.call("run", "--once")
    assert ended.code in (0, 3), ended.text
    assert_nothing_in_clear(target)
    assert ids(database, target) == ([1, 2] if ended.code == 0 else [1])
    database.run(f"GRANT VIEW DEFINITION TO reader_{database.name}")
    reader.once()
    assert ids(database, target) == [1, 2]
    assert_nothing_in_clear(target)


def test_a_running_program_whose_login_loses_the_names_goes_on_masking(
    database: Database, target: Target, reader: Program
) -> None:
    write_settings(reader, HIDDEN["hashed"])
    reader.start()
    try:
        wait_until(lambda: ids(database, target) == [1], "the first row")
        database.run(f"REVOKE VIEW DEFINITION FROM reader_{database.name}")
        database.run(dba.rename("dbo.Person", "Person_v1"))
        insert(database, 2, "dbo.Person_v1")
        wait_until(lambda: ids(database, target) == [1, 2], "the row that came without a name")
        database.run(f"GRANT VIEW DEFINITION TO reader_{database.name}")
        insert(database, 3, "dbo.Person_v1")
        wait_until(lambda: ids(database, target) == [1, 2, 3], "the row that came with a new name")
        assert document(database, target)["tables"]["dbo.Person"]["name"] == "Person"
    finally:
        reader.stop()
    assert_nothing_in_clear(target)
