"""Fire equipment is due, or overdue, for service or for scrap.

To the officer: these extinguishers must be serviced or replaced; each has a ticket, and a community whose items are
overdue has one alert that counts them.

Fires a ticket for each item 30 days ahead of the day, and from that day on the community's alert, which names the
items. Items without a readable month of manufacture count as overdue for scrap at once.

Resolves for an item when a newer service month or a replacement is recorded or the item is retired: its ticket closes.
The alert follows the count and resolves when no item of the community is overdue; it cannot be closed by hand.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Clear, Intent, Raise, Reason, Severity
from rules.core.duties import Duty, Judgement, Verdict
from rules.core.equipment import Item
from rules.core.lifetimes import LIVES, Life, next_due
from rules.core.reasons import Why, reason
from rules.core.world import World
from rules.facts import Case, Group, Planning
from rules.replies import CloseTicket, Effect, Need, OpenTicket, Planned
from rules.rule import DutyRule, Rule, RuleSettings, Subject

_UNREADABLE = "unreadable"
_FOR_EVER = timedelta(days=20 * 365)  # an item stays overdue until somebody does something about it
_NAMED = 20  # items that an alert names; the tickets name all


class Years(RuleSettings):
    """Other limits for one kind."""

    first_service_y: int | None = Field(None, ge=1, le=50, description="years to the first service, null for none")
    next_service_y: int | None = Field(None, ge=1, le=50, description="years between later services, null for none")
    scrap_y: int | None = Field(None, ge=1, le=50, description="years to scrap, null for never")


class Settings(RuleSettings):
    """What can be set."""

    notice_days: int = Field(
        30,
        ge=0,
        le=365,
        description="days ahead that the ticket opens: a quarter may be away at once, so work in turns",
    )
    years: dict[str, Years] = Field(
        default_factory=dict, description="limits by kind that replace those of GB 50444-2008 and XF 95-2015"
    )
    overdue_severity: Severity = Field(Severity.WARNING, description="of the alert while only services are overdue")
    scrap_severity: Severity = Field(Severity.HIGH, description="of the alert when an item is past its scrap date")


class EquipmentExpiry(DutyRule):
    """One duty for each item and what it needs next."""

    name: ClassVar[str] = "equipment_expiry"
    title: ClassVar[str] = "Fire equipment due"
    settings: ClassVar[type[RuleSettings]] = Settings
    subject: ClassVar[Subject] = "equipment"
    shares: ClassVar[Literal["round", "community", "nothing"]] = "community"
    follows_world: ClassVar[bool] = True

    @override
    def plan(self, planning: Planning) -> list[Planned]:
        settings = planning.settings.at(self.name, Settings, planning.now)
        planned = []
        for item in planning.world.items.all_at(planning.now):
            wanted = _wanted(item, settings, _today(planning.now, planning.world))
            if wanted is None:
                continue
            work, on = wanted
            due_at = (
                _midnight(on, planning.world.zone)
                if on
                else _midnight(_today(planning.now, planning.world), planning.world.zone)
            )
            opens_at = due_at - timedelta(days=settings.notice_days if on else 0)
            duty = Duty(
                rule=self.name,
                key=_key(item, work, on),
                subject=item.code,
                grid=item.grid,
                opens_at=opens_at,
                due_at=due_at,
                settles_at=due_at,
                final_at=due_at + _FOR_EVER,
                judge_at=opens_at,
                context={
                    "work": work,
                    "kind": item.kind,
                    "manufactured": item.manufactured.isoformat() if item.manufactured else None,
                    "last_service": item.last_service.isoformat() if item.last_service else None,
                },
            )
            planned.append(Planned(duty=duty))
        return planned

    @override
    def need(self, case: Case) -> Need | None:
        return None

    @override
    def judge(self, case: Case, *, now: datetime) -> Judgement:
        duty, item = case.duty, case.world.items.at(case.duty.subject, now)
        if item is None:
            versions = case.world.items.of(duty.subject)
            gone_at = max((it.valid_to for it in versions if it.valid_to and it.valid_to <= now), default=now)
            return _done(duty, gone_at, reason(Why.RETIRED, at=gone_at))
        wanted = _wanted(item, case.settings.at(self.name, Settings, now), _today(now, case.world))
        if wanted and _key(item, *wanted) == duty.key:
            why = Why.NO_MANUFACTURE_MONTH if wanted[1] is None else Why.OVERDUE
            said = reason(why, work=duty.context.get("work"), due_on=wanted[1].isoformat() if wanted[1] else None)
            return Judgement(
                verdict=Verdict.MISSED,
                reasons=(said,),
                look_again_at=duty.due_at if now < duty.due_at else duty.final_at,
            )
        served = _newer(item.last_service, duty.context.get("last_service"))
        replaced = _newer(item.manufactured, duty.context.get("manufactured"))
        if done_on := (item.last_service if served else item.manufactured if replaced else None):
            return _done(duty, _midnight(done_on, case.world.zone), reason(Why.SERVED, on=done_on.isoformat()))
        return Judgement(
            verdict=Verdict.WAIVED,
            reasons=(reason(Why.SUPERSEDED, by=" ".join(str(part) for part in wanted or ()) or "nothing"),),
            done=True,
        )

    @override
    def effects(self, duty: Duty, case: Case, *, now: datetime) -> list[Effect]:
        if duty.verdict in (Verdict.MET, Verdict.LATE, Verdict.WAIVED):
            why = str(duty.reasons[0]["reason"]) if duty.reasons else str(duty.verdict)
            return [CloseTicket(fingerprint=duty.key, resolution=why)]
        if now < duty.opens_at:
            return []
        item = case.world.items.at(duty.subject, now)
        name = f"{item.name} ({item.code})" if item else duty.subject
        work = duty.context.get("work")
        on = duty.due_at.astimezone(ZoneInfo(case.world.zone)).date()
        if work == "service":
            return [self._ticket(duty, item, "repair", f"Service {name} by {on}")]
        if work == "scrap":
            return [self._ticket(duty, item, "replace", f"Scrap and replace {name} by {on}")]
        return [self._ticket(duty, item, "replace", f"Scrap and replace {name}: no readable month of manufacture")]

    @override
    def alerts(self, group: Group) -> list[Intent]:
        overdue = [it.duty for it in group.members if it.duty.verdict is Verdict.MISSED]
        fingerprint = f"{self.name}:{group.key}"
        if not overdue:
            return [Clear(fingerprint=fingerprint, note="no item is overdue any more")]
        overdue.sort(key=lambda it: (it.due_at, it.subject))
        scrap = sum(it.context.get("work") != "service" for it in overdue)
        settings = group.settings.at(self.name, Settings, group.now)
        where = group.world.name_of_grid(group.key, group.now)
        count = f"{len(overdue)} item{'s' if len(overdue) > 1 else ''} of fire equipment overdue in {where}"
        reasons: list[Reason] = [reason(Why.OVERDUE, items=len(overdue), service=len(overdue) - scrap, scrap=scrap)]
        reasons += [_named(it, group.world) for it in overdue[:_NAMED]]
        return [
            Raise(
                fingerprint=fingerprint,
                rule=self.name,
                subject=group.key,
                class_="overdue",
                severity=settings.scrap_severity if scrap else settings.overdue_severity,
                title=f"{count}, {scrap} of them to be scrapped" if scrap else count,
                reasons=tuple(reasons),
                grid=group.key if group.world.grids.at(group.key, group.now) else None,
                occurred_at=max(it.settles_at for it in overdue),
            )
        ]

    def _ticket(self, duty: Duty, item: Item | None, kind: Literal["repair", "replace"], title: str) -> OpenTicket:
        facts = [
            f"kind: {item.kind}" if item else "",
            f"manufactured: {item.manufactured:%Y-%m}" if item and item.manufactured else "",
            f"last service: {item.last_service:%Y-%m}" if item and item.last_service else "",
            f"place: {item.place}" if item and item.place else "",
        ]
        return OpenTicket(
            fingerprint=duty.key,
            kind=kind,
            title=title,
            text="\n".join(fact for fact in facts if fact),
            equipment=duty.subject,
            grid=duty.grid,
            due_at=duty.due_at,
        )


def _wanted(item: Item, settings: Settings, today: date) -> tuple[str, date | None] | None:
    """What the item needs next and when; no date when that is at once; None when nothing is known for its kind."""
    life = LIVES.get(item.kind)
    if other := settings.years.get(item.kind):
        life = Life(other.first_service_y, other.next_service_y, other.scrap_y, life.month_required if life else False)
    if life is None:
        return None
    if item.manufactured is None:
        return (_UNREADABLE, None) if life.month_required else None
    due = next_due(
        life,
        manufactured=item.manufactured,
        last_service=item.last_service,
        today=today,
        notice=timedelta(days=settings.notice_days),
    )
    return (due.work, due.on) if due else None


def _key(item: Item, work: str, on: date | None) -> str:
    return f"equipment_expiry/{item.code}/{work}" + (f"/{on.isoformat()}" if on else "")


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _today(now: datetime, world: World) -> date:
    return now.astimezone(ZoneInfo(world.zone)).date()


def _newer(now: date | None, then: str | None) -> bool:
    return now is not None and (then is None or now > date.fromisoformat(then))


def _done(duty: Duty, at: datetime, why: Reason) -> Judgement:
    verdict = Verdict.MET if at <= duty.due_at else Verdict.LATE
    return Judgement(verdict=verdict, reasons=(why,), met_at=at, done=True)


def _named(duty: Duty, world: World) -> Reason:
    on = duty.due_at.astimezone(ZoneInfo(world.zone)).date()
    return {"equipment": duty.subject, "work": duty.context.get("work"), "due_on": on.isoformat()}


rule: Rule = EquipmentExpiry()
