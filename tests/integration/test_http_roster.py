"""Leave, custody, shifts and the matrix over HTTP: who may, what it does, what the record says.

P1 of unit U1 in grid B1 carries H1, P2 of unit U2 carries H2; U1 walks through B1 and U2 through B2, all day.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.http_site import Browser, Site, small_site

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with small_site(database_url) as found:
        yield found


def hours(count: float) -> str:
    return (NOW + timedelta(hours=count)).isoformat()


async def away(browser: Browser, post: str, start: float = -1, end: float | None = 1, **more: Any) -> Any:
    body = {"post": post, "kind": "sick", "valid_from": hours(start), "valid_to": None if end is None else hours(end)}
    return await browser.post("/api/leaves", {**body, **more})


async def test_leave_is_recorded_covered_and_withdrawn_and_each_is_audited(site: Site) -> None:
    async with site.as_user("leader") as browser:
        made = await away(browser, "P1")
        assert made.status == 201, made.text
        leave = made.json["leave"]
        assert (leave["post"], leave["kind"], leave["standing_in"]) == ("P1", "sick", None)
        path = f"/api/leaves/{leave['id']}"
        covered = (await browser.post(f"{path}/cover", {"cover": "P2", "at": hours(-1)})).json["leave"]
        assert (covered["id"], covered["cover"], covered["standing_in"]) == (leave["id"], "P2", "P2")
        posts = {it["code"]: it for it in (await browser.get("/api/posts")).json["items"]}
        assert (posts["P1"]["away"], posts["P1"]["standing_in"], posts["P1"]["devices"]) == ("sick", "P2", ["H1"])
        assert (posts["P2"]["away"], posts["P2"]["standing_in"]) == (None, "P2")
        back = await browser.post(f"{path}/withdraw", {"at": hours(0)})
        assert back.json["leave"]["valid_to"][:19] == hours(0)[:19]
        assert (await browser.post(f"{path}/withdraw", {"at": None})).json["leave"] is None
        assert (await browser.get("/api/leaves")).json["items"] == []
    record = site.sql("SELECT actor, action, subject FROM audit WHERE action LIKE 'leave.%%' ORDER BY id")
    assert record == [("leader", f"leave.{it}", "P1") for it in ("add", "cover", "withdraw", "withdraw")]
    ((detail,),) = site.sql("SELECT detail FROM audit WHERE action = 'leave.withdraw' ORDER BY id DESC LIMIT 1")
    assert (detail["before"]["cover"], detail["after"]) == ("P2", None)


async def test_what_cannot_be_is_said_in_a_sentence(site: Site) -> None:
    async with site.as_user("officer") as browser:
        await away(browser, "P1")
        again = await away(browser, "P1", 0, 3)
        assert again.status == 409
        assert "P1 is away from" in again.json["detail"]
        assert (await away(browser, "P9")).status == 422
        assert (await away(browser, "P2", 2, 1)).status == 409
        assert (await away(browser, "P2", cover="P2")).status == 409
        assert (await browser.post("/api/leaves/999/withdraw", {"at": None})).status == 404


async def test_nobody_acts_or_looks_beyond_the_own_territory(site: Site) -> None:
    async with site.as_user("officer") as browser:
        await away(browser, "P2")
    async with site.as_user("leader_c1") as browser:
        assert [it["code"] for it in (await browser.get("/api/posts")).json["items"]] == ["P1"]
        assert (await browser.get("/api/leaves")).json["items"] == []
        refused = await away(browser, "P2", 2, 3)
        assert refused.status == 422
        assert "nothing to do with your territory" in refused.json["detail"]
        assert (await away(browser, "P1", cover="P2")).status == 422
        assert (await browser.post("/api/custody/give", {"device": "H2", "holder": "P1"})).status == 422
        assert (await browser.post("/api/custody/take", {"device": "H2"})).status == 422
        matrix = (await browser.get("/api/roster")).json
        assert [row["grid"] for row in matrix["rows"]] == ["B1"]
        assert [it["unit"] for it in (await browser.get("/api/shifts")).json["items"]] == ["U1"]
        assert {it["device"] for it in (await browser.get("/api/custody")).json["items"]} == {"H1"}
    for role in ("patrol", "crew", "auditor"):
        async with site.as_user(role) as browser:
            assert (await browser.get("/api/roster")).status == 403
            assert (await away(browser, "P1")).status == 403


async def test_a_device_is_handed_over_taken_back_and_put_right(site: Site) -> None:
    async with site.as_user("officer") as browser:
        refused = await browser.post("/api/custody/give", {"device": "H1", "holder": "P2"})
        assert refused.status == 409
        assert "nothing is held by two" in refused.json["detail"]
        given = await browser.post("/api/custody/give", {"device": "H1", "holder": "P2", "hand_over": True})
        assert given.status == 200, given.text
        newest, first = given.json["items"]
        assert (newest["holder"], newest["valid_to"], newest["changed_by"]) == ("P2", None, "officer")
        assert first["valid_to"] == newest["valid_from"]
        assert (await browser.post("/api/custody/take", {"device": "H1"})).status == 200
        assert (await browser.post("/api/custody/take", {"device": "H1"})).status == 409
        span = {"valid_from": hours(-5), "valid_to": hours(-3)}
        put = await browser.post("/api/custody/correct", {"device": "H1", "holder": "U2", **span})
        spells = [(it["holder"], it["holder_kind"]) for it in reversed(put.json["items"])]
        assert spells == [("P1", "post"), ("U2", "unit"), ("P1", "post"), ("P2", "post")]
        nobody = await browser.post("/api/custody/correct", {"device": "H1", "holder": None, **span})
        assert [it["holder"] for it in reversed(nobody.json["items"])] == ["P1", "P1", "P2"]
    record = site.sql("SELECT action FROM audit WHERE action LIKE 'custody.%%' ORDER BY id")
    assert record == [(f"custody.{it}",) for it in ("give", "take", "correct", "correct")]


async def test_the_matrix_is_red_where_nobody_is_named(site: Site) -> None:
    async with site.as_user("officer") as browser:
        before = (await browser.get("/api/roster?slot_h=6")).json
        assert (len(before["slots"]), before["nobody"]) == (4, 0)
        assert {cell["state"] for row in before["rows"] for cell in row["cells"]} == {"named"}
        await away(browser, "P1", -48, 72)
        after = (await browser.get("/api/roster?slot_h=6")).json
        assert after["nobody"] == 4
        row = next(it for it in after["rows"] if it["grid"] == "B1")
        assert [cell["state"] for cell in row["cells"]] == ["nobody"] * 4
        week = (await browser.get("/api/roster?days=7&slot_h=12")).json
        assert (len(week["slots"]), len(week["rows"][0]["cells"])) == (14, 14)
        assert (await browser.get("/api/roster?slot_h=5")).status == 422


async def test_the_shift_calendar_changes_from_a_moment_on(site: Site) -> None:
    line = {"code": "always", "unit": "U1", "route": "R1"}
    new = {**line, "days": ["mon", "fri"], "starts": "20:00", "ends": "06:00", "rounds": 3, "valid_from": hours(2)}
    async with site.as_user("officer") as browser:
        found = (await browser.post("/api/shifts", new)).json["items"]
        assert [(it["starts"], it["rounds"], it["valid_to"] is None) for it in found] == [
            ("00:00:00", 1, False),
            ("20:00:00", 3, True),
        ]
        assert (await browser.post("/api/shifts", {**new, "rounds": 4})).json["items"][1]["rounds"] == 4
        assert len((await browser.get("/api/shifts?unit=U1")).json["items"]) == 2
        ended = await browser.post("/api/shifts/end", {**line, "at": hours(1)})
        assert len(ended.json["items"]) == 1
        assert (await browser.post("/api/shifts/end", {**line, "at": hours(1)})).status == 422
        assert (await browser.post("/api/shifts", {**new, "route": "R9"})).status == 422
        assert (await browser.post("/api/shifts", {**new, "mode": "seasonal"})).status == 409
    async with site.as_user("leader_c1") as browser:
        assert (await browser.post("/api/shifts", {**new, "unit": "U2"})).status == 422
