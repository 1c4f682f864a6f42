"""A unit did not begin its patrol soon enough after its shift began.

To the officer: this unit should have been in one of its own grids within so many minutes of the start of its shift, and
was not, or nobody can prove it. Its own grids are those that its posts answer for, and for each route of that shift the
lowest grid that holds all of its checkpoints; those of the checkpoints where only the whole territory does.

Fires when the time and the settle time are over and no stored fix lies in one of those grids: as *missed* when a device
of the unit reported from elsewhere all the time, as *unproven* when each of them was silent, had a hole, or was too
inaccurate to tell one grid from the next.

Resolves when the unit comes, which makes it *late*, or when late fixes show that it was there in time: either way the
alert is withdrawn. Or by an officer's hand.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Intent, Reason, Severity
from rules.core.areas import Area, area_of
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.fixes import MARGIN, Fix, Span, within
from rules.core.holes import heard
from rules.core.presence import Tracked
from rules.core.reasons import Why, instant, reason
from rules.core.rounds import Watch, watches
from rules.core.settling import settle_time
from rules.core.telling import told
from rules.core.testimony import DEVICES_KEPT
from rules.core.words import clock, length
from rules.core.world import World
from rules.facts import Case, Group, Planning
from rules.replies import Need, Planned
from rules.rule import DutyRule, Rule, RuleSettings, Subject

_HOLES_KEPT = 3


class Settings(RuleSettings):
    """What can be set."""

    within_s: float = Field(
        900,
        ge=60,
        le=14_400,
        description="seconds from the start of the shift to the first fix in an own grid",
    )
    give_up_s: float = Field(7200, ge=0, le=43_200, description="seconds after that in which coming counts as late")
    settle_s: float | None = Field(
        None, ge=0, le=3600, description="seconds to wait for data; unset: two report intervals of the slowest device"
    )
    accuracy_m: float = Field(
        100, gt=0, le=1000, description="metres; a less accurate fix does not tell one grid from the next"
    )
    severity: Severity = Field(Severity.WARNING, description="of an alert that a unit did not begin in time")


class FirstPatrol(DutyRule):
    """One duty for each unit and each of its shifts."""

    name: ClassVar[str] = "first_patrol"
    title: ClassVar[str] = "Patrol not begun"
    settings: ClassVar[type[RuleSettings]] = Settings
    subject: ClassVar[Subject] = "unit"
    lasts: ClassVar[bool] = True
    replans: ClassVar[bool] = True

    @override
    def plan(self, planning: Planning) -> list[Planned]:
        together: dict[str, list[Watch]] = {}
        for watch in watches(planning.world, since=planning.since, until=planning.until):
            key = f"{self.name}/{watch.shift.code}/{watch.shift.unit}/{watch.day.isoformat()}"
            together.setdefault(key, []).append(watch)
        planned = []
        for key, its in together.items():
            routes = (it.shift.route for it in its)
            if grids := _grids(planning.world, its[0].shift.unit, routes, its[0].starts_at):
                duty = self._duty(planning, key, its[0], grids)
                if planning.since < duty.due_at:  # the shift may go on for hours after that
                    planned.append(Planned(duty=duty))
        return planned

    def _duty(self, planning: Planning, key: str, watch: Watch, grids: set[str]) -> Duty:
        world, unit = planning.world, watch.shift.unit
        settings = planning.settings.at(self.name, Settings, watch.starts_at)
        window = Span(watch.starts_at, watch.starts_at + timedelta(seconds=settings.within_s))
        settles_at = window.end + settle_time(world, unit, window, set_s=settings.settle_s)
        return Duty(
            rule=self.name,
            key=key,
            subject=unit,
            unit=unit,
            grid=world.common_grid(grids, watch.starts_at),
            opens_at=window.start,
            due_at=window.end,
            settles_at=settles_at,
            final_at=max(settles_at + timedelta(seconds=settings.give_up_s), window.end + planning.backfill),
            judge_at=settles_at,
            context={"shift": watch.shift.code},
        )

    @override
    def need(self, case: Case) -> Need:
        settings = self._settings(case)
        held = Span(case.duty.opens_at, case.duty.due_at + timedelta(seconds=settings.give_up_s))
        return Need(unit=case.duty.unit, held=held, span=held.widened(before=MARGIN, after=MARGIN), grids=True)

    @override
    def judge(self, case: Case, *, now: datetime) -> Judgement:
        duty, settings = case.duty, self._settings(case)
        routes = [
            it.route
            for it in case.world.shifts
            if it.unit == duty.unit and it.code == duty.context.get("shift") and it.holds(duty.opens_at)
        ]
        grids = _grids(case.world, duty.subject, routes, duty.opens_at)
        if not grids:
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=(reason(Why.NO_PLACE, unit=duty.subject),))
        window = Span(duty.opens_at, duty.due_at)
        wide = Span(window.start, window.end + timedelta(seconds=settings.give_up_s))
        shown: dict[str, Any] = {"grids": sorted(grids), "window": [instant(window.start), instant(window.end)]}
        if first := _first(case.tracked, grids, wide, settings.accuracy_m):
            return _began(*first, window, shown)
        shown["devices"] = [_device(it, window) for it in case.tracked[:DEVICES_KEPT]]
        if not case.tracked:
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=(reason(Why.NO_DEVICE),), evidence=shown)
        shapes = (case.world.shapes.at(code, duty.opens_at) for code in sorted(grids))
        ground = area_of(tuple(it.geometry for it in shapes if it is not None))
        doubts = [_doubts(it, window, settings.accuracy_m, ground) for it in case.tracked]
        if all(doubts):
            reasons = tuple(doubt for found in doubts[:DEVICES_KEPT] for doubt in found)
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=reasons, evidence=shown)
        away = [_elsewhere(it, window) for it, doubt in zip(case.tracked, doubts, strict=True) if not doubt]
        return Judgement(verdict=Verdict.MISSED, reasons=tuple(away[:DEVICES_KEPT]), evidence=shown)

    @override
    def alerts(self, group: Group) -> list[Intent]:
        return [intent for member in group.members for intent in self._told(group, member.duty)]

    def _told(self, group: Group, duty: Duty) -> list[Intent]:
        settings = group.settings.at(self.name, Settings, duty.opens_at)
        limit = length(duty.due_at - duty.opens_at)
        begins = f"{clock(duty.opens_at, group.world.zone)} shift"
        return told(
            duty,
            missed=f"{duty.unit} was in none of its grids within {limit} of its {begins}",
            doubtful=f"{duty.unit} began its {begins} within {limit}: not proven",
            severity=settings.severity,
            world=group.world,
        )

    def _settings(self, case: Case) -> Settings:
        return case.settings.at(self.name, Settings, case.duty.opens_at)


def _grids(world: World, unit: str, routes: Iterable[str], at: datetime) -> set[str]:
    """The grids that a unit's posts answer for, and those of some routes, with all below them."""
    found = world.grids_of_unit(unit, at)
    for code in routes:
        route = world.routes.at(code, at)
        points = [world.checkpoints.at(point, at) for point in (route.checkpoints if route else ())]
        its = {point.grid for point in points if point and point.grid}
        whole = world.grids.at(world.common_grid(its, at), at)
        found |= {whole.code} if whole and whole.parent else its  # the whole territory would say nothing
    return {code for grid in found for code in world.below(grid, at)}


def _usable(it: Tracked, accuracy_m: float) -> tuple[Fix, ...]:
    return tuple(fix for fix in it.credible if fix.accuracy_m is None or fix.accuracy_m <= accuracy_m)


def _first(tracked: Iterable[Tracked], grids: set[str], span: Span, accuracy_m: float) -> tuple[Tracked, Fix] | None:
    """The earliest fix in one of the grids, and whose it is."""
    seen = [
        (fix.time, it.device, it, fix)
        for it in tracked
        for fix in within(_usable(it, accuracy_m), span)
        if fix.grid in grids
    ]
    return min(seen, key=lambda it: it[:2])[2:] if seen else None


def _began(it: Tracked, fix: Fix, window: Span, shown: dict[str, Any]) -> Judgement:
    reasons = [reason(Why.IN_GRID, device=it.device, grid=fix.grid, at=fix.time, accuracy_m=fix.accuracy_m)]
    late_s = (fix.time - window.end).total_seconds()
    if late_s > 0:
        reasons.append(reason(Why.LATE_BY, late_s=late_s))
    shown["devices"] = [_device(it, window, fix)]
    verdict = Verdict.LATE if late_s > 0 else Verdict.MET
    return Judgement(verdict=verdict, reasons=tuple(reasons), met_at=fix.time, evidence=shown)


def _doubts(it: Tracked, window: Span, accuracy_m: float, ground: Area) -> list[Reason]:
    """Why this device does not show that the unit was elsewhere all the time."""
    found: list[Reason] = []
    if not it.held_throughout(window):
        found.append(reason(Why.CUSTODY, device=it.device))
    if not heard(it.credible, span=window, pace=it.pace):
        return [*found, reason(Why.SILENT_DEVICE, device=it.device)]
    coarse = [fix for fix in within(it.credible, window) if (fix.accuracy_m or 0.0) > accuracy_m]
    if coarse:
        worst = max(fix.accuracy_m or 0.0 for fix in coarse)
        found.append(reason(Why.ACCURACY, device=it.device, accuracy_m=worst, radius_m=accuracy_m))
    elif near := _at_the_border(it, window, ground):
        beyond_m = ground.beyond_m(near.lat, near.lon)
        found.append(reason(Why.BORDER, device=it.device, beyond_m=beyond_m, accuracy_m=near.accuracy_m, at=near.time))
    if jumps := within(it.track.jumps, window):
        found.append(reason(Why.JUMP, device=it.device, at=jumps[0].time))
    times = [fix.time for fix in it.credible]
    before = max((at for at in times if at < window.start), default=window.start)
    after = min((at for at in times if at > window.end), default=window.end)
    moments = [before, *(at for at in times if at in window), after]
    gaps = [(b - a, max(a, window.start), min(b, window.end)) for a, b in pairwise(moments) if b - a > it.pace.max_gap]
    longest = sorted(gaps, key=lambda it: (-it[0], it[1]))[:_HOLES_KEPT]
    return found + [
        reason(Why.HOLE, device=it.device, start=a, end=b, gap_s=gap.total_seconds()) for gap, a, b in longest
    ]


def _at_the_border(it: Tracked, window: Span, ground: Area) -> Fix | None:
    """The first fix that may lie in the grids, given how inaccurate it is: an outer street belongs to both sides."""
    fixes = within(it.credible, window) if ground.known else ()
    return next((fix for fix in fixes if ground.beyond_m(fix.lat, fix.lon) <= (fix.accuracy_m or 0.0)), None)


def _elsewhere(it: Tracked, window: Span) -> Reason:
    fixes = within(it.credible, window)
    last = fixes[-1] if fixes else None
    return reason(
        Why.NOT_IN_GRID,
        device=it.device,
        fixes=len(fixes),
        grid=last.grid if last else None,
        at=last.time if last else None,
    )


def _device(it: Tracked, window: Span, proof: Fix | None = None) -> dict[str, Any]:
    fixes = within(it.credible, window)
    kept = {*fixes[:1], *fixes[-1:], *((proof,) if proof else ())}
    return {
        "device": it.device,
        "holder": it.holder,
        "fixes_in_window": len(fixes),
        "fixes": [
            {
                "time": instant(fix.time),
                "lat": fix.lat,
                "lon": fix.lon,
                "accuracy_m": fix.accuracy_m,
                "grid": fix.grid,
                "flags": fix.flags,
            }
            for fix in sorted(kept, key=lambda fix: (fix.time, fix.digest))
        ],
    }


rule: Rule = FirstPatrol()
