"""Posts, units, devices, custody and shifts of the made-up town: posts only, nobody has a name."""

from collections.abc import Sequence

Rows = list[list[str]]
"""Rows of a table, the header first."""

SQUADS = ("A", "B", "C", "D")  # A and B by day, C and D by night
_SQUAD_NAMES = ("一中队", "二中队", "三中队", "四中队")
_NUMERALS = "一二三四五六"
_SINCE = "2026-01-01"
_MODE = ("mode", "first_day", "last_day", "round_min", "holidays")
_VEHICLES = (
    ("CAR-1", "一号巡逻车", "car"),
    ("CAR-2", "二号巡逻车", "car"),
    ("ELE-1", "电动消防巡逻车", "electric"),
    ("MOT-1", "一号摩托", "motorcycle"),
    ("MOT-2", "二号摩托", "motorcycle"),
)


def posts(communities: Sequence[tuple[str, str]]) -> Rows:
    """24 patrols, leaders, duty officers, a crew, and a grid officer for each (code, name) of a community."""
    rows = [["code", "name", "squad", "unit", "role", "grid", "deputy"]]
    for number in range(24):
        squad, name = SQUADS[number // 6], _SQUAD_NAMES[number // 6]
        deputy = f"P-{number // 12 * 12 + (number + 6) % 12 + 1:02d}"  # of the other squad in the same shift
        post = [f"P-{number + 1:02d}", f"{name}{number % 6 + 1}号巡逻岗"]
        rows.append([*post, squad, _foot(number // 2), "patrol", "", deputy])
    for squad, name, deputy in zip(SQUADS, _SQUAD_NAMES, "BADC", strict=True):
        rows.append([f"L-{squad}", f"{name}队长岗", squad, "", "leader", "", f"L-{deputy}"])
    rows += [
        ["D-1", "白班值班长岗", "", "", "duty_officer", "", "D-2"],
        ["D-2", "夜班值班长岗", "", "", "duty_officer", "", "D-1"],
    ]
    rows += [
        [f"C-{number}", f"微型消防站{number}号队员岗", "", unit, "crew", "", ""]
        for number, unit in enumerate(("ELE-1", "ELE-1", "MOT-1", "MOT-2"), start=1)
    ]
    for number, (code, name) in enumerate(communities, start=1):
        rows.append([f"G-{number}", f"{name}网格员岗", "", "", "grid_officer", code, ""])
    return rows


def units() -> Rows:
    """12 foot units of two posts each, and five vehicles."""
    rows = [["code", "name", "kind", "squad"]]
    for number in range(12):
        name = f"{_SQUAD_NAMES[number // 3]}{_NUMERALS[number % 3]}组"
        rows.append([_foot(number), name, "foot", SQUADS[number // 3]])
    return rows + [[code, name, kind, ""] for code, name, kind in _VEHICLES]


def devices() -> Rows:
    """24 handsets, 6 radios, 5 vehicle terminals, 40 tags."""
    rows = [["device", "kind", "name", "datum"]]
    for prefix, kind, name, count in (
        ("HS", "handset", "手持终端", 24),
        ("RD", "radio", "对讲机", 6),
        ("VT", "vehicle", "车载终端", 5),
        ("TAG", "tag", "设施标签", 40),
    ):
        width = 3 if kind == "tag" else 2
        numbers = range(1, count + 1)
        rows += [[f"{prefix}-{number:0{width}d}", kind, f"{name}{number}号", "wgs84"] for number in numbers]
    return rows


def custody() -> Rows:
    """A handset for each patrol, radios for leaders, a car and the one who rides alone, a terminal in each vehicle.

    Tags are named by the hydrants and the extinguishers that they are fixed to.
    """
    pairs = [(f"HS-{number:02d}", f"P-{number:02d}") for number in range(1, 25)]
    pairs += [(f"RD-{number:02d}", f"L-{squad}") for number, squad in enumerate(SQUADS, start=1)]
    pairs += [("RD-05", "CAR-1"), ("RD-06", "C-4")]
    pairs += [(f"VT-{number:02d}", vehicle[0]) for number, vehicle in enumerate(_VEHICLES, start=1)]
    return [["device", "holder", "from", "to"], *([device, holder, _SINCE, ""] for device, holder in pairs)]


def shifts(routes: Sequence[str]) -> Rows:
    """Six units by day and six by night, each with three of the 18 routes, every route twice; and what vehicles add.

    Besides the constant shifts there is one of each other mode: for a season, for some dates, and by lot.

    Args:
        routes: codes in an order in which three that follow each other lie side by side.
    """
    rows = [["shift", "name", "days", "starts", "ends", "unit", "route", "rounds"]]
    for first, shift in (
        (0, ["day", "白班", "daily", "08:00", "20:00"]),
        (6, ["night", "夜班", "daily", "20:00", "08:00"]),
    ):
        rows += [[*shift, _foot(first + number // 3), route, "2"] for number, route in enumerate(routes)]
    rows += [["fire", "消防车巡查", "daily", "09:00", "17:00", "ELE-1", route, "1"] for route in routes[8:10]]
    rows = [[*rows[0], *_MODE], *([*row, *[""] * len(_MODE)] for row in rows[1:])]
    evening = ["festival", "国庆夜间加强", "daily", "19:00", "22:00", _foot(0), routes[1], "2"]
    winter = ["winter", "冬季夜间防火", "daily", "18:30", "21:30", "ELE-1", routes[10], "1"]
    campaign = ["campaign", "岁末火患清查", "mon tue wed thu fri", "14:00", "16:00", "MOT-1", routes[4], "1"]
    lot = ["lot", "随机夜查", "daily", "22:00", "04:00", "MOT-2", routes[13], "2"]
    return [
        *rows,
        [*evening, "targeted", "2026-10-01", "2026-10-07", "", ""],
        [*winter, "seasonal", "11-01", "03-31", "", ""],
        [*campaign, "targeted", "2026-11-09", "2027-01-31", "", "skip"],
        [*lot, "random", "", "", "60", ""],
    ]


def holidays() -> Rows:
    """Two weeks of rest and the weekend days that are worked in their stead."""
    rows = [["day", "name", "kind"]]
    rows += [[f"2026-10-{day:02d}", "国庆节", "rest"] for day in range(1, 8)]
    rows += [["2026-10-10", "国庆节调休", "work"]]
    rows += [[f"2027-02-{day:02d}", "春节", "rest"] for day in range(6, 13)]
    return [*rows, ["2027-02-20", "春节调休", "work"]]


def grid_posts(grids: Sequence[tuple[str, str]], routes: Sequence[str]) -> Rows:
    """The two posts of the day unit that walks a base grid's route: by turns one answers for it and the other is B.

    Args:
        grids: code of each base grid, and of the route through its part of the community.
        routes: as for `shifts`.
    """
    rows = [["grid", "slot", "post"]]
    for number, (grid, route) in enumerate(grids):
        unit = routes.index(route) // 3
        pair = [f"P-{2 * unit + 1:02d}", f"P-{2 * unit + 2:02d}"]
        first, second = pair if number % 2 == 0 else reversed(pair)
        rows += [[grid, "A", first], [grid, "B", second]]
    return rows


def grade_policies() -> Rows:
    """More rounds, more people and louder alerts with each grade; no more than the shifts above already do."""
    rows = [["grade", "rounds", "staff", "severity"]]
    return [
        *rows,
        ["1", "1", "1", "warning"],
        ["2", "1", "2", "warning"],
        ["3", "2", "2", "high"],
        ["4", "2", "2", "critical"],
    ]


def _foot(number: int) -> str:
    return f"F-{number + 1:02d}"
