"""Probes: where they go, what they prove, and what is no probe of ours."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.codecs import codec_of_topic
from ingest import probe
from ingest.probe import DatabaseClock, Probes, probe_filters, probe_topics

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
FILTERS = ["gengfu/v1/+/up", "owntracks/+/up"]


def said(moment: datetime, worker: str = "1") -> bytes:
    return json.dumps({"probe": worker, "sent_us": round(moment.timestamp() * 1e6)}).encode()


def probes(*topics: str, **options: Any) -> Probes:
    return Probes("1", lane="up", topics=topics, clock=lambda: START, **options)


def test_where_each_broker_wants_them() -> None:
    assert probe_topics("1", "up", filters=FILTERS, kind="nats") == ["gengfu/v1/~1/up", "owntracks/~1/up"]
    for kind in ("mosquitto", "emqx"):
        assert probe_topics("w-2", "urgent", filters=FILTERS, kind=kind) == ["gengfu/probe/w-2/urgent"]
    assert probe_filters("1", "up", kind="nats") == []
    assert probe_filters("1", "up", kind="mosquitto") == ["gengfu/probe/1/up"]


def test_no_device_can_stand_where_probes_go() -> None:
    for topic in (*probe_topics("1", "up", filters=FILTERS, kind="nats"), "gengfu/probe/1/up"):
        assert codec_of_topic(topic) is None


def test_it_has_come_as_far_as_the_slowest_queue() -> None:
    both = probes("a/~1/up", "b/~1/up")
    assert both.take("a/~1/up", said(START))
    assert both.caught_up_to is None
    assert both.take("b/~1/up", said(START - timedelta(seconds=3)))
    assert both.caught_up_to == START - timedelta(seconds=3)
    assert both.take("b/~1/up", said(START + timedelta(microseconds=1)))
    assert both.caught_up_to == START
    # One that comes again does not take it back.
    assert both.take("b/~1/up", said(START - timedelta(seconds=9)))
    assert both.caught_up_to == START


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"probe":"1"}',
        b'{"probe":"1","sent_us":"x"}',
        b'{"probe":"1","sent_us":-1}',
        b"\xff",
        b'{"probe":"1","sent_us":1e9999}',
        b"[" * 100_000,
        said(START, "2"),
    ],
)
def test_what_is_not_ours_is_taken_out_and_proves_nothing(payload: bytes) -> None:
    mine = probes("gengfu/probe/1/up")
    assert mine.take("gengfu/probe/1/up", payload)
    assert mine.caught_up_to is None


def test_data_is_left_alone_and_probes_of_others_are_not_data() -> None:
    mine = probes("gengfu/v1/~1/up")
    assert not mine.take("gengfu/v1/H-01/up", said(START))
    assert mine.take("gengfu/v1/~2/up", said(START, "2"))
    assert mine.take("gengfu/probe/2/up", said(START, "2"))


def test_after_a_connect_they_prove_nothing_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(probe, "monotonic", lambda: now)
    mine = probes("t/~1", doubt_s=35)
    mine.connected()
    now += 34
    mine._send(lambda _topic, _payload: None)
    early = START - timedelta(seconds=1)
    mine.take("t/~1", said(early))
    assert mine.caught_up_to is None
    now += 2
    mine._send(lambda _topic, _payload: None)
    mine.take("t/~1", said(early))  # read late, because the database was away; what is older is behind it all the same
    assert mine.caught_up_to is None
    mine.take("t/~1", said(START + timedelta(seconds=1)))
    assert mine.caught_up_to == START + timedelta(seconds=1)


def test_while_messages_are_left_to_the_broker_probes_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(probe, "monotonic", lambda: now)
    mine = probes("t/~1", doubt_s=35)
    mine._send(lambda _topic, _payload: None)
    mine.take("t/~1", said(START))
    assert mine.caught_up_to == START
    mine.doubt()
    now += 34
    mine._send(lambda _topic, _payload: None)
    mine.take("t/~1", said(START + timedelta(seconds=34)))
    assert mine.caught_up_to == START


def test_the_time_sent_is_the_databases_whatever_this_machine_thinks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 50.0
    monkeypatch.setattr(probe, "monotonic", lambda: now)
    clock = DatabaseClock()
    clock.set(START)
    now += 2.5
    assert clock.now() == START + timedelta(seconds=2.5)


def test_a_clock_of_ours_that_is_far_from_the_databases_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(probe, "time", lambda: START.timestamp() - 3600)
    clock = DatabaseClock()
    for seconds in (0, 1, -3600, -3590, 0):
        clock.set(START + timedelta(seconds=seconds))
    assert ["-3600 s" in line for line in caplog.messages] == [True, True]


def test_probes_that_stay_away_are_said_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    monkeypatch.setattr(probe, "monotonic", lambda: now)
    mine = probes("t/~1")
    sent: list[str] = []
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            now += 1
            mine._send(lambda topic, _payload: sent.append(topic))
    assert sent == ["t/~1"] * 100
    assert [record.__dict__["event"] for record in caplog.records] == ["probes_missing"]
    assert "access list does not let the lane's account publish and read t/~1" in caplog.text
    mine.take("t/~1", said(START))
    assert "come back again" in caplog.text
