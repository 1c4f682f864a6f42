"""Turns a scenario's events into happenings: when each occurs, to whom, and where."""

import logging
import math
from collections import defaultdict
from random import Random
from typing import Any

from gateway.simulation.checking import check
from gateway.simulation.course import Plane, Point
from gateway.simulation.courses import Courses, Detour
from gateway.simulation.dice import dice
from gateway.simulation.drives import BLOCK_S, LEAD_S, Drives, Errand
from gateway.simulation.happenings import Deceit, Hush, Low, Said, Upset
from gateway.simulation.roads import RoadNet
from gateway.simulation.scenario import Flat, Incident, Knock, PressureLoss, Scenario, Silence, Sos, Stray, Trick
from gateway.simulation.times import wire_time
from gateway.simulation.town import Device, Town

RELEASED_S = 20.0
NEAR_M = 180.0  # nobody on foot comes so near to an incident before it is answered: 50 m would count as being there
NEAR_DRIVING_M = 320.0  # the same for vehicles, which cover some 150 m between two looks
LOOK_S = 15.0
PLACES_TRIED = 40
UNANSWERED_S = 600.0  # an incident that nobody is sent to is kept clear of people for so long
FAR_ENOUGH = 0.8  # of the metres that a detour is to lead away
_Event = Silence | Sos | Incident | PressureLoss | Knock | Stray | Trick | Flat
_KEYS = ("silences", "sos", "incidents", "pressure", "knocks", "detours", "tricks", "flats")

log = logging.getLogger(__name__)


class Story:
    """The happenings of one run, found out as far as they are asked for."""

    def __init__(
        self,
        town: Town,
        scenario: Scenario,
        *,
        seed: int,
        start_s: float,
        plane: Plane,
        roads: RoadNet,
        courses: Courses,
        drives: Drives,
    ) -> None:
        """Prepare it.

        Raises:
            ScenarioError: the scenario names something that the town does not have.
        """
        self._town = town
        self._seed = seed
        self._start_s = start_s
        self._plane = plane
        self._roads = roads
        self._courses = courses
        self._drives = drives
        self._devices = {it.name: it for it in town.devices}
        self._tag_of = {it.thing: it for it in town.devices if it.thing}
        self._events: list[tuple[str, _Event]] = [
            (f"{key} {number}", event) for key in _KEYS for number, event in enumerate(getattr(scenario, key), start=1)
        ]
        self._known_to_s = start_s
        self.hushes: dict[str, list[Hush]] = defaultdict(list)
        self.upsets: dict[str, list[Upset]] = defaultdict(list)
        self.said: dict[str, list[Said]] = defaultdict(list)
        self.deceits: dict[str, list[Deceit]] = defaultdict(list)
        self.lows: dict[str, list[Low]] = defaultdict(list)
        check(town, scenario)

    def tell(self, until_s: float) -> None:
        """Find out everything that begins before a moment."""
        if until_s <= self._known_to_s:
            return
        due = [
            (at_s, name, number, event)
            for name, event in self._events
            for number, at_s in self._times(name, event, until_s)
            if self._known_to_s <= at_s < until_s
        ]
        self._known_to_s = until_s
        for at_s, name, number, event in sorted(due, key=lambda it: it[:3]):
            chance = dice(self._seed, "event", name, number)
            match event:
                case Silence():
                    self._silence(event, at_s, chance)
                case Sos():
                    self._sos(event, at_s, chance)
                case Incident():
                    self._incident(event, at_s, chance)
                case PressureLoss():
                    self._upset(event, at_s, chance, pressure_kpa=event.kpa)
                case Knock():
                    self._upset(event, at_s, chance, tilt_deg=event.tilt_deg)
                case Stray():
                    self._stray(event, at_s, chance)
                case Trick():
                    self._trick(event, at_s, chance)
                case Flat():
                    self._flat(event, at_s)

    def answer(self, device: str, incident: str, *, at_s: float, detour: Detour | None) -> None:
        """Have a device answer a dispatch."""
        states = [("refused", at_s + 5)]
        if detour is not None:
            states = [("accepted", at_s + 8), ("arrived", detour.arrives_s + 5), ("done", detour.leaves_s)]
        for state, moment_s in states:
            reading = {"type": "task", "t": wire_time(moment_s), "incident": incident, "state": state}
            self._say(device, moment_s, reading)

    def _times(self, name: str, event: _Event, until_s: float) -> list[tuple[int, float]]:
        if event.every is None:
            return [(0, self._start_s + (event.at or 0.0))]
        chance = dice(self._seed, "times", name)
        first = event.at if event.at is not None else event.every * chance.uniform(0.3, 1.0)
        found = []
        number = 0
        while (at_s := self._start_s + first + number * event.every) - event.every < until_s:
            moved = 0.0 if number == 0 else event.every * dice(self._seed, "times", name, number).uniform(-0.25, 0.25)
            found.append((number, float(round(at_s + moved))))
            number += 1
        return found

    def _silence(self, event: Silence, at_s: float, chance: Random) -> None:
        if event.unit is not None:
            devices = [it.name for it in self._town.devices if it.unit == event.unit]
        else:
            device = self._devices.get(event.device or "") or self._on_duty(at_s, chance)
            devices = [device.name] if device else []
        for name in devices:
            self.hushes[name].append(Hush(name, at_s, at_s + event.duration, event.lost))

    def _sos(self, event: Sos, at_s: float, chance: Random) -> None:
        device = self._devices.get(event.device or "") or self._on_duty(at_s, chance)
        if device is None:
            return
        place = self._place(device, at_s, chance)
        for pressed, moment_s in ((True, at_s), (False, at_s + RELEASED_S)):
            reading = {"type": "button", "t": wire_time(moment_s), "button": "sos", "pressed": pressed, **place}
            self._say(device.name, moment_s, reading)

    def _incident(self, event: Incident, at_s: float, chance: Random) -> None:
        unit = self._called(event, at_s, chance)
        busy_s = event.after if event.after is not None else UNANSWERED_S
        reporter = self._devices.get(event.reported_by or "")
        point = self._point(event, at_s, busy_s, unit, chance)
        reporter = reporter or self._witness(point, at_s)
        if reporter is None:
            log.info("nobody is on duty to report the incident of %s", wire_time(at_s))
            return
        lat, lon = self._plane.place(*point)
        t = wire_time(at_s)
        report: dict[str, Any] = {"type": "report", "t": t, "kind": event.kind, "text": event.text}
        self._say(reporter.name, at_s, report | {"lat": round(lat, 6), "lon": round(lon, 6)})
        if unit is None or event.after is None:
            return
        errand = Errand(unit, at_s, event.after, event.stay, point)
        self._drives.send(errand)
        terminal = next((it for it in self._town.devices if it.unit == unit and it.kind == "vehicle"), None)
        if terminal is None:
            return
        arrived_s = at_s + event.after
        accepted_s = at_s + min(chance.uniform(10, 25), event.after / 3)
        for state, moment_s in (
            ("accepted", accepted_s),
            ("arrived", arrived_s + 5),
            ("done", arrived_s + event.stay),
        ):
            answer = {"type": "task", "t": wire_time(moment_s), "incident": "", "state": state}
            self._say(terminal.name, moment_s, answer, incident=(reporter.name, t))

    def _called(self, event: Incident, at_s: float, chance: Random) -> str | None:
        if event.after is None:
            return None
        units = [event.answered_by] if event.answered_by else [it for it in self._courses.units if self._drives_for(it)]
        free = [
            it
            for it in units
            if self._drives.free(Errand(it, at_s, event.after, event.stay, (0.0, 0.0)))
            and not self._courses.diverted(it, until_s=at_s - LEAD_S - BLOCK_S)
        ]
        if not free:
            log.info("no vehicle is free for the incident of %s", wire_time(at_s))
        return chance.choice(free) if free else None

    def _drives_for(self, unit: str) -> bool:
        return self._courses.drives(unit) and any(it.unit == unit for it in self._town.devices)

    def _point(self, event: Incident, at_s: float, busy_s: float, unit: str | None, chance: Random) -> Point:
        if event.place is not None:
            return self._named(event.place)
        tried = chance.sample(self._roads.points, min(PLACES_TRIED, len(self._roads.points))) or [(0.0, 0.0)]
        people = self._people(at_s, busy_s, unit)
        rooms = [(self._room(point, people), -number) for number, point in enumerate(tried)]
        for point, (room, _) in zip(tried, rooms, strict=True):
            if room >= 1:
                return point
        return tried[-max(rooms)[1]]

    def _named(self, place: str | tuple[float, float]) -> Point:
        """A place by a checkpoint's code, or by longitude and latitude."""
        if isinstance(place, tuple):
            return self._plane.point(place[1], place[0])
        spot = self._town.checkpoints[place]
        return self._plane.point(spot.lat, spot.lon)

    def _people(self, at_s: float, busy_s: float, unit: str | None) -> list[tuple[Point, float]]:
        """Where everybody but the one who is called is before the incident is answered, and how near is too near."""
        found = []
        for other in self._courses.units:
            if other == unit:
                continue
            near_m = NEAR_DRIVING_M if self._courses.drives(other) else NEAR_M
            for step in range(math.ceil((busy_s + 60) / LOOK_S) + 1):
                moment = self._courses.moment(other, at_s - 30 + step * LOOK_S)
                if moment is not None:
                    found.append(((moment.x, moment.y), near_m))
        return found

    def _room(self, point: Point, people: list[tuple[Point, float]]) -> float:
        return min((math.dist(point, where) / near_m for where, near_m in people), default=math.inf)

    def _witness(self, point: Point, at_s: float) -> Device | None:
        """The handset on duty that is nearest."""
        near = []
        for device in self._handsets(at_s):
            moment = self._courses.moment(device.unit or "", at_s)
            if moment is not None:
                near.append((math.dist((moment.x, moment.y), point), device.name))
        return self._devices[min(near)[1]] if near else None

    def _upset(
        self,
        event: PressureLoss | Knock,
        at_s: float,
        chance: Random,
        *,
        pressure_kpa: float | None = None,
        tilt_deg: float | None = None,
    ) -> None:
        things = sorted(
            it for it in self._tag_of if it in self._town.things and self._town.things[it].kind == "hydrant"
        )
        thing = event.thing or (chance.choice(things) if things else None)
        if thing is not None:
            self.upsets[thing].append(Upset(thing, at_s, at_s + event.duration, pressure_kpa, tilt_deg))

    def _stray(self, event: Stray, at_s: float, chance: Random) -> None:
        device = None if event.unit else self._on_duty(at_s, chance)
        unit = event.unit or (device.unit if device else None)
        here = self._courses.moment(unit, at_s) if unit else None
        if unit is None or here is None:
            log.info("nobody is on duty to make the detour of %s", wire_time(at_s))
            return
        point = here.point
        if event.to is not None:
            point = self._named(event.to)
        elif event.far:
            point = self._far(unit, point, event.far, at_s)
        speed_mps = event.kmh / 3.6 if event.kmh else None
        self._courses.divert(unit, at_s, point, reacts_s=0.0, stays_s=event.duration, speed_mps=speed_mps)

    def _far(self, unit: str, here: Point, far_m: float, at_s: float) -> Point:
        """A place so far off by road, and as far as may be from where the unit has to be."""
        spell = self._courses.spell(unit, at_s)
        routes = [self._town.routes[it.route] for it in spell.rounds if it.route in self._town.routes] if spell else []
        spots = [self._named(code) for route in routes for code in route.checkpoints if code in self._town.checkpoints]
        ways = self._roads.distances(here)
        reached = [it for it, way_m in ways.items() if FAR_ENOUGH * far_m <= way_m <= far_m] or sorted(ways)[:1]
        nearest = {it: min((math.dist(it, spot) for spot in spots), default=math.dist(it, here)) for it in reached}
        return max(reached, key=lambda it: (nearest[it], it), default=here)

    def _trick(self, event: Trick, at_s: float, chance: Random) -> None:
        device = self._devices.get(event.device or "") or self._on_duty(at_s, chance)
        if device is not None:
            self.deceits[device.name].append(Deceit(at_s, at_s + event.duration, event.how))

    def _flat(self, event: Flat, at_s: float) -> None:
        units = sorted(unit for unit, kind in self._town.units.items() if kind == "electric")
        unit = event.unit or next(iter(units), None)
        if unit is not None:
            self.lows[unit].append(Low(at_s, at_s + event.duration, event.pct))

    def _handsets(self, at_s: float) -> list[Device]:
        return [
            it
            for it in self._town.devices
            if it.kind == "handset"
            and it.unit is not None
            and not self._courses.drives(it.unit)
            and self._courses.spell(it.unit, at_s) is not None
            and not any(hush.since_s <= at_s < hush.until_s for hush in self.hushes[it.name])
        ]

    def _on_duty(self, at_s: float, chance: Random) -> Device | None:
        handsets = self._handsets(at_s)
        if not handsets:
            log.info("no handset is on duty at %s; nothing happens to it", wire_time(at_s))
        return chance.choice(handsets) if handsets else None

    def _place(self, device: Device, at_s: float, chance: Random) -> dict[str, float]:
        moment = self._courses.moment(device.unit, at_s) if device.unit else None
        if moment is None:
            return {}
        lat, lon = self._plane.place(moment.x + chance.gauss(0, 3), moment.y + chance.gauss(0, 3))
        return {"lat": round(lat, 6), "lon": round(lon, 6)}

    def _say(
        self, device: str, at_s: float, reading: dict[str, Any], *, incident: tuple[str, str] | None = None
    ) -> None:
        at_s = float(round(at_s))
        self.said[device].append(Said(at_s, at_s, device, "urgent", reading, incident))
