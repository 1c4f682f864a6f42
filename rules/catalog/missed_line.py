"""A line that must be walked was not walked, or not enough of it.

To the officer: this unit should have walked this line (必巡线) in this part of its shift, and walked too little of it,
or nobody can prove that it walked enough.

Fires when the window, the late limit and the settle time are over and the stored fixes cover less of the line than its
share: as *missed* when a device of the unit was in sight all the time, as *unproven* when each of them has holes long
enough to have walked the rest, is silent, or is too inaccurate for the corridor.

Resolves when late fixes cover the rest (the alert is withdrawn), or by an officer's hand.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from devices.geometry import distance_m
from rules.core.alerts import Intent, Reason, Severity
from rules.core.coverage import Gap, Piece, Stretch, Way, covered_m, gaps, joined, pieces, reached_at, unseen_m
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.fixes import MARGIN, Fix, Span, within
from rules.core.holes import Hole, heard
from rules.core.plans import Line
from rules.core.presence import Tracked
from rules.core.reasons import Why, instant, reason
from rules.core.rounds import watches
from rules.core.settling import settle_time
from rules.core.telling import graded, told
from rules.core.testimony import DEVICES_KEPT
from rules.core.words import clock
from rules.facts import Case, Group, Planning
from rules.replies import Need, Planned
from rules.rule import DutyRule, Rule, RuleSettings, Subject

_STRETCHES_KEPT = 60  # in evidence; a walk seldom has more than ten
_HOLES_KEPT = 3


class Settings(RuleSettings):
    """What can be set."""

    late_s: float = Field(300, ge=0, le=7200, description="seconds after its window in which the rest may be walked")
    settle_s: float | None = Field(
        None, ge=0, le=3600, description="seconds to wait for data; unset: two report intervals of the slowest device"
    )
    severity_by_grade: dict[int, Severity] = Field(
        default={1: Severity.WARNING, 2: Severity.WARNING, 3: Severity.HIGH, 4: Severity.CRITICAL},
        description="severity of a missed line by the grade of its grid; a grid without grade counts as 1",
    )


class MissedLine(DutyRule):
    """One duty for each line plan, shift and time in it."""

    name: ClassVar[str] = "missed_line"
    title: ClassVar[str] = "Missed line"
    settings: ClassVar[type[RuleSettings]] = Settings
    subject: ClassVar[Subject] = "line"
    replans: ClassVar[bool] = True

    @override
    def plan(self, planning: Planning) -> list[Planned]:
        world, planned = planning.world, {}
        shifts = {it.shift for it in world.line_plans}
        walking = {(it.unit, it.code) for it in world.shifts}
        for watch in watches(world, since=planning.since, until=planning.until):
            if watch.shift.code not in shifts:
                continue
            for plan in world.line_plans.all_at(watch.starts_at):
                line = world.lines.at(plan.line, watch.starts_at)
                if plan.shift != watch.shift.code or line is None:
                    continue
                if watch.shift.unit != plan.unit and (plan.unit, plan.shift) in walking:
                    continue  # another unit's days and hours of the same shift: this one has its own, or rests
                part = (watch.ends_at - watch.starts_at) / plan.times
                for number in range(plan.times):
                    window = Span(watch.starts_at + part * number, watch.starts_at + part * (number + 1))
                    key = f"{self.name}/{plan.code}/{plan.line}/{plan.unit}/{watch.day.isoformat()}/{number + 1}"
                    if planning.since < window.end and window.start < planning.until:
                        planned[key] = Planned(duty=self._duty(planning, key, line, plan.unit, window))
        return list(planned.values())

    def _duty(self, planning: Planning, key: str, line: Line, unit: str, window: Span) -> Duty:
        settings = planning.settings.at(self.name, Settings, window.start)
        settle = settle_time(planning.world, unit, window, set_s=settings.settle_s)
        settles_at = window.end + timedelta(seconds=settings.late_s) + settle
        return Duty(
            rule=self.name,
            key=key,
            subject=line.code,
            unit=unit,
            grid=line.grid,
            opens_at=window.start,
            due_at=window.end,
            settles_at=settles_at,
            final_at=max(settles_at, window.end + planning.backfill),
            judge_at=settles_at,
            context={"line": line.name},
        )

    @override
    def need(self, case: Case) -> Need:
        held = self._span(case)
        return Need(unit=case.duty.unit, held=held, span=held.widened(before=MARGIN, after=MARGIN))

    @override
    def judge(self, case: Case, *, now: datetime) -> Judgement:
        duty = case.duty
        line = case.world.lines.at(duty.subject, duty.opens_at)
        if line is None or len(line.points) < 2:
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=(reason(Why.NO_PLACE, line=duty.subject),))
        walk = _Walk(line, self._span(case), case.tracked)
        need_m = line.share * walk.way.length_m
        reached = reached_at(walk.found, need_m) if walk.covered_m >= need_m else None
        if reached is not None:
            late_s = (reached - duty.due_at).total_seconds()
            late = [reason(Why.LATE_BY, late_s=late_s)] if late_s > 0 else []
            return Judgement(
                verdict=Verdict.LATE if late else Verdict.MET,
                reasons=(walk.said, *late),
                met_at=reached,
                evidence=walk.evidence(),
            )
        reasons = [walk.said, *walk.longest_gap()]
        if doubts := walk.doubts(need_m):
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=(*reasons, *doubts), evidence=walk.evidence())
        return Judgement(verdict=Verdict.MISSED, reasons=tuple(reasons), evidence=walk.evidence())

    @override
    def alerts(self, group: Group) -> list[Intent]:
        return [intent for member in group.members for intent in self._told(group, member.duty)]

    def _told(self, group: Group, duty: Duty) -> list[Intent]:
        world = group.world
        line = world.lines.at(duty.subject, duty.opens_at)
        settings = group.settings.at(self.name, Settings, duty.opens_at)
        where = f"{line.name} ({duty.subject})" if line else duty.subject
        when = f"{clock(duty.opens_at, world.zone)}-{clock(duty.due_at, world.zone)}"
        walked = next((it["covered_pct"] for it in duty.reasons if it["reason"] == Why.COVERED), 0)
        lat, lon = line.points[len(line.points) // 2] if line and line.points else (None, None)
        return told(
            duty,
            missed=f"{duty.unit} walked {walked:g} % of {where}, {when}",
            doubtful=f"{duty.unit} on {where}, {when}: {walked:g} % is proven",
            severity=graded(settings.severity_by_grade, world, duty.grid, duty.opens_at),
            world=world,
            lat=lat,
            lon=lon,
        )

    def _span(self, case: Case) -> Span:
        settings = case.settings.at(self.name, Settings, case.duty.opens_at)
        return Span(case.duty.opens_at, case.duty.due_at + timedelta(seconds=settings.late_s))


class _Walk:
    """What all devices of the unit show about a line; they walk as one, so what any of them covers counts."""

    def __init__(self, line: Line, span: Span, tracked: Sequence[Tracked]) -> None:
        self.line, self.span, self.tracked = line, span, tracked
        self.way = Way(line.points)
        self.found = [piece for it in tracked for piece in self._pieces(it, it.credible)]
        self.stretches: list[Stretch] = joined(self.found)
        self.covered_m = covered_m(self.stretches)
        self.left: list[Gap] = gaps(self.way, self.stretches)

    def _pieces(
        self, it: Tracked, fixes: tuple[Fix, ...], *, loose: bool = False, any_speed: bool = False
    ) -> list[Piece]:
        return pieces(
            self.way,
            fixes,
            device=it.device,
            span=self.span,
            pace=it.pace,
            corridor_m=self.line.corridor_m,
            loose=loose,
            any_speed=any_speed,
        )

    @property
    def said(self) -> Reason:
        """How much was walked, how much is asked for."""
        return reason(
            Why.COVERED,
            covered_pct=self._percent(self.covered_m),
            share_pct=100 * self.line.share,
            covered_m=self.covered_m,
            length_m=self.way.length_m,
        )

    def longest_gap(self) -> list[Reason]:
        """The longest part that nobody is known to have walked."""
        longest = max(self.left, key=lambda it: (it.length_m, -it.from_m), default=None)
        if longest is None:
            return []
        return [reason(Why.GAP, from_m=longest.from_m, to_m=longest.to_m, length_m=longest.length_m)]

    def doubts(self, need_m: float) -> list[Reason]:
        """Why nobody can say that it was not walked; empty when one device covers the window and rules it out."""
        if not self.tracked:
            return [reason(Why.NO_DEVICE)]
        its = [self._doubts_of(it, need_m) for it in self.tracked]
        return [] if not all(its) else [doubt for found in its[:DEVICES_KEPT] for doubt in found]

    def _doubts_of(self, it: Tracked, need_m: float) -> list[Reason]:
        found: list[Reason] = []
        if not it.held_throughout(self.span):
            found.append(reason(Why.CUSTODY, device=it.device))
        if not heard(it.credible, span=self.span, pace=it.pace):
            return [*found, reason(Why.SILENT_DEVICE, device=it.device)]
        open_m, holes = self._unseen(it)
        if self.covered_m + open_m >= need_m:
            longest = sorted(holes, key=lambda hole: (-hole.gap_s, hole.start))[:_HOLES_KEPT]
            found += [reason(Why.HOLE, device=it.device, start=h.start, end=h.end, gap_s=h.gap_s) for h in longest]
        if self._with(self._pieces(it, it.credible, loose=True)) >= need_m:
            worst = max((fix.accuracy_m or 0.0 for fix in within(it.credible, self.span)), default=0.0)
            found.append(reason(Why.ACCURACY, device=it.device, accuracy_m=worst, radius_m=self.line.corridor_m))
        if self._with(self._pieces(it, it.credible, any_speed=True)) >= need_m:
            found.append(reason(Why.TOO_FAST, device=it.device, speed_mps=_top_speed(it, self.span)))
        made_up = tuple(fix for fix in it.held if not fix.credible)
        if made_up and self._with(self._pieces(it, it.held)) >= need_m:
            found.append(reason(Why.MOCK, device=it.device, at=made_up[0].time))
        return found

    def _with(self, more: Sequence[Piece]) -> float:
        return covered_m(joined([*self.found, *more]))

    def _unseen(self, it: Tracked) -> tuple[float, list[Hole]]:
        """How many metres of the rest could have been walked out of sight, and in which holes."""
        fixes, total_m = it.credible, 0.0
        holes: list[Hole] = []
        for before, after in zip((None, *fixes), (*fixes, None), strict=True):
            start, end = before.time if before else self.span.start, after.time if after else self.span.end
            start, end = max(start, self.span.start), min(end, self.span.end)
            if end - start <= it.pace.max_gap:
                continue
            hole = Hole(start, end, before, after)
            walked_m = unseen_m(self.way, self.left, before, after, gap_s=hole.gap_s, pace=it.pace)
            if walked_m > 0:
                total_m += walked_m
                holes.append(hole)
        return total_m, holes

    def evidence(self) -> dict[str, Any]:
        """Copies of what it rests on: the line, the stretches that were walked, and the fixes at their ends."""
        return {
            "line": {
                "points": [list(it) for it in self.line.points],
                "corridor_m": self.line.corridor_m,
                "length_m": round(self.way.length_m, 1),
                "share_pct": round(100 * self.line.share, 1),
            },
            "window": [instant(self.span.start), instant(self.span.end)],
            "covered_pct": self._percent(self.covered_m),
            "covered": [_stretch(it) for it in self.stretches[:_STRETCHES_KEPT]],
            "uncovered": [[round(it.from_m, 1), round(it.to_m, 1)] for it in self.left[:_STRETCHES_KEPT]],
            "devices": [
                {"device": it.device, "holder": it.holder, "fixes_in_window": len(within(it.credible, self.span))}
                for it in self.tracked[:DEVICES_KEPT]
            ],
        }

    def _percent(self, metres: float) -> float:
        return round(100 * metres / self.way.length_m, 1) if self.way.length_m else 0.0


def _top_speed(it: Tracked, span: Span) -> float:
    """The fastest movement that would prove something if it could be believed: m/s."""
    pairs = [(a, b) for a, b in pairwise(within(it.credible, span)) if timedelta() < b.time - a.time <= it.pace.max_gap]
    return max(
        (distance_m(a.lat, a.lon, b.lat, b.lon) / (b.time - a.time).total_seconds() for a, b in pairs), default=0.0
    )


def _stretch(stretch: Stretch) -> dict[str, Any]:
    ends = {fix: piece.device for piece in (stretch.first, stretch.last) for fix in piece.fixes}
    return {
        "from_m": round(stretch.from_m, 1),
        "to_m": round(stretch.to_m, 1),
        "fixes": [
            {
                "device": device,
                "time": instant(fix.time),
                "lat": fix.lat,
                "lon": fix.lon,
                "accuracy_m": fix.accuracy_m,
            }
            for fix, device in sorted(ends.items(), key=lambda it: (it[0].time, it[1], it[0].digest))
        ],
    }


rule: Rule = MissedLine()
