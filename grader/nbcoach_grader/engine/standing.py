"""Where a line stands: its snapshots, and what each cell came to."""

from __future__ import annotations

from dataclasses import dataclass

from .plan import CellReport
from .process import Process


@dataclass(frozen=True)
class Snapshot:
    """A process after a cell; `process` is None where the cell left none."""

    key: str
    process: Process | None
    report: CellReport


@dataclass(frozen=True)
class Standing:
    """Where a line stands: a report for each cell, how many of them there was time for, how many were kept."""

    cells: tuple[CellReport, ...]
    reached: int
    reused: int

    def overwrites(self, after: int) -> int:
        """Return how many of the first cells have changed or removed files that were there."""
        return max((report.overwrites for report in self.cells[:after]), default=0)
