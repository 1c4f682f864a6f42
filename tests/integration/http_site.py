"""A small site served over HTTP on a real database, with one account per role."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import psycopg

from ingest.database import connect
from ingest.engines import choose_engine
from ingest.migrate import migrate
from ops.http.passwords import hash_password
from ops.http.permissions import ROLES
from ops.roles.ops import run
from ops.settings import Settings, load

PASSWORD = "a watchman's word"  # noqa: S105  of the test's own accounts

SITE = Path(__file__).with_name("http_site.sql").read_text(encoding="utf-8")
C1_ACCOUNTS = ("officer", "leader", "crew", "admin", "auditor")


@dataclass(frozen=True)
class Reply:
    """An answer, read whole."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Browser:
    """Someone with a cookie jar."""

    address: str
    session: aiohttp.ClientSession = field(
        default_factory=lambda: aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
    )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def ask(self, method: str, path: str, **how: Any) -> Reply:
        async with self.session.request(method, self.address + path, allow_redirects=False, **how) as answer:
            text = (await answer.read()).decode()
            return Reply(answer.status, dict(answer.headers), text)

    async def get(self, path: str, **how: Any) -> Reply:
        return await self.ask("GET", path, **how)

    async def post(self, path: str, body: Any = None, **how: Any) -> Reply:
        return await self.ask("POST", path, json=body, **how)

    async def sign_in(self, user: str, password: str = PASSWORD) -> Reply:
        return await self.post("/api/session", {"user": user, "password": password})

    @property
    def token(self) -> str | None:
        found = {cookie.key: cookie.value for cookie in self.session.cookie_jar}
        return found.get("gengfu_session") or None


@dataclass
class Site:
    """The served site and its database."""

    address: str
    settings: Settings

    def browser(self) -> Browser:
        return Browser(self.address)

    @asynccontextmanager
    async def as_user(self, user: str) -> AsyncIterator[Browser]:
        async with self.browser() as browser:
            assert (await browser.sign_in(user)).status == 200
            yield browser

    def sql(self, statement: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        url = self.settings.database.url.get_secret_value()
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), params)
            return cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Site]:
    """The role ops, as it is run in earnest."""
    loop = asyncio.get_running_loop()
    stop, address = asyncio.Event(), loop.create_future()
    role = loop.create_task(run(settings, stop=stop, announce=address.set_result))
    await asyncio.wait({role, address}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
    if not address.done():
        role.cancel()
        await role
    try:
        yield Site(address.result(), settings)
    finally:
        stop.set()
        await asyncio.wait_for(role, 20)


@asynccontextmanager
async def small_site(database_url: str, *overrides: str) -> AsyncIterator[Site]:
    """The site of this module, served; account names are the roles', and `<role>_c1` with C1 as territory."""
    await migrate(database_url)
    async with await connect(database_url, name="test") as opened:
        await (await choose_engine(opened, wish="auto")).ensure_schema(opened)
    hashed = hash_password(PASSWORD)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SITE.encode())
        for role in ROLES:
            unit = "U1" if role == "patrol" else None
            connection.execute(
                "INSERT INTO account (name, password, role, unit) VALUES (%s, %s, %s, %s)", (role, hashed, role, unit)
            )
        for role in C1_ACCOUNTS:
            connection.execute(
                "INSERT INTO account (name, password, role, scope) VALUES (%s, %s, %s, 'C1')",
                (f"{role}_c1", hashed, role),
            )
    settings = load(overrides=[f"database.url={database_url}", "http.port=0", *overrides]).settings
    async with served(settings) as site:
        yield site
