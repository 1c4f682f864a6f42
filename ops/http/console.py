"""The built console: its files, read once at start; only what was read then can be asked for."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

DIST = Path(str(files("ops"))) / "console" / "dist"
INDEX = "/index.html"

_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".pbf": "application/x-protobuf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_SMALLER = ("text/", "application/json", "application/wasm", "image/svg+xml")  # the rest is compressed by itself
_HASHED = re.compile(r"/assets/.+[-.][A-Za-z0-9_-]{8}\.\w+(\.map)?$")  # a changed file gets another name
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_FIRST = "no-cache"


@dataclass(frozen=True)
class ConsoleFile:
    """One file, ready to be sent."""

    body: bytes
    zipped: bytes | None
    content_type: str
    etag: str
    cache_control: str


@dataclass(frozen=True)
class Console:
    """The files of the console by the path at which they are served; none when it was not built."""

    files: Mapping[str, ConsoleFile]

    @property
    def index(self) -> ConsoleFile | None:
        """The page that loads the rest."""
        return self.files.get(INDEX)

    def beside_assets(self) -> list[str]:
        """The paths of those that lie outside `/assets`, without the page itself."""
        return sorted(path for path in self.files if not path.startswith("/assets/") and path != INDEX)


def load_console(folder: Path | None = None) -> Console:
    """Read the console from the folder into which it was built.

    Args:
        folder: another one than the package's own.
    """
    home = (folder or DIST).resolve()
    found = {}
    for path in sorted(home.rglob("*")):
        # a link may lead anywhere on this machine
        if path.is_file() and path.resolve() == path and not path.name.startswith("."):
            served_at = "/" + path.relative_to(home).as_posix()
            found[served_at] = _file(path, served_at)
    return Console(found)


def _file(path: Path, served_at: str) -> ConsoleFile:
    body = path.read_bytes()
    content_type = _TYPES.get(path.suffix.lower(), "application/octet-stream")
    zipped = gzip.compress(body, 6, mtime=0) if content_type.startswith(_SMALLER) else None
    return ConsoleFile(
        body=body,
        zipped=zipped if zipped and len(zipped) < len(body) else None,
        content_type=content_type,
        etag=hashlib.sha256(body).hexdigest()[:32],
        cache_control=_FOR_EVER if _HASHED.match(served_at) else _ASK_FIRST,
    )
