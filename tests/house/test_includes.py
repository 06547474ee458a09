"""The tree keeps the house rules of ARCHITECTURE.md, and each rule is able to find what breaks it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import rules

ROOT = Path(__file__).resolve().parents[2]
# These two have to spell out what is forbidden.
SPELLING_IT_OUT = {Path("tests/house/rules.py"), Path("tests/house/test_includes.py")}


def test_includes_go_from_higher_rooms_to_lower_ones() -> None:
    assert rules.wrong_includes(ROOT) == []


def test_the_two_halves_of_the_stand_in_meet_only_in_the_model() -> None:
    assert rules.wrong_standin_imports(ROOT) == []


def test_the_product_does_not_know_the_stand_in() -> None:
    assert rules.standin_in_product(ROOT) == []


def test_what_has_one_address_is_done_nowhere_else() -> None:
    assert rules.beside_its_address(ROOT) == []


def test_no_file_is_too_long() -> None:
    for path, lines in rules.lengths(ROOT).items():
        warnings.warn(f"{path} has {lines} lines", stacklevel=1)
    assert rules.too_long(ROOT) == []


def test_nothing_speaks_of_one_machine_or_of_unfinished_work() -> None:
    assert rules.bad_words(ROOT, but=SPELLING_IT_OUT) == []


def test_links_in_documents_lead_somewhere() -> None:
    assert rules.broken_links(ROOT) == []


def test_every_room_that_exists_has_a_level() -> None:
    assert {path.name for path in (ROOT / "src").iterdir()} <= set(rules.LEVELS)


def _words(root: Path) -> list[str]:
    return rules.bad_words(root, but=set())


@pytest.mark.parametrize(
    ("rule", "path", "text", "found"),
    [
        (rules.wrong_includes, "src/base/a.h", '#include "state/document.h"', "base must not know state"),
        (rules.wrong_includes, "src/columns/a.cc", '#include "source/sql.h"', "columns must not know source"),
        (rules.wrong_includes, "src/store/a.cc", '#  include "odbc/a.h"', "store must not know odbc"),
        (rules.wrong_includes, "src/state/a.cc", '#include "document.h"', "does not begin with a room"),
        (rules.wrong_includes, "src/attic/a.cc", "#include <vector>", "no room of the house"),
        (rules.wrong_includes, "src/source/a.cc", "#include <sqlext.h>", "belongs to src/odbc"),
        (rules.wrong_includes, "src/app/a.cc", "#include <curl/curl.h>", "belongs to src/store"),
        (rules.wrong_standin_imports, "standin/tds/a.py", "from standin.engine import clock", "standin.engine"),
        (rules.wrong_standin_imports, "standin/tds/a.py", "from ..engine.clock import now", "standin.engine.clock"),
        (rules.wrong_standin_imports, "standin/engine/a.py", "import standin.tds.server", "standin.tds.server"),
        (rules.wrong_standin_imports, "standin/engine/deep/a.py", "from standin.tds import rows", "standin.tds"),
        (rules.wrong_standin_imports, "standin/load/a.py", "def f():\n    import standin.engine", "standin.engine"),
        (rules.wrong_standin_imports, "standin/a.py", "from tests.house import rules", "must not know tests"),
        (rules.standin_in_product, "src/source/a.cc", "// the stand-in sends this", "must not know the stand-in"),
        (rules.beside_its_address, "src/store/a.cc", "auto a = nlohmann::json::parse(b);", "ParseJson"),
        (rules.beside_its_address, "src/app/a.cc", 'fmt::print("{}", name);', "Say of app/print.h"),
        (rules.too_long, "src/base/a.cc", "\n" * (rules.LINES_MAX + 1), "lines; split it"),
        (_words, "tools/a.sh", "cd /root/project", "/root/"),
        (_words, "src/base/a.cc", "// TODO: later", "TODO"),
        (_words, "docs/A.md", "as issue #12 says", "issue #12"),
        (rules.broken_links, "README.md", "see [there](docs/NOWHERE.md)", "no such file"),
        (rules.broken_links, "README.md", "# Here\n[there](#not-here)", "no such heading"),
    ],
)
def test_a_broken_rule_is_found(
    rule: Callable[[Path], list[str]], path: str, text: str, found: str, tmp_path: Path
) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text, encoding="utf-8")
    findings = rule(tmp_path)
    assert len(findings) == 1
    assert findings[0].startswith(f"{path}:")
    assert found in findings[0]


def test_a_good_tree_breaks_nothing(tmp_path: Path) -> None:
    good = {
        "src/source/a.cc": '#include "columns/column.h"\n#include "base/lsn.h"\n#include <vector>\n',
        "src/odbc/a.cc": "#include <sql.h>\n#include <sqlext.h>\n",
        "src/store/a.cc": "#include <curl/curl.h>\n",
        "standin/model.py": "",
        "standin/engine/a.py": "from standin.model import Column\nfrom standin.tds.values import ROW\n",
        "standin/tds/a.py": "from standin import model\nfrom standin.tds import rows\n",
        "README.md": "# A heading, here\n[up](#a-heading-here) [out](https://example.com) [code](src/odbc/a.cc)\n",
    }
    for name, text in good.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for rule in (
        rules.wrong_includes,
        rules.wrong_standin_imports,
        rules.standin_in_product,
        rules.too_long,
        _words,
        rules.broken_links,
    ):
        assert rule(tmp_path) == []
