"""The four files of duties beside the rounds: lines, who walks them, grid visits, static posts."""

from collections.abc import Sequence
from dataclasses import replace

from shapely.geometry import shape

from ops.town import territory
from ops.town.features import features_of
from ops.town.fields import Fields
from ops.town.findings import quote
from ops.town.geometry import METRES_PER_DEGREE, in_metres
from ops.town.links import exists
from ops.town.model import POST_ROLES, Geometry, Line, LinePlan, Post, Shift, StaticPost, VisitPlan
from ops.town.reading import Noted, Reading
from ops.town.tables import rows_of

CORRIDOR_M = 25.0  # a street and both its pavements, with a handset's error
SHARE = 0.9  # of a line or of a time: a gate that was shut, a short errand
RADIUS_M = 50.0
VISIT_MIN = 10.0
PERIODS = ("week", "month", "quarter")
_LINES, _PLANS, _VISITS, _POSTS = "lines.geojson", "line_plans.csv", "visit_plans.csv", "static_posts.geojson"


def read_lines(reading: Reading) -> list[Noted[Line]]:
    """`lines.geojson`."""
    lines = []
    known = frozenset({"corridor_m", "share"})
    for fields, geometry in features_of(reading, "lines", known=known, allowed=("LineString",)):
        code, name = _code_and_name(fields, "line", reading)
        corridor_m = fields.number("corridor_m", low=5, high=200, required=False)
        share = _share(fields)
        if code is None or name is None or geometry is None or fields.failed:
            continue
        line = Line(code=code, name=name, corridor_m=corridor_m or CORRIDOR_M, share=share, geometry=geometry)
        lines.append(Noted(fields.where, line))
    return lines


def read_line_plans(reading: Reading) -> list[Noted[LinePlan]]:
    """`line_plans.csv`."""
    plans = []
    for fields in rows_of(reading, "line_plans", "code,line,unit,shift", "times"):
        code = _code(fields, "line plan", reading)
        line, unit, shift = fields.code("line"), fields.code("unit"), fields.code("shift")
        times = fields.integer("times", low=1, high=48, required=False)
        if code is None or line is None or unit is None or shift is None or fields.failed:
            continue
        plans.append(Noted(fields.where, LinePlan(code=code, line=line, unit=unit, shift=shift, times=times or 1)))
    return plans


def read_visit_plans(reading: Reading) -> list[Noted[VisitPlan]]:
    """`visit_plans.csv`."""
    plans = []
    for fields in rows_of(reading, "visit_plans", "code,name,role,every", "level,times,minutes"):
        code, name = _code_and_name(fields, "visit plan", reading)
        role, every = fields.choice("role", POST_ROLES), fields.choice("every", PERIODS)
        level = fields.integer("level", low=1, high=9, required=False)
        times = fields.integer("times", low=1, high=31, required=False)
        minutes = fields.number("minutes", low=1, high=600, required=False)
        if code is None or name is None or role is None or every is None or fields.failed:
            continue
        if every == "week" and (times or 1) > 7:
            fields.wrong("has more visits in a week than it has days", "a visit is a day; times is 1 to 7 for a week")
            continue
        plan = VisitPlan(
            code=code,
            name=name,
            role=role,
            every=every,
            level=level or 3,
            times=times or 1,
            dwell_s=60 * (minutes or VISIT_MIN),
        )
        plans.append(Noted(fields.where, plan))
    return plans


def read_static_posts(reading: Reading) -> list[Noted[StaticPost]]:
    """`static_posts.geojson`."""
    posts = []
    known = frozenset({"unit", "radius_m", "days", "starts", "ends", "share"})
    for fields, geometry in features_of(reading, "static_posts", known=known, allowed=("Point", "Polygon")):
        code, name = _code_and_name(fields, "static post", reading)
        unit, days = fields.code("unit"), fields.days("days")
        starts, ends = fields.clock("starts"), fields.clock("ends")
        radius_m = fields.number("radius_m", low=10, high=500, required=False)
        share = _share(fields)
        if starts is not None and starts == ends:
            fields.wrong("ends as it starts", "give it a length of less than a day")
        if code is None or name is None or unit is None or starts is None or ends is None:
            continue
        if geometry is None or fields.failed:
            continue
        lat, lon, reach_m = _middle(geometry, radius_m or RADIUS_M)
        post = StaticPost(
            code=code,
            name=name,
            unit=unit,
            lat=lat,
            lon=lon,
            radius_m=reach_m,
            geometry=geometry if geometry["type"] == "Polygon" else None,
            days=days,
            starts=starts,
            ends=ends,
            share=share,
        )
        posts.append(Noted(fields.where, post))
    return posts


def placed_lines(
    lines: Sequence[Noted[Line]], *, parents: dict[str, str | None], locator: territory.Locator, reading: Reading
) -> list[Noted[Line]]:
    """Each line with the lowest grid that holds all of its corners."""
    found = []
    for where, line in lines:
        at = [
            territory.locate(lat=lat, lon=lon, file=_LINES, where=where, locator=locator, reading=reading)
            for lon, lat in line.geometry["coordinates"]
        ]
        above = [_upwards(code, parents) for code in set(at)]
        common = next((code for code in above[0] if all(code in line_up for line_up in above)), None) if above else None
        found.append(Noted(where, replace(line, grid=common)))
    return found


def placed_posts(
    posts: Sequence[Noted[StaticPost]], *, locator: territory.Locator, reading: Reading
) -> list[Noted[StaticPost]]:
    """Each static post with the base grid of its middle."""
    found = []
    for where, post in posts:
        grid = territory.locate(lat=post.lat, lon=post.lon, file=_POSTS, where=where, locator=locator, reading=reading)
        found.append(Noted(where, replace(post, grid=grid)))
    return found


def check_walks(
    lines: Sequence[Noted[Line]],
    plans: Sequence[Noted[LinePlan]],
    visits: Sequence[Noted[VisitPlan]],
    static_posts: Sequence[Noted[StaticPost]],
    shifts: Sequence[Noted[Shift]],
    posts: Sequence[Noted[Post]],
    *,
    reading: Reading,
) -> None:
    """What they name exists; no line is left over, and every visit has somebody to make it."""
    known = {shift.shift for _, shift in shifts}
    for where, plan in plans:
        exists("line", plan.line, file=_PLANS, where=where, listed_in=_LINES, reading=reading)
        exists("unit", plan.unit, file=_PLANS, where=where, listed_in="units.csv", reading=reading)
        if known and plan.shift not in known:  # a file of shifts that cannot be read has its own error
            what = f"names the shift {quote(plan.shift)}, which does not exist"
            reading.findings.error(_PLANS, where, what, "correct the code, or add it to shifts.csv")
    walked = {plan.line for _, plan in plans}
    for where, line in lines:
        if line.code not in walked:
            remedy = "add a row to line_plans.csv: nobody is told to walk it"
            reading.findings.warning(_LINES, where, "is in no plan", remedy)
    for where, post in static_posts:
        exists("unit", post.unit, file=_POSTS, where=where, listed_in="units.csv", reading=reading)
    roles = {post.role for _, post in posts}
    for where, visit in visits:
        if visit.role not in roles:
            what = f"asks for the role {quote(visit.role)}, which no post has"
            reading.findings.warning(_VISITS, where, what, "correct the role, or add posts: nobody is told to go")


def _upwards(code: str | None, parents: dict[str, str | None]) -> list[str]:
    line: list[str] = []
    while code is not None and code in parents and code not in line:
        line.append(code)
        code = parents[code]
    return line


def _middle(geometry: Geometry, radius_m: float) -> tuple[float, float, float]:
    """Latitude and longitude of the middle, and how far the place reaches from there."""
    if geometry["type"] == "Point":
        lon, lat = geometry["coordinates"]
        return float(lat), float(lon), radius_m
    middle = shape(geometry).centroid
    around = in_metres(shape(geometry), around_lat=middle.y)
    reach_m = in_metres(middle, around_lat=middle.y).hausdorff_distance(around)
    return middle.y, middle.x, max(1.0, round(min(reach_m, METRES_PER_DEGREE), 1))


def _share(fields: Fields) -> float:
    share = fields.number("share", low=0.01, high=1, required=False)
    return SHARE if share is None else share


def _code_and_name(fields: Fields, kind: str, reading: Reading) -> tuple[str | None, str | None]:
    return _code(fields, kind, reading), fields.text("name")


def _code(fields: Fields, kind: str, reading: Reading) -> str | None:
    code = fields.code("code")
    if code is not None and not reading.register(kind, code, file=fields.file, where=fields.where):
        fields.failed = True
    return code
