"""What grading a notebook came to, as values that go to the writer and into the report."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import CheckResult

from ..engine.plan import CellReport
from .work import Work

MANUAL = "manual"


@dataclass(frozen=True, kw_only=True)
class GradedCell:
    """A cell with points; `score` is None where a person has to decide."""

    id: str
    score: float | None
    max_score: float
    verdict: str
    mode: str
    checks: tuple[CheckResult, ...] = ()

    @property
    def failed_grader(self) -> bool:
        """Return whether nothing is known because the author's test or the grader broke."""
        return self.verdict == Verdict.GRADER_FAILED


@dataclass(frozen=True, kw_only=True)
class GradedNotebook:
    """One learner's notebook, graded.

    `sources` are the cells that ran, in order, by the name of the author's cell or their own; `unanswered`
    the answer cells that are still as they were given.
    """

    student: str
    assignment: str
    notebook: str
    cells: tuple[GradedCell, ...]
    repairs: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float
    reports: Mapping[str, CellReport]
    sources: tuple[tuple[str, str], ...]
    work: Work
    unanswered: frozenset[str]

    @property
    def score(self) -> float:
        """Return the points that were given without a person."""
        return sum(cell.score or 0.0 for cell in self.cells)

    @property
    def max_score(self) -> float:
        """Return the points that can be had."""
        return sum(cell.max_score for cell in self.cells)

    def line(self) -> dict[str, Any]:
        """Return the report on this notebook as JSON."""
        return {
            "student": self.student,
            "assignment": self.assignment,
            "notebook": self.notebook,
            "score": self.score,
            "max_score": self.max_score,
            "seconds": round(self.seconds, 4),
            "repairs": list(self.repairs),
            "cells": [
                {
                    "id": cell.id,
                    "score": cell.score,
                    "max_score": cell.max_score,
                    "verdict": cell.verdict,
                    "mode": cell.mode,
                    "checks": [
                        {"name": check.name, "verdict": check.verdict, "hidden": check.hidden} for check in cell.checks
                    ],
                }
                for cell in self.cells
            ],
        }


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A submission that is graded: what is to be written."""

    student: str
    assignment: str
    timestamp: datetime.datetime | None
    notebooks: tuple[GradedNotebook, ...]
    missing: tuple[str, ...]
    unreadable: tuple[str, ...]
    files: Mapping[str, bytes] = field(repr=False)
