"""Many duties are judged in one transaction, and one that cannot be stored delays no other."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

import pytest

from rules.catalog.missed_checkpoint import MissedCheckpoint
from rules.core.alerts import Intent, Raise, Severity
from rules.facts import Group
from tests.integration.rules_site import Site, site_at

SETTLED = 67


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """Three units with a round each, and nobody walks."""
    async with site_at(database_url) as site:
        for number in (1, 2, 3):
            await site.unit(f"U-{number}")
            await site.device(f"H-{number}", unit=f"U-{number}")
            await site.checkpoint(f"C-{number}", number * 300, 0)
        await site.shift("C-1", "C-2", "C-3")
        for number in (2, 3):
            await site.do(
                "INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds) "
                "SELECT code, name, days, starts, ends, %s, route, rounds FROM shift WHERE unit = 'U-1'",
                f"U-{number}",
            )
        await site.work(0)
        for number in (1, 2, 3):
            await site.stay(f"H-{number}", 0, SETTLED, -900, 0)
        yield site


async def verdicts(site: Site) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = {}
    for row in await site.rows("SELECT unit, verdict FROM duty WHERE due_at < %s", site.now):
        found.setdefault(row["unit"], set()).add(row["verdict"])
    return found


async def test_a_portion_is_one_transaction(site: Site) -> None:
    await site.work(SETTLED)
    assert await verdicts(site) == {"U-1": {"missed"}, "U-2": {"missed"}, "U-3": {"missed"}}
    row = await site.row(
        "SELECT count(DISTINCT e.xmin::text) AS transactions, count(*) AS rows "
        "FROM duty d JOIN evidence e ON e.id = d.evidence"
    )
    assert row == {"transactions": 1, "rows": 9}


async def test_what_cannot_be_stored_is_put_off_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = MissedCheckpoint.alerts

    def broken(self: MissedCheckpoint, group: Group) -> list[Intent]:
        found = whole(self, group)
        if group.round is None or group.round.unit != "U-2":
            return found
        nonsense = cast("Severity", "nonsense")
        return [replace(it, severity=nonsense) if isinstance(it, Raise) else it for it in found]

    with monkeypatch.context() as patch:
        patch.setattr(MissedCheckpoint, "alerts", broken)
        await site.work(SETTLED)
    assert await verdicts(site) == {"U-1": {"missed"}, "U-2": {None}, "U-3": {"missed"}}
    assert "could not judge 9 duties at once" in caplog.text
    assert len(await site.rows("SELECT FROM alert")) == 2
    await site.work(SETTLED + 0.1)
    assert await verdicts(site) == {"U-1": {"missed"}, "U-2": {"missed"}, "U-3": {"missed"}}
    assert len(await site.rows("SELECT FROM alert")) == 3


async def test_the_same_verdict_keeps_its_evidence_and_another_one_gets_new(site: Site) -> None:
    await site.work(SETTLED)
    before = await site.row("SELECT id, evidence FROM duty WHERE unit = 'U-1' AND subject = 'C-1' AND evidence > 0")
    await site.work(SETTLED + 5)
    same = await site.row("SELECT evidence FROM duty WHERE id = %s", before["id"])
    assert same["evidence"] == before["evidence"]
    await site.fix("H-1", 30.2, 300, 0, received=80)
    await site.mark("checkpoint", "C-1", 30, 31)
    await site.work(80)
    after = await site.row("SELECT evidence, verdict FROM duty WHERE id = %s", before["id"])
    assert after["verdict"] == "met"
    assert after["evidence"] != before["evidence"]
    assert await site.rows("SELECT FROM evidence WHERE id = %s", before["evidence"])
