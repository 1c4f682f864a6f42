"""The gateway's look at the broker's disk: a small real one that fills, a folder that is not there, none at all."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import StoreDisk
from gateway.metrics import STORE_FREE, STORE_SIZE
from ingest.database import Connection, connect, make_pool
from ingest.migrate import migrate
from tests.faults.catalog.database import ballast_of
from tests.faults.tmpfs import MIB, Tmpfs, cannot_mount
from tests.integration.nats_server import eventually

Seen = tuple[int | None, int | None, bool]  # free and total bytes, and whether somebody looked


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Tmpfs]:
    if why := cannot_mount():
        pytest.skip(why)
    made = Tmpfs(tmp_path / "store", size_mib=4)
    unmount = made.mounted()
    yield made
    unmount()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    await migrate(database_url)
    async with await connect(database_url, name="test") as made:
        yield made


@asynccontextmanager
async def looking(database_url: str, folder: Path | None) -> AsyncIterator[asyncio.Task[None]]:
    async with make_pool(database_url, name="test", size=2) as pool, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(StoreDisk(pool, folder=folder, every_s=0.05).run(), name="broker's disk")
        yield task
        task.cancel()


async def seen(connection: Connection) -> Seen:
    query = b"SELECT store_free_bytes AS free, store_size_bytes AS size, store_looked_at AS at FROM broker_state"
    row: Any = await (await connection.execute(query)).fetchone()
    return row["free"], row["size"], row["at"] is not None


def gauge(metric: Any) -> float:
    return float(metric.collect()[0].samples[0].value)


async def test_a_disk_that_fills_is_seen_to_the_last_byte(
    disk: Tmpfs, database_url: str, connection: Connection
) -> None:
    async with looking(database_url, disk.folder):
        await until(connection, (4 * MIB, 4 * MIB, True))
        await asyncio.to_thread(ballast_of, disk.folder / "ballast")
        await until(connection, (0, 4 * MIB, True))
        assert (gauge(STORE_FREE), gauge(STORE_SIZE)) == (0, 4 * MIB)
        disk.resize(size_mib=8)
        await until(connection, (4 * MIB, 8 * MIB, True))


async def test_a_folder_that_is_not_there_is_said_once_and_nothing_is_made_up(
    tmp_path: Path, database_url: str, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "gateway.store_disk")
    async with looking(database_url, tmp_path / "later"):
        await eventually(lambda: bool(caplog.messages), within_s=10)
        assert f"{tmp_path}/later cannot be looked at (No such file or directory); set broker.store_dir" in caplog.text
        assert await seen(connection) == (None, None, False)
        assert math.isnan(gauge(STORE_FREE))
        (tmp_path / "later").mkdir()
        await eventually(lambda: len(caplog.messages) > 1, within_s=10)
    assert "works again after" in caplog.messages[1]
    free, size, looked = await seen(connection)
    assert looked
    assert 0 <= (free or 0) <= (size or 0)
    assert size


async def test_without_a_folder_what_another_gateway_saw_is_forgotten(
    tmp_path: Path, database_url: str, connection: Connection
) -> None:
    async with looking(database_url, tmp_path):
        await eventually(lambda: _looked(connection), within_s=10)
    async with looking(database_url, None) as task:
        await asyncio.wait_for(task, 10)
    assert await seen(connection) == (None, None, False)


async def _looked(connection: Connection) -> bool:
    return (await seen(connection))[2]


async def until(connection: Connection, expected: Seen) -> None:
    async def holds() -> bool:
        return await seen(connection) == expected

    await eventually(holds, within_s=10)
