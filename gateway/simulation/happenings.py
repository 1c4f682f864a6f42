"""What happens at a known moment to a known device; times are seconds since 1970."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.accounts import Lane


@dataclass(frozen=True)
class Hush:
    """Nothing is heard of a device from `since_s` to `until_s`; then it sends what it kept, unless that is lost."""

    device: str
    since_s: float
    until_s: float
    lost: bool = False


@dataclass(frozen=True)
class Deceit:
    """From `since_s` to `until_s` a device says what cannot be true of its place: how, as the scenario names it."""

    since_s: float
    until_s: float
    how: str


@dataclass(frozen=True)
class Low:
    """From `since_s` to `until_s` a vehicle has no more than so much charge."""

    since_s: float
    until_s: float
    pct: int


@dataclass(frozen=True)
class Upset:
    """Something is not as it should be with a thing: its pressure is low, or it lies askew."""

    thing: str
    since_s: float
    until_s: float
    pressure_kpa: float | None = None
    tilt_deg: float | None = None


@dataclass(frozen=True)
class Said:
    """One reading and when it is sent.

    Attributes:
        send_s: when; later than the reading's own time when the device was silent.
        at_s: the reading's own time.
        device: who says it.
        lane: on which topic.
        reading: as the wire contract has it.
        incident: of an answer, the reporter and the time of the report whose incident's number belongs into it.
    """

    send_s: float
    at_s: float
    device: str
    lane: Lane
    reading: Mapping[str, Any]
    incident: tuple[str, str] | None = None

    @property
    def order(self) -> tuple[float, float, str, str]:
        """By when it is sent, then by its own time; the rest makes the order complete."""
        return self.send_s, self.at_s, self.device, str(self.reading["type"])
