"""A simulated town on a database of its own: readings through ingest and rules, under a clock turned by hand."""

from datetime import UTC, datetime, timedelta

from gateway.simulation import Plan, Said
from ops.simulation import Incidents
from rules.desk import Desk
from rules.duty_lane import DutyLane
from rules.options import Options
from rules.signal_lane import SignalLane
from rules.tracking import TrackingLane
from rules.worker import work_off
from tests.integration.bench import Bench


class Simulated:
    """What a plan says, on a database of its own."""

    def __init__(self, bench: Bench, plan: Plan, incidents: Incidents) -> None:
        self._bench = bench
        self._plan = plan
        self._incidents = incidents
        self.now = self._start = datetime.fromtimestamp(plan.start_s, UTC)
        self._desk = Desk(bench.pool, options=Options(), clock=lambda: self.now)
        self._lanes = DutyLane(self._desk), SignalLane(self._desk)
        self._tracking = TrackingLane(self._desk)
        for place in bench.worker._places.values():
            place.up_since = self.now - timedelta(hours=1)

    async def live(self, stride_s: float, *, slow_from: datetime | None = None) -> None:
        """Go through it step by step, from some moment on in steps of ten seconds."""
        await self._work()
        await self._take(self._plan.opening())
        end = self._start + timedelta(seconds=(self._plan.end_s or 0) - self._plan.start_s)
        while self.now < end:
            quick = slow_from is None or self.now < slow_from
            before, self.now = self.now, self.now + timedelta(seconds=stride_s if quick else 10)
            await self._take(self._plan.said(before.timestamp(), self.now.timestamp()))
            await self._work()

    async def _work(self) -> None:
        await self._bench.worker.beat()
        await work_off(self._desk, duties=self._lanes[0], signals=self._lanes[1])
        await self._tracking.step()
        await self._bench.worker.refresh()
        await self._bench.worker.release()

    async def _take(self, said: list[Said]) -> None:
        for lane in ("up", "urgent"):
            deliveries = [
                self._bench.delivery(
                    await self._reading(it),
                    device=it.device,
                    topic=f"gengfu/v1/{it.device}/{lane}",
                    received_at=datetime.fromtimestamp(it.send_s, UTC) + timedelta(milliseconds=200),
                )
                for it in said
                if it.lane == lane
            ]
            if deliveries:
                await self._bench.worker.pipelines[lane].process(deliveries)

    async def _reading(self, said: Said) -> dict[str, object]:
        reading = dict(said.reading)
        if said.incident:
            reading["incident"] = await self._incidents.number(*said.incident)
            assert reading["incident"], said
        return reading
