"""What Prometheus is told about the live stream."""

from prometheus_client import CollectorRegistry, Counter, Gauge

ENDS = ("gone", "slow", "behind", "territory", "database", "session", "server")


class LiveMetrics:
    """Counters of one process.

    Args:
        registry: that is shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.readers = Gauge("gengfu_live_readers", "Open live streams", registry=registry)
        self.pushed = Counter("gengfu_live_pushed", "Messages sent, by type", ["type"], registry=registry)
        self.ended = Counter("gengfu_live_ended", "Streams that ended, by reason", ["reason"], registry=registry)
        self.looks_failed = Counter("gengfu_live_looks_failed", "Looks for news that failed", registry=registry)
        for reason in ENDS:
            self.ended.labels(reason)
