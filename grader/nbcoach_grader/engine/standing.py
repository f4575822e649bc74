"""Where a line stands: its snapshots, and what each cell came to."""

from __future__ import annotations

from dataclasses import dataclass

from ..sandbox.protection import Name
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


def too_much(cell: str) -> CellReport:
    """Report a cell during which the kernel ended a process of the line for want of memory."""
    words = "All processes of the notebook together used too much memory."
    return CellReport(id=cell, state="raised", name="MemoryError", message=words)


def ended_for(excess: Name, cell: str) -> CellReport:
    """Report a cell during which the line was ended for what its processes used too much of."""
    name, words = _EXCESSES[excess]
    return CellReport(id=cell, state="raised", name=name, message=words)


_EXCESSES = {
    Name.PROCESSES: ("TooManyProcesses", "The notebook started too many processes or threads."),
    Name.DISK: ("TooMuchWritten", "The files of the notebook together became too large."),
}
