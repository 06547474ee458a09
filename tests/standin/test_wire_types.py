"""Every type, with edges and NULL, read by five clients that others wrote: they must agree with us and each other."""

from __future__ import annotations

import shutil
import struct
import uuid
from decimal import Decimal
from typing import Any

import every_type
import pytest
from fake_engine import FakeEngine
from wire_clients import CLIENTS, SQL_SS_VARIANT, Client, Running, tsql

from standin.model import MAX, Column, SqlType
from standin.tds.decode import ByteReader, read_parameter
from standin.tds.rows import row_ends
from standin.tds.values import nbcrow_encoder, row_encoder, type_info, value_encoder

# pytds decodes by the collation's language and does not know the UTF-8 flag.
_NOT_FOR = {("pytds", "an_utf8")}


def _as_shown(value: Any) -> Any:
    """ODBC shows a uniqueidentifier as its text."""
    return str(value).upper() if isinstance(value, uuid.UUID) else value


@pytest.mark.parametrize("case", every_type.EVERY, ids=lambda case: case.name)
def test_a_client_reads_every_value_of_a_type(fake: Running, client: Client, case: every_type.Case) -> None:
    if (client.name, case.name) in _NOT_FOR:
        pytest.skip(f"{client.name} cannot decode {case.name}")
    fake.engine.result("SELECT it", [case.column], [(value,) for value in case.values] + [(None,)])
    connection = client.connect(fake.port, FakeEngine.PASSWORD)
    shown = [_as_shown(row[0]) for row in client.fetch(connection, "SELECT it")]
    connection.close()
    assert shown == [_as_shown(value) for value in case.expected()] + [None]


def test_a_client_reads_a_row_of_all_types_at_once(fake: Running, client: Client) -> None:
    fake.engine.result("SELECT * FROM t", [case.column for case in every_type.EVERY], every_type.rows())
    connection = client.connect(fake.port, FakeEngine.PASSWORD)
    shown = client.fetch(connection, "SELECT * FROM t")
    connection.close()
    expected = list(zip(*(case.expected() for case in every_type.EVERY), strict=True))
    compared = [index for index, case in enumerate(every_type.EVERY) if (client.name, case.name) not in _NOT_FOR]
    for shown_row, expected_row in zip(shown, expected, strict=False):
        for index in compared:
            assert _as_shown(shown_row[index]) == _as_shown(expected_row[index]), every_type.EVERY[index].name
    assert shown[3] == (None,) * len(every_type.EVERY)
    assert shown[4] == (True, *(None,) * (len(every_type.EVERY) - 1))


@pytest.mark.skipif(shutil.which("tsql") is None, reason="tsql is missing: install freetds-bin")
def test_tsql_prints_values_as_text(fake: Running) -> None:
    cases = {case.name: case for case in every_type.EVERY}
    names = ["an_int", "a_decimal_38", "a_money", "a_varchar", "an_nvarchar", "an_utf8", "a_cyrillic", "a_guid"]
    columns = [cases[name].column for name in names]
    fake.engine.result("SELECT some", columns, [tuple(cases[name].values[1] for name in names), (None,) * len(names)])
    printed = tsql(fake.port, FakeEngine.PASSWORD, "SELECT some")
    first = "2147483647|-0.0000000001|922337203685477.5807|plain|Zażółć 世界 😀|||00000000-0000-0000-0000-000000000000"
    assert "\t".join(first.split("|")) in printed
    assert "\t".join(["NULL"] * len(names)) in printed


@pytest.mark.parametrize("name", ["freetds", "microsoft"])
def test_the_seventh_digit_of_a_datetime2_arrives(fake: Running, name: str) -> None:
    if (missing := CLIENTS[name].missing()) is not None:
        pytest.skip(missing)
    value = every_type.moment(2024, 2, 29, 23, 59, 59, 9999999)
    fake.engine.result("SELECT it", [Column("it", SqlType("datetime2", scale=7))], [(value,)])
    connection = CLIENTS[name].connect(fake.port, FakeEngine.PASSWORD)
    connection.add_output_converter(93, bytes)
    ((raw,),) = CLIENTS[name].fetch(connection, "SELECT it")
    connection.close()
    assert struct.unpack("<hHHHHHI", raw) == (2024, 2, 29, 23, 59, 59, 999_999_900)


@pytest.mark.parametrize("name", ["freetds", "microsoft"])
def test_a_lone_surrogate_arrives_unchanged(fake: Running, name: str) -> None:
    if (missing := CLIENTS[name].missing()) is not None:
        pytest.skip(missing)
    fake.engine.result("SELECT it", [Column("it", SqlType("nvarchar", 10))], [("a\ud800b",)])
    connection = CLIENTS[name].connect(fake.port, FakeEngine.PASSWORD)
    connection.add_output_converter(-9, bytes)
    ((raw,),) = CLIENTS[name].fetch(connection, "SELECT it")
    connection.close()
    assert raw == "a\ud800b".encode("utf-16-le", "surrogatepass")


# Base type, value, and what Microsoft's driver gives as SQL_C_BINARY (pyodbc itself has no case for some of them).
_VARIANTS = [
    (SqlType("int"), -7, struct.pack("<i", -7)),
    (SqlType("nvarchar", 20), "Grüße", "Grüße".encode("utf-16-le")),
    (SqlType("varchar", 20), "plain", b"plain"),
    (SqlType("decimal", precision=9, scale=3), Decimal("-1.891"), bytes([9, 3, 0]) + (1891).to_bytes(16, "little")),
    (SqlType("varbinary", 8), b"\1\2", b"\1\2"),
    (SqlType("float"), -0.5, struct.pack("<d", -0.5)),
    (SqlType("money"), Decimal("1.2500"), struct.pack("<iI", 0, 12500)),
]


def test_sql_variants_keep_their_base_type(fake: Running) -> None:
    rows = [((base, value),) for base, value, _ in _VARIANTS] + [(None,)]
    fake.engine.result("SELECT it", [Column("it", SqlType("sql_variant"))], rows)
    connection = CLIENTS["pytds"].connect(fake.port, FakeEngine.PASSWORD)
    shown = [row[0] for row in CLIENTS["pytds"].fetch(connection, "SELECT it")]
    connection.close()
    assert shown == [value for _, value, _ in _VARIANTS] + [None]


def test_microsofts_driver_reads_sql_variants(fake: Running) -> None:
    client = CLIENTS["microsoft"]
    if (missing := client.missing()) is not None:
        pytest.skip(missing)
    connection = client.connect(fake.port, FakeEngine.PASSWORD)
    connection.add_output_converter(SQL_SS_VARIANT, bytes)
    for base, value, raw in _VARIANTS:
        fake.engine.result("SELECT it", [Column("it", SqlType("sql_variant"))], [((base, value),)])
        assert client.fetch(connection, "SELECT it") == [(raw,)], base.name
    connection.close()


@pytest.mark.parametrize("case", every_type.CASES, ids=lambda case: case.name)
def test_a_value_sent_as_parameter_form_decodes_to_itself(case: every_type.Case) -> None:
    if case.type.name in ("text", "ntext", "image", "rowversion"):
        pytest.skip("parameters of these have another form than columns")
    for value, padded in zip([*case.values, None], [*case.expected(), None], strict=True):
        reader = ByteReader(type_info(case.type) + value_encoder(case.type)(value))
        sql_type, decoded = read_parameter(reader)
        assert reader.at_end
        assert sql_type == case.type or sql_type.name == "xml"
        assert decoded == (padded if case.type.name in ("char", "nchar", "binary") else value)


def test_row_ends_finds_every_row_of_every_type() -> None:
    columns = [case.column for case in every_type.EVERY]
    encoded = [row_encoder(columns)(row) for row in every_type.rows()]
    ends = row_ends(columns, b"".join(encoded))
    assert ends == [sum(map(len, encoded[: index + 1])) for index in range(len(encoded))]


def test_a_row_with_another_number_of_values_is_refused() -> None:
    encode = row_encoder([Column("a", SqlType("int")), Column("b", SqlType("int"))])
    with pytest.raises(ValueError, match="a row of 1 values for 2 columns"):
        encode((1,))


def test_an_nbcrow_leaves_nulls_out() -> None:
    columns = [Column(f"c{number}", SqlType("nvarchar", MAX)) for number in range(9)]
    encoded = nbcrow_encoder(columns)((None,) * 8 + ("x",))
    assert encoded == b"\xd2\xff\x00" + value_encoder(columns[8].type)("x")
