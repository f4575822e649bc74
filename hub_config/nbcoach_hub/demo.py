"""The accounts of a first start: a learner, an instructor and an admin, with random passwords."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from .credentials import Credentials, write_private
from .settings import Members, Settings

_COURSE = "python-foundations"
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class DemoAccount:
    """An account whose password is kept readable, so that it can be shown at each start."""

    user: str
    password: str
    role: str


def ensure_accounts(settings: Settings) -> list[DemoAccount]:
    """Return the demo accounts, made at the first start; idempotent.

    Those whose user or password was changed since are among them, see `still_valid`.
    """
    credentials = Credentials(settings.credentials_file)
    place = settings.state / "demo_accounts.json"
    if not place.exists():
        if credentials.users():
            return []
        made = [DemoAccount(role, _password(), role) for role in ("learner", "instructor", "admin")]
        write_private(place, json.dumps([asdict(account) for account in made], indent=1))
    accounts = [DemoAccount(**account) for account in json.loads(place.read_text("utf-8"))]
    if not credentials.users():
        for account in accounts:
            credentials.set_password(account.user, account.password)
    if not settings.members_file.exists():
        courses = settings.course_ids()
        course = _COURSE if _COURSE in courses else courses[0]
        members = Members(
            admins=frozenset({"admin"}),
            learners={course: frozenset({"learner"})},
            instructors={course: frozenset({"instructor"})},
        )
        write_private(settings.members_file, members.to_json())
    return accounts


def still_valid(settings: Settings, accounts: Iterable[DemoAccount]) -> list[DemoAccount]:
    """Return the accounts whose password is still theirs; that takes 0.1 s for each."""
    credentials = Credentials(settings.credentials_file)
    return [account for account in accounts if credentials.verify(account.user, account.password)]


def _password() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
