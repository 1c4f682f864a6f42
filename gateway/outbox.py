"""Dispatches and notices from the outbox to the broker: published at QoS 1, done when the broker has confirmed."""

import asyncio
import json
import logging

import psycopg

from devices.errors import BadDeviceName
from devices.identity import check_device_name
from gateway import metrics
from gateway.accounts import down_topic
from gateway.listening import wait_for
from gateway.outage import Outage
from gateway.session import Session
from ingest.database import Pool, transaction
from ingest.errors import DatabaseUnavailable
from ingest.queries import load_queries

log = logging.getLogger(__name__)

_SQL = load_queries("gateway", "outbox.sql")
POLL_S = 5.0
CONFIRM_S = 10.0  # seconds a broker has for its confirmation
LIMIT = 200  # rows at a time; all of them are under way at once


class Outbox:
    """Sends what is due; at least once, and each row until it is confirmed.

    Args:
        pool: of the database.
        session: whose account may publish to devices.
        wake: set when there may be something to send.
    """

    def __init__(self, pool: Pool, *, session: Session, wake: asyncio.Event) -> None:
        self._pool = pool
        self._session = session
        self._wake = wake
        self._outage = Outage(log, thing="sending messages to devices")

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._session.wait_ready()
            try:
                more = await self.send_due()
            except (DatabaseUnavailable, psycopg.Error) as error:
                self._outage.failed(error)
                more = False
            else:
                self._outage.worked()
            if not more:
                await wait_for(self._wake, at_most_s=POLL_S)

    async def send_due(self) -> bool:
        """Send what is due now; says whether there may be more.

        Raises:
            DatabaseUnavailable: what was confirmed but not noted is sent again later.
        """
        async with transaction(self._pool) as connection:
            await connection.execute(_SQL["expire"])
            rows = await (await connection.execute(_SQL["due"], {"limit": LIMIT})).fetchall()
        under_way: dict[int, asyncio.Future[None]] = {}
        wrong: dict[int, str] = {}
        for row in rows:
            try:
                topic = down_topic(check_device_name(row["target"]))
            except BadDeviceName as error:
                wrong[row["id"]] = str(error)
                continue
            payload = json.dumps(row["payload"], ensure_ascii=False, separators=(",", ":")).encode()
            under_way[row["id"]] = self._session.send(topic, payload)
        if under_way:
            await asyncio.wait(under_way.values(), timeout=CONFIRM_S)
        await self._note(under_way, wrong)
        return len(rows) == LIMIT

    async def _note(self, under_way: "dict[int, asyncio.Future[None]]", wrong: dict[int, str]) -> None:
        sent = [row for row, done in under_way.items() if done.done() and done.exception() is None]
        for done in under_way.values():
            done.cancel()  # what has not gone out yet shall not go out later as well: it is sent again
        failed = [row for row in under_way if row not in set(sent)]
        if not sent and not failed and not wrong:
            return
        async with transaction(self._pool) as connection:
            await connection.execute(_SQL["sent"], {"ids": sent})
            error = "the broker did not confirm"
            await connection.execute(_SQL["failed"], {"ids": failed, "error": error})
            for row, reason in wrong.items():
                log.error("message %d cannot be sent: %s", row, reason, extra={"event": "outbox_impossible"})
                await connection.execute(_SQL["impossible"], {"id": row, "error": reason})
        metrics.OUTBOX_SENT.inc(len(sent))
        metrics.OUTBOX_FAILED.inc(len(failed) + len(wrong))
