"""A sound town of a handful of records, for tests to spoil: four base grids, two communities."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from ops.town import Finding, Town, read_town

Collection = dict[str, Any]
TOWN, COMMUNITY_W, COMMUNITY_E = "990101100000", "990101100001", "990101100002"


def _box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _point(lon: float, lat: float, **properties: Any) -> dict[str, Any]:
    return _feature({"type": "Point", "coordinates": [lon, lat]}, **properties)


def _collection(*features: dict[str, Any]) -> Collection:
    return {"type": "FeatureCollection", "features": list(features)}


def geojson_files() -> dict[str, Collection]:
    """The GeoJSON files, parsed."""
    return {
        "grids.geojson": _collection(
            _feature(_box(111.28, 30.69, 111.30, 30.71), code=TOWN, name="小镇", level=1),
            _feature(_box(111.28, 30.69, 111.29, 30.71), code=COMMUNITY_W, name="西社区", level=2, parent=TOWN),
            _feature(_box(111.29, 30.69, 111.30, 30.71), code=COMMUNITY_E, name="东社区", level=2, parent=TOWN),
            *(
                _feature(
                    _box(west, south, west + 0.01, south + 0.01),
                    code=code,
                    name="网格",
                    level=3,
                    parent=code[:12],
                    grade=2,
                )
                for code, west, south in (
                    (f"{COMMUNITY_W}001", 111.28, 30.70),
                    (f"{COMMUNITY_W}002", 111.28, 30.69),
                    (f"{COMMUNITY_E}001", 111.29, 30.70),
                    (f"{COMMUNITY_E}002", 111.29, 30.69),
                )
            ),
        ),
        "checkpoints.geojson": _collection(
            _point(111.285, 30.695, code="K-1", name="小学", radius_m=30, kind="school", tag="04A2B3C4D5"),
            _point(111.286, 30.705, code="K-2", name="路口"),
            _point(111.295, 30.705, code="K-3", name="加油站", kind="filling_station"),
        ),
        "routes.geojson": _collection(
            _feature(
                {"type": "LineString", "coordinates": [[111.285, 30.695], [111.286, 30.705], [111.295, 30.705]]},
                code="R-1",
                name="一号线",
                checkpoints=["K-1", "K-2", "K-3"],
            )
        ),
        "roads.geojson": _collection(
            _feature(
                {"type": "LineString", "coordinates": [[111.28, 30.70], [111.30, 30.70]]},
                code="S-1",
                name="路",
                kind="main",
            )
        ),
        "hydrants.geojson": _collection(
            _point(111.291, 30.7001, code="HY-1", name="一号栓", type="pillar", device="T-1", manufactured="2019-05"),
        ),
        "lines.geojson": _collection(
            _feature(
                {"type": "LineString", "coordinates": [[111.286, 30.705], [111.289, 30.705]]},
                code="L-1",
                name="河堤",
                corridor_m=20,
                share=0.8,
            )
        ),
        "static_posts.geojson": _collection(
            _point(111.285, 30.695, code="SP-1", name="校门", unit="F-1", days="mon tue", starts="07:00", ends="08:00"),
            _feature(
                _box(111.2945, 30.7045, 111.2955, 30.7055),
                code="SP-2",
                name="加油站",
                unit="F-1",
                days="daily",
                starts="22:00",
                ends="02:00",
                share=0.75,
            ),
        ),
    }


CSV_FILES = {
    "grid_posts.csv": "grid,slot,post\n"
    + "".join(
        f"{community}00{number},A,P-1\n{community}00{number},B,P-2\n"
        for community in (COMMUNITY_W, COMMUNITY_E)
        for number in (1, 2)
    ),
    "grade_policies.csv": "grade,rounds,staff,severity\n1,1,1,\n4,2,2,critical\n",
    "holidays.csv": "day,name,kind\n2026-10-01,国庆节,rest\n2026-10-10,调休,work\n",
    "posts.csv": "code,name,squad,unit,role,grid\nP-1,一号岗,A,F-1,patrol,\nP-2,二号岗,A,F-1,patrol,\n"
    "L-1,队长岗,A,,leader,\nG-1,网格员岗,,,grid_officer,990101100001\n",
    "units.csv": "code,name,kind,squad\nF-1,一组,foot,A\nV-1,一号车,car,\n",
    "devices.csv": "device,kind,name,datum\nH-1,handset,,\nH-2,handset,手持2,gcj02\nVT-1,vehicle,,wgs84\nT-1,tag,,\n",
    "custody.csv": "device,holder,from,to\nH-1,P-1,2026-01-01,2026-06-01\nH-1,P-2,2026-06-01,\n"
    "H-2,L-1,2026-01-01T08:00:00+08:00,\nVT-1,V-1,,\n",
    "shifts.csv": "shift,name,days,starts,ends,unit,route,rounds\nnight,夜班,mon tue,20:00,08:00,F-1,R-1,2\n",
    "equipment.csv": "code,kind,name,grid,lat,lon,manufactured,last_service,place,device\n"
    "FR-1,fire_room,消防室,990101100001001,,,,,,\n"
    "EX-1,extinguisher_powder,干粉,,30.6951,111.2951,2019-03,2024-03,FR-1,\n",
    "line_plans.csv": "code,line,unit,shift,times\nLP-1,L-1,F-1,night,2\n",
    "visit_plans.csv": "code,name,role,every,level,times,minutes\nV-1,网格走访,grid_officer,week,3,1,15\n",
}


def write_small_town(folder: Path) -> Path:
    """Write all files of the sound town."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, collection in geojson_files().items():
        (folder / name).write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    for name, text in CSV_FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def read(folder: Path) -> tuple[Town, list[Finding]]:
    """What a folder holds, as of the day on which the sound town is sound."""
    return read_town(folder, today=date(2026, 11, 21))


def edit_geojson(folder: Path, name: str, edit: Callable[[Collection], object]) -> None:
    """Change a GeoJSON file as parsed."""
    collection = json.loads((folder / name).read_text(encoding="utf-8"))
    edit(collection)
    (folder / name).write_text(json.dumps(collection), encoding="utf-8")


def edit_csv(folder: Path, name: str, old: str, new: str) -> None:
    """Replace a piece of a CSV file, which must be there."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
