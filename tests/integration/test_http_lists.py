"""What the lists answer: filters, pages that stay put, tracks with their record, units and rounds of now."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.http_site import Browser, Site, small_site


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


async def pages(browser: Browser, path: str, between: Any = lambda: None) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        reply = await browser.get(path + cursor)
        assert reply.status == 200, reply.text
        items += reply.json["items"]
        if reply.json["next"] is None:
            return items
        cursor = f"&after={quote(reply.json['next'])}"
        between()


async def test_an_alert_says_what_an_officer_must_know(site: Site) -> None:
    async with site.as_user("officer") as browser:
        reply = await browser.get("/api/alerts")
        assert [alert["id"] for alert in reply.json["items"]] == [3, 2, 1]
        assert reply.json["open"] == 3
        first = reply.json["items"][-1]
        assert first["class"] == "sos"
        assert (first["severity"], first["state"], first["rule"]) == ("critical", "open", "sos")
        assert (first["grid"], first["unit"], first["device"]) == ("B1", "U1", "H1")
        assert (first["lat"], first["lon"]) == (30.05, 111.05)
        assert first["reasons"] == [{"code": "pressed"}]
        assert first["opened_at"].endswith("Z")
        assert 60 <= first["age_s"] < 120
        detail = (await browser.get("/api/alerts/1")).json
        assert detail["history"][0]["event"] == "opened"
        assert detail["evidence"] == {"fixes": []}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=resolved", []),
        ("state=open&state=resolved", [3, 2, 1]),
        ("rule=sos&rule=x", [3, 2, 1]),
        ("rule=x", []),
        ("severity=critical", [3, 2, 1]),
        ("severity=info", []),
        ("grid=T", [2, 1]),
        ("grid=C1", [1]),
        ("unit=U2", [2]),
        ("device=H3", [3]),
        ("since=2020-01-01T00:00:00%2B08:00", [3, 2, 1]),
        ("until=2020-01-01T00:00:00Z", []),
    ],
)
async def test_alerts_are_filtered(site: Site, query: str, found: list[int]) -> None:
    async with site.as_user("officer") as browser:
        reply = await browser.get(f"/api/alerts?{query}")
        assert [alert["id"] for alert in reply.json["items"]] == found
        assert reply.json["open"] == 3


async def test_pages_stay_put_while_rows_are_added(site: Site) -> None:
    site.sql(
        "INSERT INTO alert (fingerprint, rule, subject, class, severity, title, opened_at, changed_at) "
        "SELECT 'old ' || n, 'r', 's', 'c', 'info', 't', now(), now() FROM generate_series(1, 20) AS n"
    )
    added = iter(range(1000))

    def add() -> None:
        site.sql(
            "INSERT INTO alert (fingerprint, rule, subject, class, severity, title, opened_at, changed_at) "
            "VALUES (%s, 'r', 's', 'c', 'info', 't', now(), now())",
            (f"new {next(added)}",),
        )

    async with site.as_user("officer") as browser:
        seen = [alert["id"] for alert in await pages(browser, "/api/alerts?limit=4", add)]
    assert seen == list(range(23, 0, -1))


async def test_each_list_can_be_paged_to_its_end(site: Site) -> None:
    async with site.as_user("officer") as browser:
        for path in ("/api/incidents", "/api/tickets", "/api/equipment", "/api/devices", "/api/rounds"):
            whole = (await browser.get(path)).json["items"]
            assert len(whole) == (4 if path == "/api/equipment" else 3)
            paged = await pages(browser, f"{path}?limit=1")
            for item in (*whole, *paged):
                item.pop("age_s", None)
            assert paged == whole, path


WHY = "purpose=complaint+12"


async def test_a_track_is_given_in_order_of_time_with_units(site: Site) -> None:
    async with site.as_user("officer") as browser:
        track = (await browser.get(f"/api/devices/H1/track?{WHY}")).json
        assert len(track["items"]) == 50
        assert [point["time"] for point in track["items"]] == sorted(point["time"] for point in track["items"])
        newest = track["items"][-1]
        assert (newest["lat"], newest["lon"]) == (30.0500001, 111.05)
        assert (newest["accuracy_m"], newest["speed_mps"], newest["heading_deg"]) == (6.0, 1.3, 87.0)
        assert (newest["battery_pct"], newest["grid"], newest["boot"], newest["seq"]) == (83, "B1", 1, 99)
        assert [point["flags"] for point in track["items"][-6:]] == [[], ["mock"], [], [], [], []]
        assert len(await pages(browser, f"/api/devices/H1/track?{WHY}&limit=7")) == 50


async def test_a_track_has_bounds(site: Site) -> None:
    ((newest,),) = site.sql("SELECT max(time) FROM position")
    async with site.as_user("officer") as browser:
        params = {"from": (newest - timedelta(minutes=9)).isoformat(), "to": newest.isoformat()}
        assert (
            len(
                (await browser.get("/api/devices/H1/track", params={**params, "purpose": "complaint 12"})).json["items"]
            )
            == 9
        )
        params = {"from": params["to"], "to": params["from"]}
        assert (await browser.get("/api/devices/H1/track", params={**params, "purpose": "complaint 12"})).status == 422
        assert (await browser.get(f"/api/devices/H1/track?{WHY}&limit=10001")).status == 422
        assert (await browser.get(f"/api/devices/H9/track?{WHY}")).status == 404


async def test_each_look_at_a_track_is_recorded_and_nobody_takes_it_back(site: Site) -> None:
    async with site.as_user("leader") as browser, site.as_user("auditor") as auditor:
        await browser.get("/api/devices/H2/track?limit=10&purpose=complaint%20of%20a%20shop")
        entry = (await auditor.get("/api/audit?actor=leader&action=track.look")).json["items"][0]
        assert (entry["subject"], entry["detail"]["rows"]) == ("H2", 10)
        assert entry["detail"]["purpose"] == "complaint of a shop"
        assert entry["detail"]["address"] == "127.0.0.1"
        assert datetime.fromisoformat(entry["detail"]["from"]) < datetime.fromisoformat(entry["detail"]["to"])
        site.sql("ALTER TABLE audit RENAME TO gone")
        assert (await browser.get(f"/api/devices/H2/track?{WHY}")).status == 500, (
            "a look that cannot be recorded is none"
        )


async def test_units_say_who_is_where_with_what(site: Site) -> None:
    async with site.as_user("officer") as browser:
        units = {unit["code"]: unit for unit in (await browser.get("/api/units")).json["items"]}
    assert units["U1"]["position_of"] == "H1"
    assert units["U1"]["position"]["grid"] == "B1"
    assert 60 <= units["U1"]["position"]["age_s"] < 180
    (device,) = units["U1"]["devices"]
    assert (device["name"], device["kind"], device["post"], device["battery_pct"]) == ("H1", "handset", "P1", 83)
    assert units["U1"]["on_duty"]
    assert units["U1"]["shifts_now"] == ["always"]
    assert (units["U3"]["on_duty"], units["U3"]["devices"], units["U3"]["position"]) == (False, [], None)


async def test_devices_show_no_secret(site: Site) -> None:
    async with site.as_user("admin") as browser:
        reply = await browser.get("/api/devices")
        assert "verifier" not in reply.text
        devices = {device["name"]: device for device in reply.json["items"]}
        assert (devices["H1"]["has_secret"], devices["H2"]["has_secret"]) == (True, False)
        assert (devices["H1"]["holder_kind"], devices["H1"]["holder"]) == ("post", "P1")
        assert [one["name"] for one in (await browser.get("/api/devices?kind=recorder")).json["items"]] == ["X9"]
        assert (await browser.get("/api/devices?revoked=true")).json["items"] == []


async def test_rounds_of_today_and_of_another_day(site: Site) -> None:
    async with site.as_user("officer") as browser:
        reply = (await browser.get("/api/rounds")).json
        one = next(found for found in reply["items"] if found["route"] == "R1")
        assert (one["route_name"], one["unit_name"]) == ("route 1", "unit 1")
        assert one["counts"] == dict.fromkeys(one["counts"], 0) | {"late": 1}
        assert (one["points"][0]["checkpoint"], one["points"][0]["name"]) == ("K1", "gate 1")
        both = next(found for found in reply["items"] if found["route"] == "R3")
        assert [point["checkpoint"] for point in both["points"]] == ["K1", "K2"]
        assert both["counts"]["due"] == 2
        assert (await browser.get("/api/rounds?day=2020-05-05")).json == {
            "next": None,
            "day": "2020-05-05",
            "items": [],
        }
        assert [found["route"] for found in (await browser.get("/api/rounds?unit=U2&route=R3")).json["items"]] == ["R3"]
        assert (await browser.get("/api/rounds?day=today")).status == 422
        site.sql("UPDATE route SET checkpoints = '{K2,K1}' WHERE code = 'R3'")
        reply = (await browser.get("/api/rounds?route=R3")).json
        assert [point["checkpoint"] for point in reply["items"][0]["points"]] == ["K2", "K1"]
    async with site.as_user("officer_c1") as browser:
        reply = (await browser.get("/api/rounds?route=R3")).json
        assert [point["checkpoint"] for point in reply["items"][0]["points"]] == ["K1"]


async def test_a_day_is_the_sites_day(site: Site) -> None:
    # 2026-03-01 in Shanghai begins at 16:00 of 2026-02-28 in UTC
    site.sql(
        "INSERT INTO round (key, shift, route, unit, grid, starts_at, ends_at) "
        "SELECT 'night ' || t, 's', 'R', 'U1', 'B1', t::timestamptz, t::timestamptz + interval '1 hour' "
        "FROM unnest(ARRAY['2026-02-28T15:59:59Z', '2026-02-28T16:00:00Z', '2026-03-01T15:59:59Z']) AS t"
    )
    async with site.as_user("officer") as browser:
        starts = [found["starts_at"] for found in (await browser.get("/api/rounds?day=2026-03-01")).json["items"]]
        assert starts == ["2026-02-28T16:00:00Z", "2026-03-01T15:59:59Z"]


async def test_equipment_says_what_it_needs_next(site: Site) -> None:
    async with site.as_user("crew") as browser:
        items = {one["code"]: one for one in (await browser.get("/api/equipment")).json["items"]}
        assert (items["E1"]["next_work"], items["E1"]["overdue"], items["E3"]["overdue"]) == ("service", True, False)
        assert items["E1"]["tickets"][0]["number"] == "T-20261121-0001"
        assert items["E1"]["manufactured"] == "2020-01-01"
        for query, codes in (
            ("due=overdue", "E1 E2"),
            ("due=soon", "E3"),
            ("kind=hydrant", "E1 E4"),
            ("grid=C2", "E2 E4"),
        ):
            found = (await browser.get(f"/api/equipment?{query}")).json["items"]
            assert [one["code"] for one in found] == codes.split(), query


async def test_tickets_are_filtered(site: Site) -> None:
    site.sql("UPDATE ticket SET state = 'closed', closed_at = now() WHERE id = 2")
    async with site.as_user("crew") as browser:
        for query, ids in (("", [3, 1]), ("state=closed", [2]), ("equipment=E1", [1]), ("overdue=true", [3, 1])):
            found = (await browser.get(f"/api/tickets?{query}")).json["items"]
            assert [one["id"] for one in found] == ids, query


async def test_grids_are_geojson(site: Site) -> None:
    async with site.as_user("patrol") as browser:
        reply = await browser.get("/api/grids?level=3")
        assert reply.headers["Content-Type"].startswith("application/geo+json")
        feature = reply.json["features"][0]
        known = {"code": "B1", "name": "grid B1", "level": 3, "parent": "C1", "grade": 2, "hierarchy": "patrol"}
        assert feature["properties"] == {**known, "base": True}
        assert feature["geometry"]["type"] == "Polygon"


async def test_the_record_keeps_to_its_filters(site: Site) -> None:
    async with site.as_user("auditor") as browser:
        now = datetime.now(UTC).isoformat()
        for query, found in (
            ("subject=H2", 1),
            ("subject=H1", 0),
            (f"since={quote(now)}", 0),
            (f"until={quote(now)}", 1),
        ):
            assert len((await browser.get(f"/api/audit?{query}")).json["items"]) == found, query
