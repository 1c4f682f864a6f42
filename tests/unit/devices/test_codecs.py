"""What holds for every codec: its captured frames, garbage, truncation."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.codecs import MAX_PAYLOAD_BYTES, Codec, codec_named, codec_of_topic, codecs
from devices.errors import UnknownCodec

FRAMES = Path(__file__).parents[2] / "frames"


def captured() -> list[Any]:
    return [
        pytest.param(codec, frame, id=f"{codec.name}: {frame['name']}")
        for codec in codecs().values()
        for file in sorted((FRAMES / codec.name).glob("*.json"))
        for frame in json.loads(file.read_text())
    ]


def bytes_of(frame: dict[str, Any]) -> bytes:
    return bytes.fromhex(frame["hex"]) if "hex" in frame else frame["frame"].encode()


@pytest.mark.parametrize("codec", codecs().values(), ids=lambda codec: codec.name)
def test_every_codec_has_frames_and_topics(codec: Codec) -> None:
    assert list((FRAMES / codec.name).glob("*.json"))
    assert any(topic.use == "publish" for topic in codec.topics)


@pytest.mark.parametrize(("codec", "frame"), captured())
def test_a_frame_gives_its_readings(codec: Codec, frame: dict[str, Any]) -> None:
    decoded = codec.decode(frame["topic"], bytes_of(frame))
    readings = [
        {"device": one.device, **one.reading.model_dump(mode="json", exclude_none=True)} for one in decoded.readings
    ]
    assert readings == frame["readings"]
    assert decoded.ignored == frame.get("ignored", {})
    expected = frame.get("refusals", [])
    assert [refusal.reason for refusal in decoded.refusals] == [one["reason"] for one in expected]
    for refusal, one in zip(decoded.refusals, expected, strict=True):
        assert one["says"] in refusal.detail


@pytest.mark.parametrize(("codec", "frame"), captured())
def test_a_truncated_frame_is_refused_not_raised(codec: Codec, frame: dict[str, Any]) -> None:
    whole = bytes_of(frame)
    for end in range(len(whole)):
        decoded = codec.decode(frame["topic"], whole[:end])
        assert decoded.readings or decoded.refusals or decoded.ignored
        assert not decoded.readings or frame["readings"]


@pytest.mark.parametrize("codec", codecs().values(), ids=lambda codec: codec.name)
@given(
    payload=st.binary(max_size=400)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["type", "t", "lat", "lon", "boot", "seq", "tag", "button", "_type", "tst"]),
                inner,
                max_size=6,
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode())
)
def test_garbage_is_refused_with_a_reason(codec: Codec, payload: bytes) -> None:
    topic = next(pattern.topic("X-1") for pattern in codec.topics if pattern.use == "publish")
    decoded = codec.decode(topic, payload)
    assert decoded.readings or decoded.refusals or decoded.ignored
    for refusal in decoded.refusals:
        assert refusal.reason
        assert refusal.detail


@pytest.mark.parametrize("codec", codecs().values(), ids=lambda codec: codec.name)
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[" * 100_000, "depth"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "depth"),
        (b"\xff\xfe{}", "utf8"),
        (b" " * (MAX_PAYLOAD_BYTES + 1), "size"),
        (b'{"type":"status","_type":"lwt","t":1,' + b'"k":1,' * 30_000 + b'"z":1}', None),
    ],
    ids=["deep array", "deep object", "not UTF-8", "too large", "many keys"],
)
def test_hostile_payloads(codec: Codec, payload: bytes, reason: str | None) -> None:
    topic = next(pattern.topic("X-1") for pattern in codec.topics if pattern.use == "publish")
    decoded = codec.decode(topic, payload)
    assert [refusal.reason for refusal in decoded.refusals] == ([reason] if reason else [])


def test_an_unknown_codec_names_the_known() -> None:
    with pytest.raises(UnknownCodec, match=r"no codec 'jt80'; there is: .*native"):
        codec_named("jt80")


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("gengfu/v1/H-01/up", "native"),
        ("gengfu/v1/H-01/urgent", "native"),
        ("gengfu/v1/H-01/down", None),
        ("gengfu/v1/H+01/up", None),
        ("gengfu/v1//up", None),
        ("gengfu/v2/H-01/up", None),
        ("owntracks/H-01/phone", "owntracks"),
        ("owntracks/H-01/Mi 9T.2/event", "owntracks"),
        ("owntracks/H-01", None),
        ("owntracks/H-01/", None),
        ("owntracks/H 01/phone", None),
        ("owntracks/H-01/phone/event/more", None),
    ],
)
def test_a_topic_finds_its_codec(topic: str, name: str | None) -> None:
    found = codec_of_topic(topic)
    assert (found.name if found else None) == name
