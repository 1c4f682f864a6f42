"""Which devices sent something so late that what was found on their way must be found anew."""

from collections.abc import Sequence

import numpy as np

from ingest.columns import Checked, Positions, microseconds, moment_of
from ingest.match import Mark
from ingest.nearness import extremes

LATE_US = 45_000_000  # rules take a minute's patience before they believe a stretch; clocks may differ by the rest


def belated(positions: Positions, others: Sequence[Checked]) -> list[Mark]:
    """One mark per device, over the times of what it sent more than 45 s after it was made.

    Args:
        positions: the batch's fixes.
        others: its readings that are not fixes.
    """
    device = np.concatenate([positions.device, np.array([one.device for one in others], np.int64)])
    time_us = np.concatenate([positions.time_us, np.array([microseconds(one.time) for one in others], np.int64)])
    received_us = np.concatenate(
        [positions.received_us, np.array([microseconds(one.received_at) for one in others], np.int64)]
    )
    late = received_us - time_us > LATE_US
    columns = extremes(device[late], time_us[late])
    return [
        Mark("track", str(number), moment_of(first), moment_of(last))
        for number, first, last in zip(*(column.tolist() for column in columns), strict=True)
    ]
