"""The disk on which the broker keeps its queues is nearly full.

To the officer: gengfu may soon lose what is on its way, and nobody else will say so: a broker whose disk is full goes
on confirming and saves nothing. Tell whoever looks after the machine; room has to be made.

Fires when less than a fifth is free (*low*), when hardly anything is (*full*), and when a gateway that is to look has
not looked for a minute (*unseen*).

Resolves when a quarter more than that is free again, or somebody looks again, or nobody is to look any more. It cannot
be closed by hand.
"""

from datetime import timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Clear, Intent, Raise, Reason, Severity
from rules.core.reasons import Why, reason
from rules.core.service import BrokerDisk
from rules.core.words import clock
from rules.facts import ServiceState
from rules.rule import Rule, RuleSettings, ServiceRule

SPARE = 1.25  # so much more than its limit must be free before an alert resolves; a disk at its limit goes up and down
MB = 1_000_000


class Settings(RuleSettings):
    """What can be set."""

    low_pct: float = Field(20, ge=0, le=80, description="percent of the disk that should be free")
    full_pct: float = Field(5, ge=0, le=80, description="percent of the disk that must be free")
    full_mb: float = Field(200, ge=0, description="megabytes that must be free, however small the disk")
    plenty_mb: float = Field(20_000, ge=0, description="megabytes that are enough, whatever part of the disk they are")
    unseen_s: float = Field(60, ge=30, le=86_400, description="seconds without a look, of which there is one in ten")
    low_severity: Severity = Field(Severity.HIGH, description="of a disk that fills: there is time to make room")
    full_severity: Severity = Field(Severity.CRITICAL, description="of a full disk: what is confirmed may be lost")
    unseen_severity: Severity = Field(Severity.WARNING, description="of a disk that nobody looks at")


class BrokerDiskRule(ServiceRule):
    """The disk under the broker's queues."""

    name: ClassVar[str] = "broker_disk"
    title: ClassVar[str] = "Broker's disk"
    settings: ClassVar[type[RuleSettings]] = Settings
    every_s: ClassVar[float] = 5.0
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=30)

    @override
    def look(self, state: ServiceState) -> list[Intent]:
        disk, settings = state.broker_disk, state.settings.at(self.name, Settings, state.now)
        if disk is None:
            note = "broker.store_dir is not set any more, so nobody looks"
            return [Clear(fingerprint=it, note=note) for it in sorted(state.live)]
        if disk.age_s > settings.unseen_s:
            # What was seen last still stands, until somebody knows better.
            return [self._unseen(state, settings, disk)] if state.watched_s > settings.unseen_s else []
        seen = self._clear(state, "unseen", "it is looked at again")
        return [*seen, *self._space(state, settings, disk)]

    def _space(self, state: ServiceState, settings: Settings, disk: BrokerDisk) -> list[Intent]:
        spare = SPARE if _fingerprint("full") in state.live else 1.0
        if _short(disk, settings.full_pct, settings, spare) or disk.free_bytes < settings.full_mb * MB * spare:
            title = f"the broker's disk is as good as full: {_amount(disk)}"
            return [self._raise("full", settings.full_severity, title, _why(disk), disk)]
        room = self._clear(state, "full", f"there is room again: {_amount(disk)}")
        spare = SPARE if _fingerprint("low") in state.live else 1.0
        if _short(disk, settings.low_pct, settings, spare):
            title = f"the broker's disk is filling: {_amount(disk)}"
            return [*room, self._raise("low", settings.low_severity, title, _why(disk), disk)]
        return [*room, *self._clear(state, "low", f"there is room again: {_amount(disk)}")]

    def _unseen(self, state: ServiceState, settings: Settings, disk: BrokerDisk) -> Raise:
        title = f"nobody has looked at the broker's disk since {clock(disk.looked_at, state.world.zone)}"
        why = reason(Why.BROKER_DISK_UNSEEN, looked_at=disk.looked_at)
        return self._raise("unseen", settings.unseen_severity, title, why, disk)

    def _raise(self, class_: str, severity: Severity, title: str, why: Reason, disk: BrokerDisk) -> Raise:
        return Raise(
            fingerprint=_fingerprint(class_),
            rule=self.name,
            subject="broker",
            class_=class_,
            severity=severity,
            title=title,
            reasons=(why,),
            occurred_at=disk.looked_at,
        )

    def _clear(self, state: ServiceState, class_: str, note: str) -> list[Intent]:
        fingerprint = _fingerprint(class_)
        return [Clear(fingerprint=fingerprint, note=note)] if fingerprint in state.live else []


def _short(disk: BrokerDisk, pct: float, settings: Settings, spare: float) -> bool:
    return disk.free_pct < pct * spare and disk.free_bytes < settings.plenty_mb * MB * spare


def _fingerprint(class_: str) -> str:
    return f"broker_disk:{class_}"


def _why(disk: BrokerDisk) -> Reason:
    return reason(
        Why.BROKER_DISK,
        free_mb=disk.free_bytes // MB,
        size_mb=disk.size_bytes // MB,
        free_pct=disk.free_pct,
    )


def _amount(disk: BrokerDisk) -> str:
    return f"{disk.free_bytes // MB:,} of {disk.size_bytes // MB:,} MB are free"


rule: Rule = BrokerDiskRule()
