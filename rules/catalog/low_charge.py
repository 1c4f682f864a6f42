"""An electric unit is about to go on its shift, or is on it, with too little charge.

To the officer: have it charged, or let the unit take another vehicle, before it stands still somewhere.

Fires when the newest charge that a device of an electric unit said is below the limit, from some time before a shift of
the unit to its end.

Resolves when the charge is well over the limit again, when it has grown old, or when the shift is over. It cannot be
closed by hand.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Clear, Intent, Raise, Severity
from rules.core.reasons import Why, reason
from rules.core.rounds import Watch, watches
from rules.core.words import clock, day_clock
from rules.facts import Sweep
from rules.rule import Rule, RuleSettings, SweepRule


class Settings(RuleSettings):
    """What can be set."""

    limit_pct: float = Field(30, ge=0, le=100, description="percent below which a shift is in danger")
    above_pct: float = Field(10, ge=0, le=100, description="percent over the limit at which it is well again")
    ahead_h: float = Field(2, ge=0, le=24, description="hours before a shift: long enough to charge")
    stale_h: float = Field(12, gt=0, le=168, description="hours after which a charge says nothing any more")
    severity: Severity = Field(Severity.WARNING, description="there is time to charge")


class LowCharge(SweepRule):
    """Electric units with little charge."""

    name: ClassVar[str] = "low_charge"
    title: ClassVar[str] = "Low charge"
    settings: ClassVar[type[RuleSettings]] = Settings
    keep_open: ClassVar[timedelta | None] = timedelta(hours=2)
    every_s: ClassVar[float] = 60.0

    @override
    def sweep(self, sweep: Sweep) -> list[Intent]:
        settings = sweep.settings.at(self.name, Settings, sweep.now)
        charges = dict(_charges(sweep, timedelta(hours=settings.stale_h)))
        until = sweep.now + timedelta(hours=settings.ahead_h)
        shifts = _next_shifts(sweep, set(charges), until)
        intents: list[Intent] = []
        for unit, (at, pct, device) in sorted(charges.items()):
            live = self._fingerprint(unit) in sweep.live
            limit = settings.limit_pct + (settings.above_pct if live else 0)
            if unit in shifts and pct < limit:
                intents.append(self._raise(sweep, settings, unit, shifts[unit], at, pct, device))
        raised = {it.fingerprint for it in intents}
        for fingerprint in sorted(sweep.live - raised):
            unit = fingerprint.removeprefix(f"{self.name}:")
            note = f"{unit} has {charges[unit][1]} % now" if unit in charges else f"nothing new of the charge of {unit}"
            over = note if unit in shifts or unit not in charges else f"{unit} is off duty"
            intents.append(Clear(fingerprint=fingerprint, note=over))
        return intents

    def _raise(
        self, sweep: Sweep, settings: Settings, unit: str, watch: Watch, at: datetime, pct: int, device: str
    ) -> Raise:
        zone = sweep.world.zone
        return Raise(
            fingerprint=self._fingerprint(unit),
            rule=self.name,
            subject=unit,
            class_="low_charge",
            severity=settings.severity,
            title=f"{unit} has {pct} % charge, shift {watch.shift.code} {day_clock(watch.starts_at, zone)}"
            f"-{clock(watch.ends_at, zone)}",
            reasons=(
                reason(
                    Why.LOW_CHARGE,
                    device=device,
                    charge_pct=pct,
                    limit_pct=settings.limit_pct,
                    charge_at=at,
                    shift=watch.shift.code,
                    start=watch.starts_at,
                    end=watch.ends_at,
                ),
            ),
            unit=unit,
            device=device,
            occurred_at=at,
        )

    def _fingerprint(self, unit: str) -> str:
        return f"{self.name}:{unit}"


def _charges(sweep: Sweep, stale: timedelta) -> Iterator[tuple[str, tuple[datetime, int, str]]]:
    """The newest charge of each electric unit, of the time before last first, so that a dict keeps the newest."""
    said = sorted(
        (it.charge_at, it.device.name, it.charge_pct, it.device.number)
        for it in sweep.heard
        if it.charge_at is not None and it.charge_pct is not None and sweep.now - it.charge_at <= stale
    )
    for at, device, pct, number in said:
        unit = sweep.world.unit_of(sweep.world.holder_at(number, sweep.now), sweep.now)
        if unit is not None and sweep.world.unit_kind(unit, sweep.now) == "electric":
            yield unit, (at, pct, device)


def _next_shifts(sweep: Sweep, units: set[str], until: datetime) -> dict[str, Watch]:
    """The shift of each unit that runs, or else begins first before then."""
    found: dict[str, Watch] = {}
    for watch in watches(sweep.world, since=sweep.now, until=until) if units else ():
        known = found.get(watch.shift.unit)
        if watch.shift.unit in units and (known is None or watch.starts_at < known.starts_at):
            found[watch.shift.unit] = watch
    return found


rule: Rule = LowCharge()
