"""What a broker's answers mean, in words: return codes of MQTT 3.1.1 and reason codes of MQTT 5."""

from gateway.mqtt.packets import Version

_CONNACK_4 = {
    2: "it does not accept the client id",
    3: "it is there but not ready to serve",
    4: "bad user name or password",
    5: "not authorized",
}
_CODES_5 = {
    0x04: "it ended the connection and publishes the will",
    0x80: "it gave no reason",
    0x81: "it could not read a packet of ours",
    0x82: "a packet of ours broke the protocol",
    0x83: "it does not want to",
    0x84: "it does not speak MQTT 5",
    0x85: "it does not accept the client id",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "it is there but not ready to serve",
    0x89: "it is busy",
    0x8A: "the client is banned",
    0x8B: "it is shutting down",
    0x8C: "it wants another way of authentication",
    0x8D: "it heard nothing from us for too long",
    0x8E: "another client took the session over with the same client id",
    0x8F: "it does not accept the filter",
    0x90: "it does not accept the topic",
    0x91: "the packet id is in use",
    0x92: "it does not know the packet id",
    0x93: "we sent more at once than it takes",
    0x94: "it does not know the topic alias",
    0x95: "a packet of ours was too large",
    0x96: "we send too fast",
    0x97: "a quota is used up",
    0x98: "its administrator ended the connection",
    0x99: "the payload is not what it was said to be",
    0x9A: "it keeps no retained messages",
    0x9B: "it does not serve that QoS",
    0x9C: "another server is to be used for now",
    0x9D: "the server has moved",
    0x9E: "it has no shared subscriptions",
    0x9F: "we connect too often",
    0xA0: "the longest time of a connection is over",
    0xA1: "it has no subscription identifiers",
    0xA2: "it has no wildcards in filters",
}
_REFUSED = frozenset((2, 4, 5, 0x85, 0x86, 0x87, 0x8A, 0x8C))


def connack_words(code: int, *, version: Version) -> str:
    """Why a broker did not let us in; one that knows no MQTT 5 answers as 3.1.1 has it."""
    if code == 1:
        return f"it does not speak MQTT {'3.1.1' if version == 4 else '5'}"
    if code in _CONNACK_4:
        return _CONNACK_4[code]
    return f"return code {code}" if version == 4 else words(code)


def is_refusal(code: int) -> bool:
    """Whether it is the account or client id that the broker does not want, rather than anybody at all."""
    return code in _REFUSED


def words(code: int) -> str:
    """A reason code of MQTT 5 in words (2.4)."""
    return _CODES_5.get(code, f"reason code 0x{code:02x}")
