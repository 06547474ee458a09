"""Tables of every SQL type with the values at its edges: how each is written in T-SQL, and what a client ought to read.

What is expected is computed here, from the types' definitions; of the stand-in's there are the names of collations."""

from __future__ import annotations

import random
import struct
import unicodedata
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from standin.tds.collation_tables import LOCALES, SQL_COLLATIONS
from tests.support.tds_clients import Cell, float_cell

Values = list[tuple[str, Cell]]  # T-SQL expression, what it reads as


@dataclass(frozen=True)
class Case:
    """A column of a table. `base` is its type without arguments; `code_page` is that of its collation, if it has one."""

    name: str
    type: str
    values: Values
    base: str = ""
    code_page: str = ""

    @property
    def is_legacy(self) -> bool:
        return self.base in ("text", "ntext", "image")

    @property
    def is_large(self) -> bool:
        """Whether CDC leaves a value out of an update's first image when the update does not change it."""
        documents = ("xml", "json", "geometry", "geography")
        return self.is_legacy or "(max)" in self.type or self.base in documents


@dataclass(frozen=True)
class Table:
    """`has_nulls`: a column with fewer values than the others has NULLs after them, and so has a last row of all."""

    name: str
    cases: list[Case]
    has_nulls: bool = True

    @property
    def row_count(self) -> int:
        return max(len(case.values) for case in self.cases) + self.has_nulls

    def value(self, case: Case, row: int) -> tuple[str, Cell | None]:
        if not self.has_nulls:
            return case.values[row % len(case.values)]
        return case.values[row] if row < len(case.values) else ("NULL", None)

    def next_value(self, case: Case, row: int) -> Cell | None:
        """What the row has after `update`."""
        return self.value(case, (row + 1) % self.row_count)[1]

    def update(self) -> str:
        """Gives each row the values of the next one, the last row those of the first."""
        changes = ", ".join(f"[{case.name}] = g.[{case.name}]" for case in self.cases)
        joined = f"dbo.[{self.name}] AS t JOIN dbo.[copy of {self.name}] AS g ON g.id = (t.id + 1) % {self.row_count}"
        return f"UPDATE t SET {changes} FROM {joined}"

    def definition(self) -> str:
        columns = ", ".join(f"[{case.name}] {case.type} NULL" for case in self.cases)
        return f"CREATE TABLE dbo.[{self.name}] (id int NOT NULL PRIMARY KEY, {columns})"

    def inserts(self) -> Iterable[str]:
        names = ", ".join(f"[{case.name}]" for case in self.cases)
        for row in range(self.row_count):
            values = ", ".join(self.value(case, row)[0] for case in self.cases)
            yield f"INSERT INTO dbo.[{self.name}] (id, {names}) VALUES ({row}, {values})"


def _case(name: str, declared: str, values: Values, code_page: str = "") -> Case:
    return Case(name, declared, values, declared.partition("(")[0].partition(" ")[0], code_page)


# Numbers


def _integers() -> list[Case]:
    ranges = {"tinyint": (0, 255), "smallint": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1)}
    ranges["bigint"] = (-(2**63), 2**63 - 1)
    cases = [
        _case(f"a_{name}", name, [(str(v), Cell("int", v)) for v in (low, high, 0, 1)])
        for name, (low, high) in ranges.items()
    ]
    return [*cases, _case("a_bit", "bit", [("0", Cell("bool", False)), ("1", Cell("bool", True))])]


def _written(number: Decimal) -> str:
    return f"{number:f}" if "." in f"{number:f}" else f"{number:f}."


def _exact(digits: str, scale: int) -> Decimal:
    return Decimal((int(digits.startswith("-")), tuple(map(int, digits.lstrip("-"))), -scale))


def _decimals() -> list[Case]:
    """Every precision, with no fraction, with a half and all of the digits in it."""
    cases = []
    for precision in range(1, 39):
        for scale in sorted({0, precision // 2, precision}):
            digits = ["9" * precision, "-" + "9" * precision, "0", "1", "-1", "5" + "0" * (precision - 1)]
            values = [(_written(n), Cell("decimal", n)) for n in (_exact(one, scale) for one in digits)]
            name = ("decimal", "numeric")[precision % 2]
            cases.append(_case(f"{name}_{precision}_{scale}", f"{name}({precision},{scale})", values))
    return cases


def _money() -> list[Case]:
    texts = {
        "money": ["-922337203685477.5808", "922337203685477.5807", "0.0001", "-0.0001", "0.0000", "1234.5600"],
        "smallmoney": ["-214748.3648", "214748.3647", "0.0001", "-0.0001", "0.0000", "-1.0000"],
    }
    return [_case(f"a_{name}", name, [(t, Cell("decimal", Decimal(t))) for t in all_]) for name, all_ in texts.items()]


def _double(bits: str) -> float:
    return float(struct.unpack(">d", bytes.fromhex(bits))[0])


def _single(bits: str) -> float:
    return float(struct.unpack(">f", bytes.fromhex(bits))[0])


def _floats() -> list[Case]:
    source = random.Random(7)
    doubles = ["0" * 16, "8" + "0" * 15, "0" * 15 + "1", "8" + "0" * 14 + "1", "000fffffffffffff", "0010000000000000"]
    doubles += ["7fefffffffffffff", "ffefffffffffffff", "3fb999999999999a", "3ff0000000000001", "bfd5555555555555"]
    singles = ["00000000", "00000001", "80000000", "80000001", "007fffff", "00800000", "7f7fffff", "ff7fffff"]
    singles += ["3dcccccd", "3f800001", "beaaaaab"]
    doubles += [f"{source.getrandbits(62):016x}" for _ in range(10)]
    singles += [f"{source.getrandbits(30):08x}" for _ in range(10)]
    return [
        _case("a_float", "float", [(f"{_double(b):.17e}", float_cell(_double(b))) for b in doubles]),
        _case("a_real", "real", [(f"{_single(b):.9e}", float_cell(_single(b))) for b in singles]),
    ]


# Dates and times


def _fraction(digits: str, scale: int) -> tuple[str, str]:
    """As T-SQL has it with so many digits, and as a cell has it with seven."""
    cut = digits[:scale]
    return (f".{cut}" if cut else ""), f".{cut.ljust(7, '0')}"


def _moment(scale: int, date: str, time: str, digits: str) -> tuple[str, str]:
    written, read = _fraction(digits, scale)
    return f"'{date} {time}{written}'".replace("' ", "'"), f"{date} {time}{read}".strip()


_CLOCKS = [("00:00:00", "0000000"), ("23:59:59", "9999999"), ("18:44:15", "1234567"), ("00:00:00", "0000001")]


def _times() -> list[Case]:
    cases = []
    for scale in range(8):
        pairs = [_moment(scale, "", *clock) for clock in _CLOCKS]
        cases.append(_case(f"time_{scale}", f"time({scale})", [(t, Cell("time", r)) for t, r in pairs]))
    return cases


_DAYS = ["0001-01-01", "9999-12-31", "2024-02-29", "1582-10-10", "1900-01-01", "1969-12-31", "2000-12-31"]


def _dates() -> list[Case]:
    cases = [_case("a_date", "date", [(f"'{day}'", Cell("date", day)) for day in _DAYS])]
    for scale in range(8):
        pairs = [_moment(scale, day, *_CLOCKS[at % len(_CLOCKS)]) for at, day in enumerate(_DAYS)]
        cases.append(_case(f"datetime2_{scale}", f"datetime2({scale})", [(t, Cell("datetime", r)) for t, r in pairs]))
    ticks = ["1753-01-01 00:00:00.000", "9999-12-31 23:59:59.997", "2024-02-29 18:44:15.003", "1899-12-31 12:00:00.007"]
    values = [(f"'{text.replace(' ', 'T')}'", Cell("datetime", f"{text}0000")) for text in ticks]
    minutes = ["1900-01-01 00:00", "2079-06-06 23:59", "2024-02-29 18:44"]
    small = [(f"'{text}'", Cell("datetime", f"{text}:00.0000000")) for text in minutes]
    return [*cases, _case("a_datetime", "datetime", values), _case("a_smalldatetime", "smalldatetime", small)]


def _offset_text(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _offsets() -> list[Case]:
    """Every half hour from -14:00 to +14:00, and what lies at the ends of both time lines."""
    cases = []
    for scale in (0, 3, 7):
        values = []
        for at, minutes in enumerate([*range(-840, 841, 30), 1, -1, 839, -839]):
            written, read = _moment(scale, _DAYS[2 + at % 5], *_CLOCKS[at % len(_CLOCKS)])
            zone = _offset_text(minutes)
            values.append((f"{written[:-1]} {zone}'", Cell("datetimeoffset", f"{read} {zone}")))
        for date, time, zone in [("0001-01-01", "14:00:00", "+14:00"), ("9999-12-31", "09:59:59", "-14:00")]:
            values.append((f"'{date} {time} {zone}'", Cell("datetimeoffset", f"{date} {time}.0000000 {zone}")))
        cases.append(_case(f"datetimeoffset_{scale}", f"datetimeoffset({scale})", values))
    return cases


# Text

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
        cases.append(_case(name, f"{declared} COLLATE {collation}", values, codec))
    return cases


def _collations() -> list[Case]:
    """A column of every collation that varchar can have, with the last characters of its code page: clients find the
    page by tables of their own."""
    pages = {f"{locale}_100_ci_as": page for locale, (_, page) in LOCALES.items() if page}
    pages |= {name: page for name, (_, page, _) in SQL_COLLATIONS.items()}
    some = {name: _characters(page)[-3:] for name, page in pages.items()}
    return [
        _case(name, f"varchar(9) COLLATE {name}", [(_literal(text), Cell("text", text))], pages[name])
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
        cases.append(_case(f"{prefix}{base}{'_max' if base == 'nvarchar' and not length else ''}", declared, values))
    return cases


# Bytes, and what is kept as bytes


def _bytes() -> list[Case]:
    samples = [b"", b"\0", b"\0", b"\0\1\xff", b"\x80" * 50, bytes(range(256))]
    cases = []
    for base, length in (("binary", 60), ("varbinary", 300), ("varbinary", 0), ("image", 0)):
        fits = [one[:50] if base == "binary" else one for one in samples]
        shown = [one.ljust(length, b"\0") if base == "binary" else one for one in fits]
        values = [(f"0x{one.hex()}", Cell("bytes", read)) for one, read in zip(fits, shown, strict=True)]
        declared = base if base == "image" else f"{base}({length or 'max'})"
        cases.append(_case(f"{base}{'_max' if base == 'varbinary' and not length else ''}", declared, values))
    guids = [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")]
    shown_guids = [str(guid).upper() for guid in guids]
    return [*cases, _case("a_guid", "uniqueidentifier", [(f"'{g}'", Cell("guid", g)) for g in shown_guids])]


def _clr(*samples: str) -> Values:
    return [(f"0x{one}", Cell("bytes", bytes.fromhex(one))) for one in samples]


def _odd() -> list[Case]:
    point = "E6100000010C" + "00" * 16
    text: Callable[[str, str], tuple[str, Cell]] = lambda sql, read: (sql, Cell("text", read))  # noqa: E731
    return [
        _case("a_hierarchyid", "hierarchyid", [*_clr("58", "5AC0"), ("'/1.1/'", Cell("bytes", b"\x62\xc0"))]),
        _case("a_geometry", "geometry", _clr(point, "00000000010400000000000000")),
        _case("a_geography", "geography", _clr(point)),
        _case("an_own_clr_type", "dbo.Point", _clr("01", "00FF")),
        _case("an_alias", "dbo.Phone", [text("N'12é'", "12é"), text("N''", "")]),
        _case("a_sparse", "int SPARSE", [("7", Cell("int", 7))]),
        _case(
            "an_xml",
            "xml",
            [
                text("N'<a>é漢😀</a>'", "<a>é漢😀</a>"),
                text("N'<b/>'", "<b/>"),
                text("N'<b/>'", "<b/>"),
                text("N''", ""),
            ],
        ),
        _case(
            "a_json", "json", [text('N\'{"a":"é漢😀"}\'', '{"a":"é漢😀"}'), text("N'[]'", "[]"), text("N'[]'", "[]")]
        ),
        _case("a_vector", "vector(2)", [text("'[0.5, -2]'", "[5.0000000e-001,-2.0000000e+000]")]),
    ]


def _variants() -> list[Case]:
    """One column a base type: a client may have a limit for one of them."""
    made = {
        "int": [("CAST(-5 AS int)", Cell("int", -5))],
        "bit": [("CAST(1 AS bit)", Cell("bool", True))],
        "tinyint": [("CAST(255 AS tinyint)", Cell("int", 255))],
        "smallint": [("CAST(-32768 AS smallint)", Cell("int", -32768))],
        "bigint": [("CAST(-9223372036854775808 AS bigint)", Cell("int", -(2**63)))],
        "decimal": [("CAST(-0.50 AS decimal(9,2))", Cell("decimal", Decimal("-0.50")))],
        "numeric": [
            ("CAST(12345678901234567890.5 AS numeric(38,1))", Cell("decimal", Decimal("12345678901234567890.5")))
        ],
        "money": [("CAST(-1.25 AS money)", Cell("decimal", Decimal("-1.25")))],
        "smallmoney": [("CAST(214748.3647 AS smallmoney)", Cell("decimal", Decimal("214748.3647")))],
        "float": [("CAST(0.1 AS float)", float_cell(0.1)), ("CAST(-0.0E0 AS float)", float_cell(-0.0))],
        "real": [("CAST(0.1 AS real)", float_cell(_single("3dcccccd")))],
        "date": [("CAST('0001-01-01' AS date)", Cell("date", "0001-01-01"))],
        "time": [("CAST('23:59:59.9999999' AS time(7))", Cell("time", "23:59:59.9999999"))],
        "datetime": [("CAST('2024-02-29 18:44:15.003' AS datetime)", Cell("datetime", "2024-02-29 18:44:15.0030000"))],
        "smalldatetime": [
            ("CAST('2024-02-29 18:44' AS smalldatetime)", Cell("datetime", "2024-02-29 18:44:00.0000000"))
        ],
        "datetime2": [
            ("CAST('2024-02-29 18:44:15.1234567' AS datetime2(7))", Cell("datetime", "2024-02-29 18:44:15.1234567"))
        ],
        "datetimeoffset": [
            (
                "CAST('2024-02-29 18:44:15.1234567 -05:30' AS datetimeoffset(7))",
                Cell("datetimeoffset", "2024-02-29 18:44:15.1234567 -05:30"),
            )
        ],
        "char": [("CAST('ab' AS char(4))", Cell("text", "ab  "))],
        "varchar": [("CAST('naïve €' AS varchar(20))", Cell("text", "naïve €")), ("''", Cell("text", ""))],
        "nchar": [("CAST(N'漢' AS nchar(2))", Cell("text", "漢 "))],
        "nvarchar": [("N'漢😀'", Cell("text", "漢😀")), ("N''", Cell("text", ""))],
        "binary": [("CAST(0x01 AS binary(3))", Cell("bytes", b"\1\0\0"))],
        "varbinary": [("0x00FF", Cell("bytes", b"\0\xff")), ("0x", Cell("bytes", b""))],
        "uniqueidentifier": [
            (
                "CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier)",
                Cell("guid", "6F9619FF-8B86-D011-B42D-00C04FC964FF"),
            )
        ],
    }
    return [Case(f"variant_{base}", "sql_variant", values, f"sql_variant {base}") for base, values in made.items()]


TABLES = [
    Table("integers", _integers()),
    Table("decimals", _decimals()),
    Table("money", _money()),
    Table("floats", _floats()),
    Table("times", _times()),
    Table("dates", _dates()),
    Table("offsets", _offsets()),
    Table("unicode", _unicode()),
    Table("bytes", _bytes()),
    Table("odd", _odd()),
    Table("variants", _variants(), has_nulls=False),
    Table("variant that is null", [Case("null_variant", "sql_variant", [("5", Cell("int", 5))], "sql_variant int")]),
    Table("collations", _collations()),
    *(Table(f"text {page}", _texts_of(page, collation)) for page, collation in COLLATIONS.items()),
]
