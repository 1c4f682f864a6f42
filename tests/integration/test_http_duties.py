"""Duties over HTTP: explained, waived, objected to, answered; who may, who is told, and what is recorded."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.http_site import Site, small_site

DUTY = 8  # of U1 in B1, missed yesterday, with an open objection by the account patrol
MINE = 1  # of U1 in B1, late today
SPAN = {"unit": "U1", "from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z"}
EVIDENCE = """{"place": {"lat": 30.05, "lon": 111.05, "radius_m": 30}, "visit": null, "devices": [],
               "window": ["2026-11-21T00:00:00Z", "2026-11-21T01:00:00Z"]}"""


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


def acts(site: Site) -> list[str]:
    return [row[0] for row in site.sql("SELECT action FROM audit WHERE action <> 'track.look' ORDER BY id")]


async def test_a_duty_tells_everything_about_itself(site: Site) -> None:
    site.sql("INSERT INTO evidence (body) VALUES (%s)", (EVIDENCE,))
    site.sql("UPDATE duty SET evidence = (SELECT max(id) FROM evidence) WHERE id = %s", (DUTY,))
    async with site.as_user("patrol") as browser:
        found = (await browser.get(f"/api/duties/{DUTY}")).json
        assert (found["name"], found["unit_name"], found["verdict"]) == ("gate 1", "unit 1", "missed")
        assert found["drawing"]["circle"]["radius_m"] == 30
        assert [it["state"] for it in found["objections"]] == ["open"]
        assert found["object_until"] > found["final_at"]
        assert (found["superseded_at"], found["waivers"], found["alerts"]) == (None, [], [])
        listed = (await browser.get("/api/duties?verdict=missed&verdict=late&limit=1")).json
        assert (listed["items"][0]["id"], len(listed["items"])) == (MINE, 1)
        rest = (await browser.get(f"/api/duties?verdict=missed&verdict=late&after={listed['next']}")).json
        assert [it["id"] for it in rest["items"]] == [DUTY]
        for query in ("day=2026-01-01", "unit=U2", "rule=sos", "state=final", "grid=B2", "until=2026-01-01T00:00:00Z"):
            assert (await browser.get(f"/api/duties?{query}")).json["items"] == [], query
        assert (await browser.get("/api/duties?colour=red")).status == 422


async def test_an_officer_waives_and_takes_it_back(site: Site) -> None:
    async with site.as_user("officer_c1") as browser:
        assert (await browser.post(f"/api/duties/{DUTY}/waive", {"why": "  "})).status == 422
        assert (await browser.post(f"/api/duties/{DUTY}/waive", {})).status == 422
        waived = (await browser.post(f"/api/duties/{DUTY}/waive", {"why": "road closed"})).json
        assert (waived["waived_by"], waived["waived_why"]) == ("officer_c1", "road closed")
        assert [(it["of"], it["in_force"]) for it in waived["waivers"]] == [("duty", True)]
        again = (await browser.post(f"/api/duties/{DUTY}/waive", {"why": "another reason"})).json
        assert again["waived_why"] == "road closed"
        assert site.sql("SELECT kind, subject FROM dirty_mark") == [("duty", str(DUTY))]
        back = (await browser.post(f"/api/duties/{DUTY}/unwaive")).json
        assert (back["waived_at"], back["waivers"][0]["ended_by"]) == (None, "officer_c1")
        assert acts(site) == ["duty.waive", "duty.unwaive"]


async def test_a_span_is_previewed_waived_and_ended_within_the_territory(site: Site) -> None:
    async with site.as_user("officer_c1") as browser:
        seen = (await browser.post("/api/waivers/preview", SPAN)).json
        assert seen == {"duties": 2, "by_rule": {"missed_checkpoint": 2}, "waived": 0, "beyond": 0}
        made = await browser.post("/api/waivers", {**SPAN, "why": "a flood"})
        assert made.status == 201
        assert (made.json["grid"], made.json["duties"]) == ("C1", 2)  # kept to the officer's territory
        assert (await browser.post("/api/waivers/preview", SPAN)).json["waived"] == 2
        ended = (await browser.post(f"/api/waivers/{made.json['id']}/end")).json
        assert (ended["duties"], ended["ended_by"]) == (0, "officer_c1")
        listed = (await browser.get("/api/waivers?in_force=false")).json["items"]
        assert [it["id"] for it in listed] == [made.json["id"]]
        assert acts(site) == ["waiver.make", "waiver.end"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}, "say whose duties"),
        ({"unit": "U1"}, "say from when to when"),
        ({**SPAN, "to": "2025-01-01T00:00:00Z"}, "from must lie before to"),
        ({**SPAN, "to": "2027-06-01T00:00:00Z"}, "change the plan instead"),
        ({"round": 1, "unit": "U1"}, "leave out everything else"),
        ({**SPAN, "unit": "U9"}, "there is no unit U9"),
    ],
)
async def test_what_cannot_be_waived_is_said(site: Site, body: dict[str, object], said: str) -> None:
    async with site.as_user("officer") as browser:
        reply = await browser.post("/api/waivers", {**body, "why": "x"})
        assert reply.status == 422
        assert said in reply.json["detail"]
        assert reply.json["errors"][0]["where"].startswith("body.")


async def test_a_round_is_waived_whole(site: Site) -> None:
    async with site.as_user("officer") as browser:
        made = (await browser.post("/api/waivers", {"round": 3, "why": "a parade"})).json
        assert (made["round"], made["unit"], made["duties"]) == ("round R3", "U2", 2)
    async with site.as_user("officer_c1") as browser:  # one of its points lies elsewhere
        assert (await browser.post("/api/waivers", {"round": 3, "why": "a parade"})).status == 404


async def test_an_objection_is_made_answered_seen_and_recorded(site: Site) -> None:
    async with site.as_user("patrol") as patrol, site.as_user("officer_c1") as officer:
        assert (await patrol.post(f"/api/duties/{MINE}/objections", {"text": "x" * 1001})).status == 422
        made = await patrol.post(f"/api/duties/{MINE}/objections", {"text": "the clock was wrong"})
        assert (made.status, made.json["objection"]) == (201, "open")
        again = await patrol.post(f"/api/duties/{MINE}/objections", {"text": "again"})
        assert (again.status, "is open already" in again.json["detail"]) == (409, True)
        listed = (await officer.get("/api/objections?state=open")).json
        assert (listed["open"], [it["duty"] for it in listed["items"]]) == (2, [MINE, DUTY])
        number = listed["items"][0]["id"]

        lame = await officer.post(f"/api/objections/{number}/answer", {"state": "upheld", "answer": "yes"})
        assert (lame.status, "by what mends it" in lame.json["detail"]) == (409, True)
        said = {"state": "upheld", "remedy": "waived", "answer": "it was"}
        answered = (await officer.post(f"/api/objections/{number}/answer", said)).json
        assert (answered["state"], answered["answered_by"]) == ("upheld", "officer_c1")
        assert (await officer.post(f"/api/objections/{number}/answer", said)).status == 409

        mine = (await patrol.get("/api/objections")).json
        assert (mine["open"], mine["unseen"]) == (1, 1)
        assert (await patrol.get(f"/api/duties/{MINE}")).json["waived_why"] == "it was"
        assert (await patrol.post(f"/api/objections/{number}/seen")).json["seen_at"]
        assert (await patrol.get("/api/objections")).json["unseen"] == 0
        assert (await patrol.post(f"/api/objections/{number}/withdraw")).status == 409
        assert (await patrol.post("/api/objections/1/withdraw")).json["state"] == "withdrawn"
        assert acts(site) == ["objection.make", "objection.answer", "objection.withdraw"]


async def test_an_account_without_a_unit_is_told_so(site: Site) -> None:
    site.sql("UPDATE account SET unit = NULL WHERE name = 'patrol'")
    async with site.as_user("patrol") as browser:
        assert (await browser.get("/api/duties")).json["items"] == []


async def test_a_correction_waits_until_the_alert_is_opened(site: Site) -> None:
    async with site.as_user("officer") as browser:
        listed = (await browser.get("/api/corrections")).json["items"]
        assert [it["told_class"] for it in listed] == ["unproven"] * 3
        number = listed[0]["alert"]["id"]
        await browser.get(f"/api/alerts/{number}")
        left = (await browser.get("/api/corrections")).json["items"]
        assert number not in [it["alert"]["id"] for it in left]
        assert len(left) == 2
        # Closing it by hand as what it is corrects nothing; a change of class does.
        site.sql("INSERT INTO alert_history (alert, at, event, actor) VALUES (%s, now(), 'resolved', 'li')", (number,))
        assert len((await browser.get("/api/corrections")).json["items"]) == 2
        site.sql("INSERT INTO alert_history (alert, at, event, actor) VALUES (%s, now(), 'waived', 'li')", (number,))
        newest = (await browser.get("/api/corrections")).json["items"][0]
        assert (newest["alert"]["id"], [it["event"] for it in newest["since"]]) == (number, ["resolved", "waived"])
