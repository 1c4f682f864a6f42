"""The ledger does not add up.

To the officer: gengfu cannot account for some readings. Tell whoever looks after it; the screen may lack them.

Fires when the readings that a lane of an ingest worker received are not the sum of what was stored, repeated, ignored,
quarantined and withheld, or when the database has lost what it had confirmed (a restore, or a standby that took over
too early). Once for each difference, with the numbers.

Resolves when the sums add up again, or by an officer's hand: what a database has lost does not come back by itself, but
from the devices' outboxes, or not at all.
"""

from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Clear, Intent, Raise, Severity
from rules.core.reasons import Why, reason
from rules.core.service import Sums
from rules.facts import ServiceState
from rules.rule import Rule, RuleSettings, ServiceRule


class Settings(RuleSettings):
    """What can be set."""

    severity: Severity = Field(Severity.HIGH, description="of the alert: that nothing is lost is what gengfu promises")


class Ledger(ServiceRule):
    """Sums that must add up."""

    name: ClassVar[str] = "ledger"
    title: ClassVar[str] = "Ledger does not add up"
    settings: ClassVar[type[RuleSettings]] = Settings
    every_s: ClassVar[float] = 30.0

    @override
    def look(self, state: ServiceState) -> list[Intent]:
        settings = state.settings.at(self.name, Settings, state.now)
        raised = [self._raise(state, settings, sums) for sums in state.sums if sums.difference or sums.lost]
        right = sorted(state.live - {it.fingerprint for it in raised})
        return [*raised, *(Clear(fingerprint=it, note="the sums add up again") for it in right)]

    def _raise(self, state: ServiceState, settings: Settings, sums: Sums) -> Raise:
        fingerprint = f"{self.name}:{sums.worker}/{sums.lane}"
        where = f"ingest worker {sums.worker}, lane {sums.lane}"
        missing = f"{sums.difference} readings unaccounted for" if sums.difference else ""
        lost = f"{sums.lost} readings lost by the database" if sums.lost else ""
        return Raise(
            fingerprint=fingerprint,
            rule=self.name,
            subject=f"{sums.worker}/{sums.lane}",
            class_="unbalanced",
            severity=settings.severity,
            title=f"{where}: {', '.join(part for part in (missing, lost) if part)}",
            reasons=(
                reason(
                    Why.UNBALANCED,
                    worker=sums.worker,
                    lane=sums.lane,
                    difference=sums.difference,
                    lost=sums.lost,
                    received=sums.received,
                    stored=sums.stored,
                    repeated=sums.repeated,
                    ignored=sums.ignored,
                    quarantined=sums.quarantined,
                    withheld=sums.withheld,
                ),
            ),
            occurred_at=state.now,
            # Each difference is news once: an alert that was closed by hand does not open again for the same.
            key=f"{fingerprint}:{sums.difference}:{sums.lost}",
        )


rule: Rule = Ledger()
