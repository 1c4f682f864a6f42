"""The tags that the devices of units read, with who held them: one query for many needs."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ingest.database import Connection
from ingest.queries import load_queries
from rules.core.equipment import Tracker
from rules.core.fixes import Span, merged
from rules.core.scans import Scan
from rules.core.world import World
from rules.replies import Need

_SQL = load_queries("rules.store", "scans.sql")
_E7 = 1e7  # stored degrees are integers of 1e-7


class Scans:
    """Reads once what many duties want, and hands each need its part.

    Args:
        connection: in a transaction.
        world: the dated world.
    """

    def __init__(self, connection: Connection, world: World) -> None:
        self._connection = connection
        self._world = world
        self._counting: dict[Need, list[Tracker]] = {}
        self._rows: dict[int, list[dict[str, Any]]] = {}
        self._found: dict[Need, tuple[Scan, ...]] = {}

    async def read(self, needs: Iterable[Need]) -> None:
        """Read all that those of the needs want that ask for scans, in place of what was read before."""
        self._found.clear()
        self._rows.clear()
        self._counting = {
            need: self._world.trackers(need.held, unit=need.unit) for need in dict.fromkeys(needs) if need.scans
        }
        wanted: dict[int, list[Span]] = {}
        for need, trackers in self._counting.items():
            for tracker in trackers:
                wanted.setdefault(tracker.device.number, []).append(need.held)
        spans = [(device, span) for device in sorted(wanted) for span in merged(wanted[device])]
        if not spans:
            return
        values = {
            "devices": [device for device, _ in spans],
            "starts": [span.start for _, span in spans],
            "stops": [span.end for _, span in spans],
        }
        for row in await (await self._connection.execute(_SQL["scans"], values)).fetchall():
            self._rows.setdefault(row["device"], []).append(row)

    def of(self, need: Need) -> tuple[Scan, ...]:
        """The scans of the devices that count for a need, made while they did; none when it asks for none."""
        if need not in self._found:
            found = {scan for tracker in self._counting.get(need, ()) for scan in self._scans(tracker, need.held)}
            self._found[need] = tuple(sorted(found, key=lambda it: (it.time, it.device, it.digest, it.holder)))
        return self._found[need]

    def _scans(self, tracker: Tracker, span: Span) -> Iterable[Scan]:
        for row in self._rows.get(tracker.device.number, ()):
            if row["time"] in span and _held(tracker, row["time"]):
                yield Scan(
                    tag=row["tag"] or "",
                    device=tracker.device.name,
                    holder=tracker.holder,
                    time=row["time"],
                    digest=row["digest"],
                    lat=None if row["lat"] is None else row["lat"] / _E7,
                    lon=None if row["lon"] is None else row["lon"] / _E7,
                )


def _held(tracker: Tracker, at: datetime) -> bool:
    return any(at in spell for spell in tracker.spells)
