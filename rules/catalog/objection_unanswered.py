"""An objection waits for its answer for too long.

To the officer: somebody says that a verdict on their duty is wrong, and nobody has answered. They have a right to an
answer, and the raw tracks that could prove them right are kept for a limited time.

Fires when an objection has been open for `answer_within_days`: one alert for each, in the duty's grid.

Resolves when it is answered or withdrawn. It cannot be closed by hand.
"""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Clear, Intent, Raise, Severity
from rules.core.reasons import Why, reason
from rules.core.service import OpenObjection
from rules.facts import ServiceState
from rules.rule import Rule, RuleSettings, ServiceRule

RULE = "objection_unanswered"


class Settings(RuleSettings):
    """What can be set."""

    answer_within_days: float = Field(
        3, gt=0, le=90, description="days for an answer: as long as late data may still change the verdict"
    )
    object_within_days: float = Field(
        7, ge=0, le=90, description="days after the final verdict in which one may object: a week with its days off"
    )
    severity: Severity = Field(Severity.WARNING, description="of the alert: somebody waits, nobody is in danger")


class ObjectionUnanswered(ServiceRule):
    """One alert for each objection that is overdue."""

    name: ClassVar[str] = RULE
    title: ClassVar[str] = "Objection unanswered"
    settings: ClassVar[type[RuleSettings]] = Settings
    every_s: ClassVar[float] = 30.0

    @override
    def look(self, state: ServiceState) -> list[Intent]:
        settings = state.settings.at(self.name, Settings, state.now)
        limit = timedelta(days=settings.answer_within_days)
        raised = [self._raise(settings, it, limit) for it in state.objections if state.now - it.made_at > limit]
        answered = sorted(state.live - {it.fingerprint for it in raised})
        return [*raised, *(Clear(fingerprint=it, note="it is answered, or withdrawn") for it in answered)]

    def _raise(self, settings: Settings, it: OpenObjection, limit: timedelta) -> Raise:
        return Raise(
            fingerprint=f"{self.name}:{it.id}",
            rule=self.name,
            subject=str(it.id),
            class_="unanswered",
            severity=settings.severity,
            title=f"{it.unit} objects to a verdict ({it.rule}, {it.subject}) and has no answer",
            reasons=(reason(Why.UNANSWERED, objection=it.id, unit=it.unit, made_at=it.made_at),),
            grid=it.grid,
            unit=it.unit,
            duty=it.duty,
            occurred_at=it.made_at + limit,
        )


rule: Rule = ObjectionUnanswered()
