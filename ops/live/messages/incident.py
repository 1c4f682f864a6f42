"""An incident that was reported, or went a step further, as it is now."""

from datetime import datetime
from typing import Literal

from ingest.queries import load_queries
from ops.http.resources.incidents import Incident, incident_of
from ops.live.kinds import Kind, Message, Row


class IncidentMessage(Message):
    """The whole incident; once it is closed it is open no more."""

    type: Literal["incident"] = "incident"
    incident: Incident


def _make(row: Row, now: datetime) -> IncidentMessage:
    return IncidentMessage(incident=incident_of(row, now))


kind = Kind(
    model=IncidentMessage,
    permission="incidents.read",
    changed=load_queries("ops.live.messages", "incident.sql")["changed"],
    make=_make,
)
