"""A multi-skill Elo rating: abilities for each learner and each of the learner's skills, a difficulty for each task.

After R. Pelánek, "Applications of the Elo rating system in adaptive educational systems",
Computers & Education 98 (2016): the chance of a right answer is the logistic function of
ability minus difficulty, each answer moves both by the surprise in it, and the step shrinks as
a / (1 + b n) with the number n of answers seen (his "uncertainty function"). Three things are added:

- Several skills of a task count with the mean of their abilities, beside one general ability, so
  that a learner's first answers already tell something about every skill.
- A learner who tries the same question again tells less each time: the n-th try moves abilities
  and difficulties by n ** -fading of a step. Otherwise one exercise debugged by twenty checks
  would outweigh a chapter.
- A task that nobody has answered starts from the author's difficulty, where there is one.

Rejected: a plain average of the last answers (it cannot compare exercises of different
difficulty) and Bayesian Knowledge Tracing (needs a fit for each skill before the first answer).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import exp
from typing import Any, Self

from ..errors import NotFitted
from .abc import Answer, Estimate, Model, Task

_FLOOR = 1e-6
_MIDDLE = 3


@dataclass(slots=True)
class _Rating:
    """A number that is learnt, and how much evidence is behind it."""

    value: float = 0.0
    evidence: float = 0.0
    answers: int = 0
    right: float = 0.0

    def move(self, surprise: float, weight: float, start: float, decay: float, least: float = 0.0) -> None:
        self.value += weight * max(least, start / (1.0 + decay * self.evidence)) * surprise
        self.evidence += weight
        self.answers += 1


@dataclass(slots=True)
class _Learner:
    """What is known of one learner; `tries` counts answers by task and question."""

    general: _Rating = field(default_factory=_Rating)
    skills: dict[str, _Rating] = field(default_factory=dict)
    tries: dict[str, dict[str, int]] = field(default_factory=dict)


class MultiSkillElo(Model):
    """Rate learners, skills and tasks on one logistic scale.

    Args:
        general_step: first step of a learner's general ability, and `general_decay` how it shrinks.
        skill_step: first step of a learner's ability in one skill; it never falls below `skill_least`.
        task_step: first step of a task's difficulty.
        base_step: first step of the difficulty that all tasks of a skill share.
        fading: how much less a repeated try at the same question counts; 0 counts every try in full.
        author: how far one grade of the author's difficulty moves a task that nobody has answered.
        doubt: how many right answers it takes for half of the belief in a skill to count as mastery.

    """

    name = "multi-skill-elo"

    def __init__(
        self,
        *,
        general_step: float = 0.5,
        general_decay: float = 0.02,
        skill_step: float = 0.2,
        skill_decay: float = 0.1,
        skill_least: float = 0.1,
        task_step: float = 0.6,
        task_decay: float = 0.09,
        base_step: float = 0.1,
        base_decay: float = 0.02,
        fading: float = 0.3,
        author: float = 0.4,
        doubt: float = 1.0,
    ) -> None:
        self.general_step = general_step
        self.general_decay = general_decay
        self.skill_step = skill_step
        self.skill_decay = skill_decay
        self.skill_least = skill_least
        self.task_step = task_step
        self.task_decay = task_decay
        self.base_step = base_step
        self.base_decay = base_decay
        self.fading = fading
        self.author = author
        self.doubt = doubt

    def fit(self, answers: Iterable[Answer]) -> Self:
        """Forget everything, then learn from `answers` in their order."""
        self.learners_: dict[str, _Learner] = {}
        self.tasks_: dict[str, _Rating] = {}
        self.bases_: dict[str, _Rating] = {}
        for answer in answers:
            self._learn(answer, tasks_too=True)
        return self

    def partial_fit(self, answer: Answer) -> Self:
        """Learn from one more answer, about its learner and about its task."""
        if not hasattr(self, "learners_"):
            self.fit(())
        self._learn(answer, tasks_too=True)
        return self

    def follow(self, answer: Answer) -> Self:
        """Learn from one more answer about its learner only."""
        self._check_fitted()
        self._learn(answer, tasks_too=False)
        return self

    def predict(self, learner: str, task: Task, at: float = 0.0) -> float:
        """Return the probability that the learner's next answer to the task is right."""
        self._check_fitted()
        known = self.learners_.get(learner)
        ability = 0.0
        if known is not None:
            ability = known.general.value + _mean([_value(known.skills, skill) for skill in task.skills])
        return _logistic(ability - self._difficulty(task))

    def mastery(self, learner: str, at: float = 0.0) -> Mapping[str, Estimate]:
        """Return the chance of success at a middling task of each skill, held down while right answers are few.

        A right answer to a task of a skill never lowers its mastery, and a wrong one never raises it.
        """
        self._check_fitted()
        known = self.learners_.get(learner)
        if known is None:
            return {}
        return {
            skill: Estimate(
                mastery=_logistic(known.general.value + rating.value - _value(self.bases_, skill))
                * rating.right
                / (rating.right + self.doubt),
                attempts=rating.answers,
            )
            for skill, rating in known.skills.items()
        }

    def dump(self) -> dict[str, Any]:
        """Return the learnt state as JSON values."""
        self._check_fitted()
        return {
            "learners": {
                name: {"general": _pack(known.general), "skills": _pack_all(known.skills), "tries": known.tries}
                for name, known in self.learners_.items()
            },
            "tasks": _pack_all(self.tasks_),
            "bases": _pack_all(self.bases_),
        }

    def load(self, state: Mapping[str, Any]) -> Self:
        """Take over a state that `dump` returned."""
        self.learners_ = {
            name: _Learner(
                _unpack(body["general"]),
                _unpack_all(body["skills"]),
                {task: dict(questions) for task, questions in body["tries"].items()},
            )
            for name, body in state["learners"].items()
        }
        self.tasks_ = _unpack_all(state["tasks"])
        self.bases_ = _unpack_all(state["bases"])
        return self

    def _learn(self, answer: Answer, *, tasks_too: bool) -> None:
        task = answer.task
        surprise = float(answer.correct) - self.predict(answer.learner, task, answer.at)
        known = self.learners_.setdefault(answer.learner, _Learner())
        tries = known.tries.setdefault(task.id, {})
        tries[answer.question] = tries.get(answer.question, 0) + 1
        weight = float(tries[answer.question]) ** -self.fading
        known.general.move(surprise, weight, self.general_step, self.general_decay)
        for skill in task.skills:
            rating = known.skills.setdefault(skill, _Rating())
            rating.move(surprise, weight, self.skill_step, self.skill_decay, self.skill_least)
            rating.right += weight * answer.correct
        if tasks_too:
            self.tasks_.setdefault(task.id, _Rating(self._first(task))).move(
                -surprise, weight, self.task_step, self.task_decay
            )
            for skill in task.skills:
                self.bases_.setdefault(skill, _Rating()).move(-surprise, weight, self.base_step, self.base_decay)

    def _difficulty(self, task: Task) -> float:
        known = self.tasks_.get(task.id)
        own = self._first(task) if known is None else known.value
        return own + _mean([_value(self.bases_, skill) for skill in task.skills])

    def _first(self, task: Task) -> float:
        return 0.0 if task.difficulty is None else self.author * (task.difficulty - _MIDDLE)

    def _check_fitted(self) -> None:
        if not hasattr(self, "learners_"):
            raise NotFitted(type(self).__name__)


def _value(ratings: Mapping[str, _Rating], name: str) -> float:
    found = ratings.get(name)
    return 0.0 if found is None else found.value


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _logistic(x: float) -> float:
    p = 1.0 / (1.0 + exp(-x)) if x >= 0 else exp(x) / (1.0 + exp(x))
    return min(max(p, _FLOOR), 1.0 - _FLOOR)


def _pack(rating: _Rating) -> list[float]:
    return [rating.value, rating.evidence, rating.answers, rating.right]


def _unpack(packed: list[float]) -> _Rating:
    value, evidence, answers, right = packed
    return _Rating(value, evidence, int(answers), right)


def _pack_all(ratings: Mapping[str, _Rating]) -> dict[str, list[float]]:
    return {name: _pack(rating) for name, rating in ratings.items()}


def _unpack_all(packed: Mapping[str, list[float]]) -> dict[str, _Rating]:
    return {name: _unpack(numbers) for name, numbers in packed.items()}
