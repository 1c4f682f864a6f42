"""Signing in: the same answer for every wrong pair, and a growing delay for whoever keeps trying."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from http import HTTPStatus

from ingest.queries import load_queries
from ops.http.database import Database, row, rows
from ops.http.errors import Problem
from ops.http.passwords import Passwords
from ops.http.sessions import close_session, open_session
from ops.http.viewer import Viewer

WINDOW = timedelta(minutes=15)
FREE_FAILURES = 5  # of one account from one address
FREE_FAILURES_ANYWHERE = 50  # of one account: many addresses guess slowly, and nobody locks the duty officer out
MAX_DELAY_S = 8.0
MAX_DELAY_ANYWHERE_S = 1.0
MAX_WAITING = 4  # attempts for one account from one address; the next is sent away

_SQL = load_queries("ops.http", "sessions.sql")


def delay_s(*, here: int, anywhere: int) -> float:
    """How long an attempt waits after so many failures of late."""
    if here >= FREE_FAILURES:
        return float(min(MAX_DELAY_S, 2.0 ** min(here - FREE_FAILURES, 10)))
    return MAX_DELAY_ANYWHERE_S if anywhere >= FREE_FAILURES_ANYWHERE else 0.0


class SignIn:
    """Checks a user and password and opens a session."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._passwords = Passwords()
        self._waiting: Counter[tuple[str, str]] = Counter()

    async def sign_in(
        self, user: str, password: str, *, address: str, now: datetime, old_token: str | None
    ) -> tuple[Viewer, str]:
        """The account and the token of its new session; the session it came with ends.

        Raises:
            Problem: 401 for a wrong pair, 429 when too many attempts wait already.
        """
        key = (user, address)
        if self._waiting[key] >= MAX_WAITING:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many attempts to sign in are under way for this account; wait a little and try once",
                headers={"Retry-After": str(int(MAX_DELAY_S))},
            )
        self._waiting[key] += 1
        try:
            return await self._sign_in(user, password, address=address, now=now, old_token=old_token)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]

    async def _sign_in(
        self, user: str, password: str, *, address: str, now: datetime, old_token: str | None
    ) -> tuple[Viewer, str]:
        who = {"name": user, "address": address}
        async with self._database.transaction() as connection:
            (failures,) = await rows(connection, _SQL["count_failures"], {**who, "since": now - WINDOW})
            account = await row(connection, _SQL["find_account"], {"name": user})
        if delay := delay_s(here=failures["here"], anywhere=failures["anywhere"]):
            await asyncio.sleep(delay)  # the delay is the purpose: guessing becomes slow, nobody is locked out
        stored = account["password"] if account else None
        if not await self._passwords.verify(password, stored) or account is None:
            async with self._database.transaction() as connection:
                await connection.execute(_SQL["note_failure"], {**who, "now": now})
            raise _wrong()
        fresh = await self._passwords.rehashed(password, account["password"])
        async with self._database.transaction() as connection:
            same = {"account": account["id"], "password": account["password"]}
            if await row(connection, _SQL["lock_account"], same) is None:
                raise _wrong()
            if fresh:
                await connection.execute(
                    _SQL["rehash"], {"account": account["id"], "password": fresh, "old": account["password"]}
                )
            await connection.execute(_SQL["forget_failures"], who)
            if old_token:
                await close_session(connection, old_token)
            token = await open_session(connection, account=account["id"], now=now, address=address)
        viewer = Viewer(
            id=account["id"], name=account["name"], role=account["role"], scope=account["scope"], unit=account["unit"]
        )
        return viewer, token


def _wrong() -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, "user or password is wrong", slug="wrong-password")
