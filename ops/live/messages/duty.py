"""A point of a round that opened, fell due or came to another verdict."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.fields import View
from ops.http.resources.rounds import DutyState, Verdict
from ops.live.kinds import Kind, Message, Row


class DutyNews(View):
    """What changes about a point of a round as time goes on; GET /api/rounds tells the rest."""

    id: int = Field(description="number of the duty, as in the points of a round")
    round: int = Field(description="number of the round; one that the reader does not know is a reason to read anew")
    checkpoint: str
    unit: str
    route: str
    state: DutyState
    verdict: Verdict | None
    reasons: list[Any]
    due_at: datetime
    met_at: datetime | None
    judged_at: datetime | None


class DutyMessage(Message):
    """One point as it stands now."""

    type: Literal["duty"] = "duty"
    duty: DutyNews


def _make(row: Row, now: datetime) -> DutyMessage:
    return DutyMessage(duty=DutyNews.model_validate({name: row[name] for name in DutyNews.model_fields}))


kind = Kind(
    model=DutyMessage,
    permission="rounds.read",
    changed=load_queries("ops.live.messages", "duty.sql")["changed"],
    make=_make,
)
