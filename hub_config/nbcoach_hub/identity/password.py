"""Log-in with a password, and accounts that people register themselves.

Why not NativeAuthenticator: its last release (1.3.0, September 2024) fails on JupyterHub 6, where log-in is an error
500 (`handler.statsd` is gone, and pages are rendered with other arguments). It keeps bcrypt hashes in the hub's own
database, tells by its answers who has an account, and knows no disabled ones. A shim mends the first of these only.
What is here is smaller than the shim with what it would still lack. DummyAuthenticator and one shared password are
out of the question.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.web import HTTPError
from traitlets import Float, Integer

from ..credentials import Standing
from .admission import Admission
from .lockout import Lockout
from .registration import PasswordHandler, RegistrationHandler

_AT_ONCE = 2
"""Hashes made or checked at the same time: each takes 64 MiB."""


class PasswordAuthenticator(Admission):
    """Let in whoever has a password in the credentials file."""

    free_attempts = Integer(5, help="Failed attempts before the delay begins to grow; 5 by default.").tag(config=True)
    registrations_per_hour = Float(
        120.0,
        help="Accounts that may be registered from one address in an hour; 120 by default, a class in a room.",
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # An address that fails is slowed down for one user first; far more failures slow down all who try that user.
        self._pairs = Lockout(self.free_attempts)
        self._users = Lockout(self.free_attempts * 4, longest=60.0)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """Return the name of a user who gave the right password, or None.

        Raises:
            HTTPError: 429 after too many failed attempts.

        """
        user = self.normalize_username(str(data.get("username", "")))
        address = handler.request.remote_ip if handler is not None else ""
        return user if await self.verify(user, str(data.get("password", "")), address) else None

    async def verify(self, user: str, password: str, address: str) -> bool:
        """Return whether a password is right, and count it if not.

        Raises:
            HTTPError: 429 after too many failed attempts.

        """
        pair = f"{user}@{address}"
        wait = max(self._pairs.wait(pair), self._users.wait(user))
        if wait > 0:
            self.log.warning("Log-in refused after many failed attempts.")
            raise HTTPError(429, f"Too many failed attempts. Try again in {wait:.0f} seconds.")
        async with self._turns:
            right = await asyncio.to_thread(self.credentials.verify, user, password)
        for lockout, name in ((self._pairs, pair), (self._users, user)):
            (lockout.succeed if right else lockout.fail)(name)
        return right

    async def register(self, user: str, password: str) -> Standing:
        """Add an account and return its standing.

        Raises:
            NbcoachError: it cannot be; the message says why.

        """
        standing = Standing.ACTIVE if self.registration == "open" else Standing.PENDING
        async with self._turns:
            await asyncio.to_thread(self.credentials.register, user, password, standing)
        self.log.info("The account %s was registered (%s).", user, standing)
        return standing

    async def change_password(self, user: str, old: str, new: str, address: str) -> bool:
        """Give a user a new password if the old one is right, and return whether it was.

        Raises:
            HTTPError: 429 after too many failed attempts.
            NbcoachError: the new one is not good enough; the message says why.

        """
        if not await self.verify(user, old, address):
            return False
        async with self._turns:
            await asyncio.to_thread(self.credentials.set_password, user, new)
        return True

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        """Return the handlers of log-in, registration and change of password."""
        own: list[tuple[str, type]] = [("/password", PasswordHandler)]
        if self.registration != "closed":
            own.append(("/register", RegistrationHandler))
        return [*super().get_handlers(app), *own]
