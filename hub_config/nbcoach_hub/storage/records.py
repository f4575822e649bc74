"""Records of the store that are no events: profiles, submissions, comments on them, notifications, the audit trail.

Fields named in `sealed` are encrypted before they reach a backend; nothing can be looked for by
them. To keep another field secret, name it there: every backend then has it, and `nbcoach keys
reseal` encrypts what was written before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from nbcoach_exercises.events import Entry
from nbcoach_exercises.identifiers import new_id, now
from nbcoach_exercises.verdicts import Verdict

LANGUAGES = ("en", "de")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a user has told about himself; all of it can be exported and erased.

    `consents` are the purposes that the user agreed to, with the moment when; one that was taken
    back is not among them, and the audit trail tells its history.
    """

    sealed: ClassVar[tuple[str, ...]] = ("display_name", "email")

    user: str
    display_name: str = ""
    email: str = ""
    language: str = "en"
    goals: tuple[str, ...] = ()
    preferences: Mapping[str, Any] = field(default_factory=dict)
    consents: Mapping[str, datetime] = field(default_factory=dict)
    updated: datetime = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A learner's work as handed in: the source of each answer cell by grade id, and what it came to.

    `cells` are all of the code cells (`id`, `grade_id`, `source`), so that the work can be judged again;
    `verdicts` and `scores` are those of the questions, by their first answer cell; `due` is when it had to be there.
    """

    sealed: ClassVar[tuple[str, ...]] = ()

    learner: str
    course: str
    exercise: str
    version: str
    sources: Mapping[str, str]
    points: float
    max_points: float
    verdicts: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    cells: tuple[Mapping[str, str | None], ...] = ()
    due: datetime | None = None
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=now)

    @property
    def late(self) -> bool:
        """Return whether it came after its time."""
        return self.due is not None and self.at > self.due

    @property
    def solved(self) -> bool:
        """Return whether every question of it passed."""
        return bool(self.verdicts) and set(self.verdicts.values()) == {Verdict.PASSED}

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the answers, which a receipt names."""
        return work_hash(self.sources)


@dataclass(frozen=True, kw_only=True)
class Comment:
    """What an instructor says about a submission, or about one cell of it."""

    sealed: ClassVar[tuple[str, ...]] = ("text",)

    submission: str
    learner: str
    course: str
    exercise: str
    author: str
    text: str
    cell: str | None = None
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=now)


class Occasion(StrEnum):
    """What a learner is notified of."""

    COMMENT = "comment"
    RELEASED = "released"
    UPDATED = "updated"
    REGRADED = "regraded"


@dataclass(frozen=True, kw_only=True)
class Notification:
    """Something that a learner should know; it is kept until it is read.

    `detail` holds what the sentence needs, such as points before and after: the sentence is the front end's.
    """

    sealed: ClassVar[tuple[str, ...]] = ("detail",)

    learner: str
    course: str
    exercise: str
    kind: Occasion
    detail: Mapping[str, Any] = field(default_factory=dict)
    read: bool = False
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """Who did what to whom, for those who have to account for it.

    `action` is a word for programs, such as `profile.update`; `subject` is the user whom it is
    about, if anybody; `outcome` is `done`, `refused` or `failed`; `request` is the request's id.
    """

    sealed: ClassVar[tuple[str, ...]] = ("detail",)

    actor: str
    action: str
    subject: str = ""
    outcome: str = "done"
    request: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=now)


Record = Profile | Submission | Comment | Notification | AuditEntry


@dataclass(frozen=True)
class Audited:
    """An entry of the audit trail with its place in it."""

    number: int
    entry: AuditEntry


@dataclass(frozen=True, kw_only=True)
class Export:
    """Everything that is kept about one user, oldest first; `entries` are attempts and events."""

    user: str
    profile: Profile | None
    entries: tuple[Entry, ...]
    submissions: tuple[Submission, ...]
    comments: tuple[Comment, ...]
    notifications: tuple[Notification, ...]
    audit: tuple[AuditEntry, ...]


def work_hash(sources: Mapping[str, str]) -> str:
    """Return the SHA-256 of some answers by grade id, whatever their order."""
    digest = hashlib.sha256()
    for name, source in sorted(sources.items()):
        digest.update(f"{name}\0{len(source)}\0{source}".encode("utf-8", "replace"))
    return digest.hexdigest()
