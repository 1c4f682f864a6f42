"""The text of mosquitto's password file and access list: who may connect, and what each may publish and read."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.accounts import (
    DOCTORS,
    GATEWAY,
    LANES,
    MARKER,
    credentials_of,
    ingest_account,
    lane_filters,
    lane_probes,
    patterns,
    salt_of,
)
from gateway.errors import UnmappableTopic
from gateway.provisioning.provisioner import DeviceAccount
from gateway.provisioning.reloading import usable
from gateway.verifiers import pbkdf2_of

MARKER_CLOSED = "gengfu/marker/closed"  # nobody may read or write it; who can shows that no list is in force
_VERIFIER = re.compile(r"\$7\$\d{1,7}\$[A-Za-z0-9+/]+={0,2}\$[A-Za-z0-9+/]{86}==")
_LEVEL = re.compile(r"[A-Za-z0-9_-]+|\+")
_HEAD = """\
# Written by gengfu from its codecs. Do not edit: it is written again at each change. The last section is how the
# gateway sees that mosquitto has read all of it: of a list that it cannot read it lets everybody do everything.
"""


@dataclass(frozen=True)
class MosquittoAccounts:
    """Both files, and the marker: a user whose password and topic follow from the rest of the text.

    Whoever can connect with that password knows that mosquitto acts on exactly these passwords; whoever can publish to
    that topic and read it, and cannot do so on `MARKER_CLOSED`, knows that it acts on exactly this list.
    """

    passwords: str
    acl: str
    marker_password: str
    marker_topic: str


def render(devices: Sequence[DeviceAccount], *, secret: str, workers: Iterable[str]) -> MosquittoAccounts:
    """Make both files.

    Args:
        devices: all that may connect.
        secret: from which the accounts of gengfu itself are derived.
        workers: names of the ingest workers.

    Raises:
        NoBrokerSecret: the secret is empty.
        UnmappableTopic: a codec declares a topic that the list would read as something else.
    """
    names = list(workers)
    known = usable(devices, kind="mosquitto", verifier=_VERIFIER, called="PBKDF2")
    services = {GATEWAY: _rights(write=_filters("down"), read=_filters("state"))}
    for worker in names:
        for lane in LANES:
            probes = [_checked(topic) for topic in lane_probes(worker, lane, kind="mosquitto")]
            rights = _rights(write=_filters("down") + probes, read=_filters(lane) + probes)
            services[ingest_account(worker, lane)] = rights
    for doctor, topic in DOCTORS.items():
        services[doctor] = [f"topic readwrite {_checked(topic)}"]
    passwords = [*(_service(name, secret) for name in services), *(f"{name}:{verifier}" for name, verifier in known)]
    # Patterns hold for every user, gengfu's own as well; what begins with `gengfu-` is no device.
    acl = [line for name, rights in services.items() for line in (f"user {name}", *_no_device(name), *rights)]
    acl += ["", *_device_rights()]
    body = "\n".join([*passwords, *acl])
    digest = hashlib.sha256(body.encode()).hexdigest()
    marker = f"{MARKER}:{digest}"
    password = credentials_of(marker, secret=secret).password
    passwords.append(f"{MARKER}:{pbkdf2_of(password, salt=_salt(marker, secret))}")
    topic = f"gengfu/marker/{digest}"
    acl += ["", f"user {MARKER}", *_no_device(MARKER), f"topic readwrite {topic}"]
    return MosquittoAccounts("\n".join(passwords) + "\n", _HEAD + "\n".join(acl) + "\n", password, topic)


def _service(name: str, secret: str) -> str:
    password = credentials_of(name, secret=secret).password
    return f"{name}:{pbkdf2_of(password, salt=_salt(name, secret))}"


def _salt(name: str, secret: str) -> bytes:
    return salt_of(name, secret=secret)[:12]  # mosquitto leaves users with a salt of another length out


def _device_rights() -> list[str]:
    words = {"publish": "write", "subscribe": "read"}
    return [
        f"pattern {words[pattern.use]} {_checked(pattern.topic('%u'))}"
        for pattern in patterns()
        if pattern.account == "device"
    ]


def _filters(lane: str) -> list[str]:
    return [_checked(name) for name in lane_filters(lane)]


def _rights(*, write: list[str], read: list[str]) -> list[str]:
    return [f"topic write {topic}" for topic in write] + [f"topic read {topic}" for topic in read]


def _no_device(name: str) -> list[str]:
    return [f"topic deny {pattern.topic(name)}" for pattern in patterns() if pattern.account == "device"]


def _checked(topic: str) -> str:
    for level in topic.split("/"):
        if level != "%u" and not _LEVEL.fullmatch(level):
            raise UnmappableTopic(
                f"topic {topic!r} cannot stand in mosquitto's access list because of its level {level!r}; "
                "use letters, digits, '_' and '-' in each level, and {device} as a whole level"
            )
    return topic
