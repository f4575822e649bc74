"""Records of the store that are no events: profiles and submissions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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
    """A learner's work as handed in: the source of each answer cell by grade id, and its points."""

    learner: str
    course: str
    exercise: str
    version: str
    sources: Mapping[str, str]
    points: float
    max_points: float
    id: str = field(default_factory=new_id)
    at: datetime = field(default_factory=now)
