"""Looks at the disk on which the broker keeps its queues, because a broker whose disk is full goes on confirming."""

import asyncio
import logging
import math
import os
from dataclasses import dataclass
from pathlib import Path

import psycopg

from gateway.errors import StoreUnseen
from gateway.metrics import STORE_FREE, STORE_SIZE
from gateway.outage import Outage
from ingest.database import Pool, transaction
from ingest.errors import DatabaseUnavailable
from ingest.queries import load_queries

log = logging.getLogger(__name__)

LOOK_S = 10.0  # an alarm shall be there within 30 s
_SQL = load_queries("gateway", "store_disk.sql")


@dataclass(frozen=True)
class Space:
    """A file system: bytes that an ordinary user may still write, and bytes in all."""

    free_bytes: int
    size_bytes: int


def space_of(folder: Path) -> Space:
    """How full the file system under a folder is.

    Raises:
        StoreUnseen: the folder is not there, or may not be looked at.
    """
    try:
        found = os.statvfs(folder)
    except OSError as error:
        raise StoreUnseen(
            f"{folder} cannot be looked at ({error.strerror}); set broker.store_dir to the folder in which the broker "
            "keeps its queues, and let this user enter it"
        ) from error
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


class StoreDisk:
    """Writes down again and again how much the broker can still save; or, without a folder, that nobody knows.

    Args:
        pool: of the database.
        folder: in which the broker keeps its queues; None when it is on another machine.
        every_s: seconds between two looks.
    """

    def __init__(self, pool: Pool, *, folder: Path | None, every_s: float = LOOK_S) -> None:
        self._pool = pool
        self._folder = folder
        self._every_s = every_s
        self._outage = Outage(log, thing="looking at the broker's disk")

    async def run(self) -> None:
        """Look until cancelled; without a folder, forget what another gateway saw, and end."""
        done = False
        while not done:
            try:
                await self._note(await self.look())
            except (StoreUnseen, DatabaseUnavailable, psycopg.Error) as error:
                self._outage.failed(error)
            else:
                self._outage.worked()
                done = self._folder is None
            if not done:
                await asyncio.sleep(self._every_s)

    async def look(self) -> Space | None:
        """The space there is, which the metrics show from now on; None without a folder.

        Raises:
            StoreUnseen: the folder is not there, or may not be looked at.
        """
        if self._folder is None:
            return None
        STORE_FREE.set(math.nan)
        STORE_SIZE.set(math.nan)
        space = await asyncio.to_thread(space_of, self._folder)
        STORE_FREE.set(space.free_bytes)
        STORE_SIZE.set(space.size_bytes)
        return space

    async def _note(self, space: Space | None) -> None:
        async with transaction(self._pool) as connection:
            if space is None:
                await connection.execute(_SQL["forget_store"])
            else:
                await connection.execute(_SQL["note_store"], {"free": space.free_bytes, "size": space.size_bytes})
