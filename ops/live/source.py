"""Where news come from: one look a second at what changed, and one at once when somebody notifies."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import DictRow
from pydantic import ValidationError

from ingest.database import Connection, connect
from ingest.errors import DatabaseUnavailable
from ingest.queries import load_queries
from ops.http.sessions import IDLE, TOUCH_EVERY
from ops.http.viewer import Viewer
from ops.live.hub import Hub, InForce, Standing
from ops.live.kinds import Kind
from ops.live.news import News, event

LOOK_S = 1.0  # between looks at everything; positions go out as often
GAP_S = 0.05  # between looks that were asked for, so that a storm of notifications costs twenty looks a second at most
LIMIT_S = 8.0  # for one look; a database that hangs counts as away
RETRY_S = 1.0  # between attempts to reach a database that is away
LATELY = timedelta(days=1)  # how long ago what is over may have ended and still be news, however long a commit takes

_SQL = load_queries("ops.live", "source.sql")

log = logging.getLogger(__name__)


class Source:
    """Finds what changed and publishes it; one per process, however many read.

    A row is news when the look before did not see it as it is. What that look did not see was written by a transaction
    no older than the oldest one then under way, so each look asks for rows at least that young and passes over those
    that the look before returned. No clock and no order of commits takes part in this.

    Args:
        url: of the database.
        hub: to which news are published.
        zone: of the site.
        now: the clock, aware UTC.
    """

    def __init__(self, url: str, *, hub: Hub, zone: str, now: Callable[[], datetime]) -> None:
        self._url = url
        self._hub = hub
        self._zone = zone
        self._now = now
        self._kinds = {name: kind for name, kind in hub.kinds.items() if kind.changed is not None}
        self._since: dict[str, str | None] = dict.fromkeys(self._kinds)
        self._seen: dict[str, set[tuple[str, str]]] = {name: set() for name in self._kinds}
        self._away = False

    async def run(self) -> None:
        """Look, for ever; an outage of the database is waited out, and then nothing was missed."""
        while True:
            try:
                async with await connect(self._url, name="ops live") as connection:
                    await self._watch(connection)
            except (psycopg.Error, DatabaseUnavailable, TimeoutError) as error:
                self._hub.metrics.looks_failed.inc()
                if not self._away:
                    log.warning("no news until the database answers: %s", error, extra={"event": "live_away"})
                self._away = True
                await asyncio.sleep(RETRY_S)

    async def _watch(self, connection: Connection) -> None:
        await connection.execute(f"SET statement_timeout = {int(LIMIT_S * 1000)}".encode())
        await connection.execute("LISTEN gengfu_changes")
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        clock = asyncio.get_running_loop().time
        next_whole = clock()
        while True:
            whole = clock() >= next_whole
            if whole:
                next_whole = clock() + LOOK_S
            async with asyncio.timeout(LIMIT_S):
                await self.look(connection, whole=whole)
            await asyncio.sleep(GAP_S)
            async for _ in connection.notifies(timeout=max(0.0, next_whole - clock()), stop_after=1):
                pass

    async def look(self, connection: Connection, *, whole: bool) -> None:
        """Publish what changed since the last look.

        Args:
            connection: in autocommit, its transactions at repeatable read.
            whole: also what is calm, and whether sessions and territories are what they were.
        """
        now = self._now()
        kinds = {name: kind for name, kind in self._kinds.items() if whole or not kind.calm}
        async with connection.transaction():
            snapshot = await (await connection.execute(_SQL["snapshot"])).fetchone()
            since = str((snapshot or {})["since"])
            if whole:
                await self._check(connection, now)
            found = {name: await self._changed(connection, name, kind, now) for name, kind in kinds.items()}
            if whole:
                await self._stand(connection)
        if self._away:
            log.info("the database is back; what changed meanwhile is news now", extra={"event": "live_back"})
        self._away = False
        if any(known is not None and int(since) < int(known) for known in self._since.values()):
            self._forget()  # transactions are numbered anew: the database was restored from a copy
            return
        for name, rows in found.items():
            self._publish(name, rows, now)
            self._since[name] = since
        self._hub.begin()
        if whole:
            await self._touch(connection, now)

    def _publish(self, name: str, rows: list[DictRow], now: datetime) -> None:
        kind, seen = self._kinds[name], self._seen[name]
        fresh = [row for row in rows if (str(row["id"]), row["version"]) not in seen]
        news = [one for row in fresh if (one := _news(kind, row, now))]
        if self._since[name] is None:
            self._hub.remember(news)  # whoever reads already reads all of this anew
        else:
            self._hub.publish(news)
        self._seen[name] = {(str(row["id"]), row["version"]) for row in rows}

    def _forget(self) -> None:
        self._since = dict.fromkeys(self._kinds)
        self._seen = {name: set() for name in self._kinds}
        self._hub.begin_anew()

    async def _changed(self, connection: Connection, name: str, kind: Kind, now: datetime) -> list[DictRow]:
        params = {"since": self._since[name], "now": now, "lately": now - LATELY, "zone": self._zone}
        return await (await connection.execute(kind.changed or b"", params)).fetchall()

    async def _check(self, connection: Connection, now: datetime) -> None:
        params = {"token_hashes": self._hub.token_hashes, "now": now, "idle_since": now - IDLE}
        if not params["token_hashes"]:
            return
        rows = await (await connection.execute(_SQL["sessions"], params)).fetchall()
        territories = {scope: await territory(connection, scope) for scope in {row["scope"] for row in rows}}
        self._hub.check({bytes(row["token_hash"]): in_force(row, territories[row["scope"]]) for row in rows})

    async def _stand(self, connection: Connection) -> None:
        row = await (await connection.execute(_SQL["standing"])).fetchone() or {}
        self._hub.stands(Standing(at=self._now(), **row))

    async def _touch(self, connection: Connection, now: datetime) -> None:
        if hashes := self._hub.token_hashes:
            await connection.execute(_SQL["touch"], {"token_hashes": hashes, "now": now, "before": now - TOUCH_EVERY})


async def territory(connection: Connection, scope: str | None) -> frozenset[str] | None:
    """The codes of the grids within a territory; None is the whole site."""
    if scope is None:
        return None
    rows = await (await connection.execute(_SQL["territory"], {"scope": scope})).fetchall()
    return frozenset(row["code"] for row in rows)


async def session_in_force(connection: Connection, token_hash: bytes, *, now: datetime) -> InForce | None:
    """What holds for a session, None when it has ended."""
    params = {"token_hashes": [token_hash], "now": now, "idle_since": now - IDLE}
    row = await (await connection.execute(_SQL["sessions"], params)).fetchone()
    return in_force(row, await territory(connection, row["scope"])) if row else None


def in_force(row: Mapping[str, object], grids: frozenset[str] | None) -> InForce:
    """A row of `sessions`, with the territory of its account."""
    fields = {name: row[name] for name in ("id", "name", "role", "scope", "unit")}
    return InForce(viewer=Viewer(**fields), ends_at=row["expires_at"], grids=grids)  # type: ignore[arg-type]


def _news(kind: Kind, row: DictRow, now: datetime) -> News | None:
    if kind.make is None:
        return None
    try:
        message = kind.make(row, now)
    except ValidationError:
        log.exception("%s %s is not as it should be; it is left out of the stream", kind.name, row["id"])
        return None
    return News(
        kind=kind,
        id=str(row["id"]),
        data=event(message),
        grid=row["its_grid"],
        unit=row["its_unit"],
        everywhere=row.get("everywhere", False),
    )
