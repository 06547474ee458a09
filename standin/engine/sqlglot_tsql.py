"""sqlglot's T-SQL with every function left as it was written.

sqlglot would translate functions into its own common forms and lose what T-SQL types them by (ISNULL, LEN, CONVERT
styles …), so the tables of known functions are emptied; what T-SQL has and sqlglot's grammar lacks is rewritten
on the tokens before it sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import SqlglotError

from standin.engine.errors import syntax_error, unsupported
from standin.engine.tokens import Cursor, Token, tokenize

_KEPT = ("CAST", "CONVERT", "TRY_CAST", "TRY_CONVERT")
_ASSIGNMENT_STOPS = ("FROM", "WHERE", "OUTPUT", "OPTION", ",")


class Dialect(TSQL):
    class Parser(TSQL.Parser):
        FUNCTIONS: dict = {}  # noqa: RUF012
        FUNCTION_PARSERS = {k: v for k, v in TSQL.Parser.FUNCTION_PARSERS.items() if k in _KEPT}  # noqa: RUF012
        NO_PAREN_FUNCTION_PARSERS = {  # noqa: RUF012
            k: v for k, v in TSQL.Parser.NO_PAREN_FUNCTION_PARSERS.items() if k in ("CASE", "NEXT")
        }


@dataclass(slots=True)
class Tree:
    """A query's tree, and its TOP when it is an UPDATE, DELETE, INSERT or MERGE (which sqlglot does not know)."""

    root: exp.Expression
    top: exp.Expression | None = None


def parse_expression(text: str) -> exp.Expression:
    """A scalar expression's or a condition's tree."""
    if not text.strip():
        raise syntax_error("")
    tree = _parse("SELECT CASE WHEN " + _rewrite(text) + " THEN 1 END", text)
    condition = tree.expressions[0].args["ifs"][0].this
    return condition


def parse_query(c: Cursor) -> Tree:
    """SELECT, INSERT, UPDATE, DELETE or MERGE at the cursor, to its end."""
    text, top = _rewrite_statement(c)
    return Tree(_parse(text, c.sql[c.tokens[c.i].start : c.tokens[c.end - 1].end]), top)


def _parse(text: str, original: str) -> exp.Expression:
    try:
        trees = Dialect().parse(text, error_level=ErrorLevel.IMMEDIATE)
    except (SqlglotError, RecursionError) as error:
        errors = getattr(error, "errors", None)
        if errors:
            raise syntax_error(str(errors[0].get("highlight") or original[:60]), errors[0].get("line") or 1) from error
        raise unsupported(f"syntax ({error})", original) from error
    if len(trees) != 1 or trees[0] is None:
        raise unsupported("statement", original)
    if isinstance(trees[0], exp.Command):
        raise unsupported("statement", original)
    return trees[0]


def _rewrite(text: str) -> str:
    return _join(tokenize(text))


def _token_text(token: Token) -> str:
    if token.kind == "money":
        return f"CAST({token.text[1:]} AS {_as_user_type('money')})"
    if token.kind == "hex" and len(token.text) == 2:
        return f"CAST('' AS {_as_user_type('varbinary(1)')})"
    if token.text == "!<":
        return ">="
    if token.text == "!>":
        return "<="
    return token.text


def _as_user_type(text: str) -> str:
    """A type that sqlglot keeps as it is written: it knows less of T-SQL's types than standin.engine.types does."""
    return '[sys]."' + text.replace('"', '""') + '"'


def _join(tokens: list[Token]) -> str:
    words: list[str] = []
    k = 0
    while k < len(tokens):
        if tokens[k].upper == "HIERARCHYID" and k + 4 < len(tokens) and tokens[k + 1].text == "::":
            end = _closing(tokens, k + 3)
            words.append(_static_method(tokens[k + 2], tokens[k + 4 : end]))
            k = end + 1
            continue
        first, end = _type_at(tokens, k)
        words += [_token_text(token) for token in tokens[k : first or k + 1]]
        if first:
            words.append(_as_user_type(" ".join(_type_text(token) for token in tokens[first:end])))
        k = end
    return " ".join(words)


def _static_method(name: Token, arguments: list[Token]) -> str:
    """hierarchyid::Parse and hierarchyid::GetRoot as conversions from text."""
    if name.text == "GetRoot" and not arguments:
        return f"CAST('/' AS {_as_user_type('hierarchyid')})"
    if name.text != "Parse":
        raise unsupported("method of hierarchyid", name.text)
    return f"CAST({_join(arguments)} AS {_as_user_type('hierarchyid')})"


def _type_text(token: Token) -> str:
    return "[" + token.value.replace("]", "]]") + "]" if token.kind == "quoted" else token.text


def _type_at(tokens: list[Token], k: int) -> tuple[int, int]:
    """Where a type begins and ends: from CONVERT's parenthesis, or from the AS of a CAST, at k; (0, k + 1) if none."""
    word = tokens[k].upper
    if word == "(" and k > 0 and tokens[k - 1].upper in ("CONVERT", "TRY_CONVERT"):
        return k + 1, next((i for i in _outside(tokens, k + 1) if tokens[i].text == ","), len(tokens))
    if word == "AS" and _in_cast(tokens, k):
        return k + 1, next((i for i in _outside(tokens, k + 1) if tokens[i].text == ")"), len(tokens))
    return 0, k + 1


def _outside(tokens: list[Token], start: int) -> Iterator[int]:
    """The places outside parentheses that open after `start`."""
    depth = 0
    for i in range(start, len(tokens)):
        depth += tokens[i].text == "("
        if depth == 0:
            yield i
        depth -= tokens[i].text == ")"


def _in_cast(tokens: list[Token], k: int) -> bool:
    """Whether the innermost parenthesis around k is CAST's or TRY_CAST's."""
    depth = 0
    for i in range(k - 1, 0, -1):
        depth += (tokens[i].text == ")") - (tokens[i].text == "(")
        if depth < 0:
            return tokens[i - 1].upper in ("CAST", "TRY_CAST")
    return False


def _rewrite_statement(c: Cursor) -> tuple[str, exp.Expression | None]:
    """Takes TOP (n) and the target's table hints out of a DML statement, and writes `a += b` as `a = a + (b)`."""
    tokens = c.tokens[c.i : c.end]
    verb = next((k for k, t in enumerate(tokens) if t.upper in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE")), 0)
    if tokens[0].upper == "WITH":
        verb = _main_verb(tokens)
    if tokens[verb].upper == "SELECT":
        return _join(tokens), None
    tokens, top = _take_top(tokens, verb, c.sql)
    tokens = _drop_target_hints(tokens, verb)
    if tokens[verb].upper in ("UPDATE", "MERGE"):
        tokens = _expand_compound_assignments(tokens)
    if tokens[verb].upper == "DELETE":
        tokens = _output_last(tokens, verb)
    if tokens[verb].upper == "DELETE" and verb + 1 < len(tokens) and tokens[verb + 1].upper != "FROM":
        tokens = _explicit_delete(tokens, verb)
    return _join(tokens), top


def _main_verb(tokens: list[Token]) -> int:
    depth = 0
    for k, token in enumerate(tokens):
        depth += (token.upper == "(") - (token.upper == ")")
        if depth == 0 and token.upper in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"):
            return k
    return 0


def _closing(tokens: list[Token], opening: int) -> int:
    depth = 0
    for k in range(opening, len(tokens)):
        depth += (tokens[k].upper == "(") - (tokens[k].upper == ")")
        if depth == 0:
            return k
    raise syntax_error("(")


def _take_top(tokens: list[Token], verb: int, sql: str) -> tuple[list[Token], exp.Expression | None]:
    if verb + 1 >= len(tokens) or tokens[verb + 1].upper != "TOP":
        return tokens, None
    if tokens[verb + 2].text == "(":
        end = _closing(tokens, verb + 2)
        text = sql[tokens[verb + 2].start : tokens[end].end]
    else:
        end, text = verb + 2, tokens[verb + 2].text
    return tokens[: verb + 1] + tokens[end + 1 :], parse_expression(text)


def _drop_target_hints(tokens: list[Token], verb: int) -> list[Token]:
    stop = {"VALUES", "SELECT", "SET", "FROM", "WHERE", "USING", "EXEC", "EXECUTE", "DEFAULT", "OUTPUT"}
    for k in range(verb + 1, len(tokens) - 1):
        if tokens[k].upper in stop:
            break
        if tokens[k].upper == "WITH" and tokens[k + 1].text == "(":
            return tokens[:k] + tokens[_closing(tokens, k + 1) + 1 :]
    return tokens


def _output_last(tokens: list[Token], verb: int) -> list[Token]:
    """DELETE's OUTPUT behind its WHERE, where sqlglot's grammar has it."""
    depth, start = 0, None
    for k in range(verb + 1, len(tokens)):
        depth += (tokens[k].text == "(") - (tokens[k].text == ")")
        if depth == 0 and tokens[k].upper == "OUTPUT":
            start = k
        elif depth == 0 and start is not None and tokens[k].upper in ("FROM", "WHERE", "OPTION"):
            return [*tokens[:start], *tokens[k:], *tokens[start:k]]
    return tokens


def _explicit_delete(tokens: list[Token], verb: int) -> list[Token]:
    """DELETE t WHERE … is DELETE FROM t WHERE …; DELETE a FROM … stays."""
    k = verb + 2
    while k + 1 < len(tokens) and tokens[k].text == ".":
        k += 2
    if any(t.upper == "FROM" for t in tokens[k : k + 1]):
        return tokens
    if k < len(tokens) and tokens[k].upper == "OUTPUT" and any(t.upper == "FROM" for t in tokens[k:]):
        return tokens
    at = tokens[verb]
    return [*tokens[: verb + 1], Token("word", "FROM", "FROM", "FROM", at.end, at.end, at.line), *tokens[verb + 1 :]]


def _expand_compound_assignments(tokens: list[Token]) -> list[Token]:
    out: list[Token] = []
    k = 0
    while k < len(tokens):
        token = tokens[k]
        if token.kind != "op" or len(token.text) != 2 or token.text[1] != "=" or token.text[0] not in "+-*/%&|^":
            out.append(token)
            k += 1
            continue
        target = [out[-1]]
        while len(out) > len(target) + 1 and out[-len(target) - 1].text == ".":
            target = out[-len(target) - 2 :]
        end = _assignment_end(tokens, k + 1)
        out += [_made("=", token), *target, _made(token.text[0], token), _made("(", token)]
        out += [*tokens[k + 1 : end], _made(")", token)]
        k = end
    return out


def _assignment_end(tokens: list[Token], start: int) -> int:
    depth = 0
    for k in range(start, len(tokens)):
        if depth == 0 and tokens[k].upper in (*_ASSIGNMENT_STOPS, "WHEN", ")"):
            return k
        depth += (tokens[k].upper in ("(", "CASE")) - (tokens[k].upper in (")", "END"))
    return len(tokens)


def _made(text: str, at: Token) -> Token:
    return Token("op", text, text, text, at.start, at.end, at.line)
