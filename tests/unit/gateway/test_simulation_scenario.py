"""Scenario files: what is shipped can be read, and every slip is named."""

from pathlib import Path

import pytest

from gateway.errors import ScenarioError
from gateway.simulation import Scenario, load_scenario, shipped
from gateway.simulation.scenario import parse_scenario
from gateway.simulation.times import seconds
from tests.unit.gateway.simulated_town import plan


def test_all_shipped_scenarios_can_be_read() -> None:
    assert set(shipped()) >= {"calm", "one-night", "taken-home"}
    for name in shipped():
        assert load_scenario(name).title
    assert load_scenario("calm").length is None
    assert load_scenario("one-night").length == 8100


def test_the_guide_names_every_scenario_and_every_event() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "how-to" / "simulate.md").read_text(encoding="utf-8")
    assert [it for it in shipped() if f"`{it}`" not in guide] == []
    tables = [key for key, field in Scenario.model_fields.items() if str(field.annotation).startswith("list[")]
    assert len(tables) == 10
    assert [it for it in tables if f"`[[{it}]]`" not in guide] == []


def test_a_file_can_be_given(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('title = "mine"\n[report_interval]\nhandset = "20s"\n')
    scenario = load_scenario(str(file))
    assert (scenario.interval_s("handset"), scenario.interval_s("vehicle")) == (20, 10)


@pytest.mark.parametrize(
    ("text", "said"),
    [("1h20m", 4800), ("40m", 2400), ("90s", 90), ("1h", 3600), ("2h5s", 7205), ("0s", 0)],
)
def test_durations(text: str, said: float) -> None:
    assert seconds(text) == said


@pytest.mark.parametrize("text", ["", "5", 5, "5 minutes", "m", "-3m", None, "20m1h"])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="such as 1h20m"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = ", "is no TOML"),
        ('tite = "x"', "tite: there is no such key"),
        ('[[incidents]]\nat = "1m"\nafer = "2m"', "incidents 1.afer: there is no such key"),
        ('[[sos]]\ndevice = "X"', "sos 1: give at, every, or both"),
        ('[[sos]]\nat = "soon"', "sos 1.at: must be a duration such as 1h20m, 40m or 90s"),
        ('[[silences]]\nat = "1m"', "silences 1.for: Field required"),
        ('[[silences]]\nat = "1m"\nfor = "1m"\nunit = "a"\ndevice = "b"', "give device or unit, not both"),
        ('detours = [{ at = "1m", for = "2m", to = "K-1", far = 9 }]', "detours 1: give to or far, not both"),
        ('tricks = [{ at = "1m", for = "2m", how = "magic" }]', "tricks 1.how:"),
        ("[[skips]]\nunit = 'F'", "skips 1: give either checkpoints, points or lines"),
        ('[report_interval]\nphone = "1s"', "report_interval names phone; kinds are handset"),
        ("[gps]\nsigma_m = -1", "gps.sigma_m: Input should be greater than or equal to 0"),
    ],
)
def test_every_slip_is_named(text: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, name="mine.toml")
    assert "mine.toml" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('sos = [{ device = "HS-9", at = "1m" }]', "sos 1.device: there is no device HS-9"),
        ('silences = [{ unit = "F-9", at = "1m", for = "1m" }]', "silences 1.unit: there is no unit F-9"),
        ('incidents = [{ at = "1m", after = "1m", answered_by = "F-1" }]', "there is no vehicle F-1"),
        ('incidents = [{ at = "1m", place = "K-9" }]', "incidents 1.place: there is no checkpoint K-9"),
        ('skips = [{ checkpoints = ["K-1", "K-8"] }]', "skips 1.checkpoints: there is no checkpoint K-8"),
        ('knocks = [{ thing = "HY-2", at = "1m", for = "1m" }]', "there is no equipment with a tag HY-2"),
        ('skips = [{ lines = ["L-9"] }]', "skips 1.lines: there is no line L-9"),
        ('detours = [{ at = "1m", for = "2m", unit = "F-9" }]', "detours 1.unit: there is no unit F-9"),
        ('detours = [{ at = "1m", for = "2m", to = "K-9" }]', "detours 1.to: there is no checkpoint K-9"),
        ('tricks = [{ at = "1m", for = "2m", how = "mock", device = "X" }]', "tricks 1.device: there is no device X"),
        ('flats = [{ at = "1m", for = "2m", unit = "CAR-1" }]', "flats 1.unit: there is no electric unit CAR-1"),
        ('leaves = [{ for = "2m", post = "P-9" }]', "leaves 1.post: there is no post P-9"),
        ('shifts = { only = ["late"] }', "shifts.only: there is no shift late"),
    ],
)
def test_names_must_be_the_towns(text: str, said: str) -> None:
    with pytest.raises(ScenarioError, match="does not fit the town") as caught:
        plan(text)
    assert said in str(caught.value)


def test_an_unknown_scenario_is_answered_with_those_there_are() -> None:
    with pytest.raises(ScenarioError, match=r"there are app-asleep, both-away, calm, .*, or give the path"):
        load_scenario("wild")
    with pytest.raises(ScenarioError, match=r"wild\.toml cannot be read: No such file"):
        load_scenario("wild.toml")
