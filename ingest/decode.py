"""From delivered frames to accepted readings: native positions by the column, everything else one by one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

import msgspec
import numpy as np
from numpy.typing import NDArray

from devices.codecs import MAX_PAYLOAD_BYTES, Refusal, codec_of_topic
from devices.datum import to_wgs84
from devices.fixes import Fix, read_fixes
from devices.readings import Button
from devices.wire_times import microseconds_of
from ingest.allowance import Allowance
from ingest.check import check, check_times
from ingest.columns import Checked, Fixes, Ints, counts_of, fixes_of, microseconds
from ingest.delivery import Delivery
from ingest.excess import as_native, native_topic, packed
from ingest.probe import Probes
from ingest.world import Device, Register

NO_OFFSET = timedelta(0)
_JSON = frozenset({"schema", "clock"})  # refusals of what is JSON at least, so that an array of it is what it was


@dataclass(frozen=True)
class Quarantined:
    """A refusal with where it came from.

    Attributes:
        topic: of its message.
        codec: that read it.
        refusal: why, and the bytes to keep.
        received_at: aware UTC.
        readings: how many readings it stands for.
        nonce: of its encryption, where the bytes are sealed.
    """

    topic: str
    codec: str
    refusal: Refusal
    received_at: datetime
    readings: int = 1
    nonce: bytes | None = None


@dataclass
class Decoded:
    """What a batch of frames gave.

    Attributes:
        fixes: accepted positions.
        others: all other accepted readings.
        refused: what goes to quarantine.
        safe: device, boot and seq of readings that are kept in quarantine together, without an entry each.
        received: how many readings came, counted apart from what became of them.
        beyond: refusals that hold many readings each, of devices beyond their allowance.
        excess: how many of each device's, by number, were set aside beyond its allowance.
        ignored: what is read and not wanted, by reason.
    """

    fixes: Fixes
    others: list[Checked]
    refused: list[Quarantined]
    safe: list[tuple[str, int | None, int | None]] = field(default_factory=list)
    received: int = 0
    beyond: list[Quarantined] = field(default_factory=list)
    excess: Counter[int] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Decoder:
    """How frames are taken; one per pipeline.

    Attributes:
        retention_days: 0 when everything is kept.
        allowance: marks readings of devices that send more than they may.
        probes: takes the worker's own probes out.
    """

    retention_days: int
    allowance: Allowance | None = None
    probes: Probes | None = None

    def decode(self, deliveries: Sequence[Delivery], register: Register, *, offset: timedelta = NO_OFFSET) -> Decoded:
        """Read, check and count a batch of frames, perhaps for the second time; `committed` has to follow.

        Args:
            deliveries: in their order.
            register: of this moment.
            offset: added to the time of each reading; not nought only when a quarantine is replayed.
        """
        if self.probes is not None:
            self.probes.begin()
        if self.allowance is not None:
            self.allowance.begin()
        fixes, rest = (None, list(range(len(deliveries)))) if offset else self._plain(deliveries, register)
        decoded = Decoded(fixes if fixes is not None else fixes_of([]), [], [])
        decoded.received = len(decoded.fixes)
        checked = [one for index in rest for one in self._one(deliveries[index], index, register, offset, decoded)]
        if self.allowance is not None:
            checked = _allowed(self.allowance, decoded, checked, deliveries, register)
            _allow_refusals(self.allowance, decoded, register)
        late = fixes_of(checked)
        if len(late):
            decoded.fixes = decoded.fixes + late
        decoded.others = [one for one in checked if one.reading.type != "position"]
        return decoded

    def committed(self) -> None:
        """What was decoded last is in the database."""
        if self.probes is not None:
            self.probes.committed()
        if self.allowance is not None:
            self.allowance.committed()

    def _plain(self, deliveries: Sequence[Delivery], register: Register) -> tuple[Fixes, list[int]]:
        """Native positions without a question, and the indices of the messages that need a closer look."""
        owners = register.of_topics([delivery.topic for delivery in deliveries])
        frames = read_fixes([delivery.payload for delivery in deliveries])
        found, owned, source, rest = _sorted_out(frames, owners)
        time_us = microseconds_of([fix.t for fix in found])
        received_us = _received(deliveries)[source]
        accepted, flags = check_times(time_us, received_us, retention_days=self.retention_days)
        columns = _columns(found, owned, time_us, received_us, flags, source)
        if not accepted.all():
            odd = np.unique(source[~accepted])  # whole messages, so that the codec sees what the device sent
            rest = sorted([*rest, *odd.tolist()])
            columns = columns.take(~np.isin(source, odd))
        return columns, rest

    def _one(
        self, delivery: Delivery, index: int, register: Register, offset: timedelta, decoded: Decoded
    ) -> list[Checked]:
        """The accepted readings of one message; what is refused, or is a probe, is noted in `decoded`."""
        codec = codec_of_topic(delivery.topic)
        if codec is None:
            if self.probes is not None and self.probes.take(delivery.topic, delivery.payload):
                return []
            detail = f"no codec reads the topic {delivery.topic!r}; `gengfu codecs` lists the topics"
            refusal = Refusal("topic", detail, delivery.payload[:MAX_PAYLOAD_BYTES])
            decoded.refused.append(Quarantined(delivery.topic, "", refusal, delivery.received_at))
            decoded.received += 1
            return []
        frame = codec.decode(delivery.topic, delivery.payload)
        checked: list[Checked] = []
        decoded.refused += [
            Quarantined(delivery.topic, codec.name, one, delivery.received_at) for one in frame.refusals
        ]
        decoded.received += len(frame.readings) + len(frame.refusals) + frame.ignored.total()
        decoded.ignored += frame.ignored
        for stamped in frame.readings:
            outcome = check(
                stamped,
                register.devices.get(stamped.device),
                received_at=delivery.received_at,
                retention_days=self.retention_days,
                offset=offset,
                dup=delivery.dup,
                source=index,
            )
            if isinstance(outcome, Checked):
                checked.append(outcome)
            else:
                # What is kept is a reading and no longer the frame, so it waits where a replay can read it.
                native = codec.name == "native"
                topic = delivery.topic if native else native_topic(stamped.device)
                decoded.refused.append(Quarantined(topic, "native", outcome, delivery.received_at))
        return checked


def _allowed(
    allowance: Allowance,
    decoded: Decoded,
    checked: list[Checked],
    deliveries: Sequence[Delivery],
    register: Register,
) -> list[Checked]:
    """Move what is over its device's allowance to quarantine; a button never is. Returns what stays of `checked`."""
    counted = [one for one in checked if not isinstance(one.reading, Button)]
    devices = np.concatenate((decoded.fixes.device, np.array([one.device for one in counted], np.int64)))
    source = np.concatenate((decoded.fixes.source, np.array([one.source for one in counted], np.int64)))
    came = np.argsort(source, kind="stable")  # the first ones pass, and these came in this order
    excess = np.empty(len(devices), np.bool_)
    excess[came] = allowance.excess(devices[came], monotonic())
    if not excess.any():
        return checked
    decoded.excess.update(devices[excess].tolist())
    of_fixes, of_others = excess[: len(decoded.fixes)], excess[len(decoded.fixes) :]
    over = [one for one, is_over in zip(counted, of_others.tolist(), strict=True) if is_over]
    flood = decoded.fixes.take(of_fixes)
    held: dict[int, list[bytes]] = {}
    for device, payload in zip(
        flood.device.tolist(), _payloads(deliveries, decoded.fixes.source, of_fixes), strict=True
    ):
        held.setdefault(device, []).append(payload)
    for one in over:
        held.setdefault(one.device, []).append(as_native(one))
    received_at = deliveries[-1].received_at
    for device, payloads in held.items():
        topic = native_topic(register.names[device])
        decoded.beyond += [Quarantined(topic, "native", one, received_at, count) for one, count in packed(payloads)]
    decoded.safe += [(register.names[one.device], one.reading.boot, one.reading.seq) for one in over]
    decoded.safe += [
        (register.names[device], boot, seq)
        for device, boot, seq in zip(flood.device.tolist(), flood.boot.tolist(), flood.seq.tolist(), strict=True)
        if boot >= 0 and seq >= 0
    ]
    decoded.fixes = decoded.fixes.take(~of_fixes)
    gone = {id(one) for one in over}
    return [one for one in checked if id(one) not in gone]


def _allow_refusals(allowance: Allowance, decoded: Decoded, register: Register) -> None:
    """Keep together what a device says beyond its allowance and could not be read either: few entries for much junk."""
    known = [one for one in decoded.refused if one.refusal.device in register.devices]
    if not known:
        return
    numbers = np.array([register.devices[str(one.refusal.device)].number for one in known], np.int64)
    excess = allowance.excess(numbers, monotonic())
    decoded.excess.update(numbers[excess].tolist())
    over = [one for one, is_over in zip(known, excess.tolist(), strict=True) if is_over]
    alike: dict[tuple[str, str], list[Quarantined]] = {}
    for one in over:
        alike.setdefault((one.topic, one.refusal.reason), []).append(one)
        decoded.safe.append((str(one.refusal.device), one.refusal.boot, one.refusal.seq))
    gone = {id(one) for one in over}
    decoded.refused = [one for one in decoded.refused if id(one) not in gone]
    for (topic, reason), its in alike.items():
        first, payloads = its[0], [one.refusal.fragment for one in its]
        decoded.beyond += [
            Quarantined(topic, first.codec, one, first.received_at, count)
            for one, count in packed(payloads, like=first.refusal, array=reason in _JSON)
        ]


def _sorted_out(
    frames: list[Fix | list[Fix] | None], owners: list[Device | None]
) -> tuple[list[Fix], list[Device], Ints, list[int]]:
    """Positions, their devices and the indices of their messages; and the indices of the messages without."""
    if set(map(type, frames)) == {Fix} and None not in owners:
        return frames, owners, np.arange(len(frames)), []  # type: ignore[return-value]  # the set of types says so
    found: list[Fix] = []
    owned: list[Device] = []
    sources: list[int] = []
    rest: list[int] = []
    for index, (frame, owner) in enumerate(zip(frames, owners, strict=True)):
        if owner is None or frame is None:
            rest.append(index)
        else:
            fixes = frame if isinstance(frame, list) else [frame]
            found += fixes
            owned += [owner] * len(fixes)
            sources += [index] * len(fixes)
    return found, owned, np.array(sources, np.int64), rest


def _received(deliveries: Sequence[Delivery]) -> Ints:
    # A session stamps a whole chunk with one datetime: runs of the same object are converted once.
    moments = [delivery.received_at for delivery in deliveries]
    identity = np.fromiter(map(id, moments), np.int64, len(moments))
    starts = np.flatnonzero(np.concatenate(([True], np.diff(identity) != 0)))
    values = np.array([microseconds(moments[start]) for start in starts.tolist()], np.int64)
    return np.repeat(values, np.diff(np.append(starts, len(moments))))


def _columns(
    found: Sequence[Fix], owners: Sequence[Device], time_us: Ints, received_us: Ints, flags: Ints, source: Ints
) -> Fixes:
    lat = np.array([fix.lat for fix in found], float)
    lon = np.array([fix.lon for fix in found], float)
    # One by one and with the codec's own function: a last bit of difference would be another digest, and another row.
    datums = [fix.datum or device.datum for fix, device in zip(found, owners, strict=True)]
    if datums.count("wgs84") < len(datums):
        for row in [row for row, datum in enumerate(datums) if datum != "wgs84"]:
            lat[row], lon[row] = to_wgs84(found[row].lat, found[row].lon, datums[row])
    return Fixes(
        device=np.array([device.number for device in owners], np.int64),
        time_us=time_us,
        lat=lat,
        lon=lon,
        accuracy_m=np.array([fix.accuracy_m for fix in found], float),
        speed_mps=np.array([fix.speed_mps for fix in found], float),
        heading_deg=np.array([fix.heading_deg for fix in found], float),
        altitude_m=np.array([fix.altitude_m for fix in found], float),
        battery_pct=np.array([fix.battery_pct for fix in found], float),
        flags=flags | np.array([fix.mock for fix in found], np.int64),  # Flag.MOCK is 1
        boot=counts_of([fix.boot for fix in found]),
        seq=counts_of([fix.seq for fix in found]),
        received_us=received_us,
        source=source,
    )


def _payloads(deliveries: Sequence[Delivery], source: Ints, over: NDArray[np.bool_]) -> list[bytes]:
    """The JSON of each position over its allowance, as it was sent, in the order of the rows."""
    held: list[bytes] = []
    rows_by_source = np.flatnonzero(np.concatenate(([True], np.diff(source) != 0)))
    ends = np.append(rows_by_source[1:], len(source))
    for start, end in zip(rows_by_source.tolist(), ends.tolist(), strict=True):
        if not over[start:end].any():
            continue
        payload = deliveries[source[start]].payload
        is_array = payload.lstrip().startswith(b"[")
        elements = msgspec.json.decode(payload, type=list[msgspec.Raw]) if is_array else [payload]
        held += [bytes(one) for one, is_over in zip(elements, over[start:end].tolist(), strict=True) if is_over]
    return held
