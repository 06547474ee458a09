"""A case file that says something wrong fails, and says what; what a reader has is shown exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.support.cases import Broken, Case, load_file
from tests.support.notation import NotationError, kind_of, texts

_SCRIPT = """
title = "a title"
create = "CREATE TABLE dbo.x (id int NOT NULL PRIMARY KEY, t nvarchar(9) NULL)"
changes = ["INSERT INTO dbo.x VALUES (1, NULL)"]
schema = { id = "INT32", t = "STRING" }
rows = [["insert", { id = 1 }]]
without = "inserts only"
"""
_COLUMN = """
title = "a title"
[[column]]
type = "money"
is = "DECIMAL(19,4)"
values = [{ sql = "1", is = "1.0000" }, { sql = "2", is = "2.0000", altered = true }]
"""


def _load(folder: Path, text: str, name: str = "x") -> Case | Broken:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return load_file(path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (_SCRIPT + "colour = 1\n", "unknown key 'colour'"),
        (_SCRIPT.replace("title", "titel"), "unknown key 'titel'"),
        (_SCRIPT.replace("without", "#"), "its rows have no delete, before, after"),
        (_SCRIPT.replace("{ id = 1 }", "{ id = 1, u = 2 }"), "unknown key 'u'"),
        (_SCRIPT.replace("{ id = 1 }", "{ id = true }"), "True is no INT32"),
        (_SCRIPT.replace("{ id = 1 }", "{ id = 2147483648 }"), "is no INT32"),
        (_SCRIPT.replace('"insert"', '"upsert"'), "a row is"),
        (_SCRIPT.replace("STRING", "TEXT"), "'TEXT' is no type"),
        (_SCRIPT.replace("schema", "#"), "it needs a schema and rows"),
        (_SCRIPT + "no toml", "x.toml: "),
        (_COLUMN.replace('"1.0000"', '"1.0"'), "all digits of its scale"),
        (_COLUMN.replace("altered", "alterd"), "unknown key 'alterd'"),
        (_COLUMN.replace(', { sql = "2", is = "2.0000", altered = true }', ""), "at least two values"),
        (_COLUMN.replace("DECIMAL(19,4)", "DECIMAL(19)"), "DECIMAL has not 1 arguments"),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_says_what_is_wrong(tmp_path: Path, text: str, why: str) -> None:
    found = _load(tmp_path, text)
    assert isinstance(found, Broken)
    assert found.why.startswith("x.toml: ")
    assert why in found.why


def test_a_file_whose_name_is_no_tables_name_is_refused(tmp_path: Path) -> None:
    found = _load(tmp_path, _SCRIPT, "Has Blanks")
    assert isinstance(found, Broken)


def test_a_column_is_inserted_updated_and_deleted_with_and_without_null(tmp_path: Path) -> None:
    case = _load(tmp_path, _COLUMN)
    assert isinstance(case, Case)
    assert case.changes == [
        "INSERT INTO dbo.x VALUES (0, 1, 1), (1, 2, 2), (2, 1, NULL)",
        "UPDATE dbo.x SET [v] = 2, [v_null] = NULL WHERE id = 0",
        "UPDATE dbo.x SET [v] = 1, [v_null] = NULL WHERE id = 1",
        "UPDATE dbo.x SET [v] = 2, [v_null] = 2 WHERE id = 2",
        "DELETE FROM dbo.x",
    ]
    shown = {(row.values["id"], row.operation): (row.values["v"], row.values["v_null"]) for row in case.rows}
    one, two = "1.0000", "2.0000"
    assert shown == {
        (0, 2): (one, one), (0, 3): (one, one), (0, 4): (two, None), (0, 1): (two, None),
        (1, 2): (two, two), (1, 3): (two, two), (1, 4): (one, None), (1, 1): (one, None),
        (2, 2): (one, None), (2, 3): (one, None), (2, 4): (two, two), (2, 1): (two, two),
    }  # fmt: skip
    assert case.altered == {"v": 6, "v_null": 4}


def test_options_become_settings_of_the_table_alone(tmp_path: Path) -> None:
    case = _load(tmp_path, _SCRIPT + '[options]\ntime = "time"\n[options.column."a.b"]\nmask = "null"\n')
    assert isinstance(case, Case)
    assert case.toml() == ('["table"."dbo.x"]\n"time" = "time"\n["table"."dbo.x"."column"."a.b"]\n"mask" = "null"\n')


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (pa.array([-62135596800000001], pa.timestamp("us")), "0000-12-31 23:59:59.999999"),
        (pa.array([253402300799999999], pa.timestamp("us", "UTC")), "9999-12-31 23:59:59.999999Z"),
        (pa.array([-1], pa.timestamp("ns")), "1969-12-31 23:59:59.999999999"),
        (pa.array([-719162], pa.date32()), "0001-01-01"),
        (pa.array([86399999999], pa.time64("us")), "23:59:59.999999"),
        (pa.array([-0.0], pa.float64()), "-0.0"),
        (pa.array([0.1], pa.float32()), "0.1"),
        (pa.array([3.4028234663852886e38], pa.float32()), "3.4028235e+38"),
        (pa.array([1e-45], pa.float32()), "1e-45"),
        (pa.array([b"\x01\xff"], pa.binary()), "0x01FF"),
        (pa.array([None], pa.binary()), None),
        (pa.array(["0.0"]).cast(pa.decimal128(38, 38)), "0." + "0" * 38),
    ],
)
def test_what_a_reader_has_is_shown_exactly(array: pa.Array, shown: Any) -> None:
    assert texts(pa.chunked_array([array])) == [shown]


@pytest.mark.parametrize("kind", ["DECIMAL(a,b)", "TIMESTAMP(hours)", "TIMESTAMP(micros,GMT)", "INT32(4)", "int32", ""])
def test_a_wrong_type_is_refused(kind: str) -> None:
    with pytest.raises(NotationError):
        kind_of(kind)
