"""Grading: a request about a learner's cell becomes a judgement, and the judgement an attempt in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.errors import InvalidInput, UnknownCell
from nbcoach_exercises.events import Attempt, LearnerEvent, Logged, Reaction
from nbcoach_exercises.model import Course, DataFile, Exercise, Question
from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import CellSource, CheckRequest, Feedback, HintRequest, HintText, StyleNote
from nbcoach_hub.service import Limits
from nbcoach_hub.storage import Store, work_hash

from .engine.plan import Begun, nothing
from .feedback import Judgement
from .judging import Judging
from .material import Material, load_material
from .progress import current, progress
from .rebuild import Rebuilt, rebuild
from .runner import Runs
from .style import PATIENCE, Style, within

log = logging.getLogger(__name__)

_ADVICE_AFTER = 0.004
"""Seconds after which style is read: by then the learner's cells run, and it holds up nobody."""

OUTDATED = "The exercise has a newer version, which was used; open it again to get it."


@dataclass(frozen=True)
class Tried:
    """A judged question, its attempt with the place in the log, and the points of the exercise with it."""

    judged: Judgement
    attempt: Attempt
    cursor: int
    points: float
    repairs: tuple[str, ...]


class Grading:
    """Judge cells of the catalogue's exercises.

    Args:
        catalogue: the courses.
        runner: what runs and judges.
        store: where attempts are kept; None judges without keeping anything.
        attempts: how often a question with hidden checks may be judged; None is as often as one likes.

    """

    def __init__(
        self, catalogue: Catalogue, runner: Runs, store: Store | None = None, attempts: Limits | None = None
    ) -> None:
        self.catalogue = catalogue
        self._judging = Judging(runner)
        self._store = store
        self._attempts = attempts
        self._style = Style()
        self._grown = asyncio.Event()
        self._patient = True

    def wake(self) -> None:
        """Let nobody wait for the log to grow any more."""
        self._patient = False
        self._grown.set()

    async def close(self) -> None:
        """End what reads learners' style; idempotent. Runner and store are for their owner to end."""
        await self._style.close()

    async def judge(
        self, learner: str, course: Course, exercise: Exercise, question: Question, cells: Sequence[CellSource]
    ) -> tuple[Judgement, Rebuilt]:
        """Judge one question of a learner's notebook, and keep nothing.

        Raises:
            GraderFailed: the grader broke; nothing is known about the work.

        """
        material = await self.material(course, exercise)
        return await self._judging.judge(learner, material, question, cells)

    async def material(self, course: Course, exercise: Exercise) -> Material:
        """Return what judging an exercise needs."""
        return await asyncio.to_thread(load_material, exercise, course.imports)

    async def check(self, learner: str, request: CheckRequest, begun: Begun = nothing) -> Feedback:
        """Judge what a learner asks about, and keep the attempt; `begun` is called when it is its turn.

        Raises:
            UnknownCourse: no such course; likewise `UnknownExercise`, `UnknownCell`.
            TooMany: the question has been judged too often for now.
            GraderFailed: the grader broke; no attempt is kept.

        """
        course = self.catalogue.course(request.course)
        exercise = course.exercise(request.exercise)
        question = _question(exercise, request.cell)
        material = await self.material(course, exercise)
        hidden = any(check.hidden for name in question.tests for check in material.tests[name].checks)
        if hidden and self._attempts is not None:  # each verdict tells a little of what is hidden
            self._attempts.spend(f"{learner} {course.id} {exercise.id} {question.answers[0]}")
        reading = asyncio.create_task(self._advice(material, question, request.cells))
        try:
            tried = await self.attempt(learner, exercise, material, question, request.request, request.cells, begun)
            style = await within(reading, PATIENCE)
        finally:
            reading.cancel()
        judged, attempt = tried.judged, tried.attempt
        repairs = tried.repairs
        if request.version != exercise.version:
            repairs += (OUTDATED,)
        return Feedback(
            request=request.request,
            course=course.id,
            exercise=exercise.id,
            version=exercise.version,
            cell=request.cell,
            verdict=judged.verdict,
            points=judged.points,
            max_points=question.points,
            checks=judged.checks,
            error=judged.error,
            output=judged.output,
            repairs=repairs,
            seconds=judged.seconds,
            peak_mb=judged.peak_mb,
            attempt=attempt.id,
            cursor=tried.cursor,
            exercise_points=tried.points,
            exercise_max_points=exercise.points,
            solved=attempt.solved,
            reference=(await self._judging.proof(material)).reference(question),
            style=() if judged.verdict is Verdict.NOT_ATTEMPTED else style,
        )

    async def answers(
        self, course: Course, exercise: Exercise, cells: Sequence[CellSource]
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return a learner's answers by grade id, empty where there is none, and what was repaired to find them."""
        layout = (await self.material(course, exercise)).layout
        rebuilt = rebuild(layout, (), cells)
        named = (place.name for place in layout.places if place.answered)
        return {name: rebuilt.answers.get(name, "") for name in named}, rebuilt.repairs

    async def attempt(
        self,
        learner: str,
        exercise: Exercise,
        material: Material,
        question: Question,
        request: str,
        cells: Sequence[CellSource],
        begun: Begun,
    ) -> Tried:
        """Judge a question and keep the attempt; *Check* and *Submit* both come through here.

        Raises:
            GraderFailed: the grader broke; no attempt is kept.

        """
        judged, rebuilt = await self._judging.judge(learner, material, question, cells, begun)
        points, solved = await self._standing(learner, exercise, question, judged)
        work = work_hash({name: rebuilt.answers.get(name, "") for name in question.answers})
        attempt = Attempt(
            id=work_hash({"learner": learner, "request": request, "work": work})[:32],  # a repeat counts once
            learner=learner,
            course=exercise.course,
            exercise=exercise.id,
            version=exercise.version,
            cell=question.answers[0],
            source_hash=work,
            verdict=judged.verdict,
            verdicts={check.id: check.verdict for check in judged.checks},
            points=judged.points,
            max_points=question.points,
            solved=solved,
            seconds=judged.seconds,
            peak_mb=judged.peak_mb,
        )
        logged = await self._append(attempt)
        return Tried(judged, attempt, logged.cursor, points, rebuilt.repairs)

    async def _advice(
        self, material: Material, question: Question, cells: Sequence[CellSource]
    ) -> tuple[StyleNote, ...]:
        """Return notes on the style of a question's answers; they are for Python."""
        if material.kernel:
            return ()
        await asyncio.sleep(_ADVICE_AFTER)
        starters = {place.name: place.released for place in material.layout.places}
        return await self._style.notes(cells, question.answers, starters)

    async def hint(self, learner: str, request: HintRequest) -> HintText:
        """Hand out one rung of a hint ladder, and note that it was asked for.

        Raises:
            UnknownCell: the cell has no such check.
            InvalidInput: the ladder has no such rung.

        """
        course = self.catalogue.course(request.course)
        exercise = course.exercise(request.exercise)
        question = _question(exercise, request.cell)
        material = await self.material(course, exercise)
        checks = {check.id: check for name in question.tests for check in material.tests[name].checks}
        if request.check not in checks:
            raise UnknownCell(exercise.id, request.check)
        hints = checks[request.check].hints
        if request.level > len(hints):
            raise InvalidInput(f"This check has {len(hints)} hints.", level=request.level)
        await self.react(
            LearnerEvent(
                learner=learner,
                course=course.id,
                exercise=exercise.id,
                kind=Reaction.HINT,
                cell=request.cell,
                check=request.check,
                level=request.level,
            )
        )
        return HintText(
            request=request.request,
            cell=request.cell,
            check=request.check,
            level=request.level,
            of=len(hints),
            text=hints[request.level - 1],
        )

    async def react(self, event: LearnerEvent) -> Logged:
        """Keep what a learner's browser reported.

        Raises:
            UnknownCourse: no such course; likewise `UnknownExercise`.

        """
        self.catalogue.course(event.course).exercise(event.exercise)
        return await self._append(event)

    async def log_after(self, cursor: int, limit: int, wait: float) -> list[Logged]:
        """Return entries after a cursor; where there are none, wait up to `wait` seconds for some."""
        store = self._kept()
        deadline = asyncio.get_running_loop().time() + wait
        while True:
            grown = self._grown
            entries = await store.log(cursor, limit)
            left = deadline - asyncio.get_running_loop().time()
            if entries or left <= 0 or not self._patient:
                return entries
            try:
                async with asyncio.timeout(min(left, 1.0)):  # another replica may have written
                    await grown.wait()
            except TimeoutError:
                continue

    async def progress(self, learner: str, course: Course) -> dict[str, dict[str, object]]:
        """Return how far a learner is with each exercise of a course, see `progress`."""
        return await progress(self._kept(), learner, course)

    async def released(self, course: Course, exercise: Exercise) -> tuple[NotebookNode, tuple[DataFile, ...]]:
        """Return the learner version of an exercise and the files beside it; it is likely to be checked soon."""
        material = await self.material(course, exercise)
        self._judging.expect(material)
        return material.released, material.files

    async def _standing(
        self, learner: str, exercise: Exercise, question: Question, judged: Judgement
    ) -> tuple[float, bool]:
        """Return the points of the whole exercise with this judgement, and whether all of it is passed."""
        course = self.catalogue.course(exercise.course)
        attempts = current(course, await self._kept().latest_attempts(learner, exercise.course, exercise.id))
        latest = {a.cell: (a.points, a.verdict) for a in attempts}
        latest[question.answers[0]] = (judged.points, judged.verdict)
        wanted = [latest.get(q.answers[0], (0.0, Verdict.NOT_ATTEMPTED)) for q in exercise.questions]
        return sum(points for points, _ in wanted), all(verdict is Verdict.PASSED for _, verdict in wanted)

    async def _append(self, entry: Attempt | LearnerEvent) -> Logged:
        logged = await self._kept().append(entry)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()
        return logged

    def _kept(self) -> Store:
        if self._store is None:
            raise InvalidInput("This grader keeps no log.")
        return self._store


def _question(exercise: Exercise, cell: str) -> Question:
    question = exercise.question_of(cell)
    if question is None:
        raise UnknownCell(exercise.id, cell)
    return question
