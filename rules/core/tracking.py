"""When a device that a person carries may be tracked: its holder's shifts, and what calls the holder back to duty."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from rules.core.equipment import Custody
from rules.core.fixes import Span, merged
from rules.core.rounds import watches
from rules.core.world import World

CARRIED = frozenset({"handset", "radio"})  # kinds of device that go where a person goes
EVENTS = frozenset({"dispatch", "sos", "lone_worker"})  # what is no plan: the past of these is never taken back
_ALWAYS = Span(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """A device may be tracked from `start` (included) to `end` (excluded)."""

    device: int
    start: datetime
    end: datetime
    why: str


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """A unit was sent somewhere; `closed_at` is None while it still is."""

    unit: str
    dispatched_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Stand:
    """A unit holds a place from one moment to another."""

    unit: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Call:
    """Somebody pressed a button: `why` is `sos` or `lone_worker`; `open` while no officer has ended it."""

    device: int
    at: datetime
    why: str
    open: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the dated world of the rules does not say.

    Attributes:
        dispatches: of units.
        stands: places that units hold.
        calls: of devices.
        squads: the units of each squad.
        squad_of: the squad of each post that belongs to one and to no unit.
    """

    dispatches: tuple[Dispatch, ...] = ()
    stands: tuple[Stand, ...] = ()
    calls: tuple[Call, ...] = ()
    squads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    squad_of: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How far duty reaches beyond the plan.

    Attributes:
        margin: before and after a shift, a stand and a dispatch.
        call: after somebody called.
        longest: an open dispatch or call is taken for forgotten after this.
    """

    margin: timedelta = timedelta(minutes=15)
    call: timedelta = timedelta(hours=2)
    longest: timedelta = timedelta(hours=12)


def has_calendar(world: World) -> bool:
    """Whether the town has shifts at all; without any, nobody can say when anyone is off duty."""
    return bool(world.shifts)


def allowed(world: World, facts: Facts, *, span: Span, limits: Limits) -> frozenset[Allowed]:
    """All that touches the span, each shift and call whole, so that a later look finds the same ones again."""
    found = {
        *_of_units(world, _turns(world, facts, span=span, limits=limits)),
        *_of_squads(world, facts, span=span, limits=limits),
        *_of_calls(world, facts, limits=limits),
        *_without_roster(world, facts),
        *_without_carrier(world),
    }
    return frozenset(it for it in found if it.start < span.end and it.end > span.start)


def unrostered(world: World, facts: Facts, *, at: datetime) -> tuple[str, ...]:
    """The names of devices whose holder never had a shift: nobody can say when that person is off duty."""
    units = _rostered(world)
    held = {it.device for it in _carried(world) if it.holds(at) and not _planned(world, facts, it, rostered=units)}
    return tuple(sorted(world.device[number].name for number in held))


@dataclass(frozen=True)
class _Turn:
    unit: str
    span: Span
    why: str


def _turns(world: World, facts: Facts, *, span: Span, limits: Limits) -> Iterator[_Turn]:
    """When each unit is at work: by its shifts, its static posts and where it was sent."""
    margin = limits.margin
    wide = span.widened(before=margin, after=margin)
    running = watches(world, since=wide.start, until=wide.end)
    for unit, watch in {(it.shift.unit, Span(it.starts_at, it.ends_at)) for it in running}:  # once for all its routes
        yield _Turn(unit, watch.widened(before=margin, after=margin), "shift")
    for it in facts.stands:
        yield _Turn(it.unit, Span(it.starts_at - margin, it.ends_at + margin), "static_post")
    for sent in facts.dispatches:
        latest = sent.dispatched_at + limits.longest
        ends_at = latest if sent.closed_at is None else min(latest, sent.closed_at + margin)
        yield _Turn(sent.unit, Span(sent.dispatched_at, max(ends_at, sent.dispatched_at + margin)), "dispatch")


def _of_units(world: World, turns: Iterator[_Turn]) -> Iterator[Allowed]:
    for turn in turns:
        for tracker in world.trackers(turn.span, unit=turn.unit):
            if tracker.device.kind in CARRIED:
                yield from _spells(tracker.device.number, tracker.spells, turn.why)


def _of_squads(world: World, facts: Facts, *, span: Span, limits: Limits) -> Iterator[Allowed]:
    """A post of a squad that belongs to no unit, such as its leader's, works when any unit of the squad does."""
    theirs = [it for it in _carried(world) if it.code in facts.squad_of and it.holder_kind == "post"]
    if not theirs:
        return
    wide = span.widened(before=limits.margin, after=limits.margin)
    by_unit: dict[str, set[Span]] = {}
    for watch in watches(world, since=wide.start, until=wide.end):
        turn = Span(watch.starts_at, watch.ends_at).widened(before=limits.margin, after=limits.margin)
        by_unit.setdefault(watch.shift.unit, set()).add(turn)
    for held in theirs:
        units = facts.squads.get(facts.squad_of[held.code], frozenset())
        turns = {turn for unit in units for turn in by_unit.get(unit, ())}
        yield from _spells(held.device, (it for turn in turns if (it := turn.meets(held.span))), "shift")


def _of_calls(world: World, facts: Facts, *, limits: Limits) -> Iterator[Allowed]:
    for call in facts.calls:
        device = world.device.get(call.device)
        if device is not None and device.kind in CARRIED:
            ends_at = call.at + (limits.longest if call.open else limits.call)
            before = limits.margin if call.why == "sos" else timedelta(0)  # where was who cannot say where they are?
            yield Allowed(device=call.device, start=call.at - before, end=ends_at, why=call.why)


def _without_roster(world: World, facts: Facts) -> Iterator[Allowed]:
    units = _rostered(world)
    for held in _carried(world):
        if not _planned(world, facts, held, rostered=units):
            yield from _spells(held.device, (held.span.meets(_ALWAYS),), "no_roster")


def _without_carrier(world: World) -> Iterator[Allowed]:
    """The gaps in a device's custody: what lay sealed because of a custody that was corrected is released by them."""
    spans: dict[int, list[Span]] = {}
    for held in _carried(world):
        if known := held.span.meets(_ALWAYS):
            spans.setdefault(held.device, []).append(known)
    for device, its in spans.items():
        edges = [Span(_ALWAYS.start, _ALWAYS.start), *merged(its), Span(_ALWAYS.end, _ALWAYS.end)]
        yield from _spells(device, (Span(a.end, b.start) for a, b in pairwise(edges)), "no_carrier")


def _carried(world: World) -> Iterator[Custody]:
    """The custody in which somebody carries the device: of a post, or of a unit while it goes on foot."""
    for held in world.custody:
        device = world.device.get(held.device)
        if device is None or device.kind not in CARRIED:
            continue
        if held.holder_kind == "post":
            yield held
        elif held.holder_kind == "unit":
            for unit in world.units.of(held.code):
                common = held.span.meets(unit.span)
                if unit.kind == "foot" and common and common.start < common.end:
                    yield replace(held, valid_from=common.start, valid_to=common.end)


def _planned(world: World, facts: Facts, held: Custody, *, rostered: frozenset[str]) -> bool:
    """Whether the holder ever had a shift."""
    if held.holder_kind == "unit":
        return held.code in rostered
    units = {post.unit for post in world.posts.of(held.code) if post.unit}
    units |= facts.squads.get(facts.squad_of.get(held.code, ""), frozenset())
    return not units.isdisjoint(rostered)


def _rostered(world: World) -> frozenset[str]:
    return frozenset(it.unit for it in world.shifts)


def _spells(device: int, spans: Iterable[Span | None], why: str) -> Iterator[Allowed]:
    for it in spans:
        if it is not None and it.start < it.end:
            yield Allowed(device=device, start=it.start, end=it.end, why=why)
