"""From the text of a batch to its statements.

T-SQL needs no semicolons, so the end of a statement is where a word stands, outside parentheses, that can only
begin the next one. Queries are handed on as tokens; `standin.engine.sqlglot_tsql` makes trees of them."""

from __future__ import annotations

from functools import lru_cache

from standin.engine import statements as st
from standin.engine.tokens import Cursor, tokenize
from standin.engine.types import ALIASES, TYPES, parse_type
from standin.model import SqlType

_QUERY_VERBS = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "("}
_DEFINITION_VERBS = {"CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "DENY", "REVOKE", "DBCC", "CHECKPOINT"}
_DEFINITION_VERBS |= {"ENABLE", "DISABLE", "RECONFIGURE", "BULK", "BACKUP", "RESTORE", "KILL", "OPEN", "FETCH", "CLOSE"}
_STARTERS = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "DECLARE", "SET", "IF", "WHILE", "BEGIN", "END", "PRINT"}
_STARTERS |= {"RAISERROR", "THROW", "EXEC", "EXECUTE", "WAITFOR", "USE", "COMMIT", "ROLLBACK", "SAVE", "RETURN"}
_STARTERS |= {"BREAK", "CONTINUE", "ELSE", "CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "DENY", "REVOKE", "DBCC"}
_STARTERS |= {"CHECKPOINT"}
_SET_OPERATORS = {"UNION", "ALL", "EXCEPT", "INTERSECT"}


_CACHED_CHARACTERS_MAX = 20_000  # load scripts run once and are long; statements that come again are short


def parse_batch(sql: str) -> tuple[st.Statement, ...]:
    """Raises SqlError (102 and relatives) for text that is no T-SQL. The statements keep their plans."""
    return _parse_cached(sql) if len(sql) <= _CACHED_CHARACTERS_MAX else _parse(sql)


@lru_cache(maxsize=2048)
def _parse_cached(sql: str) -> tuple[st.Statement, ...]:
    return _parse(sql)


def _parse(sql: str) -> tuple[st.Statement, ...]:
    c = Cursor(sql, tokenize(sql))
    body = _statements(c)
    if c.i < c.end:
        raise c.error()
    return tuple(body)


def _statements(c: Cursor) -> list[st.Statement]:
    body: list[st.Statement] = []
    first = True
    while c.i < c.end:
        if c.accept(";"):
            continue
        if c.at("END", "ELSE"):
            break
        body.append(_statement(c, first))
        first = False
    return body


def _statement(c: Cursor, first: bool = False) -> st.Statement:
    while c.accept(";"):
        pass
    start, line, word = c.token.start, c.token.line, c.token.upper
    if word in _QUERY_VERBS:
        return _query(c)
    if word in _DEFINITION_VERBS:
        return _definition(c)
    handler = _HANDLERS.get(word)
    if handler is not None:
        statement = handler(c, line)
    elif first and c.token.kind in ("word", "quoted"):
        statement = _execute_body(c, line)  # a batch may begin with a bare procedure name
    else:
        raise c.error()
    statement.text = c.sql[start : c.peek(-1).end]
    c.accept(";")
    return statement


def _leading_verb(c: Cursor, start: int) -> str:
    """The verb of a query: of what follows its common table expressions, if it has some."""
    if c.tokens[start].upper != "WITH":
        return "SELECT" if c.tokens[start].upper == "(" else c.tokens[start].upper
    depth = 0
    for i in range(start + 1, c.end):
        upper = c.tokens[i].upper
        depth += (upper == "(") - (upper == ")")
        if depth == 0 and upper in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"):
            return upper
    raise c.error()


def _ends_query(c: Cursor, verb: str, verb_seen: bool, previous: str) -> bool:
    """Whether the word at the cursor begins the next statement."""
    word = c.token.upper
    if word == "WITH":
        # After a query WITH is a hint, unless a CTE follows: WITH name AS ( or WITH name (
        return c.peek().kind in ("word", "quoted") and c.peek(2).upper in ("AS", "(") and previous not in ("TOP", ")")
    if word not in _STARTERS:
        return False
    if word == "SELECT":
        return verb_seen and previous not in _SET_OPERATORS and previous != "("
    if word == "SET":
        return not (verb in ("UPDATE", "MERGE") and verb_seen)
    if word in ("INSERT", "UPDATE", "DELETE"):
        return not (verb == "MERGE" and previous == "THEN") and verb_seen
    if word in ("EXEC", "EXECUTE"):
        return verb != "INSERT"
    return word not in ("MERGE",) or verb_seen


def _query(c: Cursor) -> st.Query:
    start, line = c.i, c.token.line
    verb = _leading_verb(c, start)
    verb_seen, body_seen, sets = False, False, 0
    depth = cases = 0
    while c.i < c.end:
        token = c.token
        word = token.upper
        previous = c.peek(-1).upper if c.i > start else ""
        if depth == 0 and cases == 0 and word == ";":
            break
        if depth == 0 and cases == 0 and c.i > start:
            seen = body_seen if verb == "INSERT" and word == "SELECT" else verb_seen
            if verb == "INSERT" and word in ("EXEC", "EXECUTE") and body_seen:
                break
            if word == "SET" and verb == "UPDATE" and sets:
                break
            if _ends_query(c, verb, seen, previous):
                break
        if depth == 0 and word in ("END",) and cases == 0:
            break
        cases += word == "CASE"
        cases -= word == "END" and cases > 0
        depth += (word == "(") - (word == ")")
        if depth < 0:
            break
        if depth == 0:
            verb_seen |= word == verb
            sets += word == "SET"
            body_seen |= word in ("SELECT", "VALUES", "DEFAULT", "EXEC", "EXECUTE") and verb == "INSERT"
        c.take()
    text = c.sql[c.tokens[start].start : c.peek(-1).end]
    query = st.Query(text, line, verb, Cursor(c.sql, c.tokens, start, c.i))
    c.accept(";")
    return query


def _definition(c: Cursor) -> st.Definition:
    start, line, verb = c.i, c.token.line, c.token.upper
    body = verb in ("CREATE", "ALTER") and c.peek().upper in ("PROCEDURE", "PROC", "VIEW", "FUNCTION", "TRIGGER")
    c.take()
    depth = 0
    while c.i < c.end:
        word = c.token.upper
        if depth == 0 and word == ";" and not body:
            break
        if depth == 0 and not body and word in _STARTERS and not _inside_definition(c, verb):
            break
        depth += (word == "(") - (word == ")")
        c.take()
    text = c.sql[c.tokens[start].start : c.peek(-1).end]
    statement = st.Definition(text, line, verb, Cursor(c.sql, c.tokens, start, c.i))
    c.accept(";")
    return statement


def _inside_definition(c: Cursor, verb: str) -> bool:
    """Words that begin statements, but stand inside definitions too (GRANT SELECT ON, ALTER COLUMN, ON DELETE …)."""
    word, previous = c.token.upper, c.peek(-1).upper
    if verb in ("GRANT", "DENY", "REVOKE"):
        return previous in ("GRANT", "DENY", "REVOKE", ",", "FOR") or word == "ALTER"
    if word == "IF":
        return c.peek().upper == "EXISTS"
    if word in ("ALTER", "DROP"):
        return c.peek().upper in ("COLUMN", "CONSTRAINT", "MEMBER")
    if word == "SET":
        return verb == "ALTER" or previous in ("DELETE", "UPDATE")
    if word in ("UPDATE", "DELETE", "INSERT"):
        return previous in ("ON", "FOR", "AFTER", ",", "OF")
    if word == "ROLLBACK":
        return verb == "ALTER" and previous == "WITH"
    return False


def _block(c: Cursor, line: int) -> st.Statement:
    c.expect("BEGIN")
    if c.at("TRAN", "TRANSACTION"):
        c.take()
        return st.Transaction("", line, "BEGIN", _transaction_name(c))
    if c.accept("TRY"):
        body = _statements(c)
        c.expect("END", "TRY")
        c.accept(";")
        c.expect("BEGIN", "CATCH")
        handler = _statements(c)
        c.expect("END", "CATCH")
        return st.Try("", line, body, handler)
    body = _statements(c)
    c.expect("END")
    return st.Block("", line, body)


def _transaction_name(c: Cursor) -> str:
    name = ""
    if c.token.kind in ("word", "quoted", "variable") and c.token.upper not in _STARTERS | {"WITH"}:
        name = c.take().value
    if c.accept("WITH", "("):
        while not c.accept(")"):
            c.take()
    elif c.at_words("WITH", "MARK"):
        c.i += 2
        c.take()
    return name


def _end_transaction(c: Cursor, line: int) -> st.Statement:
    action = c.take().upper
    if not (c.accept("TRAN") or c.accept("TRANSACTION")):
        c.accept("WORK")
        return st.Transaction("", line, action, "")
    return st.Transaction("", line, action, _transaction_name(c))


def _if(c: Cursor, line: int) -> st.Statement:
    c.expect("IF")
    condition = _condition(c)
    then = _statement(c)
    while c.at(";") and c.peek().upper == "ELSE":
        c.take()
    otherwise = _statement(c) if c.accept("ELSE") else None
    return st.If("", line, condition, then, otherwise)


def _condition(c: Cursor) -> str:
    """An IF's or WHILE's condition: up to the word that begins a statement outside parentheses."""
    start, depth, cases = c.token.start, 0, 0
    last = start
    while c.i < c.end:
        word = c.token.upper
        if depth == 0 and cases == 0 and (word in _STARTERS or word == ";" or (word == "WITH" and last != start)):
            break
        cases += word == "CASE"
        cases -= word == "END" and cases > 0
        depth += (word == "(") - (word == ")")
        last = c.take().end
    return c.sql[start:last]


def _while(c: Cursor, line: int) -> st.Statement:
    c.expect("WHILE")
    condition = _condition(c)
    return st.While("", line, condition, _statement(c))


def _expression(c: Cursor) -> str:
    """An expression's text: up to a comma, a semicolon or the next statement, outside parentheses and CASE."""
    start, depth, cases = c.token.start, 0, 0
    last = start
    while c.i < c.end:
        word = c.token.upper
        if depth == 0 and cases == 0:
            if word in (",", ";", ")", "OUTPUT", "OUT", "WITH"):
                break
            if word in _STARTERS and c.token.start != start:
                break
        cases += word == "CASE"
        cases -= word == "END" and cases > 0
        depth += (word == "(") - (word == ")")
        last = c.take().end
    return c.sql[start:last]


def _declare(c: Cursor, line: int) -> st.Statement:
    c.expect("DECLARE")
    variables = []
    while True:
        if c.token.kind != "variable":
            raise c.error()
        name = c.take().text
        c.accept("AS")
        if c.accept("TABLE"):
            begin = c.i
            c.skip_parens()
            return st.DeclareTable("", line, name, Cursor(c.sql, c.tokens, begin, c.i))
        sql_type = parse_type(c, user_types=_unknown_yet)
        initial = _expression(c) if c.accept("=") else None
        variables.append((name.lower(), sql_type, initial))
        if not c.accept(","):
            return st.Declare("", line, variables)


def _unknown_yet(parts: list[str]) -> SqlType | None:
    """A type that only the database can know, when the batch runs (Database.resolved)."""
    known = parts[-1].lower() in {*TYPES, *ALIASES, "sysname", "national"} - {"udt"}
    return None if known else SqlType("udt", udt=tuple(parts))


def _set(c: Cursor, line: int) -> st.Statement:
    c.expect("SET")
    if c.token.kind == "variable":
        name = c.take().text
        operator = c.take().upper
        expression = _expression(c)
        if operator != "=":
            if len(operator) != 2 or operator[1] != "=":
                raise c.error()
            expression = f"{name} {operator[0]} ({expression})"
        return st.SetVariable("", line, name.lower(), expression)
    words = []
    while c.i < c.end and not c.at(";") and not (words and c.token.upper in _STARTERS):
        words.append(c.take().text)
        if words[-1].upper() in ("ON", "OFF") and not c.at(","):
            break
    names = [w for w in " ".join(words[:-1]).upper().split(" , ")] if words else []
    if words[:1] and words[0].upper() == "TRANSACTION":
        return st.SetOption("", line, ["TRANSACTION ISOLATION LEVEL"], " ".join(words[3:]).upper())
    if words[:1] and words[0].upper() in ("LOCK_TIMEOUT", "DEADLOCK_PRIORITY", "ROWCOUNT", "TEXTSIZE", "DATEFIRST"):
        return st.SetOption("", line, [words[0].upper()], "".join(words[1:]))
    return st.SetOption("", line, names, words[-1] if words else "")


def _print(c: Cursor, line: int) -> st.Statement:
    c.expect("PRINT")
    return st.Print("", line, _expression(c))


def _raiserror(c: Cursor, line: int) -> st.Statement:
    c.expect("RAISERROR", "(")
    arguments = []
    while not c.accept(")"):
        if not c.accept(","):
            arguments.append(_expression(c))
    if c.accept("WITH"):
        while c.at("NOWAIT", "LOG", "SETERROR", ","):
            c.take()
    return st.Raise("", line, arguments)


def _throw(c: Cursor, line: int) -> st.Statement:
    c.expect("THROW")
    arguments = []
    while c.i < c.end and not c.at(";", "END") and c.token.upper not in _STARTERS:
        arguments.append(_expression(c))
        c.accept(",")
    return st.Throw("", line, arguments)


def _execute(c: Cursor, line: int) -> st.Statement:
    c.take()
    return _execute_body(c, line)


def _execute_body(c: Cursor, line: int) -> st.Statement:
    if c.at("("):
        c.take()
        dynamic = c.until()
        c.expect(")")
        return st.Execute("", line, "", dynamic, [], "")
    result = ""
    if c.token.kind == "variable" and c.peek().upper == "=":
        result = c.take().text.lower()
        c.take()
    begin = c.token.start
    procedure_variable = c.token.kind == "variable"
    if procedure_variable:
        c.take()
    else:
        c.dotted()
    procedure = c.sql[begin : c.peek(-1).end]
    arguments = []
    while c.i < c.end and not c.at(";", "END", "ELSE", "WITH") and c.token.upper not in _STARTERS:
        name = ""
        if c.token.kind == "variable" and c.peek().upper == "=":
            name = c.take().text
            c.take()
        expression = _expression(c)
        output = c.accept("OUTPUT") or c.accept("OUT")
        arguments.append((name, expression, output))
        if not c.accept(","):
            break
    if c.at("WITH") and c.peek().upper in ("RECOMPILE", "RESULT"):
        c.i += 2
    return st.Execute("", line, procedure, "", arguments, result)


def _waitfor(c: Cursor, line: int) -> st.Statement:
    c.expect("WAITFOR", "DELAY")
    return st.WaitFor("", line, _expression(c))


def _use(c: Cursor, line: int) -> st.Statement:
    c.expect("USE")
    return st.Use("", line, c.name())


def _return(c: Cursor, line: int) -> st.Statement:
    c.expect("RETURN")
    if c.i >= c.end or c.at(";", "END", "ELSE") or c.token.upper in _STARTERS:
        return st.Return("", line, None)
    return st.Return("", line, _expression(c))


def _loop(c: Cursor, line: int) -> st.Statement:
    return st.Loop("", line, c.take().upper)


_HANDLERS = {
    "BEGIN": _block,
    "COMMIT": _end_transaction,
    "ROLLBACK": _end_transaction,
    "SAVE": _end_transaction,
    "IF": _if,
    "WHILE": _while,
    "DECLARE": _declare,
    "SET": _set,
    "PRINT": _print,
    "RAISERROR": _raiserror,
    "THROW": _throw,
    "EXEC": _execute,
    "EXECUTE": _execute,
    "WAITFOR": _waitfor,
    "USE": _use,
    "RETURN": _return,
    "BREAK": _loop,
    "CONTINUE": _loop,
}
