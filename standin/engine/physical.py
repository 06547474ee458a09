"""Tables in SQLite: rows, undo records and the change log, kept by triggers at C speed.

t<id>  the rows, uncommitted ones of open transactions included; rid is never used twice.
p<id>  the undo records of open transactions: (txn, rid, kind 1 inserted 2 updated 3 deleted, old values). Readers of
       other sessions see a table through them (`visible`), a rollback plays them back, and writers that meet a row
       of another transaction's are told that it is locked. Statements outside a transaction write none.
l<id>  the log of a captured table: one row a change row to be, keyed by (txn, cmd, seq, op), until the capture process
       takes them. Operations are CDC's: 1 delete, 2 insert, 3 and 4 before and after an update. m0, m1, … are the
       changed columns of an update, 62 bits each, bit 0 of m0 for column id 1.

The triggers ask four functions of the session: und() and own() are its transaction's id (und() is 0 when no undo is
needed), cap() the id under which changes are logged (0: they are not), seq() the next log sequence number, cur() the
last one, cmd() the command's number."""

from __future__ import annotations

import sqlite3

from standin.engine.catalog import ColumnDef, Index, Table
from standin.engine.types import LEGACY_LOB, family, is_binary_collation, is_case_sensitive, is_lob
from standin.model import SqlType

MASK_BITS = 62
TRIGGERS = ("i", "u", "d", "lu", "ld", "li", "ci", "cu", "cd", "ki", "ku")


def collation_clause(t: SqlType) -> str:
    """The SQLite collation that compares text of the type as SQL Server does."""
    if family(t) != "text":
        return ""
    if is_binary_collation(t):
        return " COLLATE MSBIN"
    return " COLLATE MSCS" if is_case_sensitive(t) else " COLLATE MSCI"


def compare_ci(a: str, b: str) -> int:
    """Case-insensitive, trailing blanks ignored."""
    x, y = a.rstrip(" ").casefold(), b.rstrip(" ").casefold()
    return (x > y) - (x < y)


def compare_cs(a: str, b: str) -> int:
    x, y = a.rstrip(" "), b.rstrip(" ")
    left, right = (x.casefold(), x.swapcase()), (y.casefold(), y.swapcase())
    return (left > right) - (left < right)


def compare_bin(a: str, b: str) -> int:
    x, y = a.rstrip(" "), b.rstrip(" ")
    return (x > y) - (x < y)


def create(db: sqlite3.Connection, table: Table) -> None:
    columns = [_declaration(c) for c in table.stored]
    db.execute(f"CREATE TABLE {table.physical} (rid INTEGER PRIMARY KEY AUTOINCREMENT, {', '.join(columns)})")
    for index in table.indexes:
        create_index(db, table, index)
    if table.temporary:
        create_checks(db, table)
    elif table.change_table:
        table.bare = True
    else:
        complete(db, table)


def complete(db: sqlite3.Connection, table: Table) -> None:
    """Undo records and triggers. A change table gets them with the first statement that writes to it by hand, because
    each definition costs SQLite a walk through all others, and a database may have a thousand change tables."""
    create_undo(db, table)
    create_triggers(db, table, captured=False)
    table.bare = False


def _declaration(column: ColumnDef) -> str:
    return column.physical + collation_clause(column.type) + ("" if column.nullable else " NOT NULL")


def create_undo(db: sqlite3.Connection, table: Table) -> None:
    columns = "".join(f", {c.physical}{collation_clause(c.type)}" for c in table.stored)
    p = table.undo
    db.execute(f"CREATE TABLE {p} (seq INTEGER PRIMARY KEY AUTOINCREMENT, txn, rid, kind{columns})")
    db.execute(f"CREATE INDEX {p}_rid ON {p} (rid)")
    for index in table.indexes:
        _create_undo_index(db, table, index)


def _create_undo_index(db: sqlite3.Connection, table: Table, index: Index) -> None:
    if index.unique and not table.temporary:
        keys = ", ".join(table.column(n).physical for n, _ in index.columns)
        db.execute(f"CREATE INDEX {table.undo}_{index.index_id} ON {table.undo} ({keys}) WHERE kind > 1")


def index_name(table: Table, index: Index) -> str:
    return f"i{table.object_id}_{index.index_id}"


def create_index(db: sqlite3.Connection, table: Table, index: Index, with_undo: bool = False) -> None:
    """SQL Server's unique indexes hold one NULL; SQLite's any number, unless told by an expression. A change table's
    index keeps its bare columns, because reading goes by it; its keys differ without their NULLs."""
    keys = []
    for name, descending in index.columns:
        column = table.column(name)
        if index.unique and column.nullable and not table.change_table:
            keys.append(f"({column.physical} IS NULL), ifnull({column.physical}, 0){collation_clause(column.type)}")
        else:
            keys.append(column.physical + (" DESC" if descending else ""))
    unique = "UNIQUE " if index.unique else ""
    schema, _, physical = table.physical.rpartition(".")
    prefix = f"{schema}." if schema else ""
    db.execute(f"CREATE {unique}INDEX {prefix}{index_name(table, index)} ON {physical} ({', '.join(keys)})")
    if with_undo:
        _create_undo_index(db, table, index)


def drop(db: sqlite3.Connection, table: Table) -> None:
    db.execute(f"DROP TABLE IF EXISTS {table.physical}")
    if not table.temporary:
        db.execute(f"DROP TABLE IF EXISTS {table.undo}")
        db.execute(f"DROP TABLE IF EXISTS {table.log}")


def visible(table: Table) -> str:
    """The committed rows of a table and one's own, while other transactions hold uncommitted ones (`:own`)."""
    columns = ", ".join(["rid", *(c.physical for c in table.stored)])
    t, p = table.physical, table.undo
    return (
        f"(SELECT {columns} FROM {t} WHERE rid NOT IN (SELECT rid FROM {p} WHERE txn <> :own) "
        f"UNION ALL SELECT {columns} FROM {p} AS q WHERE txn <> :own AND kind > 1 "
        f"AND seq = (SELECT min(seq) FROM {p} WHERE rid = q.rid AND txn = q.txn))"
    )


def create_triggers(db: sqlite3.Connection, table: Table, captured: bool) -> None:
    """(Re)makes the triggers for the table's columns as they are now."""
    t, p = table.physical, table.undo
    names = [c.physical for c in table.stored]
    for name in TRIGGERS:
        db.execute(f"DROP TRIGGER IF EXISTS {t}_{name}")
    old = ", ".join(f"OLD.{n}" for n in names)
    into = f"INSERT INTO {p} (txn, rid, kind, {', '.join(names)})"
    db.execute(
        f"CREATE TRIGGER {t}_i AFTER INSERT ON {t} WHEN und() "
        f"BEGIN INSERT INTO {p} (txn, rid, kind) VALUES (und(), NEW.rid, 1); END"
    )
    for suffix, verb, kind in (("u", "UPDATE", 2), ("d", "DELETE", 3)):
        db.execute(
            f"CREATE TRIGGER {t}_{suffix} AFTER {verb} ON {t} WHEN und() BEGIN {into} VALUES (und(), OLD.rid, {kind}, {old}); END"
        )
        db.execute(
            f"CREATE TRIGGER {t}_l{suffix} BEFORE {verb} ON {t} "
            f"WHEN EXISTS (SELECT 1 FROM {p} WHERE rid = OLD.rid AND txn <> own()) "
            "BEGIN SELECT RAISE(ABORT, 'standin:locked'); END"
        )
    _create_key_lock(db, table)
    create_checks(db, table)
    if captured:
        create_log_triggers(db, table)


def create_checks(db: sqlite3.Connection, table: Table) -> None:
    """(Re)makes the triggers of the CHECK constraints."""
    schema, _, t = table.physical.rpartition(".")
    prefix = f"{schema}." if schema else ""
    tests = "; ".join(
        f"SELECT RAISE(ABORT, 'CHECK constraint failed: {name.replace(chr(39), '')}') WHERE NOT {condition}"
        for name, condition in table.check_sql
    )
    for suffix, verb in (("ki", "INSERT"), ("ku", "UPDATE")):
        db.execute(f"DROP TRIGGER IF EXISTS {prefix}{t}_{suffix}")
        if tests:
            db.execute(f"CREATE TRIGGER {prefix}{t}_{suffix} BEFORE {verb} ON {t} BEGIN {tests}; END")


def _create_key_lock(db: sqlite3.Connection, table: Table) -> None:
    """A key that another transaction has deleted or moved away stays locked until that one ends."""
    tests = []
    for index in table.indexes:
        if index.unique:
            same = " AND ".join(
                f"{table.column(n).physical} IS NEW.{table.column(n).physical}" for n, _ in index.columns
            )
            tests.append(f"EXISTS (SELECT 1 FROM {table.undo} WHERE kind > 1 AND {same} AND txn <> own())")
    if tests:
        db.execute(
            f"CREATE TRIGGER {table.physical}_li BEFORE INSERT ON {table.physical} WHEN {' OR '.join(tests)} "
            "BEGIN SELECT RAISE(ABORT, 'standin:locked'); END"
        )


def create_log(db: sqlite3.Connection, table: Table) -> None:
    masks = "".join(f", m{k}" for k in range(mask_words(table)))
    columns = "".join(f", {c.physical}" for c in table.stored)
    db.execute(
        f"CREATE TABLE IF NOT EXISTS {table.log} (txn, cmd, seq, op{masks}{columns}, PRIMARY KEY (txn, cmd, seq, op)) WITHOUT ROWID"
    )


def mask_words(table: Table) -> int:
    return (max(table.columns_max, 1) - 1) // MASK_BITS + 1


def _changed(column: ColumnDef) -> str:
    return f"(OLD.{column.physical} COLLATE BINARY IS NOT NEW.{column.physical})"


def create_log_triggers(db: sqlite3.Connection, table: Table) -> None:
    t, stored = table.physical, table.stored
    masks = [f"m{k}" for k in range(mask_words(table))]
    into = f"INSERT INTO {table.log} (txn, cmd, seq, op, {', '.join([*masks, *(c.physical for c in stored)])})"
    no_masks = ["NULL"] * len(masks)
    legacy = {c.physical for c in stored if c.type.name in LEGACY_LOB}
    new = [f"NEW.{c.physical}" for c in stored]
    gone = ["NULL" if c.physical in legacy else f"OLD.{c.physical}" for c in stored]
    before = ["NULL" if c.physical in legacy else _before(c) for c in stored]
    after = [
        f"CASE WHEN lobs() OR {_changed(c)} THEN NEW.{c.physical} END" if is_lob(c.type) else f"NEW.{c.physical}"
        for c in stored
    ]
    bits = [_mask_word(stored, k) for k in range(len(masks))]
    any_change = _any([_changed(c) for c in stored])
    db.execute(
        f"CREATE TRIGGER {t}_ci AFTER INSERT ON {t} WHEN cap() "
        f"BEGIN {into} VALUES (cap(), cmd(), seq(), 2, {', '.join(no_masks + new)}); END"
    )
    db.execute(
        f"CREATE TRIGGER {t}_cd AFTER DELETE ON {t} WHEN cap() "
        f"BEGIN {into} VALUES (cap(), cmd(), seq(), 1, {', '.join(no_masks + gone)}); END"
    )
    db.execute(
        f"CREATE TRIGGER {t}_cu AFTER UPDATE ON {t} WHEN cap() AND ({any_change}) BEGIN "
        f"{into} VALUES (cap(), cmd(), seq(), 3, {', '.join(bits + before)}); "
        f"{into} VALUES (cap(), cmd(), cur(), 4, {', '.join(bits + after)}); END"
    )


def _any(conditions: list[str]) -> str:
    """In groups, because SQLite counts each further OR as a level and refuses more than 1,000."""
    groups = (conditions[at : at + 100] for at in range(0, len(conditions), 100))
    return " OR ".join(f"({' OR '.join(group)})" for group in groups)


def _before(column: ColumnDef) -> str:
    if is_lob(column.type):
        return f"CASE WHEN {_changed(column)} THEN OLD.{column.physical} END"
    return f"OLD.{column.physical}"


def _mask_word(stored: list[ColumnDef], word: int) -> str:
    low = word * MASK_BITS
    bits = [f"({_changed(c)} << {c.column_id - 1 - low})" for c in stored if low < c.column_id <= low + MASK_BITS]
    return " | ".join(bits) if bits else "0"


def undo(db: sqlite3.Connection, table: Table, txn: int, after: int = 0) -> None:
    """Puts back what a transaction did to the table since the undo record `after`. The session's und() and cap()
    are 0 meanwhile."""
    columns = ", ".join(["rid", *(c.physical for c in table.stored)])
    p, mine = table.undo, f"txn = {txn} AND seq > {after}"
    db.execute(f"DELETE FROM {table.physical} WHERE rid IN (SELECT rid FROM {p} WHERE {mine})")
    db.execute(
        f"INSERT INTO {table.physical} ({columns}) SELECT {columns} FROM {p} AS q WHERE {mine} AND kind > 1 "
        f"AND seq = (SELECT min(seq) FROM {p} WHERE rid = q.rid AND {mine})"
    )
    db.execute(f"DELETE FROM {p} WHERE {mine}")
