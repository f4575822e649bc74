"""Progress: how far a learner is with the exercises of a course.

States: `new`, `started` (something was judged), `passed` (all of it, as it is now), `submitted` (handed in),
`graded` (an instructor has said something about what was handed in last). Once an exercise is handed in, its
points are those of the newest submission, which is what counts; `solved` tells whether all of it is passed.
"""

from __future__ import annotations

from collections.abc import Sequence

from nbcoach_exercises.events import Attempt, Logged
from nbcoach_exercises.model import Course, Exercise
from nbcoach_exercises.verdicts import Verdict
from nbcoach_hub.storage import Store, Submission


async def progress(store: Store, learner: str, course: Course) -> dict[str, dict[str, object]]:
    """Return for each exercise of a course `{"state", "points", "max_points", "solved"}` of a learner."""
    attempts = current(course, await store.latest_attempts(learner, course.id))
    handed_in = {kept.exercise: kept for kept in await store.newest_submissions(learner, course.id)}
    discussed = {comment.submission for comment in await store.comments(learner, course.id)} if handed_in else set()
    found = {}
    for exercise in course.exercises.values():
        mine = [attempt for attempt in attempts if attempt.exercise == exercise.id]
        kept = handed_in.get(exercise.id)
        found[exercise.id] = (
            _tried(exercise, mine) if kept is None else _handed_in(exercise, mine, kept, kept.id in discussed)
        )
    return found


def current(course: Course, attempts: Sequence[Logged]) -> list[Attempt]:
    """Return the attempts that were made on the present version of their exercise."""
    entries = [logged.entry for logged in attempts]
    return [
        entry
        for entry in entries
        if isinstance(entry, Attempt)
        and entry.exercise in course.exercises
        and entry.version == course.exercises[entry.exercise].version
    ]


def _tried(exercise: Exercise, attempts: Sequence[Attempt]) -> dict[str, object]:
    solved = _is_solved(exercise, attempts)
    return {
        "state": "passed" if solved else "started" if attempts else "new",
        "points": sum(attempt.points for attempt in attempts),
        "max_points": exercise.points,
        "solved": solved,
    }


def _handed_in(exercise: Exercise, attempts: Sequence[Attempt], kept: Submission, graded: bool) -> dict[str, object]:
    return {
        "state": "graded" if graded else "submitted",
        "points": kept.points,
        "max_points": kept.max_points,
        "solved": _is_solved(exercise, attempts) or kept.solved,
    }


def _is_solved(exercise: Exercise, attempts: Sequence[Attempt]) -> bool:
    passed = {attempt.cell for attempt in attempts if attempt.verdict is Verdict.PASSED}
    return bool(exercise.questions) and passed >= {question.answers[0] for question in exercise.questions}
