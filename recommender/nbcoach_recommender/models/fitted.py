"""What the default model learns of tasks from a log of many learners: ease, contexts and boosted trees.

What is learnt is taken out of fold: the features of a training learner come from the answers of
others, as those of a new learner will. Otherwise the trees trust numbers that hold the very outcome
that they predict.

Rejected: one-off target encoding of tasks without folds (AUC .784 instead of .801 on ASSISTments 2009),
and surprises against the ease that the held-out fold had a part in (.784 as well, and badly calibrated).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .abc import Answer, Task
from .encoding import ContextTable
from .forest import Forest
from .learner import Learner
from .tasks import Floats, Ints, TaskTable, logistic
from .trace import CONTEXTS, Description, TaskFacts

_MIDDLE = 3


@dataclass
class Fitted:
    """Facts of tasks, and trees that turn descriptions into chances; without trees before there was a fit.

    `author` says how far one grade of the author's difficulty moves a task that nobody has answered.
    """

    author: float
    tasks: dict[str, int] = field(default_factory=dict)
    sets: dict[tuple[str, ...], int] = field(default_factory=dict)
    table: TaskTable | None = None
    contexts: ContextTable | None = None
    forest: Forest | None = None
    _facts: dict[Task, TaskFacts] = field(default_factory=dict)
    _eases: dict[tuple[str, ...], float] = field(default_factory=dict)

    @classmethod
    def to(
        cls, answers: Sequence[Answer], *, author: float, fading: float, folds: int, trees: int, seed: int
    ) -> Fitted:
        """Fit to answers, which are in order of time for each learner; there are several learners and both outcomes."""
        found = cls(author)
        log = _Log.of(answers, found.tasks, found.sets, folds)
        used = [number for number in range(folds) if np.any(log.fold == number)]
        tables = {number: log.table(log.fold != number) for number in used}
        everything = np.ones(len(answers), bool)
        found.table = log.table(everything)
        features, contexts, able = found._describe(answers, log.fold, tables, fading)
        looked_up = np.zeros((len(answers), 2 * CONTEXTS), np.float32)
        for number in used:
            others = log.fold != number
            looked_up[~others] = log.contexts(tables[number], able, contexts, others).features(contexts[~others])
        found.contexts = log.contexts(found.table, able, contexts, everything)
        found.forest = Forest.grown(np.hstack([features, looked_up]), log.right, trees=trees, seed=seed)
        return found

    def facts(self, task: Task) -> TaskFacts:
        """Return what the fit left of a task."""
        known = self._facts.get(task)
        if known is None:
            known = self._facts[task] = self._facts_from(self.table, task)
        return known

    def set_ease(self, skills: tuple[str, ...]) -> float:
        """Return the logit of success of a middling learner at a middling task of some skills."""
        known = self._eases.get(skills)
        if known is None:
            known = self._eases[skills] = self._set_ease(self.table, skills)
        return known

    def chances(self, described: Sequence[Description]) -> list[float]:
        """Return the chance of success for each description; from abilities alone where there are no trees."""
        if self.forest is None or self.contexts is None:
            return [found.chance for found in described]
        contexts = self.contexts.features(np.array([found.contexts for found in described], np.int64))
        features = np.hstack([np.array([found.features for found in described], np.float32), contexts])
        return [float(p) for p in logistic(self.forest.score(features))]

    def names(self) -> dict[str, Any]:
        """Return the names behind the numbers of `arrays`, as JSON values."""
        return {"tasks": list(self.tasks), "sets": [list(skills) for skills in self.sets]}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that was learnt as arrays by name; none before there was a fit."""
        table, contexts, forest = self.table, self.contexts, self.forest
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

    @classmethod
    def restored(cls, author: float, names: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Fitted:
        """Return what `names` and `arrays` were taken from."""
        found = cls(author)
        found.tasks = {str(name): place + 1 for place, name in enumerate(names["tasks"])}
        found.sets = {tuple(skills): place + 1 for place, skills in enumerate(names["sets"])}
        if arrays:
            found.table = TaskTable(
                float(arrays["level"][0]), *(arrays[n] for n in ("task_ease", "set_ease", "counts", "loadings"))
            )
            found.contexts = ContextTable(
                arrays["context_keys"].astype(np.int64),
                arrays["context_values"].astype(np.float32),
                arrays["context_weights"].astype(np.float32),
            )
            found.forest = Forest(
                float(arrays["base"][0]),
                int(arrays["depth"][0]),
                *(arrays[n] for n in ("feature", "threshold", "left", "right", "value")),
            )
        return found

    def _describe(
        self, answers: Sequence[Answer], fold: Ints, tables: Mapping[int, TaskTable], fading: float
    ) -> tuple[NDArray[np.float32], Ints, Floats]:
        """Return features, contexts and ability for each answer, as they were before it."""
        learners: dict[str, Learner] = {}
        facts: dict[tuple[int, Task], TaskFacts] = {}
        contexts = np.zeros((len(answers), CONTEXTS), np.int64)
        able = np.zeros(len(answers))
        features = np.zeros((0, 0), np.float32)
        for row, (answer, number) in enumerate(zip(answers, fold.tolist(), strict=True)):
            known = learners.setdefault(answer.learner, Learner())
            found = facts.get((number, answer.task))
            if found is None:
                found = facts[number, answer.task] = self._facts_from(tables[number], answer.task)
            described = known.trace.describe(answer.task.id, found)
            if not row:
                features = np.zeros((len(answers), len(described.features)), np.float32)
            features[row] = described.features
            contexts[row] = described.contexts
            able[row] = known.trace.ability(answer.task.skills)
            known.add(answer, found, fading)
        return features, contexts, able

    def _facts_from(self, table: TaskTable | None, task: Task) -> TaskFacts:
        number, set_number = self.tasks.get(task.id, 0), self.sets.get(task.skills, 0)
        answers = 0.0 if table is None else float(table.counts[number])
        own = 0.0 if task.difficulty is None or answers else self.author * (_MIDDLE - task.difficulty)
        loadings = None
        shared = self._set_ease(table, task.skills)
        if table is not None:
            own += float(table.task_ease[number])
            loadings = table.loadings[number] if table.has_loadings(number) else None
        return TaskFacts(number, set_number, task.skills, shared + own, shared, answers, loadings)

    def _set_ease(self, table: TaskTable | None, skills: tuple[str, ...]) -> float:
        if table is None:
            return 0.0
        number = self.sets.get(skills, 0)
        if not number and len(skills) > 1:
            return sum(self._set_ease(table, (skill,)) for skill in skills) / len(skills)
        return table.level + float(table.set_ease[number])


@dataclass
class _Log:
    """Answers as columns: numbers of learner, task and skill set, the outcome, and the learner's fold."""

    who: Ints
    what: Ints
    sets: Ints
    right: Floats
    fold: Ints
    size: tuple[int, int]

    @classmethod
    def of(cls, answers: Sequence[Answer], tasks: dict[str, int], sets: dict[tuple[str, ...], int], folds: int) -> Self:
        """Return answers as columns; new names are added to `tasks` and `sets`."""
        names: dict[str, int] = {}
        who = np.array([names.setdefault(a.learner, len(names)) for a in answers])
        # Groups of equal size, drawn by a hash: the order of learners in a file may mean something.
        drawn = np.argsort([zlib.crc32(name.encode()) for name in names], kind="stable")
        fold = np.empty(len(names), np.int64)
        fold[drawn] = np.arange(len(names)) % folds
        what = np.array([tasks.setdefault(a.task.id, len(tasks) + 1) for a in answers])
        which = np.array([sets.setdefault(a.task.skills, len(sets) + 1) for a in answers])
        right = np.array([a.correct for a in answers], float)
        return cls(who, what, which, right, fold[who], (len(tasks) + 1, len(sets) + 1))

    def table(self, rows: NDArray[np.bool_]) -> TaskTable:
        """Return the tasks as some answers show them."""
        return TaskTable.fitted(self.who[rows], self.what[rows], self.sets[rows], self.right[rows], *self.size)

    def contexts(self, table: TaskTable, able: Floats, contexts: Ints, rows: NDArray[np.bool_]) -> ContextTable:
        """Return how contexts end in some answers, beyond what abilities and the ease in `table` say."""
        # The ease is without the held-out fold, or the surprises of others would hold its outcomes.
        p = logistic(table.level + able[rows] + table.task_ease[self.what[rows]] + table.set_ease[self.sets[rows]])
        return ContextTable.fitted(contexts[rows], self.right[rows] - p, p * (1 - p))
