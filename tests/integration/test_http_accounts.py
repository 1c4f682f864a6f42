"""`gengfu user`: as a stranger uses it, with what it says when something is wrong."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from ingest.migrate import migrate
from ops.cli import main
from ops.http.passwords import Passwords

Gengfu = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gengfu(database_url: str, capsys: pytest.CaptureFixture[str]) -> Gengfu:
    asyncio.run(migrate(database_url))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO grid (code, name, level, geometry) VALUES ('C1', 'one', 2, '{}')")
        connection.execute("INSERT INTO unit (code, name, kind) VALUES ('U1', 'unit', 'foot')")

    def run(*words: str) -> tuple[int, str, str]:
        try:
            main(["user", *words, "--set", f"database.url={database_url}"])
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return run


def stored(database_url: str, name: str) -> str:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT password FROM account WHERE name = %s", (name,)).fetchone()
    assert row
    return str(row[0])


async def fits(password: str, hashed: str) -> bool:
    return await Passwords().verify(password, hashed)


def test_a_password_is_made_and_shown_once(gengfu: Gengfu, database_url: str) -> None:
    status, out, err = gengfu("add", "zhang", "--role", "officer", "--scope", "C1")
    assert status == 0, err
    password = out.strip()
    assert len(password) == 16
    hashed = stored(database_url, "zhang")
    assert password not in hashed
    assert asyncio.run(fits(password, hashed))
    status, out, _ = gengfu("list", "--json")
    (one,) = json.loads(out)
    assert (one["name"], one["role"], one["scope"], one["closed_at"]) == ("zhang", "officer", "C1", None)
    assert "password" not in one


def test_a_password_is_read_from_a_file(gengfu: Gengfu, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "word"
    file.write_text("更夫更夫更夫更夫\nnot this\n", encoding="utf-8")
    status, out, err = gengfu("add", "li", "--role", "crew", "--password-file", str(file))
    assert (status, out) == (0, ""), err
    assert asyncio.run(fits("更夫更夫更夫更夫", stored(database_url, "li")))
    status, out, err = gengfu("password", "li")
    assert status == 0, err
    assert asyncio.run(fits(out.strip(), stored(database_url, "li")))


def test_accounts_are_changed_and_closed(gengfu: Gengfu) -> None:
    assert gengfu("add", "wang", "--role", "officer", "--scope", "C1")[0] == 0
    assert gengfu("change", "wang", "--role", "patrol", "--unit", "U1", "--whole-site")[0] == 0
    (one,) = json.loads(gengfu("list", "--json")[1])
    assert (one["role"], one["scope"], one["unit"]) == ("patrol", None, "U1")
    assert gengfu("close", "wang")[0] == 0
    assert gengfu("close", "wang")[0] == 0
    (one,) = json.loads(gengfu("list", "--json")[1])
    assert one["closed_at"]
    status, _, err = gengfu("password", "wang")
    assert status == 1
    assert "was closed" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "a", "--role", "king"), "officer, crew, patrol, leader, admin, auditor"),
        (("add", "a", "--role", "officer", "--scope", "C9"), "there are such as C1"),
        (("add", "a", "--role", "patrol", "--unit", "U9"), "there are such as U1"),
        (("add", "a", "--role", "patrol"), "--unit"),
        (("add", "a b", "--role", "crew"), "without spaces"),
        (("add", "known", "--role", "crew"), "already"),
        (("add", "a", "--role", "crew", "--password-file", "/nowhere"), "/nowhere"),
        (("close", "nobody"), "there are: known"),
        (("password", "nobody"), "there are: known"),
        (("change", "nobody", "--role", "crew"), "there are: known"),
    ],
)
def test_what_is_wrong_is_said_with_what_there_is(gengfu: Gengfu, words: tuple[str, ...], said: str) -> None:
    assert gengfu("add", "known", "--role", "crew")[0] == 0
    status, out, err = gengfu(*words)
    assert status == 1
    assert said in err
    assert out == ""


def test_a_short_password_is_refused(gengfu: Gengfu, tmp_path: Path) -> None:
    file = tmp_path / "word"
    file.write_text("short\n", encoding="utf-8")
    status, _, err = gengfu("add", "a", "--role", "crew", "--password-file", str(file))
    assert status == 1
    assert "8" in err


def test_nothing_to_change_is_wrong_use(gengfu: Gengfu) -> None:
    assert gengfu("change", "a")[0] == 2
    assert gengfu("change", "a", "--scope", "C1", "--whole-site")[0] == 2
