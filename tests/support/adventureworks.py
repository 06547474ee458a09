"""What the tests do to the extract of Microsoft's sample database AdventureWorks, and what must come of it, computed
from the extract's files alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import canonicalize

from standin.load import adventureworks
from standin.load.adventureworks import Table
from standin.load.connection import quoted

FOLDER = Path(__file__).resolve().parents[1] / "data" / "adventureworks"
TABLES = adventureworks.read_tables(FOLDER)

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


_SURVEY = '<IndividualSurvey é="世">😀 &amp; &lt;</IndividualSurvey>'
_POINT = "E6100000010C" + "3F" * 16
PLANS = {
    "Person.Person": Plan(
        "BusinessEntityID",
        (
            Set("LastName", "LastName + N' Ω😀'", lambda row: row["LastName"] + " Ω😀"),
            _to("Title", "N'Xx. '", "Xx. "),
            _to("Demographics", f"N'{_SURVEY}'", _SURVEY),
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
    "HumanResources.JobCandidate": Plan(
        "JobCandidateID", (_to("BusinessEntityID", "-2147483648", -(2**31)), _to("Resume", "N''", ""))
    ),
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
    return comparable(text) if base == "xml" else text


def comparable(document: str) -> str:
    """SQL Server keeps a document's content, not its text."""
    return canonicalize(document, strip_text=True) if document else ""


def extract_rows(table: Table) -> list[Row]:
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


def large_columns(table: Table) -> set[str]:
    """Those whose values CDC leaves out of an update that did not touch them."""
    large = ("xml", "geography")
    return {
        column["name"]
        for column in table.columns
        if column["sql_type"].endswith("(max)") or column["sql_type"] in large
    }


def expected_changes(table: Table, plan: Plan) -> Expected:
    """Large columns that an update did not touch are NULL in the row before it; in the row after it servers may show
    the value or NULL (`_same` allows both)."""
    rows = extract_rows(table)
    ordinals = {column["name"]: number for number, column in enumerate(table.columns, start=1)}
    large = large_columns(table)
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


def change_statements(table: Table, plan: Plan) -> list[str]:
    name = f"{quoted(table.schema)}.{quoted(table.name)}"
    sets = ", ".join(f"{quoted(one.column)} = {one.sql}" for one in plan.sets)
    statements = [f"UPDATE {name} SET {sets} WHERE {quoted(plan.pick)} % 3 = 0"]
    if plan.moved:
        column = quoted(plan.moved)
        statements.append(f"UPDATE {name} SET {column} = {column} + 1000000 WHERE {quoted(plan.pick)} % 3 = 2")
    # Moved keys must not be picked: 1,000,000 is 1 modulo 3.
    kept = f" AND {quoted(plan.moved)} < 1000000" if plan.moved else ""
    return [*statements, f"DELETE FROM {name} WHERE {quoted(plan.pick)} % 3 = 1{kept}"]
