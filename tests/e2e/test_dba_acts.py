"""A DBA's everyday acts in random order, beside a workload and kills of the program: every change row arrives once, in
one folder and masked as the settings say, or lies in a recorded gap, or its table is told by name with exit code 3.

12 schedules by default, CDC_TEST_DBA_SCHEDULES=50 for 50. Each prints its seed; CDC_TEST_SEED=<n> repeats it, and the
statements that it consists of are printed when it fails. tests/support/dba_world.py knows the acts, dba_judge.py what
must be true."""

from __future__ import annotations

import os
import random
import re
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Database, Server
from tests.support.dba_judge import Captured, Case, Delivered
from tests.support.dba_ledger import ALL, Known
from tests.support.dba_world import MAIL, MASKED, World
from tests.support.drivers import drivers
from tests.support.folder_target import FolderTarget
from tests.support.program import Ended, Program
from tests.support.small_tables import document
from tests.support.workload import random_of

SCHEDULES = int(os.environ.get("CDC_TEST_DBA_SCHEDULES", "12"))
_MASK_KEY = "0123456789abcdef0123456789abcdef"
_PASSWORD = "Weak-Login-1"
_PLACES = ("read_not_claimed", "claimed_not_put", "put_not_confirmed", "recovered_not_put")
_KILLED = -signal.SIGKILL
_FOLLOW = re.compile(r"cdc-to-s3 follow (\S+) --yes")


class Schedule:
    """One run of acts, changes and starts of the program, to its end."""

    def __init__(self, server: Server, folder: Path, rng: random.Random) -> None:
        self.rng = rng
        self.database = Database(server, f"Shop_{uuid.uuid4().hex[:8]}")
        self.target = FolderTarget(folder / "lake")
        self.target.folder.mkdir()
        self.reader = f"reader_{self.database.name}"
        self.folders: dict[int, set[str]] = {}  # of the source tables that the state document has ever known
        self.masked: set[int] = set()
        self.world = World(self.database, self.reader, rng, self._know)
        self.database.run(
            f"CREATE LOGIN {self.reader} WITH PASSWORD = '{_PASSWORD}'",
            f"CREATE USER {self.reader} FOR LOGIN {self.reader}",
            f"GRANT SELECT ON SCHEMA::cdc TO {self.reader}",
            f"GRANT VIEW DEFINITION TO {self.reader}",
        )
        home = folder / "program"
        home.mkdir()
        column = rng.choice(("mail", "mail*"))  # renamed, it is covered no more, or still
        rules = f'[table."{MASKED}".column."{column}"]\nmask = "hash"\n'
        (home / "cdc-to-s3.toml").write_text(rules, encoding="utf-8")
        self.program = Program(home, {**server.program, **self._settings()})

    def _settings(self) -> dict[str, str]:
        return {
            "SQL_SERVER_DATABASE": self.database.name,
            "SQL_SERVER_USER": self.reader,
            "SQL_SERVER_PASSWORD": _PASSWORD,
            "SQL_SERVER_DRIVER": drivers()[self.rng.choice(list(drivers()))],
            "CDC_TARGET_URL": self.target.url,
            "CDC_TARGET_PATH": "{database}/{schema}/{table}/cdc",
            "CDC_TYPES_MASK_KEY": _MASK_KEY,
            "CDC_SOURCE_ON_GAP": self.rng.choice(("stop", "continue")),
            "CDC_SOURCE_ON_REPLACE": self.rng.choice(("stop", "follow")),
            "CDC_RUN_MAX_OBJECT_ROWS": self.rng.choice(("2", "5", "1000")),
        }

    def run(self) -> None:
        self._once()
        for _ in range(self.rng.randint(4, 7)):
            self._some_steps(self.rng.randint(1, 3))
            self.rng.choice((self._once, self._crash, self._crash, self._daemon))()
        if self.rng.random() < 0.7:
            self.world.grant_all()
        self.world.settle()
        self._judge(self._once())
        # As the messages say: everything is delivered then, but tables whose hidden column has another name.
        self.world.grant_all()
        self.world.capture_all()
        for _ in range(2):
            self._help()
            self.world.write()
            self.world.settle()
            last = self._once()
            self._judge(last)
        self._assert_no_dead_end(last)

    def _assert_no_dead_end(self, last: Ended) -> None:
        """What is told still is a hidden column that has another name now, or a table that is there no more."""
        entries = document(self.database, self.target)["tables"]
        alive = {source.object_id for source in self.world.sources}
        dropped = [name for name, entry in entries.items() if entry["source_object_id"] not in alive]
        told = [line.removeprefix("cdc-to-s3: ") for line in last.text.splitlines() if line.startswith("cdc-to-s3: ")]
        ends = [line for line in told if "mask =" not in line and line.split(": ")[0] not in dropped]
        assert ends == [], "\n".join(["a dead end:", *ends])

    def end(self) -> None:
        self.program.kill()
        self.database.run(f"DROP LOGIN {self.reader}")
        self.database.drop()

    def _some_steps(self, acts: int) -> None:
        """So many acts, with transactions and scans between them."""
        for _ in range(acts):
            for _ in range(self.rng.randint(0, 2)):
                self.world.write()
            if self.rng.random() < 0.6:
                self.world.scan()
            self.world.act()
            self.world.write()
            if self.rng.random() < 0.7:
                self.world.scan()

    # Starts of the program

    def _log(self, what: str) -> None:
        self.world.log.append(f"-- {what}")

    def _once(self) -> Ended:
        self.world.begin()
        self._log("run --once")
        ended = self.program.call("run", "--once")
        self._log(f"ended with {ended.code}")
        assert ended.code in (0, 3), ended.text
        self._know()
        return ended

    def _crash(self) -> None:
        self.world.begin()
        where = f"{self.rng.choice(_PLACES)}:{self.rng.randint(1, 3)}"
        self._log(f"run --once up to {where}")
        ended = self.program.call("run", "--once", CDC_CRASH_AT=where)
        self._log(f"ended with {ended.code}")
        assert ended.code in (0, 3, _KILLED), ended.text
        self._know()

    def _daemon(self) -> None:
        """It runs through an act or two, and is killed or stopped at any moment."""
        self._log("run")
        process = self.program.start("--interval", "100ms")
        self._some_steps(self.rng.randint(1, 2))
        time.sleep(self.rng.uniform(0, 0.4))
        assert process.poll() is None, f"the program ended with {process.returncode}\n{self.program.log_text()}"
        if self.rng.random() < 0.7:
            self._log("kill -9")
            self.program.kill()
        else:
            self._log("stop")
            # Before it is up, SIGTERM ends it as it ends any process.
            assert self.program.stop() in (0, 3, -signal.SIGTERM), self.program.log_text()
        self._know()

    def _help(self) -> None:
        """Follows what the program says of tables that it cannot go on with by itself."""
        said = self.program.call("status", "--offline").text + self.program.call("run", "--once").text
        self._know()
        for name in sorted(set(_FOLLOW.findall(said))):
            self._log(f"follow {name} --yes")
            ended = self.program.call("follow", name, "--yes")
            assert ended.code == 0, ended.text
        self._log("accept-gap --all --yes")
        ended = self.program.call("accept-gap", "--all", "--yes")
        assert ended.code in (0, 3), ended.text
        self._know()

    # What is known, and what is right

    def _know(self) -> Known:
        """What the state document answers for. Folders, and tables whose entry is masked, are remembered."""
        known: dict[int, bytes] = {}
        if not self.target.keys(self.target.state_key(self.database.name)):
            return known
        tables = document(self.database, self.target)["tables"]
        for name, entry in tables.items():
            for earlier in entry.get("earlier_tables", []):
                known[earlier["source_object_id"]] = bytes.fromhex(earlier["through"][:20])
            source = entry["source_object_id"]
            self.folders.setdefault(source, set()).add(entry["folder"])
            if name == MASKED:
                self.masked.add(source)
        return {**known, **{entry["source_object_id"]: ALL for entry in tables.values()}}

    def _judge(self, last: Ended) -> None:
        delivered = Delivered()
        for folder in sorted({key.rsplit("/", 1)[0] + "/" for key in self.target.keys(f"{self.database.name}/")}):
            delivered.read(folder, [self.target.get(key) for key in self.target.keys(folder)])
        captured = {one.object_id: Captured(one.name, one.instances) for one in self.world.sources if one.instances}
        tables = document(self.database, self.target)["tables"]
        case = Case(
            ledger=self.world.ledger,
            delivered=delivered,
            captured=captured,
            document=tables,
            folders=self.folders,
            masked=self.masked,
            mail=MAIL,
            mask_key=_MASK_KEY,
            said=last.text,
            code=last.code,
        )
        wrong = case.wrong()
        assert wrong == [], "\n".join(["what is wrong:", *wrong[:20], "last words:", last.text])


@pytest.fixture
def schedule(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Iterator[Schedule]:
    made = Schedule(server, tmp_path, random_of(request.node.name))
    yield made
    print("\n".join(made.world.log))  # shown when it fails
    made.end()


@pytest.mark.parametrize("number", range(SCHEDULES))
def test_a_dbas_acts_lose_double_and_show_nothing(schedule: Schedule, number: int) -> None:
    schedule.run()
