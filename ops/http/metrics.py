"""What Prometheus is told: how requests fare, and the counters that stand in the database."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from typing_extensions import override

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.database import row, rows

_SQL = load_queries("ops.http", "metrics.sql")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Metrics of this process; labels are bounded by what we declare, never by what a stranger sends.

    Attributes:
        registry: where other parts of this process may show theirs.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "gengfu_http_request_seconds",
            "How long requests took, by route",
            ["method", "route"],
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._answers = Counter(
            "gengfu_http_answers", "Answers by route and status", ["method", "route", "status"], registry=self.registry
        )

    def observe(self, *, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count one answer; `route` is the declared path, None when none matched."""
        method = method if method in _METHODS else "other"
        self._seconds.labels(method, route or "none").observe(seconds)
        self._answers.labels(method, route or "none", str(status)).inc()

    def exposition(self, ledger: Iterable[Metric]) -> bytes:
        """All metrics in Prometheus' text format, with those read from the database."""
        return generate_latest(self.registry) + generate_latest(_registered(ledger))


class _Ready(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    @override
    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _registered(metrics: Iterable[Metric]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Ready(metrics))
    return registry


def database_up(up: bool) -> Metric:
    """Whether the database answered this scrape."""
    return GaugeMetricFamily("gengfu_database_up", "1 when the database answered this scrape", value=float(up))


async def ledger(connection: Connection) -> list[Metric]:
    """The counters and gauges that live in the database, so that a restart of this process resets none."""
    counted = CounterMetricFamily(
        "gengfu_ingest", "What ingest did with what it was given", labels=["worker", "lane", "name", "reason"]
    )
    for one in await rows(connection, _SQL["ingest_counters"], {}):
        counted.add_metric([one["worker"], one["lane"], one["name"], one["reason"]], one["value"])
    beats = GaugeMetricFamily("gengfu_ingest_beat_age_seconds", "Since ingest last beat", labels=["worker", "lane"])
    behind = GaugeMetricFamily(
        "gengfu_ingest_behind_seconds",
        "Since the moment up to which everything that was sent is stored",
        labels=["worker", "lane"],
    )
    for one in await rows(connection, _SQL["ingest_beats"], {}):
        beats.add_metric([one["worker"], one["lane"]], one["age_s"])
        behind.add_metric([one["worker"], one["lane"]], one["behind_s"])
    unaccounted = GaugeMetricFamily(
        "gengfu_ingest_unaccounted", "Readings that became nothing that is known", labels=["worker", "lane"]
    )
    for one in await rows(connection, _SQL["ingest_unaccounted"], {}):
        unaccounted.add_metric([one["worker"], one["lane"]], one["value"])
    alerts = GaugeMetricFamily("gengfu_alerts_open", "Alerts not resolved", labels=["rule", "severity", "state"])
    for one in await rows(connection, _SQL["open_alerts"], {}):
        alerts.add_metric([one["rule"], one["severity"], one["state"]], one["value"])
    outbox = GaugeMetricFamily("gengfu_outbox_waiting", "Work of the outbox not yet done", labels=["channel"])
    for one in await rows(connection, _SQL["outbox_waiting"], {}):
        outbox.add_metric([one["channel"]], one["value"])
    totals = await row(connection, _SQL["totals"], {}) or {}
    gauges = [
        GaugeMetricFamily(f"gengfu_{name}", help_text, value=float(totals[name]))
        for name, help_text in (
            ("quarantine_waiting", "Messages in quarantine that were not replayed"),
            ("dirty_marks", "Windows that wait for the rules"),
            ("tickets_open", "Tickets not closed"),
            ("incidents_open", "Incidents not closed"),
        )
    ]
    leader = GaugeMetricFamily("gengfu_rules_beat_age_seconds", "Since the leading rules worker last beat")
    if totals["rules_age_s"] is not None:
        leader.add_metric([], totals["rules_age_s"])
    return [counted, beats, behind, unaccounted, alerts, outbox, *gauges, leader]
