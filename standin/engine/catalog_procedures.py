"""The catalogue procedures that ODBC and JDBC drivers call (Microsoft Learn, sp_tables … sp_server_info)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from standin.engine import renaming
from standin.engine.catalog import ColumnDef, Database, Table
from standin.engine.odbc_types import ODBC_TYPES, OdbcType, odbc_type
from standin.engine.patterns import compiled
from standin.engine.procedures import Call, procedure, result
from standin.engine.types import (
    BIT,
    INT,
    SYSNAME,
    family,
    is_national,
    max_length,
    nvarchar,
    precision_scale,
    type_name,
    varchar,
)
from standin.engine.views_objects import visible_tables
from standin.model import Event, Info, SqlType

SMALLINT, TINYINT = SqlType("smallint"), SqlType("tinyint")
_TABLE_HEAD = [("TABLE_QUALIFIER", SYSNAME), ("TABLE_OWNER", SYSNAME), ("TABLE_NAME", SYSNAME)]
_NAME = nvarchar(384)


def _matches(pattern: str | None, name: str, is_pattern: bool) -> bool:
    if pattern is None:
        return True
    if not is_pattern:
        return pattern.lower() == name.lower()
    return bool(compiled(pattern, "\\").fullmatch(name))


def _database(call: Call, qualifier: str | None) -> Database:
    return call.session.open_database(qualifier) if qualifier else call.database


def _tables(call: Call, table: str | None, owner: str | None, is_pattern: bool) -> list[Table]:
    database = _database(call, call.get("table_qualifier"))
    found = [
        t
        for t in visible_tables(call.session, database)
        if _matches(table, t.name, is_pattern) and _matches(owner, t.schema, is_pattern)
    ]
    return sorted(found, key=lambda t: (t.schema.lower(), t.name.lower()))


@procedure(
    "sp_tables",
    ("table_name", _NAME), ("table_owner", _NAME), ("table_qualifier", SYSNAME), ("table_type", varchar(100)), ("fusepattern", BIT),
)  # fmt: skip
def _sp_tables(call: Call) -> Iterator[Event]:
    columns = [*_TABLE_HEAD, ("TABLE_TYPE", varchar(32)), ("REMARKS", varchar(254))]
    name, owner, qualifier = call.get("table_name"), call.get("table_owner"), call.get("table_qualifier")
    rows: list[tuple[Any, ...]]
    if qualifier == "%" and name == "" and owner == "":
        rows = [(d.name, None, None, None, None) for d in call.session.engine.databases.values()]
    elif owner == "%" and name == "" and not qualifier:
        rows = [(None, schema, None, None, None) for schema in call.database.schemas.values()]
    else:
        wanted = (call.get("table_type") or "'TABLE'").upper()
        database = _database(call, qualifier)
        found = (
            _tables(call, name, owner, bool(call.get("fusepattern", 1))) if "'TABLE'" in wanted or wanted == "%" else []
        )
        rows = [(database.name, t.schema, t.name, "TABLE", None) for t in found]
    yield from result(columns, rows)


_COLUMN_HEAD = [
    *_TABLE_HEAD, ("COLUMN_NAME", SYSNAME), ("DATA_TYPE", SMALLINT), ("TYPE_NAME", SYSNAME), ("PRECISION", INT), ("LENGTH", INT),
    ("SCALE", SMALLINT), ("RADIX", SMALLINT), ("NULLABLE", SMALLINT), ("REMARKS", varchar(254)), ("COLUMN_DEF", nvarchar(4000)),
    ("SQL_DATA_TYPE", SMALLINT), ("SQL_DATETIME_SUB", SMALLINT), ("CHAR_OCTET_LENGTH", INT), ("ORDINAL_POSITION", INT),
    ("IS_NULLABLE", varchar(254)),
]  # fmt: skip
_COLUMN_100 = [
    ("SS_IS_SPARSE", SMALLINT), ("SS_IS_COLUMN_SET", SMALLINT), ("SS_IS_COMPUTED", SMALLINT), ("SS_IS_IDENTITY", SMALLINT),
    ("SS_UDT_CATALOG_NAME", nvarchar(128)), ("SS_UDT_SCHEMA_NAME", nvarchar(128)), ("SS_UDT_ASSEMBLY_TYPE_NAME", nvarchar(4000)),
    ("SS_XML_SCHEMACOLLECTION_CATALOG_NAME", nvarchar(128)), ("SS_XML_SCHEMACOLLECTION_SCHEMA_NAME", nvarchar(128)),
    ("SS_XML_SCHEMACOLLECTION_NAME", nvarchar(128)),
]  # fmt: skip


def _column_row(database: Database, table: Table, c: ColumnDef, position: int, newer: bool) -> tuple[Any, ...]:
    t: SqlType = c.type
    o: OdbcType = odbc_type(t, newer)
    precision, scale = precision_scale(t)
    number = family(t) in ("int", "decimal", "float") and t.name != "bit"
    text = family(t) in ("text", "binary")
    units = (max_length(t) // (2 if is_national(t) else 1) if max_length(t) > 0 else 0) if text else precision
    size = {"text": 2147483647, "image": 2147483647, "ntext": 1073741823}.get(t.name, units)
    length = o.length if o.length is not None else (size * 2 if is_national(t) else max_length(t))
    fraction = (
        scale if family(t) not in ("text", "binary", "guid", "clr", "float") and t.name not in ("bit", "date") else None
    )
    return (
        database.name, table.schema, table.name, c.name, o.data_type, type_name(t) + (" identity" if c.identity else ""),
        o.precision if o.precision is not None else size, length, fraction, (2 if family(t) == "float" else 10) if number else None,
        int(c.nullable), None, f"({c.default})" if c.default else None, o.sql_data_type, o.datetime_sub,
        length if text else None, position, "YES" if c.nullable else "NO",
    )  # fmt: skip


def _columns(call: Call, extended: bool) -> Iterator[Event]:
    is_pattern = bool(call.get("fusepattern", 1))
    newer = call.get("odbcver", 2) >= 3 and extended
    database = _database(call, call.get("table_qualifier"))
    rows = []
    for table in _tables(call, call.get("table_name"), call.get("table_owner"), is_pattern):
        for position, c in enumerate(table.columns, 1):
            if not _matches(call.get("column_name"), c.name, is_pattern):
                continue
            row = _column_row(database, table, c, position, newer)
            if extended:
                udt = (database.name, "sys", type_name(c.type)) if family(c.type) == "clr" else (None, None, None)
                row += (0, 0, int(c.computed is not None), int(c.identity is not None), *udt, None, None, None)
            rows.append((*row, odbc_type(c.type, newer).ss_data_type))
    columns = [*_COLUMN_HEAD, *(_COLUMN_100 if extended else []), ("SS_DATA_TYPE", TINYINT)]
    yield from result(columns, rows)


_COLUMN_ARGUMENTS = [
    ("table_name", _NAME, True), ("table_owner", _NAME), ("table_qualifier", SYSNAME), ("column_name", _NAME)
]  # fmt: skip


@procedure("sp_columns", *_COLUMN_ARGUMENTS, ("odbcver", INT), ("fusepattern", BIT))
def _sp_columns(call: Call) -> Iterator[Event]:
    return _columns(call, False)


@procedure("sp_columns_100", *_COLUMN_ARGUMENTS, ("namescope", INT), ("odbcver", INT), ("fusepattern", BIT))
def _sp_columns_100(call: Call) -> Iterator[Event]:
    return _columns(call, True)


@procedure("sp_pkeys", ("table_name", SYSNAME, True), ("table_owner", SYSNAME), ("table_qualifier", SYSNAME))
def _sp_pkeys(call: Call) -> Iterator[Event]:
    columns = [*_TABLE_HEAD, ("COLUMN_NAME", SYSNAME), ("KEY_SEQ", SMALLINT), ("PK_NAME", SYSNAME)]
    database = _database(call, call.get("table_qualifier"))
    rows = []
    for t in _tables(call, call.get("table_name"), call.get("table_owner"), False):
        key = t.primary_key
        for n, (name, _) in enumerate(key.columns if key else [], 1):
            rows.append((database.name, t.schema, t.name, name, n, key.name if key else None))
    yield from result(columns, rows)


_STATISTICS = [
    *_TABLE_HEAD, ("NON_UNIQUE", SMALLINT), ("INDEX_QUALIFIER", SYSNAME), ("INDEX_NAME", SYSNAME), ("TYPE", SMALLINT),
    ("SEQ_IN_INDEX", SMALLINT), ("COLUMN_NAME", SYSNAME), ("COLLATION", SqlType("char", 1)), ("CARDINALITY", INT), ("PAGES", INT),
    ("FILTER_CONDITION", varchar(128)),
]  # fmt: skip
_STATISTICS_ARGUMENTS = [
    ("table_name", SYSNAME, True), ("table_owner", SYSNAME), ("table_qualifier", SYSNAME), ("index_name", SYSNAME),
    ("is_unique", SqlType("char", 1)), ("accuracy", SqlType("char", 1)),
]  # fmt: skip


@procedure("sp_statistics", *_STATISTICS_ARGUMENTS)
def _sp_statistics(call: Call) -> Iterator[Event]:
    database = _database(call, call.get("table_qualifier"))
    rows: list[tuple[Any, ...]] = []
    for t in _tables(call, call.get("table_name"), call.get("table_owner"), False):
        head = (database.name, t.schema, t.name)
        (count,) = call.session.db.execute(f"SELECT count(*) FROM {t.physical}").fetchone()
        rows.append((*head, None, None, None, 0, None, None, None, count, 1, None))
        for i in sorted(t.indexes, key=lambda i: (not i.unique, not i.clustered, i.name)):
            if (call.get("is_unique") or "N").upper() == "Y" and not i.unique:
                continue
            if not _matches(call.get("index_name"), i.name, True):
                continue
            kind = 1 if i.clustered else 3
            for n, (name, descending) in enumerate(i.columns, 1):
                rows.append(
                    (
                        *head,
                        int(not i.unique),
                        t.name,
                        i.name,
                        kind,
                        n,
                        name,
                        "D" if descending else "A",
                        count,
                        1,
                        None,
                    )
                )
    yield from result(_STATISTICS, rows)


@procedure("sp_statistics_100", *_STATISTICS_ARGUMENTS)
def _sp_statistics_100(call: Call) -> Iterator[Event]:
    return _sp_statistics(call)


_DATATYPE_INFO = [
    ("TYPE_NAME", SYSNAME), ("DATA_TYPE", SMALLINT), ("PRECISION", INT), ("LITERAL_PREFIX", varchar(32)), ("LITERAL_SUFFIX", varchar(32)),
    ("CREATE_PARAMS", varchar(32)), ("NULLABLE", SMALLINT), ("CASE_SENSITIVE", SMALLINT), ("SEARCHABLE", SMALLINT),
    ("UNSIGNED_ATTRIBUTE", SMALLINT), ("MONEY", SMALLINT), ("AUTO_INCREMENT", SMALLINT), ("LOCAL_TYPE_NAME", SYSNAME),
    ("MINIMUM_SCALE", SMALLINT), ("MAXIMUM_SCALE", SMALLINT), ("SQL_DATA_TYPE", SMALLINT), ("SQL_DATETIME_SUB", SMALLINT),
    ("NUM_PREC_RADIX", INT), ("INTERVAL_PRECISION", SMALLINT), ("USERTYPE", SMALLINT),
]  # fmt: skip


def _datatype_info(call: Call, newer: bool) -> Iterator[Event]:
    wanted = call.get("data_type", 0)
    rows = [o.info_row(newer) for o in ODBC_TYPES if not o.newer_only or newer]
    chosen = [r for r in rows if wanted in (0, r[1])]
    yield from result(_DATATYPE_INFO, sorted(chosen, key=lambda r: (r[1], r[19])))


@procedure("sp_datatype_info", ("data_type", INT), ("odbcver", TINYINT))
def _sp_datatype_info(call: Call) -> Iterator[Event]:
    return _datatype_info(call, False)


@procedure("sp_datatype_info_100", ("data_type", INT), ("odbcver", TINYINT))
def _sp_datatype_info_100(call: Call) -> Iterator[Event]:
    return _datatype_info(call, True)


@procedure("sp_databases")
def _sp_databases(call: Call) -> Iterator[Event]:
    columns = [("DATABASE_NAME", SYSNAME), ("DATABASE_SIZE", INT), ("REMARKS", varchar(254))]
    yield from result(
        columns, [(d.name, 8192, None) for d in sorted(call.session.engine.databases.values(), key=lambda d: d.name)]
    )


@procedure("sp_server_info", ("attribute_id", INT))
def _sp_server_info(call: Call) -> Iterator[Event]:
    properties = call.session.engine.properties
    values = [
        (1, "DBMS_NAME", "Microsoft SQL Server"), (2, "DBMS_VER", f"{properties.product} - {properties.version.build}"),
        (10, "OWNER_TERM", "owner"), (11, "TABLE_TERM", "table"), (12, "MAX_OWNER_NAME_LENGTH", "128"), (13, "TABLE_LENGTH", "128"),
        (14, "MAX_QUAL_LENGTH", "128"), (15, "COLUMN_LENGTH", "128"), (16, "IDENTIFIER_CASE", "MIXED"), (17, "TX_ISOLATION", "2"),
        (18, "COLLATION_SEQ", "charset=iso_1 sort_order=nocase_iso charset_num=1 sort_order_num=52"), (20, "SAVEPOINT_SUPPORT", "Y"),
    ]  # fmt: skip
    wanted = call.get("attribute_id")
    columns = [("attribute_id", INT), ("attribute_name", varchar(60)), ("attribute_value", varchar(255))]
    yield from result(columns, [v for v in values if wanted in (None, v[0])])


@procedure("sp_rename", ("objname", nvarchar(1035), True), ("newname", SYSNAME, True), ("objtype", varchar(13)))
def _sp_rename(call: Call) -> Iterator[Event]:
    kind = call.get("objtype", "").upper()
    renaming.rename(call.session, call.database, call.get("objname"), call.get("newname"), kind)
    yield Info(15477, "Caution: Changing any part of an object name could break scripts and stored procedures.", 0)


@procedure("sp_addrolemember", ("rolename", SYSNAME, True), ("membername", SYSNAME, True))
def _add_role_member(call: Call) -> Iterator[Event]:
    from standin.engine.security import _require, set_member

    _require(call.session, "sp_addrolemember")
    set_member(call.session, call.get("rolename"), call.get("membername"), True)
    return iter(())


@procedure("sp_droprolemember", ("rolename", SYSNAME, True), ("membername", SYSNAME, True))
def _drop_role_member(call: Call) -> Iterator[Event]:
    from standin.engine.security import _require, set_member

    _require(call.session, "sp_droprolemember")
    set_member(call.session, call.get("rolename"), call.get("membername"), False)
    return iter(())


@procedure("sp_configure", ("configname", varchar(35)), ("configvalue", INT))
def _sp_configure(call: Call) -> Iterator[Event]:
    """Accepted: the stand-in has nothing that these options would change."""
    return iter(())


@procedure("sp_reset_connection")
def _sp_reset_connection(call: Call) -> Iterator[Event]:
    return iter(())
