"""Four families of simulated learners, on any course.

A policy that wins in one world can lose in another, so no single one decides:

- `gated`: a skill is known or not, and can be learnt only once its prerequisites are known;
- `fading`: levels between 0 and 1 that practice raises and time lowers, all the time;
- `traced`: a performance-factors model as a learner: abilities grow with each success and, less, each failure;
- `restless`: gated learners who guess well and give up when they fail too often in a row.

Each world knows the true value of a learner's state and of one more answer, so that an oracle can
be asked for. Tags that a policy sees may be wrong (`mistagged`); what happens follows the true ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..graph import Exercise, Graph
from ..models.abc import Task
from ..skill_map import SkillMap

Floats = NDArray[np.float64]


class World(ABC):
    """One simulated learner in a course."""

    name: ClassVar[str]
    guess: ClassVar[float] = 0.15
    slip: ClassVar[float] = 0.1

    def __init__(self, skills: SkillMap, random: np.random.Generator) -> None:
        self.map = skills
        self.random = random
        self.level = np.zeros(len(skills.place))
        self.gone = False
        self._start()

    @abstractmethod
    def _start(self) -> None:
        """Set what the learner knows from before."""

    @abstractmethod
    def chance(self, exercise: int) -> float:
        """Return the true chance of a right answer."""

    @abstractmethod
    def gain(self, exercise: int) -> float:
        """Return the true expected growth of `value` by one answer."""

    @abstractmethod
    def _practise(self, exercise: int, correct: bool) -> None:
        """Let the learner learn from an answer."""

    def answer(self, exercise: int) -> bool:
        """Let the learner answer, learn and perhaps leave; return whether it was right."""
        correct = bool(self.random.random() < self.chance(exercise))
        self._practise(exercise, correct)
        return correct

    def value(self) -> float:
        """Return how much of the course the learner knows, from 0 to 1."""
        return float(self.level.mean())

    def ready(self, skill: int) -> float:
        """Return how far the prerequisites of a skill are there."""
        needed = self.map.requires[skill]
        return float(self.level[needed].min()) if len(needed) else 1.0

    def _know_a_beginning(self, most: float) -> None:
        """Let the learner know a part of the course, closed under prerequisites."""
        share = self.random.random() * most
        for skill in range(len(self.level)):
            if self.ready(skill) == 1.0 and self.random.random() < share:
                self.level[skill] = 1.0


class Gated(World):
    """Know or know not; learn only what the prerequisites allow."""

    name = "gated"
    learn: ClassVar[float] = 0.3

    def _start(self) -> None:
        self._know_a_beginning(0.5)

    def chance(self, exercise: int) -> float:
        """Return the true chance of a right answer."""
        return 1 - self.slip if self.level[self.map.skills[exercise]].all() else self.guess

    def gain(self, exercise: int) -> float:
        """Return the true expected growth of `value` by one answer."""
        skills = self.map.skills[exercise]
        return sum(self.learn * self.ready(s) for s in skills.tolist() if not self.level[s]) / len(self.level)

    def _practise(self, exercise: int, correct: bool) -> None:
        for skill in self.map.skills[exercise].tolist():
            if self.ready(skill) == 1.0 and self.random.random() < self.learn:
                self.level[skill] = 1.0


class Fading(World):
    """Levels that practice raises as far as prerequisites carry, and that fade towards half of their best."""

    name = "fading"
    learn: ClassVar[float] = 0.3
    fade: ClassVar[float] = 0.01

    def _start(self) -> None:
        self.level = self.random.random(len(self.level)) * 0.2
        self.best = self.level.copy()

    def chance(self, exercise: int) -> float:
        """Return the true chance of a right answer."""
        skills = self.map.skills[exercise]
        hard = 0.35 + 0.1 * (self.map.difficulty[exercise] - 3)
        able = float(self.level[skills].mean()) if len(skills) else 0.5
        return float(0.05 + 0.92 / (1 + np.exp(-8 * (able - hard))))

    def gain(self, exercise: int) -> float:
        """Return the true expected growth of `value` by one answer."""
        skills = self.map.skills[exercise].tolist()
        return float(sum(self.learn * (1 - self.level[s]) * self._carried(s) for s in skills) / len(self.level))

    def _carried(self, skill: int) -> float:
        return min(1.0, 0.1 + self.ready(skill))

    def _practise(self, exercise: int, correct: bool) -> None:
        self.level -= self.fade * np.maximum(0.0, self.level - self.best / 2)
        for skill in self.map.skills[exercise].tolist():
            self.level[skill] += self.learn * (1 - self.level[skill]) * self._carried(skill) * (1.2 if correct else 0.8)
        self.level = np.clip(self.level, 0, 1)
        self.best = np.maximum(self.best, self.level)


class Traced(World):
    """A performance-factors model as a learner; prerequisites only make tasks easier."""

    name = "traced"
    success: ClassVar[float] = 0.45
    failure: ClassVar[float] = 0.15

    def _start(self) -> None:
        self.logit = self.random.normal(-1.5, 0.5, len(self.level)) + self.random.normal(0, 0.4)
        self._express()

    def chance(self, exercise: int) -> float:
        """Return the true chance of a right answer."""
        return float(1 / (1 + np.exp(-self._score(exercise))))

    def gain(self, exercise: int) -> float:
        """Return the true expected growth of `value` by one answer."""
        p = self.chance(exercise)
        found = 0.0
        for skill in self.map.skills[exercise].tolist():
            now = self.level[skill]
            for share, step in ((p, self.success), (1 - p, self.failure)):
                found += share * (1 / (1 + np.exp(-self.logit[skill] - step)) - now)
        return float(found / len(self.level))

    def _score(self, exercise: int) -> float:
        skills = self.map.skills[exercise]
        if not len(skills):
            return 0.0
        ready = float(np.mean([self.ready(skill) for skill in skills.tolist()]))
        return float(self.logit[skills].mean() + 1.5 * (ready - 0.5) - 0.4 * (self.map.difficulty[exercise] - 3))

    def _practise(self, exercise: int, correct: bool) -> None:
        self.logit[self.map.skills[exercise]] += self.success if correct else self.failure
        self._express()

    def _express(self) -> None:
        self.level = 1 / (1 + np.exp(-self.logit))


class Restless(Gated):
    """Guess well, and give up after failures in a row."""

    name = "restless"
    guess = 0.3
    patience: ClassVar[float] = 0.004

    def _start(self) -> None:
        super()._start()
        self.failed = 0

    def _practise(self, exercise: int, correct: bool) -> None:
        super()._practise(exercise, correct)
        self.failed = 0 if correct else self.failed + 1
        self.gone = bool(self.random.random() < self.patience * self.failed)


FAMILIES: tuple[type[World], ...] = (Gated, Fading, Traced, Restless)


def mistagged(graph: Graph, share: float, random: np.random.Generator) -> Graph:
    """Return the course with a share of exercises tagged with a wrong skill, as a policy may see it."""
    skills = list(graph.skills)

    def tagged(exercise: Exercise) -> Exercise:
        if not exercise.task.skills or random.random() >= share:
            return exercise
        wrong = (skills[int(random.integers(len(skills)))], *exercise.task.skills[1:])
        task = Task(exercise.task.id, tuple(dict.fromkeys(wrong)), exercise.task.difficulty)
        return Exercise(task=task, title=exercise.title, minutes=exercise.minutes, graded=exercise.graded)

    return Graph.of(graph.course, graph.skills.values(), [tagged(e) for e in graph.exercises.values()])


def course_on(skills: Graph, per_skill: int, random: np.random.Generator) -> Graph:
    """Return a course on the skills of a graph: exercises in an author's order, some with two skills."""
    order = _in_order(skills)
    exercises: list[Exercise] = []
    for place, skill in enumerate(order):
        for number in range(per_skill):
            tags: Sequence[str] = (skill,)
            if place and random.random() < 0.15:
                tags = (skill, order[int(random.integers(max(0, place - 5), place))])
            task = Task(f"e{len(exercises)}", tuple(tags), 2 + number % 3)
            exercises.append(Exercise(task=task, title=task.id, minutes=5))
    return Graph.of(skills.course, (skills.skills[name] for name in order), exercises)


def _in_order(graph: Graph) -> list[str]:
    """Return the skills so that each stands after its prerequisites."""
    order: list[str] = []
    left = dict.fromkeys(graph.skills)
    while left:
        free = [name for name in left if not any(other in left for other in graph.skills[name].requires)]
        for name in free or list(left)[:1]:
            order.append(name)
            del left[name]
    return order
