"""One course: what its learners did, replayed from the log, and what each of them should do next.

Only the grader's attempts are evidence. Of these, three kinds say nothing and are left out: an
attempt that the grader could not judge, one in which nothing was written yet, and one that
repeats the same source or a question already passed. What a learner reports moves exercises
back in the order and never unlocks or solves one; an exercise without points, which has nothing
to solve, counts as done once it was opened.

An exercise that was put aside with "too hard" or "not now" returns when the learner has solved
another one, or works on it after all; one that is "too easy" stays last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbcoach_exercises.events import Attempt, Entry, LearnerEvent, Reaction
from nbcoach_exercises.verdicts import Verdict

from .graph import Graph
from .models.abc import UNPRACTISED, Answer, Estimate, Model, Ranker
from .models.ranking import KNOWN_AT, Recommendation, View, Wish, recommend

_NO_EVIDENCE = (Verdict.NOT_ATTEMPTED, Verdict.GRADER_FAILED)


@dataclass(slots=True)
class _Record:
    """What the log says of one learner, beside what the model learnt from it."""

    solved: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    passed: set[tuple[str, str]] = field(default_factory=set)
    sources: dict[tuple[str, str], str] = field(default_factory=dict)
    aside: dict[str, Reaction] = field(default_factory=dict)
    wish: Wish | None = None


class Coach:
    """The state of one course; a pure function of its graph and the entries it was given.

    Args:
        graph: the course's skills and exercises.
        model: estimates learners; it is fitted anew.
        ranker: orders what may come next.
        known_at: mastery from which a skill counts as known.

    """

    def __init__(self, graph: Graph, model: Model, ranker: Ranker, known_at: float = KNOWN_AT) -> None:
        self.model = model
        self.ranker = ranker
        self.known_at = known_at
        self._entries: list[Entry] = []
        self._begin(graph)

    @property
    def graph(self) -> Graph:
        """The course as it is now."""
        return self._graph

    def replace_graph(self, graph: Graph) -> None:
        """Take a changed course over and replay what happened in it; nothing happens if it is the same."""
        if graph == self._graph:
            return
        entries = self._entries
        self._entries = []
        self._begin(graph)
        for entry in entries:
            self.observe(entry)

    def observe(self, entry: Entry) -> None:
        """Take the next entry of the course's log."""
        self._entries.append(entry)
        record = self._records.setdefault(entry.learner, _Record())
        if isinstance(entry, Attempt):
            self._attempted(entry, record)
        else:
            self._reported(entry, record)

    def recommend(self, learner: str, k: int = 1) -> list[Recommendation]:
        """Return up to `k` exercises for a learner, best first; none only when all is solved."""
        return recommend(self.ranker, self.view(learner), k)

    def done(self, learner: str) -> bool:
        """Return whether the learner has solved every exercise of the course."""
        return self._records.get(learner, _Record()).solved >= self._graph.exercises.keys()

    def mastery(self, learner: str) -> Mapping[str, Estimate]:
        """Return the estimate of each skill of the course, in the course's order."""
        found = self.model.mastery(learner)
        return {skill: found.get(skill, UNPRACTISED) for skill in self._graph.skills}

    def view(self, learner: str) -> View:
        """Return what a decision about a learner may depend on."""
        record = self._records.get(learner, _Record())
        return View(
            graph=self._graph,
            estimates=self.model.mastery(learner),
            chances={
                name: self.model.predict(learner, exercise.task)
                for name, exercise in self._graph.exercises.items()
                if name not in record.solved
            },
            solved=frozenset(record.solved & self._graph.exercises.keys()),
            started=frozenset(record.started),
            shown=frozenset(record.shown),
            aside=frozenset(record.aside),
            wish=record.wish,
            known_at=self.known_at,
        )

    def _begin(self, graph: Graph) -> None:
        self._graph = graph
        self._records: dict[str, _Record] = {}
        self.model.fit(())

    def _attempted(self, attempt: Attempt, record: _Record) -> None:
        exercise = self._graph.exercises.get(attempt.exercise)
        if exercise is not None and self._is_evidence(attempt, record):
            self.model.partial_fit(
                Answer(
                    learner=attempt.learner,
                    task=exercise.task,
                    correct=attempt.verdict is Verdict.PASSED,
                    question=attempt.cell,
                    at=attempt.at.timestamp(),
                )
            )
            estimates = self.model.mastery(attempt.learner)
            record.shown |= {skill for skill, found in estimates.items() if found.mastery >= self.known_at}
        question = (attempt.exercise, attempt.cell)
        record.sources[question] = attempt.source_hash
        if attempt.verdict is Verdict.PASSED:
            record.passed.add(question)
        if attempt.verdict not in _NO_EVIDENCE:
            record.started.add(attempt.exercise)
            self._take_up(attempt.exercise, record)
        if attempt.solved and attempt.exercise not in record.solved:
            self._solved(attempt.exercise, record)

    def _is_evidence(self, attempt: Attempt, record: _Record) -> bool:
        question = (attempt.exercise, attempt.cell)
        return (
            attempt.verdict not in _NO_EVIDENCE
            and question not in record.passed
            and record.sources.get(question) != attempt.source_hash
        )

    def _reported(self, event: LearnerEvent, record: _Record) -> None:
        exercise = self._graph.exercises.get(event.exercise)
        if exercise is None:
            return
        if event.kind is Reaction.OPENED:
            self._take_up(event.exercise, record)
            if not exercise.graded:
                self._solved(event.exercise, record)
        elif event.kind is not Reaction.HINT:
            record.aside[event.exercise] = event.kind
            if event.kind is not Reaction.NOT_NOW and exercise.task.difficulty is not None:
                record.wish = Wish(harder=event.kind is Reaction.TOO_EASY, than=exercise.task.difficulty)

    def _take_up(self, exercise: str, record: _Record) -> None:
        """Let a learner's own doing overrule what he put aside."""
        if record.aside.get(exercise) is not Reaction.TOO_EASY:
            record.aside.pop(exercise, None)

    def _solved(self, exercise: str, record: _Record) -> None:
        record.solved.add(exercise)
        record.wish = None
        record.aside = {name: kind for name, kind in record.aside.items() if kind is Reaction.TOO_EASY}
