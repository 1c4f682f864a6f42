"""What is to be judged anew because of stored readings: where they were made, what they say, how late they came."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from devices.readings import same_tag
from ingest.columns import Ints, Positions, microseconds, moment_of
from ingest.match import Mark, touched
from ingest.nearness import extremes
from ingest.others import Other
from ingest.world import World

WAKING = frozenset({"button", "report", "task"})
_LATE = {
    # Twice what a duty waits for the data of a handset.
    "late": 120_000_000,
    # Rules about ways take a minute's patience before they believe a stretch; clocks may differ by the rest.
    "track": 45_000_000,
}
EVERYBODY = "*"  # the subject of a mark that stands for many devices
_MANY = 200  # late devices in a batch: not theirs but our own delay, and one mark for all costs nothing meanwhile


def marks_of(
    world: World, positions: Positions, others: Sequence[Other], *, stored_at: datetime | None = None
) -> list[Mark]:
    """The marks of a batch.

    Args:
        world: circles and tags.
        positions: its fixes.
        others: its other readings.
        stored_at: when it is stored, if that is long after it was received.
    """
    marks = touched(world, positions) + _device_marks(others) + _scan_marks(world, others)
    return marks + late_marks(positions, others, stored_at=stored_at)


def _device_marks(others: Sequence[Other]) -> list[Mark]:
    waking = [one for one in others if one.type in WAKING]
    marks = []
    for number in np.unique([one.device for one in waking]).astype(int).tolist():
        times = [one.time for one in waking if one.device == number]
        marks.append(Mark("device", str(number), min(times), max(times)))
    return marks


def _scan_marks(world: World, others: Sequence[Other]) -> list[Mark]:
    """A tag that was read concerns the checkpoints where it hangs, wherever the reader was."""
    return [
        Mark("checkpoint", code, one.time, one.time)
        for one in others
        if one.type == "scan"
        for code in world.tags.get(same_tag(str(one.body.get("tag", ""))), ())
    ]


def late_marks(positions: Positions, others: Sequence[Other], *, stored_at: datetime | None = None) -> list[Mark]:
    """One mark of each kind for each device of which something came late; one for everybody when those are many.

    Args:
        positions: of a batch.
        others: its other readings.
        stored_at: counts as the time at which all of it came; otherwise each reading's time of receipt does.
    """
    device = np.concatenate((positions.device, np.array([one.device for one in others], np.int64)))
    time_us = np.concatenate((positions.time_us, np.array([microseconds(one.time) for one in others], np.int64)))
    if stored_at is None:
        received = np.array([microseconds(one.received_at) for one in others], np.int64)
        came_us: Ints = np.concatenate((positions.received_us, received))
    else:
        came_us = np.full(len(device), microseconds(stored_at))
    marks: list[Mark] = []
    for kind, limit_us in _LATE.items():
        late = came_us - time_us > limit_us
        if not late.any():
            continue
        numbers, first, last = extremes(device[late], time_us[late])
        if len(numbers) > _MANY:
            marks.append(Mark(kind, EVERYBODY, moment_of(int(first.min())), moment_of(int(last.max()))))
            continue
        columns = zip(numbers.tolist(), first.tolist(), last.tolist(), strict=True)
        marks += [Mark(kind, str(number), moment_of(since), moment_of(until)) for number, since, until in columns]
    return marks
