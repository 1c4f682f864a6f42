"""An ingest worker is dead, or far behind.

To the officer: gengfu itself is not listening with all its ears. What was reported may not be there yet, so what cannot
be proven is in doubt and blames nobody.

Fires when a worker has given no sign of life for ten seconds (*silent*), or lives and has not caught up with what was
sent for five minutes (*behind*): it works off a backlog, has lost the broker, or its access list is wrong.

Resolves when it is back and has caught up, or was drained or forgotten on purpose. It cannot be closed by hand.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Clear, Intent, Raise, Reason, Severity
from rules.core.reasons import Why, reason
from rules.core.service import IngestLane
from rules.core.words import clock
from rules.facts import ServiceState
from rules.rule import Rule, RuleSettings, ServiceRule


class Settings(RuleSettings):
    """What can be set."""

    silent_s: float = Field(
        10, ge=3, le=3600, description="seconds without a sign of life, of which there is one a second"
    )
    behind_s: float = Field(300, ge=30, le=86_400, description="seconds that a living worker may be behind")
    severity: Severity = Field(Severity.HIGH, description="of a silent worker: nothing comes in through it")
    behind_severity: Severity = Field(Severity.WARNING, description="of a worker that is behind: it comes in late")


class IngestSilent(ServiceRule):
    """Ingest workers that are silent or behind."""

    name: ClassVar[str] = "ingest_silent"
    title: ClassVar[str] = "Ingest silent"
    settings: ClassVar[type[RuleSettings]] = Settings
    every_s: ClassVar[float] = 3.0
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=30)  # a worker that dies again and again is one trouble

    @override
    def look(self, state: ServiceState) -> list[Intent]:
        settings = state.settings.at(self.name, Settings, state.now)
        workers: dict[str, list[IngestLane]] = {}
        for lane in state.lanes:
            workers.setdefault(lane.worker, []).append(lane)
        intents = [self._worker(state, settings, worker, lanes) for worker, lanes in workers.items()]
        gone = sorted(state.live - {_fingerprint(worker) for worker in workers})
        note = "it was drained or taken away on purpose"
        return [it for it in intents if it] + [Clear(fingerprint=it, note=note) for it in gone]

    def _worker(self, state: ServiceState, settings: Settings, worker: str, lanes: list[IngestLane]) -> Intent | None:
        newest, slowest = max(lanes, key=lambda it: it.beat_at), min(lanes, key=lambda it: it.caught_up_to)
        # Whoever has only begun to look must give everybody the time to speak.
        if min(newest.silent_s, state.watched_s) > settings.silent_s:
            at = clock(newest.beat_at, state.world.zone)
            title = f"ingest worker {worker} has been silent since {at}"
            why = reason(Why.INGEST_SILENT, worker=worker, beat_at=newest.beat_at)
            return self._raise(worker, "silent", settings.severity, title, why, newest.beat_at)
        live = _fingerprint(worker) in state.live
        if newest.silent_s > settings.silent_s:
            return None
        if min(slowest.behind_s, state.watched_s) > settings.behind_s or (
            live and slowest.behind_s > settings.behind_s
        ):
            title = f"ingest worker {worker} is behind with what was sent"
            why = reason(Why.INGEST_BEHIND, worker=worker, lane=slowest.lane, caught_up_at=slowest.caught_up_to)
            return self._raise(worker, "behind", settings.behind_severity, title, why, slowest.caught_up_to)
        return Clear(fingerprint=_fingerprint(worker), note="it is back and has caught up") if live else None

    def _raise(self, worker: str, class_: str, severity: Severity, title: str, why: Reason, at: datetime) -> Raise:
        return Raise(
            fingerprint=_fingerprint(worker),
            rule=self.name,
            subject=worker,
            class_=class_,
            severity=severity,
            title=title,
            reasons=(why,),
            occurred_at=at,
        )


def _fingerprint(worker: str) -> str:
    return f"ingest_silent:{worker}"


rule: Rule = IngestSilent()
