import re

import pytest

from devices.codec import TopicPattern
from gateway.accounts import lane_filters, shared_filters
from gateway.errors import UnmappableTopic
from gateway.provisioning import DeviceAccount
from gateway.provisioning.mosquitto_accounts import MosquittoAccounts, render
from gateway.verifiers import verifiers_for

SECRET = "s" * 40


def rights(accounts: MosquittoAccounts) -> dict[str, list[str]]:
    """The lines of each user; those that hold for all are under `%u`."""
    found: dict[str, list[str]] = {}
    user = ""
    for line in accounts.acl.splitlines():
        if line.startswith("user "):
            user = line.removeprefix("user ")
        elif line.startswith("pattern "):
            found.setdefault("%u", []).append(line)
        elif line and not line.startswith("#"):
            found.setdefault(user, []).append(line)
    return found


def names(accounts: MosquittoAccounts) -> list[str]:
    return [line.partition(":")[0] for line in accounts.passwords.splitlines()]


def test_each_user_may_do_what_the_codecs_declare_and_nothing_else() -> None:
    accounts = render([DeviceAccount("H-01", verifiers_for("x"))], secret=SECRET, workers=["1"])
    found = {user: [line for line in lines if " deny " not in line] for user, lines in rights(accounts).items()}
    native = [line for line in found.pop("%u") if "gengfu/v1/" in line]
    assert native == [
        "pattern write gengfu/v1/%u/up",
        "pattern write gengfu/v1/%u/urgent",
        "pattern read gengfu/v1/%u/down",
        "pattern write gengfu/v1/%u/state",
    ]
    assert found["gengfu-gateway"] == ["topic write gengfu/v1/+/down", "topic read gengfu/v1/+/state"]
    for lane in ("up", "urgent"):
        assert found[f"gengfu-ingest-1-{lane}"] == [
            "topic write gengfu/v1/+/down",
            f"topic write gengfu/probe/1/{lane}",
            *(f"topic read {name}" for name in lane_filters(lane)),
            f"topic read gengfu/probe/1/{lane}",
        ]
    assert found["gengfu-marker"] == [f"topic readwrite {accounts.marker_topic}"]
    assert names(accounts) == [
        "gengfu-gateway",
        "gengfu-ingest-1-up",
        "gengfu-ingest-1-urgent",
        "H-01",
        "gengfu-marker",
    ]


def test_what_holds_for_every_user_is_taken_from_gengfus_own() -> None:
    found = rights(render([], secret=SECRET, workers=["1"]))
    for user in ("gengfu-gateway", "gengfu-ingest-1-up", "gengfu-ingest-1-urgent", "gengfu-marker"):
        for line in found["%u"]:
            assert f"topic deny {line.split()[2].replace('%u', user)}" in found[user]


def test_every_verifier_has_the_form_that_mosquitto_reads() -> None:
    accounts = render([DeviceAccount("H-01", verifiers_for("x"))], secret=SECRET, workers=["1"])
    form = r"[A-Za-z0-9_-]+:\$7\$101\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}=="  # a salt of 12 bytes, a hash of 64
    assert all(re.fullmatch(form, line) for line in accounts.passwords.splitlines())


def test_the_same_register_gives_the_same_text_and_another_gives_another_marker() -> None:
    one, two = (DeviceAccount(name, verifiers_for(name)) for name in ("H-01", "H-02"))
    first = render([one, two], secret=SECRET, workers=["1"])
    assert render([two, one], secret=SECRET, workers=["1"]) == first
    other = render([one], secret=SECRET, workers=["1"])
    assert other.marker_password != first.marker_password
    assert other.marker_topic != first.marker_topic


@pytest.mark.parametrize(
    ("name", "verifier"),
    [
        ("gengfu-gateway", verifiers_for("x")["mosquitto"]),
        ("H-02", ""),
        ("H-02", verifiers_for("x")["mosquitto"] + "\nevil:" + verifiers_for("x")["mosquitto"]),
    ],
)
def test_a_device_that_would_break_the_file_is_left_out(name: str, verifier: str) -> None:
    others = [DeviceAccount("H-01", verifiers_for("x"))]
    without = render(others, secret=SECRET, workers=["1"])
    assert render([*others, DeviceAccount(name, {"mosquitto": verifier})], secret=SECRET, workers=["1"]) == without


@pytest.mark.parametrize("topic", ["a/{device}/#", "a//{device}", "a/x{device}", "a/%c/{device}", "a b/{device}"])
def test_a_topic_that_the_list_would_read_otherwise_is_refused(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = TopicPattern(topic, "publish", "up")
    monkeypatch.setattr("gateway.provisioning.mosquitto_accounts.patterns", lambda: [pattern])
    with pytest.raises(UnmappableTopic, match="level"):
        render([], secret=SECRET, workers=["1"])


def test_nobody_can_guess_the_group_of_the_workers() -> None:
    (one,) = shared_filters("urgent", secret=SECRET)
    share, group, name = one.split("/", 2)
    assert (share, name) == ("$share", "gengfu/v1/+/urgent")
    assert len(group) == 43
    assert shared_filters("urgent", secret="t" * 40) != [one]
    assert shared_filters("urgent", secret=SECRET) == [one]
