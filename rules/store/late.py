"""Late readings: which duties they wake."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ingest.database import Connection
from ingest.marking import EVERYBODY
from ingest.queries import load_queries
from rules.core.fixes import Span
from rules.core.world import World
from rules.rule import DutyRule
from rules.store.marks import Mark

_SQL = load_queries("rules.store", "late.sql")


_Row = tuple[str | None, str | None, bool, datetime, datetime]


async def wake_late(
    connection: Connection, world: World, marks: Sequence[Mark], *, rules: Mapping[str, DutyRule], now: datetime
) -> None:
    """Judge at once the live, unproven duties of whoever held the devices of these marks at their times."""
    rows = _who(world, [mark for mark in marks if mark.kind == "late"])
    if rows:
        units, posts, everybody, froms, tos = map(list, zip(*rows, strict=True))
        values = {"units": units, "posts": posts, "everybody": everybody, "froms": froms, "tos": tos, "now": now}
        anybodys = [name for name, rule in rules.items() if rule.subject == "incident"]
        lasting = [name for name, rule in rules.items() if rule.lasts]
        await connection.execute(_SQL["wake"], {**values, "incident_rules": anybodys, "lasting": lasting})


def _who(world: World, marks: Sequence[Mark]) -> list[_Row]:
    """Unit, post, everybody, from and to; a device that nobody held wakes only what is anybody's."""
    if not marks:
        return []
    span = Span(min(mark.window_from for mark in marks), max(mark.window_to for mark in marks))
    by_number: dict[int, list[tuple[str, Span]]] = {}
    for it in world.trackers(span):
        by_number.setdefault(it.device.number, []).extend((it.unit, spell) for spell in it.spells)
    found: list[_Row] = []
    for mark in marks:
        its = Span(mark.window_from, mark.window_to)
        if mark.subject == EVERYBODY:
            found.append((None, None, True, its.start, its.end))
            continue
        number = int(mark.subject)
        units = {unit for unit, spell in by_number.get(number, ()) if spell.meets(its)}
        held = [it for it in world.custody_of.get(number, ()) if it.holder_kind == "post" and it.span.meets(its)]
        found += [(unit, None, False, its.start, its.end) for unit in sorted(units)]
        found += [(None, post, False, its.start, its.end) for post in sorted({it.code for it in held})]
        if not units and not held:
            found.append((None, None, False, its.start, its.end))
    return found
