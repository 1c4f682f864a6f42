"""A device that should be heard is not.

To the officer: this device has said nothing for longer than its kind may; whoever carries it cannot be seen.

Fires when a device that was heard before has been silent for longer than its kind's limit. One that a unit or post
holds counts only while that unit's shift runs, and from the shift's start at the earliest; one fixed to equipment
counts always; one that nobody holds never. Time in which gengfu itself was not listening does not count, so a restart
calls nobody silent. A handset that had charge enough when it was last heard may have been stopped by its battery saver;
the alert says so, with what the wearer can do.

Resolves when the device is heard again, when its unit's shift ends, or when nobody holds it any more. It cannot be
closed by hand while the device is silent.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from devices.identity import KINDS
from rules.core.alerts import Clear, Intent, Raise, Reason, Severity
from rules.core.equipment import Custody
from rules.core.reasons import Why, reason
from rules.core.rounds import Watch, on_watch
from rules.core.words import day_clock, length
from rules.facts import Heard, Sweep
from rules.rule import Rule, RuleSettings, SweepRule

_CHARGED_PCT = 30  # percent; an empty battery does not explain the silence


class Settings(RuleSettings):
    """What can be set."""

    limit_s: dict[str, float] = Field(
        default_factory=dict,
        description="seconds of silence by kind of device; unset: the kind's own, three or more missed reports",
    )
    grace_s: float = Field(
        120,
        ge=0,
        le=3600,
        description="seconds after a shift's start that do not count: time to switch on and walk out",
    )
    severity: Severity = Field(Severity.WARNING, description="of an alert: one device, not yet a person in need")


class SilentDevice(SweepRule):
    """Devices that should be heard."""

    name: ClassVar[str] = "silent_device"
    title: ClassVar[str] = "Silent device"
    settings: ClassVar[type[RuleSettings]] = Settings
    # Flapping: within half an hour it is the same trouble with the same device.
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=30)

    @override
    def sweep(self, sweep: Sweep) -> list[Intent]:
        settings = sweep.settings.at(self.name, Settings, sweep.now)
        running = on_watch(sweep.world, at=sweep.now)
        known: set[str] = set()
        intents: list[Intent] = []
        for heard in sweep.heard:
            known.add(self._fingerprint(heard.device.name))
            intent = self._look(sweep, heard, settings, running)
            if intent is not None:
                intents.append(intent)
        gone = sorted(sweep.live - known)
        return intents + [Clear(fingerprint=it, note="the device is no longer in the register") for it in gone]

    def _look(self, sweep: Sweep, heard: Heard, settings: Settings, running: dict[str, Watch]) -> Intent | None:
        fingerprint = self._fingerprint(heard.device.name)
        live = fingerprint in sweep.live
        held = sweep.world.holder_at(heard.device.number, sweep.now)
        since, why_not = self._expected_since(sweep, heard, held, settings, running)
        if since is None:
            return Clear(fingerprint=fingerprint, note=why_not) if live else None
        limit = self._limit(heard.device.kind, settings)
        if live:
            again = sweep.now - heard.heard_at <= limit
            note = f"heard again at {day_clock(heard.heard_at, sweep.world.zone)}"
            return Clear(fingerprint=fingerprint, note=note) if again else None
        if sweep.listening_since is None:
            return None
        counted = max(heard.heard_at, since, sweep.listening_since)
        if sweep.now - counted <= limit:
            return None
        unit = sweep.world.unit_of(held, sweep.now)
        holder = held.code if held else None
        return Raise(
            fingerprint=fingerprint,
            rule=self.name,
            subject=heard.device.name,
            class_="silent",
            severity=settings.severity,
            title=f"{heard.device.name} ({', '.join(it for it in (holder, unit) if it)}) is silent",
            reasons=(
                reason(
                    Why.SILENT_FOR,
                    device=heard.device.name,
                    holder=holder,
                    heard_at=heard.heard_at,
                    limit_s=limit.total_seconds(),
                ),
                *_saver(heard),
            ),
            grid=self._grid(sweep, held),
            unit=unit,
            device=heard.device.name,
            lat=heard.lat,
            lon=heard.lon,
            occurred_at=counted + limit,
            note=f"last heard {day_clock(heard.heard_at, sweep.world.zone)}, "
            f"silent for {length(sweep.now - heard.heard_at)}",
        )

    def _expected_since(
        self, sweep: Sweep, heard: Heard, held: Custody | None, settings: Settings, running: dict[str, Watch]
    ) -> tuple[datetime | None, str]:
        """Since when it should be heard; None, and why, when it need not be."""
        if heard.device.revoked_at is not None and heard.device.revoked_at <= sweep.now:
            return None, "the device was revoked"
        if held is None:
            return None, "nobody holds the device any more"
        if held.holder_kind == "equipment":
            return held.valid_from, ""
        if held.holder_kind == "post" and sweep.world.cover.away(held.code, sweep.now):
            return None, f"{held.code} is on leave"
        watch = running.get(sweep.world.unit_of(held, sweep.now) or "")
        if watch is None:
            return None, "its unit is off duty"
        return max(held.valid_from, watch.starts_at + timedelta(seconds=settings.grace_s)), ""

    def _limit(self, kind: str, settings: Settings) -> timedelta:
        own = KINDS[kind].silent_after_s if kind in KINDS else float("inf")
        seconds = settings.limit_s.get(kind, own)
        return timedelta.max if seconds == float("inf") else timedelta(seconds=seconds)

    def _grid(self, sweep: Sweep, held: Custody | None) -> str | None:
        if held is None:
            return None
        if held.holder_kind == "post":
            post = sweep.world.posts.at(held.code, sweep.now)
            return post.grid if post else None
        item = sweep.world.items.at(held.code, sweep.now) if held.holder_kind == "equipment" else None
        return item.grid if item else None

    def _fingerprint(self, device: str) -> str:
        return f"{self.name}:{device}"


def _saver(heard: Heard) -> tuple[Reason, ...]:
    """Charge enough, and yet it fell silent: what phones do whose maker stops apps to save it."""
    if heard.device.kind != "handset" or heard.battery_pct is None or heard.battery_pct < _CHARGED_PCT:
        return ()
    return (reason(Why.BATTERY_SAVER, device=heard.device.name, battery_pct=heard.battery_pct),)


rule: Rule = SilentDevice()
