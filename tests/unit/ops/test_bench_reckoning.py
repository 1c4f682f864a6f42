import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ops.bench import CASES, BenchError, cpu, matrix
from ops.bench.figures import Figures, reckon_ledger, rounded, trend
from ops.bench.given import read_accounts
from ops.bench.machine import file_system
from ops.bench.report import bar, show_case, show_matrix

ABOUT = {
    "machine": {"cpus": 2, "processor": "x", "memory_mb": 8000, "file_system": "ext4", "load_average": 0.1},
    "versions": {"mosquitto": "2.0.11", "postgresql": "18.6"},
    "config": {"postgresql": {"fsync": "on"}, "ingest": {"batch_readings": 2000}, "world": {"grids": 54}, "broker": {}},
}


BLANK = Figures(
    case="standard",
    broker="mosquitto",
    engine="native",
    devices=1000,
    workers=1,
    seq=False,
    rows_before=0,
    seconds=30.0,
)


def figures(**values: Any) -> Figures:
    return replace(BLANK, cpu_s_per_million=values.pop("cpu_s_per_million", {}), growth=[], **values)


def test_the_ratio_is_of_the_lesser_limit() -> None:
    one = figures(committed_per_s=45_000.0, limit_session_per_s=60_000.0, limit_copy_per_s=150_000.0)
    one.reckon_ratio()
    assert one.ratio_to_limit == 0.75
    assert one.line()["ratio_to_limit"] == 0.75


def test_without_limits_there_is_no_ratio() -> None:
    one = figures(committed_per_s=45_000.0)
    one.reckon_ratio()
    assert "ratio_to_limit" not in one.line()


@pytest.mark.parametrize(
    ("sent", "counted", "rows", "lost", "doubled", "whole"),
    [
        (100, {"stored": 100, "repeated": 0, "other": 0}, 100, 0, 0, True),
        (100, {"stored": 100, "repeated": 7, "other": 0}, 100, 0, 0, True),
        (100, {"stored": 97, "repeated": 0, "other": 0}, 97, 3, 0, False),
        (100, {"stored": 90, "repeated": 0, "other": 10}, 90, 0, 0, False),
        (100, {"stored": 100, "repeated": 0, "other": 0}, 98, 2, 0, False),
        (100, {"stored": 103, "repeated": 0, "other": 0}, 103, 0, 3, False),
    ],
)
def test_the_ledger_says_what_is_missing(
    sent: int, counted: dict[str, int], rows: int, lost: int, doubled: int, whole: bool
) -> None:
    one = figures()
    reckon_ledger(one, sent=sent, counted=counted, rows=rows)
    assert (one.lost, one.doubled, one.whole) == (lost, doubled, whole)


def test_a_line_names_the_costs_by_party_and_leaves_out_what_was_not_seen() -> None:
    line = figures(committed_per_s=45_123.4, cpu_s_per_million={"ingest": 5.12345}).line()
    assert line["committed_per_s"] == 45_123
    assert line["ingest_cpu_s_per_million"] == 5.123
    assert "broker_cpu_s_per_million" not in line
    assert "p99_ms" not in line


def test_steps_of_a_growing_table_add_up() -> None:
    whole = figures()
    for rows in (0, 2_000_000):
        whole.add_step(
            rows, figures(committed_per_s=1.0, cpu_s_per_million={"ingest": 5.0}, sent=10, stored=10, rows=10)
        )
    assert (whole.sent, whole.rows, len(whole.growth)) == (20, 20, 2)
    assert whole.whole


def test_growth_is_the_last_to_the_first_and_the_slope_between_filled_tables() -> None:
    whole = figures()
    for rows, ingest, postgres in ((0, 4.0, 4.0), (2_000_000, 4.0, 5.0), (4_000_000, 5.0, 5.0)):
        whole.add_step(rows, figures(cpu_s_per_million={"ingest": ingest, "postgres": postgres}))
    assert whole.growth_ratio == pytest.approx(10 / 8)
    assert whole.growth_per_million == pytest.approx(0.5)
    assert whole.line()["growth"][1] == {
        "rows": 2_000_000,
        "committed_per_s": 0.0,
        "ingest_cpu_s_per_million": 4.0,
        "postgres_cpu_s_per_million": 5.0,
    }


def test_trend_is_the_line_through_the_points() -> None:
    assert trend([(2, 7.0), (4, 8.0), (6, 9.0)]) == pytest.approx((6.0, 0.5))
    assert trend([(2, 7.0)]) == (7.0, 0.0)
    assert trend([]) == (0.0, 0.0)


def test_rounding_keeps_what_a_figure_is_good_for() -> None:
    assert rounded([{"a": 1234.5678}, 0.123456, 7, "x", True]) == [{"a": 1235}, 0.123, 7, "x", True]


def test_bars() -> None:
    assert len(bar(50, 100, width=10)) == 5
    assert len(bar(0.001, 100, width=10)) == 1
    assert len(bar(200, 100, width=10)) == 10
    assert bar(0, 100) == bar(5, 0) == ""


def test_the_matrix_has_every_combination_once() -> None:
    cases = matrix()
    assert len(cases) == len({case.name for case in cases}) == 2 * 3 * 3 * 2
    assert {case.workers for case in cases} == {1, 2, 4}
    assert {case.rows for case in cases} == {0, 10_000_000}
    assert [case.rows for case in cases] == sorted(case.rows for case in cases)
    assert {case.workers for case in matrix(share=False)} == {1}


def test_the_standard_case_fits_into_two_minutes() -> None:
    from ops.bench.case import LIMIT_S, PACED_S, WARM_S

    assert LIMIT_S + CASES["standard"].seconds + PACED_S + 3 * WARM_S <= 70  # the rest is for starting, draining, COPY


def test_cpu_of_a_tree_counts_children_that_have_ended() -> None:
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
    script = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\nprint('done', flush=True)\ninput()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"done\n"
        assert cpu.of_tree(process.pid) >= 0.25
        assert cpu.peak_memory_mb(process.pid) > 1
        process.communicate(b"\n")
    with pytest.raises(BenchError, match="is gone"):
        cpu.of_tree(process.pid)


def test_cpu_of_a_control_group(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n", encoding="ascii")
    clock = cpu.clock_of(cgroup=tmp_path)
    assert clock is not None
    assert clock() == 2.5
    with pytest.raises(BenchError, match="control group"):
        cpu.of_cgroup(tmp_path / "none")


def test_what_is_not_seen_is_left_out() -> None:
    before = cpu.read_all({"own": cpu.clock_of(pids=(os.getpid(),)), "far": cpu.clock_of()})
    assert set(before) == {"own"}
    assert cpu.per_million({"a": 1.0}, {"a": 3.0, "b": 9.0}, messages=500_000) == {"a": 4.0}
    assert cpu.per_million({"a": 1.0}, {"a": 3.0}, messages=0) == {}


def test_people_see_every_figure() -> None:
    whole = figures(
        committed_per_s=45_000.0,
        limit_session_per_s=60_000.0,
        limit_copy_per_s=150_000.0,
        limit_copy_by="psql",
        cpu_s_per_million={"ingest": 5.1, "broker": 13.0},
        p50_ms=68.0,
        p99_ms=122.0,
        paced_per_s=5000.0,
        latency_by="commit times",
        sent=10,
        rows=9,
        lost=1,
    )
    whole.reckon_ratio()
    out = io.StringIO()
    show_case(Console(file=out, width=160), whole, ABOUT, says="words")
    show_matrix(Console(file=out, width=160), [whole])
    text = out.getvalue()
    for word in ("45,000 /s", "0.75", "5.1", "68.0 / 122 ms", "NOT WHOLE", "2.0.11", "fsync on", "54 grids"):
        assert word in text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("user,password\na,b\n", "at least 2"), ("name,secret\na,b\nc,d\n", "no column 'user'"), (None, "cannot read")],
)
def test_accounts_that_cannot_be_used(tmp_path: Path, text: str | None, complaint: str) -> None:
    file = tmp_path / "accounts.csv"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(BenchError, match=complaint):
        read_accounts(file)


def test_accounts_get_client_ids_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("user,password\na,b\nc,d\n", encoding="utf-8")
    accounts = read_accounts(file)
    assert [(one.username, one.password) for one in accounts] == [("a", "b"), ("c", "d")]
    assert len({one.client_id for one in accounts}) == 2


def test_file_system_is_named(tmp_path: Path) -> None:
    assert file_system(tmp_path)
    assert file_system(Path("/proc/self")) == "proc"
