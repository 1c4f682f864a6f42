"""Measures: how many duties were met, missed and late, by grid, squad and unit; each figure down to its duties."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode

from pydantic import Field, model_validator

from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.fields import Code, Cursor, Moment, Page, Query, RowId, View
from ops.http.permissions import GRID
from ops.http.routes import route
from ops.http.spans import span_of
from rules.core.fixes import Span
from rules.core.measures import Rate, Tally
from rules.store import measures as store

By = Literal["grid", "squad", "unit", "post"]
CountedAs = Literal["met", "early", "late", "missed", "in_doubt", "device_fault", "waived", "superseded", "pending"]

_PAGING = Paging(tuple[Moment, RowId], past_time="opens_at", past_id="id")


class SpanQuery(Query):
    """Of which time."""

    from_: Moment | None = Field(None, alias="from", description="opened at or after; without it a day before `to`")
    to: Moment | None = Field(None, description="opened before; without it now")
    rule: list[Code] | None = Field(None, description="of these rules only; repeat it for several")


class MeasureQuery(SpanQuery):
    """Of which time, and by what."""

    by: By = "grid"
    hierarchy: Code = Field("patrol", description="of the grids")


class MeasuredDutyQuery(SpanQuery):
    """The duties behind one figure."""

    by: By | Literal["all"] = "all"
    key: Code | None = Field(None, description="code of the grid, squad, unit or post; without it those that have none")
    counts_as: list[CountedAs] | None = Field(None, description="only those that count as this; repeat it for several")
    limit: Annotated[int, Field(ge=1, le=1000)] = 200
    after: Cursor | None = None

    @model_validator(mode="after")
    def _key_of_something(self) -> Self:
        if self.key is not None and self.by == "all":
            raise ValueError("key says which grid, squad or unit; say by=grid, by=squad, by=unit or by=post as well")
        return self


class MeasureRate(View):
    """A share with its numbers: `n` of `of`. `value` is 0 to 1, null when there is nothing to reckon it from."""

    value: float | None
    n: int
    of: int


class MeasureCounts(View):
    """How many duties came to what. The first nine sum to `total`; the rates are reckoned from `counted`."""

    met: int
    early: int
    late: int
    missed: int
    in_doubt: int = Field(description="nobody can say, and no device is to blame for that")
    device_fault: int = Field(description="nobody can say because of a device: taken out")
    waived: int = Field(description="taken out")
    superseded: int = Field(description="taken out")
    pending: int = Field(description="no verdict yet")
    total: int
    counted: int
    taken_out: int


class MeasureLine(View):
    """One grid with all below it, one squad or one unit."""

    key: str | None = Field(description="null: duties that have none")
    name: str | None
    level: int | None
    parent: str | None
    counts: MeasureCounts
    arrival: MeasureRate = Field(description="到位率: met, early or late, of those that count")
    missing: MeasureRate = Field(description="漏检率: missed, of those that count")
    punctuality: MeasureRate = Field(description="准点率: met, of those that arrived")
    duties: str = Field(description="where the duties behind these figures are listed")


class Measures(View):
    """All lines, and the whole."""

    since: datetime
    until: datetime
    by: By
    rules: list[str] = Field(description="whose duties are counted")
    whole: MeasureLine
    items: list[MeasureLine] = Field(description="grids from the top down; a grid's figures hold those of all below it")


class MeasuredDuty(View):
    """One duty behind a figure, with what it counts as and why."""

    id: int
    rule: str
    subject: str
    name: str | None
    grid: str | None
    squad: str | None
    unit: str | None
    round: int | None
    opens_at: datetime
    due_at: datetime
    met_at: datetime | None
    state: str
    verdict: str | None
    counts_as: CountedAs
    reasons: list[Any]


class MeasuredDutyPage(Page):
    """In the order in which they opened."""

    items: list[MeasuredDuty]


@route(
    "GET",
    "/api/measures",
    permission="measures.read",
    scope=GRID,
    query=MeasureQuery,
    returns=Measures,
    summary="到位率, 漏检率 and 准点率 by grid, squad, unit or post, with the counts behind them",
)
async def read_measures(call: Call[MeasureQuery]) -> Measures:
    """A duty belongs to the span in which it opened, and to the squad in which its unit was then."""
    query, bounds = call.query, call.bounds()
    since, until = span_of(query.from_, query.to, now=call.now, days=1)
    async with call.transaction() as connection:
        found = await store.counted(connection, Span(since, until), bounds=bounds, rules=query.rule)
        known = await store.names(connection)
        seen = await store.within(connection, bounds) if bounds["scope"] is not None else None
    shown = store.lines(found, known, by=query.by, seen=seen, hierarchy=query.hierarchy)
    whole = sum((Tally(**{str(it.counts_as): it.n}) for it in found), Tally())
    span = {"from": since.isoformat(), "to": until.isoformat()}
    return Measures(
        since=since,
        until=until,
        by=query.by,
        rules=sorted(query.rule or store.patrol_rules()),
        whole=_line(store.Line(key=None, name=None, level=None, parent=None, tally=whole), "all", query, span),
        items=[_line(it, query.by, query, span) for it in shown],
    )


def _line(line: store.Line, by: str, query: MeasureQuery, span: Mapping[str, str]) -> MeasureLine:
    tally = line.tally
    key = {} if line.key is None else {"key": line.key}
    link = urlencode({**span, "rule": query.rule or [], "by": by, **key}, doseq=True)
    names = MeasureCounts.model_fields
    return MeasureLine(
        key=line.key,
        name=line.name,
        level=line.level,
        parent=line.parent,
        counts=MeasureCounts(**{name: getattr(tally, name) for name in names}),
        arrival=_rate(tally.arrival),
        missing=_rate(tally.missing),
        punctuality=_rate(tally.punctuality),
        duties=f"/api/measures/duties?{link}",
    )


def _rate(rate: Rate) -> MeasureRate:
    return MeasureRate(value=rate.value, n=rate.n, of=rate.of)


@route(
    "GET",
    "/api/measures/duties",
    permission="measures.read",
    scope=GRID,
    query=MeasuredDutyQuery,
    returns=MeasuredDutyPage,
    summary="The duties behind a figure, with their verdicts and reasons",
)
async def list_measured_duties(call: Call[MeasuredDutyQuery]) -> MeasuredDutyPage:
    """As many as the figure says, however many pages that takes."""
    query, bounds = call.query, call.bounds()
    since, until = span_of(query.from_, query.to, now=call.now, days=1)
    page = _PAGING.params(query)
    async with call.transaction() as connection:
        found = await store.duties(
            connection,
            Span(since, until),
            bounds=bounds,
            known=await store.names(connection),
            by=query.by,
            key=query.key,
            kinds=query.counts_as,
            rules=query.rule,
            past=(page["past_time"], page["past_id"]),
            limit=page["limit"],
        )
    shown, following = _PAGING.cut(found, query)
    items = [MeasuredDuty.model_validate({**_only(one), "name": _name(one["context"])}) for one in shown]
    return MeasuredDutyPage(items=items, next=following)


def _only(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in MeasuredDuty.model_fields if name != "name"}


def _name(context: Mapping[str, Any]) -> str | None:
    """What people call a duty's subject, as its planner noted it."""
    name = next((context[key] for key in ("checkpoint", "name", "line", "area") if context.get(key)), None)
    return str(name) if name is not None else None
