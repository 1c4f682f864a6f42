"""What devices send: the same again and again, much that is old, poison, too much of it, and with wrong clocks."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from time import monotonic

import msgspec
from typing_extensions import override

from gateway import DeviceClient, pause
from gateway.device_outbox import Limits
from tests.faults.fleet import QUICK
from tests.faults.plain import encoded, numbered, plain, publish, up
from tests.faults.scenario import Fault, Run
from tests.faults.stage import eventually

GROWTH_MIB = 20.0  # that ingest may grow by for a payload that it refuses


class Duplicates(Fault):
    """Every reading three times, shuffled over ten minutes; the track is in the order of the device's clock."""

    name = "duplicates"
    number = "15"
    title = "duplicates, shuffled"
    quick = True
    load = QUICK
    more_devices = ("TRIPLE",)
    readings = 600

    @override
    async def inject(self, run: Run) -> None:
        began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
        times = [began + timedelta(seconds=place) for place in range(self.readings)]
        payloads = encoded(numbered(run, "TRIPLE", times)) * 3
        run.dice.shuffle(payloads)
        async with plain(run, "TRIPLE") as session:
            await publish(session, up("TRIPLE"), payloads)
        run.injected = f"{self.readings} × 3, shuffled within 10 min"

    @override
    async def expect(self, run: Run) -> None:
        async def counted() -> bool:
            return await run.stage.counted("repeated") >= 2 * self.readings

        await eventually(counted, within_s=30, what=run.stage.ingest.said)
        async with run.stage.database() as connection:
            query = b"""SELECT p.seq, p.time, l.time AS last FROM position p JOIN device d ON d.number = p.device
                         JOIN last_known l USING (device) WHERE d.name = 'TRIPLE' ORDER BY p.time"""
            rows = await (await connection.execute(query)).fetchall()
        assert [row["seq"] for row in rows] == list(range(1, self.readings + 1))
        assert rows[-1]["time"] == rows[-1]["last"], "the last known place is not the newest by the device's clock"


class BlackOut(Fault):
    """Days without radio, then everything at once, oldest days included, while others go on."""

    name = "black-out"
    number = "16"
    title = "three days of fixes at once"
    more_devices = ("BURST",)
    readings = 50_000
    array = 500
    older = 2000  # of them from the weeks before, whose days are long settled
    drain_s = 240.0

    @override
    async def inject(self, run: Run) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        recent = self.readings - self.older
        times = [now - timedelta(days=3) + timedelta(days=3) * place / recent for place in range(recent)]
        times += [now - timedelta(days=run.dice.uniform(4, 80)) for _ in range(self.older)]
        fixes = [
            {"type": "position", "t": at.isoformat(), "lat": 30.003, "lon": round(111 + place * 1e-7, 7)}
            for place, at in enumerate(times)
        ]
        await run.early()
        secret = run.stage.secrets["BURST"]
        async with DeviceClient(run.stage.device_url, device="BURST", secret=secret) as client:
            await client.wait_ready(timeout_s=60)
            run.ledger.note("BURST", client.boot, range(1, self.readings + 1))
            began = monotonic()
            for place in range(0, self.readings, self.array):
                await client.send(fixes[place : place + self.array])
            assert await client.drain(stall_s=60), f"{client.unreceipted} old fixes are without a receipt"
            run.notes.append(f"all safe after {monotonic() - began:.1f} s; others' p99 lag {run.lag.p99():.1f} s")
        run.injected = f"{self.readings:,} fixes of 3 days, {self.older:,} of them older"


class Poison(Fault):
    """A thousand messages that nobody can read, of all kinds, among good ones."""

    name = "poison"
    number = "17"
    title = "poison"
    quick = True
    load = QUICK
    more_devices = ("VANDAL",)
    messages = 1000

    @override
    async def inject(self, run: Run) -> None:
        lives = run.stage.ingest.starts
        kinds = list(POISON)
        payloads = [POISON[kinds[place % len(kinds)]](place, run.dice) for place in range(self.messages)]
        run.dice.shuffle(payloads)
        async with plain(run, "VANDAL") as session:
            await publish(session, up("VANDAL"), payloads)
        run.injected = f"{self.messages:,} messages of {len(kinds)} kinds"
        query = "SELECT sum(times) FROM quarantine WHERE topic = %s AND reason <> ''"

        async def all_there() -> bool:
            return await run.stage.number(query, up("VANDAL")) >= self.messages

        await eventually(all_there, within_s=60, what=run.stage.ingest.said)
        assert await run.stage.number(query, up("VANDAL")) == self.messages
        assert run.stage.ingest.starts == lives, "ingest was restarted by what it could not read"

    @override
    async def expect(self, run: Run) -> None:
        async with run.stage.database() as connection:
            rows = await (await connection.execute(b"SELECT DISTINCT reason FROM quarantine ORDER BY 1")).fetchall()
        run.notes.append("reasons: " + ", ".join(row["reason"] for row in rows))


def _now() -> str:
    return datetime.now(UTC).isoformat()


# fmt: off
POISON: dict[str, Callable[[int, Random], bytes]] = {
    "broken off": lambda place, _dice: b'{"type":"position","n":%d' % place,
    "not UTF-8": lambda place, dice: b'{"type":"\xff\xfe%d%s"}' % (place, dice.randbytes(8).hex().encode()),
    "garbage": lambda place, dice: b"\x00%d" % place + dice.randbytes(40),
    "NaN": lambda place, _dice: b'{"type":"position","t":"%s","lat":NaN,"lon":%d}' % (_now().encode(), place % 180),
    "deep": lambda place, _dice: b'{"n":%d,"a":' % place + b"[" * 100_000,
    "wrong types": lambda place, _dice: b'{"type":"position","t":"%s","lat":"north %d","lon":[]}'
        % (_now().encode(), place),
    "no such type": lambda place, _dice: b'{"type":"horoscope","t":"%s","n":%d}' % (_now().encode(), place),
    "no time": lambda place, _dice: b'{"type":"position","lat":30.1,"lon":111.1,"altitude_m":%d}' % place,
    "too large a number": lambda place, _dice: b'{"type":"position","t":1%d,"lat":1e400,"lon":%d}'
        % (10**300, place % 180),
    "empty": lambda _place, _dice: b"",
    "an empty array": lambda _place, _dice: b"[]",
    "NUL in a text": lambda place, _dice: msgspec.json.encode(
        {"type": "report", "t": _now(), "kind": "fire_hazard", "text": f"\0 {place}"}
    ),
}
# fmt: on


class Huge(Fault):
    """Payloads above every limit, and a packet that claims 256 MB."""

    name = "huge-payloads"
    number = "18"
    title = "huge payloads"
    brokers = ("nats", "mosquitto")
    more_devices = ("GIANT", "LIAR")

    @override
    async def inject(self, run: Run) -> None:
        await run.early()
        ingest = run.stage.ingest
        lives, before = ingest.starts, ingest.rss_mib
        async with plain(run, "GIANT") as session:
            await publish(session, up("GIANT"), [b"%d" % place + b" " * 280_000 for place in range(5)])
            session.send(up("GIANT"), b"x" * 1_000_000)  # the broker ends the connection for it
            await self._claim(run)
        query = "SELECT count(*) FROM quarantine WHERE topic = %s AND reason = 'size'"

        async def refused() -> bool:
            return await run.stage.number(query, up("GIANT")) == 5

        await eventually(refused, within_s=60, what=ingest.said)
        growth = ingest.rss_mib - before
        run.injected = "5 × 280 kB, 1 MB, and 256 MB claimed"
        run.notes.append(f"ingest grew by {growth:.0f} MiB")
        assert ingest.starts == lives
        assert growth < GROWTH_MIB, f"ingest grew by {growth:.0f} MiB"

    @staticmethod
    async def _claim(run: Run) -> None:
        """A PUBLISH whose length field says 268,435,455 bytes, of which some come."""
        name, secret = b"LIAR", run.stage.secrets["LIAR"].encode()
        words = b"".join(len(word).to_bytes(2, "big") + word for word in (b"liar-id", name, secret))
        body = b"\x00\x04MQTT\x04\xc2\x00\x3c" + words
        reader, writer = await asyncio.open_connection("127.0.0.1", run.stage.device_port)
        try:
            writer.write(b"\x10" + bytes([len(body)]) + body)
            answer = await reader.readexactly(4)
            assert answer[3] == 0, "LIAR was not let in"
            topic = up("LIAR").encode()
            writer.write(b"\x32\xff\xff\xff\x7f" + len(topic).to_bytes(2, "big") + topic + b"\x00\x01")
            for _ in range(64):
                writer.write(b"x" * 16_384)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # refused, as it should be
        finally:
            writer.close()


class Flood(Fault):
    """One device sends as much as it can; the others' lag is in the table."""

    name = "flood"
    number = "19"
    title = "one device floods"
    brokers = ("nats", "mosquitto")
    more_devices = ("FLOOD",)
    per_s = 2000
    seconds = 15.0
    burst = 2000  # the allowance; usually it is fifty times as large
    options: dict[str, object] = {"ingest.allowance_burst": burst}  # noqa: RUF012  read only

    @override
    async def inject(self, run: Run) -> None:
        secret = run.stage.secrets["FLOOD"]
        async with DeviceClient(
            run.stage.device_url, device="FLOOD", secret=secret, limits=Limits(window=4000)
        ) as client:
            await client.wait_ready(timeout_s=60)
            never, began, sent = asyncio.Event(), monotonic(), 0
            while (passed := monotonic() - began) < self.seconds:
                due = int(passed * self.per_s) - sent
                for _ in range(min(due, self.per_s // 10)):  # the others of this process want their turn
                    sent += 1
                    run.ledger.note("FLOOD", client.boot, [sent])
                    at = datetime.now(UTC).isoformat()
                    await client.send(
                        [{"type": "position", "t": at, "lat": 30.004, "lon": round(111 + sent * 1e-6, 7)}]
                    )
                await pause(never, at_most_s=0.01)
            assert await client.drain(stall_s=90), f"{client.unreceipted} readings of the flood are without a receipt"
        run.injected = f"{sent:,} readings in {self.seconds:g} s from one device"
        run.notes.append(f"others' p99 lag {run.lag.p99():.2f} s")

    @override
    async def expect(self, run: Run) -> None:
        beyond = await run.stage.number("SELECT sum(value) FROM ingest_counter WHERE reason = 'rate'")
        run.notes.append(f"{beyond:,} of them beyond the allowance")
        assert beyond > 0, "nothing was beyond the allowance"


class Clocks(Fault):
    """Devices whose clocks are a day off, in 2036, and at the beginning of time."""

    name = "clocks"
    number = "22"
    title = "wrong clocks"
    each = 50
    more_devices = ("LATE", "AHEAD", "Y2036", "EPOCH")

    @override
    async def inject(self, run: Run) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        starts = {
            "LATE": now - timedelta(days=1),
            "AHEAD": now + timedelta(days=1),
            "Y2036": datetime(2036, 2, 7, 6, 28, 16, tzinfo=UTC),
            "EPOCH": datetime(1970, 1, 1, tzinfo=UTC),
        }
        for device, start in starts.items():
            times = [start + timedelta(seconds=place) for place in range(self.each)]
            payloads = encoded(numbered(run, device, times))
            button = {
                "type": "button",
                "t": times[0].isoformat(),
                "button": "sos",
                "pressed": True,
                "boot": 2,
                "seq": 1,
            }
            run.ledger.note(device, 2, [1])
            async with plain(run, device) as session:
                await publish(session, up(device), payloads)
                await publish(session, f"gengfu/v1/{device}/urgent", [msgspec.json.encode(button)])
        run.injected = f"{len(starts)} devices: −1 day, +1 day, 2036, 1970"

    @override
    async def expect(self, run: Run) -> None:
        stored = "SELECT count(*) FROM {} r JOIN device d ON d.number = r.device WHERE d.name = %s"
        refused = "SELECT count(*) FROM quarantine WHERE reason = 'clock' AND topic = %s"
        for device in self.more_devices:
            kept = device == "LATE"

            async def settled(device: str = device, kept: bool = kept) -> bool:
                return (
                    await run.stage.number(stored.format("position"), device) == (self.each if kept else 0)
                    and await run.stage.number(refused, up(device)) == (0 if kept else self.each)
                    and await run.stage.number(stored.format("reading"), device) == 1  # the button is always kept
                )

            await eventually(settled, within_s=30, what=partial("{} as it should be".format, device))
        ahead = await run.stage.number("SELECT count(*) FROM last_known WHERE time > now() + interval '2 seconds'")
        assert ahead == 0, f"{ahead} devices were last known in the future"
        run.notes.append("the clock of the server is not stepped")


faults: tuple[Fault, ...] = (Duplicates(), BlackOut(), Poison(), Huge(), Flood(), Clocks())
