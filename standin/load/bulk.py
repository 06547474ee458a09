"""Many rows, made by the server itself: INSERT … SELECT from a table of numbers that doubles."""

from __future__ import annotations

from standin.load.connection import Connection

_NUMBERS = "[dbo].[LoaderNumbers]"


def ensure_numbers(connection: Connection, count: int) -> None:
    """A table, not captured, that has at least the numbers 0 to count - 1."""
    if connection.value("SELECT OBJECT_ID(N'dbo.LoaderNumbers')") is None:
        connection.run(f"CREATE TABLE {_NUMBERS} ([n] int NOT NULL PRIMARY KEY)")
        connection.run(f"INSERT INTO {_NUMBERS} ([n]) VALUES (0)")
    present = int(connection.value(f"SELECT COUNT(*) FROM {_NUMBERS}"))
    while present < count:
        connection.run(f"INSERT INTO {_NUMBERS} ([n]) SELECT [n] + {present} FROM {_NUMBERS}")
        present *= 2


def insert_people(connection: Connection, count: int, first_key: int) -> int:
    """One transaction of `count` inserts into Person.Person with keys from `first_key`; returns the rows."""
    ensure_numbers(connection, count)
    return connection.run(
        "INSERT INTO [Person].[Person] ([BusinessEntityID], [PersonType], [NameStyle], [Title], [FirstName], "
        "[MiddleName], [LastName], [Suffix], [EmailPromotion], [rowguid], [ModifiedDate]) "
        f"SELECT [n] + {first_key}, N'IN', 0, NULL, N'First' + CONVERT(nvarchar(12), [n]), NULL, "
        f"N'Last' + CONVERT(nvarchar(12), [n] + {first_key}), NULL, [n] % 3, "
        "CONVERT(uniqueidentifier, '6F9619FF-8B86-D011-B42D-00C04FC964FF'), '2014-06-30T00:00:00.000' "
        f"FROM {_NUMBERS} WHERE [n] < {count}"
    )


def multiply_people(connection: Connection, copies: int, copies_a_transaction: int) -> int:
    """Inserts every row of Person.Person (keys 1 to 99,999) `copies` times, so many copies in one transaction; each
    with a key, a rowguid and a date of its own. Returns the rows."""
    ensure_numbers(connection, copies)
    columns = "[PersonType], [NameStyle], [Title], [FirstName], [MiddleName], [LastName], [Suffix], [EmailPromotion]"
    rows = 0
    for first in range(0, copies, copies_a_transaction):
        last = min(first + copies_a_transaction, copies)
        rows += connection.run(
            f"INSERT INTO [Person].[Person] ([BusinessEntityID], {columns}, [rowguid], [ModifiedDate]) "
            f"SELECT p.[BusinessEntityID] + 100000 * (k.[n] + 1), {columns.replace('[', 'p.[')}, NEWID(), "
            "DATEADD(second, k.[n], p.[ModifiedDate]) "
            f"FROM {_NUMBERS} AS k CROSS JOIN [Person].[Person] AS p "
            f"WHERE k.[n] >= {first} AND k.[n] < {last} AND p.[BusinessEntityID] < 100000"
        )
    return rows


def update_people(connection: Connection, count: int, first_key: int) -> int:
    """One statement that updates those rows; returns the rows."""
    return connection.run(
        "UPDATE [Person].[Person] SET [EmailPromotion] = [EmailPromotion] + 1 "
        f"WHERE [BusinessEntityID] >= {first_key} AND [BusinessEntityID] < {first_key + count}"
    )


def next_key(connection: Connection) -> int:
    """A key above every one in Person.Person."""
    return int(connection.value("SELECT MAX([BusinessEntityID]) FROM [Person].[Person]") or 0) + 1
