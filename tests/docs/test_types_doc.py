"""docs/TYPES.md is what the program says today."""

from __future__ import annotations

from tests.support.program import BINARY
from tools.types_doc import ROOT, described, document


def test_the_page_of_types_is_what_the_program_says() -> None:
    written = (ROOT / "docs/TYPES.md").read_text(encoding="utf-8")
    assert written == document(described(BINARY)), "make types-doc writes it anew"
