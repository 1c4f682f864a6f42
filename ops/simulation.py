"""What `gengfu simulate` takes from the database: the town as it is now, its calendar, and the numbers of incidents."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from devices.times import parse_time
from gateway.simulation import Checkpoint, Device, Hold, Round, Route, Scenario, Spell, Thing, Town
from ingest.database import Connection, Pool, connect, transaction
from ingest.errors import DatabaseUnavailable
from ingest.queries import load_queries
from ops.http.acts import record
from rules.core.periods import daily
from rules.core.rounds import rounds, watches
from rules.core.world import World
from rules.errors import NotNow
from rules.roster import add_leave
from rules.store.world import snapshot

_SQL = load_queries("ops", "simulation.sql")
LAG_S = 7.0  # one of a unit walks so far behind the other
LEADER_LAG_S = 90.0  # a squad's leader follows one of its units at a distance


async def town_now(conninfo: str, *, zone: str) -> Town:
    """The town as it is in force now.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    async with await connect(conninfo, name="simulate") as connection:
        rows = {name: await _rows(connection, name) for name in _SQL if name != "incident"}
        world = (await snapshot(connection, zone=zone)).world
    return Town(
        checkpoints={it["code"]: Checkpoint(**it) for it in rows["checkpoints"]},
        routes={
            it["code"]: Route(it["code"], line, tuple(it["checkpoints"]), it["ordered"], _legs_s(it["legs"]))
            for it in rows["routes"]
            for line in _lines(it["geometry"])[:1]
        },
        units={it["code"]: it["kind"] for it in rows["units"]},
        devices=_devices(rows["devices"]),
        shifts=frozenset(it.code for it in world.shifts),
        rostered=frozenset(it.unit for it in world.shifts),
        calendar=Roster(world),
        roads=tuple(line for it in rows["roads"] for line in _lines(it["geometry"])),
        lines={it["code"]: line for it in rows["lines"] for line in _lines(it["geometry"])[:1]},
        posts=frozenset(it.code for it in world.posts),
        things={it["code"]: Thing(**it) for it in rows["things"]},
    )


class Roster:
    """The calendar of a simulation: the same rounds and hours, to the minute, that the rules plan for this world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, since_s: float, until_s: float) -> Iterator[Spell]:
        """The stretches of duty that end after a moment and start before another, in seconds since 1970."""
        since, until = (datetime.fromtimestamp(it, UTC) for it in (since_s, until_s))
        yield from self._shifts(since, until)
        yield from self._posts(since, until)

    def _shifts(self, since: datetime, until: datetime) -> Iterator[Spell]:
        hours: dict[tuple[str, str, str], tuple[datetime, datetime]] = {}
        for watch in watches(self._world, since=since, until=until):
            hours[watch.shift.unit, watch.day.isoformat(), watch.shift.code] = watch.starts_at, watch.ends_at
        first = min((starts_at for starts_at, _ in hours.values()), default=since)
        last = max((ends_at for _, ends_at in hours.values()), default=until)
        walks: dict[tuple[str, str, str], list[Round]] = defaultdict(list)
        for it in rounds(self._world, since=first, until=last):
            _, day, number = it.key.rsplit("/", 2)
            window = it.starts_at.timestamp(), it.ends_at.timestamp()
            walks[it.unit, day, it.shift].append(Round(it.route, int(number), *window))
        for key, (starts_at, ends_at) in sorted(hours.items()):
            yield Spell("/".join(key), key[0], starts_at.timestamp(), ends_at.timestamp(), tuple(walks[key]))

    def _posts(self, since: datetime, until: datetime) -> Iterator[Spell]:
        for post in self._world.static_posts:
            zone = self._world.zone
            for day, its in daily(post.days, post.starts, post.ends, since=since, until=until, zone=zone):
                if post.holds(its.start):
                    window = its.start.timestamp(), its.end.timestamp()
                    hold = Hold(post.code, post.lat, post.lon, *window)
                    yield Spell(f"{post.unit}/{day.isoformat()}/{post.code}", post.unit, *window, holds=(hold,))


async def record_leaves(conninfo: str, story: Scenario, *, start: datetime, actor: str) -> int:
    """Record the leaves of a scenario, as an officer would; one that is recorded already stays as it is.

    Args:
        conninfo: of the database.
        story: whose leaves.
        start: of the scenario, aware.
        actor: who is said to have recorded them.

    Returns:
        How many are new.

    Raises:
        NotThere: there is no such post.
    """
    made = 0
    async with await connect(conninfo, name="simulate") as connection:
        for leave in story.leaves:
            since = start + timedelta(seconds=leave.at)
            until = since + timedelta(seconds=leave.duration)
            with suppress(NotNow):
                async with connection.transaction():
                    change = await add_leave(
                        connection,
                        leave.post,
                        kind="leave",
                        start=since,
                        end=until,
                        note=story.title,
                        now=datetime.now(UTC),
                    )
                    await record(
                        connection, actor=actor, action="leave.add", subject=change.subject, detail=change.detail
                    )
                    made += 1
    return made


class Incidents:
    """Looks up which number an incident got; use it with an open pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def number(self, device: str, t: str) -> str | None:
        """The number of the incident that a device's report opened, None when there is none (yet)."""
        try:
            async with transaction(self._pool) as connection:
                values = {"source": f"device:{device}", "at": parse_time(t)}
                row = await (await connection.execute(_SQL["incident"], values)).fetchone()
        except (DatabaseUnavailable, psycopg.Error):
            return None  # asked again soon; a database that is away must not end the simulation
        return str(row["number"]) if row else None


async def _rows(connection: Connection, name: str) -> list[dict[str, Any]]:
    return await (await connection.execute(_SQL[name])).fetchall()


def _lines(geometry: Mapping[str, Any]) -> list[tuple[tuple[float, float], ...]]:
    """Latitude and longitude along a LineString or along each line of a MultiLineString."""
    lines = [geometry["coordinates"]] if geometry["type"] == "LineString" else geometry["coordinates"]
    return [tuple((place[1], place[0]) for place in line) for line in lines]


def _devices(rows: list[dict[str, Any]]) -> tuple[Device, ...]:
    behind: dict[tuple[str, str], int] = defaultdict(int)
    found = []
    for it in rows:
        lag_s = LEADER_LAG_S if it["follows"] else 0.0
        if it["holder_kind"] == "post" and not it["follows"] and it["unit"]:
            key = (it["unit"], it["kind"])
            lag_s, behind[key] = behind[key] * LAG_S, behind[key] + 1
        found.append(Device(it["name"], it["kind"], unit=it["unit"], thing=it["thing"], lag_s=lag_s))
    return tuple(found)


def _legs_s(legs: list[dict[str, float]]) -> tuple[float, ...]:
    return tuple(it["minutes"] * 60 for it in legs)
