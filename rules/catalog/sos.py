"""Somebody pressed SOS, or a man-down sensor went off.

To the officer: someone needs help now; who carries the device, where it was, and how old that place is.

Fires at once for every press of `sos` or `man_down`, whatever the device's clock says. Pressed again while the alert is
open adds a line to its history, not a second alert; pressed again two minutes or more after an officer acknowledged it
opens that alert again.

Resolves by an officer's hand only. A release is noted in the history and closes nothing: whoever took the device may
have pressed it too.
"""

from datetime import timedelta
from typing import ClassVar

from typing_extensions import override

from devices.plausibility import Flag
from rules.core.alerts import Intent, Note, Raise, Severity
from rules.core.reasons import Why, reason
from rules.core.words import clock, length
from rules.core.world import World
from rules.facts import SignalReading
from rules.rule import ReadingRule, Rule, RuleSettings
from rules.settings import SettingsBook

_SAID = {"sos": "SOS", "man_down": "Man down"}
_STALE = timedelta(minutes=2)  # a press or a place older than this is said to be old


class Settings(RuleSettings):
    """Nothing can be set: a call for help is never tuned away."""


class Sos(ReadingRule):
    """Buttons that call for help."""

    name: ClassVar[str] = "sos"
    title: ClassVar[str] = "SOS"
    settings: ClassVar[type[RuleSettings]] = Settings
    # Pressed again soon after an officer closed it: the same call.
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=10)

    @override
    def signals(self, reading: SignalReading, *, world: World, settings: SettingsBook) -> list[Intent]:
        button = reading.body.get("button")
        if button not in _SAID:
            return []
        fingerprint = f"{self.name}:{reading.device.name}"
        at = clock(reading.time, world.zone)
        if not reading.body.get("pressed"):
            return [Note(fingerprint=fingerprint, event="released", note=f"{button} released at {at}", key=reading.key)]
        held = world.holder_at(reading.device.number, reading.time)
        unit = world.unit_of(held, reading.time)
        holder = held.code if held else None
        carried = f" ({', '.join(part for part in (holder, unit) if part)})" if holder else ""
        return [
            Raise(
                fingerprint=fingerprint,
                rule=self.name,
                subject=reading.device.name,
                class_=str(button),
                severity=Severity.CRITICAL,
                title=f"{_SAID[str(button)]}: {reading.device.name}{carried}",
                reasons=(
                    reason(
                        Why.PRESSED,
                        button=button,
                        device=reading.device.name,
                        holder=holder,
                        at=reading.time,
                        place_age_s=reading.place_age_s,
                        clock="time of receipt" if reading.flags & Flag.RECEIPT_TIME else None,
                    ),
                ),
                grid=reading.grid,
                unit=unit,
                device=reading.device.name,
                lat=reading.lat,
                lon=reading.lon,
                occurred_at=max(reading.time, reading.received_at),
                key=reading.key,
                note=self._note(reading, str(button), at),
            )
        ]

    def _note(self, reading: SignalReading, button: str, at: str) -> str:
        said = [f"{button} pressed at {at}"]
        late = reading.received_at - reading.time
        if reading.flags & Flag.RECEIPT_TIME:
            said.append("the device's own time could not be used, this is the time of receipt")
        elif late > _STALE:
            said.append(f"received {length(late)} later")
        if reading.lat is None:
            said.append("no position known")
        elif reading.place_age_s is not None and reading.place_age_s > _STALE.total_seconds():
            said.append(f"the position is {length(timedelta(seconds=reading.place_age_s))} older")
        return "; ".join(said)


rule: Rule = Sos()
