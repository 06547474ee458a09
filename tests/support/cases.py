"""Case files: SQL in, schema and rows out. What they may say stands in tests/cases/README.md; this reads and checks
them, and works out what a file of columns and values leaves to be worked out. A file that is wrong gives a `Broken`
with its name and what is wrong, so that it fails by itself."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.notation import Kind, NotationError, Shown, kind_of
from tests.support.toml_text import toml_lines

OPERATIONS = {"delete": 1, "insert": 2, "before": 3, "after": 4}
METADATA = {
    "__$start_lsn": "STRING",
    "__$command_id": "INT32",
    "__$seqval": "STRING",
    "__$operation": "INT32",
    "__$update_mask": "BYTES",
    "__$commit_time": "TIMESTAMP(micros,UTC)",
}
_COMMON = {"title", "without", "options", "metadata", "error", "needs"}
_COLUMNS = _COMMON | {"column"}
_SCRIPT = _COMMON | {"create", "changes", "schema", "rows", "altered", "capture"}
_BY_DEFAULT = {"decimal": "(18,0)", "numeric": "(18,0)", "time": "(7)", "datetime2": "(7)", "datetimeoffset": "(7)"} | {
    name: "(1)" for name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary")
}
# CDC leaves these out of deletes and of rows before an update (Microsoft Learn, cdc.<capture_instance>_CT).
_NEVER_BEFORE = re.compile(r"(text|ntext|image)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """A change row: values by the object's column names; `mask` are the ordinals that its update mask must name."""

    operation: int
    values: Mapping[str, Shown]
    mask: frozenset[int] | None = None


@dataclass(frozen=True)
class Case:
    """`create` makes the table dbo.<name>; `changes` come after its capture began. `ordered`: the rows come in this
    order; else only their operation and id say which is which. `error`: texts of the message with which the table
    stops; then it has no objects."""

    name: str
    title: str
    create: str
    changes: Sequence[str]
    schema: Mapping[str, Kind]
    rows: Sequence[Row]
    ordered: bool
    metadata: Mapping[str, Kind]
    altered: Mapping[str, int] = field(default_factory=dict)
    error: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    capture: str = ""
    needs: int | str | None = None
    sql_types: Mapping[str, str] = field(default_factory=dict)

    def toml(self) -> str:
        """The options as settings of the program, of this table alone."""
        return toml_lines(["table", f"dbo.{self.name}"], self.options)


@dataclass(frozen=True)
class Broken:
    """A file that is no case, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class _Value:
    sql: str
    shown: Mapping[str, Shown]  # by suffix of the column's name; "" is the column itself
    altered: bool


@dataclass(frozen=True)
class _Column:
    name: str
    sql_type: str
    kinds: Mapping[str, Kind]
    values: Sequence[_Value]

    def fields(self) -> dict[str, Kind]:
        """Of both columns that are made of it, the one that is NOT NULL and the one that takes NULL."""
        both = (self.name, f"{self.name}_null")
        return {f"{name}{suffix}": kind for name in both for suffix, kind in self.kinds.items()}

    def image(self, required: int, optional: int | None, earlier: bool) -> dict[str, Shown]:
        """What a row shows that has these of the values. `earlier`: it is a delete's, or from before an update."""
        gone = earlier and _NEVER_BEFORE.match(self.sql_type) is not None
        shown: dict[str, Shown] = {}
        for name, at in ((self.name, required), (f"{self.name}_null", optional)):
            for suffix in self.kinds:
                left_out = at is None or gone
                shown[name + suffix] = None if left_out else self.values[at % len(self.values)].shown[suffix]
        return shown

    def sql(self, at: int | None) -> str:
        return "NULL" if at is None else self.values[at % len(self.values)].sql


def load(folder: Path) -> list[Case | Broken]:
    """All cases of a folder, by name."""
    return [load_file(path) for path in sorted(folder.glob("*.toml"))]


def load_file(path: Path) -> Case | Broken:
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
        return _case(path.stem, written)
    except (tomllib.TOMLDecodeError, NotationError, UnicodeDecodeError) as error:
        return Broken(path.stem, f"{path.name}: {error}")


def _case(name: str, written: Mapping[str, Any]) -> Case:
    if not re.fullmatch(r"[a-z0-9_]{1,60}", name):
        raise NotationError("a case's name, which is its table's, is of small letters, digits and _, at most 60")
    known = _COLUMNS if "column" in written else _SCRIPT
    _refuse_unknown(written, known, "the file")
    if not isinstance(written.get("title"), str):
        raise NotationError("it needs a title: a sentence that says what must hold")
    metadata = {**METADATA, **_texts(written.get("metadata", {}), "metadata")}
    if list(metadata) != list(METADATA):  # other names of the same columns
        metadata = _texts(written["metadata"], "metadata")
    common = {
        "name": name,
        "title": written["title"],
        "metadata": {column: kind_of(text) for column, text in metadata.items()},
        "error": written.get("error", []),
        "options": written.get("options", {}),
        "needs": written.get("needs"),
    }
    if common["needs"] != "stand-in" and not isinstance(common["needs"], int | None):
        raise NotationError('needs is a version of SQL Server, or "stand-in"')
    if len(metadata) != len(METADATA):
        raise NotationError("metadata names all six metadata columns, or only those whose type is another one")
    made = _of_columns(written["column"], common) if "column" in written else _of_script(written, common)
    _require_whole(made, written.get("without"))
    return made


def _joined(written: Any) -> Any:
    """A long text is { parts = [["a", 2047], "😀"] }: each part once, or so many times."""
    if not isinstance(written, dict):
        return written
    _refuse_unknown(written, {"parts"}, "a value")
    return "".join(part if isinstance(part, str) else part[0] * part[1] for part in written["parts"])


def _refuse_unknown(written: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in written:
        if key not in known:
            raise NotationError(f"{where} has an unknown key {key!r}; known are {', '.join(sorted(known))}")


def _texts(written: Any, what: str) -> dict[str, str]:
    if not isinstance(written, dict) or not all(isinstance(value, str) for value in written.values()):
        raise NotationError(f"{what} is a table of texts")
    return written


def _require_whole(case: Case, without: Any) -> None:
    """All four operations and a NULL, or a reason why not."""
    if case.error:
        return
    there = {row.operation for row in case.rows}
    missing = [word for word, operation in OPERATIONS.items() if operation not in there]
    if not any(value is None for row in case.rows for value in row.values.values()):
        missing.append("NULL")
    if missing and not isinstance(without, str):
        raise NotationError(f"its rows have no {', '.join(missing)}: add them, or say why in `without`")
    if without is not None and not missing:
        raise NotationError("`without` gives a reason for something that is not missing")


# A file of columns and values.


def _of_columns(written: Any, common: Mapping[str, Any]) -> Case:
    columns = [_column(one, number, len(written)) for number, one in enumerate(written, start=1)]
    count = max(len(column.values) for column in columns)
    types = {name: column.sql_type for column in columns for name in (column.name, f"{column.name}_null")}
    definitions = ", ".join(
        f"[{column.name}] {column.sql_type} NOT NULL, [{column.name}_null] {column.sql_type} NULL" for column in columns
    )
    table = f"dbo.{common['name']}"
    rows, changes, altered = _history(table, columns, count)
    schema = {"id": kind_of("INT32")} | {name: kind for one in columns for name, kind in one.fields().items()}
    return Case(
        create=f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, {definitions})",
        changes=changes,
        schema=schema,
        rows=rows,
        ordered=False,
        altered=altered,
        sql_types={"id": "int"} | {name: _bare(sql_type) for name, sql_type in types.items()},
        **common,
    )


def _bare(sql_type: str) -> str:
    """As sys.columns has the type: without collation, and with the arguments that SQL Server gives it by default."""
    bare = re.split(r"\s+(?:COLLATE|SPARSE)\b", sql_type, flags=re.IGNORECASE)[0]
    if match := re.fullmatch(r"float\((\d+)\)", bare):
        return "real" if int(match[1]) <= 24 else "float"
    return bare + _BY_DEFAULT.get(bare, "")


def _column(written: Any, number: int, count: int) -> _Column:
    _refuse_unknown(written, {"name", "type", "is", "values"}, f"column {number}")
    name = written.get("name", "v" if count == 1 else f"v{number}")
    kinds_text = written["is"] if isinstance(written.get("is"), dict) else {"": written.get("is")}
    kinds = {suffix: kind_of(str(text)) for suffix, text in kinds_text.items()}
    if "" not in kinds:
        raise NotationError(f'column {name}: the type of the column itself has the key ""')
    values = [_value(one, kinds, name) for one in written.get("values", [])]
    if len(values) < 2 or not isinstance(written.get("type"), str):
        raise NotationError(f"column {name} needs a type and at least two values: updates have a before and an after")
    return _Column(name, written["type"], kinds, values)


def _value(written: Any, kinds: Mapping[str, Kind], column: str) -> _Value:
    if not isinstance(written, dict) or not {"sql", "is"} <= set(written):
        raise NotationError(f"column {column}: a value is {{ sql = …, is = … }}, not {written!r}")
    _refuse_unknown(written, {"sql", "is", "altered"}, f"a value of column {column}")
    parts = written["is"] if len(kinds) > 1 else [written["is"]]
    if not isinstance(parts, list) or len(parts) != len(kinds):
        raise NotationError(f"column {column}: {written['is']!r} has not one value for each of {list(kinds)}")
    shown = {suffix: kind.shown(_joined(part)) for (suffix, kind), part in zip(kinds.items(), parts, strict=True)}
    return _Value(str(written["sql"]), shown, written.get("altered") is True)


def _history(table: str, columns: Sequence[_Column], count: int) -> tuple[list[Row], list[str], dict[str, int]]:
    """Each value is inserted, updated to the next one and deleted; where NULL is taken it becomes NULL; in one more row
    NULL becomes a value. Gives rows, statements, and how many values each column lost something of."""
    rows: list[Row] = []
    altered: dict[str, int] = {}
    every = frozenset(range(1, 2 + 2 * len(columns)))

    def add(word: str, number: int, required: int, optional: int | None, mask: frozenset[int]) -> None:
        earlier = word in ("delete", "before")
        shown: dict[str, Shown] = {"id": number}
        for column in columns:
            shown |= column.image(required, optional, earlier)
            _count(column, required, optional, earlier, altered)
        rows.append(Row(OPERATIONS[word], shown, mask))

    def values(number: int, required: int, optional: int | None) -> str:
        parts = [sql for column in columns for sql in (column.sql(required), column.sql(optional))]
        return f"({number}, {', '.join(parts)})"

    def setting(number: int, required: int, optional: int | None) -> str:
        parts = ", ".join(
            f"[{one.name}] = {one.sql(required)}, [{one.name}_null] = {one.sql(optional)}" for one in columns
        )
        return f"SET {parts} WHERE id = {number}"

    steps = [(at, at, at + 1, None) for at in range(count)] + [(0, None, 1, 1)]
    for number, (required, optional, _, _) in enumerate(steps):
        add("insert", number, required, optional, every)
    for number, (required, optional, next_required, next_optional) in enumerate(steps):
        add("before", number, required, optional, every - {1})
        add("after", number, next_required, next_optional, every - {1})
        add("delete", number, next_required, next_optional, every)
    inserted = [values(number, *step[:2]) for number, step in enumerate(steps)]
    updated = [setting(number, *step[2:]) for number, step in enumerate(steps)]
    statements = [f"INSERT INTO {table} VALUES {', '.join(inserted)}", *(f"UPDATE {table} {one}" for one in updated)]
    return rows, [*statements, f"DELETE FROM {table}"], altered


def _count(column: _Column, required: int, optional: int | None, earlier: bool, altered: dict[str, int]) -> None:
    if earlier and _NEVER_BEFORE.match(column.sql_type):
        return
    for name, at in ((column.name, required), (f"{column.name}_null", optional)):
        if at is not None and column.values[at % len(column.values)].altered:
            altered[name] = altered.get(name, 0) + 1


# A file that says everything itself.


def _of_script(written: Mapping[str, Any], common: Mapping[str, Any]) -> Case:
    for key in ("create", "changes"):
        if key not in written:
            raise NotationError(f"it needs {key!r}, or columns with values")
    stops = bool(common["error"])
    if not stops and ("schema" not in written or "rows" not in written):
        raise NotationError("it needs a schema and rows, or an error")
    schema = {name: kind_of(text) for name, text in _texts(written.get("schema", {}), "schema").items()}
    return Case(
        create=written["create"],
        changes=written["changes"],
        schema=schema,
        rows=[_row(one, schema) for one in written.get("rows", [])],
        ordered=True,
        altered=written.get("altered", {}),
        capture=written.get("capture", ""),
        **common,
    )


def _row(written: Any, schema: Mapping[str, Kind]) -> Row:
    if not isinstance(written, list) or len(written) not in (2, 3) or written[0] not in OPERATIONS:
        raise NotationError(f'a row is ["insert", {{ … }}], and its mask\'s ordinals if they matter, not {written!r}')
    values = written[1]
    _refuse_unknown(values, set(schema), "a row")
    shown = {name: kind.shown(_joined(values[name])) if name in values else None for name, kind in schema.items()}
    return Row(OPERATIONS[written[0]], shown, frozenset(written[2]) if len(written) == 3 else None)
