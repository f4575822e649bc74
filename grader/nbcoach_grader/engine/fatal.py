"""Fatal cells: those that killed their process, or had to be killed, remembered so that they are not run again."""

from __future__ import annotations

from collections.abc import Collection

from ..sandbox.protection import Name
from .plan import CellReport

CHANCES = 2
"""How often a process may be lost after a cell until that is held to be the cell's doing."""

_EXCESSES = {
    Name.PROCESSES: ("TooManyProcesses", "The notebook started too many processes or threads."),
    Name.DISK: ("TooMuchWritten", "The files of the notebook together became too large."),
}


class FatalCells(dict[str, CellReport]):
    """What is reported of fatal cells, by their keys, and how often a process was lost after which."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: dict[str, int] = {}

    def lose(self, key: str, cell: str, reason: CellReport | None, *, outside: bool) -> None:
        """Note that a process was lost after a cell: for a reason, or else, time and again, by the cell's doing.

        Args:
            key: the cell's.
            cell: its id.
            reason: what is reported of it, if that is known.
            outside: whether somebody else has ended the process, which is not held against the cell.

        """
        self.losses[key] = self.losses.get(key, 0) + (not outside)
        if reason is not None:
            self[key] = reason
        elif self.losses[key] >= CHANCES:
            self[key] = CellReport(id=cell, state="crashed")

    def retain(self, keys: Collection[str]) -> None:
        """Forget all other cells."""
        for known in (self, self.losses):
            for key in [key for key in known if key not in keys]:
                del known[key]


def too_much(cell: str) -> CellReport:
    """Report a cell during which the kernel ended a process of the line for want of memory."""
    words = "All processes of the notebook together used too much memory."
    return CellReport(id=cell, state="raised", name="MemoryError", message=words)


def ended_for(excess: Name, cell: str) -> CellReport:
    """Report a cell during which the line was ended for what its processes used too much of."""
    name, words = _EXCESSES[excess]
    return CellReport(id=cell, state="raised", name=name, message=words)
