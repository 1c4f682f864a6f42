"""The territory over HTTP: who answers, neighbours, dated changes, flaws, balance; and two hierarchies of viewers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.database import connect
from ops.town.laying import lay_ground
from rules.store.world import snapshot
from tests.integration.http_site import Browser, Site, small_site

FIRE = """
INSERT INTO grid (code, name, level, parent, hierarchy, geometry)
SELECT code, 'fire ' || code, level, parent, 'fire',
       json_build_object('type', 'Polygon', 'coordinates', json_build_array(json_build_array(
         json_build_array(west, 30.0), json_build_array(east, 30.0), json_build_array(east, 30.1),
         json_build_array(west, 30.1), json_build_array(west, 30.0))))::jsonb
  FROM (VALUES ('F', 1, NULL, 111.0, 111.2), ('F1', 2, 'F', 111.0, 111.11), ('F2', 2, 'F', 111.11, 111.2))
    AS g (code, level, parent, west, east)
"""


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


async def with_fire(site: Site) -> None:
    site.sql(FIRE)
    async with await connect(site.settings.database.url.get_secret_value(), name="test") as connection:
        await lay_ground(connection)


async def patch(browser: Browser, code: str, **body: Any) -> Any:
    reply = await browser.ask("PATCH", f"/api/grids/{code}", json=body)
    assert reply.status == 200, reply.text
    return reply.json


async def test_a_fire_viewer_sees_what_lies_on_its_ground_and_nothing_else(site: Site) -> None:
    await with_fire(site)
    site.sql("UPDATE account SET scope = 'F1' WHERE name = 'officer_c1'")
    async with site.as_user("officer_c1") as browser:
        assert {it["device"] for it in (await browser.get("/api/alerts")).json["items"]} == {"H1"}
        assert {it["code"] for it in (await browser.get("/api/units")).json["items"]} == {"U1"}
        grids = (await browser.get("/api/grids")).json["features"]
        assert {it["properties"]["code"] for it in grids} == {"C1", "B1"}
        fire = (await browser.get("/api/grids?hierarchy=fire")).json["features"]
        assert [it["properties"]["code"] for it in fire] == ["F1"]
        assert (await browser.get("/api/grids/F1")).json["ground"] == ["B1"]
        assert (await browser.get("/api/grids/F2")).status == 404
        assert (await browser.get("/api/grids/B2")).status == 404
    site.sql("UPDATE account SET scope = 'F' WHERE name = 'officer_c1'")
    async with site.as_user("officer_c1") as browser:
        assert {it["device"] for it in (await browser.get("/api/alerts")).json["items"]} == {"H1", "H2"}


async def test_a_patrol_viewer_sees_its_own_grids_and_what_lies_below(site: Site) -> None:
    await with_fire(site)
    async with site.as_user("officer_c1") as browser:
        assert {it["device"] for it in (await browser.get("/api/alerts")).json["items"]} == {"H1"}
        assert (await browser.get("/api/grids?hierarchy=fire")).json["features"] == []
        assert (await browser.get("/api/grids/C1")).json["code"] == "C1"
        assert (await browser.get("/api/grids/T")).status == 404


async def test_neighbours_have_the_length_of_their_border(site: Site) -> None:
    async with site.as_user("officer") as browser:
        (there,) = (await browser.get("/api/grids/B1")).json["neighbours"]
        (back,) = (await browser.get("/api/grids/B2")).json["neighbours"]
    assert (there["code"], back["code"]) == ("B2", "B1")
    assert there["border_m"] == pytest.approx(11_120, rel=0.01)
    assert there["border_m"] == pytest.approx(back["border_m"], rel=0.001)


async def test_a_change_is_dated_recorded_and_seen(site: Site) -> None:
    async with site.as_user("leader") as browser:
        assert (await browser.get("/api/grids/B1")).json["vacant"] == ["A", "B"]
        await patch(browser, "B1", posts={"A": "P1", "B": "P2"}, note="new year")
        found = await patch(browser, "B1", grade=4, name="by the market")
        assert (found["grade"], found["name"], found["vacant"]) == (4, "by the market", [])
        assert [(it["slot"], it["post"]) for it in found["posts"]] == [("A", "P1"), ("B", "P2")]
        assert [it["grade"] for it in found["history"]] == [4, 2]
        assert found["history"][1]["valid_to"] == found["history"][0]["valid_from"]
        assert [it["actor"] for it in found["changes"]] == ["leader", "leader"]
        assert found["changes"][1]["detail"]["note"] == "new year"
        again = await patch(browser, "B1", grade=4)
        assert len(again["history"]) == 2, "what says the same makes no version"
        territory = (await browser.get("/api/territory")).json
        assert [(it["code"], it["grade"], it["vacant"]) for it in territory["items"]] == [
            ("B1", 4, []),
            ("B2", 2, ["A", "B"]),
        ]
        assert (territory["vacant_a"], territory["vacant_b"]) == (1, 1)


async def test_the_past_can_be_corrected_for_a_span(site: Site) -> None:
    now = datetime.now(UTC)
    since, until = now - timedelta(days=9), now - timedelta(days=2)
    async with site.as_user("leader") as browser:
        await patch(browser, "B1", posts={"A": "P1"}, valid_from=(now - timedelta(days=20)).isoformat())
        span = {"valid_from": since.isoformat(), "valid_to": until.isoformat()}
        found = await patch(browser, "B1", grade=3, posts={"A": "P2"}, **span)
        assert [it["grade"] for it in found["history"]] == [2, 3, 2]
        assert [it["post"] for it in found["post_history"]] == ["P1", "P2", "P1"]
        then = (await browser.get("/api/grids/B1", params={"at": (until - timedelta(days=1)).isoformat()})).json
        assert (then["grade"], then["posts"][0]["post"]) == (3, "P2")
        assert (found["grade"], found["posts"][0]["post"]) == (2, "P1")
    assert site.sql("SELECT count(*) FROM grid WHERE code = 'B1' AND valid_to IS NULL") == [(1,)]


async def test_a_correction_judges_again_what_is_not_final(site: Site) -> None:
    site.sql("UPDATE duty SET judge_at = NULL")
    async with site.as_user("leader") as browser:
        since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        await patch(browser, "B1", grade=4, valid_from=since)
    woken = site.sql("SELECT DISTINCT grid, verdict FROM duty WHERE judge_at IS NOT NULL")
    assert woken == [("B1", "late")]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"posts": {"A": "P9"}}, "there is no post P9 for grid B1; there are such as P1, P2"),
        ({"posts": {"C": "P1"}}, "posts"),
        ({"grade": 5}, "grade"),
        ({"name": ""}, "name"),
        ({"name": None}, "a grid must have a name"),
        ({"grade": 1, "valid_from": "2090-01-01T00:00:00Z"}, "begins in the future"),
        (
            {"grade": 1, "valid_from": "2026-01-02T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"},
            "ends before it begins",
        ),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_with_a_sentence(site: Site, body: dict[str, Any], said: str) -> None:
    async with site.as_user("leader") as browser:
        reply = await browser.ask("PATCH", "/api/grids/B1", json=body)
    assert reply.status == 422
    assert said in reply.text
    assert site.sql("SELECT count(*) FROM audit WHERE action = 'grid.change'") == [(0,)]


async def test_officers_may_look_but_not_change(site: Site) -> None:
    async with site.as_user("officer") as browser:
        assert (await browser.ask("PATCH", "/api/grids/B1", json={"grade": 1})).status == 403
    async with site.as_user("leader_c1") as browser:
        assert (await browser.ask("PATCH", "/api/grids/B2", json={"grade": 1})).status == 404


async def test_flaws_are_said_and_drawn_to_whom_they_concern(site: Site) -> None:
    site.sql("UPDATE grid SET geometry = jsonb_set(geometry, '{coordinates,0,1,0}', '111.09') WHERE code = 'B1'")
    site.sql("UPDATE grid SET geometry = jsonb_set(geometry, '{coordinates,0,2,0}', '111.09') WHERE code = 'B1'")
    site.sql("INSERT INTO checkpoint (code, name, lat, lon, radius_m) VALUES ('K9', 'lost', 30.05, 111.095, 30)")
    async with site.as_user("officer") as browser:
        found = (await browser.get("/api/territory/topology")).json
        assert found["counts"] == {"gap": 1, "point_in_none": 1, "road_in_none": 1}
        gap = next(it for it in found["features"] if it["properties"]["kind"] == "gap")
        assert gap["properties"]["subject"] == "C1"
        assert gap["properties"]["size_m2"] == pytest.approx(963 * 11_120, rel=0.02)
        assert "10.0% of its area in none of the grids below it" in gap["properties"]["what"]
        assert gap["geometry"]["type"] == "Polygon"
        lost = next(it for it in found["features"] if it["properties"]["kind"] == "point_in_none")
        assert (lost["properties"]["subject"], lost["properties"]["name"]) == ("K9", "lost")
    async with site.as_user("officer_c1") as browser:
        assert set((await browser.get("/api/territory/topology")).json["counts"]) == {"gap"}


async def test_work_is_counted_by_grid_and_its_spread_named(site: Site) -> None:
    site.sql(
        "INSERT INTO line (code, name, geometry) VALUES ('L1', 'the wall', "
        """'{"type": "LineString", "coordinates": [[111.0, 30.02], [111.05, 30.02]]}')"""
    )
    async with site.as_user("officer") as browser:
        found = (await browser.get("/api/territory/balance")).json
    loads = {it["code"]: it for it in found["items"]}
    assert set(loads) == {"B1", "B2"}
    assert (loads["B1"]["checkpoints"], loads["B1"]["alerts"]) == (1, 1)
    # W1 and half of W3 lie in B1: 0.08 and 0.05 degrees of longitude at 30 degrees north
    assert loads["B1"]["road_km"] == pytest.approx(0.13 * 96.24, rel=0.01)
    spread = {it["load"]: it for it in found["spreads"]}
    assert spread["road_km"]["gini"] == 0
    assert loads["B1"]["line_km"] == pytest.approx(0.05 * 96.24, rel=0.01)
    assert (spread["line_km"]["gini"], spread["line_km"]["most"], spread["line_km"]["least"]) == (0.5, "B1", "B2")
    assert spread["duties"]["total"] == loads["B1"]["duties"] + loads["B2"]["duties"]


async def test_the_rules_notice_who_answers_and_what_grades_ask_for(site: Site) -> None:
    async with await connect(site.settings.database.url.get_secret_value(), name="test") as connection:
        before = await snapshot(connection, zone="Asia/Shanghai")
        assert await snapshot(connection, zone="Asia/Shanghai", known=before) is before
        site.sql("INSERT INTO grade_policy (grade, rounds, staff) VALUES (2, 3, 1)")
        async with site.as_user("leader") as browser:
            await patch(browser, "B1", posts={"A": "P1"})
            asked = (await browser.get("/api/grids/B1")).json["policy"]
        after = await snapshot(connection, zone="Asia/Shanghai", known=before)
    assert asked == {"rounds": 3, "staff": 1, "severity": None}
    now = datetime.now(UTC)
    policy = after.world.policy(after.world.grade("B1", now), now)
    assert policy is not None
    assert policy.rounds == 3
    assert after.world.responsible("B1", now) == {"A": "P1"}
