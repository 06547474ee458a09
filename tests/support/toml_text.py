"""Settings as TOML text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def toml_lines(path: Sequence[str], settings: Mapping[str, Any]) -> str:
    """The table at `path` with its settings: texts, numbers, booleans, lists of texts, and tables of such. Empty for no
    settings."""
    plain = {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    tables = {name: value for name, value in settings.items() if isinstance(value, Mapping)}
    text = ""
    if plain:
        text = f"[{'.'.join(map(quoted, path))}]\n"
        text += "".join(f"{quoted(name)} = {_value(value)}\n" for name, value in plain.items())
    return text + "".join(toml_lines([*path, name], value) for name, value in tables.items())


def quoted(text: str) -> str:
    """As a basic string of TOML, or a quoted key."""
    return '"' + "".join(_character(one) for one in text) + '"'


def _character(one: str) -> str:
    if one in '"\\':
        return "\\" + one
    return f"\\u{ord(one):04X}" if ord(one) < 32 or ord(one) == 127 else one


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return quoted(value) if isinstance(value, str) else str(value)
