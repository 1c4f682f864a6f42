"""Lasting conditions: each device's way is followed as it is stored, and what persists becomes an alert.

What was followed is kept in memory and fed with what is new, so that a look costs as much as came in since the last. It
can be thrown away at any time: read again from the start of the tour it comes out the same.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ingest.database import Connection
from ingest.marking import EVERYBODY
from rules.catalog import catalog
from rules.core.alerts import WITHDRAWN, Clear, Intent
from rules.core.equipment import Device
from rules.core.fixes import Span
from rules.core.tours import Errand, Tour, Tours
from rules.desk import Desk
from rules.facts import Sample, SignalReading
from rules.metrics import FAILED, FOLLOWED, REREAD, TRACK_SECONDS
from rules.replies import Episode
from rules.rule import RuleSettings
from rules.store import marks as marks_store
from rules.store import samples as store
from rules.store.readings import listening_since
from rules.store.samples import LiveAlert
from rules.store.service import caught_up_to
from rules.store.world import Snapshot
from rules.track_rule import OFF_DUTY, Follower, TrackRule, feed, in_order

SETTLE = timedelta(seconds=60)  # what is younger may still be out of order; ingest marks what comes 45 s late
STRAGGLER = timedelta(minutes=5)  # nobody waits longer for a part of ingest that is behind
HEARING = timedelta(minutes=2)  # so long everything must have been heard before silence means anything
STALE = timedelta(minutes=10)  # older than this the newest of a device says nothing of now, while ingest is behind
PLANNED = timedelta(hours=1)  # tours are worked out for so long ahead
_TICK = timedelta(microseconds=1)
_PORTION = 200  # devices in a transaction; a tenth of a second, so that a stop is prompt
_FIRST_RETRY, _LAST_RETRY = timedelta(seconds=10), timedelta(minutes=10)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Following:
    """One rule on one tour."""

    rule: TrackRule
    tour: Tour
    settings: RuleSettings
    follower: Follower


@dataclass
class _Way:
    """A device that is followed: up to what, and what has come in since."""

    device: Device
    following: tuple[_Following, ...] = ()
    tours: tuple[Tour, ...] = ()
    read_to: datetime | None = None  # the newest thing that was fed
    unread_since: datetime | None = None  # received then, and not looked at yet
    heard_at: datetime | None = None
    made_for: tuple[Tours, tuple[Errand, ...]] | None = None
    starts_at: datetime | None = None  # the next tour
    over: bool = False  # a tour has just ended
    failures: int = 0
    rest_until: datetime | None = None

    def next_at(self) -> datetime | None:
        """When time alone may change something."""
        times = [it.follower.next_at() for it in self.following] + [it.end for it in self.tours] + [self.starts_at]
        return min((it for it in times if it is not None), default=None)


@dataclass(frozen=True)
class _Look:
    """What all devices of one look have in common."""

    known: Snapshot
    tours: Tours
    errands: tuple[Errand, ...]
    grids: Mapping[int, str]
    live: Mapping[str, Mapping[str, LiveAlert]]
    horizon: datetime
    behind: bool
    hears: bool


@dataclass
class _Planned:
    """Tours that were worked out, and what for."""

    stamp: str
    until: datetime
    tours: Tours
    grids: Mapping[int, str] = field(default_factory=dict)


class TrackLane:
    """What lasts. It has a lane of its own, because it never presses.

    Args:
        desk: the worker's.
        every: how often it looks which devices have something new.
    """

    def __init__(self, desk: Desk, *, every: timedelta = timedelta(seconds=10)) -> None:
        self._desk = desk
        self._every = every
        self._rules = {name: rule for name, rule in catalog().items() if isinstance(rule, TrackRule)}
        self._ways: dict[int, _Way] = {}
        self._due: list[int] = []
        self._look: _Look | None = None
        self._looked_at: datetime | None = None
        self._horizon: datetime | None = None
        self._planned: _Planned | None = None
        for name in ("tracks", *self._rules):
            FAILED.labels(name)

    async def step(self) -> bool:
        """Find out who has something new if it is time, then look at a portion of them.

        Returns:
            Whether there is more to do at once.
        """
        now = self._desk.clock()
        if not self._due:
            if self._looked_at is not None and now - self._looked_at < self._every:
                return False
            self._look = await self._begin(now)
            self._looked_at = now
        if not self._due or self._look is None:
            return False
        with TRACK_SECONDS.time():
            await self._portion(self._look, self._due[:_PORTION], now)
        self._due = self._due[_PORTION:]
        return bool(self._due)

    async def _begin(self, now: datetime) -> _Look:
        async with self._desk.transaction() as connection:
            known = await self._desk.world(connection)
            caught_up = await caught_up_to(connection)
            since = await listening_since(connection)
            await self._take_marks(connection)
            errands = await store.errands(connection, at=now)
            live = await store.live_alerts(connection, list(self._rules))
            heard = await store.heard_at(connection)
            horizon = max(min(now, caught_up or now), now - STRAGGLER) - SETTLE
            self._horizon = horizon = max(horizon, self._horizon or horizon)
            planned = await self._plan(connection, known, horizon)
        look = _Look(
            known=known,
            tours=planned.tours,
            errands=errands,
            grids=planned.grids,
            live=live,
            horizon=horizon,
            behind=caught_up is not None and now - caught_up > HEARING,
            hears=since is not None and now - since >= HEARING,
        )
        self._due = self._find_due(look, heard, now)
        FOLLOWED.set(len(self._ways))
        return look

    async def _take_marks(self, connection: Connection) -> None:
        """Forget the ways on which something came too late to be fed in order."""
        marks = await marks_store.some(connection, ("track",))
        for mark in marks:
            numbers = self._ways if mark.subject == EVERYBODY else (int(mark.subject),)
            for way in (self._ways[number] for number in numbers if number in self._ways):
                if way.read_to is not None and mark.window_from <= way.read_to:
                    way.made_for, way.tours, way.following = None, (), ()
                    REREAD.inc()
        await marks_store.forget(connection, marks)

    async def _plan(self, connection: Connection, known: Snapshot, horizon: datetime) -> _Planned:
        planned = self._planned
        if planned is None or planned.stamp != known.stamp or horizon >= planned.until:
            span = Span(horizon, horizon + PLANNED)
            planned = _Planned(known.stamp, span.end, Tours(known.world, span), await store.grid_codes(connection))
            self._planned = planned
        return planned

    def _find_due(self, look: _Look, heard: Mapping[int, datetime], now: datetime) -> list[int]:
        devices = look.known.world.device
        due = []
        for number, heard_at in heard.items():
            device = devices.get(number)
            if device is None:
                continue
            way = self._ways.get(number)
            if way is None:
                way = self._ways[number] = _Way(device)
            if heard_at != way.heard_at:
                way.heard_at = heard_at
                way.unread_since = way.unread_since or heard_at
            if (way.rest_until is None or now >= way.rest_until) and self._is_due(way, look):
                due.append(number)
        return due

    def _is_due(self, way: _Way, look: _Look) -> bool:
        if way.unread_since is not None and way.unread_since <= look.horizon:
            return True
        if way.made_for is None or way.made_for[0] is not look.tours:
            return True
        next_at = way.next_at()
        return (next_at is not None and next_at <= look.horizon) or way.device.name in look.live

    async def _portion(self, look: _Look, numbers: list[int], now: datetime) -> None:
        ways = [self._ways[number] for number in numbers]
        async with self._desk.transaction() as connection:
            after: dict[int, datetime] = {}
            for way in ways:
                self._prepare(way, look)
                if way.following and way.read_to is not None:
                    after[way.device.number] = way.read_to
            until, grids, devices = look.horizon, look.grids, look.known.world.device
            positions = await store.samples(connection, after, until=until, grids=grids)
            readings = await store.others(connection, after, until=until, grids=grids, devices=devices)
            for way in ways:
                number = way.device.number
                try:
                    found = self._follow(way, look, positions.get(number, []), readings.get(number, []))
                except Exception:  # whatever it is, it is this device's alone
                    log.exception("could not follow device %s; it is tried again", way.device.name)
                    self._put_off(way, now)
                    continue
                await self._say(connection, way, look, found)
        for way in ways:
            if way.unread_since is not None and way.unread_since <= look.horizon:
                way.unread_since = way.heard_at if way.heard_at and way.heard_at > look.horizon else None

    def _prepare(self, way: _Way, look: _Look) -> None:
        """Begin anew where the tour, or what is expected on it, is another than before."""
        way.over = any(it.end <= look.horizon for it in way.tours)
        made_for = (look.tours, look.errands)
        if way.made_for == made_for and not way.over and (way.starts_at is None or look.horizon < way.starts_at):
            return
        every = look.tours.of(way.device.number, errands=look.errands)
        tours = tuple(it for it in every if it.start <= look.horizon < it.end)
        way.starts_at = min((it.start for it in every if it.start > look.horizon), default=None)
        following = []
        for tour in tours:
            for rule in self._rules.values():
                if not rule.concerns(tour):
                    continue
                settings = look.known.settings.at(rule.name, rule.settings, look.horizon)
                follower = rule.follow(tour, world=look.known.world, settings=look.known.settings, at=look.horizon)
                if follower is not None:
                    following.append(_Following(rule, tour, settings, follower))
        way.made_for = made_for
        if [(it.rule, it.tour, it.settings) for it in following] != [
            (it.rule, it.tour, it.settings) for it in way.following
        ]:
            way.following = tuple(following)
            way.read_to = min((it.tour.start for it in following), default=look.horizon) - _TICK
        way.tours = tours

    def _follow(
        self, way: _Way, look: _Look, samples: list[Sample], readings: list[SignalReading]
    ) -> list[tuple[_Following, Episode]]:
        found = []
        said = in_order(samples, readings)
        for it in way.following:
            feed(it.follower, said, after=it.tour.start, until=look.horizon)
            found += [(it, episode) for episode in it.follower.episodes(look.horizon)]
        if said:
            way.read_to = said[-1].time
        way.failures, way.rest_until = 0, None
        return found

    def _put_off(self, way: _Way, now: datetime) -> None:
        """Try again later, from the start of the tour."""
        FAILED.labels("tracks").inc()
        way.rest_until = now + min(_LAST_RETRY, _FIRST_RETRY * 2 ** min(way.failures, 10))
        way.failures += 1
        way.made_for, way.tours, way.following = None, (), ()

    async def _say(
        self, connection: Connection, way: _Way, look: _Look, found: Iterable[tuple[_Following, Episode]]
    ) -> None:
        """Bring the device's alerts in line with what lasts at the horizon."""
        live = look.live.get(way.device.name, {})
        lasting = {it.raised.fingerprint: (by.rule, it) for by, it in found if it.ended_at is None}
        ended = {it.raised.fingerprint: it.ended for _, it in found if it.ended_at is not None}
        for fingerprint, (rule, episode) in lasting.items():
            if await self._is_news(connection, way, look, rule, episode, live.get(fingerprint)):
                await self._desk.carry_out(connection, (episode.raised,), keep_open=rule.keep_open)
        gone = [self._clear(it, way, ended) for it in live.values() if it.fingerprint not in lasting]
        await self._desk.carry_out(connection, gone, keep_open=None)

    async def _is_news(
        self,
        connection: Connection,
        way: _Way,
        look: _Look,
        rule: TrackRule,
        episode: Episode,
        live: LiveAlert | None,
    ) -> bool:
        if live is not None:
            return (live.class_, live.severity) != (episode.raised.class_, episode.raised.severity)
        if rule.by_silence and not look.hears:
            return False
        if look.behind and way.read_to is not None and self._desk.clock() - way.read_to > STALE:
            return False
        return not await store.closed_by_hand(
            connection, episode.raised.fingerprint, began_at=episode.raised.occurred_at
        )

    def _clear(self, live: LiveAlert, way: _Way, ended: Mapping[str, str]) -> Intent:
        if live.fingerprint in ended:
            return Clear(fingerprint=live.fingerprint, note=ended[live.fingerprint])
        if way.over or not any(it.rule.name == live.rule for it in way.following):
            return Clear(fingerprint=live.fingerprint, note=OFF_DUTY)
        note = "what came later, or was corrected, shows that it was not so"
        return Clear(fingerprint=live.fingerprint, note=note, event="withdrawn", class_=WITHDRAWN)
