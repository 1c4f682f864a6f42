"""What a handler gets: who asks, the checked parts of the request, and the way to the database."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Generic

from aiohttp import web
from pydantic import BaseModel
from typing_extensions import TypeVar

from ingest.database import Connection
from ops.http.console import Console
from ops.http.database import Database
from ops.http.errors import Problem
from ops.http.metrics import Metrics
from ops.http.sign_in import SignIn
from ops.http.viewer import Viewer
from ops.settings import Settings

Q = TypeVar("Q", bound=BaseModel | None, default=None)
B = TypeVar("B", bound=BaseModel | None, default=None)
P = TypeVar("P", bound=BaseModel | None, default=None)


@dataclass(frozen=True, kw_only=True)
class Service:
    """What all handlers share for the life of the process."""

    settings: Settings
    database: Database
    sign_in: SignIn
    metrics: Metrics
    console: Console
    now: Callable[[], datetime]
    openapi: bytes


@dataclass(kw_only=True)
class Call(Generic[Q, B, P]):
    """One request, checked: `query`, `body` and `params` are instances of the models that the route declares."""

    service: Service
    request: web.Request
    permission: str | None
    viewer_or_none: Viewer | None
    query: Q
    body: B
    params: P
    now: datetime
    bounded: bool = field(default=False, init=False)

    @property
    def viewer(self) -> Viewer:
        """The account that asks.

        Raises:
            Problem: 401, nobody is signed in.
        """
        if self.viewer_or_none is None:
            raise sign_in_first()
        return self.viewer_or_none

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """One connection in one transaction."""
        return self.service.database.transaction()

    def bounds(self) -> dict[str, object]:
        """Parameters `scope`, `own`, `own_unit` and `now` for the statement that answers.

        A route that declares GRID and never takes them is answered 500: its territory would be a promise only.
        """
        self.bounded = True
        return {**self.viewer.bounds(self.permission or ""), "now": self.now}


def sign_in_first() -> Problem:
    """Nobody is signed in, or no longer."""
    return Problem(HTTPStatus.UNAUTHORIZED, "sign in first: POST /api/session with user and password", slug="sign-in")
