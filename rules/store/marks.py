"""Dirty marks: what ingest and people say must be looked at."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest.database import Connection
from ingest.queries import load_queries
from rules.metrics import MARKS

_SQL = load_queries("rules.store", "marks.sql")


@dataclass(frozen=True)
class Mark:
    """One row of `dirty_mark`."""

    id: int
    kind: str
    subject: str
    window_from: datetime
    window_to: datetime
    made_at: datetime


async def some(
    connection: Connection, kinds: Sequence[str], *, without: Iterable[str] = (), limit: int = 5000
) -> list[Mark]:
    """The oldest marks of these kinds, except those of some subjects."""
    values = {"kinds": list(kinds), "without": list(without), "limit": limit}
    return [Mark(**row) for row in await (await connection.execute(_SQL["some"], values)).fetchall()]


async def forget(connection: Connection, marks: Sequence[Mark]) -> None:
    """Delete exactly these, in the transaction that did what they asked for."""
    if marks:
        await connection.execute(_SQL["forget"], {"ids": [mark.id for mark in marks]})
        for mark in marks:
            MARKS.labels(mark.kind).inc()
