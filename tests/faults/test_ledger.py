"""The ledger itself: it must see what is lost, doubled, made up and wrongly counted, or its noughts mean nothing."""

import pytest

from tests.faults.ledger import Key, Ledger

ONE, TWO, THREE = (Key("D-1", 7, seq) for seq in (1, 2, 3))
COUNTED = {("received", ""): 3, ("stored", ""): 2, ("quarantined", "clock"): 1}


def ledger() -> Ledger:
    made = Ledger()
    made.note("D-1", 7, [1, 2, 3])
    return made


def test_what_is_all_there_balances() -> None:
    balance = ledger().weigh({ONE: 1, TWO: 1}, {THREE: "clock"}, COUNTED, rows=2, queued=set())
    balance.check()
    assert (balance.sent, balance.stored, balance.quarantined["clock"], balance.still_queued) == (3, 2, 1, 0)


def test_what_a_device_keeps_is_not_lost() -> None:
    counted = {("received", ""): 2, ("stored", ""): 2}
    balance = ledger().weigh({ONE: 1, TWO: 1}, {}, counted, rows=2, queued={TWO, THREE})
    balance.check()
    assert balance.still_queued == 1


def test_one_that_is_withheld_is_not_lost() -> None:
    counted = {("received", ""): 3, ("stored", ""): 2, ("withheld", ""): 1}
    balance = ledger().weigh({ONE: 1, TWO: 1}, {}, counted, rows=2, queued=set())
    balance.check()
    assert balance.withheld == 1


@pytest.mark.parametrize(
    ("stored", "held", "said"),
    [
        ({ONE: 1, TWO: 1}, {}, "1 of 3 readings are lost, such as D-1 boot 7 seq 3"),
        ({ONE: 1, TWO: 2, THREE: 1}, {}, "1 readings are there twice, such as D-1 boot 7 seq 2"),
        ({ONE: 1, TWO: 1, THREE: 1}, {THREE: "rate"}, "there twice, such as D-1 boot 7 seq 3"),
        ({ONE: 1, TWO: 1, THREE: 1, Key("D-1", 6, 1): 1}, {}, "never sent, such as D-1 boot 6 seq 1"),
    ],
)
def test_what_is_not_so_is_said(stored: dict[Key, int], held: dict[Key, str], said: str) -> None:
    balance = ledger().weigh(stored, held, {}, rows=0, queued=set())
    with pytest.raises(AssertionError, match=said):
        balance.check()


@pytest.mark.parametrize(
    ("counted", "rows", "said"),
    [
        ({**COUNTED, ("received", ""): 4}, 2, "do not add up"),
        (COUNTED, 3, "counted as stored are 2 readings, and the tables hold 3"),
    ],
)
def test_counters_that_do_not_add_up_are_said(counted: dict[tuple[str, str], int], rows: int, said: str) -> None:
    balance = ledger().weigh({ONE: 1, TWO: 1}, {THREE: "clock"}, counted, rows=rows, queued=set())
    with pytest.raises(AssertionError, match=said):
        balance.check()
