"""Records of the store that are no events: profiles, submissions, comments on them, and notifications."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from nbcoach_exercises.identifiers import new_id, now

LANGUAGES = ("en", "de")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a user has told about himself; all of it can be exported and erased."""

    user: str
    display_name: str = ""
    language: str = "en"
    goals: tuple[str, ...] = ()
    preferences: Mapping[str, Any] = field(default_factory=dict)
    updated: datetime = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A learner's work as handed in: the source of each answer cell by grade id, and what it came to.

    `verdicts` are those of the questions, by their first answer cell; `due` is when it had to be there.
    """

    learner: str
    course: str
    exercise: str
    version: str
    sources: Mapping[str, str]
    points: float
    max_points: float
    verdicts: Mapping[str, str] = field(default_factory=dict)
    due: datetime | None = None
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=now)

    @property
    def late(self) -> bool:
        """Return whether it came after its time."""
        return self.due is not None and self.at > self.due

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the answers, which a receipt names."""
        return work_hash(self.sources)


@dataclass(frozen=True, kw_only=True)
class Comment:
    """What an instructor says about a submission, or about one cell of it."""

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

    learner: str
    course: str
    exercise: str
    kind: Occasion
    detail: Mapping[str, Any] = field(default_factory=dict)
    read: bool = False
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=now)


def work_hash(sources: Mapping[str, str]) -> str:
    """Return the SHA-256 of some answers by grade id, whatever their order."""
    digest = hashlib.sha256()
    for name, source in sorted(sources.items()):
        digest.update(f"{name}\0{len(source)}\0{source}".encode("utf-8", "replace"))
    return digest.hexdigest()
