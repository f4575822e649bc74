"""What every policy is compared with: the author's sequence, an oracle, and rules from the literature.

A rival sees exercises by their place. What was solved is never offered again while anything is left, to any of
them, so all play by one rule.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from ..graph import Graph
from ..models.abc import Ranker
from ..models.baselines import LowestMastery
from ..models.policy import ExpectedGain
from ..skill_map import SkillMap
from ..tutor import Tutor
from .worlds import World

_WINDOW = 4


class Policy(ABC):
    """Choose an exercise for one simulated learner, from a course as its tags say it is."""

    name: ClassVar[str]

    def __init__(self, seen: Graph, world: World) -> None:
        self.map = SkillMap(seen)
        self.world = world
        self.solved = np.zeros(len(seen.exercises), bool)

    @abstractmethod
    def choose(self) -> int | None:
        """Return the place of the exercise to do next; None when there is none."""

    def told(self, exercise: int, correct: bool, at: float) -> None:
        """Take the answer to an exercise that was chosen."""
        self.solved[exercise] |= correct


class Sequence(Policy):
    """The author's order: each exercise in turn, then the ones not solved, again and again."""

    name = "author's sequence"
    _last = -1

    def choose(self) -> int | None:
        """Return the next exercise of the sequence that is not solved."""
        size = len(self.solved)
        for step in range(1, size + 1):
            place = (self._last + step) % size
            if not self.solved[place]:
                self._last = place
                return place
        return None


class Oracle(Policy):
    """Greedy with the truth: knows the learner's state and what each answer would add."""

    name = "oracle"

    def choose(self) -> int | None:
        """Return the exercise with the greatest true gain."""
        gains = [-1.0 if done else self.world.gain(place) for place, done in enumerate(self.solved.tolist())]
        return int(np.argmax(gains)) if not self.solved.all() else None


class Ranked(Policy):
    """A ranker behind the tutor that `nbcoach policy` runs."""

    ranker: ClassVar[type[Ranker]] = ExpectedGain

    def __init__(self, seen: Graph, world: World) -> None:
        super().__init__(seen, world)
        self._tutor = Tutor(seen, ranker=self.ranker())

    def choose(self) -> int | None:
        """Return what the tutor recommends."""
        found = self._tutor.recommend("learner")
        return self.map.exercise_place[found[0].candidate.id] if found else None

    def told(self, exercise: int, correct: bool, at: float) -> None:
        """Tell the tutor."""
        super().told(exercise, correct, at)
        self._tutor.observe("learner", self.map.names[exercise], correct, at)


class Ours(Ranked):
    """The default of the service."""

    name = "expected gain"


class Weakest(Ranked):
    """The skill that is mastered least, among those that are open."""

    name = "lowest mastery"
    ranker = LowestMastery


class Zpdes(Policy):
    """A bandit in the style of ZPDES (Clément et al. 2015): open skills in proportion to recent progress on them."""

    name = "ZPDES-like"

    def __init__(self, seen: Graph, world: World) -> None:
        super().__init__(seen, world)
        self._outcomes: list[list[int]] = [[] for _ in self.map.place]
        self._random = np.random.default_rng(0)

    def choose(self) -> int | None:
        """Return an exercise of a skill drawn by progress."""
        done = [sum(past[-_WINDOW:]) >= _WINDOW - 1 for past in self._outcomes]
        left = np.flatnonzero(~self.solved)
        if not len(left):
            return None
        open_ = [e for e in left.tolist() if all(done[s] for own in self.map.skills[e] for s in self.map.requires[own])]
        weights = np.array([self._worth(e) for e in open_ or left.tolist()])
        return int((open_ or left.tolist())[int(self._random.choice(len(weights), p=weights / weights.sum()))])

    def told(self, exercise: int, correct: bool, at: float) -> None:
        """Note the outcome for each of the exercise's skills."""
        super().told(exercise, correct, at)
        for skill in self.map.skills[exercise].tolist():
            self._outcomes[skill].append(int(correct))

    def _worth(self, exercise: int) -> float:
        worth = 0.1
        for skill in self.map.skills[exercise].tolist():
            past = self._outcomes[skill][-_WINDOW:]
            half = len(past) // 2
            worth += abs(float(np.mean(past[half:])) - float(np.mean(past[:half]))) if half else 0.5
        return worth


POLICIES: tuple[type[Policy], ...] = (Sequence, Oracle, Ours, Weakest, Zpdes)
