"""Rows of Microsoft's sample database arrive with the values of the extract, whoever reads them.

All tables of the extract are inserted, updated, moved to other keys and deleted; what must arrive is computed from
the extract's files alone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from standin.load import adventureworks
from standin.load.adventureworks import Table
from standin.load.connection import quoted
from tests.e2e.conftest import Database, Server, Target, program_settings
from tests.support.change_tables import assert_delivered
from tests.support.drivers import drivers
from tests.support.judge import Object
from tests.support.program import Program
from tests.support.readers import expected_schema, read_with_duckdb, read_with_pyarrow, schema_of, set_bits
from tests.support.s3_servers import S3Server

FOLDER = Path(__file__).resolve().parents[1] / "data" / "adventureworks"
TABLES = adventureworks.read_tables(FOLDER, with_xml=False)
_OBJECT_ROWS = 600  # small enough that the larger tables get several objects

Row = dict[str, Any]


@dataclass(frozen=True)
class Set:
    """SET column = sql; `value` computes the same from the old row. Always another value than before."""

    column: str
    sql: str
    value: Callable[[Row], Any]


@dataclass(frozen=True)
class Plan:
    """What is done to a table: of the rows with `pick` % 3 = 0, 1, 2 the first are updated by `sets`, the second
    deleted, the third moved to other keys if there is a `moved` column."""

    pick: str
    sets: tuple[Set, ...]
    moved: str = ""


def _to(column: str, sql: str, value: Any) -> Set:
    return Set(column, sql, lambda row: value)


_POINT = "E6100000010C" + "3F" * 16
PLANS = {
    "Person.Person": Plan(
        "BusinessEntityID",
        (
            Set("LastName", "LastName + N' Ω😀'", lambda row: row["LastName"] + " Ω😀"),
            _to("Title", "N'Xx. '", "Xx. "),
            Set("EmailPromotion", "EmailPromotion - 5", lambda row: row["EmailPromotion"] - 5),
        ),
        moved="BusinessEntityID",
    ),
    "Person.Address": Plan(
        "AddressID",
        (
            _to("City", "N''", ""),
            Set("AddressLine2", "AddressLine1 + N' (2)'", lambda row: row["AddressLine1"] + " (2)"),
            _to("SpatialLocation", f"CAST(0x{_POINT} AS geography)", bytes.fromhex(_POINT)),
        ),
    ),
    "Person.EmailAddress": Plan("BusinessEntityID", (_to("EmailAddress", "NULL", None),), moved="BusinessEntityID"),
    "Production.Product": Plan(
        "ProductID",
        (
            Set("ListPrice", "-ListPrice - 0.0001", lambda row: -row["ListPrice"] - Decimal("0.0001")),
            Set("MakeFlag", "CASE WHEN MakeFlag = 1 THEN 0 ELSE 1 END", lambda row: not row["MakeFlag"]),
            _to("SellEndDate", "'2026-02-28T23:59:59.997'", datetime(2026, 2, 28, 23, 59, 59, 997000)),
            _to("Weight", "-999999.99", Decimal("-999999.99")),
            _to("rowguid", "'00000000-0000-0000-0000-0000000000ab'", "00000000-0000-0000-0000-0000000000AB"),
            _to("Class", "N'é'", "é "),
        ),
    ),
    "Production.ProductPhoto": Plan("ProductPhotoID", (_to("ThumbNailPhoto", "0x", b""),)),
    "Production.Document": Plan("Owner", (_to("DocumentSummary", "N''", ""), _to("Revision", "N'IX'", "IX   "))),
    "HumanResources.Employee": Plan(
        "BusinessEntityID",
        (
            Set("VacationHours", "VacationHours - 200", lambda row: row["VacationHours"] - 200),
            _to("HireDate", "'0001-01-01'", date(1, 1, 1)),
            Set("SalariedFlag", "CASE WHEN SalariedFlag = 1 THEN 0 ELSE 1 END", lambda row: not row["SalariedFlag"]),
            _to("OrganizationNode", "NULL", None),
        ),
        moved="BusinessEntityID",
    ),
    "HumanResources.Shift": Plan(
        "ShiftID",
        (_to("StartTime", "'23:59:59.9999999'", "23:59:59.9999999"), _to("EndTime", "'00:00'", "00:00:00.0000000")),
    ),
    "HumanResources.JobCandidate": Plan("JobCandidateID", (_to("BusinessEntityID", "-2147483648", -(2**31)),)),
    "Sales.CurrencyRate": Plan(
        "CurrencyRateID",
        (
            Set("AverageRate", "-AverageRate", lambda row: -row["AverageRate"]),
            _to("ToCurrencyCode", "N'€'", "€  "),
        ),
    ),
    "Sales.CreditCard": Plan("CreditCardID", (_to("ExpMonth", "255", 255), _to("ExpYear", "-32768", -32768))),
    "Sales.SalesOrderHeader": Plan(
        "SalesOrderID",
        (
            _to("Comment", "N'naïve 世界'", "naïve 世界"),
            Set("Freight", "Freight + 0.0001", lambda row: row["Freight"] + Decimal("0.0001")),
            _to("ShipDate", "NULL", None),
        ),
    ),
    "Sales.SalesOrderDetail": Plan(
        "SalesOrderDetailID",
        (
            Set("OrderQty", "-OrderQty", lambda row: -row["OrderQty"]),
            _to("UnitPriceDiscount", "922337203685477.5807", Decimal("922337203685477.5807")),
        ),
        moved="SalesOrderID",
    ),
    "Purchasing.PurchaseOrderHeader": Plan("PurchaseOrderID", (_to("TaxAmt", "-1", Decimal(-1)),)),
    "Purchasing.PurchaseOrderDetail": Plan(
        "PurchaseOrderDetailID", (_to("RejectedQty", "999999.99", Decimal("999999.99")),), moved="PurchaseOrderID"
    ),
}


def _value(text: Any, sql_type: str) -> Any:
    """A value of the extract as a reader of Parquet must show it."""
    base = sql_type.split("(")[0]
    if text is None or base in ("bit", "tinyint", "smallint", "int", "bigint"):
        return text
    if base in ("money", "smallmoney", "decimal", "numeric"):
        return Decimal(text)
    if base == "datetime":
        return datetime.fromisoformat(text)
    if base == "date":
        return date.fromisoformat(text)
    if base in ("varbinary", "hierarchyid", "geography"):
        return bytes.fromhex(text.removeprefix("0x"))
    return text


def _source_rows(table: Table) -> list[Row]:
    """The extract's rows; computed columns NULL, as CDC has them."""
    lines = table.file.read_text(encoding="utf-8").splitlines()
    return [
        {
            column["name"]: None if column["computed"] else _value(values[column["name"]], column["sql_type"])
            for column in table.columns
        }
        for values in map(json.loads, lines)
    ]


@dataclass
class Expected:
    """A table's changes: (operation, row) in the order of its transactions, each transaction a list."""

    transactions: list[list[tuple[int, Row]]] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)  # ordinals of the columns that the updates set

    def rows(self) -> int:
        return sum(len(transaction) for transaction in self.transactions)


def _large(table: Table) -> set[str]:
    return {column["name"] for column in table.columns if column["sql_type"].endswith("(max)")}


def _expected(table: Table, plan: Plan) -> Expected:
    """(max) columns that an update did not touch are NULL in the row before it; in the row after it servers may
    show the value or NULL (`_same` allows both)."""
    rows = _source_rows(table)
    ordinals = {column["name"]: number for number, column in enumerate(table.columns, start=1)}
    large = _large(table)
    changed = {one.column for one in plan.sets}
    updated = []
    for row in (row for row in rows if row[plan.pick] % 3 == 0):
        after = {**row, **{one.column: one.value(row) for one in plan.sets}}
        updated += [(3, {**row, **dict.fromkeys(large - changed)}), (4, after)]
    moved = []
    for row in (row for row in rows if plan.moved and row[plan.pick] % 3 == 2):
        moved += [(1, row), (2, {**row, plan.moved: row[plan.moved] + 1_000_000})]
    deleted = [(1, row) for row in rows if row[plan.pick] % 3 == 1]
    transactions = [[(2, row) for row in rows], updated, moved, deleted]
    return Expected([one for one in transactions if one], {ordinals[name] for name in changed})


def _statements(table: Table, plan: Plan) -> list[str]:
    name = f"{quoted(table.schema)}.{quoted(table.name)}"
    sets = ", ".join(f"{quoted(one.column)} = {one.sql}" for one in plan.sets)
    statements = [f"UPDATE {name} SET {sets} WHERE {quoted(plan.pick)} % 3 = 0"]
    if plan.moved:
        column = quoted(plan.moved)
        statements.append(f"UPDATE {name} SET {column} = {column} + 1000000 WHERE {quoted(plan.pick)} % 3 = 2")
    # Moved keys must not be picked: 1,000,000 is 1 modulo 3.
    kept = f" AND {quoted(plan.moved)} < 1000000" if plan.moved else ""
    return [*statements, f"DELETE FROM {name} WHERE {quoted(plan.pick)} % 3 = 1{kept}"]


@dataclass(frozen=True)
class Delivered:
    database: Database
    objects: Mapping[str, list[Object]]  # by full name


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Database]:
    database = Database(server, f"AdventureWorks_{uuid.uuid4().hex[:8]}")
    adventureworks.load(database.connection, TABLES, cdc=True)
    for table in TABLES:
        database.run(*_statements(table, PLANS[table.full_name]))
    database.capture()
    yield database
    database.drop()


@pytest.fixture(scope="module", params=drivers())
def delivered(
    request: pytest.FixtureRequest, source: Database, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Delivered:
    target = Target(s3, f"extract{uuid.uuid4().hex[:8]}")
    settings = program_settings(source.server, s3, source.name, target.url)
    settings["SQL_SERVER_DRIVER"] = drivers()[request.param]
    Program(tmp_path_factory.mktemp("program"), settings).once("--max-object-rows", str(_OBJECT_ROWS))
    return Delivered(source, {one.full_name: target.objects(source.name, one.name) for one in TABLES})


def _by_key(table: Table, changes: list[tuple[int, Row]]) -> list[tuple[int, Row]]:
    """A server may change the rows of one statement in any order."""
    keys = table.primary_key["columns"]
    return sorted(changes, key=lambda change: ([change[1][name] for name in keys], change[0]))


def _same(got: tuple[int, Row], wanted: tuple[int, Row], untouched: set[str]) -> bool:
    if wanted[0] != 4:
        return got == wanted
    return got[0] == 4 and all(
        value == wanted[1][name] or (value is None and name in untouched) for name, value in got[1].items()
    )


def _without_metadata(row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.startswith("__$")}


each_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)


@each_table
def test_every_change_row_arrives_once_and_in_order(delivered: Delivered, table: Table) -> None:
    objects = delivered.objects[table.full_name]
    verdict = assert_delivered(delivered.database.connection, f"{table.schema}_{table.name}", objects)
    expected = _expected(table, PLANS[table.full_name]).rows()
    assert len(verdict.rows) == expected
    assert len(objects) >= expected // _OBJECT_ROWS


@each_table
def test_values_are_those_of_the_source(delivered: Delivered, table: Table) -> None:
    rows = read_with_pyarrow(delivered.objects[table.full_name])
    untouched = _large(table) - {one.column for one in PLANS[table.full_name].sets}
    done = 0
    for expected in _expected(table, PLANS[table.full_name]).transactions:
        part = rows[done : done + len(expected)]
        done += len(expected)
        found = [(row["__$operation"], _without_metadata(row)) for row in part]
        if found[0][0] == 3:
            assert [operation for operation, _ in found] == [3, 4] * (len(found) // 2)
        for got, wanted in zip(_by_key(table, found), _by_key(table, expected), strict=True):
            assert list(got[1]) == list(wanted[1])
            assert _same(got, wanted, untouched), f"{got} instead of {wanted}"


@each_table
def test_masks_name_the_changed_columns(delivered: Delivered, table: Table) -> None:
    rows = read_with_pyarrow(delivered.objects[table.full_name])
    changed = _expected(table, PLANS[table.full_name]).changed
    every = set(range(1, len(table.columns) + 1))
    for row in rows:
        assert set_bits(row["__$update_mask"]) == (changed if row["__$operation"] in (3, 4) else every)


@each_table
def test_duckdb_and_pyarrow_read_the_same(delivered: Delivered, table: Table, tmp_path: Path) -> None:
    objects = delivered.objects[table.full_name]
    theirs = read_with_duckdb(objects, tmp_path / "objects")
    ours = read_with_pyarrow(objects)
    assert len(theirs) == len(ours)
    for got, wanted in zip(theirs, ours, strict=True):
        assert got == wanted


@each_table
def test_columns_types_and_field_ids_are_as_documented(delivered: Delivered, table: Table) -> None:
    expected = expected_schema([(column["name"], column["sql_type"]) for column in table.columns])
    for item in delivered.objects[table.full_name]:
        assert schema_of(item) == expected


def test_commit_times_are_utc_and_rise(delivered: Delivered) -> None:
    rows = read_with_pyarrow(delivered.objects["Person.Address"])
    times = [row["__$commit_time"] for row in rows]
    assert times == sorted(times)
    assert all(abs(datetime.now(UTC) - time) < timedelta(hours=1) for time in times)
    assert len({(row["__$start_lsn"], row["__$commit_time"]) for row in rows}) == len(
        {row["__$start_lsn"] for row in rows}
    )
