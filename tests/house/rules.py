"""The house rules as pure functions over a tree of files: who may know whom, how long a file may be, which
words and links are wrong. Each returns its findings as "path:line: what"; [] means that the tree keeps the rule."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

# Includes go from a higher level to a lower one (ARCHITECTURE.md draws it). On one level only source may
# know columns: a reader of change tables hands out decoded columns. config knows the options of columns.
LEVELS = {
    "base": 0,
    "odbc": 1,
    "store": 1,
    "source": 2,
    "columns": 2,
    "parquet": 2,
    "state": 2,
    "progress": 2,
    "rules": 3,
    "config": 3,
    "status": 3,
    "capture": 4,
    "repair": 4,
    "app": 5,
}
SAME_LEVEL = {("source", "columns")}
# Only app reads settings, and only app shows what is known. What repair does is judged after a run. progress is
# plain facts and knows base alone.
NEVER = {
    ("capture", "config"),
    ("capture", "status"),
    ("repair", "config"),
    ("repair", "status"),
    ("progress", "odbc"),
    ("progress", "store"),
}
ONLY_TESTS = {("repair", "capture")}

# System headers that one room alone may include: its handles never leave it.
OWNED_HEADERS = {
    re.compile(r"(sql|sqlext|sqltypes|sqlucode|odbcinst|msodbcsql)\.h"): "odbc",
    re.compile(r"curl/.*"): "store",
}

# What stands at one address alone, because whoever does it elsewhere forgets what is to be thought of there.
ONE_ADDRESS = [
    (re.compile(r"\bfmt::print\("), "src/app/print.h", "Say of app/print.h lets nothing steer a terminal"),
    (re.compile(r"\bjson::parse\(", re.IGNORECASE), "src/base/json_text.cc", "ParseJson of base/json_text.h bounds it"),
]

# The two halves of the stand-in meet in model.py; beside it only these pure modules are shared.
SHARED_BY_HALVES = ("standin.model", "standin.tds.values", "standin.tds.collations")

LINES_MAX = 450
LINES_WARNED = 400
CODE_SUFFIXES = {".cc", ".h", ".py", ".sh", ".cmake"}
CODE_NAMES = {"Makefile", "CMakeLists.txt", "run"}
TEXT_SUFFIXES = CODE_SUFFIXES | {".md", ".toml", ".txt"}
_SKIPPED = re.compile(r"(\..*|build.*|__pycache__|node_modules)")
_KEPT = {".ci"}

# Paths of one machine, unfinished work, and references that only mean something where they were written.
BAD_WORDS = [
    re.compile(r"(?<![\w.}])/(work|root|Users|home/\w+)/"),
    re.compile(r"\b(TODO|FIXME|XXX)\b"),
    re.compile(r"\b(?:issue|pull request|PR) #?\d+", re.IGNORECASE),
]


def files(root: Path) -> list[Path]:
    """The project's files below `root`, relative to it, without what is built or installed."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(n for n in folders if n in _KEPT or not _SKIPPED.fullmatch(n))
        found += [Path(folder, name).relative_to(root) for name in sorted(names)]
    return found


def _lines(root: Path, path: Path) -> list[str]:
    return (root / path).read_text(encoding="utf-8").splitlines()


def _is_code(path: Path) -> bool:
    return path.suffix in CODE_SUFFIXES or path.name in CODE_NAMES


_INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def _includes(root: Path) -> Iterator[tuple[Path, int, str, bool]]:
    """path, line, header, whether it is one of ours."""
    for path in files(root):
        if path.parts[0] == "src" and path.suffix in {".cc", ".h"}:
            for number, line in enumerate(_lines(root, path), 1):
                if match := _INCLUDE.match(line):
                    yield path, number, match[1] or match[2], match[1] is not None


def _may_include(path: Path, other: str) -> bool:
    room = path.parts[1]
    if (room, other) in ONLY_TESTS:
        return path.name.endswith("_test.cc")
    if (room, other) in NEVER:
        return False
    return room == other or (room, other) in SAME_LEVEL or LEVELS[room] > LEVELS[other]


def wrong_includes(root: Path) -> list[str]:
    """Includes against the order of the rooms, and system headers outside the room that owns them."""
    findings = []
    for path, number, header, ours in _includes(root):
        room, other = path.parts[1], header.split("/")[0]
        if room not in LEVELS:
            findings.append(f"{path}:{number}: src/{room} is no room of the house")
        elif ours and other not in LEVELS:
            findings.append(f'{path}:{number}: "{header}" does not begin with a room')
        elif ours and not _may_include(path, other):
            findings.append(f'{path}:{number}: {room} must not know {other} ("{header}")')
        elif not ours:
            findings += [
                f"{path}:{number}: <{header}> belongs to src/{owner} alone"
                for pattern, owner in OWNED_HEADERS.items()
                if pattern.fullmatch(header) and room != owner
            ]
    return findings


def _imports(root: Path, path: Path) -> Iterator[tuple[int, str]]:
    """line, module; `from a import b` gives a.b where that is a module of the tree, else a."""
    for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*path.parts[: len(path.parts) - node.level], *filter(None, [base])])
            for alias in node.names:
                module = Path(*base.split("."), alias.name) if base else Path(alias.name)
                is_module = (root / module).is_dir() or (root / module.with_suffix(".py")).is_file()
                yield node.lineno, f"{base}.{alias.name}" if is_module else base


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def wrong_standin_imports(root: Path) -> list[str]:
    """The stand-in knows nothing of the product, nor of the tests; its two halves know each other only through
    the shared modules; the loader is a client like any other and knows neither half."""
    findings = []
    forbidden = {"tds": ["standin.engine"], "engine": ["standin.tds"], "load": ["standin.tds", "standin.engine"]}
    for path in files(root):
        if path.parts[0] != "standin" or path.suffix != ".py":
            continue
        part = path.parts[1] if len(path.parts) > 2 else ""
        for number, module in _imports(root, path):
            if module.split(".")[0] in {"src", "tests", "tools", "bench"}:
                findings.append(f"{path}:{number}: the stand-in must not know {module}")
            for package in forbidden.get(part, []):
                if _is_in(module, package) and not any(_is_in(module, shared) for shared in SHARED_BY_HALVES):
                    findings.append(f"{path}:{number}: standin/{part} must not know {module}")
    return findings


def _is_product(path: Path) -> bool:
    """Without unit tests and their helpers."""
    return path.parts[0] == "src" and "testing" not in path.parts and not path.stem.endswith("_test")


def beside_its_address(root: Path) -> list[str]:
    """Lines of the product that do by themselves what has one address."""
    return [
        f"{path}:{number}: {instead}"
        for path in files(root)
        if _is_product(path)
        for number, line in enumerate(_lines(root, path), 1)
        for pattern, address, instead in ONE_ADDRESS
        if path != Path(address) and pattern.search(line)
    ]


def standin_in_product(root: Path) -> list[str]:
    """Lines of the product (unit tests and their helpers left out) that speak of the stand-in."""
    return [
        f"{path}:{number}: the product must not know the stand-in"
        for path in files(root)
        if _is_product(path)
        for number, line in enumerate(_lines(root, path), 1)
        if re.search(r"stand-?in\b", line, re.IGNORECASE)
    ]


def lengths(root: Path) -> dict[Path, int]:
    """Lines of every code file that has more than LINES_WARNED."""
    counts = {path: len(_lines(root, path)) for path in files(root) if _is_code(path)}
    return {path: count for path, count in counts.items() if count > LINES_WARNED}


def too_long(root: Path) -> list[str]:
    return [
        f"{path}:{n}: more than {LINES_MAX} lines; split it by noun"
        for path, n in lengths(root).items()
        if n > LINES_MAX
    ]


def bad_words(root: Path, but: set[Path]) -> list[str]:
    """Lines that hold one of BAD_WORDS; files in `but` are left out."""
    return [
        f"{path}:{number}: {match[0]!r}"
        for path in files(root)
        if path not in but and (path.suffix in TEXT_SUFFIXES or path.name in CODE_NAMES)
        for number, line in enumerate(_lines(root, path), 1)
        for pattern in BAD_WORDS
        if (match := pattern.search(line))
    ]


_FENCE = re.compile(r"^\s*```")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")


def _prose(root: Path, path: Path) -> Iterator[tuple[int, str]]:
    """Lines outside fenced code."""
    fenced = False
    for number, line in enumerate(_lines(root, path), 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line


def _anchors(root: Path, path: Path) -> set[str]:
    """As GitHub makes them: lower case, punctuation away, blanks to hyphens."""
    headings = [match[1] for _, line in _prose(root, path) if (match := _HEADING.match(line))]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(root: Path) -> list[str]:
    """Relative links of Markdown files whose file or heading is not there."""
    findings = []
    for path in (path for path in files(root) if path.suffix == ".md"):
        for number, line in _prose(root, path):
            for target in _LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, anchor = target.partition("#")
                there = (path.parent / name) if name else path
                if not (root / there).exists():
                    findings.append(f"{path}:{number}: {target}: no such file")
                elif anchor and anchor not in _anchors(root, there):
                    findings.append(f"{path}:{number}: {target}: no such heading")
    return findings
