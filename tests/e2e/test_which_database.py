"""Which database it is: told by its history, not by what it is called or by its broker's id; and two databases never
share a folder."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest

from standin.load.connection import Connection, quoted
from tests.e2e.conftest import Database, Server, Target
from tests.support.judge import judge
from tests.support.program import Program, wait_until
from tests.support.shop import Shop
from tests.support.small_tables import delivered_ids, insert, make_tables

_NO_DATABASE = {"CDC_TARGET_PATH": "{schema}/{table}/cdc"}


@pytest.fixture
def shop(database: Database, target: Target) -> Shop:
    return Shop(database, target)


@pytest.fixture
def other(server: Server) -> Iterator[Database]:
    """A second database with a table of the same name."""
    made = Database(server, f"Other_{uuid.uuid4().hex[:8]}")
    make_tables(made, "dbo.Orders")
    insert(made, "dbo.Orders", [101])
    yield made
    made.drop()


def _in_master(shop: Shop, *statements: str) -> None:
    """From database master, with nobody else in the shop's; its own connection is made anew afterwards."""
    shop.database.connection.close()
    with Connection(shop.database.server.address) as connection:
        connection.run_all(statements)
    shop.database.connection = shop.database.connect()


def _new_broker(shop: Shop) -> None:
    name = quoted(shop.database.name)
    before = _broker(shop)
    _in_master(shop, f"ALTER DATABASE {name} SET NEW_BROKER WITH ROLLBACK IMMEDIATE")
    assert _broker(shop) != before


def _broker(shop: Shop) -> str:
    asked = "SELECT CONVERT(nvarchar(36), service_broker_guid) FROM sys.databases WHERE database_id = DB_ID()"
    return str(shop.database.connection.value(asked))


def _backup(shop: Shop) -> str:
    path = f"{shop.database.name}_{uuid.uuid4().hex[:6]}.bak"
    shop.database.run(f"BACKUP DATABASE {quoted(shop.database.name)} TO DISK = N'{path}' WITH COPY_ONLY")
    return path


def _restore(shop: Shop, path: str) -> None:
    name = quoted(shop.database.name)
    _in_master(
        shop,
        f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE; "
        f"RESTORE DATABASE {name} FROM DISK = N'{path}' WITH REPLACE",
        f"ALTER DATABASE {name} SET MULTI_USER",
    )


@pytest.mark.parametrize("verb", ["run", "daemon", "check"])
def test_a_second_database_into_the_same_folders_is_refused_before_anything_is_written(
    shop: Shop, other: Database, target: Target, make_program: Callable[..., Program], verb: str
) -> None:
    shop.commit_both()
    make_program(shop.database.name, target.url, **_NO_DATABASE).once()
    before = target.versions()
    second = make_program(other.name, target.url, **_NO_DATABASE)
    if verb == "daemon":
        process = second.start()
        assert process.wait(30) == 1
        said = second.log_text()
    else:
        ended = second.call("check") if verb == "check" else second.call("run", "--once")
        assert ended.code == 1, ended.text
        said = ended.text
    assert shop.database.name in said and "{database}" in said
    after = {key: version for key, version in target.versions().items() if key != "_cdc_to_s3/probe"}
    assert after == {key: version for key, version in before.items() if key != "_cdc_to_s3/probe"}


def test_two_databases_with_folders_of_their_own_share_a_target(
    shop: Shop, other: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    shop.commit_both()
    for name in (shop.database.name, other.name):
        make_program(name, target.url, CDC_TARGET_PATH="{database}-{schema}/{table}/cdc").once()
    keys = [key for key in target.keys("") if key.endswith(".parquet")]
    assert len(keys) == 3 and len({key.split("/")[0] for key in keys}) == 2


def test_one_database_without_its_name_in_the_path_is_delivered_and_goes_on(
    shop: Shop, target: Target, make_program: Callable[..., Program]
) -> None:
    program = make_program(shop.database.name, target.url, **_NO_DATABASE)
    for _ in range(2):
        shop.commit_both()
        program.once()
    verdict = judge([target.get(key) for key in target.keys("dbo/Orders/")])
    assert (verdict.wrong, [row["id"] for row in verdict.rows]) == ([], [1, 2])


def test_a_new_broker_of_the_same_database_is_taken_and_told_once(shop: Shop, target: Target, program: Program) -> None:
    shop.commit_both()
    program.once()
    _new_broker(shop)
    shop.commit_both()
    checked = program.call("check")
    assert checked.code == 0, checked.text
    assert program.once().text.count("database_guid_changed") == 1
    shop.commit_both()
    assert "database_guid_changed" not in program.once().text
    assert shop.ids() == shop.ids("Items") == [1, 2, 3]
    assert shop.state()["database_guid"] == _broker(shop)


def test_a_new_broker_under_a_running_program_is_taken_and_told(shop: Shop, target: Target, program: Program) -> None:
    shop.commit_both()
    program.start()
    wait_until(lambda: shop.target.keys(f"{shop.database.name}/Orders/") != [], "an object")
    _new_broker(shop)
    shop.commit_both()
    wait_until(lambda: shop.ids() == [1, 2], "the row behind it")
    shop.commit_both()
    wait_until(lambda: shop.ids() == [1, 2, 3], "one more")
    assert program.stop() == 0
    assert program.log_text().count("database_guid_changed") == 1
    assert shop.state()["database_guid"] == _broker(shop)


def test_a_new_broker_is_no_excuse_for_another_history(shop: Shop, program: Program) -> None:
    shop.commit_both()
    path = _backup(shop)
    shop.commit_both(3)
    program.once()
    _restore(shop, path)
    for number in range(100, 110):
        shop.insert(number)
    _new_broker(shop)
    for verb in (["check"], ["run", "--once"]):
        ended = program.call(*verb)
        assert ended.code == 1 and "restored or replaced" in ended.text, f"{verb}\n{ended.text}"
    assert shop.ids() == [1, 2, 3, 4]


def test_check_judges_a_database_with_another_history_as_run_does(shop: Shop, program: Program) -> None:
    shop.commit_both()
    path = _backup(shop)
    shop.commit_both(3)
    program.once()
    _restore(shop, path)
    shop.insert(100)
    # Not as far yet as it was: run waits, and check must not say that all is well.
    ended = program.call("check")
    assert ended.code == 1 and "set back" in ended.text, ended.text
    for number in range(101, 110):
        shop.insert(number)
    said = program.once(expect=1).text
    checked = program.call("check")
    assert checked.code == 1
    for words in ("restored or replaced", "cdc-to-s3 adopt --new-history"):
        assert words in said and words in checked.text


def test_the_advice_after_a_restore_repeats_no_rows(shop: Shop, program: Program) -> None:
    """What it says is done as it is written, and whatever was delivered before does not come again."""
    shop.commit_both(2)
    path = _backup(shop)
    program.once()
    shop.insert(3)
    shop.insert(3, table="Items")
    program.once()
    _restore(shop, path)
    for number in range(100, 106):
        shop.insert(number)
        shop.insert(number, table="Items")
    for verb in (["check"], ["run", "--once"]):
        ended = program.call(*verb)
        assert ended.code == 1
        assert "--start oldest" not in ended.text, f"{verb}: advice that repeats rows\n{ended.text}"
        advised = re.search(r"cdc-to-s3 adopt --new-history --start (\S+?)[,.;:]?(?:\s|$)", ended.text)
        assert advised is not None, ended.text
    assert advised[1] in ("now", shop.state()["complete_through"])
    done = program.call("adopt", "--new-history", "--start", advised[1], "--yes")
    assert done.code == 0, done.text
    shop.insert(200)
    program.once()
    verdict = judge(shop.target.objects(shop.database.name, "Orders"), histories=2)
    assert verdict.wrong == []
    ids = [row["id"] for row in verdict.rows]
    assert ids[:3] == [1, 2, 3] and ids[-1] == 200
    assert len(ids) == len(set(ids)), f"rows came twice: {ids}"


def test_a_target_with_another_databases_folders_is_told_when_the_path_changes(
    shop: Shop, other: Database, target: Target, make_program: Callable[..., Program]
) -> None:
    """The second one had a path of its own, and is given the first one's."""
    shop.commit_both()
    make_program(shop.database.name, target.url, **_NO_DATABASE).once()
    second = make_program(other.name, target.url)
    second.once()
    make_tables(other, "dbo.Items")
    insert(other, "dbo.Items", [1])
    ended = second.with_settings(**_NO_DATABASE).call("run", "--once")
    assert ended.code in (1, 3) and shop.database.name in ended.text, ended.text
    assert len(target.keys("dbo/Items/")) == 1
    assert delivered_ids(other, target, "Orders") == [101]
