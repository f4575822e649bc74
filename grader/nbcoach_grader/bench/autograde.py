"""`nbcoach autograde` beside `nbgrader autograde`, per notebook, on the same submissions in the same run.

Ours grades all submissions as one command, once before the rival and once after it, as machines are now faster and now
slower; its start, the gradebook, `autograded/` and feedback pages are counted. nbgrader grades some of them; its start
is not counted, as two runs of different length tell it from the notebooks. Its feedback pages are a command of their
own, which is told apart and not part of the ratio. Scores must be equal.

A fourth of the learners have handed in what they were given, which ours judges once; or else, if so asked, no two
notebooks are alike.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nbgrader.api import Gradebook

from ..errors import GraderFailed
from .assignment import ASSIGNMENT, KINDS, NOTEBOOK, write_course, write_submissions
from .figures import Figures, figures
from .rival import nbgrader

_WINDOW = 10


def measure(count: int, rival_count: int, *, distinct: bool = False) -> Figures:
    """Measure both, in one run.

    Args:
        count: submissions for ours.
        rival_count: how many of them nbgrader grades, beside some for its start.
        distinct: whether no two of them are alike.

    Raises:
        GraderFailed: ours failed, or scores differ.
        Unavailable: nbgrader failed.

    """
    with tempfile.TemporaryDirectory() as folder:
        course, again, rival = (Path(folder) / name for name in ("ours", "again", "rival"))
        write_course(course)
        nbgrader(course, "generate_assignment", ASSIGNMENT)
        write_submissions(course, count, distinct=distinct)
        alike = count - len({path.read_bytes() for path in (course / "submitted").rglob("*.ipynb")})
        for copy in (again, rival):
            shutil.copytree(course, copy)
        before = _ours(course)
        rival_ms, feedback_ms = _rival(rival, rival_count)
        after = _ours(again)
        _compare(course, rival)
    windows = [
        (late - early) / _WINDOW
        for times in (before, after)
        for early, late in zip(times, times[_WINDOW:], strict=False)
    ]
    per_ms = (before[-1] + after[-1]) / 2 / count
    return figures(windows, rival_ms, n=count, per_ms=per_ms, rival_feedback_ms=round(feedback_ms, 1), alike=alike)


def _ours(course: Path) -> list[float]:
    """Return when each notebook was done, in milliseconds from the start of the command."""
    command = [sys.executable, "-m", "nbcoach_hub.cli", "autograde", str(course), "--json"]
    start = time.perf_counter()
    times = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        if process.stdout is not None:
            times = [1000 * (time.perf_counter() - start) for _ in process.stdout]
    if process.returncode != 0 or not times:
        raise GraderFailed(f"nbcoach autograde ended with status {process.returncode}.")
    return [*times[:-1], 1000 * (time.perf_counter() - start)]


def _rival(course: Path, count: int) -> tuple[float, float]:
    """Return nbgrader's milliseconds for one notebook more, and for one feedback page more."""
    submitted = course / "submitted"
    learners = sorted(submitted.iterdir())[: count + len(KINDS)]
    for learner in sorted(submitted.iterdir()):
        learner.rename(course / learner.name)
    grading, feedback = [], []
    for group in (learners[: len(KINDS)], learners[len(KINDS) :]):
        for learner in group:
            (course / learner.name).rename(learner)
        grading.append(nbgrader(course, "autograde", ASSIGNMENT))
        feedback.append(nbgrader(course, "generate_feedback", ASSIGNMENT))
        for learner in group:
            learner.rename(course / learner.name)
    more = len(learners) - 2 * len(KINDS)
    return 1000 * (grading[1] - grading[0]) / more, 1000 * (feedback[1] - feedback[0]) / more


def _compare(ours: Path, rival: Path) -> None:
    found, wanted = _scores(ours), _scores(rival)
    differing = [learner for learner, scores in wanted.items() if found.get(learner) != scores]
    if differing or not wanted:
        raise GraderFailed(f"Scores differ from nbgrader's: {', '.join(differing) or 'there are none'}.")


def _scores(course: Path) -> dict[str, dict[str, float | None]]:
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "bench") as book:
        works = book.notebook_submissions(NOTEBOOK, ASSIGNMENT)
        return {work.student.id: {grade.name: grade.auto_score for grade in work.grades} for work in works}
