"""Each option of a broker's configuration gets the grade that it deserves."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.doctor import configuration
from ops.doctor.configuration.mosquitto_file import read_mosquitto
from ops.doctor.configuration.nats_file import read_nats
from ops.doctor.errors import UnreadableConfiguration
from ops.doctor.finding import Grade, worst
from ops.embedded.mosquitto import safe_configuration

ROOT = Path(__file__).parents[3]
DEPLOYED = ROOT / "ops" / "deploy" / "mosquitto.conf"
NATS = """
jetstream { store_dir: "/var/lib/nats", sync_interval: "10s" }  # on a disk
max_payload: 307200
mqtt { port: 1883, max_ack_pending: 2000 }
include "accounts.conf"
"""


def graded(text: str, tmp_path: Path, *, batch_readings: int = 5000) -> dict[str, Grade]:
    file = tmp_path / "broker.conf"
    file.write_text(text)
    return {found.check: found.grade for found in configuration.examine(file, batch_readings=batch_readings)}


def with_line(line: str) -> str:
    """The deployed configuration with one line instead of the one with the same key, or at the end."""
    key, _, _ = line.partition(" ")
    text = DEPLOYED.read_text(encoding="utf-8")
    changed = re.sub(rf"^{key} .*$", line, text, flags=re.MULTILINE)
    return changed if changed != text else f"{text}\n{line}\n"


def without(key: str) -> str:
    return re.sub(rf"^{key} .*\n", "", DEPLOYED.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_deployed_configuration_is_safe_with_receipts_and_so_is_the_one_we_start_ourselves(tmp_path: Path) -> None:
    for text in (DEPLOYED.read_text(encoding="utf-8"), safe_configuration(tmp_path, port=1883)):
        grades = graded(text, tmp_path)
        assert max(grades.values()) == Grade.RECEIPTS, grades
        assert [check for check, grade in grades.items() if grade != Grade.SAFE] == ["autosave"]


def test_what_mosquitto_does_by_itself_loses_data(tmp_path: Path) -> None:
    grades = graded("listener 1883\n", tmp_path)
    assert {check for check, grade in grades.items() if grade == Grade.LOSES} == {
        "persistence", "queue", "passwords", "rights",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "check", "grade"),
    [
        ("persistence false", "persistence", Grade.LOSES),
        ("autosave_interval 1800", "autosave", Grade.LOSES),
        ("autosave_interval 0", "autosave", Grade.LOSES),
        ("autosave_interval 60", "autosave", Grade.RECEIPTS),
        ("autosave_on_changes true", "autosave", Grade.RECEIPTS),
        ("max_queued_messages 100000", "queue", Grade.LOSES),
        ("max_queued_bytes 0", "queue", Grade.RECEIPTS),
        ("max_inflight_messages 20", "window", Grade.RECEIPTS),
        ("max_inflight_messages 9999", "window", Grade.RECEIPTS),
        ("max_inflight_messages 10000", "window", Grade.SAFE),
        ("max_inflight_messages 0", "window", Grade.SAFE),
        ("max_packet_size 100000", "size", Grade.LOSES),
        ("message_size_limit 65536", "size", Grade.LOSES),
        ("persistent_client_expiration 12h", "expiration", Grade.LOSES),
        ("persistent_client_expiration 2w", "expiration", Grade.SAFE),
        ("allow_anonymous true", "anonymous", Grade.LOSES),
        ("use_username_as_clientid false", "client-ids", Grade.RECEIPTS),
        ("listener 1883 0.0.0.0", "tls", Grade.UNSEEN),
    ],
)
def test_a_line_decides_the_grade_of_its_check(line: str, check: str, grade: Grade, tmp_path: Path) -> None:
    assert graded(with_line(line), tmp_path)[check] == grade


@pytest.mark.parametrize(
    ("key", "check", "grade"),
    [
        ("autosave_interval", "autosave", Grade.LOSES),
        ("max_queued_messages", "queue", Grade.LOSES),
        ("max_inflight_messages", "window", Grade.RECEIPTS),
        ("max_packet_size", "size", Grade.RECEIPTS),
        ("acl_file", "rights", Grade.LOSES),
        ("password_file", "passwords", Grade.LOSES),
        ("persistent_client_expiration", "expiration", Grade.SAFE),
    ],
)
def test_a_missing_line_means_the_brokers_default(key: str, check: str, grade: Grade, tmp_path: Path) -> None:
    assert graded(without(key), tmp_path)[check] == grade


def test_every_finding_that_is_not_safe_says_why(tmp_path: Path) -> None:
    file = tmp_path / "broker.conf"
    file.write_text("listener 1883\nallow_anonymous true\n")
    for found in configuration.examine(file, batch_readings=5000):
        assert found.grade == Grade.SAFE or found.why, found


def test_options_of_a_listener_are_not_those_of_another(tmp_path: Path) -> None:
    text = (
        without("use_username_as_clientid")
        + "\nlistener 1884 127.0.0.1\nuse_username_as_clientid true\nper_listener_settings true\n"
    )
    assert graded(text, tmp_path)["client-ids"] == Grade.RECEIPTS


def test_included_folders_are_read_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "20.conf").write_text("max_queued_messages 0\nmax_queued_bytes 1000000\n")
    (folder / "10.conf").write_text("max_queued_messages 5\n")
    assert graded(f"include_dir {folder}\n", tmp_path)["queue"] == Grade.SAFE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_queued_messages many\n", "broker.conf:1: max_queued_messages is 'many', but must be a whole number"),
        ("\npersistence yes\n", "broker.conf:2: persistence is 'yes', but must be true or false"),
        ("persistence\n", "broker.conf:1: 'persistence' has no value"),
        ("include_dir /not/there\n", "broker.conf:1: the folder /not/there that it includes is not there"),
        ("mqtt { port: 1883 } }\n", "broker.conf:1: a brace is closed that was never opened"),
        ("mqtt {\n", "1 block(s) are not closed"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableConfiguration, match=re.escape(words)):
        graded(text, tmp_path)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableConfiguration, match="No such file"):
        configuration.examine(tmp_path / "none.conf", batch_readings=1)
    (tmp_path / "mosquitto.db").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(UnreadableConfiguration, match="not a text file"):
        configuration.examine(tmp_path / "mosquitto.db", batch_readings=1)


@pytest.mark.parametrize(
    ("old", "new", "check", "grade"),
    [
        ("", "", "sync", Grade.RECEIPTS),
        ('"10s"', "always", "sync", Grade.SAFE),
        ('store_dir: "/var/lib/nats", ', "", "persistence", Grade.LOSES),
        (", max_ack_pending: 2000", "", "window", Grade.RECEIPTS),
        ("max_ack_pending: 2000", "max_ack_pending: $WINDOW", "window", Grade.UNSEEN),
        ("307200", "64KB", "size", Grade.LOSES),
        ('include "accounts.conf"', "", "rights", Grade.LOSES),
    ],
)
def test_a_nats_configuration_is_graded_too(old: str, new: str, check: str, grade: Grade, tmp_path: Path) -> None:
    assert graded(NATS.replace(old, new) if old else NATS, tmp_path)[check] == grade


@given(st.text())
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with contextlib.suppress(UnreadableConfiguration):
        assert isinstance(read_nats(text, file=Path("any.conf")), dict)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_mosquitto_text_is_read_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("any") / "any.conf"
    file.write_text(text, encoding="utf-8")
    with contextlib.suppress(UnreadableConfiguration):
        assert set(read_mosquitto(file).options) <= set(text.split())


def test_the_guide_shows_the_deployed_configuration() -> None:
    guide = (ROOT / "docs" / "how-to" / "run-mosquitto.md").read_text(encoding="utf-8")
    assert f"```\n{DEPLOYED.read_text(encoding='utf-8').rstrip()}\n```" in guide


def test_the_worst_finding_decides(tmp_path: Path) -> None:
    file = tmp_path / "broker.conf"
    file.write_text("listener 1883\n")
    assert worst(configuration.examine(file, batch_readings=1)) == Grade.LOSES
    assert worst([]) == Grade.SAFE
