"""What is learnt of tasks from all answers at once: how easy each is, and which go together.

Ease is a Rasch model: the logit of success is the learner's ability plus the ease of the skill
set plus that of the task, each with a normal prior, found by Newton steps that go round the three.
Loadings come from a truncated singular value decomposition of what the Rasch model leaves over:
tasks that the same learners find easy have loadings of the same direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import ArpackNoConvergence, svds

from .trace import FACTORS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDS = 12
_PRIOR_SET, _PRIOR_TASK, _PRIOR_LEARNER = 0.2, 2.0, 1.0
_LEAST_ANSWERS = 5
_RIDGE, _RIDGE_SHARE = 20.0, 0.2


@dataclass
class TaskTable:
    """Ease, counts and loadings by the number of a task; ease of skill sets by their number."""

    level: float
    task_ease: Floats
    set_ease: Floats
    counts: Floats
    loadings: Floats

    @classmethod
    def fitted(cls, learners: Ints, tasks: Ints, sets: Ints, right: Floats, n_tasks: int, n_sets: int) -> TaskTable:
        """Fit to answers given as columns of numbers."""
        _, learners = np.unique(learners, return_inverse=True)
        n_learners = int(learners.max()) + 1
        ability, ease, base = np.zeros(n_learners), np.zeros(n_tasks), np.zeros(n_sets)
        rate = right.mean()
        level = float(np.log((rate + 1e-3) / (1 - rate + 1e-3)))
        for _ in range(_ROUNDS):
            for index, values, prior in (
                (sets, base, _PRIOR_SET),
                (tasks, ease, _PRIOR_TASK),
                (learners, ability, _PRIOR_LEARNER),
            ):
                p = logistic(level + ability[learners] + ease[tasks] + base[sets])
                slope = np.bincount(index, right - p, len(values)) - prior * values
                values += np.clip(slope / (np.bincount(index, p * (1 - p), len(values)) + prior), -1, 1)
            p = logistic(level + ability[learners] + ease[tasks] + base[sets])
            level += float((right - p).mean() / (p * (1 - p)).mean())
        p = logistic(level + ability[learners] + ease[tasks] + base[sets])
        counts = np.bincount(tasks, minlength=n_tasks).astype(float)
        return cls(level, ease, base, counts, _loadings(learners, tasks, right - p, counts, n_learners))

    def has_loadings(self, task: int) -> bool:
        """Return whether enough answers stand behind a task's loadings."""
        return bool(self.counts[task] >= _LEAST_ANSWERS)


def _loadings(learners: Ints, tasks: Ints, left_over: Floats, counts: Floats, n_learners: int) -> Floats:
    shape = (n_learners, len(counts))
    if min(shape) <= FACTORS:
        return np.zeros((len(counts), FACTORS))
    times = csr_matrix((np.ones(len(tasks)), (learners, tasks)), shape=shape)
    matrix = csr_matrix((left_over, (learners, tasks)), shape=shape)
    matrix.data /= np.sqrt(times.data)
    if not np.any(matrix.data):
        return np.zeros((len(counts), FACTORS))
    try:
        left, _, _ = svds(matrix, k=FACTORS, v0=np.ones(min(shape)))
    except ArpackNoConvergence:
        return np.zeros((len(counts), FACTORS))
    # Learners' factors have unit variance; a task's loadings are a ridge regression on them.
    found: Floats = (matrix.T @ (left * np.sqrt(n_learners))) / (_RIDGE_SHARE * counts + _RIDGE)[:, None]
    return found


def logistic(x: Floats) -> Floats:
    """Return the logistic function of each value."""
    found: Floats = 1 / (1 + np.exp(-x))
    return found
