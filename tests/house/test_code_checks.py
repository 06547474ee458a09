"""make tidy-changed and make thread-safety look at the right sources."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools import thread_safety, tidy_changed


def _git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


def _write(root: Path, name: str, text: str = "") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "-q", "-b", "main")
    for name in ("a.cc", "b.cc", "b.h", "c.cc", "c_test.cc", "d.cc"):
        _write(tmp_path, f"src/base/{name}")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-q", "-m", "first")
    _git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    return tmp_path


def test_tidy_looks_at_sources_that_changed_since_main_the_newest_first(tree: Path) -> None:
    _write(tree, "src/base/b.h", "// changed")
    _write(tree, "src/base/c_test.cc", "// changed")
    _git(tree, "commit", "-q", "-a", "-m", "second")
    _write(tree, "src/base/c.cc", "// changed")
    _git(tree, "commit", "-q", "-a", "-m", "third")
    _write(tree, "src/base/d.cc", "// not committed")
    _write(tree, "src/base/e.cc", "// not known to git")
    found = [path.name for path in tidy_changed.changed(tree, tidy_changed.base_of(tree))]
    assert found == ["d.cc", "e.cc", "c.cc", "b.cc"]


def test_tidy_on_main_itself_looks_back_some_commits(tree: Path) -> None:
    for number in range(tidy_changed.COMMITS_MAX):
        _write(tree, "src/base/a.cc", f"// {number}")
        _git(tree, "commit", "-q", "-a", "-m", str(number))
    _git(tree, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert [path.name for path in tidy_changed.changed(tree, tidy_changed.base_of(tree))] == ["a.cc"]


def test_threads_are_checked_wherever_a_mutex_is(tmp_path: Path) -> None:
    include = '#include "base/mutex.h"\n'
    _write(tmp_path, "src/base/mutex.h")
    _write(tmp_path, "src/base/a.h", include)
    _write(tmp_path, "src/base/a.cc")
    _write(tmp_path, "src/base/b.cc", include)
    _write(tmp_path, "src/base/c.cc")
    _write(tmp_path, "src/base/testing/d.h", include)
    found = [str(path.relative_to(tmp_path)) for path in thread_safety.sources(tmp_path)]
    assert found == ["src/base/a.cc", "src/base/b.cc", "src/base/testing/d.h"]
    assert thread_safety.sources(thread_safety.ROOT), "the program has mutexes"
