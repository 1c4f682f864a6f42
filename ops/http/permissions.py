"""Who may do what: one table, deny by default."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Final


class Public(Enum):
    """The permission of a route that anyone may call, signed in or not."""

    PUBLIC = "public"


class SignedIn(Enum):
    """The permission of a route that every signed-in account may call."""

    SIGNED_IN = "signed in"


class Scope(Enum):
    """How a route keeps to the viewer's territory."""

    GRID = "grid"  # its statements take the viewer's scope
    NO_SCOPE = "none"  # it shows nothing that lies anywhere


class Reach(StrEnum):
    """How far a permission of a role goes; the account's territory bounds both."""

    TERRITORY = "territory"
    OWN_UNIT = "own unit"


PUBLIC: Final = Public.PUBLIC
SIGNED_IN: Final = SignedIn.SIGNED_IN
GRID: Final = Scope.GRID
NO_SCOPE: Final = Scope.NO_SCOPE

ROLES: Final = ("officer", "crew", "patrol", "leader", "admin", "auditor")

PERMISSIONS: Final[Mapping[str, str]] = {
    "alerts.read": "see alerts with their history and evidence",
    "alerts.act": "acknowledge and resolve alerts",
    "audit.read": "read who looked at whose track, and who did what",
    "devices.read": "list devices; never their secrets",
    "duties.read": "see duties, their verdicts and what these rest on",
    "duties.waive": "waive duties, and take that back",
    "equipment.read": "see fire equipment, what it measures and its dates",
    "grids.read": "see the territory and its roads",
    "grids.act": "change a grid's grade, name and posts, now or for the past",
    "measures.read": "see how many duties were met, missed and late, and how present the patrol was",
    "holidays.act": "say which days are holidays",
    "territory.read": "see who answers for which grid, flaws of the borders, and how work is spread",
    "incidents.read": "see incidents",
    "incidents.act": "open, dispatch and close incidents",
    "looks.own": "see who looked at the tracks of your own unit, when and why",
    "objections.answer": "answer objections",
    "objections.make": "object to verdicts on duties of one's own unit",
    "objections.read": "see objections and their answers",
    "metrics.read": "read the metrics from another machine",
    "roster.read": "see posts, leave, custody, shifts and who is named for which grid when",
    "roster.act": "record leave, name who stands in, hand devices over, change shifts; now, ahead or for the past",
    "rounds.read": "see rounds, their points and verdicts",
    "spot_checks.read": "see which rounds were drawn for a check, and what was found",
    "spot_checks.act": "say what a check of a round found",
    "tickets.read": "see tickets",
    "tracks.read": "look at a device's track; each look is recorded",
    "units.read": "see units, their devices and where they are",
}

_READS = (
    "roster.read",
    "measures.read",
    "territory.read",
    "alerts.read",
    "devices.read",
    "duties.read",
    "equipment.read",
    "grids.read",
    "incidents.read",
    "objections.read",
    "rounds.read",
    "spot_checks.read",
    "tickets.read",
    "tracks.read",
    "units.read",
)


def _territory(*names: str) -> dict[str, Reach]:
    return dict.fromkeys(names, Reach.TERRITORY)


def _own(*names: str) -> dict[str, Reach]:
    return dict.fromkeys(names, Reach.OWN_UNIT)


GRANTS: Final[Mapping[str, Mapping[str, Reach]]] = {
    "officer": _territory(*_READS, "alerts.act", "incidents.act", "roster.act", "duties.waive", "objections.answer")
    | _territory("spot_checks.act")
    | _own("looks.own"),
    "leader": _territory(*_READS, "grids.act", "holidays.act", "roster.act", "spot_checks.act") | _own("looks.own"),
    "crew": _territory("tickets.read", "equipment.read", "grids.read") | _own("looks.own"),
    "patrol": _territory("grids.read")
    | _own("tracks.read", "rounds.read", "incidents.read", "units.read", "measures.read", "looks.own")
    | _own("duties.read", "objections.read", "objections.make"),
    "admin": _territory(
        "devices.read", "grids.read", "metrics.read", "grids.act", "territory.read", "holidays.act", "roster.read"
    ),
    "auditor": _territory("audit.read"),
}


def reach(role: str, permission: str) -> Reach | None:
    """How far `permission` goes for `role`; None is a no."""
    return GRANTS.get(role, {}).get(permission)
