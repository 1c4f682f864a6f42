"""The register of devices, without their secrets."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.fields import Code, Cursor, Page, Query, View
from ops.http.permissions import GRID
from ops.http.routes import route

Kind = Literal["handset", "radio", "vehicle", "tag", "recorder"]

_SQL = load_queries("ops.http.resources", "devices.sql")
_PAGING = Paging(tuple[Code], past="name")


class DeviceQuery(Query):
    """Which devices."""

    kind: list[Kind] | None = Field(None, description="repeat it for several")
    revoked: bool | None = Field(False, description="true for those that were revoked, false for those in use")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Cursor | None = None


class Device(View):
    """One device of the register."""

    name: str
    kind: Kind
    label: str | None
    datum: Literal["wgs84", "gcj02", "bd09"]
    registered_at: datetime
    revoked_at: datetime | None
    has_secret: bool
    heard_at: datetime | None
    holder_kind: Literal["post", "unit", "equipment"] | None
    holder: str | None = Field(description="code of the post, unit or equipment that has it now")


class DevicePage(Page):
    """One page of devices, by name."""

    items: list[Device]


@route(
    "GET",
    "/api/devices",
    permission="devices.read",
    scope=GRID,
    query=DeviceQuery,
    returns=DevicePage,
    summary="The register of devices, by name",
)
async def list_devices(call: Call[DeviceQuery]) -> DevicePage:
    """A device that nobody holds and that never spoke shows to accounts of the whole site only."""
    query = call.query
    params = {**call.bounds(), **query.model_dump()}
    async with call.transaction() as connection:
        page, following = await _PAGING.read(connection, _SQL["list_devices"], params, query)
    return DevicePage(
        items=[Device.model_validate(one) for one in page],
        next=following,
    )
