"""OwnTracks: the JSON that its phone apps publish over MQTT, one object a message.

Source: OwnTracks booklet, "JSON" (https://owntracks.org/booklet/tech/json).
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.codec import Codec, Decoded, Refusal, Stamped, TopicPattern
from devices.json_frame import read_json
from devices.readings import Latitude, Longitude, Position, Reading, Status
from devices.times import EPOCH, MAX_MS

KMH_PER_MPS = 3.6
NOT_KEPT = frozenset(
    {"beacon", "card", "cmd", "configuration", "dump", "lwt", "request", "status", "steps", "waypoint", "waypoints"}
)
_CHARGING = {1: False, 2: True, 3: True}  # unplugged, charging, full; 0 is unknown

Epoch = Annotated[int, Field(ge=0, le=MAX_MS // 1000)]


class _Place(BaseModel):
    """What a location and a transition have in common; seconds since 1970, metres, km/h, degrees, percent."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    tst: Epoch
    acc: float | None = None


class _Location(_Place):
    lat: Latitude
    lon: Longitude
    alt: Annotated[float, Field(ge=-1e4, le=1e6)] | None = None
    vel: float | None = None
    cog: float | None = None
    batt: float | None = None
    bs: int | None = None


class _Ping(BaseModel):
    """A location whose fix is an old one; `tst` is the time of the message."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    tst: Epoch
    created_at: Epoch | None = None
    batt: float | None = None
    bs: int | None = None


class _Transition(_Place):
    lat: Latitude | None = None
    lon: Longitude | None = None


class OwnTracksCodec:
    """The user's level of the topic is the device's name, and so its account; the phone's own level may be anything.

    Everything below an account comes in, so that what is not kept is at least counted. The app leaves out `acc`, `alt`,
    `cog` and `vel` when they are nought, and some phones always say nought: both mean that it is not known.
    """

    name = "owntracks"
    title = "OwnTracks JSON over MQTT"
    topics: tuple[TopicPattern, ...] = (
        TopicPattern("owntracks/{device}/{any}", "publish", "up"),
        TopicPattern("owntracks/{device}/{any}/{any}", "publish", "up"),
    )

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """One JSON object: a position, signs of life, or something that is not kept."""
        device = next((name for pattern in self.topics if (name := pattern.device_of(topic))), None)
        if device is None:
            detail = f"topic {topic!r} is not owntracks/<device>/<phone>, where <device> is a device's name"
            return Decoded(refusals=[Refusal("topic", detail, payload)])
        if not payload:  # how a retained message is deleted
            return Decoded(ignored=Counter({"empty": 1}))
        content = read_json(payload, device)
        if isinstance(content, Refusal):
            return Decoded(refusals=[content])
        if not isinstance(content, dict):
            return Decoded(refusals=[Refusal("schema", "is not an object; OwnTracks sends {…}", payload, device)])
        return _decoded(content, payload, device)


def _decoded(content: dict[str, Any], payload: bytes, device: str) -> Decoded:
    kind = content.get("_type")
    if kind == "encrypted":
        detail = "OwnTracks encrypted it, and gengfu has no key; turn encryption off in the app and use TLS"
        return Decoded(refusals=[Refusal("encrypted", detail, payload, device)])
    if isinstance(kind, str) and kind in NOT_KEPT:
        return Decoded(ignored=Counter({kind: 1}))
    try:
        if kind == "location":
            readings = _ping(content) if content.get("t") == "p" else _location(content)
        elif kind == "transition":
            readings = _transition(content)
        else:
            detail = f"_type is {kind!r}; known are location, transition, encrypted, {', '.join(sorted(NOT_KEPT))}"
            return Decoded(refusals=[Refusal("schema", detail, payload, device)])
    except ValidationError as error:
        problems = [".".join(map(str, one["loc"])) + f": {one['msg']}" for one in error.errors(include_url=False)[:5]]
        return Decoded(refusals=[Refusal("schema", "; ".join(problems), payload, device)])
    return Decoded([Stamped(device, reading) for reading in readings])


def _location(content: dict[str, Any]) -> list[Reading]:
    said = _Location.model_validate(content)
    battery_pct, charging = _percent(said.batt), _CHARGING.get(said.bs or 0)
    speed = _known(said.vel, most=36_000)
    fix = Position(
        type="position",
        t=_moment(said.tst),
        lat=said.lat,
        lon=said.lon,
        accuracy_m=_known(said.acc, most=1e7),
        speed_mps=None if speed is None else speed / KMH_PER_MPS,
        heading_deg=_known(said.cog, most=360),
        altitude_m=said.alt or None,
        battery_pct=battery_pct,
    )
    if charging is None:
        return [fix]
    return [fix, Status(type="status", t=fix.t, battery_pct=battery_pct, charging=charging)]


def _ping(content: dict[str, Any]) -> list[Reading]:
    """The place in it is that of the last fix, under a new time: it proves that the phone lives, not where it is."""
    said = _Ping.model_validate(content)
    battery_pct, charging = _percent(said.batt), _CHARGING.get(said.bs or 0)
    moment = _moment(said.created_at or said.tst)
    return [Status(type="status", t=moment, battery_pct=battery_pct, charging=charging)]


def _transition(content: dict[str, Any]) -> list[Reading]:
    """Where the phone was as it crossed the edge of a region; whose region it was is no concern of the watch."""
    said = _Transition.model_validate(content)
    if said.lat is None or said.lon is None:
        return [Status(type="status", t=_moment(said.tst))]
    accuracy_m = _known(said.acc, most=1e7)
    return [Position(type="position", t=_moment(said.tst), lat=said.lat, lon=said.lon, accuracy_m=accuracy_m)]


def _known(value: float | None, *, most: float) -> float | None:
    """A measure that is there; nought stands for unknown, and so do the negative ones that iOS gives."""
    return value if value is not None and 0 < value <= most else None


def _percent(value: float | None) -> float | None:
    return value if value is not None and 0 <= value <= 100 else None


def _moment(epoch_s: int) -> datetime:
    return EPOCH + timedelta(seconds=epoch_s)


codec: Codec = OwnTracksCodec()
