"""A post is away, and so is everybody who should stand in for it.

To the officer: name somebody; until then nobody does this post's duties, and none of them can be called missed.

Fires when a post is on leave now, or within the next day, and nobody stands in: those who should are away as well, or
nobody was ever named and all posts of its unit are away in a shift of it. For a post whose unit has shifts only their
time counts, for one that answers for a grid as A all time does.

Resolves when somebody is named or back, or when the leave has ended. It cannot be closed by hand.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from rules.core.alerts import Clear, Intent, Raise, Severity
from rules.core.fixes import Span, merged
from rules.core.reasons import Why, reason
from rules.core.rounds import watches
from rules.core.staff import Post
from rules.core.words import day_clock
from rules.core.world import World
from rules.facts import Sweep
from rules.rule import Rule, RuleSettings, SweepRule


class Settings(RuleSettings):
    """What can be set."""

    ahead_h: float = Field(
        24, ge=0, le=168, description="hours ahead that are looked at: a day is enough to find somebody"
    )
    ahead_severity: Severity = Field(Severity.WARNING, description="while there is time to name somebody")
    severity: Severity = Field(Severity.HIGH, description="once nobody is there")


class BothAway(SweepRule):
    """Posts whose duties nobody does."""

    name: ClassVar[str] = "both_away"
    title: ClassVar[str] = "Both away"
    settings: ClassVar[type[RuleSettings]] = Settings
    keep_open: ClassVar[timedelta | None] = timedelta(minutes=30)
    every_s: ClassVar[float] = 30.0

    @override
    def sweep(self, sweep: Sweep) -> list[Intent]:
        settings = sweep.settings.at(self.name, Settings, sweep.now)
        ahead = Span(sweep.now, sweep.now + timedelta(hours=settings.ahead_h))
        intents: list[Intent] = []
        for post in _with_leave(sweep.world, ahead):
            spans = _nobody(sweep.world, post, ahead)
            if spans:
                intents.append(self._raise(sweep, settings, post, spans))
        raised = {it.fingerprint for it in intents}
        for fingerprint in sorted(sweep.live - raised):
            post = fingerprint.removeprefix(f"{self.name}:")
            intents.append(Clear(fingerprint=fingerprint, note=_why_over(sweep.world, post, sweep.now)))
        return intents

    def _raise(self, sweep: Sweep, settings: Settings, post: str, spans: tuple[Span, ...]) -> Raise:
        world, first = sweep.world, spans[0]
        its = world.posts.at(post, first.start)
        candidates = world.cover.candidates(post, first.start)
        began = first.start <= sweep.now
        away = [code for code in (post, *candidates) if world.cover.away(code, first.start)]
        told = ", ".join(away) + (" are" if len(away) > 1 else " is")
        begins = day_clock(first.start, world.zone)
        return Raise(
            fingerprint=f"{self.name}:{post}",
            rule=self.name,
            subject=post,
            class_="now" if began else "ahead",
            severity=settings.severity if began else settings.ahead_severity,
            title=f"nobody does the duties of {post}: {told} away"
            if began
            else f"nobody to do the duties of {post} from {begins}: {told} away",
            reasons=tuple(
                reason(
                    Why.AWAY,
                    post=code,
                    since_at=_away_since(world, code, first),
                    until_at=_away_until(world, code, first),
                )
                for code in away
            ),
            grid=its.grid if its else None,
            unit=its.unit if its else None,
            occurred_at=first.start,
        )


def _with_leave(world: World, ahead: Span) -> list[str]:
    return sorted({it.code for it in world.leaves if it.span.meets(ahead) and it.span.end > ahead.start})


def _nobody(world: World, post: str, ahead: Span) -> tuple[Span, ...]:
    """When within the span somebody should do the post's duties and nobody does."""
    found: list[Span] = []
    for part, who in world.cover.over(post, ahead):
        its = world.posts.at(post, part.start)
        if who is not None or its is None:
            continue
        if world.cover.candidates(post, part.start):
            meant: tuple[Span, ...] = (part,)
        else:
            meant = world.unnamed(its.unit, part) if _has_shifts(world, its) else ()
        duties = list(_concerned(world, its, part))
        found += [common for one in meant for other in duties if (common := one.meets(other))]
    return tuple(it for it in merged(found) if it.end > it.start)


def _concerned(world: World, post: Post, part: Span) -> Iterator[Span]:
    """The time in which the post has duties: always as A of a grid or without shifts, else its unit's shifts."""
    answers = any(it.slot == "A" and it.post == post.code and it.holds(part.start) for it in world.grid_posts)
    if answers or not _has_shifts(world, post):
        yield part
        return
    for watch in watches(world, since=part.start, until=part.end):
        if watch.shift.unit == post.unit:
            yield Span(watch.starts_at, watch.ends_at)


def _has_shifts(world: World, post: Post) -> bool:
    return any(it.unit == post.unit for it in world.shifts)


def _away_since(world: World, post: str, span: Span) -> datetime:
    return max(it.valid_from for it in world.leaves if it.code == post and it.holds(span.start))


def _away_until(world: World, post: str, span: Span) -> datetime | None:
    ends = [it.valid_to for it in world.leaves if it.code == post and it.holds(span.start)]
    return None if None in ends else max(it for it in ends if it is not None)


def _why_over(world: World, post: str, now: datetime) -> str:
    who = world.standing_in(post, now)
    if who == post:
        return f"{post} is there"
    return f"{who} stands in for {post}" if who else f"{post} has no duties in this time"


rule: Rule = BothAway()
