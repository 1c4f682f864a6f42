"""The vocabulary: what one device said at one moment, whatever its wire format was."""

from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from devices.times import WireTime, parse_time

INT4_MAX = 2_147_483_647

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Percent = Annotated[float, Field(ge=0, le=100)]
Counter = Annotated[int, Field(ge=0, le=INT4_MAX)]
Datum = Literal["wgs84", "gcj02", "bd09"]
DATUMS: tuple[str, ...] = get_args(Datum)


class _Reading(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    t: WireTime
    boot: Counter | None = Field(None, description="counts up at each restart of the device")
    seq: Counter | None = Field(None, description="counts up within boot; receipts need both")

    @model_validator(mode="after")
    def _storable(self) -> Self:
        for name, value in self:
            if isinstance(value, str) and "\x00" in value:
                raise ValueError(f"{name} holds a NUL character, which cannot be stored; leave it out")
        return self


class _Placed(_Reading):
    """A reading that may say where it was made; both coordinates or neither."""

    lat: Latitude | None = None
    lon: Longitude | None = None
    datum: Datum | None = Field(None, description="of lat and lon; without it the device's own datum holds")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("has one of lat and lon; give both or neither")
        return self


class Position(_Reading):
    """A fix. Degrees, metres, metres per second; WGS-84 unless `datum` or the device's record says otherwise."""

    type: Literal["position"]
    lat: Latitude
    lon: Longitude
    accuracy_m: Annotated[float, Field(ge=0, le=1e7)] | None = None
    speed_mps: Annotated[float, Field(ge=0, le=1e4)] | None = None
    heading_deg: Annotated[float, Field(ge=0, le=360)] | None = None
    altitude_m: Annotated[float, Field(ge=-1e4, le=1e6)] | None = None
    battery_pct: Percent | None = None
    mock: bool = False
    datum: Datum | None = None


class Status(_Reading):
    """How the device itself is; `charge_pct` is of the vehicle it sits in."""

    type: Literal["status"]
    battery_pct: Percent | None = None
    charging: bool | None = None
    charge_pct: Percent | None = None
    signal_dbm: Annotated[float, Field(ge=-200, le=50)] | None = None


class Scan(_Placed):
    """A tag was read: proof of having been near it."""

    type: Literal["scan"]
    tag: Annotated[str, Field(min_length=1, max_length=64)]
    method: Literal["nfc", "rfid", "qr", "ble"]


def same_tag(tag: str) -> str:
    """The id of a tag as it is compared: readers differ in case and in separators."""
    return "".join(letter for letter in tag.upper() if letter.isalnum())


def _time_or_none(value: object) -> object:
    try:
        return parse_time(value)
    except ValueError:
        return None


class Button(_Placed):
    """Somebody pressed or released a button. Its time may be unreadable: an SOS is never refused for a bad clock."""

    type: Literal["button"]
    t: Annotated[WireTime | None, BeforeValidator(_time_or_none)] = None  # type: ignore[assignment]  # alone in this
    button: Literal["sos", "man_down", "check_in"]
    pressed: bool


class Task(_Reading):
    """The answer of a unit to a dispatch."""

    type: Literal["task"]
    incident: Annotated[str, Field(min_length=1, max_length=64)]
    state: Literal["accepted", "refused", "en_route", "arrived", "done"]
    text: Annotated[str, Field(max_length=2000)] | None = None


class Report(_Placed):
    """Something that a patrol saw and reports."""

    type: Literal["report"]
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    occurred_at: WireTime | None = None
    grade: Literal["ordinary", "coordination", "urgent", "major"] | None = None
    text: Annotated[str, Field(max_length=4000)] = ""


class Equipment(_Reading):
    """What a hydrant's or an extinguisher's tag measures."""

    type: Literal["equipment"]
    pressure_kpa: Annotated[float, Field(ge=-200, le=1e5)] | None = None
    temperature_c: Annotated[float, Field(ge=-100, le=1000)] | None = None
    tilt_deg: Annotated[float, Field(ge=-180, le=360)] | None = None
    cap_open: bool | None = None
    flowing: bool | None = None
    tamper: bool | None = None
    battery_pct: Percent | None = None


Reading = Position | Status | Scan | Button | Task | Report | Equipment
READING: TypeAdapter[Reading] = TypeAdapter(Annotated[Reading, Field(discriminator="type")])
TYPES = ("position", "status", "scan", "button", "task", "report", "equipment")
URGENT_TYPES = frozenset({"button", "task", "report"})
