"""`cdc-to-s3 types` for people: no server, no settings, lines that fit a terminal."""

from __future__ import annotations

from pathlib import Path

from tests.support.program import Program


def test_every_type_is_listed_without_any_settings_and_fits_a_line_of_100_characters(tmp_path: Path) -> None:
    ended = Program(tmp_path, {}).call("types")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert len(lines) > 50
    assert max(map(len, lines)) <= 100
    for start in ("bit ", "datetime2(n) ", "other CLR types ", "__$commit_time "):
        assert sum(line.startswith(start) for line in lines) == 1


def test_settings_say_what_is_in_effect_and_patterns_what_is_shown(tmp_path: Path) -> None:
    ended = Program(tmp_path, {"CDC_TYPES_DATETIME2": "nanos"}).call("types", "DATETIME2(7)")
    assert ended.code == 0
    (mapped,) = [line for line in ended.out.splitlines() if line.startswith("datetime2")]
    assert mapped.split()[1:4] == ["TIMESTAMP(nanos,", "not", "UTC)"]
    assert "datetime2 = micros" in ended.out
    assert "Spark      refuses the file" in ended.out
    assert "smalldatetime" not in ended.out


def test_a_mask_for_everything_is_said_not_to_be_shown(tmp_path: Path) -> None:
    masked = Program(tmp_path, {"CDC_TYPES_MASK": "hash"}).call("types", "bit").out
    plain = Program(tmp_path, {}).call("types", "bit").out
    said = "Without mask = hash, which is set for everything: cdc-to-s3 tables shows what comes of it.\n"
    assert masked == plain + said


def test_a_type_that_is_not_there_is_an_error_that_says_what_lists_them(tmp_path: Path) -> None:
    ended = Program(tmp_path, {}).call("types", "datetime9", "--json")
    assert ended.code == 1
    assert "no captured type fits datetime9; cdc-to-s3 types lists them" in ended.err
    assert '"error"' in ended.out
    both = Program(tmp_path, {}).call("types", "datetime2", "datetime9")
    assert (both.code, both.out) == (1, "")
    assert "no captured type fits datetime9;" in both.err
