"""People at work: a steady stream of small transactions on three tables of AdventureWorks, in plain T-SQL."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from standin.load import adventureworks
from standin.load.connection import Address, Connection, ensure_database, text

TABLES = ("Person.Person", "Person.EmailAddress", "Production.Product")
_EXTRACT = Path(__file__).resolve().parents[1] / "tests" / "data" / "adventureworks"
_ROWS_EACH = 120
_SEED = 20250109
_FIRST_NEW_PERSON = 20_001
_FIRST = ("Ana", "Ben", "Chloe", "David", "Elif", "Frida", "Gustav", "Hana", "Ivan", "Julia", "Kofi", "Lena")
_LAST = ("Adams", "Bauer", "Costa", "Dubois", "Evans", "Flores", "Greco", "Hansen", "Ito", "Jensen", "Khan", "Lopez")
_TITLES = ("Mr.", "Ms.", "Dr.")


def set_up(address: Address) -> int:
    """Creates the database with CDC and the three tables, and loads some rows; returns how many."""
    ensure_database(address)
    tables = [t for t in adventureworks.read_tables(_EXTRACT, with_xml=False) if t.full_name in TABLES]
    with Connection(address) as connection:
        return sum(adventureworks.load(connection, tables, cdc=True, limit=_ROWS_EACH).values())


def make_last_change(connection: Connection) -> str:
    """One more change; returns the value by which is_captured finds it."""
    value = f"Last change {time.time_ns()}"
    connection.run(f"UPDATE [Person].[Person] SET [LastName] = {text(value)} WHERE [BusinessEntityID] = 1")
    return value


def is_captured(connection: Connection, last_change: str) -> bool:
    """Whether the capture job has read the log up to that change; until then change tables lag behind."""
    count = f"SELECT COUNT(*) FROM cdc.[Person_Person_CT] WHERE [LastName] = {text(last_change)}"
    return connection.value(count) > 0


class Workload:
    """Runs transactions at a rate in a thread of its own until stopped."""

    def __init__(self, address: Address, per_second: float) -> None:
        self._address = address
        self._pause = 1 / per_second
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="workload", daemon=True)
        self._error: Exception | None = None
        self.transactions = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the transaction in hand; raises what went wrong, if anything did."""
        self._stop.set()
        self._thread.join(30)
        self.check()

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            with Connection(self._address) as connection:
                for batch in _batches(random.Random(_SEED)):
                    if self._stop.wait(self._pause):
                        return
                    connection.run(batch)
                    self.transactions += 1
        except Exception as error:
            self._error = error


def _batches(rng: random.Random) -> Iterator[str]:
    """Without end: new people, who change now and then and leave; new prices and addresses; and a rollback."""
    next_person = _FIRST_NEW_PERSON
    present: list[int] = []
    while True:
        kind = rng.random()
        if kind < 0.25 or not present:
            yield _arrive(rng, next_person)
            present.append(next_person)
            next_person += 1
        elif kind < 0.60:
            yield _change_person(rng, rng.choice(present[-6:]))
        elif kind < 0.75:
            yield f"UPDATE [Person].[EmailAddress] SET [EmailAddress] = {text(_email(rng))} WHERE {_person(rng, present)}"
        elif kind < 0.90:
            yield f"UPDATE [Production].[Product] SET [ListPrice] = [ListPrice] + {rng.randrange(1, 9)}.49 WHERE {_product(rng)}"
        elif kind < 0.94:
            yield f"BEGIN TRANSACTION; DELETE FROM [Person].[Person] WHERE {_person(rng, present)}; ROLLBACK TRANSACTION"
        elif len(present) > 4:
            yield _leave(present.pop(rng.randrange(len(present) - 4)))


def _arrive(rng: random.Random, person: int) -> str:
    return (
        "BEGIN TRANSACTION;\n"
        "INSERT INTO [Person].[Person] ([BusinessEntityID], [PersonType], [NameStyle], [FirstName], [LastName],"
        " [EmailPromotion], [rowguid], [ModifiedDate])"
        f" VALUES ({person}, N'IN', 0, {text(rng.choice(_FIRST))}, {text(rng.choice(_LAST))}, 0, NEWID(), GETDATE());\n"
        "INSERT INTO [Person].[EmailAddress] ([BusinessEntityID], [EmailAddress], [rowguid], [ModifiedDate])"
        f" VALUES ({person}, {text(_email(rng))}, NEWID(), GETDATE());\n"
        "COMMIT TRANSACTION"
    )


def _leave(person: int) -> str:
    return (
        "BEGIN TRANSACTION;\n"
        f"DELETE FROM [Person].[EmailAddress] WHERE [BusinessEntityID] = {person};\n"
        f"DELETE FROM [Person].[Person] WHERE [BusinessEntityID] = {person};\n"
        "COMMIT TRANSACTION"
    )


def _change_person(rng: random.Random, person: int) -> str:
    change = rng.choice(
        (
            f"[LastName] = {text(rng.choice(_LAST))}",
            f"[Title] = {text(rng.choice(_TITLES))}",
            f"[EmailPromotion] = {rng.randrange(3)}",
            f"[Title] = {text(rng.choice(_TITLES))}, [EmailPromotion] = {rng.randrange(3)}",
        )
    )
    return f"UPDATE [Person].[Person] SET {change} WHERE [BusinessEntityID] = {person}"


def _person(rng: random.Random, present: list[int]) -> str:
    return f"[BusinessEntityID] = {rng.choice(present)}"


def _product(rng: random.Random) -> str:
    first = rng.randrange(316, 430)
    return f"[ProductID] BETWEEN {first} AND {first + rng.randrange(12)}"


def _email(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST)}.{rng.choice(_LAST)}{rng.randrange(100)}@adventure-works.com".lower()
