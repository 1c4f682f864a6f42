"""Everything embedded behind one door: PostgreSQL and the broker in one data folder, ready to be used."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.embedded.data_dir import DataDir
from ops.embedded.leftovers import stop_leftovers
from ops.embedded.mosquitto import Mosquitto
from ops.embedded.nats import MAX_ACK_PENDING, Nats
from ops.embedded.ports import choose_ports
from ops.embedded.postgres import Postgres
from ops.embedded.spec import ChildEvent, EventKind, OnEvent
from ops.embedded.supervisor import Supervisor, tell


class BrokerKind(StrEnum):
    """The brokers that can be started: one comes with gengfu, the other has to be installed."""

    NATS = "nats"
    MOSQUITTO = "mosquitto"


class EmbeddedServices:
    """PostgreSQL and a broker, by default nats-server, under our own supervisor.

    Enter it in a thread that stays for as long as the services shall: the kernel ends them together with that thread.

    Attributes:
        data_dir: the data folder, held while entered.
        supervisor: runs both; more children may be added to it, and they are stopped first.
        database_url: address of the database `gengfu` for its owner.
        broker_url: `mqtt://127.0.0.1:PORT`.
        broker_settings: the settings with which roles work with that broker, by dotted key.
        nats_accounts_file: nats-server's accounts; rewrite it and send SIGHUP to the process in `nats_pid_file`.
        nats_pid_file: there exactly while nats-server can take a SIGHUP.
    """

    def __init__(
        self,
        folder: Path,
        *,
        broker: BrokerKind = BrokerKind.NATS,
        accounts_conf: str | None = None,
        max_ack_pending: int = MAX_ACK_PENDING,
        on_event: OnEvent | None = None,
    ) -> None:
        """Remembers what to start.

        Args:
            folder: data folder; made when missing.
            broker: which one.
            accounts_conf: text of nats-server's accounts file; None keeps what is there, and at first lets nobody in.
            max_ack_pending: messages that one subscription of nats-server may leave unacknowledged.
            on_event: told of everything that happens; must not block.
        """
        self.data_dir = DataDir(folder)
        self.supervisor = Supervisor(log_dir=self.data_dir.log, run_dir=self.data_dir.run, on_event=on_event)
        self.database_url = ""
        self.broker_url = ""
        self.broker_settings: dict[str, object] = {}
        self.nats_accounts_file = self.data_dir.nats / "accounts.conf"
        self.nats_pid_file = self.data_dir.nats / "nats.pid"
        self._kind = broker
        self._accounts_conf = accounts_conf
        self._max_ack_pending = max_ack_pending
        self._on_event = on_event
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Starts both services and returns when they can be used.

        Raises:
            EmbeddedError: what is in the way and what to do about it; everything is stopped again.
        """
        try:
            await self._start()
        except BaseException as error:
            if not await self._stack.__aexit__(type(error), error, error.__traceback__):
                raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Stops all children, then lets go of the folder."""
        return await self._stack.__aexit__(kind, error, trace)

    async def _start(self) -> None:
        folder = self._stack.enter_context(self.data_dir)
        await stop_leftovers(folder, on_event=self._tell)
        ports, changes = choose_ports(folder.ports, names=("postgres", "mqtt", "nats"))
        for sentence in changes:
            self._say(sentence)
        postgres = Postgres(folder, port=ports["postgres"], say=self._say)
        await postgres.prepare()
        broker = await (self._mosquitto(ports) if self._kind is BrokerKind.MOSQUITTO else self._nats(ports))
        await self._stack.enter_async_context(self.supervisor)
        await self.supervisor.add(postgres.spec(), broker.spec())
        await postgres.make_database()
        self.database_url, self.broker_url = postgres.conninfo, broker.url

    async def _nats(self, ports: Mapping[str, int]) -> Nats:
        nats = Nats(
            self.data_dir, mqtt_port=ports["mqtt"], nats_port=ports["nats"], max_ack_pending=self._max_ack_pending
        )
        await nats.prepare(accounts=self._accounts_conf)
        self.broker_settings = {
            "broker.kind": "nats",
            "broker.store_dir": nats.store,
            "broker.nats_accounts_file": self.nats_accounts_file,
            "broker.nats_pid_file": self.nats_pid_file,
        }
        return nats

    async def _mosquitto(self, ports: Mapping[str, int]) -> Mosquitto:
        mosquitto = Mosquitto(self.data_dir.mosquitto, port=ports["mqtt"])
        mosquitto.prepare()
        self.broker_settings = {
            "broker.kind": "mosquitto",
            "broker.store_dir": mosquitto.store,
            "broker.mosquitto_password_file": mosquitto.password_file,
            "broker.mosquitto_acl_file": mosquitto.acl_file,
            "broker.mosquitto_pid_file": mosquitto.pid_file,
        }
        return mosquitto

    def _say(self, sentence: str) -> None:
        self._tell(ChildEvent(EventKind.NOTE, "embedded", sentence))

    def _tell(self, event: ChildEvent) -> None:
        tell(event, on_event=self._on_event)
