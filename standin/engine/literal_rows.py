"""INSERT … VALUES of literals alone, read straight from the tokens: load scripts consist of little else."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from standin.engine.env import Expr
from standin.engine.expressions import number_literal
from standin.engine.storage import text_in, units
from standin.engine.tokens import Cursor, Token
from standin.engine.types import INT, decimal, nvarchar, varbinary, varchar
from standin.model import MAX


@dataclass(slots=True)
class LiteralInsert:
    """`rows`: expressions with a constant; None stands for DEFAULT."""

    table: exp.Table
    columns: list[str]
    rows: list[list[Expr | None]]


def target_at(c: Cursor) -> tuple[exp.Table, list[str]]:
    """[db.][schema.]table [WITH (…)] [(columns)]"""
    if c.token.kind == "variable":
        table = exp.Table(this=exp.Parameter(this=exp.Var(this=c.take().text[1:])))
    else:
        parts = c.dotted()
        padded = [""] * (3 - len(parts)) + parts[-3:]
        ids = [exp.to_identifier(p, quoted=True) if p else None for p in padded]
        table = exp.Table(this=ids[2], db=ids[1], catalog=ids[0])
    if c.accept("WITH"):
        c.skip_parens()
    columns = []
    if c.at("(") and c.peek().upper not in ("SELECT", "("):
        c.take()
        while not c.accept(")"):
            if not c.accept(","):
                columns.append(c.name())
    return table, columns


def literal_insert(cursor: Cursor) -> LiteralInsert | None:
    """None when anything but literals is there."""
    c = Cursor(cursor.sql, cursor.tokens, cursor.i, cursor.end)
    if not c.accept("INSERT"):
        return None
    c.accept("INTO")
    if c.token.kind not in ("word", "quoted", "variable") or c.at("TOP"):
        return None
    table, columns = target_at(c)
    if not c.accept("VALUES"):
        return None
    rows = []
    while True:
        row = _row(c)
        if row is None:
            return None
        rows.append(row)
        if not c.accept(","):
            break
    return LiteralInsert(table, columns, rows) if c.i >= c.end else None


def _row(c: Cursor) -> list[Expr | None] | None:
    if not c.accept("("):
        return None
    row: list[Expr | None] = []
    while True:
        sign = ""
        if c.at("-", "+"):
            sign = "-" if c.take().text == "-" else ""
        token = c.take()
        if token.upper == "DEFAULT" and not sign:
            row.append(None)
        else:
            e = literal_expr(token, sign)
            if e is None:
                return None
            row.append(e)
        if c.accept(")"):
            return row
        if not c.accept(","):
            return None


def literal_expr(token: Token, sign: str = "") -> Expr | None:
    if token.kind == "number":
        return number_literal(sign + token.text)
    if sign:
        return None
    if token.kind == "string":
        text = text_in(token.value)
        if token.text[0] in "nN":
            size = units(text)
            return Expr.of(text, nvarchar(max(1, size) if size <= 4000 else MAX))
        return Expr.of(text, varchar(max(1, len(text)) if len(text) <= 8000 else MAX))
    if token.kind == "hex":
        digits = token.text[2:]
        data = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
        return Expr.of(data, varbinary(max(1, len(data)) if len(data) <= 8000 else MAX))
    if token.kind == "money":
        from decimal import Decimal

        return Expr.of(int(Decimal(token.text[1:]).scaleb(4)), decimal(19, 4, "money"))
    if token.upper == "NULL":
        return Expr("NULL", INT, True, None, True)
    return None
