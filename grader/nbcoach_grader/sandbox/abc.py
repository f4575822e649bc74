"""What a sandbox is: three verbs, and a list of what it protects.

`prepare` makes a box with a private folder. Running means that a process is forked as the box
wants it born, is admitted to the box (`admit`, from outside) and enters it (`inside.enter`, with
the box's order) before any foreign code; everything that it and its children do from then on
is inside. `discard` removes the box; one that is gone is fine. A sandbox reports facts and bounds
resources; verdicts are made elsewhere.
"""

from __future__ import annotations

import itertools
import tempfile
from abc import ABC
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbcoach_exercises.model import DataFile, Limits

from ..errors import SandboxFailed
from .cgroups import ControlGroups
from .protection import Name, Protection, of_groups, of_limits
from .removal import remove
from .usage import address_space, bytes_below, memory_of, processes_of, processor_seconds

BASE_MEMORY_MB = 512
_inner = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Box:
    """A prepared place.

    `folder` is where its files are put before it is entered, `order` what `enter` is told,
    `birth` what the fork server is told when it forks the box's first process.
    """

    folder: Path
    order: Mapping[str, Any]
    birth: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return a name that no other box has."""
        return self.folder.parent.name


class Sandbox(ABC):
    """A way to confine processes.

    Args:
        root: the folder below which boxes are made; it belongs to the grader alone.
        groups: where control groups can be made; nowhere by default.

    """

    name: str
    special = False
    """Whether boxes want their first process born or owned in a special way, or hide their files."""
    keeps_first = False
    """Whether nothing inside of a box can end its first process."""
    nests = False
    """Whether there can be boxes within an author's."""

    def __init__(self, root: Path, groups: ControlGroups | None = None) -> None:
        self._root = root
        self._groups = groups or ControlGroups({})

    def protections(self) -> tuple[Protection, ...]:
        """Return what this sandbox protects, what it does not, and what would help."""
        return (*of_limits(), *of_groups(self._groups))

    @property
    def protects(self) -> tuple[str, ...]:
        """Name what is protected."""
        return tuple(protection.name for protection in self.protections() if protection.held)

    @property
    def lacks(self) -> tuple[str, ...]:
        """Say of each thing that is not protected what that means."""
        return tuple(protection.meaning for protection in self.protections() if not protection.held)

    def level(self, box: Path) -> Mapping[str, Any]:
        """Return what `inside.enter` is told beyond limits, for the box in a folder; nothing by default."""
        return {}

    def author_level(self, box: Path) -> Mapping[str, Any]:
        """Return the same for an author's box."""
        return self.level(box)

    def inner_level(self, outer: Box) -> Mapping[str, Any]:
        """Return the same for a box within an author's."""
        return self.level(outer.folder)

    def birth(self) -> Mapping[str, Any]:
        """Return what the fork server is told when it forks a box's first process; nothing by default."""
        return {}

    def inner_birth(self) -> Mapping[str, Any]:
        """Return the same for a box within an author's."""
        return self.birth()

    def prepare(self, files: Iterable[DataFile], limits: Limits, *, snapshots: int = 0, author: bool = False) -> Box:
        """Make a box that holds a copy of some files.

        All its processes together may have twice the memory of one, and 512 MiB: snapshots share
        what they have in common, and a cell may change all that the one before it has made.

        Args:
            files: the files.
            limits: what code in it may use.
            snapshots: how many processes there will be beside what that code starts.
            author: whether the author's own code runs in it, and boxes within it will be made.

        Raises:
            SandboxFailed: the folder or a control group cannot be made.

        """
        try:
            folder = Path(tempfile.mkdtemp(prefix="box-", dir=self._root)) / "work"
            folder.mkdir()
            for file in files:
                target = folder / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.content)
            level = self.author_level(folder.parent) if author else self.level(folder.parent)
            return self._box(folder, limits, level, self.birth(), snapshots, times=2 if author else 1)
        except OSError as err:
            raise SandboxFailed(f"A box for a learner's code cannot be made: {err}") from err

    def within(self, outer: Box, pid: int, limits: Limits, *, snapshots: int = 0) -> Box:
        """Make a box for a fork of the process in an author's box.

        Args:
            outer: the author's box.
            pid: the process in it.
            limits: what code in the new box may use.
            snapshots: how many processes there will be beside what that code starts.

        Raises:
            SandboxFailed: the folder or a control group cannot be made.

        """
        folder = outer.folder.parent / f"{outer.name}.{next(_inner)}" / "work"
        try:
            level = {**self.inner_level(outer), "address_bytes": address_space(pid)}
            return self._box(folder, limits, level, self.inner_birth(), snapshots)
        except OSError as err:
            raise SandboxFailed(f"A box for a learner's code cannot be made: {err}") from err

    def _box(
        self,
        folder: Path,
        limits: Limits,
        level: Mapping[str, Any],
        birth: Mapping[str, Any],
        snapshots: int,
        *,
        times: int = 1,
    ) -> Box:
        processes = limits.processes + snapshots
        order = {
            "folder": str(folder),
            "memory_bytes": times * limits.memory_mb * 2**20,
            "processes": processes,
            **level,
        }
        box = Box(folder=folder, order=order, birth=birth)
        self._groups.make(box.name, (2 * limits.memory_mb + BASE_MEMORY_MB) * 2**20, processes)
        return box

    def admit(self, box: Box, pid: int) -> None:
        """Bound a freshly forked process, and all that it will fork, from outside, where that can be had.

        Raises:
            SandboxFailed: it can be had, but not for this process.

        """
        try:
            self._groups.add(box.name, pid)
        except OSError as err:
            raise SandboxFailed(f"A process cannot be put into its control group: {err}") from err

    def weigh(self, box: Box, *, light: bool) -> None:
        """Give the processes of a box a small share of the processors, or the usual one, where that can be had."""
        self._groups.weigh(box.name, light=light)

    def excess(self, box: Box, group: int, processes: int, size: int) -> Name | None:
        """Name what a box uses too much of; None if all is well, or a bound holds of which nobody keeps count.

        Args:
            box: the box.
            group: the process group of all that runs in it.
            processes: how many it may have.
            size: how many bytes it may have written.

        """
        bounded = self.protects
        count = self._groups.processes_of(box.name)
        if count is None and Name.PROCESSES not in bounded:
            count = processes_of(group)
        if count is not None and count > processes:
            return Name.PROCESSES
        if Name.DISK not in bounded and bytes_below(box.folder) > size:
            return Name.DISK
        return None

    def memory_of(self, box: Box, group: int) -> int:
        """Return the bytes of memory of a box's processes, beyond what they share with the fork server.

        Without control groups their part of that is in it.

        Args:
            box: the box.
            group: the process group of all that runs in it.

        """
        counted = self._groups.memory_of(box.name)
        return memory_of(group) if counted is None else counted

    def processor_seconds(self, boxes: Sequence[tuple[Box, int]]) -> list[float]:
        """Return the time of processors that boxes have used.

        Args:
            boxes: each with the process group of all that runs in it.

        """
        counted = [self._groups.processor_seconds(box.name) for box, _ in boxes]
        groups = processor_seconds() if None in counted else {}
        told = zip(counted, boxes, strict=True)
        return [groups.get(group, 0.0) if seconds is None else seconds for seconds, (_, group) in told]

    def shared_memory(self, pid: int) -> int:
        """Return a number that changes when shared memory or a semaphore is made in a box; no fork copies those.

        Args:
            pid: its first process.

        """
        return 0

    def memory_kills(self, box: Box) -> int:
        """Return how many processes of a box the kernel has ended because all had too much memory together."""
        return self._groups.memory_kills(box.name)

    def discard(self, box: Box) -> None:
        """Remove a box whose processes have gone; one that is gone already is fine."""
        remove(box.folder.parent)
        self._groups.remove(box.name)
