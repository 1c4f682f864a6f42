"""`gengfu holiday`: what it says and does."""

import asyncio
import os

import pytest

from ops.cli import main
from tests.integration.bench import make_town


async def test_days_are_set_listed_and_removed(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await make_town(database_url)
    for name in [name for name in os.environ if name.startswith("GENGFU_") and not name.startswith("GENGFU_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GENGFU_DATABASE_URL", database_url)

    def said(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["holiday", *words])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), (out + err).strip()

    async def gengfu(*words: str) -> tuple[int, str]:
        return await asyncio.to_thread(said, *words)

    assert (await gengfu("list"))[1].startswith("no holidays")
    assert await gengfu("set", "2026-12-01", "rest", "Founding day") == (0, "2026-12-01 is rest: Founding day")
    assert await gengfu("set", "2026-12-01", "rest", "Founding day") == (0, "2026-12-01 was rest already")
    assert await gengfu("remove", "2026-12-01") == (0, "2026-12-01 is a day like others")
    assert await gengfu("remove", "2026-12-01") == (0, "2026-12-01 was no holiday; nothing changed")
    assert "has no name as a holiday" in (await gengfu("set", "2026-12-01", "rest", " "))[1]
    assert "write it like 2026-10-01" in (await gengfu("remove", "1.10.2026"))[1]
    status, text = await gengfu("set", "2026-12-01", "sleep", "Nap")
    assert status == 1
    assert "rest or work" in text
