"""Table-valued functions in FROM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from standin.engine.env import Expr, Scope, SourceColumn
from standin.engine.errors import invalid_object
from standin.engine.types import BIGINT, INT, SYSNAME, family, nvarchar
from standin.model import MAX, SqlError

if TYPE_CHECKING:
    from standin.engine.select import Compiler


def table_function(c: Compiler, node: exp.Table, scope: Scope) -> tuple[str, list[SourceColumn]]:
    from standin.engine.cdc_functions import change_function

    call, schema, catalog = node.this, node.text("db"), node.text("catalog")
    name = call.name
    args = [c.scalar(a, scope.parent) for a in call.expressions]
    database = c.env.session.open_database(catalog) if catalog else c.env.database
    if schema.lower() == "cdc":
        found = change_function(c, database, name, args)
        if found is not None:
            return found
    builtin = _BUILTIN.get(name.lower()) if schema.lower() in ("", "sys") else None
    if builtin is None:
        raise invalid_object(".".join(p for p in (catalog, schema, name) if p))
    return builtin(c, args)


def _string_split(c: Compiler, args: list[Expr]) -> tuple[str, list[SourceColumn]]:
    text, separator = (c.coerce(a, nvarchar(MAX)) for a in args[:2])
    name = c.function("splitjson", lambda: _split, 2)
    sql = f"SELECT value AS x1, key + 1 AS x2 FROM json_each({name}({text.sql}, {separator.sql}))"
    columns = [SourceColumn("value", Expr("", nvarchar(MAX)))]
    if len(args) > 2:
        columns.append(SourceColumn("ordinal", Expr("", BIGINT, False)))
        return sql, columns
    return sql.replace(", key + 1 AS x2", ""), columns


def _split(text: str | None, separator: str | None) -> str:
    import json

    return json.dumps([] if text is None or separator is None else text.split(separator))


def _generate_series(c: Compiler, args: list[Expr]) -> tuple[str, list[SourceColumn]]:
    """GENERATE_SERIES(start, stop[, step]) of whole numbers."""
    if any(family(a.type) != "int" for a in args):
        raise SqlError(
            5373,
            "All the input parameters should be of the same type. Supported types are tinyint, smallint, int, bigint here.",
        )
    t = BIGINT if any(a.type.name == "bigint" for a in args) else INT
    start, stop = args[0].sql, args[1].sql
    step = args[2].sql if len(args) > 2 else "1"
    name = c.env.unique("g")
    sql = (
        f"WITH RECURSIVE {name}(x1) AS (SELECT {start} WHERE ({step} > 0 AND {start} <= {stop}) OR ({step} < 0 AND {start} >= {stop}) "
        f"UNION ALL SELECT x1 + {step} FROM {name} WHERE ({step} > 0 AND x1 + {step} <= {stop}) OR ({step} < 0 AND x1 + {step} >= {stop})) "
        f"SELECT x1 FROM {name}"
    )
    return sql, [SourceColumn("value", Expr("", t, False))]


def _helpcollations(c: Compiler, _args: list[Expr]) -> tuple[str, list[SourceColumn]]:
    from standin.engine.storage import literal
    from standin.engine.types import KNOWN_COLLATIONS

    rows = ", ".join(f"({literal(n)}, {literal(n.replace('_', ' '))})" for n in KNOWN_COLLATIONS)
    columns = [
        SourceColumn("name", Expr("", SYSNAME, False)),
        SourceColumn("description", Expr("", nvarchar(1000), False)),
    ]
    return f"SELECT column1 AS x1, column2 AS x2 FROM (VALUES {rows})", columns


_BUILTIN = {
    "string_split": _string_split,
    "generate_series": _generate_series,
    "fn_helpcollations": _helpcollations,
}
