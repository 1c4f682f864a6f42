"""`gengfu report patrol` and `gengfu town grade`, on a real database."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from ingest.database import connect
from ingest.migrate import migrate
from ops.commands import report, town
from ops.errors import OpsError
from tests.integration.http_site import SITE

DAY = ["--from", "2026-11-20", "--to", "2026-11-21"]


@pytest.fixture
def site(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    async def make() -> None:
        await migrate(database_url)
        async with await connect(database_url, name="test") as connection:
            from ingest.engines import choose_engine

            await (await choose_engine(connection, wish="auto")).ensure_schema(connection)

    asyncio.run(make())
    monkeypatch.setenv("GENGFU_DATABASE_URL", database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SITE.encode())
        connection.execute("UPDATE unit SET name = '<b>one</b>' WHERE code = 'U1'")
        for number, (unit, grid, verdict) in enumerate(
            [("U1", "B1", "met"), ("U1", "B1", "met"), ("U1", "B1", "missed"), ("U2", "B2", "waived")]
        ):
            connection.execute(
                "INSERT INTO duty "
                "(rule, key, subject, unit, grid, opens_at, due_at, settles_at, final_at, state, verdict) "
                "VALUES ('missed_checkpoint', %s, 'K1', %s, %s, '2026-11-20T02:00Z', '2026-11-20T03:00Z', "
                "'2026-11-20T03:05Z', '2026-11-23T03:00Z', 'final', %s)",
                (f"r{number}", unit, grid, verdict),
            )
        yield connection


def patrol(*words: str) -> str:
    result = CliRunner().invoke(report.app, ["patrol", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("site")
def test_the_table_the_spreadsheet_and_the_programs_say_the_same() -> None:
    table = patrol(*DAY, "--by", "unit")
    assert "66.7% (2/3)" in table
    rows = list(csv.DictReader(io.StringIO(patrol(*DAY, "--by", "unit", "--csv"))))
    assert [(row["key"], row["met"], row["missed"], row["waived"], row["arrival"]) for row in rows] == [
        ("U1", "2", "1", "0", "0.6667"),
        ("U2", "0", "0", "1", ""),
        ("", "2", "1", "1", "0.6667"),
    ]
    said = json.loads(patrol(*DAY, "--by", "unit", "--json"))
    assert [row["total"] for row in said["duties"]] == [3, 1, 4]
    assert said["duties"][1]["arrival"] is None
    assert [row["grid"] for row in said["presence"]] == ["B1", "B2"]
    assert said["from"] == "2026-11-19T16:00:00+00:00", "a date begins at the site's midnight"


@pytest.mark.usefixtures("site")
def test_an_empty_span_says_so() -> None:
    said = patrol("--from", "2026-01-01", "--to", "2026-01-02")
    assert "2026-01-01 00:00 to 2026-01-02 00:00 (Asia/Shanghai)" in said
    assert "no duty of the patrol opened in this span" in said
    assert "presence: no whole hour of this span has been rolled up yet" in said


@pytest.mark.usefixtures("site")
def test_the_page_holds_everything_and_runs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    assert f"written to {file}" in patrol(*DAY, "--by", "unit", "--html", str(file)).replace("\n", "")
    page = file.read_text(encoding="utf-8")
    assert "66.7% (2/3)" in page
    assert "&lt;b&gt;one&lt;/b&gt;" in page
    assert "<b>one</b>" not in page
    assert "<script" not in page
    assert "http" not in page.replace("<!doctype html>", "").replace("<html", "").replace("</html", "")


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "yesterday"], "--from 'yesterday' is no time"),
        (["--from", "2026-11-21", "--to", "2026-11-20"], "before it begins"),
        (["--from", "2024-01-01", "--to", "2026-11-20"], "ask for at most 400"),
        ([*DAY, "--html", "/nowhere/at/all.html"], "name another file with --html"),
    ],
)
def test_what_cannot_be_reported_is_said_in_a_sentence(words: list[str], said: str) -> None:
    with pytest.raises(OpsError, match=said):
        patrol(*words)


def test_a_grade_from_the_command_line_is_dated_and_recorded(site: psycopg.Connection) -> None:
    runner = CliRunner()
    words = ["grade", "B1", "4", "--from", "2026-11-01", "--note", "market fair"]
    assert "grid B1 has grade 4" in runner.invoke(town.app, words, catch_exceptions=False).output
    assert "had grade 4 already" in runner.invoke(town.app, words, catch_exceptions=False).output
    versions = site.execute("SELECT grade, valid_from::text FROM grid WHERE code = 'B1' ORDER BY valid_from").fetchall()
    assert [grade for grade, _ in versions] == [2, 4]
    (actor, detail) = site.execute("SELECT actor, detail FROM audit WHERE action = 'grid.change'").fetchall()[0]
    assert (actor, detail["note"], detail["changed"]["grade"]) == (
        "gengfu town grade",
        "market fair",
        {"from": ["2"], "to": 4},
    )
    with pytest.raises(OpsError, match="there was no grid B9"):
        runner.invoke(town.app, ["grade", "B9", "1"], catch_exceptions=False)
