"""What can be measured: one case is one load on one storage, and the matrix is all of them."""

from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

Phase = Literal["limits", "full", "paced", "backlog", "growth"]

FULL_S = 30.0  # at full speed in the standard case, so that all of it stays within two minutes
MATRIX_S = 12.0  # of each of the matrix's many cases
LIMIT_S = 8.0  # of the session without a database
WARM_S = 3.0  # before a window at full speed opens: partitions are made, modes have settled
PACED_S = 20.0
PACED_PER_S = 5_000
URGENT_PER_S = 25
BACKLOG = 1_000_000  # messages
GROWTH_STEPS = (0, 2_000_000, 4_000_000, 6_000_000, 8_000_000, 10_000_000)  # rows before each window


@dataclass(frozen=True, kw_only=True)
class Case:
    """One load.

    Attributes:
        name: machine word.
        says: what it is, for people.
        phases: what is measured, in this order.
        devices: that speak in turn.
        workers: ingest processes.
        connections: that carry what the devices say.
        seq: whether the readings carry `boot` and `seq`, and so get receipts.
        rows: in the table before.
        seconds: of the window at full speed.
        paced_s: seconds of the window at the given pace.
        messages: queued in the backlog.
    """

    name: str
    says: str
    phases: tuple[Phase, ...] = ("full",)
    devices: int = 1_000
    workers: int = 1
    connections: int = 1  # mosquitto reads a packet of each in turn: one leaves acknowledgements their share
    seq: bool = False
    rows: int = 0
    seconds: float = FULL_S
    paced_s: float = PACED_S
    messages: int = BACKLOG


CASES = {
    case.name: case
    for case in (
        Case(
            name="standard",
            says="limits, full speed, then 5,000 messages a second for the latencies",
            phases=("limits", "full", "paced"),
        ),
        Case(name="speed", says="full speed alone"),
        Case(name="latency", says="5,000 messages a second alone", phases=("paced",)),
        Case(
            name="backlog",
            says="a million messages wait in the broker; ingest starts and drains them while urgent ones come",
            phases=("backlog",),
        ),
        Case(
            name="growth",
            says="full speed into a table of 0, 2, 4, 6, 8 and 10 million rows",
            phases=("growth",),
            seconds=MATRIX_S,
        ),
    )
}


def matrix(*, seconds: float = MATRIX_S, share: bool = True) -> list[Case]:
    """Every combination of sequence numbers, workers, devices and table size, small tables first.

    Args:
        seconds: of each window at full speed.
        share: whether the broker can share a subscription; without that there is one worker.
    """
    return [
        replace(
            CASES["speed"],
            name=case_name(seq=seq, workers=workers, devices=devices, rows=rows),
            seq=seq,
            workers=workers,
            devices=devices,
            rows=rows,
            seconds=seconds,
        )
        for rows, devices, workers, seq in product(
            (0, 10_000_000), (1_000, 10_000, 100_000), (1, 2, 4) if share else (1,), (False, True)
        )
    ]


def case_name(*, seq: bool, workers: int, devices: int, rows: int) -> str:
    """Machine word of a combination, such as `1k-w1-seq-10M`."""
    size = f"{rows // 1_000_000}M" if rows else "empty"
    return f"{devices // 1000}k-w{workers}-{'seq' if seq else 'noseq'}-{size}"


def device_name(number: int) -> str:
    """What a device is called, counted from nought; the database makes the same names."""
    return f"bench-{number}"
