"""The values that describe a supervised child: how to start it, how it is, what happened to it."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ops.embedded.identity import SELF, Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How one child is started, found ready and stopped.

    Attributes:
        name: machine word; names its log and pid file.
        argv: program, with its full path, and arguments.
        title: what people call it; by default the name.
        env: its whole environment; None hands on ours.
        cwd: its working folder; None is `/`.
        identity: as whom it runs.
        stop_signal: asks it to end in good order; the kernel sends the same when we are gone.
        stop_grace_s: so long it may take to end before it is killed, if the common time limit allows that.
        ready: says whether it can be used; asked again and again. None: ready as soon as it runs.
        ready_timeout_s: so long it may take to be ready when it is first started.
        tidy: awaited before each start and after each end, to clear what a killed child leaves.
        depends_on: names of children that are started before it and stopped after it.
        advice: what to look at when it dies again and again.
    """

    name: str
    argv: Sequence[str | Path]
    title: str = ""
    env: Mapping[str, str] | None = field(default=None, repr=False)
    cwd: Path | None = None
    identity: Identity = SELF
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 4.0
    ready: Callable[[], Awaitable[bool]] | None = None
    ready_timeout_s: float = 60.0
    tidy: Callable[[], Awaitable[None]] | None = None
    depends_on: tuple[str, ...] = ()
    advice: str = ""

    @property
    def called(self) -> str:
        """What people call it."""
        return self.title or self.name


@dataclass(slots=True)
class ChildState:
    """How a child is at this moment.

    Attributes:
        name: the child.
        pid: process number, None while it does not run.
        starts: how often it was started.
        ready: whether it could be used when last asked.
    """

    name: str
    pid: int | None = None
    starts: int = 0
    ready: bool = False

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return max(0, self.starts - 1)


class EventKind(StrEnum):
    """Machine words for what happened to a child."""

    NOTE = "note"
    LEFTOVER = "leftover"
    STARTED = "started"
    READY = "ready"
    DIED = "died"
    FLAPPING = "flapping"
    STOPPING = "stopping"
    STOPPED = "stopped"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class ChildEvent:
    """Something that happened to a child.

    Attributes:
        kind: machine word.
        child: name of the child.
        sentence: the same for people.
    """

    kind: EventKind
    child: str
    sentence: str


OnEvent = Callable[[ChildEvent], None]
