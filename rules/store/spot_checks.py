"""What people found who checked rounds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ingest.database import Connection
from ingest.queries import load_queries
from rules.facts import Answer

_SQL = load_queries("rules.store", "spot_checks.sql")


async def answers_of(connection: Connection, duties: Sequence[int]) -> dict[int, Answer]:
    """The answers there are, by number of the duty."""
    rows = await (await connection.execute(_SQL["answers"], {"duties": list(duties)})).fetchall()
    return {row.pop("duty"): Answer(**row) for row in rows}


async def check_of(connection: Connection, duty: int) -> dict[str, Any] | None:
    """`state` and `opens_at` of a check, which is locked; None when there is none of this number."""
    return await (await connection.execute(_SQL["state"], {"duty": duty})).fetchone()


async def store_answer(connection: Connection, duty: int, *, outcome: str, note: str, actor: str, at: datetime) -> bool:
    """Keep an answer and have the check judged.

    Returns:
        Whether it is the first one.
    """
    values = {"duty": duty, "outcome": outcome, "note": note, "actor": actor, "at": at}
    first = await (await connection.execute(_SQL["answer"], values)).fetchone() is not None
    if first:
        await connection.execute(_SQL["wake"], {"duty": duty, "at": at})
    return first
