"""Writes docs/TYPES.md from what the program itself says (`cdc-to-s3 types --json`): `make types-doc`.

python -m tools.types_doc --program build/cdc-to-s3 > docs/TYPES.md
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

_HEAD = """\
# Types

What a column of each SQL Server type becomes in Parquet, what options make of it, and what readers show of it.
This page is generated from the program's own tables (`make types-doc`); `cdc-to-s3 types` prints them for your settings,
`cdc-to-s3 tables` for your columns. The bytes themselves are in [FORMAT.md](FORMAT.md).

- [What types become](#what-types-become)
- [Options](#options)
- [What readers show](#what-readers-show)
- [Masks](#masks)
- [Names](#names)
- [Files of different options](#files-of-different-options)
- [Spark](#spark)
"""

_TYPES = """\
## What types become

The first line of a type is the default; the others are what an option makes of it. "Counted" means that the object's
footer (`cdc.altered_values`), the log, the metrics and `status` say how many values of which column lost something. A
value that a form cannot hold at all is never changed: the table stops right before it and says what helps.

Every captured column can be NULL. Alias types are their base type. Computed columns are always NULL: CDC does not
capture them. `<column>` is the column's name.
"""

_OWN = """\
The columns of CDC itself come first, in this order:
"""

_OPTIONS = """\
## Options

With their defaults; behind each what else it can be. In `[types]` they hold for everything, in `[table."pattern"]` for
tables, in `[table."pattern".column."pattern"]` for columns; `lsn` and `meta_prefix` are a table's. In the environment
they are `CDC_TYPES_DATETIME2` and so on.
"""

_EXAMPLES = """\
```toml
[types]
time = "time"                                # everywhere

[table."Sales.*"]
datetime2 = "nanos"                          # in all columns of these tables

[table."Person.Address".column."SpatialLocation"]
spatial = "wkb"                              # in one column
```
"""

_READERS = """\
## What readers show

Each cell is the type that the reader shows by itself. Without a further word every value is exact. Tests hold each cell
against the reader, value by value with the ends of each type's range:
{versions}.
In Python, DuckDB's `fetchall()` of a TIMESTAMP WITH TIME ZONE needs the package pytz; `df()`, `arrow()` and `pl()` do not.

Files with the defaults are also opened by {engines}, and every value is what pyarrow shows: by DataFusion with pages left
out by their statistics, by PyIceberg after `add_files` into a table with a name mapping (objects have no field ids, which
Iceberg would take before names), by delta-rs after `convert_to_deltalake`. fastparquet shows decimals as doubles, and
no dates that nanoseconds since 1970 do not hold.
"""

_REST = """\
## Masks

`mask = "null"` leaves a column's type, and every value is NULL; the values do not leave the server. `mask = "hash"`
makes the column STRING: HMAC-SHA256 with your key over the value's canonical form, as 64 lower-case hex digits. NULL stays
NULL; a second column (`__offset`, `__type`, `__srid`) is not written. The same value gives the same token, in whatever
type of column and in whatever table it stands. The canonical form:

| Type | Canonical form |
|---|---|
| text of every kind, xml, json | the text as UTF-8, trailing blanks too |
| bit, integers, decimals, money | decimal text without zeros that end the fraction: `-0.5`, `10` |
| real, float | likewise: a whole number exactly, else the fewest digits that read back exactly, without exponent: `0.1`, `100000`, `0` for minus zero |
| date | `2024-02-29` |
| other dates and times | their exact text, the fraction without zeros that end it: `18:44:15.5`, `2024-02-29 18:44:15`, `2024-02-29 18:44:15.5 +05:30` |
| uniqueidentifier | its text, upper case |
| bytes of every kind | the bytes |
| sql_variant | as a column of its base type |

So somebody with the key finds a value's token without the program:

```python
import hashlib, hmac

key = open("mask.key", "rb").read().rstrip(b"\\r\\n")
token = hmac.new(key, "ana@example.com".encode(), hashlib.sha256).hexdigest()
```

The key, and what happens when it changes: [OPERATIONS.md](OPERATIONS.md#how-values-are-written).

## Names

Columns keep SQL Server's names, whatever characters these have.

- **Upper and lower case**: a database whose collation tells `Name` from `name` can have both in one table. pyarrow,
  polars, pandas and hyparquet show both; DuckDB calls the second one `NAME_1`; Spark refuses the file unless
  `spark.sql.caseSensitive=true`.
- **`$`**: CDC's own columns are called `__$start_lsn` and so on, as in SQL Server. Where an engine refuses `$`,
  `meta_prefix = "cdc_"` calls them `cdc_start_lsn`.
- `<column>__offset`, `<column>__type` and `<column>__srid` stand right behind their column. Should that or the prefix
  give two columns one name, the table is refused and the message says what helps.

## Files of different options

An option that changes applies from the next object on; older objects stay as they are. What readers then make of a
folder whose files differ, and how to come through it, is in
[OPERATIONS.md](OPERATIONS.md#how-values-are-written). The rule: choose options before the first object.

## Spark

- Spark 4 reads every default exactly as it is. **Spark 3** refuses DATE before 1582-10-15 and TIMESTAMP in UTC before
  1900 (`READ_ANCIENT_DATETIME`), because it does not know whose calendar they are in. It is the proleptic Gregorian one:
  set `spark.sql.parquet.datetimeRebaseModeInRead=CORRECTED`. `LEGACY` shifts these values by days. Timestamps that are
  not in UTC are not touched by either.
- `datetime2 = "nanos"` needs `spark.sql.legacy.parquet.nanosAsLong=true`, and is then a bigint of nanoseconds since
  1970-01-01.
- `time = "time"` needs `spark.sql.timeType.enabled=true`, and is then a time(6).
- `uniqueidentifier = "uuid"` is refused unless the schema is given (`spark.read.schema("… binary")`).
"""


def described(program: Path) -> dict[str, Any]:
    """What the program says with no settings at all."""
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            [program.resolve(), "types", "--json"], cwd=empty, env={}, capture_output=True, text=True, check=True
        )
    return dict(json.loads(done.stdout))


def _escaped(text: str) -> str:
    """Of Markdown outside code, where <name> would be HTML."""
    parts = text.replace("|", "\\|").split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |\n"


def _table(head: list[str], rows: Iterable[Iterable[str]]) -> str:
    return _row(head) + "|" + "---|" * len(head) + "\n" + "".join(_row(row) for row in rows)


def _parquet(columns: list[dict[str, str]]) -> str:
    first, *more = columns
    return first["parquet"] + "".join(f", and `{_named(one['name'])}` {one['parquet']}" for one in more)


def _named(name: str) -> str:
    return re.sub("^column", "<column>", name)


def _mapping(types: list[dict[str, Any]], code: bool = False) -> str:
    rows = []
    for _, same in groupby(types, key=lambda one: one["forms"]):
        group = list(same)
        names = ", ".join(f"`{one['sql_type']}`" if code else one["sql_type"] for one in group)
        for form in group[0]["forms"]:
            option = ", ".join(f'`{name} = "{word}"`' for name, word in form["options"].items())
            rows.append([names, option, _parquet(form["columns"]), form["note"]])
            names = ""
    return _table(["SQL Server", "Option", "Parquet", ""], rows)


def _own(metadata: list[dict[str, Any]]) -> str:
    return _mapping(metadata, code=True).replace("| SQL Server |", "| Column |", 1)


def _options(options: list[dict[str, Any]]) -> str:
    rows = [
        [f'`{one["name"]} = "{one["default"]}"`', ", ".join(f'`"{word}"`' for word in one["words"][1:]), one["help"]]
        for one in options
    ]
    return _table(["Option and default", "Else", ""], rows)


def _cell(cell: dict[str, str], losses: dict[str, str]) -> str:
    text = cell["type"] or "**refused**"
    if cell["type"] and cell["loss"]:
        text = f"**{text}**: {losses[cell['loss']]}"
    return text + (f"; {cell['setting_type']} with `{cell['setting']}`" if cell["setting"] else "")


def _readers(forms: list[dict[str, Any]], losses: dict[str, str]) -> str:
    names = list(forms[0]["readers"])
    rows = [[form["parquet"], *(_cell(form["readers"][name], losses) for name in names)] for form in forms]
    return _table(["Parquet", *names], rows)


def _pins() -> dict[str, str]:
    pins = (ROOT / "tools/requirements.txt").read_text() + (ROOT / "tools/requirements-witness.txt").read_text()
    return dict(re.findall(r"^([a-z]+)(?:\[[a-z-]+\])?==(\S+)$", pins, re.MULTILINE))


def _engines() -> str:
    python = _pins()
    named = {
        "DataFusion": "datafusion",
        "PyIceberg": "pyiceberg",
        "delta-rs": "deltalake",
        "fastparquet": "fastparquet",
    }
    return ", ".join(f"{name} {python[package]}" for name, package in named.items())


def _versions() -> str:
    """The readers that the tests install."""
    python = _pins()
    node = json.loads((ROOT / "tests/clients/node/package.json").read_text())["dependencies"]
    named = {name: python[name.lower()] for name in ("pyarrow", "DuckDB", "polars", "pandas")}
    named |= {"Spark": python["pyspark"], "hyparquet": node["hyparquet"]}
    return ", ".join(f"{name} {version}" for name, version in named.items())


def document(types: dict[str, Any]) -> str:
    parts = [
        _HEAD,
        _TYPES,
        _mapping(types["types"]),
        _OWN,
        _own(types["metadata"]),
        _OPTIONS,
        _options(types["options"]),
        _EXAMPLES,
        _READERS.format(versions=_versions(), engines=_engines()),
        _readers(types["forms"], types["losses"]),
        _REST,
    ]
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, default=ROOT / "build/cdc-to-s3")
    sys.stdout.write(document(described(parser.parse_args().program)))


if __name__ == "__main__":
    main()
