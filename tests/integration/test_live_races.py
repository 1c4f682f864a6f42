"""Changes race with connects and disconnects: what a console shows is in the end what the database holds."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from tests.integration.http_site import Browser, Site, small_site
from tests.integration.live_stream import Told, stream

TIMES = 15  # settles, after each of which every console has connected anew
CONSOLES = 10
CHANGES = 12
SETTLED_S = 5.0

OPEN = (
    "INSERT INTO alert (fingerprint, rule, subject, class, severity, title, grid, opened_at, changed_at) "
    "VALUES (%s, 'sos', 'x', 'sos', 'info', 'raced', 'B1', now(), now())"
)
CHANGE = "UPDATE alert SET title = %s, changed_at = now() WHERE id = %s AND state <> 'resolved'"
RESOLVE = "UPDATE alert SET state = 'resolved', resolved_at = now(), changed_at = now() WHERE id = %s"
STANDS = "SELECT id, state, title, changed_at FROM alert WHERE state <> 'resolved'"

Shown = dict[int, tuple[str, str, str]]


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


class Console:
    """Shows the open alerts, by the protocol that the documentation gives."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.shown: Shown = {}
        self.changed = asyncio.Event()
        self.twice: list[Told] = []

    async def watch(self) -> None:
        """Connect, read anew, apply what comes, until cancelled."""
        told: set[str] = set()
        async with stream(self.browser) as its:
            reply = await self.browser.get("/api/alerts?limit=500")
            assert reply.json["next"] is None
            self.shown = {one["id"]: seen(one) for one in reply.json["items"]}
            while True:
                self.changed.set()
                message = (await its.next("alert", within_s=60))["alert"]
                said = json.dumps({key: value for key, value in message.items() if key != "age_s"})
                if said in told:
                    self.twice.append(message)
                told.add(said)
                if message["state"] == "resolved":
                    self.shown.pop(message["id"], None)
                else:
                    self.shown[message["id"]] = seen(message)

    async def settles_at(self, stands: Shown) -> bool:
        try:
            async with asyncio.timeout(SETTLED_S):
                while self.shown != stands:
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            return False
        return True


def seen(alert: dict[str, Any]) -> tuple[str, str, str]:
    return alert["state"], alert["title"], alert["changed_at"]


def stands_in(site: Site) -> Shown:
    return {
        number: (state, title, changed_at.isoformat().replace("+00:00", "Z"))
        for number, state, title, changed_at in site.sql(STANDS)
    }


async def make_changes(url: str, dice: random.Random) -> None:
    """Transactions that overlap, each changing what it likes, committed in any order and sometimes not at all."""
    under_way: list[psycopg.AsyncConnection[Any]] = []
    for number in range(CHANGES):
        connection = await psycopg.AsyncConnection.connect(url)
        await connection.execute("SET lock_timeout = '50ms'")
        try:
            for _ in range(dice.randint(1, 3)):
                which, what = dice.randint(1, 60), dice.random()
                if what < 0.3:
                    await connection.execute(OPEN, (f"raced {dice.random()}",))
                elif what < 0.8:
                    await connection.execute(CHANGE, (f"title {number} {dice.random()}", which))
                else:
                    await connection.execute(RESOLVE, (which,))
            if dice.random() < 0.7:
                await connection.execute("NOTIFY gengfu_changes")
        except psycopg.errors.LockNotAvailable:
            await connection.rollback()
        under_way.append(connection)
        if dice.random() < 0.6:
            await end(under_way.pop(dice.randrange(len(under_way))), dice)
    dice.shuffle(under_way)
    for connection in under_way:
        await end(connection, dice)


async def end(connection: psycopg.AsyncConnection[Any], dice: random.Random) -> None:
    await (connection.rollback() if dice.random() < 0.1 else connection.commit())
    await connection.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_after_each_reconnect_a_console_comes_to_show_what_the_database_holds(site: Site, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  so that a red run can be repeated
    url = site.settings.database.url.get_secret_value()
    async with site.as_user("officer") as browser:
        for turn in range(TIMES):
            consoles = [Console(browser) for _ in range(CONSOLES)]
            async with asyncio.TaskGroup() as tasks:
                changes = [tasks.create_task(make_changes(url, random.Random(dice.random()))) for _ in range(2)]  # noqa: S311
                watches = []
                for console in consoles:
                    await asyncio.sleep(dice.random() * 0.02)  # so that they connect in the midst of changes
                    watches.append(tasks.create_task(console.watch()))
                await asyncio.wait(changes)
                stands = stands_in(site)
                settled = await asyncio.gather(*(console.settles_at(stands) for console in consoles))
                for watch in watches:
                    watch.cancel()
            for number, (console, it_did) in enumerate(zip(consoles, settled, strict=True)):
                differs = console.shown.items() ^ stands.items()
                assert it_did, f"seed {seed}, turn {turn}, console {number}: {sorted(differs)}"
                assert console.twice == []
