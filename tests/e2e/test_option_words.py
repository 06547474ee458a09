"""What each word of each option makes of values, and masks: tokens by key, in several tables and over restarts."""

from __future__ import annotations

import hashlib
import hmac
import re
import signal
from typing import Any

import pyarrow as pa
import pytest

from tests.e2e.conftest import Database, Target
from tests.support.judge import Object
from tests.support.program import Program
from tests.support.readers import METADATA_TYPES, read_with_pyarrow, schema_of
from tests.support.small_tables import document

KEY = "0123456789abcdef0123456789abcdef"
_POINT = "0x00000000010C000000000000F03F0000000000000040"  # SRID 0, (1 2)
_UUID = "6F9619FF-8B86-D011-B42D-00C04FC964FF"

# (option, word) -> SQL type, literal, and the types of the columns that it becomes; None: any.
WORDS: dict[tuple[str, str], tuple[str, str, list[pa.DataType | None]]] = {
    ("datetime2", "micros"): ("datetime2(7)", "'2025-01-09T14:30:15.1234567'", [pa.timestamp("us")]),
    ("datetime2", "nanos"): ("datetime2(7)", "'2025-01-09T14:30:15.1234567'", [pa.timestamp("ns")]),
    ("datetime2", "string"): ("datetime2(7)", "'2025-01-09T14:30:15.1234567'", [pa.string()]),
    ("datetimeoffset", "utc+offset"): (
        "datetimeoffset",
        "'2025-01-09 +01:00'",
        [pa.timestamp("us", "UTC"), pa.int16()],
    ),
    ("datetimeoffset", "utc"): ("datetimeoffset", "'2025-01-09 +01:00'", [pa.timestamp("us", "UTC")]),
    ("datetimeoffset", "string"): ("datetimeoffset", "'2025-01-09 +01:00'", [pa.string()]),
    ("time", "string"): ("time(3)", "'14:30:15.123'", [pa.string()]),
    ("time", "time"): ("time(3)", "'14:30:15.123'", [pa.time64("us")]),
    ("uniqueidentifier", "string"): ("uniqueidentifier", f"'{_UUID}'", [pa.string()]),
    ("uniqueidentifier", "uuid"): ("uniqueidentifier", f"'{_UUID}'", [pa.uuid()]),
    ("hierarchyid", "binary"): ("hierarchyid", "CAST(0x58 AS hierarchyid)", [pa.binary()]),
    ("hierarchyid", "path"): ("hierarchyid", "CAST(0x58 AS hierarchyid)", [pa.string()]),
    ("spatial", "binary"): ("geometry", f"CAST({_POINT} AS geometry)", [pa.binary()]),
    ("spatial", "wkb"): ("geometry", f"CAST({_POINT} AS geometry)", [None, pa.int32()]),
    ("binary", "bytes"): ("varbinary(5)", "0x01FF", [pa.binary()]),
    ("binary", "hex"): ("varbinary(5)", "0x01FF", [pa.string()]),
    ("timestamps", "micros"): ("datetime2(7)", "'2025-01-09'", [pa.timestamp("us")]),
    ("timestamps", "millis"): ("datetime2(7)", "'2025-01-09'", [pa.timestamp("ms")]),
    ("mask", "none"): ("int", "5", [pa.int32()]),
    ("mask", "hash"): ("int", "5", [pa.string()]),
    ("mask", "null"): ("int", "5", [pa.int32()]),
    ("lsn", "bytes"): ("int", "5", [pa.int32()]),
    ("lsn", "hex"): ("int", "5", [pa.int32()]),
    ("meta_prefix", "cdc_"): ("int", "5", [pa.int32()]),
}
VALUES = {
    ("datetime2", "string"): "2025-01-09 14:30:15.1234567",
    ("hierarchyid", "path"): "/1/",
    ("binary", "hex"): "01FF",
    ("mask", "hash"): hmac.new(KEY.encode(), b"5", hashlib.sha256).hexdigest(),
    ("mask", "null"): None,
}


def write_toml(program: Program, text: str) -> None:
    (program.folder / "cdc-to-s3.toml").write_text(text, encoding="utf-8")


def test_every_word_of_every_option_takes_effect_in_its_table_alone(
    database: Database, target: Target, program: Program
) -> None:
    listed = re.findall(r"^  types\.(\w+) +\S.* \(([\w+]+(?:, [\w+]+)+)\)$", program.call("check", "--help").out, re.M)
    words = {(option, word) for option, list_of_words in listed for word in list_of_words.split(", ")}
    assert {pair for pair in WORDS if pair[0] != "meta_prefix"} == words
    rules = ""
    for number, ((option, word), (sql_type, literal, _)) in enumerate(WORDS.items()):
        database.run(f"CREATE TABLE dbo.w{number} (id int NOT NULL PRIMARY KEY, v {sql_type} NULL)")
        database.enable("dbo", f"w{number}")
        database.run(f"INSERT INTO dbo.w{number} VALUES (1, {literal})")
        rules += f'[table.w{number}]\n{option} = "{word}"\n'
    database.capture()
    write_toml(program, rules)
    program.once(CDC_TYPES_MASK_KEY=KEY)
    for number, ((option, word), (_, _, types)) in enumerate(WORDS.items()):
        (item,) = target.objects(database.name, f"w{number}")
        schema = [(name, kind) for name, kind, _ in schema_of(item)]
        assert schema[:6] == expected_metadata(option, word), (option, word)
        assert [name for name, _ in schema[6:8]] == ["id", "v"]
        found = [kind for _, kind in schema[7:]]
        assert len(found) == len(types), (option, word, found)
        assert all(kind is None or kind == seen for kind, seen in zip(types, found, strict=True)), (option, word, found)
        if (option, word) in VALUES:
            assert read_with_pyarrow([item])[0]["v"] == VALUES[option, word]


def expected_metadata(option: str, word: str) -> list[tuple[str, pa.DataType]]:
    types = dict(METADATA_TYPES)
    if (option, word) == ("lsn", "bytes"):
        types["__$start_lsn"] = types["__$seqval"] = pa.binary()
    if (option, word) == ("timestamps", "millis"):
        types["__$commit_time"] = pa.timestamp("ms", "UTC")
    prefix = word if option == "meta_prefix" else "__$"
    return [(name.replace("__$", prefix), kind) for name, kind in types.items()]


@pytest.fixture
def people(database: Database) -> Database:
    """Two tables that share people's addresses."""
    for table in ("People", "Orders"):
        database.run(
            f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, email nvarchar(100) NULL, born datetime2(0) NULL)"
        )
        database.enable("dbo", table)
        insert(database, table, 1, "ann@example.com")
        insert(database, table, 2, None)
    return database


def insert(database: Database, table: str, number: int, email: str | None, born: str = "1970-01-01") -> None:
    text = "NULL" if email is None else f"N'{email}'"
    database.run(f"INSERT INTO dbo.{table} VALUES ({number}, {text}, '{born}')")
    database.capture()


def token(email: str | None, key: str = KEY) -> str | None:
    return None if email is None else hmac.new(key.encode(), email.encode(), hashlib.sha256).hexdigest()


def emails(objects: list[Object]) -> list[Any]:
    return [row["email"] for row in read_with_pyarrow(objects)]


def test_the_same_value_has_the_same_token_in_all_tables_over_restarts_and_wherever_the_key_stands(
    people: Database, target: Target, program: Program
) -> None:
    write_toml(program, '[table."*".column.email]\nmask = "hash"\n')
    (program.folder / "mask.key").write_text(KEY + "\r\n")
    program.once(CDC_TYPES_MASK_KEY=KEY)
    insert(people, "People", 3, "ann@example.com")
    program.once(CDC_TYPES_MASK_KEY_FILE="mask.key")
    insert(people, "People", 4, "bob@example.com")
    (program.folder / ".env").write_text(f"CDC_TYPES_MASK_KEY={KEY}\n")
    said = program.once(CDC_RUN_LOG_LEVEL="debug").text
    assert KEY not in said
    shown = program.call("tables", "People").out
    assert re.search(r"^  options +email\.mask = hash$", shown, re.M)
    assert re.search(r" email +nvarchar\(100\) +STRING, masked \(hash\)$", shown, re.M)
    ann, bob = token("ann@example.com"), token("bob@example.com")
    assert emails(target.objects(people.name, "People")) == [ann, None, ann, bob]
    assert emails(target.objects(people.name, "Orders")) == [ann, None]
    keys = target.keys()
    everything = [target.get(key).data for key in keys]
    assert not any(secret in data for data in everything for secret in (KEY.encode(), b"ann@example", b"bob@example"))


def test_rows_that_were_claimed_in_clear_are_put_masked_when_that_is_set_before_the_recovery(
    people: Database, target: Target, program: Program
) -> None:
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put").code == -signal.SIGKILL
    claim = document(people, target)["tables"]["dbo.People"]["claim"]
    write_toml(program, '[types]\nmeta_prefix = "cdc_"\nlsn = "hex"\n[table.People.column.email]\nmask = "hash"\n')
    program.once(CDC_TYPES_MASK_KEY=KEY)
    (item,) = target.objects(people.name, "People")
    assert item.key == claim["key"]
    rows = read_with_pyarrow([item])
    assert [(row["id"], row["email"], row["cdc_operation"]) for row in rows] == [
        (1, token("ann@example.com"), 2),
        (2, None, 2),
    ]
    assert rows[-1]["cdc_start_lsn"] == claim["to"][:20]
    assert (claim["rows"], item.metadata["cdc-checksum"]) == (2, claim["checksum"])


def test_a_claimed_row_that_a_new_option_cannot_hold_stops_the_table_until_the_option_is_taken_back(
    people: Database, target: Target, program: Program
) -> None:
    program.once()
    insert(people, "People", 3, None, born="0001-01-01")
    assert program.call("run", "--once", CDC_CRASH_AT="claimed_not_put").code == -signal.SIGKILL
    claim = document(people, target)["tables"]["dbo.People"]["claim"]
    said = program.once(expect=3, CDC_TYPES_DATETIME2="nanos").text
    assert "dbo.People" in said and "born" in said and "datetime2" in said
    assert len(target.objects(people.name, "People")) == 1
    program.once()
    objects = target.objects(people.name, "People")
    assert [row["id"] for row in read_with_pyarrow(objects)] == [1, 2, 3]
    assert objects[-1].key == claim["key"]
