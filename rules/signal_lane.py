"""Signals: buttons, reports and answers of single devices, at once; silence and our own state, every few seconds."""

import logging
from datetime import datetime, timedelta

from ingest.database import Connection
from ingest.errors import DatabaseUnavailable
from rules.actions import dispatch_incident, open_incident
from rules.catalog import catalog
from rules.core.fixes import Span
from rules.desk import Desk
from rules.errors import LeadershipLost
from rules.facts import Heard, ServiceState, SignalReading, Sweep
from rules.metrics import FAILED, SIGNAL_SECONDS
from rules.pressing import reading_of
from rules.rule import ReadingRule, ServiceRule, SweepRule
from rules.store import marks as marks_store
from rules.store import readings, service
from rules.store.alerts import live_alerts
from rules.store.incidents import incident_by_number, set_accepted
from rules.store.marks import Mark
from rules.store.objections import open_objections
from rules.store.world import Snapshot

_FIRST_RETRY = timedelta(seconds=2)  # an SOS may be behind it
_LAST_RETRY = timedelta(minutes=2)

log = logging.getLogger(__name__)


class SignalLane:
    """What presses. It has a lane of its own, so that a thousand duties that are due delay no call for help."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reading_rules = [rule for rule in catalog().values() if isinstance(rule, ReadingRule)]
        self._sweep_rules = [rule for rule in catalog().values() if isinstance(rule, SweepRule)]
        self._service_rules = [rule for rule in catalog().values() if isinstance(rule, ServiceRule)]
        self._began_at = desk.clock()
        self._swept_at: dict[str, datetime] = {}
        self._failures: dict[str, tuple[int, datetime]] = {}
        FAILED.labels("signals")

    async def step(self) -> bool:
        """Look at the devices that said something, then at all of them if it is time.

        Returns:
            Whether there may be more to do at once.
        """
        marked = await self._take_marks()
        await self._sweep()
        await self._look_at_ourselves()
        return marked

    async def _take_marks(self) -> bool:
        now = self._desk.clock()
        resting = [subject for subject, (_, until) in self._failures.items() if now < until]
        async with self._desk.transaction() as connection:
            marks = await marks_store.some(connection, ("device",), without=resting)
        by_device: dict[str, list[Mark]] = {}
        for mark in marks:
            by_device.setdefault(mark.subject, []).append(mark)
        for subject, its in by_device.items():
            await self._device_safely(subject, its)
        return bool(marks)

    async def _device_safely(self, subject: str, marks: list[Mark]) -> None:
        """Look at one device; when that fails its marks stay and are tried again, and the others go on."""
        try:
            async with self._desk.transaction() as connection:
                await self._device(connection, subject, marks)
                await marks_store.forget(connection, marks)
        except (DatabaseUnavailable, LeadershipLost):
            raise
        except Exception:  # whatever it is, it is this device's alone
            times = self._failures.get(subject, (0, self._desk.clock()))[0]
            wait = min(_LAST_RETRY, _FIRST_RETRY * 2 ** min(times, 10))
            self._failures[subject] = (times + 1, self._desk.clock() + wait)
            FAILED.labels("signals").inc()
            log.exception("could not look at what device number %s said; it is tried again", subject)
            return
        self._failures.pop(subject, None)
        waited = self._desk.clock() - min(mark.made_at for mark in marks)
        SIGNAL_SECONDS.observe(max(0.0, waited.total_seconds()))

    async def _device(self, connection: Connection, subject: str, marks: list[Mark]) -> None:
        known = await self._desk.world(connection)
        device = known.world.device.get(int(subject)) if subject.isdecimal() else None
        if device is None:
            log.warning("a mark names device number %s, which is not in the register; it is dropped", subject)
            return
        span = Span(min(mark.window_from for mark in marks), max(mark.window_to for mark in marks))
        for row in await readings.signals(connection, device.number, span):
            reading = await reading_of(connection, device, row)
            match row["type"]:
                case "button":
                    await self._button(connection, reading, known)
                case "report":
                    await self._report(connection, reading)
                case "task":
                    await self._task(connection, reading)

    async def _button(self, connection: Connection, reading: SignalReading, known: Snapshot) -> None:
        for rule in self._reading_rules:
            intents = rule.signals(reading, world=known.world, settings=known.settings)
            await self._desk.carry_out(connection, intents, keep_open=rule.keep_open)

    async def _report(self, connection: Connection, reading: SignalReading) -> None:
        """A report is an incident; any unit may answer it."""
        body = reading.body
        occurred_at = datetime.fromisoformat(body["occurred_at"]) if body.get("occurred_at") else reading.time
        incident = await open_incident(
            connection,
            kind=str(body.get("kind", "report")),
            source=f"device:{reading.device.name}",
            source_key=f"reading:{reading.key}",
            zone=self._desk.options.zone,
            occurred_at=occurred_at,
            reported_at=reading.received_at,
            text=str(body.get("text", "")),
            grade=body.get("grade"),
            lat=reading.lat,
            lon=reading.lon,
            grid=reading.grid,
        )
        if incident.dispatched_at is None and incident.closed_at is None:
            await dispatch_incident(connection, incident.id, unit=None, at=reading.received_at)

    async def _task(self, connection: Connection, reading: SignalReading) -> None:
        """The answer of a unit; arrival is judged by where it is, not by what it says."""
        if reading.body.get("state") not in ("accepted", "en_route", "arrived"):
            return
        incident = await incident_by_number(connection, str(reading.body.get("incident")))
        if incident is None:
            log.warning("%s answers incident %s, which there is not", reading.device.name, reading.body.get("incident"))
            return
        if incident.accepted_at is None:
            await set_accepted(connection, incident.id, at=reading.time)
            await connection.execute("NOTIFY gengfu_changes")

    async def _sweep(self) -> None:
        now = self._desk.clock()
        for rule in self._sweep_rules:
            if not self._is_time(rule, now):
                continue
            async with self._desk.transaction() as connection:
                known = await self._desk.world(connection)
                devices = known.world.device
                sweep = Sweep(
                    world=known.world,
                    settings=known.settings,
                    now=now,
                    heard=[
                        Heard(
                            device=devices[row["device"]],
                            heard_at=row["heard_at"],
                            lat=row["lat"],
                            lon=row["lon"],
                            battery_pct=row["battery"],
                            charge_pct=row["charge_pct"],
                            charge_at=row["charge_at"],
                        )
                        for row in await readings.heard(connection)
                        if row["device"] in devices
                    ],
                    listening_since=await readings.listening_since(connection),
                    live=frozenset(await live_alerts(connection, rule.name)),
                )
                await self._desk.carry_out(connection, rule.sweep(sweep), keep_open=rule.keep_open)
            self._swept_at[rule.name] = now

    async def _look_at_ourselves(self) -> None:
        now = self._desk.clock()
        for rule in self._service_rules:
            if not self._is_time(rule, now):
                continue
            async with self._desk.transaction() as connection:
                known = await self._desk.world(connection)
                state = ServiceState(
                    world=known.world,
                    settings=known.settings,
                    now=now,
                    watched_s=(now - self._began_at).total_seconds(),
                    lanes=await service.lanes(connection),
                    excesses=await service.excesses(connection),
                    sums=await service.sums(connection),
                    broker_disk=await service.broker_disk(connection),
                    objections=await open_objections(connection),
                    live=frozenset(await live_alerts(connection, rule.name)),
                )
                await self._desk.carry_out(connection, rule.look(state), keep_open=rule.keep_open)
            self._swept_at[rule.name] = now

    def _is_time(self, rule: SweepRule | ServiceRule, now: datetime) -> bool:
        last = self._swept_at.get(rule.name)
        return last is None or now - last >= timedelta(seconds=rule.every_s)
