"""A finding: what was looked at, what was seen, how bad it is, and the lines to change."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import IntEnum


class Grade(IntEnum):
    """How bad it is; the number is the exit status of `gengfu doctor` when nothing is worse."""

    SAFE = 0
    RECEIPTS = 3
    UNSEEN = 4
    LOSES = 5

    @property
    def words(self) -> str:
        """As people read it."""
        return _WORDS[self]


_WORDS = {
    Grade.SAFE: "safe",
    Grade.RECEIPTS: "safe only with receipts",
    Grade.UNSEEN: "cannot be seen from here",
    Grade.LOSES: "loses data",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        part: `broker`, `configuration` or `database`.
        check: a short name, always the same for the same thing.
        grade: how bad it is.
        seen: what was found, in words.
        why: what follows from it; empty when all is well.
        change: the lines to write, or the thing to do; empty when there is nothing to do.
    """

    part: str
    check: str
    grade: Grade
    seen: str
    why: str = ""
    change: str = ""

    def as_json(self) -> dict[str, str]:
        """For programs."""
        return {**asdict(self), "grade": self.grade.words}


def worst(findings: Iterable[Finding]) -> Grade:
    """The worst grade among them; SAFE when there are none."""
    return max((finding.grade for finding in findings), default=Grade.SAFE)
