"""Where a device of a unit is now; the newest of each, at most once a second."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.fields import age_s
from ops.http.positions import flag_words
from ops.live.kinds import Kind, Message, Row
from ops.live.messages.left import Left


class PositionMessage(Message):
    """The newest fix of a device. Degrees WGS-84."""

    type: Literal["position"] = "position"
    unit: str
    device: str
    kind: str = Field(description="of the device, such as handset")
    lat: float
    lon: float
    accuracy_m: float | None
    speed_mps: float | None
    heading_deg: float | None
    battery_pct: int | None
    flags: list[str] = Field(description="what is odd about it, such as mock or clock_ahead")
    grid: str | None
    time: datetime = Field(description="when the device was there")
    heard_at: datetime = Field(description="when anything at all last came from it")
    age_s: float = Field(description="of the fix, when this was sent")


def _make(row: Row, now: datetime) -> PositionMessage | Left:
    if row["is_off"]:
        return _left(row["id"], row["its_unit"])
    return PositionMessage(
        unit=row["its_unit"],
        device=row["id"],
        kind=row["kind"],
        lat=row["lat"],
        lon=row["lon"],
        accuracy_m=row["accuracy_m"],
        speed_mps=row["speed_mps"],
        heading_deg=row["heading_deg"],
        battery_pct=row["battery_pct"],
        flags=flag_words(row["flags"]),
        grid=row["its_grid"],
        time=row["time"],
        heard_at=row["heard_at"],
        age_s=age_s(row["time"], now),
    )


def _left(device: str, unit: str | None) -> Left:
    return Left(unit=unit, device=device)


kind = Kind(
    model=PositionMessage,
    permission="units.read",
    changed=load_queries("ops.live.messages", "position.sql")["changed"],
    make=_make,
    calm=True,
    on_leaving=_left,
)
