"""sys.fn_cdc_* and the table-valued cdc.fn_cdc_get_all_changes_… and …_net_changes_….

Their arguments arrive compiled; what depends on rows is SQLite text over the cdc tables, so that it sees what the
statement's snapshot sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from standin.engine.catalog import Database, Instance
from standin.engine.env import Expr, SourceColumn
from standin.engine.errors import invalid_object
from standin.engine.functions import strict
from standin.engine.types import BIT, DATETIME, INT, LSN, SYSNAME, nvarchar, varbinary
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions
    from standin.engine.select import Compiler
    from standin.engine.session import EngineSession

CdcFunction = Callable[["Expressions", Database, list[Expr]], Expr]
CDC_FUNCTIONS: dict[str, CdcFunction] = {}
_LSN_MAX = (1 << 80) - 1
_ZERO = "x'00000000000000000000'"


def cdc_function(name: str) -> Callable[[CdcFunction], CdcFunction]:
    def register(f: CdcFunction) -> CdcFunction:
        CDC_FUNCTIONS[name] = f
        return f

    return register


def _table(c: Expressions, database: Database, name: str) -> str:
    found = database.table("cdc", name)
    if found is None:
        raise invalid_object(f"cdc.{name}")
    c.env.tables.add(found.object_id)
    return found.physical


def max_lsn_sql(c: Expressions, database: Database) -> str:
    return f"(SELECT max(c1) FROM {_table(c, database, 'lsn_time_mapping')})"


@cdc_function("fn_cdc_get_max_lsn")
def _max_lsn(c: Expressions, database: Database, args: list[Expr]) -> Expr:
    return Expr(max_lsn_sql(c, database), LSN) if database.cdc_enabled else Expr("NULL", LSN, True, None)


def _readable(session: EngineSession, database: Database) -> set[str]:
    from standin.engine import permissions

    return {
        n
        for n, i in database.instances.items()
        if permissions.may_read_instance_source(session, database, i.source, i.role)
    }


@cdc_function("fn_cdc_get_min_lsn")
def _min_lsn(c: Expressions, database: Database, args: list[Expr]) -> Expr:
    """0x0 for an instance that is unknown or not the caller's to read; NULL until the capture process has seen it."""
    name = c.coerce(args[0], SYSNAME, True)
    if not database.cdc_enabled:
        return Expr(_ZERO, LSN)
    allow = c.session_function(
        f"cdcok{database.database_id}",
        lambda session: lambda n: int(n is not None and n.lower() in _readable(session, database)),
        1,
    )
    table = _table(c, database, "change_tables")
    known = f"(SELECT c5 FROM {table} WHERE c4 = {name.sql} COLLATE MSCI)"
    return Expr(f"(CASE WHEN {name.sql} IS NULL THEN NULL WHEN {allow}({name.sql}) THEN {known} ELSE {_ZERO} END)", LSN)


def _step(by: int) -> CdcFunction:
    def f(c: Expressions, database: Database, args: list[Expr]) -> Expr:
        work = strict(lambda v: ((int.from_bytes(v.ljust(10, b"\0"), "big") + by) & _LSN_MAX).to_bytes(10, "big"))
        return c.call(("lsn", by), work, [c.coerce(args[0], LSN, True)], LSN)

    return f


CDC_FUNCTIONS["fn_cdc_increment_lsn"] = _step(1)
CDC_FUNCTIONS["fn_cdc_decrement_lsn"] = _step(-1)


@cdc_function("fn_cdc_map_lsn_to_time")
def _map_lsn(c: Expressions, database: Database, args: list[Expr]) -> Expr:
    lsn = c.coerce(args[0], LSN, True)
    return Expr(f"(SELECT c3 FROM {_table(c, database, 'lsn_time_mapping')} WHERE c1 = {lsn.sql})", DATETIME)


@cdc_function("fn_cdc_map_time_to_lsn")
def _map_time(c: Expressions, database: Database, args: list[Expr]) -> Expr:
    operator = c.coerce(args[0], nvarchar(30), True)
    moment = c.coerce(args[1], DATETIME, True)
    table = _table(c, database, "lsn_time_mapping")
    choices = {
        "largest less than": ("max", "<"),
        "largest less than or equal": ("max", "<="),
        "smallest greater than": ("min", ">"),
        "smallest greater than or equal": ("min", ">="),
    }
    cases = " ".join(
        f"WHEN '{text}' THEN (SELECT {pick}(c1) FROM {table} WHERE c3 {op} {moment.sql})"
        for text, (pick, op) in choices.items()
    )
    return Expr(f"(CASE lower(trim({operator.sql})) {cases} END)", LSN)


def _bit_set(position: int, mask: bytes) -> int:
    index = len(mask) - 1 - (position - 1) // 8
    if position < 1 or index < 0:
        return 0
    return mask[index] >> (position - 1) % 8 & 1


@cdc_function("fn_cdc_is_bit_set")
def _is_bit_set(c: Expressions, database: Database, args: list[Expr]) -> Expr:
    return c.call("cdcbit", strict(_bit_set), [c.coerce(args[0], INT), c.coerce(args[1], varbinary(128))], BIT)


def _ordinal_of(database: Database) -> Callable[[str, str], Any]:
    def ordinal(instance: str, column: str) -> Any:
        found = database.instances.get(instance.lower())
        names = [c.name.lower() for c in found.columns] if found else []
        return names.index(column.lower()) + 1 if column.lower() in names else None

    return ordinal


@cdc_function("fn_cdc_get_column_ordinal")
def _ordinal(c: Expressions, database: Database, args: list[Expr]) -> Expr:
    name = c.session_function(f"cdcord{database.database_id}", lambda _s: strict(_ordinal_of(database)), 2)
    values = [c.coerce(a, SYSNAME, True).sql for a in args]
    return Expr(f"{name}({', '.join(values)})", INT)


@cdc_function("fn_cdc_has_column_changed")
def _has_changed(c: Expressions, database: Database, args: list[Expr]) -> Expr:
    def changed(instance: str, column: str, mask: bytes) -> Any:
        position = _ordinal_of(database)(instance, column)
        return None if position is None else _bit_set(position, mask)

    name = c.session_function(f"cdcchg{database.database_id}", lambda _s: strict(changed), 3)
    values = [
        c.coerce(args[0], SYSNAME, True).sql,
        c.coerce(args[1], SYSNAME, True).sql,
        c.coerce(args[2], varbinary(128)).sql,
    ]
    return Expr(f"{name}({', '.join(values)})", BIT)


# Table-valued functions


def instance_function_id(session: EngineSession, parts: list[str]) -> int | None:
    """A change function's object, for GRANT: rights on it are those on its change table."""
    for prefix in ("fn_cdc_get_all_changes_", "fn_cdc_get_net_changes_"):
        if parts[-1].lower().startswith(prefix):
            instance = session.db_catalog.instances.get(parts[-1].lower()[len(prefix) :])
            return instance.change_table.object_id if instance else None
    return None


def _check(options: tuple[str, ...], kind: str) -> Callable[..., int]:
    """1 when the arguments are right; else Msg 313, which is all that such a function can say."""

    def check(low: Any, high: Any, option: Any, minimum: Any, maximum: Any) -> int:
        known = option is not None and option.strip().lower() in options
        wrong = low is None or high is None or minimum is None or maximum is None
        if not known or wrong or low < minimum or high > maximum or low > high:
            raise SqlError(
                313,
                f"An insufficient number of arguments were supplied for the procedure or function cdc.fn_cdc_get_{kind}_changes_ ... .",
                16,
                3,
            )
        return 1

    return check


def change_function(
    c: Compiler, database: Database, name: str, args: list[Expr]
) -> tuple[str, list[SourceColumn]] | None:
    """SQLite text of a change function; None when the name is no such function."""
    lowered = name.lower()
    for prefix, make, kind in (
        ("fn_cdc_get_all_changes_", _all_changes, "all"),
        ("fn_cdc_get_net_changes_", _net_changes, "net"),
    ):
        if lowered.startswith(prefix):
            instance = database.instances.get(lowered[len(prefix) :])
            if instance is None or (kind == "net" and not instance.net_changes):
                raise invalid_object(f"{database.name}.cdc.{name}")
            _require_reader(c, database, instance, name)
            if len(args) != 3:
                raise SqlError(
                    313,
                    f"An insufficient number of arguments were supplied for the procedure or function cdc.{name}.",
                    16,
                    3,
                )
            return make(c, database, instance, args)
    return None


def _require_reader(c: Compiler, database: Database, instance: Instance, name: str) -> None:
    from standin.engine import permissions
    from standin.engine.errors import permission_denied

    if not permissions.may_read_instance_source(c.env.session, database, instance.source, instance.role):
        raise permission_denied("SELECT", name, database.name, "cdc")


def _arguments(
    c: Compiler, database: Database, instance: Instance, args: list[Expr], options: tuple[str, ...], kind: str
) -> tuple[Expr, Expr, Expr, str]:
    low, high = c.coerce(args[0], LSN, True), c.coerce(args[1], LSN, True)
    option = c.coerce(args[2], nvarchar(30), True)
    check = c.function(("cdccheck", kind), lambda: _check(options, kind), 5, False)
    minimum = f"(SELECT c5 FROM {_table(c, database, 'change_tables')} WHERE c1 = {instance.change_table.object_id})"
    call = f"{check}({low.sql}, {high.sql}, {option.sql}, {minimum}, {max_lsn_sql(c, database)})"
    return low, high, Expr(f"lower(trim({option.sql}))", nvarchar(30)), call


def _all_changes(
    c: Compiler, database: Database, instance: Instance, args: list[Expr]
) -> tuple[str, list[SourceColumn]]:
    low, high, option, check = _arguments(c, database, instance, args, ("all", "all update old"), "all")
    ct = instance.change_table
    columns = [ct.columns[0], *ct.columns[2:5], *instance.change_columns()]
    listed = ", ".join(f"{col.physical} AS x{i}" for i, col in enumerate(columns, 1))
    nulls = ", ".join(f"NULL AS x{i}" for i in range(1, len(columns) + 1))
    c.env.tables.add(ct.object_id)
    sql = (
        f"SELECT {nulls} WHERE {check} = 0 UNION ALL "
        f"SELECT {listed} FROM {ct.physical} WHERE c1 >= {low.sql} AND c1 <= {high.sql} AND (c4 <> 3 OR {option.sql} = 'all update old')"
    )
    return sql, [SourceColumn(col.name, Expr("", col.type)) for col in columns]


def _net_changes(
    c: Compiler, database: Database, instance: Instance, args: list[Expr]
) -> tuple[str, list[SourceColumn]]:
    """One row a key: its last row, with the operation that leads there from before the range."""
    low, high, option, check = _arguments(
        c, database, instance, args, ("all", "all with mask", "all with merge"), "net"
    )
    ct = instance.change_table
    keys = ", ".join(ct.column(k).physical for k in instance.key)
    body = [col.physical for col in instance.change_columns()]
    c.env.tables.add(ct.object_id)
    merge = c.function("maskor", lambda: _mask_or, 1)
    command = ct.find("__$command_id")
    order = f"c1, {command.physical}, c3, c4" if command else "c1, c3, c4"
    window = f"OVER (PARTITION BY {keys} ORDER BY {order})"
    whole = f"OVER (PARTITION BY {keys})"
    inner = (
        f"SELECT *, first_value(c4) {window} AS fo, row_number() OVER (PARTITION BY {keys} ORDER BY {order.replace(', ', ' DESC, ')} DESC) AS rn, "
        f"group_concat(CASE WHEN c4 = 4 THEN hex(c5) END, ',') {whole} AS masks FROM {ct.physical} "
        f"WHERE c1 >= {low.sql} AND c1 <= {high.sql} AND c4 <> 3"
    )
    merged = "CASE WHEN c4 = 1 THEN 1 ELSE 5 END"
    plain = "CASE WHEN c4 = 1 THEN 1 WHEN fo = 2 THEN 2 ELSE 4 END"
    operation = f"CASE WHEN {option.sql} = 'all with merge' THEN {merged} ELSE {plain} END"
    mask = f"CASE WHEN {option.sql} = 'all with mask' AND c4 = 4 AND fo <> 2 THEN {merge}(masks) END"
    listed = ", ".join([f"c1 AS x1, {operation} AS x2, {mask} AS x3", *(f"{p} AS x{i}" for i, p in enumerate(body, 4))])
    nulls = ", ".join(f"NULL AS x{i}" for i in range(1, len(body) + 4))
    sql = f"SELECT {nulls} WHERE {check} = 0 UNION ALL SELECT {listed} FROM ({inner}) WHERE rn = 1 AND NOT (fo = 2 AND c4 = 1)"
    columns = [ct.columns[0], ct.columns[3], ct.columns[4], *instance.change_columns()]
    return sql, [SourceColumn(col.name, Expr("", col.type)) for col in columns]


def _mask_or(masks: str | None) -> bytes | None:
    if not masks:
        return None
    parts = [bytes.fromhex(m) for m in masks.split(",")]
    total = 0
    for part in parts:
        total |= int.from_bytes(part, "big")
    return total.to_bytes(len(parts[0]), "big")
