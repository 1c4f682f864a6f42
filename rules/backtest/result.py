"""What a back-test found, beside what was raised in fact."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from rules.core.fixes import Span

Step = Literal["day", "hour"]
_HOURLY_S = 49 * 3600  # a span no longer than two days, and the hour of a clock change, is counted by the hour


@dataclass(frozen=True, kw_only=True)
class Told:
    """One time that an alert was opened, here or in fact.

    Attributes:
        at: when, aware UTC.
        device: the one behind it, when the alert or its reasons name exactly one.
    """

    fingerprint: str
    at: datetime
    class_: str
    severity: str
    title: str
    subject: str
    unit: str | None = None
    device: str | None = None
    grid: str | None = None

    def key(self) -> tuple[datetime, str]:
        """By which they are put in order."""
        return self.at, self.fingerprint


@dataclass(frozen=True, kw_only=True)
class Raised(Told):
    """One that the back-test opened, and what became of it: `standing`, or how it ended."""

    ended: str = "standing"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What would have been raised, how often, for whom.

    Attributes:
        judged: duties, readings or devices that were looked at.
        judged_what: the word for them.
        raised: in order of time.
        already: fingerprints of what was so when the span began.
        in_fact: alerts of the rule that were opened for the same span, in order of time.
        verdicts: how many of each, by this run; only for duties.
        stored: verdicts that are stored for the same duties.
        differing: key, stored verdict, verdict of this run, of duties where they differ.
        remarks: sentences about what limits the figures.
    """

    rule: str
    title: str
    span: Span
    zone: str
    changes: Mapping[str, Any]
    judged: int
    judged_what: str
    raised: Sequence[Raised]
    in_fact: Sequence[Told]
    already: int = 0
    verdicts: Mapping[str, int] = field(default_factory=dict)
    stored: Mapping[str, int] = field(default_factory=dict)
    differing: Sequence[tuple[str, str, str]] = ()
    remarks: Sequence[str] = ()

    @property
    def step(self) -> Step:
        """How the span is cut for counting."""
        return "hour" if (self.span.end - self.span.start).total_seconds() <= _HOURLY_S else "day"

    def by_time(self, told: Iterable[Told]) -> dict[str, int]:
        """How many in each local day or hour, those without any included."""
        found = dict.fromkeys(self._steps(), 0)
        for it in told:
            name = self.step_of(it.at)
            found[name] = found.get(name, 0) + 1
        return found

    def sentence(self) -> str:
        """The whole in one sentence, such as `42 times, 31 on H-07`."""
        times = len(self.raised)
        if times == 0:
            return "never"
        said = "once" if times == 1 else f"{times} times"
        who, most = concentrated(self.raised)
        return f"{said}, {most} on {who}" if who and times > 1 else said

    def both(self) -> tuple[int, int, int]:
        """Fingerprints raised here and in fact, only here, only in fact."""
        here, fact = {it.fingerprint for it in self.raised}, {it.fingerprint for it in self.in_fact}
        return len(here & fact), len(here - fact), len(fact - here)

    def _steps(self) -> Iterable[str]:
        moment, names = self.span.start, dict[str, None]()
        while moment < self.span.end:
            names[self.step_of(moment)] = None
            moment += timedelta(hours=1)
        return names

    def step_of(self, at: datetime) -> str:
        """The local day or hour of a moment."""
        local = at.astimezone(ZoneInfo(self.zone))
        return f"{local:%Y-%m-%d %H:00}" if self.step == "hour" else f"{local:%Y-%m-%d}"


def counted(told: Iterable[Told], what: Callable[[Told], str | None]) -> list[tuple[str, int]]:
    """How many of each, the most first."""
    tally = Counter(name for it in told if (name := what(it)) is not None)
    return sorted(tally.items(), key=lambda it: (-it[1], it[0]))


def concentrated(told: Sequence[Told]) -> tuple[str | None, int]:
    """The device, else the unit, else the subject that most of them are about, and how many."""
    for what in (_device, _unit, _subject):
        tally = counted(told, what)
        if tally and sum(count for _, count in tally) * 2 > len(told):
            return tally[0]
    return None, 0


def _device(it: Told) -> str | None:
    return it.device


def _unit(it: Told) -> str | None:
    return it.unit


def _subject(it: Told) -> str | None:
    return it.subject
