"""Courses as values: skills, units, exercises, questions and checks. Immutable, free of input and output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from .errors import UnknownExercise


@dataclass(frozen=True)
class DataFile:
    """A file beside a notebook; `path` is relative to `data/`, with forward slashes."""

    path: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Skill:
    """Something that can be learnt; `requires` names the skills that come before it."""

    id: str
    title: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Check:
    """One named check: a part of a test cell with its own verdict.

    `id` is `<grade id>.<number>`; `points` is its share of the cell's points.
    `source` is what the judge runs; it never leaves the grader.
    """

    id: str
    name: str
    points: float
    hidden: bool
    hints: tuple[str, ...] = ()
    source: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class TestCell:
    """A test cell taken apart: `preamble` runs first, then each check on its own.

    A cell whose author named no checks keeps nbgrader's rule: all of its points or, after any
    failure, none; the value of its last expression may be a score.
    """

    __test__ = False  # not a pytest class

    grade_id: str
    points: float
    preamble: str = field(default="", repr=False)
    checks: tuple[Check, ...] = ()
    named: bool = True


@dataclass(frozen=True, kw_only=True)
class Question:
    """Answer cells and the test cells that judge them, by grade id."""

    answers: tuple[str, ...]
    tests: tuple[str, ...]
    points: float


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a learner's code may use.

    `seconds` for one cell or check; `memory_mb`, MiB for one process beyond the libraries;
    `processes` and threads of all that runs in a notebook beyond its snapshots.
    """

    seconds: float = 10.0
    memory_mb: int = 1024
    processes: int = 16


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A notebook of a course.

    `difficulty` runs from 1 (first steps) to 5; `minutes` is the usual time; `version`
    changes whenever the master or one of its data files does; work that comes after `due` is late.
    """

    id: str
    course: str
    unit: str
    title: str
    summary: str
    skills: tuple[str, ...]
    difficulty: int
    minutes: int
    version: str
    points: float
    questions: tuple[Question, ...]
    limits: Limits = Limits()
    due: datetime | None = None
    folder: Path = field(default=Path(), repr=False)

    def question_of(self, cell: str) -> Question | None:
        """Return the question that an answer or test cell belongs to."""
        return next((q for q in self.questions if cell in q.answers or cell in q.tests), None)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A chapter of a course; `exercises` is the author's order, by id."""

    id: str
    title: str
    exercises: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Course:
    """A course: its skills, its units and its exercises in the author's order."""

    id: str
    title: str
    summary: str
    skills: tuple[Skill, ...]
    units: tuple[Unit, ...]
    exercises: Mapping[str, Exercise]
    imports: tuple[str, ...] = ()

    def exercise(self, exercise: str) -> Exercise:
        """Return an exercise by id.

        Raises:
            UnknownExercise: there is none.

        """
        try:
            return self.exercises[exercise]
        except KeyError:
            raise UnknownExercise(self.id, exercise) from None

    def outline(self) -> dict[str, Any]:
        """Return what anybody in the course may know of it, as JSON: no sources, no checks, no paths."""
        public = ("id", "unit", "title", "summary", "skills", "difficulty", "minutes", "version", "points")
        return {
            "id": self.id,
            "title": self.title,
            "summary": self.summary,
            "skills": [asdict(skill) | {"requires": list(skill.requires)} for skill in self.skills],
            "units": [{"id": u.id, "title": u.title, "exercises": list(u.exercises)} for u in self.units],
            "exercises": [
                {name: getattr(exercise, name) for name in public}
                | {"skills": list(exercise.skills), "due": exercise.due.isoformat() if exercise.due else None}
                for exercise in self.exercises.values()
            ],
        }
