"""What a judgement over weeks needs, read cheaply: hours first, then the fixes of those days that can prove it."""

from datetime import date, timedelta

from devices.readings import same_tag
from ingest.database import Connection
from rules.core.fixes import Span, merged
from rules.core.periods import local_day, midnight
from rules.core.stays import HeldBy, LongView, Stay, promising, proven_days, stay_of
from rules.core.world import World
from rules.replies import LongNeed
from rules.store import stays as store
from rules.store.readings import fixes_of

_DAY = timedelta(days=1)


async def long_view(connection: Connection, world: World, need: LongNeed) -> LongView:
    """The view of the own devices of a need's posts; tags report no positions and never count."""
    held = devices_of(world, need)
    if not held:
        return LongView()
    hours = await store.hours(connection, {number: it.device for number, it in held.items()}, need.span)
    stays: list[Stay] = await _scanned(connection, held, need, world)
    by_day: dict[date, list[int]] = {it.day: [] for it in stays}
    for number, it in held.items():
        for day in promising(
            hours,
            device=it.device,
            grids=need.grids,
            dwell_s=need.dwell_s,
            max_gap=timedelta(seconds=need.max_gap_s),
            zone=world.zone,
        ):
            by_day.setdefault(day, []).append(number)
    seen: list[Stay] = []
    for day in sorted(by_day):
        seen += [it for it in stays if it.day == day]
        if by_day[day] and day not in proven_days(seen, need.dwell_s):
            seen += await _stays_of_day(connection, {n: held[n] for n in by_day[day]}, need, day, world.zone)
        if len(proven_days(seen, need.dwell_s)) >= need.days:
            break
    return LongView(held=tuple(held.values()), stays=tuple(seen), hours=hours)


def devices_of(world: World, need: LongNeed) -> dict[int, HeldBy]:
    """The devices that the posts themselves, or who stood in for one of them, held within the span, by number.

    Who held one first gives the name. What a post held while it was away proves nothing and accuses nobody.
    """
    doing = world.cover.doing(need.posts, need.span)
    found: dict[int, HeldBy] = {}
    for it in sorted(world.custody, key=lambda it: (it.device, it.valid_from, it.code)):
        device = world.device.get(it.device)
        if it.holder_kind != "post" or device is None or device.kind == "tag":
            continue
        common = [both for part in doing.get(it.code, ()) if (both := it.span.meets(part))]
        if not common:
            continue
        before = found.get(device.number)
        spells = merged((*before.spells, *common)) if before else merged(common)
        found[device.number] = HeldBy(device.name, device.kind, before.holder if before else it.code, spells)
    return found


async def _scanned(connection: Connection, held: dict[int, HeldBy], need: LongNeed, world: World) -> list[Stay]:
    """Tags that hang in the grids and were read by these devices; one that says it was read elsewhere is left out."""
    scans = await store.scans(connection, list(held), need.span, grids=need.grids)
    points = [it for it in world.checkpoints if it.tags and it.grid in need.grids] if scans else []
    found = []
    for number, tag, fix in scans:
        holder, read = held[number], same_tag(tag)
        hangs = any(it.holds(fix.time) and read in map(same_tag, it.tags) for it in points)
        if hangs and any(fix.time in spell for spell in holder.spells):
            found.append(
                Stay(
                    device=holder.device,
                    holder=holder.holder,
                    day=local_day(fix.time, world.zone),
                    dwell_s=0.0,
                    first_at=fix.time,
                    last_at=fix.time,
                    tag=tag,
                )
            )
    return found


async def _stays_of_day(
    connection: Connection, held: dict[int, HeldBy], need: LongNeed, day: date, zone: str
) -> list[Stay]:
    span = Span(midnight(day, zone), midnight(day + _DAY, zone)).meets(need.span)
    if span is None:
        return []
    fixes = await fixes_of(connection, [(number, span) for number in sorted(held)], grids=True)
    found = [
        stay_of(
            fixes.get(number, ()),
            held=it,
            day=day,
            grids=need.grids,
            span=span,
            max_gap=timedelta(seconds=need.max_gap_s),
            accuracy_m=need.accuracy_m,
        )
        for number, it in held.items()
    ]
    return [it for it in found if it is not None]
