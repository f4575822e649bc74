"""One course: what its learners did, replayed from the log, and what each of them should do next.

Only the grader's attempts are evidence. Of these, three kinds say nothing and are left out: an
attempt that the grader could not judge, one in which nothing was written yet, and one that
repeats the same source or a question already passed. What a learner reports moves exercises
back in the order and never unlocks or solves one; an exercise without points, which has nothing
to solve, counts as done once it was opened.

An exercise that was put aside with "too hard" or "not now" returns when the learner has solved
another one, or works on it after all; one that is "too easy" stays last.

Theory of operation: the journal keeps every learner's deeds in few bytes. What follows from them,
a record, a belief and the model's own state, is kept for the learners seen last and replayed from
the journal for anybody else, the same bit for bit. So memory depends on who is there, not on who was.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nbcoach_exercises.events import Entry, Erasure, Reaction
from nbcoach_exercises.verdicts import Verdict

from .graph import Graph
from .journal import ATTEMPT, Deed, Journal
from .models.abc import UNPRACTISED, Answer, Estimate, Model, Ranker
from .models.baselines import AuthorOrder
from .models.belief import DUE_BELOW, Belief, Floats
from .models.ranking import KNOWN_AT, Preferences, Recommendation, View, Wish, recommend
from .models.stacked import StackedMastery
from .skill_map import SkillMap

_NO_EVIDENCE = (Verdict.NOT_ATTEMPTED, Verdict.GRADER_FAILED)
KEEP = 20_000
_SAME_SECONDS = 30.0


@dataclass(slots=True, frozen=True)
class _Given:
    """An answer that was given, and what was asked."""

    k: int
    at: float
    wanted: Preferences | None
    found: list[Recommendation]


@dataclass(slots=True)
class _Record:
    """What the log says of one learner, beside what the model learnt from it."""

    belief: Belief
    solved: dict[str, float] = field(default_factory=dict)
    """By exercise: when it was solved last."""
    started: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    passed: set[tuple[str, str]] = field(default_factory=set)
    sources: dict[tuple[str, str], int] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    aside: dict[str, Reaction] = field(default_factory=dict)
    """What was put aside, that of longest ago first."""
    wish: Wish | None = None
    last_solved: str | None = None
    now: float = 0.0
    deeds: int = 0
    given: _Given | None = None


class Coach:
    """The state of one course; a pure function of its graph, what was fitted, and the entries it was given.

    Args:
        graph: the course's skills and exercises.
        model: estimates learners; it is fitted anew to nothing unless it is `fitted`.
        ranker: orders what may come next.
        known_at: mastery from which a skill counts as known.
        keep: learners whose state is kept in memory.

    """

    def __init__(
        self, graph: Graph, model: Model, ranker: Ranker, known_at: float = KNOWN_AT, keep: int = KEEP
    ) -> None:
        self.model = model
        self.ranker = ranker
        self.known_at = known_at
        self.keep = keep
        self.journal = Journal()
        self.preferences: dict[str, Preferences] = {}
        self._fitted = 0
        self.model.fit(())
        self._begin(graph)

    @property
    def graph(self) -> Graph:
        """The course as it is now."""
        return self._graph

    def replace_graph(self, graph: Graph) -> None:
        """Take a changed course over and replay what happened in it; nothing happens if it is the same."""
        if graph == self._graph:
            return
        self.model.reset()
        self._begin(graph)
        self._replay()

    def replace_model(self, model: Model, fitted: int) -> None:
        """Take over a model that was fitted to the first `fitted` entries; whoever did more since is replayed."""
        self.model, self._fitted = model, fitted
        self._begin(self._graph)
        self._replay(fitted if model.replayable else 0)

    def restore(
        self, journal: Journal, preferences: Mapping[str, Preferences], shifts: Mapping[str, list[float]]
    ) -> None:
        """Take over what was kept of a course; nothing is replayed until a learner comes."""
        self.journal, self.preferences = journal, dict(preferences)
        self._begin(self._graph)
        if self.model.replayable:
            self.model.take_shifts(shifts)
            self._count_followers()
        else:
            self._replay()

    def observe(self, entry: Entry) -> None:
        """Take the next entry of the course's log."""
        record = self._record(entry.learner)
        deed, before = self.journal.append(entry), record.last_solved
        self._take(entry.learner, deed, record, fresh=deed.number > self._fitted)
        if before is not None and record.last_solved not in (None, before):
            self._count_follower(before, deed.exercise)

    def forget(self, erasure: Erasure) -> None:
        """Forget who was erased; what a model has summed up of many learners stays until its next fit."""
        for learner in [name for name in {*self.journal.learners, *self.preferences} if erasure.means(name)]:
            self.preferences.pop(learner, None)
            self._records.pop(learner, None)
            self.model.forget(learner)
            self.journal.forget(learner)
            self._count_followers()

    def evidence(self) -> list[Answer]:
        """Return all evidence in the order of the log, for a model to fit."""
        found: list[Answer] = []
        records: dict[str, _Record] = {}
        for learner, deed in self.journal.all():
            record = records.setdefault(learner, _Record(Belief(self.map)))
            answer = self._answer(learner, deed, record)
            if answer is not None:
                found.append(answer)
                record.belief.add(self.map.exercise_place[deed.exercise], answer.correct, deed.at)
            self._note(deed, record, answer is not None)
        return found

    def recommend(self, learner: str, k: int = 1, now: float | None = None) -> list[Recommendation]:
        """Return up to `k` exercises for a learner, best first; none when all is solved and nothing due.

        Asked again at a moment `now` soon after, the answer is the same unless the learner did something in between.
        """
        if now is None:
            return recommend(self.ranker, self.view(learner), k)
        return self.decide(learner, k, now)[0]

    def decide(self, learner: str, k: int, now: float) -> tuple[list[Recommendation], bool]:
        """Return what `recommend` does, and whether it was decided now and not given before."""
        record, wanted = self._record(learner), self.preferences.get(learner)
        given = record.given
        if given is not None and (given.k, given.wanted) == (k, wanted) and 0 <= now - given.at < _SAME_SECONDS:
            return given.found, False
        record.given = _Given(k, now, wanted, recommend(self.ranker, self.view(learner, now), k))
        return record.given.found, True

    def done(self, learner: str) -> bool:
        """Return whether the learner has solved every exercise of the course."""
        return self._record(learner).solved.keys() >= self._graph.exercises.keys()

    def put_aside(self, learner: str) -> dict[str, Reaction]:
        """Return the exercises that the learner does not want now, and what he said of each."""
        return dict(self._record(learner).aside)

    def mastery(self, learner: str) -> Mapping[str, Estimate]:
        """Return the estimate of each skill of the course, in the course's order."""
        self._record(learner)
        found = self.model.mastery(learner)
        return {skill: found.get(skill, UNPRACTISED) for skill in self._graph.skills}

    def lacking(self, learners: Iterable[str] | None = None) -> dict[str, tuple[int, int]]:
        """Return for each skill how many learners have practised it, and how many of them know it so far."""
        found = dict.fromkeys(self._graph.skills, (0, 0))
        for learner in list(self.journal.learners if learners is None else learners):
            record = self._record(learner)
            for skill, estimate in self.model.mastery(learner).items():
                if skill in found and estimate.attempts:
                    tried, known = found[skill]
                    found[skill] = (tried + 1, known + (skill in record.shown))
        return found

    def view(self, learner: str, now: float | None = None) -> View:
        """Return what a decision about a learner may depend on; `now` is when the last deed was, by default."""
        record = self._record(learner)
        at = record.now if now is None else max(now, record.now)
        exercises, recall = self._graph.exercises, record.belief.recall(at)

        known: dict[str, float] = {}

        def chances(names: Sequence[str]) -> list[float]:
            new = [name for name in names if name not in known]
            known.update(zip(new, self.model.chances(learner, [exercises[n].task for n in new], at), strict=True))
            return [known[name] for name in names]

        return View(
            graph=self._graph,
            map=self.map,
            belief=record.belief,
            at=at,
            chances=chances,
            estimate_all=lambda: self.model.mastery(learner),
            recall=recall,
            solved=frozenset(record.solved.keys() & exercises.keys()),
            due=self._due(record, recall),
            started=frozenset(record.started),
            shown=frozenset(record.shown),
            aside=tuple(record.aside),
            tries=record.tries,
            wish=record.wish,
            preferences=self.preferences.get(learner, Preferences()),
            followers=self._followers(record.last_solved),
            last_solved=record.last_solved if record.last_solved in exercises else None,
            draw=f"{learner}/{self._graph.course}/{record.deeds}",
            trained=self.model.trained,
            known_at=self.known_at,
        )

    def _begin(self, graph: Graph) -> None:
        self._graph = graph
        self.map = SkillMap(graph)
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._follow_counts: dict[str, dict[str, int]] = {}

    def _replay(self, after: int = 0) -> None:
        """Replay the learners who did something after an entry of the journal."""
        for learner, deed in self.journal.all(after):
            record = self._records.setdefault(learner, _Record(Belief(self.map)))
            self._take(learner, deed, record, fresh=deed.number > self._fitted)
        self._evict()
        self._count_followers()

    def _record(self, learner: str) -> _Record:
        """Return a learner's record, replayed if it was not at hand."""
        record = self._records.get(learner)
        if record is None:
            record = _Record(Belief(self.map))
            self.model.forget(learner)
            for deed in self.journal.of(learner):
                self._take(learner, deed, record, fresh=False)
            self._records[learner] = record
            self._evict()
        else:
            self._records.move_to_end(learner)
        return record

    def _evict(self) -> None:
        while self.model.replayable and len(self._records) > self.keep:
            gone, _ = self._records.popitem(last=False)
            self.model.forget(gone)

    def _take(self, learner: str, deed: Deed, record: _Record, *, fresh: bool) -> None:
        answer = self._answer(learner, deed, record)
        if answer is not None:
            if fresh:
                self.model.partial_fit(answer)
            else:
                self.model.follow(answer)
            place = self.map.exercise_place[deed.exercise]
            record.belief.add(place, answer.correct, deed.at)
            record.shown.update(self.model.reached(learner, self.known_at, record.shown))
        self._note(deed, record, answer is not None)

    def _answer(self, learner: str, deed: Deed, record: _Record) -> Answer | None:
        """Return the evidence in a deed, if there is any."""
        exercise = self._graph.exercises.get(deed.exercise)
        question = (deed.exercise, deed.question)
        if exercise is None or deed.verdict is None or deed.verdict in _NO_EVIDENCE:
            return None
        if record.sources.get(question) == deed.source:
            return None
        if question in record.passed and not self._is_due(deed.exercise, record, deed.at):
            return None
        correct = deed.verdict is Verdict.PASSED
        return Answer(learner=learner, task=exercise.task, correct=correct, question=deed.question, at=deed.at)

    def _note(self, deed: Deed, record: _Record, evidence: bool) -> None:
        record.deeds += 1
        record.given = None
        record.now = max(record.now, deed.at)
        if deed.verdict is None:
            self._reported(deed, record)
            return
        question = (deed.exercise, deed.question)
        record.sources[question] = deed.source
        if deed.verdict is Verdict.PASSED:
            record.passed.add(question)
        if deed.verdict not in _NO_EVIDENCE:
            record.started.add(deed.exercise)
            self._take_up(deed.exercise, record)
        if evidence:
            record.tries[deed.exercise] = record.tries.get(deed.exercise, 0) + 1
        if deed.solved and deed.exercise in self._graph.exercises:
            if deed.exercise not in record.solved:
                self._solved(deed.exercise, record, deed.at)
                record.last_solved = deed.exercise
            elif evidence:
                record.solved[deed.exercise] = deed.at

    def _reported(self, deed: Deed, record: _Record) -> None:
        exercise = self._graph.exercises.get(deed.exercise)
        if exercise is None:
            return
        if deed.reaction is Reaction.OPENED:
            self._take_up(deed.exercise, record)
            if not exercise.graded and deed.exercise not in record.solved:
                self._solved(deed.exercise, record, deed.at)
        elif deed.reaction is not None and deed.reaction is not Reaction.HINT:
            record.aside.pop(deed.exercise, None)
            record.aside[deed.exercise] = deed.reaction
            if deed.reaction is not Reaction.NOT_NOW and exercise.task.difficulty is not None:
                record.wish = Wish(harder=deed.reaction is Reaction.TOO_EASY, than=exercise.task.difficulty)

    def _take_up(self, exercise: str, record: _Record) -> None:
        """Let a learner's own doing overrule what he put aside."""
        if record.aside.get(exercise) is not Reaction.TOO_EASY:
            record.aside.pop(exercise, None)

    def _solved(self, exercise: str, record: _Record, at: float) -> None:
        record.solved[exercise] = at
        record.wish = None
        record.aside = {name: kind for name, kind in record.aside.items() if kind is Reaction.TOO_EASY}

    def _is_due(self, exercise: str, record: _Record, at: float) -> bool:
        """Return whether an exercise of the course is among those that `_due` returns."""
        if exercise not in record.solved or not self._graph.exercises[exercise].graded:
            return False
        return record.belief.faded(self.map.exercise_place[exercise], at)

    def _due(self, record: _Record, recall: Floats) -> frozenset[str]:
        """Return the solved exercises of which so much is forgotten by now that doing one again pays."""
        if not record.solved:
            return frozenset()
        weak = np.flatnonzero(recall < DUE_BELOW)
        if not len(weak):
            return frozenset()
        faded = {name for skill in weak.tolist() for name in self.map.exercises_of(skill)}
        exercises = self._graph.exercises
        return frozenset(name for name in faded & record.solved.keys() if exercises[name].graded)

    def _followers(self, solved: str | None) -> Mapping[str, int]:
        return {} if solved is None else self._follow_counts.get(solved, {})

    def _count_followers(self) -> None:
        """Count what learners solved after what, from the journal alone."""
        self._follow_counts = {}
        rows, names = self.journal.rows(), self.journal.names()
        who = np.repeat(np.arange(len(names["learners"])), list(names["learners"].values()))
        first: set[tuple[int, int]] = set()
        before: dict[int, int] = {}
        solving = (rows["kind"] == ATTEMPT) & (rows["solved"] == 1)
        for learner, exercise in zip(who[solving].tolist(), rows["exercise"][solving].tolist(), strict=True):
            if (learner, exercise) in first or names["exercises"][exercise] not in self._graph.exercises:
                continue
            first.add((learner, exercise))
            if learner in before:
                self._count_follower(names["exercises"][before[learner]], names["exercises"][exercise])
            before[learner] = exercise

    def _count_follower(self, before: str, after: str) -> None:
        found = self._follow_counts.setdefault(before, {})
        found[after] = found.get(after, 0) + 1


def answers_in(journal: Journal, graph: Graph) -> list[Answer]:
    """Return all evidence in a journal, in the order of the log; touches no coach that is at work."""
    reader = Coach(graph, StackedMastery(), AuthorOrder())
    reader.journal = journal
    return reader.evidence()
