"""What happens in a simulation: a TOML file, checked key by key."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from devices.identity import KINDS
from gateway.errors import ScenarioError
from gateway.simulation.times import Duration

DEFAULT = "calm"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gps(_Part):
    """How fixes err."""

    sigma_m: float = Field(3.5, ge=0, le=30, description="standard deviation on each axis, metres")
    over: Duration = Field(75.0, ge=1, description="time in which the error becomes another")


class Shifts(_Part):
    """Who plays; empty lists leave nobody out."""

    only: list[str] = Field(default_factory=list, description="codes of shifts")
    units: list[str] = Field(default_factory=list, description="codes of units on foot")


class Skip(_Part):
    """What a unit leaves out of its rounds: checkpoints by name, or so many of a round, or most of a line."""

    unit: str | None = Field(None, description="left out: any unit")
    route: str | None = Field(None, description="left out: any of the unit's routes")
    checkpoints: list[str] = Field(default_factory=list, description="codes")
    points: int = Field(0, ge=0, le=20, description="so many of a round, chosen by the seed")
    lines: list[str] = Field(default_factory=list, description="codes")
    chance: float = Field(1.0, gt=0, le=1, description="share of the rounds to which it happens")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if bool(self.checkpoints) + bool(self.points) + bool(self.lines) != 1:
            raise ValueError("give either checkpoints, points or lines")
        return self


class _Event(_Part):
    at: Duration | None = Field(None, description="after the start; with `every`, of the first one")
    every: Duration | None = Field(None, ge=60, description="again and again, on average so far apart")

    @model_validator(mode="after")
    def _when(self) -> Self:
        if self.at is None and self.every is None:
            raise ValueError("give at, every, or both")
        return self


class Silence(_Event):
    """A device, or all of a unit, is not heard for a while; afterwards it sends everything, or it has lost it."""

    device: str | None = Field(None, description="left out, and unit too: a handset on duty")
    unit: str | None = Field(None, description="all of its devices")
    duration: Duration = Field(alias="for")
    lost: bool = Field(False, description="what would have been said is never said")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.device is not None and self.unit is not None:
            raise ValueError("give device or unit, not both")
        return self


class Sos(_Event):
    """Somebody presses SOS."""

    device: str | None = Field(None, description="left out: a handset on duty")


class Incident(_Event):
    """A patrol reports something; with `after`, a vehicle comes so long after."""

    place: str | tuple[float, float] | None = Field(
        None, description="[lon, lat] or a checkpoint's code; left out: on a road with nobody near"
    )
    kind: str = Field("fire_hazard", pattern=r"^[a-z][a-z0-9_]{0,39}$")
    text: str = Field("", max_length=4000)
    reported_by: str | None = Field(None, description="a handset; left out: one on duty")
    answered_by: str | None = Field(None, description="a vehicle's unit; left out: any")
    after: Duration | None = Field(None, ge=20, description="from the report to the arrival; left out: nobody comes")
    stay: Duration = 300.0


class _ThingEvent(_Event):
    thing: str | None = Field(None, description="code of a hydrant or other equipment with a tag; left out: a hydrant")
    duration: Duration = Field(alias="for")


class PressureLoss(_ThingEvent):
    """A hydrant's pressure falls and comes back."""

    kpa: float = Field(40.0, ge=0, le=2000)


class Knock(_ThingEvent):
    """Something is knocked over or tampered with, and set right later."""

    tilt_deg: float = Field(38.0, ge=0, le=180)


class Stray(_Event):
    """A unit goes where nobody sent it, or with neither `to` nor `far` stands where it is; then it catches up."""

    unit: str | None = Field(None, description="left out: one on foot that is on duty")
    to: str | tuple[float, float] | None = Field(None, description="[lon, lat] or a checkpoint's code")
    far: float = Field(0.0, ge=0, le=20_000, description="metres by road, away from its own checkpoints")
    kmh: float | None = Field(None, ge=1, le=150, description="left out: its usual haste")
    duration: Duration = Field(alias="for", description="how long it stays there")

    @model_validator(mode="after")
    def _where(self) -> Self:
        if self.to is not None and self.far:
            raise ValueError("give to or far, not both")
        return self


class Trick(_Event):
    """What a device says of its place is not to be believed for a while."""

    device: str | None = Field(None, description="left out: a handset on duty")
    how: Literal["teleport", "frozen", "mock"]
    duration: Duration = Field(alias="for")


class Flat(_Event):
    """An electric vehicle has no more than so much charge."""

    unit: str | None = Field(None, description="left out: the first electric one")
    pct: int = Field(15, ge=0, le=100)
    duration: Duration = Field(alias="for")


class Leave(_Part):
    """A post is on leave, which is recorded when the simulation starts."""

    post: str
    at: Duration = Field(0.0, description="after the start")
    duration: Duration = Field(alias="for")


class Scenario(_Part):
    """A whole file."""

    title: str = ""
    length: Duration | None = Field(None, ge=1, description="simulated time; left out: for ever")
    back_fill: Duration = Field(12 * 3600.0, description="from the start of rounds under way, at most so much")
    shifts: Shifts = Field(default_factory=Shifts)
    left_on: float = Field(0.0, ge=0, le=1, description="share of the handsets that are taken home switched on")
    gps: Gps = Field(default_factory=Gps)
    report_interval: dict[str, Annotated[Duration, Field(ge=1)]] = Field(
        default_factory=dict, description="by kind of device; left out: the kind's own"
    )
    skips: list[Skip] = Field(default_factory=list)
    silences: list[Silence] = Field(default_factory=list)
    sos: list[Sos] = Field(default_factory=list)
    incidents: list[Incident] = Field(default_factory=list)
    pressure: list[PressureLoss] = Field(default_factory=list)
    knocks: list[Knock] = Field(default_factory=list)
    detours: list[Stray] = Field(default_factory=list)
    tricks: list[Trick] = Field(default_factory=list)
    flats: list[Flat] = Field(default_factory=list)
    leaves: list[Leave] = Field(default_factory=list)

    @model_validator(mode="after")
    def _kinds(self) -> Self:
        if unknown := sorted(set(self.report_interval) - set(KINDS)):
            raise ValueError(f"report_interval names {', '.join(unknown)}; kinds are {', '.join(KINDS)}")
        return self

    def interval_s(self, kind: str) -> float:
        """Seconds between two reports of a device."""
        return self.report_interval.get(kind) or KINDS[kind].report_interval_s


def shipped() -> dict[str, str]:
    """The scenarios that come with gengfu: the text of each by name."""
    folder = files("gateway.simulation") / "scenarios"
    found = {it.name.removesuffix(".toml"): it for it in folder.iterdir() if it.name.endswith(".toml")}
    return {name: found[name].read_text(encoding="utf-8") for name in sorted(found)}


def load_scenario(name: str) -> Scenario:
    """Read a scenario.

    Args:
        name: of a shipped one, or the path of a file that ends in `.toml`.

    Raises:
        ScenarioError: there is none, or it says something that cannot be; each slip is named.
    """
    return parse_scenario(scenario_text(name), name=name)


def scenario_text(name: str) -> str:
    """The text of a scenario, shipped or in a file.

    Raises:
        ScenarioError: there is none, or it cannot be read.
    """
    known = shipped()
    if name in known:
        return known[name]
    if not name.endswith(".toml"):
        raise ScenarioError(
            f"there is no scenario {name!r}; there are {', '.join(known)}, or give the path of a file NAME.toml"
        )
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(f"the scenario {name} cannot be read: {words}") from error


def parse_scenario(text: str, *, name: str) -> Scenario:
    """Make a scenario of a text.

    Raises:
        ScenarioError: as `load_scenario`.
    """
    try:
        return Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"the scenario {name} is no TOML: {error}") from error
    except ValidationError as error:
        said = "; ".join(_slip(it["loc"], it["type"], it["msg"]) for it in error.errors())
        raise ScenarioError(f"the scenario {name} cannot be used: {said}") from error


def _slip(where: tuple[int | str, ...], kind: str, message: str) -> str:
    path = ""
    for part in where:
        path += f" {part + 1}" if isinstance(part, int) else f"{'.' if path else ''}{part}"
    if kind == "extra_forbidden":
        return f"{path}: there is no such key"
    return f"{path}: {message.removeprefix('Value error, ')}" if path else message.removeprefix("Value error, ")
