"""How long to wait before trying again: doubling, with jitter, so that many do not come back in step."""

import random


class Backoff:
    """Waiting times of one thing that is tried for ever."""

    def __init__(self, *, first_s: float = 0.2, most_s: float = 15.0) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Seconds to wait now; each is half to all of a bound that doubles."""
        bound = self._next_s
        self._next_s = min(bound * 2, self._most_s)
        return bound * random.uniform(0.5, 1.0)  # noqa: S311  spreads load, guards nothing

    def reset(self) -> None:
        """Begin again with the shortest wait, after it has worked."""
        self._next_s = self._first_s
