"""The text of nats-server's accounts file: who may connect, and what each may publish and read."""

import hashlib
import json
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
    lane_probes,
    patterns,
    salt_of,
)
from gateway.provisioning.provisioner import DeviceAccount
from gateway.provisioning.reloading import usable
from gateway.provisioning.subjects import subject_of
from gateway.verifiers import bcrypt_of

_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_HEAD = """\
# Written by gengfu from its register of devices. Do not edit: it is written again at each change.
# Whoever is not named here cannot connect, and nobody may do more than is listed: no $MQTT, $JS or $SYS subject, and
# no NATS protocol, by which a user could read deliveries that are meant for others.
"""


@dataclass(frozen=True)
class Accounts:
    """The file and the password of its marker.

    The marker is a user that may do nothing, with a password that follows from the rest of the text: whoever can
    connect with it knows that the broker acts on exactly this text. It also keeps the list from ever being empty, for
    an empty one lets everybody in.
    """

    text: str
    marker_password: str


def render(devices: Sequence[DeviceAccount], *, secret: str, workers: Iterable[str]) -> Accounts:
    """Make the accounts file.

    Args:
        devices: all that may connect.
        secret: from which the accounts of gengfu itself are derived.
        workers: names of the ingest workers.

    Raises:
        NoBrokerSecret: the secret is empty.
        UnmappableTopic: a codec declares a topic that has no safe subject.
    """
    users = [*_services(secret, workers), *_devices(devices)]
    body = ",\n".join(users)
    marker = f"{MARKER}:{hashlib.sha256(body.encode()).hexdigest()}"
    password = credentials_of(marker, secret=secret).password
    users.append(_user(MARKER, bcrypt_of(password, salt=salt_of(marker, secret=secret)), publish=[], subscribe=[]))
    listed = ",\n".join(users)
    return Accounts(f"{_HEAD}authorization {{\n  users = [\n{listed}\n  ]\n}}\n", password)


def _services(secret: str, workers: Iterable[str]) -> list[str]:
    down = _filters("down")
    users = [_service(GATEWAY, secret, publish=down, subscribe=_filters("state"))]
    for worker in workers:
        for lane in LANES:
            probes = [subject_of(topic) for topic in lane_probes(worker, lane, kind="nats")]
            account = ingest_account(worker, lane)
            users.append(_service(account, secret, publish=[*down, *probes], subscribe=_filters(lane)))
    for doctor, topic in DOCTORS.items():
        users.append(_service(doctor, secret, publish=[subject_of(topic)], subscribe=[subject_of(topic)]))
    return users


def _service(name: str, secret: str, *, publish: list[str], subscribe: list[str]) -> str:
    password = credentials_of(name, secret=secret).password
    verifier = bcrypt_of(password, salt=salt_of(name, secret=secret))
    return _user(name, verifier, publish=publish, subscribe=subscribe)


def _devices(devices: Sequence[DeviceAccount]) -> list[str]:
    return [
        _user(
            name,
            verifier,
            publish=[subject_of(topic) for topic in _topics(name, "publish")],
            subscribe=[subject_of(topic) for topic in _topics(name, "subscribe")],
        )
        for name, verifier in usable(devices, kind="nats", verifier=_BCRYPT, called="bcrypt")
    ]


def _topics(device: str, use: str) -> list[str]:
    return [pattern.topic(device) for pattern in patterns() if pattern.account == "device" and pattern.use == use]


def _filters(lane: str) -> list[str]:
    return list(dict.fromkeys(subject_of(pattern.filter()) for pattern in patterns() if pattern.lane == lane))


def _user(name: str, verifier: str, *, publish: list[str], subscribe: list[str]) -> str:
    return (
        f'    {{ user: "{name}", password: "{verifier}", allowed_connection_types: ["MQTT", "MQTT_WS"],\n'
        f"      permissions: {{ publish: {_rights(publish)}, subscribe: {_rights(subscribe)} }} }}"
    )


def _rights(subjects: list[str]) -> str:
    if not subjects:  # without a list a user may do everything
        return '{ deny: [">"] }'
    return f"{{ allow: {json.dumps(subjects)} }}"
