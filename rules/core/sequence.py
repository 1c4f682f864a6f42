"""The order of a route: which points were reached in turn, and whether the ways between took as long as planned."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rules.core.alerts import Reason
from rules.core.plans import Route
from rules.core.reasons import Why, reason


def in_turn(reached: Sequence[tuple[str, Sequence[datetime]]]) -> dict[str, datetime]:
    """The most points of a route that can have been reached in its order, each with the time that counts.

    Whoever goes astray once is blamed once: the fewest points are out of order, and a point passed by chance before
    its turn and again in its turn is in order.

    Args:
        reached: the codes in the route's order, each with the times at which somebody was there, rising.
    """
    ends: list[tuple[datetime, dict[str, datetime]]] = []  # by the number of points: the chain that ends soonest
    for code, times in reached:
        longer = list(ends)
        for length in range(len(ends) + 1):
            since, chain = ends[length - 1] if length else (None, {})
            at = next((time for time in times if since is None or time >= since), None)
            if at is None:
                continue
            if length == len(longer):
                longer.append((at, {**chain, code: at}))
            elif at < longer[length][0]:
                longer[length] = (at, {**chain, code: at})
        ends = longer
    return ends[-1][1] if ends else {}


def out_of_turn(code: str, at: datetime, route: Route, turn: Mapping[str, datetime]) -> Reason:
    """Which point was passed over: the first later one that was reached before, else the last earlier one after."""
    places = {it: route.checkpoints.index(it) for it in route.checkpoints}  # a point passed twice is due the first time
    mine = places[code]
    later = [it for it, time in turn.items() if places[it] > mine and time <= at]
    sooner = [it for it, time in turn.items() if places[it] < mine and time > at]
    other = later[0] if later else sooner[-1] if sooner else None
    return reason(Why.OUT_OF_ORDER, place=mine + 1, other=other, at=at)


def leg_before(code: str, route: Route, turn: Mapping[str, datetime]) -> tuple[str, Reason] | None:
    """Whether the way to a point from the one before it took too long or was too short.

    Returns:
        The point before, and the reason; None when the leg is as it should be, or nobody can say.
    """
    number = route.checkpoints.index(code)
    if number == 0 or number > len(route.legs):
        return None
    leg, before = route.legs[number - 1], route.checkpoints[number - 1]
    if before not in turn or code not in turn or route.checkpoints.index(before) != number - 1:
        return None  # the last: the route passes that point twice, and its time is that of the first
    took_min = (turn[code] - turn[before]).total_seconds() / 60
    if abs(took_min - leg.minutes) <= leg.tolerance_min:
        return None
    why = Why.LEG_LATE if took_min > leg.minutes else Why.LEG_EARLY
    figures = {"took_min": took_min, "minutes": leg.minutes, "tolerance_min": leg.tolerance_min}
    return before, reason(why, before=before, **figures)
