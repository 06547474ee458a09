"""The judge of cuts on cuts made by hand: it must see each way in which one can be wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.cut_judge import Cut, Rows, longest_stand
from tests.support.judge import RowKey
from tests.support.many_tables import LEDGER

A, B = "Sales.A", "Sales.B"
HISTORY_ENDS = 3


def _lsn(number: int) -> bytes:
    return number.to_bytes(10, "big")


def _key(number: int, operation: int = 2) -> RowKey:
    return _lsn(number), 1, _lsn(number), operation


# Three transactions: one row in A and one in B each, and the ledger's.
HISTORY = {table: [_key(number) for number in range(1, HISTORY_ENDS + 1)] for table in (A, B, LEDGER)}


def _rows(table: str, numbers: list[int]) -> Rows:
    delta = {A: 5, B: -3, LEDGER: -2}[table]
    ledger = {_lsn(number): {A: 1, B: 1} for number in numbers} if table == LEDGER else {}
    lsns = [_lsn(number) for number in numbers]
    return Rows([_key(number) for number in numbers], Counter(lsns), Counter(dict.fromkeys(lsns, delta)), ledger)


def _cut(through: int, starts: dict[str, int] | None = None, **numbers: list[int]) -> Cut:
    """A cut with these transactions in A, B and the ledger; all of them unless told otherwise."""
    seen = {"a": A, "b": B, "ledger": LEDGER}
    begin = starts if starts is not None else {A: 0, B: 0, LEDGER: 0}
    objects = {table: [_rows(table, numbers.get(name, [1, 2, 3]))] for name, table in seen.items() if table in begin}
    return Cut(0.0, "owner", _lsn(through), {table: _lsn(start) for table, start in begin.items()}, objects)


@pytest.mark.parametrize("through", [0, 1, 2, 3])
def test_a_cut_with_all_rows_up_to_it_is_right_whatever_lies_beyond(through: int) -> None:
    assert _cut(through).wrong(HISTORY) == []
    assert _cut(through, b=[1, 2, 3][:through]).wrong(HISTORY) == []


def test_a_row_that_is_missing_in_one_table_is_found_with_and_without_the_history() -> None:
    against_history, against_ledger = _cut(2, b=[1]).wrong(HISTORY)
    assert B in against_history
    assert f"transaction {_lsn(2).hex()} has" in against_ledger


def test_a_transaction_that_no_table_has_is_found_by_the_history() -> None:
    wrong = _cut(2, a=[1], b=[1], ledger=[1]).wrong(HISTORY)
    assert len(wrong) == 3


def test_a_row_that_is_delivered_twice_is_found() -> None:
    assert _cut(3, a=[1, 2, 2, 3]).wrong(HISTORY) != []


def test_a_transaction_that_was_rolled_back_but_delivered_is_found() -> None:
    found = _cut(4, a=[1, 2, 3, 4]).wrong(HISTORY)
    assert any("not in the ledger" in one for one in found)


def test_amounts_that_do_not_sum_to_zero_are_found() -> None:
    cut = _cut(3)
    cut.objects[A][0].deltas[_lsn(2)] += 1
    assert cut.wrong(HISTORY) == [f"the amounts of transaction {_lsn(2).hex()} sum to 1"]


def test_a_table_outside_the_cut_does_not_count() -> None:
    assert _cut(3, starts={A: 0, LEDGER: 0}, b=[]).wrong(HISTORY) == []


def test_a_table_that_began_later_has_only_what_follows_its_start() -> None:
    assert _cut(3, starts={A: 0, B: 2, LEDGER: 0}, b=[3]).wrong(HISTORY) == []
    assert _cut(3, starts={A: 0, B: 2, LEDGER: 0}, b=[2, 3]).wrong(HISTORY) != []


def test_complete_through_that_goes_back_fails_and_a_stand_is_measured() -> None:
    def at(second: float, through: int) -> Cut:
        return Cut(second, "owner", _lsn(through), {}, {})

    assert longest_stand([at(0, 1), at(1, 2), at(3, 2), at(4, 3)]) == 2
    with pytest.raises(AssertionError, match="went back"):
        longest_stand([at(0, 2), at(1, 1)])
