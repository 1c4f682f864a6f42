"""The plan of today is another one: rounds came, went, or it is a new day."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.live.kinds import Kind, Message, Row


class RoundsMessage(Message):
    """Read GET /api/rounds anew."""

    type: Literal["rounds"] = "rounds"
    day: date = Field(description="the site's date")


def _make(row: Row, now: datetime) -> RoundsMessage:
    return RoundsMessage(day=row["day"])


kind = Kind(
    model=RoundsMessage,
    permission="rounds.read",
    changed=load_queries("ops.live.messages", "rounds.sql")["changed"],
    make=_make,
    calm=True,
)
