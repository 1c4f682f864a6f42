"""A town that lives: its units walk and drive, its devices report, things happen; all of it can be repeated."""

from gateway.simulation.driver import Counts, FindIncident, Simulation
from gateway.simulation.happenings import Said
from gateway.simulation.plan import Plan
from gateway.simulation.scenario import DEFAULT, Scenario, load_scenario, scenario_text, shipped
from gateway.simulation.spells import Hold, Round, Spell
from gateway.simulation.town import Checkpoint, Device, Route, Thing, Town

__all__ = [
    "DEFAULT",
    "Checkpoint",
    "Counts",
    "Device",
    "FindIncident",
    "Hold",
    "Plan",
    "Round",
    "Route",
    "Said",
    "Scenario",
    "Simulation",
    "Spell",
    "Thing",
    "Town",
    "load_scenario",
    "scenario_text",
    "shipped",
]
