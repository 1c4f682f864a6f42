"""A place that a unit must hold was not held.

To the officer: this unit should have been at this place from then to then (蹲点设卡), and was away for too long, or
nobody can prove that it was there.

Fires when the time and the settle time are over and the stored fixes show less presence than the post asks for: as
*missed* when the devices of the unit show it elsewhere, as *unproven* when what nobody could see would make up for the
rest. Names every absence that was longer than allowed.

Resolves when late fixes show the presence (the alert is withdrawn), or by an officer's hand.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Intent, Reason, Severity
from rules.core.attendance import Attendance, attendance, together
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.fixes import MARGIN, Fix, Span, within
from rules.core.holes import heard
from rules.core.periods import daily
from rules.core.places import Circle, Place, place_of
from rules.core.plans import StaticPost
from rules.core.presence import Tracked
from rules.core.reasons import Why, instant, reason
from rules.core.settling import settle_time
from rules.core.telling import graded, told
from rules.core.testimony import DEVICES_KEPT
from rules.core.words import clock
from rules.facts import Case, Group, Planning
from rules.replies import Need, Planned
from rules.rule import DutyRule, Rule, RuleSettings, Subject

_NAMED = 5  # absences and holes that a verdict names, the longest


class Settings(RuleSettings):
    """What can be set."""

    absence_s: float = Field(
        600, ge=60, le=14_400, description="seconds of absence, more than a short errand, that a verdict names"
    )
    settle_s: float | None = Field(
        None, ge=0, le=3600, description="seconds to wait for data; unset: two report intervals of the slowest device"
    )
    severity_by_grade: dict[int, Severity] = Field(
        default={1: Severity.WARNING, 2: Severity.WARNING, 3: Severity.HIGH, 4: Severity.CRITICAL},
        description="severity of a post that was not held by the grade of its grid; a grid without grade counts as 1",
    )


class StaticPostHeld(DutyRule):
    """One duty for each static post and each day that it has."""

    name: ClassVar[str] = "static_post"
    title: ClassVar[str] = "Static post not held"
    settings: ClassVar[type[RuleSettings]] = Settings
    subject: ClassVar[Subject] = "area"
    replans: ClassVar[bool] = True

    @override
    def plan(self, planning: Planning) -> list[Planned]:
        planned = []
        for post in planning.world.static_posts:
            its = daily(
                post.days,
                post.starts,
                post.ends,
                since=planning.since,
                until=planning.until,
                zone=planning.world.zone,
            )
            for day, window in its:
                if post.holds(window.start):
                    key = f"{self.name}/{post.code}/{post.unit}/{day.isoformat()}"
                    planned.append(Planned(duty=self._duty(planning, key, post, window)))
        return planned

    def _duty(self, planning: Planning, key: str, post: StaticPost, window: Span) -> Duty:
        settings = planning.settings.at(self.name, Settings, window.start)
        settles_at = window.end + settle_time(planning.world, post.unit, window, set_s=settings.settle_s)
        return Duty(
            rule=self.name,
            key=key,
            subject=post.code,
            unit=post.unit,
            grid=post.grid,
            opens_at=window.start,
            due_at=window.end,
            settles_at=settles_at,
            final_at=max(settles_at, window.end + planning.backfill),
            judge_at=settles_at,
            context={"post": post.name},
        )

    @override
    def need(self, case: Case) -> Need:
        held = Span(case.duty.opens_at, case.duty.due_at)
        return Need(unit=case.duty.unit, held=held, span=held.widened(before=MARGIN, after=MARGIN))

    @override
    def judge(self, case: Case, *, now: datetime) -> Judgement:
        duty = case.duty
        post = case.world.static_posts.at(duty.subject, duty.opens_at)
        if post is None:
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=(reason(Why.NO_PLACE, post=duty.subject),))
        settings = case.settings.at(self.name, Settings, duty.opens_at)
        place, span = place_of(post), Span(duty.opens_at, duty.due_at)
        its = [attendance(it.credible, place, span=span, pace=it.pace) for it in case.tracked]
        all_of_it = together(span, its)
        whole_s = (span.end - span.start).total_seconds()
        need_s = post.share * whole_s
        reasons = [_present(all_of_it, post, whole_s), *_absences(all_of_it, settings.absence_s)]
        shown = _evidence(place, post, all_of_it, case.tracked)
        # Half a second, because a share of a span is seldom a whole number of microseconds.
        if all_of_it.present_s >= need_s - 0.5:
            reached = all_of_it.reached_at(need_s - 0.5)
            return Judgement(verdict=Verdict.MET, reasons=tuple(reasons), met_at=reached, evidence=shown)
        if all_of_it.present_s + all_of_it.unknown_s >= need_s - 0.5:
            reasons += _doubts(case.tracked, all_of_it, place)
            return Judgement(verdict=Verdict.IN_DOUBT, reasons=tuple(reasons), evidence=shown)
        return Judgement(verdict=Verdict.MISSED, reasons=tuple(reasons), evidence=shown)

    @override
    def alerts(self, group: Group) -> list[Intent]:
        return [intent for member in group.members for intent in self._told(group, member.duty)]

    def _told(self, group: Group, duty: Duty) -> list[Intent]:
        world = group.world
        post = world.static_posts.at(duty.subject, duty.opens_at)
        settings = group.settings.at(self.name, Settings, duty.opens_at)
        where = f"{post.name} ({duty.subject})" if post else duty.subject
        when = f"{clock(duty.opens_at, world.zone)}-{clock(duty.due_at, world.zone)}"
        share = next((it["present_pct"] for it in duty.reasons if it["reason"] == Why.PRESENT_FOR), 0)
        return told(
            duty,
            missed=f"{duty.unit} held {where} for {share:g} % of {when}",
            doubtful=f"{duty.unit} at {where}, {when}: {share:g} % of the time is proven",
            severity=graded(settings.severity_by_grade, world, duty.grid, duty.opens_at),
            world=world,
            lat=post.lat if post else None,
            lon=post.lon if post else None,
        )


def _present(found: Attendance, post: StaticPost, whole_s: float) -> Reason:
    return reason(
        Why.PRESENT_FOR,
        present_pct=100 * found.present_s / whole_s,
        share_pct=100 * post.share,
        present_s=found.present_s,
        unknown_s=found.unknown_s,
    )


def _absences(found: Attendance, least_s: float) -> list[Reason]:
    return [
        reason(Why.ABSENT, start=it.start, end=it.end, gap_s=_length_s(it))
        for it in _longest(found.absent)
        if _length_s(it) > least_s
    ]


def _doubts(tracked: Sequence[Tracked], found: Attendance, place: Place) -> list[Reason]:
    if not tracked:
        return [reason(Why.NO_DEVICE)]
    reasons: list[Reason] = []
    for it in tracked[:DEVICES_KEPT]:
        if not heard(it.credible, span=found.span, pace=it.pace):
            reasons.append(reason(Why.SILENT_DEVICE, device=it.device))
        coarse = [fix.accuracy_m for fix in within(it.credible, found.span) if (fix.accuracy_m or 0) > place.breadth_m]
        if coarse:
            accuracy_m = min(accuracy for accuracy in coarse if accuracy is not None)
            reasons.append(reason(Why.ACCURACY, device=it.device, accuracy_m=accuracy_m, radius_m=place.breadth_m))
        made_up = next((fix for fix in within(it.held, found.span) if not fix.credible), None)
        if made_up:
            reasons.append(reason(Why.MOCK, device=it.device, at=made_up.time))
    names = ", ".join(it.device for it in tracked[:DEVICES_KEPT])
    holes = [
        reason(Why.HOLE, device=names, start=it.start, end=it.end, gap_s=_length_s(it))
        for it in _longest(found.unknown)
    ]
    return [*reasons, *holes]


def _longest(spans: Sequence[Span]) -> list[Span]:
    """The few longest, in order of time."""
    chosen = sorted(spans, key=lambda it: (-_length_s(it), it.start))[:_NAMED]
    return sorted(chosen, key=lambda it: it.start)


def _length_s(span: Span) -> float:
    return (span.end - span.start).total_seconds()


def _evidence(place: Place, post: StaticPost, found: Attendance, tracked: Sequence[Tracked]) -> dict[str, Any]:
    return {
        "place": place.shown(),
        "window": [instant(found.span.start), instant(found.span.end)],
        "visit": None,
        "share_pct": round(100 * post.share, 1),
        "present": _instants(found.present),
        "absent": _instants(found.absent),
        "unknown": _instants(found.unknown),
        "devices": [_device(it, found, place) for it in tracked[:DEVICES_KEPT]],
    }


def _instants(spans: Sequence[Span]) -> list[list[str]]:
    return [[instant(it.start), instant(it.end)] for it in spans[:50]]


def _device(it: Tracked, found: Attendance, place: Place) -> dict[str, Any]:
    """The fixes at the ends of the longest spans of presence and absence."""
    fixes = within(it.credible, found.span)
    kept: set[Fix] = set(fixes[:1] + fixes[-1:])
    for span in (*_longest(found.present), *_longest(found.absent)):
        some = within(fixes, span)
        kept.update(some[:1] + some[-1:])
    return {
        "device": it.device,
        "holder": it.holder,
        "fixes_in_window": len(fixes),
        "holes": _instants(_longest(found.unknown)),
        "fixes": [_copy(fix, place) for fix in sorted(kept, key=lambda fix: (fix.time, fix.digest))],
    }


def _copy(fix: Fix, place: Place) -> dict[str, Any]:
    delay_s = None if fix.received_at is None else round((fix.received_at - fix.time).total_seconds(), 1)
    return {
        "time": instant(fix.time),
        "lat": fix.lat,
        "lon": fix.lon,
        "accuracy_m": fix.accuracy_m,
        "distance_m": round(Circle(place.lat, place.lon, 0.0).distance_m(fix), 1),
        "received_after_s": delay_s,
        "flags": fix.flags,
    }


rule: Rule = StaticPostHeld()
