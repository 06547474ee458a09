"""Tokens of a T-SQL batch, with their places in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from standin.engine.errors import syntax_error
from standin.model import SqlError

_PATTERN = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
    |(?P<comment>/\*)
    |(?P<string>[nN]?'(?:[^']|'')*')
    |(?P<quoted>\[(?:[^\]]|\]\])*\]|"(?:[^"]|"")*")
    |(?P<hex>0[xX][0-9A-Fa-f]*)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<money>\$(?:\d+\.?\d*|\.\d+))
    |(?P<variable>@@?[\w@#$]+)
    |(?P<word>[^\W\d][\w@#$]*|\#\#?[\w@#$]+|\$action)
    |(?P<op><>|<=|>=|!=|!<|!>|\+=|-=|\*=|/=|%=|&=|\|=|\^=|::|[-+*/%=<>()\[\],.;&|^~:{}?!\\$])
    """,
    re.VERBOSE,
)


@dataclass(slots=True)
class Token:
    """`kind` is the group's name above; `value` is the name or string without its quotes; `upper` the key word."""

    kind: str
    text: str
    value: str
    upper: str
    start: int
    end: int
    line: int


def _value(kind: str, text: str) -> str:
    if kind == "string":
        return text[text.index("'") + 1 : -1].replace("''", "'")
    if kind == "quoted":
        quote = "]" if text[0] == "[" else text[0]
        return text[1:-1].replace(quote * 2, quote)
    return text


def _comment_end(sql: str, start: int) -> int:
    depth, i = 0, start
    while i < len(sql):
        if sql.startswith("/*", i):
            depth, i = depth + 1, i + 2
        elif sql.startswith("*/", i):
            depth, i = depth - 1, i + 2
            if depth == 0:
                return i
        else:
            i += 1
    raise SqlError(113, "Missing end comment mark '*/'.", 15)


def tokenize(sql: str) -> list[Token]:
    """Raises SqlError 105 for an unclosed string, 102 for a character that starts no token."""
    tokens: list[Token] = []
    i, line, match = 0, 1, _PATTERN.match
    while i < len(sql):
        m = match(sql, i)
        if m is None:
            if sql[i] in "'\"" or sql[i : i + 2] in ("N'", "n'"):
                raise SqlError(105, f"Unclosed quotation mark after the character string '{sql[i + 1 : i + 60]}'.", 15)
            raise syntax_error(sql[i], line)
        kind, end = m.lastgroup or "", m.end()
        if kind == "comment":
            end = _comment_end(sql, i)
        elif kind != "space":
            text = m.group()
            value = _value(kind, text)
            upper = text.upper() if kind in ("word", "op") else ""
            tokens.append(Token(kind, text, value, upper, i, end, line))
        line += sql.count("\n", i, end)
        i = end
    return tokens


class Cursor:
    """Reads a list of tokens from left to right. Past the end it stands on an empty token."""

    def __init__(self, sql: str, tokens: list[Token], start: int = 0, end: int | None = None) -> None:
        self.sql, self.tokens, self.i = sql, tokens, start
        self.end = len(tokens) if end is None else end
        self._eof = Token("end", "", "", "", len(sql), len(sql), tokens[-1].line if tokens else 1)

    @property
    def token(self) -> Token:
        return self.tokens[self.i] if self.i < self.end else self._eof

    def peek(self, ahead: int = 1) -> Token:
        return self.tokens[self.i + ahead] if self.i + ahead < self.end else self._eof

    def at(self, *words: str) -> bool:
        return self.token.upper in words

    def at_words(self, *words: str) -> bool:
        return all(self.peek(k).upper == w for k, w in enumerate(words))

    def take(self) -> Token:
        token = self.token
        self.i += 1
        return token

    def accept(self, *words: str) -> bool:
        """Takes the whole sequence of words, or nothing."""
        if self.at_words(*words):
            self.i += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        for word in words:
            if self.token.upper != word:
                raise self.error()
            self.i += 1

    def error(self) -> SqlError:
        token = self.token if self.i < self.end else self.peek(-1)
        return syntax_error(token.value or token.text, token.line)

    def name(self) -> str:
        """One identifier."""
        if self.token.kind not in ("word", "quoted"):
            raise self.error()
        return self.take().value

    def dotted(self) -> list[str]:
        """A name of one to four parts; an empty part (db..name) is ''."""
        parts = [self.name()]
        while self.at("."):
            self.take()
            parts.append("" if self.at(".") else self.name())
        return parts

    def dotted_ahead(self) -> list[str]:
        """As dotted, but the cursor stays."""
        place, parts = self.i, self.dotted()
        self.i = place
        return parts

    def skip_parens(self) -> None:
        """From '(' to after its ')'."""
        self.expect("(")
        depth = 1
        while depth:
            if self.i >= self.end:
                raise self.error()
            upper = self.take().upper
            depth += (upper == "(") - (upper == ")")

    def until(self, *stops: str) -> str:
        """The text up to the first of `stops` outside parentheses and CASE … END (or the end)."""
        start, depth = self.token.start, 0
        last = start
        while self.i < self.end:
            upper = self.token.upper
            if depth == 0 and (upper in stops or upper == ")"):
                break
            depth += (upper in ("(", "CASE")) - (upper == ")" or (upper == "END" and depth > 0))
            last = self.take().end
        return self.sql[start:last]
