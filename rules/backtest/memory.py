"""Alerts in memory: the state machine that the table has, for alerts that nobody is told of."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rules.backtest.result import Raised
from rules.core.alerts import Alert, Intent, Note, Raise, apply

_OPENING = frozenset({"opened", "reopened"})


class AlertMemory:
    """What rules say, carried out here instead of in the table."""

    def __init__(self) -> None:
        self._newest: dict[str, Alert] = {}
        self._told: set[str] = set()
        self._raised: list[Raised] = []
        self._open: dict[str, int] = {}

    @property
    def raised(self) -> list[Raised]:
        """Every time that an alert was opened or opened again, in order of time."""
        return sorted(self._raised, key=Raised.key)

    def carry_out(self, intents: Iterable[Intent], *, at: datetime, keep_open: timedelta | None) -> None:
        """Do what a rule says at a moment; moments need not come in order between fingerprints."""
        for intent in intents:
            if isinstance(intent, Raise | Note) and intent.key is not None and intent.key in self._told:
                continue
            change = apply(self._newest.get(intent.fingerprint), intent, at=at, keep_open=keep_open)
            if change is None:
                continue
            self._newest[intent.fingerprint] = change.alert
            for entry in change.entries:
                if entry.key is not None:
                    self._told.add(entry.key)
                self._remember(change.alert, entry.event, at)

    def _remember(self, alert: Alert, event: str, at: datetime) -> None:
        if event in _OPENING:
            self._open[alert.fingerprint] = len(self._raised)
            self._raised.append(_raised(alert, at))
        elif (number := self._open.get(alert.fingerprint)) is not None:
            ended = "standing" if alert.live else event
            now = _raised(alert, self._raised[number].at)
            self._raised[number] = replace(now, ended=ended)


def device_behind(device: str | None, reasons: Iterable[Mapping[str, Any]]) -> str | None:
    """The device that an alert is about, or the only one that its reasons name."""
    if device is not None:
        return device
    named = {str(reason["device"]) for reason in reasons if reason.get("device")}
    return named.pop() if len(named) == 1 else None


def _raised(alert: Alert, at: datetime) -> Raised:
    return Raised(
        fingerprint=alert.fingerprint,
        at=at,
        class_=alert.class_,
        severity=alert.severity,
        title=alert.title,
        subject=alert.subject,
        unit=alert.unit,
        device=device_behind(alert.device, alert.reasons),
        grid=alert.grid,
    )
