"""Every block of the tutorial does what the tutorial says, typed into one shell beside a real demo."""

import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.running import demo_in, environment, eventually

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
ACTIVATE = Path(sys.prefix) / "bin" / "activate"

# A word of each block, and what it must print in the end; a person takes longer from one to the next than a commit.
EXPECTED = (
    ("/health/ready", '"status":"ready"'),
    ("/api/session", '"role":"officer"'),
    ("alerts()", "of fire equipment overdue in"),
    ("cat > say.py", "the broker has it from VT-01"),
    ("/devices/VT-01/track", '"lat": 30.6912'),
    ('"button":"sos"', "critical open SOS: HS-01 (P-01, F-01)"),
    ("/ack", '"acked_by": "officer"'),
    ("/resolve", '"resolution": "a drill, all well"'),
    ('"2019-01-01T00:00:00Z"', "waiting: 1 clock, 1 schema"),
    ("quarantine replay", "1 stored, 0 stay in quarantine"),
    ("gengfu decode", "lon: field required"),
    ("cat > walk.csv", "3 confirmed as stored"),
    ("/devices/track-007/track", '"time"'),
)


class Shell:
    """One bash that lives from block to block."""

    def __init__(self, folder: Path) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, block: str) -> str:
        """What a block prints, on stdout and stderr."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        end = f"end-of-block-{secrets.token_hex(8)}"
        self._bash.stdin.write(f"{block}\necho; echo {end}\n")
        self._bash.stdin.flush()
        said: list[str] = []
        for line in self._bash.stdout:
            if line.strip() == end:
                return "".join(said)
            said.append(line)
        raise AssertionError(f"the shell ended: {''.join(said)}")

    def close(self) -> None:
        """End it."""
        self._bash.communicate("exit\n", timeout=10)


@pytest.mark.skipif(
    not ACTIVATE.exists(), reason="the tutorial activates a virtual environment; these tests run in none"
)
def test_the_tutorial_works_as_written(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == len(EXPECTED)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    with demo_in(tmp_path / ".gengfu"):
        shell = Shell(tmp_path)
        try:
            for block, (word, wanted) in zip(blocks, EXPECTED, strict=True):
                assert word in block
                last: list[str] = []

                def shows(block: str = block, wanted: str = wanted, last: list[str] = last) -> bool:
                    last[:] = [shell.run(block)]
                    return wanted in last[0]

                try:
                    eventually(shows, every_s=0.2)
                except AssertionError as error:
                    raise AssertionError(f"{block}\nlacks {wanted!r} and printed:\n{last[0]}") from error
        finally:
            shell.close()
