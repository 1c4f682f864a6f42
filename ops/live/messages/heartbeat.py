"""A sign of life, and whether the road behind the stream stands."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from ops.live.kinds import Kind, Message

EVERY_S = 10.0


class Heartbeat(Message):
    """The link stands. A null says that it is not known."""

    type: Literal["heartbeat"] = "heartbeat"
    time: datetime = Field(description="now, by the server's clock")
    database: bool = Field(description="whether it answers; when not, no news come until it does")
    looked_s: float | None = Field(description="seconds since the last look for news; about 1")
    ingest_s: float | None = Field(description="seconds since the slowest part of ingest last showed life; about 1")
    newest_s: float | None = Field(description="seconds since any device was heard at all")
    rules_s: float | None = Field(description="seconds since the rules last showed life; about 1")
    session_ends_at: datetime = Field(description="when the session ends in any case; sign in again before")


kind = Kind(model=Heartbeat)
