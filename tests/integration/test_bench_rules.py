"""`gengfu bench rules` on small numbers: every duty gets its verdict, and nothing is left behind."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import processes_of

RULES = [sys.executable, "-m", "ops.cli", "bench", "rules"]


def measured(*options: str, place: Path) -> dict[str, Any]:
    done = subprocess.run(
        [*RULES, "--json", "--dir", str(place), *options], capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stderr
    assert processes_of(place) == []
    assert list(place.iterdir()) == []
    line: dict[str, Any] = json.loads(done.stdout)
    return line


def test_a_towns_duties_are_all_judged(tmp_path: Path) -> None:
    line = measured("--case", "towns", "--towns", "1", place=tmp_path)
    assert line["1_town:_duties"] == 1000
    assert sum(line["verdicts"].values()) == 1000
    # One unit in twenty goes round a point, one in twenty is out of sight for a while.
    assert (line["verdicts"]["missed"], line["verdicts"]["in_doubt"]) == (5, 10)
    for figure in ("planning", "judging", "final"):
        assert line[f"1_town:_{figure}"] > 0


def test_windows_that_settle_get_their_verdicts_from_a_worker(tmp_path: Path) -> None:
    line = measured("--case", "second", "--windows", "50", place=tmp_path)
    assert line["duties"] == sum(line["verdicts"].values()) == 50
    assert 0 < line["settling_to_verdict_p50"] <= line["settling_to_verdict_at_most"]


@pytest.mark.parametrize("options", [("--case", "nonsense"), ("--towns", "0")])
def test_what_cannot_be_measured_is_said(options: tuple[str, str]) -> None:
    done = subprocess.run([*RULES, *options], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
