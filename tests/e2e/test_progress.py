"""What a person sees who runs the program on a terminal."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from tests.e2e.conftest import Database
from tests.support.program import BINARY, Program
from tests.support.small_tables import ODD_COLUMNS

_COLUMNS = 60


def _size(file: int, columns: int) -> None:
    fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


class Screen:
    """The little that a terminal must understand to show the program's progress. Another control sequence than those
    that erase, move up or colour fails the test."""

    def __init__(self) -> None:
        self.lines = [""]
        self.row = 0
        self.pictures = 0  # how often something was drawn anew
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""

    def feed(self, part: bytes) -> None:
        text = self._rest + self._decoder.decode(part)
        cut = re.search(r"\x1b(\[[0-9;]*)?$", text)  # a sequence that is not over
        self._rest = cut[0] if cut else ""
        text = text.removesuffix(self._rest)
        for token in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+|\x1b", text):
            if token == "\n":
                self._down()
            elif match := re.fullmatch(r"\x1b\[(\d+)A", token):
                self.row -= int(match[1])
                assert self.row >= 0, "moved above what it had written"
                self.pictures += 1
            elif token == "\x1b[J":
                self.lines[self.row :] = [""]
            elif token != "\r" and not re.fullmatch(r"\x1b\[[0-9;]*m", token):
                assert not token.startswith("\x1b"), repr(token)
                self._write(token)

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    def _write(self, text: str) -> None:
        """What does not fit goes on in the next row."""
        while text:
            room = _COLUMNS - len(self.lines[self.row])
            if room == 0:
                self._down()
                continue
            self.lines[self.row] += text[:room]
            text = text[room:]

    def text(self) -> str:
        return "\n".join(self.lines)


class Session:
    """The program with a terminal of 60 columns."""

    def __init__(self, program: Program, *words: str, **settings: str) -> None:
        self.screen = Screen()
        self._ours, theirs = pty.openpty()
        _size(theirs, _COLUMNS)
        environment = {**program._environment(settings), "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [BINARY, *words], cwd=program.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        program.process = self.process  # ended with the test

    def read(self, until: str, seconds: float = 30) -> None:
        """Feeds the screen until `until` is to be read there; "" until the program has ended."""
        end = time.monotonic() + seconds
        while not until or until not in self.screen.text():
            assert time.monotonic() < end, f"{until!r} never appeared:\n{self.screen.text()}"
            ready, _, _ = select.select([self._ours], [], [], 0.2)
            if not ready:
                continue
            try:
                part = os.read(self._ours, 1 << 16)
            except OSError:  # how Linux says that the last one has closed the other side
                part = b""
            if not part:
                assert not until, f"it ended without {until!r}:\n{self.screen.text()}"
                break
            self.screen.feed(part)

    def end(self) -> int:
        self.read("")
        os.close(self._ours)
        return self.process.wait(20)


@pytest.fixture
def shop(database: Database) -> Database:
    database.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, label nvarchar(40) NULL)")
    database.enable("dbo", "Orders")
    database.run("INSERT INTO dbo.Orders VALUES (1, N'a'), (2, N'b')")
    database.capture()
    return database


def test_run_once_shows_progress_and_ends_with_one_line(shop: Database, program: Program) -> None:
    session = Session(program, "run", "--once")
    assert session.end() == 0
    shown = "".join(session.screen.lines)
    assert re.fullmatch(rf"{shop.name}: 2 rows in 1 object \(.* KiB\) in [\d.]+ s; 1 of 1 table complete", shown), shown


def test_run_redraws_in_place_and_leaves_a_tidy_screen(shop: Database, program: Program) -> None:
    session = Session(program, "run", "--interval", "200ms")
    session.read("rows    2 · ")
    session.read("nothing is left over")
    assert "tables  1 complete" in session.screen.text()
    assert session.screen.lines[0].startswith(f"{shop.name} → ")
    shop.run("INSERT INTO dbo.Orders VALUES (3, N'c')")
    shop.capture()
    session.read("rows    3 · ")
    assert session.screen.pictures >= 2
    assert session.screen.text().count("tables  1 complete") == 1
    session.process.send_signal(signal.SIGINT)
    assert session.end() == 0
    shown = "".join(session.screen.lines)
    assert "stopping signal=SIGINT" in shown
    assert "3 rows in 2 objects" in shown
    assert "tables  1 complete" not in shown, session.screen.text()


def test_warnings_stand_above_the_picture(shop: Database, program: Program) -> None:
    shop.run(f"CREATE TABLE dbo.Odd {ODD_COLUMNS}")
    shop.enable("dbo", "Odd")
    shop.capture()
    session = Session(program, "run", "--interval", "200ms")
    session.read("stopped dbo.Odd: ")
    shown = "".join(session.screen.lines)
    assert shown.index("table_stopped table=dbo.Odd") < shown.index(f"{shop.name} → ")
    session.process.send_signal(signal.SIGTERM)
    assert session.end() == 0


def test_a_terminal_that_shall_have_events_gets_them(shop: Database, program: Program) -> None:
    session = Session(program, "run", "--once", CDC_RUN_LOG_FORMAT="json", CDC_RUN_LOG_LEVEL="warn")
    assert session.end() == 0
    assert session.screen.text().strip() == ""
