"""The Landlock sandbox: needs no privilege, so it works in an ordinary container too."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .abc import Box, Sandbox
from .pids import bound, pids_group

SIGNAL_SCOPE_ABI = 6
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/dev/urandom", "/dev/zero")
_SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts")


class LandlockSandbox(Sandbox):
    """Landlock for files and signals, seccomp for system calls, no capabilities, resource limits, control groups.

    Args:
        root: the folder below which boxes are made.
        abi: the version of Landlock that the kernel offers.

    """

    name = "landlock"
    protects: tuple[str, ...] = (
        "files",
        "network",
        "other processes",
        "memory",
        "file size",
        "open files",
        "processor time",
    )

    def __init__(self, root: Path, abi: int) -> None:
        super().__init__(root)
        self._group = pids_group()
        if self._group is None:
            self.lacks += ("processes are counted, not bounded: no control group can be made here",)
        else:
            self.protects += ("processes",)
        if abi < SIGNAL_SCOPE_ABI:
            self.lacks += (
                f"Landlock ABI {abi} lets code send signals to other sandboxes of this account (6 is needed)",
            )

    def admit(self, box: Box, pid: int) -> None:
        """Put a process into a control group of its box, where that can be had."""
        group = bound(self._group, _group_name(box)) if self._group else None
        if group is not None:
            with contextlib.suppress(OSError):
                (group / "cgroup.procs").write_text(str(pid))

    def discard(self, box: Box) -> None:
        """Remove a box and its control group."""
        super().discard(box)
        if self._group is not None:
            with contextlib.suppress(OSError):
                (self._group / _group_name(box)).rmdir()

    def level(self) -> Mapping[str, Any]:
        """Name the files that may be read: the system and Python, nothing of ours."""
        return {"read_only": [*_SYSTEM, *_SETTINGS, *sorted({sys.prefix, sys.base_prefix})]}


def _group_name(box: Box) -> str:
    return f"nbcoach-{box.folder.parent.name}"
