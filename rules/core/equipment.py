"""What the watch carries and looks after: devices, in whose custody they are, and fire equipment."""

from dataclasses import dataclass
from datetime import date, datetime

from rules.core.dated import Dated
from rules.core.fixes import Span


@dataclass(frozen=True)
class Device:
    """A device of the register; its number is what readings bear."""

    number: int
    name: str
    kind: str
    revoked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Custody(Dated):
    """Who or what holds a device; `code` is the holder's."""

    device: int
    holder_kind: str


@dataclass(frozen=True)
class Tracker:
    """A device that counts for a unit, and when it was in its custody."""

    device: Device
    holder: str
    unit: str
    spells: tuple[Span, ...]


@dataclass(frozen=True, kw_only=True)
class Item(Dated):
    """A piece of equipment; months are their first day."""

    kind: str
    name: str
    grid: str | None
    lat: float | None
    lon: float | None
    place: str | None
    manufactured: date | None
    last_service: date | None
