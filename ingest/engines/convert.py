"""From plain partitions to hypertables: at once when the tables are empty, else copied day by day and then swapped."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from psycopg import sql

from ingest.database import Connection
from ingest.engines.choice import State, Wish, state_of
from ingest.engines.choice import mismatch as _mismatch
from ingest.engines.engine import Part
from ingest.engines.native import NativeEngine
from ingest.engines.timescale import lift_limit
from ingest.errors import ConversionRefused, EngineMismatch
from ingest.queries import load_queries

_SQL = load_queries("ingest.engines", "convert.sql")
_COMPRESS = load_queries("ingest.engines", "timescale.sql")["compress"]

log = logging.getLogger(__name__)


async def adopt(connection: Connection, *, wish: Wish, say: Callable[[str], None]) -> None:
    """Make hypertables of empty tables where the extension is there and nobody asked for the native engine.

    Args:
        connection: of a migrated database, in no transaction.
        wish: the setting storage.engine.
        say: receives a sentence when something is done, or could be.

    Raises:
        EngineMismatch: hypertables are asked for, but there is no extension that can make them.
    """
    state = await state_of(connection)
    if not state.partitioned:
        await connection.execute(_SQL["index_hours"])
        return
    if wish == "native":
        return
    if not state.convertible:
        if wish == "timescale":
            raise EngineMismatch(await _mismatch(connection))
        return
    if await _one(connection, "has_rows"):
        say("this database has TimescaleDB, but its tables hold readings: `gengfu storage convert` moves them over")
        return
    await _nobody_writes(connection)
    async with connection.transaction():
        await connection.execute(_SQL["make"])
        await _swap(connection)
    await lift_limit(connection)
    say(f"readings are kept in hypertables of TimescaleDB {state.version}")


async def convert(
    connection: Connection,
    *,
    compress_before: datetime,
    plan: Callable[[list[Part]], None] = lambda _: None,
    moved: Callable[[Part], None] = lambda _: None,
) -> State:
    """Copy what there is into hypertables and put them in place; can be repeated after it was broken off.

    The old tables stay whole until the last step, so nobody sees a hole; for that time both need room on the disk.

    Args:
        connection: in no transaction, without a limit of time.
        compress_before: days that ended before are compressed as soon as they are copied.
        plan: told all days before the first is copied.
        moved: told each day that is there now.

    Returns:
        The state before.

    Raises:
        EngineMismatch: there is no extension that can do it.
        ConversionRefused: ingest runs, or what was copied is not what there was.
    """
    state = await state_of(connection)
    if not state.partitioned:
        return state
    if not state.convertible:
        raise EngineMismatch(await _mismatch(connection))
    await _nobody_writes(connection)
    await lift_limit(connection)
    if not await _one(connection, "begun"):
        async with connection.transaction():
            await connection.execute(_SQL["make"])
    parts = await NativeEngine().parts(connection)
    plan(parts)
    for part in parts:
        await _copy(connection, part, compress_before=compress_before)
        moved(part)
    async with connection.transaction():
        await connection.execute(_SQL["lock"])
        await _compare(connection)
        await _swap(connection)
    return state


async def _nobody_writes(connection: Connection) -> None:
    writers = await (await connection.execute(_SQL["writers"])).fetchall()
    if writers:
        names = ", ".join(sorted(row["name"] for row in writers))
        raise ConversionRefused(
            f"{names} is at work on this database; stop it (messages wait in the broker), then try again"
        )


async def _copy(connection: Connection, part: Part, *, compress_before: datetime) -> None:
    table = f"{part.table}_hyper"
    done = await (await connection.execute(_SQL["copied_chunks"], {"table": table})).fetchall()
    if part.begins in {row["begins"].astimezone(UTC) for row in done}:
        return
    names = {"table": sql.Identifier(table), "part": sql.Identifier(part.name)}
    copy = sql.SQL("INSERT INTO {table} SELECT * FROM {part} ORDER BY device, time ON CONFLICT DO NOTHING")
    await connection.execute(copy.format(**names))
    if part.ends <= compress_before:
        span = {"table": table, "begins": part.begins, "ends": part.ends}
        for chunk in await (await connection.execute(_SQL["chunks_of_day"], span)).fetchall():
            await connection.execute(_COMPRESS, {"chunk": chunk["name"]})


async def _compare(connection: Connection) -> None:
    counts = await (await connection.execute(_SQL["counts"])).fetchone() or {}
    for table in ("position", "reading"):
        if counts[table] != counts[f"{table}_hyper"]:
            raise ConversionRefused(
                f"{table} has {counts[table]} rows, but {counts[f'{table}_hyper']} were copied: something wrote "
                "meanwhile. Nothing was changed; see that nothing writes, DROP TABLE position_hyper, reading_hyper "
                "and begin again"
            )


async def _swap(connection: Connection) -> None:
    row = await (await connection.execute(_SQL["view"])).fetchone() or {}
    await connection.execute(_SQL["touch_hours"])
    older = await _one(connection, "older_hours")
    await connection.execute(_SQL["keep_hours" if older else "drop_hours"])
    await connection.execute(_SQL["swap"])
    await connection.execute(_SQL["aggregate"])
    await connection.execute(_SQL["index_hours"])
    await connection.execute(sql.SQL("CREATE VIEW position_readable AS {}").format(sql.SQL(row["definition"])))


async def _one(connection: Connection, name: str) -> bool:
    row = await (await connection.execute(_SQL[name])).fetchone()
    return bool(row and next(iter(row.values())))
