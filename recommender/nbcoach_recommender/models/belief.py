"""What a learner most likely knows, skill by skill, along the prerequisite graph.

Each skill has a probability of being known. An answer to an exercise is taken by Bayes' rule for
its skills and for everything they build on: who solves it most likely knows what comes before it
as well, and a failure may come from any of them. After the answer, practice teaches the skills of
the exercise, but only as far as their prerequisites are there.

Time makes practice fade: a skill's half-life doubles with each right answer.

`expected_gain` is how much knowledge an exercise would add: what is missing of its skills, times
the chance that practice teaches it, times its worth, which grows with what it opens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..skill_map import SkillMap

Floats = NDArray[np.float64]

PRIOR = 0.2
GUESS = 0.2
SLIP = 0.1
LEARN = 0.2
OPENS = 0.35
HALF_LIFE_DAYS = 7.0
DUE_BELOW = 0.5
_DOUBLINGS = 6
_DAY = 86400.0
_LEAST, _CERTAIN = 0.01, 0.995
_ROUNDS = 4


class Belief:
    """The belief about one learner."""

    __slots__ = ("_last", "_map", "known", "right")

    def __init__(self, skills: SkillMap) -> None:
        size = len(skills.place)
        self._map = skills
        self.known = np.full(size, PRIOR)
        self.right = np.zeros(size)
        self._last = np.zeros(size)

    def add(self, exercise: int, correct: bool, at: float, weight: float = 1.0) -> None:
        """Take an answer to the exercise at a place of the map; `weight` says how much practice it was."""
        skills = self._map.skills[exercise]
        if not len(skills):
            return
        known = self.known
        own = np.maximum(known.take(skills) * self._recall(skills, at), _LEAST)
        known[skills] = own
        able = float(np.multiply.reduce(own))
        involved = self._map.involved(exercise)
        if_known = GUESS + (1 - SLIP - GUESS) * np.minimum(1.0, able / known.take(involved))
        p = GUESS + (1 - SLIP - GUESS) * able
        known[involved] *= if_known / p if correct else (1 - if_known) / (1 - p)
        for skill in skills.tolist():
            ready = float(np.multiply.reduce(known.take(self._map.requires[skill])))
            known[skill] += (1 - known[skill]) * LEARN * weight * ready
        known[involved] = np.minimum(np.maximum(known.take(involved), _LEAST), _CERTAIN)
        self._last[skills] = at
        if correct:
            self.right[skills] += 1

    def recall(self, at: float) -> Floats:
        """Return for each skill how much of it is still there; 1 where nothing was practised."""
        found = np.ones(len(self.known))
        practised = np.flatnonzero(self.right)
        found[practised] = self._recall(practised, at)
        return found

    def faded(self, exercise: int, at: float) -> bool:
        """Return whether so much of a skill of the exercise is forgotten that doing it again pays."""
        return bool(np.any(self._recall(self._map.skills[exercise], at) < DUE_BELOW))

    def now(self, recall: Floats) -> Floats:
        """Return how likely each skill is known, with what is still there of each (`recall`)."""
        return np.maximum(self.known * recall, _LEAST)

    def expected_gain(self, known: Floats) -> Floats:
        """Return how much each exercise of the map would teach who knows each skill as likely as that (`now`)."""
        missing = 1 - known
        ready = np.exp(self._map.required @ np.log(known))
        worth = np.ones(len(known))
        for _ in range(_ROUNDS):
            worth = 1 + OPENS * (self._map.opened_by @ (missing * worth))
        gain: Floats = self._map.practises @ (missing * ready * worth)
        return gain

    def _recall(self, skills: NDArray[np.intp], at: float) -> Floats:
        """Return how much is still there of some skills; most learners have practised few."""
        right = self.right.take(skills)
        days = np.maximum(0.0, at - self._last.take(skills)) / _DAY
        half_life = HALF_LIFE_DAYS * 2 ** np.minimum(np.maximum(right - 1, 0), _DOUBLINGS)
        return np.where(right > 0, 0.5 ** (days / half_life), 1.0)
