"""One MQTT connection from CONNECT to its end.

Each connection is an object of its own and settles its own messages, so whatever belongs to an ended one (a late
acknowledgement above all) cannot reach its successor, which may use the same packet ids.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import cast

from typing_extensions import override

from gateway.address import Address, Credentials, Tls
from gateway.errors import BrokerError, BrokerRefused, BrokerUnavailable
from gateway.mqtt import packets, properties, reasons
from gateway.mqtt.dialing import dial, words_of
from gateway.mqtt.outgoing import UNCONFIRMED, Outgoing
from gateway.mqtt.packets import Connack, Malformed, Version, Will
from gateway.mqtt.reader import SPARE_BYTES, Chunk, Reader
from ingest.delivery import Delivery, settle_all

log = logging.getLogger(__name__)

CONNACK_S = 10.0  # seconds from CONNECT to its answer; a broker that loads many accounts takes some
SMALL_BYTES = 64 * 1024  # of a chunk; below, the trouble of a chunk outweighs that of its messages
UNSENT_BYTES = 4 * 1024 * 1024  # that a broker has not taken off us, before more is refused
ANSWER_S = 30.0  # seconds from SUBSCRIBE to its answer; a queue of days may come first
CLOSE_S = 2.0  # seconds for DISCONNECT to get out before the socket is cut
NEVER_EXPIRES = 0xFFFF_FFFF  # seconds, by the standard's own convention
DRAINED_BYTES = 16 * 1024 * 1024  # the largest packet we let a broker of MQTT 5 send; what is too large for us still
# must reach quarantine, and a broker that is told a lower limit throws larger messages away without a word

Tally = Callable[[str, int], None]


class Connection(asyncio.Protocol):
    """A connection that is opened once and closed once; everything happens on the event loop's thread."""

    most_unconfirmed = UNCONFIRMED

    def __init__(
        self,
        address: Address,
        *,
        credentials: Credentials,
        on_deliveries: Callable[[Sequence[Delivery]], None] | None = None,
        tally: Tally | None = None,
        version: Version = 4,
        clean_session: bool = False,
        take_retained: bool = False,
        keep_alive_s: int = 30,
        window: int = 65_535,
        most_bytes: int = 300 * 1024,
        pace_s: float = 0.0,
        tls: Tls | None = None,
        will: Will | None = None,
    ) -> None:
        """Prepare a connection.

        Args:
            address: of the broker.
            credentials: account and client id.
            on_deliveries: receives what one chunk of the stream held; without it everything is settled unseen.
            tally: told of each kind of event, and how often it happened.
            version: 4 for MQTT 3.1.1, or 5.
            clean_session: begin without what an earlier connection left, and leave nothing.
            take_retained: hand retained messages on as well; otherwise they are acknowledged, counted and ignored.
            keep_alive_s: seconds in which each side hears of the other.
            window: messages that the broker may have under way to us; MQTT 3.1.1 cannot tell it.
            most_bytes: of a packet that is handed on whole; see `Reader`.
            pace_s: seconds in which it reads nothing after a small chunk, so that the next is larger.
            tls: certificates for `mqtts://`.
            will: published when the connection ends without a goodbye.
        """
        self._address = address
        self._credentials = credentials
        self._on_deliveries = on_deliveries or _settle_unseen
        self._tally = tally or _nobody_counts
        self._version: Version = version
        self._clean_session = clean_session
        self._take_retained = take_retained
        self._keep_alive_s = keep_alive_s
        self._window = window
        self._pace_s = pace_s
        self._tls = tls
        self._will = will
        self._reader = Reader(self, version=version, most_bytes=most_bytes, take_retained=take_retained)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._connack: asyncio.Future[Connack] = self._loop.create_future()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._reason: str | None = None
        self._greeted = False
        self._closing = False
        self._acks = bytearray()
        self._flushing = False
        self._paused = False
        self._resting = False
        self._reading = True
        self._blocked_at: float | None = None
        self._alive: asyncio.TimerHandle | None = None
        self._heard_at = self._asked_at = self._look_at = 0.0
        self._napped = False
        self._out = Outgoing(self._write, version=version, broker=str(address), account=credentials.username)

    @property
    def ended(self) -> bool:
        """Whether the connection is over."""
        return self._ended.done()

    @property
    def pending(self) -> int:
        """Messages that have not been settled."""
        return len(self._reader.pending)

    # -- its life ------------------------------------------------------------------------------------------------

    async def open(self) -> bool:
        """Connect.

        Returns:
            Whether the broker still had the session.

        Raises:
            BrokerUnavailable: nobody answers there, or not in time.
            BrokerRefused: the broker does not want this account.
            BadTls: the certificates cannot be read.
        """
        await dial(self._address, tls=self._tls, protocol=lambda: self)
        return await self._greet()

    async def _greet(self) -> bool:
        self._write(
            packets.connect(
                client_id=self._credentials.client_id,
                username=self._credentials.username,
                password=self._credentials.password,
                version=self._version,
                clean=self._clean_session,
                keep_alive_s=self._keep_alive_s,
                will=self._will,
                wishes=self._wishes(),
            )
        )
        try:
            async with asyncio.timeout(CONNACK_S):
                answer = await self._connack
        except TimeoutError:
            raise BrokerUnavailable(
                f"the broker at {self._address} did not answer CONNECT within {CONNACK_S:g} s"
            ) from None
        if answer.code:
            raise self._refusal(answer)
        self._out.limit = min(self.most_unconfirmed, answer.receive_maximum)
        self._out.most_bytes = answer.maximum_packet_size
        self._keep_alive_s = self._keep_alive_s if answer.keep_alive_s is None else answer.keep_alive_s
        self._asked_at = self._heard_at = self._loop.time()
        self._next_look()
        return answer.session_present

    def _wishes(self) -> dict[int, int]:
        return {
            properties.SESSION_EXPIRY: 0 if self._clean_session else NEVER_EXPIRES,
            properties.RECEIVE_MAXIMUM: min(self._window, packets.MOST_TEXT),
            properties.MAXIMUM_PACKET_SIZE: DRAINED_BYTES,
        }

    def _refusal(self, answer: Connack) -> BrokerError:
        words = reasons.connack_words(answer.code, version=self._version)
        if reasons.is_refusal(answer.code):
            return BrokerRefused(
                f"the broker at {self._address} does not let {self._credentials.username} in ({words}); "
                "see that it is registered, not revoked, and that the secret is its newest"
            )
        return BrokerUnavailable(f"the broker at {self._address} refused the connection: {words}")

    async def wait_ended(self) -> str:
        """Wait until the connection is over; says why."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """Say DISCONNECT and hang up; harmless to repeat."""
        transport = self._transport
        if transport is not None and not self.ended:
            self._flush()
            self._reason = self._reason or "closed by gengfu"
            self._closing = True
            if self._greeted:
                # The broker hangs up when it has read everything. Did we, while it still sends, our end would be reset
                # and acknowledgements that it has not read yet would be lost.
                transport.write(packets.GOODBYE)
                self.resume_reading()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_S):
                        await asyncio.shield(self._ended)
            transport.abort()
        self._end("closed by gengfu")

    def _fail(self, reason: str) -> None:
        """End the connection for a reason of ours."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self._transport.abort()
        self._end(self._reason)

    def _end(self, reason: str) -> None:
        if self.ended:
            return
        self._ended.set_result(reason)
        if self._alive is not None:
            self._alive.cancel()
        if not self._connack.done():
            self._connack.set_exception(
                BrokerUnavailable(f"the broker at {self._address} hung up at CONNECT ({reason}); see its log")
            )
            self._connack.exception()
        self._out.end()

    # -- what asyncio calls --------------------------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._transport.set_write_buffer_limits(high=UNSENT_BYTES)
        if self.ended:
            self._transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        words = words_of(exc) if isinstance(exc, OSError) else str(exc or "the broker closed the connection")
        self._end(self._reason or words)

    @override
    def data_received(self, data: bytes) -> None:
        if self.ended or self._closing:
            return
        self._heard_at = self._loop.time()
        if self._pace_s and len(data) < SMALL_BYTES and self._greeted:
            self._rest()
        chunk = self._reader.feed(data, datetime.now(UTC))
        try:
            self._take(chunk)
        except (Malformed, properties.BadProperties) as error:
            self._fail(f"the broker sent {error}")
        if chunk.error is not None:
            self._fail(f"the broker sent {chunk.error}")

    @override
    def pause_writing(self) -> None:
        self._blocked_at = self._loop.time()
        self._out.blocked = True

    @override
    def resume_writing(self) -> None:
        self._blocked_at = None
        self._out.blocked = False
        self._out.go_on()

    def _take(self, chunk: Chunk) -> None:
        for head, body in chunk.packets:
            self._packet(head, body)
        if chunk.confirmed:
            self._confirm(chunk.confirmed)
        for mid, code in chunk.refused:
            self._not_taken(mid, code)
        if chunk.retained:
            self._acknowledge(*self._reader.take(chunk.retained))
            self._tally("retained_ignored", len(chunk.retained))
        if chunk.redelivered:
            self._tally("redelivered_pending", chunk.redelivered)
        if chunk.shed:
            self._tally("shed", chunk.shed)
        if chunk.put_off:
            self._tally("put_off", chunk.put_off)
        if chunk.deliveries:
            if not self._greeted:
                raise Malformed("a message before it let us in")
            self._tally("received", len(chunk.deliveries))
            try:
                self._on_deliveries(chunk.deliveries)
            except Exception:
                log.exception("what took messages from the broker failed; they come again on a new connection")
                self._fail("what took its messages failed")

    def _packet(self, head: int, body: bytes) -> None:
        if not self._connack.done() and head != packets.CONNACK:
            raise Malformed(f"0x{head:02x} before its answer to CONNECT")
        if head == packets.CONNACK:
            if self._connack.done():
                raise Malformed("a second CONNACK: " + self._second_thoughts(body))
            answer = packets.parse_connack(body, version=self._version)
            self._connack.set_result(answer)
            self._greeted = not answer.code
        elif head == packets.SUBACK:
            mid, codes = packets.parse_suback(body, version=self._version)
            self._out.answered(mid, codes)
        elif head == packets.UNSUBACK:
            self._out.answered(packets.parse_unsuback(body), [])
        elif head == packets.PUBREL:
            self._write(packets.acknowledgements(packets.PUBCOMP, [_mid_of(body)]))
        elif head == packets.DISCONNECT and self._version == 5:
            code, said = packets.parse_disconnect(body)
            self._fail(f"the broker said goodbye: {said or reasons.words(code)}")
        elif head != packets.PINGRESP:
            raise Malformed(f"0x{head:02x}, for which we did not ask")

    def _second_thoughts(self, body: bytes) -> str:
        """Why nats-server cuts a connection: it says so in another CONNACK."""
        return reasons.connack_words(body[1], version=self._version) if len(body) > 1 else "without a reason"

    # -- staying alive -------------------------------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Read nothing until told; the broker still hears of us."""
        self._paused = True
        self._read_or_not()

    def resume_reading(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            self._asked_at = self._heard_at = self._loop.time()  # answers may lie unread; ask anew
            self._read_or_not()

    def _rest(self) -> None:
        """Let the broker gather a chunk that is worth the trouble."""
        self._resting = True
        self._read_or_not()
        self._loop.call_later(self._pace_s, self._rested)

    def _rested(self) -> None:
        self._resting = False
        self._read_or_not()

    def _read_or_not(self) -> None:
        if self._transport is None or self.ended or self._transport.is_closing():
            return
        reading = not (self._paused or self._resting)
        if reading and not self._reading:
            self._transport.resume_reading()
        elif self._reading and not reading:
            self._transport.pause_reading()
        self._reading = reading

    def crowd(self, crowded: bool, *, spare_bytes: int = SPARE_BYTES) -> None:
        """Read on, but leave out what there is no room for; see `Reader.crowd`."""
        self._reader.crowd(crowded, spare_bytes=spare_bytes)

    def _keep_alive(self) -> None:
        """Twice in each keep-alive: let the broker hear of us, and see whether we heard of it."""
        if self.ended:
            return
        step_s = self._keep_alive_s / 2
        # After a nap of ours, answers may lie unread behind this very look; once, lest a broker that is gone stays.
        self._napped = not self._napped and self._loop.time() - self._look_at > step_s / 10
        if self._napped:
            self._heard_at = self._asked_at
        elif self._blocked_at is not None and self._loop.time() - self._blocked_at > self._keep_alive_s:
            self._fail(f"the broker took nothing off us for {self._keep_alive_s:g} s")
            return
        elif not self._paused and self._asked_at > self._heard_at:
            self._fail(f"the broker did not answer for {step_s:g} s")
            return
        self._write(packets.PINGREQ)
        self._asked_at = self._loop.time()
        self._next_look()

    def _next_look(self) -> None:
        if self._keep_alive_s:
            self._look_at = self._loop.time() + self._keep_alive_s / 2
            self._alive = self._loop.call_at(self._look_at, self._keep_alive)

    # -- acknowledging -------------------------------------------------------------------------------------------

    def settle(self, tokens: Sequence[int]) -> None:
        """Acknowledge messages of this connection, in this order; one write carries all of a turn of the loop."""
        once, twice = self._reader.take(tokens)
        asked = len(once) + len(twice)
        unasked = tokens.count(0) if asked < len(tokens) else 0  # at QoS 0 nobody waits for it
        if self.ended:
            late, asked = asked, 0
            if late:
                self._tally("settled_late", late)
        elif asked:
            self._acknowledge(once, twice)
        if asked + unasked:
            self._tally("settled", asked + unasked)

    def _acknowledge(self, once: list[int], twice: list[int]) -> None:
        if once:
            self._acks += packets.acknowledgements(packets.PUBACK, once)
        if twice:
            self._acks += packets.acknowledgements(packets.PUBREC, twice)
        if self._acks and not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._acks:
            self._write(bytes(self._acks))
            self._acks.clear()

    def _write(self, data: bytes | bytearray) -> None:
        if self._transport is not None and not self.ended and not self._transport.is_closing():
            self._transport.write(data)

    # -- asking and publishing -----------------------------------------------------------------------------------

    async def subscribe(self, filters: Iterable[str]) -> dict[str, int]:
        """Subscribe at QoS 1.

        Returns:
            For each filter the granted QoS, or the code of its refusal (0x80 and more).

        Raises:
            BrokerUnavailable: the connection ended before the answer.
        """
        wanted = list(filters)
        if not wanted:
            return {}
        unwanted_retained = self._version == 5 and not self._take_retained
        options = 0x21 if unwanted_retained else 0x01
        codes = await self._ask(lambda mid: packets.subscribe(mid, wanted, version=self._version, options=options))
        if len(codes) != len(wanted):
            self._fail(f"the broker sent a SUBACK with {len(codes)} codes for {len(wanted)} filters")
            raise self._out.gone()
        return dict(zip(wanted, codes, strict=True))

    async def unsubscribe(self, filters: Iterable[str]) -> None:
        """Take filters back.

        Raises:
            BrokerUnavailable: the connection ended before the answer.
        """
        unwanted = list(filters)
        if unwanted:
            await self._ask(lambda mid: packets.unsubscribe(mid, unwanted, version=self._version))

    async def _ask(self, make: Callable[[int], bytes]) -> list[int]:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._out.ask(make)
        except TimeoutError:
            self._fail(f"the broker did not answer a subscription within {ANSWER_S:g} s")
            raise self._out.gone() from None

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> "asyncio.Future[None]":
        """Send a message; the future is done when the broker has confirmed it, at QoS 0 when it is written.

        Its exception is BrokerUnavailable when the connection ends before that, BrokerRefused when the broker does not
        take it (MQTT 5 alone says so).

        Raises:
            ValueError: the topic is too long.
        """
        return self._out.publish(topic, payload, qos=qos, retain=retain)

    def _confirm(self, mids: Sequence[int]) -> None:
        self._out.confirm(mids)

    def _not_taken(self, mid: int, code: int) -> None:
        self._out.refuse(mid, code)


def _mid_of(body: bytes) -> int:
    if len(body) < 2:
        raise Malformed("a PUBREL without a packet id")
    return int.from_bytes(body[:2], "big")


def _settle_unseen(deliveries: Sequence[Delivery]) -> None:
    settle_all(deliveries)


def _nobody_counts(_name: str, _by: int) -> None:
    pass
