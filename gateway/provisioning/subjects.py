"""MQTT topics as nats-server's subjects, which it matches access lists against."""

import re

from gateway.errors import UnmappableTopic

_LEVEL = re.compile(r"~?[A-Za-z0-9_-]+")  # the tilde marks a probe of an ingest worker


def subject_of(topic: str) -> str:
    """The subject of a topic or of a filter with `+`.

    Only plain levels are taken: nats-server has its own readings of dots, spaces, `*`, `>`, `$` and empty levels, and
    a wrong guess would open somebody else's topics.

    Raises:
        UnmappableTopic: names the level.
    """
    levels = topic.split("/")
    for level in levels:
        if level != "+" and not _LEVEL.fullmatch(level):
            raise UnmappableTopic(
                f"topic {topic!r} cannot become a nats subject because of its level {level!r}; "
                "use letters, digits, '_' and '-' in each level"
            )
    return ".".join("*" if level == "+" else level for level in levels)
