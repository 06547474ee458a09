"""The server's log: log sequence numbers, and the server's time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from standin.engine import temporal as tm

_FIRST_VLF = 0x27
_SLOTS_A_BLOCK = 64
_BLOCK_STEP = 8
_BLOCKS_A_VLF = 1 << 20


def lsn_bytes(record: int) -> bytes:
    """The LSN of the n-th log record: 4 bytes log file, 4 bytes block, 2 bytes slot, big-endian."""
    block, slot = divmod(record, _SLOTS_A_BLOCK)
    vlf, offset = divmod(block * _BLOCK_STEP + 16, _BLOCKS_A_VLF)
    return (vlf + _FIRST_VLF).to_bytes(4, "big") + offset.to_bytes(4, "big") + (slot + 1).to_bytes(2, "big")


def lsn_text(lsn: bytes) -> str:
    digits = lsn.hex()
    return f"{digits[:8]}:{digits[8:16]}:{digits[16:]}"


class Log:
    """Gives out log records' numbers, rising over all sessions and databases."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 63

    @property
    def last(self) -> int:
        return self._last

    def next(self) -> int:
        with self._lock:
            self._last += 1
            return self._last


class ServerTime:
    """`zone`: an IANA or Windows name, or an offset in minutes. `utc` gives ticks (temporal) and can be replaced."""

    def __init__(self, zone: str | int, utc: Callable[[], int] = tm.ticks_now) -> None:
        self._utc = utc
        self._ahead = 0
        self.name = zone if isinstance(zone, str) else "UTC" if zone == 0 else f"UTC{tm.format_offset(zone)}"
        self._zone = zone_of(zone) if isinstance(zone, str) else timezone(timedelta(minutes=zone))

    def utc(self) -> int:
        return self._utc() + self._ahead

    def advance(self, ticks: int | None) -> None:
        """The clock jumps ahead; None: it is right again."""
        self._ahead = 0 if ticks is None else self._ahead + ticks

    def offset(self, utc_ticks: int) -> int:
        """Minutes that local time is ahead of UTC."""
        return offset_at_utc(self._zone, utc_ticks)

    def local(self) -> int:
        now = self.utc()
        return now + self.offset(now) * 60 * tm.TICKS_A_SECOND

    def datetime(self) -> int:
        return tm.to_datetime(self.local())


WINDOWS_ZONES = {
    "UTC": "UTC", "GMT Standard Time": "Europe/London", "Greenwich Standard Time": "Atlantic/Reykjavik",
    "W. Europe Standard Time": "Europe/Berlin", "Central Europe Standard Time": "Europe/Budapest",
    "Romance Standard Time": "Europe/Paris", "Central European Standard Time": "Europe/Warsaw",
    "E. Europe Standard Time": "Europe/Chisinau", "GTB Standard Time": "Europe/Bucharest",
    "FLE Standard Time": "Europe/Kiev", "Turkey Standard Time": "Europe/Istanbul",
    "Russian Standard Time": "Europe/Moscow", "India Standard Time": "Asia/Kolkata",
    "China Standard Time": "Asia/Shanghai", "Tokyo Standard Time": "Asia/Tokyo",
    "Singapore Standard Time": "Asia/Singapore", "AUS Eastern Standard Time": "Australia/Sydney",
    "New Zealand Standard Time": "Pacific/Auckland", "Eastern Standard Time": "America/New_York",
    "Central Standard Time": "America/Chicago", "Mountain Standard Time": "America/Denver",
    "Pacific Standard Time": "America/Los_Angeles", "Alaskan Standard Time": "America/Anchorage",
    "Hawaiian Standard Time": "Pacific/Honolulu", "Atlantic Standard Time": "America/Halifax",
    "E. South America Standard Time": "America/Sao_Paulo", "South Africa Standard Time": "Africa/Johannesburg",
    "Nepal Standard Time": "Asia/Kathmandu", "Lord Howe Standard Time": "Australia/Lord_Howe",
}  # fmt: skip


def zone_of(name: str) -> ZoneInfo:
    """The zone of a Windows name, or of an IANA name (which a real server does not know). KeyError if there is none."""
    known = {windows.lower(): iana for windows, iana in WINDOWS_ZONES.items()}
    return ZoneInfo(known.get(name.lower(), name))


def _as_datetime(ticks: int, zone: ZoneInfo | timezone | None) -> datetime:
    return datetime(1, 1, 1, tzinfo=zone) + timedelta(microseconds=ticks // 10)


def offset_at_utc(zone: ZoneInfo | timezone, utc_ticks: int) -> int:
    local = _as_datetime(utc_ticks, UTC).astimezone(zone)
    return int((local.utcoffset() or timedelta()).total_seconds()) // 60


def offset_at_local(zone: ZoneInfo | timezone, local_ticks: int) -> int:
    """The offset of a local time; of one that comes twice, or that does not exist, the offset before the change, so that
    the latter moves on by what clocks were put forward (Microsoft Learn, AT TIME ZONE)."""
    local = _as_datetime(local_ticks, None).replace(tzinfo=zone, fold=0)
    return int((local.utcoffset() or timedelta()).total_seconds()) // 60


@lru_cache(maxsize=256)
def any_zone(name: str) -> ZoneInfo | timezone:
    """A zone by its Windows or IANA name, or `UTC+hh:mm` as ServerTime names a plain offset."""
    if name[:3] == "UTC" and len(name) == 9:
        sign = -1 if name[3] == "-" else 1
        return timezone(sign * timedelta(hours=int(name[4:6]), minutes=int(name[7:])))
    return zone_of(name)
