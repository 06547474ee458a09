"""Views of tables, columns, indexes, types, principals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from standin.engine.catalog import ColumnDef, Database, Table
from standin.engine.system_views import view
from standin.engine.types import (
    BIT,
    DATETIME,
    DOCUMENTS,
    INT,
    SYSNAME,
    TYPES,
    USER_TYPE_ID,
    family,
    max_length,
    nvarchar,
    precision_scale,
    type_name,
)  # fmt: skip
from standin.model import MAX, SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

TINYINT = SqlType("tinyint")
CHAR2 = SqlType("char", 2)
SMALLINT = SqlType("smallint")


def visible_tables(session: EngineSession, database: Database) -> list[Table]:
    """What the caller may see: metadata visibility follows rights on the object."""
    from standin.engine import permissions

    if permissions.is_owner(session, database):
        return list(database.tables.values())
    return [t for t in database.tables.values() if permissions.may_see(session, database, t)]


def schema_id(database: Database, schema: str) -> int:
    return database.schema_ids.get(schema.lower(), 1)


_OBJECT = [
    ("name", SYSNAME), ("object_id", INT), ("principal_id", INT), ("schema_id", INT), ("parent_object_id", INT), ("type", CHAR2),
    ("type_desc", nvarchar(60)), ("create_date", DATETIME), ("modify_date", DATETIME), ("is_ms_shipped", BIT), ("is_published", BIT),
    ("is_schema_published", BIT),
]  # fmt: skip


def _object(database: Database, t: Table, kind: str = "U ", desc: str = "USER_TABLE") -> tuple[Any, ...]:
    shipped = int(t.schema == "cdc" and not t.change_table)
    return (
        t.name,
        t.object_id,
        None,
        schema_id(database, t.schema),
        0,
        kind,
        desc,
        t.create_date,
        t.modify_date,
        shipped,
        0,
        0,
    )


def _constraints(database: Database, t: Table) -> Iterator[tuple[Any, ...]]:
    for index in t.indexes:
        if index.kind:
            desc = "PRIMARY_KEY_CONSTRAINT" if index.kind == "PK" else "UNIQUE_CONSTRAINT"
            yield (
                index.name,
                index.object_id,
                None,
                schema_id(database, t.schema),
                t.object_id,
                index.kind,
                desc,
                t.create_date,
                t.modify_date,
                0,
                0,
                0,
            )


@view("sys", "objects", _OBJECT)
def _objects(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        yield _object(database, t)
        yield from _constraints(database, t)


@view("sys", "all_objects", _OBJECT)
def _all_objects(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    return _objects(session, database)


_TABLE = [
    *_OBJECT, ("lob_data_space_id", INT), ("max_column_id_used", INT), ("lock_on_bulk_load", BIT), ("uses_ansi_nulls", BIT),
    ("is_replicated", BIT), ("has_replication_filter", BIT), ("is_merge_published", BIT), ("is_sync_tran_subscribed", BIT),
    ("has_unchecked_assembly_data", BIT), ("text_in_row_limit", INT), ("large_value_types_out_of_row", BIT), ("is_tracked_by_cdc", BIT),
    ("lock_escalation", TINYINT), ("lock_escalation_desc", nvarchar(60)), ("is_filetable", BIT), ("is_memory_optimized", BIT),
    ("durability", TINYINT), ("temporal_type", TINYINT), ("temporal_type_desc", nvarchar(60)), ("is_external", BIT),
]  # fmt: skip


@view("sys", "tables", _TABLE)
def _tables(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        tracked = int(database.is_captured(t))
        yield (
            *_object(database, t), 0, t.columns_max, 0, 1, tracked, 0, 0, 0, 0, 0, 0, tracked, 0, "TABLE", 0, 0, 0, 0,
            "NON_TEMPORAL_TABLE", 0,
        )  # fmt: skip


@view("sys", "schemas", [("name", SYSNAME), ("schema_id", INT), ("principal_id", INT)])
def _schemas(_session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for key, name in database.schemas.items():
        yield name, database.schema_ids[key], 1


_COLUMN = [
    ("object_id", INT), ("name", SYSNAME), ("column_id", INT), ("system_type_id", TINYINT), ("user_type_id", INT),
    ("max_length", SMALLINT), ("precision", TINYINT), ("scale", TINYINT), ("collation_name", SYSNAME), ("is_nullable", BIT),
    ("is_ansi_padded", BIT), ("is_rowguidcol", BIT), ("is_identity", BIT), ("is_computed", BIT), ("is_filestream", BIT),
    ("is_replicated", BIT), ("is_non_sql_subscribed", BIT), ("is_merge_published", BIT), ("is_dts_replicated", BIT),
    ("is_xml_document", BIT), ("xml_collection_id", INT), ("default_object_id", INT), ("rule_object_id", INT), ("is_sparse", BIT),
    ("is_column_set", BIT), ("generated_always_type", TINYINT), ("is_hidden", BIT), ("is_masked", BIT),
]  # fmt: skip


def user_type_id(t: SqlType) -> int:
    return USER_TYPE_ID.get(t.name, TYPES[t.name][0])


def _column(database: Database, table: Table, c: ColumnDef) -> tuple[Any, ...]:
    precision, scale = precision_scale(c.type)
    collation = (
        (c.collation or database.collation) if family(c.type) == "text" and c.type.name not in DOCUMENTS else None
    )
    return (
        table.object_id, c.name, c.column_id, TYPES[c.type.name][0], c.user_type.user_type_id if c.user_type else user_type_id(c.type), max_length(c.type), precision, scale,
        collation, int(c.nullable), 1, 0, int(c.identity is not None), int(c.computed is not None), 0, int(database.captures(table, c)),
        0, 0, 0, 0, 0, 0, 0, int(c.sparse), 0, 0, 0, 0,
    )  # fmt: skip


@view("sys", "columns", _COLUMN)
def _columns(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    return [_column(database, t, c) for t in visible_tables(session, database) for c in t.columns]


@view("sys", "all_columns", _COLUMN)
def _all_columns(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    return _columns(session, database)


@view(
    "sys",
    "computed_columns",
    [*_COLUMN, ("definition", nvarchar(MAX)), ("uses_database_collation", BIT), ("is_persisted", BIT)],
)
def _computed(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    pairs = [(t, c) for t in visible_tables(session, database) for c in t.columns if c.computed is not None]
    return [(*_column(database, t, c), c.computed, 0, int(c.persisted)) for t, c in pairs]


_VARIANTISH = nvarchar(128)


@view(
    "sys",
    "identity_columns",
    [
        *_COLUMN,
        ("seed_value", _VARIANTISH),
        ("increment_value", _VARIANTISH),
        ("last_value", _VARIANTISH),
        ("is_not_for_replication", BIT),
    ],
    True,
)
def _identity(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        for c in t.columns:
            if c.identity is not None:
                last = None if t.identity_value is None else str(t.identity_value)
                yield (*_column(database, t, c), str(c.identity[0]), str(c.identity[1]), last, 0)


@view(
    "sys",
    "default_constraints",
    [*_OBJECT, ("parent_column_id", INT), ("definition", nvarchar(MAX)), ("is_system_named", BIT)],
)
def _defaults(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        for c in t.columns:
            if c.default is not None:
                head = (
                    c.default_name,
                    t.object_id + c.column_id,
                    None,
                    schema_id(database, t.schema),
                    t.object_id,
                    "D ",
                    "DEFAULT_CONSTRAINT",
                )
                yield (*head, t.create_date, t.modify_date, 0, 0, 0, c.column_id, f"({c.default})", 0)


_INDEX = [
    ("object_id", INT), ("name", SYSNAME), ("index_id", INT), ("type", TINYINT), ("type_desc", nvarchar(60)), ("is_unique", BIT),
    ("data_space_id", INT), ("ignore_dup_key", BIT), ("is_primary_key", BIT), ("is_unique_constraint", BIT), ("fill_factor", TINYINT),
    ("is_padded", BIT), ("is_disabled", BIT), ("is_hypothetical", BIT), ("allow_row_locks", BIT), ("allow_page_locks", BIT),
    ("has_filter", BIT), ("filter_definition", nvarchar(MAX)),
]  # fmt: skip


@view("sys", "indexes", _INDEX)
def _indexes(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        if not any(i.clustered for i in t.indexes):
            yield t.object_id, None, 0, 0, "HEAP", 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, None
        for i in t.indexes:
            kind = (1, "CLUSTERED") if i.clustered else (2, "NONCLUSTERED")
            yield (
                t.object_id, i.name, i.index_id, *kind, int(i.unique), 1, 0, int(i.kind == "PK"), int(i.kind == "UQ"), 0, 0, 0, 0, 1,
                1, 0, None,
            )  # fmt: skip


_INDEX_COLUMN = [
    ("object_id", INT), ("index_id", INT), ("index_column_id", INT), ("column_id", INT), ("key_ordinal", TINYINT),
    ("partition_ordinal", TINYINT), ("is_descending_key", BIT), ("is_included_column", BIT),
]  # fmt: skip


@view("sys", "index_columns", _INDEX_COLUMN)
def _index_columns(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        for i in t.indexes:
            for n, (name, descending) in enumerate(i.columns, 1):
                yield t.object_id, i.index_id, n, t.column(name).column_id, n, 0, int(descending), 0


@view("sys", "key_constraints", [*_OBJECT, ("unique_index_id", INT), ("is_system_named", BIT), ("is_enforced", BIT)])
def _keys(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        ids = [i.index_id for i in t.indexes if i.kind]
        for row, index_id in zip(_constraints(database, t), ids, strict=True):
            yield (*row, index_id, 0, 1)


@view("sys", "types", [
    ("name", SYSNAME), ("system_type_id", TINYINT), ("user_type_id", INT), ("schema_id", INT), ("principal_id", INT),
    ("max_length", SMALLINT), ("precision", TINYINT), ("scale", TINYINT), ("collation_name", SYSNAME), ("is_nullable", BIT),
    ("is_user_defined", BIT), ("is_assembly_type", BIT), ("default_object_id", INT), ("rule_object_id", INT), ("is_table_type", BIT),
])  # fmt: skip
def _types(_session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for one in database.user_types.values():
        clr, text = family(one.base) == "clr", family(one.base) == "text" and one.base.name not in DOCUMENTS
        yield (
            one.name, TYPES[one.base.name][0], one.user_type_id, schema_id(database, one.schema), None, max_length(one.base),
            *precision_scale(one.base), database.collation if text else None, int(one.nullable), 1, int(clr), 0, 0, 0,
        )  # fmt: skip
    for name, (number, kind, _, size) in TYPES.items():
        if name == "udt":
            continue
        t = SqlType(name, precision=38, scale=7 if name in ("time", "datetime2", "datetimeoffset") else 0)
        precision, scale = precision_scale(t)
        collation = database.collation if kind == "text" and name not in DOCUMENTS else None
        length = 8000 if name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary") else size
        yield (
            type_name(t),
            number,
            user_type_id(t),
            4,
            None,
            length,
            precision,
            scale,
            collation,
            1,
            0,
            int(kind == "clr"),
            0,
            0,
            0,
        )
    yield "sysname", 231, 256, 4, None, 256, 0, 0, database.collation, 0, 0, 0, 0, 0, 0


@view("sys", "database_principals", [
    ("name", SYSNAME), ("principal_id", INT), ("type", SqlType("char", 1)), ("type_desc", nvarchar(60)), ("default_schema_name", SYSNAME),
    ("is_fixed_role", BIT), ("authentication_type_desc", nvarchar(60)),
])  # fmt: skip
def _principals(_session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for p in database.principals.values():
        role = p.kind == "R"
        desc = "DATABASE_ROLE" if role else "SQL_USER"
        yield (
            p.name,
            p.principal_id,
            p.kind,
            desc,
            None if role else "dbo",
            int(role and p.principal_id >= 16384),
            "NONE" if role or not p.login else "INSTANCE",
        )


@view("sys", "database_role_members", [("role_principal_id", INT), ("member_principal_id", INT)])
def _members(_session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for p in database.principals.values():
        for role in p.roles:
            if role in database.principals:
                yield database.principals[role].principal_id, p.principal_id


@view("sys", "partitions", [
    ("partition_id", SqlType("bigint")), ("object_id", INT), ("index_id", INT), ("partition_number", INT), ("rows", SqlType("bigint")),
], True)  # fmt: skip
def _partitions(session: EngineSession, database: Database) -> Iterable[tuple[Any, ...]]:
    for t in visible_tables(session, database):
        (rows,) = session.db.execute(f"SELECT count(*) FROM {t.physical}").fetchone()
        for index_id in {i.index_id for i in t.indexes} | ({0} if not any(i.clustered for i in t.indexes) else set()):
            yield t.object_id * 1000 + index_id, t.object_id, index_id, 1, rows


@view("sys", "foreign_keys", [*_OBJECT, ("referenced_object_id", INT)])
def _foreign_keys(_session: EngineSession, _database: Database) -> Iterable[tuple[Any, ...]]:
    return []


@view(
    "sys",
    "extended_properties",
    [("class", TINYINT), ("major_id", INT), ("minor_id", INT), ("name", SYSNAME), ("value", _VARIANTISH)],
)
def _properties(_session: EngineSession, _database: Database) -> Iterable[tuple[Any, ...]]:
    return []
