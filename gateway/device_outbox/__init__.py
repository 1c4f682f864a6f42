"""What a device has said and does not yet know to be safe: on disk before it is sent, deleted only on a receipt."""

from gateway.device_outbox.files import OutboxFile, outboxes_in
from gateway.device_outbox.flights import Waits
from gateway.device_outbox.outbox import DeviceOutbox, Limits, Message, OutboxCounts
from gateway.device_outbox.store import Entry, Key, Status, Store

__all__ = [
    "DeviceOutbox",
    "Entry",
    "Key",
    "Limits",
    "Message",
    "OutboxCounts",
    "OutboxFile",
    "Status",
    "Store",
    "Waits",
    "outboxes_in",
]
