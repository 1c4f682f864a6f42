"""What ingest counts for Prometheus, beside the ledger in the database; all begin at nought."""

from prometheus_client import Counter, Gauge, Histogram

RECEIVED = Counter("gengfu_ingest_messages_total", "Messages taken from the broker", ["lane"])
READINGS = Counter("gengfu_ingest_readings_total", "Readings by what became of them", ["lane", "fate"])
BATCH = Histogram(
    "gengfu_ingest_commit_seconds",
    "From the first message of a batch to its commit",
    ["lane"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10),
)
RETRIES = Counter("gengfu_ingest_write_retries_total", "Batches written again after an error of the database", ["lane"])
BATCH_READINGS = Histogram(
    "gengfu_ingest_batch_readings",
    "Readings in a committed batch",
    ["lane"],
    buckets=(1, 10, 100, 500, 1000, 2000, 5000, 10_000, 20_000),
)
WRITES = Counter("gengfu_ingest_writes_total", "Batches committed, by the way their positions took", ["lane", "mode"])
REPEATED_RATE = Gauge("gengfu_ingest_repeated_rate", "Share of the rows sent to the database that it had", ["lane"])
STAGES = ("decode", "match", "write", "settle")
STAGE = Counter(
    "gengfu_ingest_stage_seconds_total",
    "Seconds by stage; of write from begin to end, else processor time",
    ["lane", "stage"],
)
PENDING = Gauge("gengfu_ingest_pending_messages", "Messages taken but not yet committed", ["lane"])
PROBES = Counter("gengfu_ingest_probes_total", "Probes that ingest sent itself, and got back", ["lane", "fate"])
FALLS = Counter("gengfu_ingest_lane_falls_total", "Times that a lane fell over by a fault of gengfu", ["lane"])
PROBE_AGE = Gauge("gengfu_ingest_probe_age_seconds", "Since a probe last came back, or the broker was away", ["lane"])
UNBALANCED = Counter("gengfu_ingest_unbalanced_total", "Readings by which the ledger does not add up", ["lane"])
RELEASED = Counter("gengfu_ingest_released_total", "Withheld readings that were stored after all")
UPKEEP_FAILED = Counter("gengfu_storage_upkeep_failed_total", "Steps of the storage's upkeep that failed", ["step"])
UPKEEP_SECONDS = Gauge("gengfu_storage_upkeep_seconds", "How long the step took when it last succeeded", ["step"])
UPKEEP_AT = Gauge("gengfu_storage_upkeep_timestamp_seconds", "When this process last did the whole upkeep, Unix time")

for step in ("withheld", "partitions", "rollup", "retention", "compression"):
    UPKEEP_FAILED.labels(step)
    UPKEEP_SECONDS.labels(step)
UPKEEP_FAILED.labels("connection")
for lane in ("up", "urgent"):
    PROBE_AGE.labels(lane)
    UNBALANCED.labels(lane)
    FALLS.labels(lane)
    for fate in ("sent", "returned"):
        PROBES.labels(lane, fate)
    RECEIVED.labels(lane)
    BATCH.labels(lane)
    RETRIES.labels(lane)
    PENDING.labels(lane)
    BATCH_READINGS.labels(lane)
    REPEATED_RATE.labels(lane)
    for mode in ("direct", "staging"):
        WRITES.labels(lane, mode)
    for stage in STAGES:
        STAGE.labels(lane, stage)
    for fate in ("stored", "repeated", "quarantined", "ignored", "withheld"):
        READINGS.labels(lane, fate)
