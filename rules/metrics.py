"""What the rules count for Prometheus; the names are stable."""

from prometheus_client import Counter, Gauge, Histogram

LEADER = Gauge("gengfu_rules_leader", "1 while this worker holds the rules, 0 while it stands by.")
JUDGED = Counter("gengfu_rules_judged_total", "Duties judged, by rule and verdict.", ["rule", "verdict"])
FAILED = Counter("gengfu_rules_failed_total", "Judgements that failed and will be tried again, by rule.", ["rule"])
ALERTS = Counter("gengfu_rules_alert_events_total", "Lines written to alerts' histories.", ["rule", "event"])
PLANNED = Counter("gengfu_rules_duties_planned_total", "Duties made by the planners, by rule.", ["rule"])
MARKS = Counter("gengfu_rules_marks_total", "Dirty marks claimed, by kind.", ["kind"])
DUE = Gauge("gengfu_rules_due", "Duties that were due for judgement when the last portion was claimed.")
UNROSTERED = Gauge(
    "gengfu_rules_unrostered_devices", "Carried devices whose holder never had a shift, so that nothing is withheld."
)
SIGNAL_SECONDS = Histogram(
    "gengfu_rules_signal_seconds",
    "From a device's dirty mark to the committed alert.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 30),
)
FOLLOWED = Gauge("gengfu_rules_followed", "Devices that are followed for lasting conditions.")
REREAD = Counter("gengfu_rules_reread_total", "Ways read anew because something on them came late.")
TRACK_SECONDS = Histogram(
    "gengfu_rules_track_seconds",
    "A look at a portion of the devices that are followed.",
    buckets=(0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30),
)

for _kind in ("checkpoint", "incident", "device", "track"):
    MARKS.labels(_kind)
