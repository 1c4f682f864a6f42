"""Waits grow to a bound, and no two sessions wait alike."""

from gateway.backoff import Backoff


def test_waits_double_up_to_a_bound_and_begin_again() -> None:
    backoff = Backoff(first_s=0.2, most_s=15.0)
    waits = [backoff.next_s() for _ in range(12)]
    bounds = [min(0.2 * 2**number, 15.0) for number in range(12)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    backoff.reset()
    assert backoff.next_s() <= 0.2


def test_many_do_not_come_back_in_step() -> None:
    assert len({Backoff().next_s() for _ in range(50)}) > 40
