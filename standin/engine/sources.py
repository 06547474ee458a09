"""What stands in FROM: tables, views of the system, table-valued functions, subqueries, joins, APPLY."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from standin.engine import physical
from standin.engine.catalog import Database, Table
from standin.engine.env import Env, Expr, Scope, Source, SourceColumn
from standin.engine.errors import invalid_object, unsupported
from standin.engine.types import in_collation
from standin.model import SqlError

if TYPE_CHECKING:
    from standin.engine.select import Compiler


def name_parts(node: exp.Table) -> list[str]:
    """[database, schema, name] of a table's node; '' for what was not written."""
    if node.this.args.get("temporary"):
        return ["", "", f"#{node.this.name}"]
    name = node.this.name if not isinstance(node.this, exp.Dot) else node.this.expression.name
    if isinstance(node.this, exp.Dot):
        return [node.text("db"), node.this.this.name, name]
    return [node.text("catalog"), node.text("db"), name]


class Sources:
    """The part of the compiler that turns FROM into SQLite text; fills the scope with what can be named."""

    env: Env

    def source(self: Compiler, node: exp.Expression, scope: Scope) -> str:
        if isinstance(node, exp.Table):
            text = self._table(node, scope)
        elif isinstance(node, exp.Subquery):
            text = self._derived(node, scope)
        elif isinstance(node, exp.Values):
            sql, columns = self.query(node, scope.parent)
            text = self._add_derived(sql, columns, node, scope)
        elif isinstance(node, exp.Paren):
            text = self.source(node.this, scope)
        else:
            raise unsupported(f"source {type(node).__name__}", node.sql(dialect="tsql"))
        for join in node.args.get("joins") or []:
            text += self.join(join, scope)
        return text

    def join(self: Compiler, node: exp.Expression, scope: Scope) -> str:
        side, kind = (node.args.get("side") or "").upper(), (node.args.get("kind") or "").upper()
        if isinstance(node.this, exp.Lateral):
            return self._apply(node.this, scope)
        before = len(scope.sources)
        right = self.source(node.this, scope)
        if isinstance(node.this, exp.Subquery | exp.Table) and " JOIN " in right and not right.startswith("("):
            right = f"({right})"
        condition = node.args.get("on")
        if node.args.get("using"):
            raise unsupported("JOIN … USING", node.sql(dialect="tsql"))
        if condition is None:
            return f" CROSS JOIN {right}" if not side else f" {side} JOIN {right} ON 1"
        if side in ("LEFT", "RIGHT", "FULL"):
            # The side that can be missing has NULLs even in columns that have none of their own.
            missing = {"LEFT": scope.sources[before:], "RIGHT": scope.sources[:before], "FULL": scope.sources}[side]
            for source in missing:
                for column in source.columns:
                    column.expr.nullable = True
        word = f"{side} JOIN" if side else "JOIN"
        if kind == "CROSS":
            word = "CROSS JOIN"
        return f" {word} {right} ON {self.condition(condition, scope)}"

    def _apply(self: Compiler, node: exp.Expression, scope: Scope) -> str:
        """CROSS APPLY (SELECT expressions): its columns are put in where they are named."""
        inner = node.this
        if isinstance(inner, exp.Subquery) and isinstance(inner.this, exp.Select) and not inner.this.args.get("from_"):
            alias = node.args["alias"]
            names = [c.name for c in alias.columns]
            outputs = self.select_list(inner.this.expressions, Scope([], scope))
            columns = [SourceColumn(names[i] if names else c.name, c.expr) for i, c in enumerate(outputs)]
            scope.sources.append(Source(alias.name, "", columns))
            return ""
        raise unsupported("APPLY of anything but (SELECT expressions)", node.sql(dialect="tsql"))

    def _derived(self: Compiler, node: exp.Expression, scope: Scope) -> str:
        if isinstance(node.this, exp.Table):
            inner = self.source(node.this, scope)
            for join in node.args.get("joins") or []:
                inner += self.join(join, scope)
            node.set("joins", None)
            return f"({inner})"
        sql, columns = self.query(node.this, scope.parent)
        return self._add_derived(sql, columns, node, scope)

    def _add_derived(self: Compiler, sql: str, columns: list[SourceColumn], node: exp.Expression, scope: Scope) -> str:
        alias = node.args.get("alias")
        names = [c.name for c in alias.columns] if alias is not None else []
        name = self.env.unique("s")
        exposed = [
            SourceColumn(
                names[i - 1] if names else c.name, Expr(f"{name}.x{i}", c.expr.type, c.expr.nullable or c.expr.null)
            )
            for i, c in enumerate(columns, 1)
        ]
        scope.sources.append(Source(alias.name if alias is not None else "", sql, exposed))
        return f"({sql}) AS {name}"

    def _table(self: Compiler, node: exp.Table, scope: Scope) -> str:
        if isinstance(node.this, exp.Anonymous):
            from standin.engine.table_functions import table_function

            sql, columns = table_function(self, node, scope)
            if not node.alias:
                node.set("alias", exp.TableAlias(this=exp.to_identifier(node.this.name)))
            return self._add_derived(sql, columns, node, scope)
        database_name, schema, name = name_parts(node)
        alias = node.alias or name
        if not schema and not database_name:
            for names in reversed(self.env.ctes):
                if name.lower() in names:
                    return self._cte(names[name.lower()], alias, scope)
        from standin.engine.system_views import system_view

        view = (
            None
            if isinstance(node.this, exp.Parameter) or name.startswith("#")
            else system_view(self.env, database_name, schema, name)
        )
        if view is not None:
            return self._view(view, alias, scope)
        table, database = self.find_table(node)
        return self.add_table(
            table,
            database,
            alias,
            scope,
            [c.name for c in node.args["alias"].columns] if node.args.get("alias") else [],
        )

    def _cte(self: Compiler, known: tuple[str, list[SourceColumn]], alias: str, scope: Scope) -> str:
        physical_name, columns = known
        name = self.env.unique("s")
        exposed = [
            SourceColumn(c.name, Expr(f"{name}.x{i}", c.expr.type, c.expr.nullable)) for i, c in enumerate(columns, 1)
        ]
        scope.sources.append(Source(alias, physical_name, exposed))
        return f"{physical_name} AS {name}"

    def _view(self: Compiler, view: object, alias: str, scope: Scope) -> str:
        name = self.env.unique("s")
        self.env.views[view.physical] = view
        collation = self.env.session.db_catalog.collation
        exposed = [
            SourceColumn(c.name, Expr(f"{name}.c{i}", in_collation(c.type, collation), c.nullable))
            for i, c in enumerate(view.columns, 1)
        ]
        scope.sources.append(Source(alias, view.physical, exposed))
        return f"{view.physical} AS {name}"

    def find_table(self: Compiler, node: exp.Table) -> tuple[Table, Database]:
        """The table that a name means; SqlError 208 when there is none, 1087 for a table variable."""
        session = self.env.session
        if isinstance(node.this, exp.Parameter):
            name = f"@{node.this.name}".lower()
            found = session.table_variables.get(name)
            if found is None:
                raise SqlError(1087, f'Must declare the table variable "{name}".', 15, 2)
            return found, self.env.database
        database_name, schema, name = name_parts(node)
        if name.startswith("#"):
            found = session.temporary_tables.get(name.lower())
            if found is None:
                raise invalid_object(name)
            return found, self.env.database
        database = session.open_database(database_name) if database_name else self.env.database
        found = database.table(schema or session.default_schema(database), name)
        if found is None and not schema:
            found = database.table("dbo", name)
        if found is None:
            raise invalid_object(".".join(p for p in (database_name, schema, name) if p))
        return found, database

    def add_table(
        self: Compiler,
        table: Table,
        database: Database,
        alias: str,
        scope: Scope,
        names: list[str] | None = None,
        permission: str = "SELECT",
    ) -> str:
        """Brings a table into the scope; its SQLite text is the answer."""
        name = self.env.unique("s")
        self.env.tables.add(table.object_id)
        if not table.temporary and permission:
            self.env.rights.append((permission, database, table.schema, table.name, table.object_id))
        sql = table.physical
        if table.object_id in self.env.dirty:
            sql = physical.visible(table)
            self.env.provide("own", lambda session: session.transaction_id)
        source = Source(alias, sql, [], table, table.schema, f"{name}.rid")
        for i, column in enumerate(table.columns):
            exposed = names[i] if names else column.name
            source.columns.append(
                SourceColumn(
                    exposed,
                    Expr(
                        f"{name}.{column.physical}", column.type, column.nullable, identity=column.identity is not None
                    ),
                )
            )
        self._expand_computed(table, source)
        scope.sources.append(source)
        return f"{sql} AS {name}"

    def _expand_computed(self: Compiler, table: Table, source: Source) -> None:
        from standin.engine.sqlglot_tsql import parse_expression

        for column, exposed in zip(table.columns, source.columns, strict=True):
            if column.computed is not None:
                compiled = self.scalar(parse_expression(column.computed), Scope([source]))
                fixed = self.coerce(compiled, column.type)
                exposed.expr = Expr(f"({fixed.sql})", column.type, True, computed=True)
