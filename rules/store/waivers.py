"""Waivers in the database: acts that let duties off, and the duties that they cover."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ingest.database import Connection
from ingest.queries import load_queries
from rules.errors import NotThere

_SQL = load_queries("rules.store", "waivers.sql")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a waiver is about: one duty or one round by key, or a unit, a grid or both within a span of aware UTC.

    Attributes:
        rules: names of the rules whose duties are meant; None: all.
        since: no window that begins before it is covered.
        until: no window that ends after it is covered.
    """

    duty: str | None = None
    round: str | None = None
    unit: str | None = None
    grid: str | None = None
    rules: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def row(self) -> dict[str, Any]:
        """The columns of `waiver`."""
        return {
            "duty": self.duty,
            "round": self.round,
            "unit": self.unit,
            "grid": self.grid,
            "rules": None if self.rules is None else list(self.rules),
            "since": self.since,
            "until": self.until,
        }


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far a waiver's terms reach: numbers of duties.

    Attributes:
        duties: that it would newly waive, by rule.
        waived: that are waived already.
        beyond: whose windows the span only cuts; they stay.
    """

    duties: dict[str, int]
    waived: int
    beyond: int


async def insert(connection: Connection, terms: Terms, *, why: str, actor: str, at: datetime) -> int:
    """Keep an act; returns its number. It says nothing yet: `cover` does."""
    values = {**terms.row(), "why": why, "actor": actor, "at": at}
    row = await (await connection.execute(_SQL["insert"], values)).fetchone()
    assert row is not None  # noqa: S101  RETURNING gives one row
    return int(row["id"])


async def reach(connection: Connection, terms: Terms) -> Reach:
    """What a span of a unit or a grid would cover; nothing is changed."""
    row = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in terms.row().items()}
    found = await (await connection.execute(_SQL["reach"], {"terms": Jsonb(row)})).fetchall()
    return Reach(
        duties={one["rule"]: one["new"] for one in found if one["new"]},
        waived=sum(one["waived"] for one in found),
        beyond=sum(one["beyond"] for one in found),
    )


async def within(connection: Connection, waiver: int) -> list[int]:
    """The duties that an act is about."""
    rows = await (await connection.execute(_SQL["within"], {"waiver": waiver})).fetchall()
    return [row["id"] for row in rows]


async def cover(connection: Connection, duties: Sequence[int]) -> list[int]:
    """Write the waivers in force onto those of these duties that have none; the oldest act counts.

    Returns:
        The duties that are waived now and were not.
    """
    if not duties:
        return []
    rows = await (await connection.execute(_SQL["cover"], {"ids": list(duties)})).fetchall()
    return [row["id"] for row in rows]


async def uncover(connection: Connection, duties: Sequence[int]) -> None:
    """Take the waiver off some duties; the act itself stays as it is."""
    await connection.execute(_SQL["uncover"], {"ids": list(duties)})


async def is_of_one(connection: Connection, waiver: int) -> bool:
    """Whether an act is of one duty alone."""
    row = await (await connection.execute(_SQL["is_of_one"], {"waiver": waiver})).fetchone()
    return bool(row and row["it"])


async def end(connection: Connection, waiver: int, *, actor: str, at: datetime) -> list[int]:
    """Take an act back.

    Returns:
        The duties that it had waived; none when it was taken back before.

    Raises:
        NotThere: no act has this number.
    """
    row = await (await connection.execute(_SQL["end"], {"waiver": waiver, "actor": actor, "at": at})).fetchone()
    if row is None:
        raise NotThere(f"there is no waiver {waiver}; GET /api/waivers lists those there are")
    rows = await (await connection.execute(_SQL["of_waiver"], {"waiver": waiver})).fetchall()
    return [one["id"] for one in rows]


async def mark(connection: Connection, duties: Sequence[int], *, at: datetime) -> None:
    """Have these duties judged again, by whoever holds the rules."""
    if duties:
        await connection.execute(_SQL["mark"], {"ids": list(duties), "at": at})
        await connection.execute("NOTIFY gengfu_dirty")


async def wake(connection: Connection, duties: Sequence[int], *, now: datetime) -> None:
    """Judge these duties at once, final ones too, as far as they have begun."""
    if duties:
        await connection.execute(_SQL["wake"], {"ids": list(duties), "now": now})
