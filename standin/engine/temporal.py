"""Dates and times as SQL Server keeps them: parsing, formatting, rounding. Everything is integer arithmetic.

A moment is counted in ticks of 100 ns since 0001-01-01, as datetime2 values are."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from datetime import date as calendar_date

from standin.model import SqlError, SqlType

TICKS_A_SECOND = 10_000_000
TICKS_A_DAY = 86_400 * TICKS_A_SECOND
DAYS_TO_1900 = 693_595
TICKS_TO_1900 = DAYS_TO_1900 * TICKS_A_DAY
DAYS_MAX = 3_652_058  # 9999-12-31
DATETIME_MIN_DAYS = 639_905  # 1753-01-01
OFFSET_MAX = 14 * 60  # minutes
_THIRDS_A_DAY = 86_400 * 300
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_DATE = re.compile(
    r"""\s*(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})|(?P<c>\d{8})|(?P<c6>\d{6})
    |(?P<m2>\d{1,2})[-/.](?P<d2>\d{1,2})[-/.](?P<y2>\d{4})
    |(?P<mon>[A-Za-z]{3,9})\s+(?P<d3>\d{1,2}),?\s+(?P<y3>\d{4})
    |(?P<d4>\d{1,2})\s+(?P<mon4>[A-Za-z]{3,9}),?\s+(?P<y4>\d{4}))""",
    re.VERBOSE,
)
_TIME = re.compile(
    r"""[T\s]*(?P<h>\d{1,2}):(?P<mi>\d{1,2})(?::(?P<s>\d{1,2})(?:[.:](?P<f>\d{1,9}))?)?\s*(?P<ap>[AaPp][Mm])?""",
    re.VERBOSE,
)
_ZONE = re.compile(r"\s*(?:(?P<z>[Zz])|(?P<sign>[+-])(?P<zh>\d{1,2}):(?P<zm>\d{2}))\s*$")


def days_of(year: int, month: int, day: int) -> int:
    """Days since 0001-01-01. Raises ValueError for a date that is not there."""
    return calendar_date(year, month, day).toordinal() - 1


def civil(days: int) -> tuple[int, int, int]:
    d = calendar_date.fromordinal(days + 1)
    return d.year, d.month, d.day


def ticks_now() -> int:
    """UTC now."""
    now = datetime.now(UTC)
    seconds = (now.toordinal() - 1) * 86_400 + now.hour * 3600 + now.minute * 60 + now.second
    return seconds * TICKS_A_SECOND + now.microsecond * 10


def _parse_date(m: re.Match[str]) -> int:
    g = m.groupdict()
    if g["y"]:
        return days_of(int(g["y"]), int(g["m"]), int(g["d"]))
    if g["c"]:
        return days_of(int(g["c"][:4]), int(g["c"][4:6]), int(g["c"][6:]))
    if g["c6"]:
        year = int(g["c6"][:2])
        return days_of(year + (2000 if year < 50 else 1900), int(g["c6"][2:4]), int(g["c6"][4:]))
    if g["m2"]:
        return days_of(int(g["y2"]), int(g["m2"]), int(g["d2"]))
    month, day, year = (g["mon"], g["d3"], g["y3"]) if g["mon"] else (g["mon4"], g["d4"], g["y4"])
    return days_of(int(year), _MONTHS.index(month[:3].lower()) + 1, int(day))


def _parse_time(m: re.Match[str]) -> int:
    hour, minute, second = int(m["h"]), int(m["mi"]), int(m["s"] or 0)
    if m["ap"]:
        hour = hour % 12 + (12 if m["ap"].lower() == "pm" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("time out of range")
    fraction = (m["f"] or "0").ljust(8, "0")
    ticks = int(fraction[:7]) + (int(fraction[7]) >= 5)
    return ((hour * 60 + minute) * 60 + second) * TICKS_A_SECOND + ticks


def parse(text: str) -> tuple[int | None, int, int | None]:
    """(days or None, ticks of the day, offset in minutes or None). ValueError when it is no date or time."""
    if not text.strip():
        return DAYS_TO_1900, 0, None
    days, ticks, offset, i = None, 0, None, 0
    m = _DATE.match(text)
    if m:
        days, i = _parse_date(m), m.end()
    t = _TIME.match(text, i)
    if t:
        ticks, i = _parse_time(t), t.end()
    z = _ZONE.match(text, i)
    if z:
        minutes = 0 if z["z"] else int(z["zh"]) * 60 + int(z["zm"])
        if minutes > OFFSET_MAX:
            raise ValueError("offset out of range")
        offset, i = -minutes if z["sign"] == "-" else minutes, z.end()
    if text[i:].strip() or (m is None and t is None):
        raise ValueError("no date")
    return days, ticks, offset


def round_ticks(ticks: int, scale: int) -> int:
    """To 10^-scale seconds, half up."""
    unit = 10 ** (7 - scale)
    return (ticks + unit // 2) // unit * unit


def to_datetime(ticks: int) -> int:
    """1/300 s since 1900 (rounded: .000, .003, .007); SqlError 242 outside datetime's range."""
    shifted = ticks - TICKS_TO_1900
    days, rest = divmod(shifted, TICKS_A_DAY)
    value = days * _THIRDS_A_DAY + (rest * 300 * 2 + TICKS_A_SECOND) // (2 * TICKS_A_SECOND)
    if not (DATETIME_MIN_DAYS - DAYS_TO_1900) * _THIRDS_A_DAY <= value < (DAYS_MAX + 1 - DAYS_TO_1900) * _THIRDS_A_DAY:
        raise out_of_range("datetime")
    return value


def from_datetime(value: int) -> int:
    """Ticks of a datetime, rounded as SQL Server shows it: to milliseconds (.003333 is .003)."""
    days, thirds = divmod(value, _THIRDS_A_DAY)
    milliseconds = (thirds * 1000 * 2 + 300) // 600
    return TICKS_TO_1900 + days * TICKS_A_DAY + milliseconds * 10_000


def from_datetime_exact(value: int, scale: int) -> int:
    """Ticks of a datetime for datetime2(scale): thirds are kept (compatibility level 130 and later)."""
    days, thirds = divmod(value, _THIRDS_A_DAY)
    ticks = (thirds * TICKS_A_SECOND * 2 + 300) // 600
    return TICKS_TO_1900 + days * TICKS_A_DAY + round_ticks(ticks, scale)


def to_smalldatetime(ticks: int) -> int:
    minutes = (ticks - TICKS_TO_1900 + 30 * TICKS_A_SECOND) // (60 * TICKS_A_SECOND)
    if not 0 <= minutes < 65_536 * 1440:
        raise out_of_range("smalldatetime")
    return minutes


def from_smalldatetime(minutes: int) -> int:
    return TICKS_TO_1900 + minutes * 60 * TICKS_A_SECOND


def out_of_range(target: str, source: str = "varchar") -> SqlError:
    return SqlError(
        242, f"The conversion of a {source} data type to a {target} data type resulted in an out-of-range value.", 16, 3
    )


def format_date(days: int) -> str:
    year, month, day = civil(days)
    return f"{year:04d}-{month:02d}-{day:02d}"


def format_time(ticks: int, scale: int) -> str:
    seconds, fraction = divmod(ticks, TICKS_A_SECOND)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{fraction:07d}"[: 9 + scale] if scale else text


def format_offset(minutes: int) -> str:
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def format_default(ticks: int) -> str:
    """Style 0, as datetime and smalldatetime become text: `Jan  2 2025  3:04PM`."""
    days, rest = divmod(ticks, TICKS_A_DAY)
    year, month, day = civil(days)
    minutes = rest // (60 * TICKS_A_SECOND)
    hour = minutes // 60
    name = _MONTHS[month - 1].capitalize()
    return f"{name} {day:2d} {year:04d} {(hour % 12 or 12):2d}:{minutes % 60:02d}{'AM' if hour < 12 else 'PM'}"


def format_style(ticks: int, style: int, scale: int, with_time: bool, with_date: bool) -> str | None:
    """CONVERT's styles for dates; None for one that is not known here."""
    days, rest = divmod(ticks, TICKS_A_DAY)
    year, month, day = civil(days)
    date, time = format_date(days), format_time(rest, scale)
    if not with_date:
        return time if style not in (8, 108, 114) else time[:8]
    dates = {
        23: date, 112: f"{year:04d}{month:02d}{day:02d}", 101: f"{month:02d}/{day:02d}/{year:04d}",
        103: f"{day:02d}/{month:02d}/{year:04d}", 104: f"{day:02d}.{month:02d}.{year:04d}",
        110: f"{month:02d}-{day:02d}-{year:04d}", 111: f"{year:04d}/{month:02d}/{day:02d}",
    }  # fmt: skip
    if style in dates:
        return dates[style]
    if style in (8, 108):
        return time[:8]
    if style in (114,):
        return f"{time[:8]}:{format_time(rest, 3)[9:]}"
    if style in (20, 120):
        return f"{date} {time[:8]}" if with_time else date
    if style in (21, 25, 121):
        return f"{date} {time}" if with_time else date
    if style in (126, 127):
        stamp = time[:8] if rest % TICKS_A_SECOND == 0 and scale == 3 else time
        return f"{date}T{stamp}" if with_time else date
    if style in (0, 100):
        return format_default(ticks) if with_time else date
    return None


def scale_of(t: SqlType) -> int:
    return {"datetime": 3, "smalldatetime": 0}.get(t.name, t.scale)
