"""Collations: their five bytes on the wire, their names, and the code page of their varchar text.

The five bytes (MS-TDS 2.2.5.1.2): u32 little-endian of LCID (bits 0-19), comparison flags (20-27) and version
(28-31), then the sort id, 0 for Windows collations.
"""

from __future__ import annotations

from functools import lru_cache

from standin.tds.code_pages import WINDOWS_950
from standin.tds.collation_tables import LOCALES, SQL_COLLATIONS

IGNORE_CASE, IGNORE_ACCENT, IGNORE_KANA, IGNORE_WIDTH, BINARY, BINARY2, UTF8 = (1 << bit for bit in range(20, 27))

_CODE_PAGE_BY_LCID = dict(LOCALES.values())
_CODE_PAGE_BY_SORT_ID = {sort_id: code_page for sort_id, code_page, _ in SQL_COLLATIONS.values()}
_VERSIONS = {"90": 1, "100": 2, "140": 3, "160": 4}


@lru_cache(maxsize=256)
def codec_of(collation: bytes) -> str:
    """The Python codec of char, varchar and text under the five bytes; cp1252 for a zero collation.

    Use it with errors="sqlserver"."""
    word = int.from_bytes(collation[:4], "little")
    if word & UTF8:
        return "utf-8"
    if collation[4]:
        return _CODE_PAGE_BY_SORT_ID.get(collation[4], "cp1252")
    code_page = _CODE_PAGE_BY_LCID.get(word & 0xFFFFF) or "cp1252"
    return WINDOWS_950 if code_page == "cp950" else code_page


def for_unicode_alone(collation: bytes) -> bool:
    """Whether char, varchar and text cannot have it (SQL Server's error 459)."""
    word = int.from_bytes(collation[:4], "little")
    return not word & UTF8 and not collation[4] and _CODE_PAGE_BY_LCID.get(word & 0xFFFFF) == ""


@lru_cache(maxsize=256)
def by_name(name: str) -> bytes:
    """The five bytes of a collation's name, in any case. Raises KeyError for a name that is not known."""
    lower = name.lower()
    flags, version = _flags_of(lower)
    if lower.startswith("sql_"):
        sort_id, _, locale = SQL_COLLATIONS[lower]
        return (LOCALES[locale][0] | flags).to_bytes(4, "little") + bytes([sort_id])
    locale = max((one for one in LOCALES if lower.startswith(one + "_")), key=len, default=lower)
    return (LOCALES[locale][0] | flags | version << 28).to_bytes(4, "little") + b"\0"


def _flags_of(lower_name: str) -> tuple[int, int]:
    words = set(lower_name.split("_"))
    version = next((number for word, number in _VERSIONS.items() if word in words), 0)
    flags = UTF8 if "utf8" in words else 0
    if "bin" in words or "bin2" in words:
        return flags | (BINARY2 if "bin2" in words else BINARY), version
    flags |= IGNORE_CASE if "ci" in words else 0
    flags |= IGNORE_ACCENT if "ai" in words else 0
    flags |= 0 if "ks" in words else IGNORE_KANA
    flags |= 0 if "ws" in words else IGNORE_WIDTH
    return flags, version
