"""The judge of a DBA's acts sees each way in which the promise can break."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from tests.support.dba_judge import Captured, Case, Delivered, Row
from tests.support.dba_ledger import Ledger, LedgerRow
from tests.support.judge import RowKey

_KEY = "k" * 32
_FOLDER = "Shop/Orders/cdc/"
_MAIL = 3


def _key(number: int) -> RowKey:
    return number.to_bytes(10, "big"), 1, number.to_bytes(10, "big"), 2


def _lsn(number: int) -> str:
    return number.to_bytes(10, "big").hex().upper()


def _token(text: str) -> str:
    return hmac.new(_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def _row(number: int, source: int = 7, mail: str | None = None, folder: str = _FOLDER) -> Row:
    shown = _token(f"{number}@x") if mail is None else mail
    return Row(folder, source, _key(number), {1: number, _MAIL: shown})


def _case(rows: list[Row], said: str = "", code: int = 0, **entry: Any) -> Case:
    """Rows 1 to 3 of source table 7, of which row 2 is gone."""
    ledger = Ledger()
    ledger.rows[7] = {_key(one): LedgerRow({1: one, _MAIL: f"{one}@x"}, gone=one == 2) for one in (1, 2, 3)}
    delivered = Delivered(rows=rows, gaps={_FOLDER: []}, sources={_FOLDER: {7}})
    table = {"source_object_id": 7, "folder": _FOLDER, "gaps": [], **entry}
    captured = {7: Captured("dbo.Orders_v1", ["dbo_Orders"])}
    return Case(ledger, delivered, captured, {"dbo.Orders": table}, {7: {_FOLDER}}, {7}, _MAIL, _KEY, said, code)


def _gap(begin: int, end: int) -> list[dict[str, str]]:
    return [{"from": _lsn(begin), "to": _lsn(end)}]


def test_rows_that_are_delivered_once_and_masked_are_right() -> None:
    assert _case([_row(1), _row(2), _row(3)]).wrong() == []


def test_a_row_in_a_gap_of_the_state_or_of_a_footer_is_accounted_for() -> None:
    assert _case([_row(1), _row(3)], gaps=_gap(1, 2)).wrong() == []
    by_footer = _case([_row(1), _row(3)])
    by_footer.delivered.gaps[_FOLDER] = [(_key(1)[0], _key(2)[0])]
    assert by_footer.wrong() == []


@pytest.mark.parametrize("name", ["dbo.Orders", "dbo.Orders_v1", "capture instance dbo_Orders"])
def test_a_table_that_is_told_by_any_of_its_names_is_accounted_for(name: str) -> None:
    assert _case([_row(1)], said=f"cdc-to-s3: {name}: stopped\n", code=3).wrong() == []


BROKEN: dict[str, tuple[Case, str]] = {
    "a row is missing": (_case([_row(1), _row(3)]), "not delivered"),
    "a row is there twice": (_case([_row(1), _row(1), _row(2), _row(3)]), "there 2 times"),
    "a row is in two folders": (_case([_row(1), _row(1, folder="other/"), _row(2), _row(3)]), "there 2 times"),
    "a row of nobody": (_case([_row(1), _row(2), _row(3), _row(4)]), "never in a change table"),
    "a row of another table": (_case([_row(1), _row(2), _row(3), _row(3, source=8)]), "never in a change table"),
    "a value in clear": (_case([_row(1), _row(2), _row(3, mail="3@x")]), "shows '3@x'"),
    "another value": (
        _case([_row(1), _row(2), Row(_FOLDER, 7, _key(3), {1: 4})]),
        "has 4 in column 1, not 3",
    ),
    "another table is told": (_case([_row(1), _row(3)], said="cdc-to-s3: dbo.Orders2: stopped\n", code=3), "not told"),
    "it is told with exit code 0": (_case([_row(1), _row(3)], said="cdc-to-s3: dbo.Orders: stopped\n"), "not told"),
    "it is told in passing": (_case([_row(1), _row(3)], said="info delivered table=dbo.Orders\n", code=3), "not told"),
    "a gap beside the row": (_case([_row(1), _row(3)], gaps=_gap(2, 3)), "not delivered"),
    "a gap of a row that is there": (
        _case([_row(1), _row(2)], gaps=_gap(2, 3)),
        "still in its change table, not delivered, given up",
    ),
    "an empty gap": (_case([_row(1), _row(2), _row(3)], gaps=_gap(2, 2)), "empty or runs backwards"),
    "a gap backwards": (_case([_row(1), _row(2), _row(3)], gaps=_gap(3, 2)), "empty or runs backwards"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_promise_is_seen(what: str) -> None:
    case, words = BROKEN[what]
    found = case.wrong()
    assert any(words in text for text in found), found


def test_rows_that_went_before_their_table_was_entered_are_nobodys_fault() -> None:
    case = _case([_row(1), _row(3)])
    case.ledger.rows[7][_key(2)].before_entry = True
    assert case.wrong() == []
