"""What an account of one unit sees besides: the duties of others while a post of its unit stood in for theirs."""

from typing import Any

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.call import Call
from ops.http.database import rows

_SQL = load_queries("ops.http", "standing_in.sql")


async def bounds_of_the_work(call: Call[Any, Any, Any], connection: Connection) -> dict[str, object]:
    """The bounds of a call, with the units whose work was done and when: `covered`, `covered_since`, `covered_until`.

    The three are of one length, and empty for whoever sees more than its own unit. An end is None until further notice.
    """
    bounds = call.bounds()
    found = await rows(connection, _SQL["covered"], {"unit": bounds["own_unit"]}) if bounds["own"] else []
    return {
        **bounds,
        "covered": [one["unit"] for one in found],
        "covered_since": [one["since"] for one in found],
        "covered_until": [one["until"] for one in found],
    }
