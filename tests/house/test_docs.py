"""The documentation names exactly what the code has: docs/FORMAT.md footer keys, user metadata, members of the state
document and types; docs/OPERATIONS.md log events and metrics. The README says the same in both languages."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORMAT = (ROOT / "docs/FORMAT.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs/OPERATIONS.md").read_text(encoding="utf-8")


def _source(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _section(title: str, document: str = FORMAT) -> str:
    """The text under a heading, up to the next heading of the same or a higher level."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", document, re.MULTILINE | re.DOTALL)
    assert match, f"the document has no heading {title}"
    return match[2]


def test_every_footer_key_is_documented_and_none_is_made_up() -> None:
    written = {
        f"cdc.{name}" for name in re.findall(r'visit\.\w+\("(\w+)", record', _source("src/parquet/footer_record.cc"))
    }
    documented = set(re.findall(r"^\| `(cdc\.\w+)` \|", _section("The object's own record"), re.MULTILINE))
    assert len(written) > 15
    assert documented == written


def test_every_name_of_user_metadata_is_documented_and_none_is_made_up() -> None:
    written = set(re.findall(r'"(cdc-[a-z-]+)"', _source("src/parquet/user_metadata.cc")))
    documented = set(re.findall(r"`(cdc-[a-z-]+)`", _section("User metadata")))
    assert len(written) > 9
    assert documented == written


def test_every_member_of_the_state_document_is_documented() -> None:
    code = _source("src/state/document.cc")
    read = set(re.findall(r'\b(?:visit|reader)\.Member\w*\("(\w+)"', code))
    documented = {
        word.removeprefix("owner.")
        for text in re.findall(r"`([^`]+)`", _section("The state document"))
        for word in re.findall(r"[a-z_.0-9]+", text)
    }
    assert len(read) > 30
    assert read <= documented


def test_every_sql_type_is_documented_and_none_is_made_up() -> None:
    known = set(re.findall(r'^    \{"(\w+)", +Arguments::', _source("src/columns/type_table.cc"), re.MULTILINE))
    table = re.search(r"\| SQL Server \|.*?\n\n", _section("Captured columns"), re.DOTALL)
    assert table
    first_cells = [line.split("|")[1] for line in table[0].splitlines()[2:] if line]
    documented = {
        word for cell in first_cells for word in re.findall(r"[a-z]\w+(?=[\s,()]|$)", re.sub(r"\(\w,?\w?\)", "", cell))
    }
    assert len(known) > 20
    assert documented == known


_EVENT = re.compile(r"LogEvent\((.*?),\s*\{", re.DOTALL)
_LEVEL = re.compile(r"Level::k(\w+)")


def _product_sources() -> list[str]:
    return [
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "src").rglob("*.cc"))
        if "testing" not in path.parts and not path.stem.endswith("_test")
    ]


def _logged_events() -> dict[str, set[str]]:
    """The levels of every event that the code logs. In `stopped ? Level::kError : Level::kWarn, stopped ? "a" : "b"`
    the first level is the first name's; a single level is every name's, a single name has every level."""
    events: dict[str, set[str]] = {}
    for call in (call for source in _product_sources() for call in _EVENT.findall(source)):
        names = re.findall(r'"(\w+)"', call)
        levels = [level.lower() for level in _LEVEL.findall(call)]
        for number, name in enumerate(names):
            of_name = [levels[number]] if len(names) == len(levels) else levels
            events.setdefault(name, set()).update(of_name)
    return events


def test_every_log_event_is_documented_with_its_level_and_none_is_made_up() -> None:
    logged = _logged_events()
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|.+\|.+\|$", _section("Log events", OPERATIONS), re.MULTILINE)
    assert len(logged) > 30
    assert len(rows) == len(dict(rows)), "an event stands in two rows"
    assert {name: set(levels.split(", ")) for name, levels in rows} == logged


def test_the_metrics_of_the_documentation_and_its_alarms_are_those_of_the_program() -> None:
    (prefix,) = re.findall(r'kPrefix = "(\w+)"', _source("src/status/exposition.cc"))
    code = _source("src/status/metrics.cc")
    exposed = {prefix + name for name in re.findall(r'(?:Family|PerTable|counter)\((?:out, board, )?"(\w+)"', code)}
    section = _section("Health, metrics, alarms", OPERATIONS)
    table, rules = section.split("Rules to begin with", maxsplit=1)
    metric = re.compile(rf"\b{prefix}\w+")
    assert len(exposed) > 25
    assert set(metric.findall(table)) == exposed
    assert len(set(metric.findall(rules))) > 5
    assert set(metric.findall(OPERATIONS)) <= exposed


_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(^|\s+)(#|--)\s.*$", re.MULTILINE)


def _commands(document: str) -> list[tuple[str, list[str]]]:
    """Language and lines of each code block, without comments; of pictures only that they are there."""
    return [
        (language, [line.rstrip() for line in _COMMENT.sub("", text).splitlines() if line.strip()] if language else [])
        for language, text in _FENCED.findall(document)
    ]


def test_the_readme_says_the_same_in_both_languages() -> None:
    english, portuguese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.pt-BR.md"))
    assert len(_commands(english)) > 8
    assert _commands(portuguese) == _commands(english)
    for count in (r"^#+ ", r"^\| ", r"^- ", r"^\*\*\d\. "):
        assert len(re.findall(count, portuguese, re.MULTILINE)) == len(re.findall(count, english, re.MULTILINE)), count
    targets = [set(re.findall(r"\]\(((?!README)[^)]+)\)", text)) for text in (english, portuguese)]
    assert targets[0] == targets[1]
    assert "](README.pt-BR.md)" in english and "](README.md)" in portuguese
