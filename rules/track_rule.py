"""Rules about conditions that last: what one device reported is followed tour by tour, and episodes are found in it."""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

from rules.core.alerts import Raise, Reason, Severity
from rules.core.latch import Lasting
from rules.core.reasons import instant
from rules.core.tours import LONGEST, Tour, Tours
from rules.core.world import World
from rules.facts import Sample, SignalReading, TrackCase
from rules.replies import Episode
from rules.rule import Rule
from rules.settings import SettingsBook

OFF_DUTY = "its unit is off duty, or nobody holds it any more"  # how what lasts ends when nothing else ends it


class Follower(ABC):
    """What a rule has seen of one tour so far. It is fed in the order of (time, digest), each thing once."""

    @abstractmethod
    def sample(self, it: Sample) -> None:
        """Take the next position."""

    def reading(self, it: SignalReading) -> None:  # noqa: B027  most rules ask for positions alone
        """Take the next reading that is no position."""

    @abstractmethod
    def episodes(self, until: datetime) -> list[Episode]:
        """All that was found up to a moment, in order; asking changes nothing."""

    def next_at(self) -> datetime | None:
        """When time alone may change the answer, None: never."""
        return None


class TrackRule(Rule):
    """A rule about conditions that last: found in the stored readings of one device, the same ones whenever it looks.

    It follows each tour of a device by itself, so that no episode is longer than a tour and all that bears on one is
    in a tour's readings.

    Attributes:
        lookback: how much before a span must be read too: a whole tour that began before it.
        on_duty: looks at shifts alone; otherwise at a vehicle's days as well.
        by_silence: what it finds may come of hearing nothing, so it rests while nobody listened.
    """

    lookback: ClassVar[timedelta] = LONGEST
    on_duty: ClassVar[bool] = True
    by_silence: ClassVar[bool] = False

    @abstractmethod
    def follow(self, tour: Tour, *, world: World, settings: SettingsBook, at: datetime) -> Follower | None:
        """A new follower of a tour, with the settings that held at a moment; None when it is none of this rule's."""

    def episode(
        self,
        tour: Tour,
        lasting: Lasting,
        *,
        class_: str,
        severity: Severity,
        what: str,
        reasons: tuple[Reason, ...],
        place: Sample | None,
        ended: str = "",
        part: str = "",
    ) -> Episode:
        """An episode of this rule; `what` follows the device and who carries it in the title.

        `part` tells apart conditions that may hold at the same time.
        """
        device = tour.device.name
        who = ", ".join(dict.fromkeys((tour.holder, tour.unit)))
        raised = Raise(
            fingerprint=f"{self.name}:{device}{part and ':'}{part}",
            rule=self.name,
            subject=device,
            class_=class_,
            severity=severity,
            title=f"{device} ({who}) {what}",
            reasons=reasons,
            grid=place.grid if place else None,
            unit=tour.unit,
            device=device,
            lat=place.lat if place else None,
            lon=place.lon if place else None,
            occurred_at=lasting.certain_at,
        )
        return Episode(
            key=f"{self.name}:{device}{part and ':'}{part}:{instant(lasting.since)}",
            began_at=lasting.certain_at,
            ended_at=lasting.ended_at,
            raised=raised,
            ended=ended,
        )

    def concerns(self, tour: Tour) -> bool:
        """Whether it looks at tours of this sort: shifts, or the days of what nobody carries."""
        return tour.duty if self.on_duty or tour.carried else not tour.duty

    def episodes(self, case: TrackCase) -> list[Episode]:
        """The episodes that began, went on or ended within the span."""
        found: list[Episode] = []
        said = in_order(case.samples, case.readings)
        for tour in Tours(case.world, case.span).of(case.device.number, errands=case.errands):
            until = min(case.span.end, tour.end)
            follower = (
                self.follow(tour, world=case.world, settings=case.settings, at=until) if self.concerns(tour) else None
            )
            if follower is not None:
                feed(follower, said, after=tour.start, until=until)
                its = follower.episodes(until)
                found += [_cut(it, tour) for it in its] if tour.end <= case.span.end else its
        return [it for it in found if it.ended_at is None or it.ended_at >= case.span.start]


def in_order(samples: Sequence[Sample], readings: Sequence[SignalReading]) -> list[Sample | SignalReading]:
    """Both together in the order of (time, digest), in which they are each."""
    said: list[Sample | SignalReading] = [*samples, *readings]
    return sorted(said, key=lambda it: (it.time, it.digest)) if readings else said


def feed(follower: Follower, said: Sequence[Sample | SignalReading], *, after: datetime, until: datetime) -> None:
    """Give a follower everything from `after` to `until`, both included, of what may hold more and is in order."""
    start = bisect_left(said, after, key=_time)
    for it in said[start : bisect_right(said, until, lo=start, key=_time)]:
        if isinstance(it, Sample):
            follower.sample(it)
        else:
            follower.reading(it)


def _time(it: Sample | SignalReading) -> datetime:
    return it.time


def _cut(episode: Episode, tour: Tour) -> Episode:
    """Nothing outlasts its tour."""
    return episode if episode.ended_at is not None else replace(episode, ended_at=tour.end, ended=OFF_DUTY)
