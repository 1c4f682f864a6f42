"""Tickets: work that somebody must do."""

from datetime import datetime

from ingest.database import Connection
from ingest.queries import load_queries
from rules.replies import CloseTicket, OpenTicket
from rules.store.incidents import next_number

_SQL = load_queries("rules.store", "tickets.sql")


async def open_ticket(connection: Connection, ticket: OpenTicket, *, duty: int | None, at: datetime, zone: str) -> bool:
    """Open a ticket unless this work has had one; a ticket closed by hand stays closed.

    Returns:
        Whether it is new.
    """
    known = await (await connection.execute(_SQL["known"], {"fingerprint": ticket.fingerprint})).fetchone()
    if known and known["it"]:
        return False
    values = {
        "number": await next_number(connection, "T", at=at, zone=zone),
        "fingerprint": ticket.fingerprint,
        "kind": ticket.kind,
        "equipment": ticket.equipment,
        "title": ticket.title,
        "text": ticket.text,
        "grid": ticket.grid,
        "due_at": ticket.due_at,
        "duty": duty,
        "opened_at": at,
    }
    await connection.execute(_SQL["open"], values)
    return True


async def close_ticket(connection: Connection, ticket: CloseTicket, *, at: datetime) -> bool:
    """Close a ticket; harmless to repeat.

    Returns:
        Whether one was open.
    """
    values = {"fingerprint": ticket.fingerprint, "resolution": ticket.resolution, "at": at}
    return (await connection.execute(_SQL["close"], values)).rowcount > 0
