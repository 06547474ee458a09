"""The collations that sys.fn_helpcollations lists: locales of Windows collations, sort ids of SQL collations."""

from __future__ import annotations

# LCID and code page by the part of a Windows collation's name before its version and flags. A code page of "" means
# that the collation is for the n-types alone.
LOCALES: dict[str, tuple[int, str]] = {
    "albanian": (0x041C, "cp1250"),
    "arabic": (0x0401, "cp1256"),
    "assamese": (0x044D, ""),
    "azeri_cyrillic": (0x082C, "cp1251"),
    "azeri_latin": (0x042C, "cp1254"),
    "bashkir": (0x046D, "cp1251"),
    "bengali": (0x0445, ""),
    "bosnian_cyrillic": (0x201A, "cp1251"),
    "bosnian_latin": (0x141A, "cp1250"),
    "breton": (0x047E, "cp1252"),
    "chinese_hong_kong_stroke": (0x0C04, "cp950"),
    "chinese_prc": (0x0804, "cp936"),
    "chinese_prc_stroke": (0x20804, "cp936"),
    "chinese_simplified_pinyin": (0x0804, "cp936"),
    "chinese_simplified_stroke_order": (0x20804, "cp936"),
    "chinese_taiwan_bopomofo": (0x30404, "cp950"),
    "chinese_taiwan_stroke": (0x0404, "cp950"),
    "chinese_traditional_bopomofo": (0x30404, "cp950"),
    "chinese_traditional_pinyin": (0x1404, "cp950"),
    "chinese_traditional_stroke_count": (0x0404, "cp950"),
    "chinese_traditional_stroke_order": (0x21404, "cp950"),
    "corsican": (0x0483, "cp1252"),
    "croatian": (0x041A, "cp1250"),
    "cyrillic_general": (0x0419, "cp1251"),
    "czech": (0x0405, "cp1250"),
    "danish_greenlandic": (0x0406, "cp1252"),
    "danish_norwegian": (0x0406, "cp1252"),
    "dari": (0x048C, "cp1256"),
    "divehi": (0x0465, ""),
    "estonian": (0x0425, "cp1257"),
    "finnish_swedish": (0x040B, "cp1252"),
    "french": (0x040C, "cp1252"),
    "frisian": (0x0462, "cp1252"),
    "georgian_modern_sort": (0x10437, "cp1252"),
    "german_phonebook": (0x10407, "cp1252"),
    "greek": (0x0408, "cp1253"),
    "hebrew": (0x040D, "cp1255"),
    "hindi": (0x0439, ""),
    "hungarian": (0x040E, "cp1250"),
    "hungarian_technical": (0x1040E, "cp1250"),
    "icelandic": (0x040F, "cp1252"),
    "indic_general": (0x0439, ""),
    "japanese": (0x0411, "cp932"),
    "japanese_bushu_kakusu": (0x40411, "cp932"),
    "japanese_unicode": (0x10411, "cp932"),
    "japanese_xjis": (0x0411, "cp932"),
    "kazakh": (0x043F, "cp1251"),
    "khmer": (0x0453, ""),
    "korean": (0x0412, "cp949"),
    "korean_wansung": (0x0412, "cp949"),
    "lao": (0x0454, ""),
    "latin1_general": (0x0409, "cp1252"),
    "latvian": (0x0426, "cp1257"),
    "lithuanian": (0x0427, "cp1257"),
    "lithuanian_classic": (0x0827, "cp1257"),
    "macedonian_fyrom": (0x042F, "cp1251"),
    "maltese": (0x043A, ""),
    "maori": (0x0481, ""),
    "mapudungan": (0x047A, "cp1252"),
    "modern_spanish": (0x0C0A, "cp1252"),
    "mohawk": (0x047C, "cp1252"),
    "nepali": (0x0461, ""),
    "norwegian": (0x0414, "cp1252"),
    "pashto": (0x0463, ""),
    "persian": (0x0429, "cp1256"),
    "polish": (0x0415, "cp1250"),
    "romanian": (0x0418, "cp1250"),
    "romansh": (0x0417, "cp1252"),
    "sami_norway": (0x043B, "cp1252"),
    "sami_sweden_finland": (0x083B, "cp1252"),
    "serbian_cyrillic": (0x0C1A, "cp1251"),
    "serbian_latin": (0x081A, "cp1250"),
    "slovak": (0x041B, "cp1250"),
    "slovenian": (0x0424, "cp1250"),
    "syriac": (0x045A, ""),
    "tamazight": (0x085F, "cp1252"),
    "tatar": (0x0444, "cp1251"),
    "thai": (0x041E, "cp874"),
    "tibetan": (0x0451, ""),
    "traditional_spanish": (0x040A, "cp1252"),
    "turkish": (0x041F, "cp1254"),
    "turkmen": (0x0442, "cp1250"),
    "uighur": (0x0480, "cp1256"),
    "ukrainian": (0x0422, "cp1251"),
    "upper_sorbian": (0x042E, "cp1252"),
    "urdu": (0x0420, "cp1256"),
    "uzbek_latin": (0x0443, "cp1254"),
    "vietnamese": (0x042A, "cp1258"),
    "welsh": (0x0452, "cp1252"),
    "yakut": (0x0485, "cp1251"),
}

# Sort id, code page and locale of the SQL collations.
SQL_COLLATIONS: dict[str, tuple[int, str, str]] = {
    "sql_1xcompat_cp850_ci_as": (49, "cp850", "latin1_general"),
    "sql_altdiction_cp850_ci_ai": (57, "cp850", "latin1_general"),
    "sql_altdiction_cp850_ci_as": (61, "cp850", "latin1_general"),
    "sql_altdiction_cp850_cs_as": (55, "cp850", "latin1_general"),
    "sql_altdiction_cp1253_cs_as": (121, "cp1253", "greek"),
    "sql_altdiction_pref_cp850_ci_as": (56, "cp850", "latin1_general"),
    "sql_altdiction2_cp1253_cs_as": (122, "cp1253", "greek"),
    "sql_danish_pref_cp1_ci_as": (183, "cp1252", "danish_norwegian"),
    "sql_icelandic_pref_cp1_ci_as": (186, "cp1252", "icelandic"),
    "sql_latin1_general_pref_cp1_ci_as": (53, "cp1252", "latin1_general"),
    "sql_latin1_general_pref_cp437_ci_as": (33, "cp437", "latin1_general"),
    "sql_latin1_general_pref_cp850_ci_as": (43, "cp850", "latin1_general"),
    "sql_mixdiction_cp1253_cs_as": (120, "cp1253", "greek"),
    "sql_scandinavian_cp850_ci_as": (60, "cp850", "latin1_general"),
    "sql_scandinavian_cp850_cs_as": (59, "cp850", "latin1_general"),
    "sql_scandinavian_pref_cp850_ci_as": (58, "cp850", "latin1_general"),
    "sql_swedishphone_pref_cp1_ci_as": (184, "cp1252", "finnish_swedish"),
    "sql_swedishstd_pref_cp1_ci_as": (185, "cp1252", "finnish_swedish"),
}


def _latin(code_page: str, locale: str, first: int, *, binary: bool = False, accents: int = 0) -> None:
    """The family SQL_Latin1_General_<code page>_*: [BIN], CS_AS, CI_AS and, if it has one, CI_AI."""
    name = "sql_latin1_general_" + ("cp1" if code_page == "cp1252" else code_page)
    flavours = ["_bin"] * binary + ["_cs_as", "_ci_as"]
    for number, flavour in enumerate(flavours, first):
        SQL_COLLATIONS[name + flavour] = (number, code_page, locale)
    if accents:
        SQL_COLLATIONS[name + "_ci_ai"] = (accents, code_page, locale)


def _pairs(code_page: str, first: int, *locales: str) -> None:
    """SQL_<locale>_<code page>_CS_AS and _CI_AS, one after the other."""
    for number, locale in enumerate(locales):
        for at, flavour in enumerate(("cs_as", "ci_as")):
            SQL_COLLATIONS[f"sql_{locale}_{code_page}_{flavour}"] = (first + 2 * number + at, code_page, locale)


_latin("cp437", "latin1_general", 30, binary=True, accents=34)
_latin("cp850", "latin1_general", 40, binary=True, accents=44)
_latin("cp1252", "latin1_general", 51, accents=54)
_latin("cp1250", "polish", 81)
_pairs("cp1250", 83, "czech", "hungarian", "polish", "romanian", "croatian", "slovak", "slovenian")
_latin("cp1251", "cyrillic_general", 105)
_pairs("cp1251", 107, "ukrainian")
_latin("cp1253", "greek", 113, accents=124)
_latin("cp1254", "turkish", 129)
_latin("cp1255", "hebrew", 137)
_latin("cp1256", "arabic", 145)
_latin("cp1257", "lithuanian", 153)
_pairs("cp1257", 155, "estonian", "latvian", "lithuanian")
