"""A grid was not visited in its week, month or quarter.

To the officer: a post of this role should have been in this grid, which it answers for, on so many days of the period
for so long (走访), and was not, or nobody can prove it. The devices that the posts carry themselves prove a visit, or a
tag of the grid that they read. A post answers for the grid that its record names, and as A or B for the grids that name
it; where a grid has no such post, those of the grids above it answer, else those of the grids below. A visit by any of
them counts.

Fires once some days before the period ends, as *due soon*, when visits are still to come; and when the period and the
settle time are over: as *missed* when a device was in sight through the working time and not long enough in the grid,
as *unproven* when each had a hole long enough for a visit, or nobody held one.

Resolves when the visits are proven, or by an officer's hand.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from devices.identity import KINDS
from rules.core.alerts import Clear, Intent, Raise, Reason, Severity
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.fixes import Span
from rules.core.periods import Period, daily, local_day, periods
from rules.core.plans import VisitPlan
from rules.core.reasons import Why, instant, reason
from rules.core.stays import HeldBy, LongView, Stay, proven_days, silences
from rules.core.telling import fingerprint, told
from rules.core.world import World
from rules.facts import Case, Group, Planning
from rules.replies import LongNeed, Need, Planned
from rules.rule import DutyRule, Rule, RuleSettings, Subject

DUE_SOON = "due_soon"
_LOOKS = timedelta(hours=6)  # a visit need not be known at once; the hours that tell of it are rolled up by then
_WORKING_DAYS = frozenset(range(5))
_HOLES_KEPT = 3
_STAYS_KEPT = 40
_UNKNOWN_INTERVAL_S = 60.0


class Settings(RuleSettings):
    """What can be set."""

    notice_days: dict[str, float] = Field(
        default={"week": 2, "month": 5, "quarter": 14},
        description="days before the end of a period that visits still to come are told, once; 0 tells nothing",
    )
    settle_s: float = Field(3600, ge=0, le=86_400, description="seconds to wait for data after the period: an outbox")
    max_gap_s: float = Field(
        300, ge=30, le=3600, description="seconds between two fixes in the grid that still count as having stayed there"
    )
    accuracy_m: float = Field(
        100, gt=0, le=1000, description="metres; a less accurate fix does not tell one grid from the next"
    )
    from_hour: int = Field(
        9,
        ge=0,
        le=23,
        description="local hour from which a post without shifts should be in sight, Monday to Friday",
    )
    to_hour: int = Field(17, ge=1, le=24, description="local hour until which it should be in sight")
    notice_severity: Severity = Field(Severity.INFO, description="of an alert that visits are due soon")
    severity: Severity = Field(Severity.WARNING, description="of an alert that visits were missed")


class MissedVisit(DutyRule):
    """One duty for each visit plan, grid and period."""

    name: ClassVar[str] = "missed_visit"
    title: ClassVar[str] = "Missed grid visit"
    settings: ClassVar[type[RuleSettings]] = Settings
    subject: ClassVar[Subject] = "grid"
    replans: ClassVar[bool] = True

    @override
    def plan(self, planning: Planning) -> list[Planned]:
        planned = []
        for plan in planning.world.visit_plans:
            its = periods(plan.every, since=planning.since, until=planning.until, zone=planning.world.zone)
            for period in its:
                if plan.holds(period.starts_at):
                    planned += self._of_period(planning, plan, period)
        return planned

    def _of_period(self, planning: Planning, plan: VisitPlan, period: Period) -> list[Planned]:
        world = planning.world
        settings = planning.settings.at(self.name, Settings, period.starts_at)
        settles_at = period.ends_at + timedelta(seconds=settings.settle_s)
        duties = []
        for grid, posts in answering(world, plan, period.starts_at).items():
            units = {post.unit for code in posts if (post := world.posts.at(code, period.starts_at)) and post.unit}
            duty = Duty(
                rule=self.name,
                key=f"{self.name}/{plan.code}/{grid}/{period.name}",
                subject=grid,
                unit=min(units) if len(units) == 1 else None,
                grid=grid,
                opens_at=period.starts_at,
                due_at=period.ends_at,
                settles_at=settles_at,
                final_at=max(settles_at, period.ends_at + planning.backfill),
                judge_at=min(settles_at, max(planning.now, period.starts_at) + _LOOKS),
                context={"plan": plan.code, "posts": posts},
            )
            duties.append(Planned(duty=duty))
        return duties

    @override
    def need(self, case: Case) -> Need | None:
        return None

    @override
    def long_need(self, case: Case) -> LongNeed | None:
        plan, settings = _plan(case), self._settings(case)
        if plan is None:
            return None
        world, duty = case.world, case.duty
        return LongNeed(
            posts=tuple(world.answering(duty.subject, plan.role, duty.opens_at)),
            grids=world.below(duty.subject, duty.opens_at),
            span=Span(duty.opens_at, duty.due_at),
            dwell_s=plan.dwell_s,
            days=plan.times,
            max_gap_s=settings.max_gap_s,
            accuracy_m=settings.accuracy_m,
        )

    @override
    def judge(self, case: Case, *, now: datetime) -> Judgement:
        plan, view = _plan(case), case.long
        if plan is None or view is None:
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=(reason(Why.NO_PLACE, grid=case.duty.subject),))
        proven = proven_days(view.stays, plan.dwell_s)
        said = reason(Why.VISITS, days=len(proven), wanted=plan.times, dwell_s=plan.dwell_s)
        visits = [_visit(it) for it in list(proven.values())[: plan.times]]
        shown = _evidence(case, plan, view)
        if len(proven) >= plan.times:
            last = list(proven.values())[plan.times - 1]
            met_at = last.first_at if last.tag else last.first_at + timedelta(seconds=plan.dwell_s)
            reasons = (said, *visits)
            return Judgement(verdict=Verdict.MET, reasons=reasons, met_at=min(met_at, last.last_at), evidence=shown)
        again = self._looks_at(case, now)
        reasons = (said, *visits, *_best(view, plan))
        if doubts := self._doubts(case, plan, view):
            why = (*reasons, *doubts)
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=why, evidence=shown, look_again_at=again)
        return Judgement(verdict=Verdict.MISSED, reasons=reasons, evidence=shown, look_again_at=again)

    def _looks_at(self, case: Case, now: datetime) -> datetime | None:
        """The next look while the period runs: now and then, and when it is time to say that visits are due."""
        duty = case.duty
        if now >= duty.settles_at:
            return None
        notice_at = self._notice_at(duty, _plan(case), self._settings(case))
        looks = (notice_at, duty.due_at, duty.settles_at)  # at the end, so that a visit of the last day is no late news
        return min([max(now, duty.opens_at) + _LOOKS, *(it for it in looks if it is not None and now < it)])

    def _doubts(self, case: Case, plan: VisitPlan, view: LongView) -> list[Reason]:
        """Why nobody can say that the grid was not visited; empty when all who were seen at all are ruled out.

        A visit by any of them counts, so one who was in sight elsewhere says nothing of another one's hole.
        """
        span, settings = Span(case.duty.opens_at, case.duty.due_at), self._settings(case)
        posts = case.world.answering(case.duty.subject, plan.role, case.duty.opens_at)
        watches = _watches(case.world, posts, span, settings)
        if len({local_day(it.start, case.world.zone) for its in watches.values() for it in its}) < plan.times:
            unnamed = [it for post in posts for it, who in case.world.cover.over(post, span) if who is None]
            if unnamed:
                return [reason(Why.NOBODY_NAMED, unit=", ".join(posts), start=it.start, end=it.end) for it in unnamed]
        if not view.held:
            return [reason(Why.NO_DEVICE)]
        its: dict[str, list[list[Reason]]] = {}
        for it in view.held:
            if any(hour.device == it.device for hour in view.hours):
                its.setdefault(it.holder, []).append(self._doubts_of(it, watches.get(it.holder, []), plan, view))
        if not its:
            return [reason(Why.SILENT_DEVICE, device=it.device) for it in view.held]
        return [doubt for found in its.values() if all(found) for one in found for doubt in one]

    def _doubts_of(self, it: HeldBy, watch: Sequence[Span], plan: VisitPlan, view: LongView) -> list[Reason]:
        found: list[Reason] = []
        if any(not any(spell.start <= s.start and s.end <= spell.end for spell in it.spells) for s in watch):
            found.append(reason(Why.CUSTODY, device=it.device))
        kind = KINDS.get(it.kind)
        unseen = silences(
            view.hours,
            device=it.device,
            watch=watch,
            interval_s=kind.report_interval_s if kind else _UNKNOWN_INTERVAL_S,
            least_s=plan.dwell_s,
        )
        longest = sorted(unseen, key=lambda it: (it.start - it.end, it.start))[:_HOLES_KEPT]
        return found + [
            reason(
                Why.HOLE,
                device=it.device,
                start=hole.start,
                end=hole.end,
                gap_s=(hole.end - hole.start).total_seconds(),
            )
            for hole in longest
        ]

    @override
    def alerts(self, group: Group) -> list[Intent]:
        return [intent for member in group.members for intent in self._told(group, member.duty)]

    def _told(self, group: Group, duty: Duty) -> list[Intent]:
        world = group.world
        settings = group.settings.at(self.name, Settings, duty.opens_at)
        plan = world.visit_plans.at(duty.context.get("plan"), duty.opens_at)
        where = f"{world.name_of_grid(duty.subject, duty.opens_at)} ({duty.subject})"
        which = f"{plan.name if plan else duty.subject}, {_days(duty, world)}"
        if duty.verdict is None:
            notice_at = self._notice_at(duty, plan, settings)
            if notice_at is None or not notice_at <= group.now < duty.due_at:
                return []
            return [self._due_soon(duty, settings, f"{where} is still to be visited: {which}", notice_at)]
        if duty.verdict is Verdict.MET and (duty.met_at or duty.due_at) <= duty.due_at and group.now < duty.settles_at:
            return [Clear(fingerprint=fingerprint(duty), note="the grid was visited")]
        return told(
            duty,
            missed=f"{where} was not visited: {which}",
            doubtful=f"{where}, {which}: not proven",
            severity=settings.severity,
            world=world,
        )

    def _due_soon(self, duty: Duty, settings: Settings, title: str, since: datetime) -> Intent:
        return Raise(
            fingerprint=fingerprint(duty),
            rule=self.name,
            subject=duty.subject,
            class_=DUE_SOON,
            severity=settings.notice_severity,
            title=title,
            reasons=(reason(Why.NOT_YET, due_at=duty.due_at),),
            grid=duty.grid,
            unit=duty.unit,
            duty=duty.id,
            occurred_at=since,
        )

    def _notice_at(self, duty: Duty, plan: VisitPlan | None, settings: Settings) -> datetime | None:
        days = settings.notice_days.get(plan.every, 0.0) if plan else 0.0
        return max(duty.opens_at, duty.due_at - timedelta(days=days)) if days > 0 else None

    def _settings(self, case: Case) -> Settings:
        return case.settings.at(self.name, Settings, case.duty.opens_at)


def answering(world: World, plan: VisitPlan, at: datetime) -> dict[str, list[str]]:
    """Each grid of a plan's level with the posts of its role that answer for it; grids without any are left out."""
    grids = (it for it in world.grids.all_at(at) if it.level == plan.level and it.hierarchy == "patrol")
    found = {it.code: world.answering(it.code, plan.role, at) for it in grids}
    return {grid: found[grid] for grid in sorted(found) if found[grid]}


def _plan(case: Case) -> VisitPlan | None:
    return case.world.visit_plans.at(case.duty.context.get("plan"), case.duty.opens_at)


def _watches(world: World, posts: Sequence[str], span: Span, settings: Settings) -> dict[str, list[Span]]:
    """When the devices of each post that did the duty, or stood in for one that did, should report."""
    found: dict[str, list[Span]] = {}
    for who, parts in world.cover.doing(posts, span).items():
        hours = _in_sight(world, who, span, settings)
        found[who] = [both for it in hours for part in parts if (both := it.meets(part)) and both.start < both.end]
    return found


def _in_sight(world: World, post: str, span: Span, settings: Settings) -> list[Span]:
    """When a post's device should report: in the shifts of its unit, else in working hours."""
    its = world.posts.at(post, span.start)
    shifts = [it for it in world.shifts if its and its.unit and it.unit == its.unit]
    found: dict[Span, None] = {}
    for shift in shifts:
        for _, hours in daily(shift.days, shift.starts, shift.ends, since=span.start, until=span.end, zone=world.zone):
            if shift.holds(hours.start) and (common := hours.meets(span)):
                found[common] = None
    if not found:  # no shift at all, or none in this span: nobody is blamed for a time in which nobody looked
        starts, ends = time(settings.from_hour), time(settings.to_hour % 24)
        for _, hours in daily(_WORKING_DAYS, starts, ends, since=span.start, until=span.end, zone=world.zone):
            if common := hours.meets(span):
                found[common] = None
    return sorted(found, key=lambda it: it.start)


def _visit(stay: Stay) -> Reason:
    if stay.tag is not None:
        return reason(Why.SCANNED, device=stay.device, tag=stay.tag, at=stay.first_at)
    return reason(Why.DWELT, device=stay.device, day=stay.day.isoformat(), dwell_s=stay.dwell_s, at=stay.first_at)


def _best(view: LongView, plan: VisitPlan) -> list[Reason]:
    """The longest of the stays that were not long enough."""
    short = [it for it in view.stays if it.tag is None and it.dwell_s < plan.dwell_s]
    best = max(short, key=lambda it: (it.dwell_s, it.first_at), default=None)
    return [_visit(best)] if best else []


def _evidence(case: Case, plan: VisitPlan, view: LongView) -> dict[str, Any]:
    return {
        "grid": case.duty.subject,
        "posts": list(case.duty.context.get("posts", ())),
        "window": [instant(case.duty.opens_at), instant(case.duty.due_at)],
        "wanted": {"days": plan.times, "dwell_s": plan.dwell_s},
        "devices": [{"device": it.device, "holder": it.holder} for it in view.held],
        "stays": [_shown(it) for it in view.stays[:_STAYS_KEPT]],
    }


def _shown(stay: Stay) -> dict[str, Any]:
    return {
        "device": stay.device,
        "holder": stay.holder,
        "day": stay.day.isoformat(),
        "dwell_s": round(stay.dwell_s, 1),
        "tag": stay.tag,
        "first_at": instant(stay.first_at),
        "last_at": instant(stay.last_at),
        "fixes": [
            {"time": instant(it.time), "lat": it.lat, "lon": it.lon, "accuracy_m": it.accuracy_m} for it in stay.fixes
        ],
    }


def _days(duty: Duty, world: World) -> str:
    first = local_day(duty.opens_at, world.zone)
    last: date = local_day(duty.due_at, world.zone) - timedelta(days=1)
    return f"{first} to {last}"


rule: Rule = MissedVisit()
