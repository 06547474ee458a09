"""A database with CDC on, for the tests of the engine's change data capture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine_driver import Driver, new_engine

ORDER = "ORDER BY [__$start_lsn], [__$command_id], [__$seqval], [__$operation]"


@pytest.fixture(name="db")
def cdc_database() -> Iterator[Driver]:
    engine = new_engine()
    driver = Driver(engine)
    driver.run("CREATE DATABASE Shop")
    driver.run("USE Shop; EXEC sys.sp_cdc_enable_db")
    yield driver
    engine.close()


def enable(db: Driver, table: str, **arguments: str) -> None:
    extra = "".join(f", @{name} = {value}" for name, value in arguments.items())
    db.run(f"EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'{table}', @role_name = NULL{extra}")


def changes(db: Driver, columns: str, instance: str) -> list[tuple]:
    return db.rows(f"SELECT [__$operation], {columns} FROM cdc.[{instance}_CT] {ORDER}")
