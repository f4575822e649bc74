"""Tests that need the learner's own process: run there as nbgrader does, in a fork that is thrown away.

Only the author's reference solution decides that a test cell runs this way (see `proving`).
All that comes out is the learner's process's own word.
"""

from __future__ import annotations

import contextlib
import math
import numbers
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from IPython.core.interactiveshell import InteractiveShell

from nbcoach_exercises.verdicts import Verdict

from .peer import BoundedText
from .subject import OutOfTime, time_limit

MAX_MESSAGE = 2000


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
        score = _score(result.result if result is not None else None)
        return (
            (Verdict.GRADER_FAILED, None, None)
            if score is not None and math.isnan(score)
            else (
                Verdict.PASSED,
                None,
                score,
            )
        )
    if isinstance(error, OutOfTime):
        return Verdict.TIMEOUT, None, None
    text = str(error)[:MAX_MESSAGE]
    if isinstance(error, AssertionError):
        return Verdict.FAILED, text or "The check did not hold.", None
    if isinstance(error, MemoryError):
        return Verdict.MEMORY, None, None
    if isinstance(error, NotImplementedError):
        return Verdict.NOT_ATTEMPTED, "This part is not written yet.", None
    return Verdict.ERROR, f"{type(error).__name__}: {text}"[:MAX_MESSAGE], None


def _score(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (numbers.Real, np.integer, np.floating)):
        return None
    return float(value)
