"""Every rule can be found, set and read about; settings are dated and refused in words."""

import logging
import re
from pathlib import Path

import pytest

from rules.catalog import catalog, settings_models
from rules.catalog.missed_checkpoint import Settings
from rules.core.alerts import Severity
from rules.core.reasons import Why
from rules.errors import SettingRefused
from rules.settings import SettingRow, SettingsBook, require_setting
from tests.unit.rules.timeline import at, settings

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "rules.md"


def test_what_there_is() -> None:
    assert set(catalog()) == {
        "app_asleep",
        "battery_low",
        "both_away",
        "broker_disk",
        "device_flood",
        "equipment_expiry",
        "first_patrol",
        "ingest_silent",
        "ledger",
        "left_area",
        "lone_worker",
        "low_charge",
        "missed_checkpoint",
        "missed_line",
        "missed_visit",
        "over_speed",
        "objection_unanswered",
        "position_suspect",
        "response_time",
        "silent_device",
        "sos",
        "spot_check",
        "standing_still",
        "static_post",
    }


@pytest.mark.parametrize("name", sorted(catalog()))
def test_every_rule_and_every_setting_stands_in_the_docs(name: str) -> None:
    section = re.split(r"^## ", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    its = next(part for part in section if part.startswith(f"`{name}`"))
    for word in ("Fires", "Resolves"):
        assert word in its
    for key in catalog()[name].settings.model_fields:
        assert f"`{key}`" in its


def test_every_reason_stands_in_the_docs() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert [why for why in Why if f"`{why}`" not in text] == []


@pytest.mark.parametrize("name", sorted(catalog()))
def test_every_setting_says_what_it_is(name: str) -> None:
    for key, field in settings_models()[name].model_fields.items():
        assert field.description, f"{name}.{key}"


@pytest.mark.parametrize(
    ("rule", "key", "value", "said"),
    [
        ("nope", "a", 1, "no rule 'nope'; the known ones are app_asleep, battery_low, both_away, broker_disk"),
        ("missed_checkpoint", "later_s", 1, "has no setting 'later_s'; the known ones are early_s, late_s"),
        ("missed_checkpoint", "late_s", -1, "late_s = -1 cannot be used: .* seconds after its window"),
        ("sos", "limit_s", 1, "the known ones are none"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_in_words(rule: str, key: str, value: int, said: str) -> None:
    with pytest.raises(SettingRefused, match=said):
        require_setting(rule, key, value, models=settings_models())


def test_settings_hold_from_their_date_on(caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        SettingRow(rule="missed_checkpoint", key="late_s", value=60, valid_from=at(0), valid_to=at(10)),
        SettingRow(rule="missed_checkpoint", key="late_s", value=90, valid_from=at(10)),
        SettingRow(rule="missed_checkpoint", key="late_s", value="soon", valid_from=at(20)),
    ]
    with caplog.at_level(logging.WARNING):
        book = SettingsBook(rows, models=settings_models())
    assert [book.at("missed_checkpoint", Settings, at(minute)).late_s for minute in (-1, 0, 9, 10, 30)] == [
        300,
        60,
        60,
        90,
        90,
    ]
    assert "'soon' cannot be used" in caplog.text


def test_grades_can_be_set_as_json_has_them() -> None:
    book = settings(missed_checkpoint={"severity_by_grade": {"4": "high"}})
    assert book.at("missed_checkpoint", Settings, at(0)).severity_by_grade == {4: Severity.HIGH}
