"""Tables of values: how each is written in T-SQL, and what a client ought to read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.support.tds_clients import Cell

Values = list[tuple[str, Cell]]  # T-SQL expression, what it reads as


@dataclass(frozen=True)
class Case:
    """A column of a table. `base` is its type without arguments; `code_page` is that of its collation, if it has one."""

    name: str
    type: str
    values: Values
    base: str = ""
    code_page: str = ""

    @property
    def is_legacy(self) -> bool:
        return self.base in ("text", "ntext", "image")

    @property
    def is_large(self) -> bool:
        """Whether CDC leaves a value out of an update's first image when the update does not change it."""
        documents = ("xml", "json", "geometry", "geography")
        return self.is_legacy or "(max)" in self.type or self.base in documents


@dataclass(frozen=True)
class Table:
    """`has_nulls`: a column with fewer values than the others has NULLs after them, and so has a last row of all."""

    name: str
    cases: list[Case]
    has_nulls: bool = True

    @property
    def row_count(self) -> int:
        return max(len(case.values) for case in self.cases) + self.has_nulls

    def value(self, case: Case, row: int) -> tuple[str, Cell | None]:
        if not self.has_nulls:
            return case.values[row % len(case.values)]
        return case.values[row] if row < len(case.values) else ("NULL", None)

    def next_value(self, case: Case, row: int) -> Cell | None:
        """What the row has after `update`."""
        return self.value(case, (row + 1) % self.row_count)[1]

    def update(self) -> str:
        """Gives each row the values of the next one, the last row those of the first."""
        changes = ", ".join(f"[{case.name}] = g.[{case.name}]" for case in self.cases)
        joined = f"dbo.[{self.name}] AS t JOIN dbo.[copy of {self.name}] AS g ON g.id = (t.id + 1) % {self.row_count}"
        return f"UPDATE t SET {changes} FROM {joined}"

    def definition(self) -> str:
        columns = ", ".join(f"[{case.name}] {case.type} NULL" for case in self.cases)
        return f"CREATE TABLE dbo.[{self.name}] (id int NOT NULL PRIMARY KEY, {columns})"

    def inserts(self) -> Iterable[str]:
        names = ", ".join(f"[{case.name}]" for case in self.cases)
        for row in range(self.row_count):
            values = ", ".join(self.value(case, row)[0] for case in self.cases)
            yield f"INSERT INTO dbo.[{self.name}] (id, {names}) VALUES ({row}, {values})"


def case_of(name: str, declared: str, values: Values, code_page: str = "") -> Case:
    return Case(name, declared, values, declared.partition("(")[0].partition(" ")[0], code_page)
