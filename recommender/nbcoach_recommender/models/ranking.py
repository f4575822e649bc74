"""What may come next for a learner, in which order, and why.

Vocabulary: a skill is *known* once its mastery has reached `known_at`, or when every exercise on
it is solved (there is nothing left to show); a later wrong answer makes it weak, not unknown.
An exercise is *locked* while one of its prerequisites is not known; the exercises that are neither
locked nor solved are the *outer fringe*. An exercise is *put aside* while the learner's own answer
("not now", "too hard", "too easy") keeps it back.

A course must always offer something until all is solved. So what is put aside comes last instead
of never, and where every exercise that is left is locked (skills can lock each other through
exercises with several skills), the one with the fewest unknown prerequisites is offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..graph import Exercise, Graph
from .abc import UNPRACTISED, Estimate, Ranker

KNOWN_AT = 0.45
"""Three right answers at the first try make a beginner known; two are enough for a strong learner."""


@dataclass(frozen=True)
class Reason:
    """One sentence why, as a code with parameters for translation, and in English."""

    code: str
    params: Mapping[str, Any]
    text: str


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a learner last said about difficulty: `harder` or easier than that of an exercise."""

    harder: bool
    than: int

    def fits(self, difficulty: int | None) -> bool:
        """Return whether an exercise of this difficulty is what was asked for."""
        return difficulty is None or (difficulty > self.than if self.harder else difficulty < self.than)


@dataclass(frozen=True, kw_only=True)
class View:
    """All that a decision may depend on: one learner in one course at one moment.

    `shown` names the skills whose mastery has reached `known_at` at some time.
    """

    graph: Graph
    estimates: Mapping[str, Estimate]
    chances: Mapping[str, float] = field(default_factory=dict)
    solved: frozenset[str] = frozenset()
    started: frozenset[str] = frozenset()
    aside: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    wish: Wish | None = None
    known_at: float = KNOWN_AT

    def estimate(self, skill: str) -> Estimate:
        """Return the estimate of a skill, which may be unpractised."""
        return self.estimates.get(skill, UNPRACTISED)

    def knows(self, skill: str) -> bool:
        """Return whether the learner has shown a skill, as far as the course can ask for it."""
        if skill in self.shown or self.estimate(skill).mastery >= self.known_at:
            return True
        return all(exercise in self.solved for exercise in self.graph.practised_by[skill])

    def unknown_prerequisites(self, exercise: str) -> tuple[str, ...]:
        """Return the prerequisites that keep an exercise locked; empty when it is open."""
        return tuple(skill for skill in self.graph.prerequisites[exercise] if not self.knows(skill))


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An exercise that may be offered; `place` is its number in the author's order."""

    exercise: Exercise
    place: int
    missing: tuple[str, ...] = ()
    aside: bool = False

    @property
    def id(self) -> str:
        """The exercise's id."""
        return self.exercise.task.id


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """A candidate in its place in the answer, with the chance of success and the reason."""

    candidate: Candidate
    p: float | None
    why: Reason


def candidates(view: View) -> list[Candidate]:
    """Return what may be offered, in the author's order: never solved, and never locked unless all is."""
    left = [
        Candidate(
            exercise=exercise,
            place=place,
            missing=view.unknown_prerequisites(name),
            aside=name in view.aside,
        )
        for place, (name, exercise) in enumerate(view.graph.exercises.items())
        if name not in view.solved
    ]
    if not left:
        return []
    fewest = min(len(candidate.missing) for candidate in left)
    return [candidate for candidate in left if len(candidate.missing) == fewest]


def recommend(ranker: Ranker, view: View, k: int) -> list[Recommendation]:
    """Return the best `k` candidates with reasons; what was put aside follows the rest."""
    allowed = candidates(view)
    offered = ranker.rank([c for c in allowed if not c.aside], view) + ranker.rank(
        [c for c in allowed if c.aside], view
    )
    return [
        Recommendation(candidate=candidate, p=view.chances.get(candidate.id), why=_why(ranker, candidate, view))
        for candidate in offered[:k]
    ]


def listed(titles: list[str]) -> str:
    """Return titles as they stand in a sentence: `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)


def _why(ranker: Ranker, candidate: Candidate, view: View) -> Reason:
    if candidate.missing:
        titles = [view.graph.skills[skill].title for skill in candidate.missing]
        text = f"Everything that is left builds on skills you have yet to show; this one only needs {listed(titles)}."
        return Reason("nearest", {"missing": titles}, text)
    if candidate.aside:
        return Reason("put-aside", {}, "You put it aside earlier, so it comes after the rest.")
    return ranker.why(candidate, view)
