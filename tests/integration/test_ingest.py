"""From deliveries to rows: one transaction, then settle; nothing lost, nothing doubled, everything counted."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest.writer
from devices.codecs import codecs
from ingest.database import connect
from ingest.engines import engine_at
from ingest.quarantine import replay
from ingest.upkeep import upkeep
from tests.integration.bench import (
    NOW,
    SHARED_DATABASE,
    Bench,
    bench_on,
    fix,
    run_until,
    run_until_settled,
    somebody_waits,
)


async def test_a_fix_is_stored_matched_marked_and_settled(bench: Bench) -> None:
    bench.pipeline.put(bench.delivery(fix(boot=1, seq=5, accuracy_m=6, speed_mps=1.3, battery_pct=83)))

    await run_until_settled(bench)
    (row,) = await bench.rows("SELECT * FROM position_readable")
    assert (row["device"], row["grid"], float(row["lat_deg"]), float(row["accuracy_m"])) == ("H-01", "G1", 30.005, 6.0)
    (mark,) = await bench.rows("SELECT * FROM dirty_mark WHERE kind = 'checkpoint'")
    assert (mark["kind"], mark["subject"]) == ("checkpoint", "C1")
    (known,) = await bench.rows("SELECT * FROM last_known")
    assert (known["lat"], known["battery"]) == (300_050_000, 83)
    assert bench.sent == [("H-01", {"type": "receipt", "boot": 1, "seq": [[5, 5]]})]


async def test_a_scan_wakes_the_checkpoints_where_its_tag_hangs(town_url: str) -> None:
    async with await connect(town_url, name="test") as connection:
        await connection.execute("UPDATE checkpoint SET tags = '{04:a2:b3}' WHERE code = 'C2'")
    async with bench_on(town_url) as bench:
        scans = [{"type": "scan", "t": NOW.isoformat(), "tag": tag, "method": "nfc"} for tag in ("04A2B3", "04A2B4")]
        await bench.pipeline.process([bench.delivery(*scans)])
        marks = await bench.rows("SELECT subject, window_from FROM dirty_mark WHERE kind = 'checkpoint'")
        assert marks == [{"subject": "C2", "window_from": NOW}]


async def test_redelivery_is_harmless_and_counted(bench: Bench) -> None:
    first = bench.delivery(fix(), fix(1))
    await bench.pipeline.process([first])
    await bench.pipeline.process([first, bench.delivery(fix(1), fix(2))])
    assert len(await bench.rows("SELECT FROM position")) == 3
    counters = await bench.counters()
    assert counters == {("received", ""): 6, ("stored", ""): 3, ("repeated", ""): 3}


async def test_two_places_at_one_moment_are_two_rows(bench: Bench) -> None:
    await bench.pipeline.process([bench.delivery(fix(), fix(lat=30.006), fix())])
    assert len(await bench.rows("SELECT FROM position")) == 2


async def test_all_seven_types_are_kept(bench: Bench) -> None:
    at = NOW.isoformat()
    await bench.pipeline.process(
        [
            bench.delivery(
                fix(),
                {"type": "status", "t": at, "battery_pct": 40, "charge_pct": 64},
                {"type": "scan", "t": at, "tag": "04A2", "method": "nfc"},
                {"type": "button", "t": at, "button": "sos", "pressed": True},
                {"type": "task", "t": at, "incident": "I-1", "state": "accepted"},
                {"type": "report", "t": at, "kind": "fire_hazard", "text": "纸箱"},
            ),
            bench.delivery({"type": "equipment", "t": at, "pressure_kpa": 142, "battery_pct": 77}, device="T-01"),
        ]
    )
    assert len(await bench.rows("SELECT FROM position")) == 1
    rows = await bench.rows("SELECT type, body FROM reading ORDER BY type")
    assert [row["type"] for row in rows] == ["button", "equipment", "report", "scan", "status", "task"]
    assert rows[2]["body"] == {"kind": "fire_hazard", "text": "纸箱"}
    marks = await bench.rows("SELECT subject FROM dirty_mark WHERE kind = 'device'")
    assert len(marks) == 1
    known = {
        row["name"]: row
        for row in await bench.rows("SELECT name, l.* FROM last_known l JOIN device ON number = device")
    }
    assert known["H-01"]["battery"] == 40
    assert (known["H-01"]["charge"], known["H-01"]["charge_time"]) == (64, NOW)
    assert known["T-01"]["battery"] == 77
    assert known["T-01"]["equipment"]["pressure_kpa"] == 142


async def test_one_bad_element_goes_alone(bench: Bench) -> None:
    await bench.pipeline.process([bench.delivery(fix(), {"type": "position", "t": "x", "boot": 1, "seq": 9}, fix(1))])
    assert len(await bench.rows("SELECT FROM position")) == 2
    (held,) = await bench.rows("SELECT * FROM quarantine")
    assert (held["reason"], held["topic"], json.loads(bytes(held["payload"]))["seq"]) == (
        "schema",
        "gengfu/v1/H-01/up",
        9,
    )
    assert await bench.counters() == {("received", ""): 3, ("stored", ""): 2, ("quarantined", "schema"): 1}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\xff", "utf8"),
        (b"{", "json"),
        (b"[" * 9000, "depth"),
        (b'{"type":"position","t":"2036-01-01T00:00:00Z","lat":1,"lon":1}', "clock"),
        (b'{"type":"position","t":0,"lat":1,"lon":1}', "clock"),
        (b" " * 300_000, "size"),
        (b"", "json"),
    ],
)
async def test_poison_is_kept_and_settled(bench: Bench, payload: bytes, reason: str) -> None:
    bench.pipeline.put(bench.delivery(payload))
    bench.pipeline.put(bench.delivery(fix()))

    await run_until_settled(bench, 2)
    (held,) = await bench.rows("SELECT * FROM quarantine")
    assert held["reason"] == reason
    assert len(await bench.rows("SELECT FROM position")) == 1


async def test_an_sos_from_a_wrong_clock_is_stored_at_once(bench: Bench) -> None:
    await bench.pipeline.process(
        [bench.delivery({"type": "button", "t": "2036-01-01T00:00:00Z", "button": "sos", "pressed": True})]
    )
    (row,) = await bench.rows("SELECT time, flags FROM reading")
    assert abs(row["time"] - datetime.now(UTC)) < timedelta(seconds=30)
    assert row["flags"] == 8
    assert len(await bench.rows("SELECT FROM quarantine")) == 0


async def test_an_sos_without_time_that_comes_again_is_one(bench: Bench) -> None:
    press = {"type": "button", "button": "sos", "pressed": True}
    await bench.pipeline.process([bench.delivery(press)])
    await bench.pipeline.process([bench.delivery(press, dup=True)])
    assert len(await bench.rows("SELECT FROM reading")) == 1
    await bench.pipeline.process([bench.delivery(press)])
    assert len(await bench.rows("SELECT FROM reading")) == 2


async def test_an_unknown_device_waits_and_is_replayed_once_registered(bench: Bench) -> None:
    await bench.pipeline.process([bench.delivery(fix(), device="H-99")])
    (held,) = await bench.rows("SELECT * FROM quarantine")
    assert held["reason"] == "unknown_device"
    stay = await replay(bench.pool, bench.pipeline, ids=None, reason=None, offset=None, at=NOW)
    assert stay == (0, 1)
    async with bench.pool.connection() as connection:
        await connection.execute("INSERT INTO device (name, kind) VALUES ('H-99', 'handset')")
    stored = await replay(bench.pool, bench.pipeline, ids=[held["id"]], reason=None, offset=None, at=NOW)
    assert stored == (1, 0)
    assert len(await bench.rows("SELECT FROM position")) == 1
    assert len(await bench.rows("SELECT FROM quarantine WHERE replayed_at IS NULL")) == 0


async def test_a_device_registered_a_moment_ago_is_known(bench: Bench) -> None:
    async with bench.pool.connection() as connection:
        await connection.execute("INSERT INTO device (name, kind) VALUES ('H-50', 'handset')")
    await bench.pipeline.process([bench.delivery(fix(), device="H-50")])
    assert len(await bench.rows("SELECT FROM position")) == 1


async def test_a_wrong_clock_is_replayed_with_an_offset(bench: Bench) -> None:
    wrong = NOW - timedelta(days=3650)
    await bench.pipeline.process([bench.delivery({**fix(), "t": wrong.isoformat()})])
    assert [row["reason"] for row in await bench.rows("SELECT reason FROM quarantine")] == ["clock"]
    offset = timedelta(days=3650)
    assert await replay(bench.pool, bench.pipeline, ids=None, reason="clock", offset=offset, at=NOW) == (1, 0)
    (row,) = await bench.rows("SELECT time, flags FROM position")
    assert (row["time"], row["flags"]) == (NOW, 32)


async def test_what_is_newest_never_goes_back_nor_ahead(bench: Bench) -> None:
    ahead = {**fix(), "t": (datetime.now(UTC) + timedelta(minutes=9)).isoformat(), "lat": 30.009}
    await bench.pipeline.process([bench.delivery(ahead)])
    (known,) = await bench.rows("SELECT time FROM last_known")
    assert known["time"] <= datetime.now(UTC)
    await bench.pipeline.process([bench.delivery(fix(-300, lat=30.001))])
    (known,) = await bench.rows("SELECT lat FROM last_known")
    assert known["lat"] == 300_090_000


async def test_old_readings_get_partitions_of_their_own(town_url: str) -> None:
    async with bench_on(town_url, retention_days=0) as bench:
        days = [{**fix(), "t": f"{year}-07-01T00:00:00Z"} for year in (2000, 2008, 2019)]
        await bench.pipeline.process([bench.delivery(*days)])
        assert len(await bench.rows("SELECT FROM position")) == 3
        async with bench.pool.connection() as connection:
            parts = await (await engine_at(town_url, wish="auto")).parts(connection)
        begins = [part.begins.date().isoformat() for part in parts if part.table == "position"]
        assert begins[:3] == ["2000-07-01", "2008-07-01", "2019-07-01"]


async def test_retention_drops_whole_days_and_the_rollup_is_kept_up(town_url: str) -> None:
    async with bench_on(town_url, retention_days=0) as bench:
        await bench.pipeline.process([bench.delivery(fix(), {**fix(), "t": "2008-07-01T00:30:00Z"})])
    async with bench_on(town_url) as bench:
        async with bench.pool.connection() as connection:
            assert await upkeep(connection, await engine_at(town_url, wish="auto"), retention_days=90) == []
        (row,) = await bench.rows("SELECT fixes, first FROM position_hour WHERE first > '2020-01-01'")
        assert row["fixes"] == 1
        assert len(await bench.rows("SELECT FROM position")) == 1
        # A partition that was dropped under a worker is made again when it is needed.
        await bench.pipeline.process([bench.delivery(fix(30))])
        assert len(await bench.rows("SELECT FROM position")) == 2


async def test_what_the_database_refuses_is_found_by_halving(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ingest.writer.write

    async def refuses_one(connection: Any, batch: Any, place: Any, **mode: Any) -> Any:
        if any(other.body.get("tag") == "bad" for other in batch.others):
            raise psycopg.DataError("that value is beyond me")
        return await real(connection, batch, place, **mode)

    monkeypatch.setattr("ingest.pipeline.write", refuses_one)
    scans = [
        {"type": "scan", "t": NOW.isoformat(), "tag": tag, "method": "nfc", "boot": 1, "seq": seq}
        for seq, tag in enumerate(("a", "b", "bad", "c", "d"))
    ]
    for scan in scans:
        bench.pipeline.put(bench.delivery(scan))

    await run_until_settled(bench, 5)
    assert bench.settled == [0, 1, 2, 3, 4]
    assert len(await bench.rows("SELECT FROM reading")) == 4
    (held,) = await bench.rows("SELECT reason, detail FROM quarantine")
    assert held["reason"] == "database"
    assert "beyond me" in held["detail"]
    assert {seq for _, receipt in bench.sent for first, last in receipt["seq"] for seq in range(first, last + 1)} == {
        0,
        1,
        2,
        3,
        4,
    }


async def test_what_a_codec_falls_over_is_kept_and_the_rest_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: Any) -> Any:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(codecs()["native"], "decode", fall)
    bench.pipeline.put_all([bench.delivery(fix()), bench.delivery(b"{}"), bench.delivery(fix(1))])
    await run_until_settled(bench, 3)
    assert bench.settled == [0, 1, 2]
    assert await bench.counters() == {("received", ""): 3, ("stored", ""): 2, ("quarantined", "database"): 1}


async def test_a_row_that_is_refused_again_and_again_does_not_hold_up_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.pipeline.BACK_OFF_S", (0.01,))
    async with bench.pool.connection() as connection:
        await connection.execute("ALTER TABLE position ADD CONSTRAINT odd CHECK (battery IS DISTINCT FROM 13)")
    odd = [fix(2, battery_pct=13, boot=1, seq=2), fix(3, boot=1, seq=3)]
    bench.pipeline.put_all([bench.delivery(fix()), bench.delivery(*odd), bench.delivery(fix(1))])
    await run_until_settled(bench, 3)
    assert bench.settled == [0, 1, 2]
    assert await bench.counters() == {("received", ""): 4, ("stored", ""): 2, ("quarantined", "database"): 2}
    assert [receipt["seq"] for _, receipt in bench.sent] == [[[2, 3]]]


async def test_poison_that_came_as_often_as_can_be_counted_is_still_taken(bench: Bench) -> None:
    await bench.pipeline.process([bench.delivery(b"x")])
    async with bench.pool.connection() as connection:
        await connection.execute("UPDATE quarantine SET times = 2147483647")
    await bench.pipeline.process([bench.delivery(b"x")])
    assert await bench.rows("SELECT times FROM quarantine") == [{"times": 2147483647}]


async def test_a_fault_in_receipts_does_not_bring_a_batch_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fall(*_: Any) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(bench.pipeline, "_say_safe", fall)
    bench.pipeline.put(bench.delivery(fix()))
    with pytest.raises(ValueError, match="a fault of ours"):
        await bench.pipeline.run()
    assert (bench.settled, bench.pipeline._held) == ([0], [])


async def test_nothing_is_settled_before_the_commit(bench: Bench) -> None:
    async with bench.pool.connection() as blocker, blocker.transaction():
        await blocker.execute("LOCK TABLE position IN ACCESS EXCLUSIVE MODE")
        bench.pipeline.put(bench.delivery(fix()))
        await run_until(bench, lambda: somebody_waits(bench))
    assert bench.settled == []


async def test_a_database_that_ends_our_sessions_only_delays(bench: Bench) -> None:
    async with bench.pool.connection() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'gengfu test' AND pid <> pg_backend_pid()"
        )
    bench.pipeline.put(bench.delivery(fix()))
    await run_until_settled(bench)
    assert len(await bench.rows("SELECT FROM position")) == 1


@settings(max_examples=12, suppress_health_check=SHARED_DATABASE)
@given(data=st.data())
def test_order_batching_and_repetition_do_not_change_the_rows(town_url: str, data: st.DataObject) -> None:
    fixes = [fix(second, lat=30.001 + second / 1e5, boot=1, seq=second) for second in range(12)]
    plan = data.draw(st.lists(st.lists(st.sampled_from(fixes), min_size=1, max_size=6), max_size=6))

    async def play() -> None:
        async with bench_on(town_url) as bench:
            for readings in [*plan, data.draw(st.permutations(fixes))]:
                await bench.pipeline.process([bench.delivery(*readings)])
            rows = await bench.rows("SELECT lat FROM position ORDER BY time")
            assert [row["lat"] for row in rows] == [300_010_000 + 100 * second for second in range(12)]
            counters = await bench.counters()
            assert counters["received", ""] == counters["stored", ""] + counters.get(("repeated", ""), 0)

    asyncio.run(play())


async def test_while_the_broker_is_not_heard_nobodys_silence_counts(town_url: str) -> None:
    heard = [False]
    async with bench_on(town_url, hears=lambda _lane: heard[0]) as bench:

        async def progress() -> dict[str, Any]:
            await bench.worker.beat()
            (row,) = await bench.rows("SELECT * FROM ingest_progress WHERE lane = 'up'")
            return row

        deaf, still = await progress(), await progress()
        assert not still["hears"]
        assert still["up_since"] > deaf["up_since"]
        heard[0] = True
        back, on = await progress(), await progress()
        assert back["hears"]
        assert on["up_since"] == back["up_since"] == still["up_since"]
