"""Secrets from files, as containers get them."""

import os
from pathlib import Path

import pytest

from ops.errors import SettingsError
from ops.settings import load, secret_files, value_of


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("GENGFU_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_secret_has_a_variable_for_its_file() -> None:
    assert secret_files() == {
        "GENGFU_BROKER_SECRET_FILE": "broker.secret",
        "GENGFU_DATABASE_URL_FILE": "database.url",
    }


def test_a_secret_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "database_url"
    file.write_text("postgresql://me:secret@there/db\n")
    monkeypatch.setenv("GENGFU_DATABASE_URL_FILE", str(file))
    monkeypatch.setenv("GENGFU_BROKER_URL", "mqtt://there")
    loaded = load()
    assert value_of(loaded.settings, "database.url", masked=False) == "postgresql://me:secret@there/db"
    assert loaded.origins["database.url"] == f"{file} (GENGFU_DATABASE_URL_FILE)"
    assert loaded.origins["broker.url"] == "environment GENGFU_BROKER_URL"


def test_what_is_given_by_hand_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file")
    monkeypatch.setenv("GENGFU_BROKER_SECRET_FILE", str(file))
    settings = load(overrides=["broker.secret=by hand"]).settings
    assert value_of(settings, "broker.secret", masked=False) == "by hand"


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot read .*nowhere"), (" \n", "is empty"), (b"\xff", "cannot")]
)
def test_a_file_that_gives_no_secret_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | bytes | None, message: str
) -> None:
    file = tmp_path / "nowhere"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.setenv("GENGFU_BROKER_SECRET_FILE", str(file))
    with pytest.raises(SettingsError, match=message):
        load()


def test_a_secret_comes_from_one_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENGFU_BROKER_SECRET", "x")
    monkeypatch.setenv("GENGFU_BROKER_SECRET_FILE", str(tmp_path / "y"))
    with pytest.raises(SettingsError, match="both GENGFU_BROKER_SECRET and GENGFU_BROKER_SECRET_FILE are set"):
        load()


def test_other_settings_have_no_such_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENGFU_HTTP_PORT_FILE", "/x")
    with pytest.raises(SettingsError, match=r"GENGFU_HTTP_PORT_FILE .* is no setting"):
        load()
