"""First service, later services, scrap: the arithmetic of GB 50444-2008."""

from datetime import date, timedelta

import pytest

from rules.core.lifetimes import LIVES, Due, next_due

NOTICE = timedelta(days=30)


def due(kind: str, manufactured: str, last: str | None = None, *, today: str = "2020-01-01") -> tuple[str, str] | None:
    found = next_due(
        LIVES[kind],
        manufactured=date.fromisoformat(manufactured),
        last_service=date.fromisoformat(last) if last else None,
        today=date.fromisoformat(today),
        notice=NOTICE,
    )
    return (found.work, found.on.isoformat()) if found else None


@pytest.mark.parametrize(
    ("kind", "services", "scrap"),
    [
        ("extinguisher_water", [3, 4, 5], 6),
        ("extinguisher_powder", [5, 7, 9], 10),
        ("extinguisher_clean", [5, 7, 9], 10),
        ("extinguisher_co2", [5, 7, 9, 11], 12),
    ],
)
def test_the_whole_life_of_an_extinguisher(kind: str, services: list[int], scrap: int) -> None:
    made, last = date(2020, 3, 1), None
    seen = []
    while True:
        found = next_due(LIVES[kind], manufactured=made, last_service=last, today=made, notice=NOTICE)
        assert found is not None
        if found.work == "scrap":
            break
        seen.append(found.on.year - 2020)
        last = found.on
    assert (seen, found) == (services, Due("scrap", date(2020 + scrap, 3, 1)))


def test_a_later_service_counts_from_the_last_one() -> None:
    assert due("extinguisher_powder", "2015-06-01", "2021-02-01") == ("service", "2023-02-01")


def test_no_service_is_asked_for_when_scrapping_is_near() -> None:
    assert due("extinguisher_powder", "2015-06-01", today="2021-01-01") == ("service", "2020-06-01")
    assert due("extinguisher_powder", "2015-06-01", today="2025-05-02") == ("scrap", "2025-06-01")
    assert due("extinguisher_powder", "2015-06-01", today="2030-01-01") == ("scrap", "2025-06-01")


def test_a_detector_is_only_scrapped_and_a_leap_day_has_anniversaries() -> None:
    assert due("smoke_detector", "2012-02-29") == ("scrap", "2024-02-29")
    assert due("extinguisher_powder", "2012-02-29") == ("service", "2017-02-28")
