"""The last message of a stream that the server ends."""

from typing import Literal

from pydantic import Field

from ops.live.kinds import Kind, Message

Why = Literal["session", "server"]


class Closed(Message):
    """The stream ends here."""

    type: Literal["closed"] = "closed"
    reason: Why = Field(
        description="session: it ended, or the account is not what it was, so ask GET /api/session; "
        "server: it stops, so connect again in a moment"
    )


kind = Kind(model=Closed)
