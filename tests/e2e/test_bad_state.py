"""A state document that was deleted, set back or changed by hand, and a database that is another one: everything
stops, it is said what happened and what to do, and no row is ever delivered twice."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Database, Server, Target
from tests.support.change_tables import assert_delivered
from tests.support.program import Ended, Program, wait_until


@pytest.fixture
def shop(database: Database) -> Database:
    database.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, label nvarchar(40) NULL)")
    database.enable("dbo", "Orders")
    _insert(database, 1)
    return database


def _insert(database: Database, number: int) -> None:
    database.run(f"INSERT INTO dbo.Orders VALUES ({number}, N'a')")
    database.capture()


def _says(ended: Ended, *words: str) -> None:
    for word in words:
        assert word in ended.text, f"{word!r} is missing in:\n{ended.text}"


def _state(target: Target, database: Database) -> bytes:
    return target.get(target.state_key(database.name)).data


def _resealed(document: dict[str, object]) -> bytes:
    """The document with a digest that fits, as only this program should write it."""
    document.pop("sha256", None)
    bare = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    document["sha256"] = hashlib.sha256(bare.encode()).hexdigest()
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _edit(path: str, value: object) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        document = json.loads(data)
        *parents, last = path.split("/")
        place = document
        for name in parents:
            place = place[name]
        place[last] = value
        return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"

    return edit


def _resealed_edit(path: str, value: object) -> Callable[[bytes], bytes]:
    return lambda data: _resealed(json.loads(_edit(path, value)(data)))


_ORDERS = "tables/dbo.Orders"
_DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "emptied": (lambda data: b"", "it is not JSON"),
    "cut in the middle": (lambda data: data[: len(data) // 2], "it is not JSON"),
    "nested without end": (lambda data: b"[" * 1_000_000 + b"]" * 1_000_000, "it nests deeper than 32 levels"),
    "longer than any": (lambda data: data + b" " * (16 << 20), "more than the 16777216 that it may have"),
    "something else": (lambda data: b"[]\n", "it has no format version"),
    "a newer version": (_edit("version", 3), "it has format version 3; this program knows 2"),
    "a position set back": (_edit(f"{_ORDERS}/position", "00000001000000010001"), "Orders"),
    "a start moved, otherwise sound": (_edit(f"{_ORDERS}/start", "00000000000000000000"), "its sha256 does not fit"),
    "another history": (_edit("history_id", "0" * 32), "its sha256 does not fit"),
    "a member too many": (_edit(f"{_ORDERS}/note", "mine"), "table dbo.Orders has an unknown member note"),
    "a member of a wrong type": (_edit(f"{_ORDERS}/in_cut", "yes"), "in_cut is not true or false"),
    "an LSN that is none": (_edit("complete_through", "12"), "complete_through"),
    "a table under another name": (_edit(f"{_ORDERS}/name", "Items"), "calls itself dbo.Items"),
    "another database": (_resealed_edit("database", "Other"), "belongs to database Other, not"),
    "a byte that is no UTF-8": (lambda data: data.replace(b"Orders", b"Ord\xffrs"), "it is not JSON"),
}


def test_the_documented_digest_is_the_programs(shop: Database, target: Target, program: Program) -> None:
    program.once()
    data = _state(target, shop)
    assert _resealed(json.loads(data)) == data


@pytest.mark.parametrize("case", list(_DAMAGES))
def test_a_damaged_document_stops_everything_and_is_left_alone(
    shop: Database, target: Target, program: Program, case: str
) -> None:
    damage, words = _DAMAGES[case]
    program.once()
    sound = _state(target, shop)
    damaged = damage(sound)
    assert damaged != sound
    target.put(target.state_key(shop.name), damaged)
    _insert(shop, 2)
    for verb in (["run", "--once"], ["check"], ["status"]):
        ended = program.call(*verb)
        assert ended.code == 1
        _says(ended, "the state document", target.state_key(shop.name), words)
    assert _state(target, shop) == damaged
    assert len(target.objects(shop.name, "Orders")) == 1
    target.put(target.state_key(shop.name), sound)
    program.once()
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))


def test_a_damaged_document_is_told_to_be_put_back(shop: Database, target: Target, program: Program) -> None:
    program.once()
    target.put(target.state_key(shop.name), b"{}")
    _says(program.once(expect=1), "is damaged", "Nothing was read or written", "put back its newest good version")


def test_a_deleted_document_stops_everything(shop: Database, target: Target, program: Program) -> None:
    program.once()
    sound = _state(target, shop)
    target.delete(target.state_key(shop.name))
    _insert(shop, 2)
    for _ in range(2):
        ended = program.once(expect=1)
        _says(ended, "the state document does not know the object", "deleted or set back", "Nothing was read")
        _says(ended, "put the newest version of the document back", f"{shop.name}/Orders/cdc/Orders_cdc_")
    assert target.keys("_cdc_to_s3/") == ["_cdc_to_s3/probe"]
    target.put(target.state_key(shop.name), sound)
    program.once()
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))


@pytest.mark.parametrize("versions_back", [1, 2])
def test_a_document_that_was_set_back_stops_everything(
    shop: Database, target: Target, program: Program, versions_back: int
) -> None:
    versions = []
    for number in range(2, 5):
        program.once()
        versions.append(_state(target, shop))
        _insert(shop, number)
    target.put(target.state_key(shop.name), versions[-1 - versions_back])
    before = len(target.objects(shop.name, "Orders"))
    for _ in range(2):
        ended = program.once(expect=1)
        _says(ended, "the state document does not know the object", "set back to an older version")
    assert len(target.objects(shop.name, "Orders")) == before
    target.put(target.state_key(shop.name), versions[-1])
    program.once()
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))


def test_a_document_that_is_deleted_or_set_back_under_a_running_program_stops_it(
    shop: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    for number, damage in enumerate(("deleted", "set back")):
        program = make_program(shop.name, target.url)
        program.once()
        earlier = _state(target, shop)
        process = program.start()
        _insert(shop, 10 + 2 * number)
        _wait_for_objects(target, shop, 2 + 2 * number)
        newest = _state_when_idle(target, shop)
        if damage == "deleted":
            target.delete(target.state_key(shop.name))
        else:
            target.put(target.state_key(shop.name), earlier)
        _insert(shop, 11 + 2 * number)
        assert process.wait(20) == 1
        assert "ownership_lost" in program.log_text()
        assert len(target.objects(shop.name, "Orders")) == 2 + 2 * number
        target.put(target.state_key(shop.name), newest)
        program.once()
        assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))


def _wait_for_objects(target: Target, shop: Database, count: int) -> None:
    wait_until(lambda: len(target.keys(f"{shop.name}/Orders/")) == count, f"{count} objects")


def _state_when_idle(target: Target, shop: Database) -> bytes:
    """Once the last claim is confirmed, nothing is written any more."""

    def confirmed() -> bool:
        return bool(json.loads(_state(target, shop))["tables"]["dbo.Orders"]["claim"]["confirmed"])

    wait_until(confirmed, "a confirmed claim")
    return _state(target, shop)


def _make_again(server: Server, name: str, rows: int) -> Database:
    """A new database under the name of one that was dropped."""
    made = Database(server, name)
    made.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, label nvarchar(40) NULL)")
    made.enable("dbo", "Orders")
    for number in range(rows):
        _insert(made, 100 + number)
    return made


@pytest.fixture
def replaced(
    server: Server, target: Target, make_program: Callable[..., Program]
) -> Iterator[tuple[Database, Program]]:
    """Delivered from a database, which was then dropped and made again."""
    name = f"Shop_{uuid.uuid4().hex[:8]}"
    first = _make_again(server, name, 3)
    program = make_program(name, target.url)
    program.once()
    first.drop()
    second = _make_again(server, name, 2)
    yield second, program
    second.drop()


def test_another_database_under_the_same_name_stops_everything(
    replaced: tuple[Database, Program], target: Target
) -> None:
    database, program = replaced
    before = target.objects(database.name, "Orders")
    for _ in range(2):
        ended = program.once(expect=1)
        _says(ended, f"database {database.name} on ", "is another one than the state document knows")
        _says(ended, "service_broker_guid", "Nothing was read", "another [target] url")
    assert target.objects(database.name, "Orders") == before


@pytest.mark.parametrize("anchor", ["another time", "an LSN that never was"])
def test_a_restored_database_is_known_by_what_it_says_of_the_anchor(
    shop: Database, target: Target, program: Program, anchor: str
) -> None:
    """A restored copy keeps service_broker_guid and object ids, but its log went on in another way. Here the document
    is what went another way."""
    program.once()
    document = json.loads(_state(target, shop))
    if anchor == "another time":
        document["anchor"]["tran_end_time"] = "2001-01-01 00:00:00.000"
    else:
        document["anchor"]["lsn"] = f"{int(document['anchor']['lsn'], 16) + 1:020X}"
    target.put(target.state_key(shop.name), _resealed(document))
    _insert(shop, 2)
    before = target.objects(shop.name, "Orders")
    for _ in range(2):
        ended = program.once(expect=1)
        _says(ended, "the database was restored or replaced", "Nothing was read", "another [target] url")
        assert re.search(r"LSN [0-9A-F]{20} of \d{4}-", ended.text)
    assert target.objects(shop.name, "Orders") == before


def test_a_table_that_was_dropped_and_made_again_stops_alone(shop: Database, target: Target, program: Program) -> None:
    shop.run("CREATE TABLE dbo.Items (id int NOT NULL PRIMARY KEY)")
    shop.enable("dbo", "Items")
    program.once()
    shop.run("DROP TABLE dbo.Orders", "CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY)")
    shop.enable("dbo", "Orders")
    shop.run("INSERT INTO dbo.Orders VALUES (9)", "INSERT INTO dbo.Items VALUES (1)")
    shop.capture()
    ended = program.once(expect=3)
    _says(ended, "cdc-to-s3: dbo.Orders: ", "another table is captured under this name", "Nothing of either is read")
    assert len(target.objects(shop.name, "Orders")) == 1
    assert len(target.objects(shop.name, "Items")) == 1
