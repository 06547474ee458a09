"""How values are written, by settings: [types], [table."…"], [table."…".column."…"], environment; what a change of them
does to the objects that follow; and what is refused, or told."""

from __future__ import annotations

import hmac
import io
import json
import signal
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.judge import Object
from tests.support.program import Program
from tests.support.readers import read_with_pyarrow, schema_of, set_bits
from tests.support.small_tables import document

KEY = "0123456789abcdef0123456789abcdef"


def write_toml(program: Program, text: str) -> None:
    (program.folder / "cdc-to-s3.toml").write_text(text, encoding="utf-8")


def options_of(item: Object) -> dict[str, str]:
    """cdc.options of the footer."""
    return dict(json.loads((pq.read_metadata(io.BytesIO(item.data)).metadata or {})[b"cdc.options"]))


def names_of(item: Object) -> list[str]:
    """Its captured columns."""
    return [name for name, _, _ in schema_of(item) if not name.startswith("__$")]


def rows_of(database: Database, target: Target, table: str = "People") -> list[dict[str, Any]]:
    return read_with_pyarrow(target.objects(database.name, table))


@pytest.fixture
def people(database: Database) -> Database:
    """Ten captured columns, so that the update mask has two bytes."""
    fillers = ", ".join(f"c{number} int NULL" for number in range(5, 11))
    database.run(
        "CREATE TABLE dbo.People (id int NOT NULL PRIMARY KEY, email nvarchar(100) NULL, email_old nvarchar(100) NULL, "
        f"born datetime2(3) NULL, {fillers})"
    )
    database.enable("dbo", "People")
    insert(database, 1)
    return database


def insert(database: Database, number: int, table: str = "dbo.People") -> None:
    values = f"{number}, N'p{number}@example.com', N'old{number}@example.com', '2025-01-09T14:30:15.123'"
    database.run(f"INSERT INTO {table} (id, email, email_old, born) VALUES ({values})")
    database.capture()


def test_left_out_columns_are_gone_and_masks_and_numbers_stay_those_of_the_change_table(
    people: Database, target: Target, program: Program
) -> None:
    write_toml(program, '[table."dbo.*"]\nexclude_columns = ["Email*", "c7"]\n')
    people.run("UPDATE dbo.People SET c9 = 1, email = N'x' WHERE id = 1")
    people.capture()
    program.once()
    (item,) = target.objects(people.name, "People")
    assert names_of(item) == ["id", "born", "c5", "c6", "c8", "c9", "c10"]
    assert [number for _, _, number in schema_of(item) if number] == [], "field ids mislead readers of Iceberg"
    masks = [set_bits(row["__$update_mask"]) for row in rows_of(people, target)]
    assert masks == [set(range(1, 11)), {2, 9}, {2, 9}]
    columns = json.loads((pq.read_metadata(io.BytesIO(item.data)).metadata or {})[b"cdc.columns"])
    assert [(column["name"], column["ordinal"]) for column in columns][:2] == [("id", 1), ("born", 4)]
    assert_delivered(people.connection, "dbo_People", [item])


def test_columns_names_those_that_are_delivered_and_exclude_columns_wins_wherever_it_stands(
    people: Database, target: Target, program: Program
) -> None:
    rules = '[table."*"]\nexclude_columns = ["email_old"]\n[table.People]\ncolumns = ["ID", "email*", "c1?"]\n'
    write_toml(program, rules + '[table."dbo.P*"]\nexclude_columns = ["c5"]\n')
    program.once()
    assert names_of(*target.objects(people.name, "People")) == ["id", "email", "c10"]
    shown = {column["name"]: column for column in tables_json(program)["People"]["columns"]}
    assert [name for name, column in shown.items() if column["delivered"]] == ["id", "email", "c10"]
    assert (len(shown), shown["email_old"]["parquet"]) == (10, [])
    text = program.call("tables").out
    assert "email_old  nvarchar(100)  left out\n" in text


def tables_json(program: Program, **settings: str) -> dict[str, dict[str, Any]]:
    found = json.loads(program.call("tables", "--json", **settings).out)["tables"]
    return {table["name"]: table for table in found}


def test_a_table_of_which_nothing_would_be_left_stops_alone_and_says_so(
    people: Database, target: Target, program: Program
) -> None:
    people.run("CREATE TABLE dbo.Others (id int NOT NULL PRIMARY KEY)")
    people.enable("dbo", "Others")
    people.run("INSERT INTO dbo.Others VALUES (1)")
    people.capture()
    write_toml(program, '[table.People]\nexclude_columns = ["*"]\n')
    said = program.once(expect=3).text
    assert (
        "columns and exclude_columns leave no column of dbo.People (cdc-to-s3.toml line 2); its captured columns"
        in said
    )
    assert target.objects(people.name, "People") == []
    assert len(target.objects(people.name, "Others")) == 1
    assert (
        "\nCaptured and not begun: dbo.People. If this stays, cdc-to-s3 tables says why\n" in program.call("status").out
    )
    shown = [
        json.loads(program.call("status", "--json", **more).out) for more in ({}, {"CDC_SOURCE_EXCLUDE": "People"})
    ]
    assert [status["not_begun"] for status in shown] == [["dbo.People"], []]


def test_a_rule_of_columns_wins_over_one_of_tables_and_of_each_the_later_one(
    people: Database, target: Target, program: Program
) -> None:
    write_toml(
        program,
        '[table."dbo.People".column."email*"]\nmask = "null"\n'
        '[table."dbo.People".column."email"]\nmask = "none"\n'
        '[table."*"]\ntime = "time"\nhierarchyid = "path"\n'
        '[table."dbo.*"]\ntime = "string"\nmask = "none"\n'
        '[types]\nhierarchyid = "binary"\nbinary = "hex"\n',
    )
    program.once()
    (item,) = target.objects(people.name, "People")
    said = options_of(item)
    assert (said["time"], said["hierarchyid"], said["binary"], said["mask"]) == ("string", "path", "hex", "none")
    assert {name: word for name, word in said.items() if "." in name} == {"email_old.mask": "null"}
    shown = tables_json(program)["People"]
    assert shown["options"] == said
    assert [column["name"] for column in shown["columns"] if column["mask"] == "null"] == ["email_old"]


def test_a_masked_value_has_the_same_token_in_columns_of_any_type(
    people: Database, target: Target, program: Program
) -> None:
    people.run("CREATE TABLE dbo.Pets (id bigint NOT NULL PRIMARY KEY, owner varchar(100) NULL, paid money NULL)")
    people.enable("dbo", "Pets")
    people.run("INSERT INTO dbo.Pets VALUES (1, 'p1@example.com', 1), (2, NULL, 0.5)")
    people.capture()
    write_toml(program, '[types]\nmask = "hash"\n')
    program.once(CDC_TYPES_MASK_KEY=KEY)

    def token(canonical: str) -> str:
        return hmac.new(KEY.encode(), canonical.encode(), "sha256").hexdigest()

    (person,) = rows_of(people, target)
    assert (person["id"], person["email"]) == (token("1"), token("p1@example.com"))
    assert (person["born"], person["c5"]) == (token("2025-01-09 14:30:15.123"), None)
    assert [(pet["id"], pet["owner"], pet["paid"]) for pet in rows_of(people, target, "Pets")] == [
        (token("1"), token("p1@example.com"), token("1")),
        (token("2"), None, token("0.5")),
    ]
    for item in target.objects(people.name, "Pets"):
        assert KEY.encode() not in item.data and b"p1@example" not in item.data


def test_the_environment_wins_over_the_file_for_all_tables_and_a_table_over_both(
    people: Database, target: Target, program: Program
) -> None:
    write_toml(program, '[types]\ntime = "string"\nbinary = "hex"\n[table.People]\nspatial = "binary"\n')
    program.once(CDC_TYPES_TIME="time", CDC_TYPES_SPATIAL="wkb")
    said = options_of(*target.objects(people.name, "People"))
    assert (said["time"], said["binary"], said["spatial"]) == ("time", "hex", "binary")


def test_a_changed_option_applies_from_the_next_object_on_and_loses_nothing(
    people: Database, target: Target, program: Program
) -> None:
    program.once()
    (first,) = target.objects(people.name, "People")
    footer = pq.read_metadata(io.BytesIO(first.data)).metadata or {}
    everything = json.dumps([column["name"] for column in json.loads(footer[b"cdc.columns"])])
    # What was left out once is shown again only where a list names it.
    again = f'time = "time"\ncolumns = {everything}'
    for number, rule in enumerate(('exclude_columns = ["email_old"]', 'columns = ["id", "born"]', again), 2):
        insert(people, number)
        write_toml(program, f'[target]\non_type_change = "same_folder"\n[table.People]\n{rule}\n')
        program.once()
        program.once()
    objects = target.objects(people.name, "People")
    assert_delivered(people.connection, "dbo_People", objects)
    assert [row["id"] for row in read_with_pyarrow(objects)] == [1, 2, 3, 4]
    assert objects[0] == first
    assert [len(names_of(item)) for item in objects] == [10, 9, 2, 10]
    assert [options_of(item)["time"] for item in objects] == ["string", "string", "string", "time"]


def test_an_option_that_is_changed_between_a_claim_and_its_recovery_keeps_the_claimed_rows_and_key(
    people: Database, target: Target, program: Program
) -> None:
    crashed = program.call("run", "--once", CDC_CRASH_AT="claimed_not_put")
    assert crashed.code == -signal.SIGKILL
    claim = document(people, target)["tables"]["dbo.People"]["claim"]
    assert (claim["confirmed"], target.objects(people.name, "People")) == (False, [])
    insert(people, 2)
    write_toml(program, '[table.People]\nexclude_columns = ["email*"]\nbinary = "hex"\n')
    program.once()
    objects = target.objects(people.name, "People")
    verdict = assert_delivered(people.connection, "dbo_People", objects)
    assert objects[0].key == claim["key"]
    assert [verdict.footers[0][f"cdc.{name}"] for name in ("from", "to", "checksum")] == [
        claim[name] for name in ("from", "to", "checksum")
    ]
    assert [options_of(item)["binary"] for item in objects] == ["hex", "hex"]
    assert [row["id"] for row in verdict.rows] == [1, 2]
    assert all("email" not in names_of(item) for item in objects)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('[types]\ndatetime2 = "nano"\n', 'line 2: types.datetime2: "nano" is none of micros, nanos, string'),
        ('[types]\n\nmaks = "null"\n', "line 3: unknown key types.maks; did you mean types.mask?"),
        ('[table."dbo.*".column.email]\nmaks = "null"\n', "column.email.maks: unknown key; did you mean mask?"),
        ('[types]\nmask = "hash"\n', 'types.mask: "hash" needs a key'),
        (
            '[table."dbo.*".column.email]\nmask = "hash"\n',
            'line 2: table."dbo.*".column.email.mask: "hash" needs a key',
        ),
        ('[types]\nmask_key = "x"\n', "types.mask_key is a secret and may not stand here"),
        ('[types]\nmask_key_file = "nowhere"\n', "types.mask_key_file nowhere cannot be read"),
    ],
)
def test_a_mistake_in_the_settings_ends_the_program_before_it_does_anything(
    people: Database, target: Target, program: Program, toml: str, says: str
) -> None:
    write_toml(program, toml)
    for words in (("run", "--once"), ("check",), ("tables",)):
        ended = program.call(*words)
        assert ended.code == 2
        assert says in ended.text
    assert target.keys() == []


def test_a_short_key_is_refused_and_no_key_is_ever_printed(people: Database, program: Program) -> None:
    ended = program.call("run", "--once", CDC_TYPES_MASK_KEY="fifteen-bytes!!")
    assert (ended.code, "openssl rand -hex 32" in ended.text) == (2, True)
    (program.folder / "mask.key").write_text(KEY + "\n")
    shown = program.call("check", CDC_TYPES_MASK_KEY_FILE="mask.key", CDC_TYPES_MASK="hash").text
    assert "types.mask_key = ***  (file mask.key)" in shown
    assert KEY not in shown


def test_patterns_of_tables_and_columns_that_fit_nothing_are_told_by_run_and_by_check(
    people: Database, target: Target, program: Program
) -> None:
    write_toml(
        program,
        '[table."dbo.Poeple"]\ntime = "time"\n'
        '[table."dbo.People"]\nexclude_columns = ["c5", "c55"]\n'
        '[table."dbo.People".column."emial*"]\nmask = "null"\n'
        '[table."dbo.People".column."E*"]\nmask = "null"\n',
    )
    logged = program.once(CDC_RUN_LOG_FORMAT="json").err
    events = [json.loads(line) for line in logged.splitlines()]
    told = [(event["setting"], event["pattern"]) for event in events if event["event"] == "pattern_matches_nothing"]
    assert told == [
        ('table."dbo.Poeple"', "dbo.Poeple"),
        ('table."dbo.People".exclude_columns', "c55"),
        ('table."dbo.People".column."emial*"', "emial*"),
    ]
    assert "cdc-to-s3.toml line 2" in logged
    checked = json.loads(program.call("check", "--json").out)
    notes = [finding["what"] for finding in checked["findings"] if "fits nothing" in finding["what"]]
    assert len(notes) == 3
    assert "emial*" in notes[2] and "(cdc-to-s3.toml line 6), so it masks nothing" in notes[2]
    assert all("masks nothing" not in note for note in notes[:2])
    settings = {setting["key"]: setting["value"] for setting in checked["settings"]}
    assert settings['table."dbo.People".column."E*".mask'] == "null"


def test_an_option_that_no_column_of_its_rule_can_have_is_told_by_run_and_by_check(
    people: Database, target: Target, program: Program
) -> None:
    people.run(
        "CREATE TYPE dbo.Moment FROM datetime2(7)",
        "CREATE TABLE dbo.Logs (id int NOT NULL PRIMARY KEY, at dbo.Moment NULL)",
    )
    people.enable("dbo", "Logs")
    write_toml(
        program,
        '[table."dbo.People".column."email*"]\nspatial = "wkb"\nmask = "none"\n'
        '[table."dbo.*".column."?or*"]\ndatetime2 = "nanos"\n'
        '[table."dbo.*".column."at"]\ndatetime2 = "nanos"\n'
        '[table."dbo.*"]\nhierarchyid = "path"\n',
    )
    events = [json.loads(line) for line in program.once(CDC_RUN_LOG_FORMAT="json").err.splitlines()]
    (told,) = [event for event in events if event["level"] == "warn"]
    assert (told["event"], told["setting"]) == ("option_without_effect", 'table."dbo.People".column."email*".spatial')
    assert told["word"] == "wkb"
    assert told["why"].startswith(
        "it is for geography, geometry, and these columns are nvarchar (cdc-to-s3.toml line 2)"
    )
    checked = json.loads(program.call("check", "--json").out)
    (note,) = [finding["what"] for finding in checked["findings"] if "changes nothing" in finding["what"]]
    assert note.startswith('table."dbo.People".column."email*".spatial: "wkb" changes nothing: it is for geography')


def test_check_says_when_readers_cannot_tell_rows_apart_any_more(people: Database, program: Program) -> None:
    def notes(toml: str) -> list[str]:
        write_toml(program, toml)
        found = json.loads(program.call("check", "--json").out)["findings"]
        return [finding["what"] for finding in found if "key column" in finding["what"]]

    assert notes('[table.People]\nexclude_columns = ["email"]\n') == []
    (masked,) = notes('[table.People.column."i?"]\nmask = "null"\n')
    assert "dbo.People: key column id is always NULL" in masked
    (gone,) = notes('[table.People]\nexclude_columns = ["id"]\n')
    assert "dbo.People: key column id is left out" in gone
