"""Two small captured tables for tests that care about moments, and the proof about them at any moment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.change_tables import assert_delivered, change_keys
from tests.support.judge import RowKey, Verdict, judge, order

if TYPE_CHECKING:
    from tests.e2e.conftest import Database, Target

TABLES = ("Orders", "Items")
# One more transaction that writes to both tables, and the capture job's scan behind it.
COMMIT_BOTH = (
    "BEGIN TRANSACTION; "
    "INSERT INTO dbo.Orders SELECT ISNULL(MAX(id), 0) + 1, 0 FROM dbo.Orders; "
    "INSERT INTO dbo.Items SELECT ISNULL(MAX(id), 0) + 1, 0 FROM dbo.Items; "
    "COMMIT"
)
SCAN = "EXEC sys.sp_cdc_scan"
# Statements of the program, by what only they contain.
HORIZON = "FROM cdc.lsn_time_mapping AS m WITH (READPAST)"
INSTANCES = "FROM cdc.change_tables AS ct"
PROBE = "AS probe WHERE EXISTS"
READ_ORDERS = "FROM cdc.[dbo_Orders_CT] AS ct LEFT JOIN"


def clean_to(number: int, table: str = "Orders") -> str:
    """T-SQL of a cleanup that keeps the change rows from the one with this id on."""
    return (
        f"DECLARE @mark binary(10) = (SELECT MAX([__$start_lsn]) FROM cdc.dbo_{table}_CT WHERE id = {number}); "
        f"EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'dbo_{table}', @low_water_mark = @mark"
    )


class Shop:
    """dbo.Orders and dbo.Items, captured. `seen` remembers change rows beyond cleanup."""

    def __init__(self, database: Database, target: Target) -> None:
        self.database, self.target = database, target
        self.seen: dict[str, set[RowKey]] = {table: set() for table in TABLES}
        for table in TABLES:
            database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, n int NOT NULL)")
            database.enable("dbo", table)

    def insert(self, *numbers: int, table: str = "Orders") -> None:
        """Each in a transaction of its own; captured."""
        for number in numbers:
            self.database.run(f"INSERT INTO dbo.{table} VALUES ({number}, 0)")
        self.database.capture()

    def commit_both(self, times: int = 1) -> None:
        for _ in range(times):
            self.database.run(COMMIT_BOTH)
        self.database.capture()

    def remember(self) -> None:
        """The change rows as they are now will count, even if cleanup takes them."""
        for table in TABLES:
            self.seen[table] |= set(change_keys(self.database.connection, f"dbo_{table}"))

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.target.get(self.target.state_key(self.database.name)).data))

    def has_state(self) -> bool:
        return self.target.state_key(self.database.name) in self.target.keys("_cdc_to_s3/")

    def verdict(self, table: str = "Orders") -> Verdict:
        """What is in a table's folder; it keeps the format."""
        found = judge(self.target.objects(self.database.name, table))
        assert found.wrong == []
        return found

    def ids(self, table: str = "Orders") -> list[int]:
        """The ids delivered, in order."""
        return [row["id"] for row in self.verdict(table).rows]

    def gaps(self, table: str = "Orders") -> list[dict[str, str]]:
        """All gaps that footers carry."""
        return [gap for footer in self.verdict(table).footers for gap in json.loads(footer["cdc.gaps"])]

    def assert_cut(self) -> bytes:
        """Everything at or below complete_through is in objects, in both tables; the change rows may have gone since.

        The state is read first, the objects after it. Gives complete_through."""
        through = bytes.fromhex(self.state()["complete_through"])
        self.remember()
        for table in TABLES:
            delivered = set(self.verdict(table).keys)
            missing = [key for key in self.seen[table] if key[0] <= through and key not in delivered]
            assert missing == [], f"complete through {through.hex()}, but rows of {table} are missing: {missing}"
        return through

    def assert_delivered(self) -> None:
        """Exactly the change tables' rows, and those remembered."""
        self.remember()
        for table in TABLES:
            assert self.verdict(table).keys == sorted(self.seen[table], key=order)

    def assert_tables_delivered(self) -> None:
        """Exactly the change tables' rows, which cleanup never touched."""
        for table in TABLES:
            assert_delivered(self.database.connection, f"dbo_{table}", self.target.objects(self.database.name, table))
