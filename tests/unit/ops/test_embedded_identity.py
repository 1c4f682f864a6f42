"""As whom PostgreSQL may run with which folder."""

import os
import pwd
from pathlib import Path

import pytest

from ops.embedded import PrivilegeError
from ops.embedded.identity import SELF, candidates, closed_folder, may_enter, refused

STRANGER = 54321
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that everybody may enter, with all folders above it."""
    for step in (tmp_path, *tmp_path.parents):
        if not may_enter(step, uid=STRANGER, gid=STRANGER) and step.stat().st_uid == os.geteuid():
            step.chmod(0o755)
    return tmp_path


def test_the_closed_folder_on_the_way_is_named(open_folder: Path) -> None:
    inner = open_folder / "closed" / "inner"
    inner.mkdir(parents=True)
    assert may_enter(inner, uid=STRANGER, gid=STRANGER)
    (open_folder / "closed").chmod(0o700)
    assert closed_folder(inner, uid=STRANGER, gid=STRANGER) == (open_folder / "closed").resolve()
    assert may_enter(inner, uid=os.geteuid(), gid=os.getegid())


def test_an_ordinary_user_runs_it_himself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    assert candidates(tmp_path / "postgres") == [SELF]


def test_an_ordinary_user_is_told_whose_data_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    (tmp_path / "postgres").mkdir()
    with pytest.raises(
        PrivilegeError, match=rf"belongs to {owner}, and this process runs as user {STRANGER}; start gengfu as"
    ):
        candidates(tmp_path / "postgres")


@needs_root
def test_root_drops_to_an_account_where_it_may_enter_and_else_looks_like_one(open_folder: Path) -> None:
    assert [identity.kind for identity in candidates(open_folder / "postgres")] == ["account", "namespace"]
    open_folder.chmod(0o700)
    assert [identity.kind for identity in candidates(open_folder / "postgres")] == ["namespace"]


@needs_root
def test_the_owner_of_existing_data_decides(open_folder: Path) -> None:
    data = open_folder / "postgres"
    data.mkdir()
    assert [identity.kind for identity in candidates(data)] == ["namespace"]
    os.chown(data, STRANGER, STRANGER)
    assert [identity.word for identity in candidates(data)] == [f"account:{STRANGER}:{STRANGER}"]
    open_folder.chmod(0o700)
    with pytest.raises(PrivilegeError, match=rf"{open_folder.name} is closed to that user; open it \(chmod o\+x"):
        candidates(data)


def test_when_nothing_worked_a_place_that_would_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    message = str(refused(tmp_path / "postgres", ["in a user namespace: not permitted"]))
    assert "is closed to other users (in a user namespace: not permitted)" in message
    assert "--dir /var/lib/gengfu" in message
