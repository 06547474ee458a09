"""Shows cdc-to-s3 at work: a database, a workload, a crash in the middle, and the proof that nothing is missing.

`make demo` builds the program and calls this. Everything runs on loopback and is gone afterwards.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from standin.load.connection import Connection
from tools import demo_proof as proof
from tools.demo_screen import Screen
from tools.demo_workload import TABLES, Workload, is_captured, make_last_change, set_up
from tools.demo_world import BUCKET, DATABASE, DemoError, World

_TRANSACTIONS_PER_SECOND = 25.0
_ROUNDS_BEFORE_CRASH = 3
_OBJECTS_BEFORE_KILL = 15
_OBJECTS_WANTED = 24
_WAIT_SECONDS = 60.0
_SHOWN_CHANGES = 5
_PERSON_COLUMNS = ("FirstName", "LastName", "Title", "EmailPromotion")


def wait_until(screen: Screen, what: str, tell: Callable[[], tuple[bool, str]]) -> None:
    """Polls until `tell` says that it is so, showing what it says. DemoError after _WAIT_SECONDS."""
    give_up = time.monotonic() + _WAIT_SECONDS
    while True:
        done, text = tell()
        screen.progress(text)
        if done:
            return
        if time.monotonic() > give_up:
            raise DemoError(f"{what}: not after {_WAIT_SECONDS:.0f} s ({text})")
        time.sleep(0.25)


def watch_objects(screen: Screen, world: World, workload: Workload, until: Callable[[int], bool]) -> None:
    """Shows how the bucket fills, until enough files are there or the program has crashed as it was told to."""

    def tell() -> tuple[bool, str]:
        workload.check()
        found = proof.objects(world.s3(), BUCKET, DATABASE)
        names = {name: len(proof.folder_of(found, DATABASE, name).names) for name in TABLES}
        counts = ", ".join(f"{name.split('.')[1]} {count}" for name, count in names.items())
        done = until(len(found))
        if not done:
            world.check_program()
        return done, f"{workload.transactions} transactions, {len(found)} files: {counts}"

    wait_until(screen, "files in the bucket", tell)


def run(screen: Screen, world: World) -> bool:
    """The demo up to its last screen; whether the proof holds."""
    screen.step("Starting a stand-in for SQL Server and an S3 server on this machine")
    world.start_servers()
    rows = set_up(world.address())
    screen.step(f"Database {DATABASE}: 3 tables captured by CDC, {rows} rows loaded")

    screen.step(f"Starting a workload and `cdc-to-s3 run` (settings: a .env of {len(_settings(world))} lines)")
    workload = Workload(world.address(), _TRANSACTIONS_PER_SECOND)
    workload.start()
    world.start_program(crash_at=f"claimed_not_put:{_ROUNDS_BEFORE_CRASH}")
    watch_objects(screen, world, workload, until=lambda found: world.has_crashed())

    screen.step("kill -9 at the worst moment: files were claimed, none of them written")
    claimed = world.unconfirmed_claims()
    world.start_program()
    watch_objects(screen, world, workload, until=lambda found: found >= _OBJECTS_BEFORE_KILL)
    recovered = world.events("claim_recovered")
    screen.step(f"Started again: it first wrote {recovered} of the {claimed} claimed files, then went on")

    screen.step("kill -9 at any moment, while the workload goes on")
    world.kill_program()
    time.sleep(1)
    screen.step("Started again")
    world.start_program()
    watch_objects(screen, world, workload, until=lambda found: found >= _OBJECTS_WANTED)

    screen.step(f"Stopping the workload ({workload.transactions} transactions) and the program")
    workload.stop()
    world.stop_program()
    with world.connect() as connection:
        last = make_last_change(connection)
        wait_until(
            screen, "the last change captured", lambda: (is_captured(connection, last), "waiting for the capture job")
        )
        screen.step("`cdc-to-s3 run --once`: catching up to the newest change")
        world.run_once()
        screen.step("Reading all files with DuckDB, comparing them with the change tables")
        return last_screen(screen, world, connection)


def _settings(world: World) -> list[str]:
    return (world.folder / ".env").read_text(encoding="utf-8").splitlines()


def _contents(reader: proof.Reader, folder: proof.Folder) -> tuple[object, ...]:
    by_operation = reader.operations(folder)
    counts = [by_operation.get(kind, 0) for kind in (proof.INSERT, proof.AFTER, proof.DELETE)]
    first, newest = (name.removeprefix(f"{folder.table}_cdc_").removesuffix(".parquet") for name in folder.ends)
    return (folder.table, len(folder.names), folder.bytes // 1024, *counts, f"{first}-{newest.partition('_')[2]}")


def last_screen(screen: Screen, world: World, connection: Connection) -> bool:
    s3 = world.s3()
    found = proof.objects(s3, BUCKET, DATABASE)
    folders = [proof.folder_of(found, DATABASE, name) for name in TABLES]
    proof.download(s3, BUCKET, list(found), world.folder / "downloaded")
    reader = proof.Reader(world.folder / "downloaded", DATABASE)

    screen.heading(f"In the bucket: s3://{BUCKET}/{DATABASE}/<table>/cdc/<table>_cdc_<time>.parquet")
    screen.table(
        ("table", "files", "KiB", "insert", "update", "delete", "<time>: first-newest     "),
        [_contents(reader, folder) for folder in folders],
    )

    person = reader.busiest(folders[0], "BusinessEntityID")
    told = proof.life_of(reader, folders[0], _PERSON_COLUMNS, f'"BusinessEntityID" = {person}')
    screen.heading(f"One person, number {person}, as the files tell it ({len(told)} changes, UTC)")
    if len(told) > _SHOWN_CHANGES:
        told = [*told[: _SHOWN_CHANGES - 1], told[-1]]
    screen.table(("time", "what", "changed"), told, left=3)

    screen.heading("Is every change there, exactly once? (an update is two rows: before and after)")
    verdicts = [proof.compare(connection, reader, folder) for folder in folders]
    screen.table(
        ("table", "in SQL Server", "in files", "missing", "twice", "altered", "in order"),
        [
            (f.table, v.in_server, v.in_files, v.missing, v.twice, v.different, "yes" if v.in_order else "NO")
            for f, v in zip(folders, verdicts, strict=True)
        ],
    )
    good = all(verdict.good for verdict in verdicts)
    total = sum(verdict.in_files for verdict in verdicts)
    screen.say()
    screen.say(
        screen.bold(f"Yes: {total} rows, each there once and in order, though the program was killed.")
        if good
        else screen.bold("NO: the files are not what the change tables hold.")
    )
    screen.say("Your own server: put its name and login and your bucket into .env (README.md),")
    screen.say("then: build/cdc-to-s3 check, and when it is content: build/cdc-to-s3 run")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, default=Path("build/cdc-to-s3"))
    arguments = parser.parse_args()
    if not arguments.program.exists():
        print(f"demo: {arguments.program} is not there; `make demo` builds it first", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):  # what was started ends with us, however we end
        signal.signal(number, lambda *_: sys.exit(128 + signal.SIGTERM))
    screen = Screen()
    try:
        with World(arguments.program) as world:
            if run(screen, world):
                return 0
            raise DemoError("the proof failed")
    except KeyboardInterrupt:
        screen.say()
        screen.say("Stopped; everything that was started has ended.")
        return 130
    except Exception as error:  # whatever it was, the person at the screen needs the logs
        screen.say()
        print(f"demo: {type(error).__name__}: {error}", file=sys.stderr)
        for name, lines in world.log_tails():
            print(f"demo: the end of {name}:", file=sys.stderr)
            print("".join(f"  | {line}\n" for line in lines), end="", file=sys.stderr)
        print(f"demo: all logs are in {world.folder}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
