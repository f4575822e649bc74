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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Exercise, Graph
from ..skill_map import SkillMap
from .abc import UNPRACTISED, Estimate, Ranker
from .belief import Belief, Floats

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
class Preferences:
    """What a learner asked for: skills to reach, minutes at hand (0 for any), harder (1) or easier (-1) exercises.

    `at` is the moment, in seconds, and changes nothing.
    """

    goals: tuple[str, ...] = ()
    minutes: int = 0
    challenge: int = 0
    at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class View:
    """All that a decision may depend on: one learner in one course at one moment.

    `shown` names the skills whose mastery has reached `known_at` at some time, `due` the solved
    exercises that are worth doing again, `aside` what was put aside, that of longest ago first,
    `followers` what others solved after `last_solved`, and how often. `draw` stands for the learner's
    state where chance decides; `trained` says that `chances` know more than the belief does. `at` is
    the moment in seconds, `recall` how much of each skill is still there then.
    """

    graph: Graph
    map: SkillMap = field(compare=False)
    belief: Belief = field(compare=False)
    chances: Callable[[Sequence[str]], list[float]] = field(compare=False)
    estimate_all: Callable[[], Mapping[str, Estimate]] = field(compare=False)
    recall: Floats = field(compare=False)
    at: float = 0.0
    solved: frozenset[str] = frozenset()
    due: frozenset[str] = frozenset()
    started: frozenset[str] = frozenset()
    aside: tuple[str, ...] = ()
    shown: frozenset[str] = frozenset()
    tries: Mapping[str, int] = field(default_factory=dict)
    wish: Wish | None = None
    preferences: Preferences = field(default_factory=Preferences)
    followers: Mapping[str, int] = field(default_factory=dict)
    last_solved: str | None = None
    draw: str = ""
    trained: bool = False
    known_at: float = KNOWN_AT

    @cached_property
    def allowed(self) -> NDArray[np.intp]:
        """What may be offered, as places in the author's order: see `candidates`."""
        fresh = np.ones(len(self.graph.exercises), bool)
        fresh[[self.map.exercise_place[name] for name in self.solved - self.due]] = False
        shown = np.zeros(len(self.map.place))
        shown[[self.map.place[skill] for skill in self.shown if skill in self.map.place]] = 1.0
        # What `knows` says of one skill, for all of them.
        exhausted = self._solved_per_skill() >= self.map.exercises_per_skill
        missing = self.map.needs @ np.where(exhausted, 0.0, 1.0 - shown)
        open_ = np.flatnonzero(fresh & (missing == 0))
        if len(open_):
            return open_
        places = np.flatnonzero(fresh)
        return places[missing[places] == missing[places].min()] if len(places) else places

    @cached_property
    def estimates(self) -> Mapping[str, Estimate]:
        """What the model believes about each practised skill; asked for when a decision needs it."""
        return self.estimate_all()

    @cached_property
    def notes(self) -> dict[str, NDArray[np.float64]]:
        """What a ranker has worked out about this view already, by name."""
        return {}

    def _solved_per_skill(self) -> Floats:
        """Return how many exercises of each skill are solved."""
        found = np.zeros(len(self.map.place))
        for name in self.solved:
            found[self.map.skills[self.map.exercise_place[name]]] += 1
        return found

    def estimate(self, skill: str) -> Estimate:
        """Return the estimate of a skill, which may be unpractised."""
        return self.estimates.get(skill, UNPRACTISED)

    def knows(self, skill: str) -> bool:
        """Return whether the learner has shown a skill, as far as the course can ask for it."""
        if skill in self.shown:
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
    due: bool = False

    @property
    def id(self) -> str:
        """The exercise's id."""
        return self.exercise.task.id


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """A candidate in its place, with the chance of success, the reason, and how likely it was to stand there."""

    candidate: Candidate
    p: float
    why: Reason
    propensity: float = 1.0


def candidates(view: View, places: NDArray[np.intp] | None = None) -> list[Candidate]:
    """Return what may be offered, in the author's order: solved only if due, and locked only if all is."""
    names = view.map.names
    # All allowed ones lack equally many prerequisites, most often none.
    first = view.allowed[:1].tolist()
    locked = bool(first) and bool(view.unknown_prerequisites(names[first[0]]))
    return [
        Candidate(
            exercise=view.graph.exercises[names[place]],
            place=place,
            missing=view.unknown_prerequisites(names[place]) if locked else (),
            aside=names[place] in view.aside,
            due=names[place] in view.due,
        )
        for place in (view.allowed if places is None else places).tolist()
    ]


def recommend(ranker: Ranker, view: View, k: int) -> list[Recommendation]:
    """Return the best `k` candidates with reasons; what was put aside follows the rest, that of longest ago first."""
    kept = candidates(view, ranker.shortlist(view.allowed, view))
    if len(kept) < k and len(kept) < len(view.allowed):
        kept = candidates(view)
    fresh = ranker.rank([c for c in kept if not c.aside], view)
    fresh, propensity = ranker.explore(fresh, view)
    aside = sorted((c for c in kept if c.aside), key=lambda c: view.aside.index(c.id))
    offered = (fresh + aside)[:k]
    chances = view.chances([candidate.id for candidate in offered])
    return [
        Recommendation(
            candidate=candidate, p=p, why=_why(ranker, candidate, view), propensity=propensity if not place else 1.0
        )
        for place, (candidate, p) in enumerate(zip(offered, chances, strict=True))
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
