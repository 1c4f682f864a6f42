"""The byte stream of a broker, read chunk by chunk into deliveries, confirmations and the rarer packets.

It does no I/O and never raises for what it is fed. Each message costs about a microsecond here, so the loop is one
long function on purpose.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from gateway.mqtt import packets
from gateway.mqtt.packets import Malformed, Version
from gateway.mqtt.properties import BadProperties, digits
from ingest.delivery import Delivery, Settler

SPARE_BYTES: Final = 64 * 1024 * 1024  # handed on in spite of `crowded`, before QoS 1 is left to the broker as well
TOPICS: Final = 100_000  # names kept; as many devices of one site, about 15 MB
TOPIC_BYTES: Final = 200  # of a name that is kept; ours are half of it, and a phone may invent as many as it likes
MID: Final = 0xFFFF  # the part of a token that is the packet id
QOS_2: Final = 0x1_0000  # the part of a token that says QoS 2
_SERIAL: Final = 0x2_0000  # a token of a later chunk is another one, though the broker gives a packet id again
_KNOWN: Final = frozenset(
    (packets.CONNACK, packets.PUBREC, packets.PUBREL, packets.PUBCOMP, packets.SUBACK, packets.UNSUBACK,
     packets.PINGRESP, packets.DISCONNECT, packets.AUTH)
)  # fmt: skip


@dataclass(slots=True)
class Chunk:
    """What one piece of the stream held, in order of arrival.

    Attributes:
        deliveries: messages to hand on.
        retained: tokens of the retained messages that were left out; 0 for those at QoS 0.
        redelivered: messages left out because they are under way already.
        shed: messages at QoS 0 left out because there was no room; they are gone.
        put_off: messages at QoS 1 left out for the same reason; unacknowledged, they come again.
        confirmed: packet ids of ours that the broker took.
        refused: packet ids of ours that it did not take, with its reason.
        packets: first byte and body of everything else.
        error: why the stream cannot be read on; nothing behind it was read.
    """

    deliveries: list[Delivery] = field(default_factory=list)
    retained: list[int] = field(default_factory=list)
    redelivered: int = 0
    shed: int = 0
    put_off: int = 0
    confirmed: list[int] = field(default_factory=list)
    refused: list[tuple[int, int]] = field(default_factory=list)
    packets: list[tuple[int, bytes]] = field(default_factory=list)
    error: str | None = None


class Reader:
    """Reads the stream of one connection, and knows which of its messages have not been settled.

    Args:
        settler: what its deliveries are settled with.
        version: 4 for MQTT 3.1.1, or 5.
        most_bytes: of one packet; of a longer PUBLISH only so much is kept and handed on, the rest is thrown away as it
            comes, so that whoever knows the limit of payloads sees that it was passed. Any other packet ends the
            reading.
        take_retained: hand on retained messages too.
    """

    def __init__(
        self, settler: Settler, *, version: Version = 4, most_bytes: int = 300 * 1024, take_retained: bool = False
    ) -> None:
        self.pending: dict[int, int] = {}
        self._crowded = False
        self._spare_bytes = SPARE_BYTES
        self._settler = settler
        self._version = version
        self._most_bytes = most_bytes
        self._take_retained = take_retained
        self._topics: dict[bytes, str] = {}
        self._serial = 0
        self._held = bytearray()  # the beginning of a packet
        self._needed = 0  # bytes that make it worth looking again
        self._skip = 0  # bytes of an overlong packet that are still to come
        self._cut: tuple[int, bytes] | None = None  # its beginning
        self._dead = False

    @property
    def held_bytes(self) -> int:
        """Bytes of unfinished packets in memory."""
        return len(self._held) + (len(self._cut[1]) if self._cut else 0)

    def crowd(self, crowded: bool, *, spare_bytes: int = SPARE_BYTES) -> None:
        """Leave out messages at QoS 0, and at QoS 1 once `spare_bytes` have been handed on all the same; or take all.

        For a connection that must not stop reading. What is left out at QoS 1 comes again when the broker has waited
        long enough for its acknowledgement.
        """
        self._crowded = crowded
        self._spare_bytes = spare_bytes

    def take(self, tokens: Sequence[int]) -> tuple[list[int], list[int]]:
        """Strike messages off what is pending.

        Returns:
            Packet ids at QoS 1, and at QoS 2, of those that were pending; in the order given, each once.
        """
        pending = self.pending
        once: list[int] = []
        twice: list[int] = []
        for token in tokens:
            mid = token & MID
            if pending.get(mid) == token:
                del pending[mid]
                (twice if token & QOS_2 else once).append(mid)
        return once, twice

    def feed(self, data: bytes, received_at: datetime) -> Chunk:
        """Read the next piece of the stream.

        Args:
            data: as it came off the socket, cut anywhere.
            received_at: when; aware UTC.
        """
        chunk = Chunk()
        if self._dead:
            return chunk
        self._serial += _SERIAL
        try:
            if self._skip:
                data = self._skipped(data, chunk, received_at)
            if self._held:
                self._held += data
                if len(self._held) < self._needed:
                    return chunk
                data = bytes(self._held)
                self._held.clear()
            self._read(data, chunk, received_at)
        except (Malformed, BadProperties) as error:
            self._dead = True
            self._held.clear()
            chunk.error = str(error)
        return chunk

    def _read(self, data: bytes, chunk: Chunk, received_at: datetime) -> None:
        at, end = 0, len(data)
        settler, topics, pending, serial, most = (
            self._settler, self._topics, self.pending, self._serial, self._most_bytes,
        )  # fmt: skip
        five = self._version == 5
        usual = -1 if self._crowded else 0x32  # QoS 1, neither retained nor repeated
        deliver, confirm = chunk.deliveries.append, chunk.confirmed.append
        while True:
            left = end - at
            if left < 2:
                if left:
                    _check_beginning(data[at])
                needed = 2
                break
            head = data[at]
            length = data[at + 1]
            body = at + 2
            if length > 127 and left > 2 and data[at + 2] < 128:  # most messages, so without a call
                length, body = length & 0x7F | data[at + 2] << 7, at + 3
            elif length > 127:
                try:
                    length, body = digits(data[at + 1 : at + 5], 0)
                except BadProperties:
                    _check_beginning(head)
                    if left >= 5:
                        raise Malformed("a packet whose length has more than four digits") from None
                    needed = left + 1
                    break
                body += at + 1
            stop = body + length
            if stop > end or length > most:
                _check_beginning(head)
            if length > most:
                if not self._begin_cut(head, data, body, stop):
                    needed = body - at + most
                    break
                if stop > end:
                    return
                data_left = self._skipped(data[body + most :], chunk, received_at)
                at = end - len(data_left)
                continue
            if stop > end:
                needed = stop - at
                break
            if head == usual:
                start = body + 4 + (data[body] << 8 | data[body + 1]) if length > 3 else stop + 1
                if start > stop:
                    raise Malformed("a PUBLISH whose topic reaches beyond it")
                raw = data[body + 2 : start - 2]
                topic = topics.get(raw) or self._topic(raw)
                mid = data[start - 2] << 8 | data[start - 1]
                if not mid:
                    raise Malformed("a PUBLISH at QoS 1 without a packet id")
                if five:
                    start = start + 1 if start < stop and not data[start] else _behind_properties(data, start, stop)
                pending[mid] = token = serial | mid
                deliver(Delivery(topic, data[start:stop], received_at, False, settler, token))
            elif head == 0x40 and length == 2 and left > 4 and (run := _run(data[at : end - left % 4])):
                chunk.confirmed.extend(run)
                stop = end - left % 4
            elif head == 0x40:
                if length < 2:
                    raise Malformed("a PUBACK without a packet id")
                mid = data[body] << 8 | data[body + 1]
                if length > 2 and data[body + 2] >= 0x80:
                    chunk.refused.append((mid, data[body + 2]))
                else:
                    confirm(mid)
            elif head & 0xF0 == 0x30:
                self._unusual(head, data[body:stop], chunk, received_at)
            elif head in _KNOWN:
                chunk.packets.append((head, data[body:stop]))
            else:
                raise _unknown(head)
            at = stop
        self._held += data[at:]
        self._needed = needed

    def _unusual(self, head: int, body: bytes, chunk: Chunk, received_at: datetime) -> None:
        """A PUBLISH that is retained, repeated, or not at QoS 1."""
        qos, dup, retain = head >> 1 & 3, bool(head & 8), bool(head & 1)
        if qos == 3:
            raise Malformed("a PUBLISH at QoS 3, which does not exist")
        start = 2 + int.from_bytes(body[:2], "big")
        behind = start + (2 if qos else 0)
        if len(body) < max(behind, 2):
            raise Malformed("a PUBLISH whose topic reaches beyond it")
        topic = self._topics.get(body[2:start]) or self._topic(body[2:start])
        token = 0
        if qos:
            mid = int.from_bytes(body[start:behind], "big")
            if not mid:
                raise Malformed(f"a PUBLISH at QoS {qos} without a packet id")
            token = self._serial | mid | (QOS_2 if qos == 2 else 0)
            if dup and mid in self.pending:
                chunk.redelivered += 1
                return
        if self._version == 5:
            behind = _behind_properties(body, behind, len(body))
        if retain and not self._take_retained:
            if token:
                self.pending[token & MID] = token
            chunk.retained.append(token)
            return
        if self._crowded and self._is_left_out(qos, len(body), chunk):
            return
        if token:
            self.pending[token & MID] = token
        chunk.deliveries.append(Delivery(topic, body[behind:], received_at, dup, self._settler, token))

    def _is_left_out(self, qos: int, size_bytes: int, chunk: Chunk) -> bool:
        if not qos:
            chunk.shed += 1
            return True
        self._spare_bytes -= size_bytes
        if self._spare_bytes < 0:
            chunk.put_off += 1
        return self._spare_bytes < 0

    def _topic(self, raw: bytes) -> str:
        if not raw:
            raise Malformed("a PUBLISH without a topic; topic aliases were not offered")
        # What is no text must not come again for ever: it is handed on, no pattern matches it, and it is quarantined.
        topic = raw.decode(errors="backslashreplace")
        if len(raw) <= TOPIC_BYTES:
            if len(self._topics) >= TOPICS:
                self._topics.clear()
            self._topics[raw] = topic
        return topic

    def _begin_cut(self, head: int, data: bytes, body: int, stop: int) -> bool:
        """Keep the beginning of an overlong PUBLISH, once it is there."""
        if head & 0xF0 != 0x30:
            raise Malformed(f"a packet of {stop - body} bytes that is no PUBLISH (0x{head:02x})")
        if len(data) - body < self._most_bytes:
            return False
        self._cut = head, data[body : body + self._most_bytes]
        self._skip = stop - body - self._most_bytes
        if stop > len(data):
            self._skip -= len(data) - body - self._most_bytes
        return True

    def _skipped(self, data: bytes, chunk: Chunk, received_at: datetime) -> bytes:
        """Throw away what belongs to an overlong packet, hand its beginning on when it has ended; what is left."""
        if len(data) < self._skip:
            self._skip -= len(data)
            return b""
        data = data[self._skip :]
        self._skip = 0
        if self._cut is not None:
            (head, body), self._cut = self._cut, None
            self._unusual(head, body, chunk, received_at)
        return data


_run = partial(packets.plain_acknowledgements, packets.PUBACK)


def _check_beginning(head: int) -> None:
    """Do not wait for the rest of what no broker may send."""
    if head & 0xF0 != 0x30 and head != 0x40 and head not in _KNOWN:
        raise _unknown(head)


def _unknown(head: int) -> Malformed:
    return Malformed(f"a packet that begins with 0x{head:02x}, which no broker may send")


def _behind_properties(data: bytes, start: int, stop: int) -> int:
    if start < stop and not data[start]:
        return start + 1
    length, behind = digits(data[start : min(stop, start + 4)], 0)
    behind += start + length
    if behind > stop:
        raise Malformed("a PUBLISH whose properties reach beyond it")
    return behind
