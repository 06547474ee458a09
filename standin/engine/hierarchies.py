"""hierarchyid from a path, and its methods GetLevel() and ToString(). Values are kept as their native bytes ([MS-SSCLRT] 2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from standin.engine.types import nvarchar
from standin.model import SqlError, SqlType

# A path's ordinals stand one after the other: a prefix, which tells the lowest ordinal of a range, then groups of the
# bits that are to be added to it, so many each. A bit follows each group; that of the last one is 1 before a '/', and 0
# before a '.', where the ordinal is one less than the bits say.
_RANGES = {
    "000100": (-281479271682120, (14, 21, 6, 3, 1, 3)),
    "000101": (-4294971464, (19, 6, 3, 1, 3)),
    "000110": (-4168, (5, 3, 1, 3)),
    "0010": (-72, (2, 1, 3)),
    "00111": (-8, (3,)),
    "01": (0, (2,)),
    "100": (4, (2,)),
    "101": (8, (3,)),
    "110": (16, (2, 1, 3)),
    "1110": (80, (3, 3, 1, 3)),
    "11110": (1104, (5, 3, 1, 3)),
    "111110": (5200, (19, 6, 3, 1, 3)),
    "111111": (4294972496, (14, 21, 6, 3, 1, 3)),
}


_PATH = re.compile(r"/((-?\d+)(\.-?\d+)*/)*")
_STEP = re.compile(r"(-?\d+)([./])")


def _ordinals(value: bytes) -> Iterator[tuple[int, bool]]:
    """Each with whether a '/' follows."""
    bits = "".join(f"{byte:08b}" for byte in value)
    while "1" in bits:
        prefix = next((one for one in _RANGES if bits.startswith(one)), "")
        lowest, groups = _RANGES.get(prefix, (0, ()))
        bits = bits.removeprefix(prefix)
        if not groups or len(bits) < sum(groups) + len(groups):
            raise SqlError(6522, 'A .NET Framework error occurred during execution of user-defined type "hierarchyid".')
        added, after = "", ""
        for width in groups:
            added, after, bits = added + bits[:width], bits[width], bits[width + 1 :]
        yield lowest + int(added, 2) - (after == "0"), after == "1"


def to_string(value: bytes) -> str:
    return "/" + "".join(f"{ordinal}{'/' if ends else '.'}" for ordinal, ends in _ordinals(value))


def parse(path: str) -> bytes:
    """hierarchyid::Parse, and CAST from text. SqlError 6522 for what is no path."""
    if not _PATH.fullmatch(path):
        raise SqlError(
            6522,
            'A .NET Framework error occurred during execution of user-defined routine or aggregate "hierarchyid": '
            f"24001: SqlHierarchyId.Parse failed because the input string '{path}' is not a valid string representation "
            "of a SqlHierarchyId node.",
        )
    bits = "".join(_bits_of(int(number), after == "/") for number, after in _STEP.findall(path))
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big") if bits else b""


def _bits_of(ordinal: int, ends: bool) -> str:
    """An ordinal's prefix, groups and the bits after them."""
    number = ordinal + (not ends)
    for prefix, (lowest, groups) in _RANGES.items():
        width = sum(groups)
        if lowest <= number < lowest + (1 << width):
            added = f"{number - lowest:0{width}b}"
            # Between the groups stand zeros, but a one before the last.
            between = ["0"] * (len(groups) - 2) + ["1"] * (len(groups) > 1) + [str(int(ends))]
            for size, after in zip(groups, between, strict=True):
                prefix, added = prefix + added[:size] + after, added[size:]
            return prefix
    raise SqlError(6522, f"24000: the ordinal {ordinal} is outside what a hierarchyid can hold.")


def _get_level(value: bytes) -> int:
    return sum(ends for _, ends in _ordinals(value))


# By name, which is case-sensitive as in all CLR types.
METHODS: dict[str, tuple[Callable[[bytes], Any], SqlType]] = {
    "GetLevel": (_get_level, SqlType("smallint")),
    "ToString": (to_string, nvarchar(4000)),
}
