"""LIKE and PATINDEX patterns as regular expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache


@lru_cache(maxsize=1024)
def compiled(pattern: str, escape: str = "") -> re.Pattern[str]:
    """Case-insensitive, as the default collation is."""
    out, i = [], 0
    while i < len(pattern):
        c = pattern[i]
        if escape and c == escape and i + 1 < len(pattern):
            out.append(re.escape(pattern[i + 1]))
            i += 2
            continue
        end = pattern.find("]", i + 2) if c == "[" else -1
        if end > 0:
            body = pattern[i + 1 : end].replace("\\", "\\\\")
            negated = body.startswith("^")
            body = body[1:] if negated else body
            out.append(f"[{'^' if negated else ''}{body.replace('[', chr(92) + '[')}]")
            i = end
        else:
            out.append({"%": ".*", "_": "."}.get(c) or re.escape(c))
        i += 1
    return re.compile("".join(out), re.IGNORECASE | re.DOTALL)


def like(escape: str) -> Callable[[str | None, str | None], int | None]:
    def test(text: str | None, pattern: str | None) -> int | None:
        if text is None or pattern is None:
            return None
        expression = compiled(pattern, escape)
        return int(bool(expression.fullmatch(text) or expression.fullmatch(text.rstrip(" "))))

    return test
