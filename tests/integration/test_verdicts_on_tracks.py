"""The table of `track_cases`, line by line, on every walk: through ingest into the database, judged by the rules."""

import json
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rules.desk import Desk
from rules.options import Options
from rules.roster import correct
from rules.tracking import TrackingLane
from tests.integration.bench import Bench, bench_on
from tests.integration.rules_site import EVERY_DAY, Site, at, place, site_at
from tests.integration.track_cases import BLACKOUT_ENDS, RADIUS_M, REAL, TABLE, Case, Point, Walk, made_up, real_walks

if TYPE_CHECKING:
    from ingest.delivery import Delivery

WALKS = [made_up(), *real_walks()]
SETTLED = 67.0  # minutes: the window, five minutes of late limit, two report intervals
FINAL = 60 + 72 * 60 + 10.0
FOR_EVER = 36_500  # days; the walks were long ago when this runs years from now
SECRET = "of the site"  # noqa: S105  seals what the handsets say off duty


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with site_at(database_url) as site:
        yield site


@pytest.mark.skipif(not REAL.exists(), reason="the real tracks are not beside this tree")
def test_there_are_real_walks_to_judge() -> None:
    assert len(WALKS) >= 4


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.name)
async def test_every_case_is_judged_as_written(walk: Walk, site: Site, database_url: str) -> None:
    for number, case in enumerate(TABLE):
        await prepare(site, walk, case, number)
    await site.work(-40)
    await plan_tracking(site)
    sent = [message for number, case in enumerate(TABLE) for message in stream(walk, case, number)]
    async with bench_on(database_url, retention_days=FOR_EVER, secret=SECRET) as bench:
        await deliver(bench, [it for it in sent if it[0] <= SETTLED])
        await site.work(SETTLED)
        assert await said(site) == {case.name: case.first or case.verdict for case in TABLE}

        await deliver(bench, [it for it in sent if it[0] > SETTLED])
        site.restart()
        await site.work(BLACKOUT_ENDS + 5)
        assert await said(site) == {case.name: case.verdict for case in TABLE}
        await site.work(FINAL)
        assert await said(site) == {case.name: case.verdict for case in TABLE}
    reasons = await given_reasons(site)
    assert {case.name: reasons[case.name] for case in TABLE if case.reason not in reasons[case.name]} == {}
    assert await told(site) == {case.name: classes for case in TABLE if (classes := _to_be_told(case))}


async def test_two_handsets_swapped_are_put_right(site: Site, database_url: str) -> None:
    """Each patrol has the other's handset; the record is put right afterwards, and that alone changes the verdict."""
    walk, swapped, bystander = made_up(), Case("swapped", "missed", "nearest_fix"), Case("bystander", "met", "visit")
    for number, case in enumerate((swapped, replace(swapped, name="lay at home", beside_m=300), bystander)):
        await prepare(site, walk, case, number)
    await site.work(-40)
    await plan_tracking(site)
    home = [Point(minute / 2, 2000, 2000) for minute in range(-90, 260)]
    async with bench_on(database_url, retention_days=FOR_EVER, secret=SECRET) as bench:
        sent = [(it.minute, "D-0", _reading(it)) for it in home]
        sent += [(it.minute, "D-1", _reading(it)) for it in walk.at(30)] + stream(walk, bystander, 2)
        await deliver(bench, sent)
    await site.work(SETTLED)
    assert await said(site) == {"swapped": "missed", "lay at home": "missed", "bystander": "met"}
    before = await site.row("SELECT * FROM duty WHERE unit = 'U-2' AND opens_at = %s", at(0))

    async with site.connection.transaction():
        for device, holder in (("D-0", "U-1"), ("D-1", "U-0")):
            await correct(site.connection, device, holder=holder, start=at(-60), end=None, actor="officer", now=at(100))
    await site.work(100)
    assert await said(site) == {"swapped": "met", "lay at home": "missed", "bystander": "met"}
    assert await told(site) == {"swapped": ["withdrawn"], "lay at home": ["missed"]}
    assert await site.row("SELECT * FROM duty WHERE unit = 'U-2' AND opens_at = %s", at(0)) == before


def _to_be_told(case: Case) -> list[str]:
    """The class of the one alert in the end."""
    was_told = {case.first or case.verdict, case.verdict} & {"missed", "in_doubt"}
    last = {"missed": "missed", "in_doubt": "unproven"}.get(case.verdict, "withdrawn")
    return [last] if was_told else []


async def plan_tracking(site: Site) -> None:
    """What the handsets say is stored on duty, and sealed beside it."""
    await TrackingLane(Desk(site.pool, options=Options(), clock=lambda: site.now)).step()


async def prepare(site: Site, walk: Walk, case: Case, number: int) -> None:
    """A unit with a handset, whose round has one checkpoint: where the walk passes, or beside it."""
    unit, point = f"U-{number}", f"C-{number}"
    await site.unit(unit)
    await site.device(f"D-{number}", unit=unit)
    lat, lon = place(*walk.beside(case.beside_m))
    await site.do(
        "INSERT INTO checkpoint (code, name, lat, lon, radius_m, tags) VALUES (%s, %s, %s, %s, %s, %s)",
        point,
        case.name,
        lat,
        lon,
        RADIUS_M,
        [f"T-{number}"],
    )
    for slot in "AB":
        deputy = f"B-{number}" if slot == "A" else None
        await site.do(
            "INSERT INTO post (code, name, unit, role, deputy) VALUES (%s, 'Post', %s, 'patrol', %s)",
            f"{slot}-{number}",
            unit if slot == "A" else None,
            deputy,
        )
    for slot in case.away:
        await site.do(
            "INSERT INTO leave (post, kind, valid_from, valid_to) VALUES (%s, 'leave', %s, %s)",
            f"{slot}-{number}",
            at(-600),
            at(600),
        )
    await site.do(
        "INSERT INTO route (code, name, checkpoints, geometry) VALUES (%s, 'Route', %s, '{}')", f"R-{number}", [point]
    )
    await site.do(
        "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds) "
        "VALUES ('day', 'Day', %s, '08:00', '09:00', %s, %s, 1)",
        EVERY_DAY,
        unit,
        f"R-{number}",
    )


def stream(walk: Walk, case: Case, number: int) -> list[tuple[float, str, dict[str, Any]]]:
    """When what is sent by the case's handset."""
    points = [(it.minute if it.sent is None else it.sent, it) for it in case.fate(walk.at(case.passes))]
    sent = [(minute, f"D-{number}", _reading(it)) for minute, it in points]
    if case.scans:
        lat, lon = place(*walk.beside(0))
        scan = {"type": "scan", "t": at(30).isoformat(), "tag": f"T-{number}", "method": "nfc", "lat": lat, "lon": lon}
        sent.append((30, f"D-{number}", scan))
    return sent


def _reading(point: Point) -> dict[str, Any]:
    lat, lon = place(point.east_m, point.north_m)
    return {
        "type": "position",
        "t": at(point.minute).isoformat(),
        "lat": round(lat, 7),
        "lon": round(lon, 7),
        "accuracy_m": point.accuracy_m,
    }


async def deliver(bench: Bench, sent: Sequence[tuple[float, str, dict[str, Any]]]) -> None:
    """Through ingest, in batches, in no order within one minute, and some of it twice."""
    dice = random.Random(11)  # noqa: S311  the same shuffle each time
    minutes: dict[int, list[Delivery]] = {}
    for minute, device, reading in sent:
        delivery = bench.delivery(json.dumps(reading).encode(), device=device, received_at=at(minute + 0.01))
        minutes.setdefault(int(minute // 10), []).extend([delivery] * (2 if dice.random() < 0.05 else 1))
    for _, deliveries in sorted(minutes.items()):
        dice.shuffle(deliveries)
        await bench.pipeline.process(deliveries)


async def said(site: Site) -> dict[str, str | None]:
    rows = await site.rows(
        "SELECT c.name, d.verdict FROM duty d JOIN checkpoint c ON c.code = d.subject WHERE d.opens_at = %s", at(0)
    )
    return {row["name"]: row["verdict"] for row in rows}


async def given_reasons(site: Site) -> dict[str, set[str]]:
    rows = await site.rows(
        "SELECT c.name, d.reasons FROM duty d JOIN checkpoint c ON c.code = d.subject WHERE d.opens_at = %s", at(0)
    )
    return {row["name"]: {reason["reason"] for reason in row["reasons"]} for row in rows}


async def told(site: Site) -> dict[str, list[str]]:
    """For each case the classes of its alerts on the day, and what became of them when they were withdrawn."""
    rows = await site.rows(
        "SELECT c.name, a.class, a.state, d.verdict FROM alert a JOIN duty d ON d.id = a.duty "
        "JOIN checkpoint c ON c.code = d.subject WHERE d.opens_at = %s AND a.opened_at < %s ORDER BY a.id",
        at(0),
        at(0) + timedelta(days=1),
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["name"], []).append(row["class"])
    return found
