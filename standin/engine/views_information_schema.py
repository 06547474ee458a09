"""INFORMATION_SCHEMA."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from standin.engine.catalog import ColumnDef, Database
from standin.engine.system_views import view
from standin.engine.types import INT, SYSNAME, family, is_national, nvarchar, precision_scale, type_name, varchar
from standin.engine.views_objects import SMALLINT, TINYINT, visible_tables

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

_I = nvarchar(128)


@view(
    "information_schema",
    "tables",
    [("TABLE_CATALOG", _I), ("TABLE_SCHEMA", _I), ("TABLE_NAME", SYSNAME), ("TABLE_TYPE", varchar(10))],
)
def _i_tables(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    return [(database.name, t.schema, t.name, "BASE TABLE") for t in visible_tables(session, database)]


@view("information_schema", "schemata", [("CATALOG_NAME", _I), ("SCHEMA_NAME", _I), ("SCHEMA_OWNER", _I)])
def _i_schemata(_session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    return [(database.name, name, "dbo") for name in database.schemas.values()]


@view("information_schema", "columns", [
    ("TABLE_CATALOG", _I), ("TABLE_SCHEMA", _I), ("TABLE_NAME", SYSNAME), ("COLUMN_NAME", SYSNAME), ("ORDINAL_POSITION", INT),
    ("COLUMN_DEFAULT", nvarchar(4000)), ("IS_NULLABLE", varchar(3)), ("DATA_TYPE", _I), ("CHARACTER_MAXIMUM_LENGTH", INT),
    ("CHARACTER_OCTET_LENGTH", INT), ("NUMERIC_PRECISION", TINYINT), ("NUMERIC_PRECISION_RADIX", SMALLINT), ("NUMERIC_SCALE", INT),
    ("DATETIME_PRECISION", SMALLINT), ("CHARACTER_SET_NAME", SYSNAME), ("COLLATION_NAME", SYSNAME),
])  # fmt: skip
def _i_columns(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        for position, c in enumerate(t.columns, 1):
            yield (database.name, t.schema, t.name, c.name, position, *_i_column(database, c))


def _i_column(database: Database, c: ColumnDef) -> tuple[Any, ...]:
    t, kind = c.type, family(c.type)
    precision, scale = precision_scale(t)
    number = kind in ("int", "decimal", "float") and t.name != "bit"
    sized = kind in ("text", "binary") and t.name != "rowversion"
    length = {"text": 2147483647, "image": 2147483647, "ntext": 1073741823, "xml": -1, "json": -1}.get(t.name, t.length)
    octets = length * 2 if is_national(t) and 0 < length < 2**30 else length
    text = kind == "text" and t.name not in ("xml", "json")
    return (
        f"({c.default})" if c.default else None, "YES" if c.nullable else "NO", type_name(t), length if sized else None,
        octets if sized else None, precision if number else None, (2 if kind == "float" else 10) if number else None,
        scale if number and kind != "float" else None,
        (0 if kind == "date" else scale) if kind in ("date", "time", "datetime", "smalldatetime", "datetime2", "datetimeoffset") else None,
        ("UNICODE" if is_national(t) else "iso_1") if text else None, (c.collation or database.collation) if text else None,
    )  # fmt: skip


@view("information_schema", "table_constraints", [
    ("CONSTRAINT_CATALOG", _I), ("CONSTRAINT_SCHEMA", _I), ("CONSTRAINT_NAME", SYSNAME), ("TABLE_CATALOG", _I), ("TABLE_SCHEMA", _I),
    ("TABLE_NAME", SYSNAME), ("CONSTRAINT_TYPE", varchar(11)), ("IS_DEFERRABLE", varchar(2)), ("INITIALLY_DEFERRED", varchar(2)),
])  # fmt: skip
def _i_constraints(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        for i in t.indexes:
            if i.kind:
                kind = "PRIMARY KEY" if i.kind == "PK" else "UNIQUE"
                yield database.name, t.schema, i.name, database.name, t.schema, t.name, kind, "NO", "NO"


@view("information_schema", "key_column_usage", [
    ("CONSTRAINT_CATALOG", _I), ("CONSTRAINT_SCHEMA", _I), ("CONSTRAINT_NAME", _I), ("TABLE_CATALOG", _I), ("TABLE_SCHEMA", _I),
    ("TABLE_NAME", _I), ("COLUMN_NAME", _I), ("ORDINAL_POSITION", INT),
])  # fmt: skip
def _i_keys(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        for i in t.indexes:
            if i.kind:
                for n, (name, _) in enumerate(i.columns, 1):
                    yield database.name, t.schema, i.name, database.name, t.schema, t.name, name, n
