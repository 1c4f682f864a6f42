"""Which event loop a test runs on, a town with an ingest, and folders and holders of the embedded services.

Tests of the protocol run on the loop that the processes of roles have.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.integration.bench import Bench, bench_on, make_town
from tests.integration.holder import Hold, Holder


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name.startswith("test_mqtt_"):
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Starts holders and makes sure that none outlives the test."""
    holders: list[Holder] = []

    def start(folder: Path, *, uid: int | None = None) -> Holder:
        holders.append(Holder(folder, uid=uid))
        return holders[-1]

    yield start
    for holder in holders:
        if holder.process.poll() is None:
            holder.process.kill()
            holder.close()


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that only its owner may enter."""
    folder = Path(tempfile.mkdtemp(prefix="gengfu-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def open_folder(closed: Path) -> Path:
    """A folder that everybody may enter."""
    closed.chmod(0o755)
    return closed


@pytest.fixture
async def town_url(database_url: str) -> str:
    """A database with the town of the tests of ingest."""
    await make_town(database_url)
    return database_url


@pytest.fixture
async def bench(town_url: str) -> AsyncIterator[Bench]:
    """Ingest at work in that town."""
    async with bench_on(town_url) as bench:
        yield bench
