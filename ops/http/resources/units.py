"""Units: who is out, what they carry, where they were last."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows
from ops.http.fields import View
from ops.http.permissions import GRID
from ops.http.positions import Fix, fix_of
from ops.http.routes import route
from ops.town.model import DAYS

_SQL = load_queries("ops.http.resources", "units.sql")


class CarriedDevice(View):
    """A device in a unit's custody now."""

    name: str
    kind: str
    label: str | None
    post: str | None = Field(description="code of the post that carries it; null when the unit itself does")
    heard_at: datetime | None = Field(description="when anything at all last came from it")
    battery_pct: int | None
    battery_at: datetime | None
    charge_pct: int | None = Field(description="of the vehicle that it sits in")
    charge_at: datetime | None
    position: Fix | None = Field(description="null when it has none, or is outside your territory")


class Unit(View):
    """A unit with its newest position, the newest of its devices'."""

    code: str
    name: str
    kind: str
    squad: str | None
    shifts_now: list[str] = Field(description="codes of the shifts it is on now")
    on_duty: bool
    position: Fix | None
    position_of: str | None = Field(description="name of the device whose position it is")
    charge_pct: int | None = Field(description="newest charge that a device of an electric unit said")
    charge_at: datetime | None
    devices: list[CarriedDevice]


class UnitList(View):
    """All units of the territory."""

    items: list[Unit]


def is_on(shift: Mapping[str, Any], local: datetime) -> bool:
    """Whether a shift is on at a local time; one that does not end after it starts ends on the next day."""
    starts: time = shift["starts"]
    ends: time = shift["ends"]
    clock = local.time()
    today, yesterday = DAYS[local.weekday()], DAYS[(local - timedelta(days=1)).weekday()]
    if starts < ends:
        return today in shift["days"] and starts <= clock < ends
    return (today in shift["days"] and clock >= starts) or (yesterday in shift["days"] and clock < ends)


def _unit(unit: Mapping[str, Any], held: Sequence[Mapping[str, Any]], shifts: list[str], now: datetime) -> Unit:
    devices = [
        CarriedDevice(
            name=one["name"],
            kind=one["kind"],
            label=one["label"],
            post=one["post"],
            heard_at=one["heard_at"],
            battery_pct=one["battery_pct"],
            battery_at=one["battery_at"],
            charge_pct=one["charge_pct"],
            charge_at=one["charge_at"],
            position=fix_of(one, now),
        )
        for one in held
    ]
    placed = [(device.position.time, device.name, device.position) for device in devices if device.position]
    charges = [(it.charge_at, it.charge_pct) for it in devices if it.charge_at and unit["kind"] == "electric"]
    charge_at, charge_pct = max(charges, default=(None, None))
    _, position_of, position = max(placed, key=lambda one: one[:2], default=(None, None, None))
    return Unit(
        code=unit["code"],
        name=unit["name"],
        kind=unit["kind"],
        squad=unit["squad"],
        shifts_now=shifts,
        on_duty=bool(shifts),
        position=position,
        position_of=position_of,
        charge_pct=charge_pct,
        charge_at=charge_at,
        devices=devices,
    )


@route(
    "GET",
    "/api/units",
    permission="units.read",
    scope=GRID,
    returns=UnitList,
    summary="Units with their devices, newest position and whether they are on duty",
)
async def list_units(call: Call) -> UnitList:
    """A unit that belongs elsewhere shows while one of its devices is within the viewer's territory."""
    bounds = call.bounds()
    async with call.transaction() as connection:
        held = defaultdict(list)
        for one in await rows(connection, _SQL["list_unit_devices"], bounds):
            held[one["unit"]].append(one)
        visiting = [unit for unit, devices in held.items() if any(one["time"] for one in devices)]
        units = await rows(connection, _SQL["list_units"], {**bounds, "visiting": visiting})
        shifts = await rows(connection, _SQL["list_shifts"], bounds)
    local = call.now.astimezone(ZoneInfo(call.service.settings.site.zone))
    on = defaultdict(set)
    for shift in shifts:
        if is_on(shift, local):
            on[shift["unit"]].add(shift["code"])
    return UnitList(items=[_unit(unit, held[unit["code"]], sorted(on[unit["code"]]), call.now) for unit in units])
