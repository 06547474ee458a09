"""What a person sees of the status page, in a real browser, and what Prometheus' own parser reads from /metrics, of a
board that the test fills."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.browser import Browser
from tests.support.program import ROOT

PREVIEW = ROOT / os.environ.get("BUILD", "build") / "status_preview"
NASTY = "dbo.<script>document.title='taken'</script>"
LONG = "dbo." + "W" * 128
GAP = "gap: changes from 0000002A000001F00004 to 0000002A000002180003 can no longer be read"


class Preview:
    """The status pages of a board; `tell` fills it further."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([PREVIEW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = ""

    def tell(self, **what: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def serve(self) -> None:
        """Returns when everything that was told is shown."""
        self.tell(serve=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as reply:
            return str(reply.read().decode())

    def close(self) -> None:
        self.process.communicate(timeout=20)


def _fill(preview: Preview, tables: int) -> None:
    for number in range(1, tables + 1):
        key = f"Shop/T{number:04}/cdc/T{number:04}_cdc_20250109_143015.parquet"
        preview.tell(table={"name": f"Sales.T{number:04}", "rows": number * 1000, "bytes": 2048, "last_key": key})
    preview.tell(round={"seconds_ago": 5})
    preview.serve()


@pytest.fixture
def preview() -> Iterator[Preview]:
    made = Preview()
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


def _rows(browser: Browser) -> list[str]:
    shown = "[...document.querySelectorAll('#tables tbody tr')].filter(row => row.offsetHeight > 0)"
    return list(browser.evaluate(f"{shown}.map(row => row.innerText)"))


def _overflow(browser: Browser) -> int:
    """Pixels by which the page is wider than its window."""
    return int(browser.evaluate("document.documentElement.scrollWidth - innerWidth"))


def test_a_healthy_database_says_so_at_the_top(preview: Preview, browser: Browser) -> None:
    _fill(preview, 3)
    browser.open(preview.url + "/")
    top = browser.text("#top")
    assert top.splitlines()[0] == "Shop"
    assert "Everything that the server had captured is delivered" in top
    assert "3 of 3" in top
    assert "db1,1433 → s3://lake/raw" in top
    rows = _rows(browser)
    assert len(rows) == 3
    assert all(word in rows[1] for word in ("Sales.T0002", "complete", "2,000", "T0002_cdc_20250109_143015.parquet"))


def test_a_stopped_table_comes_first_with_its_message(preview: Preview, browser: Browser) -> None:
    preview.tell(table={"name": "Sales.T9999", "condition": "stopped", "why": GAP, "gaps": 2})
    preview.tell(table={"name": "Sales.T9998", "condition": "retrying", "why": "lock timeout"})
    _fill(preview, 200)
    browser.open(preview.url + "/")
    top = browser.text("#top")
    assert top.index(f"Sales.T9999: {GAP}") < top.index("Sales.T9998: lock timeout") < top.index("200 of 202")
    assert "1 of 202 tables stopped" in top
    assert "held back by Sales.T9998, Sales.T9999" in top
    assert browser.evaluate("document.title") == "(1 stopped) Shop · cdc-to-s3"
    rows = _rows(browser)
    assert ["Sales.T9999" in rows[0], "Sales.T9998" in rows[1], "Sales.T0001" in rows[2]] == [True] * 3


def test_names_are_text_and_never_code(preview: Preview, browser: Browser) -> None:
    preview.tell(table={"name": NASTY, "condition": "stopped", "why": "<img src=x onerror=document.title='taken'>"})
    _fill(preview, 1)
    browser.open(preview.url + "/")
    assert NASTY in browser.text("#top")
    assert NASTY in _rows(browser)[0]
    assert browser.evaluate("document.title") == "(1 stopped) Shop · cdc-to-s3"
    assert browser.evaluate("document.images.length") == 0


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, False), (390, True)])
def test_it_can_be_read_on_a_phone_and_in_the_dark(
    preview: Preview, browser: Browser, width: int, dark: bool, tmp_path: Path
) -> None:
    preview.tell(table={"name": LONG, "condition": "stopped", "why": GAP})
    preview.tell(health={"retention_seconds": 1000, "headroom_seconds": {LONG: 100, "Sales.T0001": 900}})
    _fill(preview, 20)
    browser.open(preview.url + "/", width=width, dark=dark)
    browser.screenshot(tmp_path / "page.png")
    assert _overflow(browser) <= 0
    assert LONG in _rows(browser)[0].replace("\n", "")
    # Text against its ground: WCAG asks for a contrast of 4.5.
    ground, text = browser.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    assert _contrast(ground, text) > 7
    assert (_luminance(ground) < 0.2) == dark


def _luminance(colour: str) -> float:
    """Of "rgb(r, g, b)", as WCAG 2 defines it."""
    parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_it_refreshes_itself_and_keeps_what_was_typed(preview: Preview, browser: Browser) -> None:
    _fill(preview, 30)
    browser.open(preview.url + "/")
    typed = (
        "(box => { box.value = 't0007'; box.dispatchEvent(new Event('input')); })(document.getElementById('filter'))"
    )
    browser.evaluate(typed)
    assert [row.split()[0] for row in _rows(browser)] == ["Sales.T0007"]
    preview.tell(table={"name": "Sales.T0007", "rows": 123_456, "condition": "stopped", "why": "gap"})
    browser.wait_for("document.getElementById('tables').innerText.includes('123,456')")
    assert "Sales.T0007: gap" in browser.text("#top")
    assert [row.split()[0] for row in _rows(browser)] == ["Sales.T0007"]


def test_it_says_when_the_program_is_gone(preview: Preview, browser: Browser) -> None:
    _fill(preview, 3)
    browser.open(preview.url + "/")
    assert "does not answer" not in browser.text()
    preview.close()
    browser.wait_for("document.body.innerText.includes('The program does not answer')")


def test_without_script_it_is_the_same_page(preview: Preview, browser: Browser) -> None:
    _fill(preview, 5)
    browser.open(preview.url + "/", script=False)
    assert len(_rows(browser)) == 5
    assert "Everything that the server had captured is delivered" in browser.text("#top")
    assert browser.evaluate("document.getElementById('filter').offsetHeight") == 0


def test_it_loads_nothing_but_itself(preview: Preview, browser: Browser) -> None:
    _fill(preview, 2)
    browser.open(preview.url + "/")
    assert browser.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)") == []


def test_metrics_are_what_prometheus_reads(preview: Preview) -> None:
    preview.tell(
        table={"name": 'a."b"\\c\nd', "rows": 7, "altered_values": {"n": 2, "o": 1}, "gaps": 1, "condition": "stopped"}
    )
    preview.tell(health={"retention_seconds": 3600, "capture_lag_seconds": 4, "headroom_seconds": {"Sales.T0001": 90}})
    _fill(preview, 3)
    families = {family.name: family for family in text_string_to_metric_families(preview.get("/metrics"))}
    assert all(name.startswith("cdc_to_s3_") and family.documentation for name, family in families.items())

    def samples(name: str) -> dict[str, float]:
        found = families[f"cdc_to_s3_{name}"].samples
        return {",".join(sample.labels.values()): sample.value for sample in found}

    assert families["cdc_to_s3_rows"].type == "counter"
    assert samples("rows") == {'a."b"\\c\nd': 7, "Sales.T0001": 1000, "Sales.T0002": 2000, "Sales.T0003": 3000}
    assert samples("altered_values") == {'a."b"\\c\nd,n': 2, 'a."b"\\c\nd,o': 1}
    assert samples("table_gaps")['a."b"\\c\nd'] == 1
    assert samples("table_stopped") == {'a."b"\\c\nd': 1, "Sales.T0001": 0, "Sales.T0002": 0, "Sales.T0003": 0}
    assert {key for key, value in samples("table_condition").items() if value} == {
        'a."b"\\c\nd,stopped',
        "Sales.T0001,complete",
        "Sales.T0002,complete",
        "Sales.T0003,complete",
    }
    assert samples("retention_headroom_seconds") == {"Sales.T0001": 90}
    assert samples("capture_lag_seconds") == {"": 4}
    assert samples("capture_stopped") == {"": 0}
    assert 4 < samples("lag_seconds")[""] < 60
    histogram = families["cdc_to_s3_round_duration_seconds"]
    assert histogram.type == "histogram"
    buckets = {s.labels["le"]: s.value for s in histogram.samples if s.name.endswith("_bucket")}
    assert (buckets["1"], buckets["5"], buckets["+Inf"]) == (0, 1, 1)


def test_a_thousand_tables_are_quick_to_tell(preview: Preview) -> None:
    _fill(preview, 1000)
    assert preview.get("/metrics").count("cdc_to_s3_table_stopped{") == 1000
    assert preview.get("/").count("<tr data-name=") == 1000
    assert len(json.loads(preview.get("/status.json"))["tables"]) == 1000
