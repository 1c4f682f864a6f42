"""Several children under one roof, started in order of dependence, stopped in reverse under one time limit."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.embedded.child import Child
from ops.embedded.errors import EmbeddedError
from ops.embedded.spec import ChildEvent, ChildSpec, ChildState, EventKind, OnEvent

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 7.5  # all children together; people are promised 10 s from Ctrl-C to the prompt
LAYER_RESERVE_S = 2.5  # kept for each layer that is stopped later; a clean end of PostgreSQL takes about one
LEVELS = {
    EventKind.DIED: logging.WARNING,
    EventKind.KILLED: logging.WARNING,
    EventKind.LEFTOVER: logging.WARNING,
    EventKind.FLAPPING: logging.ERROR,
}


def tell(event: ChildEvent, *, on_event: OnEvent | None) -> None:
    """Logs an event and hands it on."""
    log.log(LEVELS.get(event.kind, logging.INFO), "%s [%s %s]", event.sentence, event.child, event.kind)
    if on_event:
        on_event(event)


class Supervisor:
    """Owns child processes: restarts those that die, stops all at the end.

    Enter it in a task and thread that stay for as long as the children shall: the kernel ends them with that thread.

    Attributes:
        children: state of each child by name.
    """

    def __init__(
        self,
        specs: Iterable[ChildSpec] = (),
        *,
        log_dir: Path,
        run_dir: Path,
        on_event: OnEvent | None = None,
        stop_timeout_s: float = STOP_TIMEOUT_S,
    ) -> None:
        """Remembers what to run.

        Args:
            specs: children to start on entering; more may follow with `add`.
            log_dir: folder of their logs, NAME.log and the one before, NAME.log.1.
            run_dir: folder of their pid files.
            on_event: told of everything that happens; must not block.
            stop_timeout_s: time limit for stopping all of them.
        """
        self._specs = list(specs)
        self._log_dir = log_dir
        self._run_dir = run_dir
        self._on_event = on_event
        self._stop_timeout_s = stop_timeout_s
        self._tasks = asyncio.TaskGroup()
        self._children: dict[str, Child] = {}

    @property
    def children(self) -> Mapping[str, ChildState]:
        """State of each child by name."""
        return {name: child.state for name, child in self._children.items()}

    async def __aenter__(self) -> Self:
        """Starts the children and returns when all are ready.

        Raises:
            ChildFailedError: one did not become ready; all are stopped again.
        """
        for folder in (self._log_dir, self._run_dir):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._tasks.__aenter__()
        try:
            await self.add(*self._specs)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops all children in the reverse of their order."""
        await self._stop_all()
        if isinstance(error, asyncio.CancelledError):
            await self._tasks.__aexit__(kind, error, trace)
        else:
            # All tasks have ended; an error of the body goes its own way, not wrapped in a group.
            await self._tasks.__aexit__(None, None, None)

    async def run(self) -> None:
        """Starts all children and keeps them running until cancelled."""
        async with self:
            await asyncio.Event().wait()

    async def add(self, *specs: ChildSpec) -> None:
        """Starts more children, in the order of their dependence, and returns when all are ready.

        Args:
            specs: the children; they may depend on each other and on those that run.

        Raises:
            ChildFailedError: one did not become ready.
            EmbeddedError: a name is taken, or a dependence is unknown or goes round in a circle.
        """
        for layer in layers(specs, known=self._children):
            for spec in layer:
                child = Child(
                    spec,
                    log=self._log_dir / f"{spec.name}.log",
                    pid_file=self._run_dir / f"{spec.name}.pid",
                    on_event=self._tell,
                )
                self._children[spec.name] = child
                self._tasks.create_task(child.run(), name=f"child {spec.name}")
            for spec in layer:
                await self._children[spec.name].wait_ready()

    async def _stop_all(self) -> None:
        """Stops layer by layer; within a layer side by side, so that a deaf child costs the others nothing."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._stop_timeout_s
        ordered = layers([child.spec for child in self._children.values()], known={})[::-1]
        for place, layer in enumerate(ordered):
            later = len(ordered) - place - 1
            left = end - clock()
            share_s = max(left - LAYER_RESERVE_S * later, left / (later + 1), 0.1)
            async with asyncio.TaskGroup() as stopping:
                for spec in layer:
                    grace_s = min(spec.stop_grace_s, share_s)
                    stopping.create_task(self._children[spec.name].stop(grace_s=grace_s), name=f"stop {spec.name}")

    def _tell(self, event: ChildEvent) -> None:
        tell(event, on_event=self._on_event)


def layers(specs: Iterable[ChildSpec], *, known: Iterable[str]) -> list[list[ChildSpec]]:
    """Sorts children so that each stands in a later layer than all that it depends on.

    Args:
        specs: the children.
        known: names of children that run already.

    Returns:
        The layers, to be started one after the other.

    Raises:
        EmbeddedError: a name is there twice, or a dependence is unknown or goes round in a circle.
    """
    placed = set(known)
    waiting = list(specs)
    for spec in waiting:
        if spec.name in placed or [other.name for other in waiting].count(spec.name) > 1:
            raise EmbeddedError(f"two children are called {spec.name}; give each a name of its own")
    result: list[list[ChildSpec]] = []
    while waiting:
        layer = [spec for spec in waiting if placed.issuperset(spec.depends_on)]
        if not layer:
            stuck = ", ".join(
                f"{spec.name} on {' and '.join(sorted(set(spec.depends_on) - placed))}" for spec in waiting
            )
            raise EmbeddedError(f"these children cannot be put in order: {stuck}; check depends_on")
        result.append(layer)
        placed.update(spec.name for spec in layer)
        waiting = [spec for spec in waiting if spec.name not in placed]
    return result
