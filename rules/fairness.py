"""What people do about verdicts: waive duties and take that back, object, answer; each call is part of a transaction.

None of them writes a verdict: they change what a duty is judged by and have it judged again by whoever holds the rules.
"""

from datetime import datetime, timedelta

from ingest.database import Connection
from rules.catalog.objection_unanswered import RULE, Settings
from rules.core.duties import Verdict
from rules.core.notices import Voice
from rules.errors import NotNow, NotThere
from rules.store import objections, waivers
from rules.store.objections import DutyFacts, Objection, Remedy
from rules.store.telling import tell_answer
from rules.store.waivers import Terms

MAX_TEXT = 1000  # characters of an objection; a page of a phone
OPEN_TO_OBJECTION = frozenset({Verdict.MISSED, Verdict.IN_DOUBT, Verdict.LATE, Verdict.EARLY})


async def waive_duty(connection: Connection, duty: int, *, actor: str, why: str, at: datetime) -> None:
    """Let a duty off; harmless to repeat, the first waiver counts.

    Raises:
        NotThere: no duty has this number.
        NotNow: no reason is given, or the duty was superseded.
    """
    found = await objections.duty_facts(connection, duty)
    _require(why, f"duty {duty} is not waived without a word why; send it as `why`")
    _require_in_force(found)
    if found.waived_at is not None:
        return
    await waivers.insert(connection, Terms(duty=found.key), why=why.strip(), actor=actor, at=at)
    await _cover(connection, [duty], at=at)


async def unwaive_duty(connection: Connection, duty: int, *, actor: str, at: datetime) -> None:
    """Take a duty out of its waiver, so that it is judged again; harmless to repeat.

    A waiver of this duty alone ends with it; one of a round or a span holds on for the others.

    Raises:
        NotThere: no duty has this number.
    """
    found = await objections.duty_facts(connection, duty)
    if found.waiver is None:
        return
    if await waivers.is_of_one(connection, found.waiver):
        await waivers.end(connection, found.waiver, actor=actor, at=at)
    await waivers.uncover(connection, [duty])
    await waivers.mark(connection, [duty], at=at)


async def waive(connection: Connection, terms: Terms, *, actor: str, why: str, at: datetime) -> tuple[int, int]:
    """Let off a whole round, or all duties of a unit or a grid whose windows lie within a span.

    Duties of the span that are planned later are waived as they are made.

    Returns:
        The number of the waiver, and how many duties it waived now.

    Raises:
        NotThere: no round has this key.
        NotNow: no reason is given.
    """
    _require(why, "nothing is waived without a word why; send it as `why`")
    waiver = await waivers.insert(connection, terms, why=why.strip(), actor=actor, at=at)
    found = await waivers.within(connection, waiver)
    if terms.round is not None and not found:
        raise NotThere(f"there is no round {terms.round}; GET /api/rounds lists those of a day")
    return waiver, await _cover(connection, found, at=at)


async def end_waiver(connection: Connection, waiver: int, *, actor: str, at: datetime) -> int:
    """Take a whole waiver back; the duties that it had waived are judged again, or fall to another waiver.

    Returns:
        How many duties it had waived; none when it was taken back before.

    Raises:
        NotThere: no waiver has this number.
    """
    bared = await waivers.end(connection, waiver, actor=actor, at=at)
    await waivers.uncover(connection, bared)
    await waivers.cover(connection, bared)
    await waivers.mark(connection, bared, at=at)
    return len(bared)


async def limits(connection: Connection, *, at: datetime) -> Settings:
    """For how long one may object, and by when an answer is owed."""
    return (await objections.settings_of(connection, RULE)).at(RULE, Settings, at)


async def object_to(
    connection: Connection,
    duty: int,
    *,
    actor: str,
    unit: str,
    text: str,
    at: datetime,
    work_of: str | None = None,
) -> Objection:
    """Object to the verdict on a duty of one's own unit, or of another one while its work was done for it.

    Args:
        connection: in a transaction.
        duty: its number.
        actor: the account that objects.
        unit: the unit of that account.
        text: what is wrong.
        at: now, aware UTC.
        work_of: the unit for which a post of `unit` stood in during the duty; the caller has made sure of it.

    Raises:
        NotThere: no duty of these units has this number.
        NotNow: there is nothing to object to, the time for it is over, or an objection is open already.
    """
    found = await objections.duty_facts(connection, duty)
    if found.unit not in {unit, work_of}:
        raise NotThere(
            f"duty {duty} is not one of unit {unit}; only those whose duty it is, or who stood in for them, can object"
        )
    _require(text, f"an objection to duty {duty} needs a text that says what is wrong")
    _require_in_force(found)
    if found.verdict is None:
        raise NotNow(f"duty {duty} has no verdict yet; object when it has one")
    if found.verdict not in OPEN_TO_OBJECTION:
        raise NotNow(f"duty {duty} is {found.verdict}, which blames nobody; there is nothing to object to")
    settings = await limits(connection, at=at)
    if at > found.final_at + timedelta(days=settings.object_within_days):
        raise NotNow(
            f"duty {duty} was final at {found.final_at:%Y-%m-%d %H:%MZ}, and the time to object ended "
            f"{settings.object_within_days:g} days later; ask the officer to waive it"
        )
    made = await objections.insert(
        connection, duty=duty, account=actor, unit=unit, text=text.strip(), verdict=found.verdict, at=at
    )
    if made is None:
        raise NotNow(f"an objection to duty {duty} is open already; it has to be answered or withdrawn first")
    await _wake(connection)
    return made


async def answer_objection(
    connection: Connection,
    objection: int,
    *,
    actor: str,
    upheld: bool,
    remedy: Remedy | None,
    answer: str,
    at: datetime,
    voice: Voice,
) -> Objection:
    """Answer an objection; an upheld one waives the duty, or has it judged again after custody or plan were corrected.

    Raises:
        NotThere: no objection has this number.
        NotNow: it is not open any more, the answer is empty, or an upheld one does not say what mends it.
    """
    found = await _open(connection, objection)
    _require(answer, f"objection {objection} is not answered without words; send them as `answer`")
    if upheld and remedy is None:
        raise NotNow(
            f"objection {objection} is upheld by what mends it: `waived` waives the duty, `corrected` has it judged "
            "again after you corrected custody or plan"
        )
    answered = await objections.close(
        connection,
        objection,
        state="upheld" if upheld else "rejected",
        remedy=remedy if upheld else None,
        answer=answer.strip(),
        actor=actor,
        at=at,
    )
    if answered.remedy == "waived":
        await waive_duty(connection, found.duty, actor=actor, why=answer, at=at)
    elif answered.remedy == "corrected":
        await waivers.mark(connection, [found.duty], at=at)
    await tell_answer(
        connection,
        objection=objection,
        duty=found.duty,
        state=answered.state,
        answer=answer.strip(),
        at=at,
        voice=voice,
    )
    await _wake(connection)
    return answered


async def withdraw_objection(connection: Connection, objection: int, *, actor: str, at: datetime) -> Objection:
    """Withdraw one's own objection; harmless to repeat.

    Raises:
        NotThere: there is no objection of this number by this account.
        NotNow: it was answered before.
    """
    found = await objections.by_id(connection, objection)
    if found.account != actor:
        raise NotThere(f"objection {objection} is not yours; only whoever made it can withdraw it")
    if found.state == "withdrawn":
        return found
    if found.state != "open":
        raise NotNow(f"objection {objection} was {found.state} by {found.answered_by}; nothing is left to withdraw")
    withdrawn = await objections.close(
        connection, objection, state="withdrawn", remedy=None, answer=None, actor=actor, at=at
    )
    await _wake(connection)
    return withdrawn


async def _open(connection: Connection, objection: int) -> Objection:
    found = await objections.by_id(connection, objection)
    if found.state != "open":
        who = found.answered_by or found.account
        raise NotNow(f"objection {objection} was {found.state} by {who} before; it is not open any more")
    return found


async def _cover(connection: Connection, duties: list[int], *, at: datetime) -> int:
    covered = await waivers.cover(connection, duties)
    await waivers.mark(connection, covered, at=at)
    await _wake(connection)
    return len(covered)


async def _wake(connection: Connection) -> None:
    await connection.execute("NOTIFY gengfu_dirty")
    await connection.execute("NOTIFY gengfu_changes")


def _require(text: str, otherwise: str) -> None:
    if not text.strip():
        raise NotNow(otherwise)


def _require_in_force(duty: DutyFacts) -> None:
    if duty.state == "superseded":
        raise NotNow(f"duty {duty.id} was superseded by a corrected plan and blames nobody; nothing is left to do")
