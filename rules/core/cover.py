"""Who does a post's duties when: itself, who stands in for it while it is away, or nobody.

It stands apart from the world, which asks it which devices count for a unit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from rules.core.fixes import Span, merged
from rules.core.grids import GridPost
from rules.core.staff import Leave, Post


class Cover:
    """The leaves of a site and who covers them.

    While a post is away its duties are done by the first of these that is there: who was named for the leave, B of the
    grids whose A it is (grids in the order of their codes), its deputy. Who stands in for one that is away as well is
    not asked in turn: a chain would name people who were never told.
    """

    def __init__(self, *, posts: Iterable[Post], leaves: Iterable[Leave], grid_posts: Sequence[GridPost] = ()) -> None:
        self._posts: dict[str, list[Post]] = {}
        self._of_unit: dict[str, list[Post]] = {}
        for post in posts:
            self._posts.setdefault(post.code, []).append(post)
            if post.unit:
                self._of_unit.setdefault(post.unit, []).append(post)
        self._leaves: dict[str, list[Leave]] = {}
        for leave in leaves:
            self._leaves.setdefault(leave.code, []).append(leave)
        self._grids = sorted(grid_posts, key=lambda it: (it.code, it.slot, it.valid_from))
        spans = [it.span for it in self._grids]
        spans += [it.span for versions in self._posts.values() for it in versions]
        spans += [it.span for spells in self._leaves.values() for it in spells]
        self._changes = sorted({moment for it in spans for moment in (it.start, it.end)})
        self.units_with_leave = frozenset(
            post.unit for code in self._leaves for post in self._posts.get(code, ()) if post.unit
        )

    def away(self, post: str, at: datetime) -> bool:
        """Whether a post was on leave then."""
        return any(it.holds(at) for it in self._leaves.get(post, ()))

    def candidates(self, post: str, at: datetime) -> list[str]:
        """Who was to stand in for a post then, in the order in which they are asked; it may be that they were away."""
        named = [it.cover for it in self._leaves.get(post, ()) if it.cover and it.holds(at)]
        grids = [it.code for it in self._grids if it.slot == "A" and it.post == post and it.holds(at)]
        named += [it.post for it in self._grids if it.slot == "B" and it.code in grids and it.holds(at)]
        named += [it.deputy for it in self._posts.get(post, ()) if it.deputy and it.holds(at)]
        return [code for code in dict.fromkeys(named) if code != post]

    def standing_in(self, post: str, at: datetime) -> str | None:
        """The post that did a post's duties then; None when it was away and nobody stood in."""
        if not self.away(post, at):
            return post
        return next((it for it in self.candidates(post, at) if self.there(it, at)), None)

    def there(self, post: str, at: datetime) -> bool:
        """Whether there was such a post then, and it was not away."""
        return any(it.holds(at) for it in self._posts.get(post, ())) and not self.away(post, at)

    def over(self, post: str, span: Span) -> list[tuple[Span, str | None]]:
        """Who did a post's duties when, over a span, in order and without gaps."""
        if not any(it.span.meets(span) for it in self._leaves.get(post, ())):
            return [(span, post)]
        found: list[tuple[Span, str | None]] = []
        for part in self._parts(span):
            who = self.standing_in(post, part.start)
            start = found.pop()[0].start if found and found[-1][1] == who else part.start
            found.append((Span(start, part.end), who))
        return found

    def doing(self, posts: Iterable[str], span: Span) -> dict[str, tuple[Span, ...]]:
        """Who did the duties of some posts, and when within a span: they themselves and who stood in for them."""
        found: dict[str, list[Span]] = {}
        for post in posts:
            for part, who in self.over(post, span):
                if who is not None:
                    found.setdefault(who, []).append(part)
        return {who: merged(parts) for who, parts in sorted(found.items())}

    def present(self, post: str, span: Span) -> Iterator[Span]:
        """When within the span a post was there itself."""
        return (part for part, who in self.over(post, span) if who == post)

    def stand_ins_of(self, unit: str, span: Span) -> Iterator[tuple[str, Span]]:
        """Who stood in for which part of the span for a post of a unit that was away."""
        if unit not in self.units_with_leave:
            return
        for post in self._of_unit.get(unit, ()):
            common = post.span.meets(span)
            for part, who in self.over(post.code, common) if common else ():
                if who is not None and who != post.code:
                    yield who, part

    def unnamed(self, unit: str | None, span: Span) -> tuple[Span, ...]:
        """When within the span all posts of a unit were away and nobody stood in."""
        if unit is None or unit not in self.units_with_leave:
            return ()
        found = []
        for part in self._parts(span):
            posts = [it.code for it in self._of_unit.get(unit, ()) if it.holds(part.start)]
            if posts and all(self.standing_in(code, part.start) is None for code in posts):
                found.append(part)
        return merged(found)

    def _parts(self, span: Span) -> Iterator[Span]:
        """The span cut wherever anything about posts, leaves and grids changes: the same holds throughout a part."""
        start = span.start
        for moment in self._changes[bisect_right(self._changes, start) : bisect_left(self._changes, span.end)]:
            yield Span(start, moment)
            start = moment
        yield Span(start, span.end)
