"""All who read the stream in this process, and what goes out to them."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web

from ops.http.viewer import Viewer
from ops.live.kinds import Kind, kinds
from ops.live.messages.closed import Closed
from ops.live.messages.heartbeat import EVERY_S, Heartbeat
from ops.live.messages.hello import STREAM_VERSION, Hello
from ops.live.messages.resync import Resync
from ops.live.metrics import LiveMetrics
from ops.live.news import News, event
from ops.live.reader import Reader
from ops.version import service_version

MAX_READERS = 1000  # a desk has a handful; each takes a socket and some hundred kB at the worst
PLACES_KEPT = 100_000  # things whose whereabouts are remembered; far more than are ever live at once
READY_S = 3.0  # to wait for the first look; it comes at once unless the database is away
LOST_S = 5.0  # without a look for so long, the database counts as away


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a look found about the road: seconds since each part last showed life, as of `at`."""

    at: datetime
    ingest_s: float | None
    newest_s: float | None
    rules_s: float | None


@dataclass(frozen=True, kw_only=True)
class InForce:
    """A session that is still in force."""

    viewer: Viewer
    ends_at: datetime
    grids: frozenset[str] | None


class Hub:
    """Passes news on to each reader who may see them, and tells readers when they must go.

    Args:
        metrics: of the live stream.
        zone: of the site.
        now: the clock, aware UTC.
    """

    def __init__(self, metrics: LiveMetrics, *, zone: str, now: Callable[[], datetime]) -> None:
        self.kinds: dict[str, Kind] = kinds()
        self.metrics = metrics
        for name in self.kinds:
            metrics.pushed.labels(name)  # a nought before the first
        self._zone = zone
        self._now = now
        self._server = secrets.token_hex(8)
        self._readers: set[Reader] = set()
        self._places: OrderedDict[tuple[str, str], tuple[str | None, str | None]] = OrderedDict()
        self._standing: Standing | None = None
        self._stopping = False
        self._ready = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether no further reader fits."""
        return len(self._readers) >= MAX_READERS

    @property
    def token_hashes(self) -> list[bytes]:
        """Of the sessions behind the readers."""
        return [reader.token_hash for reader in self._readers]

    async def is_ready(self) -> bool:
        """Whether a reader who joins now misses nothing; waits a moment for that."""
        try:
            async with asyncio.timeout(READY_S):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    @contextmanager
    def joined(self, session: InForce, *, token_hash: bytes) -> Iterator[Reader]:
        """A reader for as long as its stream is open; it misses nothing that is published from here on."""
        reader = Reader(
            session.viewer,
            token_hash=token_hash,
            grids=session.grids,
            session_ends_at=session.ends_at,
            count=lambda its_type, number: self.metrics.pushed.labels(its_type).inc(number),
        )
        self._readers.add(reader)
        self.metrics.readers.inc()
        hello = Hello(
            server=self._server,
            version=service_version(),
            stream_version=STREAM_VERSION,
            time=self._now(),
            zone=self._zone,
            user=session.viewer.name,
            heartbeat_s=EVERY_S,
        )
        reader.tell(event(hello))
        reader.tell(event(self._heartbeat(reader)))
        if self._stopping:
            reader.end(Closed(reason="server"))
        try:
            yield reader
        finally:
            reader.forget()
            self._readers.discard(reader)
            self.metrics.readers.dec()

    def publish(self, batch: Iterable[News]) -> None:
        """Pass news on; whoever loses sight of a thing by it is told so, or told to begin anew."""
        alike = self._alike()
        for news in batch:
            before = self._places.pop(news.key, None)
            for readers in alike:
                one = readers[0]
                if news.everywhere:
                    sees = one.may_have(news.kind)
                else:
                    sees = one.sees(news.kind, grid=news.grid, unit=news.unit)
                if sees:
                    for reader in readers:
                        reader.put(news)
                elif before and one.sees(news.kind, grid=before[0], unit=before[1]):
                    for reader in readers:
                        _leave(reader, news, unit=before[1])
            self._remember(news)

    def _alike(self) -> list[list[Reader]]:
        """The readers in groups that may see the same, so that this is found out once for each group."""
        groups: dict[object, list[Reader]] = {}
        for reader in self._readers:
            groups.setdefault((reader.viewer.role, reader.viewer.unit, reader.grids), []).append(reader)
        return list(groups.values())

    def remember(self, batch: Iterable[News]) -> None:
        """Note where things are, without telling anyone; what changes from here on is news."""
        for news in batch:
            self._places.pop(news.key, None)
            self._remember(news)

    def begin(self) -> None:
        """Everything that there is has been read once; readers may join."""
        self._ready.set()

    def check(self, in_force: Mapping[bytes, InForce]) -> None:
        """Send away whose session ended or whose account is not what it was; `in_force` by hash of the token."""
        for reader in self._readers:
            found = in_force.get(reader.token_hash)
            if found is None or found.viewer != reader.viewer:
                reader.end(Closed(reason="session"))
            elif found.grids != reader.grids:
                reader.end(Resync(reason="territory"))
            else:
                reader.session_ends_at = found.ends_at

    def begin_anew(self) -> None:
        """The database is another one: everyone must read it anew, and nobody joins before the first look at it."""
        self._ready.clear()
        self._places.clear()
        for reader in self._readers:
            reader.end(Resync(reason="database"))

    def stands(self, standing: Standing) -> None:
        """What the last look found about the road."""
        self._standing = standing

    async def beat(self) -> None:
        """Tell everyone, for ever, that the link stands."""
        while True:
            await asyncio.sleep(EVERY_S)
            for reader in self._readers:
                reader.tell(event(self._heartbeat(reader)))

    def close(self) -> None:
        """The service stops: say so to all, and to whoever still comes."""
        self._stopping = True
        for reader in self._readers:
            reader.end(Closed(reason="server"))

    def _remember(self, news: News) -> None:
        self._places[news.key] = (news.grid, news.unit)
        if len(self._places) > PLACES_KEPT:
            self._places.popitem(last=False)

    def _heartbeat(self, reader: Reader) -> Heartbeat:
        now, found = self._now(), self._standing
        looked_s = (now - found.at).total_seconds() if found else None

        def later(seconds: float | None) -> float | None:
            return None if seconds is None or looked_s is None else round(seconds + looked_s, 1)

        return Heartbeat(
            time=now,
            database=looked_s is not None and looked_s < LOST_S,
            looked_s=later(0.0),
            ingest_s=later(found.ingest_s) if found else None,
            newest_s=later(found.newest_s) if found else None,
            rules_s=later(found.rules_s) if found else None,
            session_ends_at=reader.session_ends_at,
        )


def _leave(reader: Reader, news: News, *, unit: str | None) -> None:
    if news.kind.on_leaving is None:
        reader.end(Resync(reason="territory"))
    else:
        reader.put(replace(news, data=event(news.kind.on_leaving(news.id, unit))))


HUB = web.AppKey("HUB", Hub)
