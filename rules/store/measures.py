"""Counts of duties and the presence of units, as the measures take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ingest.database import Connection
from ingest.queries import load_queries
from rules.catalog import catalog
from rules.core.fixes import Span
from rules.core.measures import (
    DEVICE_FAULTS,
    NEUTRAL,
    Counted,
    CountsAs,
    Presence,
    Spell,
    Tally,
    on_duty,
    tallies,
    whole_hours,
)
from rules.core.world import World
from rules.rule import DutyRule

_SQL = load_queries("rules.store", "measures.sql")

EVERYTHING: Final[Mapping[str, object]] = {"scope": None, "own": False, "own_unit": None}
"""The bounds of somebody who sees the whole site."""


def patrol_rules() -> list[str]:
    """The rules whose duties the patrol has: all that need somebody somewhere. Equipment has dates, not patrols."""
    return sorted(
        name for name, rule in catalog().items() if isinstance(rule, DutyRule) and rule.subject != "equipment"
    )


def _path(words: Sequence[str], *, none_of: bool) -> str:
    """A JSON path: a reason that is one of these words, or that is none of them."""
    if none_of:
        return f"$[*] ? ({' && '.join(f'@.reason != {chr(34)}{word}{chr(34)}' for word in words)})"
    return f"$[*] ? ({' || '.join(f'@.reason == {chr(34)}{word}{chr(34)}' for word in words)})"


_FAULT_PATHS = {
    "any_fault": _path(sorted(DEVICE_FAULTS), none_of=False),
    "any_other": _path(sorted(DEVICE_FAULTS | NEUTRAL), none_of=True),
}


@dataclass(frozen=True)
class Names:
    """Names of units and posts, which share one set of codes, and the tree of grids that sums go up."""

    people: Mapping[str, str]
    grids: Mapping[str, Mapping[str, Any]]
    ground: Mapping[str, Sequence[str]]

    def above(self, code: str | None) -> list[str]:
        """The grids that a duty in a grid counts for: its own, those above, those of other hierarchies."""
        line: list[str] = []
        while code is not None and code in self.grids and code not in line:
            line.append(code)
            code = self.grids[code]["parent"]
        return line + sorted(set(self.ground.get(line[0], ()))) if line else []

    def below(self, code: str | None) -> list[str]:
        """The grids whose duties count for a grid."""
        return [it for it in self.grids if code is not None and code in self.above(it)]


async def names(connection: Connection) -> Names:
    """As they are now; of what is gone, the last."""
    rows = await (await connection.execute(_SQL["names"])).fetchall()
    ground: dict[str, list[str]] = {}
    for row in await (await connection.execute(_SQL["ground"])).fetchall():
        ground.setdefault(row["ground"], []).append(row["grid"])
    return Names(
        people={row["code"]: row["name"] for row in rows if row["kind"] != "grid"},
        grids={row["code"]: row for row in rows if row["kind"] == "grid"},
        ground=ground,
    )


async def within(connection: Connection, bounds: Mapping[str, object]) -> frozenset[str]:
    """The codes of the grids that a viewer sees."""
    rows = await (await connection.execute(_SQL["within"], {"scope": bounds["scope"]})).fetchall()
    return frozenset(row["code"] for row in rows)


async def counted(
    connection: Connection, span: Span, *, bounds: Mapping[str, object] = EVERYTHING, rules: Sequence[str] | None = None
) -> list[Counted]:
    """How many duties that opened within a span came to what.

    Args:
        connection: any.
        span: from, included, to, excluded.
        bounds: `scope`, `own` and `own_unit` of whoever asks.
        rules: names; None is all of the patrol's.
    """
    values = {**_FAULT_PATHS, **_viewer(bounds), "rules": list(rules or patrol_rules())}
    values |= {"since": span.start, "until": span.end}
    rows = await (await connection.execute(_of_counted("tally"), values)).fetchall()
    return [Counted(**{**row, "counts_as": CountsAs(row["counts_as"]), "posts": tuple(row["posts"])}) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Line:
    """The counts of one grid with all below it, one squad, unit or post; `key` None holds what has none."""

    key: str | None
    name: str | None
    level: int | None
    parent: str | None
    tally: Tally


def lines(
    found: Sequence[Counted], known: Names, *, by: str, seen: frozenset[str] | None, hierarchy: str = "patrol"
) -> list[Line]:
    """One line for each key that has duties: grids from the top down, the others by code, None last.

    Args:
        found: counts.
        known: names, and the tree of grids.
        by: grid, squad, unit or post.
        seen: the grids that the viewer sees; None is all.
        hierarchy: of the grids.
    """
    if by != "grid":
        return [
            Line(key=key, name=known.people.get(key or ""), level=None, parent=None, tally=tally)
            for key, tally in sorted(tallies(found, by=by).items(), key=lambda it: (it[0] is None, it[0] or ""))
        ]
    sums: dict[str | None, Tally] = {}
    for it in found:
        above: list[str | None] = [*known.above(it.grid)]
        for code in above or [None]:
            sums[code] = sums.get(code, Tally()) + Tally(**{str(it.counts_as): it.n})
    shown = []
    for code, tally in sums.items():
        grid = known.grids.get(code or "")
        if grid is None or (grid["hierarchy"] == hierarchy and (seen is None or code in seen)):
            level, parent, name = (grid["level"], grid["parent"], grid["name"]) if grid else (None, None, None)
            shown.append(Line(key=code, name=name, level=level, parent=parent, tally=tally))
    return sorted(shown, key=lambda it: (it.level is None, it.level or 0, it.key or ""))


async def duties(
    connection: Connection,
    span: Span,
    *,
    bounds: Mapping[str, object],
    known: Names,
    by: str,
    key: str | None,
    kinds: Sequence[str] | None,
    rules: Sequence[str] | None = None,
    past: tuple[datetime | None, int | None] = (None, None),
    limit: int,
) -> list[dict[str, Any]]:
    """The duties behind one figure: those of `key`, which is a grid with all below, a squad, a unit, a post, or None.

    Args:
        connection: any.
        span: as for `counted`.
        bounds: as for `counted`.
        known: the tree of grids.
        by: grid, squad, unit or post; anything else asks for all.
        key: its code.
        kinds: only those that count as one of these; None for all.
        rules: as for `counted`.
        past: time and id after which the page begins.
        limit: rows at most.
    """
    values = {**_FAULT_PATHS, **_viewer(bounds), "rules": list(rules or patrol_rules())}
    values |= {"since": span.start, "until": span.end, "by": by, "key": key, "limit": limit}
    values |= {"grids": known.below(key) if by == "grid" else [], "known": list(known.grids)}
    values |= {"counts_as": list(kinds) if kinds else None, "past_time": past[0], "past_id": past[1]}
    return await (await connection.execute(_of_counted("duties"), values)).fetchall()


async def rolled_up_hours(connection: Connection, span: Span) -> Span:
    """The whole hours of a span that are in the rollup: of later ones nobody can say yet who was seen."""
    row = await (await connection.execute(_SQL["rolled_up"])).fetchone()
    return whole_hours(span, row["at"] if row else span.start)


async def presence(
    connection: Connection,
    world: World,
    hours: Span,
    *,
    road_km: Mapping[str, float],
    bounds: Mapping[str, object] = EVERYTHING,
) -> list[Presence]:
    """How present units on duty were in each base grid.

    Args:
        connection: any.
        world: for shifts and custody.
        hours: whole ones, as `rolled_up_hours` gives them.
        road_km: of each base grid; these are the grids that are looked at.
        bounds: of whoever asks.
    """
    seen_by = await within(connection, bounds)
    values = _spells(on_duty(world, hours)) | {"since": hours.start, "until": hours.end}
    sight = {row["grid"]: row for row in await (await connection.execute(_SQL["sight"], values)).fetchall()}
    staffed = {row["grid"]: row for row in await (await connection.execute(_SQL["staffed"], values)).fetchall()}
    length = int((hours.end - hours.start).total_seconds())
    return [
        Presence(
            grid=code,
            hours=length // 3600,
            hours_seen=sight.get(code, {}).get("hours_seen", 0),
            passes=sight.get(code, {}).get("passes", 0),
            minutes=length // 60,
            minutes_staffed=staffed.get(code, {}).get("minutes_staffed", 0),
            road_km=km,
            road_km_hours=km * (length // 3600),
        )
        for code, km in sorted(road_km.items())
        if code in seen_by
    ]


async def hours_of(connection: Connection, world: World, hours: Span, *, grid: str) -> list[dict[str, Any]]:
    """The hours behind a grid's presence: hour, unit, fixes, first and last."""
    values = _spells(on_duty(world, hours)) | {"since": hours.start, "until": hours.end, "grid": grid}
    return await (await connection.execute(_SQL["hours"], values)).fetchall()


def _of_counted(name: str) -> bytes:
    """A statement about what is counted; so figures and the duties behind them cannot differ."""
    return b"WITH counted AS (" + _SQL["counted"] + b") " + _SQL[name]


def _viewer(bounds: Mapping[str, object]) -> dict[str, object]:
    return {name: bounds[name] for name in EVERYTHING}


def _spells(spells: Sequence[Spell]) -> dict[str, Any]:
    return {
        "devices": [it.device for it in spells],
        "units": [it.unit for it in spells],
        "froms": [it.span.start for it in spells],
        "tos": [it.span.end for it in spells],
    }
