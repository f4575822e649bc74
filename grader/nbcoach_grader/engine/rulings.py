"""Rulings: what the end of a test means, in a verdict and in words, wherever the test has run."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from nbcoach_exercises.verdicts import Verdict

from .judge_peer import TestTooSlow
from .proxy import is_proxy

MAX_MESSAGE = 2000


class BadScore(BaseException):
    """The author's test cell ends in NaN."""


def score_of(value: Any) -> float | None:
    """Return nbgrader's partial credit: a real number that is no bool.

    Raises:
        BadScore: it is not a number; that is the author's error, and never a pass.

    """
    if is_proxy(value) or isinstance(value, bool) or not isinstance(value, (numbers.Real, np.integer, np.floating)):
        return None
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value >= 0 else -math.inf  # type: ignore[operator]
    if math.isnan(number):
        raise BadScore
    return number


def ruling(failure: BaseException) -> tuple[Verdict, str]:
    """Say what an exception in a test means.

    An assertion is a failure, whoever raised it: the learner gains nothing by raising one.
    """
    if isinstance(failure, TestTooSlow):
        return Verdict.GRADER_FAILED, "The check itself took too long."
    if isinstance(failure, BadScore):
        return Verdict.GRADER_FAILED, "The check's score is not a number."
    text = _words(failure)
    if isinstance(failure, AssertionError):
        return Verdict.FAILED, text or "The check did not hold."
    if isinstance(failure, MemoryError):
        return Verdict.MEMORY, "The code used too much memory."
    if isinstance(failure, NotImplementedError):
        return Verdict.NOT_ATTEMPTED, "This part is not written yet."
    return Verdict.ERROR, f"{type(failure).__name__}: {text}"


def _words(failure: BaseException) -> str:
    """Return an exception's message; a learner's object in it may refuse to be shown, or never answer."""
    try:
        text = str(failure)
    except BaseException:
        text = ""
    notes = getattr(failure, "__notes__", []) if isinstance(failure, AssertionError) else []
    return "\n".join(part for part in (text, *notes) if part)[:MAX_MESSAGE]
