"""What a patrol's account sees and does while its unit stands in for another: whoever does the work sees it."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.http_site import Browser, Site, small_site

THEIRS = 3  # of U2 in B2, in a round that has just begun
GONE = 9  # of U2 in B2, missed yesterday


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        found.sql("INSERT INTO unit (code, name, kind, squad) VALUES ('U4', 'unit 4', 'foot', 'A')")
        found.sql("INSERT INTO post (code, name, unit, role) VALUES ('P4', 'post 4', 'U4', 'patrol')")
        yield found


def away(site: Site, *, cover: str | None, since: str, until: str = "2099-01-01") -> None:
    statement = "INSERT INTO leave (post, kind, cover, valid_from, valid_to) VALUES ('P2', 'sick', %s, {}, %s)"
    site.sql(statement.format(since), (cover, until))


async def duties(browser: Browser) -> set[str]:
    return {f"{it['subject']} {it['unit']}" for it in (await browser.get("/api/duties")).json["items"]}


async def test_who_stands_in_sees_the_work_and_nothing_of_before(site: Site) -> None:
    async with site.as_user("patrol") as browser:
        assert await duties(browser) == {"K1 U1"}
        away(site, cover="P1", since="now() - interval '1 hour'")
        assert await duties(browser) == {"K1 U1", "K2 U2", "K1 U2"}
        assert (await browser.get(f"/api/duties/{THEIRS}")).json["unit"] == "U2"
        assert (await browser.get(f"/api/duties/{GONE}")).status == 404
        rounds = (await browser.get("/api/rounds")).json["items"]
        assert {it["route"] for it in rounds} == {"R1", "R2", "R3"}
        points = (await browser.get("/api/checkpoints")).json["features"]
        assert {it["properties"]["code"] for it in points} == {"K1", "K2"}


async def test_who_is_asked_and_away_as_well_sees_nothing_of_it(site: Site) -> None:
    away(site, cover="P1", since="now() - interval '1 hour'")
    site.sql("INSERT INTO leave (post, kind, valid_from) VALUES ('P1', 'sick', now() - interval '2 hours')")
    async with site.as_user("patrol") as browser:
        assert await duties(browser) == {"K1 U1"}


async def test_who_takes_over_half_way_sees_the_same_round(site: Site) -> None:
    """The one who was named first goes home; B of the away post's grid goes on."""
    site.sql("INSERT INTO grid_post (grid, slot, post) VALUES ('B2', 'A', 'P2'), ('B2', 'B', 'P1')")
    away(site, cover="P4", since="now() - interval '1 hour'")
    async with site.as_user("patrol") as browser:
        assert await duties(browser) == {"K1 U1"}
        site.sql("INSERT INTO leave (post, kind, valid_from) VALUES ('P4', 'sick', now() + interval '30 minutes')")
        assert await duties(browser) == {"K1 U1", "K2 U2", "K1 U2"}
        assert {it["properties"]["code"] for it in (await browser.get("/api/checkpoints")).json["features"]} == {"K1"}


async def test_who_stood_in_may_object_and_reads_the_answer(site: Site) -> None:
    async with site.as_user("patrol") as patrol, site.as_user("officer") as officer:
        refused = await patrol.post(f"/api/duties/{GONE}/objections", {"text": "I was there"})
        assert refused.status == 404
        away(site, cover="P1", since="now() - interval '2 days'")
        made = await patrol.post(f"/api/duties/{GONE}/objections", {"text": "I was there"})
        assert (made.status, "is open already" in made.json["detail"]) == (409, True)
        site.sql("UPDATE objection SET state = 'withdrawn' WHERE duty = %s", (GONE,))
        made = await patrol.post(f"/api/duties/{GONE}/objections", {"text": "I was there"})
        assert (made.status, made.json["objections"][-1]["unit"]) == (201, "U1")
        number = made.json["objections"][-1]["id"]
        said = {"state": "rejected", "answer": "not so"}
        assert (await officer.post(f"/api/objections/{number}/answer", said)).status == 200
        mine = (await patrol.get("/api/objections")).json
        assert [(it["id"], it["answer"]) for it in mine["items"] if it["duty"] == GONE] == [(number, "not so")]
