"""The default model: abilities that move with each answer, and boosted trees on top once there is a log to learn from.

Two stages. A `Trace` of each learner keeps abilities by skill, moved by each answer in microseconds
and without a refit, in the manner of Elo ratings. With the ease of the task they give a chance.
`fit` learns from a log of many learners how easy tasks are, which of them go together, how contexts
turn out, and boosted trees that turn all of it, with recency, streaks and gaps, into one chance (see `fitted`).

With too few answers for trees (`least_answers`) abilities and ease alone decide: the first learner of a new course
has an answer too. A task nobody has answered starts from its author's difficulty and learns from each
answer after that.

A learner's trace depends on that learner's answers and on what `fit` has left, and on nothing that
came between; so a trace can be dropped (`forget`) and replayed later, the same bit for bit.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from math import exp, sqrt
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import NotFitted
from .abc import Answer, Estimate, Model, Task
from .fitted import Fitted
from .learner import Learner
from .trace import Practice, TaskFacts, Trace

_FLOOR = 1e-6
_NEW_TASK_PRIOR = 1.5
_FITTED_SHARE = 0.2


class StackedMastery(Model):
    """Estimate what learners can do, from abilities alone at first and with boosted trees after a fit.

    Args:
        trees: how many trees are grown.
        folds: groups of learners whose task statistics come from the other groups.
        least_answers: below this many answers no trees are grown.
        fading: how much less a repeated try at the same question counts; 0 counts every try in full.
        author: how far one grade of the author's difficulty moves a task that nobody has answered.
        doubt: how many right answers it takes for half of the belief in a skill to count as mastery.
        seed: of the trees.

    """

    name = "stacked-mastery"
    replayable = True

    fitted_: Fitted
    learners_: dict[str, Learner]
    pending_: dict[str, list[Answer]]
    shifts_: dict[str, list[float]]

    def __init__(
        self,
        *,
        trees: int = 250,
        folds: int = 10,
        least_answers: int = 3000,
        fading: float = 0.0,
        author: float = 0.4,
        doubt: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.trees = trees
        self.folds = folds
        self.least_answers = least_answers
        self.fading = fading
        self.author = author
        self.doubt = doubt
        self.seed = seed

    def fit(self, answers: Iterable[Answer]) -> Self:
        """Forget everything, then learn from `answers`; with too few of them as `partial_fit` would, one by one."""
        answers = list(answers)
        self._begin(Fitted(self.author))
        few = len(answers) < self.least_answers or len({answer.learner for answer in answers}) < 2 * self.folds
        if few or len({answer.correct for answer in answers}) < 2:
            for answer in answers:
                self.partial_fit(answer)
            return self
        self.fitted_ = Fitted.to(
            answers, author=self.author, fading=self.fading, folds=self.folds, trees=self.trees, seed=self.seed
        )
        for answer in answers:
            self.pending_.setdefault(answer.learner, []).append(answer)
        return self

    def partial_fit(self, answer: Answer) -> Self:
        """Learn from one more answer, about its learner and about its task."""
        if not hasattr(self, "learners_"):
            self._begin(Fitted(self.author))
        known = self._known(answer.learner)
        able = 0.0 if known is None else known.trace.ability(answer.task.skills)
        chance = _logistic(self._facts_now(answer.task).ease + able)
        weight = self._follow(answer)
        shift = self.shifts_.setdefault(answer.task.id, [0.0, 0.0])
        shift[0] += weight * (answer.correct - chance)
        shift[1] += weight * chance * (1 - chance)
        return self

    def follow(self, answer: Answer) -> Self:
        """Learn from one more answer about its learner only."""
        self._follow(answer)
        return self

    def forget(self, learner: str) -> None:
        """Drop what is known of a learner; following the same answers again restores it."""
        self._check_fitted()
        self.learners_.pop(learner, None)
        self.pending_.pop(learner, None)

    def reset(self) -> None:
        """Forget all learners and what came after the fit."""
        self._check_fitted()
        self.learners_, self.pending_, self.shifts_ = {}, {}, {}

    @property
    def trained(self) -> bool:
        """Whether trees were grown."""
        return hasattr(self, "fitted_") and self.fitted_.forest is not None

    def shifts(self) -> dict[str, list[float]]:
        """Return what answers since the fit have told of tasks."""
        self._check_fitted()
        return {task: list(shift) for task, shift in self.shifts_.items()}

    def take_shifts(self, shifts: Mapping[str, list[float]]) -> None:
        """Take over what `shifts` returned."""
        self._check_fitted()
        self.shifts_ = {task: list(shift) for task, shift in shifts.items()}

    def predict(self, learner: str, task: Task, at: float = 0.0) -> float:
        """Return the probability that the learner's next answer to the task is right."""
        return self.chances(learner, (task,), at)[0]

    def chances(self, learner: str, tasks: Sequence[Task], at: float = 0.0) -> list[float]:
        """Return the probability for each of several tasks."""
        if not tasks:
            return []
        known = self._known(learner)
        trace = _NOBODY if known is None else known.trace
        described = [trace.describe(task.id, self._facts_now(task)) for task in tasks]
        return [_inside(p) for p in self.fitted_.chances(described)]

    def mastery(self, learner: str, at: float = 0.0) -> Mapping[str, Estimate]:
        """Return the chance of success at a middling task of each skill, held down while right answers are few.

        A right answer to a task of a skill never lowers its mastery, and a wrong one never raises it.
        """
        known = self._known(learner)
        if known is None:
            return {}
        found = {}
        for skill, practice in known.trace.skills.items():
            chance, mastery = self._mastered(skill, practice, known.trace.general)
            # Fisher information of n answers, on top of a prior of one; carried over by the slope of the curve.
            spread = chance * (1 - chance) / sqrt(1 + practice.n * chance * (1 - chance))
            found[skill] = Estimate(mastery=mastery, attempts=practice.n, spread=spread + (chance - mastery) / 2)
        return found

    def reached(self, learner: str, level: float, beyond: Container[str]) -> list[str]:
        """Return the skills of `mastery` that are at a level or above, without those in `beyond`."""
        known = self._known(learner)
        if known is None:
            return []
        general, doubt = known.trace.general, self.doubt
        return [
            skill
            for skill, practice in known.trace.skills.items()
            # No chance lifts mastery above this share: it spares most skills the rest.
            if practice.right >= level * (practice.right + doubt) - _FLOOR
            and skill not in beyond
            and self._mastered(skill, practice, general)[1] >= level
        ]

    def ease(self, task: Task) -> float:
        """Return the logit of success of a middling learner at a task, with what was learnt since the fit."""
        self._check_fitted()
        return self._facts_now(task).ease

    def trace(self, learner: str) -> Trace:
        """Return what is kept of a learner; an empty trace for an unknown one."""
        known = self._known(learner)
        return Trace() if known is None else known.trace

    def dump(self) -> dict[str, Any]:
        """Return the learnt state as JSON values; a learner is the answers given."""
        self._check_fitted()
        for learner in list(self.pending_):
            self._known(learner)
        return {
            "learners": {name: [_pack(answer) for answer in known.answers] for name, known in self.learners_.items()},
            "shifts": self.shifts_,
            "fitted": {name: value.tolist() for name, value in self.arrays().items()} | {"names": self.names()},
        }

    def load(self, state: Mapping[str, Any]) -> Self:
        """Take over a state that `dump` returned."""
        fitted = dict(state["fitted"])
        names = fitted.pop("names")
        self.restore(names, {name: np.array(value) for name, value in fitted.items()})
        self.shifts_ = {task: list(shift) for task, shift in state["shifts"].items()}
        for name, packed in state["learners"].items():
            for body in packed:
                self.follow(_unpack(name, body))
        return self

    def names(self) -> dict[str, Any]:
        """Return the names behind the numbers of `arrays`, as JSON values."""
        self._check_fitted()
        return self.fitted_.names()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `fit` has learnt of tasks, as arrays by name; none before there were enough answers."""
        self._check_fitted()
        return self.fitted_.arrays()

    def restore(self, names: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Forget everything and take over what `names` and `arrays` returned."""
        self._begin(Fitted.restored(self.author, names, arrays))
        return self

    def _begin(self, fitted: Fitted) -> None:
        self.fitted_ = fitted
        self.learners_ = {}
        self.pending_ = {}
        self.shifts_ = {}

    def _follow(self, answer: Answer) -> float:
        """Learn about the answer's learner, and return how much it counted."""
        known = self._known(answer.learner)
        if known is None:
            known = self.learners_[answer.learner] = Learner()
        return known.add(answer, self.fitted_.facts(answer.task), self.fading)

    def _mastered(self, skill: str, practice: Practice, general: float) -> tuple[float, float]:
        """Return the chance at a middling task of a skill, and the mastery that it makes with the right answers."""
        chance = _inside(_logistic(self.fitted_.set_ease((skill,)) + general + practice.slow))
        return chance, chance * practice.right / (practice.right + self.doubt)

    def _facts_now(self, task: Task) -> TaskFacts:
        """Return a task's facts moved by what its answers since the fit have shown."""
        facts = self.fitted_.facts(task)
        shift = self.shifts_.get(task.id)
        if shift is None:
            return facts
        moved = shift[0] / (shift[1] + _NEW_TASK_PRIOR + _FITTED_SHARE * facts.answers)
        return TaskFacts(
            facts.number, facts.set_number, facts.skills, facts.ease + moved, facts.skill_ease, facts.answers,
            facts.loadings,
        )  # fmt: skip

    def _known(self, learner: str) -> Learner | None:
        self._check_fitted()
        if learner in self.pending_:
            for answer in self.pending_.pop(learner):
                self.follow(answer)
        return self.learners_.get(learner)

    def _check_fitted(self) -> None:
        if not hasattr(self, "learners_"):
            raise NotFitted(type(self).__name__)


_NOBODY = Trace()


def _pack(answer: Answer) -> list[Any]:
    task = answer.task
    return [task.id, list(task.skills), task.difficulty, answer.correct, answer.question, answer.at]


def _unpack(learner: str, body: Sequence[Any]) -> Answer:
    task, skills, difficulty, correct, question, at = body
    return Answer(learner, Task(task, tuple(skills), difficulty), correct, question, at)


def _logistic(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def _inside(p: float) -> float:
    return min(max(p, _FLOOR), 1 - _FLOOR)
