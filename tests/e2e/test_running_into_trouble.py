"""What goes wrong under a running program: what it says lets a person act, and when that is done it goes on."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from standin.load.connection import Connection
from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered, change_keys
from tests.support.folder_target import FolderTarget
from tests.support.judge import judge
from tests.support.program import Program, wait_until

_PASSWORD = "Reader-Login-1"
_TABLES = ("Orders", "Items")
_DISK_BYTES = 32 << 20


class Shop:
    """Two captured tables, and a login with the rights of the README and no other."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.reader = f"reader_{database.name}"
        for table in _TABLES:
            database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, data varbinary(max) NULL)")
            database.enable("dbo", table)
        database.run(
            f"CREATE LOGIN {self.reader} WITH PASSWORD = '{_PASSWORD}'",
            f"CREATE USER {self.reader} FOR LOGIN {self.reader}",
            f"GRANT SELECT ON SCHEMA::cdc TO {self.reader}",
            f"GRANT VIEW DEFINITION TO {self.reader}",
        )
        self.insert(1)

    @property
    def login(self) -> dict[str, str]:
        return {"SQL_SERVER_USER": self.reader, "SQL_SERVER_PASSWORD": _PASSWORD}

    def insert(self, number: int) -> None:
        self.database.run(*(f"INSERT INTO dbo.{table} VALUES ({number}, 0x00)" for table in _TABLES))
        self.database.capture()

    def insert_large(self, rows: int) -> None:
        """Into Orders, in one transaction: 4,000 bytes a row that nothing compresses."""
        self.database.run("CREATE TABLE dbo.Numbers (n int NOT NULL)", "INSERT INTO dbo.Numbers VALUES (0)")
        present = 1
        while present < rows:
            self.database.run(f"INSERT INTO dbo.Numbers SELECT n + {present} FROM dbo.Numbers")
            present *= 2
        self.database.run(
            "INSERT INTO dbo.Orders SELECT n + 1000, CONVERT(varbinary(max), CRYPT_GEN_RANDOM(4000)) "
            f"FROM dbo.Numbers WHERE n < {rows}"
        )
        self.database.capture()

    def as_administrator(self, sql: str) -> None:
        with Connection(self.database.address) as connection:
            connection.run(sql)

    def delivered(self, target: Target, *tables: str) -> None:
        for table in tables or _TABLES:
            objects = target.objects(self.database.name, table)
            assert_delivered(self.database.connection, f"dbo_{table}", objects)


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    made = Shop(database)
    yield made
    database.run(f"DROP LOGIN {made.reader}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = f"size={_DISK_BYTES}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a full disk needs a file system of its own, and mount says: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(disk: Path, leave_bytes: int = 0) -> Path:
    """A file that takes all room but this."""
    filler = disk / "filler"
    piece = b"x" * 4096
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(piece) == len(piece):
                pass
        except OSError:
            pass
    with filler.open("r+b") as file:
        file.truncate(max(0, filler.stat().st_size - leave_bytes))
    return filler


def _wait_for(program: Program, event: str, *words: str) -> str:
    """The first line of the log with the event and all words."""

    def found() -> list[str]:
        lines = program.log_text().splitlines()
        return [line for line in lines if event in line and all(word in line for word in words)]

    wait_until(lambda: found() != [], f"{event} with {words} in\n{program.log_text()}")
    return found()[0]


def _delivers(shop: Shop, target: Target, program: Program, table: str, objects: int) -> None:
    name = shop.database.name
    wait_until(lambda: len(target.keys(f"{name}/{table}/")) >= objects, f"{table}\n{program.log_text()}")


def test_a_table_that_is_denied_stops_alone_and_goes_on_when_it_is_allowed_again(
    shop: Shop, target: Target, program: Program
) -> None:
    program.start(**shop.login)
    for table in _TABLES:
        _delivers(shop, target, program, table, 1)
    shop.database.run(f"DENY SELECT ON OBJECT::cdc.dbo_Orders_CT TO {shop.reader}")
    shop.insert(2)
    said = _wait_for(program, "table_stopped", "table=dbo.Orders", "dbo_Orders_CT", "permission was denied")
    look = re.search(r"SELECT \* FROM sys\.database_permissions WHERE state = 'D'", said)
    assert look is not None, said
    _delivers(shop, target, program, "Items", 2)
    assert len(target.keys(f"{shop.database.name}/Orders/")) == 1
    program.stop()
    shop.database.run(f"REVOKE SELECT ON OBJECT::cdc.dbo_Orders_CT FROM {shop.reader}")
    program.once(**shop.login)
    shop.delivered(target)


def test_a_gating_role_is_not_asked_for_because_change_tables_are_read_directly(
    shop: Shop, target: Target, program: Program
) -> None:
    shop.database.run("CREATE ROLE gate", "CREATE TABLE dbo.Gated (id int NOT NULL PRIMARY KEY)")
    names = "@source_schema = N'dbo', @source_name = N'Gated'"
    shop.database.run(f"EXEC sys.sp_cdc_enable_table {names}, @role_name = N'gate'")
    shop.database.run("INSERT INTO dbo.Gated VALUES (1)")
    shop.database.capture()
    assert program.call("check", **shop.login).code == 0
    program.once(**shop.login)
    shop.delivered(target, "Gated", *_TABLES)


def test_a_login_that_loses_schema_cdc_is_told_the_grant_and_goes_on_by_itself_after_it(
    shop: Shop, target: Target, program: Program
) -> None:
    program.start(**shop.login)
    _delivers(shop, target, program, "Orders", 1)
    shop.database.run(f"REVOKE SELECT ON SCHEMA::cdc FROM {shop.reader}")
    shop.insert(2)
    said = _wait_for(program, "round_failed", "permission was denied")
    grant = re.search(r"What helps: (GRANT SELECT ON SCHEMA::cdc TO \[\w+\])", said)
    assert grant is not None, said
    shop.as_administrator(grant[1])
    for table in _TABLES:
        _delivers(shop, target, program, table, 2)
    program.stop()
    shop.delivered(target)


def test_a_login_that_loses_view_definition_goes_on_with_what_it_knows_and_asks_for_the_name_of_a_new_table(
    shop: Shop, target: Target, program: Program
) -> None:
    program.start(**shop.login)
    _delivers(shop, target, program, "Orders", 1)
    shop.database.run(f"REVOKE VIEW DEFINITION FROM {shop.reader}")
    shop.database.run("CREATE TABLE dbo.Late (id int NOT NULL PRIMARY KEY)")
    shop.database.enable("dbo", "Late")
    shop.database.run("INSERT INTO dbo.Late VALUES (1)")
    shop.insert(2)
    _wait_for(program, "table_stopped", "dbo_Late", "GRANT VIEW DEFINITION")
    for table in _TABLES:
        _delivers(shop, target, program, table, 2)
    program.stop()
    checked = program.call("check", **shop.login)
    assert checked.code == 1
    grant = re.search(rf"GRANT VIEW DEFINITION TO \[{shop.reader}\]", checked.out)
    assert grant is not None, checked.out
    shop.as_administrator(grant[0])
    program.once(**shop.login)
    shop.delivered(target, "Late", *_TABLES)


def test_a_full_target_is_named_and_when_there_is_room_again_everything_arrives_once(
    shop: Shop, make_program: Callable[..., Program], small_disk: Path
) -> None:
    program = make_program(shop.database.name, f"file://{small_disk}")
    target = FolderTarget(small_disk)
    program.start()
    wait_until(lambda: all(target.objects(shop.database.name, table) for table in _TABLES), "the first objects")
    filler = _fill(small_disk)
    shop.insert(2)
    _wait_for(program, "round_failed", str(small_disk), "No space left on device", "free some space there")
    filler.unlink()
    for table in _TABLES:
        wait_until(lambda table=table: len(target.objects(shop.database.name, table)) == 2, table)
    program.stop()
    for table in _TABLES:
        objects = target.objects(shop.database.name, table)
        assert_delivered(shop.database.connection, f"dbo_{table}", objects)


def test_a_target_that_fills_up_with_a_claimed_object_gets_it_under_the_same_name_later(
    shop: Shop, make_program: Callable[..., Program], small_disk: Path
) -> None:
    """Room for the state document, but not for the object: the claim is there, the object is not."""
    program = make_program(shop.database.name, f"file://{small_disk}")
    target = FolderTarget(small_disk)
    program.once()
    filler = _fill(small_disk, leave_bytes=1 << 20)
    shop.insert_large(500)
    said = program.once(expect=1).text
    for words in (str(small_disk), "No space left on device", "free some space there"):
        assert words in said
    assert len(target.objects(shop.database.name, "Orders")) == 1
    document = json.loads((small_disk / target.state_key(shop.database.name)).read_text())
    claimed = document["tables"]["dbo.Orders"]["claim"]
    filler.unlink()
    program.once()
    objects = target.objects(shop.database.name, "Orders")
    assert [one.key for one in objects][1:] == [claimed["key"]]
    assert_delivered(shop.database.connection, "dbo_Orders", objects)


def test_a_full_folder_for_large_objects_stops_that_table_alone_and_is_named(
    shop: Shop, target: Target, make_program: Callable[..., Program], small_disk: Path
) -> None:
    program = make_program(shop.database.name, target.url, CDC_RUN_TEMP_DIR=str(small_disk))
    _fill(small_disk, leave_bytes=1 << 20)
    shop.insert_large(3000)
    said = program.once(expect=3).text
    for words in ("dbo.Orders", str(small_disk), "No space left on device", "make room", "[run] temp_dir"):
        assert words in said
    shop.delivered(target, "Items")
    assert target.keys(f"{shop.database.name}/Orders/") == []
    (small_disk / "filler").unlink()
    program.once()
    verdict = judge(target.objects(shop.database.name, "Orders"))
    assert verdict.wrong == []
    assert verdict.keys == change_keys(shop.database.connection, "dbo_Orders")
