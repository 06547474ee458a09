"""Scalar functions by name. Each takes the compiler, its argument nodes and the scope, and gives an expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from standin.engine.env import Expr, Scope
from standin.engine.errors import unsupported
from standin.engine.hierarchies import METHODS
from standin.engine.merging import merge_types
from standin.engine.types import INT, decimal, family, is_national, nvarchar, varbinary, varchar
from standin.model import MAX, SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions

Nodes = list[exp.Expression]
Handler = Callable[["Expressions", Nodes, "Scope | None"], Expr]
FUNCTIONS: dict[str, Handler] = {}
GLOBALS: dict[str, tuple[SqlType, Callable[[Any], Any]]] = {
    "rowcount": (INT, lambda s: s.row_count),
    "trancount": (INT, lambda s: s.transaction_count),
    "error": (INT, lambda s: s.last_error),
    "spid": (SqlType("smallint"), lambda s: s.session_id),
    "version": (nvarchar(300), lambda s: s.engine.properties.version_text),
    "servername": (nvarchar(128), lambda s: s.engine.properties.server_name),
    "servicename": (nvarchar(128), lambda s: "MSSQLSERVER"),
    "identity": (decimal(38, 0), lambda s: s.wide_identity),
    "lock_timeout": (INT, lambda s: s.lock_timeout_ms),
    "microsoftversion": (INT, lambda s: s.engine.version.numbers[0] << 24 | s.engine.version.numbers[2]),
    "max_precision": (SqlType("tinyint"), lambda s: 38),
    "dbts": (varbinary(8), lambda s: s.engine.rowversion.to_bytes(8, "big")),
    "options": (INT, lambda s: 5432),
    "language": (nvarchar(128), lambda s: "us_english"),
    "langid": (SqlType("smallint"), lambda s: 0),
    "datefirst": (SqlType("tinyint"), lambda s: 7),
    "textsize": (INT, lambda s: s.text_size_bytes),
    "procid": (INT, lambda s: 0),
    "nestlevel": (INT, lambda s: 0),
    "fetch_status": (INT, lambda s: -1),
    "max_connections": (INT, lambda s: 32767),
}


def function(*names: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        for name in names:
            FUNCTIONS[name] = handler
        return handler

    return register


def compile_function(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    import standin.engine.metadata_functions
    import standin.engine.number_functions
    import standin.engine.text_functions
    import standin.engine.time_functions
    import standin.engine.variants  # noqa: F401  (all register their functions)
    from standin.engine.aggregates import AGGREGATES, aggregate

    name = (
        node.name.upper()
        if isinstance(node, exp.Anonymous)
        else _NODES.get(type(node).__name__, type(node).__name__.upper())
    )
    if isinstance(node, exp.GroupConcat) and c.env.session.engine.version.has("STRING_AGG"):
        return _ordered_concat(c, node, scope)
    arguments = list(node.expressions) if isinstance(node, exp.Anonymous) else _arguments_of(node)
    if name in AGGREGATES and c.env.session.engine.version.has(name):
        return aggregate(c, name, arguments, scope)
    handler = FUNCTIONS.get(name)
    if handler is None or not c.env.session.engine.version.has(name):
        raise SqlError(
            195,
            f"'{node.name if isinstance(node, exp.Anonymous) else name}' is not a recognized built-in function name.",
            15,
            10,
        )
    try:
        return handler(c, arguments, scope)
    except (IndexError, ValueError) as error:
        raise SqlError(174, f"The {name.lower()} function has a wrong number of arguments.", 15) from error


_NODES = {"CurrentTimestamp": "GETDATE", "CurrentUser": "CURRENT_USER", "SessionUser": "SESSION_USER"}


def _arguments_of(node: exp.Expression) -> list[exp.Expression]:
    this = node.args.get("this")
    return [this] if isinstance(this, exp.Expression) else []


def _ordered_concat(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    from standin.engine.aggregates import aggregate

    inner = node.this
    if isinstance(inner, exp.Order):
        # SQLite feeds an aggregate in the order in which rows come; ORDER BY inside needs a newer SQLite.
        raise unsupported("STRING_AGG … WITHIN GROUP", node.sql(dialect="tsql"))
    return aggregate(c, "STRING_AGG", [inner, node.args["separator"]], scope)


def compile_dotted(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    """[db.]schema.function(…), value.Method()."""
    parts: list[exp.Expression] = []
    current: exp.Expression = node
    while isinstance(current, exp.Dot):
        parts.insert(0, current.expression)
        current = current.this
    parts.insert(0, current)
    call = parts[-1]
    if isinstance(call, exp.Anonymous) and call.name in METHODS and not call.expressions:
        return _method(c, parts[:-1], call.name, scope)
    if isinstance(call, exp.Anonymous) and all(isinstance(p, exp.Identifier) for p in parts[:-1]):
        names = [p.name for p in parts[:-1]]
        if names[-1].lower() in ("sys", "dbo", ""):
            from standin.engine.cdc_functions import CDC_FUNCTIONS

            database = c.env.session.open_database(names[0]) if len(names) > 1 and names[0] else c.env.database
            handler = CDC_FUNCTIONS.get(call.name.lower())
            if handler is not None:
                return handler(c, database, [c.scalar(a, scope) for a in call.expressions])
        name = ".".join([*names, call.name])
        raise SqlError(
            4121,
            f'Cannot find either column "{names[0]}" or the user-defined function or aggregate "{name}", or the name is ambiguous.',
        )
    raise unsupported("method or property", node.sql(dialect="tsql"))


def _method(c: Expressions, of: list[exp.Expression], name: str, scope: Scope | None) -> Expr:
    names = [one.name for one in reversed(of)]  # column, table, schema
    value = c.resolve(scope, *names) if all(isinstance(one, exp.Identifier) for one in of) else c.scalar(of[0], scope)
    if value.type.name != "hierarchyid":
        raise SqlError(258, f"Cannot call methods on {value.type.name}.", 15)
    function, result = METHODS[name]
    return c.call(("hierarchyid", name), strict(function), [value], result)


def global_variable(c: Expressions, name: str) -> Expr:
    known = GLOBALS.get(name.lower())
    if known is None:
        raise SqlError(137, f'Must declare the scalar variable "@@{name}".', 15, 2)
    sql_type, provider = known
    return Expr(c.env.provide(f"g_{name.lower()}", provider), sql_type)


def provided(name: str, sql_type: SqlType, provider: Callable[[Any], Any]) -> Handler:
    """A function without arguments that is the same for a whole statement."""

    def handler(c: Expressions, _arguments: list[exp.Expression], _scope: Scope | None) -> Expr:
        return Expr(c.env.provide(f"p_{name.lower()}", provider), sql_type)

    FUNCTIONS[name] = handler
    return handler


def strict(f: Callable[..., Any]) -> Callable[..., Any]:
    """NULL in, NULL out."""
    return lambda *a: None if None in a else f(*a)


def text_argument(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    e = c.scalar(node, scope)
    if family(e.type) == "text" and not e.null:
        return e
    return c.coerce(e, nvarchar(MAX) if family(e.type) == "variant" else varchar(8000), True)


def int_argument(c: Expressions, node: exp.Expression, scope: Scope | None) -> Expr:
    return c.coerce(c.scalar(node, scope), INT, True)


def text_like(e: Expr, length: int | None = None) -> SqlType:
    size = e.type.length if length is None else length
    return nvarchar(size) if is_national(e.type) else varchar(size)


# NULLs and choices


@function("ISNULL")
def _isnull(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    a, b = (c.scalar(x, scope) for x in args)
    t = b.type if a.null else a.type
    return Expr(f"ifnull({c.coerce(a, t).sql}, {c.coerce(b, t).sql})", t, b.nullable)


@function("COALESCE")
def _coalesce(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    values = [c.scalar(x, scope) for x in args]
    t = merge_types(values)
    return Expr(f"coalesce({', '.join(c.coerce(v, t).sql for v in values)})", t, all(v.nullable for v in values))


@function("NULLIF")
def _nullif(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    a, b = (c.scalar(x, scope) for x in args)
    return Expr(f"(CASE WHEN {c.compare('=', a, b)} THEN NULL ELSE {a.sql} END)", a.type)


@function("IIF")
def _iif(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return c.choose([(c.condition(args[0], scope), c.scalar(args[1], scope))], c.scalar(args[2], scope))


@function("CHOOSE")
def _choose(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    index = int_argument(c, args[0], scope)
    values = [c.scalar(a, scope) for a in args[1:]]
    return c.choose([(f"({index.sql} = {i})", v) for i, v in enumerate(values, 1)], Expr("NULL", INT, True, None, True))
