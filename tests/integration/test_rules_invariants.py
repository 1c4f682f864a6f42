"""Any order of readings and any death of the worker gives the same verdicts and the same alerts."""

import asyncio
import csv
import gzip
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from ingest.database import Connection, make_pool
from ingest.delivery import Delivery
from ingest.engines import engine_at
from ingest.pipeline import Limits
from ingest.receipts import Receipts
from ingest.worker import Worker
from rules.desk import Desk
from rules.duty_lane import DutyLane
from rules.fairness import end_waiver, waive
from rules.options import Options
from rules.signal_lane import SignalLane
from rules.store.waivers import Terms
from tests.integration.bench import SHARED_DATABASE
from tests.integration.rules_site import EVERY_DAY, MORNING, Site, place, site_at

REAL = Path(__file__).parents[3] / "shared" / "data" / "geolife-beijing.csv.gz"
ROUND = timedelta(minutes=40)
FINAL = timedelta(hours=80)
CLEAR = (
    "TRUNCATE position, reading, last_known, dirty_mark, touched_hour, position_hour, ingest_counter, ingest_progress,"
    " device_excess, alert_history, alert, ticket, duty, round, evidence, outbox, waiver RESTART IDENTITY CASCADE"
)
WORLD = (
    "shift",
    "route",
    "checkpoint",
    "custody",
    "device",
    "post",
    "unit",
    "holiday",
    "rule_setting",
    "plan_change",
    "rules_leader",
)


@dataclass(frozen=True)
class Stream:
    """What one device reported over two hours, and the points of three rounds of it."""

    starts: datetime
    readings: tuple[dict[str, Any], ...]
    points: tuple[tuple[float, float], ...]


def made_up() -> Stream:
    """A walk to and fro with a hole, some fixes that are coarse, and one that is made up."""
    dice = random.Random(5)  # noqa: S311  a walk, not a secret
    readings = []
    for step in range(0, 7200, 20):
        if 3000 < step < 3700:
            continue
        east = 900 * abs((step / 1800) % 2 - 1)
        lat, lon = place(east + dice.gauss(0, 4), dice.gauss(0, 4))
        coarse = dice.random() < 0.05
        readings.append(reading(MORNING + timedelta(seconds=step), lat, lon, 250 if coarse else 6, mock=step == 5000))
    return Stream(MORNING, tuple(readings), (place(0, 0), place(450, 20), place(880, 0), place(450, 150)))


def recorded() -> list[Stream]:
    """Two hours of one person's track, with points on the way and beside it; none where the data are not there."""
    if not REAL.exists():
        return []
    tracks: dict[str, list[tuple[datetime, float, float]]] = {}
    with gzip.open(REAL, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["time"])
            tracks.setdefault(row["user"], []).append((at, float(row["lat"]), float(row["lon"])))
    streams = [stream for track in tracks.values() if (stream := _two_hours(track))]
    return sorted(streams, key=lambda it: -len(it.readings))[:1]


def _two_hours(track: list[tuple[datetime, float, float]]) -> Stream | None:
    """The two hours with most fixes, one fix in fifteen seconds at the most."""
    best: list[tuple[datetime, float, float]] = []
    for first in range(0, len(track), 400):
        begins = track[first][0]
        piece = [it for it in track[first : first + 4000] if it[0] < begins + timedelta(hours=2)]
        if len(piece) > len(best):
            best = piece
    thin: list[tuple[datetime, float, float]] = []
    for it in best:
        if not thin or it[0] - thin[-1][0] >= timedelta(seconds=15):
            thin.append(it)
    if len(thin) < 200:
        return None
    quarter = len(thin) // 4
    on_the_way = [thin[number][1:] for number in (quarter, 2 * quarter, 3 * quarter)]
    beside = (thin[quarter][1] + 0.002, thin[quarter][2])
    readings = tuple(reading(at, lat, lon, 8) for at, lat, lon in thin)
    return Stream(thin[0][0].replace(second=0), readings, (*on_the_way, beside))


def reading(at: datetime, lat: float, lon: float, accuracy_m: float, *, mock: bool = False) -> dict[str, Any]:
    return {
        "type": "position",
        "t": at.isoformat(),
        "lat": round(lat, 7),
        "lon": round(lon, 7),
        "accuracy_m": accuracy_m,
        **({"mock": True} if mock else {}),
    }


STREAMS = [made_up(), *recorded()]
PLAIN: dict[int, bytes] = {}
"""What the streams give when nothing happens to them; computed once."""


class _Nobody:
    """Takes acknowledgements."""

    def settle(self, tokens: Sequence[int]) -> None:
        """They are of no interest here."""


@asynccontextmanager
async def ingest_workers(url: str, number: int) -> AsyncIterator[list[Worker]]:
    """So many ingest workers, each with a pool of its own, that keep readings of any age."""
    engine = await engine_at(url, wish="auto")
    async with AsyncExitStack() as stack:
        workers = []
        for name in range(1, number + 1):
            pool = await stack.enter_async_context(make_pool(url, name=f"test {name}", size=2))
            receipts = Receipts(lambda _device, _receipt: True, clock=partial(next, count()))
            limits = Limits(age_s=0.02)
            worker = Worker(
                pool, engine, name=str(name), receipts=receipts, limits=limits, retention_days=0, passing=True
            )
            await worker.prepare()
            stack.push_async_callback(worker.close)
            workers.append(worker)
        yield workers


@asynccontextmanager
async def site_of(url: str, stream: Stream) -> AsyncIterator[Site]:
    """A unit with one device, and three rounds through the stream's points on the day of it."""
    async with site_at(url) as site:
        await site.unit()
        # One that nobody carries: what a person's says outside the shift is withheld, and the stream is longer.
        await site.device("H-03", kind="vehicle")
        codes = [f"C-{number}" for number in range(len(stream.points))]
        for code, (lat, lon) in zip(codes, stream.points, strict=True):
            await site.do(
                "INSERT INTO checkpoint (code, name, lat, lon, radius_m) VALUES (%s, %s, %s, %s, 30)",
                code,
                code,
                lat,
                lon,
            )
        await site.do("INSERT INTO route (code, name, checkpoints, geometry) VALUES ('R', 'R', %s, '{}')", codes)
        ends = stream.starts + 3 * ROUND
        await site.do(
            "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds, valid_from, valid_to) "
            "VALUES ('day', 'Day', %s, (%s AT TIME ZONE 'Asia/Shanghai')::time,"
            " (%s AT TIME ZONE 'Asia/Shanghai')::time, 'U-1', 'R', 3, %s, %s)",
            EVERY_DAY,
            stream.starts,
            ends,
            stream.starts - timedelta(hours=1),
            ends,
        )
        yield site


async def verdicts(site: Site) -> bytes:
    """All that was found about every duty, byte for byte."""
    rows = await site.rows("SELECT key, state, verdict, reasons, met_at FROM duty ORDER BY key")
    return json.dumps(rows, default=str, sort_keys=True).encode()


async def play(
    url: str, stream: Stream, batches: list[list[int]], *, workers: int, works: list[bool], restarts: list[bool]
) -> bytes:
    """Take the stream in, batch by batch, while the rules work now and then; then wait until all is final."""
    async with site_of(url, stream) as site, ingest_workers(url, workers) as ingest:
        site.now = stream.starts
        await site.work()
        for number, batch in enumerate(batches):
            site.now = stream.starts + (number + 1) * timedelta(hours=3) / len(batches)
            payload = json.dumps([stream.readings[index] for index in batch]).encode()
            delivery = Delivery("gengfu/v1/H-03/up", payload, datetime.now(UTC), False, _Nobody(), number)
            await ingest[number % workers].pipelines["up"].process([delivery])
            if restarts[number % len(restarts)]:
                site.restart()
            if works[number % len(works)]:
                await site.work()
        site.now = stream.starts + FINAL
        await site.work()
        found = await verdicts(site)
        await empty(site)
        return found


async def empty(site: Site) -> None:
    """Leave nothing to the next example."""
    await site.do(CLEAR)
    for table in WORLD:
        await site.do(f"DELETE FROM {table}")  # noqa: S608  names of ours


flags = st.lists(st.booleans(), min_size=1, max_size=5)


@pytest.mark.parametrize("number", range(len(STREAMS)))
@settings(max_examples=4, suppress_health_check=SHARED_DATABASE)
@given(seed=st.integers(0, 2**32), batches=st.integers(1, 12), workers=st.integers(1, 3), works=flags, restarts=flags)
def test_any_way_in_gives_the_same_final_verdicts(
    database_url: str, number: int, seed: int, batches: int, workers: int, works: list[bool], restarts: list[bool]
) -> None:
    stream, dice = STREAMS[number], random.Random(seed)  # noqa: S311  an order, not a secret
    order = list(range(len(stream.readings)))
    plain = PLAIN.get(number) or asyncio.run(
        play(database_url, stream, [order], workers=1, works=[True], restarts=[False])
    )
    PLAIN[number] = plain
    assert b'"verdict": "met"' in plain
    assert b'"verdict": "missed"' in plain or b'"verdict": "in_doubt"' in plain
    dice.shuffle(order)
    order += dice.sample(order, len(order) // 3)  # and a third of them once more
    cut = sorted(dice.sample(range(1, len(order)), min(batches, len(order)) - 1)) if batches > 1 else []
    pieces = [order[start:stop] for start, stop in zip([0, *cut], [*cut, len(order)], strict=True)]
    other = asyncio.run(play(database_url, stream, pieces, workers=workers, works=works, restarts=restarts))
    assert other == plain


# -- deaths ------------------------------------------------------------------------------------------------------------


Outcome = tuple[bytes, list[tuple[Any, ...]], int]


class Killed(Exception):
    """The worker was killed."""


@dataclass
class Doom:
    """In which transactions the worker dies, and whether just before the commit or just after it."""

    at: dict[int, bool] = field(default_factory=dict)
    count: int = 0


class DoomedDesk(Desk):
    """A desk whose worker dies at given transactions."""

    doom: Doom

    @override
    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        number, self.doom.count = self.doom.count, self.doom.count + 1
        async with super().transaction() as connection:
            yield connection
            if self.doom.at.get(number) is False:
                raise Killed
        if self.doom.at.get(number) is True:
            raise Killed


async def work(site: Site, doom: Doom) -> None:
    """Work until nothing is due, starting anew after each death."""
    while True:
        desk = DoomedDesk(site.pool, options=Options(), clock=lambda: site.now)
        desk.doom = doom
        duties, signals = DutyLane(desk), SignalLane(desk)
        try:
            while await signals.step() | await duties.step():
                pass
        except Killed:
            continue
        return


@asynccontextmanager
async def town(url: str) -> AsyncIterator[Site]:
    """Two units, three rounds a day for each; the second one's device is silent in the middle of the day."""
    async with site_at(url) as site:
        await site.unit()
        await site.unit("U-2")
        await site.device("H-03")
        await site.device("H-04", unit="U-2")
        for number in range(3):
            await site.checkpoint(f"C-{number}", number * 200, 0)
        await site.shift("C-0", "C-1", "C-2", starts="08:00", ends="11:00", rounds=3)
        await site.do(
            "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds) "
            "SELECT code, name, days, starts, ends, 'U-2', route, rounds FROM shift"
        )
        yield site


async def stand(site: Site, device: str, start: int, stop: int, east_m: int, *, received: int | None = None) -> None:
    """A fix a minute at one place."""
    for minute in range(start, stop + 1):
        await site.fix(device, minute, east_m, 5, received=received)


async def morning(site: Site, doom: Doom, *, days: int, sleeps: set[int]) -> None:
    """Some days hour by hour; in the hours that it sleeps the worker is down."""
    await work(site, doom)
    for hour in range(1, days * 24 + 12):
        if hour <= 3:
            await stand(site, "H-03", (hour - 1) * 60, hour * 60, 200 * (hour - 1))
            await site.mark("checkpoint", f"C-{hour - 1}", (hour - 1) * 60, hour * 60)
        if hour in (1, 3):
            await stand(site, "H-04", (hour - 1) * 60, hour * 60, 0)
        if hour == 5:  # what the second one kept back
            await stand(site, "H-04", 60, 120, 200, received=300)
            await site.mark("checkpoint", "C-1", 60, 120)
        site.now = MORNING + timedelta(hours=hour, minutes=1)
        if hour not in sleeps and (hour < 12 or hour % 6 == 0):
            await work(site, doom)
    site.now = MORNING + timedelta(days=days + 4)
    await work(site, doom)


async def outcome(site: Site) -> Outcome:
    """Verdicts of the days played, live alerts of them, and how many of their alerts ever began."""
    until = MORNING + timedelta(days=3)
    rows = await site.rows("SELECT key, verdict, reasons, met_at FROM duty WHERE due_at < %s ORDER BY key", until)
    live = await site.rows(
        "SELECT a.fingerprint, a.class, a.severity, a.title FROM alert a WHERE a.state <> 'resolved' ORDER BY 1"
    )
    begun = await site.rows(
        "SELECT a.fingerprint FROM alert a JOIN alert_history h ON h.alert = a.id AND h.event IN ('opened', 'reopened')"
    )
    names = [row["fingerprint"] for row in begun]
    assert len(names) == len(set(names)), "an alert was raised twice"
    told = await site.rows("SELECT key FROM outbox WHERE channel = 'notice'")
    assert len(told) == len({row["key"] for row in told})
    return json.dumps(rows, default=str, sort_keys=True).encode(), [tuple(row.values()) for row in live], len(names)


PLAIN_DAYS: dict[int, Outcome] = {}


def undisturbed(url: str, *, days: int) -> Outcome:
    """What some days give when nobody dies; computed once."""
    if days not in PLAIN_DAYS:
        PLAIN_DAYS[days] = asyncio.run(days_with(url, Doom(), days=days, sleeps=set()))
    return PLAIN_DAYS[days]


async def days_with(url: str, doom: Doom, *, days: int, sleeps: set[int]) -> Outcome:
    async with town(url) as site:
        await morning(site, doom, days=days, sleeps=sleeps)
        found = await outcome(site)
        await empty(site)
        return found


@settings(max_examples=3, suppress_health_check=SHARED_DATABASE)
@given(deaths=st.dictionaries(st.integers(0, 60), st.booleans(), min_size=3, max_size=25))
def test_whatever_is_killed_nothing_is_doubled(database_url: str, deaths: dict[int, bool]) -> None:
    plain = undisturbed(database_url, days=1)
    assert plain[1]
    killed = asyncio.run(days_with(database_url, Doom(dict(deaths)), days=1, sleeps=set()))
    assert killed == plain


@settings(max_examples=3, suppress_health_check=SHARED_DATABASE)
@given(begins=st.integers(1, 12), hours=st.integers(1, 44), deaths=st.dictionaries(st.integers(0, 30), st.booleans()))
def test_after_an_outage_there_is_what_there_would_have_been(
    database_url: str, begins: int, hours: int, deaths: dict[int, bool]
) -> None:
    plain = undisturbed(database_url, days=2)
    asleep = asyncio.run(days_with(database_url, Doom(deaths), days=2, sleeps=set(range(begins, begins + hours))))
    assert asleep[:2] == plain[:2]
    assert asleep[2] <= plain[2]  # what was withdrawn meanwhile was never raised, and nothing else was


# -- corrections -------------------------------------------------------------------------------------------------------


async def corrected(url: str, *, start: int, stop: int, afterwards: bool) -> dict[str, str]:
    """The same day, when for a time the second unit had the first one's device; known at once, or later."""
    async with town(url) as site:
        await stand(site, "H-03", 0, 60, 0)
        await stand(site, "H-03", 61, 120, 200)
        await stand(site, "H-03", 121, 185, 400)
        if not afterwards:
            await correct(site, start, stop)
        for minute in (0, 70, 190):
            await site.work(minute)
        if afterwards:
            await correct(site, start, stop)
        await site.work(80 * 60)
        rows = await site.rows("SELECT key, verdict, reasons, met_at FROM duty WHERE due_at < %s", site.now)
        found = {
            row.pop("key"): json.dumps(row, default=str, sort_keys=True) for row in rows if "2026-11-21" in row["key"]
        }
        await empty(site)
        return found


async def correct(site: Site, start: int, stop: int) -> None:
    """As an officer would who learns who carried the device: one spell becomes three."""
    number = site.numbers["H-03"]
    begins, ends = MORNING + timedelta(minutes=start), MORNING + timedelta(minutes=stop)
    async with site.connection.transaction():
        await site.do("UPDATE custody SET valid_to = %s WHERE device = %s", begins, number)
        for holder, since, until in (("U-2", begins, ends), ("U-1", ends, None)):
            await site.do(
                "INSERT INTO custody (device, holder_kind, holder, valid_from, valid_to) "
                "VALUES (%s, 'unit', %s, %s, %s)",
                number,
                holder,
                since,
                until,
            )


@settings(max_examples=4, suppress_health_check=SHARED_DATABASE)
@given(start=st.integers(0, 170), length=st.integers(5, 100))
def test_a_corrected_roster_changes_exactly_what_it_should(database_url: str, start: int, length: int) -> None:
    stop = start + length
    before = asyncio.run(corrected(database_url, start=1000, stop=1001, afterwards=False))
    known = asyncio.run(corrected(database_url, start=start, stop=stop, afterwards=False))
    later = asyncio.run(corrected(database_url, start=start, stop=stop, afterwards=True))
    assert later == known
    changed = {key for key in before if before[key] != later[key]}
    meets = {  # rounds by number, with what may count early and late
        number for number in (1, 2, 3) if start <= number * 60 + 5 and (number - 1) * 60 - 5 <= stop
    }
    assert {int(key.split("/")[5]) for key in changed} <= meets


# -- acts of people in between -----------------------------------------------------------------------------------------

WHEN = (0, 30, 65, 100, 190, 26 * 60, 71 * 60, 79 * 60)  # minutes; the last is after all of the first day is final
DAYS = frozenset({"2026-11-21", "2026-11-22"})


async def lend(site: Site) -> None:
    """The first unit's handset was with the second unit from ten to nine to ten past nine."""
    await correct(site, 50, 70)


async def hand_over(site: Site) -> None:
    """The second unit's handset is in the hands of a post of it, and of another one from a quarter past ten."""
    number = site.numbers["H-04"]
    async with site.connection.transaction():
        await site.do("DELETE FROM custody WHERE device = %s", number)
        for post, since, until in (("P-1", -600, 135), ("P-2", 135, None)):
            await site.do("INSERT INTO post (code, name, unit, role) VALUES (%s, 'a post', 'U-2', 'patrol')", post)
            await site.do(
                "INSERT INTO custody (device, holder_kind, holder, valid_from, valid_to) "
                "VALUES (%s, 'post', %s, %s, %s)",
                number,
                post,
                MORNING + timedelta(minutes=since),
                None if until is None else MORNING + timedelta(minutes=until),
            )


async def strict(site: Site) -> None:
    """Nothing counts as late from the second round on."""
    await site.do(
        "INSERT INTO rule_setting (rule, key, value, valid_from) VALUES ('missed_checkpoint', 'late_s', '0', %s)",
        MORNING + timedelta(minutes=59),
    )


async def moved(site: Site) -> None:
    """The last checkpoint has hung at another place since half past nine."""
    async with site.connection.transaction():
        at, (lat, lon) = MORNING + timedelta(minutes=90), place(600, 0)
        await site.do("UPDATE checkpoint SET valid_to = %s WHERE code = 'C-2'", at)
        await site.do(
            "INSERT INTO checkpoint (code, name, lat, lon, radius_m, valid_from) VALUES ('C-2', 'C-2', %s, %s, 30, %s)",
            lat,
            lon,
            at,
        )


async def let_off(site: Site) -> None:
    """The second unit's first round is waived."""
    terms = Terms(unit="U-2", since=MORNING, until=MORNING + timedelta(hours=1))
    async with site.connection.transaction():
        await waive(site.connection, terms, actor="chen", why="the road was closed", at=MORNING)


async def let_off_and_not(site: Site) -> None:
    """A waiver of the first unit that is taken back within the minute."""
    terms = Terms(unit="U-1", since=MORNING, until=MORNING + timedelta(hours=3))
    async with site.connection.transaction():
        number, _ = await waive(site.connection, terms, actor="chen", why="a mistake", at=MORNING)
    await site.work()
    async with site.connection.transaction():
        await end_waiver(site.connection, number, actor="chen", at=MORNING)


async def rest_day(site: Site) -> None:
    """The second day is declared a day of rest."""
    await site.do("INSERT INTO holiday (day, name, kind) VALUES ('2026-11-22', 'Rest', 'rest')")


async def renamed(site: Site) -> None:
    """Units get other names, which are no part of any verdict."""
    await site.do("UPDATE unit SET name = name || ' (new)'")


ACTS = (lend, hand_over, strict, moved, let_off, let_off_and_not, rest_day, renamed)


async def with_acts(url: str, whens: Sequence[int], *, flushed: int, restarts: list[bool]) -> dict[str, str]:
    """What the rules find of two days when people do these things at these minutes; key and finding of each duty."""
    async with town(url) as site:
        await site.do("UPDATE shift SET holidays = 'skip'")
        acts = sorted(zip(whens, range(len(ACTS)), strict=True))
        for turn, minute in enumerate((*WHEN, 81 * 60)):
            if turn == 1:
                await stand(site, "H-03", 0, 60, 0)
                await stand(site, "H-03", 61, 120, 200)
                await stand(site, "H-03", 121, 185, 400)
                await stand(site, "H-04", 0, 60, 0)
                await stand(site, "H-04", 121, 185, 600)
            if minute == flushed:  # what it kept back for a while
                await stand(site, "H-04", 61, 120, 200, received=minute)
                await site.mark("checkpoint", "C-1", 61, 120)
                await site.mark("late", str(site.numbers["H-04"]), 61, 120)
            site.now = MORNING + timedelta(minutes=minute)
            for _, number in (it for it in acts if it[0] == minute):
                await ACTS[number](site)
            if restarts[turn % len(restarts)]:
                site.restart()  # as when another one takes over
            await site.work()
        rows = await site.rows("SELECT key, state, verdict, reasons, met_at FROM duty WHERE state <> 'superseded'")
        live = await site.rows("SELECT fingerprint, class FROM alert WHERE state <> 'resolved'")
        await empty(site)
    found = {row.pop("key"): json.dumps(row, default=str, sort_keys=True) for row in rows}
    found |= {row["fingerprint"]: row["class"] for row in live}
    return {key: it for key, it in found.items() if any(day in key for day in DAYS) and "first_patrol" not in key}


PLAIN_ACTS: dict[str, str] = {}


@settings(max_examples=4, suppress_health_check=SHARED_DATABASE)
@given(
    whens=st.lists(st.sampled_from(WHEN), min_size=len(ACTS), max_size=len(ACTS)),
    flushed=st.sampled_from(WHEN[3:-1]),
    restarts=flags,
)
def test_whenever_people_do_what_they_do_the_same_is_found(
    database_url: str, whens: list[int], flushed: int, restarts: list[bool]
) -> None:
    if not PLAIN_ACTS:
        known = [0] * len(ACTS)
        PLAIN_ACTS.update(asyncio.run(with_acts(database_url, known, flushed=100, restarts=[False])))
    assert {json.loads(it)["verdict"] for it in PLAIN_ACTS.values() if it.startswith("{")} >= {
        "met",
        "missed",
        "waived",
    }
    assert asyncio.run(with_acts(database_url, whens, flushed=flushed, restarts=restarts)) == PLAIN_ACTS
