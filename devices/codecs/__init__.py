"""One codec per wire format, found by discovery: each module here that exports `codec: Codec`."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from devices.codec import (
    MAX_PAYLOAD_BYTES,
    Codec,
    Decoded,
    Refusal,
    Stamped,
    TopicPattern,
    check_codec,
)
from devices.errors import UnknownCodec

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "Codec",
    "Decoded",
    "Refusal",
    "Stamped",
    "TopicPattern",
    "codec_named",
    "codec_of_topic",
    "codecs",
]


@cache
def codecs() -> dict[str, Codec]:
    """All codecs by name, in the order of their names."""
    found: dict[str, Codec] = {}
    for module in iter_modules(__path__):
        codec: Codec | None = getattr(import_module(f"{__name__}.{module.name}"), "codec", None)
        if codec is not None and hasattr(codec, "decode"):
            check_codec(codec)
            found[codec.name] = codec
    return dict(sorted(found.items()))


def codec_named(name: str) -> Codec:
    """One codec.

    Raises:
        UnknownCodec: names those there are.
    """
    try:
        return codecs()[name]
    except KeyError:
        raise UnknownCodec(f"there is no codec {name!r}; there is: {', '.join(codecs())}") from None


def codec_of_topic(topic: str) -> Codec | None:
    """The codec that reads a topic, or None."""
    for codec in codecs().values():
        if any(pattern.use == "publish" and pattern.device_of(topic) for pattern in codec.topics):
            return codec
    return None
