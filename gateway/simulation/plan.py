"""All readings of a simulation: the same town, scenario, seed and start give the same ones, whenever they are asked."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from random import Random
from typing import Any

from devices.identity import KINDS
from gateway.simulation.course import Moment, Plane
from gateway.simulation.courses import Courses, Going
from gateway.simulation.dice import dice
from gateway.simulation.drives import Drives
from gateway.simulation.happenings import Deceit, Hush, Said
from gateway.simulation.receiver import STATUS_EVERY_S, Wander, battery_pct, grid_times, position
from gateway.simulation.roads import RoadNet
from gateway.simulation.scenario import Scenario
from gateway.simulation.skipping import Skipping
from gateway.simulation.story import Story
from gateway.simulation.tags import equipment, extra_times
from gateway.simulation.times import wire_time
from gateway.simulation.town import Device, Town
from gateway.simulation.walks import Walks

PIECE_S = 3600  # readings are made by the hour, each hour by itself
PIECES = 512  # kept; filling in asks for half a shift of everybody on duty, later two hours are enough
AHEAD_S = 3600.0  # an errand changes where a vehicle was up to so long before it
DRIVEN_S = 1800.0  # back-fill of what has no rounds
TAGGED_S = 3600.0
HOME_M = 800.0  # from the middle of the town, standard deviation on each axis
JUMP_EVERY = 4  # of so many reports one lies elsewhere
JUMP_DEG = 0.04  # to the north, some 4.4 km: nothing gets there and back between two reports
EARLY_S = 300.0  # a visit so long before its window counts, so that time is filled too


class Plan:
    """One simulation; times are seconds since 1970."""

    def __init__(self, town: Town, scenario: Scenario, *, seed: int, start: datetime) -> None:
        """Prepare it.

        Args:
            town: who and where.
            scenario: what happens.
            seed: which of all the days that could be.
            start: when the scenario begins; aware.

        Raises:
            ScenarioError: the scenario names something that the town does not have.
        """
        self.scenario = scenario
        self.start_s = float(round(start.timestamp()))
        self.end_s = None if scenario.length is None else self.start_s + scenario.length
        self._town = town
        self._seed = seed
        self._plane = Plane(*_middle(town))
        roads = RoadNet(town.roads, self._plane)
        parked = {unit for unit in town.rostered if town.units.get(unit) == "electric"}
        self._drives = Drives(roads=roads, seed=seed, parked=parked)
        skipping = Skipping(town, plane=self._plane, skips=scenario.skips, seed=seed)
        walks = Walks(town, plane=self._plane, roads=roads, seed=seed, skips=skipping)
        self.courses = Courses(
            town,
            walks=walks,
            drives=self._drives,
            roads=roads,
            only_shifts=scenario.shifts.only,
            only_units=scenario.shifts.units,
        )
        self._story = Story(
            town,
            scenario,
            seed=seed,
            start_s=self.start_s,
            plane=self._plane,
            roads=roads,
            courses=self.courses,
            drives=self._drives,
        )
        self._piece = lru_cache(maxsize=PIECES)(self._make_piece)

    @property
    def devices(self) -> tuple[Device, ...]:
        """Who is played."""
        return self._town.devices

    def opening(self) -> list[Said]:
        """What was said before the start and is sent at the start: the rounds under way, the drives, the tags."""
        found: list[Said] = []
        for device in self._town.devices:
            since_s = max(self._filled_from(device), self.start_s - self.scenario.back_fill)
            found += (
                Said(self.start_s, it.at_s, it.device, it.lane, it.reading)
                for it in self._own(device, since_s, self.start_s)
            )
        return sorted(found, key=lambda it: it.order)

    def said(self, since_s: float, until_s: float) -> list[Said]:
        """What is sent from one moment (included) to another, in order."""
        found: list[Said] = []
        for device in self._town.devices:
            self._story.tell(until_s)
            hushes = self._story.hushes[device.name]
            found += (it for it in self._all(device, since_s, until_s) if _hushed(it.at_s, hushes) is None)
            for hush in hushes:
                if not hush.lost and since_s <= hush.until_s < until_s:
                    found += (
                        Said(hush.until_s, it.at_s, it.device, it.lane, it.reading, it.incident)
                        for it in self._all(device, hush.since_s, hush.until_s)
                        if _hushed(it.at_s, hushes) == hush
                    )
        return sorted(found, key=lambda it: it.order)

    def dispatch(self, device: str, *, incident: str, lat: float, lon: float, at_s: float) -> bool:
        """A device was told to go somewhere: its unit goes, and answers; what was said before stays as it was.

        Args:
            device: who was told; only the first of its unit answers.
            incident: its number.
            lat: degrees WGS-84.
            lon: degrees WGS-84.
            at_s: when; not before anything that was asked for already.

        Returns:
            Whether this device answers.
        """
        its = next((it for it in self._town.devices if it.name == device), None)
        if its is None or its.unit is None or its != self._speaker(its.unit):
            return False
        detour = self.courses.divert(its.unit, at_s, self._plane.point(lat, lon))
        self._piece.cache_clear()
        self._story.answer(device, incident, at_s=at_s, detour=detour)
        return True

    def _speaker(self, unit: str) -> Device | None:
        """Who of a unit answers: the vehicle's terminal, else its first handset."""
        its = [it for it in self._town.devices if it.unit == unit and it.kind in ("vehicle", "handset")]
        return min(its, key=lambda it: (it.kind != "vehicle", it.lag_s, it.name), default=None)

    def _all(self, device: Device, since_s: float, until_s: float) -> Iterator[Said]:
        yield from self._own(device, since_s, until_s)
        self._story.tell(until_s)
        for it in self._story.said[device.name]:
            if since_s <= it.at_s < until_s:
                yield it

    def _own(self, device: Device, since_s: float, until_s: float) -> Iterator[Said]:
        for hour in range(int(since_s // PIECE_S), int((until_s - 1e-6) // PIECE_S) + 1):
            for at_s, reading in self._piece(device, hour):
                if since_s <= at_s < until_s:
                    yield Said(at_s, at_s, device.name, "up", reading)

    def _filled_from(self, device: Device) -> float:
        if device.thing is not None:
            return self.start_s - TAGGED_S
        unit = device.unit or ""
        spell = self.courses.spell(unit, self.start_s)
        windows = [(it.starts_s, it.ends_s) for it in spell.rounds] if spell else []
        windows += [(it.starts_s, it.ends_s) for it in spell.holds] if spell else []
        since_s = min((start - EARLY_S for start, end in windows if start <= self.start_s < end), default=None)
        if device.unit is None or self.courses.drives(unit):
            return min(self.start_s - DRIVEN_S, since_s or self.start_s)
        return since_s or (self.start_s - EARLY_S if spell else self.start_s)

    # -- one hour of one device ----------------------------------------------------------------------------------

    def _make_piece(self, device: Device, hour: int) -> list[tuple[float, dict[str, Any]]]:
        since_s, until_s = float(hour * PIECE_S), float((hour + 1) * PIECE_S)
        self._story.tell(until_s + AHEAD_S)
        every_s = self.scenario.interval_s(device.kind)
        phase_s = dice(self._seed, "phase", device.name).uniform(0, every_s)
        times = list(grid_times(since_s=since_s, until_s=until_s, every_s=every_s, phase_s=phase_s))
        chance = dice(self._seed, "hour", device.name, hour)
        if device.thing is not None:
            return self._tagged(device.thing, times, since_s, until_s, chance)
        if device.unit is None:
            return []
        return self._moving(device, times, since_s, until_s, chance)

    def _tagged(
        self, code: str, times: list[float], since_s: float, until_s: float, chance: Random
    ) -> list[tuple[float, dict[str, Any]]]:
        thing = self._town.things.get(code)
        if thing is None:
            return []
        upsets = self._story.upsets[code]
        at = sorted({*times, *extra_times(upsets, since_s=since_s, until_s=until_s)})
        return [(it, equipment(it, thing, upsets, seed=self._seed, chance=chance)) for it in at]

    def _moving(
        self, device: Device, times: list[float], since_s: float, until_s: float, chance: Random
    ) -> list[tuple[float, dict[str, Any]]]:
        gps = self.scenario.gps
        sky = chance.uniform(0.7, 1.3)  # some hours the receiver sees less of the sky, and says so
        wander = Wander(chance, sigma_m=gps.sigma_m * sky, over_s=gps.over)
        found: list[tuple[float, dict[str, Any]]] = []
        home = self._home(device)
        for at_s in times:
            going = self._going(device, at_s)
            moment = going.course.at(at_s - device.lag_s) if going else home
            if moment is None:
                continue
            error = wander.at(at_s)
            accuracy_m = max(2.0, gps.sigma_m * sky * 1.6 + chance.gauss(0, 0.4))
            reading = position(at_s, moment, error, plane=self._plane, accuracy_m=accuracy_m, chance=chance)
            charge = battery_pct(device.kind, on_for_s=at_s - going.since_s if going else 0.0)
            reading |= {} if charge is None else {"battery_pct": charge}
            deceit = next((it for it in self._story.deceits[device.name] if it.since_s <= at_s < it.until_s), None)
            found.append((at_s, self._deceived(reading, device, at_s, deceit) if deceit else reading))
        found += self._statuses(device, since_s, until_s, chance)
        found += self._scans(device, since_s, until_s)
        return sorted(found, key=lambda it: (it[0], it[1]["type"]))

    def _going(self, device: Device, at_s: float) -> Going | None:
        """Where a device goes; None when it is switched off."""
        unit = device.unit or ""
        if KINDS[device.kind].carried and not self.courses.on_duty(unit, at_s):
            return None
        return self.courses.going(unit, at_s)

    def _deceived(self, reading: dict[str, Any], device: Device, at_s: float, deceit: Deceit) -> dict[str, Any]:
        """What a device says that is not to be believed."""
        if deceit.how == "mock":
            return reading | {"mock": True}
        if deceit.how == "teleport":
            jumps = int(at_s // self.scenario.interval_s(device.kind)) % JUMP_EVERY == 0
            return reading | {"lat": round(reading["lat"] + JUMP_DEG, 6)} if jumps else reading
        held = self.courses.moment(device.unit or "", deceit.since_s)
        if held is None:
            return reading
        lat, lon = self._plane.place(*held.point)
        return reading | {"lat": round(lat, 6), "lon": round(lon, 6)}

    def _home(self, device: Device) -> Moment | None:
        """Where a handset lies that was taken home switched on; None when it is switched off there."""
        chance = dice(self._seed, "home", device.name)
        if device.kind != "handset" or chance.random() >= self.scenario.left_on:
            return None
        return Moment(chance.gauss(0, HOME_M), chance.gauss(0, HOME_M), 0.0, None)

    def _statuses(
        self, device: Device, since_s: float, until_s: float, chance: Random
    ) -> Iterator[tuple[float, dict[str, Any]]]:
        phase_s = dice(self._seed, "status", device.name).uniform(0, STATUS_EVERY_S)
        lows = {it.since_s for it in self._story.lows[device.unit or ""] if since_s <= it.since_s < until_s}
        usual = grid_times(since_s=since_s, until_s=until_s, every_s=STATUS_EVERY_S, phase_s=phase_s)
        for at_s in sorted({*usual, *lows} if device.kind == "vehicle" else usual):
            going = self._going(device, at_s)
            if going is None:
                continue
            reading: dict[str, Any] = {
                "type": "status",
                "t": wire_time(at_s),
                "signal_dbm": round(chance.gauss(-78, 7)),
            }
            charge = battery_pct(device.kind, on_for_s=at_s - going.since_s)
            if charge is not None:
                reading |= {"battery_pct": charge, "charging": False}
            driving = self._charge_pct(device, at_s)
            reading |= {} if driving is None else {"charge_pct": driving}
            yield at_s, reading

    def _charge_pct(self, device: Device, at_s: float) -> int | None:
        """The charge of the electric vehicle that a terminal sits in."""
        unit = device.unit or ""
        pct = self.courses.charge_pct(unit, at_s) if device.kind == "vehicle" else None
        lows = [it.pct for it in self._story.lows[unit] if it.since_s <= at_s < it.until_s]
        return None if pct is None else min([pct, *lows])

    def _scans(self, device: Device, since_s: float, until_s: float) -> Iterator[tuple[float, dict[str, Any]]]:
        if device.kind != "handset" or device.lag_s or device.unit is None:
            return
        for moment_s in (since_s, until_s - 1):
            going = self.courses.going(device.unit, moment_s)
            for scan in going.scans if going else ():
                at_s = float(round(scan.at_s))
                if since_s <= at_s < until_s and going and going.since_s <= at_s < going.until_s:
                    moment = going.course.at(at_s)
                    lat, lon = self._plane.place(moment.x, moment.y)
                    place = {"lat": round(lat, 6), "lon": round(lon, 6)}
                    yield at_s, {"type": "scan", "t": wire_time(at_s), "tag": scan.tag, "method": "nfc", **place}
            if going is not None and going.until_s >= until_s and going.since_s <= since_s:
                return


def _hushed(at_s: float, hushes: list[Hush]) -> Hush | None:
    """The silence that a moment falls into; of several the one that ends last."""
    return max((it for it in hushes if it.since_s <= at_s < it.until_s), key=lambda it: it.until_s, default=None)


def _middle(town: Town) -> tuple[float, float]:
    places = [(it.lat, it.lon) for it in town.checkpoints.values()]
    places += [place for road in town.roads for place in road] or [(it.lat, it.lon) for it in town.things.values()]
    if not places:
        return 0.0, 0.0
    return sum(lat for lat, _ in places) / len(places), sum(lon for _, lon in places) / len(places)
