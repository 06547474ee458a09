"""What is wrong with the target: the bucket, the keys, the rights, what lies in a folder, the local disk."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import BUCKET, Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.program import Ended, Program
from tests.support.s3_servers import NO_LISTER, READER, WRITER, User


@pytest.fixture
def shop(database: Database) -> Database:
    """Two captured tables with a row each."""
    for table in ("Orders", "Items"):
        database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, label nvarchar(40) NULL)")
        database.enable("dbo", table)
        database.run(f"INSERT INTO dbo.{table} VALUES (1, N'a')")
    database.capture()
    return database


def _says(ended: Ended, *words: str) -> None:
    for word in words:
        assert word in ended.text, f"{word!r} is missing in:\n{ended.text}"


_WRONG = {
    "missing bucket": ({"CDC_TARGET_URL": "s3://no-such-lake/t"}, ["NoSuchBucket", "create it", "target's url"]),
    "unknown access key": ({"AWS_ACCESS_KEY_ID": "UNKNOWNKEY"}, ["InvalidAccessKeyId", "check AWS_ACCESS_KEY_ID"]),
    "wrong secret": (
        {"AWS_SECRET_ACCESS_KEY": "Wrong-Secret-9"},
        ["SignatureDoesNotMatch", "check AWS_SECRET_ACCESS_KEY"],
    ),
}


@pytest.mark.parametrize("case", list(_WRONG))
@pytest.mark.parametrize("verb", ["run", "check", "status"])
def test_a_target_that_refuses_is_explained(program: Program, shop: Database, case: str, verb: str) -> None:
    settings, words = _WRONG[case]
    ended = program.call(*(["run", "--once"] if verb == "run" else [verb]), **settings)
    assert ended.code == 1
    _says(ended, *words)


def test_an_endpoint_with_nothing_behind_it_is_explained(program: Program, shop: Database) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
    ended = program.once(expect=1, AWS_ENDPOINT_URL_S3=endpoint)
    _says(ended, endpoint.removeprefix("http://").replace(":", " port "), "is the endpoint right")


# Who may not do what, and what the message must hold beside the policy.
_RIGHTS: dict[str, tuple[User, list[str]]] = {
    "who may not write": (READER, ["put s3://"]),
    "who may not list": (NO_LISTER, ["list s3://"]),
    "who may only write": (WRITER, ["the state cannot be read back", "file:///"]),
}


@pytest.mark.parametrize("case", list(_RIGHTS))
@pytest.mark.parametrize("verb", ["run", "check"])
def test_a_user_is_told_the_policy(program: Program, target: Target, shop: Database, case: str, verb: str) -> None:
    user, words = _RIGHTS[case]
    ended = program.call(*(["run", "--once"] if verb == "run" else ["check"]), **user.environment())
    assert ended.code == 1
    _says(ended, "AccessDenied", *words)
    below = target.url.removeprefix("s3://")
    _says(ended, f'"Action":["s3:PutObject","s3:GetObject"],"Resource":"arn:aws:s3:::{below}/*"')
    _says(ended, f'"Action":"s3:ListBucket","Resource":"arn:aws:s3:::{BUCKET}"')
    assert target.keys(f"{shop.name}/") == []


def test_a_user_who_may_only_write_delivers_with_local_state(
    program: Program, target: Target, shop: Database, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    settings = {**WRITER.environment(), "CDC_TARGET_STATE": f"file://{state}"}
    assert program.call("check", **settings).code == 0
    program.once(**settings)
    program.once(**settings)
    for table in ("Orders", "Items"):
        objects = target.objects(shop.name, table)
        assert len(objects) == 1
        assert_delivered(shop.connection, f"dbo_{table}", objects)
    # Nor does it need to look after a crash, or to read the last object where options change.
    for number, crash in enumerate(("claimed_not_put:1", "put_not_confirmed:1")):
        shop.run(f"INSERT INTO dbo.Orders VALUES ({10 + number}, N'x')")
        shop.capture()
        assert program.call("run", "--once", CDC_CRASH_AT=crash, **settings).code == -signal.SIGKILL
        program.once(CDC_TYPES_TIMESTAMPS="millis", **settings)
        assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))


def test_a_foreign_parquet_file_in_a_folder_stops_that_table_alone(
    program: Program, target: Target, shop: Database
) -> None:
    foreign = f"{shop.name}/Orders/cdc/zz_somebody_elses.parquet"
    target.put(foreign, b"PAR1")
    target.put(f"{shop.name}/Items/cdc/README.txt", b"no Parquet file: nobody minds")
    for _ in range(2):
        ended = program.once(expect=3)
        _says(ended, "cdc-to-s3: dbo.Orders: ", "not ours", foreign, "Move it elsewhere", "[target] path")
    assert target.keys(f"{shop.name}/Orders/") == [foreign]
    target.delete(foreign)
    program.once()
    for table in ("Orders", "Items"):
        objects = [target.get(key) for key in target.keys(f"{shop.name}/{table}/") if key.endswith(".parquet")]
        assert_delivered(shop.connection, f"dbo_{table}", objects)


def test_a_foreign_file_behind_the_last_object_stops_the_table_until_it_is_gone(
    program: Program, target: Target, shop: Database
) -> None:
    program.once()
    foreign = f"{shop.name}/Orders/cdc/Orders_cdc_29991231_235959.parquet"
    target.put(foreign, b"PAR1")
    shop.run("INSERT INTO dbo.Orders VALUES (2, N'b')", "INSERT INTO dbo.Items VALUES (2, N'b')")
    shop.capture()
    ended = program.once(expect=3)
    _says(ended, "dbo.Orders: ", foreign)
    assert program.call("status").code == 3
    _says(program.call("status"), "dbo.Orders is stopped since", foreign)
    assert len(target.objects(shop.name, "Items")) == 2
    target.delete(foreign)
    program.once()
    assert program.call("status").code == 0
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))


def test_a_folder_for_large_objects_that_cannot_be_written_is_named_before_anything_is_read(
    program: Program, target: Target, shop: Database
) -> None:
    settings = {"CDC_RUN_TEMP_DIR": "/proc/no-such-folder"}
    for ended in (program.once(expect=1, **settings), program.call("check", **settings)):
        assert ended.code == 1
        _says(ended, "/proc/no-such-folder", "[run] temp_dir", "CDC_RUN_TEMP_DIR")
    assert target.keys(f"{shop.name}/") == []


def test_a_target_folder_that_is_not_there_is_told_apart_from_an_empty_one(
    make_program: Callable[..., Program], shop: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "lake"
    program = make_program(shop.name, f"file://{folder}")
    _says(program.once(expect=1), str(folder), "mkdir -p")
    folder.mkdir()
    program.once()
    assert len(list(folder.glob(f"{shop.name}/Orders/cdc/*.parquet"))) == 1
