"""The mark at the end of a queue that is worked off."""

import asyncio

import pytest
from typing_extensions import override

from ops import draining


class Deaf(draining._Lane):
    """A lane at a broker that throws the first marks away."""

    def __init__(self, *, thrown_away: int) -> None:
        self.reached = asyncio.Event()
        self.sent = 0
        self._thrown_away = thrown_away

    @override
    def _send_mark(self) -> None:
        self.sent += 1
        if self.sent > self._thrown_away:
            self.reached.set()


async def test_a_mark_that_was_thrown_away_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "MARK_S", 0.01)
    lane = Deaf(thrown_away=2)
    async with asyncio.timeout(10):
        await lane.worked_off()
    assert lane.sent == 3
