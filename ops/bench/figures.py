"""The figures of one case, and how they are reckoned."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Figures:
    """What was measured of one case; None is what was not measured or could not be seen.

    Attributes:
        case: its name.
        committed_per_s: fixes stored by commits within the window, each second.
        limit_session_per_s: what broker and session give without a database.
        limit_copy_per_s: what the database takes by COPY of the same rows.
        ratio_to_limit: of the lesser of both.
        cpu_s_per_million: CPU seconds by party for each million of fixes within the window.
        sent: fixes that the broker confirmed to the load, over the whole case.
        stored: by ingest's own count.
        rows: that the table really gained.
        lost: sent, but neither stored nor counted otherwise.
        doubled: rows beyond what was sent.
        repeated: that came again and were not stored again.
        refused: quarantined or ignored.
        acknowledged: by ingest to the broker.
        p50_ms: from publish to commit at the given pace.
        ingest_memory_mb: most that one worker had resident.
        growth: cost at each size of the table.
        growth_ratio: of ingest and database together, the largest table to the first.
        growth_per_million: CPU seconds per million that each further million of rows adds, among the filled tables.
    """

    case: str
    broker: str
    engine: str
    devices: int
    workers: int
    seq: bool
    rows_before: int
    seconds: float
    committed_per_s: float | None = None
    ratio_to_limit: float | None = None
    limit_session_per_s: float | None = None
    limit_copy_per_s: float | None = None
    limit_copy_by: str | None = None
    cpu_s_per_million: dict[str, float] = field(default_factory=dict)
    sent: int = 0
    stored: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    repeated: int = 0
    refused: int = 0
    acknowledged: int | None = None
    paced_per_s: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    urgent_p50_ms: float | None = None
    urgent_p99_ms: float | None = None
    latency_by: str | None = None
    ingest_memory_mb: float | None = None
    backlog: int | None = None
    queued_per_s: float | None = None
    drained_per_s: float | None = None
    growth: list[dict[str, float]] = field(default_factory=list)
    growth_ratio: float | None = None
    growth_per_million: float | None = None

    def reckon_ratio(self) -> None:
        """The part of the limit that was reached."""
        limits = [limit for limit in (self.limit_session_per_s, self.limit_copy_per_s) if limit]
        if limits and self.committed_per_s is not None:
            self.ratio_to_limit = self.committed_per_s / min(limits)

    def add_step(self, rows: int, one: "Figures") -> None:
        """What was measured with so many rows in the table before."""
        self.growth.append(
            {"rows": rows, "committed_per_s": one.committed_per_s or 0.0}
            | {f"{name}_cpu_s_per_million": seconds for name, seconds in one.cpu_s_per_million.items()}
        )
        costs = [(step["rows"] / 1e6, cost_of(step)) for step in self.growth]
        if costs[0][1]:
            self.growth_ratio = costs[-1][1] / costs[0][1]
        self.growth_per_million = trend([(millions, cost) for millions, cost in costs if millions])[1]
        for name in ("sent", "stored", "rows", "lost", "doubled", "repeated", "refused"):
            setattr(self, name, getattr(self, name) + getattr(one, name))

    @property
    def whole(self) -> bool:
        """Whether everything sent was stored once."""
        return self.lost == self.doubled == self.refused == 0 and self.rows == self.stored

    def line(self) -> dict[str, Any]:
        """As a flat object for programs: what was measured, rounded to what it is good for."""
        values = asdict(self)
        for name, seconds in values.pop("cpu_s_per_million").items():
            values[f"{name}_cpu_s_per_million"] = seconds
        return {name: rounded(value) for name, value in values.items() if value is not None and value != []}


def rounded(value: Any) -> Any:
    """Whole numbers from a thousand on, three places below."""
    if isinstance(value, float):
        return round(value) if abs(value) >= 1000 else round(value, 3)
    if isinstance(value, list):
        return [rounded(one) for one in value]
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    return value


def reckon_ledger(figures: Figures, *, sent: int, counted: Mapping[str, int], rows: int) -> None:
    """Hold what was sent against what was counted and what is in the table.

    Args:
        figures: get the sums.
        sent: fixes that the broker confirmed.
        counted: ingest's counters of the case.
        rows: that the table gained.
    """
    figures.sent += sent
    figures.stored += counted["stored"]
    figures.repeated += counted["repeated"]
    figures.refused += counted["other"]
    figures.rows += rows
    # A message that came twice is counted as repeated; what is missing from the table is lost whatever was counted.
    figures.lost = max(0, figures.sent - figures.rows - figures.refused)
    figures.doubled = max(0, figures.rows - figures.sent)


def cost_of(step: Mapping[str, float]) -> float:
    """CPU seconds per million of ingest and database together, at one size of the table."""
    return step.get("ingest_cpu_s_per_million", 0.0) + step.get("postgres_cpu_s_per_million", 0.0)


def trend(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """A straight line by least squares.

    Args:
        points: millions of rows, and cost.

    Returns:
        Cost at nought, and what each million adds.
    """
    count = len(points)
    if count < 2:
        return (points[0][1] if points else 0.0), 0.0
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
    return mean_y - slope * mean_x, slope
