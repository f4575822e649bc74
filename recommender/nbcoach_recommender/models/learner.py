"""One learner of the default model: the answers given, and the trace that they left."""

from __future__ import annotations

from dataclasses import dataclass, field

from .abc import Answer
from .trace import TaskFacts, Trace


@dataclass(slots=True)
class Learner:
    """A trace with the answers behind it; `tries` counts them by task and question."""

    trace: Trace = field(default_factory=Trace)
    tries: dict[tuple[str, str], int] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    def add(self, answer: Answer, facts: TaskFacts, fading: float) -> float:
        """Take an answer and return how much it counts: the n-th try at a question n ** -fading."""
        key = (answer.task.id, answer.question)
        tries = self.tries[key] = self.tries.get(key, 0) + 1
        weight = float(tries**-fading)
        self.trace.add(answer.task.id, facts, answer.correct, weight)
        self.answers.append(answer)
        return weight
