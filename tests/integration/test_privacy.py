"""Nobody is followed off duty: what is withheld, that nothing shows it, what releases it, and that it goes."""

import os
import signal
import sys
from asyncio import create_subprocess_exec
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.engines import engine_at
from ingest.quarantine import replay
from ingest.upkeep import upkeep
from ingest.withheld import sealed
from rules.desk import Desk
from rules.options import Options
from rules.store.service import sums
from rules.tracking import TrackingLane
from tests.integration.bench import NOW, Bench, bench_on, make_town, run_until_settled

SECRET = "a secret of the site"  # noqa: S105  made up
HOME = (30.0942371, 111.0061893)  # where somebody sleeps; no other number in a table looks like it
EVERY_DAY = "{mon,tue,wed,thu,fri,sat,sun}"


def clock(hours: float) -> str:
    """The time of day so many hours from now, in the site's zone."""
    return f"{NOW + timedelta(hours=hours):%H:%M}"


async def do(bench: Bench, statement: str, *values: Any) -> None:
    async with bench.pool.connection() as connection:
        await connection.execute(statement.encode(), values)


async def plan(bench: Bench, now: datetime | None = None) -> None:
    """What the rules do when something changed, and ingest's look at it."""
    desk = Desk(bench.pool, options=Options(zone="UTC"), clock=lambda: now or datetime.now(UTC))
    await TrackingLane(desk).step()
    await bench.worker.refresh()


def home(minutes: float, **more: Any) -> dict[str, Any]:
    """A fix at home, so many minutes before now."""
    at = (NOW - timedelta(minutes=minutes)).isoformat()
    return {"type": "position", "t": at, "lat": HOME[0], "lon": HOME[1], "accuracy_m": 6, **more}


async def lies(bench: Bench) -> dict[str, int]:
    """Rows by where they are."""
    tables = ("position", "reading", "withheld_fix", "quarantine")
    found = {name: (await bench.rows(f"SELECT count(*)::int AS n FROM {name}"))[0]["n"] for name in tables}  # noqa: S608  ours
    return {name: n for name, n in found.items() if n}


async def adds_up(bench: Bench) -> dict[tuple[str, str], int]:
    """The ledger, which must add up whatever happened."""
    async with bench.pool.connection() as connection:
        assert all(sheet.difference == 0 for sheet in await sums(connection))
    return await bench.counters()


@pytest.fixture
async def town_url(database_url: str) -> str:
    """Post P-1 of the foot unit F-1 carries H-01; its shift begins in six hours and was over six hours ago."""
    await make_town(database_url)
    async with bench_on(database_url) as bench:
        await do(bench, "INSERT INTO unit (code, name, kind) VALUES ('F-1', 'foot', 'foot'), ('C-1', 'car', 'car')")
        await do(bench, "INSERT INTO post (code, name, unit, role) VALUES ('P-1', 'post', 'F-1', 'patrol')")
        await do(bench, "INSERT INTO custody (device, holder_kind, holder) VALUES (1, 'post', 'P-1')")
        await do(
            bench,
            "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds) "
            "VALUES ('day', 'day', %s, %s, %s, 'F-1', 'R-1', 1)",
            EVERY_DAY,
            clock(6),
            clock(-6),
        )
    return database_url


@pytest.fixture
async def bench(town_url: str) -> AsyncIterator[Bench]:
    async with bench_on(town_url, secret=SECRET) as bench:
        await plan(bench)
        yield bench


async def test_off_duty_nothing_says_where_somebody_was(bench: Bench) -> None:
    at = NOW.isoformat()
    await bench.pipeline.process(
        [
            bench.delivery(
                home(3, boot=1, seq=1),
                home(2, boot=1, seq=2),
                {"type": "scan", "t": at, "tag": "04A2", "method": "nfc", "lat": HOME[0], "lon": HOME[1]},
                {"type": "status", "t": at, "battery_pct": 40},
            )
        ]
    )
    assert await lies(bench) == {"reading": 1, "withheld_fix": 3}
    assert await adds_up(bench) == {("received", ""): 4, ("stored", ""): 1, ("withheld", ""): 3}
    (known,) = await bench.rows("SELECT * FROM last_known")
    assert (known["time"], known["lat"], known["battery"]) == (None, None, 40)
    assert known["heard_at"] is not None
    assert await bench.rows("SELECT * FROM dirty_mark WHERE kind IN ('checkpoint', 'device')") == [], "no rule is woken"
    await seen_nowhere(bench)


async def seen_nowhere(bench: Bench) -> None:
    """No row of any table holds the place, in whatever form."""
    tables = await bench.rows(
        "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind = 'r' "
        "AND c.relnamespace = 'public'::regnamespace"
    )
    for table in tables:
        rows = await bench.rows(f"SELECT t.*::text AS row FROM {table['name']} t")  # noqa: S608  the catalog's own
        for row in rows:
            for word in (str(round(HOME[0] * 1e7)), str(HOME[0]), str(round(HOME[1] * 1e7)), str(HOME[1])):
                assert word not in row["row"], table["name"]
                assert word.encode().hex() not in row["row"], table["name"]


async def test_what_is_withheld_is_receipted_and_a_repetition_is_one(bench: Bench) -> None:
    delivery = bench.delivery(home(3, boot=1, seq=1), home(2, boot=1, seq=2))
    bench.pipeline.put(delivery)
    await run_until_settled(bench)
    assert bench.sent == [("H-01", {"type": "receipt", "boot": 1, "seq": [[1, 2]]})]
    await bench.pipeline.process([delivery])
    assert await lies(bench) == {"withheld_fix": 2}
    assert await adds_up(bench) == {("received", ""): 4, ("withheld", ""): 2, ("repeated", ""): 2}


async def test_on_duty_and_in_the_margin_everything_is_kept(bench: Bench) -> None:
    await bench.pipeline.process([bench.delivery(home(6 * 60 - 10), home(6 * 60 + 10), home(6 * 60 - 20))])
    assert (await lies(bench))["position"] == 2
    assert (await lies(bench))["withheld_fix"] == 1


async def test_a_call_for_help_is_kept_with_its_place_and_what_follows_too(bench: Bench) -> None:
    before = home(40)
    press = {"type": "button", "t": home(20)["t"], "button": "sos", "pressed": True, "lat": HOME[0], "lon": HOME[1]}
    await bench.pipeline.process([bench.delivery(before), bench.delivery(home(25)), bench.delivery(press)])
    (reading,) = await bench.rows("SELECT * FROM reading")
    assert reading["lat"] == round(HOME[0] * 1e7)
    assert (await lies(bench))["withheld_fix"] == 2
    await plan(bench)
    assert await bench.worker.release() == 1
    await bench.pipeline.process([bench.delivery(home(5)), bench.delivery(home(36))])
    assert await lies(bench) == {"position": 2, "reading": 1, "withheld_fix": 2}
    assert await adds_up(bench) == {
        ("received", ""): 5,
        ("stored", ""): 2,
        ("withheld", ""): 3,
        ("released", ""): 1,
    }


async def test_a_report_is_made_on_purpose_and_kept(bench: Bench) -> None:
    await bench.pipeline.process(
        [bench.delivery({"type": "report", "t": NOW.isoformat(), "kind": "fire_hazard", "lat": 30.005, "lon": 111.005})]
    )
    assert (await lies(bench))["reading"] == 1


@pytest.mark.parametrize("correction", ["roster", "custody", "dispatch"])
async def test_a_correction_releases_each_reading_once(bench: Bench, correction: str) -> None:
    near = {"lat": 30.005, "lon": 111.005}
    scan = {"type": "scan", "t": home(4)["t"], "tag": "04A2", "method": "nfc", **near}
    await bench.pipeline.process([bench.delivery(home(5, **near), home(5, **near), home(4, **near), scan, home(400))])
    assert await lies(bench) == {"withheld_fix": 3, "position": 1}
    match correction:
        case "roster":  # the shift was longer than was said
            await do(bench, "UPDATE shift SET ends = %s", clock(-0.01))
        case "custody":  # nobody had the handset today
            await do(bench, "UPDATE custody SET valid_to = %s", NOW - timedelta(hours=7))
        case "dispatch":
            await do(
                bench,
                "INSERT INTO incident (number, kind, source, unit, occurred_at, reported_at, dispatched_at) "
                "VALUES ('I-1', 'fire', 'officer', 'F-1', now(), now(), %s)",
                NOW - timedelta(minutes=6),
            )
    await plan(bench)
    assert await bench.worker.release() == 3
    assert await bench.worker.release() == 0
    assert await lies(bench) == {"position": 3, "reading": 1}
    rows = await bench.rows("SELECT * FROM position_readable ORDER BY time DESC, lat_deg")
    assert [row["grid"] for row in rows] == ["G1", "G1", None]
    assert "checkpoint" in {row["kind"] for row in await bench.rows("SELECT kind FROM dirty_mark")}
    assert await adds_up(bench) == {
        ("received", ""): 5,
        ("stored", ""): 1,
        ("repeated", ""): 1,
        ("withheld", ""): 3,
        ("released", ""): 3,
    }
    await bench.pipeline.process([bench.delivery(home(5, **near))])
    assert len(await bench.rows("SELECT FROM position")) == 3


async def test_a_roster_that_was_withdrawn_takes_nothing_back(bench: Bench) -> None:
    await bench.pipeline.process([bench.delivery(home(400))])
    await do(bench, "UPDATE shift SET valid_to = '2001-01-01Z'")
    await plan(bench)
    await bench.pipeline.process([bench.delivery(home(401))])
    assert await lies(bench) == {"position": 1, "withheld_fix": 1}


@pytest.mark.parametrize(
    "why",
    ["no custody", "a car's", "a tag", "no calendar", "turned off", "no shift ever"],
)
async def test_what_nobody_carries_is_always_kept(town_url: str, why: str) -> None:
    async with bench_on(town_url, secret=SECRET, private=why != "turned off") as bench:
        match why:
            case "no custody":
                await do(bench, "DELETE FROM custody")
            case "a car's":
                await do(bench, "UPDATE custody SET holder_kind = 'unit', holder = 'C-1'")
            case "a tag":
                await do(bench, "UPDATE device SET kind = 'tag'")
            case "no calendar":
                await do(bench, "DELETE FROM shift")
            case "no shift ever":
                await do(bench, "UPDATE post SET unit = 'C-1'")
        await plan(bench)
        await bench.pipeline.process([bench.delivery(home(1))])
        assert "withheld_fix" not in await lies(bench)
        assert (await lies(bench))["position"] == 1


async def test_a_leader_of_a_squad_is_on_duty_with_it(bench: Bench) -> None:
    await do(bench, "UPDATE unit SET squad = 'A' WHERE code = 'F-1'")
    await do(bench, "UPDATE post SET unit = NULL, squad = 'A'")
    await plan(bench)
    await bench.pipeline.process([bench.delivery(home(1), home(400))])
    assert await lies(bench) == {"position": 1, "withheld_fix": 1}


async def test_before_the_rules_ever_planned_everything_waits_sealed(town_url: str) -> None:
    async with bench_on(town_url, secret=SECRET) as bench:
        await bench.pipeline.process([bench.delivery(home(1), home(400))])
        assert await lies(bench) == {"withheld_fix": 2}
        await plan(bench)
        assert await bench.worker.release() == 1
        assert await lies(bench) == {"position": 1, "withheld_fix": 1}


async def test_hours_that_change_under_way_are_heeded(bench: Bench) -> None:
    """A span that comes between ingest's look and its commit: the batch is matched anew, nothing is left sealed."""
    stale = bench.worker.world().tracking.revision
    await do(bench, "UPDATE shift SET ends = %s", clock(-0.01))
    desk = Desk(bench.pool, options=Options(zone="UTC"))
    await TrackingLane(desk).step()
    assert bench.worker.world().tracking.revision == stale
    await bench.pipeline.process([bench.delivery(home(5))])
    assert bench.worker.world().tracking.revision > stale
    assert (await lies(bench))["position"] == 1
    assert "withheld_fix" not in await lies(bench)


async def test_planning_again_changes_nothing(bench: Bench) -> None:
    first = await bench.rows("SELECT * FROM tracking_span ORDER BY id")
    revision = await bench.rows("SELECT revision FROM tracking_state")
    desk = Desk(bench.pool, options=Options(zone="UTC"), clock=lambda: datetime.now(UTC))
    lane = TrackingLane(desk)
    await lane.step()
    before = await bench.rows("SELECT revision FROM tracking_state")
    await lane.step()
    assert await bench.rows("SELECT revision FROM tracking_state") == before
    assert await bench.rows("SELECT * FROM tracking_span ORDER BY id") == first
    assert before[0]["revision"] - revision[0]["revision"] <= 1


async def test_after_three_days_it_is_gone(bench: Bench) -> None:
    await bench.pipeline.process([bench.delivery(home(1)), bench.delivery({**home(1), "t": "2036-01-01T00:00:00Z"})])
    async with bench.pool.connection() as connection:
        await connection.execute("ANALYZE withheld_fix")
        found = await sealed(connection)
        assert (found.readings, found.quarantined) == (1, 1)
        assert found.oldest == datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        await connection.commit()
        engine = await engine_at(str(bench.pool.conninfo), wish="auto")
        await connection.set_autocommit(True)
        assert await upkeep(connection, engine, retention_days=90) == []
        assert await lies(bench) == {"withheld_fix": 1, "quarantine": 1}
        # As if it lay here since three days: the partition's name and bounds say when.
        assert await upkeep(connection, engine, retention_days=90, held_for=timedelta(minutes=5)) == []
        found = await sealed(connection)
        assert (found.readings, found.oldest, found.quarantined) == (0, None, 0)
        parts = await (
            await connection.execute("SELECT FROM pg_class WHERE relname ~ '^withheld_fix_[0-9]+$'")
        ).fetchall()
        assert parts == []
    await do(bench, "UPDATE shift SET ends = %s", clock(-0.01))
    await plan(bench)
    assert await bench.worker.release() == 0
    assert await lies(bench) == {}
    await seen_nowhere(bench)


async def test_quarantine_is_no_hole_in_it(bench: Bench) -> None:
    ahead = {**home(1), "t": "2036-01-01T00:00:00Z"}
    broken = {**home(1), "speed_mps": "fast"}
    await bench.pipeline.process([bench.delivery(ahead), bench.delivery(broken), bench.delivery(broken, device="T-01")])
    rows = await bench.rows("SELECT * FROM quarantine ORDER BY reason, topic")
    assert [(row["reason"], row["nonce"] is not None) for row in rows] == [
        ("clock", True),
        ("schema", True),
        ("schema", False),
    ]
    assert "speed_mps" in bytes(rows[2]["payload"]).decode()
    await do(bench, "DELETE FROM quarantine WHERE nonce IS NULL")
    await seen_nowhere(bench)
    offset = NOW - datetime(2036, 1, 1, tzinfo=UTC) - timedelta(minutes=1)
    assert await replay(bench.pool, bench.pipeline, ids=None, reason="clock", offset=offset, at=NOW) == (1, 0)
    assert (await lies(bench))["withheld_fix"] == 1
    await adds_up(bench)


async def test_who_does_not_know_the_secret_opens_nothing(town_url: str, bench: Bench) -> None:
    await bench.pipeline.process([bench.delivery(home(5))])
    await do(bench, "UPDATE shift SET ends = %s", clock(-0.01))
    await plan(bench)
    async with bench_on(town_url, secret="another") as other:  # noqa: S106  made up
        assert await other.worker.release() == 0
        assert await lies(other) == {}


KILLED = """
import asyncio, sys
from tests.integration.bench import bench_on
async def main():
    async with bench_on(sys.argv[1], secret=sys.argv[2]) as bench:
        print(await bench.worker.release())
asyncio.run(main())
"""


@pytest.mark.parametrize(("where", "moved"), [("before_release", 0), ("after_release", 1)])
async def test_killed_while_it_releases_nothing_is_lost_or_doubled(
    town_url: str, bench: Bench, where: str, moved: int
) -> None:
    await bench.pipeline.process([bench.delivery(home(5), home(4), home(3))])
    await do(bench, "UPDATE shift SET ends = %s", clock(-0.01))
    await plan(bench)

    async def killed(fail: str) -> int | None:
        root = str(Path(__file__).parents[2])
        environment = {**os.environ, "GENGFU_TEST_FAIL": fail, "PYTHONPATH": root}
        process = await create_subprocess_exec(
            sys.executable, "-c", KILLED, town_url, SECRET, env=environment, cwd=root
        )
        return await process.wait()

    assert await killed(where) == -signal.SIGKILL
    assert await lies(bench) == ({"position": 3} if moved else {"withheld_fix": 3})
    assert await killed("") == 0
    assert await lies(bench) == {"position": 3}
    counters = await adds_up(bench)
    assert counters["released", ""] == 3
    (marker,) = await bench.rows(
        "SELECT released_up_to = (SELECT max(id) FROM tracking_span) AS it FROM tracking_state"
    )
    assert marker["it"]


async def test_somebody_alone_and_overdue_is_looked_for_after_the_shift(bench: Bench) -> None:
    await do(
        bench,
        "INSERT INTO alert (fingerprint, rule, subject, class, severity, title, device, opened_at, changed_at) "
        "VALUES ('lone_worker:H-01', 'lone_worker', 'H-01', 'overdue', 'warning', 'overdue', 'H-01', %s, now())",
        NOW - timedelta(minutes=10),
    )
    await plan(bench)
    await bench.pipeline.process([bench.delivery(home(5), home(15))])
    assert await lies(bench) == {"position": 1, "withheld_fix": 1}


def test_nothing_else_reads_what_lies_sealed() -> None:
    """Only the statements that seal, release, count and drop name the table."""
    root = Path(__file__).parents[2]
    packages = ("devices", "gateway", "ingest", "rules", "ops")
    files = [
        Path(folder) / name
        for package in packages
        for folder, _, names in os.walk(root / package)
        if "node_modules" not in folder
        for name in names
        if name.endswith((".sql", ".py"))
    ]
    naming = {str(path.relative_to(root)) for path in files if "withheld_fix" in path.read_text(encoding="utf-8")}
    assert naming == {
        "ingest/migrations/0011_privacy.sql",
        "ingest/withheld.py",
        "ingest/withheld.sql",
    }


async def test_what_a_correction_releases_has_final_verdicts_judged_again(bench: Bench) -> None:
    """The rules may have looked before the readings were there, and nothing else wakes what is final."""
    await bench.pipeline.process([bench.delivery(home(5), home(4))])
    await do(bench, "UPDATE shift SET ends = %s", clock(-0.01))
    await plan(bench)
    await do(bench, "DELETE FROM plan_change")
    assert await bench.worker.release() == 2
    (row,) = await bench.rows("SELECT kind, subject, until - since AS length FROM plan_change")
    assert (row["kind"], row["length"]) == ("custody", timedelta(minutes=1))
    assert row["subject"] == (await bench.rows("SELECT holder FROM custody"))[0]["holder"]
