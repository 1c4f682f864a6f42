"""How many ingest workers there are and what they are called, as the settings and the broker allow."""

from gateway import lane_filters, shared_filters
from gateway.accounts import Lane
from ops.errors import SettingsError
from ops.settings import Settings


def workers(settings: Settings) -> list[str]:
    """Names of the ingest workers: 1, 2, 3 and so on; one alone may have any name.

    Raises:
        SettingsError: the broker cannot share messages among several, this process's own name is none of them, or files
            of another broker are named.
    """
    _check_files(settings)
    if settings.ingest.workers == 1:
        return [settings.ingest.worker]
    if settings.broker.kind == "nats":
        raise SettingsError(
            f"ingest.workers is {settings.ingest.workers}, and nats-server cannot share messages among workers: it "
            "grants shared subscriptions and delivers nothing; set it to 1, or use mosquitto or EMQX (broker.kind)"
        )
    names = [str(number) for number in range(1, settings.ingest.workers + 1)]
    if settings.ingest.worker not in names:
        raise SettingsError(
            f"ingest.worker is {settings.ingest.worker}, and of {settings.ingest.workers} workers the names are "
            f"{', '.join(names)}; set ingest.worker to one of them, or ingest.workers to as many as there are"
        )
    return names


def _check_files(settings: Settings) -> None:
    """Where files name another broker than `broker.kind`, that is a slip: nats-server grants shares and serves none."""
    broker = settings.broker
    named = {
        "broker.nats_accounts_file": ("nats", broker.nats_accounts_file),
        "broker.mosquitto_password_file": ("mosquitto", broker.mosquitto_password_file),
        "broker.mosquitto_acl_file": ("mosquitto", broker.mosquitto_acl_file),
    }
    for key, (kind, file) in named.items():
        if file is not None and kind != broker.kind:
            raise SettingsError(
                f"{key} is set, and broker.kind is {broker.kind}; set that to {kind} (GENGFU_BROKER_KIND), "
                f"or do not set {key}"
            )


def filters(settings: Settings, lane: Lane, *, secret: str) -> list[str]:
    """What a worker subscribes to for a lane: shared with the others where the broker can do that."""
    return lane_filters(lane) if settings.broker.kind == "nats" else shared_filters(lane, secret=secret)
