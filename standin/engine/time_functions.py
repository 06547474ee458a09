"""Functions of date and time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from standin.engine import clock
from standin.engine import temporal as tm
from standin.engine.conversion import converter
from standin.engine.env import Expr, Scope
from standin.engine.functions import FUNCTIONS, Nodes, function, provided, strict
from standin.engine.moments import to_moment
from standin.engine.storage import pack_offset, unpack_offset
from standin.engine.types import BIGINT, DATETIME, INT, family, nvarchar
from standin.model import SqlError, SqlType

if TYPE_CHECKING:
    from standin.engine.expressions import Expressions

DATETIME2 = SqlType("datetime2", scale=7)
OFFSET = SqlType("datetimeoffset", scale=7)
_PARTS = {
    "year": "year", "yy": "year", "yyyy": "year", "quarter": "quarter", "qq": "quarter", "q": "quarter",
    "month": "month", "mm": "month", "m": "month", "dayofyear": "dayofyear", "dy": "dayofyear", "y": "dayofyear",
    "day": "day", "dd": "day", "d": "day", "week": "week", "wk": "week", "ww": "week", "weekday": "weekday", "dw": "weekday",
    "w": "weekday", "hour": "hour", "hh": "hour", "minute": "minute", "mi": "minute", "n": "minute", "second": "second",
    "ss": "second", "s": "second", "millisecond": "millisecond", "ms": "millisecond", "microsecond": "microsecond",
    "mcs": "microsecond", "nanosecond": "nanosecond", "ns": "nanosecond", "tzoffset": "tzoffset", "tz": "tzoffset",
    "iso_week": "iso_week", "isowk": "iso_week", "isoww": "iso_week",
}  # fmt: skip
_TICKS = {
    "week": 7 * tm.TICKS_A_DAY, "weekday": tm.TICKS_A_DAY, "dayofyear": tm.TICKS_A_DAY, "day": tm.TICKS_A_DAY,
    "hour": 3600 * tm.TICKS_A_SECOND, "minute": 60 * tm.TICKS_A_SECOND, "second": tm.TICKS_A_SECOND,
    "millisecond": 10_000, "microsecond": 10,
}  # fmt: skip

for _name in ("GETDATE",):
    provided(_name, DATETIME, lambda s: tm.to_datetime(s.statement_local))
FUNCTIONS["CURRENT_TIMESTAMP"] = FUNCTIONS["GETDATE"]
FUNCTIONS["NOW"] = FUNCTIONS["GETDATE"]
provided("GETUTCDATE", DATETIME, lambda s: tm.to_datetime(s.statement_utc))
provided("SYSDATETIME", DATETIME2, lambda s: s.statement_local)
provided("SYSUTCDATETIME", DATETIME2, lambda s: s.statement_utc)
provided("SYSDATETIMEOFFSET", OFFSET, lambda s: pack_offset(s.statement_utc, s.engine.time.offset(s.statement_utc)))
provided("CURRENT_TIMEZONE_ID", nvarchar(128), lambda s: s.engine.time.name)
provided("CURRENT_TIMEZONE", nvarchar(128), lambda s: s.engine.time.name)


def part_of(node: Any) -> str:
    name = node.name.lower()
    if name not in _PARTS:
        raise SqlError(155, f"'{node.name}' is not a recognized datepart option.", 15)
    return _PARTS[name]


def _moment(c: Expressions, node: Any, scope: Any, default: SqlType = DATETIME) -> Expr:
    """A date argument; text becomes `default`."""
    e = c.scalar(node, scope)
    if family(e.type) in ("text", "int", "decimal", "float") or e.null:
        return c.coerce(e, default)
    return e


def _add_months(days: int, months: int) -> int:
    year, month, day = tm.civil(days)
    index = year * 12 + month - 1 + months
    year, month = divmod(index, 12)
    if not 1 <= year <= 9999:
        raise SqlError(517, "Adding a value to a 'datetime' column caused an overflow.")
    last = (
        (tm.days_of(year + (month == 11), (month + 1) % 12 + 1, 1) - 1) if (year, month) != (9999, 11) else tm.DAYS_MAX
    )
    return min(tm.days_of(year, month + 1, 1) + day - 1, last)


def add(part: str, number: int, ticks: int) -> int:
    if part in ("year", "quarter", "month"):
        days, rest = divmod(ticks, tm.TICKS_A_DAY)
        result = _add_months(days, number * {"year": 12, "quarter": 3, "month": 1}[part]) * tm.TICKS_A_DAY + rest
    elif part == "nanosecond":
        result = ticks + (number + 50) // 100
    else:
        result = ticks + number * _TICKS[part]
    if not 0 <= result < (tm.DAYS_MAX + 1) * tm.TICKS_A_DAY:
        raise SqlError(517, "Adding a value to a 'datetime' column caused an overflow.")
    return result


@function("DATEADD")
def _dateadd(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    part = part_of(args[0])
    number = c.coerce(c.scalar(args[1], scope), BIGINT, True)
    e = _moment(c, args[2], scope)
    t = e.type
    moment_of, back = to_moment(t, DATETIME2), converter(OFFSET if t.name == "datetimeoffset" else DATETIME2, t)

    def work(n: int, v: Any) -> Any:
        if t.name == "datetime" and part in ("day", "week", "hour", "minute", "second"):
            return v + n * (_TICKS[part] // tm.TICKS_A_SECOND) * 300
        days, ticks, offset = moment_of(v)
        if t.name == "time":
            return add(part, n, tm.TICKS_TO_1900 + ticks) % tm.TICKS_A_DAY
        total = add(part, n, days * tm.TICKS_A_DAY + ticks)
        if offset is not None:
            total = pack_offset(total - offset * 60 * tm.TICKS_A_SECOND, offset)
        return back(total) if back else total

    return c.call(("DATEADD", part, t), strict(work), [number, e], t)


def _crossed(part: str, ticks: int) -> int:
    days = ticks // tm.TICKS_A_DAY
    if part in ("year", "quarter", "month"):
        year, month, _ = tm.civil(days)
        return {"year": year, "quarter": year * 4 + (month - 1) // 3, "month": year * 12 + month}[part]
    if part == "week":
        return (days + 1) // 7
    if part == "nanosecond":
        return ticks * 100
    return ticks // _TICKS[part]


def _datediff(result: SqlType) -> Callable[..., Expr]:
    def handler(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
        part = part_of(args[0])
        a, b = _moment(c, args[1], scope, DATETIME2), _moment(c, args[2], scope, DATETIME2)
        first, second = to_moment(a.type, DATETIME2), to_moment(b.type, DATETIME2)

        def ticks(moment: Any) -> int:
            days, rest, offset = moment
            return (tm.DAYS_TO_1900 if days is None else days) * tm.TICKS_A_DAY + rest - (offset or 0) * 600_000_000

        def work(x: Any, y: Any) -> int:
            value = _crossed(part, ticks(second(y))) - _crossed(part, ticks(first(x)))
            if result.name == "int" and not -(2**31) <= value < 2**31:
                raise SqlError(
                    535,
                    "The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use datediff with a less precise datepart.",
                )
            return value

        return c.call(("DATEDIFF", part, a.type, b.type, result.name), strict(work), [a, b], result)

    return handler


FUNCTIONS["DATEDIFF"] = _datediff(INT)
FUNCTIONS["DATEDIFF_BIG"] = _datediff(BIGINT)


def _part_value(part: str, days: int, ticks: int, offset: int | None) -> int:
    from datetime import date

    year, month, day = tm.civil(days)
    seconds = ticks // tm.TICKS_A_SECOND
    fraction = ticks % tm.TICKS_A_SECOND
    january = tm.days_of(year, 1, 1)
    return {
        "year": year, "quarter": (month + 2) // 3, "month": month, "day": day, "dayofyear": days - january + 1,
        "week": (days + 1) // 7 - (january + 1) // 7 + 1, "weekday": (days + 1) % 7 + 1,
        "iso_week": date.fromordinal(days + 1).isocalendar()[1], "hour": seconds // 3600, "minute": seconds // 60 % 60,
        "second": seconds % 60, "millisecond": fraction // 10_000, "microsecond": fraction // 10,
        "nanosecond": fraction * 100, "tzoffset": offset or 0,
    }[part]  # fmt: skip


def _part_function(c: Expressions, part: str, e: Expr) -> Expr:
    moment_of = to_moment(e.type, DATETIME2)

    def work(v: Any) -> int:
        days, ticks, offset = moment_of(v)
        return _part_value(part, tm.DAYS_TO_1900 if days is None else days, ticks, offset)

    return c.call(("DATEPART", part, e.type), strict(work), [e], INT)


@function("DATEPART")
def _datepart(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return _part_function(c, part_of(args[0]), _moment(c, args[1], scope, DATETIME2))


@function("YEAR")
def _year(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return _part_function(c, "year", _moment(c, args[0], scope))


@function("MONTH")
def _month(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return _part_function(c, "month", _moment(c, args[0], scope))


@function("DAY")
def _day(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return _part_function(c, "day", _moment(c, args[0], scope))


@function("DATENAME")
def _datename(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    from datetime import date

    part = part_of(args[0])
    e = _moment(c, args[1], scope, DATETIME2)
    moment_of = to_moment(e.type, DATETIME2)

    def work(v: Any) -> str:
        days, ticks, offset = moment_of(v)
        if part in ("month", "weekday"):
            return date.fromordinal(days + 1).strftime("%B" if part == "month" else "%A")
        return str(_part_value(part, tm.DAYS_TO_1900 if days is None else days, ticks, offset))

    return c.call(("DATENAME", part, e.type), strict(work), [e], nvarchar(30))


@function("EOMONTH")
def _eomonth(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.coerce(c.scalar(args[0], scope), SqlType("date"))
    months = c.coerce(c.scalar(args[1], scope), INT) if len(args) > 1 else Expr.of(0, INT)

    def work(days: int, n: int) -> int:
        year, month, _ = tm.civil(days)
        return _add_months(tm.days_of(year, month, 1), n + 1) - 1

    return c.call("EOMONTH", strict(work), [e, months], SqlType("date"))


@function("DATEFROMPARTS")
def _datefromparts(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    return c.call(
        "DATEFROMPARTS", strict(tm.days_of), [c.coerce(c.scalar(a, scope), INT) for a in args], SqlType("date")
    )


@function("DATETIME2FROMPARTS")
def _datetime2fromparts(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    scale = c.scalar(args[7], scope).const

    def work(y: int, mo: int, d: int, h: int, mi: int, s: int, f: int) -> int:
        return (
            tm.days_of(y, mo, d) * tm.TICKS_A_DAY + ((h * 60 + mi) * 60 + s) * tm.TICKS_A_SECOND + f * 10 ** (7 - scale)
        )

    values = [c.coerce(c.scalar(a, scope), INT) for a in args[:7]]
    return c.call(("DATETIME2FROMPARTS", scale), strict(work), values, SqlType("datetime2", scale=scale))


def _offset_minutes(v: Any) -> int:
    if type(v) is int:
        return v
    sign = -1 if v.strip()[0] == "-" else 1
    hours, minutes = v.strip().lstrip("+-").split(":")
    return sign * (int(hours) * 60 + int(minutes))


def _zone_argument(c: Expressions, node: Any, scope: Any) -> Expr:
    e = c.scalar(node, scope)
    return e if family(e.type) in ("int", "text") else c.coerce(e, INT)


@function("TODATETIMEOFFSET")
def _todatetimeoffset(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.scalar(args[0], scope)
    value = c.coerce(e, SqlType("datetime2", scale=tm.scale_of(e.type) if family(e.type) != "text" else 7))

    def work(v: int, zone: Any) -> bytes:
        minutes = _offset_minutes(zone)
        return pack_offset(v - minutes * 60 * tm.TICKS_A_SECOND, minutes)

    t = SqlType("datetimeoffset", scale=value.type.scale)
    return c.call("TODATETIMEOFFSET", strict(work), [value, _zone_argument(c, args[1], scope)], t)


@function("SWITCHOFFSET")
def _switchoffset(c: Expressions, args: Nodes, scope: Scope | None) -> Expr:
    e = c.scalar(args[0], scope)
    value = e if e.type.name == "datetimeoffset" else c.coerce(e, OFFSET)
    work = strict(lambda v, zone: pack_offset(unpack_offset(v)[0], _offset_minutes(zone)))
    return c.call("SWITCHOFFSET", work, [value, _zone_argument(c, args[1], scope)], value.type)


def at_time_zone(c: Expressions, e: Expr, zone: Expr) -> Expr:
    """A local time gets the zone's offset; a datetimeoffset is moved into the zone."""
    name = c.coerce(zone, nvarchar(128))
    if e.type.name == "datetimeoffset":
        moved = strict(lambda v, z: _in_zone(unpack_offset(v)[0], _zone(z)))
        return c.call("AT_ZONE_DTO", moved, [e, name], e.type)
    if family(e.type) not in ("datetime", "smalldatetime", "datetime2", "text"):
        raise SqlError(8116, f"Argument data type {e.type.name} is invalid for argument 1 of AT TIME ZONE function.")
    value = c.coerce(e, SqlType("datetime2", scale=7 if family(e.type) == "text" else tm.scale_of(e.type)))

    def work(v: int, z: str) -> bytes:
        found = _zone(z)
        return _in_zone(v - clock.offset_at_local(found, v) * 60 * tm.TICKS_A_SECOND, found)

    return c.call("AT_ZONE", strict(work), [value, name], SqlType("datetimeoffset", scale=value.type.scale))


def _in_zone(utc: int, zone: Any) -> bytes:
    return pack_offset(utc, clock.offset_at_utc(zone, utc))


def _zone(name: str) -> Any:
    try:
        return clock.any_zone(name)
    except (KeyError, ValueError, OSError):
        raise SqlError(9820, f"The time zone parameter '{name}' provided to AT TIME ZONE clause is invalid.") from None
