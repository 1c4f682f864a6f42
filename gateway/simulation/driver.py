"""Plays a plan: a clock, and for each device a client that says at the right time what the plan has for it."""

import asyncio
import logging
import math
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gateway.accounts import LANES, Lane
from gateway.address import Tls
from gateway.client import DeviceClient
from gateway.errors import BrokerError, SimulationError
from gateway.listening import pause
from gateway.simulation.happenings import Said
from gateway.simulation.plan import Plan

TICK_S = 0.5  # between two looks at the clock
MOST_AT_ONCE = 100  # readings in one message
STRIDE_S = 600.0  # simulated time that is thought out at once, so that catching up stays interruptible
READY_S = 30.0  # until the broker must have let the first device in
CONNECTING = 8  # devices that connect at the same time: the broker computes a costly check for each
FOUND_S = 10.0  # until an incident that was reported must be known
CAUGHT_UP_S = 2.0
DRAIN_S = 60.0

FindIncident = Callable[[str, str], Awaitable[str | None]]
"""From who reported it, and the wire time of the report, to the incident's number; None when it is not known yet."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counts:
    """Where a simulation stands. Readings; `at_s` is the simulated time in seconds since 1970."""

    at_s: float
    devices: int = 0
    connected: int = 0
    readings: int = 0
    acknowledged: int = 0
    receipted: int = 0
    parked: int = 0
    unanswered: int = 0


class Simulation:
    """One run of a plan; `counts` may be read at any time."""

    def __init__(
        self,
        plan: Plan,
        *,
        url: str,
        secrets: Mapping[str, str],
        speed: float = 1.0,
        state: Path | None = None,
        tls: Tls | None = None,
        find_incident: FindIncident | None = None,
        on_progress: Callable[[Counts], None] = lambda _: None,
    ) -> None:
        """Prepare a run.

        Args:
            plan: what is said.
            url: of the broker.
            secrets: by device; devices without one are not played.
            speed: so many simulated seconds in one, until the clock on the wall is reached; from there on one.
            state: folder of the devices' outboxes, so that what they have said survives this process; None for memory.
            tls: for `mqtts://`; None trusts whom the system trusts.
            find_incident: without it nobody answers incidents by word, vehicles only drive there.
            on_progress: told twice a second.

        Raises:
            SimulationError: no device has a secret.
        """
        self._plan = plan
        self._url = url
        self._secrets = {it.name: secrets[it.name] for it in plan.devices if it.name in secrets}
        if not self._secrets:
            raise SimulationError(
                "no device of this town can be played: none has both a place in the town and a known secret; "
                "give the CSV of secrets with --devices"
            )
        self._speed = speed
        self._state = state
        self._tls = tls
        self._find_incident = find_incident
        self._on_progress = on_progress
        self._queues: dict[tuple[str, Lane], asyncio.Queue[list[Said] | None]] = {}
        self._clients: dict[str, DeviceClient] = {}
        self._dispatches: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._connecting = asyncio.Semaphore(CONNECTING)
        self._now_s = plan.start_s
        self._live = False
        self._readings = 0
        self._unanswered = 0
        self._unknown: set[tuple[str, str]] = set()  # reports that have become no incident
        self._never = asyncio.Event()

    @property
    def counts(self) -> Counts:
        """Where it stands."""
        counts = [client.counts for client in self._clients.values()]
        return Counts(
            at_s=self._now_s,
            devices=len(self._clients),
            connected=sum(client.connected for client in self._clients.values()),
            readings=self._readings,
            acknowledged=sum(it.acknowledged for it in counts),
            receipted=sum(it.receipted for it in counts),
            parked=sum(it.parked for it in counts),
            unanswered=self._unanswered,
        )

    async def run(self) -> Counts:
        """Play it to its end, or until cancelled.

        Raises:
            BrokerRefused: the broker does not want the first device.
            BrokerUnavailable: the broker is not there at the start; later outages are waited out.
        """
        await self._try_first()
        try:
            async with asyncio.TaskGroup() as around:
                watching = around.create_task(self._watch(), name="simulation progress")
                async with asyncio.TaskGroup() as self._tasks:
                    await self._play()
                    for queue in self._queues.values():
                        queue.put_nowait(None)  # each device sends what it has, waits for its receipts, and goes
                watching.cancel()
        except BaseExceptionGroup as group:
            raise _first(group) from None
        self._on_progress(self.counts)
        return self.counts

    async def _try_first(self) -> None:
        name = min(self._secrets)
        async with DeviceClient(
            self._url, device=name, secret=self._secrets[name], receipts=False, tls=self._tls
        ) as client:
            await client.wait_ready(timeout_s=READY_S)

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        began, done_s = loop.time(), self._plan.start_s
        self._hand_out(await asyncio.to_thread(self._plan.opening))
        end_s = self._plan.end_s
        while end_s is None or done_s < end_s:
            self._now_s = self._clock(loop.time() - began)
            until_s = min(self._now_s, done_s + STRIDE_S, self._now_s if end_s is None else end_s)
            while self._dispatches and self._live:
                device, told = self._dispatches.popleft()
                self._dispatch(device, told, at_s=float(math.ceil(max(done_s, self._now_s))))
            if until_s > done_s:
                self._hand_out(await asyncio.to_thread(self._plan.said, done_s, until_s))
                done_s = until_s
            if done_s + 1 < self._now_s:
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(TICK_S)

    def _clock(self, passed_s: float) -> float:
        """The simulated time: it never runs ahead of the clock on the wall, and once there it stays there."""
        wall_s = time.time()
        if not self._live:
            told_s = self._plan.start_s + self._speed * passed_s
            self._live = told_s >= wall_s - CAUGHT_UP_S
            return min(told_s, wall_s)
        return max(self._now_s, wall_s)

    # -- devices -------------------------------------------------------------------------------------------------

    def _hand_out(self, said: Iterable[Said]) -> None:
        by_queue: dict[tuple[str, Lane], list[Said]] = defaultdict(list)
        for it in said:
            if it.device in self._secrets:
                by_queue[it.device, it.lane].append(it)
                self._readings += 1
        for (device, lane), its in by_queue.items():
            if (device, lane) not in self._queues:
                if not any((device, other) in self._queues for other in LANES):
                    self._tasks.create_task(self._be(device), name=f"simulated {device}")
                for other in LANES:
                    self._queues[device, other] = asyncio.Queue()
            self._queues[device, lane].put_nowait(its)

    def _told(self, device: str, message: Mapping[str, Any]) -> None:
        if message.get("type") == "dispatch":
            self._dispatches.append((device, message))

    def _dispatch(self, device: str, told: Mapping[str, Any], *, at_s: float) -> None:
        """An officer sends a unit: it goes. Told while it catches up with the present, it is too late to go."""
        try:
            incident, lat, lon = str(told["incident"]), float(told["lat"]), float(told["lon"])
        except (KeyError, TypeError, ValueError):
            return  # nobody knows where
        if self._plan.dispatch(device, incident=incident, lat=lat, lon=lon, at_s=at_s):
            log.info("%s is sent to %s", device, incident)

    async def _be(self, device: str) -> None:
        told = partial(self._told, device)
        client = DeviceClient(
            self._url,
            device=device,
            secret=self._secrets[device],
            state=self._state,
            tls=self._tls,
            fsync=False,  # a made-up town may forget what it said when the power fails
            on_message=told,
        )
        async with client:
            self._clients[device] = client
            async with self._connecting:
                with suppress(BrokerError):  # it goes on trying; what there is to say waits
                    await client.wait_ready(timeout_s=READY_S)
            async with asyncio.TaskGroup() as lanes:
                for lane in LANES:
                    lanes.create_task(self._speak(client, lane), name=f"simulated {device} {lane}")
            if not await client.drain(stall_s=DRAIN_S):
                log.warning("%s: %d readings are not known to be stored", device, client.unreceipted)

    async def _speak(self, client: DeviceClient, lane: Lane) -> None:
        queue = self._queues[client.device, lane]
        while (said := await queue.get()) is not None:
            readings = [it.reading if it.incident is None else await self._answer(it) for it in said]
            known = [it for it in readings if it is not None]
            for first in range(0, len(known), MOST_AT_ONCE):
                await client.send(known[first : first + MOST_AT_ONCE], lane=lane)

    async def _answer(self, said: Said) -> Mapping[str, Any] | None:
        """The answer with its incident's number in it; None when there is no such incident."""
        number = None
        if said.incident is not None and self._find_incident is not None and said.incident not in self._unknown:
            loop = asyncio.get_running_loop()
            end = loop.time() + FOUND_S
            while (number := await self._find_incident(*said.incident)) is None and loop.time() < end:
                await pause(self._never, at_most_s=TICK_S)
        if number is None:
            if said.incident is not None:
                self._unknown.add(said.incident)
            self._unanswered += 1
            self._readings -= 1
            return None
        return {**said.reading, "incident": number}

    async def _watch(self) -> None:
        while True:
            self._on_progress(self.counts)
            await asyncio.sleep(TICK_S)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
