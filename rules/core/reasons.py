"""The words of a verdict: every reason has a name that never changes and the numbers that belong to it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Why(StrEnum):
    """Names of reasons; screens translate them, so a name is never reused for something else."""

    VISIT = "visit"  # was there: when, how near, how accurate, by which device
    INTERPOLATED = "interpolated"  # the visit lies on the way between two fixes
    ACCURACY_UNKNOWN = "accuracy_unknown"  # the proving device never says how accurate it is
    EARLY_BY = "early_by"
    LATE_BY = "late_by"
    NEAREST_FIX = "nearest_fix"  # how near it came at best
    HOLE = "hole"  # unseen for long enough to have been there
    SILENT_DEVICE = "silent_device"  # not one usable fix in the window
    ACCURACY = "accuracy"  # may have been there: the fix is less accurate than the circle is wide
    MOCK = "mock"  # the device itself says that the position was made up
    JUMP = "jump"  # a fix there that nothing can have reached and left
    TOO_FAST = "too_fast"  # the straight way between two fixes leads there, faster than the unit moves
    NO_DEVICE = "no_device"  # nobody of the unit held a device that reports positions
    CUSTODY = "custody"  # held for a part of the window only
    NO_PLACE = "no_place"  # the duty's place is not known
    NOT_YET = "not_yet"  # nobody has come so far
    SUPERSEDED = "superseded"  # another order took this one's place
    CLOSED = "closed"  # what they were sent to was over before their time had run out
    WAIVED = "waived"  # a person let them off: who, when and why
    UNANSWERED = "unanswered"  # an objection that nobody has answered
    OVERDUE = "overdue"
    SERVED = "served"
    RETIRED = "retired"
    NO_MANUFACTURE_MONTH = "no_manufacture_month"
    PRESSED = "pressed"
    SILENT_FOR = "silent_for"
    INGEST_BEHIND = "ingest_behind"  # what was sent since then may not be there yet
    INGEST_SILENT = "ingest_silent"  # an ingest worker gives no sign of life
    OVER_ALLOWANCE = "over_allowance"  # how much of a device was set aside, and since when
    UNBALANCED = "unbalanced"  # the numbers of a ledger that does not add up
    BROKER_DISK = "broker_disk"  # how much the broker can still save
    BROKER_DISK_UNSEEN = "broker_disk_unseen"  # since when nobody has looked
    NOBODY_NAMED = "nobody_named"  # all who could do it were away, and nobody stood in
    LOW_CHARGE = "low_charge"  # how much an electric vehicle has left, as of when, and for which shift
    AWAY = "away"  # which post is away from when to when, and why
    SCAN = "scan"  # a tag was read there: which, when, how near the reader was known to be
    SCAN_FAR = "scan_far"  # the tag was read, but the reader was elsewhere
    SCAN_UNPLACED = "scan_unplaced"  # the tag was read, and nothing says where the reader was
    DWELL_SHORT = "dwell_short"  # was there, but not for long enough
    DWELL_UNSURE = "dwell_unsure"  # was there, and nobody can say for how long
    DROVE_PAST = "drove_past"  # came by too fast for a place that must be looked after
    OUT_OF_ORDER = "out_of_order"  # reached after a point that comes later on the route
    LEG_EARLY = "leg_early"  # the way from the point before took less than it should
    LEG_LATE = "leg_late"  # the way from the point before took longer than it may
    OUTSIDE = "outside"  # how far outside its area, since when
    STANDING = "standing"  # where, since when, how long it may
    OVER_SPEED = "over_speed"
    TELEPORT = "teleport"  # there and back faster than anything moves
    FROZEN = "frozen"  # the same place to the last digit, although it moves or time goes on
    MADE_UP = "made_up"  # the device itself says that its positions are made up
    BATTERY = "battery"
    NO_SIGN = "no_sign"  # somebody alone has not checked in, scanned or moved
    APP_ASLEEP = "app_asleep"  # how often it was silent though charged, and how often the wearer woke it
    BATTERY_SAVER = "battery_saver"  # it fell silent with charge enough
    POINTS = "points"  # how many points of a round are not proven
    COVERED = "covered"  # how much of a line was walked, and how much is enough
    GAP = "gap"  # the longest stretch of a line that nobody is known to have walked
    PRESENT_FOR = "present_for"  # how much of the time a place was held, and how much is enough
    ABSENT = "absent"  # from when to when nobody was there
    IN_GRID = "in_grid"  # was in the grid: when, by which device
    BORDER = "border"  # so near to the border that nobody can tell on which side it was
    NOT_IN_GRID = "not_in_grid"  # reported all the time, from elsewhere
    DWELT = "dwelt"  # a day with a long enough stay in the grid
    SCANNED = "scanned"  # a tag in the grid was read
    VISITS = "visits"  # on how many days somebody was there for long enough, and how many are enough
    CHECKED = "checked"  # who checked a round, and what they found
    UNCHECKED = "unchecked"  # nobody has checked the round


def reason(why: Why, **numbers: Any) -> Mapping[str, Any]:
    """One named reason; times become text, figures are rounded to what they are worth."""
    return {"reason": str(why), **{name: _plain(value) for name, value in numbers.items() if value is not None}}


def instant(value: datetime) -> str:
    """A time as reasons and evidence hold it: UTC to the millisecond."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, float):
        return round(value, 1)  # a decimetre, a tenth of a second: below what any receiver knows
    return value
