"""What a person does about a spot check: says what they found; a part of the caller's transaction."""

from datetime import datetime
from typing import Literal

from ingest.database import Connection
from rules.errors import NotNow, NotThere
from rules.store.spot_checks import check_of, store_answer

Outcome = Literal["confirmed", "not_confirmed"]


async def answer_spot_check(
    connection: Connection, duty: int, *, outcome: Outcome, note: str, actor: str, at: datetime
) -> None:
    """Say what a check of a finished round found.

    Args:
        connection: in a transaction.
        duty: number of the check.
        outcome: whether the round was walked as its verdicts say.
        note: how that is known; not empty when the round is not confirmed.
        actor: the account's name.
        at: now, aware UTC.

    Raises:
        NotThere: no check has this number.
        NotNow: it is answered, its round is not over, its time is long past, or a word why is missing.
    """
    check = await check_of(connection, duty)
    if check is None:
        raise NotThere(f"there is no spot check {duty}; GET /api/spot-checks lists those there are")
    if at < check["opens_at"]:
        raise NotNow(f"the round of spot check {duty} is not over; it can be checked from its end on")
    if check["state"] == "final":
        raise NotNow(f"spot check {duty} is closed; its verdict is final and takes no further answer")
    if outcome == "not_confirmed" and not note.strip():
        raise NotNow(f"spot check {duty}: a round that is not confirmed needs a word why; send a note")
    if not await store_answer(connection, duty, outcome=outcome, note=note.strip(), actor=actor, at=at):
        raise NotNow(f"spot check {duty} is answered already; the first answer stands")
    await connection.execute("NOTIFY gengfu_dirty")
    await connection.execute("NOTIFY gengfu_changes")
