"""Which filters a session holds at the broker, kept in a small file.

A broker keeps the filters of a persistent session. What a later version of gengfu, or another choice of codecs, does
not ask for any more would go on coming, so it has to be taken back by name, and nobody but us remembers the name.
"""

import json
import logging
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)


class FilterMemory:
    """The filters of one session.

    Args:
        file: where they are kept; made when missing. A file that cannot be read or written is said in the log, and then
            nothing is taken back: what still comes without a codec ends in quarantine.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> list[str]:
        """What may be held at the broker; empty when nothing is known."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            log.warning("cannot read which filters a session holds from %s: %s", self._file, error)
            return []
        return [name for name in kept if isinstance(name, str)] if isinstance(kept, list) else []

    def write(self, filters: Iterable[str]) -> None:
        """Remember these and no others."""
        wanted = sorted(set(filters))
        if wanted == self.read():
            return
        temporary = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_text(json.dumps(wanted), encoding="utf-8")
            temporary.replace(self._file)
        except OSError as error:
            log.warning("cannot keep which filters a session holds in %s: %s", self._file, error)
