"""A database whose tables a DBA renames, swaps, drops, captures anew and so on, in an order that a seed decides, with a
workload beside it. Every statement is one that a real server takes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from standin.load.connection import ensure_schemas
from tests.support import dba
from tests.support.dba_ledger import Known, Ledger

if TYPE_CHECKING:
    from tests.e2e.conftest import Database

MASKED = "dbo.People"  # its column mail (column_id 3) is masked by the settings
MAIL = 3
SECRET = "@example.com"
_NAMES = ("dbo.People", "dbo.Orders", "dbo.Items")
_COLUMNS = "id int NOT NULL PRIMARY KEY, n int NOT NULL, mail nvarchar(60) NULL"
_COLUMNS_MAX = 6
_TABLES_MAX = 6


@dataclass
class Source:
    """A source table as it is now. `columns` by column_id."""

    object_id: int
    name: str
    columns: dict[int, str] = field(default_factory=lambda: {1: "id", 2: "n", MAIL: "mail"})
    instances: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    next_id: int = 1


class World:
    """`log` is what happened, statement by statement. `know` says what the state document knows at the moment."""

    def __init__(self, database: Database, reader: str, rng: random.Random, know: Callable[[], Known]) -> None:
        self.database, self.reader, self.rng = database, reader, rng
        self.ledger = Ledger()
        self.log: list[str] = []
        self.sources: list[Source] = []
        self._know = know
        self._numbers = 0
        self._denied: set[str] = set()
        self._blind = False
        ensure_schemas(database.connection, ["Archive"])
        database.run("EXEC sys.sp_cdc_enable_db")
        for name in _NAMES:
            self._capture_on(self._make(name))
        database.capture()

    def act(self) -> None:
        """One act, of those that are possible now."""
        acts = [
            self._rename,
            self._move,
            self._swap,
            self._drop_and_make,
            self._capture_off,
            self._capture_on_again,
            self._capture_on_again,
            self._second_instance,
            self._second_instance,
            self._drop_an_instance,
            self._rename_column,
            self._revoke,
            self._grant,
            self._clean,
            self._clean,
        ]
        while not self._tried(self.rng.choice(acts)):
            pass

    def _tried(self, act: Callable[[], bool]) -> bool:
        known = self._know()
        self.ledger.look(self.database.connection, known)
        done = act()
        if done:
            self.ledger.look(self.database.connection, known)
        return done

    def write(self) -> None:
        """A transaction over a table or two."""
        chosen = self.rng.sample(self.sources, min(len(self.sources), self.rng.choice((1, 1, 2))))
        statements = [statement for source in chosen for statement in self._changes(source)]
        self._run("BEGIN TRANSACTION; " + "; ".join(statements) + "; COMMIT")

    def scan(self) -> None:
        """What was committed is in the change tables, and instances have begun."""
        self.log.append("-- scan")
        self.database.capture()

    def begin(self) -> None:
        """No instance waits for the capture process any more: a run that ends waits for it, too."""
        if self.database.connection.value("SELECT COUNT(*) FROM cdc.change_tables WHERE start_lsn IS NULL"):
            self.scan()

    def grant_all(self) -> None:
        while self._tried(self._grant):
            pass

    def capture_all(self) -> None:
        while self._tried(self._capture_on_again):
            pass

    def settle(self) -> None:
        """Everything is captured, and in the ledger."""
        self.scan()
        self.ledger.look(self.database.connection, self._know())

    # Statements

    def _run(self, *statements: str) -> None:
        for statement in statements:
            self.log.append(statement)
            self.database.run(statement)

    def _changes(self, source: Source) -> list[str]:
        schema_table = source.name
        mail = source.columns[MAIL]
        made = [source.next_id + number for number in range(self.rng.randint(1, 3))]
        source.next_id += len(made)
        rows = ", ".join(f"({one}, {one}, N'{source.object_id}.{one}{SECRET}')" for one in made)
        statements = [f"INSERT INTO {schema_table} (id, n, {mail}) VALUES {rows}"]
        if source.ids and self.rng.random() < 0.6:
            one = self.rng.choice(source.ids)
            statements.append(f"UPDATE {schema_table} SET n = n + 1 WHERE id = {one}")
        if source.ids and self.rng.random() < 0.3:
            one = source.ids.pop(self.rng.randrange(len(source.ids)))
            statements.append(f"DELETE FROM {schema_table} WHERE id = {one}")
        source.ids += made
        return statements

    def _make(self, name: str) -> Source:
        self._run(f"CREATE TABLE {name} ({_COLUMNS})")
        source = Source(dba.object_id(self.database, name), name)
        self.sources.append(source)
        return source

    def _capture_on(self, source: Source, columns: str = "") -> None:
        taken = {instance for one in self.sources for instance in one.instances}
        instance = source.name.replace(".", "_")
        if instance in taken:
            instance = f"{instance}_{self._number()}"
        self._run(dba.capture_on(source.name, instance, columns))
        source.instances.append(instance)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _free_name(self, name: str) -> str:
        """In the same schema: one that was never used, or one that a table had earlier."""
        schema, table = name.split(".")
        taken = {source.name for source in self.sources}
        earlier = [one for one in _NAMES if one.startswith(schema + ".") and one not in taken]
        if earlier and self.rng.random() < 0.5:
            return self.rng.choice(earlier)
        return f"{schema}.{table.split('_')[0]}_{self._number()}"

    def _some(self, *, instances: range) -> Source | None:
        fit = [source for source in self.sources if len(source.instances) in instances]
        return self.rng.choice(fit) if fit else None

    # Acts; each says whether it was possible

    def _rename(self) -> bool:
        source = self.rng.choice(self.sources)
        self._rename_to(source, self._free_name(source.name))
        return True

    def _rename_to(self, source: Source, name: str) -> None:
        self._run(dba.rename(source.name, name.split(".")[1]))
        source.name = name

    def _move(self) -> bool:
        source = self.rng.choice(self.sources)
        schema, table = source.name.split(".")
        there = "Archive" if schema == "dbo" else "dbo"
        if any(one.name == f"{there}.{table}" for one in self.sources):
            return False
        self._run(dba.transfer(source.name, there))
        source.name = f"{there}.{table}"
        return True

    def _swap(self) -> bool:
        """A staging table comes in under the name; it is captured before that, after that, or not yet."""
        if len(self.sources) >= _TABLES_MAX:
            return False
        earlier = self.rng.choice(self.sources)
        name = earlier.name
        staged = self._make(f"{name}_{self._number()}")
        captured = self.rng.choice(("before", "after", "after", "later"))
        if captured == "before":
            self._capture_on(staged)
            if self.rng.random() < 0.5:
                self._run(*self._changes(staged))
                self.scan()
        self._rename_to(earlier, f"{name}_{self._number()}")
        self._rename_to(staged, name)
        if captured == "after":
            self._capture_on(staged)
        return True

    def _drop_and_make(self) -> bool:
        source = self.rng.choice(self.sources)
        self._run(f"DROP TABLE {source.name}")
        self.sources.remove(source)
        made = self._make(source.name)
        if self.rng.random() < 0.8:
            self._capture_on(made)
        return True

    def _capture_off(self) -> bool:
        source = self._some(instances=range(1, 3))
        if source is None:
            return False
        self._run(dba.capture_off(source.name))
        source.instances.clear()
        return True

    def _capture_on_again(self) -> bool:
        source = self._some(instances=range(1))
        if source is None:
            return False
        self._capture_on(source)
        return True

    def _second_instance(self) -> bool:
        source = self._some(instances=range(1, 2))
        if source is None:
            return False
        if self.rng.random() < 0.3:
            self._capture_on(source, "id, n")
            return True
        if len(source.columns) < _COLUMNS_MAX and self.rng.random() < 0.7:
            number = max(source.columns) + 1
            source.columns[number] = f"extra{number}"
            self._run(f"ALTER TABLE {source.name} ADD extra{number} int NULL")
        self._capture_on(source)
        return True

    def _drop_an_instance(self) -> bool:
        source = self._some(instances=range(2, 3))
        if source is None:
            return False
        instance = source.instances.pop(self.rng.choice((0, 0, 1)))
        self._run(dba.capture_off(source.name, instance))
        return True

    def _rename_column(self) -> bool:
        """A captured one cannot be renamed, so capture is off for that long."""
        source = self.rng.choice(self.sources)
        captured = bool(source.instances)
        if captured:
            self._run(dba.capture_off(source.name))
            source.instances.clear()
        number = self.rng.choice([one for one in source.columns if one == MAIL or one > MAIL])
        new = f"{source.columns[number].split('_')[0]}_{self._number()}"
        self._run(dba.rename_column(source.name, source.columns[number], new))
        source.columns[number] = new
        if captured:
            self._capture_on(source)
        return True

    def _revoke(self) -> bool:
        source = self._some(instances=range(1, 3))
        if self.rng.random() < 0.4 and not self._blind:
            self._blind = True
            self._run(f"REVOKE VIEW DEFINITION FROM {self.reader}")
            return True
        if source is None:
            return False
        instance = self.rng.choice(source.instances)
        self._denied.add(instance)
        self._run(f"DENY SELECT ON OBJECT::cdc.[{instance}_CT] TO {self.reader}")
        return True

    def _grant(self) -> bool:
        there = {instance for source in self.sources for instance in source.instances}
        self._denied &= there  # what is dropped takes its rights along
        if self._blind:
            self._blind = False
            self._run(f"GRANT VIEW DEFINITION TO {self.reader}")
            return True
        if not self._denied:
            return False
        instance = self._denied.pop() if len(self._denied) == 1 else self.rng.choice(sorted(self._denied))
        self._denied.discard(instance)
        self._run(f"REVOKE SELECT ON OBJECT::cdc.[{instance}_CT] FROM {self.reader}")
        return True

    def _clean(self) -> bool:
        """Below one of the table's own commits; in all its instances as the cleanup job does it, or in one by hand."""
        source = self._some(instances=range(1, 3))
        if source is None:
            return False
        found = self.database.connection.rows(
            f"SELECT DISTINCT [__$start_lsn] FROM cdc.[{source.instances[0]}_CT] ORDER BY [__$start_lsn]"
        )
        if not found:
            return False
        mark = bytes(self.rng.choice(found)[0])
        for instance in self.rng.choice((source.instances, source.instances[:1], source.instances[-1:])):
            words = f"@capture_instance = N'{instance}', @low_water_mark = 0x{mark.hex()}"
            self._run(f"EXEC sys.sp_cdc_cleanup_change_table {words}")
        return True
