"""Ingest is killed, killed between commit and acknowledgement, frozen, and restarted in good order."""

from typing_extensions import override

from tests.faults.fleet import QUICK, Load
from tests.faults.scenario import Fault, Run
from tests.faults.stage import eventually

EXIT_S = 10.0  # from SIGTERM to the exit, promised


class Killed(Fault):
    """kill -9 again and again, each time after it has stored something."""

    name = "ingest-killed"
    number = "1"
    title = "ingest killed"
    brokers: tuple[str, ...] = ("nats", "mosquitto")

    def __init__(self, *, times: int, quick: bool = False, load: Load | None = None) -> None:
        self.times = times
        self.quick = self.only_quick = quick
        self.load = load or Fault.load
        if quick:
            self.name += "-quick"
            self.brokers = ("nats",)

    @override
    async def inject(self, run: Run) -> None:
        for _ in range(self.times):
            await run.stored_more(run.dice.randint(1, 200))
            run.stage.ingest.kill()
        run.healed()
        run.injected = f"{self.times} × kill -9"


class AfterCommit(Fault):
    """It dies exactly between the commit and the acknowledgement."""

    name = "after-commit"
    number = "2"
    title = "ingest dies after the commit, before the acknowledgement"
    lives = 3

    def __init__(self, *, quick: bool = False, load: Load | None = None) -> None:
        self.quick = self.only_quick = quick
        self.load = load or Fault.load
        self.brokers = ("nats",) if quick else ("nats", "mosquitto")
        if quick:
            self.name += "-quick"

    @override
    async def inject(self, run: Run) -> None:
        ingest = run.stage.ingest
        first = ingest.starts + 1
        commits = [run.dice.randint(1, 5) for _ in range(self.lives)]
        ingest.more_environment = lambda start: (
            {"GENGFU_TEST_FAIL": f"after_commit:{commits[start - first]}"}
            if first <= start < first + self.lives
            else {}
        )
        await run.early()
        ingest.kill()
        await eventually(lambda: ingest.starts >= first + self.lives, within_s=120, what=ingest.said)
        run.healed()
        run.injected = f"{self.lives} × between commit and acknowledgement"

    @override
    async def expect(self, run: Run) -> None:
        repeated = await run.stage.counted("repeated")
        run.notes.append(f"{repeated} repeated")
        assert repeated >= self.lives, "no redelivery was seen, so the death was not where it should be"


class Frozen(Fault):
    """SIGSTOP for longer than the broker's patience, then SIGCONT: late acknowledgements must do no harm."""

    name = "ingest-frozen"
    number = "3"
    title = "ingest frozen"
    brokers = ("nats", "mosquitto")

    @override
    async def inject(self, run: Run) -> None:
        seconds = 90 if run.long else 20
        await run.early()
        run.stage.ingest.freeze()
        await run.last(seconds)
        run.stage.ingest.thaw()
        run.injected = f"SIGSTOP for {seconds} s"


class Rolling(Fault):
    """Every worker in turn is told to end, and started again."""

    name = "rolling-restart"
    number = "24"
    title = "rolling restart under load"
    brokers = ("nats", "mosquitto")

    @override
    def workers(self, broker: str) -> int:
        return 1 if broker == "nats" else 2  # nats-server cannot share messages among workers

    @override
    async def inject(self, run: Run) -> None:
        took = []
        for name, worker in run.stage.workers.items():
            await run.early()
            took.append(await worker.down())
            await worker.start()
            await run.stage.wait_hearing(name)
        run.injected = f"SIGTERM to {len(took)} in turn"
        run.notes.append(f"exit in {max(took):.1f} s")
        assert max(took) <= EXIT_S, (
            f"a worker took {max(took):.1f} s from SIGTERM to its exit; {EXIT_S:g} s are promised"
        )


faults: tuple[Fault, ...] = (
    Killed(times=20),
    Killed(times=2, quick=True, load=QUICK),
    AfterCommit(),
    AfterCommit(quick=True, load=QUICK),
    Frozen(),
    Rolling(),
)
