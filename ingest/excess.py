"""What devices said beyond their allowance: kept in few quarantine rows, and noted so that somebody hears of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from devices.codecs import MAX_PAYLOAD_BYTES, Refusal, codecs
from ingest.columns import Checked
from ingest.database import Connection
from ingest.queries import load_queries

_SQL = load_queries("ingest", "excess.sql")
RATE = Refusal(
    "rate",
    "the device said more than its allowance (ingest.allowance_burst, ingest.allowance_per_s); stop what makes it "
    "flood, then `gengfu quarantine replay --reason rate` takes this in",
    b"",
)


def as_native(one: Checked) -> bytes:
    """A checked reading in the native format, whatever format it came in, so that it can be taken in later."""
    update = {"t": one.time, "datum": one.datum} if hasattr(one.reading, "datum") else {"t": one.time}
    return one.reading.model_copy(update=update).model_dump_json(exclude_none=True).encode()


def native_topic(device: str) -> str:
    """The topic on which a device says such readings."""
    return next(one.topic(device) for one in codecs()["native"].topics if one.lane == "up" and one.use == "publish")


def packed(readings: Sequence[bytes], *, like: Refusal = RATE, array: bool = True) -> Iterator[tuple[Refusal, int]]:
    """Readings of one device as few refusals: a flood must not cost a quarantine row for each.

    Args:
        readings: each a JSON object, or something that could not be read.
        like: why they were refused.
        array: keep them as a JSON array which their device could have sent; else as lines.

    Yields:
        A refusal, and how many readings are in it.
    """

    def refusal(some: Sequence[bytes]) -> Refusal:
        fragment = b"[" + b",".join(some) + b"]" if array else b"\n".join(some)
        return replace(like, fragment=fragment, device=None, boot=None, seq=None)

    begin, size = 0, 2
    for position, reading in enumerate(readings):
        if position > begin and size + len(reading) + 1 > MAX_PAYLOAD_BYTES:
            yield refusal(readings[begin:position]), position - begin
            begin, size = position, 2
        size += len(reading) + 1
    if len(readings) > begin:
        yield refusal(readings[begin:]), len(readings) - begin


async def note(connection: Connection, worker: str, excess: Mapping[int, int]) -> None:
    """Add to what devices said too much, in the transaction of the batch.

    Args:
        connection: in a transaction.
        worker: that has the buckets.
        excess: readings by device number.
    """
    if excess:
        numbers = sorted(excess)  # in one order, so that two lanes never wait for each other in a ring
        values = {"worker": worker, "devices": numbers, "readings": [excess[number] for number in numbers]}
        await connection.execute(_SQL["note"], values)
