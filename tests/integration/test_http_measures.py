"""Measures over HTTP: counts that add up, figures that lead to their duties, presence from what was stored."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.database import connect
from ingest.engines import choose_engine
from tests.integration.http_site import Browser, Site, small_site

DAY = {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"}
HOLE = '[{"reason": "hole"}, {"reason": "nearest_fix"}]'
FAR = '[{"reason": "scanned_far"}, {"reason": "hole"}]'
# unit, grid, verdict, reasons, how many
DUTIES = [
    ("U1", "B1", "met", "[]", 6),
    ("U1", "B1", "late", "[]", 2),
    ("U1", "B1", "missed", "[]", 1),
    ("U1", "B1", "in_doubt", HOLE, 3),
    ("U1", "B1", "in_doubt", FAR, 1),
    ("U2", "B2", "early", "[]", 1),
    ("U2", "B2", "waived", "[]", 2),
    ("U2", "B2", None, "[]", 4),
    ("U2", None, "missed", "[]", 1),
]


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        number = 0
        for unit, grid, verdict, reasons, many in DUTIES:
            for _ in range(many):
                number += 1
                found.sql(
                    "INSERT INTO duty (rule, key, subject, unit, grid, opens_at, due_at, settles_at, final_at, state, "
                    "verdict, reasons, context) VALUES ('missed_checkpoint', %s, 'K1', %s, %s, "
                    "'2026-11-20T08:00Z'::timestamptz + %s * interval '1 minute', '2026-11-20T12:00Z', "
                    "'2026-11-20T12:05Z', '2026-11-23T12:00Z', %s, %s, %s, '{\"checkpoint\": \"gate 1\"}')",
                    (f"m{number}", unit, grid, number, "final" if verdict else "open", verdict, reasons),
                )
        yield found


async def measures(browser: Browser, **query: Any) -> dict[str, Any]:
    reply = await browser.get("/api/measures", params={**DAY, **query})
    assert reply.status == 200, reply.text
    assert isinstance(reply.json, dict)
    return reply.json


async def behind(browser: Browser, link: str, **query: str) -> list[dict[str, Any]]:
    """All duties that a figure's link leads to, page by page."""
    items: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        path = link + "".join(f"&{name}={value}" for name, value in {"limit": "5", **query, **after}.items())
        reply = await browser.get(path)
        assert reply.status == 200, reply.text
        items += reply.json["items"]
        if reply.json["next"] is None:
            return items
        after = {"after": reply.json["next"]}


async def test_rates_are_reckoned_from_what_counts_and_say_of_how_many(site: Site) -> None:
    async with site.as_user("officer") as browser:
        found = await measures(browser)
    lines = {it["key"]: it for it in found["items"]}
    here = lines["B1"]
    assert here["counts"]["total"] == 13
    assert (here["counts"]["counted"], here["counts"]["taken_out"]) == (10, 3)
    assert here["arrival"] == {"value": 0.8, "n": 8, "of": 10}
    assert here["missing"] == {"value": 0.1, "n": 1, "of": 10}
    assert here["punctuality"] == {"value": 0.75, "n": 6, "of": 8}
    assert here["counts"]["device_fault"] == 3, "a hole excuses"
    assert here["counts"]["in_doubt"] == 1, "a tag scanned far away does not"
    assert (lines["B2"]["counts"]["waived"], lines["B2"]["counts"]["pending"]) == (2, 4)
    assert lines[None]["counts"]["missed"] == 1
    assert [it["key"] for it in found["items"]] == ["T", "C1", "C2", "B1", "B2", None]


async def test_a_figure_from_nothing_is_null(site: Site) -> None:
    async with site.as_user("officer") as browser:
        found = await measures(browser, **{"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"})
    assert found["items"] == []
    assert found["whole"]["arrival"] == {"value": None, "n": 0, "of": 0}


@pytest.mark.parametrize("by", ["grid", "squad", "unit"])
async def test_counts_add_up_and_lead_to_their_duties(site: Site, by: str) -> None:
    async with site.as_user("officer") as browser:
        found = await measures(browser, by=by)
        parts = [it for it in found["items"] if by != "grid" or it["level"] in {None, 3}]
        for name, whole in found["whole"]["counts"].items():
            assert sum(it["counts"][name] for it in parts) == whole, name
        for line in [*found["items"], found["whole"]]:
            duties = await behind(browser, line["duties"])
            assert len(duties) == line["counts"]["total"], line["key"]
            assert len({it["id"] for it in duties}) == len(duties)
            missed = await behind(browser, line["duties"], counts_as="missed")
            assert len(missed) == line["missing"]["n"]
            assert all(it["verdict"] == "missed" for it in missed)


async def test_a_duty_counts_for_each_post_of_its_unit_and_leads_back(site: Site) -> None:
    site.sql("INSERT INTO post (code, name, unit, role) VALUES ('P9', 'post 9', 'U1', 'patrol')")
    async with site.as_user("officer") as browser:
        units = {it["key"]: it["counts"] for it in (await measures(browser, by="unit"))["items"]}
        posts = (await measures(browser, by="post"))["items"]
        assert {it["key"]: it["counts"] for it in posts if it["key"] in {"P1", "P9"}} == dict.fromkeys(
            ("P1", "P9"), units["U1"]
        )
        assert {it["name"] for it in posts if it["key"] == "P9"} == {"post 9"}
        for line in posts:
            assert len(await behind(browser, line["duties"])) == line["counts"]["total"], line["key"]


async def test_a_squad_is_the_one_of_then(site: Site) -> None:
    site.sql("UPDATE unit SET valid_to = '2026-11-20T08:06:30Z' WHERE code = 'U1'")
    site.sql(
        "INSERT INTO unit (code, name, kind, squad, valid_from) "
        "VALUES ('U1', 'unit 1', 'foot', 'Z', '2026-11-20T08:06:30Z')"
    )
    async with site.as_user("officer") as browser:
        found = await measures(browser, by="squad")
    assert {it["key"]: it["counts"]["total"] for it in found["items"]} == {"A": 6, "B": 8, "Z": 7}


async def test_viewers_measure_their_own_ground(site: Site) -> None:
    async with site.as_user("officer_c1") as browser:
        assert (await measures(browser))["whole"]["counts"]["total"] == 13
        assert (await measures(browser, by="unit"))["items"][0]["key"] == "U1"
        link = f"/api/measures/duties?from={DAY['from']}&to={DAY['to']}&by=grid&key=B2"
        assert (await browser.get(link)).json["items"] == []
    async with site.as_user("patrol") as browser:
        assert (await measures(browser))["whole"]["counts"]["total"] == 13


async def test_equipment_has_dates_and_no_patrol(site: Site) -> None:
    async with site.as_user("officer") as browser:
        reply = await browser.get("/api/measures")
    assert "equipment_expiry" not in reply.json["rules"]
    assert "missed_checkpoint" in reply.json["rules"]


async def rolled_up(site: Site) -> None:
    url = site.settings.database.url.get_secret_value()
    async with await connect(url, name="test") as connection:
        await (await choose_engine(connection, wish="auto")).refresh_rollup(connection)


async def test_presence_is_of_units_on_duty_alone(site: Site) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    site.sql("DELETE FROM position")
    site.sql("DELETE FROM shift WHERE unit = 'U2'")
    first, second = hour - timedelta(hours=3), hour - timedelta(hours=2)
    seen = [first + timedelta(seconds=it) for it in (0, 10, 30, 300, 310)]
    for device in ("H1", "H2"):
        for time in (*seen, second):
            site.sql(
                "INSERT INTO position (device, time, digest, lat, lon, grid, received_at) "
                "SELECT d.number, %s, 1, 300500000, 1110500000, g.id, now() FROM device d, grid g "
                "WHERE d.name = %s AND g.code = 'B1'",
                (time, device),
            )
    site.sql("INSERT INTO touched_hour (hour) VALUES (%s), (%s)", (first, second))
    await rolled_up(site)
    query = {"from": (hour - timedelta(hours=4)).isoformat(), "to": (hour + timedelta(hours=1)).isoformat()}
    async with site.as_user("officer") as browser:
        found = (await browser.get("/api/measures/presence", params=query)).json
        assert found["whole"]["sight"] == {"value": None, "n": 0, "of": 0}, "nothing was rolled up yet"
        site.sql("INSERT INTO storage_edge (name, at) VALUES ('rolled_up', %s)", (hour,))
        found = (await browser.get("/api/measures/presence", params=query)).json
        lines = {it["code"]: it for it in found["items"]}
        # H1 alone is on duty; the hour with one fix does not count
        assert lines["B1"]["sight"] == {"value": 0.25, "n": 1, "of": 4}
        assert lines["B1"]["passes"] == 1
        assert lines["B1"]["density"] == pytest.approx(1 / lines["B1"]["road_km"] / 4, abs=0.001)
        # two minutes of the first hour and one of the second, each with the one after it
        assert lines["B1"]["staffed"] == {"value": round(6 / 240, 4), "n": 6, "of": 240}
        assert lines["B2"]["sight"] == {"value": 0.0, "n": 0, "of": 4}
        assert found["whole"]["sight"] == {"value": 0.125, "n": 1, "of": 8}
        behind_it = (await browser.get("/api/measures/presence/B1", params=query)).json["items"]
        assert [(it["unit"], it["fixes"]) for it in behind_it] == [("U1", 5)]


async def test_a_span_that_is_none_is_refused(site: Site) -> None:
    async with site.as_user("officer") as browser:
        for path in ("/api/measures", "/api/measures/presence", "/api/territory/balance"):
            reply = await browser.get(path, params={"from": DAY["to"], "to": DAY["from"]})
            assert reply.status == 422, path
            assert reply.json["detail"] == "from must lie before to"
        long = {"from": "2026-01-01T00:00:00Z", "to": "2026-11-20T00:00:00Z"}
        assert "longer than 31 days" in (await browser.get("/api/measures/presence", params=long)).json["detail"]
