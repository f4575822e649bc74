"""What a sandbox is: three verbs and a list of what it protects.

`prepare` makes a box with a private folder. Running means that a freshly forked process is
admitted to the box (`admit`, from outside) and enters it (`inside.enter`, with the box's order)
before any foreign code; everything that it and its children do from then on is inside. `discard`
removes the box; one that is gone is fine. A sandbox reports facts and bounds resources; verdicts
are made elsewhere.
"""

from __future__ import annotations

import subprocess
import tempfile
from abc import ABC
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbcoach_exercises.catalogue import DataFile
from nbcoach_exercises.model import Limits

from ..errors import SandboxFailed


@dataclass(frozen=True, kw_only=True)
class Box:
    """A prepared place: `folder` is the working folder, `order` what `enter` is told."""

    folder: Path
    order: Mapping[str, Any]


class Sandbox(ABC):
    """A way to confine processes.

    Args:
        root: the folder below which boxes are made; it belongs to the grader alone.

    """

    name: str
    protects: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    def __init__(self, root: Path) -> None:
        self._root = root

    def level(self) -> Mapping[str, Any]:
        """Return what `inside.enter` is told beyond folder and limits; nothing by default."""
        return {}

    def prepare(self, files: Iterable[DataFile], limits: Limits) -> Box:
        """Make a box that holds a copy of some files.

        Raises:
            SandboxFailed: the folder cannot be made.

        """
        try:
            folder = Path(tempfile.mkdtemp(prefix="box-", dir=self._root)) / "work"
            folder.mkdir()
            for file in files:
                target = folder / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.content)
        except OSError as err:
            raise SandboxFailed(f"A working folder cannot be made: {err}") from err
        order = {"folder": str(folder), "memory_bytes": limits.memory_mb * 2**20, **self.level()}
        return Box(folder=folder, order=order)

    def admit(self, box: Box, pid: int) -> None:  # noqa: B027 - doing nothing is right for most
        """Bound a freshly forked process, and all that it will fork, from outside; nothing by default."""

    def discard(self, box: Box) -> None:
        """Remove a box whose processes have gone; one that is gone already is fine."""
        remove(box.folder.parent)


def remove(folder: Path) -> None:
    """Remove a folder, whatever a learner's code has made in it; one that is gone already is fine.

    `rm` needs neither a stack frame nor a descriptor for each level of folders, as `shutil.rmtree` does.
    """
    subprocess.run(["/bin/rm", "-rf", "--", folder], check=False, stderr=subprocess.DEVNULL)
