"""T-SQL's scalar expressions and conditions as SQLite text, typed as SQL Server types them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlglot import exp

from standin.engine import arithmetic
from standin.engine.catalog import Database
from standin.engine.conditions import Conditions
from standin.engine.conversion import converter
from standin.engine.env import BASE_ROW, UNSET, Env, Expr, Scope, shared_function
from standin.engine.errors import invalid_column, syntax_error, undeclared_variable, unsupported
from standin.engine.merging import merge_types
from standin.engine.physical import collation_clause
from standin.engine.storage import stored_decimal, text_in, units
from standin.engine.tokens import Cursor, tokenize
from standin.engine.types import (
    BIGINT,
    FLOAT,
    INT,
    collated,
    nvarchar,
    parse_type,
    varbinary,
    varchar,
)
from standin.model import MAX, SqlError, SqlType


def sql_type_of(node: exp.DataType, database: Database) -> SqlType:
    """The type of a CAST or CONVERT, which standin.engine.sqlglot_tsql has left as it was written."""
    text = node.args["kind"].removeprefix("sys.")

    def user_type(parts: list[str]) -> SqlType | None:
        found = database.user_type(parts)
        return found.base if found else None

    return parse_type(Cursor(text, tokenize(text)), True, user_type)


class Expressions(Conditions):
    """Compiles scalars and conditions; queries inside them go to the subclass (standin.engine.select)."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def query(self, node: exp.Expression, scope: Scope | None) -> tuple[str, list[Any]]:
        raise NotImplementedError

    # Conversions

    def coerce(
        self,
        e: Expr,
        target: SqlType,
        explicit: bool = False,
        style: int | None = None,
        column: tuple[str, str] | None = None,
    ) -> Expr:
        """`e` as a value of `target`."""
        if e.null:
            return Expr("NULL", target, True, None, True)
        convert = converter(e.type, target, explicit, style, column)
        if convert is None:
            return Expr(e.sql, target, e.nullable, e.const)
        if e.const is not UNSET:
            return Expr.of(convert(e.const), target)
        name = self.function(("cv", e.type, target, explicit, style, column), lambda: convert, 1)
        return Expr(f"{name}({e.sql})", target, e.nullable)

    def function(
        self, key: Any, make: Callable[[], Callable[..., Any]], arguments: int, deterministic: bool = True
    ) -> str:
        name, function = shared_function(key, make)
        self.env.functions[name] = (lambda _session: function, arguments, deterministic)
        return name

    def session_function(self, name: str, make: Callable[..., Callable[..., Any]], arguments: int) -> str:
        """A function that depends on the session; `make(session)` is called once a connection."""
        self.env.functions[name] = (make, arguments, False)
        return name

    def call(
        self, key: Any, function: Callable[..., Any], arguments: list[Expr], result: SqlType, nullable: bool = True
    ) -> Expr:
        name = self.function(key, lambda: function, len(arguments))
        return Expr(f"{name}({', '.join(a.sql for a in arguments)})", result, nullable)

    def collated(self, e: Expr) -> str:
        clause = collation_clause(e.type)
        return f"({e.sql}){clause}" if clause else e.sql

    # Scalars

    def scalar(self, node: exp.Expression, scope: Scope | None) -> Expr:
        handler = _SCALARS.get(type(node))
        if handler is not None:
            return handler(self, node, scope)
        if isinstance(node, exp.Binary) and type(node) in arithmetic.OPERATORS:
            return self._binary(node, scope)
        if isinstance(node, (exp.Anonymous, exp.Func)):
            from standin.engine.functions import compile_function

            return compile_function(self, node, scope)
        if isinstance(node, exp.Predicate | exp.Connector | exp.Not):
            raise SqlError(102, f"Incorrect syntax near '{node.sql(dialect='tsql')[:60]}'.", 15)
        raise unsupported(f"expression {type(node).__name__}", node.sql(dialect="tsql"))

    def _literal(self, node: exp.Expression, _scope: Scope | None) -> Expr:
        text = node.this
        if node.is_string:
            return Expr.of(text_in(text), varchar(max(1, len(text)) if len(text) <= 8000 else MAX))
        return number_literal(text)

    def _national(self, node: exp.Expression, _scope: Scope | None) -> Expr:
        text = text_in(node.name)
        size = units(text)
        return Expr.of(text, nvarchar(max(1, size) if size <= 4000 else MAX))

    def _hex(self, node: exp.Expression, _scope: Scope | None) -> Expr:
        digits = node.name
        data = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
        return Expr.of(data, varbinary(max(1, len(data)) if len(data) <= 8000 else MAX))

    def _null(self, _node: exp.Expression, _scope: Scope | None) -> Expr:
        return Expr("NULL", INT, True, None, True)

    def _column(self, node: exp.Expression, scope: Scope | None) -> Expr:
        name, table = node.name, node.args.get("table")
        if not table and name.lower() in ("user", "current_user", "session_user", "system_user"):
            from standin.engine.functions import compile_function

            return compile_function(self, exp.Anonymous(this=name), scope)
        schema = node.args.get("db")
        return self.resolve(scope, name, table.name if table else "", schema.name if schema else "")

    def resolve(self, scope: Scope | None, name: str, qualifier: str = "", schema: str = "") -> Expr:
        lowered, wanted = name.lower(), qualifier.lower()
        if name == BASE_ROW and scope is not None:
            return next(Expr(s.row_id, BIGINT, False) for s in scope.sources if s.row_id and s.alias.lower() == wanted)
        current, qualifier_seen = scope, False
        while current is not None:
            hits = []
            for source in current.sources:
                if wanted and source.alias.lower() != wanted:
                    continue
                if schema and source.schema.lower() != schema.lower():
                    continue
                qualifier_seen = True
                named = [c for c in source.columns if c.name.lower() == lowered]
                hits += [c.expr for c in named if c.name == name] or [c.expr for c in named]
            if len(hits) > 1:
                raise SqlError(209, f"Ambiguous column name '{name}'.")
            if hits:
                return hits[0]
            current = current.parent
        if qualifier and not qualifier_seen:
            raise SqlError(4104, f'The multi-part identifier "{qualifier}.{name}" could not be bound.')
        raise invalid_column(name)

    def _parameter(self, node: exp.Expression, _scope: Scope | None) -> Expr:
        if isinstance(node.this, exp.Parameter):
            from standin.engine.functions import global_variable

            return global_variable(self, node.this.name)
        name = f"@{node.name}".lower()
        return self.variable(name)

    def variable(self, name: str) -> Expr:
        sql_type = self.env.variables.get(name.lower())
        if sql_type is None:
            raise undeclared_variable(name)
        parameter = self.env.used_variables.setdefault(name.lower(), f"v{len(self.env.used_variables)}")
        return Expr(f":{parameter}", sql_type)

    def _paren(self, node: exp.Expression, scope: Scope | None) -> Expr:
        e = self.scalar(node.this, scope)
        return Expr(f"({e.sql})", e.type, e.nullable, e.const, e.null)

    def _cast(self, node: exp.Expression, scope: Scope | None) -> Expr:
        target = sql_type_of(node.args["to"], self.env.database)
        return self.cast(self.scalar(node.this, scope), target, None, isinstance(node, exp.TryCast))

    def _convert(self, node: exp.Expression, scope: Scope | None) -> Expr:
        target = sql_type_of(node.this, self.env.database)
        value = self.scalar(node.expression, scope)
        style = node.args.get("style")
        number = None
        if style is not None:
            compiled = self.scalar(style, scope)
            if compiled.const is UNSET:
                raise unsupported("CONVERT style that is no constant", node.sql(dialect="tsql"))
            number = compiled.const
        return self.cast(value, target, number, bool(node.args.get("safe")))

    def cast(self, value: Expr, target: SqlType, style: int | None, attempt: bool) -> Expr:
        if value.null:
            return Expr("NULL", target, True, None)  # a NULL that has a type from here on
        if not attempt:
            return self.coerce(value, target, True, style)
        convert = converter(value.type, target, True, style)
        if convert is None:
            return Expr(value.sql, target, True)

        def attempted(v: Any) -> Any:
            try:
                return convert(v)
            except SqlError:
                return None

        return self.call(("try", value.type, target, style), attempted, [value], target)

    def _neg(self, node: exp.Expression, scope: Scope | None) -> Expr:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return number_literal("-" + node.this.name)
        return arithmetic.negate(self, self.scalar(node.this, scope))

    def _not_bits(self, node: exp.Expression, scope: Scope | None) -> Expr:
        e = self.scalar(node.this, scope)
        return Expr(f"(~({e.sql}))", e.type, e.nullable)

    def _binary(self, node: exp.Expression, scope: Scope | None) -> Expr:
        operator = arithmetic.OPERATORS[type(node)]
        return arithmetic.binary(self, operator, self.scalar(node.this, scope), self.scalar(node.expression, scope))

    def _case(self, node: exp.Expression, scope: Scope | None) -> Expr:
        operand = node.this
        tests = []
        for branch in node.args["ifs"]:
            test = exp.EQ(this=operand.copy(), expression=branch.this.copy()) if operand is not None else branch.this
            tests.append((self.condition(test, scope), self.scalar(branch.args["true"], scope)))
        default = node.args.get("default")
        otherwise = self.scalar(default, scope) if default is not None else Expr("NULL", INT, True, None, True)
        return self.choose(tests, otherwise)

    def choose(self, tests: list[tuple[str, Expr]], otherwise: Expr) -> Expr:
        result = merge_types([*(e for _, e in tests), otherwise])
        whens = " ".join(f"WHEN {test} THEN {self.coerce(e, result).sql}" for test, e in tests)
        nullable = otherwise.nullable or any(e.nullable for _, e in tests)
        return Expr(f"(CASE {whens} ELSE {self.coerce(otherwise, result).sql} END)", result, nullable)

    def _subquery(self, node: exp.Expression, scope: Scope | None) -> Expr:
        sql, columns = self.query(node.this if isinstance(node, exp.Subquery) else node, scope)
        if len(columns) != 1:
            raise SqlError(
                116,
                "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
            )
        return Expr(f"({sql})", columns[0].expr.type)

    def _collate(self, node: exp.Expression, scope: Scope | None) -> Expr:
        e = self.scalar(node.this, scope)
        target = collated(e.type, node.expression.name)
        return Expr(f"({e.sql}){collation_clause(target)}", target, e.nullable, e.const)

    def _at_time_zone(self, node: exp.Expression, scope: Scope | None) -> Expr:
        from standin.engine.time_functions import at_time_zone

        if not self.env.session.engine.version.has("AT TIME ZONE"):
            raise syntax_error("TIME")
        return at_time_zone(self, self.scalar(node.this, scope), self.scalar(node.args["zone"], scope))

    def _window(self, node: exp.Expression, scope: Scope | None) -> Expr:
        from standin.engine.aggregates import window

        return window(self, node, scope)

    def _dot(self, node: exp.Expression, scope: Scope | None) -> Expr:
        from standin.engine.functions import compile_dotted

        return compile_dotted(self, node, scope)


def number_literal(text: str) -> Expr:
    if "e" in text.lower():
        return Expr.of(float(text), FLOAT)
    if "." not in text:
        value = int(text)
        if -(2**31) <= value < 2**31:
            return Expr.of(value, INT)
    number = Decimal(text)
    digits = text.lstrip("-")
    whole, _, fraction = digits.partition(".")
    scale = len(fraction)
    precision = max(1, len(whole.lstrip("0")) + scale)
    if precision > 38:
        raise SqlError(
            1007, f"The number '{text}' is out of the range for numeric representation (maximum precision 38).", 15
        )
    t = SqlType("numeric", precision=max(precision, scale, 1), scale=scale)
    return Expr.of(
        stored_decimal(
            int(number.scaleb(scale)) if precision <= 27 else int(whole + fraction) * (-1 if text[0] == "-" else 1), t
        ),
        t,
    )


_SCALARS: dict[type, Callable[..., Expr]] = {
    exp.Literal: Expressions._literal,
    exp.National: Expressions._national,
    exp.HexString: Expressions._hex,
    exp.Null: Expressions._null,
    exp.Column: Expressions._column,
    exp.Parameter: Expressions._parameter,
    exp.Paren: Expressions._paren,
    exp.Cast: Expressions._cast,
    exp.TryCast: Expressions._cast,
    exp.Convert: Expressions._convert,
    exp.Neg: Expressions._neg,
    exp.BitwiseNot: Expressions._not_bits,
    exp.Case: Expressions._case,
    exp.Subquery: Expressions._subquery,
    exp.Select: Expressions._subquery,
    exp.Collate: Expressions._collate,
    exp.AtTimeZone: Expressions._at_time_zone,
    exp.Window: Expressions._window,
    exp.Dot: Expressions._dot,
}
