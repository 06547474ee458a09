"""SQL Server's types: their names, arguments, numbers in sys.types, families and precedence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from standin.engine.tokens import Cursor
from standin.model import DEFAULT_COLLATION, MAX, SqlError, SqlType
from standin.tds.collations import by_name, for_unicode_alone

# name: (system_type_id, family, precedence; higher wins, max_length of the fixed ones)
TYPES: dict[str, tuple[int, str, int, int]] = {
    "bit": (104, "int", 10, 1),
    "tinyint": (48, "int", 11, 1),
    "smallint": (52, "int", 12, 2),
    "int": (56, "int", 13, 4),
    "bigint": (127, "int", 14, 8),
    "smallmoney": (122, "decimal", 15, 4),
    "money": (60, "decimal", 16, 8),
    "numeric": (108, "decimal", 17, 0),
    "decimal": (106, "decimal", 18, 0),
    "real": (59, "float", 19, 4),
    "float": (62, "float", 20, 8),
    "time": (41, "time", 21, 0),
    "date": (40, "date", 22, 3),
    "smalldatetime": (58, "smalldatetime", 23, 4),
    "datetime": (61, "datetime", 24, 8),
    "datetime2": (42, "datetime2", 25, 0),
    "datetimeoffset": (43, "datetimeoffset", 26, 0),
    "binary": (173, "binary", 1, 0),
    "varbinary": (165, "binary", 2, 0),
    "rowversion": (189, "binary", 2, 8),
    "image": (34, "binary", 3, 16),
    "char": (175, "text", 4, 0),
    "varchar": (167, "text", 5, 0),
    "nchar": (239, "text", 6, 0),
    "nvarchar": (231, "text", 7, 0),
    "text": (35, "text", 8, 16),
    "ntext": (99, "text", 8, 16),
    "uniqueidentifier": (36, "guid", 9, 16),
    "xml": (241, "text", 28, -1),
    "hierarchyid": (240, "clr", 30, 892),
    "geometry": (240, "clr", 30, -1),
    "geography": (240, "clr", 30, -1),
    "udt": (240, "clr", 30, -1),
    "sql_variant": (98, "variant", 27, 8016),
    "json": (244, "text", 28, -1),
    "vector": (165, "vector", 29, 0),  # its own number is that of the user type
}
USER_TYPE_ID = {"hierarchyid": 128, "geometry": 129, "geography": 130, "vector": 255}
ALIASES = {
    "integer": "int",
    "dec": "decimal",
    "character": "char",
    "double": "float",
    "timestamp": "rowversion",
}
NATIONAL = frozenset({"nchar", "nvarchar", "ntext", "xml", "json"})
DOCUMENTS = frozenset({"xml", "json"})  # text of a form of its own: no collation, no length
LEGACY_LOB = frozenset({"text", "ntext", "image"})
INT_RANGE = {
    "bit": (0, 1),
    "tinyint": (0, 255),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}
INT_DIGITS = {"bit": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
VECTOR_MAX = 1998  # dimensions

INT = SqlType("int")
BIGINT = SqlType("bigint")
BIT = SqlType("bit")
FLOAT = SqlType("float", precision=53)
DATETIME = SqlType("datetime")
LSN = SqlType("binary", 10)
SYSNAME = SqlType("nvarchar", 128)


def varchar(length: int) -> SqlType:
    return SqlType("varchar", length)


def nvarchar(length: int) -> SqlType:
    return SqlType("nvarchar", length)


def varbinary(length: int) -> SqlType:
    return SqlType("varbinary", length)


def decimal(precision: int, scale: int, name: str = "numeric") -> SqlType:
    return SqlType(name, precision=precision, scale=scale)


def family(t: SqlType) -> str:
    return TYPES[t.name][1]


def precedence(t: SqlType) -> int:
    return TYPES[t.name][2]


def is_lob(t: SqlType) -> bool:
    """The types whose untouched values CDC leaves out of an update's before-image."""
    return t.length == MAX or t.name in ("xml", "json", "geometry", "geography") or t.name in LEGACY_LOB


def is_national(t: SqlType) -> bool:
    return t.name in NATIONAL


def max_length(t: SqlType) -> int:
    """sys.columns.max_length: bytes, -1 for (max)."""
    if t.name in ("decimal", "numeric"):
        return 5 if t.precision <= 9 else 9 if t.precision <= 19 else 13 if t.precision <= 28 else 17
    if t.name in ("time", "datetime2", "datetimeoffset"):
        base = 3 if t.scale <= 2 else 4 if t.scale <= 4 else 5
        return base + {"time": 0, "datetime2": 3, "datetimeoffset": 5}[t.name]
    if t.name in ("char", "varchar", "binary", "varbinary"):
        return t.length
    if t.name in ("nchar", "nvarchar"):
        return -1 if t.length == MAX else t.length * 2
    if t.name == "vector":
        return 8 + 4 * t.length  # a header, then single precision numbers
    return TYPES[t.name][3]


def precision_scale(t: SqlType) -> tuple[int, int]:
    """sys.columns.precision and scale."""
    if t.name in ("decimal", "numeric"):
        return t.precision, t.scale
    if t.name in ("time", "datetime2", "datetimeoffset"):
        dot = t.scale + 1 if t.scale else 0
        return {"time": 8, "datetime2": 19, "datetimeoffset": 26}[t.name] + dot, t.scale
    fixed = {"money": (19, 4), "smallmoney": (10, 4), "real": (24, 0), "float": (53, 0), "date": (10, 0)}
    fixed |= {"datetime": (23, 3), "smalldatetime": (16, 0)}
    if t.name in INT_DIGITS:
        return INT_DIGITS[t.name], 0
    return fixed.get(t.name, (0, 0))


def type_name(t: SqlType) -> str:
    """The name in sys.types."""
    if t.name == "udt":
        return t.udt[1]
    return "timestamp" if t.name == "rowversion" else t.name


def type_text(t: SqlType) -> str:
    """The type as T-SQL."""
    if t.name in ("decimal", "numeric"):
        return f"{t.name}({t.precision},{t.scale})"
    if t.name in ("time", "datetime2", "datetimeoffset"):
        return f"{t.name}({t.scale})"
    if t.name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary", "vector"):
        return f"{t.name}({'max' if t.length == MAX else t.length})"
    return t.name


def make_type(name: str, arguments: list[str], in_cast: bool = False) -> SqlType:
    """A type from its name and arguments; `in_cast` sets the default length of strings to 30 instead of 1."""
    name = name.lower()
    name = ALIASES.get(name, name)
    if name == "vector":
        return _make_vector(arguments)
    numbers = [MAX if a.lower() == "max" else int(a) for a in arguments]
    if name == "sysname":
        return SYSNAME
    if name not in TYPES or name == "udt":
        raise SqlError(243, f"Type {name} is not a defined system type.")
    if name in ("decimal", "numeric"):
        precision, scale = (numbers + [18, 0][len(numbers) :])[:2] if numbers else (18, 0)
        if not 1 <= precision <= 38 or not 0 <= scale <= precision:
            raise SqlError(2750, f"Column or parameter #1: Specified column precision {precision} is not valid.")
        return SqlType(name, precision=precision, scale=scale)
    if name in ("time", "datetime2", "datetimeoffset"):
        return SqlType(name, scale=numbers[0] if numbers else 7)
    if name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
        length = numbers[0] if numbers else (30 if in_cast else 1)
        if length > (4000 if name in ("nchar", "nvarchar") else 8000) or length == 0:
            raise SqlError(131, f"The size ({length}) given to the type '{name}' exceeds the maximum allowed.", 15)
        return SqlType(name, length)
    if name == "float":
        return SqlType("real", precision=24) if numbers and numbers[0] <= 24 else FLOAT
    if name == "real":
        return SqlType("real", precision=24)
    if name == "rowversion":
        return SqlType("rowversion", 8)
    return SqlType(name)


def _make_vector(arguments: list[str]) -> SqlType:
    if len(arguments) > 1 and arguments[1].lower() != "float32":
        raise SqlError(40000, f"stand-in: unsupported vector of {arguments[1]}")
    if not arguments or not 1 <= int(arguments[0]) <= VECTOR_MAX:
        raise SqlError(42238, f"A vector must have between 1 and {VECTOR_MAX} dimensions.")
    return SqlType("vector", int(arguments[0]))


_COLLATION_NAMES = {DEFAULT_COLLATION: "SQL_Latin1_General_CP1_CI_AS"}


def collation_bytes(name: str) -> bytes:
    """The five bytes of a collation's name; SqlError 448 when it is not known."""
    try:
        value = by_name("SQL_Latin1_General_CP1_CI_AS" if name.lower() == "database_default" else name)
    except KeyError:
        raise SqlError(448, f"Invalid collation '{name}'.") from None
    _COLLATION_NAMES.setdefault(value, name)
    return value


def collated(t: SqlType, name: str) -> SqlType:
    """The type under a collation. SqlError 459 for char, varchar or text under one for the n-types alone."""
    value = collation_bytes(name)
    if not is_national(t) and for_unicode_alone(value):
        raise SqlError(
            459,
            f"Collation '{name}' is supported on Unicode data types only and cannot be applied to char, varchar or text data types.",
        )
    return with_collation(t, value)


def collation_name(value: bytes) -> str:
    return _COLLATION_NAMES.get(value, _COLLATION_NAMES[DEFAULT_COLLATION])


def is_binary_collation(t: SqlType) -> bool:
    return bool(t.collation[3] & 0x03)


def is_case_sensitive(t: SqlType) -> bool:
    return not t.collation[2] & 0x10


UserTypes = Callable[[list[str]], SqlType | None]


def parse_type(c: Cursor, in_cast: bool = False, user_types: UserTypes | None = None) -> SqlType:
    """A type at the cursor: [schema.]name[(arguments)]. `user_types` gives those of CREATE TYPE."""
    parts = c.dotted()
    if user_types is not None and (found := user_types(parts)) is not None:
        return found
    name = _spelled_out(c, parts[-1].lower())
    arguments: list[str] = []
    if c.accept("("):
        while not c.accept(")"):
            if not c.accept(","):
                arguments.append(c.take().value)
    return make_type(name, arguments, in_cast)


def _spelled_out(c: Cursor, name: str) -> str:
    """The short name of a type that is written in several words."""
    if name == "double":
        c.accept("PRECISION")
    national = name == "national"
    if national:
        name = c.take().value.lower()
    if name in ("char", "character", "nchar", "binary") and c.accept("VARYING"):
        name = {"nchar": "nvarchar", "binary": "varbinary"}.get(name, "varchar")
    name = ALIASES.get(name, name)
    return f"n{name}" if national else name


def with_collation(t: SqlType, collation: bytes) -> SqlType:
    return replace(t, collation=collation)


def in_collation(t: SqlType, name: str) -> SqlType:
    """A type of text in the collation of this name (a database's, for names in its catalogue); others as they are."""
    return with_collation(t, collation_bytes(name)) if family(t) == "text" else t


KNOWN_COLLATIONS = (
    "SQL_Latin1_General_CP1_CI_AS",
    "SQL_Latin1_General_CP1_CS_AS",
    "SQL_Latin1_General_CP437_CI_AS",
    "SQL_Latin1_General_CP850_CI_AS",
    "Latin1_General_CI_AS",
    "Latin1_General_BIN2",
    "Latin1_General_100_CI_AS",
    "Latin1_General_100_CI_AS_SC_UTF8",
    "Latin1_General_100_BIN2_UTF8",
    "Cyrillic_General_CI_AS",
    "Japanese_CI_AS",
    "Chinese_PRC_CI_AS",
    "Greek_CI_AS",
    "Polish_CI_AS",
)
