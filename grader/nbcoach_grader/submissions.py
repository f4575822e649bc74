"""Submissions: learners hand in, instructors comment and regrade.

A submission is judged question by question as *Check* judges, through the same snapshots, so the two
cannot differ. It counts from the moment it arrived. Where the grader breaks, the work is kept with the
verdict `grader-failed`, and waits for a regrade.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from nbcoach_exercises.errors import UnknownSubmission
from nbcoach_exercises.identifiers import new_id, now
from nbcoach_exercises.model import Course, Exercise
from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import CellSource, QuestionResult, Receipt, Submit
from nbcoach_hub.service import Limits
from nbcoach_hub.storage import Comment, Notification, Occasion, Store, Submission, work_hash

from .engine.plan import Begun, nothing
from .errors import GraderFailed
from .grading import OUTDATED, Grading
from .notices import Notices

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What judging a submission again came to: as it was, and as it is."""

    before: Submission
    after: Submission


class Submissions:
    """Keep what is handed in.

    Args:
        grading: judges questions.
        store: where submissions and comments are kept.
        notices: tells learners of comments and regrades.
        limits: how often a learner may hand in an exercise.

    """

    def __init__(self, grading: Grading, store: Store, notices: Notices, limits: Limits) -> None:
        self._grading = grading
        self._store = store
        self._notices = notices
        self._limits = limits

    async def submit(self, learner: str, request: Submit, begun: Begun = nothing) -> Receipt:
        """Keep a learner's notebook and judge all of its questions; a request that comes again is the same submission.

        Raises:
            UnknownCourse: no such course; likewise `UnknownExercise`.
            TooMany: the exercise has been handed in too often for now.

        """
        at = now()
        course = self._grading.catalogue.course(request.course)
        exercise = course.exercise(request.exercise)
        identity = work_hash({"learner": learner, "submit": request.request, "exercise": f"{course.id}/{exercise.id}"})[
            :32
        ]
        kept = await self._store.submission(identity)
        if kept is not None:
            return receipt_of(kept, request.request)  # a repeat needs no place in the log and no repairs
        self._limits.spend(f"submit {learner} {course.id} {exercise.id}")
        answers, repairs = await self._grading.answers(course, exercise, request.cells)
        verdicts, scores, cursor = await self._judge(learner, course, exercise, request, begun)
        kept = await self._store.submit(
            Submission(
                id=identity,
                learner=learner,
                course=course.id,
                exercise=exercise.id,
                version=exercise.version,
                sources=answers,
                cells=tuple(asdict(cell) for cell in request.cells),
                points=sum(scores.values()),
                max_points=exercise.points,
                verdicts=verdicts,
                scores=scores,
                due=exercise.due,
                at=at,
            )
        )
        if request.version != exercise.version:
            repairs += (OUTDATED,)
        return receipt_of(kept, request.request, cursor, repairs)

    async def comment(self, author: str, submission: Submission, text: str, cell: str | None) -> Comment:
        """Keep what an instructor says about a submission, and notify its learner."""
        kept = await self._store.comment(
            Comment(
                submission=submission.id,
                learner=submission.learner,
                course=submission.course,
                exercise=submission.exercise,
                author=author,
                text=text,
                cell=cell,
            )
        )
        detail = {"submission": submission.id, "author": author, "text": text[:500]}
        await self._notify(submission, kept.id, Occasion.COMMENT, detail)
        return kept

    async def regrade(self, course: Course, exercise: Exercise, *, keep: bool) -> list[Change]:
        """Judge each learner's newest submission with the present version.

        Args:
            course: the course.
            exercise: the exercise.
            keep: whether to keep the new points and notify those whose points change; False only previews.

        Raises:
            GraderFailed: the grader broke; those before it are regraded.

        """
        newest: dict[str, Submission] = {}
        for submission in await self._store.class_submissions(course.id, exercise.id, limit=10_000):
            newest.setdefault(submission.learner, submission)
        changes = []
        for before in newest.values():
            after = await self._judged_again(course, exercise, before)
            if keep and after != before:
                await self._store.regrade(after)
            if keep and after.points != before.points:
                await self._tell(before, after)
            changes.append(Change(before=before, after=after))
        return changes

    async def with_comments(
        self, learner: str, course: str, exercise: str | None = None
    ) -> list[tuple[Submission, list[Comment]]]:
        """Return a learner's submissions in a course with the comments on them, newest first."""
        comments = await self._store.comments(learner, course, exercise)
        return [
            (kept, [comment for comment in comments if comment.submission == kept.id])
            for kept in await self._store.submissions(learner, course, exercise)
        ]

    async def of_class(self, course: str, exercise: str) -> list[Submission]:
        """Return everybody's submissions of an exercise, newest first."""
        return await self._store.class_submissions(course, exercise)

    async def find(self, submission: str, course: str, learner: str | None = None) -> Submission:
        """Return a submission of a course, of one learner only where one is named.

        Raises:
            UnknownSubmission: there is none.

        """
        kept = await self._store.submission(submission)
        if kept is None or kept.course != course or learner not in (None, kept.learner):
            raise UnknownSubmission(submission)
        return kept

    async def _judge(
        self, learner: str, course: Course, exercise: Exercise, request: Submit, begun: Begun
    ) -> tuple[dict[str, str], dict[str, float], int]:
        verdicts: dict[str, str] = {}
        scores: dict[str, float] = {}
        cursor = 0
        material = await self._grading.material(course, exercise)
        for question in exercise.questions:
            cell = question.answers[0]
            try:
                tried = await self._grading.attempt(
                    learner, exercise, material, question, request.request, request.cells, begun
                )
            except GraderFailed as err:
                log.warning("A question of a submission could not be judged: %s", err.code)
                verdicts[cell], scores[cell] = Verdict.GRADER_FAILED, 0.0
                continue
            verdicts[cell], scores[cell] = tried.judged.verdict, tried.judged.points
            cursor = tried.cursor
        return verdicts, scores, cursor

    async def _judged_again(self, course: Course, exercise: Exercise, kept: Submission) -> Submission:
        cells = [CellSource(**cell) for cell in kept.cells]  # type: ignore[arg-type]  # a cell has an id and a source
        verdicts: dict[str, str] = {}
        scores: dict[str, float] = {}
        for question in exercise.questions:
            judged, _ = await self._grading.judge(kept.learner, course, exercise, question, cells)
            verdicts[question.answers[0]], scores[question.answers[0]] = judged.verdict, judged.points
        return replace(
            kept,
            version=exercise.version,
            points=sum(scores.values()),
            max_points=exercise.points,
            verdicts=verdicts,
            scores=scores,
        )

    async def _tell(self, before: Submission, after: Submission) -> None:
        detail = {
            "submission": after.id,
            "before": before.points,
            "after": after.points,
            "max_points": after.max_points,
        }
        await self._notify(after, new_id(), Occasion.REGRADED, detail)

    async def _notify(self, about: Submission, identity: str, kind: Occasion, detail: Mapping[str, Any]) -> None:
        await self._notices.notify(
            Notification(
                id=identity,
                learner=about.learner,
                course=about.course,
                exercise=about.exercise,
                kind=kind,
                detail=detail,
            )
        )


def receipt_of(kept: Submission, request: str, cursor: int = 0, repairs: tuple[str, ...] = ()) -> Receipt:
    """Return the receipt of a submission."""
    return Receipt(
        request=request,
        submission=kept.id,
        course=kept.course,
        exercise=kept.exercise,
        version=kept.version,
        at=kept.at.isoformat(),
        due=kept.due.isoformat() if kept.due else None,
        late=kept.late,
        hash=kept.hash,
        points=kept.points,
        max_points=kept.max_points,
        questions=tuple(
            QuestionResult(cell=cell, verdict=Verdict(verdict), points=kept.scores.get(cell, 0.0))
            for cell, verdict in kept.verdicts.items()
        ),
        repairs=repairs,
        solved=kept.solved,
        cursor=cursor,
    )


def summary_of(kept: Submission, comments: Sequence[Comment] = ()) -> dict[str, object]:
    """Return a submission as lists show it: without its sources."""
    receipt = asdict(receipt_of(kept, ""))
    for name in ("request", "repairs", "cursor"):
        del receipt[name]
    receipt["questions"] = list(receipt["questions"])
    return receipt | {
        "comments": [
            {"id": c.id, "author": c.author, "text": c.text, "cell": c.cell, "at": c.at.isoformat()} for c in comments
        ]
    }
