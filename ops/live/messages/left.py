"""A device that the reader saw is in its territory no more."""

from typing import Literal

from ops.live.kinds import Kind, Message


class Left(Message):
    """Take it off the map; where it went is for others to see."""

    type: Literal["left"] = "left"
    unit: str | None
    device: str


kind = Kind(model=Left, permission="units.read")
