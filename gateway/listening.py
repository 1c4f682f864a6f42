"""LISTEN on the database: wakes whoever waits for an event; everyone polls as well, so a lost word only costs time."""

import asyncio
import logging
from collections.abc import Mapping

import psycopg
from psycopg import sql

from gateway.backoff import Backoff
from ingest.database import connect
from ingest.errors import DatabaseUnavailable

log = logging.getLogger(__name__)


async def listen(conninfo: str, *, events: Mapping[str, asyncio.Event], name: str) -> None:
    """Set the event of a channel at each notification, and all of them after each connect; runs until cancelled."""
    backoff = Backoff()
    while True:
        try:
            async with await connect(conninfo, name=f"{name} listen") as connection:
                for channel in events:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                for event in events.values():
                    event.set()
                backoff.reset()
                async for note in connection.notifies():
                    events[note.channel].set()
        except (DatabaseUnavailable, psycopg.Error) as error:
            log.debug("not listening: %s", error)  # the polls say the same at a level that people see
        await asyncio.sleep(backoff.next_s())


async def wait_for(event: asyncio.Event, *, at_most_s: float) -> None:
    """Wait for the event or the next poll, and clear it."""
    await pause(event, at_most_s=at_most_s)
    event.clear()


async def pause(event: asyncio.Event, *, at_most_s: float) -> bool:
    """Wait for the event, and leave it as it is; says whether it is set."""
    try:
        async with asyncio.timeout(at_most_s):
            await event.wait()
    except TimeoutError:
        pass
    return event.is_set()
