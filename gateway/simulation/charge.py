"""The charge of an electric vehicle: it falls on duty, and rises between two stretches of it, at its own place."""

from collections.abc import Iterable

from gateway.simulation.spells import Spell

FULL_PCT = 96.0
EMPTY_PCT = 3.0
DRAIN_PCT_PER_HOUR = 5.0  # eight hours of a patrol's short drives take less than half of it
CHARGE_PCT_PER_HOUR = 22.0  # four hours at a wall socket of its own
LOOK_BACK_S = 36 * 3600.0  # what was before that no longer shows


def charge_pct(at_s: float, spells: Iterable[Spell]) -> int:
    """The charge at a moment (seconds since 1970), in percent, after these stretches of duty."""
    level, known_s = FULL_PCT, at_s - LOOK_BACK_S
    for spell in sorted(spells, key=lambda it: it.starts_s):
        starts_s, ends_s = max(known_s, spell.starts_s), min(at_s, spell.ends_s)
        if starts_s >= ends_s:
            continue
        level = min(FULL_PCT, level + CHARGE_PCT_PER_HOUR * (starts_s - known_s) / 3600)
        level = max(EMPTY_PCT, level - DRAIN_PCT_PER_HOUR * (ends_s - starts_s) / 3600)
        known_s = ends_s
    return round(min(FULL_PCT, level + CHARGE_PCT_PER_HOUR * (at_s - known_s) / 3600))
