"""What is wrong with a town's files: one finding for each problem, with its place and what to do about it."""

import reprlib
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "info"]

_QUOTED_AT_MOST = 60  # characters of a wrong value; enough to recognise it, and a line stays a line


@dataclass(frozen=True)
class Finding:
    """One problem: `file`, `where` in it ("row 17 (device H-01)"), `what` is wrong, and the `remedy`.

    An error prevents an import, a warning does not, an info is only said.
    """

    severity: Severity
    file: str
    where: str
    what: str
    remedy: str


@dataclass
class Findings:
    """Gathers findings while files are read."""

    items: list[Finding] = field(default_factory=list)

    def error(self, file: str, where: str, what: str, remedy: str) -> None:
        """Something that prevents an import."""
        self.items.append(Finding("error", file, where, what, remedy))

    def warning(self, file: str, where: str, what: str, remedy: str) -> None:
        """Something that is probably not meant."""
        self.items.append(Finding("warning", file, where, what, remedy))

    def info(self, file: str, where: str, what: str, remedy: str) -> None:
        """Something worth knowing."""
        self.items.append(Finding("info", file, where, what, remedy))


def quote(value: object) -> str:
    """A value from a file as a message can carry it: short, printable, one line, encodable."""
    text = value if isinstance(value, str) else reprlib.repr(value)
    cut = text[:_QUOTED_AT_MOST] + ("…" if len(text) > _QUOTED_AT_MOST else "")
    return f'"{printable(cut)}"' if isinstance(value, str) else printable(cut)


def printable(text: str) -> str:
    """A text with what cannot be shown or encoded written as escapes."""
    return "".join(c if _printable(c) else f"\\u{ord(c):04x}" for c in text)


def unprintable(text: str) -> bool:
    """Whether a text has characters that no name or code may have: control, invisible, lone surrogate."""
    return any(not _printable(c) for c in text)


def _printable(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
