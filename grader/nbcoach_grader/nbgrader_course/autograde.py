"""Autograde: all submissions of a course directory, from the files of learners to the files of nbgrader."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from nbcoach_exercises.errors import InvalidInput, NbcoachError

from ..engine.engine import Engine
from ..runner import Runner
from .directory import Directory, Place
from .marking import Marking
from .masters import Master, read_masters
from .results import Finished, GradedNotebook
from .settings import Settings
from .submissions import Submission, is_text, read_submission
from .work import work_of
from .writer import WriterProcess

_TOGETHER = 8
"""How many submissions are written together; a transaction for each takes longer than its rows."""
_PATIENCE = 0.3
"""Seconds that a submission waits for others to be written with."""
_AHEAD = 8 + _TOGETHER
_MOST_FAILED = 8
"""For how many submissions the grader may fail until it is held to be broken, and the run ends."""

log = logging.getLogger(__name__)


@dataclass
class Summary:
    """How a run went: what could not be used, why the grader failed, what else is worth knowing, also for authors."""

    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be graded: places by assignment, and what they are judged by."""

    masters: Mapping[str, Mapping[str, Master]]
    places: Sequence[Place]


def plan(directory: Directory, assignment: str | None, student: str | None, summary: Summary) -> Task:
    """Find what is asked for.

    Args:
        directory: the course.
        assignment: one assignment, or all that have submissions.
        student: one learner, or all.
        summary: takes what is wrong with an assignment.

    Raises:
        InvalidInput: there is no such assignment or learner, or nothing was handed in.

    """
    names = directory.assignments()
    if assignment is not None and assignment not in names:
        raise InvalidInput(_unknown("assignment", assignment, names))
    masters: dict[str, Mapping[str, Master]] = {}
    places: list[Place] = []
    for name in names if assignment is None else [assignment]:
        found = directory.submitted(name)
        if student is not None:
            found = [place for place in found if place.student == student]
        unnamed = [place for place in found if not is_text(place.student)]
        summary.refused += [f"{place.folder} was not graded: the student's name is no UTF-8." for place in unnamed]
        found = [place for place in found if place not in unnamed]
        if not found:
            continue
        try:
            masters[name] = read_masters(directory, name)
        except NbcoachError as err:
            summary.refused.append(err.message)
            continue
        places += found
    if not places and not summary.refused:
        everybody = {place.student for name in names for place in directory.submitted(name)}
        if student is not None and student not in everybody:
            raise InvalidInput(_unknown("student", student, sorted(everybody)))
        raise InvalidInput("Nothing was handed in that could be graded.")
    return Task(masters=masters, places=places)


async def run(
    directory: Directory,
    task: Task,
    engine: Engine,
    summary: Summary,
    report: Callable[[Sequence[GradedNotebook]], None],
) -> None:
    """Grade submissions and write what came of them, some at a time, reported in their order.

    Args:
        directory: the course.
        task: what is to be graded.
        engine: what judges, as many at a time as it allows; it is ended afterwards.
        summary: takes what could not be read or judged.
        report: is told of each submission once it is written.

    Raises:
        GraderFailed: the grader itself failed.

    """
    settings = Settings(directory)
    summary.warnings |= dict.fromkeys(settings.warnings())
    writer = WriterProcess(directory.root, task.masters)
    runner = Runner(engine)
    jobs = engine.max_running
    pending: deque[asyncio.Task[Sequence[GradedNotebook]]] = deque()
    try:
        await runner.start()
        course = _Course(directory, task, Marking(runner, settings.limits), settings, writer, summary)
        for place in task.places:
            pending.append(asyncio.create_task(course.grade(place)))
            if len(pending) > jobs + _AHEAD:
                report(await pending.popleft())
        while pending:
            report(await pending.popleft())
    finally:
        for left in pending:
            left.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*pending, return_exceptions=True)
        await runner.stop()
        await asyncio.to_thread(writer.close)


class _Course:
    """Everything that grading one submission needs."""

    def __init__(
        self,
        directory: Directory,
        task: Task,
        marking: Marking,
        settings: Settings,
        writer: WriterProcess,
        summary: Summary,
    ) -> None:
        self._directory = directory
        self._task = task
        self._marking = marking
        self._settings = settings
        self._writer = writer
        self._summary = summary
        self._writing = asyncio.Lock()
        self._ready = asyncio.create_task(asyncio.to_thread(writer.ready))
        self._waiting: list[tuple[Finished, asyncio.Future[None]]] = []
        self._left = len(task.places)

    async def grade(self, place: Place) -> Sequence[GradedNotebook]:
        masters = self._task.masters[place.assignment]
        ignore = self._directory.paths.ignore
        await self._hook(self._settings.before, place)
        submission = await asyncio.to_thread(read_submission, place, masters, ignore)
        self._summary.refused += submission.unreadable.values()
        self._summary.notes += submission.notes
        own_files = self._settings.own_files(place.assignment, submission.files)
        graded: list[GradedNotebook] = []
        missing = []
        for name, master in masters.items():
            if name in submission.notebooks:
                work = work_of(submission.notebooks[name], master.given)
                try:
                    graded.append(await self._marking.grade(place.student, master, work, own_files))
                except InvalidInput as err:  # such as a kernel that is not installed; the grader itself is well
                    submission.unreadable[name] = err.message
                    self._summary.refused.append(f"{place.folder}/{name}.ipynb: {err.message}")
                except Exception as err:  # nothing is known about this work, which is no reason to leave others' undone
                    self._left -= 1
                    if len(self._summary.failed) >= _MOST_FAILED:
                        raise
                    log.debug("%s", place.folder, exc_info=True)
                    why = err.message if isinstance(err, NbcoachError) else f"{type(err).__name__}."
                    self._summary.failed.append(f"{place.folder} was not graded: {why}")
                    return []
            elif name not in submission.unreadable:
                missing.append(name)
                self._summary.notes.append(f"{place.folder} has no {name}.ipynb, which comes to 0 points.")
        self._summary.warnings |= dict.fromkeys(f"{w.notebook}: {text}" for w in graded for text in w.warnings)
        await self._written(_finished(submission, graded, missing))
        await self._hook(self._settings.after, place)
        return graded

    async def _hook(self, call: Callable[[Place], Awaitable[str | None]], place: Place) -> None:
        failure = await call(place)
        if failure is not None:
            self._summary.warnings[failure] = None

    async def _written(self, finished: Finished) -> None:
        """Have a submission written together with all that wait for the same."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((finished, done))
        self._left -= 1
        if self._left and len(self._waiting) < _TOGETHER:
            await asyncio.wait([done], timeout=_PATIENCE)
        async with self._writing:
            if not done.done():
                await asyncio.shield(self._ready)
                batch, self._waiting = self._waiting, []
                (outcome,) = await asyncio.gather(
                    asyncio.to_thread(self._writer.write, [waiting for waiting, _ in batch]), return_exceptions=True
                )
                for _, future in batch:
                    if isinstance(outcome, BaseException):
                        future.set_exception(outcome)
                    else:
                        future.set_result(None)
        await done


def _finished(submission: Submission, graded: Sequence[GradedNotebook], missing: Sequence[str]) -> Finished:
    return Finished(
        student=submission.student,
        assignment=submission.assignment,
        timestamp=submission.timestamp,
        notebooks=tuple(graded),
        missing=tuple(missing),
        unreadable=tuple(submission.unreadable),
        files=submission.files,
    )


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"There is no {what} {name!r}." + (f" Did you mean {close[0]!r}?" if close else "")
