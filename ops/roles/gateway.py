"""The role gateway: keeps the broker's accounts equal to the register and sends devices their messages."""

import asyncio
import logging

from gateway import (
    GATEWAY,
    Keeper,
    MosquittoProvisioner,
    NatsProvisioner,
    Outbox,
    Provisioner,
    Session,
    StoreDisk,
    Tls,
    credentials_of,
    listen,
    pause,
)
from gateway.mqtt.packets import Version
from ingest.database import Pool, make_pool
from ops.errors import SettingsError
from ops.process import wait_for_schema
from ops.settings import MAX_WORKERS, Settings
from ops.sharing import workers

FIRST_S = 10.0  # seconds to wait for a broker that does not know us yet; then the session says what is wrong

log = logging.getLogger(__name__)


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; outages of the database and of the broker are waited out.

    Raises:
        SettingsError: the broker secret is not set.
        SchemaOutdated: `gengfu migrate` has to run first.
    """
    secret = broker_secret(settings)
    conninfo = settings.database.url.get_secret_value()
    if not await wait_for_schema(conninfo, stop):
        return
    async with make_pool(conninfo, name="gateway", size=3) as pool, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(_serve(settings, pool, secret=secret), name="gateway")
        await stop.wait()
        serving.cancel()


def broker_secret(settings: Settings) -> str:
    """The secret from which gengfu's own broker accounts are derived.

    Raises:
        SettingsError: it is not set.
    """
    if settings.broker.secret is None or not settings.broker.secret.get_secret_value():
        raise SettingsError("broker.secret is not set; set GENGFU_BROKER_SECRET to the same value for every role")
    return settings.broker.secret.get_secret_value()


def tls_of(settings: Settings) -> Tls:
    """The certificates that the settings name."""
    return Tls(settings.broker.ca_file, settings.broker.cert_file, settings.broker.key_file)


def version_of(settings: Settings) -> Version:
    """The version of MQTT to speak: 5 where it is understood, because its answers have reasons."""
    return 4 if settings.broker.kind == "nats" else 5


def provisioner(settings: Settings) -> Provisioner | None:
    """The provisioner that the settings ask for; None when somebody else sees to the broker's accounts.

    Raises:
        SettingsError: the broker secret is not set, or the files named do not fit the broker.
    """
    broker, names = settings.broker, workers(settings)
    if broker.nats_accounts_file is not None:
        return NatsProvisioner(
            broker.nats_accounts_file,
            pid_file=broker.nats_pid_file,
            url=broker.url,
            secret=broker_secret(settings),
            workers=names,
            tls=tls_of(settings),
        )
    if broker.mosquitto_password_file is None and broker.mosquitto_acl_file is None:
        return None
    if broker.mosquitto_password_file is None or broker.mosquitto_acl_file is None:
        raise SettingsError(
            "only one of broker.mosquitto_password_file and broker.mosquitto_acl_file is set; set both, to the "
            "files that mosquitto.conf names as password_file and acl_file"
        )
    return MosquittoProvisioner(
        broker.mosquitto_password_file,
        acl_file=broker.mosquitto_acl_file,
        pid_file=broker.mosquitto_pid_file,
        url=broker.url,
        secret=broker_secret(settings),
        # All there may be, so that one that is taken out can still be drained.
        workers=dict.fromkeys([*names, *(str(number) for number in range(1, MAX_WORKERS + 1))]),
        tls=tls_of(settings),
    )


async def _serve(settings: Settings, pool: Pool, *, secret: str) -> None:
    devices, outbox = asyncio.Event(), asyncio.Event()
    session = Session(
        settings.broker.url,
        credentials=credentials_of(GATEWAY, secret=secret),
        name="gateway",
        version=version_of(settings),
        tls=tls_of(settings),
    )
    conninfo = settings.database.url.get_secret_value()
    accounts = provisioner(settings)
    async with asyncio.TaskGroup() as tasks:
        events = {"gengfu_devices": devices, "gengfu_outbox": outbox}
        tasks.create_task(listen(conninfo, events=events, name="gateway"), name="listen")
        tasks.create_task(StoreDisk(pool, folder=settings.broker.store_dir).run(), name="broker's disk")
        if accounts is None:
            log.warning(
                "neither broker.mosquitto_password_file nor broker.nats_accounts_file is set: the broker's accounts "
                "are not kept equal to the register"
            )
        else:
            keeper = Keeper(pool, provisioner=accounts, changed=devices)
            await keeper.write_first()
            tasks.create_task(keeper.run(), name="accounts")
            await pause(keeper.in_force, at_most_s=FIRST_S)
        async with session:
            await Outbox(pool, session=session, wake=outbox).run()
