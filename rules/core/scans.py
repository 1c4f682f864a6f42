"""Tags read on the way: whether a scan shows that its reader was at the place where the tag hangs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from devices.readings import same_tag
from rules.core.alerts import Reason
from rules.core.fixes import Fix
from rules.core.places import Place
from rules.core.presence import Tracked
from rules.core.reasons import Why, instant, reason
from rules.core.world import World

_KEPT = 8  # scans that evidence copies; a patrol reads a tag once or twice


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A tag that a device read while somebody held it: degrees WGS-84 when it said where, aware UTC."""

    tag: str
    device: str
    holder: str
    time: datetime
    digest: int
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True)
class Touch:
    """A scan of a place's tag, and where it was made: near, far, or nobody can say.

    Attributes:
        distance_m: from the place, as `Place.distance_m` counts; None when nothing says where.
        accuracy_m: of the fix that says so.
        fix: the device's own fix beside the scan; None when the scan itself says where it was made, or nothing does.
        fix_age_s: seconds between that fix and the scan.
    """

    scan: Scan
    where: Literal["near", "far", "unplaced"]
    distance_m: float | None = None
    accuracy_m: float | None = None
    fix: Fix | None = None
    fix_age_s: float | None = None

    @property
    def doubt(self) -> Reason:
        """Why it proves nothing."""
        return self._reason(Why.SCAN_FAR if self.where == "far" else Why.SCAN_UNPLACED)

    @property
    def proof(self) -> Reason:
        """How it is known that somebody was there."""
        return self._reason(Why.SCAN)

    def _reason(self, why: Why) -> Reason:
        return reason(
            why,
            device=self.scan.device,
            holder=self.scan.holder,
            tag=self.scan.tag,
            at=self.scan.time,
            distance_m=self.distance_m,
            accuracy_m=self.accuracy_m,
            fix_age_s=self.fix_age_s,
        )


def touches(
    scans: Iterable[Scan],
    subject: str,
    *,
    world: World,
    place: Place,
    tracked: Sequence[Tracked],
    reach_m: float,
    fix_s: float,
) -> tuple[Touch, ...]:
    """The scans of a checkpoint's tags, each tag as it was assigned at that moment, in order.

    Args:
        scans: of the unit's devices, in any order.
        subject: the checkpoint's code.
        world: whose tags hang where, and since when.
        place: where the checkpoint is.
        tracked: the unit's devices with their fixes.
        reach_m: a scan may lie so far outside the place: what receivers err between houses.
        fix_s: a fix this many seconds before or after says where a scan was made.
    """
    found = []
    for scan in sorted(set(scans), key=lambda it: (it.time, it.device, it.digest)):
        point = world.checkpoints.at(subject, scan.time)
        if point is not None and same_tag(scan.tag) in point.tags:
            found.append(_touch(scan, place, tracked, reach_m=reach_m, fix_s=fix_s))
    return tuple(found)


def shown(found: Iterable[Touch]) -> list[dict[str, Any]]:
    """Copies of scans for evidence, bounded in number."""
    return [
        {
            "time": instant(it.scan.time),
            "tag": it.scan.tag,
            "device": it.scan.device,
            "holder": it.scan.holder,
            "lat": it.scan.lat,
            "lon": it.scan.lon,
            "where": it.where,
            "distance_m": None if it.distance_m is None else round(it.distance_m, 1),
            "fix": None if it.fix is None else [instant(it.fix.time), it.fix.lat, it.fix.lon, it.fix.accuracy_m],
        }
        for it in list(found)[:_KEPT]
    ]


def _touch(scan: Scan, place: Place, tracked: Sequence[Tracked], *, reach_m: float, fix_s: float) -> Touch:
    """Near when the scan's own place or the fix beside it is near; far when what is known is surely not."""
    near_m = place.radius_m + reach_m
    said: Touch | None = None
    if scan.lat is not None and scan.lon is not None:
        distance_m = place.distance_m(Fix(scan.time, scan.digest, scan.lat, scan.lon))
        said = Touch(scan, "near" if distance_m <= near_m else "far", distance_m)
        if said.where == "near":
            return said
    fix = _beside(scan, tracked, timedelta(seconds=fix_s))
    if fix is None:
        return said or Touch(scan, "unplaced")
    distance_m = place.distance_m(fix)
    age_s = abs((scan.time - fix.time).total_seconds())
    if distance_m <= near_m:
        return Touch(scan, "near", distance_m, fix.accuracy_m, fix, age_s)
    if said is not None:
        return said
    surely = distance_m - (fix.accuracy_m or 0.0) > near_m
    return Touch(scan, "far" if surely else "unplaced", distance_m, fix.accuracy_m, fix, age_s)


def _beside(scan: Scan, tracked: Sequence[Tracked], within: timedelta) -> Fix | None:
    """The credible fix of the scanning device that lies nearest to the scan in time."""
    fixes = [fix for it in tracked if it.device == scan.device for fix in it.credible]
    near = [fix for fix in fixes if abs(fix.time - scan.time) <= within]
    return min(near, key=lambda fix: (abs(fix.time - scan.time), fix.time, fix.digest), default=None)
