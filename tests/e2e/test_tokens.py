"""Tokens of mask = "hash" as somebody makes them who has the key and docs/FORMAT.md, and nothing of the program: of
values of every type, in a column of their type and in a sql_variant. CDC_TEST_SEED=… repeats a run."""

from __future__ import annotations

import decimal
import hashlib
import hmac
import math
import os
import random
import secrets
import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from tests.e2e.conftest import Database, Target
from tests.support.program import Program
from tests.support.readers import read_with_pyarrow

SEED = os.environ.get("CDC_TEST_SEED") or secrets.token_hex(4)
KEY = "0123456789abcdef0123456789abcdef"
UTF8 = "COLLATE Latin1_General_100_CI_AS_SC_UTF8"
_ROUNDS = 12


class Value(NamedTuple):
    """A value in SQL, and the canonical form that docs/FORMAT.md gives it."""

    sql_type: str
    literal: str
    canonical: str | bytes
    in_variant: bool = True


def _without_zeros(text: str) -> str:
    whole, _, fraction = text.partition(".")
    return whole + "." + fraction.rstrip("0") if fraction.rstrip("0") else whole


def _of_float(number: float, shortest: str) -> str:
    if number == 0:
        return "0"
    return str(int(number)) if number == int(number) else format(Decimal(shortest), "f")


def _floats(rng: random.Random) -> Iterator[Value]:
    for number in (0.0, -0.0, 1e22, 1e23, 5e-324, -1.7976931348623157e308, 0.1, 1e-5, 100000.0):
        yield Value("float", f"{number:.17E}", _of_float(number, repr(number)))
    for _ in range(_ROUNDS):
        (number,) = struct.unpack("<d", rng.randbytes(8))
        if math.isfinite(number):
            yield Value("float", f"{number:.17E}", _of_float(number, repr(number)))
        (narrow,) = struct.unpack("<f", rng.randbytes(4))
        if abs(narrow) < 3e38:  # false for NaN; shorter texts of greater ones may be no floats
            texts = (f"{narrow:.{digits}e}" for digits in range(9))
            shortest = next(text for text in texts if struct.pack("<f", float(text)) == struct.pack("<f", narrow))
            yield Value("real", f"CAST({narrow:.17E} AS real)", _of_float(narrow, shortest))


def _decimals(rng: random.Random) -> Iterator[Value]:
    for number in ("-922337203685477.5808", "922337203685477.5807", "-0.0001", "10.5000", "0"):
        yield Value("money", number, _without_zeros(number))
    for number in ("-214748.3648", "214748.3647", "100"):
        yield Value("smallmoney", number, _without_zeros(number))
    for number in ("-9223372036854775808", "9223372036854775807", "-10"):
        yield Value("bigint", number, number)
    for sql_type, number in (("int", "-2147483648"), ("smallint", "100"), ("tinyint", "255"), ("bit", "1")):
        yield Value(sql_type, number, number)
    with decimal.localcontext() as context:
        context.prec = 60
        for _ in range(_ROUNDS):
            precision = rng.randint(1, 38)
            scale = rng.randint(0, precision)
            digits = rng.randint(1 - 10**precision, 10**precision - 1)
            cut = 10 ** rng.randint(0, precision - 1)  # some end with zeros
            text = format(Decimal(digits // cut * cut if digits > 0 else digits).scaleb(-scale), "f")
            yield Value(f"decimal({precision},{scale})", text, "0" if digits == 0 else _without_zeros(text))


def _times() -> Iterator[Value]:
    for day in ("0001-01-01", "9999-12-31", "2024-02-29"):
        yield Value("date", f"'{day}'", day)
    for at in ("1753-01-01T00:00:00.000", "9999-12-31T23:59:59.997", "2024-02-29T18:44:15.100"):
        yield Value("datetime", f"'{at}'", _without_zeros(at.replace("T", " ")))
    yield Value("smalldatetime", "'2079-06-06T23:59:00'", "2079-06-06 23:59:00")
    for scale in range(8):
        for digits in ("9999999", "1230000", "0000001"):
            clock = f"18:44:15.{digits[:scale]}".rstrip(".")
            yield Value(f"time({scale})", f"'{clock}'", _without_zeros(clock))
            yield Value(f"datetime2({scale})", f"'0001-01-01 {clock}'", _without_zeros(f"0001-01-01 {clock}"))
            for offset in ("+00:00", "-00:30", "+14:00"):
                local = f"2024-02-29 {clock}"
                canonical = f"{_without_zeros(local)} {offset}"
                yield Value(f"datetimeoffset({scale})", f"'{local} {offset}'", canonical)


def _texts_and_bytes(rng: random.Random) -> Iterator[Value]:
    for text in ("", " ", "Zoë ", "日本😀"):
        yield Value("nvarchar(50)", f"N'{text}'", text)
        yield Value("nchar(9)", f"N'{text}'", text + " " * (9 - len(text.encode("utf-16-le")) // 2))
        yield Value(f"varchar(50) {UTF8}", f"N'{text}'", text, in_variant=False)
        for sql_type in ("nvarchar(max)", "ntext"):
            yield Value(sql_type, f"N'{text}'", text, in_variant=False)
    yield Value("char(5)", "N'€'", "€    ")
    yield Value("xml", "N'<a>é😀</a>'", "<a>é😀</a>", in_variant=False)
    guid = rng.randbytes(16).hex().upper()
    parts = [guid[:8], guid[8:12], guid[12:16], guid[16:20], guid[20:]]
    yield Value("uniqueidentifier", f"'{'-'.join(parts)}'", "-".join(parts))
    for size in (0, 1, 63, 64, 65):
        value = rng.randbytes(size)
        yield Value("varbinary(90)", f"0x{value.hex()}", value)
        yield Value("binary(90)", f"0x{value.hex()}", value.ljust(90, b"\0"))
        for sql_type in ("varbinary(max)", "image"):
            yield Value(sql_type, f"0x{value.hex()}", value, in_variant=False)
    yield Value("hierarchyid", "CAST(0x58 AS hierarchyid)", b"\x58", in_variant=False)


def _token(canonical: str | bytes) -> str:
    of_bytes = canonical.encode() if isinstance(canonical, str) else canonical
    return hmac.new(KEY.encode(), of_bytes, hashlib.sha256).hexdigest()


def _fill(database: Database, table: str, values: list[Value], in_variant: bool) -> None:
    """A row with every value in a column of its own, and one with none."""
    types = ["sql_variant" if in_variant else value.sql_type for value in values]
    literals = [f"CAST({value.literal} AS {value.sql_type})" if in_variant else value.literal for value in values]
    columns = ", ".join(f"c{number} {sql_type} NULL" for number, sql_type in enumerate(types))
    database.run(f"CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, {columns})")
    database.enable("dbo", table)
    database.run(f"INSERT INTO dbo.{table} VALUES (1, {', '.join(literals)})")
    database.run(f"INSERT INTO dbo.{table} (id) VALUES (2)")


def test_whoever_has_the_key_and_the_description_makes_every_token(
    database: Database, target: Target, program: Program
) -> None:
    print(f"\nCDC_TEST_SEED={SEED} repeats this")
    rng = random.Random(SEED)
    values = [*_floats(rng), *_decimals(rng), *_times(), *_texts_and_bytes(rng)]
    tables = {"Typed": values, "Loose": [value for value in values if value.in_variant]}
    for table, chosen in tables.items():
        _fill(database, table, chosen, in_variant=table == "Loose")
    database.capture()
    # Options of how values are written change no token.
    words = 'datetime2 = "micros"\ndatetimeoffset = "utc"\ntime = "time"\nbinary = "hex"\ntimestamps = "millis"\n'
    (program.folder / "cdc-to-s3.toml").write_text(f'[types]\nmask = "hash"\n{words}hierarchyid = "path"\n')
    program.once(CDC_TYPES_MASK_KEY=KEY)
    for table, chosen in tables.items():
        full, empty = read_with_pyarrow(target.objects(database.name, table))
        wrong = [v for number, v in enumerate(chosen) if full[f"c{number}"] != _token(v.canonical)]
        assert wrong == [], table
        assert {empty[f"c{number}"] for number in range(len(chosen))} == {None}
        assert (full["id"], empty["id"]) == (_token("1"), _token("2"))
