"""A course as the recommender sees it: skills with prerequisites, and exercises in the author's order.

Prerequisites are looked through: where a required skill has no exercise of its own, the skills
that it requires stand in for it, as nobody could ever show that skill.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .models.abc import Task


@dataclass(frozen=True, kw_only=True)
class Skill:
    """Something that can be learnt, and the skills that come before it."""

    id: str
    title: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An exercise as the outline of its course describes it; one that is not `graded` has nothing to solve."""

    task: Task
    title: str
    minutes: int
    graded: bool = True
    version: str = ""


@dataclass(frozen=True)
class Graph:
    """The skills and exercises of one course; `exercises` is in the author's order."""

    course: str
    skills: Mapping[str, Skill]
    exercises: Mapping[str, Exercise]

    @classmethod
    def of(cls, course: str, skills: Iterable[Skill], exercises: Iterable[Exercise]) -> Graph:
        """Return the graph of a course from its parts."""
        return cls(course, {s.id: s for s in skills}, {e.task.id: e for e in exercises})

    @classmethod
    def from_outline(cls, outline: Mapping[str, Any]) -> Graph:
        """Return the graph of a course from its outline in JSON."""
        described = {body["id"]: body for body in outline["exercises"]}
        order = [name for unit in outline["units"] for name in unit["exercises"] if name in described]
        return cls.of(
            outline["id"],
            (Skill(id=s["id"], title=s["title"], requires=tuple(s["requires"])) for s in outline["skills"]),
            (
                Exercise(
                    task=Task(name, tuple(described[name]["skills"]), described[name]["difficulty"]),
                    title=described[name]["title"],
                    minutes=described[name]["minutes"],
                    graded=described[name]["points"] > 0,
                    version=described[name]["version"],
                )
                for name in order
            ),
        )

    def outline(self) -> dict[str, Any]:
        """Return what `from_outline` reads."""
        return {
            "id": self.course,
            "skills": [{"id": s.id, "title": s.title, "requires": list(s.requires)} for s in self.skills.values()],
            "units": [{"exercises": list(self.exercises)}],
            "exercises": [
                {
                    "id": e.task.id,
                    "skills": list(e.task.skills),
                    "difficulty": e.task.difficulty,
                    "title": e.title,
                    "minutes": e.minutes,
                    "points": int(e.graded),
                    "version": e.version,
                }
                for e in self.exercises.values()
            ],
        }

    @cached_property
    def practised_by(self) -> Mapping[str, tuple[str, ...]]:
        """The exercises of each skill, by skill, in the author's order."""
        found: dict[str, list[str]] = {skill: [] for skill in self.skills}
        for exercise in self.exercises.values():
            for skill in exercise.task.skills:
                found.setdefault(skill, []).append(exercise.task.id)
        return {skill: tuple(exercises) for skill, exercises in found.items()}

    @cached_property
    def prerequisites(self) -> Mapping[str, tuple[str, ...]]:
        """The skills that come before each exercise, without those that it teaches itself."""
        order = {skill: place for place, skill in enumerate(self.skills)}
        found: dict[str, tuple[str, ...]] = {}
        for exercise in self.exercises.values():
            own = set(exercise.task.skills)
            needed: set[str] = set()
            for skill in own:
                needed |= self._shown_before(skill, own)
            found[exercise.task.id] = tuple(sorted(needed - own, key=order.__getitem__))
        return found

    @cached_property
    def builds_on(self) -> Mapping[str, tuple[str, ...]]:
        """The nearest required skills of each skill that have exercises, in the course's order."""
        return {
            skill: tuple(other for other in self.skills if other in self._shown_before(skill, {skill}))
            for skill in self.skills
        }

    def _shown_before(self, skill: str, visited: set[str]) -> set[str]:
        """Return the nearest required skills that have exercises."""
        found: set[str] = set()
        for required in self.skills[skill].requires if skill in self.skills else ():
            if required in visited or required not in self.skills:
                continue
            found |= {required} if self.practised_by[required] else self._shown_before(required, visited | {required})
        return found
