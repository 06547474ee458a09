"""A change table that somebody dropped, and left its capture instance."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.program import Program


@pytest.mark.parametrize("driver", drivers().values(), ids=drivers())
def test_a_change_table_that_was_dropped_is_told_as_such_and_stops_its_table_alone(
    database: Database, target: Target, program: Program, driver: str
) -> None:
    for table in ("Orders", "Items"):
        database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY)")
        database.enable("dbo", table)
        database.run(f"INSERT INTO dbo.{table} VALUES (1)")
    database.capture()
    program.once(SQL_SERVER_DRIVER=driver)
    database.run("INSERT INTO dbo.Items VALUES (2)")
    database.capture()
    database.run("DROP TABLE cdc.dbo_Orders_CT")
    for ended in (program.once(expect=3, SQL_SERVER_DRIVER=driver), program.call("check", SQL_SERVER_DRIVER=driver)):
        assert "the change table of capture instance dbo_Orders was dropped" in ended.text
        disable = f"USE [{database.name}]; EXEC sys.sp_cdc_disable_table"
        assert disable in ended.text and "@capture_instance = N'dbo_Orders'" in ended.text
        assert "is CDC enabled?" not in ended.text
    told = program.call("tables", SQL_SERVER_DRIVER=driver)
    assert "no captured columns of cdc.dbo_Orders_CT; it was dropped, or the login may lack" in told.text
    assert_delivered(database.connection, "dbo_Items", target.objects(database.name, "Items"))
