"""Where a line stands: its snapshots, and what each cell came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from .fatal import FatalCells
from .plan import CellReport
from .process import Process


class NoTime(Exception):
    """The time for the whole notebook is used up."""


@dataclass(frozen=True)
class Snapshot:
    """A process after a cell; `process` is None where the cell left none, or another cell has run in it since."""

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


class Chain(list[Snapshot]):
    """The snapshots of a line in the order of its cells, and what is fatal.

    Args:
        given: for how many of the first cells the line's first process stands.

    """

    def __init__(self, given: int) -> None:
        super().__init__()
        self.fatal = FatalCells()
        self._given = given

    def last(self, after: int | None = None) -> Snapshot | None:
        """Return the last snapshot that has a process, among the first `after`."""
        return next((snapshot for snapshot in reversed(self[:after]) if snapshot.process is not None), None)

    def stands(self, after: int) -> bool:
        """Tell whether a process, or the line's first one, stands after some cells; the fatal ones were left out."""
        if len(self) < after:
            return False
        while after > self._given and self[after - 1].process is None and self[after - 1].key in self.fatal:
            after -= 1
        return after <= self._given or self[after - 1].process is not None

    def forkable(self) -> Process | None:
        """Return the last process of which a fork stands where it stands itself."""
        return next((kept.process for kept in reversed(self) if kept.process and not kept.process.threaded), None)

    def empty(self, process: Process) -> None:
        """Note that a process no longer stands where its snapshot was taken."""
        self[:] = [replace(kept, process=None) if kept.process is process else kept for kept in self]

    def spend(self, snapshot: Snapshot) -> Process:
        """Take the process out of a snapshot; the cell of a last one runs again when it is needed."""
        assert snapshot.process is not None
        if snapshot is self[-1]:
            del self[-1]
        else:
            self.empty(snapshot.process)
        return snapshot.process

    def keep(self, keys: Sequence[str], after: int) -> Iterator[Process]:
        """Keep what holds for a notebook, with a process at its end; yield the processes of the rest.

        Args:
            keys: those of the notebook's snapshots.
            after: how many of its cells are wanted.

        """
        pairs = zip(self[: max(after, self._given)], keys, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0].key == pair[1], pairs))
        while not self.stands(same):
            same -= 1
        for snapshot in self[same:]:
            if snapshot.process is not None:
                yield snapshot.process
        del self[same:]
        self.fatal.retain(keys)
