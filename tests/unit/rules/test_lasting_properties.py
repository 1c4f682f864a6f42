"""What must hold for every way: looked at once or often, with a restart or late data, the same episodes come of it."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.catalog import catalog
from rules.core.fixes import Span
from rules.core.tours import Tours
from rules.facts import Sample, SignalReading
from rules.replies import Episode
from rules.settings import SettingsBook
from rules.track_rule import Follower, TrackRule, feed, in_order
from tests.unit.rules.timeline import at
from tests.unit.rules.way import found, says, there, where

RULES = [rule for rule in catalog().values() if isinstance(rule, TrackRule)]
TOWN = where()

samples = st.builds(
    lambda second, place, more: there(second / 60, place[0], place[1], **more),
    st.integers(0, 14_000),
    st.sampled_from([(0, 0), (0, 0), (30, 0), (400, 0), (0, 1500), (0, 1090), (30_000, 0)]),
    st.fixed_dictionaries(
        {
            "accuracy_m": st.sampled_from([None, 6.0, 60.0, 300.0]),
            "flags": st.sampled_from([0, 0, 0, 1, 4]),
            "battery_pct": st.sampled_from([None, 80, 21, 18, 9]),
            "speed_mps": st.sampled_from([None, 0.1, 3.0]),
        }
    ),
)
runs = st.lists(
    st.tuples(
        st.integers(0, 230),
        st.integers(1, 90),
        st.sampled_from([(0, 0), (0, 1500), (400, 0), (900, 900)]),
        st.sampled_from([80, 18, 9]),
    ),
    max_size=4,
).map(
    lambda its: [
        there(start + half / 2, *place, battery_pct=charge)
        for start, length, place, charge in its
        for half in range(length * 2)
    ]
)
ways = st.tuples(st.lists(samples, max_size=60), runs).map(lambda both: both[0] + both[1])
said = st.lists(
    st.builds(
        lambda second, what: says(second / 60, what[0], **what[1]),
        st.integers(0, 14_000),
        st.sampled_from(
            [
                ("button", {"button": "check_in"}),
                ("status", {"charging": True, "battery_pct": 30}),
                ("task", {"state": "accepted"}),
            ]
        ),
    ),
    max_size=6,
)


def whole(rule: TrackRule, way: list[Sample], readings: list[SignalReading], until: float) -> list[Episode]:
    return found(rule.name, _unique(way), readings=readings, until=until, town=TOWN)


def _unique(way: list[Sample]) -> list[Sample]:
    return list({(it.time, it.digest): it for it in way}.values())


def _follower(rule: TrackRule) -> Follower | None:
    (tour,) = Tours(TOWN, Span(at(0), at(1))).of(1)
    return rule.follow(tour, world=TOWN, settings=SettingsBook(), at=at(0))


def _sorted(way: list[Sample]) -> list[Sample]:
    return sorted(_unique(way), key=lambda it: (it.time, it.digest))


@given(ways, said, st.lists(st.integers(1, 238), max_size=8).map(sorted))
@settings(max_examples=25, deadline=None)
def test_looked_at_often_it_comes_out_as_looked_at_once(
    way: list[Sample], readings: list[SignalReading], looks: list[int]
) -> None:
    ordered = _sorted(way)
    signs = sorted(readings, key=lambda it: it.time)
    for rule in RULES:
        follower = _follower(rule) if rule.on_duty else None
        if follower is None:
            continue
        before = at(0) - timedelta(microseconds=1)
        for minute in [*looks, 239]:
            until = at(minute)
            part = in_order(
                [it for it in ordered if before < it.time <= until], [it for it in signs if before < it.time <= until]
            )
            feed(follower, part, after=before, until=until)
            assert follower.episodes(until) == whole(rule, way, readings, minute), rule.name
            before = until


@given(ways, said, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_order_and_repetition_change_nothing(way: list[Sample], readings: list[SignalReading], chance: object) -> None:
    mixed = way + way[: len(way) // 2]
    chance.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis gives a Random
    for rule in RULES:
        assert whole(rule, mixed, readings, 239) == whole(rule, way, readings, 239)


@given(ways, said)
@settings(max_examples=25, deadline=None)
def test_an_episode_keeps_its_name_and_its_beginning(way: list[Sample], readings: list[SignalReading]) -> None:
    for rule in RULES:
        known: dict[str, Episode] = {}
        for minute in range(20, 240, 20):
            its = {it.key: it for it in whole(rule, way, readings, minute)}
            assert len(its) == len(whole(rule, way, readings, minute))
            for key, it in its.items():
                if key in known:
                    assert it.began_at == known[key].began_at
            assert known.keys() <= its.keys(), rule.name
            known = its


@given(ways, said)
@settings(max_examples=25, deadline=None)
def test_episodes_of_one_fingerprint_do_not_overlap(way: list[Sample], readings: list[SignalReading]) -> None:
    for rule in RULES:
        ends: dict[str, object] = {}
        for it in sorted(whole(rule, way, readings, 239), key=lambda it: it.began_at):
            last = ends.get(it.raised.fingerprint, at(-1))
            assert last is not None, rule.name
            assert it.began_at >= last  # type: ignore[operator]  # a moment, as it is not None
            ends[it.raised.fingerprint] = it.ended_at
            assert it.ended_at is None or it.ended_at >= it.began_at
