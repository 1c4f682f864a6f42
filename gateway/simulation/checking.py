"""Whether a scenario fits a town."""

from gateway.errors import ScenarioError
from gateway.simulation.scenario import Scenario
from gateway.simulation.town import Town


def check(town: Town, scenario: Scenario) -> None:
    """See that every name in the scenario is one of the town's.

    Raises:
        ScenarioError: the scenario names something that the town does not have.
    """
    units, shifts = set(town.units), set(town.shifts)
    devices, tag_of = {it.name for it in town.devices}, {it.thing for it in town.devices if it.thing}
    named: list[tuple[str, str, str | None, set[str], str]] = [
        *(("shifts", "only", it, shifts, "shift") for it in scenario.shifts.only),
        *(("shifts", "units", it, units, "unit") for it in scenario.shifts.units),
    ]
    for number, skip in enumerate(scenario.skips, start=1):
        key = f"skips {number}"
        named += [(key, "unit", skip.unit, units, "unit"), (key, "route", skip.route, set(town.routes), "route")]
        named += [(key, "checkpoints", it, set(town.checkpoints), "checkpoint") for it in skip.checkpoints]
        named += [(key, "lines", it, set(town.lines), "line") for it in skip.lines]
    for number, silence in enumerate(scenario.silences, start=1):
        key = f"silences {number}"
        named += [(key, "device", silence.device, devices, "device"), (key, "unit", silence.unit, units, "unit")]
    for number, sos in enumerate(scenario.sos, start=1):
        named.append((f"sos {number}", "device", sos.device, devices, "device"))
    for number, incident in enumerate(scenario.incidents, start=1):
        key = f"incidents {number}"
        named.append((key, "reported_by", incident.reported_by, devices, "device"))
        vehicles = {unit for unit, kind in town.units.items() if kind != "foot"}
        named.append((key, "answered_by", incident.answered_by, vehicles, "vehicle"))
        if isinstance(incident.place, str):
            named.append((key, "place", incident.place, set(town.checkpoints), "checkpoint"))
    for name in ("pressure", "knocks"):
        for number, event in enumerate(getattr(scenario, name), start=1):
            named.append((f"{name} {number}", "thing", event.thing, tag_of, "equipment with a tag"))
    for number, detour in enumerate(scenario.detours, start=1):
        named.append((f"detours {number}", "unit", detour.unit, units, "unit"))
        if isinstance(detour.to, str):
            named.append((f"detours {number}", "to", detour.to, set(town.checkpoints), "checkpoint"))
    for number, trick in enumerate(scenario.tricks, start=1):
        named.append((f"tricks {number}", "device", trick.device, devices, "device"))
    electric = {unit for unit, kind in town.units.items() if kind == "electric"}
    for number, flat in enumerate(scenario.flats, start=1):
        named.append((f"flats {number}", "unit", flat.unit, electric, "electric unit"))
    for number, leave in enumerate(scenario.leaves, start=1):
        named.append((f"leaves {number}", "post", leave.post, set(town.posts), "post"))
    wrong = [
        f"{key}.{field}: there is no {what} {value} in this town that can be played"
        for key, field, value, known, what in named
        if value is not None and value not in known
    ]
    if wrong:
        raise ScenarioError("the scenario does not fit the town: " + "; ".join(wrong))
