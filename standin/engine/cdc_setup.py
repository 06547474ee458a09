"""sp_cdc_enable_db, sp_cdc_enable_table and their opposites."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from standin.engine import physical, tables
from standin.engine.catalog import ColumnDef, Database, Index, Instance, Principal, Table
from standin.engine.replica import read_only
from standin.engine.types import BIT, DATETIME, INT, LSN, SYSNAME, in_collation, nvarchar, type_name, varbinary
from standin.model import MAX, SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

_SYSTEM = ("master", "tempdb", "model", "msdb")

# (name, type, nullable) of the tables in the cdc schema, in order; then their clustered key
_TABLES: dict[str, tuple[list[tuple[str, SqlType, bool]], list[str]]] = {
    "change_tables": (
        [
            ("object_id", INT, False), ("version", INT, True), ("source_object_id", INT, True), ("capture_instance", SYSNAME, False),
            ("start_lsn", LSN, True), ("end_lsn", LSN, True), ("supports_net_changes", BIT, True), ("has_drop_pending", BIT, True),
            ("role_name", SYSNAME, True), ("index_name", SYSNAME, True), ("filegroup_name", SYSNAME, True),
            ("create_date", DATETIME, True), ("partition_switch", BIT, False),
        ],
        ["object_id"],
    ),
    "captured_columns": (
        [
            ("object_id", INT, False), ("column_name", SYSNAME, False), ("column_id", INT, True), ("column_type", SYSNAME, False),
            ("column_ordinal", INT, False), ("is_computed", BIT, True),
        ],
        ["object_id", "column_ordinal"],
    ),
    "index_columns": (
        [("object_id", INT, False), ("column_name", SYSNAME, False), ("index_ordinal", SqlType("tinyint"), False), ("column_id", INT, False)],
        ["object_id", "index_ordinal", "column_id"],
    ),
    "ddl_history": (
        [
            ("source_object_id", INT, True), ("object_id", INT, False), ("required_column_update", BIT, True),
            ("ddl_command", nvarchar(MAX), True), ("ddl_lsn", LSN, False), ("ddl_time", DATETIME, True),
        ],
        ["object_id", "ddl_lsn"],
    ),
    "lsn_time_mapping": (
        [
            ("start_lsn", LSN, False), ("tran_begin_time", DATETIME, True), ("tran_end_time", DATETIME, True),
            ("tran_id", varbinary(10), True), ("tran_begin_lsn", LSN, True),
        ],
        ["start_lsn"],
    ),
}  # fmt: skip
MAPPING_INDEX = "lsn_time_mapping_nonunique_idx"


def make_table(
    session: EngineSession, database: Database, name: str, columns: Iterable[tuple[str, SqlType, bool]]
) -> Table:
    definitions = [ColumnDef(n, t, i, null) for i, (n, t, null) in enumerate(columns, 1)]
    table = Table(session.engine.object_ids.next(), database.database_id, "cdc", name, definitions)
    table.columns_max = len(definitions)
    for column in definitions:
        column.collation = database.collation if column.type.name in ("nvarchar", "varchar", "nchar", "char") else ""
    return table


def enable_db(session: EngineSession, database: Database) -> None:
    if database.name.lower() in _SYSTEM:
        raise SqlError(
            22989,
            f"Could not enable Change Data Capture for database '{database.name}'. Change data capture is not supported on system databases, or on a distribution database.",
        )
    if database.cdc_enabled:
        raise SqlError(
            22905,
            f"Database '{database.name}' is already enabled for Change Data Capture. Ensure that the correct database context is set, and retry the operation.",
        )
    if "cdc" in database.schemas or "cdc" in database.principals:
        raise SqlError(
            22906,
            f"The database '{database.name}' cannot be enabled for Change Data Capture because a database user named 'cdc' or a schema named 'cdc' already exists in the current database.",
        )
    database.add_schema("cdc")
    database.principals["cdc"] = Principal("cdc", 5, "S", None, {"db_owner"})
    for name, (columns, key) in _TABLES.items():
        by_name = [(n, in_collation(t, database.collation), null) for n, t, null in columns]
        table = make_table(session, database, name, by_name)
        unique = name != "ddl_history"
        table.indexes.append(Index(f"{name}_clustered_idx", 1, [(k, False) for k in key], unique, True))
        if name == "lsn_time_mapping":
            table.indexes.append(Index(MAPPING_INDEX, 2, [("tran_end_time", False)], False, False))
        tables.build(session, table)
    database.cdc_enabled = True
    session.engine.capture.forget(database)
    session.engine.changed()
    session.remember_definition(None, "sp_cdc_enable_db")


def disable_db(session: EngineSession, database: Database) -> None:
    if not database.cdc_enabled:
        raise not_enabled(database)
    for instance in list(database.instances.values()):
        drop_instance(session, database, instance)
    database.cdc_enabled = False
    for table in [t for t in database.tables.values() if t.schema == "cdc"]:
        tables.remove(session, table)
    database.schemas.pop("cdc", None)
    database.principals.pop("cdc", None)
    session.engine.capture.forget(database)
    session.engine.changed()


def not_enabled(database: Database) -> SqlError:
    return SqlError(
        22901,
        f"The database '{database.name}' is not enabled for Change Data Capture. Ensure that the correct database context is set and retry the operation. To report on the databases enabled for Change Data Capture, query the is_cdc_enabled column in the sys.databases catalog view.",
    )


def enable_table(session: EngineSession, database: Database, arguments: dict[str, Any]) -> None:
    """All arguments of sys.sp_cdc_enable_table, as a dict of lower-case names without '@'."""
    if not database.cdc_enabled:
        raise not_enabled(database)
    schema, name = arguments["source_schema"], arguments["source_name"]
    source = database.table(schema, name)
    if source is None or source.schema == "cdc":
        raise SqlError(
            22931,
            f"Source table '{schema}.{name}' does not exist in the current database. Ensure that the correct database context is set. Specify a valid schema and table name for the database.",
        )
    instance_name = arguments.get("capture_instance") or f"{source.schema}_{source.name}"
    _check_instance(database, source, instance_name)
    columns = _captured(source, arguments.get("captured_column_list"))
    key_index = _key_index(source, arguments.get("index_name"))
    net = arguments.get("supports_net_changes")
    net_changes = bool(key_index) if net is None else bool(net)
    key = [n for n, _ in key_index.columns] if key_index else []
    if net_changes:
        _check_net_changes(source, key, columns)
    _make_role(database, arguments.get("role_name"))
    session.lock_table(source)
    with session.engine.writer:
        change_table = _build_change_table(session, database, instance_name, columns, key, net_changes)
        instance = Instance(
            instance_name, source, change_table, columns, net_changes, arguments.get("role_name") or None,
            key_index.name if key_index else None, arguments.get("filegroup_name"),
            bool(1 if arguments.get("allow_partition_switch") is None else arguments["allow_partition_switch"]), key,
        )  # fmt: skip
        _register(session, database, instance)
    session.remember_definition(None, "sp_cdc_enable_table")


def _check_instance(database: Database, source: Table, name: str) -> None:
    if len(name) > 100:
        raise SqlError(
            22927,
            f"Capture instance name '{name}' exceeds the length limit of 100 characters. Specify a name that satisfies the length constraint.",
        )
    if name.lower() in database.instances:
        raise SqlError(
            22926,
            f"Could not create a capture instance because the capture instance name '{name}' already exists in the current database. Specify an explicit unique name for the parameter @capture_instance.",
        )
    if len(database.instances_of(source)) >= 2:
        raise SqlError(
            22962,
            f"Two capture instances already exist for source table '{source.schema}.{source.name}'. A table can have at most two capture instances. If the current tracking options are not appropriate, disable change tracking for the obsolete instance by using sys.sp_cdc_disable_table and retry the operation.",
        )
    for column in source.columns:
        if column.name.startswith("__$"):
            raise SqlError(
                22975,
                f"Source table '{source.schema}.{source.name}' contains one of the following reserved column names: __$start_lsn, __$end_lsn, __$seqval, __$operation, and __$update_mask.",
            )


def _captured(source: Table, listed: str | None) -> list[ColumnDef]:
    if not listed:
        return list(source.columns)
    from standin.engine.tokens import Cursor, tokenize

    c = Cursor(listed, tokenize(listed))
    names = []
    while c.i < c.end:
        if not c.accept(","):
            names.append(c.name().lower())
    unknown = [n for n in names if source.find(n) is None]
    if unknown:
        raise SqlError(
            22930,
            f"Could not locate column '{unknown[0]}' of source table '{source.schema}.{source.name}' specified in the captured column list.",
        )
    return [c for c in source.columns if c.name.lower() in names]


def _key_index(source: Table, name: str | None) -> Index | None:
    if not name:
        return source.primary_key
    index = next((i for i in source.indexes if i.name.lower() == name.lower() and i.unique), None)
    if index is None:
        raise SqlError(
            22946, f"Could not find a unique index '{name}' on source table '{source.schema}.{source.name}'."
        )
    return index


def _check_net_changes(source: Table, key: list[str], columns: list[ColumnDef]) -> None:
    if not key:
        raise SqlError(
            22939,
            "The parameter @supports_net_changes is set to 1, but the source table does not have a primary key defined and no alternate unique index has been specified.",
        )
    captured = {c.name.lower() for c in columns}
    missing = [k for k in key if k.lower() not in captured]
    if missing:
        raise SqlError(
            22943,
            f"Columns used to uniquely identify a row for net change tracking must be included in the list of captured columns. Add either the primary key columns of the source table, or the columns defined for the index specified in the parameter @index_name to the list of captured columns and retry the operation. Missing: {', '.join(missing)}.",
        )


def _make_role(database: Database, role: str | None) -> None:
    if role and role.lower() not in database.principals:
        database.add_principal(role, "R")


def change_table_type(t: SqlType) -> SqlType:
    return SqlType("binary", 8) if t.name == "rowversion" else t


def _build_change_table(
    session: EngineSession,
    database: Database,
    instance: str,
    columns: list[ColumnDef],
    key: list[str],
    net_changes: bool,
) -> Table:
    head = [
        ("__$start_lsn", LSN, False), ("__$end_lsn", LSN, True), ("__$seqval", LSN, False), ("__$operation", INT, False),
        ("__$update_mask", varbinary(128), True),
    ]  # fmt: skip
    body = [(c.name, change_table_type(c.type), True) for c in columns]
    command_id = [] if session.engine.version.is_first_2012 else [("__$command_id", INT, True)]
    table = make_table(session, database, f"{instance}_CT", [*head, *body, *command_id])
    for made, captured in zip(table.columns[5:], columns, strict=False):
        made.collation = captured.collation
        made.user_type = captured.user_type if captured.type.name == "udt" else None  # an alias is its base type here
    table.change_table = True
    order = ["__$start_lsn", *(name for name, _, _ in command_id), "__$seqval", "__$operation"]
    table.indexes.append(Index(f"{instance}_CT_clustered_idx", 1, [(n, False) for n in order], True, True))
    if net_changes:
        table.indexes.append(Index(f"{instance}_CT_idx", 2, [(n, False) for n in [*key, *order]], True, False))
    tables.build(session, table)
    return table


def _register(session: EngineSession, database: Database, instance: Instance) -> None:
    """The rows in cdc.*; start_lsn is set when the capture process comes to this place of the log."""
    engine, ct, source = session.engine, instance.change_table, instance.source
    first = not database.is_captured(source)
    database.instances[instance.name.lower()] = instance
    engine.capture.ensure_jobs(database)
    with session_transaction(session) as db:
        if first:
            physical.create_log(db, source)
            physical.create_log_triggers(db, source)
        insert(db, database, "change_tables", [
            (ct.object_id, 0, source.object_id, instance.name, None, None, int(instance.net_changes), None, instance.role,
             instance.index_name, instance.filegroup, ct.create_date, int(instance.partition_switch))
        ])  # fmt: skip
        insert(db, database, "captured_columns", [
            (ct.object_id, c.name, c.column_id, type_name(c.type), i, int(c.computed is not None)) for i, c in enumerate(instance.columns, 1)
        ])  # fmt: skip
        insert(db, database, "index_columns", [
            (ct.object_id, n, i, source.column(n).column_id) for i, n in enumerate(instance.key, 1)
        ])  # fmt: skip
    table = database.require("cdc", "change_tables")

    def reached(db: sqlite3.Connection, lsn: bytes, _time: int) -> None:
        db.execute(f"UPDATE {table.physical} SET c5 = ? WHERE c1 = ?", (lsn, ct.object_id))

    log = engine.capture.log_of(database)
    log.enabled_at[ct.object_id] = engine.capture.mark(database, reached, mapped=True)
    engine.changed()


def insert(db: sqlite3.Connection, database: Database, name: str, rows: list[tuple[Any, ...]]) -> None:
    table = database.require("cdc", name)
    listed = ", ".join(c.physical for c in table.columns)
    db.executemany(f"INSERT INTO {table.physical} ({listed}) VALUES ({', '.join('?' * len(table.columns))})", rows)


class session_transaction:
    """A SQLite transaction on a session's connection, outside its undo records."""

    def __init__(self, session: EngineSession) -> None:
        self.session = session

    def __enter__(self) -> sqlite3.Connection:
        if self.session.on_replica:
            raise read_only(self.session.database)
        self.session.engine.writer.acquire()
        self.session.undo_id = self.session.capture_id = 0
        self.session.db.execute("BEGIN IMMEDIATE")
        return self.session.db

    def __exit__(self, kind: Any, _value: Any, _trace: Any) -> None:
        try:
            self.session.db.execute("ROLLBACK" if kind else "COMMIT")
        finally:
            self.session.engine.writer.release()


def disable_table(session: EngineSession, database: Database, schema: str, name: str, instance_name: str) -> None:
    if not database.cdc_enabled:
        raise not_enabled(database)
    source = database.table(schema, name)
    if source is None or not database.is_captured(source):
        raise SqlError(
            22985,
            f"Change data capture has not been enabled for source table '{schema}.{name}'. Specify the name of a table enabled for Change Data Capture. To report on the tables enabled for Change Data Capture, query the is_tracked_by_cdc column in the sys.tables catalog view.",
        )
    if instance_name.lower() == "all":
        chosen = database.instances_of(source)
    else:
        chosen = [i for i in database.instances_of(source) if i.name.lower() == instance_name.lower()]
        if not chosen:
            raise SqlError(
                22960,
                f"Change data capture instance '{instance_name}' has not been enabled for the source table '{schema}.{name}'. Use sys.sp_cdc_help_change_data_capture to verify the capture instance name and retry the operation.",
            )
    session.lock_table(source)
    for instance in chosen:
        drop_instance(session, database, instance)


def drop_instance(session: EngineSession, database: Database, instance: Instance) -> None:
    """The change table and all that is written about it."""
    with session.engine.writer:
        database.instances.pop(instance.name.lower(), None)
        with session_transaction(session) as db:
            for name in ("change_tables", "captured_columns", "index_columns"):
                db.execute(
                    f"DELETE FROM {database.require('cdc', name).physical} WHERE c1 = ?",
                    (instance.change_table.object_id,),
                )
            db.execute(
                f"DELETE FROM {database.require('cdc', 'ddl_history').physical} WHERE c2 = ?",
                (instance.change_table.object_id,),
            )
            if not database.is_captured(instance.source):
                physical.create_triggers(db, instance.source, captured=False)
                db.execute(f"DROP TABLE IF EXISTS {instance.source.log}")
        tables.remove(session, instance.change_table)
    session.engine.changed()
