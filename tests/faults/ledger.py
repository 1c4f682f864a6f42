"""The one ledger of a run: sent = stored once + quarantined (by reason) + withheld + still queued."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ingest.database import Connection

STORED = """
SELECT d.name AS device, r.boot, r.seq, count(*)::int AS rows
  FROM (SELECT device, boot, seq FROM position UNION ALL SELECT device, boot, seq FROM reading) r
  JOIN device d ON d.number = r.device
 WHERE r.boot IS NOT NULL AND r.seq IS NOT NULL GROUP BY 1, 2, 3"""
QUARANTINED = "SELECT topic, reason, payload FROM quarantine"
COUNTED = "SELECT name, reason, sum(value)::int AS readings FROM ingest_counter GROUP BY 1, 2"
ROWS = "SELECT (SELECT count(*) FROM position)::int + (SELECT count(*) FROM reading)::int AS readings"


class Key(NamedTuple):
    """A reading as its device numbered it."""

    device: str
    boot: int
    seq: int


@dataclass(frozen=True)
class Balance:
    """What became of what was sent.

    Attributes:
        sent: readings that devices were given to send.
        stored: of these, in the tables.
        quarantined: of these, in quarantine, by reason.
        withheld: counted as withheld.
        still_queued: kept by their device for want of a receipt.
        lost: nowhere.
        doubled: there more than once.
        foreign: stored, and never sent.
        unbalanced: what in the service's own counters does not add up; empty when all does.
    """

    sent: int
    stored: int
    quarantined: Counter[str]
    withheld: int
    still_queued: int
    lost: list[Key]
    doubled: list[Key]
    foreign: list[Key]
    unbalanced: str

    def check(self) -> None:
        """Fail when anything was lost, doubled, made up or wrongly counted."""
        assert not self.lost, f"{len(self.lost)} of {self.sent} readings are lost, such as {_some(self.lost)}"
        assert not self.doubled, f"{len(self.doubled)} readings are there twice, such as {_some(self.doubled)}"
        assert not self.foreign, f"{len(self.foreign)} readings were never sent, such as {_some(self.foreign)}"
        assert not self.unbalanced, self.unbalanced


@dataclass
class Ledger:
    """Which readings were sent; the database is asked for the rest."""

    sent: set[Key] = field(default_factory=set)

    def note(self, device: str, boot: int, seqs: Iterable[int]) -> None:
        """These are about to be sent."""
        self.sent.update(Key(device, boot, seq) for seq in seqs)

    async def balance(self, connection: Connection, *, queued: Iterable[Key] = ()) -> Balance:
        """Compare with what the database holds.

        Args:
            connection: to the database itself.
            queued: what devices still keep.
        """
        found = await _rows(connection, STORED)
        stored = {Key(row["device"], row["boot"], row["seq"]): row["rows"] for row in found}
        held: dict[Key, str] = {}
        for row in await _rows(connection, QUARANTINED):
            held |= dict.fromkeys(_keys_in(row["topic"], bytes(row["payload"])), row["reason"])
        counted = {(row["name"], row["reason"]): row["readings"] for row in await _rows(connection, COUNTED)}
        rows = (await _rows(connection, ROWS))[0]["readings"]
        return self.weigh(stored, held, counted, rows=rows, queued=set(queued))

    def weigh(
        self,
        stored: Mapping[Key, int],
        held: Mapping[Key, str],
        counted: Mapping[tuple[str, str], int],
        *,
        rows: int,
        queued: Set[Key],
    ) -> Balance:
        """Compare with what was found.

        Args:
            stored: how many rows each reading has.
            held: the reason of each reading in quarantine.
            counted: ingest's own counters, by name and reason.
            rows: of the tables, numbered or not.
            queued: what devices still keep.
        """
        withheld = sum(number for (name, _), number in counted.items() if name == "withheld")
        safe = stored.keys() | held.keys()
        return Balance(
            sent=len(self.sent),
            stored=len(self.sent & stored.keys()),
            quarantined=Counter(held[key] for key in self.sent & held.keys()),
            withheld=withheld,
            still_queued=len((self.sent & queued) - safe),
            lost=sorted(self.sent - safe - queued)[withheld:],  # of those withheld only the number is known
            doubled=sorted([key for key, number in stored.items() if number > 1] + list(stored.keys() & held.keys())),
            foreign=sorted(stored.keys() - self.sent),
            unbalanced=_unbalanced(counted, rows=rows),
        )


def _unbalanced(counted: Mapping[tuple[str, str], int], *, rows: int) -> str:
    totals: Counter[str] = Counter()
    for (name, _), readings in counted.items():
        totals[name] += readings
    fates = sum(readings for name, readings in totals.items() if name != "received")
    if totals["received"] != fates:
        return f"the counters do not add up: {dict(totals)}"
    if totals["stored"] != rows:
        return f"counted as stored are {totals['stored']} readings, and the tables hold {rows}"
    return ""


def _keys_in(topic: str, payload: bytes) -> Iterator[Key]:
    """The numbered readings of a quarantined payload, which may be one, an array, or nothing that can be read."""
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return
    device = topic.split("/")[2] if topic.count("/") >= 2 else ""
    for item in content if isinstance(content, list) else [content]:
        if isinstance(item, dict) and _is_number(item.get("boot")) and _is_number(item.get("seq")):
            yield Key(device, item["boot"], item["seq"])


def _is_number(value: Any) -> bool:
    return type(value) is int


async def _rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    return await (await connection.execute(query.encode())).fetchall()


def _some(keys: list[Key]) -> str:
    return ", ".join(f"{key.device} boot {key.boot} seq {key.seq}" for key in keys[:5])
