"""How large objects are, beside what others write at their defaults: `make bench-size`.

Five tables are delivered by the program into a folder. DuckDB, polars and pyarrow then write each object's rows anew with
their own defaults: the same columns, in the same order. Printed is what each takes, in bytes a row.

In the environment: SHARE (1), the part of each table's rows."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bench.measure import Run
from bench.measure import run as measured
from bench.report import say
from bench.size_tables import TABLES, Made
from bench.world import circumstances
from standin.harness import StandIn
from standin.load import adventureworks, bulk
from standin.load.connection import Address, Connection, enable_cdc, ensure_database
from tests.support.program import BINARY, ROOT

_DATABASE = "Sizes"
_ROWS_A_STATEMENT = 500
_PEOPLE = 100_000
_RUN_SECONDS = 600.0


def _pyarrow(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path)


def _polars(table: pa.Table, path: Path) -> None:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    frame.write_parquet(path)


def _duckdb(table: pa.Table, path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("rows_to_write", table)
        connection.execute(f"COPY rows_to_write TO '{path}' (FORMAT parquet)")


_OTHERS: dict[str, Callable[[pa.Table, Path], None]] = {
    f"DuckDB {duckdb.__version__}": _duckdb,
    f"polars {pl.__version__}": _polars,
    f"pyarrow {pa.__version__}": _pyarrow,
}


@dataclass(frozen=True)
class Sizes:
    what: str
    rows: int
    group_rows: int  # of the first row group
    ours: float  # bytes a row
    theirs: dict[str, float]


def _fill(connection: Connection, made: Made, share: float) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in made.columns.items())
    connection.run(f"CREATE TABLE dbo.{made.name} (id int NOT NULL PRIMARY KEY, {columns})")
    enable_cdc(connection, [("dbo", made.name)])
    rows = itertools.islice(made.literals(), round(made.rows * share))
    while statement := [f"({', '.join(literals)})" for literals in itertools.islice(rows, _ROWS_A_STATEMENT)]:
        connection.run(f"INSERT INTO dbo.{made.name} VALUES {', '.join(statement)}")


def _fill_people(connection: Connection, share: float) -> None:
    tables = adventureworks.read_tables(ROOT / "tests/data/adventureworks", with_xml=False)
    adventureworks.load(connection, [table for table in tables if table.full_name == "Person.Person"])
    enable_cdc(connection, [("Person", "Person")])
    bulk.multiply_people(connection, max(1, round(_PEOPLE * share) // 400), copies_a_transaction=25)


def deliver(stand_in: StandIn, folder: Path) -> Run:
    """All tables, by the program, into `folder`."""
    settings = {
        "SQL_SERVER_HOST": f"{stand_in.host},{stand_in.port}",
        "SQL_SERVER_DATABASE": _DATABASE,
        "SQL_SERVER_USER": stand_in.user,
        "SQL_SERVER_PASSWORD": stand_in.password,
        "SQL_SERVER_DRIVER": "{FreeTDS}",
        "CDC_SOURCE_ENCRYPT": "no",
        "CDC_TARGET_URL": f"file://{folder}",
    }
    done = measured([str(BINARY), "run", "--once"], settings, folder, "", _RUN_SECONDS)
    assert done.code == 0, done.err or done.out
    return done


def sizes_of(what: str, objects: Iterable[Path], scratch: Path) -> Sizes:
    """Of one table's objects; the others write the rows of each into one file, too."""
    objects = sorted(objects)
    ours = 0
    theirs = dict.fromkeys(_OTHERS, 0)
    rows = 0
    for path in objects:
        table = pq.read_table(path).replace_schema_metadata()
        ours += path.stat().st_size
        rows += table.num_rows
        for name, write in _OTHERS.items():
            write(table, scratch / "theirs.parquet")
            theirs[name] += (scratch / "theirs.parquet").stat().st_size
    group_rows = pq.read_metadata(objects[0]).row_group(0).num_rows
    return Sizes(what, rows, group_rows, ours / rows, {name: size / rows for name, size in theirs.items()})


def table_of(found: Iterable[Sizes]) -> str:
    """In Markdown."""
    names = list(_OTHERS)
    lines = [
        f"| Table | Rows | Row group | cdc-to-s3 | {' | '.join(names)} |",
        f"|---|---|---|---|{'---|' * len(names)}",
    ]
    for one in found:
        theirs = " | ".join(f"{one.theirs[name]:.1f}" for name in names)
        lines.append(f"| {one.what} | {one.rows} | {one.group_rows} | {one.ours:.1f} | {theirs} |")
    return "\n".join(lines)


def main() -> int:
    share = float(os.environ.get("SHARE", "1"))
    with tempfile.TemporaryDirectory(prefix="cdc-to-s3-size-") as name:
        folder = Path(name)
        (folder / "lake").mkdir()
        with StandIn(options=["--capture-interval", "0"], log=folder / "stand-in.log") as stand_in:
            address = Address(stand_in.host, stand_in.port, stand_in.user, stand_in.password, _DATABASE)
            ensure_database(address)
            with Connection(address) as connection:
                _fill_people(connection, share)
                for made in TABLES:
                    say(f"filling {made.name}")
                    _fill(connection, made, share)
                connection.run("EXEC sys.sp_cdc_scan")
            done = deliver(stand_in, folder / "lake")
        say(f"delivered: CPU {done.cpu_seconds:.2f} s, peak memory {done.peak_mib:.0f} MiB; {circumstances()}")
        names = {"Person": "Person.Person of AdventureWorks", **{made.name: made.what for made in TABLES}}
        found = [
            sizes_of(what, (folder / "lake" / _DATABASE / table / "cdc").glob("*.parquet"), folder)
            for table, what in names.items()
        ]
    print(table_of(found))
    print(f"\n{circumstances()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
