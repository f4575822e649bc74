"""Accounts: who may log in, and the argon2id hashes of passwords, in one file that only its owner can read.

Theory of operation: the file is replaced as a whole (written beside, flushed, renamed), under a
lock against other writers, so a crash leaves the old or the new one. Every check of a password
costs the same, also for a user who does not exist: it is then made against a hash of nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Self

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nbcoach_exercises.errors import Conflict, InvalidInput, UnknownUser
from nbcoach_exercises.identifiers import now

USER_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
"""Users become folders, groups and parts of URLs."""

SHORTEST, LONGEST = 10, 256
_COMMON = (
    "password",
    "passwort",
    "qwertz",
    "qwerty",
    "jupyter",
    "notebook",
    "123456",
    "letmein",
    "iloveyou",
    "nbcoach",
)
_hasher = PasswordHasher()


class Standing(StrEnum):
    """Whether an account may be used."""

    ACTIVE = "active"
    PENDING = "pending"
    DISABLED = "disabled"


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account; without a hash its owner logs in elsewhere. `since` is when it got its standing."""

    hash: str | None = None
    standing: Standing = Standing.ACTIVE
    since: datetime = field(default_factory=now)

    @classmethod
    def from_json(cls, body: Any) -> Self:
        """Read an account; the first version of the file held nothing but the hash."""
        if isinstance(body, str):
            return cls(hash=body)
        return cls(hash=body["hash"], standing=Standing(body["standing"]), since=datetime.fromisoformat(body["since"]))

    def to_json(self) -> dict[str, Any]:
        """Return the account as JSON values."""
        return {"hash": self.hash, "standing": str(self.standing), "since": self.since.isoformat()}


class Credentials:
    """The accounts of one hub."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def users(self) -> list[str]:
        """Return the names of all users."""
        return sorted(self._read())

    def accounts(self) -> dict[str, Account]:
        """Return all accounts by name."""
        return self._read()

    def set_password(self, user: str, password: str) -> None:
        """Give a user, new or not, a password.

        Raises:
            InvalidInput: the name or the password is not good enough; the message says why.

        """
        hashed = _hasher.hash(checked_password(password, checked_name(user)))

        def change(users: dict[str, Account]) -> None:
            users[user] = replace(users.get(user, Account()), hash=hashed)

        self._change(change)

    def register(self, user: str, password: str | None, standing: Standing, *, most_pending: int = 1000) -> None:
        """Add an account that is not there yet; one without a password logs in elsewhere.

        Raises:
            Conflict: the name is taken, or too many accounts are pending.
            InvalidInput: the name or the password is not good enough; the message says why.

        """
        checked_name(user)
        hashed = None if password is None else _hasher.hash(checked_password(password, user))

        def change(users: dict[str, Account]) -> None:
            if user in users:
                raise Conflict("This name is taken. Choose another one.")
            pending = sum(account.standing is Standing.PENDING for account in users.values())
            if standing is Standing.PENDING and pending >= most_pending:
                raise Conflict("Too many accounts wait for approval. Try again later.")
            users[user] = Account(hash=hashed, standing=standing)

        self._change(change)

    def set_standing(self, user: str, standing: Standing) -> None:
        """Approve, disable or enable an account; one that only the hub knows gets an entry.

        Raises:
            InvalidInput: this can be no user.

        """
        checked_name(user)

        def change(users: dict[str, Account]) -> None:
            before = users.get(user, Account())
            if before.standing is not standing or user not in users:
                users[user] = replace(before, standing=standing, since=now())

        self._change(change)

    def remove(self, user: str) -> None:
        """Remove a user.

        Raises:
            UnknownUser: there is none of that name.

        """

        def change(users: dict[str, Account]) -> None:
            if users.pop(user, None) is None:
                raise UnknownUser(user)

        self._change(change)

    def verify(self, user: str, password: str) -> bool:
        """Return whether the password is the user's, in the same time for every user and none."""
        account = self._read().get(user)
        hashed = account.hash if account is not None else None
        try:
            _hasher.verify(hashed or _nobody(), password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
        if hashed is None or len(password) > LONGEST:
            return False
        if _hasher.check_needs_rehash(hashed):
            anew = _hasher.hash(password)
            self._change(lambda users: users.update({user: replace(users[user], hash=anew)}) if user in users else None)
        return True

    def _read(self) -> dict[str, Account]:
        try:
            users = json.loads(self._path.read_text("utf-8"))["users"]
        except FileNotFoundError:
            return {}
        return {name: Account.from_json(body) for name, body in users.items()}

    def _change(self, change: Callable[[dict[str, Account]], None]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self._path):
            users = self._read()
            change(users)
            body = {"version": 2, "users": {name: account.to_json() for name, account in users.items()}}
            write_private(self._path, json.dumps(body, indent=1, sort_keys=True))


def checked_name(user: str) -> str:
    """Return a user name that may become a folder, a group and a part of URLs.

    Raises:
        InvalidInput: this one may not.

    """
    if USER_NAME.fullmatch(user) is None:
        raise InvalidInput(f"{user!r} is no valid user name: use 1 to 64 lower-case letters, digits, '-' and '_'.")
    return user


def checked_password(password: str, user: str) -> str:
    """Return a password that is long enough and not easily guessed.

    Raises:
        InvalidInput: it is not; the message says why and never repeats it.

    """
    plain = password.lower()
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(f"A password needs {SHORTEST} to {LONGEST} characters.")
    if len(set(password)) < 4:
        raise InvalidInput("The password repeats too few characters.")
    if user in plain or any(plain.startswith(word) and len(plain) < len(word) + 6 for word in _COMMON):
        raise InvalidInput("The password is too easy to guess.")
    return password


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read, wholly or not at all."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(beside).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other writers of a file away, by a lock file beside it."""
    handle = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@cache
def _nobody() -> str:
    return _hasher.hash(os.urandom(16).hex())
