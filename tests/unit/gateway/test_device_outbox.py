"""What an outbox does when it is full, damaged, in use, or when nobody answers."""

import json
import logging
import sqlite3
import stat
from pathlib import Path

import pytest

from gateway.device_outbox import DeviceOutbox, Limits, Message, OutboxFile, Store, Waits, outboxes_in
from gateway.device_outbox.outbox import PAYLOAD_BYTES
from gateway.errors import OutboxError, OutboxFull, OutboxInUse, ReadingTooLarge

FIX = {"type": "position", "t": "2026-11-21T08:00:00Z", "lat": 30.69, "lon": 111.28}
SCAN = {"type": "scan", "t": "2026-11-21T08:00:00Z", "tag": "04A2", "method": "nfc"}


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def outbox(
    store: Store | None = None, *, boot: int = 1, limits: Limits | None = None, clock: Clock | None = None
) -> DeviceOutbox:
    waits = Waits(receipt_s=10, reconnect_s=2, tries=2)
    return DeviceOutbox(
        store or Store(None), device="H-01", boot=boot, limits=limits, waits=waits, clock=clock or Clock()
    )


def seqs(message: Message | None) -> list[int]:
    if message is None:
        return []
    content = json.loads(message.payload)
    return [one["seq"] for one in (content if isinstance(content, list) else [content])]


def kept(store: Store) -> list[int]:
    return sorted(one.key[1] for one in store.newest("up", below=(2**40, 0), most=10_000))


def test_the_newest_go_first_in_arrays_that_fit() -> None:
    it = outbox()
    it.put([FIX | {"note": "x" * 1000}] * 600, lane="up", live=False)
    arrays = []
    while (message := it.next("up")) is not None:
        assert len(message.payload) <= PAYLOAD_BYTES
        it.confirmed(message)
        arrays.append(seqs(message))
    assert [seq for array in arrays for seq in reversed(array)] == list(range(600, 0, -1))
    assert len(arrays[0]) < len(arrays[-2])  # it grows while the way is quick


def test_history_leaves_room_for_what_is_said_now() -> None:
    it = outbox()
    it.put([FIX] * 5000, lane="up", live=False)
    first, second = it.next("up"), it.next("up")
    assert first is not None
    assert second is not None
    assert it.next("up") is None, "no more than two arrays are under way"
    (live,) = it.put([FIX], lane="up", live=True)
    assert seqs(live) == [5001]


def test_a_slow_way_gets_small_arrays() -> None:
    clock = Clock()
    it = outbox(clock=clock)
    it.put([FIX] * 5000, lane="up", live=False)
    sizes = []
    for _ in range(3):
        message = it.next("up")
        assert message is not None
        clock.now_s += 3
        it.confirmed(message)
        sizes.append(len(seqs(message)))
    assert sizes[0] > 1.8 * sizes[1] > 3.2 * sizes[2]


def test_when_full_the_oldest_positions_are_thinned_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(None)
    it = outbox(store, limits=Limits(readings=10))
    it.put([SCAN] * 2 + [FIX] * 8, lane="up", live=False)
    with caplog.at_level(logging.WARNING):
        it.put([FIX], lane="up", live=False)
    assert kept(store) == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11]
    assert it.counts.thinned == 1
    assert store.status().thinned == 1
    assert "the outbox of H-01 is full; of its oldest positions every second one is dropped" in caplog.text


def test_what_cannot_be_thinned_refuses_the_new_but_never_a_button() -> None:
    store = Store(None)
    it = outbox(store, limits=Limits(readings=3))
    it.put([SCAN] * 3, lane="up", live=False)
    with pytest.raises(OutboxFull, match=r"H-01 is full with 3 readings .* 1 new ones were not taken"):
        it.put([FIX], lane="up", live=False)
    it.put([{"type": "button", "button": "sos", "pressed": True}], lane="urgent", live=False)
    assert (it.counts.sent, it.counts.thinned, store.entries) == (4, 0, 4)


def test_a_reading_that_fits_no_message_is_refused() -> None:
    it = outbox()
    with pytest.raises(ReadingTooLarge, match="a report of H-01 has 2"):
        it.put([FIX, {"type": "report", "text": "x" * PAYLOAD_BYTES}], lane="up", live=False)
    assert it.entries == 0


def test_while_no_receipt_comes_at_all_one_message_asks_and_nothing_is_parked() -> None:
    clock = Clock()
    it = outbox(clock=clock)
    for _ in range(20):
        for message in it.put([FIX], lane="up", live=True):
            it.confirmed(message)
        clock.now_s += 1
    sent = 0
    for _ in range(3600):
        clock.now_s += 1
        it.look()
        while (again := it.next("up")) is not None:
            sent += 1
            it.confirmed(again)
    assert 10 < sent < 25, "an hour of silence is asked into every five minutes at the most, after a denser beginning"
    assert it.counts.parked == 0
    it.receipted(1, [[1, 20]])
    assert it.open == 0


def test_after_a_reconnect_what_may_have_been_receipted_unheard_is_asked_again_soon() -> None:
    clock = Clock()
    it = outbox(clock=clock)
    for message in it.put([FIX], lane="up", live=True):
        it.confirmed(message)
    it.reconnected("up")
    it.look()
    assert it.next("up") is None
    clock.now_s += 2.5
    it.look()
    assert seqs(it.next("up")) == [1]
    assert it.counts.parked == 0


def test_an_earlier_runs_readings_keep_their_numbers(tmp_path: Path) -> None:
    with OutboxFile(tmp_path, device="H-01") as store:
        outbox(store, boot=7).put([FIX] * 3, lane="up", live=False)
    with OutboxFile(tmp_path, device="H-01") as store:
        it = outbox(store, boot=8)
        it.put([FIX], lane="up", live=False)
        message = it.next("up")
        assert message is not None
        assert [(one["boot"], one["seq"]) for one in json.loads(message.payload)] == [(7, 1), (7, 2), (7, 3), (8, 1)]
        assert it.receipted(7, [[0, 2**31]]) == 3
        assert (it.counts.carried, it.counts.carried_receipted, it.counts.receipted) == (3, 3, 0)
        assert it.open == 1
    assert stat.S_IMODE((tmp_path / "H-01.outbox").stat().st_mode) == 0o600


@pytest.mark.parametrize("harm", ["not a database", "half a page"])
def test_a_damaged_file_is_moved_aside_and_work_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: str
) -> None:
    file = tmp_path / "H-01.outbox"
    with OutboxFile(tmp_path, device="H-01") as store:
        outbox(store).put([FIX] * 500, lane="up", live=False)
    content = file.read_bytes()
    spoilt = b"rubbish" * 1000 if harm == "not a database" else content[:20_000] + b"\xff" * 2048 + content[22_048:]
    file.write_bytes(spoilt)
    with OutboxFile(tmp_path, device="H-01") as store:
        assert store.entries == 0
        outbox(store).put([FIX], lane="up", live=False)
    (aside,) = tmp_path.glob("H-01.outbox.damaged-*[0-9]")
    assert aside.read_bytes() == spoilt
    assert "the outbox of H-01 was damaged" in caplog.text
    assert str(aside) in caplog.text
    assert [(name, store.entries) for name, store in outboxes_in(tmp_path)] == [("H-01", 1)]


def test_a_device_is_played_once(tmp_path: Path) -> None:
    with OutboxFile(tmp_path, device="H-01"):
        with pytest.raises(OutboxInUse, match="another process plays H-01"):
            OutboxFile(tmp_path, device="H-01").open()
        OutboxFile(tmp_path, device="H-02").open().close()
    with OutboxFile(tmp_path, device="H-01"):
        pass


def test_a_later_versions_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "H-01.outbox"
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(OutboxError, match="made by a later gengfu"):
        OutboxFile(tmp_path, device="H-01").open()
    assert list(tmp_path.glob("*.damaged-*")) == []


def test_a_command_beside_it_queues_what_is_parked_again(tmp_path: Path) -> None:
    clock = Clock()
    with OutboxFile(tmp_path, device="H-01") as store:
        it = outbox(store, clock=clock)
        for number in range(1, 9):
            for message in it.put([FIX], lane="up", live=True):
                it.confirmed(message)
            it.receipted(1, [[number, number]] if number != 1 else [])
            clock.now_s += 50
            it.look()
            while (again := it.next("up")) is not None:
                it.confirmed(again)
            clock.now_s += 1
        assert (it.counts.parked, it.open) == (1, 0)
        assert it.next("up") is None
        for _, beside in outboxes_in(tmp_path):
            assert [one.key for one in beside.put_aside()] == [(1, 1)]
            assert beside.requeue() == 1
        it.look()
        assert seqs(it.next("up")) == [1]
        assert it.receipted(1, [[1, 1]]) == 1


def test_a_folder_without_outboxes_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="there is no outbox in"):
        list(outboxes_in(tmp_path))
