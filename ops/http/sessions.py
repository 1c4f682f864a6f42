"""Sessions: an opaque token in a cookie, its hash in the database, revocable at once."""

import hashlib
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aiohttp import web

from ingest.database import Connection
from ingest.queries import load_queries
from ops.http.database import row
from ops.http.viewer import Viewer
from ops.settings import Settings

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)  # a shift
TOUCH_EVERY = timedelta(minutes=1)  # so that a console that polls does not write a row with each request
COOKIE = "gengfu_session"
SECURE_COOKIE = "__Host-gengfu_session"
_TOKEN_BYTES = 32

_SQL = load_queries("ops.http", "sessions.sql")


def hash_of(token: str) -> bytes:
    """What is stored of a token. It has 256 random bits, so a plain digest is enough."""
    return hashlib.sha256(token.encode()).digest()


def is_secure(request: web.Request, settings: Settings) -> bool:
    """Whether the people's side is reached over TLS, here or at a proxy in front."""
    return request.secure or urlsplit(settings.http.public_url or "").scheme == "https"


def token_of(request: web.Request, settings: Settings) -> str | None:
    """The token that came along; under TLS only the cookie that no other host could have set counts."""
    return request.cookies.get(SECURE_COOKIE if is_secure(request, settings) else COOKIE)


def set_cookie(response: web.StreamResponse, request: web.Request, settings: Settings, *, token: str) -> None:
    """Hand the token to the browser; an empty one takes it back."""
    secure = is_secure(request, settings)
    response.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        token,
        path="/",
        httponly=True,
        secure=secure,
        samesite="Lax",
        max_age=int(ABSOLUTE.total_seconds()) if token else 0,
    )


async def open_session(connection: Connection, *, account: int, now: datetime, address: str) -> str:
    """A new session; its token is returned once and not stored."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    await connection.execute(
        _SQL["open_session"],
        {
            "token_hash": hash_of(token),
            "account": account,
            "now": now,
            "expires_at": now + ABSOLUTE,
            "address": address,
        },
    )
    return token


async def close_session(connection: Connection, token: str) -> None:
    """End the session of a token, if there is one."""
    await connection.execute(_SQL["close_session"], {"token_hash": hash_of(token)})


async def find_viewer(connection: Connection, token: str, *, now: datetime) -> Viewer | None:
    """Who is behind a token; also puts off its idle end."""
    key = hash_of(token)
    found = await row(connection, _SQL["find_session"], {"token_hash": key, "now": now, "idle_since": now - IDLE})
    if found is None:
        return None
    if found["seen_at"] < now - TOUCH_EVERY:
        await connection.execute(_SQL["touch_session"], {"token_hash": key, "now": now})
    return Viewer(id=found["id"], name=found["name"], role=found["role"], scope=found["scope"], unit=found["unit"])


async def drop_stale(connection: Connection, *, now: datetime) -> None:
    """Forget ended sessions and failures that no longer delay anybody."""
    await connection.execute(_SQL["drop_stale_sessions"], {"now": now, "idle_since": now - IDLE})
    await connection.execute(_SQL["drop_stale_failures"], {"since": now - timedelta(days=1)})
