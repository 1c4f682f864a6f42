"""A device without any care: it publishes bytes and numbered readings once, and leaves the rest to the broker."""

import asyncio
import secrets as tokens
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway import Credentials, Session
from tests.faults.scenario import Run

BOOT = 1
WINDOW = 500  # messages without the broker's confirmation


@asynccontextmanager
async def plain(run: Run, device: str) -> AsyncIterator[Session]:
    """A session of a device that only publishes."""
    credentials = Credentials(device, run.stage.secrets[device], tokens.token_urlsafe(16))
    async with Session(
        run.stage.device_url, credentials=credentials, name=f"plain {device}", clean_session=True
    ) as session:
        await session.wait_up(timeout_s=60)
        yield session


async def publish(session: Session, topic: str, payloads: Iterable[bytes]) -> None:
    """Publish at QoS 1, many at a time, and return when the broker has confirmed all."""
    waiting: list[asyncio.Future[None]] = []
    for payload in payloads:
        waiting.append(session.send(topic, payload))
        if len(waiting) >= WINDOW:
            await asyncio.gather(*waiting)
            waiting.clear()
    await asyncio.gather(*waiting)


def up(device: str) -> str:
    """Where its readings go."""
    return f"gengfu/v1/{device}/up"


def numbered(run: Run, device: str, times: Iterable[datetime], **values: Any) -> list[dict[str, Any]]:
    """Positions with `boot` and `seq`, noted in the ledger; the numbers follow the order given, from 1."""
    readings = [
        {
            "type": "position",
            "t": at.astimezone(UTC).isoformat(),
            "boot": BOOT,
            "seq": seq,
            "lat": 30.002,
            "lon": round(111.0 + seq * 1e-6, 7),
            **values,
        }
        for seq, at in enumerate(times, 1)
    ]
    run.ledger.note(device, BOOT, range(1, len(readings) + 1))
    return readings


def encoded(readings: Iterable[dict[str, Any]]) -> list[bytes]:
    """Each as a message of its own."""
    return [msgspec.json.encode(reading) for reading in readings]
