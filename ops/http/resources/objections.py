"""Objections: what carriers say against verdicts, and the officers' answers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.acts import acting, record
from ops.http.call import Call
from ops.http.cursors import Paging
from ops.http.database import row
from ops.http.errors import not_found
from ops.http.fields import Body, Code, Cursor, Page, Path, Query, RowId, View, age_s
from ops.http.permissions import GRID
from ops.http.resources.rounds import Verdict
from ops.http.routes import route
from rules import fairness
from rules.catalog.objection_unanswered import Settings as Limits
from rules.core.notices import Voice
from rules.store.objections import note_seen

State = Literal["open", "upheld", "rejected", "withdrawn"]
Remedy = Literal["waived", "corrected"]

_SQL = load_queries("ops.http.resources", "objections.sql")
_PAGING = Paging(tuple[RowId], before="id")


class ObjectionQuery(Query):
    """Which objections; filters that are left out let everything pass."""

    state: list[State] | None = Field(None, description="repeat it for several")
    unit: Code | None = None
    grid: Code | None = Field(None, description="code of a grid; those below it are meant too")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Cursor | None = None


class ObjectionPath(Path):
    """Which objection."""

    id: RowId


class Answer(Body):
    """What an objection comes to."""

    state: Literal["upheld", "rejected"]
    remedy: Remedy | None = Field(
        None,
        description="of an upheld one: `waived` waives the duty, `corrected` has it judged again after custody or plan "
        "were corrected",
    )
    answer: Annotated[str, StringConstraints(min_length=1, max_length=fairness.MAX_TEXT, strip_whitespace=True)]


class Objection(View):
    """One objection, with what it is about."""

    id: int
    duty: int
    rule: str
    subject: str
    name: str | None
    unit: str
    grid: str | None
    opens_at: datetime = Field(description="of the duty")
    due_at: datetime = Field(description="of the duty")
    account: str = Field(description="who objects")
    text: str
    verdict: Verdict = Field(description="against which it was made")
    verdict_now: Verdict | None
    made_at: datetime
    age_s: float = Field(description="seconds since it was made")
    answer_by: datetime = Field(description="after this an alert says that it waits")
    state: State
    remedy: Remedy | None
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None
    seen_at: datetime | None = Field(description="when the objector saw the answer")


class ObjectionPage(Page):
    """One page of objections, newest first."""

    items: list[Objection]
    open: int = Field(description="open ones that the account may see")
    unseen: int = Field(description="answers to the account's own objections that it has not opened")


def objection_of(found: Mapping[str, Any], limits: Limits, now: datetime) -> Objection:
    """The objection in a row that holds its columns and its duty's."""
    answer_by = found["made_at"] + timedelta(days=limits.answer_within_days)
    return Objection.model_validate({**found, "age_s": age_s(found["made_at"], now), "answer_by": answer_by})


async def _find(call: Call[Any, Any, ObjectionPath], connection: Connection, bounds: dict[str, object]) -> Objection:
    found = await row(connection, _SQL["find_objection"], {**bounds, "id": call.params.id})
    if found is None:
        raise not_found(f"objection {call.params.id}")
    return objection_of(found, await fairness.limits(connection, at=call.now), call.now)


@route(
    "GET",
    "/api/objections",
    permission="objections.read",
    scope=GRID,
    query=ObjectionQuery,
    returns=ObjectionPage,
    summary="Objections, newest first, and how many are open",
)
async def list_objections(call: Call[ObjectionQuery]) -> ObjectionPage:
    """A patrol sees those of its own unit."""
    query = call.query
    bounds = {**call.bounds(), "account": call.viewer.name}
    params = {**bounds, **query.model_dump()}
    async with call.transaction() as connection:
        page, following = await _PAGING.read(connection, _SQL["list_objections"], params, query)
        counts = await row(connection, _SQL["count_objections"], bounds) or {}
        limits = await fairness.limits(connection, at=call.now)
    return ObjectionPage(
        items=[objection_of(one, limits, call.now) for one in page],
        next=following,
        open=counts["open"],
        unseen=counts["unseen"],
    )


@route(
    "POST",
    "/api/objections/{id}/answer",
    permission="objections.answer",
    scope=GRID,
    params=ObjectionPath,
    body=Answer,
    returns=Objection,
    problems=[HTTPStatus.CONFLICT],
    summary="Uphold or reject an objection, with an answer that its maker is told",
)
async def answer_objection(call: Call[None, Answer, ObjectionPath]) -> Objection:
    """409 when it is not open any more, and when an upheld one does not say what mends it."""
    bounds, body, settings = call.bounds(), call.body, call.service.settings
    async with call.transaction() as connection:
        before = await _find(call, connection, bounds)
        with acting():
            await fairness.answer_objection(
                connection,
                before.id,
                actor=call.viewer.name,
                upheld=body.state == "upheld",
                remedy=body.remedy,
                answer=body.answer,
                at=call.now,
                voice=Voice(zone=settings.site.zone, language=settings.site.language, notices=settings.rules.notices),
            )
        await record(
            connection,
            actor=call.viewer.name,
            action="objection.answer",
            subject=str(before.id),
            detail={"duty": before.duty, "state": body.state, "remedy": body.remedy, "answer": body.answer},
        )
        return await _find(call, connection, bounds)


@route(
    "POST",
    "/api/objections/{id}/withdraw",
    permission="objections.make",
    scope=GRID,
    params=ObjectionPath,
    returns=Objection,
    problems=[HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY],
    summary="Withdraw one's own objection; harmless to repeat",
)
async def withdraw_objection(call: Call[None, None, ObjectionPath]) -> Objection:
    """409 when it was answered before."""
    bounds = call.bounds()
    async with call.transaction() as connection:
        before = await _find(call, connection, bounds)
        with acting():
            await fairness.withdraw_objection(connection, before.id, actor=call.viewer.name, at=call.now)
        if before.state == "open":
            await record(
                connection,
                actor=call.viewer.name,
                action="objection.withdraw",
                subject=str(before.id),
                detail={"duty": before.duty},
            )
        return await _find(call, connection, bounds)


@route(
    "POST",
    "/api/objections/{id}/seen",
    permission="objections.make",
    scope=GRID,
    params=ObjectionPath,
    returns=Objection,
    summary="Note that the answer to one's own objection was seen; harmless to repeat",
)
async def see_answer(call: Call[None, None, ObjectionPath]) -> Objection:
    """Without an answer nothing is noted."""
    bounds = call.bounds()
    async with call.transaction() as connection:
        before = await _find(call, connection, bounds)
        await note_seen(connection, before.id, account=call.viewer.name, at=call.now)
        return await _find(call, connection, bounds)
