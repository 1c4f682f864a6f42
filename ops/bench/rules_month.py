"""A month of the sample town: a week of the simulator's walks, repeated, as rows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from gateway.simulation import Plan, load_scenario
from ingest.database import Connection
from ingest.engines import choose_engine
from ingest.queries import load_queries
from ops.bench.database import Database
from ops.simulation import town_now

SQL = load_queries("ops.bench", "rules.sql")
SEED = 1
PIECE = timedelta(hours=6)
_COPY = """COPY position (device, time, digest, lat, lon, accuracy, speed, battery, flags, received_at) FROM STDIN"""


async def fill_month(database: Database, *, since: datetime, days: int, zone: str, tell: Callable[[str], None]) -> int:
    """Store what the town's devices reported on so many days.

    Args:
        database: with the sample town.
        since: of the first day, aware UTC.
        days: how many; the second week and those after it repeat the first.
        zone: the site's IANA zone.
        tell: told how far it is.

    Returns:
        How many fixes there are.
    """
    connection = database.connection
    engine = await choose_engine(connection, wish="auto")
    await engine.ensure_partitions(connection, [since + timedelta(days=day) for day in range(-1, days + 8)])
    numbers = {row["name"]: row["number"] for row in await _rows(connection, "SELECT name, number FROM device")}
    town = await town_now(database.url, zone=zone)
    plan = Plan(town, load_scenario("calm"), seed=SEED, start=since)
    until = since + timedelta(days=min(days, 7))
    start = since
    while start < until:
        tell(f"walking through the first week: {start:%Y-%m-%d %H:%M}")
        end = min(start + PIECE, until)
        said = plan.said(start.timestamp(), end.timestamp())
        await _store(connection, [(numbers[it.device], it.reading) for it in said if it.reading["type"] == "position"])
        start = end
    for weeks in range(1, -(-days // 7)):
        tell(f"repeating it: week {weeks + 1}")
        await connection.execute(SQL["another_week"], {"since": since, "weeks": weeks})
    await connection.execute(SQL["not_yet"], {"until": since + timedelta(days=days)})
    await connection.execute(SQL["goes_silent"], {"since": since})
    await database.settle()
    return await database.rows()


async def _rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    return await (await connection.execute(query.encode())).fetchall()


async def _store(connection: Connection, fixes: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for device, reading in fixes:
            at = datetime.fromisoformat(reading["t"]).astimezone(UTC)
            digest = crc32(repr(sorted(reading.items())).encode()) - 2**31
            accuracy = reading.get("accuracy_m")
            speed = reading.get("speed_mps")
            await copy.write_row(
                (
                    device,
                    at,
                    digest,
                    round(reading["lat"] * 1e7),
                    round(reading["lon"] * 1e7),
                    None if accuracy is None else round(accuracy * 10),
                    None if speed is None else round(speed * 100),
                    reading.get("battery_pct"),
                    0,
                    at,
                )
            )
