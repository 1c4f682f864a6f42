"""Ingest workers that share their lanes at a real mosquitto: stopped, killed, taken out; each row is there once."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gateway import Session, register
from ingest.database import connect
from ops.errors import SettingsError
from ops.roles import gateway, ingest
from ops.serve import with_values
from ops.settings import Settings, as_environment, load
from ops.sharing import workers
from tests.integration.bench import fix
from tests.integration.gateway_place import Place, made_place
from tests.integration.nats_server import eventually

STOP_S = 10.0
AT_ONCE = 20
PACE_S = 0.05
DEADLINE_S = 60.0


@pytest.fixture
async def place(tmp_path: Path, database_url: str) -> AsyncIterator[Place]:
    async with made_place(tmp_path, database_url, kind="mosquitto", workers=2) as made:
        yield made


class Workers:
    """Processes of the role ingest, by the worker's name."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str) -> None:
        since = datetime.now(UTC)
        settings = with_values(self._place.settings, {"ingest.worker": name})
        environment = {key: os.environ[key] for key in ("PATH", "HOME", "PYTHONPATH") if key in os.environ}
        self._running[name] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ops.cli", "run", "ingest",
            env=environment | as_environment(settings), cwd=self._place.folder, stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await eventually(lambda: self._hears(name, since), within_s=DEADLINE_S)

    async def _hears(self, name: str, since: datetime) -> bool:
        query = "SELECT FROM ingest_progress WHERE worker = %s AND hears AND up_since > %s"
        return len(await rows(self._place, query, name, since)) == 2

    async def end(self, name: str, number: signal.Signals) -> int:
        process = self._running.pop(name)
        process.send_signal(number)
        return await process.wait()

    async def end_all(self) -> None:
        for name in list(self._running):
            await self.end(name, signal.SIGKILL)


@asynccontextmanager
async def workers_of(place: Place) -> AsyncIterator[Workers]:
    made = Workers(place)
    try:
        yield made
    finally:
        await made.end_all()


async def rows(place: Place, query: str, *values: object) -> list[dict[str, Any]]:
    async with await connect(place.database_url, name="test") as connection:
        return await (await connection.execute(query.encode(), values)).fetchall()


class Load:
    """A device that reports at a pace, until told to stop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._enough = asyncio.Event()
        self.sent = 0

    async def run(self) -> None:
        while not self._enough.is_set():
            batch = range(self.sent, self.sent + AT_ONCE)
            await asyncio.gather(*(self._session.publish("gengfu/v1/H-01/up", reading(number)) for number in batch))
            self.sent += AT_ONCE
            await asyncio.sleep(PACE_S)

    def stop(self) -> None:
        self._enough.set()

    async def more(self, number: int = 500) -> None:
        until = self.sent + number
        await eventually(lambda: self.sent >= until, within_s=DEADLINE_S)


def reading(number: int) -> bytes:
    return json.dumps(fix(number * 0.01, boot=1, seq=number)).encode()


async def test_workers_come_and_go_under_load_and_every_row_is_there_once(place: Place) -> None:
    async with place.gateway(), workers_of(place) as processes:
        async with await connect(place.database_url, name="test") as connection:
            issued = await register.add_device(connection, name="H-01", kind="handset")
        device = {"device": "H-01", "secret": issued.secret, "subscribe": []}
        await processes.start("1")
        await processes.start("2")
        async with place.session(device) as session, asyncio.TaskGroup() as tasks:
            await session.wait_up(timeout_s=DEADLINE_S)
            load = Load(session)
            tasks.create_task(load.run(), name="load")
            await load.more()

            began = monotonic()
            assert await processes.end("1", signal.SIGTERM) == 0
            assert monotonic() - began < STOP_S
            await load.more()
            await processes.start("1")

            await processes.end("2", signal.SIGKILL)
            await load.more()
            await processes.start("2")
            await load.more()

            assert await processes.end("2", signal.SIGTERM) == 0
            await load.more()  # worker 2 gets its share of these
            await eventually(lambda: _is_silent(place, "2"), within_s=DEADLINE_S)
            small = ("--set", "ingest.batch_readings=20")  # so that reading has to pause
            status, out, err = await place.gengfu("ingest", "drain", "2", *small)
            assert (status, err) == (0, "")
            assert "worker 2, lane up: " in out
            assert "lane up: 0 messages" not in out
            await load.more()
            load.stop()
        await eventually(lambda: _stored(place, load.sent), within_s=DEADLINE_S)
        (total,) = await rows(place, "SELECT count(*) AS n, count(DISTINCT seq) AS unique FROM position")
        assert total == {"n": load.sent, "unique": load.sent}
        stored = await rows(
            place, "SELECT worker, sum(value)::int AS n FROM ingest_counter WHERE name = 'stored' GROUP BY 1 ORDER BY 1"
        )
        assert [row["worker"] for row in stored] == ["1", "2"]
        assert all(row["n"] > AT_ONCE for row in stored)
        assert sum(row["n"] for row in stored) == load.sent
        assert await rows(place, "SELECT DISTINCT worker FROM ingest_progress WHERE drained_at IS NULL") == [
            {"worker": "1"}
        ]


async def _is_silent(place: Place, name: str) -> bool:
    query = "SELECT FROM ingest_progress WHERE worker = %s AND beat_at > now() - interval '5 s'"
    return not await rows(place, query, name)


async def _stored(place: Place, number: int) -> bool:
    (row,) = await rows(place, "SELECT count(DISTINCT seq) AS n FROM position")
    return bool(row["n"] >= number)


async def test_neither_a_worker_that_runs_nor_the_last_one_is_drained(place: Place) -> None:
    status, _, err = await place.gengfu("ingest", "drain", "2")
    assert status == 1
    assert "start another before worker 2 is drained" in err
    async with place.gateway(), place.ingest():
        await eventually(lambda: _beats(place), within_s=DEADLINE_S)
        status, _, err = await place.gengfu("ingest", "drain", "1")
        assert status == 1
        assert "stop it first" in err


async def _beats(place: Place) -> bool:
    return len(await rows(place, "SELECT FROM ingest_progress")) == 2


def _pending() -> float:
    return REGISTRY.get_sample_value("gengfu_ingest_pending_messages", {"lane": "up"}) or 0.0


async def test_a_stop_commits_what_was_taken(place: Place) -> None:
    async with place.gateway():
        async with await connect(place.database_url, name="test") as connection:
            issued = await register.add_device(connection, name="H-01", kind="handset")
        slow = with_values(place.settings, {"ingest.batch_age_ms": 3000})
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ingest.run(slow, stop=stop), name="role")
            await eventually(lambda: _beats(place), within_s=DEADLINE_S)
            before = _pending()
            async with place.session({"device": "H-01", "secret": issued.secret, "subscribe": []}) as session:
                await session.wait_up(timeout_s=DEADLINE_S)
                await asyncio.gather(*(session.publish("gengfu/v1/H-01/up", reading(number)) for number in range(10)))
            await eventually(lambda: _pending() == before + 10, within_s=DEADLINE_S)
            stop.set()
        assert await _stored(place, 10)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["broker.kind=nats", "ingest.workers=2"], "nats-server cannot share messages"),
        (["ingest.workers=2", "ingest.worker=x"], "the names are 1, 2"),
    ],
)
async def test_what_cannot_be_shared_is_said_at_the_start(overrides: list[str], said: str) -> None:
    settings = load(overrides=["broker.secret=x", *overrides]).settings
    with pytest.raises(SettingsError, match=said):
        await ingest.run(settings, stop=asyncio.Event())


def test_one_worker_may_have_any_name() -> None:
    assert workers(load(overrides=["ingest.worker=house"]).settings) == ["house"]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["broker.mosquitto_acl_file=/x/acl"], "set both"),
        (["broker.nats_accounts_file=/x/accounts.conf"], "set that to nats"),
        (["broker.kind=emqx", "broker.mosquitto_acl_file=/x/a", "broker.mosquitto_password_file=/x/p"], "to mosquitto"),
    ],
)
def test_files_that_do_not_fit_the_broker_are_refused(overrides: list[str], said: str) -> None:
    settings: Settings = load(overrides=["broker.secret=x", *overrides]).settings
    with pytest.raises(SettingsError, match=said):
        gateway.provisioner(settings)


def test_nobody_keeps_the_accounts_where_no_file_is_named() -> None:
    assert gateway.provisioner(load(overrides=["broker.secret=x"]).settings) is None
