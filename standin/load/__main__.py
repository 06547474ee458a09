"""`python -m standin.load`: loads rows and changes into a SQL Server or the stand-in.

Prints one line of JSON on stdout for what was done. The password comes from the environment's SQL_SERVER_PASSWORD.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytds

from standin.load import adventureworks, bulk, history
from standin.load.connection import Address, Connection, ensure_database
from standin.load.history import History
from standin.load.steady import run_steadily
from standin.load.tables import PERSON

_EXTRACT = Path(__file__).resolve().parents[2] / "tests" / "data" / "adventureworks"
_LOOK_SECONDS = 0.2  # how often a stop file is looked for


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m standin.load", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1433)
    parser.add_argument("--user", default="sa")
    parser.add_argument("--database", required=True)
    parser.add_argument("--create-database", action="store_true", help="create it if it is not there")
    parser.add_argument("--cdc", action="store_true", help="enable CDC for the database and the tables")
    modes = parser.add_subparsers(dest="mode", required=True)

    extract = modes.add_parser("adventureworks", help="the rows of the AdventureWorks extract")
    extract.add_argument("--folder", type=Path, default=_EXTRACT)
    extract.add_argument("--table", action="append", metavar="SCHEMA.TABLE", help="only these; may be repeated")
    extract.add_argument("--without-xml", action="store_true", help="leave xml columns out")
    extract.add_argument("--without-methods", action="store_true", help="leave columns computed by CLR methods out")
    extract.add_argument("--rows", type=int, help="at most so many of each table")

    seeded = modes.add_parser("history", help="a number of random transactions")
    seeded.add_argument("--transactions", type=int, default=1000)
    steady = modes.add_parser("steady", help="random transactions at a rate, until SIGTERM")
    steady.add_argument("--rate", type=float, default=10.0, help="transactions a second; 0: as fast as it goes")
    steady.add_argument("--seconds", type=float, help="default: until told to stop")
    steady.add_argument("--stop-file", type=Path, help="ends when this file appears")
    for mode in (seeded, steady):
        mode.add_argument("--seed", type=int, help="default: a random one, printed")

    large = modes.add_parser("bulk", help="one transaction of many rows into Person.Person")
    large.add_argument("--rows", type=int, default=2_000_000)
    large.add_argument("--update", action="store_true", help="then update all of them in a second transaction")
    return parser.parse_args()


def _load_extract(connection: Connection, arguments: argparse.Namespace) -> dict[str, Any]:
    tables = adventureworks.read_tables(arguments.folder, not arguments.without_xml, not arguments.without_methods)
    if arguments.table:
        wanted = {name.lower() for name in arguments.table}
        tables = [table for table in tables if table.full_name.lower() in wanted]
    return {"rows": adventureworks.load(connection, tables, arguments.cdc, arguments.rows)}


def _seeded(connection: Connection, arguments: argparse.Namespace) -> History:
    """Says its seed first, so that a run that is killed can be repeated."""
    seed = arguments.seed if arguments.seed is not None else int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}", file=sys.stderr, flush=True)
    history.create(connection, cdc=arguments.cdc)
    return History(seed, first_key=history.first_free_key(connection))


def _run_history(connection: Connection, arguments: argparse.Namespace) -> dict[str, Any]:
    seeded = _seeded(connection, arguments)
    for transaction in seeded.transactions(arguments.transactions):
        history.apply(connection, transaction)
    return {"seed": seeded.seed, "transactions": arguments.transactions}


def _run_steady(connection: Connection, arguments: argparse.Namespace) -> dict[str, Any]:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    file: Path | None = arguments.stop_file

    def stopped(pause: float) -> bool:
        while pause > _LOOK_SECONDS:
            if stop.wait(_LOOK_SECONDS) or (file is not None and file.exists()):
                return True
            pause -= _LOOK_SECONDS
        return stop.wait(pause) or (file is not None and file.exists())

    seeded = _seeded(connection, arguments)
    done = run_steadily(connection, seeded, arguments.rate, arguments.seconds, stopped)
    counts = {"committed": done.committed, "rolled_back": done.rolled_back, "seconds": done.seconds}
    return {"seed": seeded.seed, **counts}


def _run_bulk(connection: Connection, arguments: argparse.Namespace) -> dict[str, Any]:
    history.create(connection, (PERSON,), cdc=arguments.cdc)
    first = bulk.next_key(connection)
    done = {"first_key": first, "inserted": bulk.insert_people(connection, arguments.rows, first)}
    if arguments.update:
        done["updated"] = bulk.update_people(connection, arguments.rows, first)
    return done


def main() -> int:
    arguments = _arguments()
    password = os.environ.get("SQL_SERVER_PASSWORD", "")
    address = Address(arguments.host, arguments.port, arguments.user, password, arguments.database)
    run = {"adventureworks": _load_extract, "history": _run_history, "steady": _run_steady, "bulk": _run_bulk}
    try:
        if arguments.create_database:
            ensure_database(address)
        with Connection(address) as connection:
            print(json.dumps(run[arguments.mode](connection, arguments)), flush=True)
    except (pytds.Error, OSError) as error:
        print(f"standin.load {arguments.mode}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
