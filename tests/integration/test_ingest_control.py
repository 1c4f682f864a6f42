"""What keeps ingest honest: allowances, lanes that do not hinder each other, the ledger, how far it has come."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway import Session, credentials_of, ingest_account, lane_filters, verifiers_for
from gateway.accounts import LANES, lane_probes
from ingest import probe
from ingest.allowance import Allowance
from ingest.database import connect
from ingest.probe import DatabaseClock, Kind, Probes, probe_filters
from ingest.progress import goodbye, silent_for
from ingest.quarantine import replay
from ops.commands.ingest import _forget
from ops.errors import OpsError
from ops.settings import load
from tests.integration.bench import NOW, Bench, bench_on, fix, make_town, run_until_settled
from tests.integration.mosquitto_server import mosquitto
from tests.integration.nats_server import BROKER_SECRET, eventually, running_nats

SOS = {"type": "button", "t": NOW.isoformat(), "button": "sos", "pressed": True}


@pytest.fixture
async def town(database_url: str) -> str:
    await make_town(database_url)
    return database_url


def small(burst: int) -> Any:
    return partial(Allowance, burst=burst, per_s=1)


# -- allowance -------------------------------------------------------------------------------------------------------


async def test_a_flood_is_set_aside_counted_and_can_be_taken_in_later(town: str) -> None:
    async with bench_on(town, allowance=small(100)) as bench:
        flood = [fix(n, boot=1, seq=n, speed_mps=1.5) for n in range(300)]
        other = bench.delivery(*[fix(n) for n in range(50)], device="T-01")
        batch = [bench.delivery(*flood[n : n + 10]) for n in range(0, 300, 10)]
        for one in (*batch[:20], other, *batch[20:]):
            bench.pipeline.put(one)
        await run_until_settled(bench, 31)
        assert await bench.counters() == {("received", ""): 350, ("stored", ""): 150, ("quarantined", "rate"): 200}
        receipted = [span for device, receipt in bench.sent if device == "H-01" for span in receipt["seq"]]
        assert {seq for first, last in receipted for seq in range(first, last + 1)} == set(range(300))
        (held,) = await bench.rows("SELECT * FROM quarantine")
        assert (held["reason"], held["topic"]) == ("rate", "gengfu/v1/H-01/up")
        assert len(json.loads(bytes(held["payload"]))) == 200
        (excess,) = await bench.rows("SELECT d.name, e.* FROM device_excess e JOIN device d ON d.number = e.device")
        assert (excess["name"], excess["worker"], excess["readings"]) == ("H-01", "1", 200)

        # A button is never held back, whatever else the device says.
        await bench.pipeline.process([bench.delivery(fix(400), SOS, fix(401))])
        assert len(await bench.rows("SELECT FROM reading WHERE type = 'button'")) == 1
        assert (await bench.counters())["quarantined", "rate"] == 202

    async with bench_on(town, passing=True) as bench:
        assert await replay(bench.pool, bench.pipeline, ids=None, reason="rate", offset=None, at=NOW) == (2, 0)
        (row,) = await bench.rows("SELECT count(*), count(speed) AS speeds FROM position")
        assert (row["count"], row["speeds"]) == (352, 300)


async def test_a_recorder_has_no_limit(town: str) -> None:
    async with await connect(town, name="test") as connection:
        await connection.execute("INSERT INTO device (name, kind) VALUES ('R-01', 'recorder')")
    async with bench_on(town, allowance=small(10)) as bench:
        await bench.pipeline.process([bench.delivery(*[fix(n) for n in range(60)], device="R-01")])
        assert await bench.counters() == {("received", ""): 60, ("stored", ""): 60}


async def test_a_great_flood_makes_few_rows_that_a_device_could_have_sent(town: str) -> None:
    async with bench_on(town, allowance=small(10)) as bench:
        await bench.pipeline.process(
            [bench.delivery(*[fix(n / 10) for n in range(m, m + 1000)]) for m in range(0, 9000, 1000)]
        )
        rows = await bench.rows("SELECT length(payload) AS bytes FROM quarantine")
        assert 1 < len(rows) < 10
        assert all(row["bytes"] <= 256 * 1024 for row in rows)
        assert (await bench.counters())["quarantined", "rate"] == 8990


# -- lanes -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(bench.worker.run())
        yield
        work.cancel()


async def test_an_sos_commits_while_the_other_lane_is_blocked(town: str) -> None:
    async with bench_on(town) as bench, await connect(town, name="test", autocommit=False) as blocker:
        await blocker.execute("LOCK TABLE position IN SHARE MODE")
        async with running(bench):
            bench.pipeline.put(bench.delivery(*[fix(n) for n in range(2000)]))
            await eventually(partial(waits_for_lock, bench))
            urgent = bench.delivery(SOS, topic="gengfu/v1/H-01/urgent")
            bench.worker.pipelines["urgent"].put(urgent)
            await eventually(lambda: bench.settled == [urgent.token])
            assert len(await bench.rows("SELECT FROM reading WHERE type = 'button'")) == 1
            await blocker.rollback()
            await eventually(lambda: len(bench.settled) == 2)


async def waits_for_lock(bench: Bench) -> bool:
    return bool(await bench.rows("SELECT FROM pg_locks WHERE NOT granted AND relation = 'position'::regclass"))


async def test_a_lane_that_falls_over_takes_the_other_not_along_and_loses_nothing(
    town: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench_on(town) as bench:
        falls = 0

        async def fall(*_: Any) -> None:
            nonlocal falls
            falls += 1
            if falls < 3:
                raise RuntimeError("a fault of ours")
            await real(*_)

        real = bench.pipeline._commit
        monkeypatch.setattr(bench.pipeline, "_commit", fall)
        async with running(bench):
            bench.pipeline.put(bench.delivery(fix()))
            await eventually(lambda: falls > 0)
            bench.worker.pipelines["urgent"].put(bench.delivery(SOS, topic="gengfu/v1/H-01/urgent"))
            await eventually(lambda: sorted(bench.settled) == [0, 1])
        assert await bench.counters() == {("received", ""): 2, ("stored", ""): 2}


async def test_what_we_cannot_handle_goes_alone_to_quarantine(town: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench_on(town) as bench:
        real = bench.pipeline._match

        def match(world: Any, decoded: Any) -> Any:
            if 13 in decoded.fixes.battery_pct:
                raise ValueError("a fault of ours")
            return real(world, decoded)

        monkeypatch.setattr(bench.pipeline, "_match", match)
        bench.pipeline.put_all([bench.delivery(fix(n, battery_pct=n)) for n in range(20)])
        await run_until_settled(bench, 20)
        assert bench.settled == list(range(20))
        assert await bench.counters() == {("received", ""): 20, ("stored", ""): 19, ("quarantined", "database"): 1}


# -- ledger ----------------------------------------------------------------------------------------------------------


async def test_the_whole_ledger_stands_at_nought_before_anything_happens(town: str) -> None:
    async with bench_on(town) as bench:
        rows = await bench.rows("SELECT lane, name, reason, value FROM ingest_counter")
        assert {row["value"] for row in rows} == {0}
        for lane in ("up", "urgent"):
            names = {row["name"] for row in rows if row["lane"] == lane}
            assert names == {"received", "stored", "repeated", "ignored", "quarantined", "withheld", "released"}


async def test_what_the_database_loses_after_it_confirmed_it_is_noticed_once(
    town: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench_on(town) as bench:
        await bench.pipeline.process([bench.delivery(*[fix(n) for n in range(7)])])
        async with bench.pool.connection() as connection:
            await bench.worker._ledger.compare(connection)
            assert "unbalanced" not in {name for name, _ in await bench.counters()}
            # As after a standby took over that had not everything.
            await connection.execute("UPDATE ingest_counter SET value = value - 3 WHERE value = 7")
            for _ in range(2):
                await bench.worker._ledger.compare(connection)
        assert (await bench.counters())["unbalanced", "database"] == 3
        assert caplog.text.count("has lost 3 readings") == 1
        await bench.pipeline.process([bench.delivery(fix(100))])
        async with bench.pool.connection() as connection:
            await bench.worker._ledger.compare(connection)
        assert (await bench.counters())["unbalanced", "database"] == 3


async def test_one_that_is_gone_can_be_forgotten_and_one_that_lives_cannot(town: str) -> None:
    settings = load(overrides=[f"database.url={town}"]).settings
    async with bench_on(town) as bench:
        await bench.worker.beat()
        with pytest.raises(OpsError, match="ingest worker 1 is alive; stop it first"):
            await _forget(settings, "1")
        with pytest.raises(OpsError, match="nobody waits for an ingest worker '2'"):
            await _forget(settings, "2")
        async with bench.pool.connection() as connection:
            await connection.execute("UPDATE ingest_progress SET beat_at = now() - interval '20 seconds'")
        await _forget(settings, "1")
        assert all(row["drained_at"] for row in await bench.rows("SELECT drained_at FROM ingest_progress"))
        with pytest.raises(OpsError, match="nobody waits"):
            await _forget(settings, "1")


async def test_a_worker_that_comes_back_after_its_goodbye_has_nothing_to_catch_up_with(town: str) -> None:
    async with bench_on(town) as bench:
        await bench.worker.beat()
        async with bench.pool.connection() as connection:
            await connection.execute("UPDATE ingest_progress SET caught_up_to = now() - interval '1 day'")
        await bench.worker.beat()
        assert datetime.now(UTC) - await caught_up(bench, "up") > timedelta(hours=23)
        await bench.worker.goodbye()
        await bench.worker.beat()
        assert datetime.now(UTC) - await caught_up(bench, "up") < timedelta(minutes=1)


async def test_a_worker_that_says_goodbye_is_not_waited_for_and_may_come_back(town: str) -> None:
    async with bench_on(town) as bench:
        await bench.worker.beat()
        async with bench.pool.connection() as connection:
            assert await silent_for(connection, "1") is not None
            assert await silent_for(connection, "2") is None
            assert not await goodbye(connection, "2")
        await bench.worker.goodbye()
        rows = await bench.rows("SELECT drained_at FROM ingest_progress")
        assert len(rows) == 2
        assert all(row["drained_at"] for row in rows)
        await bench.worker.beat()
        assert not any(row["drained_at"] for row in await bench.rows("SELECT drained_at FROM ingest_progress"))


# -- how far it has come ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def broker_of(kind: Kind, folder: Path) -> AsyncIterator[str]:
    """A broker of a kind, with the accounts of ingest worker 1 and nobody else's; its address."""
    if kind == "nats":
        async with running_nats(folder) as server:
            yield server.url
        return
    (folder / "mosquitto").mkdir()
    passwords, rights = [], []
    for lane in LANES:
        account = credentials_of(ingest_account("1", lane), secret=BROKER_SECRET)
        passwords.append(f"{account.username}:{verifiers_for(account.password)['mosquitto']}\n")
        rights += [f"user {account.username}\n", *(f"topic read {name}\n" for name in lane_filters(lane))]
        rights += [f"topic readwrite {topic}\n" for topic in lane_probes("1", lane, kind=kind)]
    (folder / "mosquitto" / "passwords").write_text("".join(passwords))
    (folder / "mosquitto" / "acl").write_text("".join(rights))
    async with mosquitto(folder) as broker:
        yield broker.url


@asynccontextmanager
async def probing(kind: Kind, broker_url: str, bench_url: str) -> AsyncIterator[Bench]:
    """A worker on a broker, with probes on both lanes."""
    clock = DatabaseClock()
    probes = {lane: Probes("1", lane=lane, topics=lane_probes("1", lane, kind=kind), clock=clock.now) for lane in LANES}
    async with bench_on(bench_url, probes=probes, clock=clock) as bench:
        sessions = {
            lane: Session(
                broker_url,
                credentials=credentials_of(ingest_account("1", lane), secret=BROKER_SECRET),
                filters=[*lane_filters(lane), *probe_filters("1", lane, kind=kind)],
                name=f"test {lane}",
                on_delivery=bench.worker.pipelines[lane].put,
                on_ready=probes[lane].connected,
            )
            for lane in LANES
        }
        async with sessions["up"], sessions["urgent"], running(bench), asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(probes[lane].run(its.send, connected=lambda its=its: its.connected))  # type: ignore[misc]
                for lane, its in sessions.items()
            ]
            yield bench
            for task in work:
                task.cancel()


async def caught_up(bench: Bench, lane: str) -> Any:
    rows = await bench.rows("SELECT lane, caught_up_to FROM ingest_progress")
    return next((row["caught_up_to"] for row in rows if row["lane"] == lane), None)


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_probes_go_the_way_of_the_data_and_stand_outside_the_ledger(
    town: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.setattr(probe, "EVERY_S", 0.05)
    async with broker_of(kind, tmp_path) as broker_url, probing(kind, broker_url, town) as bench:
        for lane in LANES:
            await eventually(lambda lane=lane: is_known(bench, lane))  # type: ignore[misc]
            first = await caught_up(bench, lane)
            await eventually(lambda lane=lane, first=first: is_beyond(bench, lane, first))  # type: ignore[misc]
            assert abs((datetime.now(UTC) - await caught_up(bench, lane)).total_seconds()) < 5
        async with await connect(town, name="test", autocommit=False) as blocker:
            # The lane hangs: what it says of itself stands still, and the other's moves on.
            await blocker.execute("LOCK TABLE position IN SHARE MODE")
            bench.pipeline.put(bench.delivery(fix()))
            await eventually(partial(waits_for_lock, bench))
            stuck, urgent = await caught_up(bench, "up"), await caught_up(bench, "urgent")
            await eventually(lambda: is_beyond(bench, "urgent", urgent))
            assert await caught_up(bench, "up") == stuck
            await blocker.rollback()
        await eventually(lambda: is_beyond(bench, "up", stuck))
        assert await bench.counters() == {("received", ""): 1, ("stored", ""): 1}
        assert await bench.rows("SELECT FROM quarantine") == []


async def is_known(bench: Bench, lane: str) -> bool:
    return await caught_up(bench, lane) is not None


async def is_beyond(bench: Bench, lane: str, moment: Any) -> bool:
    return bool(await caught_up(bench, lane) > moment)


async def test_a_probe_that_the_broker_does_not_let_through_proves_nothing(
    town: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "EVERY_S", 0.05)
    monkeypatch.setattr(probe, "MISSED_AFTER_S", 0.5)
    async with running_nats(tmp_path) as server:
        stranger = Probes("2", lane="up", topics=["gengfu/v1/~2/up"], clock=DatabaseClock().now)
        got: list[str] = []
        session = server.ingest("up", on_delivery=lambda delivery: got.append(delivery.topic))
        async with session, asyncio.TaskGroup() as tasks:
            await session.wait_ready(timeout_s=10)
            work = tasks.create_task(stranger.run(session.send, connected=lambda: session.connected))
            await eventually(lambda: stranger._said)
            work.cancel()
        assert got == []
        assert stranger.caught_up_to is None
