"""Tables of every SQL type with the values at its edges.

What is expected is computed here, from the types' definitions; of the stand-in's there are the names of collations."""

from __future__ import annotations

import random
import struct
import uuid
from decimal import Decimal

from every_text import TEXT_TABLES
from value_tables import Case, Table, Values, case_of

from tests.support.tds_clients import Cell, float_cell

# Numbers


def _integers() -> list[Case]:
    ranges = {"tinyint": (0, 255), "smallint": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1)}
    ranges["bigint"] = (-(2**63), 2**63 - 1)
    cases = [
        case_of(f"a_{name}", name, [(str(v), Cell("int", v)) for v in (low, high, 0, 1)])
        for name, (low, high) in ranges.items()
    ]
    return [*cases, case_of("a_bit", "bit", [("0", Cell("bool", False)), ("1", Cell("bool", True))])]


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
            cases.append(case_of(f"{name}_{precision}_{scale}", f"{name}({precision},{scale})", values))
    return cases


def _money() -> list[Case]:
    texts = {
        "money": ["-922337203685477.5808", "922337203685477.5807", "0.0001", "-0.0001", "0.0000", "1234.5600"],
        "smallmoney": ["-214748.3648", "214748.3647", "0.0001", "-0.0001", "0.0000", "-1.0000"],
    }
    return [
        case_of(f"a_{name}", name, [(t, Cell("decimal", Decimal(t))) for t in all_]) for name, all_ in texts.items()
    ]


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
        case_of("a_float", "float", [(f"{_double(b):.17e}", float_cell(_double(b))) for b in doubles]),
        case_of("a_real", "real", [(f"{_single(b):.9e}", float_cell(_single(b))) for b in singles]),
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
        cases.append(case_of(f"time_{scale}", f"time({scale})", [(t, Cell("time", r)) for t, r in pairs]))
    return cases


_DAYS = ["0001-01-01", "9999-12-31", "2024-02-29", "1582-10-10", "1900-01-01", "1969-12-31", "2000-12-31"]


def _dates() -> list[Case]:
    cases = [case_of("a_date", "date", [(f"'{day}'", Cell("date", day)) for day in _DAYS])]
    for scale in range(8):
        pairs = [_moment(scale, day, *_CLOCKS[at % len(_CLOCKS)]) for at, day in enumerate(_DAYS)]
        cases.append(case_of(f"datetime2_{scale}", f"datetime2({scale})", [(t, Cell("datetime", r)) for t, r in pairs]))
    ticks = ["1753-01-01 00:00:00.000", "9999-12-31 23:59:59.997", "2024-02-29 18:44:15.003", "1899-12-31 12:00:00.007"]
    values = [(f"'{text.replace(' ', 'T')}'", Cell("datetime", f"{text}0000")) for text in ticks]
    minutes = ["1900-01-01 00:00", "2079-06-06 23:59", "2024-02-29 18:44"]
    small = [(f"'{text}'", Cell("datetime", f"{text}:00.0000000")) for text in minutes]
    return [*cases, case_of("a_datetime", "datetime", values), case_of("a_smalldatetime", "smalldatetime", small)]


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
        cases.append(case_of(f"datetimeoffset_{scale}", f"datetimeoffset({scale})", values))
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
        cases.append(case_of(f"{base}{'_max' if base == 'varbinary' and not length else ''}", declared, values))
    guids = [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")]
    shown_guids = [str(guid).upper() for guid in guids]
    return [*cases, case_of("a_guid", "uniqueidentifier", [(f"'{g}'", Cell("guid", g)) for g in shown_guids])]


def _clr(*samples: str) -> Values:
    return [(f"0x{one}", Cell("bytes", bytes.fromhex(one))) for one in samples]


def _odd() -> list[Case]:
    point = "E6100000010C" + "00" * 16

    def text(sql: str, read: str) -> tuple[str, Cell]:
        return sql, Cell("text", read)

    return [
        case_of("a_hierarchyid", "hierarchyid", [*_clr("58", "5AC0"), ("'/1.1/'", Cell("bytes", b"\x62\xc0"))]),
        case_of("a_geometry", "geometry", _clr(point, "00000000010400000000000000")),
        case_of("a_geography", "geography", _clr(point)),
        case_of("an_own_clr_type", "dbo.Point", _clr("01", "00FF")),
        case_of("an_alias", "dbo.Phone", [text("N'12é'", "12é"), text("N''", "")]),
        case_of("a_sparse", "int SPARSE", [("7", Cell("int", 7))]),
        case_of(
            "an_xml",
            "xml",
            [
                text("N'<a>é漢😀</a>'", "<a>é漢😀</a>"),
                text("N'<b/>'", "<b/>"),
                text("N'<b/>'", "<b/>"),
                text("N''", ""),
            ],
        ),
        case_of(
            "a_json", "json", [text('N\'{"a":"é漢😀"}\'', '{"a":"é漢😀"}'), text("N'[]'", "[]"), text("N'[]'", "[]")]
        ),
        case_of("a_vector", "vector(2)", [text("'[0.5, -2]'", "[5.0000000e-001,-2.0000000e+000]")]),
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
    Table("bytes", _bytes()),
    Table("odd", _odd()),
    Table("variants", _variants(), has_nulls=False),
    Table("variant that is null", [Case("null_variant", "sql_variant", [("5", Cell("int", 5))], "sql_variant int")]),
    *TEXT_TABLES,
]
