"""The patrol's report: rates by grid, squad or unit, and presence, of one span."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ingest.database import Connection
from ops.moments import midnight, moment_of
from ops.report.errors import ReportError
from ops.town.laying import base_with_roads
from rules.core.fixes import Span
from rules.core.measures import Presence, Rate, Tally, together
from rules.store import measures as store
from rules.store.world import snapshot

_LONGEST = timedelta(days=400)


@dataclass(frozen=True, kw_only=True)
class PatrolReport:
    """What one span came to.

    Attributes:
        span: aware UTC.
        zone: the site's.
        by: what the lines are.
        lines: grids from the top down, squads or units.
        whole: all duties of the span.
        hours: whole ones that presence was looked at in.
        presence: of each base grid, by code.
        names: of the base grids.
        made_at: aware UTC.
    """

    span: Span
    zone: str
    by: str
    lines: tuple[store.Line, ...]
    whole: Tally
    hours: Span
    presence: tuple[Presence, ...]
    names: dict[str, str]
    made_at: datetime

    @property
    def together(self) -> Presence:
        """All base grids as one."""
        return together(self.presence, grid="")

    def rows(self) -> Iterator[dict[str, Any]]:
        """One flat row for each line, the whole last, for CSV and JSON; rates are 0 to 1, empty when from nothing."""
        for line in self.lines:
            yield {"key": line.key, "name": line.name, "level": line.level, **_figures(line.tally)}
        yield {"key": None, "name": "whole", "level": None, **_figures(self.whole)}

    def presence_rows(self) -> Iterator[dict[str, Any]]:
        """One flat row for each base grid."""
        for it in self.presence:
            yield {
                "grid": it.grid,
                "name": self.names.get(it.grid),
                "sight": it.sight.value,
                "hours_seen": it.hours_seen,
                "hours": it.hours,
                "density": it.density,
                "passes": it.passes,
                "road_km": round(it.road_km, 3),
                "minutes_staffed": it.minutes_staffed,
                "minutes": it.minutes,
            }


def _figures(tally: Tally) -> dict[str, Any]:
    counts = ("total", "counted", "met", "early", "late", "missed", "in_doubt", "device_fault", "waived", "superseded")
    return {
        "arrival": tally.arrival.value,
        "missing": tally.missing.value,
        "punctuality": tally.punctuality.value,
        **{name: getattr(tally, name) for name in counts},
        "pending": tally.pending,
    }


async def gather(connection: Connection, span: Span, *, by: str, zone: str, now: datetime) -> PatrolReport:
    """Reckon a report.

    Args:
        connection: any.
        span: duties that opened in it.
        by: what to sum by.
        zone: the site's time zone.
        now: aware UTC.
    """
    found = await store.counted(connection, span)
    known = await store.names(connection)
    areas, km = await base_with_roads(connection, at=now)
    hours = await store.rolled_up_hours(connection, span)
    world = (await snapshot(connection, zone=zone)).world
    return PatrolReport(
        span=span,
        zone=zone,
        by=by,
        lines=tuple(store.lines(found, known, by=by, seen=None)),
        whole=sum((Tally(**{str(it.counts_as): it.n}) for it in found), Tally()),
        hours=hours,
        presence=tuple(await store.presence(connection, world, hours, road_km=km)),
        names={area.code: area.name for area in areas},
        made_at=now,
    )


def span_between(since: str | None, until: str | None, *, zone: ZoneInfo, now: datetime) -> Span:
    """What `--from` and `--to` say: dates (`to` is the first day that is not meant) or times; yesterday without any.

    Raises:
        NoMoment: one of them cannot be read.
        ReportError: it ends before it begins, or is too long.
    """
    today = now.astimezone(zone).date()
    begin = moment_of(since, "--from", zone=zone) if since else midnight(today - timedelta(days=1), zone=zone)
    next_day = begin.astimezone(zone).date() + timedelta(days=1)
    end = moment_of(until, "--to", zone=zone) if until else midnight(next_day, zone=zone)
    if end <= begin:
        raise ReportError(
            f"the report would end {end.astimezone(zone):%Y-%m-%d %H:%M}, before it begins; give a later --to"
        )
    if end - begin > _LONGEST:
        raise ReportError(f"the report would span {(end - begin).days} days; ask for at most {_LONGEST.days}")
    return Span(begin, end)


def percent(rate: Rate) -> str:
    """A rate as people read it, with its numbers; a dash when it is from nothing."""
    return "—" if rate.value is None else f"{rate.value:.1%} ({rate.n}/{rate.of})"
