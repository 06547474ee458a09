"""What docs/FORMAT.md says that a value becomes, from what a client that others wrote reads of it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tests.support.notation import Kind, Shown, float_text, kind_of
from tests.support.tds_clients import Cell, float_of

_LONE = re.compile("[\ud800-\udfff]")
_FIXED = {
    "bit": "BOOLEAN",
    "tinyint": "INT16",
    "smallint": "INT16",
    "int": "INT32",
    "bigint": "INT64",
    "real": "FLOAT",
    "float": "DOUBLE",
    "money": "DECIMAL(19,4)",
    "smallmoney": "DECIMAL(10,4)",
    "date": "DATE",
    "time": "STRING",
    "datetime": "TIMESTAMP(micros)",
    "smalldatetime": "TIMESTAMP(micros)",
    "datetime2": "TIMESTAMP(micros)",
    "datetimeoffset": "TIMESTAMP(micros,UTC)",
    "uniqueidentifier": "STRING",
    **dict.fromkeys(("char", "varchar", "text", "nchar", "nvarchar", "ntext", "xml", "sql_variant"), "STRING"),
    **dict.fromkeys(("binary", "varbinary", "image", "rowversion"), "BYTES"),
    **dict.fromkeys(("hierarchyid", "geometry", "geography"), "BYTES"),
}


_CLOCKS = ("datetime", "smalldatetime", "datetime2", "datetimeoffset")
_CONCERNS = {
    "datetime2": ("datetime2",),
    "datetimeoffset": ("datetimeoffset",),
    "time": ("time",),
    "uniqueidentifier": ("uniqueidentifier",),
    "binary": ("binary", "varbinary", "image", "rowversion"),
    "timestamps": _CLOCKS,
    "lsn": (),
}
_MADE = {
    ("datetime2", "nanos"): "TIMESTAMP(nanos)",
    ("datetime2", "string"): "STRING",
    ("datetimeoffset", "string"): "STRING",
    ("time", "time"): "TIME(micros)",
    ("uniqueidentifier", "uuid"): "UUID",
    ("binary", "hex"): "STRING",
}
ANY = "any text"  # what no client tells


@dataclass(frozen=True)
class Rule:
    """How a column is delivered: its type in the source, and what the settings say."""

    base: str
    sql_type: str
    options: Mapping[str, str] = field(default_factory=dict)

    def kinds(self) -> dict[str, Kind]:
        """By the suffix of the delivered columns' names."""
        if self.base in ("decimal", "numeric"):
            return {"": kind_of("DECIMAL" + self.sql_type.removeprefix(self.base))}
        beside = {"datetimeoffset": {"__offset": kind_of("INT16")}, "sql_variant": {"__type": kind_of("STRING")}}
        kind = kind_of(self._by_option() or _FIXED[self.base])
        second = self.base == "sql_variant" or self._option("datetimeoffset") in ("", "utc+offset")
        return {"": kind, **(beside.get(self.base, {}) if second else {})}

    def _option(self, name: str) -> str:
        """The word of an option that concerns the column's type; "" for none."""
        return self.options.get(name, "") if self.base in _CONCERNS[name] else ""

    def _by_option(self) -> str:
        """The type that the options make of it; "" for the default."""
        for name, word in self.options.items():
            if (made := _MADE.get((name, word))) and self._option(name):
                return made
        zone = ",UTC" if self.base == "datetimeoffset" else ""
        return f"TIMESTAMP(millis{zone})" if self._option("timestamps") == "millis" else ""

    def delivered(self, cell: Cell | None) -> tuple[dict[str, Shown], bool]:
        """The value in the notation of tests.support.notation, by suffix, and whether it lost something."""
        kinds = self.kinds()
        if cell is None:
            return dict.fromkeys(kinds), False
        value = cell.value
        if self.base == "sql_variant":
            shown, lost = self._in_variant(cell)
            return {"": shown, "__type": ANY}, lost
        if cell.type == "text":
            assert isinstance(value, str)
            whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
            return {"": _LONE.sub("\ufffd", whole)}, _LONE.search(whole) is not None
        if cell.type == "bytes":
            assert isinstance(value, bytes)
            return {"": ("" if kinds[""].name == "STRING" else "0x") + value.hex().upper()}, False
        if cell.type == "decimal":
            assert isinstance(value, Decimal)
            return {"": f"{value:.{kinds[''].digits}f}"}, False
        if cell.type == "float":
            return {"": float_text(float_of(cell), single=self.base == "real")}, False
        if cell.type in ("time", "datetime"):
            return _to_digits(kinds, str(value), "", self._digits(kinds[""]))
        if cell.type == "datetimeoffset":
            return self._instant(kinds, str(value))
        return {"": bool(value) if self.base == "bit" else value}, False  # type: ignore[dict-item]

    def _in_variant(self, cell: Cell) -> tuple[str, bool]:
        """Its text. Which type it has, clients do not tell."""
        if cell.type == "text":
            shown, lost = Rule("nvarchar", "").delivered(cell)
            return str(shown[""]), lost
        if cell.type == "float":  # JavaScript's numbers
            return str(int(float_of(cell))), False
        return "0x" + cell.value.hex().upper() if isinstance(cell.value, bytes) else str(cell.value), False

    def _digits(self, kind: Kind) -> int:
        """Fractional digits that are delivered."""
        return int(self.sql_type.rpartition("(")[2].rstrip(")")) if kind.name == "STRING" else kind.digits

    def _instant(self, kinds: dict[str, Kind], text: str) -> tuple[dict[str, Shown], bool]:
        """Of `2024-02-29 18:44:15.1234567 +05:30`."""
        digits = self._digits(kinds[""])
        if kinds[""].name == "STRING":
            return _to_digits(kinds, text[:27], text[27:], digits)
        sign = -1 if text[28] == "-" else 1
        minutes = sign * (int(text[29:31]) * 60 + int(text[32:34]))
        utc = datetime.datetime.fromisoformat(text[:19]) - datetime.timedelta(minutes=minutes)
        whole = f"{utc.year:04d}-{utc:%m-%d %H:%M:%S}{text[19:27]}"
        shown, lost = _to_digits(kinds, whole, "Z", digits)
        return shown | ({"__offset": minutes} if "__offset" in kinds else {}), lost


def _to_digits(kinds: dict[str, Kind], text: str, zone: str, digits: int) -> tuple[dict[str, Shown], bool]:
    """A time with seven fractional digits with so many, and whether others than zeros were cut."""
    whole, _, fraction = text.partition(".")
    kept = fraction.ljust(digits, "0")[:digits]
    return {"": whole + (f".{kept}" if digits else "") + zone}, fraction[digits:].strip("0") != ""
