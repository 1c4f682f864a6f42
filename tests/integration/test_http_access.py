"""Who may call what: every route, every role and nobody; and every list within the territory."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ops.http.permissions import GRANTS, GRID, PUBLIC, ROLES, SIGNED_IN
from ops.http.routes import Route, discover
from tests.integration.http_site import Browser, Reply, Site, small_site
from tests.integration.test_http_spot_checks import CHECKS

ROUTES = discover()
LEAVES = """
INSERT INTO leave (post, kind, valid_from, valid_to)
SELECT post, 'leave', now() + interval '1 day', now() + interval '2 days' FROM (VALUES ('P1'), ('P2')) AS p (post)
"""
# What to send where a route takes something; a route that takes something and is missing here fails the test.
BODIES: dict[str, dict[str, Any]] = {
    "sign_in": {"user": "nobody", "password": "wrong"},
    "resolve_alert": {"note": "seen to"},
    "open_incident": {"kind": "fire_hazard", "lat": 30.05, "lon": 111.05},
    "dispatch_incident": {"unit": "U1"},
    "close_incident": {"note": "out"},
    "change_grid": {"grade": 3},
    "put_holiday": {"name": "Festival", "kind": "rest"},
    "add_leave": {
        "post": "P1",
        "kind": "sick",
        "valid_from": "2026-11-01T00:00:00Z",
        "valid_to": "2026-11-02T00:00:00Z",
    },
    "cover_leave": {"cover": None},
    "withdraw_leave": {"at": None},
    "give_device": {"device": "X9", "holder": "U1"},
    "take_device": {"device": "H1"},
    "correct_custody": {
        "device": "H1",
        "holder": "P1",
        "valid_from": "2026-11-01T00:00:00Z",
        "valid_to": "2026-11-02T00:00:00Z",
    },
    "change_shift": {
        "code": "late",
        "unit": "U1",
        "route": "R1",
        "days": ["mon"],
        "starts": "20:00",
        "ends": "22:00",
        "rounds": 1,
    },
    "stop_shift": {"code": "always", "unit": "U1", "route": "R1"},
    "answer": {"outcome": "confirmed"},
    "waive_duty": {"why": "road closed"},
    "make_objection": {"text": "I was there"},
    "answer_objection": {"state": "rejected", "answer": "the track says otherwise"},
    "preview_waiver": {"unit": "U1", "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"},
    "make_waiver": {"unit": "U1", "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "why": "a storm"},
}
# Rows of another territory, where the second and the third are not.
ELSEWHERE = {"/api/duties/": ("2", "4"), "/api/spot-checks/": ("12", "13")}
# A row of the first territory, where that is not the first one.
HERE = {"/api/spot-checks/{id}": "11"}
# Bodies of another territory, of routes that name the thing in the body.
FOREIGN: dict[str, tuple[dict[str, Any], int]] = {
    "/api/waivers": ({**BODIES["make_waiver"], "unit": "U2"}, 422),
    "/api/waivers/preview": ({**BODIES["preview_waiver"], "grid": "B2"}, 422),
    "/api/leaves": ({**BODIES["add_leave"], "post": "P2"}, 422),
    "/api/custody/give": ({"device": "H2", "holder": "P1", "hand_over": True}, 422),
    "/api/custody/take": ({"device": "H2"}, 422),
    "/api/custody/correct": ({**BODIES["correct_custody"], "device": "H2"}, 422),
    "/api/shifts": ({**BODIES["change_shift"], "unit": "U2", "route": "R2"}, 422),
    "/api/shifts/end": ({**BODIES["stop_shift"], "unit": "U2", "route": "R2"}, 422),
}
LAST = (
    "resolve_alert",
    "close_incident",
    "withdraw_leave",
    "delete_holiday",
    "sign_out",
)  # after these, others would be answered otherwise
IDS = {
    "/api/holidays/{id}": "2026-10-01",
    "/api/devices/{id}/track": "H1",
    "/api/grids/{id}": "B1",
    "/api/measures/presence/{id}": "B1",
}
FILE = "/assets/{tail}"

# What each list holds: how to name its rows, all of them, those of C1, those of the patrol's own unit U1.
LISTS: dict[str, tuple[Callable[[Any], set[Any]], set[Any], set[str], set[str] | None]] = {
    "/api/alerts": (lambda it: {a["device"] for a in it["items"]}, {"H1", "H2", "H3"}, {"H1"}, None),
    "/api/units": (lambda it: {u["code"] for u in it["items"]}, {"U1", "U2", "U3"}, {"U1"}, {"U1"}),
    "/api/devices": (lambda it: {d["name"] for d in it["items"]}, {"H1", "H2", "X9"}, {"H1"}, None),
    "/api/rounds": (lambda it: {r["route"] for r in it["items"]}, {"R1", "R2", "R3"}, {"R1", "R3"}, {"R1"}),
    "/api/incidents": (lambda it: {i["unit"] for i in it["items"]}, {"U1", "U2", "U3"}, {"U1"}, {"U1"}),
    "/api/equipment": (lambda it: {e["code"] for e in it["items"]}, {"E1", "E2", "E3", "E4"}, {"E1"}, None),
    "/api/tickets": (lambda it: {t["equipment"] for t in it["items"]}, {"E1", "E2", "E3"}, {"E1"}, None),
    "/api/grids": (
        lambda it: {g["properties"]["code"] for g in it["features"]},
        {"T", "C1", "C2", "B1", "B2"},
        {"C1", "B1"},
        {"T", "C1", "C2", "B1", "B2"},
    ),
    "/api/roads": (
        lambda it: {f["properties"]["code"] for f in it["features"]},
        {"W1", "W2", "W3"},
        {"W1", "W3"},
        {"W1", "W2", "W3"},
    ),
    "/api/checkpoints": (
        lambda it: {f["properties"]["code"] for f in it["features"]},
        {"K1", "K2"},
        {"K1"},
        {"K1"},
    ),
    "/api/hydrants": (lambda it: {f["properties"]["code"] for f in it["features"]}, {"E1", "E4"}, {"E1"}, None),
    "/api/territory": (lambda it: {g["code"] for g in it["items"]}, {"B1", "B2"}, {"B1"}, None),
    "/api/territory/topology": (lambda it: {f["properties"]["subject"] for f in it["features"]}, set(), set(), None),
    "/api/territory/balance": (lambda it: {g["code"] for g in it["items"]}, {"B1", "B2"}, {"B1"}, None),
    "/api/measures": (
        lambda it: {one["key"] for one in it["items"]},
        {"T", "C1", "C2", "B1", "B2", None},
        {"C1", "B1"},
        {"T", "C1", "B1"},
    ),
    "/api/measures/duties": (
        lambda it: {d["subject"] for d in it["items"]},
        {"K1", "K2", "round R1", "round R2", "round R3"},
        {"K1", "round R1"},
        {"K1"},
    ),
    "/api/measures/presence": (lambda it: {g["code"] for g in it["items"]}, {"B1", "B2"}, {"B1"}, None),
    "/api/duties": (
        lambda it: {f"{d['subject']} {d['unit']}" for d in it["items"]},
        {"K1 U1", "K2 U2", "K1 U2", "K3 U3", "E1 None", "E2 None", "E3 None"}
        | {"round R1 None", "round R2 None", "round R3 None"},
        {"K1 U1", "K1 U2", "E1 None", "round R1 None"},
        {"K1 U1"},
    ),
    "/api/objections": (lambda it: {o["unit"] for o in it["items"]}, {"U1", "U2", "U3"}, {"U1"}, {"U1"}),
    "/api/waivers": (lambda it: {w["unit"] for w in it["items"]}, {"U1", "U2", "U3"}, {"U1"}, {"U1"}),
    "/api/corrections": (lambda it: {c["alert"]["device"] for c in it["items"]}, {"H1", "H2", "H3"}, {"H1"}, None),
    "/api/leaves": (lambda it: {one["post"] for one in it["items"]}, {"P1", "P2"}, {"P1"}, None),
    "/api/custody": (lambda it: {one["device"] for one in it["items"]}, {"H1", "H2"}, {"H1"}, None),
    "/api/posts": (lambda it: {one["code"] for one in it["items"]}, {"P1", "P2"}, {"P1"}, None),
    "/api/roster": (lambda it: {one["grid"] for one in it["rows"]}, {"B1", "B2"}, {"B1"}, None),
    "/api/shifts": (lambda it: {one["unit"] for one in it["items"]}, {"U1", "U2"}, {"U1"}, None),
    "/api/spot-checks": (
        lambda it: {one["round"] for one in it["items"]},
        {"round R1", "round R2", "round R3"},
        {"round R1"},
        None,
    ),
    "/api/audit": (lambda it: {a["subject"] for a in it["items"]}, {"H2"}, set(), None),
    "/api/looks": (lambda it: {a["device"] for a in it["items"]}, {"H2"}, set(), None),
    "/api/looks/mine": (lambda it: {a["device"] for a in it["items"]}, set(), set(), set()),
}


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        found.sql(CHECKS)
        found.sql(LEAVES)
        yield found


async def call(route: Route, browser: Browser, *, row: str = "1") -> Reply:
    number = HERE.get(route.path, row) if row == "1" else row
    path = route.path.replace("{id}", IDS.get(route.path, number)).replace("{tail}", "../house.key")
    path += "?purpose=complaint+12" if route.path == "/api/devices/{id}/track" else ""
    if route.pushes:  # it has no end
        return await browser.ask("HEAD", path)
    body = BODIES[route.operation] if route.body else None
    return await browser.ask(route.method, path, json=body)


def expected(route: Route, role: str | None) -> set[int]:
    if route.permission is PUBLIC:
        if route.path == FILE:
            return {404}
        return {route.status, 401} if route.operation == "sign_in" else {route.status, 503}
    if route.local:
        return {200}
    if role is None:
        return {401}
    if route.permission is SIGNED_IN or route.permission in GRANTS[role]:
        return {route.status}
    return {403}


@pytest.mark.parametrize("role", [None, *ROLES])
async def test_each_route_answers_each_role_as_the_table_says(site: Site, role: str | None) -> None:
    async with site.browser() as browser:
        for route in sorted(ROUTES, key=lambda one: one.operation in LAST):
            if role and not browser.token:
                assert (await browser.sign_in(role)).status == 200
            reply = await call(route, browser)
            assert reply.status in expected(route, role), (route.name, role, reply.status, reply.text)
            if reply.status >= 400 and reply.status != 503 and not route.pushes:
                assert reply.headers["Content-Type"] == "application/problem+json"
                assert reply.json["status"] == reply.status


@pytest.mark.parametrize("route", [one for one in ROUTES if one.scope is GRID], ids=lambda one: one.operation)
async def test_rows_of_another_territory_are_not_there(site: Site, route: Route) -> None:
    role = next(role for role in ("officer", "leader", "auditor", "patrol") if route.permission in GRANTS[role])
    # A patrol has its own unit for a territory.
    async with site.as_user(role if role == "patrol" else f"{role}_c1") as browser:
        if route.path in LISTS and route.method == "GET":
            name, every, within, _ = LISTS[route.path]
            assert name((await call(route, browser)).json) == within
            async with site.as_user(role) as whole:
                assert name((await call(route, whole)).json) == every
        elif route.path == "/api/incidents":
            reply = await browser.post(route.path, {"kind": "fire_hazard", "lat": 30.05, "lon": 111.15})
            assert reply.status == 403
            assert site.sql("SELECT count(*) FROM incident") == [(3,)]
        elif route.path == "/api/devices/{id}/track":
            assert (await browser.get("/api/devices/H2/track?purpose=complaint+12")).status == 404
            assert (await browser.get("/api/devices/X9/track?purpose=complaint+12")).status == 404
            assert site.sql("SELECT count(*) FROM audit WHERE actor = 'officer_c1'") == [(0,)]
        elif route.path in IDS:  # of a grid
            path = route.path.replace("{id}", "B2")
            assert (await browser.ask(route.method, path, json=BODIES.get(route.operation))).status == 404
        elif route.path in FOREIGN:
            body, status = FOREIGN[route.path]
            assert (await browser.post(route.path, body)).status == status
            assert site.sql("SELECT count(*) FROM waiver") == [(3,)]
        else:
            assert route.params, f"{route.name} keeps to a territory, and nothing here shows it"
            for row in next((rows for path, rows in ELSEWHERE.items() if route.path.startswith(path)), ("2", "3")):
                reply = await call(route, browser, row=row)
                assert reply.status == 404, (row, reply.text)


async def test_a_patrol_sees_its_own_unit_only(site: Site) -> None:
    async with site.as_user("patrol") as browser:
        for path, (name, _, _, own) in LISTS.items():
            reply = await browser.get(path)
            if own is None:
                assert reply.status == 403, path
            else:
                assert name(reply.json) == own, path
        assert len((await browser.get("/api/devices/H1/track?purpose=complaint+12")).json["items"]) == 50
        assert (await browser.get("/api/devices/H2/track?purpose=complaint+12")).status == 404
        assert (await browser.get("/api/incidents/2")).status == 404


async def test_a_patrol_sees_a_track_only_while_its_unit_held_the_device(site: Site) -> None:
    site.sql(
        "UPDATE custody SET valid_to = now() - interval '20 minutes 30 seconds' "
        "WHERE device = (SELECT number FROM device WHERE name = 'H1')"
    )
    site.sql(
        "INSERT INTO custody (device, holder_kind, holder, valid_from) "
        "SELECT number, 'unit', 'U2', now() - interval '20 minutes 30 seconds' FROM device WHERE name = 'H1'"
    )
    async with site.as_user("patrol") as browser:
        assert len((await browser.get("/api/devices/H1/track?purpose=complaint+12")).json["items"]) == 30


async def test_a_patrol_without_a_unit_sees_nothing(site: Site) -> None:
    site.sql("UPDATE account SET unit = NULL WHERE name = 'patrol'")
    async with site.as_user("patrol") as browser:
        for path, (name, _, _, own) in LISTS.items():
            if own is not None and path not in {"/api/grids", "/api/roads"}:
                assert name((await browser.get(path)).json) == set(), path


async def test_a_territory_that_is_no_more_shows_nothing(site: Site) -> None:
    site.sql("UPDATE account SET scope = 'C9' WHERE name = 'officer_c1'")
    async with site.as_user("officer_c1") as browser:
        for path, (name, *_) in LISTS.items():
            if path not in {"/api/audit", "/api/looks"}:
                assert name((await browser.get(path)).json) == set(), path


async def test_a_visiting_unit_shows_where_it_is_and_one_that_left_does_not(site: Site) -> None:
    grid = "(SELECT id FROM grid WHERE code = '{}')"
    device = "(SELECT number FROM device WHERE name = '{}')"
    site.sql(f"UPDATE last_known SET grid = {grid.format('B1')} WHERE device = {device.format('H2')}")  # noqa: S608
    site.sql(f"UPDATE last_known SET grid = {grid.format('B2')} WHERE device = {device.format('H1')}")  # noqa: S608
    async with site.as_user("officer_c1") as browser:
        units = {unit["code"]: unit for unit in (await browser.get("/api/units")).json["items"]}
    assert set(units) == {"U1", "U2"}
    assert units["U2"]["position"]["grid"] == "B1"
    assert units["U1"]["position"] is None
    assert units["U1"]["devices"][0]["position"] is None


async def test_an_officer_sends_no_unit_of_another_territory(site: Site) -> None:
    async with site.as_user("officer_c1") as browser:
        reply = await browser.post("/api/incidents/1/dispatch", {"unit": "U2"})
        assert reply.status == 422
        assert reply.json["errors"][0]["where"] == "body.unit"
        assert (await browser.post("/api/incidents/1/dispatch", {"unit": "U1"})).status == 200


def test_every_list_is_held_against_the_territory() -> None:
    lists = {one.path for one in ROUTES if one.scope is GRID and one.method == "GET" and not one.params}
    assert lists == set(LISTS)
