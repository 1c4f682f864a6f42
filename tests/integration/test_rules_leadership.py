"""Who holds the rules: one works, the other waits; whoever was unseated writes nothing; an SOS is an alert at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from ingest.database import transaction
from rules.desk import Desk
from rules.errors import LeadershipLost
from rules.leadership import Leadership
from rules.options import Options
from rules.worker import RulesWorker
from tests.integration.rules_site import Site, site_at


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        await site.unit()
        await site.device("H-03")
        yield site


async def until(condition: Callable[[], Awaitable[bool]], *, within_s: float = 10) -> float:
    """Wait for a condition; how long it took."""
    began = time.monotonic()
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110  a row in a database rings no bell
            await asyncio.sleep(0.005)
    return time.monotonic() - began


@asynccontextmanager
async def running(url: str, *, dead_after_s: float = 1.0) -> AsyncIterator[RulesWorker]:
    worker = RulesWorker(url, options=Options(poll_s=0.5), beat_s=0.1, dead_after_s=dead_after_s)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(stop))
        try:
            yield worker
        finally:
            stop.set()


async def press(site: Site) -> None:
    """Write an SOS as ingest does: reading, mark and notification in one transaction."""
    now = datetime.now(UTC)
    async with site.connection.transaction():
        await site.do(
            "INSERT INTO reading (device, time, digest, type, received_at, body) "
            'VALUES (%s, %s, 1, \'button\', %s, \'{"button": "sos", "pressed": true}\')',
            site.numbers["H-03"],
            now,
            now,
        )
        await site.do(
            "INSERT INTO dirty_mark (kind, subject, window_from, window_to) VALUES ('device', %s, %s, %s)",
            str(site.numbers["H-03"]),
            now,
            now,
        )
        await site.do("NOTIFY gengfu_dirty")


async def alerts(site: Site) -> int:
    return len(await site.rows("SELECT id FROM alert"))


async def test_sos_is_an_alert_within_300_ms(site: Site, database_url: str) -> None:
    async with running(database_url) as worker:
        await asyncio.wait_for(worker.leading.wait(), 10)
        await until(lambda: planned(site))
        await press(site)

        async def alerted() -> bool:
            return await alerts(site) == 1

        assert await until(alerted) < 0.3


async def planned(site: Site) -> bool:
    return bool(await site.rows("SELECT 1 FROM rules_leader WHERE planned_until IS NOT NULL"))


async def test_one_leads_and_the_other_takes_over(site: Site, database_url: str) -> None:
    async with running(database_url) as first:
        await asyncio.wait_for(first.leading.wait(), 10)
        async with running(database_url) as second:
            await press(site)

            async def alerted() -> bool:
                return await alerts(site) == 1

            await until(alerted)
            assert not second.leading.is_set()
            before = await site.row("SELECT holder, fence, pid FROM rules_leader")
            assert before["holder"] == first.holder

            # The leader's session ends, as when its machine dies; either may come next, one of them does.
            await site.do("SELECT pg_terminate_backend(%s)", before["pid"])

            async def succeeded() -> bool:
                return bool((await site.row("SELECT fence FROM rules_leader"))["fence"] > before["fence"])

            await until(succeeded)
            await until(lambda: led_by(first, second))
            await site.mark("device", str(site.numbers["H-03"]), -1e6, 1e7)

            async def worked_off() -> bool:
                return not await site.rows("SELECT id FROM dirty_mark")

            await until(worked_off)
            assert await alerts(site) == 1
            assert len(await site.rows("SELECT id FROM alert_history")) == 1


async def test_it_comes_back_by_itself_when_all_its_sessions_broke(site: Site, database_url: str) -> None:
    async with running(database_url) as worker:
        await asyncio.wait_for(worker.leading.wait(), 10)
        await site.do(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'gengfu rules %%'"
        )
        await press(site)

        async def alerted() -> bool:
            return await alerts(site) == 1

        await until(alerted)
        await asyncio.wait_for(worker.leading.wait(), 10)


async def led_by(first: RulesWorker, second: RulesWorker) -> bool:
    return first.leading.is_set() != second.leading.is_set()


async def test_a_holder_that_fell_silent_is_unseated_and_writes_nothing(site: Site, database_url: str) -> None:
    asleep = Leadership(database_url, holder="asleep", dead_after_s=0.3)
    fence = await asleep.take()
    desk = Desk(site.pool, options=Options(), fence=fence)
    async with desk.transaction():
        pass

    heir = Leadership(database_url, holder="heir", dead_after_s=0.3)

    async def taken() -> bool:
        return await heir.take() is not None

    await until(taken)
    with pytest.raises(LeadershipLost):
        async with desk.transaction():
            pass
    with pytest.raises(LeadershipLost):
        await asleep.keep()
    async with transaction(site.pool) as connection:
        row = await (await connection.execute("SELECT holder FROM rules_leader")).fetchone()
    assert row == {"holder": "heir"}
    await asleep.leave()
    await heir.leave()


async def test_a_living_holder_is_left_alone(database_url: str, site: Site) -> None:
    holder = Leadership(database_url, holder="one", dead_after_s=5)
    assert await holder.take() is not None
    other = Leadership(database_url, holder="two", dead_after_s=5)
    assert await other.take() is None
    await holder.leave()

    async def taken() -> bool:
        return await other.take() is not None

    await until(taken)
    await other.leave()
