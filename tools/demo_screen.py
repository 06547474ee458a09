"""What the demo prints: steps with their time, one line of progress that moves on a terminal, and tables."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence

_QUIET_SECONDS = 2.0  # between two lines of progress where lines cannot be overwritten


class Screen:
    """Prints to stdout; times are seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._width = min(shutil.get_terminal_size((80, 24)).columns, 100)
        self._moving = False
        self._last_progress = 0.0

    def bold(self, text: str) -> str:
        return f"\033[1m{text}\033[0m" if self._terminal and "NO_COLOR" not in os.environ else text

    def say(self, text: str = "") -> None:
        if self._moving:
            print()
            self._moving = False
        print(text, flush=True)

    def step(self, text: str) -> None:
        """A new step, with the time at which it begins."""
        self.say(f"[{time.monotonic() - self._started:4.0f} s] {text}")

    def progress(self, text: str) -> None:
        """How far the step is: overwrites itself on a terminal, and is a line now and then elsewhere."""
        text = f"         {text}"[: self._width - 1]
        if self._terminal:
            print(f"\r\033[K{text}", end="", flush=True)
            self._moving = True
        elif time.monotonic() - self._last_progress > _QUIET_SECONDS:
            self._last_progress = time.monotonic()
            print(text, flush=True)

    def heading(self, text: str) -> None:
        self.say()
        self.say(self.bold(text))

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[object]], left: int = 1) -> None:
        """The first `left` columns are flush left, the others flush right."""
        cells = [[str(cell) for cell in row] for row in (heads, *rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
        for row in cells:
            padded = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
            self.say(("  " + "  ".join(padded).rstrip())[: self._width])
