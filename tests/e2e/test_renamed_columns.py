"""A hidden column that gets another name stays hidden: it is known by its column_id, and its table stops until the
settings say what is meant. A captured column cannot be renamed, so capture is off for that long."""

from __future__ import annotations

from collections.abc import Callable

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
from tests.support.small_tables import document


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


def _log(program: Program) -> str:
    """Values of events without the signs that quote them."""
    return program.log_text().replace('\\"', '"')


def _captured_anew(database: Database, *between: str, name: str = "dbo.Person", columns: str = "") -> None:
    """Capture is turned off, `between` happens, and it is turned on again."""
    database.run(dba.capture_off(name), *between)
    dba.capture(database, name, "dbo_Person_v2", columns)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("running", [False, True], ids=["before a start", "running"])
def test_a_hidden_column_that_gets_another_name_stops_its_table(
    database: Database, target: Target, program: Program, hidden: str, running: bool
) -> None:
    # An allow-list would leave the new name out as well, unless a pattern lets it in.
    rules = {"dbo.Person": {"columns": ["Id", "Note", "E*"]}} if hidden == "not allowed" else HIDDEN[hidden]
    write_settings(program, rules)
    if running:
        program.start("--on-gap", "continue")
        wait_until(lambda: ids(database, target) == [1], "the first row")
    else:
        program.once()
    _captured_anew(database, dba.rename_column("dbo.Person", "Mail", "Email"))
    insert(database, 2)
    if running:
        wait_until(lambda: 'column."Email"' in _log(program), "the message")
        assert program.stop() in (0, 3)
        said = _log(program)
    else:
        said = program.once("--on-gap", "continue", expect=3).text
    assert_told(said, "Email")
    assert ids(database, target) == [1]
    assert_nothing_in_clear(target)
    write_settings(program, {"dbo.Person": {"columns": ["Id", "Note"], "column": {"Email": {"mask": "hash"}}}})
    program.once("--on-gap", "continue")
    assert ids(database, target) == [1, 2]
    assert_nothing_in_clear(target)


def test_a_hidden_column_that_gets_a_delivered_ones_name_is_not_shown_under_it(
    database: Database, target: Target, program: Program
) -> None:
    """The rule that names Note was there before, and meant another column."""
    write_settings(program, {"dbo.Person": {"columns": ["Id", "Note"]}})
    program.once()
    _captured_anew(
        database, dba.rename_column("dbo.Person", "Note", "Comment"), dba.rename_column("dbo.Person", "Mail", "Note")
    )
    insert(database, 2)
    said = program.once("--on-gap", "continue", expect=3).text
    assert "Note" in said and "Comment" in said
    assert_nothing_in_clear(target)


def test_a_column_of_an_allow_list_that_gets_another_name_stops_its_table_until_the_list_says_so(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, {"dbo.Person": {"columns": ["Id", "Note"]}})
    program.once()
    _captured_anew(database, dba.rename_column("dbo.Person", "Note", "Comment"))
    insert(database, 2)
    said = program.once("--on-gap", "continue", expect=3).text
    assert "Comment" in said and "Note" in said
    assert ids(database, target) == [1]
    write_settings(program, {"dbo.Person": {"columns": ["Id", "Comment"]}})
    program.once("--on-gap", "continue")
    assert [row.get("Comment") for row in rows(database, target)] == [None, "note 2"]
    assert_nothing_in_clear(target)


def test_columns_that_exchange_their_names_do_not_exchange_what_is_hidden(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, {"dbo.Person": {"column": {"Mail": {"mask": "hash"}}}})
    program.once()
    _captured_anew(
        database,
        dba.rename_column("dbo.Person", "Note", "x"),
        dba.rename_column("dbo.Person", "Mail", "Note"),
        dba.rename_column("dbo.Person", "x", "Mail"),
    )
    insert(database, 2)
    assert_told(program.once("--on-gap", "continue", expect=3).text, "Note")
    assert_nothing_in_clear(target)


def test_a_hidden_column_of_a_renamed_table_that_gets_another_name_too_stops_its_table(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, HIDDEN["hashed"])
    program.once()
    database.run(dba.rename("dbo.Person", "Person_v1"))
    _captured_anew(database, dba.rename_column("dbo.Person_v1", "Mail", "Email"), name="dbo.Person_v1")
    insert(database, 2, "dbo.Person_v1")
    # What is to be written names the entry, for today's name has no effect.
    assert_told(program.once("--on-gap", "continue", expect=3).text, "Email")
    write_settings(program, {"dbo.Person_v1": {"column": {"Email": {"mask": "none"}}}})
    program.once("--on-gap", "continue", expect=3)
    assert_nothing_in_clear(target)
    write_settings(program, {"dbo.Person": {"column": {"Email": {"mask": "none"}}}})
    program.once("--on-gap", "continue")
    assert [row.get("Email") for row in rows(database, target)] == [None, f"who2{SECRET}"]


def test_a_new_column_beside_a_hidden_one_is_no_reason_to_stop(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, HIDDEN["hashed"])
    program.once()
    database.run("ALTER TABLE dbo.Person ADD Age int NULL")
    dba.capture(database, "dbo.Person", "dbo_Person_v2")
    database.run(f"INSERT INTO dbo.Person VALUES (2, N'who2{SECRET}', N'', 40)")
    database.capture()
    program.once()
    assert [row.get("Age") for row in rows(database, target)] == [None, 40]
    assert_nothing_in_clear(target)


# All of dbo.Person is masked but Id and Note, each by name.
ALL_BUT_NOTE = {"dbo.Person": {"mask": "hash", "column": {"Id": {"mask": "none"}, "Note": {"mask": "none"}}}}


def test_what_unmasks_a_name_does_not_unmask_the_column_that_gets_it_until_the_other_one_is_named_as_well(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, ALL_BUT_NOTE)
    program.once()
    _captured_anew(
        database, dba.rename_column("dbo.Person", "Note", "Remark"), dba.rename_column("dbo.Person", "Mail", "Note")
    )
    insert(database, 2)
    said = program.once("--on-gap", "continue", expect=3).text
    assert_told(said, "Note")
    assert "name Remark, which was called Note before, too" in said
    assert ids(database, target) == [1]
    assert_nothing_in_clear(target)
    columns = {"Id": {"mask": "none"}, "Note": {"mask": "none"}, "Remark": {"mask": "none"}}
    write_settings(program, {"dbo.Person": {"mask": "hash", "column": columns}})
    program.once("--on-gap", "continue")
    assert rows(database, target)[-1]["Note"] == f"who2{SECRET}"


def test_a_list_that_names_a_column_does_not_mean_another_one_that_gets_the_name_in_another_case(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, {"dbo.Person": {"columns": ["Id", "Note"]}})
    program.once()
    _captured_anew(
        database,
        dba.rename_column("dbo.Person", "Note", "Remark"),
        dba.rename_column("dbo.Person", "Mail", "NOTE"),
        columns="Id, NOTE",
    )
    database.run(f"INSERT INTO dbo.Person VALUES (2, N'who2{SECRET}', N'note')")
    database.capture()
    assert_told(program.once("--on-gap", "continue", expect=3).text, "NOTE")
    assert_nothing_in_clear(target)


def test_a_name_that_was_another_columns_two_renames_ago_shows_nothing(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, {"dbo.Person": {"columns": ["Id", "Note", "Remark"]}})
    program.once()
    _captured_anew(database, dba.rename_column("dbo.Person", "Note", "Remark"))
    insert(database, 2)
    program.once("--on-gap", "continue")
    _captured_anew(database, dba.rename_column("dbo.Person", "Mail", "Note"))
    insert(database, 3)
    assert_told(program.once("--on-gap", "continue", expect=3).text, "Note")
    assert_nothing_in_clear(target)


def test_a_column_of_a_list_that_has_them_all_does_not_vanish_with_its_name(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, {"dbo.Person": {"columns": ["Id", "Mail", "Note"]}})
    program.once()
    _captured_anew(database, dba.rename_column("dbo.Person", "Note", "Remark"))
    insert(database, 2)
    said = program.once("--on-gap", "continue", expect=3).text
    assert "column Remark was delivered as Note" in said
    assert ids(database, target) == [1]
    write_settings(program, {"dbo.Person": {"columns": ["Id", "Mail", "Remark"]}})
    program.once("--on-gap", "continue")
    assert rows(database, target)[-1]["Remark"] == "note 2"


def test_the_list_that_counts_is_the_one_that_is_to_be_mended(
    database: Database, target: Target, program: Program
) -> None:
    """A list of its own for the table would take the place of the one that all tables have."""
    write_settings(program, {"*": {"columns": ["Id", "Note"]}})
    program.once()
    _captured_anew(database, dba.rename_column("dbo.Person", "Note", "Remark"))
    insert(database, 2)
    said = program.once("--on-gap", "continue", expect=3).text
    assert 'add "Remark" to columns of [table."*"] (' in said and "cdc-to-s3.toml line " in said
    write_settings(program, {"*": {"columns": ["Id", "Note", "Remark"]}})
    program.once("--on-gap", "continue")
    last = rows(database, target)[-1]
    assert (last["Id"], last["Remark"]) == (2, "note 2")


def test_a_hidden_column_that_is_dropped_and_made_anew_stays_hidden(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, HIDDEN["hashed"])
    program.once()
    _captured_anew(
        database, "ALTER TABLE dbo.Person DROP COLUMN Mail", "ALTER TABLE dbo.Person ADD mail nvarchar(200) NULL"
    )
    database.run(f"INSERT INTO dbo.Person (Id, mail, Note) VALUES (2, N'who2{SECRET}', N'note')")
    database.capture()
    write_settings(program, {})
    assert_told(program.once("--on-gap", "continue", expect=3).text, "mail")
    assert_nothing_in_clear(target)
    write_settings(program, {"dbo.Person": {"column": {"mail": {"mask": "none"}}}})
    program.once("--on-gap", "continue")
    assert rows(database, target)[-1]["mail"] == f"who2{SECRET}"


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("running", [False, True], ids=["between runs", "running"])
def test_a_rule_that_came_while_nothing_was_to_be_delivered_outlives_a_rename(
    database: Database, target: Target, program: Program, hidden: str, running: bool
) -> None:
    # A list would leave the new name out as well, unless a pattern lets it in.
    rules = {"dbo.Person": {"columns": ["Id", "Note", "E*"]}} if hidden == "not allowed" else HIDDEN[hidden]
    write_settings(program, {})
    program.once()
    shown = len(rows(database, target))
    write_settings(program, rules)
    if running:
        program.start("--on-gap", "continue")
        wait_until(lambda: "columns" in document(database, target)["tables"]["dbo.Person"], "what is hidden now")
    else:
        program.once()
    _captured_anew(database, dba.rename_column("dbo.Person", "Mail", "Email"))
    insert(database, 2)
    if running:
        wait_until(lambda: 'column."Email"' in _log(program), "the message")
        assert program.stop() in (0, 3)
    else:
        assert_told(program.once("--on-gap", "continue", expect=3).text, "Email")
    assert len(rows(database, target)) == shown


def test_a_column_that_would_be_shown_is_told_at_the_start_before_there_is_anything_to_deliver(
    database: Database, target: Target, program: Program
) -> None:
    write_settings(program, {"dbo.Person": {"exclude_columns": ["Note"], "column": {"Mail": {"mask": "hash"}}}})
    program.once()
    before = document(database, target)["tables"]["dbo.Person"]["columns"]
    write_settings(program, {"dbo.Person": {"exclude_columns": ["Note"]}})
    for _ in range(2):
        assert_told(program.once(expect=3).text, "Mail")
    assert document(database, target)["tables"]["dbo.Person"]["columns"] == before
    write_settings(program, {"dbo.Person": {"exclude_columns": ["Note"], "column": {"Mail": {"mask": "none"}}}})
    program.once()
    assert "stopped" not in program.call("status").text
