"""The first message of a stream: after it, read the open state over HTTP, then apply what follows."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from ops.live.kinds import Kind, Message

STREAM_VERSION = 1  # counts up when a message changes so that an older console would misread it


class Hello(Message):
    """The stream is open, and misses nothing that is committed from now on."""

    type: Literal["hello"] = "hello"
    server: str = Field(description="another one after a restart")
    version: str = Field(description="of gengfu; a console of another version loads itself again")
    stream_version: int
    time: datetime = Field(description="now, by the server's clock")
    zone: str = Field(description="IANA time zone of what people read")
    user: str
    heartbeat_s: float = Field(description="between heartbeats; after three without one the link is dead")


kind = Kind(model=Hello)
