"""`gengfu town check` and `gengfu town sample` as a person and as a program meet them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.commands.town import app
from ops.town.errors import TownError
from tests.unit.ops.small_town import edit_csv, write_small_town

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_town(tmp_path / "town")


def test_a_sound_town_is_0(folder: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(folder)])
    assert result.exit_code == 0
    assert "0 errors, 0 warnings, 0 info: the town can be imported" in result.output
    work = {line.split("  ")[0]: line.split() for line in result.output.splitlines()}
    assert (work["checkpoints"][1:3], work["checkpoints"][-1]) == (["3", "0.75"], "0.25"), "three over four base grids"
    assert work["road km"][-1] == "0.00", "the road runs as far through each of them"


def test_errors_are_1_and_shown_by_file(folder: Path) -> None:
    edit_csv(folder, "posts.csv", "leader", "boss")
    edit_csv(folder, "units.csv", "V-1,一号车", "V-2,[bold]车")
    result = CliRunner().invoke(app, ["check", str(folder)])
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines.index("posts.csv") < lines.index("units.csv") < lines.index("custody.csv")
    assert any("row 4 (code L-1)" in line and 'has the role "boss"' in line for line in lines)
    assert lines[-1] == "2 errors, 1 warning, 0 info: the town cannot be imported yet"


def test_json_is_one_finding_a_line(folder: Path) -> None:
    edit_csv(folder, "posts.csv", "leader", "boss")
    result = CliRunner().invoke(app, ["check", "--json", str(folder)])
    assert result.exit_code == 1
    assert [json.loads(line) for line in result.output.splitlines()] == [
        {
            "severity": "error",
            "file": "posts.csv",
            "where": "row 4 (code L-1)",
            "what": 'has the role "boss"',
            "remedy": "role is one of: patrol, leader, duty_officer, crew, grid_officer",
        }
    ]


def test_a_folder_that_is_not_there_is_1(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(tmp_path / "nowhere")])
    assert result.exit_code == 1
    assert "No such file or directory" in result.output


def test_sample_and_check(tmp_path: Path) -> None:
    target = str(tmp_path / "mine")
    assert CliRunner().invoke(app, ["sample", target]).exit_code == 0
    assert CliRunner().invoke(app, ["check", target]).exit_code == 0
    assert isinstance(CliRunner().invoke(app, ["sample", target]).exception, TownError)


def test_the_reference_names_every_file_property_and_word() -> None:
    from ops.town import model, reader

    page = (ROOT / "docs" / "reference" / "town-files.md").read_text(encoding="utf-8")
    words = [*reader.REQUIRED, *reader.OPTIONAL]
    for choices in ("CHECKPOINT_KINDS", "HYDRANT_TYPES", "POST_ROLES", "UNIT_KINDS", "DEVICE_KINDS", "EQUIPMENT_KINDS"):
        words += getattr(model, choices)
    for record in (
        model.Checkpoint,
        model.Hydrant,
        model.Post,
        model.Unit,
        model.Device,
        model.Equipment,
        model.Shift,
        model.GridPost,
        model.GradePolicy,
        model.Holiday,
        model.Route,
    ):
        words += record.__dataclass_fields__
    missing = [word for word in words if f"`{word}`" not in page]
    assert missing == []
