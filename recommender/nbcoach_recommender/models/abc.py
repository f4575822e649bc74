"""The two replaceable things of the recommender: a model of learners, and a ranker of candidates.

Models follow scikit-learn: parameters are set in `__init__` and nothing else happens there,
learnt state is in attributes that end in `_`, `fit` forgets what was learnt before and
`partial_fit` adds one answer. scikit-learn itself is not imported, as a service starts faster
without it; `sklearn.base.clone` works on a model all the same.

A model sees tasks and answers, never notebooks, log entries or courses; so the same model runs
in the service, in `nbcoach evaluate` and in a simulation.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .ranking import Candidate, Reason, View


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be solved; `difficulty` runs from 1 to 5 where an author gave one."""

    id: str
    skills: tuple[str, ...]
    difficulty: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One judged answer as evidence.

    `question` names the part of the task that was answered, where a task has several; `at` is in seconds.
    """

    learner: str
    task: Task
    correct: bool
    question: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a model believes about one skill of one learner; `attempts` counts the answers behind it.

    `spread` is a standard deviation: how far off `mastery` may well be.
    """

    mastery: float = 0.0
    attempts: int = 0
    spread: float = 0.5


UNPRACTISED = Estimate()


class Model(ABC):
    """A model of what learners can do, learnt from answers in their order.

    The same answers in the same order give the same state bit for bit. No clock is read and no
    random number drawn outside of a seeded `fit`.
    """

    name: ClassVar[str]
    replayable: ClassVar[bool] = False
    """Whether a learner who was forgotten and follows the same answers again is the same bit for bit."""

    @abstractmethod
    def fit(self, answers: Iterable[Answer]) -> Self:
        """Forget everything, then learn from `answers`, which are in order of time for each learner."""

    @abstractmethod
    def partial_fit(self, answer: Answer) -> Self:
        """Learn from one more answer, about its learner and about its task; fits to nothing first if need be."""

    @abstractmethod
    def follow(self, answer: Answer) -> Self:
        """Learn from one more answer about its learner only; what is known of tasks stays as it is.

        Raises:
            NotFitted: nothing was learnt yet.

        """

    def forget(self, learner: str) -> None:
        """Drop what is known of a learner, if the model is replayable; else nothing happens."""
        del learner

    def reset(self) -> None:
        """Forget all learners and what came after the fit; a model that cannot tell it apart forgets everything."""
        self.fit(())

    @property
    def trained(self) -> bool:
        """Whether its chances come from many learners' answers, and so tell more than a belief about one."""
        return False

    def shifts(self) -> dict[str, list[float]]:
        """Return what answers since the fit have told of tasks, as JSON values; empty where a model keeps none."""
        return {}

    def take_shifts(self, shifts: Mapping[str, list[float]]) -> None:
        """Take over what `shifts` returned."""
        del shifts

    @abstractmethod
    def predict(self, learner: str, task: Task, at: float = 0.0) -> float:
        """Return the probability, strictly between 0 and 1, that the learner's next answer to the task is right.

        An unknown learner and an unknown task have one too. Asking changes nothing.

        Raises:
            NotFitted: nothing was learnt yet.

        """

    def chances(self, learner: str, tasks: Sequence[Task], at: float = 0.0) -> list[float]:
        """Return what `predict` returns, for each of several tasks."""
        return [self.predict(learner, task, at) for task in tasks]

    @abstractmethod
    def mastery(self, learner: str, at: float = 0.0) -> Mapping[str, Estimate]:
        """Return an estimate for each skill that the learner has practised, in order of first practice.

        Raises:
            NotFitted: nothing was learnt yet.

        """

    def reached(self, learner: str, level: float, beyond: Container[str]) -> list[str]:
        """Return the skills of `mastery` that are at a level or above, without those in `beyond`."""
        estimates = self.mastery(learner).items()
        return [skill for skill, found in estimates if skill not in beyond and found.mastery >= level]

    @abstractmethod
    def dump(self) -> dict[str, Any]:
        """Return the learnt state as JSON values.

        Raises:
            NotFitted: nothing was learnt yet.

        """

    @abstractmethod
    def load(self, state: Mapping[str, Any]) -> Self:
        """Take over a state that `dump` returned, also after a trip through JSON."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of `__init__` by name; `deep` is there for scikit-learn."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Raises:
            ValueError: there is no such parameter.

        """
        known = inspect.signature(type(self)).parameters
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}.")
            setattr(self, name, value)
        return self


class Ranker(ABC):
    """A policy: which of the allowed exercises comes first, and why.

    What is allowed is decided before it (see `ranking.candidates`), so no ranker can offer a
    locked or a solved exercise.
    """

    name: ClassVar[str]

    @abstractmethod
    def rank(self, candidates: Sequence[Candidate], view: View) -> list[Candidate]:
        """Return all candidates, best first; ties stay in the author's order."""

    def shortlist(self, places: NDArray[np.intp], view: View) -> NDArray[np.intp]:
        """Return which of the allowed exercises, by their place in the author's order, are worth ranking; all."""
        return places

    def explore(self, ranked: list[Candidate], view: View) -> tuple[list[Candidate], float]:
        """Return the ranked candidates as they will be shown, and how likely the first was to be there."""
        return ranked, 1.0

    @abstractmethod
    def why(self, candidate: Candidate, view: View) -> Reason:
        """Return the reason for a candidate that was ranked first among those that are left."""
