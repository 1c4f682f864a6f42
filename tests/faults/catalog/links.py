"""What networks do: connections are reset, cut in the middle of a packet, silenced, half open, slow, and starved."""

from collections.abc import Callable

from typing_extensions import override

from tests.faults.fleet import QUICK, Load
from tests.faults.proxy import FaultProxy
from tests.faults.scenario import Fault, Run
from tests.faults.stage import Stage

LINKS: dict[str, tuple[str, Callable[[Stage], FaultProxy]]] = {
    "broker": ("ingest and broker", lambda stage: stage.to_broker),
    "database": ("ingest and database", lambda stage: stage.to_database),
    "devices": ("devices and broker", lambda stage: stage.of_devices),
}


class OnLink(Fault):
    """Something happens to one of the links."""

    number = "L"
    what = ""

    def __init__(self, link: str, *, quick: bool = False, load: Load | None = None) -> None:
        between, self._proxy = LINKS[link]
        self.relayed = (link,)
        self.name = f"{self.what}-{link}"
        self.title = f"{self.what} between {between}"
        self.quick = self.only_quick = quick
        self.load = load or Fault.load
        if quick:
            self.name += "-quick"
        elif link == "broker":
            self.brokers = ("nats", "mosquitto")

    @override
    async def inject(self, run: Run) -> None:
        await run.early()
        run.injected = await self.harm(run, self._proxy(run.stage))

    async def harm(self, run: Run, proxy: FaultProxy) -> str:
        """Do it, undo it, and say what was done."""
        raise NotImplementedError


class Reset(OnLink):
    """RST to all connections, again and again."""

    what = "reset"
    times = 5

    @override
    async def harm(self, run: Run, proxy: FaultProxy) -> str:
        for place in range(self.times):
            proxy.reset()
            if place < self.times - 1:
                await run.last(run.dice.uniform(0.1, 1.0))
        return f"{self.times} × RST"


class Cut(OnLink):
    """A connection ends in the middle of a packet."""

    what = "cut"
    times = 5

    @override
    async def harm(self, run: Run, proxy: FaultProxy) -> str:
        for _ in range(self.times):
            proxy.cut_after(run.dice.randint(1, 3000))
            await run.last(run.dice.uniform(0.3, 1.5))
        proxy.resume()
        return f"{self.times} × cut within a packet"


class Silence(OnLink):
    """The cable is out: nothing passes, nothing is refused."""

    what = "silence"
    seconds = 12.0

    @override
    async def harm(self, run: Run, proxy: FaultProxy) -> str:
        proxy.silence()
        await run.last(self.seconds)
        proxy.resume()
        return f"nothing passed for {self.seconds:g} s"


class HalfOpen(OnLink):
    """The far side has gone without a word; only a timeout or a keep-alive tells."""

    what = "half-open"
    drain_s = 180.0

    @override
    async def harm(self, run: Run, proxy: FaultProxy) -> str:
        proxy.half_open()
        return "far side gone without a word"


class Slow(OnLink):
    """Every chunk takes its time."""

    what = "delay"
    seconds = 8.0

    @override
    async def harm(self, run: Run, proxy: FaultProxy) -> str:
        proxy.delay_s = run.dice.uniform(0.1, 0.4)
        said = f"{proxy.delay_s * 1000:.0f} ms each way for {self.seconds:g} s"
        await run.last(self.seconds)
        proxy.resume()
        return said


class Starved(OnLink):
    """Hardly any bandwidth."""

    what = "bandwidth"
    seconds = 8.0
    bytes_per_s = 20_000.0

    @override
    async def harm(self, run: Run, proxy: FaultProxy) -> str:
        proxy.bytes_per_s = self.bytes_per_s
        await run.last(self.seconds)
        proxy.resume()
        return f"{self.bytes_per_s / 1000:g} kB/s for {self.seconds:g} s"


faults: tuple[Fault, ...] = (
    *(Reset(link) for link in LINKS),
    *(Cut(link) for link in LINKS),
    *(Silence(link) for link in LINKS),
    *(HalfOpen(link) for link in LINKS),
    Slow("broker"),
    Slow("database"),
    Starved("broker"),
    Reset("broker", quick=True, load=QUICK),
)
