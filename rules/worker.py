"""The rules worker: stands by or leads; while it leads, three lanes work until stopped.

`RulesWorker.run` is the process; `work_off` does whatever is due at once and returns, for tests and back-tests.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

import psycopg

from ingest.database import connect, make_pool, transaction
from ingest.errors import DatabaseUnavailable
from ingest.migrate import check_schema
from rules.desk import Desk
from rules.duty_lane import DutyLane
from rules.errors import LeadershipLost
from rules.leadership import Leadership, new_holder
from rules.metrics import LEADER
from rules.options import Options, utc_now
from rules.signal_lane import SignalLane
from rules.track_lane import TrackLane
from rules.tracking import TrackingLane

_BACK_OFF_S = (0.5, 1, 2, 5, 10)  # between attempts while the database is away

log = logging.getLogger(__name__)


class RulesWorker:
    """One worker; several may run, one of them works.

    Args:
        database_url: PostgreSQL.
        options: times and sizes.
        clock: what time it is, aware UTC; tests move it.
        beat_s: seconds between heartbeats while it leads, and between looks while it stands by.
        dead_after_s: a leader quiet for so long is ended and replaced.
        connections: of its pool at the most; each lane uses one at a time.
    """

    def __init__(
        self,
        database_url: str,
        *,
        options: Options,
        clock: Callable[[], datetime] = utc_now,
        beat_s: float = 2.0,
        dead_after_s: float = 10.0,
        connections: int = 4,
    ) -> None:
        self.holder = new_holder()
        self._url = database_url
        self._options = options
        self._clock = clock
        self._beat_s = beat_s
        self._leadership = Leadership(database_url, holder=self.holder, beat_s=beat_s, dead_after_s=dead_after_s)
        self._connections = connections
        self.leading = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; outages of the database are waited out.

        Raises:
            SchemaOutdated: the database is not this gengfu's.
        """
        attempt = 0
        pool = make_pool(self._url, name=f"rules {self.holder}", size=self._connections)
        await pool.open(wait=False)
        try:
            while not stop.is_set():
                try:
                    async with transaction(pool) as connection:
                        await check_schema(connection)
                    fence = await self._stand_by(stop)
                    if fence is None:
                        break
                    attempt = 0
                    await self._lead(Desk(pool, options=self._options, clock=self._clock, fence=fence), stop)
                except* (DatabaseUnavailable, LeadershipLost) as group:
                    await self._leadership.leave()
                    wait = _BACK_OFF_S[min(attempt, len(_BACK_OFF_S) - 1)]
                    if attempt == 0:
                        log.warning("%s; trying again until it works", _first(group))
                    attempt += 1
                    await _wait(stop, wait)
        finally:
            self._set_leading(leading=False)
            await self._leadership.leave()
            await pool.close()

    async def _stand_by(self, stop: asyncio.Event) -> int | None:
        """Wait for the lead; None when stopped before."""
        said = False
        while not stop.is_set():
            fence = await self._leadership.take()
            if fence is not None:
                log.info("%s holds the rules now", self.holder, extra={"event": "rules_leading", "fence": fence})
                return fence
            if not said:
                log.info("another worker holds the rules; %s stands by", self.holder)
                said = True
            await _wait(stop, self._beat_s)
        return None

    async def _lead(self, desk: Desk, stop: asyncio.Event) -> None:
        """Work until stopped or unseated."""
        duties, signals, tracks, tracking = DutyLane(desk), SignalLane(desk), TrackLane(desk), TrackingLane(desk)
        duty_news, signal_news, tracking_news = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def duty_wait() -> float:
            at = await duties.next_at()
            return self._options.poll_s if at is None else (at - self._clock()).total_seconds()

        async def poll_wait() -> float:
            return self._options.poll_s

        self._set_leading(leading=True)
        try:
            async with asyncio.TaskGroup() as tasks:
                others = [
                    tasks.create_task(self._leadership.keep(), name="rules heartbeat"),
                    tasks.create_task(self._listen((duty_news, signal_news, tracking_news)), name="rules listener"),
                    tasks.create_task(self._lane(signals.step, poll_wait, signal_news), name="rules signals"),
                    tasks.create_task(self._lane(tracking.step, poll_wait, tracking_news), name="rules tracking"),
                    tasks.create_task(self._lane(tracks.step, poll_wait, asyncio.Event()), name="rules tracks"),
                    tasks.create_task(self._lane(duties.step, duty_wait, duty_news), name="rules duties"),
                ]
                await stop.wait()
                for task in others:
                    task.cancel()
        finally:
            self._set_leading(leading=False)

    async def _lane(
        self, step: Callable[[], Awaitable[bool]], wait_s: Callable[[], Awaitable[float]], news: asyncio.Event
    ) -> None:
        """Step while there is something to do, else sleep until news, the next deadline or the next poll."""
        attempt = 0
        while True:
            news.clear()
            try:
                if await step():
                    continue
                pause = min(self._options.poll_s, max(0.0, await wait_s()))
                attempt = 0
            except DatabaseUnavailable as error:
                if attempt == 0:
                    log.warning("%s; trying again until it works", error)
                pause = _BACK_OFF_S[min(attempt, len(_BACK_OFF_S) - 1)]
                attempt += 1
            await _wait(news, pause)

    async def _listen(self, news: tuple[asyncio.Event, ...]) -> None:
        """Turn notifications into events. Losing this connection only costs speed: the lanes poll as well."""
        while True:
            try:
                async with await connect(self._url, name=f"rules {self.holder}") as connection:
                    await connection.execute("LISTEN gengfu_dirty")
                    for event in news:
                        event.set()
                    async for _ in connection.notifies():
                        for event in news:
                            event.set()
            except (psycopg.Error, DatabaseUnavailable):
                await asyncio.sleep(self._options.poll_s)

    def _set_leading(self, *, leading: bool) -> None:
        LEADER.set(1 if leading else 0)
        if leading:
            self.leading.set()
        else:
            self.leading.clear()


async def work_off(
    desk: Desk,
    *,
    duties: DutyLane | None = None,
    signals: SignalLane | None = None,
    tracks: TrackLane | None = None,
) -> None:
    """Do everything that is due at the desk's clock, and return; lasting conditions only where they are asked for."""
    duties, signals = duties or DutyLane(desk), signals or SignalLane(desk)
    more = True
    while more:
        pressing = await signals.step()
        more = await duties.step() or pressing
        if tracks is not None:
            more = await tracks.step() or more


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _first(group: BaseExceptionGroup[Exception]) -> BaseException:
    first: BaseException = group.exceptions[0]
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
