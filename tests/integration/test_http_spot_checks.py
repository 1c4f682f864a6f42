"""Spot checks over the API: who sees which, the first answer stands, the answer wakes the judgement."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.http_site import Site, small_site

CHECKS = """
INSERT INTO duty (rule, key, subject, grid, opens_at, due_at, settles_at, final_at, state, judge_at, context)
SELECT 'spot_check', 'spot_check/' || r.key, r.key, r.grid, now() - interval '1 hour', now() + due, now() + due,
       now() + due + interval '7 days', 'open', now() + due, jsonb_build_object('unit', r.unit, 'route', r.route)
  FROM round r, LATERAL (SELECT CASE r.route WHEN 'R2' THEN interval '-1 minute' ELSE interval '5 days' END AS due) AS d
"""


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        found.sql(CHECKS)
        yield found


async def test_checks_that_wait_come_with_what_their_round_came_to(site: Site) -> None:
    async with site.as_user("officer") as browser:
        items = (await browser.get("/api/spot-checks")).json["items"]
    assert items[0]["round"] == "round R2"
    by_round = {it["round"]: it for it in items}
    assert by_round["round R2"]["overdue"] is True
    first = by_round["round R1"]
    assert (first["unit"], first["route"], first["overdue"]) == ("U1", "R1", False)
    assert (first["points"], first["proven"], first["missed"]) == (1, 1, 0)


async def test_pages_lose_and_repeat_nothing(site: Site) -> None:
    async with site.as_user("officer") as browser:
        first = (await browser.get("/api/spot-checks?limit=2")).json
        second = (await browser.get(f"/api/spot-checks?limit=2&after={first['next']}")).json
    assert len({it["id"] for it in (*first["items"], *second["items"])}) == 3
    assert second["next"] is None


async def test_a_territory_sees_and_answers_its_own(site: Site) -> None:
    async with site.as_user("officer_c1") as browser:
        (mine,) = (await browser.get("/api/spot-checks")).json["items"]
        assert mine["round"] == "round R1"
        other = site.sql("SELECT id FROM duty WHERE key = 'spot_check/round R2'")[0][0]
        assert (await browser.post(f"/api/spot-checks/{other}", {"outcome": "confirmed"})).status == 404
    async with site.as_user("patrol") as browser:
        assert (await browser.get("/api/spot-checks")).status == 403


async def test_the_first_answer_stands_and_is_recorded(site: Site) -> None:
    check = site.sql("SELECT id FROM duty WHERE key = 'spot_check/round R1'")[0][0]
    async with site.as_user("leader") as browser:
        assert (await browser.post(f"/api/spot-checks/{check}", {"outcome": "not_confirmed"})).status == 409
        body = {"outcome": "not_confirmed", "note": "the school saw nobody"}
        done = await browser.post(f"/api/spot-checks/{check}", body)
        assert (done.status, done.json["answered_by"], done.json["outcome"]) == (200, "leader", "not_confirmed")
        again = await browser.post(f"/api/spot-checks/{check}", {"outcome": "confirmed"})
        assert again.status == 409
        assert "the first answer stands" in again.json["detail"]
        assert check not in [it["id"] for it in (await browser.get("/api/spot-checks")).json["items"]]
        answered = (await browser.get("/api/spot-checks?state=answered")).json["items"]
        assert [it["note"] for it in answered] == ["the school saw nobody"]
    assert site.sql("SELECT actor, subject FROM audit WHERE action = 'spot_check.answer'") == [("leader", "round R1")]
    assert site.sql("SELECT judge_at <= now() FROM duty WHERE id = %s", (check,)) == [(True,)]


async def test_what_is_not_a_check_or_not_over_is_refused(site: Site) -> None:
    duty = site.sql("SELECT id FROM duty WHERE rule = 'missed_checkpoint' LIMIT 1")[0][0]
    check = site.sql("SELECT id FROM duty WHERE key = 'spot_check/round R1'")[0][0]
    async with site.as_user("officer") as browser:
        assert (await browser.post(f"/api/spot-checks/{duty}", {"outcome": "confirmed"})).status == 404
        assert (await browser.post(f"/api/spot-checks/{check}", {"outcome": "perhaps"})).status == 422
        site.sql("UPDATE duty SET state = 'final' WHERE id = %s", (check,))
        assert (await browser.post(f"/api/spot-checks/{check}", {"outcome": "confirmed"})).status == 409
