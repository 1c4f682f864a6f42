"""The brokers of a run, each configured as the product does it; only waits are shortened, so that runs are short."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ops.embedded import BinaryMissingError, ChildSpec
from ops.embedded.binaries import find_mosquitto
from ops.embedded.data_dir import DataDir
from ops.embedded.mosquitto import Mosquitto
from ops.embedded.nats import ACK_WAIT, Nats
from tests.faults.programs import Program

NATS_ACK_WAIT = "5s"  # instead of half a minute: after each death of ingest a run waits so long


@dataclass
class Broker:
    """A broker that runs.

    Attributes:
        kind: `nats` or `mosquitto`.
        folder: its data.
        program: its process.
    """

    kind: str
    folder: Path
    program: Program

    def limit_queue(self, messages: int) -> None:
        """From its next start on, it drops what comes above so many waiting messages, without a word."""
        configuration = self.folder / "mosquitto.conf"
        text = configuration.read_text()
        assert "max_queued_messages 0\n" in text
        configuration.write_text(text.replace("max_queued_messages 0\n", f"max_queued_messages {messages}\n"))


class Maker(Protocol):
    """Prepares a broker."""

    async def prepare(self, folder: Path, *, ports: Mapping[str, int]) -> tuple[ChildSpec, dict[str, object]]:
        """How it is run, and the settings that name it."""
        ...


class NatsMaker:
    """nats-server out of its wheel."""

    async def prepare(self, folder: Path, *, ports: Mapping[str, int]) -> tuple[ChildSpec, dict[str, object]]:
        with DataDir(folder) as data:
            nats = Nats(data, mqtt_port=ports["mqtt"], nats_port=ports["nats"])
            await nats.prepare(accounts=None)
            text = nats.configuration.read_text()
            assert ACK_WAIT in text
            nats.configuration.write_text(text.replace(f'ack_wait: "{ACK_WAIT}"', f'ack_wait: "{NATS_ACK_WAIT}"'))
        return nats.spec(), {
            "broker.url": nats.url,
            "broker.kind": "nats",
            "broker.store_dir": nats.store,
            "broker.nats_accounts_file": nats.accounts_file,
            "broker.nats_pid_file": nats.pid_file,
        }


class MosquittoMaker:
    """The mosquitto of this machine, as safe as it can be."""

    async def prepare(self, folder: Path, *, ports: Mapping[str, int]) -> tuple[ChildSpec, dict[str, object]]:
        broker = Mosquitto(folder, port=ports["mqtt"])
        broker.prepare()
        return broker.spec(), {
            "broker.url": broker.url,
            "broker.kind": "mosquitto",
            "broker.store_dir": broker.store,
            "broker.mosquitto_password_file": broker.password_file,
            "broker.mosquitto_acl_file": broker.acl_file,
            "broker.mosquitto_pid_file": broker.pid_file,
        }


MAKERS: dict[str, Maker] = {"nats": NatsMaker(), "mosquitto": MosquittoMaker()}


def missing(kind: str) -> str:
    """Why there is no such broker here; empty when there is one."""
    if kind == "mosquitto":
        try:
            find_mosquitto()
        except BinaryMissingError as error:
            return str(error)
    return ""
