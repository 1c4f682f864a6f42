"""One thing's newest state, encoded once for all who may see it."""

from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel

from ops.live.kinds import Kind


@dataclass(frozen=True, kw_only=True)
class News:
    """What is pushed about one thing.

    Attributes:
        kind: of the message.
        id: of the thing within its kind; a newer state takes the place of one that still waits.
        data: the event as it goes over the wire.
        grid: code of the grid in which it lies; None lies in no grid.
        unit: code of the unit that it belongs to.
        everywhere: whether it concerns every territory and unit alike.
    """

    kind: Kind
    id: str
    data: bytes
    grid: str | None
    unit: str | None
    everywhere: bool = False

    @cached_property
    def key(self) -> tuple[str, str]:
        """What one state replaces another by."""
        return self.kind.name, self.id


def event(message: BaseModel) -> bytes:
    """A message as a server-sent event; its JSON holds no line break."""
    return b"data: " + message.model_dump_json(by_alias=True).encode() + b"\n\n"
