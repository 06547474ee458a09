"""Conversions to dates and times (standin.engine.conversion puts them to use)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from standin.engine import temporal as tm
from standin.engine.storage import pack_offset, unpack_offset
from standin.engine.types import family
from standin.model import SqlError, SqlType

Convert = Callable[[Any], Any]


def to_moment(source: SqlType, target: SqlType) -> Callable[[Any], tuple[int | None, int, int | None]]:
    """To (days or None, ticks of the day, offset or None), in local time of the offset."""
    kind = source.name
    if family(source) == "text":

        def parsed(v: str) -> tuple[int | None, int, int | None]:
            try:
                return tm.parse(v)
            except (ValueError, OverflowError) as error:
                unreal = any(words in str(error) for words in ("range", "day is out", "month must"))
                if unreal and target.name in ("datetime", "smalldatetime"):
                    raise tm.out_of_range(target.name, source.name) from None
                raise SqlError(
                    241, "Conversion failed when converting date and/or time from character string."
                ) from None

        return parsed
    if kind == "date":
        return lambda v: (v, 0, None)
    if kind == "time":
        return lambda v: (None, v, None)
    if kind == "datetime" and target.name in ("datetime2", "datetimeoffset", "time"):
        return lambda v: (*divmod(tm.from_datetime_exact(v, 7), tm.TICKS_A_DAY), None)
    if kind == "datetime":
        return lambda v: (*divmod(tm.from_datetime(v), tm.TICKS_A_DAY), None)
    if kind == "smalldatetime":
        return lambda v: (*divmod(tm.from_smalldatetime(v), tm.TICKS_A_DAY), None)
    if kind == "datetimeoffset":

        def local(v: bytes) -> tuple[int | None, int, int | None]:
            utc, minutes = unpack_offset(v)
            return (*divmod(utc + minutes * 60 * tm.TICKS_A_SECOND, tm.TICKS_A_DAY), minutes)

        return local
    return lambda v: (*divmod(v, tm.TICKS_A_DAY), None)


def to_temporal(source: SqlType, target: SqlType, _style: Any, _column: Any) -> Convert:
    moment, name, scale = to_moment(source, target), target.name, target.scale

    def convert(v: Any) -> Any:
        days, ticks, offset = moment(v)
        if name == "time":
            return tm.round_ticks(ticks, scale) % tm.TICKS_A_DAY
        days = tm.DAYS_TO_1900 if days is None else days
        if name == "date":
            return days
        total = days * tm.TICKS_A_DAY + ticks
        if name == "datetime":
            return tm.to_datetime(total)
        if name == "smalldatetime":
            return tm.to_smalldatetime(total)
        total = tm.round_ticks(total, scale)
        if total > (tm.DAYS_MAX + 1) * tm.TICKS_A_DAY - 1:
            total -= 10 ** (7 - scale)
        if name == "datetime2":
            return total
        minutes = offset or 0
        utc = total - minutes * 60 * tm.TICKS_A_SECOND
        if not 0 <= utc < (tm.DAYS_MAX + 1) * tm.TICKS_A_DAY:
            raise tm.out_of_range(name, source.name)
        return pack_offset(utc, minutes)

    return convert
