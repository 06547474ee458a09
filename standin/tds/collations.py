"""Collations: their five bytes on the wire, their names, and the code page of their varchar text.

The five bytes (MS-TDS 2.2.5.1.2): u32 little-endian of LCID (bits 0-19), comparison flags (20-27) and version
(28-31), then the sort id, 0 for Windows collations.
"""

from __future__ import annotations

import codecs
from functools import lru_cache

IGNORE_CASE, IGNORE_ACCENT, IGNORE_KANA, IGNORE_WIDTH, BINARY, BINARY2, UTF8 = (1 << bit for bit in range(20, 27))

# LCID and code page by the part of a Windows collation's name before its flags.
_LOCALES: dict[str, tuple[int, str]] = {
    "albanian": (0x041C, "cp1250"),
    "arabic": (0x0401, "cp1256"),
    "chinese_prc": (0x0804, "cp936"),
    "chinese_taiwan_stroke": (0x0404, "cp950"),
    "croatian": (0x041A, "cp1250"),
    "cyrillic_general": (0x0419, "cp1251"),
    "czech": (0x0405, "cp1250"),
    "danish_norwegian": (0x0406, "cp1252"),
    "estonian": (0x0425, "cp1257"),
    "finnish_swedish": (0x040B, "cp1252"),
    "french": (0x040C, "cp1252"),
    "greek": (0x0408, "cp1253"),
    "hebrew": (0x040D, "cp1255"),
    "hungarian": (0x040E, "cp1250"),
    "icelandic": (0x040F, "cp1252"),
    "japanese": (0x0411, "cp932"),
    "korean_wansung": (0x0412, "cp949"),
    "latin1_general": (0x0409, "cp1252"),
    "latvian": (0x0426, "cp1257"),
    "lithuanian": (0x0427, "cp1257"),
    "modern_spanish": (0x0C0A, "cp1252"),
    "polish": (0x0415, "cp1250"),
    "romanian": (0x0418, "cp1250"),
    "slovak": (0x041B, "cp1250"),
    "slovenian": (0x0424, "cp1250"),
    "thai": (0x041E, "cp874"),
    "turkish": (0x041F, "cp1254"),
    "ukrainian": (0x0422, "cp1251"),
    "vietnamese": (0x042A, "cp1258"),
}
_CODE_PAGE_BY_LCID = {lcid: code_page for lcid, code_page in _LOCALES.values()}

# Sort ids of the SQL collations that are still met (sys.fn_helpcollations).
_SQL_SORT_IDS: dict[str, int] = {
    "sql_latin1_general_cp437_bin": 30,
    "sql_latin1_general_cp437_cs_as": 31,
    "sql_latin1_general_cp437_ci_as": 32,
    "sql_latin1_general_pref_cp437_ci_as": 33,
    "sql_latin1_general_cp437_ci_ai": 34,
    "sql_latin1_general_cp850_bin": 40,
    "sql_latin1_general_cp850_cs_as": 41,
    "sql_latin1_general_cp850_ci_as": 42,
    "sql_latin1_general_pref_cp850_ci_as": 43,
    "sql_latin1_general_cp850_ci_ai": 44,
    "sql_latin1_general_cp1_cs_as": 51,
    "sql_latin1_general_cp1_ci_as": 52,
    "sql_latin1_general_pref_cp1_ci_as": 53,
    "sql_latin1_general_cp1_ci_ai": 54,
}
_VERSIONS = {"90": 1, "100": 2, "140": 3, "160": 4}


def _as_windows_does(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes without a character (81, 8D, … in 1252) stand for the C1 control of the same number, as in Windows'
    own tables, and 80 in 936 for the euro; what a code page does not have becomes '?', as SQL Server converts."""
    if isinstance(error, UnicodeDecodeError):
        if error.encoding == "gbk" and error.object[error.start] == 0x80:
            return "€", error.start + 1
        return chr(error.object[error.start]), error.start + 1
    assert isinstance(error, UnicodeEncodeError)
    code = ord(error.object[error.start])
    if error.encoding == "gbk" and code == 0x20AC:
        return b"\x80", error.start + 1
    return (bytes([code]) if 0x80 <= code <= 0x9F else b"?"), error.start + 1


codecs.register_error("sqlserver", _as_windows_does)


@lru_cache(maxsize=256)
def codec_of(collation: bytes) -> str:
    """The Python codec of char, varchar and text under the five bytes; cp1252 for a zero collation.

    Use it with errors="sqlserver"."""
    word = int.from_bytes(collation[:4], "little")
    if word & UTF8:
        return "utf-8"
    sort_id = collation[4]
    if 30 <= sort_id <= 35:
        return "cp437"
    if 40 <= sort_id <= 49 or 55 <= sort_id <= 61:
        return "cp850"
    if sort_id:
        return "cp1252"
    return _CODE_PAGE_BY_LCID.get(word & 0xFFFFF, "cp1252")


@lru_cache(maxsize=256)
def by_name(name: str) -> bytes:
    """The five bytes of a collation's name, in any case. Raises KeyError for a name that is not known."""
    lower = name.lower()
    flags, version = _flags_of(lower)
    if lower.startswith("sql_"):
        return (_LOCALES["latin1_general"][0] | flags).to_bytes(4, "little") + bytes([_SQL_SORT_IDS[lower]])
    locale = max((one for one in _LOCALES if lower.startswith(one + "_")), key=len, default=lower)
    return (_LOCALES[locale][0] | flags | version << 28).to_bytes(4, "little") + b"\0"


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
