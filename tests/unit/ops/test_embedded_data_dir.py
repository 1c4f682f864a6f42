"""The data folder: what is refused, and with which words."""

import os
from pathlib import Path

import pytest

from ops.embedded import DataDir, DataDirError, DataDirLockedError


def test_a_new_folder_is_made_and_marked(tmp_path: Path) -> None:
    with DataDir(tmp_path / "deep" / "folder") as folder:
        assert (folder.path / "gengfu.lock").read_text() == f"{os.getpid()}\n"
        assert folder.secrets.stat().st_mode & 0o777 == 0o700
        assert folder.log.stat().st_mode & 0o777 == 0o700


def test_it_can_be_taken_again_after_release(tmp_path: Path) -> None:
    folder = DataDir(tmp_path / "d")
    with folder:
        (folder.path / "anything").touch()
    with DataDir(tmp_path / "d") as again:
        assert (again.path / "anything").exists()


def test_two_at_once_collide_and_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with DataDir(tmp_path / "d"):
        with pytest.raises(
            DataDirLockedError, match=rf"another gengfu \(process {os.getpid()}\).*kill {os.getpid()}.*--dir"
        ):
            DataDir(tmp_path / "d").__enter__()
        assert (tmp_path / "d" / "gengfu.lock").read_text() == f"{os.getpid()}\n"


def test_a_foreign_folder_is_refused_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("mine")
    with pytest.raises(DataDirError, match=r"not gengfu's \(thesis.odt\); nothing was touched.*--dir"):
        DataDir(tmp_path).__enter__()
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.odt"]


def test_a_configuration_file_may_lie_there_before(tmp_path: Path) -> None:
    (tmp_path / "gengfu.toml").write_text("")
    with DataDir(tmp_path) as folder:
        assert folder.run.is_dir()


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirError, match=r"is a file, and a data folder is wanted.*--dir"):
        DataDir(tmp_path / "file").__enter__()


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    with pytest.raises(DataDirError, match="a link that leads nowhere"):
        DataDir(tmp_path / "link").__enter__()


@pytest.mark.parametrize("where", ["/proc/gengfu", "/dev/null/gengfu"])
def test_a_place_that_cannot_be_written_is_refused(where: str) -> None:
    with pytest.raises(
        DataDirError, match=rf"cannot use {where} as data folder: .*give a folder that this user may write"
    ):
        DataDir(Path(where)).__enter__()
