"""docs/FORMAT.md names exactly what the code writes: footer keys, user metadata, members of the state document."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FORMAT = (ROOT / "docs/FORMAT.md").read_text(encoding="utf-8")


def _source(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _section(title: str) -> str:
    """The text under a heading, up to the next heading of the same or a higher level."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", FORMAT, re.MULTILINE | re.DOTALL)
    assert match, f"docs/FORMAT.md has no heading {title}"
    return match[2]


def test_every_footer_key_is_documented_and_none_is_made_up() -> None:
    written = {f"cdc.{name}" for name in re.findall(r'visit\("(\w+)"', _source("src/parquet/footer_record.cc"))}
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
    read = set(re.findall(r'(?:reader|members)\.(?:Get|Find)\("(\w+)"', code))
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
