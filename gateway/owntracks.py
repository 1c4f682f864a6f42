"""What the OwnTracks app must be told to speak as a device: the file that it imports."""

import secrets
from typing import Any

from gateway.address import Address

PHONE = "phone"  # the last level of its topics; only letters, because brokers read dots and spaces in their own ways
INTERVAL_S = 10  # between fixes while moving; five minutes are far too long to prove a round
KEEPALIVE_S = 60


def phone_settings(device: str, secret: str, *, broker: Address) -> dict[str, Any]:
    """Settings of OwnTracks for a device, secret and all (OwnTracks booklet, "JSON", `_type=configuration`).

    The client id is random, because whoever knows it could take the session over. The app asks for nobody else's place,
    obeys no commands, and keeps what it could not send.
    """
    return {
        "_type": "configuration",
        "mode": 0,  # MQTT
        "mqttProtocolLevel": 4,  # 3.1.1; its default is older than brokers like
        "host": broker.host,
        "port": broker.port,
        "tls": broker.tls,
        "auth": True,
        "username": device,
        "password": secret,
        "deviceId": PHONE,
        "clientId": secrets.token_urlsafe(24),
        "cleanSession": False,
        "keepalive": KEEPALIVE_S,
        "pubTopicBase": f"owntracks/{device}/{PHONE}",
        "pubQos": 1,
        "pubRetain": False,
        "sub": False,
        "cmd": False,
        "monitoring": 2,  # move mode
        "locatorInterval": INTERVAL_S,
        "locatorDisplacement": 0,
        "tid": device[-2:],
    }
