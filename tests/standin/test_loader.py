"""The loader: its texts are pure functions of a seed or of the extract; its rows are what a client then reads."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from standin.harness import StandIn
from standin.load import adventureworks, bulk, history
from standin.load.connection import Address, Connection, ensure_database
from standin.load.history import History

ROOT = Path(__file__).resolve().parents[2]
EXTRACT = ROOT / "tests" / "data" / "adventureworks"


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


def database(standin: StandIn, name: str) -> Address:
    address = Address(standin.host, standin.port, standin.user, standin.password, name)
    ensure_database(address)
    return address


def run_loader(standin: StandIn, *words: str, timeout: float = 120) -> dict[str, Any]:
    command = [sys.executable, "-m", "standin.load", "--port", str(standin.port), *words]
    environment = {**os.environ, "SQL_SERVER_PASSWORD": standin.password}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def all_rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    orders = {"[Person].[Person]": "BusinessEntityID", "[Sales].[Orders]": "OrderID", "[dbo].[Notes]": "NoteKey"}
    return {table: connection.rows(f"SELECT * FROM {table} ORDER BY [{key}]") for table, key in orders.items()}


def test_a_seed_gives_the_same_history_everywhere() -> None:
    first, again, other = (list(History(seed).transactions(300)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_a_history_has_every_kind_of_transaction() -> None:
    transactions = list(History(1).transactions(500))
    words = Counter(statement.split()[0] for one in transactions for statement in one.statements)
    assert min(words[word] for word in ("INSERT", "UPDATE", "DELETE")) > 50
    assert any("SET [BusinessEntityID] =" in statement for one in transactions for statement in one.statements)
    assert any(not one.committed for one in transactions)
    assert any(len(one.statements) > 3 for one in transactions)
    assert any("),\n(" in statement for one in transactions for statement in one.statements)


def test_a_transaction_of_one_statement_needs_no_begin() -> None:
    for transaction in History(2).transactions(100):
        batches = list(transaction.batches())
        if len(transaction.statements) == 1 and transaction.committed:
            assert batches == list(transaction.statements)
        else:
            assert batches[0] == "BEGIN TRANSACTION"
            assert batches[-1] == ("COMMIT TRANSACTION" if transaction.committed else "ROLLBACK TRANSACTION")


@pytest.mark.parametrize(
    ("value", "sql_type", "expected"),
    [
        (None, "int", "NULL"),
        (True, "bit", "1"),
        (-5, "smallint", "-5"),
        ("12.5000", "money", "12.5000"),
        ("O'Brien 世", "nvarchar(50)", "N'O''Brien 世'"),
        ("abc  ", "varchar(15)", "'abc  '"),
        ("0x58", "hierarchyid", "CAST(0x58 AS hierarchyid)"),
        ("0x00FF", "varbinary(max)", "0x00FF"),
        ("2014-06-30 01:02:03.123", "datetime", "'2014-06-30T01:02:03.123'"),
        ("07:00:00.0000000", "time(7)", "'07:00:00.0000000'"),
    ],
)
def test_a_value_of_the_extract_becomes_a_literal(value: Any, sql_type: str, expected: str) -> None:
    assert adventureworks.literal(value, sql_type) == expected


def test_the_extract_is_whole() -> None:
    for table in adventureworks.read_tables(EXTRACT):
        assert sum(rows for _, rows in adventureworks.insert_statements(table)) == table.row_count, table.full_name


def test_tables_of_the_extract_keep_computed_columns_and_lose_xml_when_asked() -> None:
    tables = {table.full_name: table for table in adventureworks.read_tables(EXTRACT, with_xml=False)}
    person = adventureworks.create_table(tables["Person.Person"])
    assert "xml" not in person and "[FirstName] nvarchar(50) NOT NULL" in person
    assert len(tables["Person.Person"].columns) == 11
    orders = adventureworks.create_table(tables["Purchasing.PurchaseOrderHeader"])
    assert "[TotalDue] AS (ISNULL([SubTotal] + [TaxAmt] + [Freight], 0)) PERSISTED NOT NULL" in orders
    assert "[PurchaseOrderID] int IDENTITY(1,1) NOT NULL" in orders


def test_every_row_of_the_extract_can_be_read_back(standin: StandIn) -> None:
    address = database(standin, "AdventureWorks")
    tables = adventureworks.read_tables(EXTRACT)
    with Connection(address) as connection:
        loaded = adventureworks.load(connection, tables)
        assert loaded == {table.full_name: table.row_count for table in tables}
        for table in tables:
            rows = connection.rows(f"SELECT * FROM [{table.schema}].[{table.name}]")
            expected = [json.loads(line) for line in table.file.read_text(encoding="utf-8").splitlines()]
            shown = sorted((_as_json(row, table) for row in rows), key=str)
            names = [column["name"] for column in table.columns]
            assert shown == sorted(([row[name] for name in names] for row in expected), key=str), table.full_name


def _as_json(row: tuple[Any, ...], table: adventureworks.Table) -> list[Any]:
    return [_json_value(value, column["sql_type"]) for value, column in zip(row, table.columns, strict=True)]


def _json_value(value: Any, sql_type: str) -> Any:
    """A client's value in the extract's notation."""
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "milliseconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return f"{value:%H:%M:%S}.{value.microsecond:06d}0"
    if isinstance(value, bytes):
        return "0x" + value.hex().upper()
    if sql_type == "uniqueidentifier":
        return str(value).upper() if value is not None else None
    if isinstance(value, Decimal):
        digits = 4 if "money" in sql_type else int(sql_type.rstrip(")").split(",")[1])
        return f"{value:.{digits}f}"  # pytds drops the zeros of a money
    return value


def test_a_history_leaves_the_same_rows_twice(standin: StandIn) -> None:
    found = []
    for name in ("HistoryA", "HistoryB"):
        with Connection(database(standin, name)) as connection:
            history.create(connection)
            for transaction in History(42).transactions(150):
                history.apply(connection, transaction)
            found.append(all_rows(connection))
    assert found[0] == found[1]
    assert all(len(rows) > 10 for rows in found[0].values())


def test_a_second_history_adds_to_the_first(standin: StandIn) -> None:
    words = ["--database", "Twice", "--create-database", "history", "--transactions", "60"]
    assert run_loader(standin, *words, "--seed", "5") == {"seed": 5, "transactions": 60}
    assert run_loader(standin, *words, "--seed", "5") == {"seed": 5, "transactions": 60}


def test_a_steady_workload_ends_after_its_time_and_keeps_its_rate(standin: StandIn) -> None:
    words = ["--database", "Steady", "--create-database", "steady", "--rate", "20", "--seconds", "2", "--seed", "3"]
    done = run_loader(standin, *words)
    assert 20 <= done["committed"] + done["rolled_back"] <= 41


@pytest.mark.parametrize("way", ["file", "signal"])
def test_a_steady_workload_ends_when_told_to(standin: StandIn, tmp_path: Path, way: str) -> None:
    stop_file = tmp_path / "stop"
    words = ["--database", "Stopped", "--create-database", "steady", "--rate", "50", "--stop-file", str(stop_file)]
    running = subprocess.Popen(
        [sys.executable, "-m", "standin.load", "--port", str(standin.port), *words],
        env={**os.environ, "SQL_SERVER_PASSWORD": standin.password},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("seed ")
        stop_file.touch() if way == "file" else running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=30)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 0
    assert json.loads(output)["seconds"] < 20


def test_one_large_transaction_is_made_by_the_server(standin: StandIn) -> None:
    done = run_loader(standin, "--database", "Large", "--create-database", "bulk", "--rows", "5000", "--update")
    assert done == {"first_key": 1, "inserted": 5000, "updated": 5000}
    with Connection(database(standin, "Large")) as connection:
        counted = "SELECT COUNT(*), MIN([BusinessEntityID]), MAX([BusinessEntityID]) FROM [Person].[Person]"
        assert connection.rows(counted) == [(5000, 1, 5000)]
        assert bulk.next_key(connection) == 5001
