"""sp_describe_undeclared_parameters: what Microsoft's driver asks for SQLDescribeParam.

A parameter that stands for a column (INSERT … VALUES, SET column =, a comparison with a column) has the column's
type, asked of the database half; any other one is nvarchar(4000), as SQL Server answers for untyped places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import sqlglot
from sqlglot import exp

from standin.model import MAX, Column, SqlError, SqlType
from standin.tds.values import time_size, type_info

_UNTYPED = SqlType("nvarchar", 4000)
_DOCUMENT = SqlType("nvarchar", MAX)  # json and vector, to a client that has not asked for them
_SYSTEM_TYPE_IDS = {
    "image": 34, "text": 35, "uniqueidentifier": 36, "date": 40, "time": 41, "datetime2": 42, "datetimeoffset": 43,
    "tinyint": 48, "smallint": 52, "int": 56, "smalldatetime": 58, "real": 59, "money": 60, "datetime": 61,
    "float": 62, "sql_variant": 98, "ntext": 99, "bit": 104, "decimal": 106, "numeric": 108, "smallmoney": 122,
    "bigint": 127, "varbinary": 165, "varchar": 167, "binary": 173, "char": 175, "rowversion": 189, "nvarchar": 231,
    "nchar": 239, "xml": 241, "hierarchyid": 240, "geometry": 240, "geography": 240, "udt": 240,
}  # fmt: skip
_FIXED_SIZES = {
    "bit": (1, 1, 0), "tinyint": (1, 3, 0), "smallint": (2, 5, 0), "int": (4, 10, 0), "bigint": (8, 19, 0),
    "real": (4, 24, 0), "float": (8, 53, 0), "money": (8, 19, 4), "smallmoney": (4, 10, 4), "date": (3, 10, 0),
    "datetime": (8, 23, 3), "smalldatetime": (4, 16, 0), "uniqueidentifier": (16, 0, 0), "rowversion": (8, 0, 0),
}  # fmt: skip

_NAME, _WIDE, _INT, _BIT = SqlType("nvarchar", 128), SqlType("nvarchar", 4000), SqlType("int"), SqlType("bit")
RESULT_COLUMNS = [
    Column(name, sql_type)
    for name, sql_type in (
        ("parameter_ordinal", _INT),
        ("name", _NAME),
        ("suggested_system_type_id", _INT),
        ("suggested_system_type_name", SqlType("nvarchar", 256)),
        ("suggested_max_length", SqlType("smallint")),
        ("suggested_precision", SqlType("tinyint")),
        ("suggested_scale", SqlType("tinyint")),
        ("suggested_user_type_id", _INT),
        ("suggested_user_type_database", _NAME),
        ("suggested_user_type_schema", _NAME),
        ("suggested_user_type_name", _NAME),
        ("suggested_assembly_qualified_type_name", _WIDE),
        ("suggested_xml_collection_id", _INT),
        ("suggested_xml_collection_database", _NAME),
        ("suggested_xml_collection_schema", _NAME),
        ("suggested_xml_collection_name", _NAME),
        ("suggested_is_xml_document", _BIT),
        ("suggested_is_case_sensitive", _BIT),
        ("suggested_is_fixed_length_clr_type", _BIT),
        ("suggested_is_input", _BIT),
        ("suggested_is_output", _BIT),
        ("formal_parameter_name", _NAME),
        ("suggested_tds_type_id", _INT),
        ("suggested_tds_length", _INT),
    )
]


def describe_undeclared(
    sql: str, declared: set[str], describe: Callable[[str], list[Column]]
) -> Iterator[tuple[object, ...]]:
    """The result's rows, one a parameter in order of appearance. `declared` has lower-case names with '@'."""
    types = _inferred(sql, describe)
    names = dict.fromkeys(name for name in re.findall(r"(?<!@)@[A-Za-z_#$][\w@#$]*", _without_strings(sql)))
    undeclared = [name for name in names if name.lower() not in declared]
    for ordinal, name in enumerate(undeclared, 1):
        yield _row(ordinal, name, types.get(name.lower(), _UNTYPED))


def _without_strings(sql: str) -> str:
    return re.sub(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|\[[^\]]*\]", " ", sql, flags=re.DOTALL)


def _inferred(sql: str, describe: Callable[[str], list[Column]]) -> dict[str, SqlType]:
    try:
        statements = [statement for statement in sqlglot.parse(sql, read="tsql") if statement is not None]
    except sqlglot.errors.ParseError as error:
        raise SqlError(102, f"Incorrect syntax: {error}", severity=15) from error
    types: dict[str, SqlType] = {}
    for statement in statements:
        for name, column, table in _places(statement):
            try:
                found = describe(f"SELECT {column} FROM {table}")
            except SqlError:
                continue  # an alias, or a derived table: untyped is the honest answer
            if len(found) == 1:
                types.setdefault(name, found[0].type)
    return types


def _places(statement: exp.Expression) -> Iterator[tuple[str, str, str]]:
    """Parameter, column and table for each parameter that stands for a column."""
    tables = {table.alias_or_name.lower(): _table_name(table) for table in statement.find_all(exp.Table)}
    if isinstance(statement, exp.Insert) and isinstance(statement.this, exp.Schema):
        target = _table_name(statement.this.this)
        columns = [_quoted(column.name) for column in statement.this.expressions]
        for row in statement.find_all(exp.Tuple):
            for column, value in zip(columns, row.expressions, strict=False):
                if isinstance(value, exp.Parameter):
                    yield _parameter_name(value), column, target
    for comparison in statement.find_all(exp.Predicate):
        sides = [comparison.this, comparison.args.get("expression")]
        for column, value in (sides, reversed(sides)):
            if isinstance(column, exp.Column) and isinstance(value, exp.Parameter):
                candidates = [tables[column.table.lower()]] if column.table.lower() in tables else tables.values()
                for table in candidates:
                    yield _parameter_name(value), _quoted(column.name), table


def _parameter_name(parameter: exp.Parameter) -> str:
    return "@" + parameter.name.lower()


def _quoted(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


def _table_name(table: exp.Expression) -> str:
    return ".".join(_quoted(part.name) for part in table.parts) if isinstance(table, exp.Table) else table.sql("tsql")


def _row(ordinal: int, name: str, sql_type: SqlType) -> tuple[object, ...]:
    if sql_type.name in ("json", "vector"):
        sql_type = _DOCUMENT
    length, precision, scale = _sizes(sql_type)
    token = type_info(sql_type)[0]
    head = (ordinal, name, _SYSTEM_TYPE_IDS[sql_type.name], _type_text(sql_type), length, precision, scale)
    tail = (0, 0, 0, 1, 0, None, token, 65535 if length == -1 else length)
    return (*head, *(None,) * 9, *tail)


def _sizes(sql_type: SqlType) -> tuple[int, int, int]:
    """Bytes (-1 for max), precision, scale."""
    name = sql_type.name
    if name in _FIXED_SIZES:
        return _FIXED_SIZES[name]
    if name in ("decimal", "numeric"):
        return 17 if sql_type.precision > 28 else 13, sql_type.precision, sql_type.scale
    if name in ("time", "datetime2", "datetimeoffset"):
        extra, width = {"time": (0, 8), "datetime2": (3, 19), "datetimeoffset": (5, 26)}[name]
        point = 1 if sql_type.scale else 0
        return time_size(sql_type.scale) + extra, width + point + sql_type.scale, sql_type.scale
    if name in ("nchar", "nvarchar") and sql_type.length > 0:
        return 2 * sql_type.length, 0, 0
    return sql_type.length if sql_type.length > 0 else -1, 0, 0


def _type_text(sql_type: SqlType) -> str:
    name = sql_type.name
    if name in ("decimal", "numeric"):
        return f"{name}({sql_type.precision},{sql_type.scale})"
    if name in ("time", "datetime2", "datetimeoffset"):
        return f"{name}({sql_type.scale})"
    if name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
        return f"{name}({sql_type.length if sql_type.length > 0 else 'max'})"
    return name
