"""The site: what a console must know before it draws anything."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from ops.http.call import Call
from ops.http.fields import View
from ops.http.permissions import NO_SCOPE, SIGNED_IN
from ops.http.routes import route
from ops.version import service_version


class MapSettings(View):
    """What lies below the site's own map. Without `tiles` nothing is asked of anyone else."""

    tiles: str | None = Field(description="address of map tiles with {z}, {x} and {y}; null draws our own lines only")
    tiles_datum: Literal["wgs84", "gcj02", "bd09"] = Field(description="the datum in which the tiles are drawn")
    attribution: str | None = Field(description="whom to name on the map")


class Site(View):
    """The place that is watched."""

    zone: str = Field(description="IANA time zone of what people read")
    time: datetime = Field(description="now, by the server's clock")
    version: str = Field(description="of gengfu")
    map: MapSettings


@route(
    "GET",
    "/api/site",
    permission=SIGNED_IN,
    scope=NO_SCOPE,
    returns=Site,
    summary="Time zone, version and map settings of the site",
)
async def read_site(call: Call) -> Site:
    """As the settings say."""
    settings = call.service.settings
    return Site(
        zone=settings.site.zone,
        time=call.now,
        version=service_version(),
        map=MapSettings(
            tiles=settings.map.tiles, tiles_datum=settings.map.tiles_datum, attribution=settings.map.attribution
        ),
    )
