"""The filters that a session holds, kept over restarts; a file that is broken stops nothing."""

import logging
from pathlib import Path

import pytest

from gateway.filter_memory import FilterMemory


def test_what_is_written_is_read(tmp_path: Path) -> None:
    memory = FilterMemory(tmp_path / "sessions" / "one.json")
    assert memory.read() == []
    memory.write(["b/+", "a/+", "b/+"])
    assert memory.read() == ["a/+", "b/+"]
    memory.write([])
    assert FilterMemory(tmp_path / "sessions" / "one.json").read() == []


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"\xff", b'{"a": 1}'])
def test_a_broken_file_is_nothing_known(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "one.json"
    file.write_bytes(content)
    memory = FilterMemory(file)
    assert memory.read() == []
    memory.write(["a"])
    assert memory.read() == ["a"]


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "plain").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        FilterMemory(tmp_path / "plain" / "one.json").write(["a"])
    assert "cannot keep which filters a session holds" in caplog.text
