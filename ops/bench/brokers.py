"""The broker of a measurement: mosquitto when it is installed, else nats-server, with an account for the load."""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway import LANES, Credentials, lane_filters
from gateway.accounts import patterns
from gateway.provisioning import mosquitto_accounts, nats_accounts
from gateway.verifiers import bcrypt_of, pbkdf2_of
from ops.bench.errors import BenchError
from ops.bench.given import Kind
from ops.embedded import BinaryMissingError, ChildSpec, DataDir
from ops.embedded.binaries import find_mosquitto, find_nats
from ops.embedded.files import replace_private
from ops.embedded.mosquitto import AUTOSAVE_S, MAX_INFLIGHT_MESSAGES, MAX_QUEUED_BYTES, Mosquitto
from ops.embedded.nats import ACK_WAIT, Nats
from ops.embedded.ports import choose_ports
from ops.settings import Settings

LOAD = "gengfu-bench"  # may speak for every device, as an account of a town's radio dispatcher may for its radios
USERS = "  users = [\n"


@dataclass(frozen=True)
class Broker:
    """A broker that is ready to be started.

    Attributes:
        kind: which one it is.
        url: its address.
        spec: how it runs; None when somebody else runs it.
        load: accounts of the load's connections.
        config: how it is configured, for the report.
    """

    kind: Kind
    url: str
    spec: ChildSpec | None
    load: tuple[Credentials, ...]
    config: Mapping[str, object]


def choose_kind(wanted: str | None) -> Kind:
    """Mosquitto when there is one, unless another is asked for.

    Raises:
        BenchError: the wanted one is not installed.
    """
    if wanted == "emqx":
        raise BenchError("an EMQX cannot be started from here; give the address of one with --broker-url")
    try:
        if wanted == "nats":
            find_nats()
            return "nats"
        find_mosquitto()
    except BinaryMissingError as error:
        if wanted is not None:
            raise BenchError(str(error)) from error
        return "nats"
    return "mosquitto"


async def prepare(
    kind: Kind, folder: DataDir, *, place: str, settings: Settings, secret: str, workers: Sequence[str], loads: int
) -> Broker:
    """Make a new, empty broker ready.

    Args:
        kind: which.
        folder: data folder, held by us.
        place: name of its own folder below that, not used before.
        settings: for what of the broker can be set.
        secret: from which the accounts of gengfu's own are derived.
        workers: names of the ingest workers.
        loads: connections of the load.
    """
    names = [f"{LOAD}-{number}" for number in range(1, loads + 1)]
    load = tuple(Credentials(name, secrets.token_urlsafe(24), secrets.token_urlsafe(16)) for name in names)
    if kind == "nats":
        return await _nats(folder, place, settings=settings, secret=secret, workers=workers, load=load)
    return _mosquitto(folder, place, secret=secret, workers=workers, load=load)


def _mosquitto(
    folder: DataDir, place: str, *, secret: str, workers: Sequence[str], load: tuple[Credentials, ...]
) -> Broker:
    ports, _ = choose_ports(folder.path / "broker-port.json", names=("mqtt",))
    mosquitto = Mosquitto(folder.path / place, port=ports["mqtt"])
    mosquitto.prepare()
    files = mosquitto_accounts.render([], secret=secret, workers=workers)
    passwords = "".join(f"{one.username}:{pbkdf2_of(one.password)}\n" for one in load)
    replace_private(mosquitto.password_file, files.passwords + passwords)
    down = [pattern.filter() for pattern in patterns() if pattern.lane == "down"]
    up = [name for lane in LANES for name in lane_filters(lane)]
    rights = [_acl(one.username, read=down, write=up) for one in load]
    replace_private(mosquitto.acl_file, files.acl + "\n".join(rights))
    return Broker(
        "mosquitto",
        mosquitto.url,
        mosquitto.spec(),
        load,
        {
            "max_inflight_messages": MAX_INFLIGHT_MESSAGES,
            "max_queued_messages": 0,
            "max_queued_bytes": MAX_QUEUED_BYTES,
            "autosave_interval": AUTOSAVE_S,
            "use_username_as_clientid": True,
        },
    )


def _acl(user: str, *, read: Sequence[str], write: Sequence[str]) -> str:
    lines = [*(f"topic read {topic}" for topic in read), *(f"topic write {topic}" for topic in write)]
    return "\n".join([f"user {user}", *lines, ""])


async def _nats(
    folder: DataDir,
    place: str,
    *,
    settings: Settings,
    secret: str,
    workers: Sequence[str],
    load: tuple[Credentials, ...],
) -> Broker:
    own = DataDir(folder.path / place)
    with own:  # makes its folders; nobody else works below ours
        ports, _ = choose_ports(own.ports, names=("mqtt", "nats"))
        nats = Nats(
            own,
            mqtt_port=ports["mqtt"],
            nats_port=ports["nats"],
            max_ack_pending=settings.broker.max_ack_pending,
        )
        before, users, after = nats_accounts.render([], secret=secret, workers=workers).text.partition(USERS)
        if not users:
            raise BenchError("the broker's accounts are no longer written as this measurement expects; report it")
        lines = "".join(
            f'    {{ user: "{one.username}", password: "{bcrypt_of(one.password)}", '
            'permissions: { publish: "gengfu.v1.*.*", subscribe: "gengfu.v1.*.down" } },\n'
            for one in load
        )
        await nats.prepare(accounts=before + users + lines + after)
    return Broker(
        "nats",
        nats.url,
        nats.spec(),
        load,
        {
            "max_ack_pending": settings.broker.max_ack_pending,
            "ack_wait": ACK_WAIT,
            "store": "file",
            "sync_interval": "10s",
        },
    )


def new_secret() -> str:
    """A broker secret for one measurement."""
    return base64.urlsafe_b64encode(hashlib.sha256(secrets.token_bytes(32)).digest()).decode()
