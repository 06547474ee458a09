"""Random values of every type that CDC captures, as T-SQL literals that SQL Server takes.

A maker gives a column's type, its collation, and a function that makes a literal each time it is called."""

from __future__ import annotations

import datetime
import random
import struct
from collections.abc import Callable

Made = tuple[str, str, Callable[[], str]]  # SQL type, collation, a random value's literal

# Of each code page a collation, and Python's codec that tells which characters it has.
COLLATIONS = {
    "Polish_CI_AS": "cp1250",
    "Czech_CS_AS": "cp1250",
    "Cyrillic_General_CI_AS": "cp1251",
    "Latin1_General_CI_AS": "cp1252",
    "SQL_Latin1_General_CP1_CI_AS": "cp1252",
    "Greek_CI_AS": "cp1253",
    "Turkish_CI_AS": "cp1254",
    "Hebrew_CI_AS": "cp1255",
    "Arabic_CI_AS": "cp1256",
    "Lithuanian_CI_AS": "cp1257",
    "Vietnamese_CI_AS": "cp1258",
    "Thai_CI_AS": "cp874",
    "Japanese_CI_AS": "cp932",
    "Chinese_PRC_CI_AS": "gbk",
    "Korean_Wansung_CI_AS": "cp949",
    "Chinese_Taiwan_Stroke_CI_AS": "cp950",
    "SQL_Latin1_General_CP437_CI_AS": "cp437",
    "SQL_Latin1_General_CP850_CI_AS": "cp850",
    "Latin1_General_100_CI_AS_SC_UTF8": "utf-8",
}
_ETEN = (b"\xc6\xa1", b"\xc8\xfe")  # Windows has characters of users' own where Python has ETEN's extensions
_SLOT_BYTES = 4096  # where the slots of (max) columns begin


# Numbers


def _integer(rng: random.Random, base: str) -> Made:
    low, high = {
        "bit": (0, 1),
        "tinyint": (0, 255),
        "smallint": (-(2**15), 2**15 - 1),
        "int": (-(2**31), 2**31 - 1),
        "bigint": (-(2**63), 2**63 - 1),
    }[base]
    edges = [low, high, 0, 1, max(low, -1)]
    return base, "", lambda: str(rng.choice(edges) if rng.random() < 0.3 else rng.randint(low, high))


def _decimal_text(units: int, scale: int) -> str:
    digits = str(abs(units)).rjust(scale + 1, "0")
    text = f"{digits[: len(digits) - scale]}.{digits[len(digits) - scale :]}" if scale else digits
    return f"-{text}" if units < 0 else text


def _decimal(rng: random.Random, base: str) -> Made:
    precision = rng.randint(1, 38)
    scale = rng.randint(0, precision)

    def literal() -> str:
        digits = rng.choice((precision, rng.randint(0, precision)))
        return _decimal_text(rng.choice((-1, 1)) * rng.randint(0, 10**digits - 1), scale)

    return f"{base}({precision},{scale})", "", literal


def _money(rng: random.Random, base: str) -> Made:
    bits = 63 if base == "money" else 31

    def literal() -> str:
        units = rng.choice((-(2**bits), 2**bits - 1, rng.randint(-(2**bits), 2**bits - 1), rng.randint(-9999, 9999)))
        return f"CAST('{_decimal_text(units, 4)}' AS {base})"

    return base, "", literal


def _float(rng: random.Random, base: str) -> Made:
    """Any bits of a normal number, and both zeros."""
    layout, size = ("<f", 4) if base == "real" else ("<d", 8)
    least, largest = (1.17549435e-38, 3.4028234e38) if base == "real" else (2.2250738585072014e-308, 1.79e308)

    def literal() -> str:
        if rng.random() < 0.1:
            return rng.choice(("0E0", "CAST(-0E0 AS real)" if base == "real" else "-0E0", "1E0"))
        while True:
            number = float(struct.unpack(layout, rng.randbytes(size))[0])
            if least <= abs(number) <= largest:
                return f"CAST('{number!r}' AS {base})" if base == "real" else f"{number:.16e}".replace("e", "E")

    return base, "", literal


# Dates and times


def _moment(rng: random.Random, first: datetime.datetime, last: datetime.datetime) -> datetime.datetime:
    if rng.random() < 0.2:
        return rng.choice((first, last))
    return first + datetime.timedelta(seconds=rng.randint(0, int((last - first).total_seconds())))


_FIRST, _LAST = datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)
# Years that nanoseconds since 1970 hold whole.
_NANOS_FIRST, _NANOS_LAST = datetime.datetime(1678, 1, 1), datetime.datetime(2261, 12, 31, 23, 59, 59)


def _iso(moment: datetime.datetime) -> str:
    return f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}T{moment:%H:%M:%S}"


def _fraction(rng: random.Random, scale: int) -> str:
    digits = rng.choice(("0" * scale, "9" * scale, "".join(rng.choice("0123456789") for _ in range(scale))))
    return f".{digits}" if scale else ""


def _date(rng: random.Random, base: str) -> Made:
    return base, "", lambda: f"'{_iso(_moment(rng, _FIRST, _LAST))[:10]}'"


def _datetime(rng: random.Random, base: str) -> Made:
    def literal() -> str:
        thirds = rng.randint(0, 299)
        return f"'{_iso(_moment(rng, datetime.datetime(1753, 1, 1), _LAST))}.{(thirds * 10 + 1) // 3:03d}'"

    return base, "", literal


def _smalldatetime(rng: random.Random, base: str) -> Made:
    first, last = datetime.datetime(1900, 1, 1), datetime.datetime(2079, 6, 6, 23, 59)
    return base, "", lambda: f"'{_iso(_moment(rng, first, last).replace(second=0))}'"


def _datetime2(rng: random.Random, base: str) -> Made:
    return _datetime2_between(rng, base, _FIRST, _LAST)


def datetime2_of_nanos(rng: random.Random, base: str) -> Made:
    return _datetime2_between(rng, base, _NANOS_FIRST, _NANOS_LAST)


def _datetime2_between(rng: random.Random, base: str, first: datetime.datetime, last: datetime.datetime) -> Made:
    scale = rng.randint(0, 7)
    return f"{base}({scale})", "", lambda: f"'{_iso(_moment(rng, first, last))}{_fraction(rng, scale)}'"


def _datetimeoffset(rng: random.Random, base: str) -> Made:
    scale = rng.randint(0, 7)
    day = datetime.timedelta(days=1)

    def literal() -> str:
        minutes = rng.choice((0, 840, -840, -330, -30, 345, rng.randint(-840, 840)))
        zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
        local = _moment(rng, _FIRST + day, _LAST - day)  # in UTC as well within the years 1 to 9999
        return f"'{_iso(local).replace('T', ' ')}{_fraction(rng, scale)} {zone}'"

    return f"{base}({scale})", "", literal


def _time(rng: random.Random, base: str) -> Made:
    scale = rng.randint(0, 7)
    return f"{base}({scale})", "", lambda: f"'{_iso(_moment(rng, _FIRST, _LAST))[11:]}{_fraction(rng, scale)}'"


# Text


def text_literal(text: str) -> str:
    """T-SQL for any text: control characters and halves of pairs by their numbers."""
    parts: list[str] = []
    plain = ""
    for one in text:
        if ord(one) < 32 or 0xD800 <= ord(one) < 0xE000:
            parts += [f"N'{plain}'"] if plain else []
            parts.append(f"NCHAR({ord(one)})")
            plain = ""
        else:
            plain += "''" if one == "'" else one
    return " + ".join([*parts, f"N'{plain}'"] if plain or not parts else parts)


def _decoded(codec: str, data: bytes) -> str:
    """A character that goes there and back; "" for bytes that have none, or one of its users' own."""
    try:
        text = data.decode(codec)
        same = text.encode(codec) == data and not (codec == "cp950" and _ETEN[0] <= data <= _ETEN[1])
        return text if same and len(text) == 1 and not "\ue000" <= text <= "\uf8ff" else ""
    except UnicodeError:
        return ""


def _characters(rng: random.Random, codec: str, count: int) -> str:
    """Characters of a code page, from any of its bytes; of UTF-8 from any plane."""
    found = []
    while len(found) < count:
        if rng.random() < 0.4:
            found.append(chr(rng.randint(32, 126)))
            continue
        if codec == "utf-8":
            code = rng.choice((rng.randint(0xA0, 0x24F), rng.randint(0x3040, 0x9FFF), rng.randint(0x1F300, 0x1F64F)))
            found.append(chr(code))
            continue
        lead = bytes([rng.randint(0x80, 0xFF)])
        found += _decoded(codec, lead) or _decoded(codec, lead + bytes([rng.randint(0x40, 0xFE)]))
    return "".join(found[:count])


def _length(rng: random.Random, longest: int, around: int) -> int:
    """Mostly short; sometimes around the end of a slot."""
    if longest > around and rng.random() < 0.15:
        return min(longest, rng.choice((around - 2, around - 1, around, around + 1, 2 * around + 1)))
    return rng.choice((0, 1, min(longest, 30), rng.randint(0, min(longest, 60))))


def _cut(text: str, codec: str, size: int) -> str:
    """As much of it as fits into so many bytes of the code page."""
    while len(text.encode(codec)) > size:
        text = text[:-1]
    return text


def _varchar(rng: random.Random, base: str) -> Made:
    collation = rng.choice(list(COLLATIONS))
    codec = COLLATIONS[collation]
    longest, argument = (
        (9000, "max") if base == "varchar" and rng.random() < 0.25 else (n := rng.randint(1, 80), str(n))
    )
    around = _SLOT_BYTES // 2

    def literal() -> str:
        size = _length(rng, longest, around)
        text = _characters(rng, codec, min(size, 40))
        if size > 40:
            text = rng.choice("ab ") * max(0, size - len(text.encode(codec))) + text
        if rng.random() < 0.05:
            text = "a\0b" + text + "  "
        return text_literal(_cut(text, codec, longest))

    return base if base == "text" else f"{base}({argument})", collation, literal


def _any_unit(rng: random.Random) -> str:
    """A character of one or two UTF-16 units, rarely half of a pair, a NUL or a control character."""
    kind = rng.random()
    if kind < 0.03:
        return chr(rng.randint(0xD800, 0xDFFF))
    if kind < 0.06:
        return chr(rng.randint(0, 31))
    if kind < 0.2:
        return chr(rng.randint(0x10000, 0x10FFFF))
    if kind < 0.6:
        return chr(rng.randint(32, 126))
    return chr(rng.choice((rng.randint(0xA0, 0xD7FF), rng.randint(0xE000, 0xFFFF))))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _nvarchar(rng: random.Random, base: str) -> Made:
    longest, argument = (
        (9000, "max") if base == "nvarchar" and rng.random() < 0.35 else (n := rng.randint(1, 60), str(n))
    )
    longest = 9000 if base == "ntext" else longest
    around = _SLOT_BYTES // 2

    def literal() -> str:
        size = _length(rng, longest, around)
        text = "".join(_any_unit(rng) for _ in range(min(size, 20)))
        if size > 20:
            text = rng.choice("ab 世") * max(0, size - _units(text)) + text
        while _units(text) > longest:
            text = text[:-1]
        return text_literal(text)

    return base if base == "ntext" else f"{base}({argument})", "", literal


def _xml(rng: random.Random, base: str) -> Made:
    """Text that needs no entity, in an element and beside it."""

    def literal() -> str:
        size = _length(rng, 9000, _SLOT_BYTES // 2)
        inner = "".join(rng.choice("abc déñ世界😀𝄞") for _ in range(min(size, 30))).strip()
        return text_literal(f"<a b='{rng.randint(0, 9)}'>{'x' * max(0, size - 30)}{inner}</a>".replace("'", '"'))

    return base, "", literal


def _variant(rng: random.Random, base: str) -> Made:
    """Base types of which tedious makes no other value; the rest is in a case file."""

    def literal() -> str:
        kind = rng.randint(0, 2)
        if kind == 0:
            return f"CAST({rng.randint(-(2**31), 2**31 - 1)} AS int)"
        if kind == 1:
            return f"CAST({text_literal(''.join(_any_unit(rng) for _ in range(rng.randint(0, 20))))} AS nvarchar(50))"
        return f"CAST(0x{rng.randbytes(rng.randint(0, 20)).hex()} AS varbinary(30))"

    return base, "", literal


# Bytes


def _varbinary(rng: random.Random, base: str) -> Made:
    longest, argument = (
        (9000, "max") if base == "varbinary" and rng.random() < 0.35 else (n := rng.randint(1, 80), str(n))
    )

    longest = 9000 if base == "image" else longest

    def literal() -> str:
        return "0x" + rng.randbytes(_length(rng, longest, _SLOT_BYTES)).hex()

    return base if base == "image" else f"{base}({argument})", "", literal


def _uniqueidentifier(rng: random.Random, base: str) -> Made:
    def literal() -> str:
        digits = rng.randbytes(16).hex()
        return f"'{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}'"

    return base, "", literal


def _hierarchyid(rng: random.Random, base: str) -> Made:
    paths = ("0x", "0x58", "0x5AC0", "0x5ADE", "0x5B40", "0x68")
    return base, "", lambda: f"CAST({rng.choice(paths)} AS hierarchyid)"


def _point(rng: random.Random, base: str) -> Made:
    """A point of version 1, without Z and M; a geography's latitude and longitude are degrees."""
    reference, limit = (0, 1e6) if base == "geometry" else (4326, 89.0)

    def literal() -> str:
        data = struct.pack("<iBBdd", reference, 1, 0x0C, rng.uniform(-limit, limit), rng.uniform(-limit, limit))
        return f"CAST(0x{data.hex()} AS {base})"

    return base, "", literal


def _rowversion(_: random.Random, base: str) -> Made:
    return base, "", lambda: "DEFAULT"


MAKERS: dict[str, Callable[[random.Random, str], Made]] = {
    **dict.fromkeys(("bit", "tinyint", "smallint", "int", "bigint"), _integer),
    **dict.fromkeys(("decimal", "numeric"), _decimal),
    **dict.fromkeys(("money", "smallmoney"), _money),
    **dict.fromkeys(("real", "float"), _float),
    "date": _date,
    "datetime": _datetime,
    "smalldatetime": _smalldatetime,
    "datetime2": _datetime2,
    "datetimeoffset": _datetimeoffset,
    "time": _time,
    **dict.fromkeys(("char", "varchar", "text"), _varchar),
    **dict.fromkeys(("nchar", "nvarchar", "ntext"), _nvarchar),
    "xml": _xml,
    "sql_variant": _variant,
    **dict.fromkeys(("binary", "varbinary", "image"), _varbinary),
    "uniqueidentifier": _uniqueidentifier,
    "hierarchyid": _hierarchyid,
    **dict.fromkeys(("geometry", "geography"), _point),
    "rowversion": _rowversion,
}
