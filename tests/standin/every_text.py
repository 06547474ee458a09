"""Text of every collation and of the n-types, for every_value.py."""

from __future__ import annotations

import unicodedata
from functools import cache

from value_tables import Case, Table, Values, case_of

from standin.tds.collation_tables import LOCALES, SQL_COLLATIONS
from tests.support.tds_clients import Cell

COLLATIONS = {
    "cp1250": "Polish_CI_AS", "cp1251": "Cyrillic_General_CI_AS", "cp1252": "Latin1_General_100_CS_AS",
    "cp1253": "Greek_CI_AS", "cp1254": "Turkish_CI_AS", "cp1255": "Hebrew_CI_AS", "cp1256": "Arabic_CI_AS",
    "cp1257": "Lithuanian_CI_AS", "cp1258": "Vietnamese_CI_AS", "cp874": "Thai_CI_AS", "cp932": "Japanese_CI_AS",
    "cp936": "Chinese_PRC_CI_AS", "cp949": "Korean_Wansung_CI_AS", "cp950": "Chinese_Taiwan_Stroke_CI_AS",
    "cp437": "SQL_Latin1_General_CP437_CI_AS", "cp850": "SQL_Latin1_General_CP850_CI_AS",
    "utf-8": "Latin1_General_100_CI_AS_SC_UTF8", "sql cp1250": "SQL_Czech_CP1250_CI_AS",
    "sql cp1251": "SQL_Ukrainian_CP1251_CS_AS", "sql cp1253": "SQL_Latin1_General_CP1253_CI_AS",
    "sql cp1254": "SQL_Latin1_General_CP1254_CI_AS", "sql cp1255": "SQL_Latin1_General_CP1255_CS_AS",
    "sql cp1256": "SQL_Latin1_General_CP1256_CI_AS", "sql cp1257": "SQL_Estonian_CP1257_CS_AS",
}  # fmt: skip
_MANY_BYTES = ("cp932", "cp936", "cp949", "cp950")


def _literal(text: str) -> str:
    return "N'" + text.replace("'", "''") + "'"


@cache
def _characters(codec: str) -> str:
    """All characters of a page of single bytes, every 97th of the others'."""
    if codec == "utf-8":
        return "aé€漢😀ѦΩ߷ࠀ￿𐀀􏿽"
    found = [bytes([byte]).decode(codec, "ignore") for byte in range(0x20, 0x100)]
    if codec in _MANY_BYTES:
        pairs = [bytes([lead, trail]) for lead in range(0x81, 0xFF) for trail in range(0x40, 0xFF)]
        # From C6A1 to C8FE Windows' 950 has characters of one's own, which are nobody's, while Python has kana.
        own = {pair for pair in pairs if codec == "cp950" and b"\xc6\xa1" <= pair <= b"\xc8\xfe"}
        wide = [pair.decode(codec, "ignore") for pair in pairs if pair not in own]
        whole = [text for text in wide if len(text) == 1 and unicodedata.category(text) != "Co"]
        found = found[:0x60] + [text for text in whole if len(text.encode(codec, "ignore")) == 2][::97]
    return "".join(text for text in found if text and text.encode(codec, "ignore").decode(codec) == text)


def _texts_of(code_page: str, collation: str) -> list[Case]:
    codec = code_page.removeprefix("sql ")
    whole = _characters(codec)
    size = 2000
    texts = [whole, "", "plain", "trailing  ", "nul\0inside", whole[-3:]]
    fitting = [("char", 40), ("varchar", size), ("varchar", 0)] + [("text", 0)] * (codec != "utf-8")
    cases = []
    for base, length in fitting:
        some = [text[:10] if base == "char" else text for text in texts]
        shown = [text + " " * (length - len(text.encode(codec))) if base == "char" else text for text in some]
        declared = base if base == "text" else f"{base}({length or 'max'})"
        values = [
            (_literal(t).replace("\0", "' + NCHAR(0) + N'"), Cell("text", s)) for t, s in zip(some, shown, strict=True)
        ]
        name = f"{base}{'_max' if base == 'varchar' and not length else ''} {code_page}"
        cases.append(case_of(name, f"{declared} COLLATE {collation}", values, codec))
    return cases


def _collations() -> list[Case]:
    """A column of every collation that varchar can have, with the last characters of its code page: clients find the
    page by tables of their own."""
    pages = {f"{locale}_100_ci_as": page for locale, (_, page) in LOCALES.items() if page}
    pages |= {name: page for name, (_, page, _) in SQL_COLLATIONS.items()}
    some = {name: _characters(page)[-3:] for name, page in pages.items()}
    return [
        case_of(name, f"varchar(9) COLLATE {name}", [(_literal(text), Cell("text", text))], pages[name])
        for name, text in some.items()
    ]


def _unicode() -> list[Case]:
    texts = ["", "a", "a", "trailing  ", "😀é漢", "nul\0inside", "\0", "\ufeffbom", "\uffff\ufffe", "e\u0301\u200f"]
    texts += ["z" * 4000]
    return _unicode_cases("", texts) + _unicode_cases(
        "lone ", ["\ud800", "\udfff", "a\udc00\ud800b", "x\ud83d", "\ude00x"]
    )


def _unicode_cases(prefix: str, texts: list[str]) -> list[Case]:
    cases = []
    for base, length in (("nchar", 30), ("nvarchar", 4000), ("nvarchar", 0), ("ntext", 0)):
        values: Values = []
        for text in texts:
            fits = text[:30] if base == "nchar" else text
            data = fits.encode("utf-16-le", "surrogatepass")
            units = len(data) // 2
            shown = fits + " " * (length - units) if base == "nchar" else fits
            # A text of exact code units, which a statement's own text could not carry.
            values.append((f"CONVERT(nvarchar({max(units, 1)}), 0x{data.hex()})", Cell("text", shown)))
        declared = base if base == "ntext" else f"{base}({length or 'max'})"
        cases.append(case_of(f"{prefix}{base}{'_max' if base == 'nvarchar' and not length else ''}", declared, values))
    return cases


TEXT_TABLES = [
    Table("unicode", _unicode()),
    Table("collations", _collations()),
    *(Table(f"text {page}", _texts_of(page, collation)) for page, collation in COLLATIONS.items()),
]
