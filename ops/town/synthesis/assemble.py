"""The made-up town put together: what was drawn and counted becomes the text of the files."""

import csv
import io
import json
import math
import random
from collections.abc import Iterable, Sequence
from typing import Any

from ops.town.synthesis import duties, roster, stock
from ops.town.synthesis.layout import Layout, density
from ops.town.synthesis.mesh import Edge, Point, area, centre, inside
from ops.town.synthesis.names import name_roads
from ops.town.synthesis.quarters import Quarter, divide
from ops.town.synthesis.walks import Stop, Walk, plan_walks

ORIGIN_LAT, ORIGIN_LON = 30.69, 111.28
_METRES_PER_DEGREE = 111_195.0

TOWN_CODE, TOWN_NAME = "990101100000", "更楼镇"  # no division code begins with 99: it can be nobody's
COMMUNITY_NAMES = ("茶园", "北门", "北场", "西门", "东门", "石桥", "河堤", "东河", "车站")  # north-west to south-east
_TOUR = (0, 1, 2, 7, 4, 3, 6, 8, 5)  # communities so that each borders on the next
_FIRE_AREAS = (
    ("北片消防责任区", (0, 1, 2)),
    ("中片消防责任区", (3, 4, 5)),
    ("南片消防责任区", (6, 7, 8)),
)  # communities
_NUMERALS = "一二三四五六"
_GRADES = (4,) * 3 + (3,) * 6 + (2,) * 17  # of the most built-up base grids; all others are of grade 1
_SCHOOLS = ("小学", "幼儿园")
_KEY_UNITS = ("农贸市场", "卫生院", "敬老院", "变电所", "粮食储备库", "液化气站", "客运站", "物流园", "宾馆")
_FILLING_STATIONS = (1, 7, 8)  # communities on the through roads
_HOUSES = ("居民楼", "居民楼", "居民楼", "商铺", "商铺", "餐馆", "超市", "旅馆", "仓库", "作坊")
_KIND_NAMES = {
    "extinguisher_powder": "干粉灭火器",
    "extinguisher_water": "水基型灭火器",
    "extinguisher_clean": "洁净气体灭火器",
    "extinguisher_co2": "二氧化碳灭火器",
}
_EQUIPMENT_COLUMNS = (
    "code",
    "kind",
    "name",
    "grid",
    "lat",
    "lon",
    "manufactured",
    "last_service",
    "place",
    "device",
)
_IN_FIRE_ROOM = 3  # extinguishers


class Assembly:
    """One town, from one seed."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311  a picture, not a secret: it must come out the same each time
        self.layout = Layout(self._dice)
        self.quarters: list[Quarter] = divide(self.layout, self._dice)
        self.walks: list[Walk] = plan_walks(self.layout, self.quarters, self._dice)
        self.roads = name_roads(self.layout)
        self._grid_of = {
            face: f"{_community(number)}{index + 1:03d}"
            for number, quarter in enumerate(self.quarters)
            for index, grid in enumerate(quarter.grids)
            for face in grid
        }

    def files(self) -> dict[str, str]:
        """The text of every file, by name."""
        communities = [(_community(number), f"{name}社区") for number, name in enumerate(COMMUNITY_NAMES)]
        tour = [f"R-{2 * community + half:02d}" for community in _TOUR for half in (1, 2)]
        return {
            "grids.geojson": _geojson(self._grids()),
            "checkpoints.geojson": _geojson(self._checkpoints()),
            "routes.geojson": _geojson(self._routes()),
            "roads.geojson": _geojson(self._roads()),
            "hydrants.geojson": _geojson(self._hydrants()),
            "equipment.csv": _csv(self._equipment()),
            "posts.csv": _csv(roster.posts(communities)),
            "units.csv": _csv(roster.units()),
            "devices.csv": _csv(roster.devices()),
            "custody.csv": _csv(roster.custody()),
            "shifts.csv": _csv(roster.shifts(tour)),
            "grid_posts.csv": _csv(roster.grid_posts(self._routes_of_grids(), tour)),
            "grade_policies.csv": _csv(roster.grade_policies()),
            "holidays.csv": _csv(roster.holidays()),
            "lines.geojson": _geojson(self._lines()),
            "line_plans.csv": _csv(duties.line_plans(roster.shifts(tour))),
            "visit_plans.csv": _csv(duties.visit_plans()),
            "static_posts.geojson": _geojson(self._static_posts()),
        }

    def _lines(self) -> Iterable[dict[str, Any]]:
        for index, number in enumerate(duties.LINES_ON):
            walk = self.walks[number]
            properties = {
                "code": f"L-{index + 1:02d}",
                "name": f"{self._road_of(walk.stops[0].edge)}必巡段",
                "corridor_m": 25,
                "share": 0.8,
            }
            yield _feature(properties, "LineString", [_degrees(point) for point in duties.line_on(walk)])

    def _static_posts(self) -> Iterable[dict[str, Any]]:
        school, station = self.walks[6].stops[0], self.walks[15].stops[2]
        morning = {"unit": "CAR-1", "radius_m": 60, "days": "mon tue wed thu fri", "starts": "07:20", "ends": "08:00"}
        name = f"{self._road_of(school.edge)}护学岗"
        yield _feature({"code": "SP-01", "name": name, **morning, "share": 0.8}, "Point", _degrees(school.point))
        late = self.walks[8].stops[1]
        afternoon = {"unit": "F-03", "radius_m": 60, "days": "mon tue wed thu fri", "starts": "16:20", "ends": "17:00"}
        night = {"unit": "CAR-2", "days": "daily", "starts": "22:00", "ends": "23:30", "share": 0.9}
        name = f"{self._road_of(station.edge)}设卡点"
        ring = [[_degrees(point) for point in duties.square(station.point, 50)]]
        yield _feature({"code": "SP-02", "name": name, **night}, "Polygon", ring)
        name = f"{self._road_of(late.edge)}放学护学岗"
        yield _feature({"code": "SP-03", "name": name, **afternoon, "share": 0.8}, "Point", _degrees(late.point))

    def _grids(self) -> Iterable[dict[str, Any]]:
        grades = self._grades()
        everything = [face for quarter in self.quarters for face in quarter.faces]
        yield self._grid(everything, code=TOWN_CODE, name=TOWN_NAME, level=1)
        for number, quarter in enumerate(self.quarters):
            name, code = f"{COMMUNITY_NAMES[number]}社区", _community(number)
            yield self._grid(quarter.faces, code=code, name=name, level=2, parent=TOWN_CODE)
        for number, quarter in enumerate(self.quarters):
            for index, faces in enumerate(quarter.grids):
                name, code = f"{COMMUNITY_NAMES[number]}社区第{_NUMERALS[index]}网格", self._grid_of[faces[0]]
                yield self._grid(faces, code=code, name=name, level=3, parent=_community(number), grade=grades[code])
        yield _made_of([TOWN_CODE], code=f"{TOWN_CODE[:9]}F00", name=f"{TOWN_NAME}消防辖区", level=1)
        for number, (name, communities) in enumerate(_FIRE_AREAS, start=1):
            codes = [_community(community) for community in communities]
            area_code = f"{TOWN_CODE[:9]}F{number:02d}"
            yield _made_of(codes, code=area_code, name=name, level=2, parent=f"{TOWN_CODE[:9]}F00")

    def _routes_of_grids(self) -> list[tuple[str, str]]:
        """The code of each base grid with that of the route through its half of the community."""
        return [
            (self._grid_of[faces[0]], f"R-{2 * number + 1 + index // 3:02d}")
            for number, quarter in enumerate(self.quarters)
            for index, faces in enumerate(quarter.grids)
        ]

    def _grid(self, faces: list[int], **properties: Any) -> dict[str, Any]:
        mesh = self.layout.mesh
        rings = [[_degrees(mesh.points[vertex]) for vertex in ring] for ring in mesh.outline(faces)]
        rings.sort(key=area, reverse=True)  # the one outer ring is the one that is counter-clockwise
        coordinates = [[*ring, ring[0]] for ring in rings]
        return _feature(properties, "Polygon", coordinates)

    def _grades(self) -> dict[str, int]:
        mesh, scores = self.layout.mesh, {}
        for quarter in self.quarters:
            for faces in quarter.grids:
                built = max(density(centre(mesh.corners(face))) for face in faces)
                scores[self._grid_of[faces[0]]] = built + self._dice.uniform(0, 0.6)
        ranked = sorted(scores, key=lambda code: (-scores[code], code))
        return {code: _GRADES[rank] if rank < len(_GRADES) else 1 for rank, code in enumerate(ranked)}

    def _checkpoints(self) -> Iterable[dict[str, Any]]:
        number = 0
        for index, community in enumerate(COMMUNITY_NAMES):
            stops = [stop for walk in self.walks[2 * index : 2 * index + 2] for stop in walk.stops]
            special = [("kiosk", f"{community}警务亭")]
            special += [("school", community + name) for name in _SCHOOLS]
            special += [("key_unit", community + _KEY_UNITS[(index * 4 + turn) % 9]) for turn in range(3)]
            if index in _FILLING_STATIONS:
                special.append(("filling_station", f"{community}加油站"))
            chosen = dict(zip(self._dice.sample(range(len(stops)), len(special)), special, strict=True))
            for place, stop in enumerate(stops):
                number += 1
                kind, name = chosen.get(place, ("street", self._corner_name(stop)))
                properties: dict[str, Any] = {"code": f"K-{number:03d}", "name": name}
                if kind != "filling_station":  # the yards of these are drawn
                    properties["radius_m"] = 30 if kind == "kiosk" else 40
                properties["kind"] = kind
                if name.endswith(duties.LOOKED_AT):
                    properties["dwell_s"] = duties.LOOK_S
                if kind in {"kiosk", "key_unit", "filling_station"}:
                    properties["tag"] = f"04{self._dice.getrandbits(48):012X}"
                if kind == "filling_station":
                    properties["tags"] = [properties.pop("tag"), f"{properties['code']}-B"]
                    yield _feature(properties, "Polygon", [_yard(stop.point)])
                else:
                    yield _feature(properties, "Point", _degrees(stop.point))

    def _corner_name(self, stop: Stop) -> str:
        """The corner that a stop is at, or the number of the house that it is in front of."""
        mesh, here = self.layout.mesh, self._road_of(stop.edge)
        near = min(stop.edge, key=lambda vertex: math.dist(mesh.points[vertex], stop.point))
        crossing = sorted(
            {
                self._road_of(key)
                for key in mesh.edges()
                if near in key and mesh.line_of(key).number in self.roads and self._road_of(key) != here
            }
        )
        if crossing and math.dist(mesh.points[near], stop.point) < 35:
            return f"{here}与{crossing[0]}路口"
        return f"{here}{self._dice.randint(1, 90)}号前"

    def _road_of(self, key: Edge) -> str:
        return self.roads.get(self.layout.mesh.line_of(key).number, "")

    def _routes(self) -> Iterable[dict[str, Any]]:
        number = 0
        for index, walk in enumerate(self.walks):
            codes = [f"K-{number + place + 1:03d}" for place in range(len(walk.stops))]
            number += len(codes)
            name = f"{COMMUNITY_NAMES[index // 2]}社区{_NUMERALS[index % 2]}号巡线"
            properties: dict[str, Any] = {"code": f"R-{index + 1:02d}", "name": name, "checkpoints": codes}
            if index == 0:
                properties |= {"ordered": True, "legs": duties.legs(walk)}
            yield _feature(properties, "LineString", [_degrees(point) for point in walk.path])

    def _roads(self) -> Iterable[dict[str, Any]]:
        mesh, count = self.layout.mesh, 0
        for number, name in sorted(self.roads.items()):
            paths = [[_degrees(mesh.points[vertex]) for vertex in path] for path in mesh.path_of(number)]
            if not paths:
                continue
            count += 1
            properties = {"code": f"S-{count:03d}", "name": name, "kind": mesh.lines[number].kind}
            single = len(paths) == 1
            yield _feature(properties, "LineString" if single else "MultiLineString", paths[0] if single else paths)

    def _hydrants(self) -> Iterable[dict[str, Any]]:
        spots = stock.place_hydrants(self.layout)
        tagged = {round((turn + 0.5) * len(spots) / 26): turn + 1 for turn in range(26)}
        numbers: dict[str, int] = {}
        for index, spot in enumerate(spots):
            road = self._road_of(spot.edge)
            numbers[road] = numbers.get(road, 0) + 1
            properties = {
                "code": f"HY-{index + 1:03d}",
                "name": f"{road}{numbers[road]}号消火栓",
                "type": self._dice.choices(["pillar", "underground", "wall"], [80, 14, 6])[0],
                "manufactured": _month(stock.NOW - self._dice.randint(24, 240)),
            }
            if index in tagged:
                properties["device"] = f"TAG-{tagged[index]:03d}"
            yield _feature(properties, "Point", _degrees(spot.point))

    def _equipment(self) -> roster.Rows:
        rows = [list(_EQUIPMENT_COLUMNS)]
        places: list[tuple[str, Point, str, str]] = []  # grid, point, short name, place
        for number, quarter in enumerate(self.quarters):
            room, code = stock.place_fire_room(self.layout, quarter), f"FR-{number + 1:02d}"
            name = f"{COMMUNITY_NAMES[number]}社区消防室"
            grid = self._grid_of[self._face_at(room, quarter.faces)]
            lon, lat = _degrees(room)
            rows.append([code, "fire_room", name, grid, f"{lat:.6f}", f"{lon:.6f}", "", "", "", ""])
            places += [(grid, room, name, code)] * _IN_FIRE_ROOM
        for house in stock.build_houses(self.layout, 240, self._dice):
            use, floors = self._dice.choice(_HOUSES), self._dice.randint(2, 4)
            address = f"{self._road_of(house.edge)}{house.number}号"
            for floor in range(floors):
                places.append(
                    (self._grid_of[house.face], house.point, address, f"{address} {use} {_NUMERALS[floor]}层")
                )
        ages = stock.age_extinguishers(self._dice)
        tagged = {20 + 41 * turn: f"TAG-{27 + turn:03d}" for turn in range(14)}
        for index, (age, (grid, point, name, place)) in enumerate(zip(ages, places, strict=False)):
            shift = (self._dice.uniform(-2.5, 2.5), self._dice.uniform(-2.5, 2.5))
            lon, lat = _degrees((point[0] + shift[0], point[1] + shift[1]))
            serviced = "" if age.last_service is None else _month(age.last_service)
            rows.append(
                [
                    f"EX-{index + 1:04d}",
                    age.kind,
                    f"{name} {_KIND_NAMES[age.kind]}",
                    grid,
                    f"{lat:.6f}",
                    f"{lon:.6f}",
                    _month(age.manufactured),
                    serviced,
                    place,
                    tagged.get(index, ""),
                ]
            )
        return rows

    def _face_at(self, point: Point, faces: Iterable[int]) -> int:
        return next(face for face in faces if inside(point, self.layout.mesh.corners(face)))


def _community(number: int) -> str:
    return f"{TOWN_CODE[:9]}{number + 1:03d}"


def _degrees(point: Point) -> Point:
    """Longitude and latitude of metres, to a tenth of a metre."""
    east = _METRES_PER_DEGREE * math.cos(math.radians(ORIGIN_LAT))
    return (round(ORIGIN_LON + point[0] / east, 6), round(ORIGIN_LAT + point[1] / _METRES_PER_DEGREE, 6))


def _yard(middle: Point) -> list[Point]:
    """The border of a yard of 70 m by 60 m."""
    corners = ((-35, -30), (35, -30), (35, 30), (-35, 30), (-35, -30))
    return [_degrees((middle[0] + east, middle[1] + north)) for east, north in corners]


def _month(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def _feature(properties: dict[str, Any], kind: str, coordinates: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def _made_of(codes: list[str], **properties: Any) -> dict[str, Any]:
    properties = {**properties, "hierarchy": "fire", "made_of": codes}
    return {"type": "Feature", "properties": properties, "geometry": None}


def _geojson(features: Iterable[dict[str, Any]]) -> str:
    """One feature a line, so that a change shows as the line of the thing that changed."""
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    return f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n'


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
