"""clang-tidy over the C++ sources that a change touches, the newest first, for a bounded time; names those that it
did not come to. `make tidy-changed`; `make tidy` looks at all of them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMITS_MAX = 20  # where there is no branch to compare with


def git(root: Path, *words: str) -> str | None:
    """What git says; None where it refuses."""
    result = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else None


def base_of(root: Path) -> str:
    """Where the change begins: it left origin/main there, or else some commits ago; "" for all that there is."""
    here = git(root, "rev-parse", "HEAD")
    fork = git(root, "merge-base", "HEAD", "origin/main")
    if fork and fork != here:
        return fork
    commits = (git(root, "rev-list", f"--max-count={COMMITS_MAX + 1}", "HEAD") or "").split()
    return commits[-1] if len(commits) > COMMITS_MAX else ""


def changed(root: Path, base: str) -> list[Path]:
    """Sources of the program that changed since `base`, or whose header did; the newest change first."""
    names = (git(root, "diff", "--name-only", "HEAD", "--", "src") or "").splitlines()
    names += (git(root, "ls-files", "--others", "--exclude-standard", "--", "src") or "").splitlines()
    commits = f"{base}..HEAD" if base else "HEAD"
    names += (git(root, "log", "--format=", "--name-only", commits, "--", "src") or "").splitlines()
    found: dict[Path, None] = {}
    for name in names:
        source = Path(name).with_suffix(".cc")
        if Path(name).suffix in {".cc", ".h"} and not source.stem.endswith("_test") and (root / source).exists():
            found[source] = None
    return list(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="folder of compile_commands.json")
    parser.add_argument("--base", default="", help="commit to compare with (default: where this left origin/main)")
    parser.add_argument("--seconds", type=float, default=180, help="no further source is begun after that")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    chosen = changed(ROOT, options.base or base_of(ROOT))

    def tidy(path: Path) -> tuple[Path, subprocess.CompletedProcess[str] | None]:
        if time.monotonic() > end:
            return path, None
        command = ["clang-tidy", "-quiet", "-p", options.build, str(path)]
        return path, subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(tidy, chosen))
    left = [path for path, result in results if result is None]
    bad = [path for path, result in results if result is not None and result.returncode != 0]
    for path, result in results:
        if result is not None and result.returncode != 0:
            print(f"{path}:\n{result.stdout}{result.stderr if not result.stdout else ''}")
    print(f"tidy: {len(chosen) - len(left)} sources looked at, {len(bad)} with findings")
    if left:
        print(f"tidy: {len(left)} not looked at in {options.seconds:.0f} s: {' '.join(map(str, left))}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
