"""The spans in which carried devices may be tracked, and what they are made from beside the dated world."""

from dataclasses import dataclass
from datetime import datetime

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.tracking import EVENTS, Allowed, Call, Dispatch, Facts, Stand

_SQL = load_queries("rules.store", "tracking.sql")


@dataclass(frozen=True, kw_only=True)
class State:
    """How far the spans are planned."""

    enforced: bool
    revision: int
    planned_at: datetime | None
    planned_until: datetime | None


async def state(connection: Connection) -> State:
    """The one row of `tracking_state`."""
    row = await (await connection.execute(_SQL["state"])).fetchone()
    assert row is not None  # noqa: S101  the migration made it
    return State(**row)


async def facts(connection: Connection, *, since: datetime, until: datetime) -> Facts:
    """What calls people to duty beside their shifts, and which squad is which."""
    span = {"since": since, "until": until}
    found = {
        name: await (await connection.execute(_SQL[name], span)).fetchall()
        for name in ("dispatches", "stands", "calls", "squads", "squad_posts")
    }
    return Facts(
        dispatches=tuple(Dispatch(**it) for it in found["dispatches"]),
        stands=tuple(Stand(**it) for it in found["stands"]),
        calls=tuple(Call(**it) for it in found["calls"]),
        squads={it["squad"]: frozenset(it["units"]) for it in found["squads"]},
        squad_of={it["code"]: it["squad"] for it in found["squad_posts"]},
    )


async def sync(connection: Connection, wanted: frozenset[Allowed], *, since: datetime, now: datetime) -> int:
    """Make the spans that reach beyond `since` those that are wanted; rows that are right stay as they are.

    Returns:
        How many rows changed.
    """
    rows = await (await connection.execute(_SQL["known"], {"since": since})).fetchall()
    known: dict[Allowed, int] = {}
    gone: list[int] = []
    over: list[int] = []
    for row in rows:
        span = Allowed(device=row["device"], start=row["valid_from"], end=row["valid_to"], why=row["why"])
        if span in wanted and span not in known:
            known[span] = row["id"]
        elif span.why not in EVENTS or span.start >= now:
            gone.append(row["id"])
        elif span.end > now:
            over.append(row["id"])
    added = sorted(wanted - known.keys(), key=lambda it: (it.device, it.start, it.end, it.why))
    if gone:
        await connection.execute(_SQL["forget"], {"ids": gone})
    if over:
        await connection.execute(_SQL["end"], {"ids": over, "now": now})
    if added:
        columns = {
            "devices": [it.device for it in added],
            "froms": [it.start for it in added],
            "tos": [it.end for it in added],
            "whys": [it.why for it in added],
        }
        await connection.execute(_SQL["add"], columns)
    return len(gone) + len(over) + len(added)


async def prune(connection: Connection, *, before: datetime) -> None:
    """Forget spans that ended long ago."""
    await connection.execute(_SQL["prune"], {"before": before})


async def planned(connection: Connection, *, enforced: bool, changed: bool, now: datetime, until: datetime) -> None:
    """Note how far the spans reach, as the last thing in its transaction, and tell ingest when something changed."""
    values = {"enforced": enforced, "changed": changed, "now": now, "until": until}
    await connection.execute(_SQL["planned"], values)
    if changed:
        await connection.execute("NOTIFY gengfu_tracking")
