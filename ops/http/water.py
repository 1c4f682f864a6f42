"""What a hydrant's newest measurement means: whether water can be had from it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from devices.identity import KINDS

HydrantState = Literal["fine", "low_pressure", "knocked", "silent", "untagged"]

LOW_PRESSURE_KPA = 140.0  # what a town main must hold at a hydrant in ordinary running
KNOCKED_TILT_DEG = 10.0  # from upright; wind and traffic stay below it
_SILENT_AFTER = timedelta(seconds=KINDS["tag"].silent_after_s)


def hydrant_state(
    measured: Mapping[str, Any] | None, *, heard_at: datetime | None, tagged: bool, now: datetime
) -> HydrantState:
    """The state of a hydrant, the worst first.

    Args:
        measured: what its tag said last, as stored; None when it never measured anything.
        heard_at: when anything at all last came from the tag.
        tagged: whether it has a tag.
        now: aware UTC.
    """
    if not tagged:
        return "untagged"
    said = measured or {}
    if said.get("tamper") or abs(said.get("tilt_deg") or 0.0) > KNOCKED_TILT_DEG:
        return "knocked"
    if heard_at is None or now - heard_at > _SILENT_AFTER:
        return "silent"
    pressure = said.get("pressure_kpa")
    return "low_pressure" if pressure is not None and pressure < LOW_PRESSURE_KPA else "fine"
