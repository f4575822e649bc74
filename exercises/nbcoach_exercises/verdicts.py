"""Verdict words: what a check can come to. One flat vocabulary for feedback, attempts and reports."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """The outcome of one check, one cell or one exercise.

    `GRADER_FAILED` means that nbcoach broke, never that the learner's work did.
    """

    PASSED = "passed"
    NOT_ATTEMPTED = "not-attempted"
    FAILED = "failed"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASHED = "crashed"
    GRADER_FAILED = "grader-failed"


_ORDER = tuple(Verdict)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of a whole from those of its parts.

    An empty whole is `GRADER_FAILED`: a missing result is never a pass.
    """
    return max(verdicts, key=_ORDER.index, default=Verdict.GRADER_FAILED)
