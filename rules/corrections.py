"""Final verdicts that are judged again after a correction: they stay, or a new duty takes the place of the old one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ingest.database import Connection
from rules.core.duties import Standing, State, Verdict
from rules.judging import Outcome
from rules.store import plans


async def set_apart(connection: Connection, outcomes: Sequence[Outcome], *, now: datetime) -> list[Outcome]:
    """What is to be written of a group of duties.

    A final duty of which the same is found stays exactly as it is. One of which something else is found is superseded
    by a new one, which the outcome is then about; but not when a person waives it or takes that back, which is no
    correction of the plan.
    """
    return [await _apart(connection, it, now=now) if it.case.duty.state is State.FINAL else it for it in outcomes]


async def _apart(connection: Connection, outcome: Outcome, *, now: datetime) -> Outcome:
    duty, found = outcome.case.duty, outcome.standing
    if (found.verdict, found.met_at) == (duty.verdict, duty.met_at):
        stays = Standing(
            state=State.FINAL, verdict=duty.verdict, reasons=duty.reasons, met_at=duty.met_at, judge_at=None
        )
        return replace(outcome, judgement=replace(outcome.judgement, evidence=None), standing=stays)
    if Verdict.WAIVED in (found.verdict, duty.verdict):
        return outcome
    number = await plans.set_apart(connection, duty.id or 0, now=now)
    fresh = replace(duty, id=number, verdict=None, reasons=(), met_at=None, evidence=None)
    return replace(outcome, case=replace(outcome.case, duty=fresh), number=None)
