"""Tests that need the learner's own process: run there as nbgrader does, in a fork that is thrown away.

Only the author's reference solution decides that a test cell runs this way (see `proving`).
All that comes out is the learner's process's own word.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from nbcoach_exercises.verdicts import Verdict

from .peer import LATE, BoundedText
from .rulings import BadScore, ruling, score_of
from .subject import OutOfTime, time_limit


def run_tests(shell: InteractiveShell, cells: Sequence[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """Run test cells in the learner's shell.

    Args:
        shell: the learner's shell.
        cells: as for a judge (see `decisions.orders`).
        seconds: the time for one check.

    Returns:
        One `{"id", "score", "checks": {id: [verdict, message, seconds]}}` for each cell.

    """
    found = []
    for cell in cells:
        before, _, _ = _run(shell, cell["preamble"], seconds)
        checks: dict[str, list[Any]] = {}
        score = None
        for check in cell["checks"]:
            start = time.perf_counter()
            verdict, message, score = before, None, None
            if before is Verdict.PASSED:
                verdict, message, score = _run(shell, check["source"], seconds)
            checks[check["id"]] = [str(verdict), None if check["hidden"] else message, time.perf_counter() - start]
        found.append({"id": cell["id"], "score": score, "checks": checks})
    return found


def _run(shell: InteractiveShell, source: str, seconds: float) -> tuple[Verdict, str | None, float | None]:
    output = BoundedText()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), time_limit(seconds):
            result = shell.run_cell(source, store_history=False)  # type: ignore[no-untyped-call]
        error = result.error_before_exec or result.error_in_exec
    except BaseException as err:
        result, error = None, err
    if error is None:
        try:
            return Verdict.PASSED, None, score_of(result.result if result is not None else None)
        except BadScore as err:
            error = err
    if isinstance(error, OutOfTime):
        return Verdict.TIMEOUT, LATE, None
    return (*ruling(error), None)
