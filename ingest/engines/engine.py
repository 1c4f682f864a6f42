"""What a storage engine does differently from another."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from ingest.database import Connection

TABLES = ("position", "reading")  # those that grow with time


class Engine(Protocol):
    """Five operations; every query besides is the same on all engines."""

    name: str

    async def ensure_schema(self, connection: Connection) -> None:
        """Make what this engine needs beyond the migrations; harmless to repeat."""
        ...

    async def ensure_partitions(self, connection: Connection, times: Iterable[datetime]) -> None:
        """See to it that rows of these times can be written; commits by itself, so call it outside a transaction."""
        ...

    def forget(self) -> None:
        """Look at the catalog again next time: somebody else may have dropped a partition."""
        ...

    async def compress(self, connection: Connection, *, older_than: datetime) -> int:
        """Compress what is older; returns how many partitions were."""
        ...

    async def drop_older(self, connection: Connection, *, than: datetime) -> list[str]:
        """Drop partitions that lie wholly before a time; returns their names."""
        ...

    async def refresh_rollup(self, connection: Connection, *, limit: int = 200) -> int:
        """Bring the hourly rollup up to date; returns how many hours were computed anew, `limit` at the most."""
        ...
