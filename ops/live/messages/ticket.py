"""A ticket that was opened or closed, as it is now."""

from datetime import datetime
from typing import Literal

from ingest.queries import load_queries
from ops.http.resources.tickets import Ticket, ticket_of
from ops.live.kinds import Kind, Message, Row


class TicketMessage(Message):
    """The whole ticket."""

    type: Literal["ticket"] = "ticket"
    ticket: Ticket


def _make(row: Row, now: datetime) -> TicketMessage:
    return TicketMessage(ticket=ticket_of(row, now))


kind = Kind(
    model=TicketMessage,
    permission="tickets.read",
    changed=load_queries("ops.live.messages", "ticket.sql")["changed"],
    make=_make,
)
