"""What mosquitto's options mean for data that must not be lost. Defaults are those of 2.0."""

import re
from collections.abc import Iterator

from devices.codec import MAX_PAYLOAD_BYTES
from ops.doctor.configuration.mosquitto_file import MosquittoFile
from ops.doctor.finding import Finding, Grade

PART = "configuration"
AUTOSAVE_DEFAULT_S = 1800
AUTOSAVE_MOST_S = 60  # beyond that a crash costs more than the phones that keep no outbox can be asked to bear
COMMIT_S = 0.1  # how long a message waits for its commit and acknowledgement at full load
PACKET_BYTES = MAX_PAYLOAD_BYTES + 1024  # a payload of the contract, its topic and header
_HOURS = {"h": 1, "d": 24, "w": 168, "m": 720, "y": 8760}


def findings(file: MosquittoFile, *, batch_readings: int) -> list[Finding]:
    """Everything that is worth saying about a mosquitto.conf.

    Raises:
        UnreadableConfiguration: a value is not of its kind.
    """
    return [
        _persistence(file),
        *_autosave(file),
        _queue(file),
        _window(file, batch_readings),
        _size(file),
        _expiration(file),
        _anonymous(file),
        _passwords(file),
        _rights(file),
        _client_ids(file),
        *_in_the_clear(file),
    ]


def _said(check: str, grade: Grade, seen: str, why: str = "", change: str = "") -> Finding:
    return Finding(PART, check, grade, seen, why, change)


def _persistence(file: MosquittoFile) -> Finding:
    if not file.yes("persistence"):
        return _said(
            "persistence",
            Grade.LOSES,
            "persistence is off",
            "each stop of the broker empties every queue, although devices were told that it has their messages",
            "persistence true\npersistence_location /var/lib/mosquitto/",
        )
    return _said("persistence", Grade.SAFE, f"kept in {file.text('persistence_location', 'the working folder')}")


def _autosave(file: MosquittoFile) -> Iterator[Finding]:
    if not file.yes("persistence"):
        return
    interval = file.whole("autosave_interval", AUTOSAVE_DEFAULT_S)
    if file.yes("autosave_on_changes"):
        yield _said(
            "autosave",
            Grade.RECEIPTS,
            f"saved after every {interval} changes",
            "a crash costs little, but the whole queue is written each time: some 500 messages a second at the most",
            "autosave_on_changes false\nautosave_interval 1",
        )
    elif 0 < interval <= AUTOSAVE_MOST_S:
        yield _said(
            "autosave",
            Grade.RECEIPTS,
            f"saved every {interval} s",
            f"a crash of the broker or a power cut costs what it took in during up to {interval} s; devices that keep "
            "what has no receipt send that again, others lose it",
        )
    else:
        yield _said(
            "autosave",
            Grade.LOSES,
            f"saved every {interval} s" if interval else "saved only when the broker stops in order",
            "a crash of the broker or a power cut costs everything since then",
            "autosave_interval 1",
        )


def _queue(file: MosquittoFile) -> Finding:
    messages = file.whole("max_queued_messages", 1000)
    most = file.whole("max_queued_bytes", 0)
    if messages:
        return _said(
            "queue",
            Grade.LOSES,
            f"at most {messages:,} messages wait for a session that is away or slow",
            "whatever comes above that is dropped without a word, and the device is told that all is well",
            "max_queued_messages 0\nmax_queued_bytes 2000000000",
        )
    if not most:
        return _said(
            "queue",
            Grade.RECEIPTS,
            "a queue may grow without limit",
            "when ingest is away for long the broker takes all memory and is killed, with what it has not saved",
            "max_queued_bytes 2000000000",
        )
    return _said("queue", Grade.SAFE, f"bounded by memory alone: {most / 1e6:,.0f} MB a session")


def _window(file: MosquittoFile, batch_readings: int) -> Finding:
    window = file.whole("max_inflight_messages", 20)
    if window and window < 2 * batch_readings:
        return _said(
            "window",
            Grade.RECEIPTS,
            f"{window:,} messages may be under way to one session",
            f"ingest acknowledges after its commit, so no more than {window / COMMIT_S:,.0f} messages a second come "
            f"through ({window:,} in {COMMIT_S:g} s) and the queue grows beyond that; twice a batch is enough",
            f"max_inflight_messages {max(20_000, 2 * batch_readings)}",
        )
    return _said("window", Grade.SAFE, f"{window:,} messages may be under way" if window else "no limit on the window")


def _size(file: MosquittoFile) -> Finding:
    limits = [limit for key in ("message_size_limit", "max_packet_size") if (limit := file.whole(key, 0))]
    if not limits:
        return _said(
            "size",
            Grade.RECEIPTS,
            "messages of up to 256 MB are taken",
            "one device can fill the broker's memory until it is killed, with what it has not saved",
            "max_packet_size 307200",
        )
    if min(limits) < MAX_PAYLOAD_BYTES:
        return _said(
            "size",
            Grade.LOSES,
            f"messages above {min(limits):,} bytes are dropped",
            f"an outbox is flushed in arrays of up to {MAX_PAYLOAD_BYTES:,} bytes; the device is told that all is well",
            "max_packet_size 307200",
        )
    return _said("size", Grade.SAFE, f"messages of up to {min(limits):,} bytes are taken")


def _expiration(file: MosquittoFile) -> Finding:
    text = file.text("persistent_client_expiration", "")
    match = re.fullmatch(r"(\d+)([hdwmy])", text)
    hours = int(match[1]) * _HOURS[match[2]] if match else None
    if hours is not None and hours < _HOURS["w"]:
        return _said(
            "expiration",
            Grade.LOSES,
            f"a session that is away for {text} is forgotten with its queue",
            "an ingest that is down over a long holiday finds nothing when it comes back",
            "persistent_client_expiration 30d",
        )
    return _said("expiration", Grade.SAFE, f"sessions are kept for {text}" if text else "sessions are kept for ever")


def _anonymous(file: MosquittoFile) -> Finding:
    scopes = [file.options, *(listener.options for listener in file.listeners)]
    if any("allow_anonymous" in scope and scope["allow_anonymous"].value == "true" for scope in scopes):
        return _said(
            "anonymous",
            Grade.LOSES,
            "clients without a name are let in",
            "anybody can report in another's name, and take a session with all that waits in it",
            "allow_anonymous false",
        )
    return _said("anonymous", Grade.SAFE, "every client has to say who it is")


def _passwords(file: MosquittoFile) -> Finding:
    if file.anywhere("password_file", "plugin", "auth_plugin", "require_certificate"):
        return _said("passwords", Grade.SAFE, "clients are checked")
    return _said(
        "passwords",
        Grade.LOSES,
        "there is no password_file and no plugin",
        "nobody can be told apart; with allow_anonymous false nobody is let in",
        "password_file /etc/mosquitto/gengfu/passwords",
    )


def _rights(file: MosquittoFile) -> Finding:
    if file.anywhere("acl_file", "plugin", "auth_plugin"):
        return _said("rights", Grade.SAFE, "topics are guarded by a list of rights")
    return _said(
        "rights",
        Grade.LOSES,
        "there is no acl_file and no plugin",
        "every device may publish as any other and read all that others report",
        "acl_file /etc/mosquitto/gengfu/rights",
    )


def _client_ids(file: MosquittoFile) -> Finding:
    scopes = [listener.options for listener in file.listeners] or [file.options]
    if all(
        "use_username_as_clientid" in scope and scope["use_username_as_clientid"].value == "true" for scope in scopes
    ):
        return _said("client-ids", Grade.SAFE, "client ids are bound to user names")
    return _said(
        "client-ids",
        Grade.RECEIPTS,
        "client ids are not bound to user names",
        "whoever has any account and learns the client id of ingest (it stands in the broker's log) takes its queue",
        "use_username_as_clientid true    # below each listener",
    )


def _in_the_clear(file: MosquittoFile) -> Iterator[Finding]:
    for listener in file.listeners:
        if listener.loopback or "certfile" in listener.options or "psk_hint" in listener.options:
            continue
        yield _said(
            "tls",
            Grade.UNSEEN,
            f"listener {listener.name} speaks without TLS",
            "secrets and tracks cross the network in the clear; whether that network can be trusted is for you to say",
            "certfile /etc/mosquitto/tls/cert.pem\nkeyfile /etc/mosquitto/tls/key.pem",
        )
