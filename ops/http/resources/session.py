"""Signing in, who am I, signing out."""

from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from ops.http.call import Call
from ops.http.fields import Body, Code, View
from ops.http.passwords import MAX_LENGTH
from ops.http.permissions import NO_SCOPE, PUBLIC, SIGNED_IN
from ops.http.routes import route
from ops.http.sessions import close_session, set_cookie, token_of
from ops.http.viewer import Viewer


class Credentials(Body):
    """A user and the password."""

    user: Code
    password: Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH)]


class Account(View):
    """The account that is signed in."""

    user: str
    role: str
    scope: str | None = Field(description="code of the grid that bounds what it sees; null is the whole site")
    unit: str | None = Field(description="code of its unit")
    permissions: list[str]


def _account(viewer: Viewer) -> Account:
    return Account(
        user=viewer.name,
        role=viewer.role,
        scope=viewer.scope,
        unit=viewer.unit,
        permissions=viewer.permissions(),
    )


@route(
    "POST",
    "/api/session",
    permission=PUBLIC,
    scope=NO_SCOPE,
    body=Credentials,
    returns=Account,
    problems=[HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS],
    limit_s=30.0,  # whoever failed often waits up to eight seconds
    summary="Sign in; the answer sets the session cookie",
)
async def sign_in(call: Call[None, Credentials]) -> web.Response:
    """The cookie replaces the one that came along, whose session ends."""
    settings = call.service.settings
    viewer, token = await call.service.sign_in.sign_in(
        call.body.user,
        call.body.password,
        address=call.request.remote or "unknown",
        now=call.now,
        old_token=token_of(call.request, settings),
    )
    response = web.Response(body=_account(viewer).model_dump_json().encode(), content_type="application/json")
    set_cookie(response, call.request, settings, token=token)
    return response


@route(
    "GET",
    "/api/session",
    permission=SIGNED_IN,
    scope=NO_SCOPE,
    returns=Account,
    summary="Who is signed in, and what the account may do",
)
async def who_am_i(call: Call) -> Account:
    """The account behind the cookie."""
    return _account(call.viewer)


@route(
    "DELETE",
    "/api/session",
    permission=PUBLIC,
    scope=NO_SCOPE,
    status=HTTPStatus.NO_CONTENT,
    summary="Sign out; harmless to repeat",
)
async def sign_out(call: Call) -> web.Response:
    """Ends the session at once, here and in every other tab."""
    if token := token_of(call.request, call.service.settings):
        async with call.transaction() as connection:
            await close_session(connection, token)
    response = web.Response(status=HTTPStatus.NO_CONTENT)
    set_cookie(response, call.request, call.service.settings, token="")
    return response
