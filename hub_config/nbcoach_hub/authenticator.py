"""Log-in with a password.

Why not NativeAuthenticator: its last release (1.3.0) fails on JupyterHub 6, where log-in is an
error 500 (`handler.statsd` is gone and pages are rendered with other arguments), and it keeps
bcrypt hashes in the hub's own database. A hundred lines on argon2id are less to trust than a
shim around it. DummyAuthenticator and one shared password are out of the question.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from tornado.web import HTTPError
from traitlets import Integer, Unicode, default

from nbcoach_exercises.errors import UnknownUser

from .credentials import USER_NAME, Credentials

_AT_ONCE = 2
"""Checks at the same time: each takes 64 MiB."""


class Lockout:
    """Answer failed attempts with a growing delay: after `free` of them 1 s, then 2, 4 and so on up to `longest`.

    Kept in memory and bounded; a restart of the hub forgives.
    """

    def __init__(
        self, free: int = 5, longest: float = 900.0, names: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free = free
        self._longest = longest
        self._names = names
        self._clock = clock
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, name: str) -> float:
        """Return the seconds until the next attempt is taken, 0 for now."""
        count, last = self._failed.get(name, (0, 0.0))
        if count < self._free:
            return 0.0
        delay = min(self._longest, 2.0 ** min(count - self._free, 30))
        return max(0.0, last + delay - self._clock())

    def fail(self, name: str) -> None:
        """Count a failed attempt."""
        count = self._failed.pop(name, (0, 0.0))[0]
        self._failed[name] = (count + 1, self._clock())
        if len(self._failed) > self._names:
            self._failed.popitem(last=False)

    def succeed(self, name: str) -> None:
        """Forget the failed attempts."""
        self._failed.pop(name, None)


class PasswordAuthenticator(Authenticator):  # type: ignore[misc]
    """Let in whoever has a password in the credentials file."""

    credentials_file = Unicode(help="The file with the users and their hashes; see `nbcoach up`.").tag(config=True)
    free_attempts = Integer(5, help="Failed attempts before the delay begins to grow; 5 by default.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._credentials = Credentials(Path(self.credentials_file))
        # An address that fails is slowed down for one user first; far more failures slow down all who try that user.
        self._pairs = Lockout(self.free_attempts)
        self._users = Lockout(self.free_attempts * 4, longest=60.0)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @default("allow_all")
    def _default_allow_all(self) -> bool:
        return True

    def validate_username(self, username: str) -> bool:
        """Return whether a name may become a folder, a group and a part of URLs."""
        return USER_NAME.fullmatch(username) is not None and bool(super().validate_username(username))

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """Return the name of a user who gave the right password, or None.

        Raises:
            HTTPError: 429 after too many failed attempts.

        """
        user = self.normalize_username(str(data.get("username", "")))
        password = str(data.get("password", ""))
        pair = f"{user}@{handler.request.remote_ip if handler is not None else ''}"
        wait = max(self._pairs.wait(pair), self._users.wait(user))
        if wait > 0:
            self.log.warning("Log-in refused after many failed attempts.")
            raise HTTPError(429, f"Too many failed attempts. Try again in {wait:.0f} seconds.")
        async with self._turns:
            right = await asyncio.to_thread(self._credentials.verify, user, password)
        for lockout, name in ((self._pairs, pair), (self._users, user)):
            (lockout.succeed if right else lockout.fail)(name)
        return user if right else None

    def delete_user(self, user: Any) -> None:
        """Remove the password of a user whom an admin deletes."""
        try:
            self._credentials.remove(user.name)
        except UnknownUser:
            self.log.info("The deleted user had no password here.")
