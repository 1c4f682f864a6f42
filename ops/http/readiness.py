"""Whether the whole road stands, and where it does not: what `/health/ready` says."""

from gateway.register import revision
from ingest.database import Connection
from ingest.errors import SchemaOutdated
from ingest.migrate import check_schema
from ingest.queries import load_queries
from ops.http.database import Database, row, rows
from ops.http.errors import Problem

BEHIND_AFTER_S = 300.0  # a lane that is so far behind works off a backlog, or its probes do not come back
GONE_AFTER_S = 86_400.0  # a worker that has been silent for so long was probably taken away
SILENT_AFTER_S = 10.0  # a role that lives beats once a second; a standby takes over after as long
MAKE_ROOM = "make room there, or what the broker confirms may be lost"

_SQL = load_queries("ops.http", "readiness.sql")


async def reasons_not_ready(database: Database) -> list[str]:
    """One sentence per thing that does not stand; empty when all does."""
    try:
        async with database.transaction() as connection:
            return await _reasons(connection)
    except SchemaOutdated as error:
        return [str(error)]
    except Problem as problem:
        return [problem.detail]


async def _reasons(connection: Connection) -> list[str]:
    await check_schema(connection)
    found = []
    beats = await rows(connection, _SQL["ingest_beats"], {})
    if not beats:
        found.append("no ingest worker has reported yet; start `gengfu run ingest`")
    found += [
        f"ingest worker {beat['worker']}, lane {beat['lane']}, has not beaten for {beat['age_s']:.0f} s; "
        "see that `gengfu run ingest` runs"
        + (f", or `gengfu ingest forget {beat['worker']}` if it is gone" if beat["age_s"] > GONE_AFTER_S else "")
        for beat in beats
        if beat["age_s"] > SILENT_AFTER_S
    ]
    found += [
        f"ingest worker {beat['worker']}, lane {beat['lane']}, is behind by {beat['behind_s']:.0f} s; see its log"
        for beat in beats
        if beat["age_s"] <= SILENT_AFTER_S and beat["hears"] and beat["behind_s"] > BEHIND_AFTER_S
    ]
    found += [
        f"ingest worker {beat['worker']}, lane {beat['lane']}, has no session with the broker; "
        "see that the broker runs and lets it in"
        for beat in beats
        if beat["age_s"] <= SILENT_AFTER_S and not beat["hears"]
    ]
    leader = await row(connection, _SQL["rules_beat"], {})
    if leader is None:
        found.append("no rules worker has reported yet; start `gengfu run rules`")
    elif leader["age_s"] > SILENT_AFTER_S:
        found.append(f"the rules worker has not beaten for {leader['age_s']:.0f} s; see that `gengfu run rules` runs")
    register = await revision(connection)
    if not register.live:
        found.append("the gateway has not reported of late; see that `gengfu run gateway` runs")
    elif register.applied < register.revision:
        found.append("the broker does not act on the newest accounts yet; the gateway's log says why if this lasts")
    full = await row(connection, _SQL["broker_disk_full"], {})
    if full is not None:
        found.append(f"{full['title']}; {MAKE_ROOM}")
    return found
