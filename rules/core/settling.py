"""How long to wait for data that is still on its way."""

from datetime import timedelta

from devices.identity import KINDS
from rules.core.fixes import Span
from rules.core.world import World

_UNKNOWN_S = 60.0  # nobody of the unit holds a device: the wait of a handset


def settle_time(world: World, unit: str | None, span: Span, *, set_s: float | None) -> timedelta:
    """Two report intervals of the slowest device concerned, unless a setting says how long.

    One interval because the last fix may lie that long before the deadline, one more because it may be late.
    """
    if set_s is not None:
        return timedelta(seconds=set_s)
    intervals = [
        KINDS[tracker.device.kind].report_interval_s
        for tracker in world.trackers(span, unit=unit)
        if tracker.device.kind in KINDS and tracker.device.kind != "tag"
    ]
    return timedelta(seconds=2 * max(intervals) if intervals else _UNKNOWN_S)
