"""Queries: SELECT, set operations, VALUES, common table expressions → SQLite text with typed columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from standin.engine.env import UNSET, Env, Expr, Scope, Source, SourceColumn
from standin.engine.errors import unsupported
from standin.engine.expressions import Expressions
from standin.engine.merging import merge_types
from standin.engine.physical import collation_clause
from standin.engine.sources import Sources
from standin.engine.types import BIGINT
from standin.model import Column, SqlError

_KNOWN_PARTS = {
    "kind",
    "hint",
    "distinct",
    "expressions",
    "limit",
    "operation_modifiers",
    "from_",
    "joins",
    "where",
    "group",
}
_KNOWN_PARTS |= {"having", "order", "offset", "options", "with_", "into", "windows", "laterals"}


def columns_of(columns: Sequence[SourceColumn]) -> list[Column]:
    return [
        Column(c.name, c.expr.type, c.expr.nullable or c.expr.null, c.expr.identity, c.expr.computed) for c in columns
    ]


class Compiler(Sources, Expressions):
    """One statement's compiler. `mapping`: cdc.lsn_time_mapping in a change reader's query (standin.engine.fast_path)."""

    mapping: Source

    def __init__(self, env: Env) -> None:
        super().__init__(env)

    # Queries

    def query(self, node: exp.Expression, scope: Scope | None) -> tuple[str, list[SourceColumn]]:
        """SQLite text of a query whose result columns are named x1, x2, …, and those columns."""
        if isinstance(node, exp.Subquery) and not _has_modifiers(node):
            return self.query(node.this, scope)
        with_clause = node.args.get("with_")
        if with_clause is not None:
            return self._with(node, with_clause, scope)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, scope)
        if isinstance(node, exp.Values):
            return self._values_query(node, scope)
        if isinstance(node, exp.Select):
            return self._select(node, scope)
        raise unsupported(f"query {type(node).__name__}", node.sql(dialect="tsql"))

    def _with(
        self, node: exp.Expression, clause: exp.Expression, scope: Scope | None
    ) -> tuple[str, list[SourceColumn]]:
        text = self.open_ctes(clause, scope)
        body = node.copy()
        body.set("with_", None)
        try:
            sql, columns = self.query(body, scope)
        finally:
            self.env.ctes.pop()
        return f"{text} {sql}", columns

    def open_ctes(self, clause: exp.Expression, scope: Scope | None) -> str:
        """The WITH clause's text; its names are known until `env.ctes.pop()`."""
        names: dict[str, tuple[str, list[SourceColumn]]] = {}
        self.env.ctes.append(names)
        parts = []
        for cte in clause.expressions:
            alias = cte.alias.lower()
            physical = self.env.unique("w")
            renamed = [c.name for c in cte.args["alias"].columns] if cte.args.get("alias") else []
            if _refers_to(cte.this, alias):
                anchor = _anchor(cte.this)
                _, columns = self.query(anchor, scope)
                names[alias] = (physical, _renamed(columns, renamed))
            sql, columns = self.query(cte.this, scope)
            names[alias] = (physical, _renamed(columns, renamed))
            listed = ", ".join(f"x{i}" for i in range(1, len(columns) + 1))
            parts.append(f"{physical}({listed}) AS ({sql})")
        return f"WITH RECURSIVE {', '.join(parts)}"

    def _set_operation(self, node: exp.Expression, scope: Scope | None) -> tuple[str, list[SourceColumn]]:
        members = _members(node)
        parts = [self.query(member, scope) for member in members]
        if len({len(columns) for _, columns in parts}) != 1:
            raise SqlError(
                205,
                "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.",
            )
        by_position = list(zip(*(columns for _, columns in parts), strict=True))
        merged = [merge_types([c.expr for c in same]) for same in by_position]
        columns = [
            SourceColumn(same[0].name, Expr("", t, any(c.expr.nullable for c in same)))
            for same, t in zip(by_position, merged, strict=True)
        ]
        distinct = bool(node.args.get("distinct"))
        word = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}[type(node)]
        word += "" if distinct else " ALL"
        sql = _compound([self._side(text, side, merged, distinct) for text, side in parts], word)
        order = node.args.get("order")
        if order is not None or node.args.get("limit") or node.args.get("offset"):
            names = [SourceColumn(c.name, Expr(f"x{i}", c.expr.type)) for i, c in enumerate(columns, 1)]
            inner = Scope([Source("", "", names)], scope)
            sql = f"SELECT * FROM ({sql}){self._order(order, inner, columns)}{self._limit(node, inner)}"
        return sql, columns

    def _side(self, sql: str, columns: list[SourceColumn], merged: list[Any], distinct: bool) -> str:
        """One side of a set operation, in the merged types."""
        outputs = []
        for i, (column, t) in enumerate(zip(columns, merged, strict=True), 1):
            e = Expr(f"x{i}", column.expr.type, True, UNSET, column.expr.null)
            out = self.coerce(e, t).sql
            outputs.append(f"{out}{collation_clause(t) if distinct else ''} AS x{i}")
        if (
            all(o == f"x{i} AS x{i}" for i, o in enumerate(outputs, 1))
            and " ORDER BY " not in sql
            and " LIMIT " not in sql
            and not sql.startswith("WITH")
        ):
            return sql if not _is_compound(sql) else f"SELECT * FROM ({sql})"
        return f"SELECT {', '.join(outputs)} FROM ({sql})"

    def _values_query(self, node: exp.Expression, scope: Scope | None) -> tuple[str, list[SourceColumn]]:
        rows = [[self.scalar(e, scope) for e in row.expressions] for row in node.expressions]
        if len({len(r) for r in rows}) != 1:
            raise SqlError(10709, "The number of columns for each row in a table value constructor must be the same.")
        types = [merge_types([row[i] for row in rows]) for i in range(len(rows[0]))]
        lines = [
            "SELECT "
            + ", ".join(f"{self.coerce(e, t).sql} AS x{i}" for i, (e, t) in enumerate(zip(row, types, strict=True), 1))
            for row in rows
        ]
        nullable = [any(row[i].nullable for row in rows) for i in range(len(types))]
        columns = [SourceColumn("", Expr("", t, n)) for t, n in zip(types, nullable, strict=True)]
        if len(lines) > 1:
            plain = [", ".join(self.coerce(e, t).sql for e, t in zip(row, types, strict=True)) for row in rows]
            heads = ", ".join(f"column{i} AS x{i}" for i in range(1, len(types) + 1))
            return f"SELECT {heads} FROM (VALUES {', '.join(f'({p})' for p in plain)})", columns
        return lines[0], columns

    def _select(self, node: exp.Expression, scope: Scope | None) -> tuple[str, list[SourceColumn]]:
        for part, value in node.args.items():
            if value and part not in _KNOWN_PARTS:
                raise unsupported(f"clause {part.rstrip('_').upper()}", node.sql(dialect="tsql"))
        inner = Scope([], scope)
        from_sql = self.from_clause(node, inner)
        where = node.args.get("where")
        where_sql = f" WHERE {self.condition(where.this, inner)}" if where is not None else ""
        outputs = self.select_list(node.expressions, inner)
        distinct = bool(node.args.get("distinct"))
        listed = ", ".join(
            f"{e.expr.sql}{collation_clause(e.expr.type) if distinct else ''} AS x{i}" for i, e in enumerate(outputs, 1)
        )
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{listed}{from_sql}{where_sql}{self._group(node, inner)}"
        sql += self._order(node.args.get("order"), inner, outputs) + self._limit(node, inner)
        return sql, outputs

    def from_clause(self, node: exp.Expression, inner: Scope) -> str:
        source = node.args.get("from_")
        if source is None:
            return ""
        text = self.source(source.this, inner)
        for join in node.args.get("joins") or []:
            text += self.join(join, inner)
        return f" FROM {text}"

    def select_list(self, expressions: Sequence[exp.Expression], inner: Scope) -> list[SourceColumn]:
        outputs: list[SourceColumn] = []
        for item in expressions:
            if isinstance(item, exp.Star):
                outputs += self._star("", inner)
            elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
                outputs += self._star(item.table, inner)
            elif isinstance(item, exp.Alias):
                outputs.append(SourceColumn(item.alias, self.scalar(item.this, inner)))
            else:
                name = item.name if isinstance(item, exp.Column) else ""
                outputs.append(SourceColumn(name, self.scalar(item, inner)))
        return outputs

    def _star(self, qualifier: str, inner: Scope) -> list[SourceColumn]:
        wanted = qualifier.lower()
        found = [s for s in inner.sources if not wanted or s.alias.lower() == wanted]
        if not found:
            if qualifier:
                raise SqlError(
                    107,
                    f"The column prefix '{qualifier}' does not match with a table name or alias name used in the query.",
                    15,
                )
            raise SqlError(263, "Must specify table to select from.")
        return [SourceColumn(c.name, c.expr) for s in found for c in s.columns]

    def _group(self, node: exp.Expression, inner: Scope) -> str:
        group, having = node.args.get("group"), node.args.get("having")
        text = ""
        if group is not None:
            if any(group.args.get(k) for k in ("rollup", "cube", "grouping_sets")):
                raise unsupported("GROUP BY clause", node.sql(dialect="tsql"))
            keys = [self.collated(self.scalar(e, inner)) for e in group.expressions]
            text = f" GROUP BY {', '.join(f'+{k}' if k.isdigit() else k for k in keys)}"
        if having is not None:
            text += ("" if group is not None else " GROUP BY NULL") + f" HAVING {self.condition(having.this, inner)}"
        return text

    def _order(self, order: exp.Expression | None, inner: Scope, outputs: Sequence[SourceColumn]) -> str:
        if order is None:
            return ""
        return f" ORDER BY {', '.join(self.order_item(o, inner, outputs) for o in order.expressions)}"

    def order_item(self, item: exp.Expression, inner: Scope, outputs: Sequence[SourceColumn]) -> str:
        """An ORDER BY term: an ordinal, a name from the select list, or an expression."""
        node = item.this
        descending = " DESC" if item.args.get("desc") else ""
        if outputs and isinstance(node, exp.Literal) and not node.is_string:
            position = int(node.name)
            if not 1 <= position <= len(outputs):
                raise SqlError(
                    108,
                    f"The ORDER BY position number {position} is out of range of the number of items in the select list.",
                    15,
                )
            return f"{position}{collation_clause(outputs[position - 1].expr.type)}{descending}"
        if isinstance(node, exp.Column) and not node.table:
            for i, column in enumerate(outputs, 1):
                if column.name.lower() == node.name.lower():
                    return f"x{i}{collation_clause(column.expr.type)}{descending}"
        e = self.scalar(node, inner)
        if isinstance(node, exp.Subquery):
            return f"({e.sql}){descending}"
        return f"{self.collated(e)}{descending}"

    def _limit(self, node: exp.Expression, inner: Scope) -> str:
        limit, offset = node.args.get("limit"), node.args.get("offset")
        if limit is None and offset is None:
            return ""
        options = limit.args.get("limit_options") if limit is not None else None
        if options is not None and (options.args.get("percent") or options.args.get("with_ties")):
            raise unsupported("TOP … PERCENT or WITH TIES", node.sql(dialect="tsql"))
        count = "-1"
        if limit is not None:
            number = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
            count = self.coerce(self.scalar(_unwrapped(number), None), BIGINT).sql
        text = f" LIMIT {count}"
        if offset is not None:
            text += f" OFFSET {self.coerce(self.scalar(offset.expression, inner), BIGINT).sql}"
        return text


_COMPOUND_MAX = 400  # SQLite takes 500 terms


def _members(node: exp.SetOperation) -> list[exp.Expression]:
    """The queries of a chain of the same set operation, which need no nesting: parsers' stacks are not deep."""
    members = [node.expression]
    current = node.this
    chained = isinstance(node, exp.Union)
    while (
        chained
        and type(current) is type(node)
        and bool(current.args.get("distinct")) == bool(node.args.get("distinct"))
    ):
        if _has_modifiers(current):
            break
        members.insert(0, current.expression)
        current = current.this
    return [current, *members]


def _compound(sides: list[str], word: str) -> str:
    if len(sides) <= _COMPOUND_MAX:
        return f" {word} ".join(sides)
    pieces = [sides[i : i + _COMPOUND_MAX] for i in range(0, len(sides), _COMPOUND_MAX)]
    return f" {word} ".join(f"SELECT * FROM ({f' {word} '.join(piece)})" for piece in pieces)


def _unwrapped(node: exp.Expression) -> exp.Expression:
    return node.this if isinstance(node, exp.Paren) else node


def _has_modifiers(node: exp.Expression) -> bool:
    return any(node.args.get(k) for k in ("with_", "order", "limit", "offset", "joins"))


def _is_compound(sql: str) -> bool:
    return sql.startswith("SELECT * FROM (") or " UNION " in sql or " EXCEPT " in sql or " INTERSECT " in sql


def _refers_to(node: exp.Expression, name: str) -> bool:
    return isinstance(node, exp.Union) and any(
        t.name.lower() == name and not t.args.get("db") for t in node.find_all(exp.Table)
    )


def _anchor(node: exp.Expression) -> exp.Expression:
    while isinstance(node, exp.SetOperation):
        node = node.this
    return node


def _renamed(columns: list[SourceColumn], names: list[str]) -> list[SourceColumn]:
    if names and len(names) != len(columns):
        raise SqlError(
            8158, "A common table expression has another number of columns than were specified in the column list."
        )
    return [SourceColumn(names[i] if names else c.name, c.expr) for i, c in enumerate(columns)]


def first_select(node: exp.Expression) -> exp.Select | None:
    """The SELECT that names a statement's result, for SELECT @x = …"""
    return node if isinstance(node, exp.Select) else None


def is_assignment(node: exp.Expression) -> bool:
    select = first_select(node)
    if select is None or not select.expressions:
        return False
    flags = [isinstance(e, exp.EQ) and isinstance(e.this, exp.Parameter) for e in select.expressions]
    if any(flags) and not all(flags):
        raise SqlError(
            141,
            "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.",
            15,
        )
    return all(flags)
