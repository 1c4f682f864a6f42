"""A back-test as sentence, tables, JSON and picture."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from ops.backtest_chart import chart, write_chart
from ops.backtest_report import as_json, show
from ops.errors import OpsError
from rules.backtest import Raised, Result, Told
from rules.core.fixes import Span

START = datetime(2026, 11, 1, 16, tzinfo=UTC)  # midnight in Shanghai
SVG = "{http://www.w3.org/2000/svg}"


def raised(day: int, subject: str = "C-1", *, device: str | None = "H-07", ended: str = "standing") -> Raised:
    return Raised(
        fingerprint=f"missed_checkpoint:{day}:{subject}",
        at=START + timedelta(days=day, hours=3),
        class_="missed",
        severity="warning",
        title="missed <C-1>",
        subject=subject,
        unit="U-1",
        device=device,
        ended=ended,
    )


def told(it: Raised) -> Told:
    return Told(
        fingerprint=it.fingerprint, at=it.at, class_=it.class_, severity="warning", title=it.title, subject=it.subject
    )


def result(*here: Raised, fact: tuple[Raised, ...] = (), days: int = 30) -> Result:
    return Result(
        rule="missed_checkpoint",
        title="Missed checkpoint",
        span=Span(START, START + timedelta(days=days)),
        zone="Asia/Shanghai",
        changes={"late_s": 600},
        judged=7440,
        judged_what="duties",
        raised=here,
        in_fact=[told(it) for it in fact],
        verdicts={"met": 7400, "missed": 40},
        stored={"met": 7390, "missed": 50},
        differing=[("missed_checkpoint/a", "missed", "late")],
        remarks=["a remark"],
    )


def shown(of: Result) -> str:
    out = io.StringIO()
    show(of, console=Console(file=out, width=200))
    return out.getvalue()


def test_the_sentence_names_whoever_most_of_them_are_about() -> None:
    many = [raised(day) for day in range(20)] + [raised(day, device="H-08") for day in range(5)]
    assert result(*many).sentence() == "25 times, 20 on H-07"
    assert result(raised(1)).sentence() == "once"
    assert result().sentence() == "never"
    assert result(raised(1, device=None), raised(2, device=None)).sentence() == "2 times, 2 on U-1"


def test_days_are_those_of_the_site_and_empty_ones_are_there() -> None:
    by_day = result(raised(0), raised(29)).by_time([raised(0), raised(29)])
    assert len(by_day) == 30
    assert (by_day["2026-11-02"], by_day["2026-11-03"], by_day["2026-12-01"]) == (1, 0, 1)
    assert result(days=2).step == "hour"


def test_what_was_raised_in_fact_stands_beside() -> None:
    of = result(raised(1), raised(2), fact=(raised(2), raised(3)))
    assert of.both() == (1, 1, 1)
    text = shown(of)
    assert "would have been raised 2 times, 2 on H-07; in fact 2 times" in text
    assert "the same alerts: 1; only here: 1; only in fact: 1" in text
    assert "late_s = 600" in text
    assert "a remark" in text
    assert "missed_checkpoint/a: stored missed, here late" in text


def test_json_has_everything() -> None:
    line = json.loads(json.dumps(as_json(result(raised(1), fact=(raised(1),)))))
    assert (line["times"], line["in_fact"], line["both"]) == (1, 1, 1)
    assert line["by_day"]["2026-11-03"] == line["in_fact_by_day"]["2026-11-03"] == 1
    assert line["by_device"] == {"H-07": 1}
    assert line["raised"][0]["ended"] == "standing"


def test_the_picture_has_a_bar_for_each_day_and_subject(tmp_path: Path) -> None:
    of = result(*(raised(day, device=f"H-0{day % 9}") for day in range(18)), fact=(raised(2),))
    root = ET.fromstring(chart(of))  # noqa: S314  our own
    titles = [it.text or "" for it in root.iter(f"{SVG}title")]
    assert sum(int(title.rpartition(": ")[2]) for title in titles) == 18
    assert any(title.startswith("others") for title in titles)
    assert len(list(root.iter(f"{SVG}circle"))) == 2  # one day in fact, and the legend's
    write_chart(of, tmp_path / "a.html")
    assert "<svg" in (tmp_path / "a.html").read_text()


def test_an_empty_picture_is_one_too() -> None:
    assert "never" in chart(result())


@pytest.mark.parametrize(("name", "said"), [("a.png", "must end with .svg"), ("no/where/a.svg", "there is no folder")])
def test_files_that_cannot_be_drawn(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(OpsError, match=said):
        write_chart(result(), tmp_path / name)
