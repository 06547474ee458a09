"""The benchmarks run, on few rows, and do not take a wrong result for a right one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.throughput import Contest, Options, fill, people, warm, with_literals
from bench.world import world
from tests.support.drivers import drivers

ROOT = Path(__file__).resolve().parents[2]
FREETDS = {"FreeTDS": drivers()["FreeTDS"]}


def _bench(module: str, **settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, "DRIVERS": "FreeTDS", **settings},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_throughput_benchmark_prints_a_line_for_each_method_and_their_ratio() -> None:
    text = _bench("bench.throughput", ROWS="4000", REPEATS="1", METHODS="product,original")
    assert text.startswith("4000 rows, ")
    assert re.findall(r"^FreeTDS +(\w+) +\d+", text, re.MULTILINE) == ["product", "original"]
    assert "FreeTDS original : product" in text


def test_the_idle_benchmark_sees_the_changed_tables_and_nothing_else() -> None:
    text = _bench("bench.idle", TABLES="12", CHANGING="3", POLLS="2")
    quiet, busy = text.split("3 changed before each poll")
    assert "read" not in quiet
    assert "read 3" in busy
    assert "PUT object 3" in busy


def test_the_benchmark_of_sizes_writes_every_row_with_each_writer() -> None:
    lines = _bench("bench.size", SHARE="0.02").splitlines()
    assert [name.split()[0] for name in lines[0].strip("| ").split(" | ")[3:]] == [
        "cdc-to-s3",
        "DuckDB",
        "polars",
        "pyarrow",
    ]
    rows = {cells[0]: cells[1:] for cells in (line.strip("| ").split(" | ") for line in lines[2:7])}
    assert [int(cells[0]) for cells in rows.values()] == [2000, 600, 200, 60, 2000]
    for name, (_, _, ours, *theirs) in rows.items():
        # Of 200 rows the footer, which describes 200 columns, is the larger part.
        assert name.startswith("200 columns") or 0 < float(ours) < float(theirs[-1]), f"{name}: larger than pyarrow's"


def test_a_run_that_delivered_other_rows_than_expected_is_no_figure() -> None:
    options = Options(400, 1, "seaweedfs", FREETDS, ["product"])
    with world(capture_interval=0, prepare=people) as running:
        fill(running, options.rows)
        expected = warm(running, options)
        contest = Contest(running, expected)
        done = contest.once("product", FREETDS["FreeTDS"], "run")
        contest.check("product", done, "run")
        with pytest.raises(AssertionError, match="delivered 400 rows"):
            Contest(running, replace(expected, key_sum=expected.key_sum + 1)).check("product", done, "run")
        with pytest.raises(AssertionError, match="delivered 0 rows"):
            contest.check("product", done, "another-run")


def test_a_logged_statement_gets_its_parameters_as_literals() -> None:
    logged = {
        "text": "SELECT a WHERE a > @P1 AND b = @P2 AND c < @P10",
        "parameters": ["'SELECT …'", "'@P1 binary(2) …'", r"b'\x00\xff'", "7", *["0"] * 7, "-3"],
    }
    assert with_literals(logged) == "SELECT a WHERE a > 0x00ff AND b = 7 AND c < -3"
