"""Figures: what a measurement says, in the one form that all of them have."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Milliseconds of ours and of the rival; `ratio` is how many times faster ours is, `load` that of the machine.

    `rival_feedback_ms` is what the rival needs besides for a feedback page, where ours writes one too; `alike` is how
    many of those that were measured were to the letter what another was, and are judged with it.
    """

    p50_ms: float
    p99_ms: float
    rival_ms: float
    ratio: float
    n: int
    load: float
    rival_feedback_ms: float | None = None
    alike: int | None = None

    def body(self) -> dict[str, float]:
        """Return the figures as JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def figures(
    ours: Sequence[float],
    rival_ms: float,
    *,
    n: int,
    per_ms: float | None = None,
    rival_feedback_ms: float | None = None,
    alike: int | None = None,
) -> Figures:
    """Put figures together.

    Args:
        ours: milliseconds, at least two.
        rival_ms: what the rival needs for the same.
        n: how many were measured.
        per_ms: what the rival is compared with; by default the median.
        rival_feedback_ms: what the rival needs besides.
        alike: how many were what another was.

    """
    p50 = statistics.median(ours)
    return Figures(
        p50_ms=round(p50, 1),
        p99_ms=round(statistics.quantiles(ours, n=100, method="inclusive")[98], 1),
        rival_ms=round(rival_ms, 1),
        ratio=round(rival_ms / (per_ms or p50), 1),
        n=n,
        load=round(os.getloadavg()[0], 2),
        rival_feedback_ms=rival_feedback_ms,
        alike=alike,
    )
