"""Lets clang check what src/base/thread_annotations.h says: which mutex guards what. Reads every source that
names base/mutex.h, directly or in its own header, without making anything of it. `make thread-safety`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPILER = "clang++-19"
# A check that finds nothing must first show that it can.
BROKEN = """#include "base/mutex.h"
struct Counter {
  int Read() { return count; }
  cdc::Mutex mutex;
  int count GUARDED_BY(mutex) = 0;
};
"""


def sources(root: Path) -> list[Path]:
    """Sources whose mutexes are annotated; a header without a source of its own stands for itself."""
    found = set()
    for path in [*root.glob("src/**/*.cc"), *root.glob("src/**/*.h")]:
        if '#include "base/mutex.h"' in path.read_text(encoding="utf-8"):
            source = path.with_suffix(".cc")
            found.add(source if source.exists() else path)
    return sorted(found)


def flags(build: Path) -> list[str]:
    """What any source of the program needs to be read: standard, definitions, where headers are."""
    found: dict[str, None] = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        words = shlex.split(entry["command"])
        for word, following in zip(words, [*words[1:], ""], strict=True):
            if word == "-isystem":
                found[f"-isystem{following}"] = None
            elif word.startswith(("-I", "-std", "-DCDC_VERSION")):
                found[word] = None
    return list(found)


def check(words: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    command = [COMPILER, "-fsyntax-only", "-Wthread-safety", "-Werror=thread-safety", "-Wno-pragma-once-outside-header"]
    return subprocess.run([*command, *words], input=text, cwd=ROOT, capture_output=True, text=True, check=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="folder of compile_commands.json")
    known = flags(parser.parse_args().build)
    broken = check([*known, "-x", "c++", "-"], BROKEN)
    if broken.returncode == 0 or "requires holding mutex" not in broken.stderr:
        print(f"thread-safety: {COMPILER} does not find an unguarded read:\n{broken.stderr}", file=sys.stderr)
        return 1
    chosen = sources(ROOT)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda path: check([*known, "-x", "c++", str(path.relative_to(ROOT))]), chosen))
    for result in results:
        print(result.stderr, end="", file=sys.stderr)
    bad = sum(result.returncode != 0 for result in results)
    print(f"thread-safety: {len(chosen)} sources, {bad} with findings")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
