"""What a storage engine does differently from another."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ingest.database import Connection

TABLES = ("position", "reading")  # those that grow with time


@dataclass(frozen=True)
class Part:
    """One piece of a table: a partition or a chunk.

    Attributes:
        table: `position` or `reading`.
        name: of the piece in the database.
        begins: aware UTC, inclusive.
        ends: aware UTC, exclusive.
        rows: as the database estimates them; nothing is counted.
        size_bytes: on disk, with its indexes.
        compressed: it is columnar.
        partial: it is, and rows came after it was compressed.
    """

    table: str
    name: str
    begins: datetime
    ends: datetime
    rows: int
    size_bytes: int
    compressed: bool = False
    partial: bool = False


class Engine(Protocol):
    """Five operations and a look; every query besides is the same on all engines."""

    name: str
    columnar: bool  # whether it compresses

    async def ensure_schema(self, connection: Connection) -> None:
        """Make what this engine needs beyond the migrations; harmless to repeat."""
        ...

    async def ensure_partitions(self, connection: Connection, times: Iterable[datetime]) -> None:
        """See to it that rows of these times can be written; commits by itself, so call it outside a transaction."""
        ...

    def forget(self) -> None:
        """Look at the catalog again next time: somebody else may have dropped a partition."""
        ...

    async def compress(self, connection: Connection, *, older_than: datetime) -> list[str]:
        """Compress the pieces wholly before a time, and again those that got rows since; returns their names."""
        ...

    async def drop_older(self, connection: Connection, *, than: datetime) -> list[str]:
        """Drop the pieces that lie wholly before a time; returns their names."""
        ...

    async def refresh_rollup(self, connection: Connection, *, limit: int = 200) -> int:
        """Bring the hourly rollup up to date; returns how many hours were computed anew, `limit` at the most."""
        ...

    async def parts(self, connection: Connection) -> list[Part]:
        """The pieces of both tables, oldest first."""
        ...
