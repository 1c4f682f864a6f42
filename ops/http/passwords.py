"""Passwords: argon2id in a thread, two at a time, with the same cost for a user that does not exist."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's minimum for argon2id. The library's default takes 64 MiB and a third of a second; twenty people who sign
# in at the change of shift must not take a gigabyte.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = 2
MIN_LENGTH = 8
MAX_LENGTH = 1000


def new_password() -> str:
    """A password to be shown once: 16 characters, 96 bits."""
    return secrets.token_urlsafe(12)


def hash_password(password: str) -> str:
    """The hash that is stored; takes about 60 ms of one core."""
    return _HASHER.hash(password)


class Passwords:
    """Checks passwords without stalling the event loop."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._nobody = _HASHER.hash(secrets.token_urlsafe(32))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether `password` is the one behind `stored`; None costs as much as a wrong one."""
        async with self._slots:
            good = await asyncio.to_thread(_verify, stored or self._nobody, password)
        return good and stored is not None

    async def rehashed(self, password: str, stored: str) -> str | None:
        """A new hash when `stored` was made with other parameters than today's."""
        if not _HASHER.check_needs_rehash(stored):
            return None
        async with self._slots:
            return await asyncio.to_thread(_HASHER.hash, password)


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
