"""An objection that was made, answered or withdrawn."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.fields import View
from ops.live.kinds import Kind, Message, Row


class ObjectionNews(View):
    """Where an objection stands; GET /api/objections tells the rest."""

    id: int
    duty: int = Field(description="number of the duty")
    unit: str
    state: Literal["open", "upheld", "rejected", "withdrawn"]


class ObjectionMessage(Message):
    """One objection as it stands now."""

    type: Literal["objection"] = "objection"
    objection: ObjectionNews


def _make(row: Row, now: datetime) -> ObjectionMessage:
    return ObjectionMessage(
        objection=ObjectionNews.model_validate({name: row[name] for name in ObjectionNews.model_fields})
    )


kind = Kind(
    model=ObjectionMessage,
    permission="objections.read",
    changed=load_queries("ops.live.messages", "objection.sql")["changed"],
    make=_make,
)
