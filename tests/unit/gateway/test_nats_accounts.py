import json
import re

import pytest

from gateway.errors import UnmappableTopic
from gateway.provisioning import DeviceAccount
from gateway.provisioning.nats_accounts import render
from gateway.provisioning.subjects import subject_of
from gateway.verifiers import verifiers_for

SECRET = "s" * 40


def users(text: str) -> dict[str, tuple[list[str], list[str]]]:
    """Publish and subscribe lists by user; an empty list stands for `deny everything`."""
    found = {}
    pattern = r'user: "([^"]+)".*?publish: \{ (allow|deny): (\[.*?\]) \}, subscribe: \{ (allow|deny): (\[.*?\]) \}'
    for name, how, publish, how2, subscribe in re.findall(pattern, text, re.DOTALL):
        assert how == "allow" or json.loads(publish) == [">"]
        assert how2 == "allow" or json.loads(subscribe) == [">"]
        found[name] = (json.loads(publish) if how == "allow" else [], json.loads(subscribe) if how2 == "allow" else [])
    return found


def test_each_user_may_do_what_the_codecs_declare_and_nothing_else() -> None:
    text = render([DeviceAccount("H-01", verifiers_for("x"))], secret=SECRET, workers=["1"]).text
    assert users(text) == {
        "gengfu-gateway": (["gengfu.v1.*.down"], ["gengfu.v1.*.state"]),
        "gengfu-ingest-1-up": (
            ["gengfu.v1.*.down", "gengfu.v1.~1.up", "owntracks.~1.~1", "owntracks.~1.~1.~1"],
            ["gengfu.v1.*.up", "owntracks.*.*", "owntracks.*.*.*"],
        ),
        "gengfu-ingest-1-urgent": (["gengfu.v1.*.down", "gengfu.v1.~1.urgent"], ["gengfu.v1.*.urgent"]),
        "H-01": (
            [
                "gengfu.v1.H-01.up",
                "gengfu.v1.H-01.urgent",
                "gengfu.v1.H-01.state",
                "owntracks.H-01.*",
                "owntracks.H-01.*.*",
            ],
            ["gengfu.v1.H-01.down"],
        ),
        "gengfu-marker": ([], []),
    }
    assert "$MQTT" not in "".join(line for line in text.splitlines() if not line.startswith("#"))


def test_the_list_is_never_empty_because_an_empty_one_lets_everybody_in() -> None:
    assert "gengfu-marker" in users(render([], secret=SECRET, workers=[]).text)


def test_the_same_register_gives_the_same_text_and_another_gives_another_marker() -> None:
    one, two = (DeviceAccount(name, verifiers_for(name)) for name in ("H-01", "H-02"))
    first = render([one, two], secret=SECRET, workers=["1"])
    assert render([two, one], secret=SECRET, workers=["1"]) == first
    assert render([one], secret=SECRET, workers=["1"]).marker_password != first.marker_password


@pytest.mark.parametrize(
    ("name", "verifier"),
    [
        ("gengfu-gateway", verifiers_for("x")["nats"]),
        ("H-02", ""),
        ("H-02", '$2b$04$", permissions: {} }, { user: "evil", password: "x'),
    ],
)
def test_a_device_that_would_break_the_file_is_left_out(name: str, verifier: str) -> None:
    others = [DeviceAccount("H-01", verifiers_for("x"))]
    without = render(others, secret=SECRET, workers=["1"]).text
    assert render([*others, DeviceAccount(name, {"nats": verifier})], secret=SECRET, workers=["1"]).text == without


@pytest.mark.parametrize(
    ("topic", "subject"),
    [
        ("gengfu/v1/H-01/up", "gengfu.v1.H-01.up"),
        ("gengfu/v1/+/up", "gengfu.v1.*.up"),
        ("gengfu/v1/~1/up", "gengfu.v1.~1.up"),
    ],
)
def test_topics_become_subjects(topic: str, subject: str) -> None:
    assert subject_of(topic) == subject


@pytest.mark.parametrize(
    "topic", ["a/#", "a//b", "/a", "a.b/c", "$MQTT/sub", "a/*/b", "a/>", "a b/c", "更/夫", "", "a~/b", "~/b"]
)
def test_a_topic_that_the_broker_would_read_otherwise_is_refused(topic: str) -> None:
    with pytest.raises(UnmappableTopic, match="level"):
        subject_of(topic)
