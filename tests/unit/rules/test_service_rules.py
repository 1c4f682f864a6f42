"""gengfu about itself, story by story: silent and late workers, flooding devices, wrong sums, full disks."""

from datetime import timedelta
from typing import Any

import pytest

from rules.catalog import catalog
from rules.core.alerts import Clear, Intent, Raise
from rules.core.service import BrokerDisk, Excess, IngestLane, Sums
from rules.facts import ServiceState
from rules.rule import ServiceRule
from tests.unit.rules.timeline import at, settings, world

NOW = 363.0  # minutes: 14:03


def look(
    rule: str, *, watched_s: float = 3600, live: tuple[str, ...] = (), limits: Any = None, **what: Any
) -> list[Intent]:
    found = catalog()[rule]
    assert isinstance(found, ServiceRule)
    book = settings(**{rule: limits or {}})
    return found.look(
        ServiceState(world=world(), settings=book, now=at(NOW), watched_s=watched_s, live=frozenset(live), **what)
    )


def lanes(
    worker: str = "2", *, silent_s: float = 0.4, behind_s: float = 1.2, urgent_behind_s: float = 1.0
) -> list[IngestLane]:
    return [
        IngestLane(
            worker=worker,
            lane=lane,
            beat_at=at(NOW) - timedelta(seconds=silent_s),
            silent_s=silent_s,
            caught_up_to=at(NOW) - timedelta(seconds=late_s),
            behind_s=late_s,
        )
        for lane, late_s in (("up", behind_s), ("urgent", urgent_behind_s))
    ]


def only(intents: list[Intent]) -> Raise:
    (intent,) = intents
    assert isinstance(intent, Raise)
    return intent


def test_a_worker_that_lives_and_keeps_up_is_no_news() -> None:
    assert look("ingest_silent", lanes=lanes()) == []
    assert look("ingest_silent", lanes=lanes(silent_s=9.9)) == []
    assert look("ingest_silent", lanes=[]) == []


def test_a_dead_worker_is_told_by_name_with_the_minute() -> None:
    said = only(look("ingest_silent", lanes=[*lanes("1"), *lanes("2", silent_s=11, behind_s=11)]))
    assert (said.fingerprint, said.class_, said.severity) == ("ingest_silent:2", "silent", "high")
    assert said.title == "ingest worker 2 has been silent since 14:02"
    assert said.reasons[0]["reason"] == "ingest_silent"


def test_who_has_only_begun_to_look_gives_everybody_time() -> None:
    assert look("ingest_silent", lanes=lanes(silent_s=30_000, behind_s=30_000), watched_s=5) == []
    assert only(look("ingest_silent", lanes=lanes(silent_s=30_000, behind_s=30_000), watched_s=11)).class_ == "silent"
    assert look("ingest_silent", lanes=lanes(behind_s=30_000), watched_s=299) == []
    assert only(look("ingest_silent", lanes=lanes(behind_s=30_000), watched_s=301)).class_ == "behind"


def test_one_lane_that_is_behind_is_enough() -> None:
    said = only(look("ingest_silent", lanes=lanes(urgent_behind_s=301)))
    assert (said.class_, said.severity, said.reasons[0]["lane"]) == ("behind", "warning", "urgent")
    assert only(look("ingest_silent", lanes=lanes(behind_s=31), limits={"behind_s": 30})).class_ == "behind"


@pytest.mark.parametrize(
    ("found", "note"), [(lanes(), "it is back and has caught up"), ([], "it was drained or taken away on purpose")]
)
def test_it_resolves_when_the_worker_is_back_or_gone_on_purpose(found: list[IngestLane], note: str) -> None:
    assert look("ingest_silent", lanes=found, live=("ingest_silent:2",)) == [
        Clear(fingerprint="ingest_silent:2", note=note)
    ]


def test_one_that_is_back_and_works_off_its_queue_is_behind_not_well() -> None:
    said = only(look("ingest_silent", lanes=lanes(behind_s=4000), live=("ingest_silent:2",), watched_s=20))
    assert said.class_ == "behind"


def test_a_flood_names_the_device_how_much_and_since_when() -> None:
    number = next(it.number for it in world().devices if it.name == "H-03")
    excess = Excess(device=number, since=at(NOW - 3), last_at=at(NOW), readings=1234)
    said = only(look("device_flood", excesses=[excess]))
    assert (said.fingerprint, said.class_, said.severity, said.device) == (
        "device_flood:H-03",
        "flood",
        "warning",
        "H-03",
    )
    assert said.title == "H-03 floods: 1234 readings set aside since 14:00"
    assert said.unit == "U-1"
    assert said.reasons[0] == {
        "reason": "over_allowance",
        "device": "H-03",
        "holder": "U-1",
        "readings": 1234,
        "since_at": "2026-11-21T06:00:00.000Z",
    }
    (clear,) = look("device_flood", live=("device_flood:H-03",))
    assert isinstance(clear, Clear)


def sums(**more: int) -> Sums:
    numbers = {"received": 10, "stored": 5, "repeated": 2, "ignored": 1, "quarantined": 1, "withheld": 1, "lost": 0}
    return Sums(worker="1", lane="up", **{**numbers, **more})


def test_sums_that_add_up_are_no_news() -> None:
    assert look("ledger", sums=[sums()]) == []
    assert look("ledger", sums=[sums()], live=("ledger:1/up",)) == [
        Clear(fingerprint="ledger:1/up", note="the sums add up again")
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"received": 13}, "3 readings unaccounted for"),
        ({"stored": 6}, "-1 readings unaccounted for"),
        ({"lost": 4}, "4 readings lost by the database"),
        ({"received": 13, "lost": 4}, "3 readings unaccounted for, 4 readings lost by the database"),
    ],
)
def test_sums_that_do_not_are_told_with_the_numbers_each_difference_once(more: dict[str, int], said: str) -> None:
    raised = only(look("ledger", sums=[sums(**more)]))
    assert raised.title == f"ingest worker 1, lane up: {said}"
    assert raised.severity == "high"
    assert raised.key == f"ledger:1/up:{sums(**more).difference}:{more.get('lost', 0)}"
    assert raised.reasons[0]["stored"] == more.get("stored", 5)


def disk(free_mb: float, *, of_mb: float = 10_000, age_s: float = 3) -> BrokerDisk:
    return BrokerDisk(
        free_bytes=round(free_mb * 1e6),
        size_bytes=round(of_mb * 1e6),
        looked_at=at(NOW) - timedelta(seconds=age_s),
        age_s=age_s,
    )


LOW, FULL, UNSEEN = "broker_disk:low", "broker_disk:full", "broker_disk:unseen"


@pytest.mark.parametrize(
    ("found", "live", "raised", "cleared"),
    [
        (None, (), [], []),
        (None, (LOW, FULL), [], [FULL, LOW]),
        (disk(2_000), (), [], []),
        (disk(1_999), (), [LOW], []),
        (disk(2_499), (LOW,), [LOW], []),
        (disk(2_500), (LOW,), [], [LOW]),
        (disk(499), (), [FULL], []),
        (disk(499), (LOW,), [FULL], []),
        (disk(624), (LOW, FULL), [FULL], []),
        (disk(625), (FULL,), [LOW], [FULL]),
        (disk(9_000), (LOW, FULL, UNSEEN), [], [UNSEEN, FULL, LOW]),
        (disk(199, of_mb=220), (), [FULL], []),
        (disk(249, of_mb=260), (FULL,), [FULL], []),
        (disk(250, of_mb=260), (FULL,), [], [FULL]),
        (disk(0, of_mb=0), (), [FULL], []),
        (disk(0, age_s=61), (LOW,), [UNSEEN], []),
    ],
)
def test_the_brokers_disk(found: BrokerDisk, live: tuple[str, ...], raised: list[str], cleared: list[str]) -> None:
    said = look("broker_disk", broker_disk=found, live=live)
    assert [it.fingerprint for it in said if isinstance(it, Raise)] == raised
    assert [it.fingerprint for it in said if isinstance(it, Clear)] == cleared


def test_the_brokers_disk_is_told_with_its_numbers() -> None:
    said = only(look("broker_disk", broker_disk=disk(150, of_mb=40_000)))
    assert (said.class_, said.severity) == ("full", "critical")
    assert said.title == "the broker's disk is as good as full: 150 of 40,000 MB are free"
    assert said.reasons == ({"reason": "broker_disk", "free_mb": 150, "size_mb": 40_000, "free_pct": 0.4},)
    assert look("broker_disk", broker_disk=disk(150, age_s=100), watched_s=59) == []
