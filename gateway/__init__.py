"""The device-facing edge: sessions with the broker, topics, accounts, receipts, the device client."""

from gateway.accounts import (
    GATEWAY,
    LANES,
    credentials_of,
    down_topic,
    ingest_account,
    lane_filters,
    shared_filters,
)
from gateway.address import Address, Credentials, Tls
from gateway.client import DeviceClient
from gateway.errors import GatewayError
from gateway.keeper import Keeper
from gateway.listening import listen, pause
from gateway.outbox import Outbox
from gateway.provisioning import DeviceAccount, MosquittoProvisioner, NatsProvisioner, Provisioner
from gateway.session import Session
from gateway.store_disk import StoreDisk
from gateway.verifiers import verifiers_for

__all__ = [
    "GATEWAY",
    "LANES",
    "Address",
    "Credentials",
    "DeviceAccount",
    "DeviceClient",
    "GatewayError",
    "Keeper",
    "MosquittoProvisioner",
    "NatsProvisioner",
    "Outbox",
    "Provisioner",
    "Session",
    "StoreDisk",
    "Tls",
    "credentials_of",
    "down_topic",
    "ingest_account",
    "lane_filters",
    "listen",
    "pause",
    "shared_filters",
    "verifiers_for",
]
