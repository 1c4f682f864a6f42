"""What nats-server's options mean for data that must not be lost. Defaults are those of 2.15."""

import re
from typing import Final

from devices.codec import MAX_PAYLOAD_BYTES
from ops.doctor.configuration.nats_file import Block
from ops.doctor.finding import Finding, Grade

PART = "configuration"
COMMIT_S = 0.1  # how long a message waits for its commit and acknowledgement at full load
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES: Final = {
    "": 1,
    "k": 1000,
    "kb": 1024,
    "kib": 1024,
    "m": 10**6,
    "mb": 1 << 20,
    "mib": 1 << 20,
    "g": 10**9,
    "gb": 1 << 30,
}


def recognises(text: str) -> bool:
    """Whether a text is a configuration of nats-server and not of mosquitto: only the former has blocks."""
    return (
        re.search(r"^\s*(mqtt|jetstream|authorization|accounts)\s*[:=]?\s*\{", text, re.MULTILINE | re.IGNORECASE)
        is not None
    )


def findings(file: Block, *, batch_readings: int) -> list[Finding]:
    """Everything that is worth saying about a nats-server configuration."""
    mqtt, jetstream = _block(file, "mqtt"), _block(file, "jetstream")
    return [
        _store(file, jetstream),
        _sync(jetstream),
        _window(mqtt, batch_readings),
        _size(file),
        _accounts(file),
        _client_ids(),
    ]


def _said(check: str, grade: Grade, seen: str, why: str = "", change: str = "") -> Finding:
    return Finding(PART, check, grade, seen, why, change)


def _block(file: Block, name: str) -> Block:
    block = file.get(name, {})
    return block if isinstance(block, dict) else {}


def _text(block: Block, *names: str) -> str | None:
    return next((value for name in names if isinstance(value := block.get(name), str)), None)


def _store(file: Block, jetstream: Block) -> Finding:
    folder = _text(jetstream, "store_dir", "storedir", "store") or _text(file, "store_dir")
    if folder is None:
        return _said(
            "persistence",
            Grade.LOSES,
            "no store_dir is set",
            "sessions and queues lie in the temporary folder, which is emptied when the machine starts",
            'jetstream { store_dir: "/var/lib/nats" }',
        )
    return _said("persistence", Grade.SAFE, f"kept in {folder}")


def _sync(jetstream: Block) -> Finding:
    text = _text(jetstream, "sync_interval", "sync") or "2m"
    if text == "always":
        return _said("sync", Grade.SAFE, "every message is on the disk before it is confirmed")
    seconds = _number(text, _SECONDS)
    return _said(
        "sync",
        Grade.RECEIPTS,
        f"written through to the disk every {text}",
        "a crash of nats-server alone costs nothing; a power cut costs what came since, but for devices that keep what "
        "has no receipt",
        'jetstream { sync_interval: "10s" }' if seconds is None or seconds > 10 else "",
    )


def _window(mqtt: Block, batch_readings: int) -> Finding:
    text = _text(mqtt, "max_ack_pending") or "100"
    if not text.isdecimal():
        return _said("window", Grade.UNSEEN, f"max_ack_pending is {text}", "its value stands elsewhere")
    window = int(text)
    if window < min(1000, 2 * batch_readings):
        return _said(
            "window",
            Grade.RECEIPTS,
            f"{window:,} messages may be under way to one filter",
            f"ingest acknowledges after its commit, so no more than {window / COMMIT_S:,.0f} messages a second get "
            "through",
            "mqtt { max_ack_pending: 8000 }",
        )
    return _said("window", Grade.SAFE, f"{window:,} messages may be under way to one filter")


def _size(file: Block) -> Finding:
    limit = _number(_text(file, "max_payload") or "1MB", _BYTES)
    if limit is not None and limit < MAX_PAYLOAD_BYTES:
        return _said(
            "size",
            Grade.LOSES,
            f"messages above {limit:,.0f} bytes cut the connection",
            f"an outbox is flushed in arrays of up to {MAX_PAYLOAD_BYTES:,} bytes and would send the same one for ever",
            "max_payload: 307200",
        )
    return _said(
        "size",
        Grade.SAFE,
        f"messages of up to {limit:,.0f} bytes are taken" if limit else "the size limit is a variable",
    )


def _accounts(file: Block) -> Finding:
    if any(name in file for name in ("authorization", "accounts", "include", "operator")):
        return _said("rights", Grade.SAFE, "users are listed, or included from another file")
    return _said(
        "rights",
        Grade.LOSES,
        "no users are listed",
        "everybody is let in: to report in another's name, and to take a session with all that waits in it",
        'include "accounts.conf"',
    )


def _client_ids() -> Finding:
    return _said(
        "client-ids",
        Grade.RECEIPTS,
        "nats-server cannot bind client ids to users",
        "whoever has any account and learns the client id of ingest can wipe its queue; gengfu's are random, secret "
        "and stand in the broker's log, so keep that to yourself",
    )


def _number(text: str, units: dict[str, float] | dict[str, int]) -> float | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.lower())
    return float(match[1]) * units[match[2]] if match and match[2] in units else None
