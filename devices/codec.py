"""What a codec is: topics it reads, and a function from a frame to readings and refusals."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, Protocol

from devices.identity import DEVICE_NAME
from devices.readings import Reading

MAX_PAYLOAD_BYTES = 256 * 1024


@dataclass(frozen=True)
class TopicPattern:
    """A topic that a codec uses; exactly one level is `{device}`, and any number of others may be `{any}`.

    Attributes:
        pattern: such as `gengfu/v1/{device}/up`, or `owntracks/{device}/{any}` where a level may hold what it likes.
        use: what the device does with it.
        lane: which session of gengfu reads or writes it.
        account: whether one device speaks for itself there, or a gateway for a list of devices.
    """

    pattern: str
    use: Literal["publish", "subscribe"]
    lane: Literal["up", "urgent", "down", "state"]
    account: Literal["device", "gateway"] = "device"

    def topic(self, device: str, *, other: str = "+") -> str:
        """The topic of one device, with `other` in the levels that may hold anything: by default their filter."""
        return self.pattern.replace("{device}", device).replace("{any}", other)

    def filter(self) -> str:
        """The MQTT filter that matches every device's."""
        return self.topic("+")

    def shown(self) -> str:
        """The pattern as people read it."""
        return self.pattern.replace("{device}", "<device>").replace("{any}", "<any>")

    def device_of(self, topic: str) -> str | None:
        """Which device a topic names; None when the topic is not of this pattern."""
        ours, theirs = self.pattern.split("/"), topic.split("/")
        if len(ours) != len(theirs):
            return None
        device = None
        for mine, its in zip(ours, theirs, strict=True):
            if mine == "{device}":
                device = its
            elif mine != its and not (mine == "{any}" and its):
                return None
        return device if device and DEVICE_NAME.fullmatch(device) else None


@dataclass(frozen=True)
class Stamped:
    """A reading and the device that the topic (or a gateway's list) says made it."""

    device: str
    reading: Reading


@dataclass(frozen=True)
class Refusal:
    """What could not be decoded, and why.

    Attributes:
        reason: a machine word: size, utf8, json, depth, schema, topic.
        detail: a sentence that says where and what to do.
        fragment: the bytes to keep; one element of an array, or the whole payload.
        device: who said it, when that is known.
        boot: of the element, when it could be read; a receipt covers refused readings too.
        seq: likewise.
    """

    reason: str
    detail: str
    fragment: bytes
    device: str | None = None
    boot: int | None = None
    seq: int | None = None


@dataclass(frozen=True)
class Decoded:
    """What one frame gave; `ignored` counts, by a reason of one word, what there is nothing to keep of."""

    readings: list[Stamped] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)


class Codec(Protocol):
    """One wire format. `decode` never raises: whatever cannot be read comes back as a refusal."""

    name: str
    title: str
    topics: tuple[TopicPattern, ...]

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Turn one frame into readings and refusals."""
        ...


_LEVELS = re.compile(r"(?:[^{}/]+|\{device\}|\{any\})(?:/(?:[^{}/]+|\{device\}|\{any\}))*")


def check_codec(codec: Codec) -> None:
    """Say no to a codec whose topics cannot be turned into an access list."""
    for topic in codec.topics:
        if not _LEVELS.fullmatch(topic.pattern) or topic.pattern.split("/").count("{device}") != 1:
            raise ValueError(f"codec {codec.name}: {topic.pattern!r} must have exactly one level that is {{device}}")
