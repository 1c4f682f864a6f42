"""Any order of saying, sending, confirming, receipts, failures, waits and crashes, on a real file."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from gateway.accounts import LANES, Lane
from gateway.device_outbox import DeviceOutbox, Key, Limits, Message, OutboxFile, Waits, outboxes_in
from ingest.receipts import ranges_of

TRIES = 2
lanes = st.sampled_from(["up", "up", "up", "urgent"])
some = st.data()


def keys_of(message: Message) -> list[Key]:
    content = json.loads(message.payload)
    readings = content if isinstance(content, list) else [content]
    return [(one["boot"], one["seq"]) for one in readings]


class OutboxMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="gengfu-outbox-"))
        self.now = 1000.0
        self.boot = 0
        self.open: dict[Key, Lane] = {}  # said, and no receipt was given
        self.parked: set[Key] = set()
        self.sent: dict[Key, int] = {}
        self.under_way: list[Message] = []
        self.taken: set[Key] = set()  # the broker has these, so a receipt may come
        self.start()

    def start(self) -> None:
        self.boot += 1
        self.file = OutboxFile(self.folder, device="H-01", fsync=False)
        self.store = self.file.open()
        self.outbox = DeviceOutbox(
            self.store,
            device="H-01",
            boot=self.boot,
            limits=Limits(ahead=40, window=2),
            waits=Waits(receipt_s=10, reconnect_s=3, tries=TRIES),
            clock=lambda: self.now,
        )

    def flying(self) -> set[Key]:
        return {key for key in self.open if key in self.outbox._flights}

    def publish(self, message: Message) -> None:
        keys = keys_of(message)
        assert keys == sorted(keys)
        assert set(keys) <= set(self.open) - self.parked
        for key in keys:
            self.sent[key] = self.sent.get(key, 0) + 1
        self.under_way.append(message)

    @rule(number=st.integers(1, 6), lane=lanes, live=st.booleans())
    def say(self, number: int, lane: Lane, live: bool) -> None:
        before = self.outbox.counts.sent
        messages = self.outbox.put([{"type": "status", "t": 1}] * number, lane=lane, live=live)
        self.open |= {(self.boot, before + 1 + place): lane for place in range(number)}
        assert live or not messages
        for message in messages:
            self.publish(message)

    @rule()
    def send(self) -> None:
        for lane in LANES:
            self.send_on(lane)

    def send_on(self, lane: Lane) -> None:
        waiting = {key for key, its in self.open.items() if its == lane} - self.parked - self.flying()
        message = self.outbox.next(lane)
        if message is None:
            held_up = self.outbox._flights.unconfirmed(lane, live=False) >= 2 or self.outbox._flights.ahead >= 40
            assert held_up or not waiting
            return
        keys = set(keys_of(message))
        assert keys <= waiting
        assert all(key < min(keys) for key in waiting - keys), "the newest first"
        self.publish(message)

    @precondition(lambda self: self.under_way)
    @rule(data=some, end=st.sampled_from(["confirmed", "lost", "arrived, but its confirmation was lost"]))
    def end(self, data: Any, end: str) -> None:
        message = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        if end != "lost":
            self.taken |= set(keys_of(message))
        (self.outbox.confirmed if end == "confirmed" else self.outbox.failed)(message)

    @precondition(lambda self: self.taken)
    @rule(data=some)
    def receipt(self, data: Any) -> None:
        keys = data.draw(st.sets(st.sampled_from(sorted(self.taken)), min_size=1))
        boot = max(keys)[0]
        mine = {key for key in keys if key[0] == boot}
        made_safe = self.outbox.receipted(boot, ranges_of(seq for _, seq in mine))
        assert made_safe == len(mine & set(self.open))
        self.forget(mine)

    def forget(self, keys: set[Key]) -> None:
        for key in keys:
            self.open.pop(key, None)
        self.parked -= keys

    @rule(seconds=st.sampled_from([1.0, 11.0, 100.0, 1000.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.outbox.look()
        for one in self.store.put_aside():
            assert self.sent[one.key] >= TRIES, "parked before it was tried often enough"
            self.parked.add(one.key)

    @precondition(lambda self: self.under_way)
    @rule(lane=lanes)
    def reconnect(self, lane: Lane) -> None:
        for message in [one for one in self.under_way if one.lane == lane]:
            self.under_way.remove(message)
            self.outbox.failed(message)
        self.outbox.reconnected(lane)

    @precondition(lambda self: self.parked)
    @rule()
    def requeue(self) -> None:
        """By a command beside the running device."""
        for _, store in outboxes_in(self.folder):
            assert store.requeue() == len(self.parked)
        self.parked.clear()
        self.outbox.look()

    @precondition(lambda self: self.open)
    @rule()
    def crash(self) -> None:
        self.file.close()
        self.under_way.clear()
        self.start()

    @invariant()
    def nothing_is_gone_without_a_receipt(self) -> None:
        waiting = {one.key for lane in LANES for one in self.store.newest(lane, below=(2**40, 0), most=10_000)}
        assert waiting == set(self.open) - self.parked
        assert {one.key for one in self.store.put_aside()} == self.parked
        assert (self.outbox.open, self.store.parked) == (len(waiting), len(self.parked))

    @override
    def teardown(self) -> None:
        """With a broker and an ingest that work, everything goes in the end."""
        self.send()
        if self.parked:
            self.requeue()
        self.reconnect("up")
        self.reconnect("urgent")
        for _ in range(1000):
            if not self.open:
                break
            for lane in LANES:
                while (message := self.outbox.next(lane)) is not None:
                    keys = keys_of(message)
                    self.outbox.confirmed(message)
                    for boot, seq in keys:
                        self.outbox.receipted(boot, [[seq, seq]])
                    self.forget(set(keys))
            self.now += 1000
            self.outbox.look()
        assert not self.open
        assert self.outbox.entries == 0
        self.file.close()
        shutil.rmtree(self.folder)


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=60, stateful_step_count=50)
