"""What is stored of a span, for back-tests: readings, and what became of duties and alerts in fact."""

from datetime import datetime
from typing import Any

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.fixes import Span

_SQL = load_queries("rules.store", "history.sql")
_E7 = 1e7  # stored degrees are integers of 1e-7


async def anything(connection: Connection, span: Span) -> bool:
    """Whether any reading of the span is stored."""
    row = await (await connection.execute(_SQL["anything"], _values(span))).fetchone()
    return bool(row and row["it"])


async def dropped_before(connection: Connection) -> datetime | None:
    """Up to when readings were dropped for their age, or None."""
    row = await (await connection.execute(_SQL["dropped"])).fetchone()
    return row["at"] if row else None


async def oldest(connection: Connection) -> datetime | None:
    """Time of the oldest position, as far as hours were rolled up; None before the first hour was."""
    row = await (await connection.execute(_SQL["oldest"])).fetchone()
    return row["at"] if row else None


async def stored_duties(connection: Connection, rule: str, span: Span) -> dict[str, dict[str, Any]]:
    """State, verdict, reasons, met_at and waived_at of the duties that ended in a span, by key."""
    rows = await (await connection.execute(_SQL["duties"], {"rule": rule, **_values(span)})).fetchall()
    return {row.pop("key"): row for row in rows}


async def openings(connection: Connection, rule: str, span: Span) -> list[dict[str, Any]]:
    """Every time that an alert about a span was opened or opened again."""
    return await (await connection.execute(_SQL["alerts"], {"rule": rule, **_values(span)})).fetchall()


async def incidents_of(connection: Connection, span: Span) -> list[int]:
    """Numbers of the incidents that somebody was sent to within a span."""
    return [row["id"] for row in await (await connection.execute(_SQL["incidents"], _values(span))).fetchall()]


async def buttons(connection: Connection, span: Span) -> list[dict[str, Any]]:
    """Buttons of all devices; lat and lon in degrees."""
    return _in_degrees(await (await connection.execute(_SQL["buttons"], _values(span))).fetchall())


def _values(span: Span) -> dict[str, Any]:
    return {"since": span.start, "until": span.end}


def _in_degrees(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        for name in ("lat", "lon"):
            row[name] = None if row[name] is None else row[name] / _E7
    return rows
