"""The default model: abilities that move with each answer, and boosted trees on top once there is a log to learn from.

Two stages. A `Trace` of each learner keeps abilities by skill, moved by each answer in microseconds
and without a refit, in the manner of Elo ratings. With the ease of the task they give a chance.
`fit` learns from a log of many learners how easy tasks are, which of them go together, how contexts
turn out, and boosted trees that turn all of it, with recency, streaks and gaps, into one chance.

What is learnt of tasks is taken out of fold: the features of a training learner come from the answers
of others, as those of a new learner will. Otherwise the trees trust numbers that hold the very
outcome they predict.

With too few answers for trees (`least_answers`) abilities and ease alone decide: the first learner of a new course
has an answer too. A task nobody has answered starts from its author's difficulty and learns from each
answer after that.

A learner's trace depends on that learner's answers and on what `fit` has left, and on nothing that
came between; so a trace can be dropped (`forget`) and replayed later, the same bit for bit.

Rejected: one-off target encoding of tasks without folds (AUC .784 instead of .801 on ASSISTments 2009),
and surprises against the ease that the held-out fold had a part in (.784 as well, and badly calibrated).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, sqrt
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import NotFitted
from .abc import Answer, Estimate, Model, Task
from .encoding import ContextTable
from .forest import Forest
from .tasks import Floats, Ints, TaskTable, logistic
from .trace import CONTEXTS, TaskFacts, Trace

_FLOOR = 1e-6
_MIDDLE = 3
_NEW_TASK_PRIOR = 1.5
_FITTED_SHARE = 0.2


@dataclass(slots=True)
class _Learner:
    trace: Trace = field(default_factory=Trace)
    tries: dict[tuple[str, str], int] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)


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

    learners_: dict[str, _Learner]
    pending_: dict[str, list[Answer]]
    tasks_: dict[str, int]
    sets_: dict[tuple[str, ...], int]
    table_: TaskTable | None
    contexts_: ContextTable | None
    forest_: Forest | None
    shifts_: dict[str, list[float]]
    facts_: dict[Task, TaskFacts]

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
        self._begin()
        few = len(answers) < self.least_answers or len({answer.learner for answer in answers}) < 2 * self.folds
        if few or len({answer.correct for answer in answers}) < 2:
            for answer in answers:
                self.partial_fit(answer)
            return self
        self._fit_tasks(answers)
        for answer in answers:
            self.pending_.setdefault(answer.learner, []).append(answer)
        return self

    def partial_fit(self, answer: Answer) -> Self:
        """Learn from one more answer, about its learner and about its task."""
        if not hasattr(self, "learners_"):
            self._begin()
        chance, _ = self._online(answer.learner, answer.task)
        self.follow(answer)
        weight = self._weight(self.learners_[answer.learner], answer)
        shift = self.shifts_.setdefault(answer.task.id, [0.0, 0.0])
        shift[0] += weight * (answer.correct - chance)
        shift[1] += weight * chance * (1 - chance)
        return self

    def follow(self, answer: Answer) -> Self:
        """Learn from one more answer about its learner only."""
        known = self._known(answer.learner)
        if known is None:
            known = self.learners_[answer.learner] = _Learner()
        key = (answer.task.id, answer.question)
        known.tries[key] = known.tries.get(key, 0) + 1
        known.trace.add(answer.task.id, self._facts(answer.task), answer.correct, self._weight(known, answer))
        known.answers.append(answer)
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
        return getattr(self, "forest_", None) is not None

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
        if self.forest_ is None or self.contexts_ is None:
            return [_inside(found.chance) for found in described]
        contexts = self.contexts_.features(np.array([found.contexts for found in described], np.int64))
        features = np.hstack([np.array([found.features for found in described], np.float32), contexts])
        return [_inside(float(p)) for p in logistic(self.forest_.score(features))]

    def mastery(self, learner: str, at: float = 0.0) -> Mapping[str, Estimate]:
        """Return the chance of success at a middling task of each skill, held down while right answers are few.

        A right answer to a task of a skill never lowers its mastery, and a wrong one never raises it.
        """
        known = self._known(learner)
        if known is None:
            return {}
        found = {}
        for skill, practice in known.trace.skills.items():
            chance = _inside(_logistic(self._set_ease((skill,)) + known.trace.general + practice.slow))
            mastery = chance * practice.right / (practice.right + self.doubt)
            # Fisher information of n answers, on top of a prior of one; carried over by the slope of the curve.
            spread = chance * (1 - chance) / sqrt(1 + practice.n * chance * (1 - chance))
            found[skill] = Estimate(mastery=mastery, attempts=practice.n, spread=spread + (chance - mastery) / 2)
        return found

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
        return {"tasks": list(self.tasks_), "sets": [list(skills) for skills in self.sets_]}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `fit` has learnt of tasks, as arrays by name; none before there were enough answers."""
        table, contexts, forest = self.table_, self.contexts_, self.forest_
        if table is None or contexts is None or forest is None:
            return {}
        return {
            "level": np.array([table.level]),
            "task_ease": table.task_ease,
            "set_ease": table.set_ease,
            "counts": table.counts,
            "loadings": table.loadings,
            "context_keys": contexts.keys,
            "context_values": contexts.values,
            "context_weights": contexts.weights,
            "base": np.array([forest.base]),
            "depth": np.array([forest.depth]),
            "feature": forest.feature,
            "threshold": forest.threshold,
            "left": forest.left,
            "right": forest.right,
            "value": forest.value,
        }

    def restore(self, names: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Forget everything and take over what `names` and `arrays` returned."""
        self._begin()
        self.tasks_ = {str(name): place + 1 for place, name in enumerate(names["tasks"])}
        self.sets_ = {tuple(skills): place + 1 for place, skills in enumerate(names["sets"])}
        if arrays:
            self.table_ = TaskTable(
                float(arrays["level"][0]), *(arrays[n] for n in ("task_ease", "set_ease", "counts", "loadings"))
            )
            self.contexts_ = ContextTable(
                arrays["context_keys"].astype(np.int64),
                arrays["context_values"].astype(np.float32),
                arrays["context_weights"].astype(np.float32),
            )
            self.forest_ = Forest(
                float(arrays["base"][0]),
                int(arrays["depth"][0]),
                *(arrays[n] for n in ("feature", "threshold", "left", "right", "value")),
            )
        return self

    def _begin(self) -> None:
        self.learners_ = {}
        self.pending_ = {}
        self.tasks_ = {}
        self.sets_ = {}
        self.table_ = None
        self.contexts_ = None
        self.forest_ = None
        self.shifts_ = {}
        self.facts_ = {}

    def _fit_tasks(self, answers: Sequence[Answer]) -> None:
        """Learn tables and trees, with what each learner's rows hold taken from the learners of other folds."""
        names: dict[str, int] = {}
        who = np.array([names.setdefault(a.learner, len(names)) for a in answers])
        # Groups of equal size, drawn by a hash: the order of learners in a file may mean something.
        drawn = np.argsort([zlib.crc32(name.encode()) for name in names], kind="stable")
        fold = np.empty(len(names), np.int64)
        fold[drawn] = np.arange(len(names)) % self.folds
        fold = fold[who]
        what = np.array([self.tasks_.setdefault(a.task.id, len(self.tasks_) + 1) for a in answers])
        sets = np.array([self.sets_.setdefault(a.task.skills, len(self.sets_) + 1) for a in answers])
        right = np.array([a.correct for a in answers], float)
        size = (len(self.tasks_) + 1, len(self.sets_) + 1)

        def table(rows: NDArray[np.bool_]) -> TaskTable:
            return TaskTable.fitted(who[rows], what[rows], sets[rows], right[rows], *size)

        used = [number for number in range(self.folds) if np.any(fold == number)]
        tables = {number: table(fold != number) for number in used}
        self.table_ = table(np.ones(len(answers), bool))
        features, contexts, able = self._describe_all(answers, fold, tables)
        looked_up = np.zeros((len(answers), 2 * CONTEXTS), np.float32)
        for number in used:
            others = fold != number
            fitted = self._contexts(tables[number], able, what, sets, right, contexts, others)
            looked_up[~others] = fitted.features(contexts[~others])
        self.contexts_ = self._contexts(self.table_, able, what, sets, right, contexts, np.ones(len(answers), bool))
        self.forest_ = Forest.grown(np.hstack([features, looked_up]), right, trees=self.trees, seed=self.seed)
        self.facts_ = {}

    def _describe_all(
        self, answers: Sequence[Answer], fold: Ints, tables: Mapping[int, TaskTable]
    ) -> tuple[NDArray[np.float32], Ints, Floats]:
        """Return features, contexts and ability for each answer, as they were before it."""
        learners: dict[str, _Learner] = {}
        facts: dict[tuple[int, Task], TaskFacts] = {}
        contexts = np.zeros((len(answers), CONTEXTS), np.int64)
        able = np.zeros(len(answers))
        features: NDArray[np.float32] | None = None
        for row, (answer, number) in enumerate(zip(answers, fold.tolist(), strict=True)):
            known = learners.setdefault(answer.learner, _Learner())
            found = facts.get((number, answer.task))
            if found is None:
                found = facts[number, answer.task] = self._facts_from(tables[number], answer.task)
            described = known.trace.describe(answer.task.id, found)
            if features is None:
                features = np.zeros((len(answers), len(described.features)), np.float32)
            features[row] = described.features
            contexts[row] = described.contexts
            able[row] = known.trace.ability(answer.task.skills)
            key = (answer.task.id, answer.question)
            known.tries[key] = known.tries.get(key, 0) + 1
            known.trace.add(answer.task.id, found, answer.correct, self._weight(known, answer))
        assert features is not None, "There are answers, or no trees are grown."
        return features, contexts, able

    @staticmethod
    def _contexts(
        table: TaskTable, able: Floats, what: Ints, sets: Ints, right: Floats, contexts: Ints, rows: NDArray[np.bool_]
    ) -> ContextTable:
        # The chances come from ease without the held-out fold, or the surprises of others would hold its outcomes.
        p = logistic(table.level + able[rows] + table.task_ease[what[rows]] + table.set_ease[sets[rows]])
        return ContextTable.fitted(contexts[rows], right[rows] - p, p * (1 - p))

    def _facts(self, task: Task) -> TaskFacts:
        """Return what the last fit left of a task; the same until the next fit."""
        found = self.facts_.get(task)
        if found is None:
            found = self.facts_[task] = self._facts_from(self.table_, task)
        return found

    def _facts_from(self, table: TaskTable | None, task: Task) -> TaskFacts:
        number, set_number = self.tasks_.get(task.id, 0), self.sets_.get(task.skills, 0)
        answers = 0.0 if table is None else float(table.counts[number])
        own = 0.0 if task.difficulty is None or answers else self.author * (_MIDDLE - task.difficulty)
        loadings = None
        shared = self._set_ease(task.skills, table)
        if table is not None:
            own += float(table.task_ease[number])
            loadings = table.loadings[number] if table.has_loadings(number) else None
        return TaskFacts(number, set_number, task.skills, shared + own, shared, answers, loadings)

    def _facts_now(self, task: Task) -> TaskFacts:
        """Return a task's facts moved by what its answers since the fit have shown."""
        facts = self._facts(task)
        shift = self.shifts_.get(task.id)
        if shift is None:
            return facts
        moved = shift[0] / (shift[1] + _NEW_TASK_PRIOR + _FITTED_SHARE * facts.answers)
        return TaskFacts(
            facts.number, facts.set_number, facts.skills, facts.ease + moved, facts.skill_ease, facts.answers,
            facts.loadings,
        )  # fmt: skip

    def _set_ease(self, skills: tuple[str, ...], table: TaskTable | None = None) -> float:
        table = table or self.table_
        if table is None:
            return 0.0
        number = self.sets_.get(skills, 0)
        if not number and len(skills) > 1:
            return sum(self._set_ease((skill,), table) for skill in skills) / len(skills)
        return table.level + float(table.set_ease[number])

    def _online(self, learner: str, task: Task) -> tuple[float, _Learner | None]:
        known = self._known(learner)
        able = 0.0 if known is None else known.trace.ability(task.skills)
        return _logistic(self._facts_now(task).ease + able), known

    def _known(self, learner: str) -> _Learner | None:
        self._check_fitted()
        if learner in self.pending_:
            for answer in self.pending_.pop(learner):
                self.follow(answer)
        return self.learners_.get(learner)

    def _weight(self, known: _Learner, answer: Answer) -> float:
        """Return how much an answer counts, once its try was counted."""
        return float(known.tries[answer.task.id, answer.question] ** -self.fading)

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
