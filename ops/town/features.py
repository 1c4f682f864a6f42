"""The five GeoJSON files: each feature into its record, with a finding for all that is wrong in it."""

from collections.abc import Iterator
from typing import Any

from devices.readings import same_tag
from ops.town.fields import Fields
from ops.town.files import FILL, read_json
from ops.town.findings import quote
from ops.town.geometry import check_geometry
from ops.town.model import (
    CHECKPOINT_KINDS,
    HYDRANT_TYPES,
    PATROL,
    Checkpoint,
    Grid,
    Hydrant,
    Road,
    Route,
)
from ops.town.places import place_of
from ops.town.reading import Noted, Reading

_LON_LAT_CRS = ("CRS84", "4326", "4490")  # CGCS2000 agrees with WGS-84 to centimetres
MAX_LEVEL = 99  # deeper than any administration; what is larger is another number by mistake
_ALWAYS = frozenset({"code", "name", "datum"})
_NO_SHAPE: dict[str, Any] = {"type": "MultiPolygon", "coordinates": []}


def read_grids(reading: Reading) -> list[Noted[Grid]]:
    """`grids.geojson`."""
    grids = []
    known = frozenset({"level", "parent", "grade", "hierarchy", "made_of"})
    allowed = ("Polygon", "MultiPolygon")
    for fields, geometry in _features(reading, "grids", known=known, allowed=allowed, instead="made_of"):
        code, name = _code_and_name(fields, "grid", reading)
        level = fields.integer("level", low=1, high=MAX_LEVEL)
        parent = fields.code("parent", required=False)
        grade = fields.integer("grade", low=1, high=4, required=False)
        hierarchy = fields.word("hierarchy") or PATROL
        made_of = fields.codes("made_of", required=False)
        if made_of and hierarchy == PATROL:
            fields.wrong("is a patrol grid and made of others", "draw it; grids of other hierarchies are made of these")
        if level == 1 and parent is not None:
            fields.wrong("is of level 1 and has a parent", "take the parent away, or correct the level")
        elif level is not None and level > 1 and parent is None:
            fields.wrong("has no parent", f"parent is the code of the grid of level {level - 1} that it lies in")
        if code is None or name is None or level is None or geometry is None or fields.failed:
            reading.grids_complete = False
            continue
        grid = Grid(
            code=code,
            name=name,
            level=level,
            parent=parent,
            grade=grade,
            geometry=geometry,
            hierarchy=hierarchy,
            made_of=made_of,
        )
        grids.append(Noted(fields.where, grid))
    return grids


def read_checkpoints(reading: Reading) -> list[Noted[Checkpoint]]:
    """`checkpoints.geojson`."""
    checkpoints = []
    known = frozenset({"radius_m", "kind", "tag", "tags", "dwell_s"})
    for fields, geometry in _features(reading, "checkpoints", known=known, allowed=("Point", "Polygon")):
        code, name = _code_and_name(fields, "checkpoint", reading)
        kind = fields.choice("kind", CHECKPOINT_KINDS, required=False)
        tag, dwell_s = fields.tag("tag"), fields.integer("dwell_s", low=10, high=7200, required=False)
        tags = (*([tag] if tag else []), *fields.tags("tags"))
        for one in tags:
            fields.failed |= not reading.register("tag", same_tag(one), file=fields.file, where=fields.where)
        place = place_of(fields, geometry) if geometry else None
        if code is None or name is None or place is None or fields.failed:
            continue
        checkpoint = Checkpoint(code=code, name=name, kind=kind, tags=tags, dwell_s=dwell_s, **place)
        checkpoints.append(Noted(fields.where, checkpoint))
    return checkpoints


def read_routes(reading: Reading) -> list[Noted[Route]]:
    """`routes.geojson`."""
    routes = []
    known = frozenset({"checkpoints", "ordered", "legs"})
    for fields, geometry in _features(reading, "routes", known=known, allowed=("LineString",)):
        code, name = _code_and_name(fields, "route", reading)
        checkpoints = fields.codes("checkpoints")
        for twice in sorted({one for one in checkpoints if checkpoints.count(one) > 1}):
            fields.wrong(f"names the checkpoint {quote(twice)} twice", "leave it in its first place only")
        ordered, legs = fields.truth("ordered"), fields.legs("legs", count=max(0, len(checkpoints) - 1))
        if legs and not ordered:
            fields.wrong("has legs and may be walked in any order", "give it ordered true, or take the legs away")
        if code is None or name is None or geometry is None or fields.failed:
            continue
        route = Route(code=code, name=name, checkpoints=checkpoints, ordered=ordered, legs=legs, geometry=geometry)
        routes.append(Noted(fields.where, route))
    return routes


def read_roads(reading: Reading) -> list[Noted[Road]]:
    """`roads.geojson`."""
    roads = []
    allowed = ("LineString", "MultiLineString")
    for fields, geometry in _features(reading, "roads", known=frozenset({"kind"}), allowed=allowed):
        code, name = _code_and_name(fields, "road", reading)
        kind = fields.code("kind")
        if code is None or name is None or kind is None or geometry is None or fields.failed:
            continue
        roads.append(Noted(fields.where, Road(code=code, name=name, kind=kind, geometry=geometry)))
    return roads


def read_hydrants(reading: Reading) -> list[Noted[Hydrant]]:
    """`hydrants.geojson`."""
    hydrants = []
    known = frozenset({"type", "device", "manufactured"})
    for fields, geometry in _features(reading, "hydrants", known=known, allowed=("Point",)):
        code, name = _code_and_name(fields, "hydrant", reading)
        kind = fields.choice("type", HYDRANT_TYPES, required=False)
        device = fields.device("device", required=False)
        manufactured = fields.month("manufactured")
        if code is None or name is None or geometry is None or fields.failed:
            continue
        lon, lat = _place(geometry)
        hydrant = Hydrant(code=code, name=name, lat=lat, lon=lon, type=kind, device=device, manufactured=manufactured)
        hydrants.append(Noted(fields.where, hydrant))
    return hydrants


def _code_and_name(fields: Fields, kind: str, reading: Reading) -> tuple[str | None, str | None]:
    code = fields.code("code")
    if code is not None and not reading.register(kind, code, file=fields.file, where=fields.where):
        fields.failed = True
    return code, fields.text("name")


def _place(geometry: dict[str, Any]) -> tuple[float, float]:
    lon, lat = geometry["coordinates"]
    return float(lon), float(lat)


def _features(
    reading: Reading, stem: str, *, known: frozenset[str], allowed: tuple[str, ...], instead: str | None = None
) -> Iterator[tuple[Fields, dict[str, Any] | None]]:
    """Each feature's properties and its geometry, None when that is wrong; features count from 1.

    A feature that has the property `instead` and no geometry gets an empty one.
    """
    path = reading.folder / f"{stem}.geojson"
    file, findings = path.name, reading.findings
    collection = read_json(path, findings=findings)
    if collection is None:
        return
    members = collection.get("features") if isinstance(collection, dict) else None
    if (
        not isinstance(collection, dict)
        or collection.get("type") != "FeatureCollection"
        or not isinstance(members, list)
    ):
        findings.error(file, "the file", "is not a FeatureCollection", "export it as GeoJSON (RFC 7946)")
        return
    if not _degrees_are_wgs84(collection, file=file, reading=reading):
        return
    if not members:
        findings.error(file, "the file", "has no features", FILL)
    strangers: dict[str, int] = {}
    for number, feature in enumerate(members, start=1):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        code = properties.get("code") if isinstance(properties, dict) else None
        where = f"feature {number} (code {quote(code.strip())[1:-1]})" if isinstance(code, str) else f"feature {number}"
        if not isinstance(feature, dict) or feature.get("type") != "Feature" or not isinstance(properties, dict):
            remedy = 'a feature is {"type": "Feature", "properties": {…}, "geometry": {…}}'
            findings.error(file, where, "is not a Feature with properties", remedy)
            continue
        fields = Fields(properties, file=file, where=where, reading=reading)
        _check_datum(properties.get("datum"), fields)
        geometry: dict[str, Any] | None = _NO_SHAPE
        if feature.get("geometry") is not None or not (instead and properties.get(instead)):
            geometry = check_geometry(feature.get("geometry"), allowed=allowed, complain=fields.wrong)
        for name in properties.keys() - known - _ALWAYS:
            strangers[name] = strangers.get(name, 0) + 1
        yield fields, geometry
    for name, count in sorted(strangers.items()):
        findings.warning(
            file,
            "the file",
            f"has a property {quote(name)} that is not known, in {count} of {len(members)} features",
            f"it is ignored; the properties are: {', '.join(['code', 'name', *sorted(known)])}",
        )


def _degrees_are_wgs84(collection: dict[str, Any], *, file: str, reading: Reading) -> bool:
    whole = Fields({}, file=file, where="the file", reading=reading)
    _check_datum(collection.get("datum"), whole)
    crs = collection.get("crs")
    if crs is not None:
        properties = crs.get("properties") if isinstance(crs, dict) else None
        name = properties.get("name") if isinstance(properties, dict) else None
        if not isinstance(name, str) or not name.strip().endswith(_LON_LAT_CRS):
            whole.wrong(f"is in the reference system {quote(name)}", "export it as WGS-84 (EPSG:4326)")
    return not whole.failed


def _check_datum(datum: Any, fields: Fields) -> None:
    if datum is None or (isinstance(datum, str) and datum.strip().lower() in {"", "wgs84"}):
        return
    fields.wrong(
        f"is in the datum {quote(datum)}",
        "convert it to WGS-84 first: the shift of gcj02 and bd09 is some 500 m and none of it is undone here",
    )


features_of = _features  # for the readers of files that have a module of their own
