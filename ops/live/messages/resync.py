"""The order to begin anew: something cannot be told as news."""

from typing import Literal

from pydantic import Field

from ops.live.kinds import Kind, Message

Why = Literal["behind", "territory", "database"]


class Resync(Message):
    """The stream ends here; connect again and read the open state anew."""

    type: Literal["resync"] = "resync"
    reason: Why = Field(
        description="behind: too much lay waiting for this reader; territory: what it may see changed; "
        "database: it was replaced"
    )


kind = Kind(model=Resync)
