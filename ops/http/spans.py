"""A span of time that a request asks about, with a default that ends now."""

from datetime import datetime, timedelta

from ops.http.errors import Finding, Problem, invalid


def span_of(
    since: datetime | None, until: datetime | None, *, now: datetime, days: float, most_days: float = 400
) -> tuple[datetime, datetime]:
    """From and to; what is left out ends now and begins so many days before.

    Raises:
        Problem: 422, it ends before it begins, or is longer than `most_days`.
    """
    end = until or now
    begin = since or end - timedelta(days=days)
    if begin >= end:
        raise _wrong("from must lie before to")
    if end - begin > timedelta(days=most_days):
        raise _wrong(f"the span is longer than {most_days:g} days; ask for a shorter one")
    return begin, end


def _wrong(what: str) -> Problem:
    return invalid(what, Finding("query.from", what))
