"""The policy without a service: a course and a log from files, observations and questions one by one.

`nbcoach policy`, the simulations and the benchmark use it; it is the same coach, model and ranker
that the service runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from nbcoach_exercises.errors import InvalidInput
from nbcoach_exercises.events import Attempt
from nbcoach_exercises.verdicts import Verdict

from .coach import Coach
from .graph import Graph
from .models.abc import Answer, Model, Ranker
from .models.policy import ExpectedGain
from .models.ranking import Recommendation
from .models.stacked import StackedMastery

KNOWN_AT = 0.2
"""One exercise solved: here an answer stands for a whole exercise, not for one of its questions."""


class Tutor:
    """Observe learners and recommend to them.

    Args:
        graph: the course.
        log: answers of other learners, to fit the model to.
        model: estimates learners; StackedMastery by default.
        ranker: orders what may come next; ExpectedGain by default.

    """

    def __init__(
        self, graph: Graph, log: Sequence[Answer] = (), model: Model | None = None, ranker: Ranker | None = None
    ) -> None:
        self.coach = Coach(graph, model or StackedMastery(), ranker or ExpectedGain(), KNOWN_AT)
        if log:
            fitted = (model or StackedMastery()).fit(log)
            self.coach.replace_model(fitted, 0)
        self._answers = 0

    def observe(self, learner: str, item: str, correct: bool, at: float) -> None:
        """Take an answer.

        Raises:
            InvalidInput: the course has no such exercise.

        """
        if item not in self.coach.graph.exercises:
            raise InvalidInput(f"The course has no exercise {item!r}.", place="item")
        self._answers += 1
        verdict = Verdict.PASSED if correct else Verdict.FAILED
        self.coach.observe(
            Attempt(
                id=f"answer-{self._answers}", learner=learner, course=self.coach.graph.course, exercise=item,
                version="", cell="", source_hash=str(self._answers), verdict=verdict, verdicts={},
                points=float(correct), max_points=1.0, solved=correct, seconds=0.0, peak_mb=0.0,
                at=datetime.fromtimestamp(at, UTC),
            )
        )  # fmt: skip

    def recommend(self, learner: str, k: int = 1) -> list[Recommendation]:
        """Return up to `k` exercises, best first."""
        return self.coach.recommend(learner, k)


def answer_of(found: list[Recommendation]) -> dict[str, Any]:
    """Return recommendations as `nbcoach policy` prints them."""
    return {
        "items": [one.candidate.id for one in found],
        "why": [one.why.text for one in found],
        "p": [round(one.p, 6) for one in found],
        "propensity": [round(one.propensity, 6) for one in found],
    }
