"""SQL Server's types as ODBC's catalogue functions number them (sp_datatype_info, sp_columns)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from standin.model import MAX, SqlType


@dataclass(frozen=True, slots=True)
class OdbcType:
    """`data_type` is ODBC's SQL type; `sql_data_type` the verbose one, with `datetime_sub`. `precision` and `length`
    are None where they follow from the column. `newer_only`: older catalogues show the type as nvarchar."""

    name: str
    data_type: int
    ss_data_type: int
    precision: int | None = None
    length: int | None = None
    sql_data_type: int = 0
    datetime_sub: int | None = None
    prefix: str | None = None
    suffix: str | None = None
    params: str | None = None
    scales: tuple[int | None, int | None] = (None, None)
    radix: int | None = None
    unsigned: int | None = None
    money: int = 0
    newer_only: bool = False
    info_precision: int = 0
    user_type: int = 0

    def info_row(self, newer: bool) -> tuple[Any, ...]:
        """A row of sp_datatype_info."""
        return (
            self.name, self.data_type, self.precision or self.info_precision, self.prefix, self.suffix, self.params, 1,
            int(self.name in ("char", "varchar", "nchar", "nvarchar", "text", "ntext")) and 0, 3 if self.prefix else 2, self.unsigned,
            self.money, 0 if self.radix else None, self.name, *self.scales, self.sql_data_type or self.data_type, self.datetime_sub,
            self.radix, None, self.user_type,
        )  # fmt: skip


def _number(name: str, code: int, ss: int, precision: int, length: int, user: int, unsigned: int = 0) -> OdbcType:
    return OdbcType(name, code, ss, precision, length, code, scales=(0, 0), radix=10, unsigned=unsigned, user_type=user)


ODBC_TYPES = [
    OdbcType("bit", -7, 50, 1, 1, -7, scales=(0, 0), user_type=16),
    _number("tinyint", -6, 48, 3, 1, 5, 1),
    _number("smallint", 5, 52, 5, 2, 6),
    _number("int", 4, 56, 10, 4, 7),
    _number("bigint", -5, 63, 19, 8, 0),
    OdbcType("decimal", 3, 106, None, None, 3, params="precision,scale", scales=(0, 38), radix=10, unsigned=0, info_precision=38, user_type=24),
    OdbcType("numeric", 2, 108, None, None, 2, params="precision,scale", scales=(0, 38), radix=10, unsigned=0, info_precision=38, user_type=10),
    OdbcType("money", 3, 110, 19, 21, 3, prefix="$", scales=(4, 4), radix=10, unsigned=0, money=1, user_type=11),
    OdbcType("smallmoney", 3, 122, 10, 12, 3, prefix="$", scales=(4, 4), radix=10, unsigned=0, money=1, user_type=21),
    OdbcType("real", 7, 59, 24, 4, 7, radix=2, unsigned=0, user_type=23),
    OdbcType("float", 6, 109, 53, 8, 6, radix=2, unsigned=0, user_type=8),
    OdbcType("char", 1, 47, None, None, 1, prefix="'", suffix="'", params="length", info_precision=8000, user_type=1),
    OdbcType("varchar", 12, 39, None, None, 12, prefix="'", suffix="'", params="max length", info_precision=8000, user_type=2),
    OdbcType("text", -1, 35, 2147483647, 2147483647, -1, prefix="'", suffix="'", user_type=19),
    OdbcType("nchar", -8, 47, None, None, -8, prefix="N'", suffix="'", params="length", info_precision=4000),
    OdbcType("nvarchar", -9, 39, None, None, -9, prefix="N'", suffix="'", params="max length", info_precision=4000),
    OdbcType("ntext", -10, 99, 1073741823, 2147483646, -10, prefix="N'", suffix="'"),
    OdbcType("xml", -152, 241, 0, 0, -152, prefix="N'", suffix="'", newer_only=True),
    OdbcType("binary", -2, 45, None, None, -2, prefix="0x", params="length", info_precision=8000, user_type=3),
    OdbcType("varbinary", -3, 37, None, None, -3, prefix="0x", params="max length", info_precision=8000, user_type=4),
    OdbcType("image", -4, 34, 2147483647, 2147483647, -4, prefix="0x", user_type=20),
    OdbcType("rowversion", -2, 45, 8, 8, -2, prefix="0x", user_type=80),
    OdbcType("uniqueidentifier", -11, 36, 36, 16, -11, prefix="'", suffix="'"),
    OdbcType("datetime", 93, 111, 23, 16, 9, 3, prefix="'", suffix="'", scales=(3, 3), user_type=12),
    OdbcType("smalldatetime", 93, 111, 16, 16, 9, 3, prefix="'", suffix="'", scales=(0, 0), user_type=22),
    OdbcType("date", 91, 0, 10, 6, 9, 1, prefix="'", suffix="'", newer_only=True),
    OdbcType("time", -154, 0, 16, 12, -154, prefix="'", suffix="'", params="scale", scales=(0, 7), newer_only=True),
    OdbcType("datetime2", 93, 0, 27, 16, 9, 3, prefix="'", suffix="'", params="scale", scales=(0, 7), newer_only=True),
    OdbcType("datetimeoffset", -155, 0, 34, 20, -155, prefix="'", suffix="'", params="scale", scales=(0, 7), newer_only=True),
    OdbcType("sql_variant", -150, 39, 8000, 8000, -150),
    OdbcType("hierarchyid", -151, 23, 892, 892, -151, newer_only=True),
    OdbcType("geometry", -151, 23, 0, 0, -151, newer_only=True),
    OdbcType("geography", -151, 23, 0, 0, -151, newer_only=True),
]  # fmt: skip
_BY_NAME = {o.name: o for o in ODBC_TYPES}
# CLR types are listed alike; json and vector as what a client gets that has not asked for them.
_LISTED_AS = {"udt": "geometry", "json": "ntext", "vector": "ntext"}
_LONG = {"varchar": -1, "nvarchar": -10, "varbinary": -4}


def odbc_type(t: SqlType, newer: bool) -> OdbcType:
    """How a column of the type is listed; `newer`: to a caller that knows the types of 2008 and later."""
    found = _BY_NAME[_LISTED_AS.get(t.name, t.name)]
    if t.length == MAX and t.name in _LONG:
        code = found.data_type if newer else _LONG[t.name]
        size = 0 if newer else 1073741823 if t.name == "nvarchar" else 2147483647
        return OdbcType(found.name, code, found.ss_data_type, size, size, code)
    if found.newer_only and not newer:
        text = {"date": 10, "time": 16, "datetime2": 27, "datetimeoffset": 34}.get(t.name)
        if text is not None:
            return OdbcType(found.name, -9, 39, text, text * 2, -9)
    return found
