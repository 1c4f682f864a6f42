"""The rules worker sees every change of the dated world, and none where there is none."""

import re
from importlib.resources import files

import pytest

from tests.integration.rules_site import Site, at, site_at

WORLD_SQL = files("rules.store").joinpath("world.sql").read_text(encoding="utf-8")
TABLES = sorted(set(re.findall(r"FROM (\w+)", WORLD_SQL)) - {"world_revision"})


async def stamp(site: Site) -> str:
    """The text by which the worker tells whether the world changed."""
    statement = WORLD_SQL.split("-- name: stamp")[1].split(";")[0]
    return str((await site.row(statement.partition("\n")[2]))["stamp"])


@pytest.mark.parametrize("table", TABLES)
async def test_every_table_of_the_world_counts(database_url: str, table: str) -> None:
    async with site_at(database_url) as site:
        before = await stamp(site)
        assert await stamp(site) == before
        await site.do(f"DELETE FROM {table}")  # noqa: S608  a name out of our own file
        assert await stamp(site) != before


async def test_a_transaction_counts_once_and_one_that_is_rolled_back_not_at_all(database_url: str) -> None:
    async with site_at(database_url) as site:
        before = int(await stamp(site))
        async with site.connection.transaction():
            for number in range(20):
                await site.unit(f"U-{number}")
        assert int(await stamp(site)) == before + 1
        async with site.connection.transaction(force_rollback=True):
            await site.unit("U-99")
        assert int(await stamp(site)) == before + 1
        async with site.connection.transaction():
            async with site.connection.transaction(force_rollback=True):
                await site.unit("U-99")
            await site.unit("U-98")
        assert int(await stamp(site)) == before + 2


async def test_a_change_is_planned_at_once(database_url: str) -> None:
    async with site_at(database_url) as site:
        await site.unit()
        await site.checkpoint("C-1", 0, 0)
        await site.shift("C-1")
        await site.work(0)
        await site.do("UPDATE shift SET ends = '10:00'")
        await site.work()
        assert at(24 * 60 + 120) in {row["due_at"] for row in await site.rows("SELECT due_at FROM duty")}
