"""What could lose, double or hold up a reading on the way in: races, odd days, what comes back out of quarantine."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.database import connect
from ingest.quarantine import replay
from tests.integration.bench import NOW, Bench, bench_on, fix, make_town, run_until_settled
from tests.integration.nats_server import eventually


def press(**values: Any) -> dict[str, Any]:
    """An SOS from a clock that cannot be used."""
    return {"type": "button", "t": "1999-01-01T00:00:00Z", "button": "sos", "pressed": True, **values}


async def test_a_redelivery_in_the_batch_of_its_original_is_one_press(bench: Bench) -> None:
    first = NOW - timedelta(minutes=2)
    original = bench.delivery(press(), received_at=first)
    again = bench.delivery(press(), received_at=first + timedelta(seconds=40), dup=True)
    await bench.pipeline.process([original, again])
    assert len(await bench.rows("SELECT FROM reading")) == 1
    assert await bench.counters() == {("received", ""): 2, ("stored", ""): 1, ("repeated", ""): 1}


async def test_a_press_that_its_device_says_again_for_want_of_a_receipt_is_one_press(bench: Bench) -> None:
    first = NOW - timedelta(minutes=2)
    await bench.pipeline.process([bench.delivery(press(boot=1, seq=7), received_at=first)])
    for later in (30, 90):
        await bench.pipeline.process(
            [bench.delivery(press(boot=1, seq=7), received_at=first + timedelta(seconds=later))]
        )
    await bench.pipeline.process([bench.delivery(press(boot=1, seq=8), received_at=first + timedelta(seconds=91))])
    assert [row["seq"] for row in await bench.rows("SELECT seq FROM reading ORDER BY seq")] == [7, 8]


async def test_two_presses_without_counters_are_two(bench: Bench) -> None:
    first = NOW - timedelta(minutes=2)
    await bench.pipeline.process([bench.delivery(press(), received_at=first)])
    await bench.pipeline.process([bench.delivery(press(), received_at=first + timedelta(seconds=30))])
    assert len(await bench.rows("SELECT FROM reading")) == 2


async def test_what_a_foreign_format_said_of_an_unknown_device_is_taken_in_after_it_is_registered(bench: Bench) -> None:
    location = {
        "_type": "location",
        "tst": int(NOW.timestamp()) - 60,
        "lat": 30.005,
        "lon": 111.005,
        "batt": 80,
        "bs": 1,
    }
    payload = json.dumps(location).encode()
    await bench.pipeline.process([bench.delivery(payload, topic="owntracks/H-77/phone")])
    assert {row["reason"] for row in await bench.rows("SELECT reason FROM quarantine")} == {"unknown_device"}
    await bench.rows("INSERT INTO device (name, kind) VALUES ('H-77', 'vehicle') RETURNING number")
    await bench.worker.refresh()
    assert await replay(
        bench.pool, bench.pipeline, ids=None, reason="unknown_device", offset=None, at=datetime.now(UTC)
    ) == (2, 0)
    assert len(await bench.rows("SELECT FROM position")) == 1
    assert len(await bench.rows("SELECT FROM reading")) == 1


async def test_a_day_that_somebody_took_out_of_the_table_holds_nothing_up(native_url: str) -> None:
    await make_town(native_url)
    async with bench_on(native_url) as bench:
        old = NOW - timedelta(days=9)
        late = {"type": "position", "t": old.isoformat(), "lat": 30.005, "lon": 111.005}
        await bench.pipeline.process([bench.delivery(late)])
        name = f"position_{old:%Y%m%d}"
        async with bench.pool.connection() as connection:
            await connection.execute(f"ALTER TABLE position DETACH PARTITION {name}".encode())
    async with bench_on(native_url) as bench:
        bench.pipeline.put(bench.delivery(late | {"lat": 30.006}))
        bench.pipeline.put(bench.delivery(fix()))
        await run_until_settled(bench, 2)
        assert len(await bench.rows("SELECT FROM position")) == 2
        assert len(await bench.rows(f"SELECT FROM {name}")) == 1


async def test_two_writers_that_know_of_the_same_devices_never_wait_in_a_ring(
    town_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with await connect(town_url, name="test") as connection:
        for name in "abcde":
            await connection.execute("INSERT INTO device (name, kind) VALUES (%s, 'vehicle')", [name])

    def status(minutes: int) -> dict[str, Any]:
        return {"type": "status", "t": (NOW - timedelta(minutes=minutes)).isoformat(), "battery_pct": 50}

    async with bench_on(town_url) as bench, await connect(town_url, name="blocker") as blocker:
        up, urgent = bench.worker.pipelines["up"], bench.worker.pipelines["urgent"]
        await up.process([bench.delivery(fix(), device=name) for name in "abcde"])
        held = "SELECT FROM last_known JOIN device ON number = device WHERE name IN ('a', 'b') FOR UPDATE"
        one = [bench.delivery(fix(1), device="e"), *(bench.delivery(status(5), device=name) for name in "ac")]
        other = [bench.delivery(fix(2), device="c"), *(bench.delivery(status(6), device=name) for name in "be")]

        async def both_wait() -> bool:
            here = "datname = current_database() AND wait_event_type = 'Lock'"
            return len(await bench.rows(f"SELECT FROM pg_stat_activity WHERE {here}")) == 2

        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks, blocker.transaction():
            await blocker.execute(held)
            tasks.create_task(up.process(one), name="one")
            tasks.create_task(urgent.process(other), name="other")
            await eventually(both_wait, within_s=20)
        assert len(await bench.rows("SELECT FROM reading")) == 4
    assert "deadlock" not in caplog.text


async def test_what_a_wrong_clock_of_ours_refused_is_taken_in_once_it_is_right(bench: Bench) -> None:
    an_hour_back = NOW - timedelta(hours=2)
    await bench.pipeline.process([bench.delivery(fix(), fix(1), received_at=an_hour_back)])

    async def again(offset: timedelta | None) -> tuple[int, int]:
        now = datetime.now(UTC)
        return await replay(bench.pool, bench.pipeline, ids=None, reason="clock", offset=offset, at=now)

    assert await again(None) == (0, 2)
    assert await again(timedelta(0)) == (2, 0)
    assert {row["flags"] for row in await bench.rows("SELECT flags FROM position")} == {0}


async def test_a_message_that_the_database_never_takes_does_not_hold_the_others_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.pipeline.BACK_OFF_S", (0.01,))
    async with bench.pool.connection() as connection:
        await connection.execute(
            "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'this chunk is frozen' USING ERRCODE = '0A000'; END $$"
        )
        await connection.execute(
            "CREATE TRIGGER frozen BEFORE INSERT ON position FOR EACH ROW WHEN (NEW.lat < 0) EXECUTE FUNCTION frozen()"
        )
    for one in (fix(boot=1, seq=1), fix(1, lat=-1, boot=1, seq=2), fix(2, boot=1, seq=3)):
        bench.pipeline.put(bench.delivery(one))
    await run_until_settled(bench, 3)
    assert [row["seq"] for row in await bench.rows("SELECT seq FROM position ORDER BY seq")] == [1, 3]
    (held,) = await bench.rows("SELECT reason, detail FROM quarantine")
    assert held["reason"] == "database"
    assert "this chunk is frozen" in held["detail"]


async def test_an_array_over_many_days_goes_in_by_parts_and_adds_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.writer.DAYS", 2)
    days = [NOW - timedelta(days=back, hours=1) for back in range(7)]
    many: list[dict[str, Any]] = [fix() | {"t": day.isoformat(), "boot": 1, "seq": seq} for seq, day in enumerate(days)]
    many += [{"type": "status", "t": day.isoformat(), "battery_pct": 50} for day in days]
    many += [{"type": "position"}, many[3]]
    message = bench.delivery(*many)
    for _ in range(2):
        await bench.pipeline.process([message])
    assert len(await bench.rows("SELECT FROM position")) == len(await bench.rows("SELECT FROM reading")) == 7
    counters = await bench.counters()
    assert counters == {
        ("received", ""): 32,
        ("stored", ""): 14,
        ("repeated", ""): 16,
        ("quarantined", "schema"): 2,
    }
    (first,) = await bench.rows("SELECT min(xmin::text::bigint) AS mark FROM dirty_mark")
    (last,) = await bench.rows("SELECT max(xmin::text::bigint) AS row FROM position")
    assert first["mark"] >= last["row"]  # what a mark wakes finds the readings
