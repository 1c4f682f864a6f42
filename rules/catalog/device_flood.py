"""A device says more than its allowance.

To the officer: this device floods; nothing of it is lost, but the excess waits in quarantine and is not on the map.

Fires when a device has emptied its bucket (`ingest.allowance_burst`, refilled by `ingest.allowance_per_s`), and says
how many readings were set aside since when.

Resolves when it has kept to its allowance for ten minutes; `gengfu quarantine replay --reason rate` then takes in what
was set aside. It cannot be closed by hand.
"""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Clear, Intent, Raise, Severity
from rules.core.reasons import Why, reason
from rules.core.service import Excess
from rules.core.words import clock
from rules.facts import ServiceState
from rules.rule import Rule, RuleSettings, ServiceRule


class Settings(RuleSettings):
    """What can be set."""

    severity: Severity = Field(Severity.WARNING, description="of the alert: a broken device, not a person in need")


class DeviceFlood(ServiceRule):
    """Devices beyond their allowance."""

    name: ClassVar[str] = "device_flood"
    title: ClassVar[str] = "Device floods"
    settings: ClassVar[type[RuleSettings]] = Settings
    every_s: ClassVar[float] = 15.0
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=30)

    @override
    def look(self, state: ServiceState) -> list[Intent]:
        settings = state.settings.at(self.name, Settings, state.now)
        raised = [self._flood(state, settings, it) for it in state.excesses if it.device in state.world.device]
        quiet = sorted(state.live - {it.fingerprint for it in raised})
        note = "it has kept to its allowance for 10 min; what was set aside can be replayed"
        return [*raised, *(Clear(fingerprint=it, note=note) for it in quiet)]

    def _flood(self, state: ServiceState, settings: Settings, excess: Excess) -> Raise:
        name = state.world.device[excess.device].name
        held = state.world.holder_at(excess.device, state.now)
        return Raise(
            fingerprint=f"{self.name}:{name}",
            rule=self.name,
            subject=name,
            class_="flood",
            severity=settings.severity,
            title=f"{name} floods: {excess.readings} readings set aside since {clock(excess.since, state.world.zone)}",
            reasons=(
                reason(
                    Why.OVER_ALLOWANCE,
                    device=name,
                    holder=held.code if held else None,
                    readings=excess.readings,
                    since_at=excess.since,
                ),
            ),
            unit=state.world.unit_of(held, state.now),
            device=name,
            occurred_at=excess.since,
        )


rule: Rule = DeviceFlood()
