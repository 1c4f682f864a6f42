"""The ledger: every reading that was received became exactly one of a few things, and the sums say so."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest import metrics
from ingest.database import Connection
from ingest.queries import load_queries

_SQL = load_queries("ingest", "ledger.sql")
# Reasons that are shown at nought before they first happen; a new one appears when it does.
QUARANTINED = ("topic", "size", "utf8", "json", "depth", "schema", "unknown_device", "clock", "rate", "database")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sheet:
    """What became of the readings of one batch.

    Attributes:
        received: counted where messages are decoded, apart from what becomes of them.
        stored: new in the database.
        repeated: were there before.
        quarantined: by reason.
        ignored: by reason.
        withheld: sealed.
        released: sealed before, and stored now; they were counted when they were sealed.
    """

    received: int
    stored: int = 0
    repeated: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)
    withheld: int = 0
    released: int = 0

    @property
    def difference(self) -> int:
        """Received less all that is accounted for; anything but nought is a fault of gengfu."""
        fates = self.stored + self.repeated + self.withheld
        return self.received - fates - sum(self.quarantined.values()) - sum(self.ignored.values())

    def entries(self) -> dict[tuple[str, str], int]:
        """Value by name and reason, as `ingest_counter` has them, without noughts."""
        counts = {
            ("received", ""): self.received,
            ("stored", ""): self.stored,
            ("repeated", ""): self.repeated,
            ("withheld", ""): self.withheld,
            ("released", ""): self.released,
            **{("quarantined", reason): count for reason, count in self.quarantined.items()},
            **{("ignored", reason): count for reason, count in self.ignored.items()},
        }
        return {entry: value for entry, value in counts.items() if value}


class Ledger:
    """The books of one worker: opened at nought, written with each batch, held against the database now and then.

    Args:
        worker: its name among its kind.
        lanes: that it has.
    """

    def __init__(self, worker: str, *, lanes: tuple[str, ...]) -> None:
        self._worker = worker
        self._lanes = lanes
        self._expected: dict[str, int] = {}  # received by lane: what the database must have at least
        self._confirmed: Counter[str] = Counter()  # received by lane, in commits that the database confirmed

    async def open(self, connection: Connection) -> None:
        """Show every entry at nought that has none yet, and note where the sums stand."""
        entries = [("received", ""), ("stored", ""), ("repeated", ""), ("withheld", ""), ("released", "")]
        entries += [("ignored", "")]
        entries += [("quarantined", reason) for reason in QUARANTINED]
        values = {
            "worker": self._worker,
            "lanes": list(self._lanes),
            "names": [name for name, _ in entries],
            "reasons": [reason for _, reason in entries],
        }
        await connection.execute(_SQL["open"], values)
        self._expected = await self._received(connection)
        self._confirmed.clear()

    def committed(self, lane: str, sheet: Sheet) -> None:
        """A batch is in the database."""
        self._confirmed[lane] += sheet.received
        if sheet.difference:
            metrics.UNBALANCED.labels(lane).inc(abs(sheet.difference))
            log.error(
                "a batch of ingest worker %s, lane %s, does not add up: received %d, of which %d are unaccounted for "
                "(%s); this is a fault of gengfu, please report it",
                self._worker,
                lane,
                sheet.received,
                sheet.difference,
                sheet.entries(),
                extra={"event": "ledger_unbalanced"},
            )

    async def compare(self, connection: Connection) -> None:
        """See that the database still has all that it confirmed; what it lost is entered as `unbalanced`.

        It has more than we know when a connection broke in the middle of a commit, which is harmless: what is written
        again counts as repeated. It has less when it was put back to an earlier state, or when a standby took over
        that had not received everything.
        """
        least = {lane: self._expected.get(lane, 0) + self._confirmed[lane] for lane in self._lanes}
        has = await self._received(connection)
        for lane in self._lanes:
            lost = least[lane] - has.get(lane, 0)
            if lost <= 0:
                continue
            metrics.UNBALANCED.labels(lane).inc(lost)
            log.error(
                "the database has lost %d readings of ingest worker %s, lane %s, that it had confirmed; see whether it "
                "was restored, or a standby took over before it had everything",
                lost,
                self._worker,
                lane,
                extra={"event": "ledger_unbalanced"},
            )
            await connection.execute(_SQL["lost"], {"worker": self._worker, "lane": lane, "value": lost})
            self._expected[lane] = self._expected.get(lane, 0) - lost

    async def _received(self, connection: Connection) -> dict[str, int]:
        rows = await (await connection.execute(_SQL["received"], {"worker": self._worker})).fetchall()
        return {row["lane"]: int(row["value"]) for row in rows}
