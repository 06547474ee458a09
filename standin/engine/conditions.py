"""T-SQL's conditions as SQLite text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from standin.engine import variants
from standin.engine.env import UNSET, Expr, Scope
from standin.engine.errors import unsupported
from standin.engine.merging import merge_types
from standin.engine.patterns import like
from standin.engine.physical import collation_clause
from standin.engine.types import family, nvarchar
from standin.model import MAX, SqlError

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions

_COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}


class Conditions:
    """The part of the compiler that makes conditions; they are no scalars in T-SQL."""

    def condition(self: Expressions, node: exp.Expression, scope: Scope | None) -> str:
        if isinstance(node, exp.Paren):
            return f"({self.condition(node.this, scope)})"
        if isinstance(node, exp.And | exp.Or):
            return self._connector(node, scope)
        if isinstance(node, exp.Not):
            return f"(NOT {self.condition(node.this, scope)})"
        if type(node) in _COMPARISONS:
            return self._comparison(node, scope)
        handler = _CONDITIONS.get(type(node))
        if handler is None:
            raise SqlError(
                4145,
                f"An expression of non-boolean type specified in a context where a condition is expected, near '{node.sql(dialect='tsql')[:80]}'.",
                15,
            )
        return handler(self, node, scope)

    def _connector(self: Expressions, node: exp.Expression, scope: Scope | None) -> str:
        """Chains are flattened, because SQLite limits the depth of an expression."""
        kind, parts, stack = type(node), [], [node]
        while stack:
            current = stack.pop()
            if type(current) is kind:
                stack += [current.expression, current.this]
            else:
                parts.append(self.condition(current, scope))
        word = " AND " if kind is exp.And else " OR "
        return _balanced(parts, word)

    def _comparison(self: Expressions, node: exp.Expression, scope: Scope | None) -> str:
        operator = _COMPARISONS[type(node)]
        quantified = node.expression
        if isinstance(quantified, exp.All | exp.Any):
            return self._quantified(operator, node, quantified, scope)
        return self.compare(operator, self.scalar(node.this, scope), self.scalar(node.expression, scope))

    def _quantified(
        self: Expressions, operator: str, node: exp.Expression, quantified: exp.Expression, scope: Scope | None
    ) -> str:
        inner = quantified.this.this if isinstance(quantified.this, exp.Subquery) else quantified.this
        sql, columns = self.query(inner, scope)
        left = self.scalar(node.this, scope)
        alias = self.env.unique("q")
        column = Expr(f"{alias}.x1", columns[0].expr.type)
        names = f"{alias}(x1)"
        test = self.compare(operator, left, column)
        body = f"WITH {names} AS ({sql}) SELECT 1 FROM {alias} WHERE"
        if isinstance(quantified, exp.All):
            return f"(NOT EXISTS ({body} ({test}) IS NOT 1))"
        return f"EXISTS ({body} {test})"

    def compare(self: Expressions, operator: str, a: Expr, b: Expr) -> str:
        if a.null or b.null:
            return "NULL"
        if family(a.type) == "binary" and family(b.type) == "binary":
            return self._compare_binary(operator, a, b)
        common = merge_types([a, b])
        left, right = self.coerce(a, common), self.coerce(b, common)
        if family(common) == "variant":
            name = self.function("compare_variants", lambda: variants.compare, 2)
            return f"({name}({left.sql}, {right.sql}) {operator} 0)"
        return f"({left.sql} {operator} {right.sql}{collation_clause(common)})"

    def _compare_binary(self: Expressions, operator: str, a: Expr, b: Expr) -> str:
        """Binary values compare as if the shorter one ended in zeros."""
        for x, y in ((a, b), (b, a)):
            if (
                x.const not in (UNSET, None)
                and y.type.name in ("binary", "rowversion")
                and len(x.const) <= y.type.length
            ):
                padded = Expr.of(x.const.ljust(y.type.length, b"\0"), y.type)
                return f"({a.sql if x is b else padded.sql} {operator} {b.sql if x is a else padded.sql})"
        if (a.type.name, a.type.length) == (b.type.name, b.type.length) and a.type.name in ("binary", "rowversion"):
            return f"({a.sql} {operator} {b.sql})"
        name = self.function("strip0", lambda: lambda v: v.rstrip(b"\0") if v is not None else None, 1)
        fixed = [e for e in (a, b) if e.type.name == "binary"]
        if len(fixed) == 1 and fixed[0].sql.count(".") == 1 and "(" not in fixed[0].sql:
            # Keep a column bare, so that its index serves; the other side is brought to its length.
            length = fixed[0].type.length
            pad = self.function(
                ("pad0", length), lambda: lambda v: v.ljust(length, b"\0") if v is not None else None, 1
            )
            left = a.sql if a is fixed[0] else f"{pad}({a.sql})"
            right = b.sql if b is fixed[0] else f"{pad}({b.sql})"
            return f"({left} {operator} {right})"
        return f"({name}({a.sql}) {operator} {name}({b.sql}))"

    def _is(self: Expressions, node: exp.Expression, scope: Scope | None) -> str:
        if not isinstance(node.expression, exp.Null):
            raise unsupported("IS", node.sql(dialect="tsql"))
        return f"({self.scalar(node.this, scope).sql} IS NULL)"

    def _in(self: Expressions, node: exp.Expression, scope: Scope | None) -> str:
        left = self.scalar(node.this, scope)
        query = node.args.get("query")
        if query is None:
            tests = [self.compare("=", left, self.scalar(e, scope)) for e in node.expressions]
            return _balanced(tests, " OR ")
        inner = query.this if isinstance(query, exp.Subquery) else query
        sql, columns = self.query(inner, scope)
        common = merge_types([left, columns[0].expr])
        alias = self.env.unique("q")
        right = self.coerce(Expr(f"{alias}.x1", columns[0].expr.type), common)
        if right.sql == f"{alias}.x1":
            return f"({self.coerce(left, common).sql}{collation_clause(common)} IN ({sql}))"
        return f"({self.coerce(left, common).sql}{collation_clause(common)} IN (WITH {alias}(x1) AS ({sql}) SELECT {right.sql} FROM {alias}))"

    def _between(self: Expressions, node: exp.Expression, scope: Scope | None) -> str:
        value = self.scalar(node.this, scope)
        low, high = self.scalar(node.args["low"], scope), self.scalar(node.args["high"], scope)
        return f"({self.compare('>=', value, low)} AND {self.compare('<=', value, high)})"

    def _exists(self: Expressions, node: exp.Expression, scope: Scope | None) -> str:
        inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
        sql, _ = self.query(inner, scope)
        return f"EXISTS ({sql})"

    def _like(self: Expressions, node: exp.Expression, scope: Scope | None, escape: str = "") -> str:
        text = self.coerce(self.scalar(node.this, scope), nvarchar(MAX))
        pattern = self.coerce(self.scalar(node.expression, scope), nvarchar(MAX))
        name = self.function(("like", escape), lambda: like(escape), 2)
        return f"{'NOT ' * bool(node.args.get('negate'))}{name}({text.sql}, {pattern.sql})"

    def _escape(self: Expressions, node: exp.Expression, scope: Scope | None) -> str:
        return self._like(node.this, scope, node.expression.name)


def _balanced(parts: list[str], word: str) -> str:
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({_balanced(parts[:middle], word)}{word}{_balanced(parts[middle:], word)})"


_CONDITIONS: dict[type, Callable[..., str]] = {
    exp.Is: Conditions._is,
    exp.In: Conditions._in,
    exp.Between: Conditions._between,
    exp.Exists: Conditions._exists,
    exp.Like: Conditions._like,
    exp.Escape: Conditions._escape,
}
