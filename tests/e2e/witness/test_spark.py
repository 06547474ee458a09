"""PySpark opens what the program writes, and shows of every column what `types --json` declares, as the readers of
tests/e2e/test_readers.py do. Dates before 1582 and timestamps before 1900 are right with Spark 4's settings and with
datetimeRebaseModeInRead=CORRECTED, which Spark 3 needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from tests.e2e.conftest import Server
from tests.support.parquet_readers import Columns, Refused, Shown, plain_arrow, read_with_pyarrow
from tests.support.reader_judge import assert_as_declared, assert_losses_are_real
from tests.support.reader_table import form_name
from tests.support.reader_world import BY_CASE, EVERYTHING, TABLES, World, deliver

_REBASE = "spark.sql.parquet.datetimeRebaseModeInRead"
# What Spark 3 does not read without being told whose calendar it is.
_CALENDAR_FORMS = {"DATE", "TIMESTAMP(micros, UTC)"}


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "512m",
        "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={folder} -Dderby.system.home={folder}",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
    }
    builder = SparkSession.builder.master("local[2]").appName("witness")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")  # refusals are expected
    yield session
    session.stop()


@contextmanager
def _with(spark: SparkSession, setting: str) -> Iterator[None]:
    name, _, value = setting.partition("=")
    if name:
        spark.conf.set(name, value)
    try:
        yield
    finally:
        if name:
            spark.conf.unset(name)


def read_with_spark(spark: SparkSession, path: Path, setting: str = "") -> Columns:
    with _with(spark, setting):
        try:
            frame = spark.read.parquet(str(path))
            table = frame.toArrow()
        except PySparkException as error:
            raise Refused(str(error)) from error
        return {
            field.name: Shown(field.dataType.simpleString(), plain_arrow(table[field.name])) for field in frame.schema
        }


@pytest.fixture(scope="module")
def world(server: Server, tmp_path_factory: pytest.TempPathFactory) -> World:
    return deliver(server, tmp_path_factory.mktemp("readers"))


@pytest.fixture(scope="module")
def reading(spark: SparkSession) -> Callable[..., Columns]:
    """reading(reader, file, setting): each file is read once; a refusal is remembered, too."""
    seen: dict[tuple[str, Path, str], Columns | Refused] = {}

    def read(reader: str, path: Path, setting: str = "") -> Columns:
        key = (reader, path, setting)
        if key not in seen:
            try:
                seen[key] = read_with_pyarrow(path) if reader == "pyarrow" else read_with_spark(spark, path, setting)
            except Refused as refused:
                seen[key] = refused
        found = seen[key]
        if isinstance(found, Refused):
            raise found
        return found

    return read


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_shown_as_declared(world: World, reading: Callable[..., Columns], table: str) -> None:
    for name in world.parquet[table]:
        assert_as_declared(world, reading, "Spark", table, name)


def test_a_declared_loss_is_a_real_one(world: World, reading: Callable[..., Columns]) -> None:
    assert_losses_are_real(world, reading, "Spark")


def test_old_dates_are_exact_with_corrected_rebasing(world: World, reading: Callable[..., Columns]) -> None:
    path = world.files[EVERYTHING]
    assert reading("Spark", path, f"{_REBASE}=CORRECTED") == reading("Spark", path)


def test_the_default_of_spark_3_refuses_old_dates_and_its_legacy_mode_shifts_them(
    world: World, spark: SparkSession
) -> None:
    path = str(world.files[EVERYTHING])
    exact = read_with_pyarrow(world.files[EVERYTHING])
    for name in ("a_date", "a_datetime2", "a_datetimeoffset"):
        needs_a_calendar = form_name(world.parquet[EVERYTHING][name]) in _CALENDAR_FORMS
        for mode, refuses in (("EXCEPTION", needs_a_calendar), ("LEGACY", False)):
            with _with(spark, f"{_REBASE}={mode}"):
                frame = spark.read.parquet(path).select(name)
                if refuses:
                    with pytest.raises(PySparkException, match="READ_ANCIENT_DATETIME"):
                        frame.toArrow()
                else:
                    shown = plain_arrow(frame.toArrow()[name])
                    assert (shown == exact[name].values) == (not needs_a_calendar)


def test_two_columns_that_differ_only_by_case_need_a_setting(world: World, reading: Callable[..., Columns]) -> None:
    with pytest.raises(Refused):
        reading("Spark", world.by_case)
    shown = reading("Spark", world.by_case, "spark.sql.caseSensitive=true")
    assert [shown[name].values for name in BY_CASE] == [[1], [2]]
